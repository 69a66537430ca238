// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row a map type: every fact about it that others ask for.
 *
 * A new type is its own file and a row here. The flags are those that
 * MAP_CREATE takes; what else it asks is in the type's alloc_check.
 */
#include "map/map_ops.h"
#include "util/uapi.h"

#define ACCESS      (BPF_F_RDONLY | BPF_F_WRONLY)
#define PROG_ACCESS (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)
#define STD         (BPF_F_NUMA_NODE | ACCESS)
/* BPF_F_NUMA_NODE on a per-CPU map is refused by htab_alloc_check, in the kernel's order. */
#define HASH_FLAGS (STD | PROG_ACCESS | BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED)
/* NO_PREALLOC is refused by the LRU types themselves, with an errno of its own. */
#define LRU_FLAGS (HASH_FLAGS | BPF_F_NO_COMMON_LRU)

#define STORAGE_ROW(ops_)                                                                                    \
	{                                                                                                    \
		.ops = &ops_, .flags_allowed = BPF_F_NO_PREALLOC | BPF_F_CLONE, .btf_key = MAP_BTF_KEY_U32,  \
		.spin_lock = true, .cap_bpf = true, .inner_ok = true, .may_freeze = true,                    \
	}

const struct map_type map_types[] = {
	[BPF_MAP_TYPE_HASH] = {
		.ops = &hashtab_ops,
		.flags_allowed = HASH_FLAGS,
		.btf_seq = true,
		.spin_lock = true,
		.timer = true,
		.inner_ok = true,
		.may_freeze = true,
		.offload = true,
		.bucket_cursor = true,
	},
	[BPF_MAP_TYPE_ARRAY] = {
		.ops = &array_ops,
		.flags_allowed = STD | PROG_ACCESS | BPF_F_MMAPABLE | BPF_F_INNER_MAP,
		.btf_seq = true,
		.spin_lock = true,
		.timer = true,
		.btf_key = MAP_BTF_KEY_ARRAY,
		.direct_value = true,
		.inner_ok = true,
		.inner_same_max = true,
		.may_freeze = true,
		.offload = true,
	},
	[BPF_MAP_TYPE_PROG_ARRAY] = {
		.ops = &prog_array_ops,
		.flags_allowed = STD,
		.btf_seq = true,
		.btf_key = MAP_BTF_KEY_U32,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = {
		.ops = &perf_event_array_ops,
		.flags_allowed = STD | BPF_F_PRESERVE_ELEMS,
		.btf_errno = -ENOTSUPP,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_PERCPU_HASH] = {
		.ops = &hashtab_percpu_ops,
		.flags_allowed = HASH_FLAGS,
		.percpu = true,
		.btf_seq = true,
		.inner_ok = true,
		.may_freeze = true,
		.bucket_cursor = true,
	},
	[BPF_MAP_TYPE_PERCPU_ARRAY] = {
		.ops = &percpu_array_ops,
		.flags_allowed = ACCESS | PROG_ACCESS,
		.percpu = true,
		.btf_seq = true,
		.btf_key = MAP_BTF_KEY_U32,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_LRU_HASH] = {
		.ops = &hashtab_lru_ops,
		.flags_allowed = LRU_FLAGS,
		.btf_seq = true,
		.timer = true,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
		.bucket_cursor = true,
	},
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = {
		.ops = &hashtab_lru_percpu_ops,
		.flags_allowed = LRU_FLAGS,
		.percpu = true,
		.btf_seq = true,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
		.bucket_cursor = true,
	},
	[BPF_MAP_TYPE_LPM_TRIE] = {
		.ops = &lpm_trie_ops,
		.flags_allowed = STD | PROG_ACCESS | BPF_F_NO_PREALLOC,
		.btf_key = MAP_BTF_KEY_STRUCT,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = {
		.ops = &array_of_maps_ops,
		.flags_allowed = STD,
		.btf_errno = -ENOTSUPP,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_HASH_OF_MAPS] = {
		.ops = &hash_of_maps_ops,
		.flags_allowed = HASH_FLAGS,
		.btf_errno = -ENOTSUPP,
		.may_freeze = true,
		.bucket_cursor = true,
	},
	[BPF_MAP_TYPE_QUEUE] = {
		.ops = &queue_ops,
		.flags_allowed = STD | PROG_ACCESS,
		.no_key = true,
		.btf_errno = -EINVAL,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_STACK] = {
		.ops = &stack_ops,
		.flags_allowed = STD | PROG_ACCESS,
		.no_key = true,
		.btf_errno = -EINVAL,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_STACK_TRACE] = {
		.ops = &stack_trace_ops,
		.flags_allowed = STD | BPF_F_STACK_BUILD_ID,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_BLOOM_FILTER] = {
		.ops = &bloom_filter_ops,
		.flags_allowed = STD | PROG_ACCESS | BPF_F_ZERO_SEED,
		.no_key = true,
		.btf_key = MAP_BTF_KEY_NONE,
		.cap_bpf = true,
		.takes_extra = true,
		.inner_ok = true,
		.may_freeze = true,
		.value_asks = true,
	},
	[BPF_MAP_TYPE_CGROUP_ARRAY] = {
		.ops = &cgroup_array_ops,
		.flags_allowed = STD,
		.btf_errno = -ENOTSUPP,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_DEVMAP] = {
		.ops = &dev_map_ops,
		.flags_allowed = STD,
		.flags_added = BPF_F_RDONLY_PROG,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_DEVMAP_HASH] = {
		.ops = &dev_map_hash_ops,
		.flags_allowed = STD,
		.flags_added = BPF_F_RDONLY_PROG,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_CPUMAP] = {
		.ops = &cpu_map_ops,
		.flags_allowed = BPF_F_NUMA_NODE,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_XSKMAP] = {
		.ops = &xsk_map_ops,
		.flags_allowed = STD,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_SOCKMAP] = {
		.ops = &sock_map_ops,
		.flags_allowed = STD,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_SOCKHASH] = {
		.ops = &sock_hash_ops,
		.flags_allowed = STD,
		.btf_errno = -ENOTSUPP,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = {
		.ops = &reuseport_array_ops,
		.flags_allowed = STD | PROG_ACCESS,
		.cap_bpf = true,
		.inner_ok = true,
		.may_freeze = true,
	},
	[BPF_MAP_TYPE_CGROUP_STORAGE] = {
		.ops = &cgroup_storage_ops,
		.flags_allowed = STD | PROG_ACCESS,
		.btf_key = MAP_BTF_KEY_CGROUP,
		.spin_lock = true,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = {
		.ops = &cgroup_storage_ops,
		.flags_allowed = STD | PROG_ACCESS,
		.percpu = true,
		.btf_key = MAP_BTF_KEY_CGROUP,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_SK_STORAGE] = STORAGE_ROW(sk_storage_ops),
	[BPF_MAP_TYPE_INODE_STORAGE] = STORAGE_ROW(inode_storage_ops),
	[BPF_MAP_TYPE_TASK_STORAGE] = STORAGE_ROW(task_storage_ops),
	[BPF_MAP_TYPE_CGRP_STORAGE] = STORAGE_ROW(cgrp_storage_ops),
	[BPF_MAP_TYPE_STRUCT_OPS] = {
		.ops = &struct_ops_ops,
		.flags_allowed = BPF_F_VTYPE_BTF_OBJ_FD,
		.cap_bpf = true,
	},
	[BPF_MAP_TYPE_ARENA] = {
		.ops = &arena_ops,
		.flags_allowed = BPF_F_MMAPABLE | BPF_F_SEGV_ON_FAULT | BPF_F_NO_USER_CONV,
		.no_key = true,
		.cap_bpf = true,
		.takes_extra = true,
		.inner_ok = true,
		.may_freeze = true,
		.late_size = true,
	},
	[BPF_MAP_TYPE_RINGBUF] = {
		.ops = &ringbuf_ops,
		.flags_allowed = BPF_F_NUMA_NODE,
		.no_key = true,
		.btf_errno = -EINVAL,
		.inner_ok = true,
		.may_freeze = true,
		.wakes = true,
	},
	[BPF_MAP_TYPE_USER_RINGBUF] = {
		.ops = &user_ringbuf_ops,
		.flags_allowed = BPF_F_NUMA_NODE,
		.no_key = true,
		.btf_errno = -EINVAL,
		.inner_ok = true,
		.may_freeze = true,
		.wakes = true,
	},
};

const u32 map_types_nr = ARRAY_SIZE(map_types);
