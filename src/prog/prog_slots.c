// SPDX-License-Identifier: BSD-2-Clause
/*
 * CPU numbers for runs: see prog_slots.h.
 */
#include "prog/prog_slots.h"
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include "store/store.h"
#include "util/raw.h"

#define MS         1000000ull
#define WANTED_FOR (20 * MS) /* how long a wish counts after it was last said */
#define NAP        MS
#define WAIT_SAME  (5000 * MS)  /* for holders that stay the same */
#define WAIT_MAX   (60000 * MS) /* for holders that change */
#define GIVEN_AWAY (200000)     /* ns that a run stays away for others */
#define BUSY_TRIES 64

static u64 now(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts); /* async-signal-safe, and no system call */
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static void nap(u64 ns)
{
	struct timespec ts = { 0, (long)ns };

	raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, 0);
}

static u64 word_of(const struct op *op)
{
	return (u64)op->actor->id << 8 | (op->level + 1);
}

/* May it be taken from its owner? Our own at this level or above: an operation that was left. */
static bool is_stale(const struct op *op, u64 w)
{
	u32 owner = (u32)(w >> 8);

	if (owner == op->actor->id)
		return (w & 0xff) > op->level;
	return !actor_alive(owner);
}

static bool claim(struct op *op, u32 cpu, u64 seen)
{
	_Atomic u64 *slot = &the_store.super->cpu_run[cpu];

	op->held_word = word_of(op);
	op->held = slot;
	barrier();
	if (atomic_compare_exchange_strong(slot, &seen, op->held_word))
		return true;
	op->held = NULL;
	return false;
}

/* One look at all, from the preferred one on. dead: look also at whose owners may be dead. */
static int take_once(struct op *op, u32 ncpu, int prefer, bool dead)
{
	int on = prefer < 0 ? sched_getcpu() : prefer; /* (no system call, async-signal-safe) */
	u32 cpu = on < 0 ? 0 : (u32)on;

	for (u32 i = 0; i < ncpu; i++) {
		u32 at = (cpu + i) % ncpu;
		u64 w = atomic_load_explicit(&the_store.super->cpu_run[at], memory_order_relaxed);

		if ((!w || (dead && is_stale(op, w))) && claim(op, at, w))
			return (int)at;
	}
	return -EAGAIN;
}

/* That of an outer operation of this thread, which does not go on before we are done; -EAGAIN: it has none.
 */
static int outer(const struct op *op, u32 ncpu)
{
	for (u32 at = 0; at < ncpu; at++)
		if (atomic_load(&the_store.super->cpu_run[at]) >> 8 == op->actor->id)
			return (int)at;
	return -EAGAIN;
}

/* Who holds what: another number when that changes. */
static u64 holders(u32 ncpu)
{
	u64 sum = 0;

	for (u32 i = 0; i < ncpu; i++)
		sum = sum * 31 + atomic_load_explicit(&the_store.super->cpu_run[i], memory_order_relaxed);
	return sum;
}

/* How long somebody has been waiting, and for whom. */
struct waiting {
	u64 since, same_since, holders;
};

/* false: long enough. */
static bool wait_on(struct waiting *w, u32 ncpu)
{
	u64 t = now(), h = holders(ncpu);

	atomic_store(&the_store.super->cpu_wanted, t);
	if (!w->since)
		w->since = t;
	if (!w->same_since || h != w->holders)
		w->same_since = t;
	w->holders = h;
	return t - w->same_since < WAIT_SAME && t - w->since < WAIT_MAX;
}

int prog_slot_take(struct op *op, u32 ncpu, int prefer)
{
	struct waiting w = { 0, 0, 0 };
	int cpu;

	if (!op->actor->id || !ncpu || ncpu > STORE_CPUS)
		return -EAGAIN;
	cpu = take_once(op, ncpu, prefer, false);
	for (u32 tries = 0; cpu < 0; tries++) {
		cpu = take_once(op, ncpu, prefer, true);
		if (cpu < 0)
			cpu = outer(op, ncpu);
		if (cpu >= 0)
			break;
		if (!wait_on(&w, ncpu))
			return -EAGAIN;
		if (tries < BUSY_TRIES)
			raw0(SYS_sched_yield);
		else
			nap(NAP / 10);
	}
	return cpu;
}

void prog_slot_give(struct op *op)
{
	op_let_go(op);
}

bool prog_slot_wanted(void)
{
	u64 at = atomic_load_explicit(&the_store.super->cpu_wanted, memory_order_relaxed);

	return at && now() - at < WANTED_FOR;
}

int prog_slot_yield(struct op *op, u32 ncpu, int prefer)
{
	prog_slot_give(op);
	nap(GIVEN_AWAY);
	return prog_slot_take(op, ncpu, prefer);
}
