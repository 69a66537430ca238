// SPDX-License-Identifier: BSD-2-Clause
/* The hash types through struct map_ops, without a store: every shape of key and value, then each rule. */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "tests/lib/hashwork.h"
#include "tests/lib/tap.h"
#include <pthread.h>
#include <string.h>

struct shape {
	const struct map_ops *ops;
	u32 type, key, value, n, flags;
};

#define HASH(k, v, n, f)                                                                                     \
	{                                                                                                    \
		&hashtab_ops, BPF_MAP_TYPE_HASH, k, v, n, f                                                  \
	}
#define PERCPU(k, v, n, f)                                                                                   \
	{                                                                                                    \
		&hashtab_percpu_ops, BPF_MAP_TYPE_PERCPU_HASH, k, v, n, f                                    \
	}
#define LRU(k, v, n, f)                                                                                      \
	{                                                                                                    \
		&hashtab_lru_ops, BPF_MAP_TYPE_LRU_HASH, k, v, n, f                                          \
	}
#define LRU_PERCPU(k, v, n, f)                                                                               \
	{                                                                                                    \
		&hashtab_lru_percpu_ops, BPF_MAP_TYPE_LRU_PERCPU_HASH, k, v, n, f                            \
	}

static int make(struct maptest *t, const struct shape *s)
{
	return mt_make(t, s->ops,
		       &(struct map_attr){ .map_type = s->type,
					   .key_size = s->key,
					   .value_size = s->value,
					   .max_entries = s->n,
					   .map_flags = s->flags });
}

static const char *text(const struct shape *s)
{
	static char buf[80];

	snprintf(buf, sizeof(buf), "%s key %u value %u entries %u%s", s->ops->name, s->key, s->value, s->n,
		 s->flags & BPF_F_NO_PREALLOC ? " no_prealloc" : "");
	return buf;
}

static u8 key[MT_KEY_MAX], other[MT_KEY_MAX], value[MT_VALUE_MAX], back[MT_VALUE_MAX];

static int put(struct maptest *t, u64 n, u64 flags)
{
	mt_key(t, n, key);
	mt_value(t, n, value);
	return mt_update(t, key, value, flags);
}

static bool has(struct maptest *t, u64 n)
{
	mt_key(t, n, key);
	memset(back, 0xaa, sizeof(back));
	return mt_lookup(t, key, back) == 0 && mt_check(t, n, back) && back[t->map.value_len] == 0xaa;
}

/* ---- every shape ---- */

static const struct shape shapes[] = {
	HASH(4, 8, 64, 0),     HASH(4, 4, 10, 0),     HASH(8, 8, 100, 0),    HASH(2, 4, 100, 0),
	HASH(7, 8, 33, 0),     HASH(4, 64, 64, 0),    HASH(8, 12, 50, 0),    HASH(12, 4, 50, 0),
	HASH(20, 300, 40, 0),  HASH(600, 8, 20, 0),   HASH(4, 5000, 20, 0),  HASH(4, 8, 1, 0),
	HASH(4, 8, 3000, 1),   HASH(4, 64, 3000, 1),  HASH(20, 20, 2000, 1), PERCPU(4, 8, 64, 0),
	PERCPU(20, 12, 64, 0), PERCPU(4, 8, 3000, 1),
};

static const struct shape lru_shapes[] = {
	LRU(4, 8, 64, 0), LRU(4, 64, 64, 0), LRU(20, 20, 64, 0), LRU(4, 8, 1, 0), LRU_PERCPU(4, 8, 64, 0),
};

static void model_run(struct maptest *t, u32 n, long ops)
{
	u8 *there = calloc(n * 2, 1);
	u32 count = 0;

	for (long i = 0; i < ops; i++) {
		u64 k = mt_rand() % (n * 2), f = mt_rand() % 3;
		int want, got;

		if (mt_rand() % 3) {
			got = put(t, k, f);
			want = there[k] ? (f == BPF_NOEXIST ? -EEXIST : 0)
					: (f == BPF_EXIST ? -ENOENT
					   : count == n   ? -E2BIG
							  : 0);
			count += !want && !there[k];
			there[k] |= !want;
		} else {
			mt_key(t, k, key);
			got = f ? mt_delete(t, key) : mt_take(t, key, back);
			want = there[k] ? 0 : -ENOENT;
			if (!got && !f && !mt_check(t, k, back))
				mt_fail("taken value is wrong");
			count -= there[k];
			there[k] = 0;
		}
		if (got != want || has(t, k) != there[k])
			mt_fail("step %ld: key %llu answered %d, not %d", i, (unsigned long long)k, got,
				want);
	}
	if (hw_count(t, n) != count)
		mt_fail("not %u keys", count);
	free(there);
}

