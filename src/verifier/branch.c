// SPDX-License-Identifier: BSD-2-Clause
/*
 * Conditional jumps: is the outcome known, and if not, what each side knows.
 *
 * The side that falls through goes on in the current state; the other is
 * pushed. Both learn: bounds of numbers and of all that are linked with them,
 * that a pointer is null or is not, how far the packet reaches.
 */
#include "verifier/env.h"

static u8 flipped(u8 op)
{
	switch (op) {
	case BPF_JGT: return BPF_JLT;
	case BPF_JGE: return BPF_JLE;
	case BPF_JLT: return BPF_JGT;
	case BPF_JLE: return BPF_JGE;
	case BPF_JSGT: return BPF_JSLT;
	case BPF_JSGE: return BPF_JSLE;
	case BPF_JSLT: return BPF_JSGT;
	case BPF_JSLE: return BPF_JSGE;
	default: return op;
	}
}

static bool packet_any(const struct reg *r)
{
	return is_packet(r) || r->type == PTR_TO_PACKET_END;
}

/* A packet pointer that an earlier comparison has placed at or behind the end. */
static int packet_taken(const struct reg *a, const struct reg *b, u8 op)
{
	const struct reg *p = a;

	if (b->type != PTR_TO_PACKET_END) {
		if (a->type != PTR_TO_PACKET_END)
			return -1;
		p = b;
		op = flipped(op);
	}
	if (p->type == PTR_TO_PACKET_END || p->range >= 0)
		return -1;
	if (op == BPF_JLE || op == BPF_JGT)
		return p->range == RANGE_BEYOND ? op == BPF_JGT : -1;
	if (op == BPF_JLT || op == BPF_JGE)
		return op == BPF_JGE;
	return -1;
}

static bool never_null(const struct reg *r)
{
	if (r->flags & PTR_MAYBE_NULL)
		return false;
	switch (r->type) {
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MEM:
	case CONST_PTR_TO_MAP: return true;
	case PTR_TO_BTF_ID: return r->flags & PTR_TRUSTED;
	default: return false;
	}
}

static bool is_const(const struct reg *r, bool narrow)
{
	return is_scalar(r) && (narrow ? scalar_is_const32(&r->n) : tnum_is_const(r->n.var));
}

static int taken(const struct reg *a, const struct reg *b, u8 op, bool narrow)
{
	u64 v;

	if (packet_any(a) && packet_any(b) && !narrow)
		return packet_taken(a, b, op);
	if (is_const(a, narrow)) {
		const struct reg *t = a;

		a = b;
		b = t;
		op = flipped(op);
	}
	if (!is_scalar(a)) {
		if (!is_const(b, narrow) || !never_null(a))
			return -1;
		v = narrow ? (u32)b->n.var.value : b->n.var.value;
		if (v)
			return -1;
		return op == BPF_JEQ ? 0 : op == BPF_JNE ? 1 : -1;
	}
	if (!is_scalar(b))
		return -1;
	return scalar_branch(&a->n, &b->n, op, narrow);
}

static struct reg *linked_reg(struct vstate *st, const struct links *l, u32 n)
{
	struct frame *f;

	if (l->e[n].frame > st->curframe)
		return NULL;
	f = st->frame[l->e[n].frame];
	if (l->e[n].idx & LINK_REG)
		return &f->reg[l->e[n].idx & ~LINK_REG];
	if (l->e[n].idx >= f->nr_slots)
		return NULL;
	return &f->stack[l->e[n].idx].r;
}

static void collect_one(struct links *l, struct reg *r, u32 id, u32 frame, u32 idx)
{
	if (!is_scalar(r) || !r->id || (r->id & ~ADD_CONST) != id)
		return;
	if (l->cnt == LINKED_MAX) {
		/* No room: it goes its own way. */
		r->id = 0;
		r->off = 0;
		return;
	}
	l->e[l->cnt].frame = (u8)frame;
	l->e[l->cnt++].idx = (u8)idx;
}

static void collect_links(struct vstate *st, u32 id, struct links *l)
{
	id &= ~ADD_CONST;
	for (u32 f = st->curframe + 1; f--;) {
		struct frame *fr = st->frame[f];

		for (u32 r = 0; r < REG_FP; r++)
			collect_one(l, &fr->reg[r], id, f, r | LINK_REG);
		for (u32 n = 0; n < fr->nr_slots; n++)
			if (slot_is_spill(&fr->stack[n]))
				collect_one(l, &fr->stack[n].r, id, f, n);
	}
}

/* All that are linked with `known` learn what it has learnt. */
void sync_linked(struct env *e, struct vstate *st, struct reg *known, const struct links *l)
{
	for (u32 n = 0; n < l->cnt; n++) {
		struct reg *r = linked_reg(st, l, n), keep;
		struct scalar by;

		if (!r || r == known || !is_scalar(r) || (r->id & ~ADD_CONST) != (known->id & ~ADD_CONST))
			continue;
		if ((!(r->id & ADD_CONST) && !(known->id & ADD_CONST)) || r->off == known->off) {
			*r = *known;
			continue;
		}
		keep = *r;
		*r = *known;
		r->off = keep.off;
		r->id = keep.id;
		scalar_const(&by, (u64)((s64)keep.off - known->off));
		scalar_alu(&r->n, &by, BPF_ADD, 0, true);
	}
}

