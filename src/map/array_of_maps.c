// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_ARRAY_OF_MAPS: slots that hold maps (ref_slots.h).
 *
 * All inner maps look like the template that was shown at creation.
 */
#include "map/array_int.h"
#include "map/map_in_map.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/ref_slots.h"

static int array_of_maps_init(struct bpf_map *m, const struct map_attr *a)
{
	map_in_map_init(m, a);
	return 0;
}

const struct map_ops array_of_maps_ops = {
	.name = "array_of_maps",
	.alloc_check = ref_slots_alloc_check,
	.layout = ref_slots_layout,
	.init = array_of_maps_init,
	.open = ref_slots_open,
	.lookup = ref_slots_lookup,
	.update = ref_slots_update,
	.delete = ref_slots_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_generic_lookup_batch,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = OBJ_MAP,
	.obj_check = map_in_map_check,
	.update_check = ref_slots_update_check,
	.each_ref = ref_slots_each,
	.memlock = ref_slots_memlock,
};
