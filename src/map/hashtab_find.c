// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chains of the hash table, for those who change them: find, claim, take back.
 *
 * A walk holds, for each step, the pair that led to the entry (`prev`: the
 * bucket's head or the next word of a LIVE entry) as it was read. It passes an
 * entry only after s, next and key were seen to belong together. It leaves no
 * unfinished business behind: CLAIMED becomes LIVE, DEAD is unlinked and freed.
 *
 * Two rules make inserts exact without a lock:
 *  - entries are linked only at the head, by a swap from the head as it was
 *    before the walk: an unchanged tag proves that nobody else inserted;
 *  - a claim is taken back only after the head's tag was moved on and s still
 *    was the same: an attempt to link that read the head before dies by the
 *    head, one that reads it later has moved s.
 */
#include "map/hashtab_int.h"
#include "util/raw.h"

/* ---- walking ---- */

struct step {
	struct pair *prev, seen; /* what led here, and as what it was read */
	u64 cur;
};

struct look {
	struct ent *e;
	u32 i;
	struct pair s, next;
	u64 word;
};

enum { LOOK_OK, LOOK_AGAIN, LOOK_RESTART, LOOK_BAD };

/* Reads the entry that the link names, in one moment. */
static inline int look_at(const struct htab *h, u64 link, u32 bucket, struct look *l)
{
	l->i = link_index(link);
	if (l->i >= h->n)
		return LOOK_BAD;
	l->e = &h->ents[l->i];
	l->s.lo = load64(&l->e->s.lo);
	if (GEN(l->s.lo) != GEN(link))
		return LOOK_RESTART;
	l->s.hi = load64(&l->e->s.hi);
	l->next = pair_load(&l->e->next);
	l->word = load64(&l->e->key.hi);
	if (load64(&l->e->s.lo) != l->s.lo)
		return LOOK_AGAIN;
	if (STATE(l->s.lo) == ENT_FREE || STATE(l->s.lo) > ENT_DEAD || GEN(l->next.lo) != GEN(link) ||
	    htab_bucket(h, l->word) != bucket)
		return LOOK_RESTART;
	return LOOK_OK;
}

/* Takes a DEAD entry out of the chain. True: the step now leads to what was behind it. */
static bool unlink_dead(struct op *op, struct htab *h, struct step *st, struct look *l, struct htab_pos *r)
{
	bool at_head = st->prev == &h->heads[r->bucket];
	struct pair to;

	if (!(l->next.lo & MARK)) {
		to = (struct pair){ next_word(l->next.lo, GEN(l->next.lo), MARK), l->next.hi };
		if (!pair_cas(&l->e->next, &l->next, to))
			return false;
		l->next = to;
	}
	to.lo = at_head ? st->seen.lo + 1 : next_word(st->seen.lo, GEN(st->seen.lo), 0);
	to.hi = l->next.hi;
	if (!pair_cas(st->prev, &st->seen, to))
		return false;
	st->seen = to;
	st->cur = to.hi;
	if (at_head)
		r->head = to;
	htab_free_ent(op, h, l->i, l->s);
	return true;
}

/* 1: this is it, 0: it is not, LOOK_* of above negated otherwise. */
static inline int matches(const struct htab *h, const struct look *l, const struct htab_key *k, u32 want)
{
	bool same;

	if (!k)
		return l->i == want;
	if (l->word != k->word)
		return 0;
	if (h->keys != KEYS_LONG)
		return 1;
	if ((u32)l->s.hi >= h->pool.n)
		return -LOOK_BAD;
	same = htab_block_key_is(h, (u32)l->s.hi, k->bytes);
	read_order();
	return load64(&l->e->s.lo) == l->s.lo ? same : -LOOK_AGAIN;
}

/* One entry. LOOK_OK: found; LOOK_AGAIN: go on with st; LOOK_RESTART; LOOK_BAD. */
static inline int visit(struct op *op, struct htab *h, struct step *st, const struct htab_key *k, u32 want,
			struct htab_pos *r)
{
	struct look l;
	int ret = look_at(h, st->cur, r->bucket, &l);

	if (unlikely(ret != LOOK_OK))
		return ret;
	if (unlikely(STATE(l.s.lo) == ENT_CLAIMED)) {
		pair_cas(&l.e->s, &l.s, (struct pair){ s_next(l.s.lo, ENT_LIVE), l.s.hi });
		return LOOK_AGAIN;
	}
	if (unlikely(STATE(l.s.lo) == ENT_DEAD))
		return unlink_dead(op, h, st, &l, r) ? LOOK_AGAIN : LOOK_RESTART;
	if (unlikely(l.next.lo & MARK)) /* only DEAD ones are marked */
		return load64(&l.e->s.lo) == l.s.lo ? LOOK_BAD : LOOK_RESTART;
	ret = matches(h, &l, k, want);
	if (ret < 0)
		return -ret;
	if (ret) {
		r->i = l.i;
		r->s = l.s;
		return LOOK_OK;
	}
	st->prev = &l.e->next;
	st->seen = l.next;
	st->cur = l.next.hi;
	return LOOK_AGAIN;
}

static inline __attribute__((always_inline)) int walk(struct op *op, struct htab *h, const struct htab_key *k,
						      u32 want, struct htab_pos *r)
{
	struct step st;

	for (;;) {
		int ret = LOOK_AGAIN;

		st.prev = &h->heads[r->bucket];
		r->head = st.seen = pair_load(st.prev);
		st.cur = st.seen.hi;
		while (ret == LOOK_AGAIN) {
			if (!(u32)st.cur)
				return 0;
			if (unlikely(--op->budget < 0))
				return -EIO;
			ret = visit(op, h, &st, k, want, r);
		}
		if (ret == LOOK_OK)
			return 1;
		if (ret == LOOK_BAD)
			return -EIO;
	}
}

int htab_find(struct op *op, struct htab *h, const struct htab_key *k, struct htab_pos *r)
{
	r->bucket = k->bucket;
	return walk(op, h, k, 0, r);
}

int htab_walk_to(struct op *op, struct htab *h, u32 bucket, u32 i)
{
	struct htab_pos r = { .bucket = bucket };

	return walk(op, h, NULL, i, &r);
}

/* ---- freeing ---- */

/* Lets others know of a free entry. */
static void offer(struct op *op, struct htab *h, u32 i)
{
	hint_free(h->hints, i);
	if (h->lru && load64(&h->words->full))
		__atomic_store_n(&h->words->full, FULL_NONE, __ATOMIC_RELEASE);
	else
		op->actor->hint[0] = i / 64;
}

void htab_free_ent(struct op *op, struct htab *h, u32 i, struct pair s)
{
	struct ent *e = &h->ents[i];
	struct pair now = pair_load(&e->s), own;
	u32 b = (u32)now.hi;

	if (GEN(now.lo) != GEN(s.lo) || STATE(now.lo) != ENT_DEAD)
		return;
	own = pool_owner(&h->pool, b);
	if (!pair_cas(&e->s, &now, (struct pair){ s_freed(now.lo), 0 }))
		return;
	if (!h->lru || !op->claim[2]) /* else it is about to be claimed again at once */
		offer(op, h, i);
	if (!h->in_place)
		pool_take(op, &h->pool, b, i, own);
}

void htab_unclaim(struct op *op, struct htab *h, struct htab_claim *c)
{
	if (pair_cas(&h->ents[c->i].s, &c->s, (struct pair){ s_freed(c->s.lo), 0 }))
		offer(op, h, c->i);
	barrier();
	op->claim[1] = 0;
}

void htab_abort(struct op *op, struct htab *h, u32 i)
{
	struct ent *e = &h->ents[i];

	for (u32 t = 0; t < 100; t++) {
		struct pair s = pair_load(&e->s), key = pair_load(&e->key);

		if (STATE(s.lo) != ENT_CLAIMED)
			return;
		if (GEN(key.lo) == GEN(s.lo)) { /* it may have come as far as being linked */
			struct htab_pos r = { .bucket = htab_bucket(h, key.hi) };

			if (walk(op, h, NULL, i, &r)) /* met: it is LIVE now. Or an error. */
				return;
			if (!pair_cas(&h->heads[r.bucket], &r.head,
				      (struct pair){ r.head.lo + 1, r.head.hi }))
				continue;
		}
		if (pair_cas(&e->s, &s, (struct pair){ s_freed(s.lo), 0 })) {
			offer(op, h, i);
			return;
		}
	}
}

/* A claim that moves is left alone for a moment: its owner is at work. */
static void grace(struct ent *e, u64 lo)
{
	for (u32 n = 0; n < 400 && load64(&e->s.lo) == lo; n++) {
		if (n > 300)
			raw0(SYS_sched_yield);
		else
			__builtin_ia32_pause();
	}
}

void htab_reclaim(struct op *op, struct htab *h, u32 i)
{
	struct ent *e = &h->ents[i];
	struct pair s = pair_load(&e->s);

	if (STATE(s.lo) == ENT_CLAIMED) {
		grace(e, s.lo);
		if (load64(&e->s.lo) == s.lo)
			htab_abort(op, h, i);
	} else if (STATE(s.lo) == ENT_DEAD) {
		struct pair key = pair_load(&e->key);

		/* A whole walk that does not meet it proves that it is unlinked: DEAD is never linked again.
		 */
		if (htab_walk_to(op, h, htab_bucket(h, key.hi), i) == 0)
			htab_free_ent(op, h, i, s);
	}
}

/* What the dead had claimed, and what the slow are about to claim again: their claims prove themselves at
 * each step. */
u32 htab_gc(struct op *op, struct bpf_map *m)
{
	struct htab *h = htab_of(m);
	u32 n = 0, backed = MIN(load32(&h->words->ents_backed), h->n);

	htab_begin(op, m);
	for (u32 i = 0; i < backed && op->budget > 0; i++) {
		u64 lo = load64(&h->ents[i].s.lo);

		if (STATE(lo) != ENT_CLAIMED && STATE(lo) != ENT_DEAD)
			continue;
		htab_reclaim(op, h, i);
		n += STATE(load64(&h->ents[i].s.lo)) == ENT_FREE;
	}
	return n;
}

/* ---- claiming ---- */

int htab_try_claim(struct op *op, struct htab *h, u32 i, u64 hi, struct pool_mine *mine, struct htab_claim *c)
{
	struct ent *e = &h->ents[i];
	struct pair s = pair_load(&e->s);

	if (STATE(s.lo) != ENT_FREE)
		return 0;
	if (!h->in_place && !pool_hold(op, &h->pool, mine, i))
		return -EIO;
	c->i = i;
	c->s = (struct pair){ s_next(s.lo, ENT_CLAIMED), hi };
	op->claim[1] = i + 1;
	barrier();
	if (pair_cas(&e->s, &s, c->s))
		return 1;
	op->claim[1] = 0;
	return 0;
}

static u32 ents_backed(const struct htab *h)
{
	return MIN(load32(&h->words->ents_backed), h->n);
}

/*
 * Where this thread looks for free entries first. In an LRU map all begin at
 * the hand, so that entries lie in the order of their age, as the clock meets them.
 */
static u32 *hint_from(struct op *op, struct htab *h)
{
	struct actor *a = op->actor;
	u32 tag = (u32)((uintptr_t)h >> 4);

	if (!h->lru)
		return &a->hint[0];
	if (a->hint[3] != tag) {
		a->hint[3] = tag;
		a->hint[2] = (u32)(load64(&h->words->hand) % h->n) / 64;
	}
	return &a->hint[2];
}

static int claim_by_hint(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c)
{
	u32 n = ents_backed(h), i, *at = hint_from(op, h);

	while ((i = hint_take(h->hints, n, at)) != NIL) {
		int ret = htab_try_claim(op, h, i, hi, mine, c);

		if (ret)
			return ret;
		if (--op->budget < 0)
			return -EIO;
	}
	return 0;
}

/* Says that a scan is on: the word to store FULL from, or 0 when it is FULL already. */
static u64 full_begin(struct htab *h)
{
	u64 f = load64(&h->words->full);

	while ((f & FULL_MASK) == FULL_NONE) {
		u64 to = (f & ~(u64)FULL_MASK) + 4 + FULL_SCANNING;

		if (__atomic_compare_exchange_n(&h->words->full, &f, to, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return to;
	}
	return (f & FULL_MASK) == FULL_SCANNING ? f : 0;
}

static bool full_end(struct htab *h, u64 f)
{
	u64 to = f - FULL_SCANNING + FULL_SET;

	/* Another scan of the same version may have been faster: as good. */
	return __atomic_compare_exchange_n(&h->words->full, &f, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST) ||
	       f == to;
}

void htab_not_full(struct htab *h)
{
	u64 f = __atomic_load_n(&h->words->full, __ATOMIC_SEQ_CST);

	while ((f & FULL_MASK) != FULL_NONE) {
		u64 to = (f & ~(u64)FULL_MASK) + 4;

		if (__atomic_compare_exchange_n(&h->words->full, &f, to, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return;
	}
}

/* One entry of a scan. 1: claimed, 0: it is surely present, -EAGAIN: it was not, -EIO. */
static int scan_one(struct op *op, struct htab *h, u32 i, u64 hi, struct pool_mine *mine,
		    struct htab_claim *c)
{
	struct ent *e = &h->ents[i];
	struct pair s = { load64(&e->s.lo), 0 };
	int ret;

	if (STATE(s.lo) == ENT_LIVE)
		return 0;
	if (STATE(s.lo) == ENT_DYING) {
		s = pair_load(&e->s);
		/* Its deleter shall clear `full` again, after us. */
		if (STATE(s.lo) == ENT_DYING &&
		    pair_cas(&e->s, &s, (struct pair){ s_next(s.lo, ENT_LIVE), s.hi }))
			return 0;
		return -EAGAIN;
	}
	htab_reclaim(op, h, i);
	ret = htab_try_claim(op, h, i, hi, mine, c);
	return ret ? ret : -EAGAIN;
}

/* A whole scan. 1: claimed, 0: every entry is present, -EAGAIN: not every one was, -EIO. */
static int scan_all(struct op *op, struct htab *h, u32 n, u64 hi, struct pool_mine *mine,
		    struct htab_claim *c)
{
	bool all = true;

	for (u32 i = 0; i < n; i++) {
		int ret = scan_one(op, h, i, hi, mine, c);

		if (ret == 1 || ret == -EIO)
			return ret;
		all &= !ret;
	}
	return all ? 0 : -EAGAIN;
}

/*
 * No hint led to a free entry: look at each. As long as others are always
 * faster there is no answer; then it is that of a kernel that cannot get a
 * bucket.
 */
static int claim_by_scan(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c)
{
	u32 n = ents_backed(h), rounds = MIN(MAX(4000000 / (n + 1), 20), 20000);

	for (u32 round = 0; round < rounds; round++) {
		u64 f = full_begin(h);
		int ret;

		if (!f && n == h->n)
			return -E2BIG;
		ret = scan_all(op, h, n, hi, mine, c);
		if (ret == 1)
			return 0;
		if (ret == -EIO)
			return ret;
		if (!ret && n < h->n)
			return -ENOMEM;
		if (!ret && full_end(h, f))
			return -E2BIG;
		if (round > 50)
			raw0(SYS_sched_yield);
	}
	return -EBUSY;
}

/* Memory for more entries: 0, or -ENOMEM. */
static int more_entries(struct htab *h)
{
	u32 n = ents_backed(h), to = (u32)MIN((u64)n + MAX(1024u, n / 8), h->n);
	int err = map_back(htab_map(h), &h->ents[n], &h->ents[to]);

	if (err)
		return err;
	while (n < to && !__atomic_compare_exchange_n(&h->words->ents_backed, &n, to, false, __ATOMIC_ACQ_REL,
						      __ATOMIC_ACQUIRE))
		;
	return 0;
}

int htab_claim(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c)
{
	int ret;

	if (h->lru && load64(&h->words->full))
		return htab_evict(op, h, hi, mine, c);
	for (;;) {
		ret = claim_by_hint(op, h, hi, mine, c);
		if (ret)
			return ret < 0 ? ret : 0;
		if (ents_backed(h) >= h->n || more_entries(h))
			break;
	}
	if (!h->lru)
		return claim_by_scan(op, h, hi, mine, c);
	__atomic_store_n(&h->words->full, FULL_SET, __ATOMIC_RELEASE); /* only to spare others the search */
	return htab_evict(op, h, hi, mine, c);
}
