// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where an arena is mapped: the rules that only mmap(2) of one has.
 */
#ifndef PINFS_MAP_ARENA_H
#define PINFS_MAP_ARENA_H

#include "map/map.h"

/*
 * May it be mapped there? 0: at that address and nowhere else. 1: anywhere where
 * its upper half of addresses is one. -E2BIG: longer than the arena's place;
 * -EINVAL: not the whole place, or another address. at: the address asked for, 0 for none.
 */
int arena_mmap_place(const struct bpf_map *m, u64 at, size_t len, u64 off);

/* It stands at `at` now, which is where all other mappings must be. -EBUSY: another one was first. */
int arena_mmap_settle(struct bpf_map *m, u64 at, size_t len);

#endif
