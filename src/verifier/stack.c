// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stack: 64 slots a frame, each with what its bytes are.
 *
 *     STACK_SPILL    bytes of a register that was stored there (the low ones, from type[7] down)
 *     STACK_ZERO     known to be 0          STACK_MISC     some number
 *     STACK_INVALID  never written: readable as some number, for whoever may load programs
 *     STACK_DYNPTR   part of a dynptr: only its helpers may touch it (dynptr.c)
 *
 * A number that is stored at the start of a slot keeps what is known of it, of
 * any width; a pointer only whole.
 */
#include "verifier/env.h"

static struct frame *target(struct env *e, u32 regno)
{
	return e->cur->frame[cur_reg(e, regno)->frameno];
}

static void say_var(struct env *e, const struct reg *r)
{
	say_tnum(e, r->n.var);
}

/* Does all of the access lie in the stack? Grows it. */
int check_stack_off(struct env *e, u32 regno, s32 off, u64 size, bool write, bool helper)
{
	const struct reg *r = cur_reg(e, regno);
	struct frame *f = target(e, regno);
	const char *how = write ? "write to" : "read from";
	bool fixed = tnum_is_const(r->n.var);
	s64 lo, hi;
	int err = 0;

	if (!fixed && (r->n.smax >= OFF_LIMIT || r->n.smin <= -OFF_LIMIT)) {
		vlog(e->log, "invalid unbounded variable-offset %s stack R%u\n", how, regno);
		return -EACCES;
	}
	lo = (fixed ? (s64)r->n.var.value : r->n.smin) + off;
	hi = (fixed ? lo : r->n.smax + off) + (s64)size;
	if (lo < -STACK_MAX || lo > -1)
		err = -EACCES;
	else if (hi > 0)
		err = -EINVAL;
	if (!err) {
		e->sub[f->sub].depth = MAX(e->sub[f->sub].depth, ROUND_UP((u32)-lo, 8u));
		return frame_grow(e, f, (u32)-lo);
	}
	if (fixed) {
		vlog(e->log, "invalid %s stack R%u off=%ld size=%lu\n", how, regno, lo, size);
	} else {
		vlog(e->log, "invalid variable-offset %s stack R%u var_off=", how, regno);
		say_var(e, r);
		vlog(e->log, " off=%d size=%lu\n", off, size);
	}
	return err;
}

static u64 slot_mask(s64 lo, s64 end)
{
	u64 m = 0;

	for (s64 n = (-end) / 8; n <= (-lo - 1) / 8; n++)
		m |= 1ull << n;
	return m;
}

static void forget_spill(struct slot *s)
{
	if (!slot_is_spill(s))
		return;
	for (u32 k = 0; k < 8; k++)
		if (s->type[k] == STACK_SPILL)
			s->type[k] = STACK_MISC;
}

static int read_failed(struct env *e, s32 off, u32 byte, u32 size)
{
	vlog(e->log, "invalid read from stack off %d+%u size %u\n", off, byte, size);
	return -EACCES;
}

/* Bits that the number can have set: 1..64. */
static u32 width_of(const struct reg *r)
{
	return r->n.umax ? 64 - (u32)__builtin_clzll(r->n.umax) : 0;
}

/* Bytes off the slot, none of them of a whole spilled register. */
static int read_bytes(struct env *e, struct frame *f, s32 off, u32 size, struct reg *dst)
{
	u32 at = (u32)(-off - 1), spilled = 0, zero = 0;
	struct slot *s = &f->stack[at / 8];

	for (u32 k = 0; k < size; k++) {
		u8 t = s->type[(at - k) % 8];

		if (t == STACK_DYNPTR)
			return read_failed(e, off, k, size);
		spilled += t == STACK_SPILL;
		zero += t == STACK_ZERO;
	}
	if (!dst)
		return 0;
	if (spilled == size && reg_is_null(&s->r)) {
		reg_const(dst, 0);
		hist_stack(e, f->frameno, at / 8);
	} else if (zero == size) {
		reg_const(dst, 0);
	} else {
		reg_unknown(dst);
	}
	return 0;
}

