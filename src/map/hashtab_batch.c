// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batches over the hash table: bucket by bucket, the cursor is the number of the next bucket.
 *
 * A bucket is delivered whole or not at all, so that a walk meets each key
 * that stays exactly once. A look at a bucket that changes meanwhile begins
 * anew. The deleting form removes entry by entry what it delivers; each is
 * gone exactly when its copy counts.
 */
#include "map/hashtab_int.h"

struct batch {
	struct htab *h;
	struct op *op;
	u8 *keys, *values;
	u32 room, n;
};

/* Copies the entry the link names to place `at`. 1: done, 0: it is absent, -EAGAIN, -EIO. *next: behind it.
 */
static int batch_copy(struct batch *t, u64 link, u32 at, u64 *next, struct pair *s)
{
	struct htab *h = t->h;
	u32 i = link_index(link);
	struct ent *e;
	u64 word;

	if (i >= h->n)
		return -EIO;
	e = &h->ents[i];
	s->lo = load64(&e->s.lo);
	if (GEN(s->lo) != GEN(link))
		return -EAGAIN;
	s->hi = load64(&e->s.hi);
	*next = load64(&e->next.hi);
	word = load64(&e->key.hi);
	if (load64(&e->s.lo) != s->lo)
		return -EAGAIN;
	if (!ent_present(s->lo))
		return 0;
	if (!h->in_place && (u32)s->hi >= h->pool.n)
		return -EIO;
	if (at >= t->room)
		return -ENOSPC;
	if (!htab_copy_key(h, i, s->lo, s->hi, word, t->keys + (u64)at * h->key_size) ||
	    !htab_copy_value(h, i, s->lo, s->hi, t->values + (u64)at * (h->vout + h->vpad)))
		return -EAGAIN;
	return 1;
}

/* Entries lie in no order of buckets: their lines are asked for some buckets ahead. */
static void look_ahead(const struct htab *h, u32 b)
{
	u32 i = link_index(load64(&h->heads[(b + 8) & h->mask].hi));

	if (i < h->n)
		__builtin_prefetch(&h->ents[i]);
}

/* All entries of bucket b: how many, or -ENOSPC, -EIO. */
static int bucket_read(struct batch *t, u32 b)
{
	struct pair s;
	int ret, got;
	u64 link;

	do {
		got = 0;
		ret = 0;
		link = load64(&t->h->heads[b].hi);
		while ((u32)link && ret >= 0) {
			if (--t->op->budget < 0)
				return -EIO;
			ret = batch_copy(t, link, t->n + (u32)got, &link, &s);
			got += ret == 1;
		}
	} while (ret == -EAGAIN);
	return ret < 0 ? ret : got;
}

/*
 * Most maps have a key of 4 or 8 bytes in the entry, many the value, too. Then a group
 * of buckets is read in waves: all heads, what they lead to, what that leads
 * to. Which buckets are empty nobody can predict, nor where an entry lies; a
 * wave has no branch on the one and does not wait for the other. What a walk
 * of one bucket after the other does with an entry is done here, too; as soon as
 * something is not as it mostly is, the group is read that way.
 */
#define GROUP 64u

/* The value of an entry: false when it is not there any more. vsize 0: in a block. */
static inline __attribute__((always_inline)) bool wave_value(const struct htab *h, const struct ent *e,
							     u64 lo, u64 hi, u32 vsize, u8 *value)
{
	if (vsize) {
		memcpy(value, &hi, vsize);
		return true;
	}
	if (unlikely((u32)hi >= h->pool.n))
		return false;
	shared_copy(value, htab_block_value(h, (u32)hi), h->vout);
	read_order();
	return load64(&e->s.lo) == lo;
}

/*
 * The entries of one wave; the links behind them take the place of those to them. How many, or -EAGAIN.
 * Sizes are constants here; a value of size 0 stands in a block.
 */
static inline __attribute__((always_inline)) int wave(struct batch *t, u64 link[GROUP], u32 n, u32 ksize,
						      u32 vsize, u32 *got)
{
	const struct ent *ents = t->h->ents;
	const u32 ends = t->h->n, room = t->room, stride = vsize ? vsize : t->h->vout;
	u8 *key = t->keys, *value = t->values;
	u32 at = *got, left = 0;

	for (u32 k = 0; k < n; k++) {
		u32 i = link_index(link[k]);
		const struct ent *e;
		u64 lo, hi, next, word;

		if (unlikely(i >= ends || at >= room))
			return -EAGAIN;
		e = &ents[i];
		lo = load64(&e->s.lo);
		hi = load64(&e->s.hi);
		next = load64(&e->next.hi);
		word = load64(&e->key.hi);
		if (unlikely(GEN(lo) != GEN(link[k]) || load64(&e->s.lo) != lo))
			return -EAGAIN;
		if (likely(ent_present(lo))) {
			memcpy(key + (u64)at * ksize, &word, ksize);
			if (unlikely(!wave_value(t->h, e, lo, hi, vsize, value + (u64)at * stride)))
				return -EAGAIN;
			at++;
		}
		link[left] = next;
		left += (u32)next != 0;
	}
	*got = at;
	return (int)left;
}