static void test_shapes(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct maptest t;
		u64 before = *mt_failures;

		if (!ok(make(&t, &shapes[i]) == 0, "%s: made", text(&shapes[i])))
			continue;
		model_run(&t, shapes[i].n, 3000 + 4l * shapes[i].n);
		ok(mt_reopen(&t) == 0, "%s: opens again", text(&shapes[i]));
		hw_check(&t);
		ok(*mt_failures == before, "%s: as the model says", text(&shapes[i]));
		mt_free(&t);
	}
}

static void test_lru_shapes(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(lru_shapes); i++) {
		const struct shape *s = &lru_shapes[i];
		u64 before = *mt_failures;
		struct maptest t;
		int bad = 0;

		make(&t, s);
		for (u32 k = 0; k < 3000; k++) {
			bad += put(&t, k, BPF_ANY) != 0 || !has(&t, k);
			bad += hw_count(&t, s->n) > s->n;
		}
		ok(!bad && hw_count(&t, s->n) == s->n, "%s: never full, never more than max", text(s));
		for (u32 k = 0; k < s->n; k++)
			bad += !has(&t, 2999 - k);
		ok(!bad, "%s: the newest are there", text(s));
		hw_check(&t);
		ok(*mt_failures == before, "%s: sound", text(s));
		mt_free(&t);
	}
}

/* ---- rules ---- */

static void test_walk(void)
{
	struct shape s = HASH(4, 8, 100, 0);
	struct maptest t;
	u8 first[4];
	u32 n;

	make(&t, &s);
	ok(mt_next(&t, NULL, key) == -ENOENT, "walk of an empty map: ENOENT");
	hw_fill(&t, 50);
	mt_next(&t, NULL, first);
	mt_key(&t, 77, other);
	ok(mt_next(&t, other, key) == 0 && !memcmp(key, first, 4), "an unknown key leads to the first");
	for (n = 0; mt_next(&t, NULL, key) == 0; n++)
		mt_delete(&t, key);
	ok(n == 50, "deleting while walking meets all: %u", n);
	mt_free(&t);
}

static void test_lock_word(void)
{
	struct maptest t;
	struct map_attr a = { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .max_entries = 4 };
	u32 sizes[] = { 8, 24 };

	for (u32 i = 0; i < 2; i++) {
		u32 k = 1, v[6] = { 11, 0xdead, 33, 44, 55, 66 }, r[6] = { 0 };

		a.value_size = sizes[i];
		a.record = (struct map_record){ .spin_lock_off = 4, .timer_off = -1 };
		mt_make(&t, &hashtab_ops, &a);
		ok(mt_update(&t, &k, v, BPF_F_LOCK) == 0 && mt_lookup_flags(&t, &k, r, BPF_F_LOCK) == 0 &&
			   r[0] == 11 && r[1] == 0 && (sizes[i] == 8 || (r[2] == 33 && r[5] == 66)),
		   "value %u: the lock word reads 0, the rest is there", sizes[i]);
		ok(mt_update(&t, &k, v, BPF_F_LOCK | BPF_NOEXIST) == -EEXIST,
		   "value %u: F_LOCK|NOEXIST on an existing key", sizes[i]);
		mt_free(&t);
	}
}

