// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a map type does not have: see map_stubs.h. Nothing is read, nothing written.
 */
#include "map/map_stubs.h"

#define MAP_STUBS(E)                                                                                         \
	int map_no_lookup_##E(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)     \
	{                                                                                                    \
		return -E;                                                                                   \
	}                                                                                                    \
	int map_no_update_##E(struct op *op, struct bpf_map *m, const void *key, const void *value,          \
			      u64 flags)                                                                     \
	{                                                                                                    \
		return -E;                                                                                   \
	}                                                                                                    \
	int map_no_delete_##E(struct op *op, struct bpf_map *m, const void *key)                             \
	{                                                                                                    \
		return -E;                                                                                   \
	}                                                                                                    \
	int map_no_next_##E(struct op *op, struct bpf_map *m, const void *key, void *next)                   \
	{                                                                                                    \
		return -E;                                                                                   \
	}                                                                                                    \
	int map_no_batch_##E(struct op *op, struct bpf_map *m, struct map_batch *b)                          \
	{                                                                                                    \
		return -E;                                                                                   \
	}

MAP_STUBS(ENOTSUPP)
MAP_STUBS(EOPNOTSUPP)
MAP_STUBS(EINVAL)
MAP_STUBS(ENOENT)
