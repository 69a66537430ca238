// SPDX-License-Identifier: BSD-2-Clause
/*
 * Callbacks: subprograms that a helper calls, with arguments that the helper gives them.
 *
 * One that runs inside the helper is walked as a branch whose frame returns to the
 * call itself, which may call again; the rounds end when the state at the call
 * repeats. One that runs later is walked in a state of its own.
 */
#include "verifier/env.h"

static void give(struct reg *r, u8 type, const struct call_meta *m)
{
	reg_clear(r);
	reg_zero_offset(r);
	r->type = type;
	if (m) {
		r->map = m->map_reg.map;
		r->inner = m->map_reg.inner;
		r->map_uid = m->map_reg.map_uid;
	}
}

static void give_element(struct frame *f, const struct call_meta *m)
{
	give(&f->reg[1], CONST_PTR_TO_MAP, m);
	give(&f->reg[2], PTR_TO_MAP_KEY, m);
	give(&f->reg[3], PTR_TO_MAP_VALUE, m);
}

static void set_args(struct env *e, struct frame *f, const struct frame *up, const struct call_meta *m)
{
	f->callback = true;
	f->ret_min = 0;
	f->ret_max = 1;
	switch (m->h->special) {
	case HELPER_LOOP:
		reg_unknown(&f->reg[1]);
		f->reg[2] = up->reg[3];
		return;
	case HELPER_FOR_EACH:
		give_element(f, m);
		f->reg[4] = up->reg[3];
		return;
	case HELPER_USER_RINGBUF_DRAIN:
		give(&f->reg[1], CONST_PTR_TO_DYNPTR, NULL);
		f->reg[1].dynptr = DYNPTR_LOCAL | DYNPTR_FIRST;
		f->reg[1].id = ++e->id_gen;
		f->reg[2] = up->reg[3];
		return;
	case HELPER_FIND_VMA:
		give(&f->reg[1], PTR_TO_BTF_ID, NULL);
		give(&f->reg[2], PTR_TO_BTF_ID, NULL);
		f->reg[3] = up->reg[4];
		return;
	default:
		give_element(f, m);
		f->callback = false;
		f->async = true;
		f->ret_max = 0;
	}
}

/* A state of its own, with one frame and no past. */
static int push_async(struct env *e, struct call_meta *m)
{
	struct pending *p = vmem(e, sizeof(*p));
	struct frame *f = frame_new(e, 0, NIL, m->sub);

	if (!p || !f)
		return -ENOMEM;
	e->sub[m->sub].async = true;
	p->insn = e->sub[m->sub].start;
	p->prev = e->insn;
	p->log_mark = e->log ? vlog_mark(e->log) : 0;
	p->st.frame[0] = f;
	p->st.branches = 1;
	p->st.hist = p->st.hist_start = NIL;
	f->async_entry = cur_frame(e)->async_entry + 1;
	f->live = live_root(e, m->sub);
	set_args(e, f, cur_frame(e), m);
	p->next = e->pending;
	e->pending = p;
	if (++e->nr_pending > JUMPS_MAX) {
		vlog(e->log, "The sequence of %u jumps is too complex for async cb.\n", e->nr_pending);
		return -E2BIG;
	}
	return f->live ? 0 : -ENOMEM;
}

static int push_sync(struct env *e, struct call_meta *m)
{
	struct frame *up = cur_frame(e), *f;
	u32 n = e->cur->curframe + 1;
	struct vstate *st;

	if (n >= FRAMES_MAX) {
		vlog(e->log, "the call stack of %u frames is too deep\n", n + 1);
		return -E2BIG;
	}
	st = push_branch(e, e->sub[m->sub].start, e->insn);
	if (!st)
		return -ENOMEM;
	f = frame_new(e, n, e->insn, m->sub);
	if (!f)
		return -ENOMEM;
	st->frame[n] = f;
	st->curframe = n;
	f->live = live_enter(e, up->live, e->insn, m->sub, true);
	if (!f->live)
		return -ENOMEM;
	f->async_entry = up->async_entry;
	f->refs_before = st->nr_refs;
	set_args(e, f, st->frame[n - 1], m);
	st->callback_unroll++;
	st->frame[n - 1]->callback_depth++;
	up->callback_depth = 0;
	return 0;
}

int push_callback(struct env *e, const struct bpf_insn *i, struct call_meta *m)
{
	e->sub[m->sub].callback = true;
	return m->h->special == HELPER_TIMER_CALLBACK ? push_async(e, m) : push_sync(e, m);
}
