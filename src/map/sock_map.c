// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_SOCKMAP: sockets by index (outer_slots.h).
 *
 * What is put in is the cookie. A socket that has been closed is no element: it
 * is looked for whenever its slot is asked for (sock_live.h). Which sockets may
 * go in is the resolver's matter (sys/map_values.c); the kernel says so before
 * it looks at flags and index, so there is no update_check.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/outer_slots.h"

#define STAB_MEMLOCK 376u

static u64 sock_map_memlock(const struct map_attr *a)
{
	return STAB_MEMLOCK + 8ull * a->max_entries;
}

static int sock_map_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u32 i = array_index(key);
	struct pair p;

	if (m->value_size != sizeof(u64))
		return -ENOSPC;
	if (i >= m->max_entries)
		return -ENOENT;
	p = outer_load(m, i);
	if (!outer_sock_there(p))
		return -ENOENT;
	memcpy(value, &p.hi, sizeof(p.hi));
	return 0;
}

static int sock_map_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u32 i = array_index(key);
	struct pair p;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (i >= m->max_entries)
		return -E2BIG;
	if (t->refused)
		return t->refused;
	do {
		p = outer_load(m, i);
		if (flags != BPF_ANY && outer_sock_there(p) != (flags == BPF_EXIST))
			return flags == BPF_EXIST ? -ENOENT : -EEXIST;
	} while (!outer_sock_swap(m, i, p, t));
	return 0;
}

static int sock_map_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -EINVAL;
	return outer_sock_clear(m, i) ? 0 : -EINVAL;
}

const struct map_ops sock_map_ops = {
	.name = "sockmap",
	.alloc_check = outer_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = sock_map_lookup,
	.update = sock_map_update,
	.delete = sock_map_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_SOCK,
	.memlock = sock_map_memlock,
};
