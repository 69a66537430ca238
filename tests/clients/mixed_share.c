// SPDX-License-Identifier: BSD-2-Clause
/*
 * One of many clients that work on the same maps, names and links at once, of which any may be killed.
 *
 *     mixed_share DIR SHARED WHO ROUNDS
 *
 * SHARED is a directory of a bpffs that all of them use, DIR one of its own, WHO its number. What is shared
 * comes into being by whoever is first. Each call may only give what a kernel can give then; an element that
 * is its own must be as it was left. Ends with "ran N told M": so many runs of the shared program, so many
 * records taken by the shared ring.
 */
#include <dirent.h>
#include <sys/stat.h>
#include "abi/ring_client.h"

#define OWN_KEYS    8
#define NAMES       4
#define TCX_INGRESS 46

/* What mixed.c reads from the ring. */
struct record {
	uint64_t who, seq;
};

static const char *own_dir, *shared_dir;
static uint64_t who, ran, told;
static int counts, ring, tell, table, lru, trie, queue, percpu, outer;
static uint64_t mine[OWN_KEYS]; /* what is in the table; 0: nothing */

static uint64_t rnd(uint64_t n)
{
	static uint64_t s;

	if (!s)
		s = who * 0x9e3779b97f4a7c15ull | 1;
	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s % n;
}

static void fail(const char *what, int r)
{
	printf("%s: %s\n", what, r < 0 ? errno_name(errno) : "a wrong answer");
	exit(1);
}

/* among(WHAT, R, ERRNO, ERRNO): r, which may be one of two errors (0: none). */
static int among(const char *what, int r, int e1, int e2)
{
	if (r < 0 && (!errno || (errno != e1 && errno != e2)))
		fail(what, r);
	return r;
}

static int fine(const char *what, int r)
{
	return among(what, r, 0, 0);
}

static const char *in(const char *dir, const char *name, unsigned n)
{
	static char path[4][300];
	static int turn;
	char *p = path[turn++ & 3];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	if (n)
		snprintf(p + strlen(p), 12, "-%u", n);
	return p;
}

static int pin(int fd, const char *path)
{
	union row_attr a = { .a = { .pathname = ptr(path), .bpf_fd = (uint32_t)fd } };

	return raw_bpf(BPF_OBJ_PIN, &a, 16);
}

static int get(const char *path)
{
	union row_attr a = { .a = { .pathname = ptr(path) } };

	return raw_bpf(BPF_OBJ_GET, &a, 16);
}

static int elem(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union row_attr a = {
		.a = { .map_fd = (uint32_t)fd, .key = ptr(key), .value = ptr(value), .flags = flags }
	};

	return raw_bpf(cmd, &a, 32);
}

static int new_map(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags, int inner)
{
	union row_attr a = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .map_flags = flags,
				    .inner_map_fd = (uint32_t)inner } };

	return fine("a new map", raw_bpf(BPF_MAP_CREATE, &a, 72));
}

/* A program that says who ran it, and counts. */
static int new_tell(void)
{
	*slot_of("array") = counts;
	*slot_of("ring") = ring;
	return load(
		"r2 = 0; r3 = r10; r3 += -16; r4 = 16; call 26; if r0 != 0 goto bad; *(u32 *)(r10 - 20) = 0;"
		"r1 = map array; r2 = r10; r2 += -20; call 1; if r0 == 0 goto bad; r1 = 1;"
		"lock *(u64 *)(r0 + 0) += r1; r1 = map ring; r2 = r10; r2 += -16; r3 = 16; r4 = 0; call 130;"
		"exit; bad: r0 = 77; exit",
		NULL);
}

static int new_inner(void)
{
	return new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 2, 0, 0);
}

static int new_shared(const char *name)
{
	int inner, fd;

	switch (name[0]) {
	case 'c': return new_map(BPF_MAP_TYPE_ARRAY, 4, 64, 4, 0, 0);
	case 'r': return new_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 18, 0, 0);
	case 'p': return new_tell();
	case 't': return new_map(BPF_MAP_TYPE_HASH, 8, 32, 8192, 0, 0);
	case 'l': return new_map(BPF_MAP_TYPE_LRU_HASH, 8, 8, 64, 0, 0);
	case 'i': return new_map(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4096, BPF_F_NO_PREALLOC, 0);
	case 'q': return new_map(BPF_MAP_TYPE_QUEUE, 0, 16, 50, 0, 0);
	case 'e': return new_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0, 0);
	}
	inner = new_inner();
	fd = new_map(BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 16, 0, inner);
	close(inner);
	return fd;
}

