// SPDX-License-Identifier: BSD-2-Clause
/*
 * Registers, frames and states of paths: making, copying, dropping, and the stack of branches to be walked.
 *
 * A vstate owns its frames and each frame its slots. Copies are deep, and reuse
 * what the target already has. A state's `branches` counts the paths that began
 * at it and are not over: its own continuation and each pushed branch; when it
 * falls to 0 everything behind the state has been walked, and only then may a
 * later path be cut short there.
 */
#include "verifier/env.h"

void reg_zero_offset(struct reg *r)
{
	scalar_const(&r->n, 0);
}

void reg_clear(struct reg *r)
{
	*r = (struct reg){ .type = NOT_INIT };
	scalar_unknown(&r->n);
}

void reg_unknown(struct reg *r)
{
	reg_clear(r);
	r->type = SCALAR_VALUE;
}

void reg_const(struct reg *r, u64 v)
{
	*r = (struct reg){ .type = SCALAR_VALUE };
	scalar_const(&r->n, v);
}

void mark_unknown(struct env *e, u32 regno)
{
	reg_unknown(cur_reg(e, regno));
}

void mark_const(struct env *e, u32 regno, u64 v)
{
	reg_const(cur_reg(e, regno), v);
}

void mark_not_init(struct env *e, u32 regno)
{
	reg_clear(cur_reg(e, regno));
}

void clear_caller_saved(struct env *e)
{
	for (u32 r = 0; r < CALLER_SAVED; r++)
		mark_not_init(e, r);
}

const struct verifier_map *reg_map(const struct env *e, const struct reg *r)
{
	const struct verifier_map *m = &e->res->maps[r->map];

	return r->inner ? m->inner : m;
}

int reg_readable(struct env *e, u32 regno)
{
	if (regno > REG_FP) {
		vlog(e->log, "R%u is invalid\n", regno);
		return -EINVAL;
	}
	if (cur_reg(e, regno)->type == NOT_INIT) {
		vlog(e->log, "R%u !read_ok\n", regno);
		return -EACCES;
	}
	scratched_reg(e, regno);
	return 0;
}

int reg_writable(struct env *e, u32 regno)
{
	if (regno > REG_FP) {
		vlog(e->log, "R%u is invalid\n", regno);
		return -EINVAL;
	}
	if (regno == REG_FP) {
		vlog(e->log, "frame pointer is read only\n");
		return -EACCES;
	}
	scratched_reg(e, regno);
	return 0;
}

/* Room for the lowest `bytes` below the frame pointer. */
int frame_grow(struct env *e, struct frame *f, u32 bytes)
{
	u32 need = (bytes + 7) / 8;

	if (need > f->cap) {
		u32 cap = MIN(MAX(ROUND_UP(need, 4), f->cap * 2), SLOTS_MAX);
		struct slot *s = vmem_get(e, cap * sizeof(*s));

		if (!s)
			return -ENOMEM;
		if (f->nr_slots)
			memcpy(s, f->stack, f->nr_slots * sizeof(*s));
		vmem_put(e, f->stack, f->cap * sizeof(*s));
		f->stack = s;
		f->cap = cap;
	}
	for (; f->nr_slots < need; f->nr_slots++) {
		memset(f->stack[f->nr_slots].type, STACK_INVALID, 8);
		reg_clear(&f->stack[f->nr_slots].r);
	}
	return 0;
}

struct frame *frame_new(struct env *e, u32 frameno, u32 callsite, u32 sub)
{
	struct frame *f = vmem(e, sizeof(*f));

	if (!f)
		return NULL;
	for (u32 r = 0; r < REG_FP; r++)
		reg_clear(&f->reg[r]);
	f->reg[REG_FP].type = PTR_TO_STACK;
	f->reg[REG_FP].frameno = (u8)frameno;
	reg_zero_offset(&f->reg[REG_FP]);
	f->frameno = (u8)frameno;
	f->callsite = callsite;
	f->sub = sub;
	return f;
}

void frame_free(struct env *e, struct frame *f)
{
	if (!f)
		return;
	vmem_put(e, f->stack, f->cap * sizeof(struct slot));
	vmem_put(e, f, sizeof(*f));
}

