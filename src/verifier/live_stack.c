// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which stack slots are read later, per instruction and chain of calls, as far as it has been walked.
 *
 * One instance a subprogram and chain of calls that led to it. For each of its
 * instructions and each frame of the chain it has masks of the 64 slots: read
 * here, surely overwritten here on every visit, live before. The last follows
 * from the others backwards along control flow, and across calls: what is live
 * behind a call flows into the callee's exits, and from its entry to the call.
 * Masks only grow, so a change is carried on from where it happened. An
 * instruction never walked adds nothing; a state is judged by these masks only
 * when all that can follow it has been walked.
 */
#include "verifier/env.h"

static struct live_inst *make(struct env *e, struct live_inst *up, u32 callsite, u32 sub, bool callback)
{
	struct live_inst *in = vmem(e, sizeof(*in));

	if (!in)
		return NULL;
	in->up = up;
	in->callsite = callsite;
	in->sub = sub;
	in->start = e->sub[sub].start;
	in->len = sub_end(e, sub) - in->start;
	in->depth = up ? up->depth + 1 : 0;
	in->callback = callback;
	in->seen = vmem(e, in->len);
	if (!in->seen)
		return NULL;
	if (up) {
		in->next = up->kid[callsite - up->start];
		up->kid[callsite - up->start] = in;
	} else {
		in->next = e->live_insts;
		e->live_insts = in;
	}
	return in;
}

static struct live_inst *get(struct env *e, struct live_inst *first, struct live_inst *up, u32 callsite,
			     u32 sub, bool callback)
{
	for (; first; first = first->next)
		if (first->callsite == callsite && first->sub == sub)
			return first;
	return make(e, up, callsite, sub, callback);
}

struct live_inst *live_root(struct env *e, u32 sub)
{
	return get(e, e->live_insts, NULL, NIL, sub, false);
}

struct live_inst *live_enter(struct env *e, struct live_inst *up, u32 callsite, u32 sub, bool callback)
{
	if (!up->kid)
		up->kid = vmem(e, up->len * sizeof(struct live_inst *));
	if (!up->kid)
		return NULL;
	return get(e, up->kid[callsite - up->start], up, callsite, sub, callback);
}

/* Masks of a frame come with the first slot that is touched there. */
static struct live_mask *masks(struct env *e, struct live_inst *in, u32 frameno)
{
	if (!in->mask[frameno]) {
		struct live_mask *m = vmem(e, in->len * sizeof(*m));

		if (!m)
			return NULL;
		in->mask[frameno] = m;
	}
	return in->mask[frameno];
}

u64 live_before(const struct live_inst *in, u32 insn, u32 frameno)
{
	if (insn - in->start >= in->len || !in->mask[frameno])
		return 0;
	return in->mask[frameno][insn - in->start].before;
}

/* What an instruction has called. */
static struct live_inst *kids(const struct live_inst *in, u32 insn)
{
	return in->kid && insn - in->start < in->len ? in->kid[insn - in->start] : NULL;
}

struct todo {
	struct live_inst *in;
	u32 insn;
};

/* What is live behind an instruction, for frame f. */
static u64 live_after(struct env *e, struct live_inst *in, u32 insn, u32 f)
{
	const struct bpf_insn *i = &e->insns[insn];
	u32 to[2], n = insn_targets(e, insn, to);
	u64 after = 0;

	for (; n; n--)
		after |= live_before(in, to[n - 1], f);
	if (insn_leaves(i) && in->up && f < in->depth)
		after |= live_before(in->up, in->callback ? in->callsite : in->callsite + 1, f);
	for (struct live_inst *k = kids(in, insn); k; k = k->next) {
		/* A static subprogram lies between the call and what follows; a callback need not run. */
		if (!k->callback)
			after = 0;
		after |= live_before(k, k->start, f);
	}
	return after;
}

static int todo_push(struct env *e, struct live_inst *in, u32 insn, u32 *n)
{
	struct todo *q = (struct todo *)e->live_queue;

	if (*n + 1 >= e->cap_queue) {
		u32 cap = e->cap_queue ? e->cap_queue * 2 : 256;
		struct todo *t = vmem_get(e, cap * sizeof(*t));

		if (!t)
			return -ENOMEM;
		if (*n)
			memcpy(t, q, *n * sizeof(*t));
		vmem_put(e, q, e->cap_queue * sizeof(*t));
		e->live_queue = (u32 *)t;
		e->cap_queue = cap;
		q = t;
	}
	q[*n].in = in;
	q[(*n)++].insn = insn;
	return 0;
}

