// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls of subprograms, and how deep stacks get.
 *
 * A static subprogram is walked at every call, in a frame of its own. A global
 * one is only asked for its arguments (btf_args.c) and walked once, later.
 */
#include "verifier/env.h"

#define OWN_STACK_MIN      64u
#define PROGRAM_STACK_TAIL 256u /* with tail calls, what those before may use */

const char *sub_name(const struct env *e, u32 sub)
{
	const struct btf_type *t = e->sub[sub].type_id ? btf_type(e->req->btf, e->sub[sub].type_id) : NULL;

	return t ? btf_str(e->req->btf, t->name_off) : "";
}

static int call_global(struct env *e, u32 sub)
{
	int err;

	if (e->cur->active_locks)
		return bad(e, -EINVAL,
			   "global function calls are not allowed while holding a lock,\n"
			   "use static function instead");
	err = btf_args_check(e, sub);
	if (err) {
		vlog(e->log, "Caller passes invalid args into func#%u ('%s')\n", sub, sub_name(e, sub));
		return err;
	}
	if (VERBOSE(e))
		vlog(e->log, "Func#%u ('%s') is global and assumed valid.\n", sub, sub_name(e, sub));
	if (e->sub[sub].changes_pkt)
		clear_packet_pointers(e);
	e->sub[sub].called = true;
	clear_caller_saved(e);
	mark_unknown(e, 0);
	scratched_reg(e, 0);
	return 0;
}

int call_subprog(struct env *e, const struct bpf_insn *i, u32 *next)
{
	u32 sub = subprog_begin(e, (u32)((s64)e->insn + 1 + i->imm)), n = e->cur->curframe + 1;
	struct frame *f, *up = cur_frame(e);

	if (sub == NO_SUB)
		return -EFAULT;
	if (e->sub[sub].global)
		return call_global(e, sub);
	if (n >= FRAMES_MAX) {
		vlog(e->log, "the call stack of %u frames is too deep\n", n + 1);
		return -E2BIG;
	}
	f = frame_new(e, n, e->insn, sub);
	if (!f)
		return -ENOMEM;
	e->cur->frame[n] = f;
	for (u32 r = 1; r <= 5; r++)
		f->reg[r] = up->reg[r];
	clear_caller_saved(e);
	f->live = live_enter(e, up->live, e->insn, sub, false);
	if (!f->live)
		return -ENOMEM;
	f->async_entry = up->async_entry;
	e->cur->curframe = n;
	*next = e->sub[sub].start;
	e->scratched_regs = ~0u;
	e->scratched_slots = ~0ull;
	if (VERBOSE(e)) {
		vlog(e->log, "caller:\n");
		say_state(e, e->cur, n - 1, true);
		vlog(e->log, "callee:\n");
		say_state(e, e->cur, n, true);
	}
	return 0;
}

struct depth_walk {
	u32 sub[FRAMES_MAX + 1], at[FRAMES_MAX + 1];
	u32 level, depth, max;
	bool own_stacks;
	/* How deep the stack was, plus 1, when a subprogram was last entered on a level. */
	u16 (*seen)[FRAMES_MAX];
};

/* What a subprogram takes of the common stack: nothing where larger ones have a stack of their own. */
static u32 rounded(const struct env *e, const struct depth_walk *d, u32 sub)
{
	u32 n = ROUND_UP(e->sub[sub].depth, 16);

	return d->own_stacks && n >= OWN_STACK_MIN && !e->sub[sub].common_stack ? 0 : n;
}

/* Tracing programs run on top of anything; so, beside a tail call, their subprograms do not share a stack. */
static bool own_stacks(const struct env *e)
{
	switch (e->req->prog_type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT: break;
	default: return false;
	}
	for (u32 s = 0; s < e->nr_subs; s++)
		if (e->sub[s].tail_call)
			return false;
	return true;
}

