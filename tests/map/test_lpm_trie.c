// SPDX-License-Identifier: BSD-2-Clause
/* Tries: the contract's rows, a model of brute force beside it, threads, exact fullness. */
#include "map/map_ops.h"
#include "tests/lib/lpmwork.h"
#include "tests/lib/tap.h"
#include <pthread.h>
#include <string.h>
#include <stdlib.h>

static struct maptest t;

static int make(u32 key, u32 value, u32 n)
{
	return mt_make(&t, &lpm_trie_ops,
		       &(struct map_attr){ .map_type = BPF_MAP_TYPE_LPM_TRIE,
					   .key_size = key,
					   .value_size = value,
					   .max_entries = n,
					   .map_flags = BPF_F_NO_PREALLOC });
}

#define IP(l, a, b, c, d) ((u64)(l) | (u64)(a) << 32 | (u64)(b) << 40 | (u64)(c) << 48 | (u64)(d) << 56)

static int put(u64 k, u32 v, u64 flags)
{
	return mt_update(&t, &k, &v, flags);
}

static int get(u64 k)
{
	u32 v = 0;
	int err = mt_lookup(&t, &k, &v);

	return err ? err : (int)v;
}

static int del(u64 k)
{
	return mt_delete(&t, &k);
}

/* The walk from key `from` (NULL: the beginning) gives exactly these keys. */
static bool walk_is(const u64 *from, const u64 *want, u32 n)
{
	u64 k, prev;

	for (u32 i = 0; i < n; i++) {
		if (mt_next(&t, i ? &prev : from, &k) || k != want[i])
			return false;
		prev = k;
	}
	return mt_next(&t, n ? &prev : from, &k) == -ENOENT;
}

static void sizes(void)
{
	static const struct {
		u32 key, value, n;
		int want;
	} rows[] = {
		{ 4, 4, 1, -EINVAL },    { 5, 1, 1, 0 },
		{ 260, 4, 1, 0 },        { 261, 4, 1, -EINVAL },
		{ 8, 0, 1, -EINVAL },    { 8, 4, 0, -EINVAL },
		{ 8, 0x3ffee8, 1, 0 },   { 8, 0x3ffee9, 1, -EINVAL },
		{ 8, 4, 0xffffffff, 0 }, { 8, 0xffffffff, 1, -EINVAL },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = make(rows[i].key, rows[i].value, rows[i].n);

		ok(err == rows[i].want, "key %u value %u of %u: %d", rows[i].key, rows[i].value, rows[i].n,
		   err);
		if (!err)
			mt_free(&t);
	}
}

