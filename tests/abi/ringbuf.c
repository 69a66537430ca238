// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ring buffers of both directions, row by row: creation, mappings, helpers, positions, records.
 *
 * Programs are texts of verifier_asm.h, run by PROG_TEST_RUN; what they leave is
 * read from a mapping of the ring, as any client would.
 */
#include <sys/mman.h>
#define VROW_MAIN(rows)
#include "verifier_rows.h"

#define PG    4096u
#define BUSY  0x80000000u
#define DISC  0x40000000u
#define ARGS3 "r1 = map ring; r2 = r10; r2 += -64; "
#define FILL                                                                                                 \
	"r6 = 0x1122334455667788 ll; *(u64 *)(r10 - 64) = r6; *(u64 *)(r10 - 56) = r6; *(u64 *)(r10 - 48) "  \
	"= r6; *(u64 *)(r10 - 40) = r6; *(u64 *)(r10 - 32) = r6; *(u64 *)(r10 - 24) = r6; *(u64 *)(r10 - "   \
	"16) "                                                                                               \
	"= r6; *(u64 *)(r10 - 8) = r6; "
#define MAIN "main=g(c) cb=s(ii) "

/* A ring as a client maps it; the page that is its own is writable. */
struct ring {
	int fd;
	uint32_t size;
	volatile uint64_t *cons, *prod;
	unsigned char *data;
};

static int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags)
{
	union row_attr a = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .map_flags = flags } };

	return raw_bpf(BPF_MAP_CREATE, &a, 72);
}

static int *slot_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vrow_maps); i++)
		if (!strcmp(vrow_maps[i].name, name))
			return &vrow_map_fds[i];
	exit(98);
}

static struct ring ring_new(uint32_t type, uint32_t size)
{
	int user = type == BPF_MAP_TYPE_USER_RINGBUF;
	struct ring r = { .fd = make_map(type, 0, 0, size, 0), .size = size };
	unsigned char *p;

	must(r.fd >= 0, "ring");
	r.cons = mmap(NULL, PG, user ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0);
	p = mmap(NULL, PG + 2 * size, user ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, r.fd, PG);
	must(r.cons != MAP_FAILED && p != MAP_FAILED, "mapping");
	r.prod = (void *)p;
	r.data = p + PG;
	*slot_of(user ? "uring" : "ring") = r.fd;
	return r;
}

static void ring_free(struct ring *r)
{
	munmap((void *)r->cons, PG);
	munmap((void *)r->prod, PG + 2 * r->size);
	close(r->fd);
	*slot_of("ring") = *slot_of("uring") = 0;
}

static int load(const char *text, const char *funcs)
{
	struct vrow row = { .name = "program", KIND(SOCKET_FILTER, 0), .text = text, .funcs = funcs };
	int fd = vrow_load(&row);

	if (fd < 0)
		printf("%s\n%s\n", text, vrow_log);
	must(fd >= 0, "program");
	return fd;
}

static int64_t run_fd(int fd, uint32_t repeat)
{
	static char packet[64];
	union row_attr a = { .a = { .test = { .prog_fd = (uint32_t)fd,
					      .data_in = ptr(packet),
					      .data_size_in = sizeof(packet),
					      .repeat = repeat } } };

	return raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN) ? -1000 - errno : (int32_t)a.a.test.retval;
}

/* What the program says, as 32 bits with a sign. */
static int64_t run(const char *text, const char *funcs)
{
	int fd = load(text, funcs);
	int64_t ret = run_fd(fd, 1);

	close(fd);
	return ret;
}

static void say_ret(int64_t ret)
{
	if (ret < 0 && ret > -1000)
		say("%s", errno_name((int)-ret));
	else
		say("%lld", (long long)ret);
}

static void say_pos(const struct ring *r)
{
	say(" [consumer %llu producer %llu]\n", (unsigned long long)*r->cons, (unsigned long long)*r->prod);
}

static uint32_t sum(const unsigned char *p, uint32_t n)
{
	uint32_t s = 1;

	while (n--)
		s = s * 31 + *p++;
	return s;
}

