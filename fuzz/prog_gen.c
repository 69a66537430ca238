// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random programs, loaded and run: the same on a kernel and under pinfs.
 *
 *     prog_gen [-v] [-s SEED] [-b BLOCK] [-p PROGRAM [-c AT]] [-a]      count in $PINFS_FUZZ_PROGS
 * (1,000,000)
 *
 * A line a block of 1000 programs: how many are accepted, a hash of the verdicts,
 * and one of the results. With -v a line a program:
 *
 *     17 ok retval=5 data=74/3f80a1c2 maps=9b2e0011
 *     18 EACCES R1 invalid mem access 'scalar'
 *     19 ok not run
 *     20 ok varies
 *
 * The last reads stack that it never wrote, which a privileged program may: with -v each is run again over
 * other leftovers, and a result that changes by them alone says nothing. The one before
 * is one that was changed so that it may leak addresses (prog_gen.h); -a runs it
 * all the same, and prints no result, for builds that look at memory. -p prints one program with its log; -c
 * AT lets it leave at that instruction, so that the one can be found whose result differs.
 */
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include "prog_gen.h"

#define BLOCK   1000
#define VALUE   64
#define ENTRIES 4
#define RING    4096

static char log_buf[1 << 20];
static int ncpu, run_all, verbose;
static uint32_t cut;
static struct gen prog;

static int map_make(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t inner)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .inner_map_fd = inner } };

	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static void place(int fd, int number, const char *what)
{
	must(fd >= 0 && dup3(fd, number, O_CLOEXEC) == number, what);
	close(fd);
}

static int map_elem(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union row_attr r = {
		.a = { .map_fd = (uint32_t)fd, .key = ptr(key), .value = ptr(value), .flags = flags }
	};

	return raw_bpf(cmd, &r, 32);
}

/* A value of { int a; bpf_spin_lock; int b, c }. */
static int lock_make(void)
{
	static const char strs[] = "\0int\0bpf_spin_lock\0val\0locked\0a\0lock\0b\0c";
	struct {
		uint32_t hdr[6], types[31];
		char strs[sizeof(strs)];
	} b = { .hdr = { 0x0001eb9f, 24, 0, 31 * 4, 31 * 4, sizeof(strs) },
		.types = {
			1, 1u << 24, 4,  0x01000020, 5,  4u << 24 | 1, 4, 19, 1,  0, 23, 4u << 24 | 4, 16, 30,
			1, 0,        32, 2,          32, 37,           1, 64, 39, 1, 96 } };
	union row_attr r = { .a = { .btf = ptr(&b), .btf_size = 24 + 25 * 4 + sizeof(strs) } };
	int fd;

	b.hdr[3] = b.hdr[4] = 25 * 4;
	memmove((char *)b.types + 25 * 4, strs, sizeof(strs));
	fd = raw_bpf(BPF_BTF_LOAD, &r, 32);
	must(fd >= 0, "BTF");
	r = (union row_attr){ .a = { .map_type = BPF_MAP_TYPE_ARRAY,
				     .key_size = 4,
				     .value_size = 16,
				     .max_entries = 2,
				     .btf_fd = (uint32_t)fd,
				     .btf_key_type_id = 1,
				     .btf_value_type_id = 3 } };
	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static int load(const struct bpf_insn *insns, uint32_t cnt, int type, int level)
{
	union row_attr r = { .a = { .prog_type = (uint32_t)type,
				    .insns = ptr(insns),
				    .insn_cnt = cnt,
				    .license = ptr("GPL"),
				    .log_level = (uint32_t)level } };

	if (level) {
		r.a.log_buf = ptr(log_buf);
		r.a.log_size = sizeof(log_buf);
		log_buf[0] = 0;
	}
	return raw_bpf(BPF_PROG_LOAD, &r, 120);
}

/* A program array of each type: entry 1 is a program that returns 77. */
static void tail_make(int type)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 77 }, { .code = 0x95 } };
	int fd = load(insns, 2, type, 0);
	uint32_t one = 1;

	must(fd >= 0, "a program to jump to");
	place(map_make(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, ENTRIES, 0), M_PROG + type, "a program array");
	must(map_elem(BPF_MAP_UPDATE_ELEM, M_PROG + type, &one, &fd, 0) == 0, "its entry");
	close(fd);
}