/* There is one winner; the name stays. */
static int share(const char *name)
{
	const char *path = in(shared_dir, name, 0);
	int fd = among("a shared name", get(path), ENOENT, 0);

	if (fd >= 0)
		return fd;
	fd = new_shared(name);
	if (!among("pin of a shared name", pin(fd, path), EEXIST, 0))
		return fd;
	close(fd);
	return fine("the winner's name", get(path));
}

static void do_table(void)
{
	uint64_t i = rnd(OWN_KEYS), key = who << 8 | i, value[4], got[4] = { 0 };

	for (int k = 0; k < 4; k++)
		value[k] = rnd(1ull << 40) + 1;
	if (!mine[i]) {
		fine("a new key", elem(BPF_MAP_UPDATE_ELEM, table, &key, value, BPF_NOEXIST));
	} else {
		fine("own key", elem(BPF_MAP_LOOKUP_ELEM, table, &key, got, 0));
		if (got[0] != mine[i])
			fail("own value", 0);
		among("own key again", elem(BPF_MAP_UPDATE_ELEM, table, &key, value, BPF_NOEXIST), EEXIST, 0);
		fine("own key, another value", elem(BPF_MAP_UPDATE_ELEM, table, &key, value, BPF_EXIST));
	}
	mine[i] = value[0];
	if (rnd(4))
		return;
	fine("own key goes", elem(BPF_MAP_DELETE_ELEM, table, &key, NULL, 0));
	among("and is gone", elem(BPF_MAP_LOOKUP_ELEM, table, &key, got, 0), ENOENT, 0);
	mine[i] = 0;
}

static void do_walk_table(void)
{
	uint64_t key, next = 0, value[4];
	void *from = NULL;

	for (int i = 0; i < 200; i++) {
		union row_attr a = {
			.a = { .map_fd = (uint32_t)table, .key = ptr(from), .next_key = ptr(&next) }
		};

		if (among("next key", raw_bpf(BPF_MAP_GET_NEXT_KEY, &a, 32), ENOENT, 0))
			return;
		if ((next & 0xff) >= OWN_KEYS)
			fail("a key that nobody made", 0);
		key = next;
		from = &key;
		among("a key of somebody", elem(BPF_MAP_LOOKUP_ELEM, table, &key, value, 0), ENOENT, 0);
	}
}

static void do_batch(void)
{
	static uint64_t keys[4096], values[4096][4];
	uint32_t in_batch, out_batch = 0;
	union row_attr a;

	for (int i = 0; i < 40; i++) {
		memset(&a, 0, sizeof(a));
		a.a.batch.map_fd = (uint32_t)table;
		a.a.batch.in_batch = i ? ptr(&in_batch) : 0;
		a.a.batch.out_batch = ptr(&out_batch);
		a.a.batch.keys = ptr(keys);
		a.a.batch.values = ptr(values);
		a.a.batch.count = 4096;
		if (among("a batch", raw_bpf(BPF_MAP_LOOKUP_BATCH, &a, 56), ENOENT, 0))
			return;
		in_batch = out_batch;
	}
}

static void do_lru(void)
{
	uint64_t key = rnd(200), value = key * 3;

	fine("LRU update", elem(BPF_MAP_UPDATE_ELEM, lru, &key, &value, 0));
	key = rnd(200);
	if (!among("LRU lookup", elem(BPF_MAP_LOOKUP_ELEM, lru, &key, &value, 0), ENOENT, 0) &&
	    value != key * 3)
		fail("LRU value", 0);
	among("LRU delete", elem(BPF_MAP_DELETE_ELEM, lru, &key, NULL, 0), ENOENT, 0);
}

static void do_trie(void)
{
	struct {
		uint32_t bits, data;
	} key = { 32, (uint32_t)who };
	uint64_t value = who, got = 0;

	fine("trie update", elem(BPF_MAP_UPDATE_ELEM, trie, &key, &value, 0));
	fine("trie lookup", elem(BPF_MAP_LOOKUP_ELEM, trie, &key, &got, 0));
	if (got != who)
		fail("trie value", 0);
	fine("trie delete", elem(BPF_MAP_DELETE_ELEM, trie, &key, NULL, 0));
}

static void do_queue(void)
{
	uint64_t v[2] = { who, ~who };

	fine("push", elem(BPF_MAP_UPDATE_ELEM, queue, NULL, v, BPF_EXIST));
	if (!among("pop", elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, queue, NULL, v, 0), ENOENT, 0) &&
	    v[0] != ~v[1])
		fail("what was popped", 0);
	among("push if there is room", elem(BPF_MAP_UPDATE_ELEM, queue, NULL, v, 0), E2BIG, 0);
}