/* Reads up to n records as libbpf does: in one piece from where they begin. */
static void read_ring(struct ring *r, unsigned n)
{
	while (n-- && *r->cons < *r->prod) {
		unsigned char *p = r->data + (*r->cons & (r->size - 1));
		uint32_t w = *(volatile uint32_t *)p, len = w & ~(BUSY | DISC);

		say("  record at %llu: %u%s%s sum %08x\n", (unsigned long long)*r->cons, len,
		    w & BUSY ? " busy" : "", w & DISC ? " discarded" : "", w & DISC ? 0 : sum(p + 8, len));
		if (w & BUSY)
			return;
		*r->cons += (len + 8 + 7) / 8 * 8;
	}
}

/* ---- creation and operations ---- */

static void creation(uint32_t t)
{
	static const uint32_t sizes[] = { 0,    1,     2048,  4095,    4096,    4097,       6144,
					  8192, 12288, 65536, 1 << 20, 1 << 24, 0x80000001u };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		say("create %u: max_entries %u", t, sizes[i]);
		result_fd(make_map(t, 0, 0, sizes[i], 0));
	}
	for (int i = 0; i < 20; i++) {
		say("create %u: flags %#x", t, 1u << i);
		result_fd(make_map(t, 0, 0, 4096, 1u << i));
	}
	for (int i = 0; i < 4; i++) {
		say("create %u: key %d value %d", t, i & 1 ? 4 : 0, i & 2 ? 4 : 0);
		result_fd(make_map(t, i & 1 ? 4 : 0, i & 2 ? 4 : 0, 4096, 0));
	}
}

static void memlock(uint32_t t, uint32_t size)
{
	int fd = make_map(t, 0, 0, size, 0), in;
	char path[64], text[1024], *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = open(path, O_RDONLY);
	n = read(in, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = 0;
	at = strstr(text, "memlock");
	say("fdinfo %u of %u: %.*s\n", t, size, at ? (int)strcspn(at, "\n") : 0, at ? at : "");
	close(in);
	close(fd);
}

static void operations(uint32_t t)
{
	static const char *const names[] = { [1] = "lookup", "update", "delete", "next_key" };
	int fd = make_map(t, 0, 0, 4096, 0);
	uint64_t key = 0, value = 0;

	for (int with = 0; with < 2; with++) {
		union row_attr a = {
			.a = { .map_fd = (uint32_t)fd, .key = with ? ptr(&key) : 0, .value = ptr(&value) }
		};

		for (int cmd = 1; cmd <= 4; cmd++) {
			say("%s %u with %s", names[cmd], t, with ? "a key" : "no key");
			result(raw_bpf(cmd, &a, ATTR_KNOWN));
		}
		say("lookup_and_delete %u with %s", t, with ? "a key" : "no key");
		result(raw_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &a, ATTR_KNOWN));
	}
	for (int cmd = BPF_MAP_LOOKUP_BATCH; cmd <= BPF_MAP_DELETE_BATCH; cmd++) {
		union row_attr a = { .a = { .batch = { .map_fd = (uint32_t)fd, .count = 1 } } };

		say("batch command %d on %u", cmd, t);
		result(raw_bpf(cmd, &a, ATTR_KNOWN));
	}
	close(fd);
}

static void inside(uint32_t t)
{
	int inner = make_map(t, 0, 0, 4096, 0), other = make_map(t, 0, 0, 8192, 0);
	union row_attr a = { .a = { .map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = 2,
				    .inner_map_fd = (uint32_t)inner } };
	int outer = raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
	uint32_t key = 0;

	say("template %u", t);
	result(outer);
	for (int i = 0; i < 2; i++) {
		union row_attr u = { .a = { .map_fd = (uint32_t)outer,
					    .key = ptr(&key),
					    .value = ptr(i ? &other : &inner) } };

		say("put %u of %s size", t, i ? "another" : "the same");
		result(raw_bpf(BPF_MAP_UPDATE_ELEM, &u, ATTR_KNOWN));
	}
	close(outer);
	close(other);
	close(inner);
}

/* ---- records ---- */

