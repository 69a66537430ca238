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

static int htab_batch(struct op *op, struct bpf_map *m, struct map_batch *b, bool remove)
{
	struct batch t = { htab_of(m), op, b->keys, b->values, b->count, 0 };
	int ret = 0, got;
	s64 from;
	u32 at;

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
	if (ret == -ENOSPC && t.n)
		ret = 0;
	b->count = t.n;
	if (b->out)
		memcpy(b->out, &at, sizeof(at));
	return ret;
}

int htab_lookup_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	return htab_batch(op, m, b, false);
}

int htab_lookup_and_delete_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	return htab_batch(op, m, b, true);
}
