// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linking: see exec.h.
 *
 *     mem   link | insns (cnt) | sub (nr_subs) | code_off (cnt + 1) | sub_off (nr_subs + 1)
 *
 * One piece of memory, most often no more than a page; the link is the free list's, which may look at a piece
 * that it has just lost. What the JIT makes lies elsewhere (jit_mem.c).
 */
#include "exec/exec_int.h"
#include "exec/jit.h"
#include "isa/insn_valid.h"
#include "util/raw.h"
#include "util/slab.h"
#include <string.h>
#include <sys/mman.h>

static struct slab pages = { .size = PAGE };

#define LINK 16u /* bytes */

struct link_maps {
	struct bpf_map *const *maps;
	void *const *values;
	u32 nr;
};

/* What a linked ld_imm64 loads; false: there is no such thing. */
static bool imm64_value(const struct bpf_insn *in, const struct link_maps *m, u64 *v)
{
	u32 idx = (u32)in->imm;

	switch (in->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		if (idx >= m->nr || !m->maps[idx] || in[1].imm)
			return false;
		*v = ptr_to_u64(m->maps[idx]);
		return true;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		if (idx >= m->nr || !m->values || !m->values[idx])
			return false;
		*v = ptr_to_u64(m->values[idx]) + (u32)in[1].imm;
		return true;
	case BPF_PSEUDO_FUNC: *v = idx; return !in[1].imm;
	default: *v = insn_imm64(in); return true;
	}
}

static bool link_helper(struct bpf_insn *in)
{
	const struct bpf_func_proto *h = helper_get(in->imm);
	intptr_t by;

	if (!h || !h->func)
		return false;
	by = (intptr_t)h->func - (intptr_t)interp_enter;
	if (by != (s32)by)
		return false;
	in->imm = (s32)by;
	return true;
}

static int link_insns(struct image *im, const struct link_maps *m)
{
	for (u32 i = 0; i < im->cnt; i++) {
		struct bpf_insn *in = &im->insns[i];
		u64 v;

		if (insn_is_wide(in->code)) {
			if (!imm64_value(in, m, &v))
				return -EINVAL;
			in[0].src_reg = 0;
			in[0].imm = (s32)v;
			in[1].imm = (s32)(v >> 32);
			i++;
		} else if (in->code == (BPF_JMP | BPF_CALL) && !in->src_reg && !link_helper(in)) {
			return -EINVAL;
		}
	}
	return 0;
}

static int image_alloc(struct image *im, const struct vprog *p)
{
	size_t insns = p->cnt * sizeof(*im->insns), subs = p->nr_subs * sizeof(*im->sub);
	char *mem;

	im->mem_size = LINK + insns + subs + (p->cnt + p->nr_subs + 2) * sizeof(u32);
	im->mem_size = ROUND_UP(im->mem_size, PAGE);
	if (im->mem_size == PAGE)
		mem = slab_get(&pages);
	else
		mem = raw_mmap(NULL, im->mem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
	if (!mem || IS_ERR(mem)) {
		im->mem_size = 0;
		return -ENOMEM;
	}
	im->mem = mem;
	mem += LINK;
	im->insns = (struct bpf_insn *)mem;
	im->sub = (struct vprog_sub *)(mem + insns);
	im->code_off = (u32 *)(mem + insns + subs);
	im->sub_off = im->code_off + p->cnt + 1;
	im->cnt = p->cnt;
	im->nr_subs = p->nr_subs;
	memcpy(im->insns, p->insns, insns);
	memcpy(im->sub, p->sub, subs);
	return 0;
}

int image_make(struct image *im, const struct vprog *p, struct bpf_map *const *maps, void *const *values,
	       u32 nr_maps, bool jit)
{
	const struct link_maps m = { maps, values, nr_maps };
	int err;

	*im = (struct image){ 0 };
	if (!vprog_sound(p))
		return -EINVAL;
	exec_probe_init();
	err = image_alloc(im, p);
	if (err)
		return err;
	err = link_insns(im, &m);
	if (err) {
		image_free(im);
		return err;
	}
	if (!jit || !jit_available() || jit_image(im)) {
		im->code_off = im->sub_off = NULL;
		im->enter = interp_enter;
	}
	im->tail_entry = (const void *)im->enter;
	return 0;
}

void image_free(struct image *im)
{
	if (im->code)
		jit_free(im);
	if (im->mem_size == PAGE)
		slab_put(&pages, im->mem);
	else if (im->mem)
		raw_munmap(im->mem, im->mem_size);
	*im = (struct image){ 0 };
}

/* A tail call in the subprogram, or in what it calls, leaves the run's image as it found it. */
u64 image_callback(struct run *r, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	const struct image *im = r->image;
	u64 r0;

	if (!sub || sub >= im->nr_subs)
		return 0;
	r0 = im->code ? jit_sub(im, sub, a1, a2, a3, a4, a5, r) : interp_sub(im, sub, a1, a2, a3, a4, a5, r);
	r->image = im;
	return r0;
}
