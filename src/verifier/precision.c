// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which numbers matter: marks that let two states be equal although their numbers differ.
 *
 * A number whose value was never relied on may differ when states are compared.
 * When a value is relied on (a bound that made an access good, a branch whose outcome was
 * known), the register is marked precise in the state it belongs to, and the
 * history is followed backwards to mark what the value was made of, through
 * every parent state, until an origin or a mark is met.
 *
 * hist[] has each instruction of the path, newest first by .prev. struct bt is
 * what is wanted at one point of that walk: registers and stack slots by frame.
 */
#include "verifier/env.h"

struct bt {
	u32 frame;
	u16 regs[FRAMES_MAX];
	u64 slots[FRAMES_MAX];
};

#define ARGS_MASK 0x3eu /* r1-r5 */
#define FALLBACK  1     /* cannot be followed: mark everything */

struct hist *hist_at(struct env *e, u32 n)
{
	return &e->hist[n >> HIST_CHUNK][n & ((1u << HIST_CHUNK) - 1)];
}

/* The instruction about to be walked. */
int hist_push(struct env *e)
{
	u32 n = e->nr_hist, chunk = n >> HIST_CHUNK;
	struct hist *h;

	if (chunk >= HIST_CHUNKS)
		return -E2BIG;
	if (!e->hist[chunk]) {
		e->hist[chunk] = vmem_get(e, sizeof(struct hist) << HIST_CHUNK);
		if (!e->hist[chunk])
			return -ENOMEM;
	}
	h = hist_at(e, n);
	*h = (struct hist){ .prev = e->cur->hist, .insn = e->insn };
	e->cur->hist = n;
	e->nr_hist++;
	return 0;
}

/* The length of a path counts jumps and what must be remembered beside them. */
static void noted(struct env *e, const struct hist *h)
{
	if (!h->stack && !h->linked && !(e->aux[h->insn].flags & AUX_JUMP))
		e->cur->jmp_cnt++;
}

void hist_stack(struct env *e, u32 frameno, u32 slot)
{
	struct hist *h = hist_at(e, e->cur->hist);

	noted(e, h);
	h->stack = HIST_STACK | frameno << 8 | slot;
}

int hist_links(struct env *e, const struct links *l)
{
	if (e->nr_links + 1 >= e->cap_links) {
		u32 cap = e->cap_links ? e->cap_links * 2 : 64;
		struct links *n = vmem_get(e, cap * sizeof(*n));

		if (!n)
			return -ENOMEM;
		if (e->nr_links)
			memcpy(n, e->links, (e->nr_links + 1) * sizeof(*n));
		vmem_put(e, e->links, e->cap_links * sizeof(*n));
		e->links = n;
		e->cap_links = cap;
	}
	noted(e, hist_at(e, e->cur->hist));
	e->links[++e->nr_links] = *l;
	hist_at(e, e->cur->hist)->linked = e->nr_links;
	return 0;
}

static bool bt_empty(const struct bt *b)
{
	u64 any = 0;

	for (u32 f = 0; f <= b->frame; f++)
		any |= b->regs[f] | b->slots[f];
	return !any;
}

static bool want(const struct bt *b, u32 regno)
{
	return b->regs[b->frame] >> regno & 1;
}

static void set(struct bt *b, u32 regno)
{
	if (regno != REG_FP)
		b->regs[b->frame] |= (u16)(1u << regno);
}

static void clear(struct bt *b, u32 regno)
{
	b->regs[b->frame] &= (u16) ~(1u << regno);
}

/* If one of those that were linked at a branch is wanted, all are. */
static void sync_links(struct env *e, struct bt *b, const struct hist *h)
{
	const struct links *l;
	bool any = false;

	if (!h->linked)
		return;
	l = &e->links[h->linked];
	for (u32 n = 0; n < l->cnt && !any; n++) {
		u32 f = l->e[n].frame, i = l->e[n].idx;

		any = i & LINK_REG ? b->regs[f] >> (i & ~LINK_REG) & 1 : b->slots[f] >> i & 1;
	}
	for (u32 n = 0; n < l->cnt && any; n++) {
		u32 f = l->e[n].frame, i = l->e[n].idx;

		if (i & LINK_REG)
			b->regs[f] |= (u16)(1u << (i & ~LINK_REG));
		else
			b->slots[f] |= 1ull << i;
	}
}

static void back_alu(struct bt *b, const struct bpf_insn *i)
{
	u8 op = BPF_OP(i->code);
	bool x = BPF_SRC(i->code) == BPF_X;

	if (!want(b, i->dst_reg) || op == BPF_NEG || op == BPF_END)
		return;
	if (op == BPF_MOV)
		clear(b, i->dst_reg);
	if (x)
		set(b, i->src_reg);
}

