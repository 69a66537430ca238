// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who changes shared memory: actors, and the operations they are in.
 *
 * An actor is one thread of one process. Its id is taken from a counter of the
 * store and never used again; the process proves that it lives by an OFD write
 * lock on byte <id> of the store's file "actors", which the kernel drops when
 * the process dies, however it dies. Nobody ever waits for an actor: an id
 * only answers the question "may what this one has claimed be taken back?".
 *
 * An operation (struct op) is one call that works on one object. A thread can
 * be in several at once, one inside the other, when a signal handler calls
 * bpf(2); each has its level:
 *
 *     actor->op[0]   interrupted by a handler
 *     actor->op[1]   the handler's own            <- actor->level == 2
 *
 * An operation may never end: siglongjmp() or pthread_cancel() leave it. So
 * what it has claimed is written into its struct op BEFORE it is claimed in
 * shared memory, and the next operation of the thread at that level (seen by
 * stack addresses, see op_enter) first calls op->recover() of the abandoned
 * one. struct op lives in the actor, not on the stack that is gone.
 *
 * op->obj is a hazard: what it points to is not unmapped before the operation
 * is over (op_in_use).
 *
 * After fork the child is nobody: its first operation makes it a new actor.
 */
#ifndef PINFS_SHM_ACTOR_H
#define PINFS_SHM_ACTOR_H

#include "shm/guard.h"
#include "util/types.h"

#define ACTOR_LEVELS 16
#define NIL          0xffffffffu /* no index, no block */

struct actor;

struct op {
	struct actor *actor;
	u32 level;
	const void *fp;  /* stack address of the caller of op_enter */
	const void *obj; /* hazard: the process-local object in use */
	struct guard guard;

	/*
	 * Claims in shared memory, in the words of the object's type. Set
	 * before the claim, cleared after it is published or given back.
	 */
	void (*recover)(struct op *abandoned, struct op *now); /* NULL: nothing is claimed */
	/* A type sets these three back to NULL and NIL before it returns: op_enter relies on it. */
	volatile u32 slot;   /* block that is ours and not yet published, or NIL */
	volatile u32 taking; /* block that is about to become ours, or NIL */
	volatile u64 claim[4];
	long budget; /* steps left before a damaged structure gives EIO */
	/*
	 * A word in shared memory that names this operation over many calls of
	 * types, which have the claims above to themselves: set to 0 when the
	 * operation was left, if it is still ours. Set before, cleared after.
	 */
	_Atomic u64 *volatile held;
	volatile u64 held_word;
	/*
	 * How many things in shared memory bear the actor's id as their owner's and
	 * are this operation's, over many calls of types. Counted before they are
	 * made and after they are given up. When the operation is left with some, the
	 * actor takes another id: to all others their owner is dead then.
	 */
	volatile u32 owns;
	u32 turn; /* moved on at each run and now and then in long ones: how long what was seen may be taken
		     for granted */
};

struct actor {
	u32 id;    /* 0: may read, but has no slot in the store */
	u32 level; /* operations in progress */
	u32 in_use;
	u32 renew; /* an operation was left that owned something: another id, before the next one begins */
	struct actor *next; /* all actors of the process, never freed, recycled */

	/*
	 * One block that this thread keeps for its next operation at level 0
	 * on the same map. In shared memory it is in a state that others may
	 * take it from, so it starves nobody.
	 */
	const void *cached_obj;
	u32 cached_block;

	/* Process-local memory that an operation at a level may have made for itself; kept for the next. */
	void *scratch[ACTOR_LEVELS];

	u32 hint[4]; /* where to look first in free bitmaps */
	struct op op[ACTOR_LEVELS];
};

/*
 * Binds the process to a store: how to open its "actors" file anew (an fd or
 * a negative errno; async-signal-safe) and the address of its id counter.
 * NULL: read-only, every actor has id 0. Not async-signal-safe; once.
 */
void actor_bind(int (*open_file)(void), _Atomic u64 *next_id);

/* This thread's actor, made on first use. Never NULL; id 0 if no slot could be had. Async-signal-safe. */
struct actor *actor_self(void);

