// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY: which slots a client has put a perf event into.
 *
 * A perf event is the kernel's and no object of the store, so a slot only says
 * that one is there; the front end has checked the fd. Nothing is held.
 *
 *     data: one word a slot, 0 or 1
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/ref_slots.h"
#include "shm/tagged.h"

static int perf_event_array_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

static int perf_event_array_update(struct op *op, struct bpf_map *m, const void *key, const void *value,
				   u64 flags)
{
	u32 i = array_index(key);

	if (flags != BPF_ANY)
		return -EINVAL;
	if (i >= m->max_entries)
		return -E2BIG;
	__atomic_store_n((u64 *)m->data + i, 1, __ATOMIC_RELEASE);
	return 0;
}

static int perf_event_array_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);

	if (i >= m->max_entries)
		return -E2BIG;
	return __atomic_exchange_n((u64 *)m->data + i, 0, __ATOMIC_ACQ_REL) ? 0 : -ENOENT;
}

const struct map_ops perf_event_array_ops = {
	.name = "perf_event_array",
	.alloc_check = ref_slots_alloc_check,
	.layout = ref_slots_layout,
	.init = perf_event_array_init,
	.open = ref_slots_open,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = perf_event_array_update,
	.delete = perf_event_array_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PERF,
	.update_check = ref_slots_update_check,
	.memlock = ref_slots_memlock,
};
