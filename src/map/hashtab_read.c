// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading the hash table: lookup and the walk over keys.
 *
 * Nothing here writes, so a read-only mapping will do. An entry's words are
 * taken together if s was the same before and after; a block's content is what
 * it was at that moment if s still is the same after the copy.
 */
#include "map/hashtab_seek.h"

static void put_value_word(const struct htab *h, void *value, u64 word)
{
	if (h->vout == 4)
		memcpy(value, &word, 4);
	else if (h->vout == 8)
		memcpy(value, &word, 8);
	else
		memcpy(value, &word, h->vout);
	if (unlikely(h->vpad))
		memset((u8 *)value + h->vout, 0, h->vpad);
	if (h->lock_off >= 0) /* whatever it is at the moment: others see an open lock */
		memset((u8 *)value + h->lock_off, 0, 4);
}

static inline __attribute__((always_inline)) bool put_value_block(const struct htab *h, const struct seen *e,
								  void *value)
{
	shared_copy(value, htab_block_value(h, (u32)e->s_hi), h->vout);
	if (unlikely(!unchanged(h, e->i, e->s_lo)))
		return false;
	if (unlikely(h->vpad))
		memset((u8 *)value + h->vout, 0, h->vpad);
	if (unlikely(h->lock_off >= 0))
		memset((u8 *)value + h->lock_off, 0, 4);
	return true;
}

bool htab_copy_value(struct htab *h, u32 i, u64 s_lo, u64 s_hi, void *value)
{
	const struct seen e = { .i = i, .s_lo = s_lo, .s_hi = s_hi };

	if (!h->in_place)
		return (u32)s_hi < h->pool.n && put_value_block(h, &e, value);
	put_value_word(h, value, s_hi);
	return true;
}

/*
 * One function for all shapes, of which the compiler makes one for each shape
 * that is common: kind of keys, and bytes of a value in place (0: in a block,
 * any other number: find out).
 */
#define ANY 0xff

static inline __attribute__((always_inline)) int lookup_as(struct htab *h, u8 keys, u8 place, const void *key,
							   void *value)
{
	long budget = read_budget(h);
	struct htab_key k;
	struct seen e;
	int ret;

	htab_key_as(h, keys, &k, key);
	for (;;) {
		ret = seek(h, keys, &k, &budget, &e);
		if (unlikely(ret <= 0))
			return ret ? ret : -ENOENT;
		if (place == 4 || place == 8) {
			memcpy(value, &e.s_hi, place);
			return 0;
		}
		if (place == ANY && h->in_place) {
			put_value_word(h, value, e.s_hi);
			return 0;
		}
		if (unlikely((u32)e.s_hi >= h->pool.n)) {
			if (unchanged(h, e.i, e.s_lo))
				return -EIO;
			continue;
		}
		if (likely(put_value_block(h, &e, value)))
			return 0;
	}
}

enum { PATH_4_4, PATH_4_8, PATH_8_4, PATH_8_8, PATH_4_BLOCK, PATH_8_BLOCK, PATH_SHORT, PATH_LONG };

void htab_choose_path(struct htab *h)
{
	u8 at = h->keys == KEYS_8;

	if (h->keys == KEYS_LONG)
		h->path = PATH_LONG;
	else if (h->keys == KEYS_SHORT || (h->in_place && (h->lock_off >= 0 || h->vout % 4 || h->vpad)))
		h->path = PATH_SHORT;
	else if (!h->in_place)
		h->path = PATH_4_BLOCK + at;
	else
		h->path = (u8)(PATH_4_4 + 2 * at + (h->vout == 8));
}

static noinline int lookup_rare(struct htab *h, const void *key, void *value)
{
	if (h->path == PATH_LONG)
		return lookup_as(h, KEYS_LONG, ANY, key, value);
	return lookup_as(h, h->keys, ANY, key, value);
}

int htab_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	struct htab *h = htab_of(m);

	switch (h->path) {
	case PATH_4_4: return lookup_as(h, KEYS_4, 4, key, value);
	case PATH_4_8: return lookup_as(h, KEYS_4, 8, key, value);
	case PATH_8_4: return lookup_as(h, KEYS_8, 4, key, value);
	case PATH_8_8: return lookup_as(h, KEYS_8, 8, key, value);
	case PATH_4_BLOCK: return lookup_as(h, KEYS_4, 0, key, value);
	case PATH_8_BLOCK: return lookup_as(h, KEYS_8, 0, key, value);
	default: return lookup_rare(h, key, value);
	}
}