static int push_exits(struct env *e, struct live_inst *k, bool callback, u32 *n)
{
	int err = 0;

	for (; !err && k; k = k->next)
		for (u32 x = e->exit_at[k->sub];
		     !err && k->callback == callback && x < e->exit_at[k->sub + 1]; x++)
			if (k->seen[e->exits[x] - k->start])
				err = todo_push(e, k, e->exits[x], n);
	return err;
}

/* Whoever comes before (in, insn). */
static int push_before(struct env *e, struct live_inst *in, u32 insn, u32 f, u32 *n)
{
	int err = 0;

	for (u32 k = e->pred_at[insn]; !err && k < e->pred_at[insn + 1]; k++)
		err = todo_push(e, in, e->pred[k], n);
	if (!err && insn == in->start && in->up && f < in->depth)
		err = todo_push(e, in->up, in->callsite, n);
	/* Exits of what was called flow to here. */
	if (!err)
		err = push_exits(e, kids(in, insn), true, n);
	if (!err && insn > in->start)
		err = push_exits(e, kids(in, insn - 1), false, n);
	return err;
}

/* Carries what changed at (in, insn) on to where it matters. */
static int carry(struct env *e, struct live_inst *in, u32 insn, u32 f)
{
	u32 n = 0;
	int err = todo_push(e, in, insn, &n);

	while (!err && n) {
		struct todo t = ((struct todo *)e->live_queue)[--n];
		struct live_mask *m;
		u64 before;

		if (!t.in->seen[t.insn - t.in->start])
			continue;
		m = masks(e, t.in, f);
		if (!m)
			return -ENOMEM;
		m += t.insn - t.in->start;
		before = m->before | m->read | (live_after(e, t.in, t.insn, f) & ~m->lost);
		if (before == m->before)
			continue;
		m->before = before;
		err = push_before(e, t.in, t.insn, f, &n);
	}
	return err;
}

int live_read(struct env *e, const struct frame *by, u32 frameno, u64 slots)
{
	struct live_mask *m = masks(e, by->live, frameno);

	if (!m)
		return -ENOMEM;
	m += e->insn - by->live->start;
	if (slots & ~m->read)
		e->live_dirty = true;
	m->read |= slots;
	return 0;
}

void live_wrote(struct env *e, u32 frameno, u64 slots)
{
	e->wrote[frameno] |= slots;
}

/* Before an instruction is walked. */
void live_begin(struct env *e)
{
	e->live_now = cur_frame(e)->live;
	e->live_dirty = false;
	for (u32 f = 0; f <= e->cur->curframe; f++)
		e->wrote[f] = 0;
}

static int settle(struct env *e, struct live_inst *in, u32 f, bool first)
{
	u32 at = e->insn - in->start;
	struct live_mask *m;
	u64 after;

	after = live_after(e, in, e->insn, f);
	if (!in->mask[f] && !e->wrote[f] && !after)
		return 0;
	m = masks(e, in, f);
	if (!m)
		return -ENOMEM;
	m += at;
	m->lost = first ? e->wrote[f] : m->lost & e->wrote[f];
	return (m->read | (after & ~m->lost)) & ~m->before ? carry(e, in, e->insn, f) : 0;
}

/* It was walked: what it did not overwrite this time is kept; changes flow on. */
int live_step(struct env *e)
{
	struct live_inst *in = e->live_now;
	bool first = !in->seen[e->insn - in->start], changed = first || e->live_dirty;
	int err = 0;

	for (u32 f = 0; !changed && f <= in->depth; f++)
		changed = in->mask[f] && in->mask[f][e->insn - in->start].lost & ~e->wrote[f];
	if (!changed)
		return 0;
	in->seen[e->insn - in->start] = 1;
	for (u32 f = 0; !err && f <= in->depth; f++)
		err = settle(e, in, f, first);
	return err;
}
