// SPDX-License-Identifier: BSD-2-Clause
/*
 * Element operations, row by row.
 *
 * The sweep makes a fresh map of each type for each row, fills it with one
 * known element and tries every operation with every flag on a key that is
 * there, one that is not and one out of range; what the map holds afterwards
 * is printed too. The stories below run on one map each, where order and
 * fullness matter (LPM, queue, LRU, maps of objects, locks, per-CPU values).
 *
 * Keys and values are 64-bit words, of which a map takes the first bytes.
 */
#include "abi/world.h"

#define NCPU_MAX 64

enum op { UPD, LKP, DEL, NEXT, LAD, COUNT, ALL };
static const char *const op_name[] = { "update", "lookup", "delete", "next_key", "lookup_and_delete",
				       "count",  "walk" };
static const int op_cmd[] = { BPF_MAP_UPDATE_ELEM, BPF_MAP_LOOKUP_ELEM, BPF_MAP_DELETE_ELEM,
			      BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM };

#define NOKEY UINT64_MAX /* the key pointer is NULL */

static uint64_t out[NCPU_MAX];
static int ncpu;

static int is_percpu(uint32_t t)
{
	return t == BPF_MAP_TYPE_PERCPU_HASH || t == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       t == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static int is_keyless(uint32_t t)
{
	return t == BPF_MAP_TYPE_QUEUE || t == BPF_MAP_TYPE_STACK || t == BPF_MAP_TYPE_BLOOM_FILTER;
}

static uint32_t id_of(int fd)
{
	uint32_t info[26] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = sizeof(info), .info = ptr(info) } };

	return raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) == 0 ? info[1] : 0;
}

/* Ids differ from run to run: an id that comes out is named by the fd it belongs to. */
static const char *id_name(uint32_t type, uint32_t id)
{
	static const struct {
		int fd;
		const char *name;
	} maps[] = { { FD_INNER_A, "inner a" }, { FD_INNER_B, "inner b" }, { FD_INNER_HASH, "inner hash" } },
	  progs[] = { { FD_PROG, "program" }, { FD_PROG_XDP, "xdp" }, { FD_PROG, "program" } };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (type == BPF_MAP_TYPE_PROG_ARRAY && id_of(progs[i].fd) == id)
			return progs[i].name;
		else if (type != BPF_MAP_TYPE_PROG_ARRAY && id_of(maps[i].fd) == id)
			return maps[i].name;
	return "stranger";
}

