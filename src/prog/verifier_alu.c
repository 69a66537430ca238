// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arithmetic: on numbers anything goes, on pointers only steps by known amounts.
 *
 * A number is known exactly or as 0..max; what is not computed here becomes
 * unknown, which is always safe.
 */
#include "prog/verifier.h"

#define STEP_MAX (1 << 29)

static const char *const op_text[16] = { "+=",  "-=", "*=", "/=", "|=",   "&=",  "<<=", ">>=",
					 "neg", "%=", "^=", "=",  "s>>=", "end", "?",   "?" };

static int bad(struct verifier *v, const char *msg)
{
	vlog(v->log, "%s\n", msg);
	return -EINVAL;
}

static int forbidden(struct verifier *v, u32 regno, const char *msg)
{
	vlog(v->log, "R%u %s\n", regno, msg);
	return -EACCES;
}

/* Two known numbers. */
static bool compute(u8 op, bool wide, u64 a, u64 b, u64 *r)
{
	if (!wide) {
		a = (u32)a;
		b = (u32)b;
	}
	/* A shift by too much has a result, but the kernel does not count on it. */
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) && b >= (wide ? 64 : 32))
		return false;
	switch (op) {
	case BPF_ADD: *r = a + b; break;
	case BPF_SUB: *r = a - b; break;
	case BPF_MUL: *r = a * b; break;
	case BPF_OR: *r = a | b; break;
	case BPF_AND: *r = a & b; break;
	case BPF_XOR: *r = a ^ b; break;
	case BPF_LSH: *r = a << b; break;
	case BPF_RSH: *r = a >> b; break;
	case BPF_ARSH: *r = wide ? (u64)((s64)a >> b) : (u32)((s32)(u32)a >> b); break;
	case BPF_NEG: *r = -a; break;
	default: return false;
	}
	if (!wide)
		*r = (u32)*r;
	return true;
}

static void scalar_op(struct vreg *d, const struct vreg *s, u8 op, bool wide)
{
	u64 limit = wide ? ~0ull : UINT32_MAX, r;

	if (d->known && s->known && compute(op, wide, (u64)d->val, (u64)s->val, &r)) {
		vreg_const(d, (s64)r);
		return;
	}
	if (op == BPF_AND && s->known)
		limit = MIN(limit, wide ? (u64)s->val : (u32)s->val);
	vreg_scalar(d, limit);
}

static bool is_pointer(const struct vreg *r)
{
	return r->type != REG_SCALAR;
}

/* How far a pointer may be moved at once, and from where it points in all. */
static int step_ok(struct verifier *v, const struct vreg *r, const struct vreg *step)
{
	if (!step->known) {
		vlog(v->log, "math between %s pointer and register with unbounded min value is not allowed\n",
		     vreg_name(r));
		return -EINVAL;
	}
	if (step->val >= STEP_MAX || step->val <= -STEP_MAX) {
		vlog(v->log, "math between %s pointer and %ld is not allowed\n", vreg_name(r), step->val);
		return -EINVAL;
	}
	return 0;
}

/* A pointer and a number. */
static int move_pointer(struct verifier *v, u32 regno, struct vreg *d, const struct vreg *s, u8 op)
{
	const struct vreg *step = is_pointer(d) ? s : d;
	struct vreg r = is_pointer(d) ? *d : *s;
	int err;

	if (r.type == REG_VALUE_OR_NULL)
		return forbidden(v, regno,
				 "pointer arithmetic on map_value_or_null prohibited, null-check it first");
	if (r.type != REG_FP && r.type != REG_VALUE && r.type != REG_CTX) {
		vlog(v->log, "R%u pointer arithmetic on %s prohibited\n", regno, vreg_name(&r));
		return -EACCES;
	}
	err = step_ok(v, &r, step);
	if (err)
		return err;
	if (op != BPF_ADD && op != BPF_SUB) {
		vlog(v->log, "R%u pointer arithmetic with %s operator prohibited\n", regno, op_text[op >> 4]);
		return -EACCES;
	}
	if (op == BPF_SUB && !is_pointer(d))
		return forbidden(v, regno, "tried to subtract pointer from scalar");
	r.val += op == BPF_ADD ? step->val : -step->val;
	if (r.val >= STEP_MAX || r.val <= -STEP_MAX) {
		vlog(v->log, "value %ld makes %s pointer be out of bounds\n", r.val, vreg_name(&r));
		return -EINVAL;
	}
	*d = r;
	return 0;
}

/* d and s: at least one is a pointer. */
static int pointer_op(struct verifier *v, u32 regno, struct vreg *d, const struct vreg *s, u8 op, bool wide)
{
	bool both = is_pointer(d) && is_pointer(s);

	if (op == BPF_SUB && (both || !wide)) {
		vreg_scalar(d, ~0ull);
		return 0;
	}
	if (both) {
		vlog(v->log, "R%u pointer %s pointer prohibited\n", regno, op_text[op >> 4]);
		return -EACCES;
	}
	if (!wide)
		return forbidden(v, regno, "32-bit pointer arithmetic prohibited");
	return move_pointer(v, regno, d, s, op);
}