/* All entries of n buckets from b on, put at t->n: 0, or -EAGAIN. */
static inline __attribute__((always_inline)) int group_as(struct batch *t, u32 b, u32 n, u32 ksize, u32 vsize)
{
	u32 got = t->n;
	u64 link[GROUP];
	int left = 0;

	for (u32 i = 0; i < n; i++) {
		link[left] = load64(&t->h->heads[b + i].hi);
		left += (u32)link[left] != 0;
	}
	for (u32 depth = 0; left > 0; depth++) /* a chain that is longer is looked at with a budget */
		left = depth < GROUP ? wave(t, link, (u32)left, ksize, vsize, &got) : -EAGAIN;
	if (!left)
		t->n = got;
	return left;
}

static int group_read(struct batch *t, u32 b, u32 n)
{
	const struct htab *h = t->h;

	if (!h->in_place)
		return h->keys == KEYS_4 ? group_as(t, b, n, 4, 0) : group_as(t, b, n, 8, 0);
	if (h->keys == KEYS_4)
		return h->vout == 4 ? group_as(t, b, n, 4, 4) : group_as(t, b, n, 4, 8);
	return h->vout == 4 ? group_as(t, b, n, 8, 4) : group_as(t, b, n, 8, 8);
}

static bool groups(const struct htab *h)
{
	return h->lock_off < 0 && !h->vpad && h->keys <= KEYS_8 &&
	       (!h->in_place || h->vout == 4 || h->vout == 8);
}

/* Reads groups from bucket `at` on, as long as they are as they mostly are; where it stopped. */
static u32 groups_read(struct batch *t, u32 at)
{
	const u32 end = t->h->mask + 1;

	while (at < end) {
		u32 n = MIN(GROUP, end - at);

		if (group_read(t, at, n))
			break;
		at += n;
	}
	return at;
}

/* Removes the entries of bucket b, each after its copy. Room for all was there a moment ago. */
static int bucket_remove(struct batch *t, u32 b)
{
	struct htab *h = t->h;
	int ret, got = 0;

	for (;;) {
		u64 link = load64(&h->heads[b].hi), next = 0;
		struct pair s;

		for (ret = 0; (u32)link && !ret; link = ret ? link : next) {
			if (--t->op->budget < 0)
				return -EIO;
			ret = batch_copy(t, link, t->n + (u32)got, &next, &s);
		}
		if (!ret || ret == -ENOSPC) /* empty, or it has grown since: the rest another time */
			break;
		if (ret == -EAGAIN)
			continue;
		if (ret < 0)
			return ret;
		htab_before_drop(t->op, h, s.hi);
		if (!htab_kill(h, link_index(link), s))
			continue;
		got++;
		htab_after_drop(t->op, h);
	}
	htab_walk_to(t->op, h, b, NIL); /* unlinks them all */
	return got;
}

/* The cursor to begin at, or -ENOENT. */
static s64 batch_begin(const struct htab *h, const struct map_batch *b)
{
	u32 at = 0;

	if (b->in)
		memcpy(&at, b->in, sizeof(at));
	return at <= h->mask ? (s64)at : -ENOENT;
}

/* The answer of a batch that has come to bucket `at`. */
static int batch_end(struct map_batch *b, const struct batch *t, u32 at, int ret)
{
	b->count = t->n;
	if (b->out)
		memcpy(b->out, &at, sizeof(at));
	return ret == -ENOSPC && t->n ? 0 : ret;
}

static int htab_batch(struct op *op, struct bpf_map *m, struct map_batch *b, bool remove)
{
	struct batch t = { htab_of(m), op, b->keys, b->values, b->count, 0 };
	bool usual = !remove && groups(t.h);
	u32 at, again = 0;
	int ret = 0, got;
	s64 from;

	if (b->elem_flags & ~(u64)BPF_F_LOCK || (b->elem_flags && t.h->lock_off < 0) || b->flags)
		return -EINVAL;
	if (!b->count)
		return 0;
	b->count = 0;
	from = batch_begin(t.h, b);
	if (from < 0) {
		b->out = NULL; /* there is no next cursor */
		return (int)from;
	}
	htab_begin(op, m);
	for (at = (u32)from; !ret; at++) {
		if (usual && at >= again) {
			at = groups_read(&t, at);
			again = at + GROUP;
			if (at > t.h->mask)
				return batch_end(b, &t, at, -ENOENT);
		}
		op->budget = 20l * t.h->n + 200000; /* a bucket's */
		look_ahead(t.h, at);
		got = bucket_read(&t, at);
		if (got > 0 && remove)
			got = bucket_remove(&t, at);
		if (got < 0) {
			ret = got;
			break;
		}
		t.n += (u32)got;
		if (at == t.h->mask)
			ret = -ENOENT;
	}
	return batch_end(b, &t, at, ret);
}

int htab_lookup_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	return htab_batch(op, m, b, false);
}

int htab_lookup_and_delete_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	return htab_batch(op, m, b, true);
}