static int cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
	int lo = 0, hi = 0;

	if (f && fscanf(f, "%d-%d", &lo, &hi) < 2)
		hi = lo;
	if (f)
		fclose(f);
	return hi + 1;
}

static void world(void)
{
	uint32_t zero = 0;
	int inner = M_INNER;

	ncpu = cpus();
	must(ncpu <= 64, "at most 64 CPUs");
	place(map_make(BPF_MAP_TYPE_ARRAY, 4, VALUE, 1, 0), M_ARRAY, "an array");
	place(map_make(BPF_MAP_TYPE_HASH, 8, VALUE, ENTRIES, 0), M_HASH, "a hash");
	place(map_make(BPF_MAP_TYPE_PERCPU_ARRAY, 4, VALUE, 2, 0), M_PERCPU, "a per-CPU array");
	place(map_make(BPF_MAP_TYPE_QUEUE, 0, 16, ENTRIES, 0), M_QUEUE, "a queue");
	place(map_make(BPF_MAP_TYPE_STACK, 0, 16, ENTRIES, 0), M_STACK, "a stack");
	place(map_make(BPF_MAP_TYPE_ARRAY, 4, VALUE, 2, 0), M_INNER, "an inner map");
	place(map_make(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, M_INNER), M_OUTER, "a map of maps");
	place(map_make(BPF_MAP_TYPE_LRU_HASH, 8, VALUE, 64, 0), M_LRU, "an LRU hash");
	place(map_make(BPF_MAP_TYPE_RINGBUF, 0, 0, RING, 0), M_RING, "a ring buffer");
	place(lock_make(), M_LOCK, "a map with a lock");
	must(map_elem(BPF_MAP_UPDATE_ELEM, M_OUTER, &zero, &inner, 0) == 0, "an inner map in its place");
	tail_make(BPF_PROG_TYPE_XDP);
	tail_make(BPF_PROG_TYPE_SCHED_CLS);
	tail_make(BPF_PROG_TYPE_SOCKET_FILTER);
}

/* ------------------------------------------------------------ contents of maps */

static const struct kept {
	int fd;
	uint32_t key, value, max, percpu;
} kept[] = {
	{ M_ARRAY, 4, VALUE, 1, 0 }, { M_HASH, 8, VALUE, 8, 0 }, { M_PERCPU, 4, VALUE, 2, 1 },
	{ M_INNER, 4, VALUE, 2, 0 }, { M_LOCK, 4, 16, 2, 0 },    { M_LRU, 8, VALUE, 8, 0 },
};

static int is_hash(const struct kept *k)
{
	return k->key == 8;
}

static int used(int fd)
{
	return prog.maps >> (fd - M_ARRAY) & 1;
}

static void reset_map(const struct kept *k)
{
	static uint8_t value[64 * VALUE];

	for (uint64_t key = 0; key < k->max; key++) {
		for (uint32_t i = 0; i < sizeof(value); i++)
			value[i] = k->percpu ? 0 : (uint8_t)(key * 77 + i * 13);
		if (!is_hash(k) || key < 2)
			must(map_elem(BPF_MAP_UPDATE_ELEM, k->fd, &key, value, 0) == 0, "a value");
	}
}

static void reset_queue(int fd)
{
	uint64_t value[2] = { 5, (uint64_t)fd };

	while (map_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, value, 0) == 0)
		;
	value[0] = 5;
	value[1] = (uint64_t)fd;
	map_elem(BPF_MAP_UPDATE_ELEM, fd, NULL, value, 0);
}

