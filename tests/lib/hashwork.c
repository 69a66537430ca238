// SPDX-License-Identifier: BSD-2-Clause
/* Work on a hash table, and a look at it: see hashwork.h. */
#include "tests/lib/hashwork.h"
#include "map/hashtab_int.h"
#include <stdlib.h>
#include <string.h>

u32 hw_range = 300;

#define FIRST_EXTRA (1ull << 14) /* keys that hw_check adds; fit 2-byte keys */

static bool is_lru(const struct maptest *t)
{
	return t->attr.map_type == BPF_MAP_TYPE_LRU_HASH || t->attr.map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static int put(struct maptest *t, u64 n, u64 flags)
{
	u8 key[MT_KEY_MAX], value[MT_VALUE_MAX];

	mt_key(t, n, key);
	mt_value(t, n, value);
	return mt_update(t, key, value, flags);
}

static int del(struct maptest *t, u64 n)
{
	u8 key[MT_KEY_MAX];

	mt_key(t, n, key);
	return mt_delete(t, key);
}

/* Looks n up, by taking it away or not. */
static int get(struct maptest *t, u64 n, bool take)
{
	u8 key[MT_KEY_MAX], value[MT_VALUE_MAX];
	int ret;

	mt_key(t, n, key);
	ret = take ? mt_take(t, key, value) : mt_lookup(t, key, value);
	if (!ret && !mt_check(t, n, value))
		mt_fail("value of key %llu is torn", (unsigned long long)n);
	return ret;
}

void hw_one(struct maptest *t)
{
	u64 n = mt_rand() % hw_range, what = mt_rand() % 16;
	int ret;

	if (what < 6)
		ret = put(t, n, BPF_ANY);
	else if (what < 8)
		ret = put(t, n, BPF_NOEXIST);
	else if (what < 10)
		ret = put(t, n, BPF_EXIST);
	else if (what < 13)
		ret = del(t, n);
	else
		ret = get(t, n, what == 13);
	if (ret && ret != -E2BIG && ret != -EEXIST && ret != -ENOENT)
		mt_fail("operation %d answered %d", (int)what, ret);
}

void hw_fill(struct maptest *t, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		int ret = put(t, i, BPF_ANY);

		if (ret)
			mt_fail("filling key %u: %d", i, ret);
	}
}

u32 hw_count(struct maptest *t, u32 max)
{
	u8 key[MT_KEY_MAX];
	int ret = mt_next(t, NULL, key);
	u32 n = 0;

	while (!ret && n <= max) {
		n++;
		ret = mt_next(t, key, key);
	}
	if (ret != -ENOENT)
		mt_fail("next_key ends with %d after %u keys", ret, n);
	return n;
}

/* ---- the thorough look ---- */

struct census {
	struct maptest *t;
	struct htab *h;
	u8 *ents, *blocks; /* seen */
	u64 *keys;
	u32 n;
};

static void census_entry(struct census *c, struct ent *e, u32 i)
{
	u32 b = (u32)e->s.hi;

	if (c->ents[i]++)
		mt_fail("entry %u is linked twice", i);
	if (STATE(e->s.lo) == ENT_FREE)
		mt_fail("entry %u is free and linked", i);
	if (!ent_present(e->s.lo))
		return;
	if (!c->h->in_place && (b >= c->h->pool.n || c->blocks[b]++))
		mt_fail("block %u of entry %u is none, or has two entries", b, i);
	if (c->h->keys == KEYS_LONG)
		c->keys[c->n++] = mt_key_number(c->t, pool_block(&c->h->pool, b)->data);
	else
		c->keys[c->n++] = e->key.hi;
}

static void census_take(struct census *c)
{
	struct htab *h = c->h;

	for (u32 b = 0; b <= h->mask; b++) {
		u32 steps = 0;

		for (u64 link = h->heads[b].hi; (u32)link;) {
			u32 i = link_index(link);

			if (i >= h->n || ++steps > h->n || GEN(h->ents[i].s.lo) != GEN(link)) {
				mt_fail("bucket %u: bad link to %u", b, i);
				break;
			}
			census_entry(c, &h->ents[i], i);
			link = h->ents[i].next.hi;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void check_keys(struct census *c)
{
	qsort(c->keys, c->n, sizeof(*c->keys), by_value);
	for (u32 i = 0; i < c->n; i++) {
		int ret = get(c->t, c->keys[i], false);

		if (i && c->keys[i] == c->keys[i - 1])
			mt_fail("key %llu is there twice", (unsigned long long)c->keys[i]);
		if (ret)
			mt_fail("lookup of key %llu: %d", (unsigned long long)c->keys[i], ret);
	}
	if (hw_count(c->t, c->h->n) != c->n)
		mt_fail("next_key does not meet all %u keys", c->n);
}

/* Entries that have a block: the dead keep theirs until somebody passes. */
static u32 not_free(const struct htab *h)
{
	u32 n = 0;

	for (u32 i = 0; i < h->n; i++)
		n += STATE(h->ents[i].s.lo) != ENT_FREE;
	return n;
}

/* Takes every block that can be had; the search for them also ends the claims of the dead. */
static void check_blocks(struct census *c)
{
	struct pool *p = &c->h->pool;
	struct pool_mine *mine = calloc(p->n + 1, sizeof(*mine));
	struct op *op = op_enter(&c->t->map, __builtin_frame_address(0));
	u32 got = 0, used;

	htab_begin(op, &c->t->map);
	op->budget = 1l << 40;
	while (got < p->n && !pool_get(op, p, NIL, &mine[got])) {
		op->slot = NIL;
		got++;
	}
	used = not_free(c->h);
	if (got != p->n - used)
		mt_fail("%u blocks of %u are free, %u in use", got, p->n, used);
	while (got--)
		pool_put(op, p, &mine[got]);
	op_leave(op);
	free(mine);
}

/* Fills the map to the brim, and takes away again what it added. */
static void check_full(struct census *c)
{
	u32 added = 0;
	int ret = 0;

	while (added <= c->h->n && !(ret = put(c->t, FIRST_EXTRA + added, BPF_NOEXIST)))
		added++;
	if (ret != -E2BIG || c->n + added != c->h->n)
		mt_fail("had %u keys, could add %u of %u, then %d", c->n, added, c->h->n, ret);
	if (hw_count(c->t, c->h->n) != c->h->n)
		mt_fail("a full map does not show all its keys");
	if (c->n && (ret = put(c->t, c->keys[0], BPF_EXIST)))
		mt_fail("overwrite in a full map: %d", ret);
	if (!c->h->in_place)
		check_blocks(c);
	while (added--)
		if ((ret = del(c->t, FIRST_EXTRA + added)))
			mt_fail("delete of an added key: %d", ret);
}

void hw_check(struct maptest *t)
{
	struct htab *h = htab_of(&t->map);
	struct census c = { .t = t, .h = h };

	c.ents = calloc(h->n, 1);
	c.blocks = calloc(h->pool.n + 1, 1);
	c.keys = calloc(h->n + 1, sizeof(u64));
	census_take(&c);
	check_keys(&c);
	if (!is_lru(t))
		check_full(&c);
	else if (!h->in_place)
		check_blocks(&c);
	free(c.ents);
	free(c.blocks);
	free(c.keys);
}