static int fill(struct env *e, struct frame *f, s32 off, u32 size, struct reg *dst)
{
	u32 at = (u32)(-off - 1), n = 0;
	struct slot *s = &f->stack[at / 8];

	while (n < 8 && s->type[7 - n] == STACK_SPILL)
		n++;
	if ((size != 8 || n != 8) && s->r.type != SCALAR_VALUE)
		return bad(e, -EACCES, "invalid size of register fill");
	if (!dst)
		return 0;
	if (off % 8 || size > n)
		return read_bytes(e, f, off, size, dst);
	*dst = s->r;
	if (size != 8 && width_of(&s->r) > size * 8) {
		dst->id = 0;
		dst->off = 0;
	}
	hist_stack(e, f->frameno, at / 8);
	return 0;
}

static int read_fixed(struct env *e, struct frame *f, s32 off, u32 size, s32 val)
{
	struct slot *s = &f->stack[(-off - 1) / 8];
	struct reg got;
	int err;

	scratched_slot(e, (u32)(-off - 1) / 8);
	err = live_read(e, cur_frame(e), f->frameno, slot_mask(off, off + (s32)size));
	if (err)
		return err;
	if (slot_is_spill(s))
		err = fill(e, f, off, size, val >= 0 ? &got : NULL);
	else
		err = read_bytes(e, f, off, size, val >= 0 ? &got : NULL);
	if (!err && val >= 0)
		*cur_reg(e, (u32)val) = got;
	return err;
}

static int read_variable(struct env *e, u32 regno, s32 off, u32 size, s32 val)
{
	struct reg *r = cur_reg(e, regno);
	struct frame *f = target(e, regno);
	s64 lo = r->n.smin + off, end = r->n.smax + off + (s64)size, zero = 0;
	int err = stack_range(e, regno, off, size, false, false, false);

	if (err)
		return err;
	for (s64 k = lo; k < end; k++)
		zero += f->stack[(-k - 1) / 8].type[(-k - 1) % 8] == STACK_ZERO;
	if (zero == end - lo)
		mark_const(e, (u32)val, 0);
	else
		mark_unknown(e, (u32)val);
	return 0;
}

int stack_read(struct env *e, u32 regno, s32 off, u32 size, s32 val)
{
	struct reg *r = cur_reg(e, regno);
	int err = check_stack_off(e, regno, off, size, false, false);

	if (err)
		return err;
	if (tnum_is_const(r->n.var))
		return read_fixed(e, target(e, regno), (s32)(off + (s64)r->n.var.value), size, val);
	if (val < 0) {
		vlog(e->log, "variable offset stack pointer cannot be passed into helper function; var_off=");
		say_var(e, r);
		vlog(e->log, " off=%d size=%u\n", off, size);
		return -EACCES;
	}
	return read_variable(e, regno, off, size, val);
}

static void spill(struct slot *s, const struct reg *r, u32 size)
{
	u32 k = 8;

	s->r = *r;
	for (; k > 8 - size; k--)
		s->type[k - 1] = STACK_SPILL;
	for (; k; k--)
		if (s->type[k - 1] != STACK_ZERO && s->type[k - 1] != STACK_INVALID)
			s->type[k - 1] = STACK_MISC;
}

static bool spillable(const struct reg *r)
{
	return r->type != NOT_INIT && r->type != SCALAR_VALUE;
}

static int spill_number(struct env *e, struct slot *s, struct reg *r, u32 size)
{
	bool fits = width_of(r) <= size * 8;

	if (fits)
		assign_scalar_id(e, r);
	spill(s, r, size);
	if (!fits) {
		s->r.id = 0;
		s->r.off = 0;
	}
	return 0;
}

static int write_bytes(struct env *e, struct slot *s, u32 at, u32 size, bool zero, s32 val)
{
	int err = 0;

	s->r.type = NOT_INIT;
	forget_spill(s);
	if (zero && val >= 0)
		err = mark_precise(e, (u32)val);
	for (u32 k = 0; k < size; k++)
		s->type[(at - k) % 8] = zero ? STACK_ZERO : STACK_MISC;
	return err;
}