static void story(void)
{
	static const u64 all[] = { IP(32, 10, 1, 2, 3), IP(24, 10, 1, 2, 0), IP(16, 10, 1, 9, 9),
				   IP(8, 10, 0, 0, 0), IP(0, 0, 0, 0, 0) };
	static const u64 left[] = { IP(32, 10, 1, 2, 3), IP(24, 10, 1, 2, 0), IP(8, 10, 0, 0, 0) };
	static const u64 unknown = IP(9, 1, 0, 0, 0), other8 = IP(8, 11, 0, 0, 0);

	make(8, 4, 5);
	ok(get(IP(32, 10, 0, 0, 1)) == -ENOENT, "empty");
	ok(!put(IP(8, 10, 0, 0, 0), 8, 0) && !put(IP(16, 10, 1, 0, 0), 16, 0) &&
		   !put(IP(24, 10, 1, 2, 0), 24, BPF_NOEXIST),
	   "three prefixes");
	ok(get(IP(32, 10, 1, 2, 3)) == 24 && get(IP(32, 10, 1, 3, 3)) == 16 &&
		   get(IP(20, 10, 1, 2, 3)) == 16 && get(IP(8, 10, 1, 2, 3)) == 8 &&
		   get(IP(4, 10, 1, 2, 3)) == -ENOENT && get(IP(32, 11, 0, 0, 1)) == -ENOENT &&
		   get(IP(33, 10, 1, 2, 3)) == -ENOENT,
	   "the longest is found");
	ok(put(IP(33, 10, 1, 2, 3), 1, 0) == -EINVAL && put(IP(8, 10, 0, 0, 0), 1, 3) == -EINVAL &&
		   put(IP(8, 10, 0, 0, 0), 1, 4) == -EINVAL && del(IP(33, 10, 0, 0, 0)) == -EINVAL,
	   "too long, bad flags");
	ok(put(IP(16, 10, 1, 9, 9), 17, BPF_NOEXIST) == -EEXIST && !put(IP(16, 10, 1, 9, 9), 17, BPF_EXIST) &&
		   get(IP(32, 10, 1, 3, 3)) == 17 && put(IP(17, 10, 1, 9, 9), 1, BPF_EXIST) == -ENOENT,
	   "host bits do not matter");
	ok(!put(IP(0, 0, 0, 0, 0), 1, 0) && !put(IP(32, 10, 1, 2, 3), 32, 0) &&
		   put(IP(32, 10, 1, 2, 4), 33, 0) == -ENOSPC && !put(IP(32, 10, 1, 2, 3), 34, 0),
	   "full, and an overwrite when full");
	ok(walk_is(NULL, all, 5) && walk_is(&unknown, all, 5) && walk_is(&other8, all, 5),
	   "most specific first; an unknown key starts over");
	ok(!del(IP(16, 10, 1, 77, 0)) && del(IP(16, 10, 1, 77, 0)) == -ENOENT &&
		   del(IP(9, 10, 0, 0, 0)) == -ENOENT && !del(IP(0, 1, 2, 3, 4)) && walk_is(NULL, left, 3),
	   "deleted");
	lw_check(&t);
	mt_free(&t);
}

/* ---- a model: a list of keys and values ---- */

struct model {
	u8 key[260];
	u32 value;
	bool used;
};

static struct model model[64];