/* The next subprogram that the one on top calls, from d->at on: NO_SUB if none. */
static u32 next_call(struct env *e, struct depth_walk *d)
{
	u32 sub = d->sub[d->level], to;
	u64 any = 0;

	for (u32 k = 0; k < ARRAY_SIZE(e->calls[sub].bit); k++)
		any |= e->calls[sub].bit[k];
	if (!any)
		return NO_SUB;
	for (; d->at[d->level] < sub_end(e, sub); d->at[d->level]++) {
		const struct bpf_insn *i = &e->insns[d->at[d->level]];

		if (!insn_is_call(i, BPF_PSEUDO_CALL) && !insn_is_func(i))
			continue;
		to = subprog_begin(e, (u32)((s64)d->at[d->level] + 1 + i->imm));
		d->at[d->level]++;
		/* What runs later runs on a stack of its own. */
		if (to == NO_SUB || e->sub[to].async)
			continue;
		return to;
	}
	return NO_SUB;
}

static int descend(struct env *e, struct depth_walk *d, u32 to)
{
	if (d->level + 1 >= FRAMES_MAX) {
		vlog(e->log, "the call stack of %u frames is too deep !\n", d->level + 1);
		return -E2BIG;
	}
	if (e->sub[to].tail_call && d->depth >= PROGRAM_STACK_TAIL) {
		vlog(e->log,
		     "tail_calls are not allowed when call stack of previous frames is %u bytes. Too large\n",
		     d->depth);
		return -EACCES;
	}
	if (!d->own_stacks)
		e->sub[to].common_stack = true;
	d->level++;
	d->sub[d->level] = to;
	d->at[d->level] = e->sub[to].start;
	return 0;
}

/* Nothing new can come of it: it was entered on this level with as much stack below it. */
static bool walked(struct depth_walk *d, u32 to)
{
	u16 *seen;

	if (d->level + 1 >= FRAMES_MAX)
		return false;
	seen = &d->seen[to][d->level + 1];
	if (*seen > d->depth)
		return true;
	*seen = (u16)(d->depth + 1);
	return false;
}

static int depth_from(struct env *e, u32 root, bool own)
{
	struct depth_walk d = { .sub = { root }, .at = { e->sub[root].start } };
	int err;

	d.seen = vmem(e, sizeof(*d.seen) * SUBPROGS_MAX);
	if (!d.seen)
		return -ENOMEM;

	d.own_stacks = own;
	if (!own)
		e->sub[root].common_stack = true;
	d.depth = rounded(e, &d, root);
	for (;;) {
		u32 to;

		if (d.depth > BPF_STACK_MAX) {
			vlog(e->log, "combined stack size of %u calls is %u. Too large\n", d.level + 1,
			     d.depth);
			return -EACCES;
		}
		d.max = MAX(d.max, d.depth);
		to = next_call(e, &d);
		if (to != NO_SUB && walked(&d, to))
			continue;
		if (to != NO_SUB) {
			err = descend(e, &d, to);
			if (err)
				return err;
			d.depth += rounded(e, &d, to);
			continue;
		}
		d.depth -= rounded(e, &d, d.sub[d.level]);
		if (!d.level--)
			break;
	}
	e->res->stack_depth = MAX(e->res->stack_depth, d.max);
	return 0;
}

/* Subprograms from which a tail call can be reached. */
static void spread_tail_calls(struct env *e)
{
	struct sub_set set = { 0 };

	for (u32 n = 0; n < e->nr_subs; n++)
		if (e->sub[n].tail_call)
			set.bit[n / 64] |= 1ull << n % 64;
	subprogs_callers(e, &set);
	for (u32 n = 0; n < e->nr_subs; n++)
		e->sub[n].tail_reach = set.bit[n / 64] >> n % 64 & 1;
}

/* Each chain of calls fits into the stack. */
int stack_depth_check(struct env *e)
{
	int err = 0;

	spread_tail_calls(e);
	/* What runs later uses the common stack, and so what it calls: known before the program is looked at.
	 */
	for (u32 s = e->nr_subs; !err && --s;)
		if (e->sub[s].async)
			err = depth_from(e, s, false);
	return err ? err : depth_from(e, 0, own_stacks(e));
}
