// SPDX-License-Identifier: BSD-2-Clause
/*
 * The four batch commands, row by row.
 *
 * Each row makes a fresh map of a type, fills it with a number of elements,
 * makes one batch call and prints errno, the count that came back, and how
 * many elements the map holds then. Keys that come out of a hash come in no
 * promised order, so their sum is printed; the cursor is opaque.
 */
#include "abi/world.h"

#define N   8
#define BIG 64

static uint64_t keys[BIG], values[BIG * 16], cursor_in, cursor_out;
static int ncpu;

static const struct {
	int cmd;
	const char *name;
} cmds[] = {
	{ BPF_MAP_LOOKUP_BATCH, "lookup_batch" },
	{ BPF_MAP_LOOKUP_AND_DELETE_BATCH, "lookup_and_delete_batch" },
	{ BPF_MAP_UPDATE_BATCH, "update_batch" },
	{ BPF_MAP_DELETE_BATCH, "delete_batch" },
};

enum {
	KEYS_NULL = 1,
	VALUES_NULL = 2,
	OUT_NULL = 4,
	KEYS_BAD = 8,
	VALUES_BAD = 16,
	MISSING = 32,
	BEYOND = 64
};

/* What varies: how full the map is, how many are asked for, flags, pointers. */
static const struct batch_row {
	uint32_t fill, count;
	uint64_t elem_flags, flags;
	int how;
} table[] = {
	{ 0, 0, 0, 0, 0 },           { 0, 4, 0, 0, 0 },           { 3, 0, 0, 0, 0 },
	{ 3, 2, 0, 0, 0 },           { 3, 3, 0, 0, 0 },           { 3, 4, 0, 0, 0 },
	{ 8, 8, 0, 0, 0 },           { 8, 20, 0, 0, 0 },          { 3, 20, BPF_NOEXIST, 0, 0 },
	{ 3, 20, BPF_EXIST, 0, 0 },  { 3, 20, BPF_F_LOCK, 0, 0 }, { 3, 20, 8, 0, 0 },
	{ 3, 20, 1ull << 40, 0, 0 }, { 3, 20, 0, 1, 0 },          { 3, 20, 0, 1ull << 40, 0 },
	{ 3, 0, 8, 1, 0 },           { 3, 20, 0, 0, KEYS_NULL },  { 3, 20, 0, 0, VALUES_NULL },
	{ 3, 20, 0, 0, OUT_NULL },   { 3, 20, 0, 0, KEYS_BAD },   { 3, 20, 0, 0, VALUES_BAD },
	{ 3, 2, 0, 0, MISSING },     { 3, 20, 0, 0, BEYOND },
};

static int is_hashed(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static int is_lru(uint32_t type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static uint64_t key_of(uint32_t type, uint32_t i)
{
	return type == BPF_MAP_TYPE_LPM_TRIE ? 32 | (uint64_t)i << 56 : i;
}

static uint32_t stride(const struct world_map *w)
{
	switch (w->type) {
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY: return 8 * ncpu;
	default: return w->value;
	}
}

/* One value of v for every CPU; what holds objects takes the inner map's or the program's fd. */
static void put_value(const struct world_map *w, uint32_t at, uint64_t v)
{
	uint8_t *p = (uint8_t *)values + at * stride(w);

	if (w->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || w->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		v = FD_INNER_A;
	else if (w->type == BPF_MAP_TYPE_PROG_ARRAY)
		v = FD_PROG;
	for (uint32_t i = 0; i < stride(w); i += w->value < 8 ? w->value : 8)
		memcpy(p + i, &v, w->value < 8 ? w->value : 8);
}

static void put_key(const struct world_map *w, uint32_t at, uint64_t k)
{
	memcpy((uint8_t *)keys + at * w->key, &k, w->key);
}

static int update(int fd, const void *key)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .value = ptr(values) } };

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &r, 32);
}

static int count_keys(int fd, uint32_t key_size)
{
	uint64_t k = 0, next = 0;
	union row_attr r = { .a = { .map_fd = fd, .next_key = ptr(&next) } };
	int n = 0;

	while (n < 100 && key_size && raw_bpf(BPF_MAP_GET_NEXT_KEY, &r, 24) == 0) {
		k = next;
		r.a.key = ptr(&k);
		n++;
	}
	return n;
}

