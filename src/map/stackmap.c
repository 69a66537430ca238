// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_STACK_TRACE: a map that stays empty.
 *
 * Only programs put stacks into it, and those that could are of types that do
 * not run here. So it has creation rules, and the answers of an empty map.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"

#define DEPTH_MAX     127u          /* entries of a stack */
#define BUILD_ID_SIZE 32u           /* of an entry with BPF_F_STACK_BUILD_ID, else an address */
#define BUCKETS_MAX   (1u << 31)    /* their number is a power of two */
#define BYTES_MAX     (16ull << 30) /* beyond that there is no memory for it in any kernel */

static int stack_alloc_check(struct map_attr *a)
{
	u32 entry = a->map_flags & BPF_F_STACK_BUILD_ID ? BUILD_ID_SIZE : 8;

	if (!a->max_entries || a->key_size != 4 || a->value_size < 8 || a->value_size % entry ||
	    a->value_size / entry > DEPTH_MAX)
		return -EINVAL;
	return a->max_entries > BUCKETS_MAX ? -E2BIG : 0;
}

static u64 buckets_of(u32 n)
{
	return n < 2 ? 1 : 1ull << (32 - __builtin_clz(n - 1));
}

/* What the kernel shows: its own structures. */
static u64 stack_memlock(const struct map_attr *a)
{
	return 320 + 8 * buckets_of(a->max_entries) + (16ull + a->value_size) * a->max_entries;
}

static int stack_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = 8;
	l->reserve = 8;
	return stack_memlock(a) > BYTES_MAX ? -ENOMEM : 0;
}

static int stack_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

static int stack_open(struct bpf_map *m)
{
	return 0;
}

static int stack_delete(struct op *op, struct bpf_map *m, const void *key)
{
	return array_index(key) >= buckets_of(m->max_entries) ? -E2BIG : -ENOENT;
}

const struct map_ops stack_trace_ops = {
	.name = "stack_trace",
	.alloc_check = stack_alloc_check,
	.layout = stack_layout,
	.init = stack_init,
	.open = stack_open,
	.lookup = map_no_lookup_ENOENT,
	.update = map_no_update_EINVAL,
	.delete = stack_delete,
	.lookup_and_delete = map_no_lookup_ENOENT,
	.next_key = map_no_next_ENOENT,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.memlock = stack_memlock,
};
