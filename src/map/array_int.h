// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the types indexed by a u32 have in common: key order, key checks.
 */
#ifndef PINFS_MAP_ARRAY_INT_H
#define PINFS_MAP_ARRAY_INT_H

#include <string.h>
#include "map/map.h"

/* The client's key, which may stand anywhere and may fault. */
static inline u32 array_index(const void *key)
{
	u32 i;

	memcpy(&i, key, sizeof(i));
	return i;
}

/* Every index is there, in order; an unknown one, or none, starts over. */
static inline int array_next_key(struct op *op, struct bpf_map *m, const void *key, void *next)
{
	u32 i = key ? array_index(key) : NIL;

	if (i >= m->max_entries)
		i = 0;
	else if (i == m->max_entries - 1)
		return -ENOENT;
	else
		i++;
	memcpy(next, &i, sizeof(i));
	return 0;
}

/* Flags and index of an update, in the kernel's order. F_LOCK has been checked by the caller. */
static inline int array_update_ok(const struct bpf_map *m, u32 i, u64 flags)
{
	if (unlikely((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST))
		return -EINVAL;
	if (unlikely(i >= m->max_entries))
		return -E2BIG;
	if (unlikely(flags & BPF_NOEXIST))
		return -EEXIST;
	return unlikely((flags & BPF_F_LOCK) && m->record.spin_lock_off < 0) ? -EINVAL : 0;
}

/* sizeof(struct bpf_array) in the kernel: what its memlock figures begin with. */
#define ARRAY_MEMLOCK 312u

#endif