static int write_fixed(struct env *e, struct frame *f, s32 off, u32 size, s32 val)
{
	const struct bpf_insn *i = &e->insns[e->insn];
	bool imm = BPF_CLASS(i->code) == BPF_ST && BPF_MODE(i->code) == BPF_MEM;
	struct reg *r = val >= 0 ? cur_reg(e, (u32)val) : NULL, c;
	u32 at = (u32)(-off - 1), n = at / 8;
	struct slot *s = &f->stack[n];
	int err = dynptr_destroy_at(e, f, n);

	if (err)
		return err;
	scratched_slot(e, n);
	if (size == 8)
		live_wrote(e, f->frameno, 1ull << n);
	if (r && spillable(r)) {
		if (size != 8)
			return bad(e, -EACCES, "invalid size of register spill");
		if (f != cur_frame(e) && r->type == PTR_TO_STACK)
			return bad(e, -EINVAL,
				   "cannot spill pointers to stack into stack frame of the caller");
		spill(s, r, 8);
		hist_stack(e, f->frameno, n);
		return 0;
	}
	if (off % 8 || (!r && !imm))
		return write_bytes(e, s, at, size, r ? reg_is_null(r) : imm && !i->imm, val);
	hist_stack(e, f->frameno, n);
	if (r)
		return spill_number(e, s, r, size);
	reg_const(&c, (u64)(s64)i->imm);
	spill(s, &c, size);
	return 0;
}

static int write_variable(struct env *e, struct frame *f, const struct reg *p, s32 off, u32 size, s32 val)
{
	const struct bpf_insn *i = &e->insns[e->insn];
	s64 lo = p->n.smin + off, end = p->n.smax + off + (s64)size;
	bool zero = val >= 0 ? reg_is_null(cur_reg(e, (u32)val))
			     : BPF_CLASS(i->code) == BPF_ST && BPF_MODE(i->code) == BPF_MEM && !i->imm;
	bool relied = false;

	for (s64 k = lo; k < end; k++) {
		u32 at = (u32)(-k - 1);
		struct slot *s = &f->stack[at / 8];
		u8 *t = &s->type[at % 8];
		int err = dynptr_destroy_at(e, f, at / 8);

		if (err)
			return err;
		scratched_slot(e, at / 8);
		if (zero && *t == STACK_SPILL && reg_is_null(&s->r)) {
			relied = true;
			continue;
		}
		if (zero && *t == STACK_ZERO) {
			relied = true;
			continue;
		}
		forget_spill(s);
		s->r.type = NOT_INIT;
		*t = STACK_MISC;
	}
	return relied && val >= 0 ? mark_precise(e, (u32)val) : 0;
}

int stack_write(struct env *e, u32 regno, s32 off, u32 size, s32 val)
{
	struct reg *r = cur_reg(e, regno);
	struct frame *f = target(e, regno);
	int err = check_stack_off(e, regno, off, size, true, false);

	if (err)
		return err;
	if (tnum_is_const(r->n.var))
		return write_fixed(e, f, (s32)(off + (s64)r->n.var.value), size, val);
	return write_variable(e, f, r, off, size, val);
}

/* size bytes for a helper to read (or, with write, to change). */
int stack_range(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok, bool write, bool uninit)
{
	const struct reg *r = cur_reg(e, regno);
	struct frame *f = target(e, regno);
	bool fixed = tnum_is_const(r->n.var);
	s64 lo, end;
	int err;

	if (!size && !zero_ok)
		return bad(e, -EACCES, "invalid zero-sized read");
	err = check_stack_off(e, regno, off, size, write, true);
	if (err)
		return err;
	lo = (fixed ? (s64)r->n.var.value : r->n.smin) + off;
	end = (fixed ? lo : r->n.smax + off) + (s64)size;
	for (s64 k = lo; k < end; k++) {
		u32 at = (u32)(-k - 1);
		struct slot *s = &f->stack[at / 8];
		u8 *t = &s->type[at % 8];

		if (*t == STACK_DYNPTR) {
			if (uninit && fixed) {
				vlog(e->log, "potential write to dynptr at off=%ld disallowed\n", k);
			} else if (fixed) {
				vlog(e->log, "invalid read from stack R%u off %ld+%ld size %lu\n", regno, lo,
				     k - lo, size);
			} else {
				vlog(e->log, "invalid read from stack R%u var_off ", regno);
				say_var(e, r);
				vlog(e->log, "+%ld size %lu\n", k - lo, size);
			}
			return -EACCES;
		}
		if (!write || (uninit && fixed))
			continue;
		if (slot_is_spill(s)) {
			reg_unknown(&s->r);
			forget_spill(s);
		}
		*t = STACK_MISC;
	}
	if (uninit && fixed)
		return 0;
	return size ? live_read(e, cur_frame(e), f->frameno, slot_mask(lo, end)) : 0;
}
