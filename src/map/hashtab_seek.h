// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding an entry without writing, for lookups and for all that need only the entry.
 *
 * An entry's words are taken together if s was the same before and after.
 * What was found was present at that moment; a swap from the s that was seen
 * fails if anything has changed since, so overwrite and delete need no more
 * than this. Inserts need the bucket's head as well: htab_find.
 */
#ifndef PINFS_MAP_HASHTAB_SEEK_H
#define PINFS_MAP_HASHTAB_SEEK_H

#include "map/hashtab_int.h"

struct seen {
	u32 i;
	u64 s_lo, s_hi, next, word;
};

enum { SEEN, SEEN_AGAIN, SEEN_RESTART, SEEN_BAD };

static inline __attribute__((always_inline)) int see(const struct htab *h, u64 link, struct seen *r)
{
	const struct ent *e;

	r->i = link_index(link);
	if (unlikely(r->i >= h->n))
		return SEEN_BAD;
	e = &h->ents[r->i];
	r->s_lo = load64(&e->s.lo);
	if (unlikely(GEN(r->s_lo) != GEN(link)))
		return SEEN_RESTART;
	r->s_hi = load64(&e->s.hi);
	r->next = load64(&e->next.hi);
	r->word = load64(&e->key.hi);
	return likely(load64(&e->s.lo) == r->s_lo) ? SEEN : SEEN_AGAIN;
}

static inline bool unchanged(const struct htab *h, u32 i, u64 s_lo)
{
	read_order();
	return load64(&h->ents[i].s.lo) == s_lo;
}

/* Is it that long key? -1: the entry has changed; -2: its block is none. */
static inline int long_key_is(const struct htab *h, const struct seen *e, const void *bytes)
{
	bool same;

	if ((u32)e->s_hi >= h->pool.n)
		return -2;
	same = htab_block_key_is(h, (u32)e->s_hi, bytes);
	return unchanged(h, e->i, e->s_lo) ? same : -1;
}

/* 1: found, 0: absent, -EIO. `keys` is a constant where it matters. */
static inline __attribute__((always_inline)) int seek(const struct htab *h, u8 keys, const struct htab_key *k,
						      long *budget, struct seen *r)
{
	u64 link;

restart:
	if (unlikely(--*budget < 0))
		return -EIO;
	link = load64(&h->heads[k->bucket].hi);
	while ((u32)link) {
		int ret = see(h, link, r);

		if (unlikely(--*budget < 0 || ret == SEEN_BAD))
			return -EIO;
		if (unlikely(ret == SEEN_RESTART))
			goto restart;
		if (unlikely(ret == SEEN_AGAIN))
			continue;
		if (r->word == k->word && ent_present(r->s_lo)) {
			ret = keys == KEYS_LONG ? long_key_is(h, r, k->bytes) : 1;
			if (likely(ret == 1))
				return 1;
			if (ret == -1)
				continue;
			if (ret)
				return -EIO;
		}
		link = r->next;
	}
	return 0;
}

static inline long read_budget(const struct htab *h)
{
	return 4l * h->n + 200000;
}

#endif