static void do_percpu(void)
{
	static uint64_t values[4096];
	uint32_t key = (uint32_t)rnd(4);

	fine("all CPUs", elem(BPF_MAP_LOOKUP_ELEM, percpu, &key, values, 0));
	fine("of all CPUs", elem(BPF_MAP_UPDATE_ELEM, percpu, &key, values, 0));
}

/* What is replaced, or whose holder is killed, goes away. */
static void do_outer(void)
{
	uint32_t key = (uint32_t)rnd(12), value = 0;
	int inner = new_inner();

	fine("an inner map", elem(BPF_MAP_UPDATE_ELEM, outer, &key, &inner, 0));
	close(inner);
	key = (uint32_t)rnd(12);
	if (!among("its id", elem(BPF_MAP_LOOKUP_ELEM, outer, &key, &value, 0), ENOENT, 0) && !value)
		fail("its id", 0);
	key = (uint32_t)rnd(12);
	among("delete of an inner map", elem(BPF_MAP_DELETE_ELEM, outer, &key, NULL, 0), ENOENT, 0);
}

static void do_run(void)
{
	unsigned char packet[64] = { 0 };
	struct record rec = { .who = who };
	union row_attr a = { .a = { .test = { .prog_fd = (uint32_t)tell,
					      .data_in = ptr(packet),
					      .data_size_in = sizeof(packet) } } };

	for (uint64_t n = rnd(20); n; n--) {
		rec.seq = told + 1;
		memcpy(packet + 14, &rec, sizeof(rec));
		fine("a run", raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN));
		ran++;
		if (!a.a.test.retval)
			told++;
		else if (a.a.test.retval != (uint32_t)-EAGAIN)
			fail("what the program gave", 0);
	}
}

/* What is pinned here and there, and goes with its last pin. */
static int spare(void)
{
	static int fd = -1;

	if (fd < 0 || !rnd(8)) {
		if (fd >= 0)
			close(fd);
		fd = new_inner();
	}
	return fd;
}

/* Names that everybody makes and removes. */
static void do_names(void)
{
	const char *at = in(shared_dir, "n", 1 + (unsigned)rnd(NAMES));
	const char *other = in(shared_dir, "n", 1 + (unsigned)rnd(NAMES));
	struct stat st;
	int fd;

	among("pin where others pin", pin(spare(), at), EEXIST, 0);
	fd = among("get of a name", get(at), ENOENT, 0);
	if (fd >= 0) {
		uint32_t key = 1;
		uint64_t value;

		fine("what was got", elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value, 0));
		close(fd);
	}
	among("stat", stat(at, &st), ENOENT, 0);
	if (rnd(2))
		among("rename", rename(at, other), ENOENT, 0);
	else
		among("unlink", unlink(other), ENOENT, 0);
}

static void do_dirs(void)
{
	const char *dir = in(shared_dir, "d", 1 + (unsigned)rnd(NAMES));
	const char *inside = in(dir, "m", 1 + (unsigned)rnd(2));
	DIR *d;

	among("mkdir", mkdir(dir, 0755), EEXIST, 0);
	among("pin in a directory", pin(spare(), inside), EEXIST, ENOENT);
	d = opendir(dir);
	if (d) {
		while (readdir(d))
			;
		closedir(d);
	} else if (errno != ENOENT) {
		fail("opendir", -1);
	}
	among("unlink in a directory", unlink(inside), ENOENT, 0);
	among("rmdir", rmdir(dir), ENOENT, ENOTEMPTY);
}

static void do_own(void)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH,
					  BPF_MAP_TYPE_PERCPU_HASH };
	const char *path = in(own_dir, "own", 0), *moved = in(own_dir, "moved", 0);
	int fd = new_map(types[rnd(4)], 4, 8, 1 + (uint32_t)rnd(3000), 0, 0), again;

	fine("pin", pin(fd, path));
	among("pin again", pin(fd, path), EEXIST, 0);
	again = fine("get", get(path));
	close(fd);
	fine("rename", rename(path, moved));
	fine("unlink", unlink(moved));
	among("get of nothing", get(path), ENOENT, 0);
	close(again);
}