static void test_batch(void)
{
	struct shape s = HASH(4, 64, 200, 0);
	struct maptest t;
	u32 keys[200], cursor = 0, total = 0;
	u8(*values)[64] = calloc(200, 64);
	struct map_batch b = { .out = &cursor, .keys = keys, .values = values, .count = 200 };
	int ret, bad = 0;

	make(&t, &s);
	hw_fill(&t, 150);
	ret = mt_batch(&t, t.ops->lookup_batch, &b);
	ok(ret == -ENOENT && b.count == 150, "all at once: ENOENT with %u", b.count);
	for (u32 i = 0; i < b.count; i++)
		bad += !mt_check(&t, keys[i], values[i]);
	ok(!bad, "each value belongs to its key");
	b.count = 0;
	ok(mt_batch(&t, t.ops->lookup_batch, &b) == 0, "count 0: nothing to do");
	b.in = &(u32){ 256 };
	b.count = 5;
	ok(mt_batch(&t, t.ops->lookup_batch, &b) == -ENOENT && b.count == 0, "a cursor past the end");
	ok(!b.out, "which leaves no next one");
	b.in = NULL;
	b.out = &cursor;
	b.flags = 1;
	ok(mt_batch(&t, t.ops->lookup_batch, &b) == -EINVAL, "flags");
	b.flags = 0;
	b.elem_flags = BPF_F_LOCK;
	ok(mt_batch(&t, t.ops->lookup_batch, &b) == -EINVAL, "F_LOCK without a lock");
	b.elem_flags = 0;
	for (ret = 0; !ret; b.in = &cursor) {
		b.count = 20;
		ret = mt_batch(&t, t.ops->lookup_batch, &b);
		total += b.count;
	}
	ok(ret == -ENOENT && total == 150, "in pieces of 20: %u, then %d", total, ret);
	b.in = NULL;
	total = 0;
	for (ret = 0; !ret; b.in = &cursor) {
		b.count = 20;
		ret = mt_batch(&t, t.ops->lookup_and_delete_batch, &b);
		total += b.count;
		for (u32 i = 0; i < b.count; i++)
			bad += !mt_check(&t, keys[i], values[i]) || has(&t, keys[i]);
	}
	ok(ret == -ENOENT && total == 150 && !bad && !hw_count(&t, 200), "taken in pieces: %u", total);
	hw_check(&t);
	mt_free(&t);
	free(values);
}

/* Short keys, and their values in the entries or in blocks, are read many buckets at a time. */
static void test_batch_groups(u32 key_size, u32 value_size)
{
	struct shape s = HASH(key_size, value_size, 3000, 0);
	static const u32 pieces[] = { 1, 20, 64, 700, 2000, 2001 };
	static u8 keys[3000 * 8], values[3000 * 64], seen[3000];
	struct maptest t;
	u32 cursor = 0;
	struct map_batch b = { .out = &cursor, .keys = keys, .values = values };
	int ret, bad = 0;

	make(&t, &s);
	hw_fill(&t, 2000);
	for (u32 p = 0; p < ARRAY_SIZE(pieces); p++) {
		u32 room = pieces[p], total = 0;

		memset(seen, 0, sizeof(seen));
		b.in = NULL;
		for (ret = 0; !ret; b.in = &cursor) {
			memset(values, 0x55, sizeof(values));
			b.count = room;
			ret = mt_batch(&t, t.ops->lookup_batch, &b);
			if (ret == -ENOSPC && room == pieces[p]) { /* a bucket of more than that */
				room = 64;
				ret = 0;
			}
			total += b.count;
			for (u32 i = 0; i < b.count; i++) {
				u64 n = mt_key_number(&t, keys + i * key_size);

				bad += n >= 2000 || seen[n]++ || !mt_check(&t, n, values + i * value_size);
			}
			for (u32 i = room * value_size; i < sizeof(values); i++)
				bad += values[i] != 0x55;
		}
		ok(ret == -ENOENT && total == 2000 && !bad, "key %u value %u in pieces of %u: %u, %d wrong",
		   key_size, value_size, pieces[p], total, bad);
	}
	mt_free(&t);
}

static struct maptest moving;
static _Atomic bool moving_stop;

/* Even keys come and go, odd ones are overwritten. */
static void *mover(void *arg)
{
	u8 k[MT_KEY_MAX], v[MT_VALUE_MAX];

	while (!moving_stop) {
		u64 n = mt_rand() % 600;

		mt_key(&moving, n, k);
		mt_value(&moving, n, v);
		if (n % 2 || mt_delete(&moving, k))
			mt_update(&moving, k, v, BPF_ANY);
	}
	return NULL;
}

/* Odd keys stay: each is met exactly once, whatever others do. */
static void test_batch_moving(u32 value_size)
{
	struct shape s = HASH(4, value_size, 600, 0);
	static u8 keys[600 * 4], values[600 * 64], seen[600];
	u32 cursor = 0, walks = 0, moved = 0;
	struct map_batch b = { .out = &cursor, .keys = keys, .values = values };
	int ret, bad = 0;
	pthread_t th;

	make(&moving, &s);
	hw_fill(&moving, 600);
	moving_stop = false;
	pthread_create(&th, NULL, mover, NULL);
	for (double until = mt_now() + 0.5; walks < 50 || mt_now() < until; walks++) {
		memset(seen, 0, sizeof(seen));
		b.in = NULL;
		for (ret = 0; !ret; b.in = &cursor) {
			b.count = walks % 2 ? 600 : 100;
			ret = mt_batch(&moving, moving.ops->lookup_batch, &b);
			for (u32 i = 0; i < b.count; i++) {
				u64 n = mt_key_number(&moving, keys + i * 4);

				bad += n >= 600 || !mt_check(&moving, n, values + i * value_size);
				if (n < 600)
					seen[n]++;
			}
		}
		bad += ret != -ENOENT;
		for (u32 n = 0; n < 600; n++) {
			bad += n % 2 ? seen[n] != 1 : 0;
			moved += !(n % 2) && !seen[n];
		}
	}
	moving_stop = true;
	pthread_join(th, NULL);
	ok(!bad && moved, "value %u: walks beside one that deletes and inserts: %d wrong", value_size, bad);
	printf("# %u walks, %u keys were not there\n", walks, moved);
	mt_free(&moving);
}