static int filled_map(const struct world_map *w, uint32_t n)
{
	/* Some types count nothing, some count bytes. */
	int fd = world_map(w->type, w->key, w->value, w->max && w->max < N ? N : w->max, w->flags);

	must(fd >= 0, "a map");
	for (uint32_t i = 0; i < n; i++) {
		uint64_t k = key_of(w->type, i);

		put_value(w, 0, 100 + i);
		(void)update(fd, w->key ? &k : NULL);
	}
	return fd;
}

/* Keys 0.. for the writing commands: those of the map first, then new ones. */
static void arguments(const struct world_map *w, const struct batch_row *b)
{
	memset(keys, 0, sizeof(keys));
	memset(values, 0, sizeof(values));
	for (uint32_t i = 0; i < b->count && i < BIG; i++) {
		uint32_t k = b->how & MISSING && i == 1 ? 99 : b->how & BEYOND ? i * 2 : i;

		if (w->key)
			put_key(w, i, key_of(w->type, k));
		put_value(w, i, 1000 + i);
	}
}

static uint64_t sum(const struct world_map *w, uint32_t n)
{
	uint64_t s = 0;

	for (uint32_t i = 0; i < n && i < BIG; i++) {
		uint32_t last = 0;

		memcpy(&last, (uint8_t *)keys + i * w->key + (w->key > 4 ? 4 : 0), w->key < 4 ? w->key : 4);
		s += w->key > 4 ? last >> 24 : last;
	}
	return s;
}

static void one(const struct world_map *w, size_t c, const struct batch_row *b)
{
	int fd = filled_map(w, b->fill), r, e;
	union row_attr q = {
		.a.batch = { .map_fd = fd, .count = b->count, .elem_flags = b->elem_flags, .flags = b->flags }
	};
	int reads = c < 2;

	arguments(w, b);
	cursor_out = 0;
	q.a.batch.keys = b->how & KEYS_NULL ? 0 : b->how & KEYS_BAD ? 8 : ptr(keys);
	q.a.batch.values = b->how & VALUES_NULL ? 0 : b->how & VALUES_BAD ? 8 : ptr(values);
	q.a.batch.out_batch = b->how & OUT_NULL ? 0 : ptr(&cursor_out);
	r = raw_bpf(cmds[c].cmd, &q, 56);
	e = errno;
	say("%s %s of %u in %u elem_flags=%llu flags=%llu how=%d count=%u", type_name(w->type), cmds[c].name,
	    b->count, b->fill, (unsigned long long)b->elem_flags, (unsigned long long)b->flags, b->how,
	    q.a.batch.count);
	if (reads && (r == 0 || e == ENOENT) && q.a.batch.count)
		say(" keys=%llu", (unsigned long long)sum(w, q.a.batch.count));
	/*
	 * A bucket that could not be delivered may be deleted all the same: how many that is depends on the
	 * hash. How many an overfull LRU keeps is its own matter.
	 */
	if (!(c == 1 && is_hashed(w->type) && b->how) && !(c == 2 && is_lru(w->type) && b->count > N))
		say(" left=%d", count_keys(fd, w->key));
	errno = e;
	result(r);
	close(fd);
}

/* How a part of a hash is delivered depends on how its keys fall into buckets. */
static int by_chance(uint32_t type, size_t c, const struct batch_row *b)
{
	return is_hashed(type) && c < 2 && b->count && b->count < b->fill;
}

static void sweep(void)
{
	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++)
		for (size_t c = 0; c < ARRAY_SIZE(cmds); c++)
			for (size_t i = 0; i < ARRAY_SIZE(table); i++)
				if (!by_chance(world_maps[t].type, c, &table[i]))
					one(&world_maps[t], c, &table[i]);
}