static int frame_copy(struct env *e, struct frame **to, const struct frame *from)
{
	struct frame *f = *to;
	struct slot *stack;
	u32 cap;

	if (!f) {
		f = vmem_get(e, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->stack = NULL;
		f->cap = 0;
		*to = f;
	}
	stack = f->stack;
	cap = f->cap;
	if (cap < from->nr_slots) {
		vmem_put(e, stack, cap * sizeof(*stack));
		f->stack = NULL;
		f->cap = 0;
		cap = ROUND_UP(from->nr_slots, 4);
		stack = vmem_get(e, cap * sizeof(*stack));
		if (!stack)
			return -ENOMEM;
	}
	*f = *from;
	f->stack = stack;
	f->cap = cap;
	if (from->nr_slots)
		memcpy(stack, from->stack, from->nr_slots * sizeof(*stack));
	return 0;
}

static int refs_copy(struct env *e, struct vstate *to, const struct vstate *from)
{
	if (from->nr_refs > to->cap_refs) {
		vmem_put(e, to->refs, to->cap_refs * sizeof(struct ref));
		to->cap_refs = ROUND_UP(from->nr_refs, 4);
		to->refs = vmem_get(e, to->cap_refs * sizeof(struct ref));
		if (!to->refs) {
			to->cap_refs = 0;
			return -ENOMEM;
		}
	}
	if (from->nr_refs)
		memcpy(to->refs, from->refs, from->nr_refs * sizeof(struct ref));
	to->nr_refs = from->nr_refs;
	return 0;
}

int state_copy(struct env *e, struct vstate *to, const struct vstate *from)
{
	struct vstate old = *to;
	int err;

	for (u32 n = from->curframe + 1; n < FRAMES_MAX; n++) {
		frame_free(e, old.frame[n]);
		old.frame[n] = NULL;
	}
	*to = *from;
	memcpy(to->frame, old.frame, sizeof(to->frame));
	to->refs = old.refs;
	to->cap_refs = old.cap_refs;
	err = refs_copy(e, to, from);
	for (u32 n = 0; !err && n <= from->curframe; n++)
		err = frame_copy(e, &to->frame[n], from->frame[n]);
	return err;
}

void state_free(struct env *e, struct vstate *st)
{
	for (u32 n = 0; n < FRAMES_MAX; n++) {
		frame_free(e, st->frame[n]);
		st->frame[n] = NULL;
	}
	vmem_put(e, st->refs, st->cap_refs * sizeof(struct ref));
	st->refs = NULL;
	st->cap_refs = 0;
}

/* A branch to be walked later, as things are now. NULL: no memory, or too many. */
struct vstate *push_branch(struct env *e, u32 insn, u32 prev)
{
	struct pending *p = vmem(e, sizeof(*p));

	if (!p)
		return NULL;
	p->insn = insn;
	p->prev = prev;
	p->next = e->pending;
	p->log_mark = e->log ? vlog_mark(e->log) : 0;
	e->pending = p;
	e->nr_pending++;
	if (state_copy(e, &p->st, e->cur))
		return NULL;
	if (e->nr_pending > JUMPS_MAX) {
		vlog(e->log, "The sequence of %u jumps is too complex.\n", e->nr_pending);
		return NULL;
	}
	if (p->st.parent)
		p->st.parent->branches++;
	return &p->st;
}

int pop_branch(struct env *e)
{
	struct pending *p = e->pending;

	if (!p)
		return 0;
	state_free(e, e->cur);
	*e->cur = p->st;
	e->insn = p->insn;
	e->prev = p->prev;
	e->pending = p->next;
	e->nr_pending--;
	if (VERBOSE(e) && !VERBOSE2(e))
		vlog_reset(e->log, p->log_mark);
	vmem_put(e, p, sizeof(*p));
	return 1;
}

/* The path that st stands for is over. */
void update_branches(struct env *e, struct vstate *st)
{
	while (st) {
		struct vstate *parent = st->parent;

		if (--st->branches)
			return;
		if (st != e->cur) {
			struct explored *x = container_of(st, struct explored, st);

			if (x->orphan) {
				e->peak_now--;
				state_free(e, st);
				vmem_put(e, x, sizeof(*x));
			}
		}
		st = parent;
	}
}

struct reg *reg_next(struct reg_iter *it)
{
	while (it->f <= it->st->curframe) {
		struct frame *f = it->st->frame[it->f];

		if (it->i < 11)
			return &f->reg[it->i++];
		while (it->i - 11 < f->nr_slots) {
			struct slot *s = &f->stack[it->i++ - 11];

			if (slot_is_spill(s) || s->type[7] == STACK_DYNPTR)
				return &s->r;
		}
		it->f++;
		it->i = 0;
	}
	return NULL;
}