static int holds_objects(uint32_t t)
{
	return t == BPF_MAP_TYPE_PROG_ARRAY || t == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       t == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static void say_value(uint32_t type, uint32_t size)
{
	if (holds_objects(type))
		say(" value=%s", id_name(type, (uint32_t)out[0]));
	else
		for (int c = 0; c < (is_percpu(type) ? ncpu : 1); c++)
			say("%s%#llx", c ? "," : " value=",
			    (unsigned long long)(size < 8 && !is_percpu(type) ? (uint32_t)out[c] : out[c]));
}

/* A per-CPU value is v, v+1, ... in CPU order. */
static void set_value(uint64_t v)
{
	for (int c = 0; c < NCPU_MAX; c++)
		out[c] = v + c;
}

struct elem {
	int fd;
	uint32_t type, value_size;
};

static int call(const struct elem *m, enum op op, uint64_t key, uint64_t value, uint64_t flags,
		uint64_t *next)
{
	uint64_t k = key;
	union row_attr r = { .a = { .map_fd = m->fd, .key = key == NOKEY ? 0 : ptr(&k), .flags = flags } };

	set_value(op == UPD || m->type == BPF_MAP_TYPE_BLOOM_FILTER ? value : 0);
	r.a.value = op == DEL ? 0 : ptr(op == NEXT ? next : out);
	return raw_bpf(op_cmd[op], &r, op == DEL ? 16 : op == NEXT ? 24 : 32);
}

/* Number of keys a walk meets; 100 means it did not end. */
static int count_keys(const struct elem *m)
{
	uint64_t k = NOKEY, next = 0;
	int n = 0;

	while (n < 100 && call(m, NEXT, k, 0, 0, &next) == 0) {
		k = next;
		n++;
	}
	return n;
}

static void say_key(uint64_t key)
{
	if (key == NOKEY)
		say(" key=NULL");
	else
		say(" key=%#llx", (unsigned long long)key);
}

static int one(const struct elem *m, enum op op, uint64_t key, uint64_t value, uint64_t flags)
{
	uint64_t next = 0;
	int r, e;

	say("  %s", op_name[op]);
	if (op == COUNT) {
		say(": %d\n", count_keys(m));
		return 0;
	}
	say_key(key);
	if (op == UPD || m->type == BPF_MAP_TYPE_BLOOM_FILTER)
		say(" new=%#llx", (unsigned long long)value);
	say(" flags=%llu", (unsigned long long)flags);
	r = call(m, op, key, value, flags, &next);
	e = errno;
	if (r == 0 && op == NEXT)
		say(" next=%#llx", (unsigned long long)next);
	if (r == 0 && (op == LKP || op == LAD) && m->type != BPF_MAP_TYPE_BLOOM_FILTER)
		say_value(m->type, m->value_size);
	errno = e;
	return result(r);
}

/* What to put into a map of that type, first and second. */
static uint64_t a_value(uint32_t type, int second)
{
	switch (type) {
	case BPF_MAP_TYPE_PROG_ARRAY: return FD_PROG;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY: return FD_PERF;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS: return second ? FD_INNER_B : FD_INNER_A;
	default: return second ? 0x20 : 0x10;
	}
}

/* Keys of the sweep: there, not there, out of range; a trie wants its prefix length first. */
static uint64_t a_key(uint32_t type, int which)
{
	static const uint64_t plain[] = { 1, 2, 1000, NOKEY },
			      lpm[] = { 0x0a00000010, 0x0b00000010, 0x0a00000021, NOKEY },
			      none[] = { NOKEY, 1, NOKEY, NOKEY };

	return type == BPF_MAP_TYPE_LPM_TRIE ? lpm[which] : is_keyless(type) ? none[which] : plain[which];
}

static void sweep_row(const struct world_map *w, enum op op, int which, uint64_t flags)
{
	struct elem m = { world_map_of(w), w->type, w->value };
	uint64_t next;

	must(m.fd >= 0, "a map");
	(void)call(&m, UPD, a_key(w->type, 0), a_value(w->type, 0), 0, NULL);
	say("%s", type_name(w->type));
	one(&m, op, a_key(w->type, which), a_value(w->type, 1), flags);
	for (int i = 0; i < 3; i++) {
		int r = call(&m, LKP, a_key(w->type, i), a_value(w->type, 0), 0, &next);

		if (r == 0) {
			say("    then");
			say_key(a_key(w->type, i));
			say_value(w->type, w->value);
			say("\n");
		}
	}
	close(m.fd);
}

static void sweep(void)
{
	static const uint64_t flags[] = { 0, 1, 2, 3, 4, 5, 6, 8, 1ull << 32, 1ull << 63 };
	static const enum op ops[] = { UPD, LKP, DEL, NEXT, LAD };

	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++)
		for (size_t o = 0; o < ARRAY_SIZE(ops); o++)
			for (int which = 0; which < 4; which++)
				for (size_t f = 0;
				     f < (ops[o] == DEL || ops[o] == NEXT ? 1 : ARRAY_SIZE(flags)); f++)
					sweep_row(&world_maps[t], ops[o], which, flags[f]);
}

struct step {
	enum op op;
	uint64_t key, value, flags;
};

struct story {
	const char *name;
	union bpf_attr a;
	const struct step *steps;
	size_t n;
};

#define STEPS(...) (const struct step[]){ __VA_ARGS__ }, ARRAY_SIZE(((const struct step[]){ __VA_ARGS__ }))
#define MAP(t, k, v, m, f, ...)                                                                              \
	{                                                                                                    \
		.map_type = BPF_MAP_TYPE_##t, .key_size = k, .value_size = v, .max_entries = m,              \
		.map_flags = f, ##__VA_ARGS__                                                                \
	}
#define LPM(len, a, b, c, d)                                                                                 \
	((uint64_t)(len) | (uint64_t)(a) << 32 | (uint64_t)(b) << 40 | (uint64_t)(c) << 48 |                 \
	 (uint64_t)(d) << 56)
#define LOCKED .btf_fd = FD_BTF, .btf_key_type_id = BTF_INT, .btf_value_type_id = BTF_LOCKED