static void output_rows(void)
{
	static const uint32_t sizes[] = { 0, 1, 7, 8, 9, 16, 63, 64 };
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(text, sizeof(text), FILL ARGS3 "r3 = %u; r4 = 0; call 130; exit", sizes[i]);
		say("output of %u: ", sizes[i]);
		say_ret(run(text, NULL));
		say_pos(&r);
	}
	for (unsigned flags = 0; flags < 9; flags++) {
		snprintf(text, sizeof(text), FILL ARGS3 "r3 = 8; r4 = %u; call 130; exit", flags);
		say("output with flags %u: ", flags);
		say_ret(run(text, NULL));
		say_pos(&r);
	}
	say("output with flags of 64 bits: ");
	say_ret(run(FILL ARGS3 "r3 = 8; r4 = 0x100000000 ll; call 130; exit", NULL));
	say_pos(&r);
	read_ring(&r, 100);
	for (int what = -1; what < 6; what++) {
		snprintf(text, sizeof(text), "r1 = map ring; r2 = %d; call 134; exit", what);
		say("query %d: %lld\n", what, (long long)run(text, NULL));
	}
	ring_free(&r);
}

/* Reserve, maybe write, and end by `end` (132 submit, 133 discard). */
static void reserve_row(struct ring *r, uint32_t size, unsigned flags, int end, unsigned end_flags)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "r1 = map ring; r2 = %u; r3 = %u; call 131; if r0 == 0 goto none; %s r1 = r0; r2 = %u; call "
		 "%d; "
		 "r0 = 1; exit; none: r0 = 0; exit",
		 size, flags, size >= 8 ? "r6 = 0x0807060504030201 ll; *(u64 *)(r0 + 0) = r6;" : "",
		 end_flags, end);
	say("reserve %u flags %u, %s flags %u: ", size, flags, end == 132 ? "submit" : "discard", end_flags);
	say_ret(run(text, NULL));
	say_pos(r);
}

static void reserve_rows(void)
{
	static const uint32_t sizes[] = { 0, 1, 8, 15, 1000, 4080, 4081, 4088, 4089, 4096, 5000, 0x3fffffff };
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		reserve_row(&r, sizes[i], 0, 132, 0);
		*r.cons = *r.prod;
	}
	for (unsigned f = 0; f < 5; f++) {
		reserve_row(&r, 8, f, 132, 0);
		reserve_row(&r, 8, 0, 132, f);
		reserve_row(&r, 8, 0, 133, f);
	}
	reserve_row(&r, 0x40000000, 0, 132, 0);
	reserve_row(&r, 0x7fffffff, 0, 132, 0);
	read_ring(&r, 100);
	ring_free(&r);
}

/* Two records open at once, ended in either order; what the consumer sees meanwhile is asked by a query. */
static void two_open(void)
{
	static const char *const orders[] = { "r1 = r7; r2 = 0; call 132; r1 = r8; r2 = 0; call 132; ",
					      "r1 = r8; r2 = 0; call 132; r1 = r7; r2 = 0; call 132; ",
					      "r1 = r8; r2 = 0; call 133; r1 = r7; r2 = 0; call 132; ",
					      "r1 = r7; r2 = 0; call 133; r1 = r8; r2 = 0; call 133; " };
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	char text[2048];

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(text, sizeof(text),
			 "r1 = map ring; r2 = 24; r3 = 0; call 131; if r0 == 0 goto none; r7 = r0; r6 = "
			 "0x1111111111111111 ll; *(u64 *)(r7 + 0) = r6; *(u64 *)(r7 + 8) = r6; *(u64 *)(r7 + "
			 "16) = r6; r1 = map ring; r2 = 8; r3 = 0; call 131; if r0 == 0 goto one; r8 = r0; "
			 "*(u64 *)(r8 + 0) = r6; r1 = map ring; r2 = 0; call 134; r9 = r0; %s r0 = r9; exit; "
			 "one: r1 = r7; r2 = 0; call 132; none: r0 = 0; exit",
			 orders[i]);
		say("two open, order %zu: ", i);
		say_ret(run(text, NULL));
		say_pos(&r);
		read_ring(&r, 100);
	}
	ring_free(&r);
}

/* Full, one record taken, full again; and records over the end, for readers of either kind. */
static void full_and_round(uint32_t len)
{
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	char text[1024];
	int fd;

	snprintf(text, sizeof(text), FILL ARGS3 "r3 = %u; r4 = 0; call 130; exit", len);
	fd = load(text, NULL);
	say("records of %u until it is full: ", len);
	say_ret(run_fd(fd, 600));
	say_pos(&r);
	for (int i = 0; i < 3; i++) {
		read_ring(&r, (unsigned)i + 1);
		say("again: ");
		say_ret(run_fd(fd, 5));
		say_pos(&r);
	}
	for (int i = 0; i < 300; i++) {
		uint64_t at = *r.prod & (r.size - 1);

		*r.cons = *r.prod;
		run_fd(fd, 1);
		if (at + 8 + len <= r.size)
			continue;
		say("over the end from %llu: %u, start %08x\n", (unsigned long long)at,
		    *(uint32_t *)(r.data + at), sum(r.data, (uint32_t)(at + 8 + len - r.size)));
		read_ring(&r, 1);
	}
	say_pos(&r);
	close(fd);
	ring_free(&r);
}

