// SPDX-License-Identifier: BSD-2-Clause
/*
 * Work on a trie of 8-byte keys for fault tests, and a thorough look at one afterwards.
 */
#ifndef PINFS_TESTS_LPMWORK_H
#define PINFS_TESTS_LPMWORK_H

#include "tests/lib/maptest.h"

/* Key number i of those that the work uses: prefix length below, address above, as mt_key lays it out. */
u64 lw_key(u32 i);
#define LW_KEYS 100

/* All keys in the trie are of these, with values of their numbers: then what is found is checked closely. */
extern bool lw_only;

/* One operation at random, its answer and its value checked. */
void lw_one(struct maptest *t);

/* On a trie that nobody is changing: its form, its count, and that every other node is free or can be had. */
void lw_check(struct maptest *t);

#endif