/* One bucket of two entries: a buffer of one does not do. */
static void test_batch_nospc(void)
{
	struct shape s = HASH(4, 8, 2, BPF_F_ZERO_SEED);
	struct maptest t;
	u64 values[2];
	u32 keys[2], cursor = 7;
	struct map_batch b = { .out = &cursor, .keys = keys, .values = values, .count = 1 };
	u64 k;
	int ret = 0;

	make(&t, &s);
	for (k = 0; k < 1000 && !ret; k++) { /* two keys of one bucket */
		struct htab_key h;

		htab_key_set(htab_of(&t.map), &h, &k);
		if (h.bucket == 0)
			ret = put(&t, k, BPF_ANY);
	}
	ok(ret == -E2BIG, "two keys in the first bucket");
	ret = mt_batch(&t, t.ops->lookup_batch, &b);
	ok(ret == -ENOSPC && b.count == 0 && cursor == 0, "ENOSPC, count %u, cursor %u", b.count, cursor);
	mt_free(&t);
}

static void test_create(void)
{
	static const struct {
		struct shape s;
		int err;
	} rows[] = {
		{ HASH(4, 4, 4, 0), 0 },
		{ HASH(4, 4, 0, 0), -EINVAL },
		{ HASH(0, 4, 4, 0), -EINVAL },
		{ HASH(4, 0, 4, 0), -EINVAL },
		{ HASH(4, (4 << 20) - 48 - 4, 1, 0), -E2BIG },
		{ HASH(4, (4 << 20) - 48 - 5, 1, 0), 0 },
		{ HASH((4 << 20) - 48 - 5, 4, 1, 0), 0 },
		{ HASH(4, 4, 4, BPF_F_NO_COMMON_LRU), -EINVAL },
		{ HASH(4, 4, (1u << 27) + 1, 1), -E2BIG },
		{ PERCPU(4, 32768, 1, 0), 0 },
		{ PERCPU(4, 32769, 1, 0), -E2BIG },
		{ PERCPU(4, 4, 1, BPF_F_NUMA_NODE), -EINVAL },
		{ LRU(4, 4, 4, BPF_F_NO_PREALLOC), -ENOTSUPP },
		{ LRU(4, 4, 0, BPF_F_NO_PREALLOC), -ENOTSUPP },
		{ LRU(4, 4, 4, BPF_F_NUMA_NODE), 0 },
		{ LRU(4, 4, 4, BPF_F_NUMA_NODE | BPF_F_NO_COMMON_LRU), -EINVAL },
		{ LRU_PERCPU(4, 32769, 1, 0), -E2BIG },
	};
	struct maptest t;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = make(&t, &rows[i].s);

		ok(err == rows[i].err, "%s flags %x: %d", text(&rows[i].s), rows[i].s.flags, err);
		mt_free(&t);
	}
	make(&t, &(struct shape)LRU(4, 4, 5, BPF_F_NO_COMMON_LRU));
	ok(t.attr.max_entries == 6, "NO_COMMON_LRU rounds up to a multiple of the CPUs");
	mt_free(&t);
	make(&t, &(struct shape)HASH(4, 4, 10, 0));
	ok(t.size == PAGE, "10 entries of 4 and 4 bytes fit a page with the header: %zu", t.size);
	mt_free(&t);
	make(&t, &(struct shape)HASH(8, 8, 1000000, 1));
	ok(t.size < 105000000, "1,000,000 entries of 8 and 8 bytes: %.1f MB", (double)t.size / 1e6);
	mt_free(&t);
}

