// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_XSKMAP: AF_XDP sockets by queue (outer_slots.h).
 *
 * The socket is the client's own and the kernel's: nothing here fills its
 * rings, but a program can ask whether one is there.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/outer_slots.h"

#define XSK_MEMLOCK 304u

static int xsk_alloc_check(struct map_attr *a)
{
	return !a->max_entries || a->key_size != 4 || a->value_size != 4 ? -EINVAL : 0;
}

static u64 xsk_memlock(const struct map_attr *a)
{
	return XSK_MEMLOCK + 8ull * a->max_entries;
}

static int xsk_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return array_index(key) >= m->max_entries ? -E2BIG : 0;
}

static int xsk_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u32 i = array_index(key);
	struct pair p;

	if (i >= m->max_entries)
		return -E2BIG;
	do {
		bool there;

		p = outer_load(m, i);
		there = outer_sock_there(p);
		if (there && p.hi == t->id)
			return 0;
		if (there && flags == BPF_NOEXIST)
			return -EEXIST;
		if (!there && flags == BPF_EXIST)
			return -ENOENT;
	} while (!outer_sock_swap(m, i, p, t));
	return 0;
}

static int xsk_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -EINVAL;
	while (!outer_sock_swap(m, i, outer_load(m, i), NULL))
		;
	return 0;
}

static int xsk_redirect(struct op *op, struct bpf_map *m, u32 key, struct map_target *t)
{
	struct pair p;

	if (key >= m->max_entries)
		return -ENOENT;
	p = outer_load(m, key);
	*t = (struct map_target){ .id = p.hi };
	return outer_sock_there(p) ? 0 : -ENOENT;
}

const struct map_ops xsk_map_ops = {
	.name = "xskmap",
	.alloc_check = xsk_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = map_no_lookup_EOPNOTSUPP,
	.update = xsk_update,
	.delete = xsk_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_XSK,
	.update_check = xsk_update_check,
	.redirect = xsk_redirect,
	.memlock = xsk_memlock,
};
