// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_CPUMAP: CPUs that packets can be handed to: a queue's size, maybe a program (outer_slots.h).
 */
#include "map/array_int.h"
#include "map/devmap.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"

#define CPUS_MAX     256u /* that a kernel can be configured for: Debian's 6.18 says so for this type alone */
#define QUEUE_MAX    16384u
#define CMAP_MEMLOCK 304u

static int cpu_alloc_check(struct map_attr *a)
{
	if (outer_alloc_check(a))
		return -EINVAL;
	return a->max_entries > CPUS_MAX ? -E2BIG : 0;
}

static u64 cpu_memlock(const struct map_attr *a)
{
	return CMAP_MEMLOCK + 8ull * a->max_entries;
}

/* A program that does not fit is no entry at all, which the kernel calls want of memory: sys/map_values.c. */
static int cpu_prog_check(struct bpf_map *m, const struct obj_hdr *prog)
{
	return map_xdp_prog_check(m, prog, BPF_XDP_CPUMAP);
}

static int cpu_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (array_index(key) >= m->max_entries)
		return -E2BIG;
	return flags == BPF_NOEXIST ? -EEXIST : 0;
}

static int cpu_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -E2BIG;
	if (t->id > QUEUE_MAX)
		return -EOVERFLOW;
	if (i >= m->ncpu)
		return -ENODEV;
	if (!t->id) {
		outer_clear(op, m, i);
		return 0;
	}
	return t->refused ? t->refused : outer_set(op, m, i, t);
}

static int cpu_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
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

static int cpu_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -EINVAL;
	outer_clear(op, m, i);
	return 0;
}

static int cpu_redirect(struct op *op, struct bpf_map *m, u32 key, struct map_target *t)
{
	struct pair p;

	if (key >= m->max_entries)
		return -ENOENT;
	p = outer_load(m, key);
	*t = (struct map_target){ .id = (u32)p.hi, .prog_id = (u32)(p.hi >> 32) };
	return p.lo ? 0 : -ENOENT;
}

const struct map_ops cpu_map_ops = {
	.name = "cpumap",
	.alloc_check = cpu_alloc_check,
	.layout = outer_layout,
	.init = outer_init,
	.open = outer_open,
	.lookup = cpu_lookup,
	.update = cpu_update,
	.delete = cpu_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_CPU,
	.obj_check = cpu_prog_check,
	.update_check = cpu_update_check,
	.each_ref = outer_each_ref,
	.redirect = cpu_redirect,
	.memlock = cpu_memlock,
};
