// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lock word of a value: see spin_lock.h.
 *
 * What is held is written into the operation before it is taken, so that it
 * can be given back.
 */
#include "map/spin_lock.h"
#include "shm/tagged.h"
#include "util/raw.h"
#include <signal.h>

/* Tries before the holder is asked whether it lives, and before each further try the processor is given away.
 */
#define SPINS 200

/* Rounds of that before the word is taken for damaged: some ten seconds. */
#define ROUNDS 10000000u

/*
 * Signals wait while the lock is held, but for those that a fault raises in
 * the thread itself: so no handler finds the value half written, and none
 * jumps away with the lock. The kernel's sigset_t is one word here.
 */
#define SIG_BIT(s) (1ull << ((s)-1))
#define HELD_BACK                                                                                            \
	(~(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGFPE) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |       \
	   SIG_BIT(SIGSYS)))

enum { WORD, OLD_MASK }; /* op->claim[] */

static void hold_signals(struct op *op)
{
	u64 mask = HELD_BACK, old = 0;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &old, sizeof(mask));
	op->claim[OLD_MASK] = old;
}

static void release_signals(struct op *op)
{
	u64 old = op->claim[OLD_MASK];

	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, sizeof(old));
}

/* After a fault (old == now) the signal mask is still ours; who jumped away has set his own. */
static void lock_recover(struct op *old, struct op *now)
{
	u32 *word = (u32 *)old->claim[WORD], mine = old->actor->id;

	if (!word)
		return;
	old->claim[WORD] = 0;
	if (old == now)
		release_signals(old);
	/* Last: the word may be gone with its file. A handler that comes before takes it as one of its own
	 * thread. */
	__atomic_compare_exchange_n(word, &mine, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* Whose it is: 0 nobody's any more, 1 a living other's. */
static int lock_holder_alive(u32 holder)
{
	raw0(SYS_sched_yield);
	return actor_alive(holder);
}

/* One try, with signals held back if it succeeds: from nobody, or from the holder that was seen to be dead.
 */
static bool lock_try(struct op *op, u32 *word, u32 from)
{
	hold_signals(op);
	op->claim[WORD] = (u64)word;
	op->recover = lock_recover;
	barrier();
	if (__atomic_compare_exchange_n(word, &from, op->actor->id, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return true;
	op->claim[WORD] = 0;
	op->recover = NULL;
	release_signals(op);
	return false;
}

int value_lock(struct op *op, u32 *word)
{
	u32 rounds = 0;

	if (!op->actor->id)
		return -EPERM;
	for (u32 tries = 1; rounds < ROUNDS; tries++) {
		u32 seen = load32(word);

		if (!seen || seen == op->actor->id) {
			/* Our own id: left by an operation of ours that no longer runs. */
			if (lock_try(op, word, seen))
				return 0;
		} else if (tries % SPINS) {
			__builtin_ia32_pause();
		} else {
			rounds++;
			if (!lock_holder_alive(seen) && lock_try(op, word, seen))
				return 0;
		}
	}
	return -EAGAIN;
}

int value_load_unlocked(struct op *op, void *to, const u8 *shared, size_t n, s32 lock_off)
{
	const u32 *word = (const u32 *)(shared + lock_off);

	for (u32 rounds = 0; rounds < ROUNDS; rounds++) {
		u32 holder = load32(word);

		if (!holder || !lock_holder_alive(holder)) {
			value_load(to, shared, n, lock_off);
			read_order();
			if (load32(word) == holder)
				return 0;
		}
	}
	return -EAGAIN;
}

void value_unlock(struct op *op, u32 *word)
{
	u32 me = op->actor->id;

	/* Not a plain store: a damaged word may have been taken by someone else. */
	__atomic_compare_exchange_n(word, &me, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	op->claim[WORD] = 0;
	op->recover = NULL;
	barrier();
	release_signals(op);
}

void value_store(u8 *shared, const void *from, size_t n, s32 lock_off)
{
	const u8 *f = from;
	size_t a = (size_t)lock_off, b = a + 4;

	if (lock_off < 0) {
		shared_copy(shared, from, n);
		return;
	}
	shared_copy(shared, f, a);
	shared_copy(shared + b, f + b, n - b);
}

void value_load(void *to, const u8 *shared, size_t n, s32 lock_off)
{
	u8 *t = to;
	size_t a = (size_t)lock_off, b = a + 4;

	if (lock_off < 0) {
		shared_copy(to, shared, n);
		return;
	}
	shared_copy(t, shared, a);
	memset(t + a, 0, 4);
	shared_copy(t + b, shared + b, n - b);
}