static void not_null(struct env *e, struct reg *r)
{
	if (r->type == PTR_TO_MAP_VALUE) {
		const struct verifier_map *m = reg_map(e, r);

		if (m->inner && !r->inner) {
			r->type = CONST_PTR_TO_MAP;
			r->inner = true;
			if (m->inner->timer_off >= 0)
				r->map_uid = r->id;
		} else if (m->map_type == BPF_MAP_TYPE_SOCKMAP || m->map_type == BPF_MAP_TYPE_SOCKHASH) {
			r->type = PTR_TO_SOCKET;
		}
	}
	r->flags &= (u8)~PTR_MAYBE_NULL;
}

static void ptr_or_null(struct env *e, struct reg *r, u32 id, bool null)
{
	if (!(r->flags & PTR_MAYBE_NULL) || r->id != id || is_scalar(r))
		return;
	if (null) {
		reg_const(r, 0);
		return;
	}
	not_null(e, r);
	if (r->type == PTR_TO_MAP_VALUE && reg_map(e, r)->spin_lock_off >= 0)
		return;
	r->id = 0;
}

void mark_ptr_or_null(struct env *e, struct vstate *st, u32 regno, bool null)
{
	struct reg *r = &st->frame[st->curframe]->reg[regno];
	u32 id = r->id, ref = r->ref_obj_id;
	struct reg_iter it = { .st = st };

	if (ref && ref == id && null) {
		for (u32 n = 0; n < st->nr_refs; n++) {
			if (st->refs[n].lock || st->refs[n].id != ref)
				continue;
			memmove(&st->refs[n], &st->refs[n + 1], (st->nr_refs - n - 1) * sizeof(struct ref));
			st->nr_refs--;
			break;
		}
	}
	for (r = reg_next(&it); r; r = reg_next(&it))
		ptr_or_null(e, r, id, null);
}

static void mark_end(struct vstate *st, u32 regno, bool beyond)
{
	struct reg *r = &st->frame[st->curframe]->reg[regno];

	if (r->type == PTR_TO_PACKET)
		r->range = beyond ? RANGE_BEYOND : RANGE_AT;
}

static bool at_start(const struct reg *r)
{
	return r->type == PTR_TO_PACKET && !r->id && !r->off && tnum_equals(r->n.var, 0);
}

/* Is p inside what end ends? Metadata ends where the packet begins. */
static bool bounded_by(const struct reg *p, const struct reg *end)
{
	return (p->type == PTR_TO_PACKET && end->type == PTR_TO_PACKET_END) ||
	       (p->type == PTR_TO_PACKET_META && at_start(end));
}

static void match_packet(const struct bpf_insn *i, struct vstate *here, struct vstate *there)
{
	struct reg *a = &here->frame[here->curframe]->reg[i->dst_reg];
	struct reg *b = &here->frame[here->curframe]->reg[i->src_reg], p;
	struct vstate *inside, *outside;
	u8 op = BPF_OP(i->code);
	u32 regno = i->dst_reg;
	bool open;

	if (BPF_SRC(i->code) != BPF_X || BPF_CLASS(i->code) == BPF_JMP32)
		return;
	if (op != BPF_JGT && op != BPF_JGE && op != BPF_JLT && op != BPF_JLE)
		return;
	if (!bounded_by(a, b)) {
		if (!bounded_by(b, a))
			return;
		op = flipped(op);
		regno = i->src_reg;
		a = b;
	}
	/* From here on: p OP end. In which branch is p inside, and is p == end there excluded? */
	p = *a;
	inside = op == BPF_JGT || op == BPF_JGE ? here : there;
	outside = inside == here ? there : here;
	open = op == BPF_JGE || op == BPF_JLT;
	find_packet_range(inside, &p, p.type, open);
	mark_end(outside, regno, !open);
}

/* Of a pointer that may be null and one that may not, which are equal. */
static void match_null(struct env *e, const struct bpf_insn *i, struct vstate *here, struct vstate *there)
{
	u8 op = BPF_OP(i->code);
	struct vstate *equal = op == BPF_JEQ ? there : here;
	struct reg *a = &equal->frame[equal->curframe]->reg[i->dst_reg];
	struct reg *b = &equal->frame[equal->curframe]->reg[i->src_reg];

	if ((op != BPF_JEQ && op != BPF_JNE) || is_scalar(a) || is_scalar(b))
		return;
	if (!((a->flags ^ b->flags) & PTR_MAYBE_NULL) || a->type == PTR_TO_BTF_ID || b->type == PTR_TO_BTF_ID)
		return;
	/* Only what cannot be null for certain teaches anything. */
	if (!never_null(a) && !never_null(b))
		return;
	not_null(e, a->flags & PTR_MAYBE_NULL ? a : b);
}

