// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf_spin_lock in a value: the one lock that the ABI demands.
 *
 * The 4-byte word is 0 or the id of the actor that holds it, and always reads
 * as 0 for clients. Only operations with BPF_F_LOCK take it, so nobody else
 * ever waits:
 *
 *  - it is taken from a holder that is dead (what that one had half written
 *    stays: the one thing that a kill can tear);
 *  - signals are held back while it is held, so that no handler of the holder's
 *    own thread meets it, and none jumps away with it;
 *  - a fault on the client's memory gives it back (op->recover).
 *
 * While the holder is alive and stopped, others with F_LOCK wait for it, as
 * they would for a program of the kernel.
 */
#ifndef PINFS_MAP_SPIN_LOCK_H
#define PINFS_MAP_SPIN_LOCK_H

#include "map/map.h"

/* Takes the lock word. Everything that may fault (the client's memory) comes before. 0, -EAGAIN (damaged
 * word). */
int value_lock(struct op *op, u32 *word);
void value_unlock(struct op *op, u32 *word);

/* A locked load through a mapping that cannot be written: reads while nobody holds the lock. */
int value_load_unlocked(struct op *op, void *to, const u8 *shared, size_t n, s32 lock_off);

/*
 * Copies n bytes between private and shared memory, all but the lock word at
 * lock_off (-1: none), which is left alone in a store and reads as 0 in a load.
 */
void value_store(u8 *shared, const void *from, size_t n, s32 lock_off);
void value_load(void *to, const u8 *shared, size_t n, s32 lock_off);

#endif