/* consumer_pos is the client's to write. */
static void nonsense(void)
{
	static const int64_t off[] = {
		-1, 1, 4, 8, 16, -8, -4096, -4095, -8192, 4096, 1ll << 40, -(1ll << 40)
	};
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	int fd = load(FILL ARGS3 "r3 = 56; r4 = 0; call 130; exit", NULL);

	run_fd(fd, 100);
	*r.cons = *r.prod;
	run_fd(fd, 3);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		uint64_t was = *r.prod;

		*r.cons = was + (uint64_t)off[i];
		say("consumer at producer %+lld: ", (long long)off[i]);
		say_ret(run_fd(fd, 1));
		say(" producer moved by %llu; query ", (unsigned long long)(*r.prod - was));
		say_ret(run("r1 = map ring; r2 = 0; call 134; exit", NULL));
		say("\n");
	}
	*r.cons = *r.prod;
	say("and sense again: ");
	say_ret(run_fd(fd, 1));
	say_pos(&r);
	read_ring(&r, 10);
	close(fd);
	ring_free(&r);
}

/* ---- dynptrs ---- */

static void dynptr_row(struct ring *r, uint32_t size, unsigned flags, const char *what, const char *body,
		       int end)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"r1 = map ring; r2 = %u; r3 = %u; r4 = r10; r4 += -16; call 198; r7 = r0; %s r1 = r10; r1 += "
		"-16; r2 = 0; call %d; r0 = r7; exit",
		size, flags, body, end);
	say("dynptr %u flags %u, %s, %s: ", size, flags, what, end == 199 ? "submit" : "discard");
	say_ret(run(text, NULL));
	say_pos(r);
	read_ring(r, 10);
}

static void dynptr_rows(void)
{
	static const struct {
		const char *what, *body;
	} body[] = {
		{ "nothing", "" },
		{ "write 8 at 0",
		  "r6 = 0x0102030405060708 ll; *(u64 *)(r10 - 32) = r6; r1 = r10; r1 += -16; r2 = 0; "
		  "r3 = r10; r3 += -32; r4 = 8; r5 = 0; call 202; r7 = r0;" },
		{ "write 8 at 12",
		  "*(u64 *)(r10 - 32) = 5; r1 = r10; r1 += -16; r2 = 12; r3 = r10; r3 += -32; r4 = 8; "
		  "r5 = 0; call 202; r7 = r0;" },
		{ "write with flags",
		  "*(u64 *)(r10 - 32) = 5; r1 = r10; r1 += -16; r2 = 0; r3 = r10; r3 += -32; r4 = "
		  "8; r5 = 1; call 202; r7 = r0;" },
		{ "data of 8",
		  "r1 = r10; r1 += -16; r2 = 0; r3 = 8; call 203; r7 = 77; if r0 == 0 goto no; *(u64 *)(r0 "
		  "+ 0) = 9; r7 = 1; no: " },
		{ "data of 64",
		  "r1 = r10; r1 += -16; r2 = 0; r3 = 64; call 203; r7 = 77; if r0 == 0 goto no; *(u64 "
		  "*)(r0 + 0) = 9; r7 = 1; no: " },
		{ "write and read",
		  "*(u64 *)(r10 - 32) = 0x1234; r1 = r10; r1 += -16; r2 = 8; r3 = r10; r3 += -32; r4 "
		  "= 8; r5 = 0; call 202; r1 = r10; r1 += -40; r2 = 8; r3 = r10; r3 += -16; r4 = 8; "
		  "r5 = 0; call 201; r7 = r0; if r0 != 0 goto no; r7 = *(u64 *)(r10 - 40); no: " },
	};
	static const uint32_t sizes[] = { 0, 1, 8, 4080, 4088, 4096, 0xffffff, 0x1000000, 0xffffffff };
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		dynptr_row(&r, sizes[i], 0, body[0].what, body[0].body, 200);
	for (unsigned f = 0; f < 3; f++)
		dynptr_row(&r, 16, f, body[0].what, body[0].body, 200);
	for (size_t i = 1; i < ARRAY_SIZE(body); i++) {
		dynptr_row(&r, 16, 0, body[i].what, body[i].body, 199);
		dynptr_row(&r, 0x1000000, 0, body[i].what, body[i].body, 199);
	}
	ring_free(&r);
}