static void empty_hash(int fd)
{
	uint64_t key;
	union row_attr r = { .a = { .map_fd = (uint32_t)fd, .next_key = ptr(&key) } };

	while (raw_bpf(BPF_MAP_GET_NEXT_KEY, &r, 24) == 0)
		map_elem(BPF_MAP_DELETE_ELEM, fd, &key, NULL, 0);
}

/* From its start on, so that positions do not depend on earlier programs. */
static void reset_ring(void)
{
	place(map_make(BPF_MAP_TYPE_RINGBUF, 0, 0, RING, 0), M_RING, "a ring buffer");
}

static void reset_maps(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (!used(kept[i].fd))
			continue;
		if (is_hash(&kept[i]))
			empty_hash(kept[i].fd);
		reset_map(&kept[i]);
	}
	if (used(M_QUEUE))
		reset_queue(M_QUEUE);
	if (used(M_STACK))
		reset_queue(M_STACK);
	if (used(M_RING))
		reset_ring();
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	for (const uint8_t *b = p; n; n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

/* The order of a hash's keys means nothing: a sum. */
static uint64_t hash_hash(int fd)
{
	static uint8_t value[VALUE];
	uint64_t key, sum = 0;
	union row_attr r = { .a = { .map_fd = (uint32_t)fd, .next_key = ptr(&key) } };

	while (raw_bpf(BPF_MAP_GET_NEXT_KEY, &r, 24) == 0) {
		if (map_elem(BPF_MAP_LOOKUP_ELEM, fd, &key, value, 0))
			break;
		sum += mix(mix(0xcbf29ce484222325ull, &key, 8), value, VALUE);
		r.a.key = ptr(&key);
	}
	return sum;
}

static uint64_t hash_map(uint64_t h, const struct kept *k)
{
	static uint8_t value[64 * VALUE];

	if (is_hash(k)) {
		uint64_t sum = hash_hash(k->fd);

		return mix(h, &sum, 8);
	}
	for (uint64_t key = 0; key < k->max; key++) {
		must(map_elem(BPF_MAP_LOOKUP_ELEM, k->fd, &key, value, 0) == 0, "a value");
		/* A run takes place on one CPU, whichever it is: the other values are 0. */
		for (int c = 1; k->percpu && c < ncpu; c++)
			for (uint32_t i = 0; i < VALUE; i++)
				value[i] ^= value[(uint32_t)c * VALUE + i];
		h = mix(h, value, k->value);
	}
	return h;
}

static uint64_t hash_queue(uint64_t h, int fd)
{
	uint64_t value[2];

	while (map_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, value, 0) == 0)
		h = mix(h, value, sizeof(value));
	return h;
}

/* Nobody has consumed: the records stand one behind the other. */
static uint64_t hash_ring(uint64_t h)
{
	const uint8_t *p = mmap(NULL, 4096 + RING, PROT_READ, MAP_SHARED, M_RING, 4096);
	uint64_t prod;
	uint32_t len;

	must(p != MAP_FAILED, "a mapping");
	memcpy(&prod, p, 8);
	h = mix(h, &prod, 8);
	for (uint64_t at = 0; at < prod; at += ((len & 0x3fffffff) + 15) / 8 * 8) {
		memcpy(&len, p + 4096 + at, 4);
		h = mix(h, &len, 4);
		if (len < RING)
			h = mix(h, p + 4096 + at + 8, len);
	}
	munmap((void *)p, 4096 + RING);
	return h;
}

static uint64_t hash_maps(void)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (used(kept[i].fd))
			h = hash_map(h, &kept[i]);
	if (used(M_QUEUE))
		h = hash_queue(h, M_QUEUE);
	if (used(M_STACK))
		h = hash_queue(h, M_STACK);
	if (used(M_RING))
		h = hash_ring(h);
	return h;
}

/* ------------------------------------------------------------ runs */

struct outcome {
	int err, ran, run_err, varies;
	uint32_t retval, size;
	uint64_t data, maps;
};

static uint8_t frame_in[128];
static uint32_t frame_size;

