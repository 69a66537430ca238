// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shared answers for what a map type does not have, one per errno.
 *
 * The kernel's types differ in the errno of an operation they lack; clients
 * see it, so each row names its stub. NAME_ERRNO, for the operation's shape.
 */
#ifndef PINFS_MAP_MAP_STUBS_H
#define PINFS_MAP_MAP_STUBS_H

#include "map/map.h"

#define MAP_STUBS(E)                                                                                         \
	int map_no_lookup_##E(struct op *, struct bpf_map *, const void *, void *, u64);                     \
	int map_no_update_##E(struct op *, struct bpf_map *, const void *, const void *, u64);               \
	int map_no_delete_##E(struct op *, struct bpf_map *, const void *);                                  \
	int map_no_next_##E(struct op *, struct bpf_map *, const void *, void *);                            \
	int map_no_batch_##E(struct op *, struct bpf_map *, struct map_batch *);
MAP_STUBS(ENOTSUPP)
MAP_STUBS(EOPNOTSUPP)
MAP_STUBS(EINVAL)
MAP_STUBS(ENOENT)
#undef MAP_STUBS

/* map_batch.c: batch commands made of single operations, for types whose cursor is the last key. */
int map_generic_lookup_batch(struct op *, struct bpf_map *, struct map_batch *);
int map_generic_update_batch(struct op *, struct bpf_map *, struct map_batch *);
int map_generic_delete_batch(struct op *, struct bpf_map *, struct map_batch *);

#endif
