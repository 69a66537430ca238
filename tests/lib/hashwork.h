// SPDX-License-Identifier: BSD-2-Clause
/*
 * Work on a hash table for fault tests, and a thorough look at one afterwards.
 */
#ifndef PINFS_TESTS_HASHWORK_H
#define PINFS_TESTS_HASHWORK_H

#include "tests/lib/maptest.h"

/* Keys are taken from [0, hw_range). */
extern u32 hw_range;

/* One operation at random, its answer and its value checked. */
void hw_one(struct maptest *t);

/*
 * On a map that nobody is changing: chains and entries are sound, every value
 * whole, keys unique, the walk complete; the map can be filled to exactly
 * max_entries, and every block beyond those in use is free. Leaves the keys
 * that were there.
 */
void hw_check(struct maptest *t);

/* Keys [0, n), freshly written. */
void hw_fill(struct maptest *t, u32 n);

/* Number of keys that a walk by next_key meets; at most max. */
u32 hw_count(struct maptest *t, u32 max);

#endif
