// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a program object holds. See prog.h.
 */
#include "prog/prog.h"
#include "store/ref.h"

void prog_each_ref(const struct obj_hdr *hdr, size_t file_size,
		   void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	const struct prog_hdr *h = (const struct prog_hdr *)hdr;

	for (u32 i = 0; i < h->nr_maps && i < PROG_MAPS_MAX; i++)
		each(arg, h->map_ids[i], OBJ_MAP, h->map_ids[i]);
	if (h->btf_id)
		each(arg, REF_SLOT_BTF, OBJ_BTF, h->btf_id);
}
