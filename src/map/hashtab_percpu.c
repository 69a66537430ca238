// SPDX-License-Identifier: BSD-2-Clause
/*
 * Per-CPU hash: the hash table with one value a possible CPU.
 *
 * bpf(2) moves all of them at once, in CPU order, each padded to 8 bytes; so
 * they are stored: one block holds them all, and an update replaces the block.
 */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"

static u64 stored_len(const struct map_attr *a)
{
	return ROUND_UP((u64)a->value_size, 8) * a->ncpu;
}

static int percpu_alloc_check(struct map_attr *a)
{
	return htab_alloc_check(a);
}

static int percpu_layout(const struct map_attr *a, struct map_layout *l)
{
	return htab_layout(a, (u32)stored_len(a), l);
}

static int percpu_init(struct bpf_map *m, const struct map_attr *a)
{
	return htab_init(m, a, (u32)stored_len(a));
}

static int percpu_open(struct bpf_map *m)
{
	int err = htab_open(m, m->value_len);

	if (!err)
		htab_show_cpus(m);
	return err;
}

const struct map_ops hashtab_percpu_ops = {
	.name = "percpu_hash",
	.alloc_check = percpu_alloc_check,
	.layout = percpu_layout,
	.init = percpu_init,
	.open = percpu_open,
	.lookup = htab_lookup,
	.update = htab_update,
	.delete = htab_delete,
	.lookup_and_delete = htab_lookup_and_delete,
	.next_key = htab_next_key,
	.lookup_batch = htab_lookup_batch,
	.lookup_and_delete_batch = htab_lookup_and_delete_batch,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_generic_delete_batch,
	.obj_value = MAP_VALUE_PLAIN,
	.value_ptr = htab_percpu_value_ptr,
	.next_elem = htab_percpu_next_elem,
	.update_cpu = htab_update_cpu,
	.gc = htab_gc,
	.memlock = htab_memlock,
};
