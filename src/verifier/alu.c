// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arithmetic instructions: who may take part, and links between equal numbers.
 *
 * Numbers are computed in bounds_alu.c, pointers moved in ptr_alu.c. Numbers that are copies of one another
 * share an id, so that what a branch teaches of one is known of all; a number
 * that is another plus a constant keeps the id with ADD_CONST and the constant in off.
 */
#include "verifier/env.h"

/* Before its value gets a second home. */
void assign_scalar_id(struct env *e, struct reg *r)
{
	if (!is_scalar(r))
		return;
	if (r->id & ADD_CONST) {
		r->id = 0;
		r->off = 0;
	}
	if (!r->id && !tnum_is_const(r->n.var))
		r->id = ++e->id_gen;
}

static void forget_link(struct reg *r)
{
	r->id = 0;
	r->off = 0;
}

/* One operand: negation, byte order. A pointer becomes a number of which nothing is known. */
static int unary(struct env *e, const struct bpf_insn *i, bool wide)
{
	struct reg *d;
	int err = reg_readable(e, i->dst_reg);

	if (!err)
		err = reg_writable(e, i->dst_reg);
	if (err)
		return err;
	d = cur_reg(e, i->dst_reg);
	if (!is_scalar(d)) {
		reg_unknown(d);
		return 0;
	}
	forget_link(d);
	if (BPF_OP(i->code) == BPF_NEG)
		scalar_alu(&d->n, &d->n, BPF_NEG, 0, wide);
	else
		scalar_swap(&d->n, i->code, i->imm);
	return 0;
}

/* The value of d comes from s, cut to bits; the link stays if nothing was cut. */
static void copy_number(struct env *e, struct reg *d, struct reg *s, bool keeps)
{
	if (keeps)
		assign_scalar_id(e, s);
	*d = *s;
	if (!keeps)
		forget_link(d);
}

static void move_reg(struct env *e, const struct bpf_insn *i, bool wide)
{
	struct reg *s = cur_reg(e, i->src_reg), *d = cur_reg(e, i->dst_reg);
	u64 limit = i->off ? 1ull << (i->off - 1) : 1ull << 32;

	if (wide && !i->off) {
		assign_scalar_id(e, s);
		*d = *s;
		return;
	}
	if (!is_scalar(s)) {
		reg_unknown(d);
		if (!wide)
			scalar_zext(&d->n, 4);
		return;
	}
	copy_number(e, d, s, s->n.umax < limit);
	if (i->off)
		scalar_sext(&d->n, (u8)(i->off / 8), !wide);
	else
		scalar_zext(&d->n, 4);
}

static int move(struct env *e, const struct bpf_insn *i, bool wide)
{
	bool x = BPF_SRC(i->code) == BPF_X;
	int err = x ? reg_readable(e, i->src_reg) : 0;

	if (!err)
		err = reg_writable(e, i->dst_reg);
	if (err)
		return err;
	if (x)
		move_reg(e, i, wide);
	else
		mark_const(e, i->dst_reg, wide ? (u64)(s64)i->imm : (u64)(u32)i->imm);
	return 0;
}

static void link_sum(struct reg *d, const struct bpf_insn *i, const struct reg *s)
{
	u64 by = s->n.var.value;

	if (BPF_OP(i->code) != BPF_ADD || BPF_CLASS(i->code) != BPF_ALU64 || !d->id ||
	    !tnum_is_const(s->n.var) || d->id & ADD_CONST || by > (u32)INT32_MAX) {
		forget_link(d);
		return;
	}
	d->id |= ADD_CONST;
	d->off = (s32)by;
}

/* Both values of a number that has only two, where that pays: the kernel does the same. */
static int fork_number(struct env *e, const struct bpf_insn *i, struct reg *d, const struct reg *s)
{
	struct scalar zero;
	struct vstate *st;

	if ((BPF_OP(i->code) != BPF_AND && BPF_OP(i->code) != BPF_OR) || !tnum_is_const(s->n.var))
		return 0;
	if (!scalar_fork(&d->n, &s->n, BPF_OP(i->code), &zero))
		return 0;
	st = push_branch(e, e->insn, e->prev);
	if (!st)
		return -EFAULT;
	st->frame[st->curframe]->reg[i->dst_reg].n = zero;
	return 0;
}

static int numbers(struct env *e, const struct bpf_insn *i, struct reg *d, const struct reg *s)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	struct reg src = *s;
	int err;

	if (BPF_SRC(i->code) == BPF_X && d->precise) {
		err = mark_precise(e, i->src_reg);
		if (err)
			return err;
	}
	err = fork_number(e, i, d, &src);
	if (err)
		return err;
	scalar_alu(&d->n, &src.n, BPF_OP(i->code), i->off, wide);
	link_sum(d, i, &src);
	return 0;
}

static const char *const op_text[16] = { "+=",  "-=", "*=", "/=", "|=",   "&=",  "<<=", ">>=",
					 "neg", "%=", "^=", "=",  "s>>=", "end", "?",   "?" };

static int combine(struct env *e, const struct bpf_insn *i)
{
	bool x = BPF_SRC(i->code) == BPF_X;
	struct reg *d = cur_reg(e, i->dst_reg), *s, imm;
	int err;

	if (x) {
		s = cur_reg(e, i->src_reg);
	} else {
		reg_const(&imm, (u64)(s64)i->imm);
		s = &imm;
	}
	if (is_scalar(d) && is_scalar(s))
		return numbers(e, i, d, s);
	if (!is_scalar(d) && !is_scalar(s)) {
		if (BPF_OP(i->code) == BPF_SUB) {
			reg_unknown(d);
			return 0;
		}
		vlog(e->log, "R%u pointer %s pointer prohibited\n", i->dst_reg, op_text[i->code >> 4]);
		return -EACCES;
	}
	if (is_scalar(d)) {
		err = mark_precise(e, i->dst_reg);
		return err ? err : ptr_alu(e, i, s, d, i->dst_reg);
	}
	err = x ? mark_precise(e, i->src_reg) : 0;
	return err ? err : ptr_alu(e, i, d, s, i->dst_reg);
}

static int check_imm(struct env *e, const struct bpf_insn *i, bool wide)
{
	u8 op = BPF_OP(i->code);

	if (BPF_SRC(i->code) != BPF_K)
		return 0;
	if ((op == BPF_DIV || op == BPF_MOD) && !i->imm)
		return bad(e, -EINVAL, "div by zero");
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) &&
	    (i->imm < 0 || i->imm >= (wide ? 64 : 32))) {
		vlog(e->log, "invalid shift %d\n", i->imm);
		return -EINVAL;
	}
	return 0;
}

int do_alu(struct env *e, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	u8 op = BPF_OP(i->code);
	int err = 0;

	if (op == BPF_MOV)
		return move(e, i, wide);
	if (op == BPF_NEG || op == BPF_END)
		return unary(e, i, wide);
	if (BPF_SRC(i->code) == BPF_X)
		err = reg_readable(e, i->src_reg);
	if (!err)
		err = reg_readable(e, i->dst_reg);
	if (!err)
		err = check_imm(e, i, wide);
	if (!err)
		err = reg_writable(e, i->dst_reg);
	return err ? err : combine(e, i);
}