/* ---- samples of a client ---- */

/* The callback adds what it reads to *ctx; it ends the drain at a sample whose first word is 99. */
#define CALLBACK                                                                                             \
	"exit; cb: r6 = r2; r7 = r1; *(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -8; r2 = 4; r3 = r7; r4 = 0; "   \
	"r5 = "                                                                                              \
	"0; call 201; r1 = *(u64 *)(r6 + 0); r2 = *(u64 *)(r10 - 8); r1 += r2; r1 += 10000; *(u64 *)(r6 + "  \
	"0) = "                                                                                              \
	"r1; r0 = 0; if r2 != 99 goto go; r0 = 1; go: exit"
#define DRAIN(flags)                                                                                         \
	"*(u64 *)(r10 - 16) = 0; r1 = map uring; r2 = func :cb; r3 = r10; r3 += -16; r4 = " flags            \
	"; call 209; "

static int drain_ret, drain_sum;

static void drain(struct ring *r, const char *what)
{
	say("%s: ", what);
	say_ret(run_fd(drain_ret, 1));
	say_pos(r);
}

static void drain_and_sum(struct ring *r, const char *what)
{
	say("%s: sum %lld", what, (long long)run_fd(drain_sum, 1));
	say_pos(r);
}

static void put_header(struct ring *r, uint64_t at, uint32_t word, uint32_t first)
{
	memcpy(r->data + (at & (r->size - 1)), &(uint64_t){ word }, 8);
	memcpy(r->data + ((at + 8) & (r->size - 1)), &first, 4);
}

static void sample(struct ring *r, uint32_t word, uint32_t first)
{
	uint32_t len = word & ~(BUSY | DISC);

	put_header(r, *r->prod, word, first);
	*r->prod += (len + 8 + 7) / 8 * 8;
}

static void malformed(struct ring *r)
{
	static const struct {
		const char *what;
		uint32_t word;
		int64_t more; /* added to producer_pos */
	} row[] = {
		{ "empty", 0, 0 },
		{ "producer not at a multiple of 8", 4, 12 },
		{ "producer behind the consumer", 4, -8 },
		{ "busy", BUSY | 8, 16 },
		{ "busy and discarded", BUSY | DISC | 8, 16 },
		{ "discarded", DISC | 8, 16 },
		{ "length beyond the producer", 16, 16 },
		{ "length at the producer", 9, 16 },
		{ "busy, length beyond the producer", BUSY | 16, 16 },
		{ "discarded, length beyond the producer", DISC | 16, 16 },
		{ "as long as the ring", 4088, 4096 },
		{ "longer than the ring", 4089, 4104 },
		{ "longer, busy", BUSY | 4089, 4104 },
		{ "far longer", 0x3ffffff0, 0x3ffffff8 },
		{ "longer than a dynptr", 0x1000000, 0x1000008 },
		{ "no bytes", 0, 8 },
		{ "a far producer, short sample", 8, 1 << 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t was = *r->cons;

		memset(r->data, 0, 2 * r->size);
		*r->prod = was;
		put_header(r, was, row[i].word, 1);
		*r->prod = was + (uint64_t)row[i].more;
		say("%s: ", row[i].what);
		say_ret(run_fd(drain_ret, 1));
		say(" consumer moved by %llu\n", (unsigned long long)(*r->cons - was));
		*r->prod = *r->cons;
	}
}

static void user_rows(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_USER_RINGBUF, 4096);
	int64_t ret;

	drain_ret = load(DRAIN("0") CALLBACK, MAIN);
	drain_sum = load(DRAIN("0") "r0 = *(u64 *)(r10 - 16); " CALLBACK, MAIN);
	malformed(&r);
	drain(&r, "nothing there");
	sample(&r, 4, 5);
	sample(&r, 12, 6);
	sample(&r, DISC | 8, 7);
	sample(&r, 8, 8);
	drain(&r, "three and a discarded one");
	sample(&r, 4, 5);
	sample(&r, 4, 99);
	sample(&r, 4, 7);
	drain_and_sum(&r, "until the callback stops");
	drain_and_sum(&r, "the rest");
	sample(&r, 8, 3);
	sample(&r, BUSY | 8, 4);
	sample(&r, 8, 5);
	drain_and_sum(&r, "up to a busy one");
	*r.prod = *r.cons;
	for (int i = 0; i < 400; i++) {
		sample(&r, (uint32_t)(4 + i % 5 * 8), (uint32_t)i);
		if (i % 7 == 0)
			drain_and_sum(&r, "round");
	}
	for (unsigned flags = 0; flags < 6; flags++) {
		char text[1024];

		snprintf(text, sizeof(text),
			 "*(u64 *)(r10 - 16) = 0; r1 = map uring; r2 = func :cb; r3 = r10; r3 += -16; r4 = "
			 "%u; "
			 "call 209; " CALLBACK,
			 flags);
		sample(&r, 4, flags);
		ret = run(text, MAIN);
		say("drain with flags %u: ", flags);
		say_ret(ret);
		say_pos(&r);
	}
	close(drain_ret);
	close(drain_sum);
	ring_free(&r);
}

