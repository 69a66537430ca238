// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_CGROUP_ARRAY: cgroups by index, each as its id (outer_slots.h).
 *
 * An id is the inode of the cgroup's directory, and is not given to another one.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/outer_slots.h"

static int cgroup_alloc_check(struct map_attr *a)
{
	return !a->max_entries || a->key_size != 4 || a->value_size != 4 ? -EINVAL : 0;
}

static u64 cgroup_memlock(const struct map_attr *a)
{
	return ARRAY_MEMLOCK + 8ull * a->max_entries;
}

static int cgroup_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags != BPF_ANY)
		return -EINVAL;
	return array_index(key) >= m->max_entries ? -E2BIG : 0;
}

static struct pair cgroup_pair(struct bpf_map *m, u64 id)
{
	return id ? (struct pair){ (u64)outer_number(m) << 32, id } : (struct pair){ 0, 0 };
}

/* Swaps in what shall be there: 1 if there was something. */
static int swap(struct bpf_map *m, u32 i, u64 id)
{
	struct pair was = outer_load(m, i), to = cgroup_pair(m, id);

	while (!pair_cas(outer_at(m, i), &was, to))
		;
	return was.hi != 0;
}

static int cgroup_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -E2BIG;
	swap(m, i, t->id);
	return 0;
}

static int cgroup_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -E2BIG;
	return swap(m, i, 0) ? 0 : -ENOENT;
}

const struct map_ops cgroup_array_ops = {
	.name = "cgroup_array",
	.alloc_check = cgroup_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = cgroup_update,
	.delete = cgroup_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_CGROUP,
	.update_check = cgroup_update_check,
	.memlock = cgroup_memlock,
};
