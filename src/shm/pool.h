// SPDX-License-Identifier: BSD-2-Clause
/*
 * A pool of blocks in shared memory: prepare in private, publish, take back.
 *
 * A block is `stride` bytes and stays a block for ever; its first 16 bytes say
 * whose it is, its value follows:
 *
 *     own.lo = tag:48 | level:8 | state:8      own.hi = actor:32 | holder:32
 *
 *     FREE   nobody's; its hint bit is clear, or some thread remembers it
 *     PRIV   of that actor's operation at that level, being filled for `holder`
 *     PUB    published: the holder (an element of the structure) refers to it,
 *            or did until a moment ago
 *
 *          pool_get               pool_publish
 *     FREE --------> PRIV(me, L) --------------> PUB
 *       ^  pool_put      |     pool_take          |
 *       +----------------+------------------------+
 *
 * The truth about a block in use is the holder's word that refers to it, not
 * its state: PRIV and PUB may lag behind when someone is stopped or killed. So
 *
 *  - a sweep takes back every block that is PUB, or PRIV of a dead actor, and
 *    that its holder does not refer to (pool->in_use);
 *  - who makes a holder let go of a block reads the block's word before
 *    (pool_owner) and frees it with pool_take from that word. If someone else
 *    was faster, the word has changed: nobody frees a block twice.
 *
 * An operation has at most one private block. op->slot names it from before
 * the swap that claims it, so that pool_recover finds it if the operation is
 * abandoned. A block that was freed last is remembered in the actor and tried
 * first: it is as free for all others.
 *
 * Blocks below *backed have memory; more is had from pool->back.
 */
#ifndef PINFS_SHM_POOL_H
#define PINFS_SHM_POOL_H

#include "shm/actor.h"
#include "shm/tagged.h"

struct pool {
	u8 *base;    /* blocks */
	u64 *hints;  /* bitmap, see tagged.h */
	u32 *backed; /* shared: how many blocks have memory */
	u32 n, stride;
	u32 eager; /* up to here memory is rather taken than a sweep made */
	/* Does `holder` refer to block b? abandoned: its owner is dead or gone, help or undo what it began.
	 */
	bool (*in_use)(struct op *op, const struct pool *p, u32 b, u32 holder, bool abandoned);
	/* Memory for blocks up to n at least: how many there are then, or a negative errno. */
	s64 (*back)(const struct pool *p, u32 n);
};

struct block {
	struct pair own;
	u8 data[];
};

/* A private block, and its owner word as we wrote it. */
struct pool_mine {
	u32 b;
	struct pair own;
};

static inline struct block *pool_block(const struct pool *p, u32 b)
{
	return (struct block *)(p->base + (u64)b * p->stride);
}

/* A private block for holder: 0, -ENOMEM (or another errno of back), -EIO (budget). */
int pool_get(struct op *op, const struct pool *p, u32 holder, struct pool_mine *mine);

/* The block will be published at another holder than the one said so far. False: it is no longer ours. */
bool pool_hold(struct op *op, const struct pool *p, struct pool_mine *mine, u32 holder);

/* After the holder's word refers to it. */
void pool_publish(struct op *op, const struct pool *p, struct pool_mine *mine);

/* Not needed after all. */
void pool_put(struct op *op, const struct pool *p, struct pool_mine *mine);

/* The owner word of the block that is about to be replaced; {0, 0} when b is no block. */
static inline struct pair pool_owner(const struct pool *p, u32 b)
{
	return b < p->n ? pair_load(&pool_block(p, b)->own) : (struct pair){ 0, 0 };
}

/* Frees b, which `holder` has just let go of; seen: its owner word from before that. */
void pool_take(struct op *op, const struct pool *p, u32 b, u32 holder, struct pair seen);

/* Settles the private block of an abandoned operation. */
void pool_recover(struct op *old, struct op *now, const struct pool *p);

#endif
