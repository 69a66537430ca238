// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program object: made whole, with what it holds. See prog.h.
 */
#include "prog/prog.h"
#include <fcntl.h>
#include <string.h>
#include "prog/prog_types.h"
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

const char *prog_kind_name(u32 kind)
{
	return prog_type_get(kind)->name;
}

/* References on the maps and the BTF, in the name of an id that nobody sees yet. */
static int hold(const struct prog_hdr *h)
{
	int err = 0;

	for (u32 i = 0; !err && i < h->nr_maps; i++)
		err = ref_set(OBJ_PROG, h->o.id, h->map_ids[i], OBJ_MAP, h->map_ids[i]);
	if (!err && h->btf_id)
		err = ref_set(OBJ_PROG, h->o.id, REF_SLOT_BTF, OBJ_BTF, h->btf_id);
	return err == -ENOENT ? -EBADF : err;
}

static void release_one(void *arg, u64 slot, enum obj_type type, u32 id)
{
	ref_clear(OBJ_PROG, *(u32 *)arg, slot, type, id);
}

static void fill(struct obj_new *n, const struct prog_desc *d)
{
	struct prog_hdr *h = (struct prog_hdr *)n->view.hdr;

	obj_fill_header(n, d->type, d->uid, d->name, d->nr_maps || d->btf_id ? OBJ_F_HOLDS : 0);
	memcpy(h->tag, d->tag, sizeof(h->tag));
	h->expected_attach_type = d->expected_attach_type;
	h->prog_flags = d->prog_flags;
	h->insn_cnt = d->insn_cnt;
	h->verified_insns = d->verified_insns;
	h->gpl = d->gpl;
	h->btf_id = d->btf_id;
	h->nr_maps = d->nr_maps;
	memcpy(h->map_ids, d->map_ids, d->nr_maps * sizeof(u32));
	memcpy(n->view.data, d->insns, d->insn_cnt * sizeof(*d->insns));
}

int prog_make(const struct prog_desc *d, u32 *id, struct stat *st)
{
	size_t size = d->insn_cnt * sizeof(*d->insns);
	struct prog_hdr held;
	struct obj_new n;
	int err;

	err = obj_create(OBJ_PROG, size, size, false, &n);
	if (err)
		return err;
	fill(&n, d);
	*id = obj_take_id(&n);
	held = *(struct prog_hdr *)n.view.hdr;
	err = hold(&held);
	if (err)
		obj_discard(&n);
	else
		err = obj_publish(&n, O_RDWR);
	*st = n.st;
	if (err < 0)
		prog_each_ref(&held.o, OBJ_HDR_SIZE, release_one, id);
	return err;
}