static void settle(struct reg *r)
{
	if (!scalar_sane(&r->n))
		scalar_forget(&r->n);
}

static void refine(struct vstate *st, const struct bpf_insn *i, const struct reg *imm, bool narrow, bool took)
{
	struct frame *f = st->frame[st->curframe];
	struct reg fake = *imm, *a = &f->reg[i->dst_reg];
	struct reg *b = BPF_SRC(i->code) == BPF_X ? &f->reg[i->src_reg] : &fake;

	if (!is_scalar(a) || !is_scalar(b))
		return;
	if (a == b) {
		struct reg other = *b;

		/* It is both sides. */
		scalar_refine(&a->n, &other.n, BPF_OP(i->code), narrow, took);
		scalar_refine(&a->n, &other.n, BPF_JEQ, narrow, true);
	} else {
		scalar_refine(&a->n, &b->n, BPF_OP(i->code), narrow, took);
	}
	settle(a);
	settle(b);
}

static void sync_side(struct env *e, struct vstate *st, const struct bpf_insn *i, const struct links *l)
{
	struct frame *f = st->frame[st->curframe];

	if (BPF_SRC(i->code) == BPF_X && is_scalar(&f->reg[i->src_reg]) && f->reg[i->src_reg].id)
		sync_linked(e, st, &f->reg[i->src_reg], l);
	if (is_scalar(&f->reg[i->dst_reg]) && f->reg[i->dst_reg].id)
		sync_linked(e, st, &f->reg[i->dst_reg], l);
}

static int both_sides(struct env *e, const struct bpf_insn *i, const struct reg *imm, u32 target)
{
	bool x = BPF_SRC(i->code) == BPF_X, narrow = BPF_CLASS(i->code) == BPF_JMP32;
	struct reg *a = cur_reg(e, i->dst_reg), *b = x ? cur_reg(e, i->src_reg) : NULL;
	u8 op = BPF_OP(i->code);
	struct links l = { 0 };
	struct vstate *there;
	int err;

	if (x && is_scalar(b) && b->id)
		collect_links(e->cur, b->id, &l);
	if (is_scalar(a) && a->id && !(x && is_scalar(b) && b->id && !((a->id ^ b->id) & ~ADD_CONST)))
		collect_links(e->cur, a->id, &l);
	err = l.cnt > 1 ? hist_links(e, &l) : 0;
	if (err)
		return err;
	there = push_branch(e, target, e->insn);
	if (!there)
		return -EFAULT;
	refine(there, i, imm, narrow, true);
	refine(e->cur, i, imm, narrow, false);
	sync_side(e, e->cur, i, &l);
	sync_side(e, there, i, &l);
	if (!narrow && x)
		match_null(e, i, e->cur, there);
	if (!narrow && !x && !i->imm && (op == BPF_JEQ || op == BPF_JNE) && a->flags & PTR_MAYBE_NULL) {
		mark_ptr_or_null(e, there, i->dst_reg, op == BPF_JEQ);
		mark_ptr_or_null(e, e->cur, i->dst_reg, op == BPF_JNE);
	} else {
		match_packet(i, e->cur, there);
	}
	return 0;
}

/* Both ways, but only the one that falls through goes round the loop, and each time once more. */
static int may_goto(struct env *e, const struct bpf_insn *i, u32 *next)
{
	struct vstate *st = push_branch(e, e->insn + 1, e->insn);

	if (!st)
		return -ENOMEM;
	st->may_goto_depth++;
	widen_since(e, st);
	*next = (u32)((s64)e->insn + 1 + i->off);
	return 0;
}

static int cond_jump(struct env *e, const struct bpf_insn *i, u32 *next)
{
	bool x = BPF_SRC(i->code) == BPF_X, narrow = BPF_CLASS(i->code) == BPF_JMP32;
	u32 target = (u32)((s64)e->insn + 1 + i->off);
	struct reg imm, *a, *b = &imm;
	int err, way;

	if (insn_is_may_goto(i))
		return may_goto(e, i, next);
	err = reg_readable(e, i->dst_reg);
	if (!err && x)
		err = reg_readable(e, i->src_reg);
	if (err)
		return err;
	reg_const(&imm, (u64)(s64)i->imm);
	a = cur_reg(e, i->dst_reg);
	if (x)
		b = cur_reg(e, i->src_reg);
	way = taken(a, b, BPF_OP(i->code), narrow);
	if (way < 0) {
		e->aux[e->insn].taken |= 3;
		return both_sides(e, i, &imm, target);
	}
	if (is_scalar(a))
		err = mark_precise(e, i->dst_reg);
	if (!err && x && is_scalar(b))
		err = mark_precise(e, i->src_reg);
	e->aux[e->insn].taken |= (u8)(way ? 2 : 1);
	if (way)
		*next = target;
	return err;
}

int do_cond_jump(struct env *e, const struct bpf_insn *i, u32 *next)
{
	int err = cond_jump(e, i, next);

	if (!err && VERBOSE(e))
		say_insn_state(e);
	return err;
}
