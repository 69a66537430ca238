// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: sockets that share a port, by index (outer_slots.h).
 *
 * A socket may be in such a map once. The kernel sees that of all maps; here
 * each map sees it of itself.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/outer_slots.h"

#define REUSE_MEMLOCK 296u

static u64 reuse_memlock(const struct map_attr *a)
{
	return REUSE_MEMLOCK + 8ull * a->max_entries;
}

static int reuse_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
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

static int reuse_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return array_index(key) >= m->max_entries ? -E2BIG : 0;
}

static bool is_in(const struct bpf_map *m, u64 cookie)
{
	for (u32 i = 0; i < m->max_entries; i++)
		if (load64(&outer_at(m, i)->hi) == cookie)
			return true;
	return false;
}

/* What is wrong with the socket comes behind what the flags ask for. */
static int reuse_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
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
		if (there && flags == BPF_NOEXIST)
			return -EEXIST;
		if (!there && flags == BPF_EXIST)
			return -ENOENT;
		if (t->refused)
			return t->refused;
		if (is_in(m, t->id))
			return -EBUSY;
	} while (!outer_sock_swap(m, i, p, t));
	return 0;
}

static int reuse_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -E2BIG;
	return outer_sock_clear(m, i) ? 0 : -ENOENT;
}

const struct map_ops reuseport_array_ops = {
	.name = "reuseport_sockarray",
	.alloc_check = outer_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = reuse_lookup,
	.update = reuse_update,
	.delete = reuse_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_REUSE,
	.update_check = reuse_update_check,
	.memlock = reuse_memlock,
};