static void test_open(void)
{
	struct shape s = HASH(4, 64, 64, 0);
	struct maptest t;
	struct bpf_map good;

	make(&t, &s);
	good = t.map;
	t.map.max_entries = 400;
	ok(t.ops->open(&t.map) == -EIO, "more entries than the file has room for: EIO");
	t.map = good;
	t.map.value_size = 128;
	ok(t.ops->open(&t.map) == -EIO, "larger values than the file has room for: EIO");
	t.map = good;
	t.map.record.spin_lock_off = 61;
	ok(t.ops->open(&t.map) == -EIO, "a lock beyond the value: EIO");
	t.map = good;
	t.map.key_size = 0;
	ok(t.ops->open(&t.map) == -EIO, "no key: EIO");
	mt_free(&t);
}

/* ---- threads ---- */

/* Steps of a walk over the keys until its end, at most 100; *end: what it ended with. */
static u32 walk_steps(struct maptest *t, int *end)
{
	u32 at, steps = 0;

	for (*end = mt_next(t, NULL, &at); !*end && steps < 100; steps++)
		*end = mt_next(t, &at, &at);
	return steps;
}

/* A damaged chain or key ends a walk with EIO: no client goes round for ever. */
static void test_circles(void)
{
	static const struct shape s = HASH(4, 8, 2, 0);
	struct maptest t;
	struct ent *e;
	struct htab *h;
	u64 keys[2], one = 1;
	u32 steps;
	int end;

	/* Two keys of one bucket: tried until the table has put them there. */
	for (u32 k = 1;; k++) {
		make(&t, &s);
		h = htab_of(&t.map);
		mt_update(&t, &k, &one, BPF_ANY);
		mt_update(&t, &(u32){ k + 1 }, &one, BPF_ANY);
		e = h->ents;
		if (e[0].next.hi || e[1].next.hi)
			break;
		mt_free(&t);
	}
	ok(walk_steps(&t, &end) == 2 && end == -ENOENT, "two keys of one bucket are walked over");
	keys[0] = e[0].key.hi;
	keys[1] = e[1].key.hi;
	for (u32 i = 0; i < 2; i++) {
		u64 next = e[i].next.hi;

		e[i].next.hi = load64(&h->heads[0].hi) ? h->heads[0].hi : h->heads[1].hi;
		steps = walk_steps(&t, &end);
		ok(steps < 100 && (end == -EIO || next), "entry %u leads back to the first: %u steps, %d", i,
		   steps, end);
		e[i].next.hi = next;
		e[i].key.hi = keys[!i];
		steps = walk_steps(&t, &end);
		ok(steps < 100 && end == -EIO, "entry %u has the other's key: %u steps, %d", i, steps, end);
		for (u32 k = 1000; k < 1064; k++) {
			e[i].key.hi = k;
			steps = walk_steps(&t, &end);
			if (steps >= 100)
				break;
		}
		ok(steps < 100, "entry %u has a key of another bucket", i);
		e[i].key.hi = keys[i];
	}
	ok(walk_steps(&t, &end) == 2 && end == -ENOENT, "mended, it is walked over again");
	mt_free(&t);
}

static struct maptest shared_map;
static _Atomic bool stop;

static void *busy(void *arg)
{
	mt_seed = (u64)(uintptr_t)arg * 7919 + 88172645463325252ull;
	while (!stop)
		hw_one(&shared_map);
	return NULL;
}

static void test_threads(const struct shape *s)
{
	pthread_t th[4];
	double t0 = mt_now();

	make(&shared_map, s);
	*mt_failures = 0;
	stop = false;
	hw_range = s->n + s->n / 4 + 2;
	for (long i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, busy, (void *)(i + 1));
	while (mt_now() - t0 < 0.3)
		sched_yield();
	stop = true;
	for (u32 i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	hw_check(&shared_map);
	ok(!*mt_failures, "%s: four threads", text(s));
	mt_free(&shared_map);
}

int main(void)
{
	static const struct shape threaded[] = {
		HASH(4, 8, 64, 0), HASH(4, 64, 64, 0),  HASH(20, 40, 64, 0),  HASH(4, 64, 2, 0),
		LRU(4, 64, 16, 0), PERCPU(4, 8, 64, 0), HASH(4, 64, 1000, 1),
	};

	test_shapes();
	test_lru_shapes();
	test_walk();
	test_lock_word();
	test_batch();
	for (u32 i = 0; i < 6; i++)
		test_batch_groups(i & 1 ? 8 : 4, (const u32[]){ 4, 8, 40 }[i / 2]);
	test_batch_moving(8);
	test_batch_moving(24);
	test_batch_nospc();
	test_create();
	test_open();
	test_circles();
	for (u32 i = 0; i < ARRAY_SIZE(threaded); i++)
		test_threads(&threaded[i]);
	return done();
}
