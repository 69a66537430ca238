// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_PROG_ARRAY: slots that hold programs (ref_slots.h), the targets of tail calls.
 *
 * The first program that is put in, or that uses the map, sets what all that
 * follow must be: its type, and the type's own word of the object's flags (how
 * it is run, what it attaches to). hdr->owner_prog_type and owner_flags are changed together, once, from 0 by
 * compare-and-swap and never back.
 *
 * A program may hold the array that holds the program. The cycle is broken
 * when the last user reference on the array goes: then its slots are emptied.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/ref_slots.h"

static int prog_array_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

int ref_slots_owner_check(struct bpf_map *m, const struct obj_hdr *prog)
{
	u64 *owner = (u64 *)&m->hdr->owner_prog_type, none = 0;
	u64 mine = (u64)(prog->flags >> OBJ_F_OWN_SHIFT) << 32 | prog->kind;

	if (__atomic_compare_exchange_n(owner, &none, mine, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	return none == mine ? 0 : -EINVAL;
}

const struct map_ops prog_array_ops = {
	.name = "prog_array",
	.alloc_check = ref_slots_alloc_check,
	.layout = ref_slots_layout,
	.init = prog_array_init,
	.open = ref_slots_open,
	.lookup = ref_slots_lookup,
	.update = ref_slots_update,
	.delete = ref_slots_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = OBJ_PROG,
	.obj_check = ref_slots_owner_check,
	.update_check = ref_slots_update_check,
	.each_ref = ref_slots_each,
	.release_uref = ref_slots_clear,
	.memlock = ref_slots_memlock,
};
