// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reachability and order: every instruction is reached, no jump goes astray, and where paths meet.
 *
 * A depth-first walk with a stack of its own. It marks, for pruning, the
 * instructions where a state is worth keeping (AUX_PRUNE), those that are
 * reached by a jump (AUX_JUMP), and those where every path must be compared
 * (AUX_FORCE). cfg_order then lists each subprogram's instructions with
 * successors first, and who precedes whom, for the passes that flow backwards.
 */
#include "verifier/env.h"

u32 size_of(u8 code)
{
	static const u8 sizes[] = { 4, 2, 1, 8 };

	return sizes[BPF_SIZE(code) >> 3];
}

bool insn_leaves(const struct bpf_insn *i)
{
	u8 mode = BPF_MODE(i->code);

	return i->code == (BPF_JMP | BPF_EXIT) || (insn_is_call(i, 0) && i->imm == BPF_FUNC_tail_call) ||
	       (BPF_CLASS(i->code) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND));
}

bool insn_is_may_goto(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | 0xe0) && i->src_reg == 0;
}

static const struct bpf_func_proto *called(const struct bpf_insn *i)
{
	return insn_is_call(i, 0) ? helper_get(i->imm) : NULL;
}

/* A helper that calls back before it returns. */
bool insn_calls_sync(const struct env *e, const struct bpf_insn *i)
{
	const struct bpf_func_proto *h = called(i);

	return h && (h->special == HELPER_FOR_EACH || h->special == HELPER_LOOP ||
		     h->special == HELPER_USER_RINGBUF_DRAIN || h->special == HELPER_FIND_VMA);
}

bool insn_calls_callback(const struct env *e, const struct bpf_insn *i)
{
	const struct bpf_func_proto *h = called(i);

	return insn_calls_sync(e, i) || (h && h->special == HELPER_TIMER_CALLBACK);
}

static bool is_jump_class(u8 code)
{
	return BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32;
}

static u32 jump_target(u32 at, const struct bpf_insn *i)
{
	return (u32)((s64)at + 1 + (i->code == (BPF_JMP32 | BPF_JA) ? i->imm : i->off));
}

/* Where control may go from at inside its subprogram; what is nowhere is not looked at here. */
u32 insn_targets(const struct env *e, u32 at, u32 to[2])
{
	const struct bpf_insn *i = &e->insns[at];
	u8 op = BPF_OP(i->code);

	to[0] = at + 1 + insn_is_ld64(i);
	if (!is_jump_class(i->code) || op == BPF_CALL)
		return 1;
	if (op == BPF_EXIT)
		return 0;
	if (op == BPF_JA) {
		to[0] = jump_target(at, i);
		return 1;
	}
	to[1] = jump_target(at, i);
	return 2;
}

#define SEEN 1u /* on the way */
#define DONE 2u

struct dfs {
	u8 *mark;
	u32 *stack, *next; /* instruction; which of its edges comes next */
	u32 depth;
};

static int enter(struct env *e, struct dfs *d, u32 from, s64 to)
{
	if (to < 0 || to >= e->cnt) {
		say_line(e, from, "; ");
		vlog(e->log, "jump out of range from insn %u to %ld\n", from, to);
		return -EINVAL;
	}
	if (d->mark[to])
		return 0;
	if (d->depth >= e->cnt)
		return -E2BIG;
	d->mark[to] = SEEN;
	d->stack[d->depth] = (u32)to;
	d->next[d->depth++] = 0;
	return 0;
}

static void mark(struct env *e, s64 at, u8 flags)
{
	if (at >= 0 && at < e->cnt)
		e->aux[at].flags |= flags;
}

/* Marks of a call's surroundings; a subprogram's address is taken to be called. */
static void mark_call(struct env *e, u32 at)
{
	const struct bpf_insn *i = &e->insns[at];
	bool func = insn_is_func(i);

	if (!func && insn_calls_callback(e, i))
		mark(e, at, AUX_PRUNE);
	if (!func && insn_calls_sync(e, i))
		mark(e, at, AUX_FORCE | AUX_PRUNE | AUX_JUMP | AUX_CALLBACK);
	mark(e, (s64)at + 1 + func, AUX_PRUNE | AUX_JUMP);
	if (func || i->src_reg == BPF_PSEUDO_CALL)
		mark(e, at, AUX_PRUNE);
}

/* The n-th place that control or the walk goes to from at: 1 and *to, or 0. */
static int edge(struct env *e, u32 at, u32 n, s64 *to)
{
	const struct bpf_insn *i = &e->insns[at];
	u32 t[2], cnt = insn_targets(e, at, t);

	if (n == 0 && (i->code == (BPF_JMP | BPF_CALL) || insn_is_func(i)))
		mark_call(e, at);
	if (n < cnt) {
		*to = (s64)(s32)t[n];
		if (is_jump_class(i->code) && BPF_OP(i->code) != BPF_CALL) {
			if (n == 1 || cnt == 1)
				mark(e, *to, AUX_PRUNE | AUX_JUMP);
			if (cnt == 2)
				mark(e, at, AUX_PRUNE);
			if (insn_is_may_goto(i))
				mark(e, at, AUX_FORCE);
		}
		return 1;
	}
	if (n == cnt && (insn_is_call(i, BPF_PSEUDO_CALL) || insn_is_func(i))) {
		*to = (s64)at + 1 + i->imm;
		mark(e, *to, AUX_PRUNE | AUX_JUMP);
		return 1;
	}
	return 0;
}