void *htab_lookup_ptr(struct op *op, struct bpf_map *m, const void *key)
{
	struct htab *h = htab_of(m);
	long budget = read_budget(h);
	struct htab_key k;
	struct seen e;
	struct ent *ent;

	htab_key_set(h, &k, key);
	if (likely(h->keys != KEYS_LONG) ? seek(h, KEYS_SHORT, &k, &budget, &e) <= 0
					 : seek(h, KEYS_LONG, &k, &budget, &e) <= 0)
		return NULL;
	ent = &h->ents[e.i];
	if (h->lru && !load64(&ent->ref))
		__atomic_store_n(&ent->ref, 1, __ATOMIC_RELAXED);
	if (h->in_place)
		return &ent->s.hi;
	return (u32)e.s_hi < h->pool.n ? htab_block_value(h, (u32)e.s_hi) : NULL;
}

bool htab_peek(struct htab *h, u32 i, u64 *word)
{
	u64 lo, hi;

	for (u32 t = 0; t < 1000; t++) {
		lo = load64(&h->ents[i].s.lo);
		hi = load64(&h->ents[i].s.hi);
		if (!ent_present(lo))
			return false;
		if (!h->in_place) {
			if ((u32)hi >= h->pool.n)
				return false;
			hi = load64((u64 *)htab_block_value(h, (u32)hi));
		}
		if (unchanged(h, i, lo)) {
			*word = hi;
			return true;
		}
	}
	return false;
}

/* ---- keys ---- */

bool htab_copy_key(struct htab *h, u32 i, u64 s_lo, u64 s_hi, u64 word, void *key)
{
	switch (h->keys) {
	case KEYS_4: memcpy(key, &word, 4); return true;
	case KEYS_8: memcpy(key, &word, 8); return true;
	case KEYS_SHORT: memcpy(key, &word, h->key_size); return true;
	}
	if ((u32)s_hi >= h->pool.n)
		return !unchanged(h, i, s_lo);
	shared_copy(key, pool_block(&h->pool, (u32)s_hi)->data, h->key_size);
	return unchanged(h, i, s_lo);
}

/*
 * The first present entry at or behind link: 1, 0: none, -EAGAIN: the bucket
 * has changed under us, -EIO.
 */
static int first_present(struct htab *h, u64 link, long *budget, struct seen *e)
{
	while ((u32)link) {
		int ret = see(h, link, e);

		if (--*budget < 0 || ret == SEEN_BAD)
			return -EIO;
		if (ret == SEEN_RESTART)
			return -EAGAIN;
		if (ret == SEEN_AGAIN)
			continue;
		if (ent_present(e->s_lo))
			return 1;
		link = e->next;
	}
	return 0;
}

/* The key of the first entry of buckets [b, ...). */
static int first_from(struct htab *h, u32 b, long *budget, void *next)
{
	struct seen e;

	for (; b <= h->mask;) {
		int ret = first_present(h, load64(&h->heads[b].hi), budget, &e);

		if (--*budget < 0 || ret == -EIO)
			return -EIO;
		if (ret == 1 && htab_copy_key(h, e.i, e.s_lo, e.s_hi, e.word, next))
			return 0;
		if (!ret)
			b++;
	}
	return -ENOENT;
}

int htab_next_key(struct op *op, struct bpf_map *m, const void *key, void *next)
{
	struct htab *h = htab_of(m);
	long budget = 8l * h->n + 200000;
	struct htab_key k;
	struct seen e;
	int ret;

	if (!key)
		return first_from(h, 0, &budget, next);
	htab_key_set(h, &k, key);
	for (;;) {
		ret = seek(h, h->keys, &k, &budget, &e);
		if (ret < 0)
			return ret;
		if (!ret) /* gone, or never there */
			return first_from(h, 0, &budget, next);
		ret = first_present(h, e.next, &budget, &e);
		if (ret == -EIO)
			return ret;
		if (!ret)
			return first_from(h, k.bucket + 1, &budget, next);
		if (ret == 1 && htab_copy_key(h, e.i, e.s_lo, e.s_hi, e.word, next))
			return 0;
	}
}
