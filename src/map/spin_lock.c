// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lock word of a value: see spin_lock.h.
 *
 * What is held is written into the operation before it is taken, so that it
 * can be given back: op->claim[0] is the word's address.
 */
#include "map/spin_lock.h"
#include "shm/tagged.h"
#include "util/raw.h"

/* Tries before the holder is asked whether it lives, and before each further try the processor is given away.
 */
#define SPINS 200

/* Rounds of that before the word is taken for damaged: some ten seconds. */
#define ROUNDS 10000000u

static void lock_recover(struct op *old, struct op *now)
{
	u32 *word = (u32 *)old->claim[0], mine = old->actor->id;

	if (word)
		__atomic_compare_exchange_n(word, &mine, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	old->claim[0] = 0;
}

/* Whose it is: 0 nobody's any more, 1 a living other's. */
static int lock_holder_alive(u32 holder)
{
	raw0(SYS_sched_yield);
	return actor_alive(holder);
}

int value_lock(struct op *op, u32 *word)
{
	u32 me = op->actor->id, rounds = 0, seen;

	if (!me)
		return -EPERM;
	op->claim[0] = (u64)word;
	op->recover = lock_recover;
	barrier();
	for (u32 tries = 1;; tries++) {
		seen = 0;
		if (__atomic_compare_exchange_n(word, &seen, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return 0;
		if (seen == me) {
			/* We interrupt our own thread: it stays the holder. */
			op->claim[0] = 0;
			return 0;
		}
		if (tries % SPINS) {
			__builtin_ia32_pause();
			continue;
		}
		if (!lock_holder_alive(seen) &&
		    __atomic_compare_exchange_n(word, &seen, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return 0;
		if (++rounds > ROUNDS)
			break;
	}
	op->claim[0] = 0;
	op->recover = NULL;
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

	if (!op->claim[0])
		return;
	/* Not a plain store: a damaged word may have been taken by someone else. */
	__atomic_compare_exchange_n(word, &me, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	barrier();
	op->claim[0] = 0;
	op->recover = NULL;
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
