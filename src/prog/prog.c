// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program object: made whole, with what it holds. See prog.h.
 */
#include "prog/prog.h"
#include <fcntl.h>
#include <string.h>
#include "progtype/prog_types.h"
#include "store/ref.h"

void prog_each_ref(const struct obj_hdr *hdr, size_t file_size,
		   void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	const struct prog_hdr *h = (const struct prog_hdr *)hdr;

	for (u32 i = 0; i < PROG_MAPS_MAX; i++) {
		u32 id = atomic_load(&h->map_ids[i]);

		if (!id)
			break;
		each(arg, id, OBJ_MAP, id);
	}
	if (h->btf_id)
		each(arg, REF_SLOT_BTF, OBJ_BTF, h->btf_id);
}

const char *prog_kind_name(u32 kind)
{
	return prog_type_get(kind)->name;
}

u32 prog_compat(u32 prog_flags, u32 expected_attach_type, u32 target)
{
	return PROG_COMPAT_JITED | (prog_flags & BPF_F_XDP_HAS_FRAGS ? PROG_COMPAT_FRAGS : 0) |
	       (prog_flags & BPF_F_SLEEPABLE ? PROG_COMPAT_SLEEPS : 0) |
	       PROG_COMPAT_ATTACH(expected_attach_type & 0xff) | PROG_COMPAT_TARGET(target & 0xff);
}

/* References on the maps and the BTF, in the name of an id that nobody sees yet. */
static int hold(const struct prog_desc *d, u32 id)
{
	int err = 0;

	for (u32 i = 0; !err && i < d->nr_maps; i++)
		err = ref_set(OBJ_PROG, id, d->map_ids[i], OBJ_MAP, d->map_ids[i]);
	if (!err && d->btf_id)
		err = ref_set(OBJ_PROG, id, REF_SLOT_BTF, OBJ_BTF, d->btf_id);
	return err == -ENOENT ? -EBADF : err;
}

static void let_go(const struct prog_desc *d, u32 id)
{
	for (u32 i = 0; i < d->nr_maps; i++)
		ref_clear(OBJ_PROG, id, d->map_ids[i], OBJ_MAP, d->map_ids[i]);
	if (d->btf_id)
		ref_clear(OBJ_PROG, id, REF_SLOT_BTF, OBJ_BTF, d->btf_id);
}

static size_t data_size(const struct prog_desc *d)
{
	return (size_t)d->insn_cnt * sizeof(struct bpf_insn) + d->nr_func * sizeof(struct bpf_func_info) +
	       (size_t)d->nr_line * sizeof(struct bpf_line_info) +
	       (size_t)d->xlated->cnt * (sizeof(struct bpf_insn) + sizeof(u32)) +
	       d->xlated->nr_subs * sizeof(struct vprog_sub);
}

static u8 *put(u8 *to, const void *from, size_t n)
{
	if (n)
		memcpy(to, from, n);
	return to + n;
}

static void fill_data(u8 *to, const struct prog_desc *d)
{
	const struct vprog *x = d->xlated;

	to = put(to, d->insns, (size_t)d->insn_cnt * sizeof(*d->insns));
	to = put(to, d->func_info, d->nr_func * sizeof(*d->func_info));
	to = put(to, d->line_info, (size_t)d->nr_line * sizeof(*d->line_info));
	to = put(to, x->insns, (size_t)x->cnt * sizeof(*x->insns));
	to = put(to, x->sub, x->nr_subs * sizeof(*x->sub));
	put(to, x->orig, (size_t)x->cnt * sizeof(*x->orig));
}

static void fill(struct obj_new *n, const struct prog_desc *d)
{
	struct prog_hdr *h = (struct prog_hdr *)n->view.hdr;
	u32 compat = prog_compat(d->prog_flags, d->expected_attach_type, d->iter_target);

	obj_fill_header(n, d->type, d->uid, d->name,
			(d->nr_maps || d->btf_id ? OBJ_F_HOLDS : 0) | compat << OBJ_F_OWN_SHIFT);
	memcpy(h->tag, d->tag, sizeof(h->tag));
	h->expected_attach_type = d->expected_attach_type;
	h->prog_flags = d->prog_flags;
	h->insn_cnt = d->insn_cnt;
	h->nr_func = d->nr_func;
	h->nr_line = d->nr_line;
	h->xlated_cnt = d->xlated->cnt;
	h->nr_subs = d->xlated->nr_subs;
	h->verified_insns = d->verified_insns;
	h->gpl = d->gpl;
	h->btf_id = d->btf_id;
	h->attach_btf_id = d->attach_btf_id;
	h->iter_rdonly = d->iter_rdonly;
	h->iter_rdwr = d->iter_rdwr;
	for (u32 i = 0; i < d->nr_maps; i++)
		atomic_store_explicit(&h->map_ids[i], d->map_ids[i], memory_order_relaxed);
	fill_data(n->view.data, d);
}

int prog_make(const struct prog_desc *d, u32 *id, struct stat *st)
{
	size_t size = data_size(d);
	struct obj_new n;
	int err;

	err = obj_create(OBJ_PROG, size, size, false, &n);
	if (err)
		return err;
	fill(&n, d);
	*id = obj_take_id(&n);
	err = hold(d, *id);
	if (err)
		obj_discard(&n);
	else
		err = obj_publish(&n, O_RDWR);
	*st = n.st;
	if (err < 0)
		let_go(d, *id);
	return err;
}

int prog_bind(struct prog_hdr *h, u32 prog_id, u64 ino, u32 map_id)
{
	int err;

	/* Before there is anything to hold: who buries the program must know that it has to look. */
	__atomic_fetch_or(&h->o.flags, OBJ_F_HOLDS, __ATOMIC_SEQ_CST);
	obj_add_hint(ino, OBJ_PROG, prog_id, h->o.flags);
	err = ref_set(OBJ_PROG, prog_id, map_id, OBJ_MAP, map_id);

	/* There already, or left by somebody who was killed before he had told it. */
	if (err && err != -EEXIST)
		return err == -ENOENT ? -EBADF : err;
	for (u32 i = 0; i < PROG_MAPS_MAX; i++) {
		u32 seen = 0;

		if (atomic_compare_exchange_strong(&h->map_ids[i], &seen, map_id) || seen == map_id)
			return 0;
	}
	if (!err)
		ref_clear(OBJ_PROG, prog_id, map_id, OBJ_MAP, map_id);
	return -E2BIG;
}
