// SPDX-License-Identifier: BSD-2-Clause
/*
 * As which CPU a run works: its part of per-CPU maps, nobody else's meanwhile.
 *
 * The kernel runs a program with preemption off, so that the part of a per-CPU
 * map that belongs to its CPU is its own. Here a run can be preempted, stopped
 * or killed at any time, so it takes the number of a CPU for itself: that of
 * the CPU that it is on, or another free one.
 *
 *     super->cpu_run[n]   0, or  actor:32 << 8 | level + 1  of the operation that runs as CPU n
 *
 * It is taken and given back by compare-and-swap. What a dead actor holds is
 * taken from it; what an operation held that was jumped out of goes with the
 * thread's next operation (op->held).
 *
 * A run in a signal handler, in the middle of another of the same thread, takes a number of its own if there
 * is one; if not it works as the CPU of the one that it interrupts, which cannot go on before it.
 *
 * More runs than CPUs take turns, as they do on the kernel: who finds none free
 * writes the time into super->cpu_wanted, and a run that sees a time of just
 * now gives its number away for a moment. Only when all numbers are held by
 * stopped processes is there none to be had: -EAGAIN, after five seconds in which
 * no number changed hands (or a minute of bad luck).
 */
#ifndef PINFS_PROG_PROG_SLOTS_H
#define PINFS_PROG_PROG_SLOTS_H

#include "shm/actor.h"

/* A number below ncpu, or -EAGAIN. prefer: the one to try first, -1: that of the CPU we are on. */
int prog_slot_take(struct op *op, u32 ncpu, int prefer);
void prog_slot_give(struct op *op);

/* Does somebody wait? Then giving and taking again is fair. */
bool prog_slot_wanted(void);
/* Gives the number away and takes one again, perhaps another: as prog_slot_take. */
int prog_slot_yield(struct op *op, u32 ncpu, int prefer);

#endif