static int visit(struct env *e, struct dfs *d)
{
	int err = enter(e, d, 0, 0);

	while (!err && d->depth) {
		u32 at = d->stack[d->depth - 1];
		s64 to;

		if (edge(e, at, d->next[d->depth - 1]++, &to)) {
			err = enter(e, d, at, to);
			continue;
		}
		d->mark[at] = DONE;
		d->depth--;
	}
	return err;
}

int cfg_check(struct env *e)
{
	struct dfs d = {
		.mark = vmem(e, e->cnt),
		.stack = vmem_get(e, e->cnt * sizeof(u32)),
		.next = vmem_get(e, e->cnt * sizeof(u32)),
	};
	int err;

	if (!d.mark || !d.stack || !d.next)
		return -ENOMEM;
	err = visit(e, &d);
	for (u32 at = 0; !err && at < e->cnt; at++) {
		if (d.mark[at] != DONE) {
			vlog(e->log, "unreachable insn %u\n", at);
			return -EINVAL;
		}
		if (!insn_is_ld64(&e->insns[at]))
			continue;
		if (d.mark[++at]) {
			vlog(e->log, "jump into the middle of ldimm64 insn %u\n", at - 1);
			return -EINVAL;
		}
		e->aux[at].flags |= AUX_LDIMM;
	}
	vmem_put(e, d.mark, e->cnt);
	vmem_put(e, d.stack, e->cnt * sizeof(u32));
	vmem_put(e, d.next, e->cnt * sizeof(u32));
	return err;
}

/* Each subprogram's instructions, successors first. */
static int post_order(struct env *e)
{
	u8 *mark_of = vmem(e, e->cnt);
	u32 *stack = vmem_get(e, e->cnt * sizeof(u32)), n = 0;
	u32 to[2], cnt, depth;

	e->post = vmem_get(e, e->cnt * sizeof(u32));
	e->post_start = vmem_get(e, (e->nr_subs + 1) * sizeof(u32));
	if (!mark_of || !stack || !e->post || !e->post_start)
		return -ENOMEM;
	for (u32 s = 0; s < e->nr_subs; s++) {
		e->post_start[s] = n;
		depth = 0;
		stack[depth++] = e->sub[s].start;
		mark_of[e->sub[s].start] = SEEN;
		while (depth) {
			u32 at = stack[depth - 1], k;

			cnt = insn_targets(e, at, to);
			for (k = cnt; k; k--)
				if (!mark_of[to[k - 1]])
					break;
			if (k) {
				mark_of[to[k - 1]] = SEEN;
				stack[depth++] = to[k - 1];
				continue;
			}
			e->post[n++] = at;
			depth--;
		}
	}
	e->post_start[e->nr_subs] = n;
	vmem_put(e, mark_of, e->cnt);
	vmem_put(e, stack, e->cnt * sizeof(u32));
	return 0;
}

/* pred[pred_at[n] .. pred_at[n + 1]]: who precedes n. */
static int predecessors(struct env *e)
{
	u32 to[2], total = 0;

	e->pred_at = vmem(e, (e->cnt + 2) * sizeof(u32));
	if (!e->pred_at)
		return -ENOMEM;
	for (u32 n = 0; n < e->post_start[e->nr_subs]; n++)
		for (u32 k = insn_targets(e, e->post[n], to); k; k--, total++)
			e->pred_at[to[k - 1] + 2]++;
	for (u32 n = 2; n < e->cnt + 2; n++)
		e->pred_at[n] += e->pred_at[n - 1];
	e->pred = vmem_get(e, (total + 1) * sizeof(u32));
	if (!e->pred)
		return -ENOMEM;
	for (u32 n = 0; n < e->post_start[e->nr_subs]; n++)
		for (u32 k = insn_targets(e, e->post[n], to); k; k--)
			e->pred[e->pred_at[to[k - 1] + 1]++] = e->post[n];
	return 0;
}

static int find_exits(struct env *e)
{
	u32 n = 0;

	e->exit_at = vmem_get(e, (e->nr_subs + 1) * sizeof(u32));
	if (!e->exit_at)
		return -ENOMEM;
	for (u32 at = 0; at < e->cnt; at++)
		n += insn_leaves(&e->insns[at]);
	e->exits = vmem_get(e, (n + 1) * sizeof(u32));
	if (!e->exits)
		return -ENOMEM;
	n = 0;
	for (u32 s = 0; s < e->nr_subs; s++) {
		e->exit_at[s] = n;
		for (u32 at = e->sub[s].start; at < sub_end(e, s); at++)
			if (insn_leaves(&e->insns[at]))
				e->exits[n++] = at;
	}
	e->exit_at[e->nr_subs] = n;
	return 0;
}

int cfg_order(struct env *e)
{
	int err = post_order(e);

	if (!err)
		err = predecessors(e);
	return err ? err : find_exits(e);
}