static void new_frame(void)
{
	static const uint16_t protocols[] = { 0x0008, 0xdd86, 0x3412, 0x0608 };

	frame_size = 64 + rnd(65);
	for (uint32_t i = 0; i < frame_size; i++)
		frame_in[i] = (uint8_t)rnd(256);
	memcpy(frame_in + 12, &protocols[rnd(4)], 2);
}

static void run(int fd, struct outcome *o)
{
	uint8_t in[128], out[1024];
	uint32_t size = frame_size;
	union row_attr r;

	memcpy(in, frame_in, sizeof(in));
	memset(out, 0, sizeof(out));
	r = (union row_attr){ .a = { .test = { .prog_fd = (uint32_t)fd,
					       .data_size_in = size,
					       .data_in = ptr(in),
					       .data_size_out = sizeof(out),
					       .data_out = ptr(out) } } };
	reset_maps();
	o->run_err = raw_bpf(BPF_PROG_TEST_RUN, &r, 80) < 0 ? errno : 0;
	o->ran = 1;
	o->retval = r.a.test.retval;
	o->size = r.a.test.data_size_out;
	o->data = mix(0xcbf29ce484222325ull, out, o->size < sizeof(out) ? o->size : sizeof(out));
	o->maps = hash_maps();
}

#define STACK_WORDS 64

/* Programs that leave their stack full of one byte: of one frame, and of two. */
static int leftovers[2];

static uint32_t fill_stack(struct bpf_insn *to, uint32_t words, int byte)
{
	uint32_t n = 0;

	to[n++] = (struct bpf_insn){ .code = 0xb7, .dst_reg = 6, .imm = byte * 0x01010101 };
	for (uint32_t i = 1; i <= words; i++)
		to[n++] = (struct bpf_insn){
			.code = 0x7b, .dst_reg = 10, .src_reg = 6, .off = (int16_t)(-8 * (int)i)
		};
	return n;
}

static void leftovers_make(void)
{
	struct bpf_insn insn[2 * STACK_WORDS + 16];

	for (int i = 0; i < 2; i++) {
		uint32_t n = fill_stack(insn, i ? STACK_WORDS / 4 : STACK_WORDS, 0x11 + i * 0x44);

		if (i) {
			insn[n++] = (struct bpf_insn){ .code = 0x85, .src_reg = 1, .imm = 2 };
			insn[n++] = (struct bpf_insn){ .code = 0xb7 };
			insn[n++] = (struct bpf_insn){ .code = 0x95 };
			n += fill_stack(insn + n, STACK_WORDS / 4 * 3, 0x66);
		}
		insn[n++] = (struct bpf_insn){ .code = 0xb7 };
		insn[n++] = (struct bpf_insn){ .code = 0x95 };
		leftovers[i] = load(insn, n, BPF_PROG_TYPE_XDP, 0);
		must(leftovers[i] >= 0, "a program that fills its stack");
	}
}

/* Does the result hang on what others left on the stack? */
static int result_varies(int fd, const struct outcome *o)
{
	struct outcome again, ignored;

	for (int i = 0; i < 2; i++) {
		run(leftovers[i], &ignored);
		run(fd, &again);
		if (again.run_err != o->run_err || again.retval != o->retval || again.size != o->size ||
		    again.data != o->data || again.maps != o->maps)
			return 1;
	}
	return 0;
}

static void one(uint64_t seed, uint64_t n, int level, struct outcome *o)
{
	int fd;

	memset(o, 0, sizeof(*o));
	gen_program(&prog, seed, n);
	if (cut) {
		prog.insn[cut] = (struct bpf_insn){ .code = 0xb7 };
		prog.insn[cut + 1] = (struct bpf_insn){ .code = 0x15,
							.off = (int16_t)(prog.main_end - cut - 2) };
	}
	fd = load(prog.insn, prog.cnt, prog.type, level);
	if (fd < 0) {
		o->err = errno;
		return;
	}
	if (!prog.hard || run_all) {
		new_frame();
		run(fd, o);
		o->varies = verbose && !run_all && result_varies(fd, o);
	}
	if (prog.hard)
		o->ran = 0;
	close(fd);
}

