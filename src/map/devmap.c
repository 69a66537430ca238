// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_DEVMAP: interfaces by index, each maybe with a program (outer_slots.h).
 *
 * An interface is a number in the network namespace of who put it there; what
 * becomes of it later is not seen: a kernel empties the slot when it goes.
 */
#include "map/array_int.h"
#include "map/devmap.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"

#define DTAB_MEMLOCK 344u

int dev_prog_check(struct bpf_map *m, const struct obj_hdr *prog)
{
	return map_xdp_prog_check(m, prog, BPF_XDP_DEVMAP);
}

/* The attach type stands in the second byte of the type's own flags (prog/prog.h). */
int map_xdp_prog_check(struct bpf_map *m, const struct obj_hdr *prog, u32 attach)
{
	if (prog->kind != BPF_PROG_TYPE_XDP || (prog->flags >> (OBJ_F_OWN_SHIFT + 8) & 0xff) != attach)
		return -EINVAL;
	return ref_slots_owner_check(m, prog);
}

static u64 dev_memlock(const struct map_attr *a)
{
	return DTAB_MEMLOCK + 8ull * a->max_entries;
}

static int dev_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (array_index(key) >= m->max_entries)
		return -E2BIG;
	return flags == BPF_NOEXIST ? -EEXIST : 0;
}

static int dev_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u32 i = array_index(key);
	struct pair p;

	if (i >= m->max_entries)
		return -ENOENT;
	p = outer_load(m, i);
	if (!p.lo)
		return -ENOENT;
	memcpy(value, &p.hi, m->value_size);
	return 0;
}

static int dev_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u32 i = array_index(key);

	if (i >= m->max_entries) /* (the client may change its key meanwhile) */
		return -E2BIG;
	if (t->id)
		return outer_set(op, m, i, t);
	outer_clear(op, m, i);
	return 0;
}

static int dev_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -EINVAL;
	outer_clear(op, m, i);
	return 0;
}

static void *dev_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	u32 i = array_index(key);

	return i < m->max_entries && outer_load(m, i).lo ? &outer_at(m, i)->hi : NULL;
}

static int dev_redirect(struct op *op, struct bpf_map *m, u32 key, struct map_target *t)
{
	struct pair p;

	if (key >= m->max_entries)
		return -ENOENT;
	p = outer_load(m, key);
	*t = (struct map_target){ .ifindex = (u32)p.hi, .prog_id = (u32)(p.hi >> 32) };
	return p.lo ? 0 : -ENOENT;
}

const struct map_ops dev_map_ops = {
	.name = "devmap",
	.alloc_check = outer_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = dev_lookup,
	.update = dev_update,
	.delete = dev_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_DEV,
	.obj_check = dev_prog_check,
	.update_check = dev_update_check,
	.each_ref = outer_each_ref,
	.value_ptr = dev_value_ptr,
	.redirect = dev_redirect,
	.redirect_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS,
	.memlock = dev_memlock,
};
