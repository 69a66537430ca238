// SPDX-License-Identifier: BSD-2-Clause
/* Pools of blocks: see pool.h. */
#include "shm/pool.h"
#include "util/err.h"

enum { FREE, PRIV, PUB };

#define STATE(own)  ((u32)((own).lo & 0xff))
#define LEVEL(own)  ((u32)((own).lo >> 8 & 0xff))
#define ACTOR(own)  ((u32)((own).hi >> 32))
#define HOLDER(own) ((u32)(own).hi)

static u64 lo_next(u64 lo, u32 level, u32 state)
{
	return ((lo + 0x10000) & ~0xffffull) | level << 8 | state;
}

static struct pair own_next(struct pair w, u32 level, u32 state, u32 actor, u32 holder)
{
	return (struct pair){ lo_next(w.lo, level, state), (u64)actor << 32 | holder };
}

static bool is_mine(const struct op *op, struct pair w)
{
	return STATE(w) == PRIV && LEVEL(w) == op->level && ACTOR(w) == op->actor->id;
}

static bool make_free(const struct pool *p, u32 b, struct pair w)
{
	if (!pair_cas(&pool_block(p, b)->own, &w, own_next(w, 0, FREE, 0, NIL)))
		return false;
	hint_free(p->hints, b);
	return true;
}

/*
 * The same from a word that was ours or a holder's, without a look at whose it
 * is: the owner that stays beside FREE says nothing, and nor does the actor beside PUB.
 */
static inline bool let_go(const struct pool *p, u32 b, u64 lo)
{
	if (!pair_cas_lo(&pool_block(p, b)->own, lo, lo_next(lo, 0, FREE)))
		return false;
	hint_free(p->hints, b);
	return true;
}

/* The thread tries this block first next time. Others may take it all the same. */
static void remember(struct op *op, const struct pool *p, u32 b)
{
	op->actor->cached_block = b;
	op->actor->cached_obj = p;
}

/* op->slot is said first: an operation that is left right behind the swap is known to have b. */
static bool grab(struct op *op, const struct pool *p, u32 b, u32 holder, struct pool_mine *mine)
{
	struct pair w = pair_load(&pool_block(p, b)->own);

	if (STATE(w) != FREE)
		return false;
	mine->b = b;
	mine->own = own_next(w, op->level, PRIV, op->actor->id, holder);
	op->slot = b;
	barrier();
	if (pair_cas(&pool_block(p, b)->own, &w, mine->own))
		return true;
	op->slot = NIL;
	return false;
}

static u32 backed(const struct pool *p)
{
	return MIN(load32(p->backed), p->n);
}

static bool from_memory(struct op *op, const struct pool *p, u32 holder, struct pool_mine *mine)
{
	struct actor *a = op->actor;
	u32 b = a->cached_block;

	if (a->cached_obj != p || b >= backed(p))
		return false;
	a->cached_obj = NULL;
	return grab(op, p, b, holder, mine);
}

static bool from_hints(struct op *op, const struct pool *p, u32 holder, struct pool_mine *mine)
{
	u32 n = backed(p), b;

	while ((b = hint_take(p->hints, n, &op->actor->hint[1])) != NIL) {
		if (grab(op, p, b, holder, mine))
			return true;
		if (--op->budget < 0)
			break;
	}
	return false;
}

/* Frees every block below n that is in nobody's use; true if there was one. */
static bool sweep(struct op *op, const struct pool *p, u32 n)
{
	u32 asked = 0, found = 0;
	bool alive = true;

	for (u32 b = 0; b < n; b++) {
		struct pair w = pair_load(&pool_block(p, b)->own);
		bool abandoned = false;

		if (--op->budget < 0)
			break;
		if (STATE(w) == FREE) {
			hint_free(p->hints, b);
			found++;
			continue;
		}
		if (STATE(w) == PRIV) {
			if (ACTOR(w) == op->actor->id)
				continue;
			if (ACTOR(w) != asked || !asked) {
				asked = ACTOR(w);
				alive = actor_alive(asked);
			}
			if (alive)
				continue;
			abandoned = true;
			/* What it did last was before it was seen dead. */
			if (pair_load(&pool_block(p, b)->own).lo != w.lo)
				continue;
		}
		if (!p->in_use(op, p, b, HOLDER(w), abandoned))
			found += make_free(p, b, w);
	}
	return found;
}