/* A callback that drains the same ring. */
static void drain_twice(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_USER_RINGBUF, 4096);

	sample(&r, 4, 1);
	sample(&r, 4, 2);
	say("a drain inside a drain: ");
	say_ret(run("*(u64 *)(r10 - 16) = 0; r1 = map uring; r2 = func :cb; r3 = r10; r3 += -16; r4 = 0; "
		    "call 209; r0 = "
		    "*(u64 *)(r10 - 16); exit; cb: r6 = r2; r1 = map uring; r2 = func :in; r3 = 0; r4 = 0; "
		    "call 209; "
		    "*(u64 *)(r6 + 0) = r0; r0 = 0; exit; in: r0 = 0; exit",
		    "main=g(c) cb=s(ii) in=s(ii) "));
	say_pos(&r);
	ring_free(&r);
}

/* A ring that a program finds in a map of maps. */
static void inner_ring(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	union row_attr a = { .a = { .map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = 1,
				    .inner_map_fd = (uint32_t)r.fd } };
	int outer = raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
	uint32_t key = 0;
	union row_attr u = { .a = { .map_fd = (uint32_t)outer, .key = ptr(&key), .value = ptr(&r.fd) } };

	must(outer >= 0 && !raw_bpf(BPF_MAP_UPDATE_ELEM, &u, ATTR_KNOWN), "outer map");
	*slot_of("amaps") = outer;
	say("output to a ring inside a map: ");
	say_ret(run(FILL "*(u32 *)(r10 - 68) = 0; r1 = map amaps; r2 = r10; r2 += -68; call 1; if r0 == 0 "
			 "goto no; r1 = r0; "
			 "r2 = r10; r2 += -64; r3 = 16; r4 = 0; call 130; exit; no: r0 = 55; exit",
		    NULL));
	say_pos(&r);
	say("a record of a ring inside a map: ");
	say_ret(run("*(u32 *)(r10 - 68) = 0; r1 = map amaps; r2 = r10; r2 += -68; call 1; if r0 == 0 goto "
		    "no; r1 = r0; r2 = "
		    "8; r3 = 0; call 131; if r0 == 0 goto no; *(u64 *)(r0 + 0) = 7; r1 = r0; r2 = 0; call "
		    "132; r0 = 1; exit; "
		    "no: r0 = 55; exit",
		    NULL));
	say_pos(&r);
	read_ring(&r, 10);
	close(outer);
	*slot_of("amaps") = 0;
	ring_free(&r);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t t = BPF_MAP_TYPE_RINGBUF; t <= BPF_MAP_TYPE_USER_RINGBUF; t += 4) {
		creation(t);
		memlock(t, 4096);
		memlock(t, 65536);
		operations(t);
		inside(t);
	}
	output_rows();
	reserve_rows();
	two_open();
	full_and_round(16);
	full_and_round(40);
	full_and_round(57);
	full_and_round(8);
	nonsense();
	dynptr_rows();
	user_rows();
	drain_twice();
	inner_ring();
	return 0;
}