/* A whole walk in steps of `step`, each printed; a hash may want more room than that: then it doubles. */
static void walk(const struct world_map *w, size_t c, uint32_t step)
{
	int fd = filled_map(w, N), r, begun = 0;
	union row_attr q = { 0 };
	uint32_t total = 0;
	uint64_t s = 0;

	memset(keys, 0, sizeof(keys)); /* a type without the command leaves both keys and count alone */
	for (int i = 0; i < 40; i++) {
		q = (union row_attr){ .a.batch = { .map_fd = fd,
						   .count = step,
						   .in_batch = begun ? ptr(&cursor_in) : 0,
						   .out_batch = ptr(&cursor_out),
						   .keys = ptr(keys),
						   .values = ptr(values) } };
		r = raw_bpf(cmds[c].cmd, &q, 56);
		if (r && errno == ENOSPC && step < BIG) {
			step *= 2;
			continue;
		}
		total += q.a.batch.count;
		/* Nothing was delivered else: what is there is of the walk before. */
		if (!r || errno == ENOENT)
			s += sum(w, q.a.batch.count);
		cursor_in = cursor_out;
		begun = 1;
		if (r)
			break;
	}
	int e = errno;

	say("%s %s whole walk total=%u keys=%llu left=%d", type_name(w->type), cmds[c].name, total,
	    (unsigned long long)s, count_keys(fd, w->key));
	errno = e;
	result(r);
	close(fd);
}

static void cursors(const struct world_map *w)
{
	static const uint64_t in[] = { 0, 1, 7, 8, 1000, 0xffffffff };

	if (w->type != BPF_MAP_TYPE_ARRAY && w->type != BPF_MAP_TYPE_PERCPU_ARRAY)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		int fd = filled_map(w, N), r;
		union row_attr q = { .a.batch = { .map_fd = fd,
						  .count = 4,
						  .in_batch = ptr(&in[i]),
						  .out_batch = ptr(&cursor_out),
						  .keys = ptr(keys),
						  .values = ptr(values) } };

		cursor_out = 0;
		r = raw_bpf(BPF_MAP_LOOKUP_BATCH, &q, 56);
		say("%s lookup_batch from cursor %llu count=%u next=%llu", type_name(w->type),
		    (unsigned long long)in[i], q.a.batch.count, (unsigned long long)cursor_out);
		result(r);
		close(fd);
	}
}

/* Fds that cannot: no map, read-only, write-only, frozen, and a bad attr. */
static void bad_fds(void)
{
	static const int fds[] = { FD_CLOSED, -1,        FD_NULL,   FD_PROG,     FD_BTF,
				   FD_RDONLY, FD_WRONLY, FD_FROZEN, FD_LOCK_HASH };

	for (size_t c = 0; c < ARRAY_SIZE(cmds); c++)
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
			for (uint64_t lock = 0; lock <= BPF_F_LOCK; lock += BPF_F_LOCK) {
				union row_attr q = { .a.batch = { .map_fd = fds[i],
								  .count = 0,
								  .elem_flags = lock,
								  .out_batch = ptr(&cursor_out),
								  .keys = ptr(keys),
								  .values = ptr(values) } };

				say("%s on fd %d elem_flags=%llu", cmds[c].name, fds[i],
				    (unsigned long long)lock);
				result(raw_bpf(cmds[c].cmd, &q, 56));
			}
}

/* BATCH_COUNT is untouched or zeroed on an unsupported type; a page that cannot be written answers EFAULT. */
static void unwritable(void)
{
	static const union bpf_attr q = { .batch = { .map_fd = FD_MAP + BPF_MAP_TYPE_HASH, .count = 1 } };

	for (size_t c = 0; c < ARRAY_SIZE(cmds); c++) {
		say("%s with a read-only attr", cmds[c].name);
		result(raw_bpf(cmds[c].cmd, &q, 56));
	}
}

int main(void)
{
	ncpu = sysconf(_SC_NPROCESSORS_CONF);
	must(ncpu <= 16, "a machine of at most 16 CPUs");
	world_enter();
	sweep();
	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++) {
		walk(&world_maps[t], 0, 3);
		walk(&world_maps[t], 1, 3);
		cursors(&world_maps[t]);
	}
	bad_fds();
	unwritable();
	return 0;
}
