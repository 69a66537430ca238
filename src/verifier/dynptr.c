// SPDX-License-Identifier: BSD-2-Clause
/*
 * Dynptrs: two stack slots that only helpers may touch, and slices of what they describe.
 *
 * The slot with the lower address carries DYNPTR_FIRST; both carry the kind, the dynptr's id and, where
 * there is something to be released, the reference. Memory from bpf_dynptr_data remembers
 * both and goes with the dynptr.
 */
#include "verifier/env.h"

const char *dynptr_text(u32 kinds)
{
	switch (kinds & 0xff) {
	case DYNPTR_LOCAL: return "local";
	case DYNPTR_RINGBUF: return "ringbuf";
	case DYNPTR_SKB: return "skb";
	case DYNPTR_XDP: return "xdp";
	default: return "<unknown>";
	}
}

static void drop_slices(struct env *e, u32 id)
{
	struct reg_iter it = { .st = e->cur };
	struct reg *r;

	for (r = reg_next(&it); r; r = reg_next(&it))
		if (r->type == PTR_TO_MEM && r->flags & MEM_DYNPTR && r->dynptr_id == id)
			reg_unknown(r);
}

static void clear_slots(struct frame *f, u32 first)
{
	for (u32 n = first - 1; n <= first; n++) {
		reg_clear(&f->stack[n].r);
		memset(f->stack[n].type, STACK_INVALID, 8);
	}
}

static u32 first_of(const struct frame *f, u32 slot)
{
	return f->stack[slot].r.dynptr & DYNPTR_FIRST ? slot : slot + 1;
}

/* The slot is about to be overwritten. */
int dynptr_destroy_at(struct env *e, struct frame *f, u32 slot)
{
	u32 first, id;

	if (slot >= f->nr_slots || f->stack[slot].type[7] != STACK_DYNPTR)
		return 0;
	first = first_of(f, slot);
	if (first >= f->nr_slots || !first)
		return -EFAULT;
	if (f->stack[first].r.ref_obj_id)
		return bad(e, -EINVAL, "cannot overwrite referenced dynptr");
	id = f->stack[first].r.id;
	clear_slots(f, first);
	scratched_slot(e, first);
	scratched_slot(e, first - 1);
	drop_slices(e, id);
	return 0;
}

/* The slot of the lower address that a stack pointer means, or an errno. */
static int slot_of(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	s64 off = r->off + (s64)r->n.var.value;

	if (!tnum_is_const(r->n.var))
		return bad(e, -EINVAL, "dynptr has to be at a constant offset");
	if (off >= 0 || off < -STACK_MAX || off % 8 || off > -16) {
		vlog(e->log, "cannot pass in dynptr at an offset=%ld\n", off);
		return -EINVAL;
	}
	return (int)((-off - 1) / 8);
}

static int make(struct env *e, u32 regno, u32 kinds, struct call_meta *m)
{
	int slot, err = 0;

	if (cur_reg(e, regno)->type != PTR_TO_STACK)
		return bad(e, -EINVAL, "Dynptr has to be an uninitialized dynptr");
	slot = slot_of(e, regno);
	if (slot < 0)
		return bad(e, -EINVAL, "Dynptr has to be an uninitialized dynptr");
	/* One that stands there goes by the writes, unless it has to be released. */
	for (s32 off = 0; !err && off < 16; off += 8)
		err = check_mem(e, e->insn, regno, off, 8, true, -1, false, false);
	m->dynptr_new = kinds;
	m->dynptr_new_reg = regno;
	return err;
}

static const struct reg *initialized(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	const struct frame *f;
	int slot;

	if (r->type == CONST_PTR_TO_DYNPTR)
		return r;
	slot = slot_of(e, regno);
	if (slot < 0)
		return NULL;
	f = e->cur->frame[r->frameno];
	if ((u32)slot >= f->nr_slots || f->stack[slot].type[7] != STACK_DYNPTR ||
	    !(f->stack[slot].r.dynptr & DYNPTR_FIRST))
		return NULL;
	if (live_read(e, cur_frame(e), f->frameno, 3ull << (slot - 1)))
		return NULL;
	return &f->stack[slot].r;
}

/* What is to be released must be on the stack, and hold a reference. */
static int may_release(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	const struct frame *f;
	int slot;

	if (r->type == CONST_PTR_TO_DYNPTR)
		return bad(e, -EINVAL, "cannot release unowned const bpf_dynptr");
	if (r->type != PTR_TO_STACK)
		return 0;
	slot = slot_of(e, regno);
	f = e->cur->frame[r->frameno];
	if (slot >= 0 && (u32)slot < f->nr_slots && f->stack[slot].r.ref_obj_id)
		return 0;
	vlog(e->log, "arg %u is an unacquired reference\n", regno);
	return -EINVAL;
}

int dynptr_arg(struct env *e, u32 regno, u32 arg, u32 kinds, struct call_meta *m)
{
	const struct reg *d;

	if (arg & ARG_F_UNINIT)
		return make(e, regno, kinds, m);
	if (arg & ARG_F_RELEASE) {
		int err = may_release(e, regno);

		if (err)
			return err;
	}
	d = initialized(e, regno);
	if (!d) {
		vlog(e->log, "Expected an initialized dynptr as arg #%u\n", regno - 1);
		return -EINVAL;
	}
	if (kinds && !(d->dynptr & kinds & 0xff)) {
		vlog(e->log, "Expected a dynptr of type %s as arg #%u\n", dynptr_text(kinds), regno - 1);
		return -EINVAL;
	}
	m->dynptr_id = d->id;
	m->ref_obj_id = d->ref_obj_id;
	return 0;
}

/* The helper has been found fit: its dynptr is there now. */
int dynptr_finish(struct env *e, struct call_meta *m)
{
	struct frame *f;
	u32 id, ref = 0;
	int slot;

	if (!m->dynptr_new)
		return 0;
	slot = slot_of(e, m->dynptr_new_reg);
	if (slot < 1)
		return -EFAULT;
	f = e->cur->frame[cur_reg(e, m->dynptr_new_reg)->frameno];
	id = ++e->id_gen;
	if (m->dynptr_new & DYNPTR_RINGBUF) {
		int got = ref_acquire(e, e->insn);

		if (got < 0)
			return got;
		ref = (u32)got;
	}
	for (u32 n = (u32)slot - 1; n <= (u32)slot; n++) {
		struct reg *r = &f->stack[n].r;

		reg_clear(r);
		reg_zero_offset(r);
		r->type = CONST_PTR_TO_DYNPTR;
		r->dynptr = (m->dynptr_new & 0xff) | (n == (u32)slot ? DYNPTR_FIRST : 0);
		r->id = id;
		r->ref_obj_id = ref;
		memset(f->stack[n].type, STACK_DYNPTR, 8);
		scratched_slot(e, n);
	}
	return 0;
}

/* Submitted or discarded: the reference goes, and with it each slot and slice. */
int dynptr_release(struct env *e, u32 regno, u32 ref)
{
	int err = ref_release(e, ref);

	for (u32 k = 0; !err && k <= e->cur->curframe; k++) {
		struct frame *f = e->cur->frame[k];

		for (u32 n = 1; n < f->nr_slots; n++) {
			struct slot *s = &f->stack[n];
			u32 id = s->r.id;

			if (s->type[7] != STACK_DYNPTR || !(s->r.dynptr & DYNPTR_FIRST) ||
			    s->r.ref_obj_id != ref)
				continue;
			clear_slots(f, n);
			drop_slices(e, id);
		}
	}
	return err;
}