static const char *reason(void)
{
	static const char *const stats[] = { "processed ", "verification time ", "stack depth " };
	const char *last = "";

	for (char *line = strtok(log_buf, "\n"); line; line = strtok(NULL, "\n")) {
		size_t i = 0;

		while (i < ARRAY_SIZE(stats) && strncmp(line, stats[i], strlen(stats[i])))
			i++;
		if (i == ARRAY_SIZE(stats))
			last = line;
	}
	return last;
}

static void show(uint64_t n, const struct outcome *o)
{
	printf("%llu ", (unsigned long long)n);
	if (o->err)
		printf("%s %s\n", errno_name(o->err), reason());
	else if (!o->ran)
		printf("ok not run\n");
	else if (o->varies)
		printf("ok varies\n");
	else if (o->run_err)
		printf("ok run: %s\n", errno_name(o->run_err));
	else
		printf("ok retval=%u data=%u/%08x maps=%08x\n", o->retval, o->size, (uint32_t)o->data,
		       (uint32_t)o->maps);
}

static void block(uint64_t seed, uint64_t b, uint64_t progs)
{
	uint64_t verdicts = 0xcbf29ce484222325ull, results = verdicts;
	uint32_t accepted = 0;
	struct outcome o;

	for (uint64_t i = 0; i < progs; i++) {
		one(seed, b * BLOCK + i, verbose ? 4 : 0, &o);
		accepted += !o.err;
		verdicts = mix(verdicts, &o.err, sizeof(o.err));
		if (o.ran) {
			results = mix(results, &o.run_err, sizeof(o.run_err));
			results = mix(results, &o.retval, sizeof(o.retval));
			results = mix(results, &o.data, sizeof(o.data));
			results = mix(results, &o.maps, sizeof(o.maps));
		}
		if (verbose)
			show(b * BLOCK + i, &o);
	}
	printf("block %llu of seed %llu: %u of %llu accepted, verdicts %016llx, results %016llx\n",
	       (unsigned long long)b, (unsigned long long)seed, accepted, (unsigned long long)progs,
	       (unsigned long long)verdicts, (unsigned long long)results);
	fflush(stdout);
}

static void show_program(uint64_t seed, uint64_t n)
{
	struct outcome o;

	one(seed, n, 2, &o);
	for (uint32_t i = 0; i < prog.cnt; i++)
		printf("%4u: %02x dst %u src %u off %d imm %d\n", i, prog.insn[i].code, prog.insn[i].dst_reg,
		       prog.insn[i].src_reg, prog.insn[i].off, prog.insn[i].imm);
	puts(log_buf);
	show(n, &o);
}

int main(int argc, char **argv)
{
	const char *count = getenv("PINFS_FUZZ_PROGS");
	uint64_t progs = count ? strtoull(count, NULL, 0) : 1000000, seed = 1, only = UINT64_MAX,
		 single = UINT64_MAX;
	int opt;

	while ((opt = getopt(argc, argv, "avs:b:p:c:")) != -1)
		switch (opt) {
		case 'a': run_all = 1; break;
		case 'v': verbose = 1; break;
		case 's':
			seed = strcmp(optarg, "now") ? strtoull(optarg, NULL, 0) : (uint64_t)time(NULL);
			break;
		case 'b': only = strtoull(optarg, NULL, 0); break;
		case 'c': cut = (uint32_t)atoi(optarg); break;
		case 'p': single = strtoull(optarg, NULL, 0); break;
		default: return 2;
		}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	world();
	leftovers_make();
	if (single != UINT64_MAX) {
		show_program(seed, single);
		return 0;
	}
	printf("%llu programs of seed %llu\n", (unsigned long long)progs, (unsigned long long)seed);
	for (uint64_t b = 0; b * BLOCK < progs; b++)
		if (only == UINT64_MAX || b == only)
			block(seed, b, progs - b * BLOCK < BLOCK ? progs - b * BLOCK : BLOCK);
	return 0;
}
