// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_CGROUP_STORAGE and its per-CPU twin: maps that stay empty.
 *
 * An element comes into being when a program that names the map is attached to a
 * cgroup by a kernel. User space can only change those that are there; so here
 * are the creation rules, and the answers of a map in which nothing is.
 */
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "util/uapi.h"

#define VALUE_MAX        65407u
#define VALUE_MAX_PERCPU 32768u
#define MEMLOCK          328u

static int cs_alloc_check(struct map_attr *a)
{
	bool percpu = a->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if ((a->key_size != sizeof(struct bpf_cgroup_storage_key) && a->key_size != sizeof(u64)) ||
	    !a->value_size)
		return -EINVAL;
	if (a->value_size > (percpu ? VALUE_MAX_PERCPU : VALUE_MAX))
		return -E2BIG;
	return a->max_entries ? -EINVAL : 0;
}

static int cs_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = 8;
	l->reserve = 8;
	return 0;
}

static int cs_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

static int cs_open(struct bpf_map *m)
{
	return 0;
}

static u64 cs_memlock(const struct map_attr *a)
{
	return MEMLOCK;
}

static int cs_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u64 known = m->map_type == BPF_MAP_TYPE_CGROUP_STORAGE ? BPF_F_LOCK | BPF_EXIST : BPF_EXIST;

	return flags & ~known ? -EINVAL : -ENOENT;
}

const struct map_ops cgroup_storage_ops = {
	.name = "cgroup_storage",
	.alloc_check = cs_alloc_check,
	.layout = cs_layout,
	.init = cs_init,
	.open = cs_open,
	.lookup = map_no_lookup_ENOENT,
	.update = cs_update,
	.delete = map_no_delete_EINVAL,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_ENOENT,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.memlock = cs_memlock,
};