static void back_load(struct bt *b, const struct hist *h, u32 dst)
{
	if (!want(b, dst))
		return;
	clear(b, dst);
	if (h->stack)
		b->slots[h->stack >> 8 & 0xff] |= 1ull << (h->stack & 0xff);
}

static int back_store(struct bt *b, const struct bpf_insn *i, const struct hist *h)
{
	u64 *slots, m;

	if (want(b, i->dst_reg))
		return FALLBACK;
	if (!h->stack)
		return 0;
	slots = &b->slots[h->stack >> 8 & 0xff];
	m = 1ull << (h->stack & 0xff);
	if (!(*slots & m))
		return 0;
	*slots &= ~m;
	if (BPF_CLASS(i->code) == BPF_STX)
		set(b, i->src_reg);
	return 0;
}

/* Out of the callee (backwards: before its first instruction) into the caller. */
static int back_out(struct bt *b, bool callback)
{
	u32 args = b->regs[b->frame] & ARGS_MASK;

	if (b->regs[b->frame] & ~ARGS_MASK || b->slots[b->frame] || !b->frame)
		return FALLBACK;
	b->regs[b->frame] = 0;
	b->frame--;
	if (!callback)
		b->regs[b->frame] |= (u16)args;
	return 0;
}

static int back_call(struct env *e, struct bt *b, const struct bpf_insn *i, u32 at, u32 after)
{
	bool sub = i->src_reg == BPF_PSEUDO_CALL;

	if (sub && !e->sub[subprog_begin(e, (u32)((s64)at + 1 + i->imm))].global)
		return back_out(b, false);
	/* A callback's first instruction comes after the helper's call. */
	if (insn_calls_sync(e, i) && after != at + 1)
		return after == NIL ? FALLBACK : back_out(b, true);
	clear(b, 0);
	if (b->regs[b->frame] & ARGS_MASK)
		return FALLBACK;
	return 0;
}

/* Into the callee, at its end. */
static int back_exit(struct env *e, struct bt *b, u32 after)
{
	bool callback, call, r0 = want(b, 0);

	if (after == NIL || b->frame + 1 >= FRAMES_MAX)
		return FALLBACK;
	/* A callback returns to its call itself, and gives no register; a subprogram to behind its call. */
	callback = insn_calls_sync(e, &e->insns[after]);
	call = after && insn_is_call(&e->insns[after - 1], BPF_PSEUDO_CALL);
	if ((!callback || call) && (b->regs[b->frame] & ARGS_MASK || (callback && r0)))
		return FALLBACK;
	b->regs[b->frame] &= (u16) ~(ARGS_MASK | 1);
	b->frame++;
	b->regs[b->frame] = call && r0 ? 1 : 0;
	b->slots[b->frame] = 0;
	return 0;
}

static int back_jump(struct env *e, struct bt *b, const struct bpf_insn *i, u32 at, u32 after)
{
	switch (BPF_OP(i->code)) {
	case BPF_CALL: return back_call(e, b, i, at, after);
	case BPF_EXIT: return back_exit(e, b, after);
	case BPF_JA:
	case 0xe0: return 0;
	default: break;
	}
	/* What was learnt of one side came from the other. */
	if (BPF_SRC(i->code) == BPF_X && (want(b, i->dst_reg) || want(b, i->src_reg))) {
		set(b, i->dst_reg);
		set(b, i->src_reg);
	}
	return 0;
}

/* The instruction ended its subprogram, with a result that came from nowhere. */
static int back_early(struct bt *b)
{
	if (b->frame + 1 >= FRAMES_MAX || b->regs[b->frame] & ARGS_MASK)
		return FALLBACK;
	clear(b, 0);
	b->frame++;
	b->regs[b->frame] = 0;
	b->slots[b->frame] = 0;
	return 0;
}

static int back_insn(struct env *e, struct bt *b, const struct hist *h, u32 after)
{
	const struct bpf_insn *i = &e->insns[h->insn];
	int err = 0;

	if (after != h->insn + 1 && insn_leaves(i) && i->code != (BPF_JMP | BPF_EXIT))
		return after == NIL ? FALLBACK : back_early(b);
	sync_links(e, b, h);
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: back_alu(b, i); break;
	case BPF_LDX: back_load(b, h, i->dst_reg); break;
	case BPF_ST: err = back_store(b, i, h); break;
	case BPF_STX:
		if (BPF_MODE(i->code) != BPF_ATOMIC)
			err = back_store(b, i, h);
		else if (i->imm == 0x100)
			back_load(b, h, i->dst_reg);
		else if (i->imm == 0x110)
			err = back_store(b, i, h);
		else if (i->imm & BPF_FETCH)
			back_load(b, h, i->imm == BPF_CMPXCHG ? 0 : i->src_reg);
		break;
	case BPF_LD:
		if (insn_is_ld64(i))
			clear(b, i->dst_reg);
		else if (want(b, 0))
			err = FALLBACK;
		break;
	default: err = back_jump(e, b, i, h->insn, after);
	}
	sync_links(e, b, h);
	return err;
}