static int grow(const struct pool *p)
{
	u32 n = backed(p);
	s64 got = n < p->n ? p->back(p, n + 1) : -ENOMEM;

	if (got < 0)
		return (int)got;
	while (n < got && !__atomic_compare_exchange_n(p->backed, &n, (u32)got, false, __ATOMIC_ACQ_REL,
						       __ATOMIC_ACQUIRE))
		;
	return 0;
}

static int get_slow(struct op *op, const struct pool *p, u32 holder, struct pool_mine *mine)
{
	int err = 0;
	bool found;

	while (backed(p) < p->eager && !(err = grow(p)))
		if (from_hints(op, p, holder, mine))
			return 0;
	for (u32 pass = 0; pass < 3; pass++) {
		found = sweep(op, p, backed(p));
		if (found && from_hints(op, p, holder, mine))
			return 0;
		if (op->budget < 0)
			return -EIO;
		err = grow(p);
		if (!err && from_hints(op, p, holder, mine))
			return 0;
		/* A full filesystem, and nothing to take back: another look finds no more. */
		if (err && !found)
			break;
	}
	return err ? err : -ENOMEM;
}

int pool_get(struct op *op, const struct pool *p, u32 holder, struct pool_mine *mine)
{
	/* Without an id of our own nobody could tell what we have claimed from what the dead have. */
	if (unlikely(!op->actor->id))
		return -ENOMEM;
	if (from_memory(op, p, holder, mine) || from_hints(op, p, holder, mine))
		return 0;
	return get_slow(op, p, holder, mine);
}

bool pool_hold(struct op *op, const struct pool *p, struct pool_mine *mine, u32 holder)
{
	struct pair w = mine->own;

	if (HOLDER(w) == holder)
		return true;
	mine->own = own_next(w, op->level, PRIV, op->actor->id, holder);
	return pair_cas(&pool_block(p, mine->b)->own, &w, mine->own);
}

/* If the swap fails, the block has been replaced and freed meanwhile: no longer ours either way. */
void pool_publish(struct op *op, const struct pool *p, struct pool_mine *mine)
{
	u64 lo = mine->own.lo;

	pair_cas_lo(&pool_block(p, mine->b)->own, lo, lo_next(lo, 0, PUB));
	barrier();
	op->slot = NIL;
}

void pool_put(struct op *op, const struct pool *p, struct pool_mine *mine)
{
	if (make_free(p, mine->b, mine->own))
		remember(op, p, mine->b);
	barrier();
	op->slot = NIL;
}

void pool_take(struct op *op, const struct pool *p, u32 b, u32 holder, struct pair seen)
{
	if (b >= p->n)
		return;
	if (!let_go(p, b, seen.lo)) {
		struct pair w = pair_load(&pool_block(p, b)->own);

		/* Its owner has just published it, or another sweep has it: only the first is our business.
		 */
		if (STATE(w) != PUB || w.lo >> 16 != (seen.lo >> 16) + 1 || HOLDER(w) != holder ||
		    !make_free(p, b, w))
			return;
	}
	remember(op, p, b);
}

void pool_recover(struct op *old, struct op *now, const struct pool *p)
{
	u32 b = old->slot;
	struct pair w;

	if (b >= p->n)
		return;
	w = pair_load(&pool_block(p, b)->own);
	if (is_mine(old, w)) {
		if (p->in_use(now, p, b, HOLDER(w), true))
			pair_cas(&pool_block(p, b)->own, &w, own_next(w, 0, PUB, 0, HOLDER(w)));
		else
			make_free(p, b,
				  w); /* never published, or replaced: whoever changes own first has it */
	}
	old->slot = NIL;
}
