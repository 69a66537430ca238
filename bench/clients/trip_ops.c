// SPDX-License-Identifier: BSD-2-Clause
/*
 * One kind of call, again and again: an ordinary program, on the kernel and under pinfs in turn.
 *
 *     trip_ops DIR                every kind: "NAME NANOSECONDS" a line, the best of several rounds
 *     trip_ops DIR NAME TIMES     one kind, so many times (for who counts what is done for it)
 *
 * DIR: a bpffs directory.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS  100 /* short ones: on a busy machine some are not disturbed */
#define ENTRIES 1000

static union bpf_attr attr;
static int map, prog;
static uint32_t key, keys[ENTRIES];
static uint64_t value, values[ENTRIES];
static char pin[4096], packet[64];

static long bpf(int cmd, unsigned size)
{
	return syscall(SYS_bpf, cmd, &attr, size);
}

static int create(int type)
{
	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 2 * ENTRIES;
	return (int)bpf(BPF_MAP_CREATE, 72);
}

static long elem(int cmd, const void *k, void *v)
{
	memset(&attr, 0, 32);
	attr.map_fd = map;
	attr.key = (uintptr_t)k;
	attr.value = (uintptr_t)v;
	return bpf(cmd, 32);
}

static long lookup(int i)
{
	return elem(BPF_MAP_LOOKUP_ELEM, &keys[i % ENTRIES], &value);
}

static long update(int i)
{
	return elem(BPF_MAP_UPDATE_ELEM, &keys[i % ENTRIES], &value);
}

/* One of them is the last, behind which there is none. */
static long next_key(int i)
{
	static int ends;

	ends += elem(BPF_MAP_GET_NEXT_KEY, &keys[i % ENTRIES], &key) != 0;
	return ends > i / ENTRIES + 100;
}

/* What libraries do for an element of an iteration. */
static long iterate(int i)
{
	uint32_t next = 0;

	if (elem(BPF_MAP_GET_NEXT_KEY, i ? &key : NULL, &next))
		next = 0;
	key = next;
	return elem(BPF_MAP_LOOKUP_ELEM, &key, &value);
}

static long info(int fd, void *to, unsigned size)
{
	memset(&attr, 0, sizeof(attr));
	memset(to, 0, size);
	attr.info.bpf_fd = fd;
	attr.info.info_len = size;
	attr.info.info = (uintptr_t)to;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, 16);
}

static long map_info(int i)
{
	struct bpf_map_info m;

	return info(map, &m, sizeof(m));
}

static long prog_info(int i)
{
	struct bpf_prog_info p;

	return info(prog, &p, sizeof(p));
}

static long batch(int i)
{
	uint32_t cursor[2];

	memset(&attr, 0, sizeof(attr));
	attr.batch.out_batch = (uintptr_t)cursor;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	attr.batch.count = ENTRIES;
	attr.batch.map_fd = map;
	bpf(BPF_MAP_LOOKUP_BATCH, 56);
	return attr.batch.count != ENTRIES;
}

static long run(int i)
{
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = prog;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	return bpf(BPF_PROG_TEST_RUN, 80);
}

static long create_close(int i)
{
	return close(create(BPF_MAP_TYPE_ARRAY));
}

static int load(void)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						 { .code = BPF_JMP | BPF_EXIT } };

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insn_cnt = 2;
	attr.insns = (uintptr_t)insns;
	attr.license = (uintptr_t) "GPL";
	return (int)bpf(BPF_PROG_LOAD, 128);
}

static long load_close(int i)
{
	return close(load());
}

static long get_close(int i)
{
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)pin;
	return close((int)bpf(BPF_OBJ_GET, 16));
}

static long next_id(int i)
{
	memset(&attr, 0, sizeof(attr));
	return bpf(BPF_MAP_GET_NEXT_ID, 12);
}

static long by_id_close(int i)
{
	static uint32_t id;

	if (!id && !next_id(i))
		id = attr.next_id;
	memset(&attr, 0, sizeof(attr));
	attr.map_id = id;
	return close((int)bpf(BPF_MAP_GET_FD_BY_ID, 12));
}

static long fdinfo(int i)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	return close(open(path, O_RDONLY | O_CLOEXEC));
}

static long fd_text(int i)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", map);
	return readlink(path, text, sizeof(text)) < 0;
}

static long outside(int i)
{
	struct stat st;

	return stat("/etc/passwd", &st);
}

static const struct kind {
	const char *name;
	long (*call)(int i);
	int times;
} kinds[] = {
	{ "lookup", lookup, 100 },
	{ "update", update, 100 },
	{ "next_key", next_key, 100 },
	{ "iterate", iterate, 50 },
	{ "lookup_batch_1000", batch, 10 },
	{ "map_info", map_info, 50 },
	{ "prog_info", prog_info, 50 },
	{ "test_run", run, 50 },
	{ "map_create_close", create_close, 15 },
	{ "prog_load_close", load_close, 15 },
	{ "obj_get_close", get_close, 25 },
	{ "map_next_id", next_id, 50 },
	{ "map_by_id_close", by_id_close, 25 },
	{ "open_fdinfo_close", fdinfo, 25 },
	{ "readlink_fd", fd_text, 50 },
	{ "stat_outside", outside, 50 },
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double round_of(const struct kind *k, int times)
{
	double start = now();
	long bad = 0;

	for (int i = 0; i < times; i++)
		bad |= k->call(i);
	if (bad) {
		perror(k->name);
		exit(1);
	}
	return (now() - start) / times;
}

static void measure(const struct kind *k)
{
	double best = 1e18, t;

	for (int r = 0; r < ROUNDS; r++) {
		t = round_of(k, k->times);
		best = t < best ? t : best;
	}
	printf("%s %.1f\n", k->name, best);
}

static void prepare(const char *dir)
{
	snprintf(pin, sizeof(pin), "%s/trip_ops", dir);
	map = create(BPF_MAP_TYPE_HASH);
	prog = load();
	for (int i = 0; i < ENTRIES; i++) {
		keys[i] = (uint32_t)i;
		update(i);
	}
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)pin;
	attr.bpf_fd = map;
	if (map < 0 || prog < 0 || bpf(BPF_OBJ_PIN, 16)) {
		perror("trip_ops");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	prepare(argv[1]);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc < 4)
			measure(&kinds[i]);
		else if (!strcmp(argv[2], kinds[i].name))
			round_of(&kinds[i], atoi(argv[3]));
	unlink(pin);
	return 0;
}