static void do_link(void)
{
	struct vrow tp = { .name = "tp", KIND(RAW_TRACEPOINT, 0), .text = "r0 = 0; exit" };
	struct vrow tc = { .name = "tc", KIND(SCHED_CLS, 0), .text = "r0 = -1; exit" };
	struct vrow *row = rnd(2) ? &tp : &tc;
	const char *path = in(own_dir, "link", 0);
	union row_attr a = { 0 };
	int prog = vrow_load(row), fd;

	/* A kernel that is about to stop the process does not begin. */
	if (among("a program to attach", prog, EAGAIN, 0) < 0)
		return;
	if (row == &tp) {
		a.a.raw_tracepoint.name = ptr("sys_enter");
		a.a.raw_tracepoint.prog_fd = (uint32_t)prog;
		fd = fine("a raw tracepoint", raw_bpf(BPF_RAW_TRACEPOINT_OPEN, &a, 16));
	} else {
		a.a.link_create.prog_fd = (uint32_t)prog;
		a.a.link_create.target_ifindex = 1;
		a.a.link_create.attach_type = TCX_INGRESS;
		/* There is room for 64. */
		fd = among("a tcx link", raw_bpf(BPF_LINK_CREATE, &a, 48), ERANGE, 0);
	}
	close(prog);
	if (fd < 0)
		return;
	fine("pin of a link", pin(fd, path));
	close(fd);
	if (rnd(3)) {
		fd = fine("get of a link", get(path));
		fine("unlink of a link", unlink(path));
		close(fd);
	} else {
		fine("unlink of a link", unlink(path));
	}
}

static void do_ids(void)
{
	static const struct {
		int next, get;
	} kind[] = { { BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID },
		     { BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID },
		     { BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID },
		     { BPF_BTF_GET_NEXT_ID, BPF_BTF_GET_FD_BY_ID } };
	int k = (int)rnd(4);
	uint32_t id = 0;

	for (;;) {
		static char info[512];
		union row_attr a = { .a = { .start_id = id } };
		int fd;

		if (among("next id", raw_bpf(kind[k].next, &a, 12), ENOENT, 0))
			return;
		if (a.a.next_id <= id)
			fail("next id", 0);
		id = a.a.next_id;
		memset(&a, 0, sizeof(a));
		a.a.map_id = id;
		/* A kernel's link has an id a moment before it can be had. */
		fd = among("an id", raw_bpf(kind[k].get, &a, 12), ENOENT, EAGAIN);
		if (fd < 0)
			continue;
		memset(&a, 0, sizeof(a));
		memset(info, 0, sizeof(info));
		a.a.info.bpf_fd = (uint32_t)fd;
		a.a.info.info_len = k == 3 ? 32 : k == 2 ? 24 : 80;
		a.a.info.info = ptr(info);
		fine("info", raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16));
		close(fd);
	}
}

/* A ring of its own, and the wake-up. Where a static program cannot wait for rings, $MIXED_NO_EPOLL says so.
 */
static void do_ring(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	int ep = fine("epoll", epoll_create1(0)), n;
	struct epoll_event ev = { .events = EPOLLIN };

	if (!getenv("MIXED_NO_EPOLL"))
		fine("EPOLL_CTL_ADD", epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, &ev));
	put(&r, PUT);
	n = getenv("MIXED_NO_EPOLL") ? 1 : fine("epoll_wait", epoll_wait(ep, &ev, 1, 60000));
	if (n != 1 || take(&r, 2) != 1)
		fail("a record", 0);
	close(ep);
	ring_free(&r);
	*slot_of("ring") = ring;
}

static void (*const doings[])(void) = { do_table, do_table, do_table,  do_walk_table, do_batch, do_lru,
					do_trie,  do_queue, do_percpu, do_outer,      do_run,   do_run,
					do_names, do_dirs,  do_own,    do_link,       do_ids,   do_ring };

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	own_dir = argv[1];
	shared_dir = argv[2];
	who = strtoull(argv[3], NULL, 0);
	counts = share("counts");
	ring = share("ring");
	tell = share("put");
	table = share("table");
	lru = share("lru");
	trie = share("ip");
	queue = share("queue");
	percpu = share("each");
	outer = share("outer");
	for (long n = atol(argv[4]); n > 0; n--)
		doings[rnd(ARRAY_SIZE(doings))]();
	for (uint64_t i = 0; i < OWN_KEYS; i++) {
		uint64_t key = who << 8 | i;

		if (mine[i])
			fine("own key, in the end", elem(BPF_MAP_DELETE_ELEM, table, &key, NULL, 0));
	}
	printf("ran %llu told %llu\n", (unsigned long long)ran, (unsigned long long)told);
	return 0;
}