static const struct story stories[] = {
	{ "a hash map fills up", MAP(HASH, 4, 4, 2, 0),
	  STEPS({ NEXT, NOKEY, 0, 0 }, { UPD, 1, 1, 0 }, { NEXT, NOKEY, 0, 0 }, { NEXT, 1, 0, 0 },
		{ NEXT, 7, 0, 0 }, { UPD, 2, 2, BPF_NOEXIST }, { UPD, 3, 3, 0 }, { UPD, 3, 3, BPF_NOEXIST },
		{ UPD, 3, 3, BPF_EXIST }, { UPD, 1, 5, 0 }, { UPD, 2, 6, BPF_EXIST },
		{ UPD, 2, 6, BPF_NOEXIST }, { COUNT, 0, 0, 0 }, { LKP, 1, 0, 0 }, { LKP, 2, 0, 0 },
		{ LKP, 3, 0, 0 }, { DEL, 1, 0, 0 }, { DEL, 1, 0, 0 }, { UPD, 3, 3, BPF_NOEXIST },
		{ COUNT, 0, 0, 0 }, { LAD, 3, 0, 0 }, { LAD, 3, 0, 0 }, { LAD, 2, 0, 0 },
		{ COUNT, 0, 0, 0 }) },
	{ "without preallocation", MAP(HASH, 4, 4, 2, BPF_F_NO_PREALLOC),
	  STEPS({ UPD, 1, 1, 0 }, { UPD, 2, 2, 0 }, { UPD, 3, 3, 0 }, { UPD, 1, 4, 0 }, { LKP, 1, 0, 0 },
		{ DEL, 2, 0, 0 }, { UPD, 3, 3, 0 }, { COUNT, 0, 0, 0 }) },
	{ "a value of one byte", MAP(HASH, 1, 1, 4, 0),
	  STEPS({ UPD, 0x101, 0xab, 0 }, { LKP, 1, 0, 0 }, { LKP, 0x201, 0, 0 }, { NEXT, NOKEY, 0, 0 }) },
	{ "an array's ends", MAP(ARRAY, 4, 8, 3, 0),
	  STEPS({ NEXT, NOKEY, 0, 0 }, { NEXT, 0, 0, 0 }, { NEXT, 1, 0, 0 }, { NEXT, 2, 0, 0 },
		{ NEXT, 3, 0, 0 }, { NEXT, 0xffffffff, 0, 0 }, { LKP, 0, 0, 0 }, { LKP, 2, 0, 0 },
		{ LKP, 3, 0, 0 }, { LKP, 0xfffffffe, 0, 0 }, { UPD, 2, 9, BPF_EXIST }, { LKP, 2, 0, 0 },
		{ UPD, 3, 9, 0 }, { UPD, 3, 9, BPF_NOEXIST }, { UPD, 0, 9, BPF_NOEXIST }, { DEL, 0, 0, 0 },
		{ DEL, 3, 0, 0 }, { COUNT, 0, 0, 0 }) },
	{ "an array of odd size", MAP(ARRAY, 4, 4, 3, BPF_F_MMAPABLE),
	  STEPS({ UPD, 1, 0xffffffff11111111, 0 }, { LKP, 0, 0, 0 }, { LKP, 1, 0, 0 }, { LKP, 2, 0, 0 }) },
	{ "values of each CPU in an array", MAP(PERCPU_ARRAY, 4, 8, 2, 0),
	  STEPS({ LKP, 0, 0, 0 }, { UPD, 0, 0x100, 0 }, { LKP, 0, 0, 0 }, { LKP, 1, 0, 0 }, { UPD, 2, 1, 0 },
		{ LKP, 2, 0, 0 }, { UPD, 0, 1, BPF_NOEXIST }, { DEL, 0, 0, 0 }, { NEXT, NOKEY, 0, 0 },
		{ NEXT, 1, 0, 0 }) },
	{ "padding of each CPU", MAP(PERCPU_ARRAY, 4, 4, 1, 0),
	  STEPS({ UPD, 0, 0x1122334455667788, 0 }, { LKP, 0, 0, 0 }) },
	{ "values of each CPU in a hash", MAP(PERCPU_HASH, 4, 8, 2, 0),
	  STEPS({ UPD, 1, 0x100, BPF_NOEXIST }, { LKP, 1, 0, 0 }, { UPD, 1, 0x200, BPF_NOEXIST },
		{ UPD, 1, 0x200, BPF_EXIST }, { LKP, 1, 0, 0 }, { UPD, 2, 1, BPF_EXIST }, { UPD, 2, 2, 0 },
		{ UPD, 3, 3, 0 }, { LAD, 1, 0, 0 }, { LKP, 1, 0, 0 }, { UPD, 3, 3, 0 }, { DEL, 3, 0, 0 },
		{ COUNT, 0, 0, 0 }) },
	{ "padding of each CPU in a hash", MAP(PERCPU_HASH, 4, 4, 2, 0),
	  STEPS({ UPD, 1, 0x1122334455667788, 0 }, { LKP, 1, 0, 0 }) },
	{ "an LRU with room", MAP(LRU_HASH, 4, 4, 100, 0),
	  STEPS({ UPD, 1, 1, 0 }, { LKP, 1, 0, 0 }, { UPD, 2, 2, 0 }, { LKP, 2, 0, 0 },
		{ UPD, 3, 3, BPF_NOEXIST }, { LKP, 3, 0, 0 }, { UPD, 3, 4, BPF_NOEXIST },
		{ UPD, 9, 4, BPF_EXIST }, { UPD, 3, 4, BPF_EXIST }, { LAD, 3, 0, 0 }, { LKP, 3, 0, 0 },
		{ DEL, 3, 0, 0 }) },
	{ "an LRU of each CPU", MAP(LRU_PERCPU_HASH, 4, 8, 100, 0),
	  STEPS({ UPD, 1, 0x100, 0 }, { LKP, 1, 0, 0 }, { UPD, 1, 0x200, BPF_EXIST }, { LKP, 1, 0, 0 },
		{ LAD, 1, 0, 0 }, { COUNT, 0, 0, 0 }) },
	{ "the longest prefix", MAP(LPM_TRIE, 8, 4, 5, BPF_F_NO_PREALLOC),
	  STEPS({ LKP, LPM(32, 10, 0, 0, 1), 0, 0 }, { UPD, LPM(8, 10, 0, 0, 0), 8, 0 },
		{ LKP, LPM(32, 10, 0, 0, 1), 0, 0 }, { LKP, LPM(32, 11, 0, 0, 1), 0, 0 },
		{ UPD, LPM(16, 10, 1, 0, 0), 16, 0 }, { UPD, LPM(24, 10, 1, 2, 0), 24, BPF_NOEXIST },
		{ LKP, LPM(32, 10, 1, 2, 3), 0, 0 }, { LKP, LPM(32, 10, 1, 3, 3), 0, 0 },
		{ LKP, LPM(20, 10, 1, 2, 3), 0, 0 }, { LKP, LPM(8, 10, 1, 2, 3), 0, 0 },
		{ LKP, LPM(4, 10, 1, 2, 3), 0, 0 }, { LKP, LPM(33, 10, 1, 2, 3), 0, 0 },
		{ UPD, LPM(33, 10, 1, 2, 3), 1, 0 }, { UPD, LPM(0xffffffff, 10, 1, 2, 3), 1, 0 },
		{ UPD, LPM(16, 10, 1, 9, 9), 17, BPF_NOEXIST }, { UPD, LPM(16, 10, 1, 9, 9), 17, BPF_EXIST },
		{ LKP, LPM(32, 10, 1, 3, 3), 0, 0 }, { UPD, LPM(17, 10, 1, 9, 9), 18, BPF_EXIST },
		{ UPD, LPM(0, 0, 0, 0, 0), 1, 0 }, { LKP, LPM(32, 99, 0, 0, 0), 0, 0 },
		{ UPD, LPM(32, 10, 1, 2, 3), 32, 0 }, { UPD, LPM(32, 10, 1, 2, 4), 33, 0 },
		{ UPD, LPM(32, 10, 1, 2, 3), 34, 0 }, { LKP, LPM(32, 10, 1, 2, 3), 0, 0 }, { ALL, 0, 0, 0 },
		{ COUNT, 0, 0, 0 }, { NEXT, LPM(9, 1, 0, 0, 0), 0, 0 }, { NEXT, LPM(33, 1, 0, 0, 0), 0, 0 },
		{ DEL, LPM(16, 10, 1, 77, 0), 0, 0 }, { DEL, LPM(16, 10, 1, 77, 0), 0, 0 },
		{ DEL, LPM(9, 10, 0, 0, 0), 0, 0 }, { DEL, LPM(33, 10, 0, 0, 0), 0, 0 },
		{ DEL, LPM(0, 1, 2, 3, 4), 0, 0 }, { ALL, 0, 0, 0 }, { LAD, LPM(8, 10, 0, 0, 0), 0, 0 },
		{ DEL, LPM(8, 10, 0, 0, 0), 0, 0 }, { LKP, LPM(32, 10, 9, 9, 9), 0, 0 },
		{ COUNT, 0, 0, 0 }) },
	{ "a trie in odd order", MAP(LPM_TRIE, 8, 4, 16, BPF_F_NO_PREALLOC),
	  STEPS({ UPD, LPM(32, 192, 168, 1, 1), 1, 0 }, { UPD, LPM(32, 192, 168, 1, 2), 2, 0 },
		{ UPD, LPM(24, 192, 168, 1, 0), 3, 0 }, { UPD, LPM(1, 128, 0, 0, 0), 4, 0 },
		{ UPD, LPM(1, 0, 0, 0, 0), 5, 0 }, { UPD, LPM(31, 192, 168, 1, 2), 6, 0 }, { ALL, 0, 0, 0 },
		{ LKP, LPM(32, 192, 168, 1, 3), 0, 0 }, { LKP, LPM(32, 192, 168, 1, 7), 0, 0 },
		{ LKP, LPM(32, 1, 2, 3, 4), 0, 0 }, { DEL, LPM(31, 192, 168, 1, 2), 0, 0 },
		{ DEL, LPM(24, 192, 168, 1, 2), 0, 0 }, { ALL, 0, 0, 0 },
		{ DEL, LPM(32, 192, 168, 1, 1), 0, 0 }, { DEL, LPM(30, 192, 168, 1, 1), 0, 0 },
		{ ALL, 0, 0, 0 }) },
	{ "a trie of one byte", MAP(LPM_TRIE, 5, 1, 4, BPF_F_NO_PREALLOC),
	  STEPS({ UPD, LPM(8, 1, 0, 0, 0), 1, 0 }, { UPD, LPM(9, 1, 0, 0, 0), 1, 0 },
		{ LKP, LPM(8, 1, 0, 0, 0), 0, 0 }, { UPD, LPM(7, 1, 0, 0, 0), 2, 0 },
		{ LKP, LPM(7, 0, 0, 0, 0), 0, 0 }, { ALL, 0, 0, 0 }) },
	{ "first in, first out", MAP(QUEUE, 0, 4, 2, 0),
	  STEPS({ LKP, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 }, { UPD, NOKEY, 1, 0 }, { UPD, NOKEY, 2, 0 },
		{ UPD, NOKEY, 3, 0 }, { UPD, NOKEY, 3, BPF_NOEXIST }, { LKP, NOKEY, 0, 0 },
		{ UPD, NOKEY, 3, BPF_EXIST }, { LKP, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 },
		{ LAD, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 }, { UPD, 1, 4, 0 }, { LKP, 1, 0, 0 },
		{ LAD, 1, 0, 0 }, { DEL, NOKEY, 0, 0 }, { NEXT, NOKEY, 0, 0 }, { NEXT, 1, 0, 0 },
		{ DEL, 1, 0, 0 }) },
	{ "last in, first out", MAP(STACK, 0, 4, 2, 0),
	  STEPS({ LKP, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 }, { UPD, NOKEY, 1, 0 }, { UPD, NOKEY, 2, 0 },
		{ UPD, NOKEY, 3, 0 }, { LKP, NOKEY, 0, 0 }, { UPD, NOKEY, 3, BPF_EXIST },
		{ LKP, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 }, { LAD, NOKEY, 0, 0 },
		{ DEL, NOKEY, 0, 0 }, { NEXT, NOKEY, 0, 0 }) },
	{ "a bloom filter", MAP(BLOOM_FILTER, 0, 8, 16, 0),
	  STEPS({ LKP, NOKEY, 7, 0 }, { UPD, NOKEY, 7, 0 }, { LKP, NOKEY, 7, 0 },
		{ UPD, NOKEY, 7, BPF_NOEXIST }, { UPD, NOKEY, 7, BPF_EXIST }, { LKP, 1, 7, 0 },
		{ UPD, 1, 7, 0 }, { LAD, NOKEY, 7, 0 }, { DEL, NOKEY, 0, 0 }, { DEL, 1, 0, 0 },
		{ NEXT, NOKEY, 0, 0 }) },
	{ "an array of programs", MAP(PROG_ARRAY, 4, 4, 3, 0),
	  STEPS({ LKP, 0, 0, 0 }, { UPD, 0, FD_CLOSED, 0 }, { UPD, 0, FD_NULL, 0 }, { UPD, 0, FD_INNER_A, 0 },
		{ UPD, 0, FD_BTF, 0 }, { UPD, 0, 0xffffffff, 0 }, { UPD, 1, FD_PROG, 0 }, { LKP, 1, 0, 0 },
		{ UPD, 2, FD_PROG_XDP, 0 }, { UPD, 1, FD_PROG, BPF_NOEXIST }, { UPD, 1, FD_PROG, BPF_EXIST },
		{ UPD, 3, FD_PROG, 0 }, { UPD, 3, FD_CLOSED, 0 }, { LKP, 3, 0, 0 }, { COUNT, 0, 0, 0 },
		{ DEL, 0, 0, 0 }, { DEL, 1, 0, 0 }, { DEL, 1, 0, 0 }, { DEL, 3, 0, 0 },
		{ UPD, 2, FD_PROG_XDP, 0 }, { LAD, 2, 0, 0 }) },
	{ "an array of perf events", MAP(PERF_EVENT_ARRAY, 4, 4, 2, 0),
	  STEPS({ LKP, 0, 0, 0 }, { UPD, 0, FD_CLOSED, 0 }, { UPD, 0, FD_NULL, 0 }, { UPD, 0, FD_PROG, 0 },
		{ UPD, 0, FD_PERF, 0 }, { LKP, 0, 0, 0 }, { UPD, 0, FD_PERF, BPF_NOEXIST },
		{ UPD, 2, FD_PERF, 0 }, { DEL, 0, 0, 0 }, { DEL, 0, 0, 0 }, { DEL, 2, 0, 0 },
		{ COUNT, 0, 0, 0 }) },
	{ "an array of maps", MAP(ARRAY_OF_MAPS, 4, 4, 2, 0, .inner_map_fd = FD_INNER_A),
	  STEPS({ LKP, 0, 0, 0 }, { UPD, 0, FD_CLOSED, 0 }, { UPD, 0, FD_NULL, 0 }, { UPD, 0, FD_PROG, 0 },
		{ UPD, 0, FD_INNER_BIG, 0 }, { UPD, 0, FD_INNER_HASH, 0 }, { UPD, 0, FD_LOCK_ARRAY, 0 },
		{ UPD, 0, FD_INNER_A, 0 }, { LKP, 0, 0, 0 }, { UPD, 0, FD_INNER_B, 0 }, { LKP, 0, 0, 0 },
		{ UPD, 0, FD_INNER_B, BPF_NOEXIST }, { UPD, 0, FD_INNER_B, BPF_EXIST },
		{ UPD, 2, FD_INNER_B, 0 }, { UPD, 2, FD_CLOSED, 0 }, { LKP, 2, 0, 0 }, { DEL, 0, 0, 0 },
		{ DEL, 0, 0, 0 }, { DEL, 2, 0, 0 }, { COUNT, 0, 0, 0 }) },
	{ "a hash of maps", MAP(HASH_OF_MAPS, 4, 4, 2, 0, .inner_map_fd = FD_INNER_HASH),
	  STEPS({ LKP, 7, 0, 0 }, { UPD, 7, FD_CLOSED, 0 }, { UPD, 7, FD_NULL, 0 }, { UPD, 7, FD_INNER_A, 0 },
		{ UPD, 7, FD_MAP + BPF_MAP_TYPE_HASH, 0 }, { UPD, 7, FD_RDONLY, 0 },
		{ UPD, 7, FD_INNER_HASH, BPF_EXIST }, { UPD, 7, FD_INNER_HASH, BPF_NOEXIST },
		{ COUNT, 0, 0, 0 }, { UPD, 7, FD_INNER_HASH, BPF_NOEXIST }, { UPD, 7, FD_INNER_HASH, 0 },
		{ UPD, 8, FD_INNER_HASH, 0 }, { UPD, 9, FD_INNER_HASH, 0 }, { UPD, 9, FD_CLOSED, 0 },
		{ DEL, 7, 0, 0 }, { DEL, 7, 0, 0 }, { LAD, 8, 0, 0 }, { COUNT, 0, 0, 0 }) },
	{ "inner arrays of any length", MAP(ARRAY_OF_MAPS, 4, 4, 2, 0, .inner_map_fd = FD_INNER_HASH),
	  STEPS({ UPD, 0, FD_INNER_BIG, 0 }, { UPD, 0, FD_FROZEN, 0 }, { UPD, 0, FD_WRONLY, 0 },
		{ UPD, 0, FD_LOCK_HASH, 0 }) },
	{ "inner maps with a lock", MAP(HASH_OF_MAPS, 4, 4, 2, 0, .inner_map_fd = FD_LOCK_HASH),
	  STEPS({ UPD, 0, FD_FROZEN, 0 }, { UPD, 0, FD_LOCK_HASH, 0 }, { UPD, 1, FD_LOCK_ARRAY, 0 },
		{ COUNT, 0, 0, 0 }) },
	{ "a lock in a hash map", MAP(HASH, 4, 8, 2, 0, LOCKED),
	  STEPS({ LKP, 1, 0, BPF_F_LOCK }, { UPD, 1, 0x5ffffffff, 0 }, { LKP, 1, 0, 0 },
		{ LKP, 1, 0, BPF_F_LOCK }, { UPD, 1, 0x6ffffffff, BPF_F_LOCK }, { LKP, 1, 0, 0 },
		{ UPD, 1, 0x700000000, BPF_F_LOCK | BPF_NOEXIST },
		{ UPD, 2, 0x700000000, BPF_F_LOCK | BPF_EXIST }, { UPD, 2, 0x7ffffffff, BPF_F_LOCK },
		{ LKP, 2, 0, BPF_F_LOCK }, { UPD, 3, 0x700000000, BPF_F_LOCK },
		{ UPD, 3, 0x700000000, BPF_F_LOCK | BPF_EXIST }, { LAD, 1, 0, BPF_F_LOCK }, { LAD, 2, 0, 0 },
		{ UPD, 1, 1, BPF_F_LOCK | 3 }, { UPD, 1, 1, 16 }, { COUNT, 0, 0, 0 }) },
	{ "a lock in an array", MAP(ARRAY, 4, 8, 2, 0, LOCKED),
	  STEPS({ LKP, 1, 0, BPF_F_LOCK }, { UPD, 1, 0x5ffffffff, 0 }, { LKP, 1, 0, 0 },
		{ UPD, 1, 0x6ffffffff, BPF_F_LOCK }, { LKP, 1, 0, BPF_F_LOCK },
		{ UPD, 1, 0, BPF_F_LOCK | BPF_NOEXIST }, { UPD, 1, 0x900000000, BPF_F_LOCK | BPF_EXIST },
		{ LKP, 1, 0, 0 }, { LKP, 2, 0, BPF_F_LOCK }, { UPD, 2, 0, BPF_F_LOCK }) },
};

static void walk(const struct elem *m)
{
	uint64_t k = NOKEY, next = 0;

	for (int i = 0; i < 20 && one(m, NEXT, k, 0, 0) == 0; i++) {
		(void)call(m, NEXT, k, 0, 0, &next);
		k = next;
	}
}

static void tell(const struct story *s)
{
	union row_attr r = { .a = s->a };
	struct elem m = { raw_bpf(BPF_MAP_CREATE, &r, 72), s->a.map_type, s->a.value_size };

	say("%s, %s", type_name(s->a.map_type), s->name);
	result(m.fd);
	for (size_t i = 0; m.fd >= 0 && i < s->n; i++) {
		const struct step *t = &s->steps[i];

		if (t->op == ALL)
			walk(&m);
		else
			one(&m, t->op, t->key, t->value, t->flags);
	}
	close(m.fd);
}

int main(void)
{
	ncpu = sysconf(_SC_NPROCESSORS_CONF);
	must(ncpu <= NCPU_MAX, "a machine of at most 64 CPUs");
	world_enter();
	place(world_perf(), FD_PERF, "a perf event");
	sweep();
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		tell(&stories[i]);
	return 0;
}
