// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pointers plus and minus numbers.
 *
 * What is known exactly goes into the fixed part (off), everything else into
 * the variable part (n). A packet pointer that gets a variable part is the
 * base of a family of its own: new id, no range.
 */
#include "verifier/env.h"

static const char *const op_text[16] = { "+=",  "-=", "*=", "/=", "|=",   "&=",  "<<=", ">>=",
					 "neg", "%=", "^=", "=",  "s>>=", "end", "?",   "?" };

/* Neither the pointer nor what is added may leave the range in which sums are exact. */
static int sane(struct env *e, const struct reg *r, const char *text)
{
	s64 v = (s64)r->n.var.value;

	if (tnum_is_const(r->n.var) && (v >= OFF_LIMIT || v <= -OFF_LIMIT)) {
		vlog(e->log, "math between %s pointer and %ld is not allowed\n", text, v);
		return -EINVAL;
	}
	if (r->off >= OFF_LIMIT || r->off <= -OFF_LIMIT) {
		vlog(e->log, "%s pointer offset %d is not allowed\n", text, r->off);
		return -EINVAL;
	}
	if (r->n.smin == INT64_MIN) {
		vlog(e->log, "math between %s pointer and register with unbounded min value is not allowed\n",
		     text);
		return -EINVAL;
	}
	if (r->n.smin >= OFF_LIMIT || r->n.smin <= -OFF_LIMIT) {
		vlog(e->log, "value %ld makes %s pointer be out of bounds\n", r->n.smin, text);
		return -EINVAL;
	}
	return 0;
}

/* Types that cannot be moved at all. */
static int movable(struct env *e, const struct reg *p, const struct reg *n, u8 op, u32 dst)
{
	bool known = tnum_is_const(n->n.var);

	if (p->flags & PTR_MAYBE_NULL) {
		vlog(e->log, "R%u pointer arithmetic on %s prohibited, null-check it first\n", dst,
		     reg_text(e, p));
		return -EACCES;
	}
	switch (p->type) {
	case PTR_TO_CTX:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
	case PTR_TO_STACK:
	case PTR_TO_PACKET_META:
	case PTR_TO_PACKET:
	case PTR_TO_BTF_ID:
	case PTR_TO_UNTRUSTED_MEM:
	case PTR_TO_BUF:
	case PTR_TO_MEM:
	case PTR_TO_FUNC:
	case CONST_PTR_TO_DYNPTR: return 0;
	case PTR_TO_FLOW_KEYS:
		if (known)
			return 0;
		break;
	case CONST_PTR_TO_MAP:
		if (known && !n->n.smin && op == BPF_ADD)
			return 0;
		break;
	default: break;
	}
	vlog(e->log, "R%u pointer arithmetic on %s prohibited\n", dst, reg_text(e, p));
	return -EACCES;
}

static bool fits(s64 v)
{
	return v == (s32)v;
}

static void wide_only(struct scalar *n)
{
	n->s32_min = INT32_MIN;
	n->s32_max = INT32_MAX;
	n->u32_min = 0;
	n->u32_max = UINT32_MAX;
}

static void new_family(struct env *e, struct reg *r, bool forgets)
{
	if (!is_packet(r))
		return;
	r->id = ++e->id_gen;
	if (forgets)
		r->range = 0;
}

static void add(struct env *e, struct reg *r, const struct scalar *n)
{
	if (tnum_is_const(n->var) && fits(r->off + n->smin)) {
		r->off = (s32)(r->off + n->smin);
		return;
	}
	scalar_alu(&r->n, n, BPF_ADD, 0, true);
	wide_only(&r->n);
	new_family(e, r, true);
}

static void sub(struct env *e, struct reg *r, const struct scalar *n)
{
	if (tnum_is_const(n->var) && fits(r->off - n->smin)) {
		r->off = (s32)(r->off - n->smin);
		return;
	}
	scalar_alu(&r->n, n, BPF_SUB, 0, true);
	wide_only(&r->n);
	new_family(e, r, n->smin < 0);
}

static int move_pointer(struct env *e, struct reg *r, const struct reg *num, u8 op, u32 dst, bool from_number)
{
	switch (op) {
	case BPF_ADD: add(e, r, &num->n); return 0;
	case BPF_SUB:
		if (from_number) {
			vlog(e->log, "R%u tried to subtract pointer from scalar\n", dst);
			return -EACCES;
		}
		if (r->type == PTR_TO_STACK) {
			vlog(e->log, "R%u subtraction from stack pointer prohibited\n", dst);
			return -EACCES;
		}
		sub(e, r, &num->n);
		return 0;
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		vlog(e->log, "R%u bitwise operator %s on pointer prohibited\n", dst, op_text[op >> 4]);
		return -EACCES;
	default:
		vlog(e->log, "R%u pointer arithmetic with %s operator prohibited\n", dst, op_text[op >> 4]);
		return -EACCES;
	}
}

/* dst is one of the two; both keep their contents until the result is known. */
int ptr_alu(struct env *e, const struct bpf_insn *i, struct reg *ptr, struct reg *num, u32 dst)
{
	struct reg r = *ptr, n = *num;
	u8 op = BPF_OP(i->code);
	const char *text;
	int err;

	/* Bounds that contradict each other come from a branch that is never taken. */
	if (n.n.smin > n.n.smax || n.n.umin > n.n.umax) {
		mark_unknown(e, dst);
		return 0;
	}
	if (BPF_CLASS(i->code) != BPF_ALU64) {
		if (op == BPF_SUB) {
			mark_unknown(e, dst);
			return 0;
		}
		vlog(e->log, "R%u 32-bit pointer arithmetic prohibited\n", dst);
		return -EACCES;
	}
	err = movable(e, &r, &n, op, dst);
	if (err)
		return err;
	text = reg_text(e, &r);
	err = sane(e, &n, text);
	if (!err)
		err = sane(e, &r, text);
	if (!err)
		err = move_pointer(e, &r, &n, op, dst, ptr != cur_reg(e, dst));
	if (!err)
		err = sane(e, &r, text);
	if (err)
		return err;
	scalar_sync(&r.n);
	*cur_reg(e, dst) = r;
	return 0;
}
