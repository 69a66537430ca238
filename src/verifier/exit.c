// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exits: of the program, whose result has a range, of global functions, of callbacks.
 */
#include "verifier/env.h"

static void say_range(struct env *e, const struct reg *r, s64 lo, s64 hi, const char *when)
{
	bool unknown = true;

	vlog(e->log, "%s the register R0 has", when);
	if (r->n.smin > INT64_MIN) {
		vlog(e->log, " smin=%ld", r->n.smin);
		unknown = false;
	}
	if (r->n.smax < INT64_MAX) {
		vlog(e->log, " smax=%ld", r->n.smax);
		unknown = false;
	}
	if (unknown)
		vlog(e->log, " unknown scalar value");
	vlog(e->log, " should have been in [%ld, %ld]\n", lo, hi);
}

static int check_range(struct env *e, const struct reg *r, s64 lo, s64 hi, const char *when)
{
	int err = mark_precise(e, 0);

	if (err)
		return err;
	if (r->n.smin >= lo && r->n.smax <= hi)
		return 0;
	say_range(e, r, lo, hi, when);
	return -EINVAL;
}

static int check_result(struct env *e)
{
	const struct frame *f = cur_frame(e);
	const struct reg *r = &f->reg[0];
	int err = reg_readable(e, 0);

	if (err)
		return err;
	if (f->async) {
		if (!is_scalar(r)) {
			vlog(e->log, "At async callback return the register R0 is not a known value (%s)\n",
			     reg_text(e, r));
			return -EINVAL;
		}
		return check_range(e, r, 0, 0, "At async callback return");
	}
	if (e->sub_now) {
		if (is_scalar(r))
			return 0;
		vlog(e->log, "At subprogram exit the register R0 is not a scalar value (%s)\n",
		     reg_text(e, r));
		return -EINVAL;
	}
	if (!e->req->attach || e->req->attach->max == RET_ANY)
		return 0;
	if (!is_scalar(r)) {
		vlog(e->log, "At program exit the register R0 is not a known value (%s)\n", reg_text(e, r));
		return -EINVAL;
	}
	return check_range(e, r, e->req->attach->min, e->req->attach->max, "At program exit");
}

/* Widens what a callback changes from one round to the next, so that the rounds converge. */
static void widen_reg(struct reg *old, struct reg *now)
{
	if (now->type != SCALAR_VALUE || old->type != SCALAR_VALUE || old->precise || now->precise)
		return;
	if (!memcmp(&old->n, &now->n, sizeof(now->n)) && old->id == now->id && old->off == now->off)
		return;
	reg_unknown(now);
}

static void widen(struct vstate *old, struct vstate *now)
{
	for (u32 f = 0; f <= now->curframe && f <= old->curframe; f++) {
		struct frame *a = old->frame[f], *b = now->frame[f];

		for (u32 r = 0; r < REG_FP; r++)
			widen_reg(&a->reg[r], &b->reg[r]);
		for (u32 n = 0; n < a->nr_slots && n < b->nr_slots; n++)
			if (slot_is_scalar(&a->stack[n]) && slot_is_scalar(&b->stack[n]))
				widen_reg(&a->stack[n].r, &b->stack[n].r);
	}
}

static int callback_result(struct env *e, const struct frame *f)
{
	if (!is_scalar(&f->reg[0]))
		return bad(e, -EACCES, "R0 not a scalar value");
	return check_range(e, &f->reg[0], f->ret_min, f->ret_max, "At callback return");
}

/* Back into the calling frame. */
int leave_frame(struct env *e, u32 *next)
{
	struct vstate *st = e->cur, *before;
	struct frame *f = cur_frame(e), *up = st->frame[st->curframe - 1];
	bool callback = f->callback;
	int err = 0;

	if (f->reg[0].type == PTR_TO_STACK)
		return bad(e, -EINVAL, "cannot return stack pointer to the caller");
	if (callback)
		err = callback_result(e, f);
	else
		up->reg[0] = f->reg[0];
	if (err)
		return err;
	/* A callback goes back to its call, which may run it again. */
	*next = callback ? f->callsite : f->callsite + 1;
	if (VERBOSE(e)) {
		vlog(e->log, "returning from callee:\n");
		say_state(e, st, st->curframe, true);
		vlog(e->log, "to caller at %u:\n", *next);
		say_state(e, st, st->curframe - 1, true);
	}
	frame_free(e, f);
	st->frame[st->curframe--] = NULL;
	before = callback ? state_before(e, *next, st, NULL) : NULL;
	if (before)
		widen(before, st);
	return 0;
}

/*
 * An instruction that may end a subprogram in its middle: it goes on in a branch of its own, and here the
 * caller has a result of which (unknown) nothing is known, or 0.
 */
int leave_early(struct env *e, bool unknown, u32 *next)
{
	if (!push_branch(e, e->insn + 1, e->insn))
		return -ENOMEM;
	if (unknown) {
		clear_packet_pointers(e);
		mark_unknown(e, 0);
	} else {
		mark_const(e, 0, 0);
	}
	return leave_frame(e, next);
}

int do_exit(struct env *e, u32 *next)
{
	struct frame *f = cur_frame(e);
	int err;

	if (!e->cur->curframe || f->callback) {
		err = ref_check_leak(e, "BPF_EXIT instruction in main prog");
		if (err)
			return err;
	}
	if (e->cur->active_locks && !e->cur->curframe)
		return bad(e, -EINVAL,
			   "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region");
	if (e->cur->curframe) {
		/* A subprogram without a result leaves r0 unreadable. */
		return leave_frame(e, next);
	}
	err = check_result(e);
	return err ? err : 1;
}

/* What st, about to go round a loop that it went round before, changed in the last round. */
void widen_since(struct env *e, struct vstate *st)
{
	struct vstate *before = state_before(e, e->insn, e->cur, e->cur->parent);

	if (before)
		widen(before, st);
}
