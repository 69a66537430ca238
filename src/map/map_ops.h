// SPDX-License-Identifier: BSD-2-Clause
/*
 * The operations of every map type, one const struct a type.
 *
 * Read by map_types.c alone, which makes rows of them. Each is defined at the
 * end of the type's own file.
 */
#ifndef PINFS_MAP_MAP_OPS_H
#define PINFS_MAP_MAP_OPS_H

#include "map/map.h"

extern const struct map_ops array_ops;              /* arraymap.c */
extern const struct map_ops percpu_array_ops;       /* percpu_array.c */
extern const struct map_ops prog_array_ops;         /* prog_array.c */
extern const struct map_ops perf_event_array_ops;   /* perf_event_array.c */
extern const struct map_ops array_of_maps_ops;      /* array_of_maps.c */
extern const struct map_ops hashtab_ops;            /* hashtab.c */
extern const struct map_ops hashtab_percpu_ops;     /* hashtab_percpu.c */
extern const struct map_ops hashtab_lru_ops;        /* hashtab_lru.c */
extern const struct map_ops hashtab_lru_percpu_ops; /* hashtab_lru.c */
extern const struct map_ops hash_of_maps_ops;       /* hash_of_maps.c */
extern const struct map_ops lpm_trie_ops;           /* lpm_trie.c */
extern const struct map_ops queue_ops;              /* queue_stack_maps.c */
extern const struct map_ops stack_ops;              /* queue_stack_maps.c */
extern const struct map_ops bloom_filter_ops;       /* bloom_filter.c */
extern const struct map_ops stack_trace_ops;        /* stackmap.c */
extern const struct map_ops dev_map_ops;            /* devmap.c */
extern const struct map_ops dev_map_hash_ops;       /* devmap_hash.c */
extern const struct map_ops cpu_map_ops;            /* cpumap.c */
extern const struct map_ops xsk_map_ops;            /* xskmap.c */
extern const struct map_ops sock_map_ops;           /* sock_map.c */
extern const struct map_ops sock_hash_ops;          /* sock_hash.c */
extern const struct map_ops reuseport_array_ops;    /* reuseport_array.c */
extern const struct map_ops cgroup_array_ops;       /* cgroup_array.c */
extern const struct map_ops cgroup_storage_ops;     /* cgroup_storage.c */
extern const struct map_ops sk_storage_ops;         /* local_storage.c */
extern const struct map_ops inode_storage_ops;      /* local_storage.c */
extern const struct map_ops task_storage_ops;       /* local_storage.c */
extern const struct map_ops cgrp_storage_ops;       /* local_storage.c */
extern const struct map_ops struct_ops_ops;         /* struct_ops.c */
extern const struct map_ops arena_ops;              /* arena.c */
extern const struct map_ops ringbuf_ops;            /* ringbuf.c */
extern const struct map_ops user_ringbuf_ops;       /* user_ringbuf.c */

#endif