static bool shares(const u8 *a, const u8 *b, u32 bits)
{
	for (u32 i = 0; i < bits; i++)
		if (((a[4 + i / 8] ^ b[4 + i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static u32 plen_of(const u8 *k)
{
	u32 p;

	memcpy(&p, k, 4);
	return p;
}

static struct model *model_find(const u8 *k, bool exact)
{
	struct model *best = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(model); i++) {
		struct model *e = &model[i];
		u32 p = plen_of(e->key);

		if (!e->used || p > plen_of(k) || !shares(e->key, k, p) || (exact && p != plen_of(k)))
			continue;
		if (!best || p > plen_of(best->key))
			best = e;
	}
	return best;
}

static u32 model_count(void)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(model); i++)
		n += model[i].used;
	return n;
}

static int model_put(const u8 *k, u32 v, u64 flags, u32 key_size)
{
	struct model *e = model_find(k, true);

	if (e ? flags == BPF_NOEXIST : flags == BPF_EXIST)
		return e ? -EEXIST : -ENOENT;
	if (!e && model_count() == t.attr.max_entries)
		return -ENOSPC;
	for (u32 i = 0; !e; i++)
		if (!model[i].used)
			e = &model[i];
	memcpy(e->key, k, key_size);
	e->value = v;
	e->used = true;
	return 0;
}

/* Keys that have long beginnings in common. */
static void random_key(u8 *k, u32 key_size)
{
	u32 bits = 8 * (key_size - 4), p = (u32)(mt_rand() % (bits + 1));

	memset(k, 0xaa, key_size);
	for (u32 i = 0; i < 3; i++) {
		u32 b = (u32)(mt_rand() % bits);

		k[4 + b / 8] ^= (u8)(0x80 >> b % 8);
	}
	memcpy(k, &p, 4);
}

static bool model_step(u32 key_size)
{
	u8 k[260];
	u32 v = (u32)mt_rand() >> 1, got = 0;
	u64 flags = mt_rand() % 3;
	struct model *e;
	int a, b;

	random_key(k, key_size);
	switch (mt_rand() % 4) {
	case 0:
	case 1: return mt_update(&t, k, &v, flags) == model_put(k, v, flags, key_size);
	case 2:
		e = model_find(k, true);
		if (mt_rand() % 2) {
			e = &model[mt_rand() % ARRAY_SIZE(model)];
			if (!e->used)
				return true;
			memcpy(k, e->key, key_size);
		}
		a = e ? 0 : -ENOENT;
		if (e)
			e->used = false;
		return mt_delete(&t, k) == a;
	default:
		e = model_find(k, false);
		b = mt_lookup(&t, k, &got);
		return e ? !b && got == e->value : b == -ENOENT;
	}
}

/* Every element once, children before parents, 0 before 1. */
static bool walk_sound(u32 key_size)
{
	u8 k[260], prev[260];
	u32 n = 0;

	while (!mt_next(&t, n ? prev : NULL, k)) {
		struct model *e = model_find(k, true);

		if (!e || memcmp(e->key, k, key_size) || ++n > model_count())
			return false;
		if (n > 1) {
			u32 p = MIN(plen_of(prev), plen_of(k)), i = 0;

			while (i < p && shares(prev, k, i + 1))
				i++;
			/* prev is below k, or goes to the 0 side where they part. */
			if (i < p ? prev[4 + i / 8] >> (7 - i % 8) & 1 : plen_of(prev) < plen_of(k))
				return false;
		}
		memcpy(prev, k, key_size);
	}
	return n == model_count();
}

static void against_model(u32 key_size)
{
	long n = test_scale(1000000) / (key_size > 20 ? 10 : 1), i;
	bool good = true;

	make(key_size, 4, 40);
	memset(model, 0, sizeof(model));
	for (i = 0; i < n && good; i++) {
		good = model_step(key_size);
		if (good && i % 64 == 0)
			good = walk_sound(key_size);
	}
	ok(good, "key %u: %ld operations as the model says", key_size, i);
	lw_check(&t);
	mt_free(&t);
}

static long rounds;

static void *work(void *arg)
{
	mt_seed += (u64)arg * 77;
	for (long i = 0; i < rounds; i++)
		lw_one(&t);
	return NULL;
}

static void threads(u32 value)
{
	pthread_t th[4];

	make(8, value, 64);
	*mt_failures = 0;
	rounds = test_scale(1000000) / 4;
	for (u64 i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, work, (void *)(i + 1));
	for (u32 i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	lw_check(&t);
	ok(!*mt_failures, "value %u: 4 threads, %ld operations each", value, rounds);
	mt_free(&t);
}

static void speed(void)
{
	u32 n = 10000, v = 1;
	double t0;

	make(8, 4, n);
	t0 = mt_now();
	for (u32 i = 0; i < n; i++)
		put(IP(32, 10, i >> 16 & 255, i >> 8 & 255, i & 255), v, 0);
	diag("insert %.0f ns", (mt_now() - t0) / n * 1e9);
	t0 = mt_now();
	for (u32 i = 0; i < n; i++)
		get(IP(32, 10, i >> 16 & 255, i >> 8 & 255, i & 255));
	diag("lookup %.0f ns", (mt_now() - t0) / n * 1e9);
	t0 = mt_now();
	for (u32 i = 0; i < n; i++)
		put(IP(32, 10, i >> 16 & 255, i >> 8 & 255, i & 255), v, 0);
	diag("overwrite %.0f ns", (mt_now() - t0) / n * 1e9);
	t0 = mt_now();
	for (u32 i = 0; i < n; i++)
		del(IP(32, 10, i >> 16 & 255, i >> 8 & 255, i & 255));
	diag("delete %.0f ns", (mt_now() - t0) / n * 1e9);
	mt_free(&t);
}

int main(void)
{
	sizes();
	story();
	against_model(5);
	against_model(8);
	against_model(20);
	against_model(260);
	threads(8);
	threads(100);
	speed();
	return done();
}
