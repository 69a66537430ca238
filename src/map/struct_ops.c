// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_STRUCT_OPS: always refused.
 *
 * Such a map replaces a struct of the kernel's. A kernel that has no struct of
 * that number answers ENOTSUPP, and there is none here; clients take that as
 * "the type is known".
 */
#include "map/map_ops.h"
#include "map/map_stubs.h"

static int so_alloc_check(struct map_attr *a)
{
	if (a->key_size != sizeof(u32) || a->max_entries != 1 || !a->btf_vmlinux_value_type_id)
		return -EINVAL;
	return -ENOTSUPP;
}

static int so_layout(const struct map_attr *a, struct map_layout *l)
{
	return -ENOTSUPP;
}

static int so_init(struct bpf_map *m, const struct map_attr *a)
{
	return -ENOTSUPP;
}

static int so_open(struct bpf_map *m)
{
	return -EIO;
}

static u64 so_memlock(const struct map_attr *a)
{
	return 0;
}

const struct map_ops struct_ops_ops = {
	.name = "struct_ops",
	.alloc_check = so_alloc_check,
	.layout = so_layout,
	.init = so_init,
	.open = so_open,
	.lookup = map_no_lookup_EINVAL,
	.update = map_no_update_EINVAL,
	.delete = map_no_delete_EINVAL,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_EINVAL,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.memlock = so_memlock,
};