/* dst = src, perhaps of 32 bits, perhaps sign-extended. */
static int move(struct verifier *v, const struct bpf_insn *i, bool wide)
{
	struct vreg src = { 0 }, *d;
	int err;

	if (BPF_SRC(i->code) == BPF_X) {
		if (i->imm || (i->off && i->off != 8 && i->off != 16 && (!wide || i->off != 32)))
			return bad(v, "BPF_MOV uses reserved fields");
		err = reg_read(v, i->src_reg);
		if (err)
			return err;
		src = *vreg(v, i->src_reg);
	} else {
		if (i->src_reg || i->off)
			return bad(v, "BPF_MOV uses reserved fields");
		vreg_const(&src, wide ? (s64)i->imm : (s64)(u32)i->imm);
	}
	err = reg_write(v, i->dst_reg);
	if (err)
		return err;
	d = vreg(v, i->dst_reg);
	if (i->off && is_pointer(&src))
		return forbidden(v, i->src_reg, "sign-extension part of pointer");
	if (i->off || (!wide && (is_pointer(&src) || !src.known)))
		vreg_scalar(d, wide ? ~0ull : MIN(is_pointer(&src) || i->off ? ~0ull : src.max, UINT32_MAX));
	else if (!wide)
		vreg_const(d, (s64)(u32)src.val);
	else
		*d = src;
	return 0;
}

/* Byte order and negation: one operand. */
static int unary(struct verifier *v, const struct bpf_insn *i, bool wide)
{
	bool neg = BPF_OP(i->code) == BPF_NEG;
	struct vreg *d;
	int err;

	if (neg && (BPF_SRC(i->code) != BPF_K || i->src_reg || i->off || i->imm))
		return bad(v, "BPF_NEG uses reserved fields");
	if (!neg && (i->src_reg || i->off || (i->imm != 16 && i->imm != 32 && i->imm != 64) ||
		     (wide && BPF_SRC(i->code) != BPF_TO_LE)))
		return bad(v, "BPF_END uses reserved fields");
	err = reg_read(v, i->dst_reg);
	if (err)
		return err;
	d = vreg(v, i->dst_reg);
	if (is_pointer(d)) {
		vlog(v->log, "R%u pointer arithmetic prohibited\n", i->dst_reg);
		return -EACCES;
	}
	err = reg_write(v, i->dst_reg);
	if (err)
		return err;
	if (neg)
		scalar_op(d, d, BPF_NEG, wide);
	else
		vreg_scalar(d, ~0ull);
	return 0;
}

static int check_fields(struct verifier *v, const struct bpf_insn *i, u8 op)
{
	bool divides = op == BPF_DIV || op == BPF_MOD;

	if (op > BPF_END) {
		vlog(v->log, "invalid BPF_ALU opcode %x\n", op);
		return -EINVAL;
	}
	if (BPF_SRC(i->code) == BPF_X ? i->imm != 0 : i->src_reg != 0)
		return bad(v, "BPF_ALU uses reserved fields");
	if (i->off > 1 || i->off < 0 || (i->off == 1 && !divides))
		return bad(v, "BPF_ALU uses reserved fields");
	return 0;
}

int verify_alu(struct verifier *v, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);
	struct vreg src = { 0 }, *d;
	int err;

	if (op == BPF_MOV)
		return move(v, i, wide);
	if (op == BPF_NEG || op == BPF_END)
		return unary(v, i, wide);
	err = check_fields(v, i, op);
	if (!err && BPF_SRC(i->code) == BPF_X)
		err = reg_read(v, i->src_reg);
	if (!err)
		err = reg_read(v, i->dst_reg);
	if (err)
		return err;
	if (BPF_SRC(i->code) == BPF_X)
		src = *vreg(v, i->src_reg);
	else
		vreg_const(&src, i->imm);
	if ((op == BPF_DIV || op == BPF_MOD) && BPF_SRC(i->code) == BPF_K && !i->imm)
		return bad(v, "div by zero");
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) && BPF_SRC(i->code) == BPF_K &&
	    (i->imm < 0 || i->imm >= (wide ? 64 : 32))) {
		vlog(v->log, "invalid shift %d\n", i->imm);
		return -EINVAL;
	}
	err = reg_write(v, i->dst_reg);
	if (err)
		return err;
	d = vreg(v, i->dst_reg);
	if (is_pointer(d) || is_pointer(&src))
		return pointer_op(v, i->dst_reg, d, &src, op, wide);
	scalar_op(d, &src, op, wide);
	return 0;
}