/* Marks what is wanted in st; what was marked before, or is no number, is not wanted any more. */
static bool mark_state(struct vstate *st, struct bt *b)
{
	bool changed = false;

	for (u32 f = 0; f <= b->frame; f++) {
		struct frame *fr = f <= st->curframe ? st->frame[f] : NULL;

		for (u32 r = 0; r < REG_FP; r++) {
			if (!(b->regs[f] >> r & 1))
				continue;
			if (!fr || fr->reg[r].type != SCALAR_VALUE || fr->reg[r].precise) {
				b->regs[f] &= (u16) ~(1u << r);
				continue;
			}
			fr->reg[r].precise = true;
			changed = true;
		}
		for (u64 m = b->slots[f]; m; m &= m - 1) {
			u32 n = (u32)__builtin_ctzll(m);
			struct slot *s = fr && n < fr->nr_slots ? &fr->stack[n] : NULL;

			if (!s || !slot_is_scalar(s) || s->r.precise) {
				b->slots[f] &= ~(1ull << n);
				continue;
			}
			s->r.precise = true;
			changed = true;
		}
	}
	return changed;
}

static void mark_everything(struct vstate *st)
{
	for (; st; st = st->parent) {
		struct reg_iter it = { .st = st };
		struct reg *r;

		for (r = reg_next(&it); r; r = reg_next(&it))
			if (is_scalar(r))
				r->precise = true;
	}
}

/* Follows b from history node n of st backwards. after: the instruction that comes next. */
static int follow(struct env *e, struct bt *b, struct vstate *st, u32 n, u32 after, bool *changed)
{
	struct vstate *from = st;
	u32 stop = st->hist_start;

	for (;;) {
		for (; n != stop && n != NIL; n = hist_at(e, n)->prev) {
			const struct hist *h = hist_at(e, n);

			if (back_insn(e, b, h, after) == FALLBACK) {
				mark_everything(from);
				if (changed)
					*changed = true;
				return 0;
			}
			if (bt_empty(b))
				return 0;
			after = h->insn;
		}
		st = st->parent;
		if (!st)
			return 0;
		if (mark_state(st, b) && changed)
			*changed = true;
		if (bt_empty(b))
			return 0;
		stop = st->hist_start;
	}
}

/* The register's value, before the instruction being walked, is relied on. */
int mark_precise(struct env *e, u32 regno)
{
	struct reg *r = cur_reg(e, regno);
	struct bt b = { .frame = e->cur->curframe };

	if (!is_scalar(r))
		return 0;
	set(&b, regno);
	/* In the current state the mark only serves those who ask for it; it is gone at the next checkpoint.
	 */
	return follow(e, &b, e->cur, hist_at(e, e->cur->hist)->prev, e->insn, NULL);
}

/* The same for a number in the stack. */
int mark_slot_precise(struct env *e, u32 frameno, u32 slot)
{
	struct bt b = { .frame = e->cur->curframe };

	b.slots[frameno] = 1ull << slot;
	return follow(e, &b, e->cur, hist_at(e, e->cur->hist)->prev, e->insn, NULL);
}

/* What was relied on behind `old`, a state like the current one, is so on the way to here. */
int precision_propagate(struct env *e, const struct vstate *old, bool *changed)
{
	struct bt b = { .frame = old->curframe };

	for (u32 f = 0; f <= old->curframe; f++) {
		const struct frame *fr = old->frame[f];

		for (u32 r = 0; r < REG_FP; r++)
			if (fr->reg[r].type == SCALAR_VALUE && fr->reg[r].precise)
				b.regs[f] |= (u16)(1u << r);
		for (u32 n = 0; n < fr->nr_slots; n++)
			if (slot_is_scalar(&fr->stack[n]) && fr->stack[n].r.precise)
				b.slots[f] |= 1ull << n;
	}
	if (bt_empty(&b))
		return 0;
	return follow(e, &b, e->cur, e->cur->hist, e->insn, changed);
}

void mark_all_imprecise(struct env *e, struct vstate *st)
{
	struct reg_iter it = { .st = st };
	struct reg *r;

	for (r = reg_next(&it); r; r = reg_next(&it))
		if (is_scalar(r))
			r->precise = false;
}