/* 1: the actor with that id may still act; 0: it is dead, and whatever it has claimed may be taken back. */
int actor_alive(u32 id);

/* Of the calling thread; fork_mark reads 0 in a child of fork. For the inline functions here only. */
extern __thread struct actor *actor_tls __attribute__((visibility("hidden")));
extern volatile u32 *actor_fork_mark __attribute__((visibility("hidden")));

/* How often actors of this process have taken another id because of what they had left (op->owns). */
extern volatile u32 actor_renewals __attribute__((visibility("hidden")));

/* First use in a thread, a child of fork, nested or abandoned operations. */
struct op *op_enter_slow(const void *obj, const void *fp);

/*
 * Takes the level for an operation. A handler may come between any two of
 * these stores; before level is stored it uses this very op and leaves it
 * clean, but for fp: so fp is stored on both sides.
 */
static inline struct op *op_begin(struct actor *a, u32 level, const void *obj, const void *fp)
{
	struct op *op = &a->op[level];

	op->fp = fp;
	barrier();
	a->level = level + 1;
	barrier();
	op->fp = fp;
	__atomic_store_n(&op->obj, obj, __ATOMIC_RELAXED);
	barrier();
	return op;
}

/* Is a thread with that actor in no operation, and neither new nor to be renewed: may it op_begin at level 0?
 */
static inline bool actor_idle(const struct actor *a)
{
	return a && !a->level && !a->renew && a->id && *actor_fork_mark;
}

/*
 * Begins an operation on obj in the calling thread. First recovers the
 * operations that the thread has abandoned. NULL when ACTOR_LEVELS are in
 * use (answer EAGAIN). fp: __builtin_frame_address(0) of the caller, which
 * must not return before op_leave.
 */
static inline struct op *op_enter(const void *obj, const void *fp)
{
	struct actor *a = actor_tls;

	if (unlikely(!actor_idle(a)))
		return op_enter_slow(obj, fp);
	return op_begin(a, 0, obj, fp);
}

/*
 * The same for who is called by the operation `outer`, the innermost one that is still wanted: nothing need
 * be found out about the stack then. outer NULL: as op_enter.
 */
static inline struct op *op_enter_in(const struct op *outer, const void *obj, const void *fp)
{
	if (outer && likely(outer->actor->level == outer->level + 1 && outer->level + 1 < ACTOR_LEVELS))
		return op_begin(outer->actor, outer->level + 1, obj, fp);
	return op_enter(obj, fp);
}

/* Ends it, with nothing claimed: recover, slot and taking are as a new operation wants them. */
static inline void op_leave(struct op *op)
{
	op->guard.armed = 0;
	op->recover = NULL;
	__atomic_store_n(&op->obj, NULL, __ATOMIC_RELEASE);
	barrier();
	op->actor->level = op->level;
}

/* After guard_set() came back with a fault: gives back what the operation had claimed. */
void op_fault(struct op *op);

/*
 * Calls fn(arg) under a guard of its own, whose faults in [lo, hi) are -EIO and others -EFAULT; then the
 * operation's own guard is as before. What fn had claimed is given back after a fault.
 */
int op_guarded(struct op *op, const void *lo, const void *hi, int (*fn)(void *arg), void *arg);

/* Sets the word that the operation holds to 0. */
void op_let_go(struct op *op);

/* It owns nothing any more: for who ends an operation in the middle, like a run that has faulted. */
void op_disown(struct op *op);

/* 1 if some thread of this process is in an operation on obj. Costs a membarrier(2). */
int op_in_use(const void *obj);

/* The guard of the calling thread's innermost operation, or NULL. Makes no actor. Async-signal-safe. */
struct guard *actor_guard(void);

/* For pthread_atfork(child): closes what the parent's life is proven by. Async-signal-safe. */
void actor_after_fork(void);

/* The fd that proves this process's actors alive, -1 when there is none: a front end hides it from its host,
 * and may have to move it to another number (a dup of it). */
int actor_fd(void);
void actor_set_fd(int fd);

#endif
