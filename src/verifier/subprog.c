// SPDX-License-Identifier: BSD-2-Clause
/*
 * Subprograms: where they begin, that jumps stay inside, and what the program's BTF calls them.
 *
 * sub[0] is the program itself; the list is sorted, and has one entry more, for the end.
 */
#include "verifier/env.h"

u32 subprog_begin(const struct env *e, u32 insn)
{
	u32 s = subprog_of(e, insn);

	return s != NO_SUB && e->sub[s].start == insn ? s : NO_SUB;
}

/* The one that an instruction belongs to. */
u32 subprog_of(const struct env *e, u32 insn)
{
	u32 lo = 0, hi = e->nr_subs;

	if (!hi || insn >= e->cnt)
		return NO_SUB;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (e->sub[mid].start <= insn)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static int add(struct env *e, s64 at)
{
	u32 n = e->nr_subs;

	if (at < 0 || at >= e->cnt)
		return bad(e, -EINVAL, "call to invalid destination");
	if (subprog_begin(e, (u32)at) != NO_SUB)
		return 0;
	if (n >= SUBPROGS_MAX)
		return bad(e, -E2BIG, "too many subprograms");
	for (; n && e->sub[n - 1].start > at; n--)
		e->sub[n] = e->sub[n - 1];
	memset(&e->sub[n], 0, sizeof(e->sub[n]));
	e->sub[n].start = (u32)at;
	e->nr_subs++;
	return 0;
}

/*
 * Kernel functions are looked up by BTF ids of the kernel's own, or of a module's whose BTF is in fd_array at
 * off: neither is to be had here.
 */
static int check_kfunc(struct env *e, const struct bpf_insn *i)
{
	int err = -EINVAL;
	s32 fd;

	if (!e->req->gpl)
		return bad(e, -EINVAL, "cannot call kernel function from non-GPL compatible program");
	/* One that the loader did not find: it must not be reached. */
	if (!i->imm && !i->off)
		return 0;
	if (!i->off) {
		vlog(e->log, "kernel btf_id %d is not a function\n", i->imm);
		return -EINVAL;
	}
	if (i->off < 0) {
		vlog(e->log, "negative offset disallowed for kernel module function call\n");
	} else {
		err = e->req->fd_by_index ? e->req->fd_by_index(e->req->arg, (u32)i->off, &fd) : -EPROTO;
		if (err == -EPROTO)
			vlog(e->log, "kfunc offset > 0 without fd_array is invalid\n");
		else if (!err)
			vlog(e->log, "invalid module BTF fd specified\n");
		err = err ? err : -EINVAL;
	}
	return bad(e, err, "failed to find BTF for kernel function");
}

int subprogs_find(struct env *e)
{
	int err = add(e, 0);

	for (u32 at = 0; !err && at < e->cnt; at++) {
		const struct bpf_insn *i = &e->insns[at];

		if (insn_is_call(i, BPF_PSEUDO_KFUNC_CALL))
			err = check_kfunc(e, i);
		else if (insn_is_call(i, BPF_PSEUDO_CALL) || insn_is_func(i))
			err = add(e, (s64)at + i->imm + 1);
	}
	if (err)
		return err;
	e->sub[e->nr_subs].start = e->cnt;
	if (VERBOSE2(e))
		for (u32 n = 0; n < e->nr_subs; n++)
			vlog(e->log, "func#%u @%u\n", n, e->sub[n].start);
	return 0;
}

static bool is_jump(const struct bpf_insn *i)
{
	u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

static int check_one(struct env *e, u32 n)
{
	u32 start = e->sub[n].start, end = sub_end(e, n);
	const struct bpf_insn *last = &e->insns[end - 1];

	for (u32 at = start; at < end; at++) {
		const struct bpf_insn *i = &e->insns[at];
		s64 to = (s64)at + 1 + (i->code == (BPF_JMP32 | BPF_JA) ? i->imm : i->off);

		if (BPF_CLASS(i->code) == BPF_LD &&
		    (BPF_MODE(i->code) == BPF_ABS || BPF_MODE(i->code) == BPF_IND))
			e->sub[n].has_ld_abs = true;
		if (insn_is_call(i, 0) && i->imm == BPF_FUNC_tail_call)
			e->sub[n].tail_call = true;
		if (is_jump(i) && (to < start || to >= end)) {
			vlog(e->log, "jump out of range from insn %u to %ld\n", at, to);
			return -EINVAL;
		}
	}
	if (last->code != (BPF_JMP | BPF_EXIT) && last->code != (BPF_JMP | BPF_JA) &&
	    last->code != (BPF_JMP32 | BPF_JA))
		return bad(e, -EINVAL, "last insn is not an exit or jmp");
	return 0;
}

/* calls[n]: the subprograms that n calls or takes the address of, one bit each. */
static int call_graph(struct env *e)
{
	e->calls = vmem(e, e->nr_subs * sizeof(*e->calls));
	if (!e->calls)
		return -ENOMEM;
	for (u32 n = 0; n < e->nr_subs; n++) {
		for (u32 at = e->sub[n].start; at < sub_end(e, n); at++) {
			const struct bpf_insn *i = &e->insns[at];
			const struct bpf_func_proto *h = insn_is_call(i, 0) ? helper_get(i->imm) : NULL;
			u32 to;

			e->sub[n].changes_pkt |= h && h->moves_packet;
			if (!insn_is_call(i, BPF_PSEUDO_CALL) && !insn_is_func(i))
				continue;
			to = subprog_begin(e, (u32)((s64)at + 1 + i->imm));
			if (to != NO_SUB)
				e->calls[n].bit[to / 64] |= 1ull << to % 64;
		}
	}
	return 0;
}

/* Does n call one of the set? */
static bool calls_any(const struct env *e, u32 n, const struct sub_set *set)
{
	u64 any = 0;

	for (u32 k = 0; k < ARRAY_SIZE(set->bit); k++)
		any |= e->calls[n].bit[k] & set->bit[k];
	return any;
}

/* Adds whoever calls a member, and so on. */
void subprogs_callers(struct env *e, struct sub_set *set)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (u32 n = 0; n < e->nr_subs; n++) {
			if (set->bit[n / 64] >> n % 64 & 1 || !calls_any(e, n, set))
				continue;
			set->bit[n / 64] |= 1ull << n % 64;
			changed = true;
		}
	}
}

/* Which subprograms may move the packet, by themselves or by what they call. */
static void spread_packet_moves(struct env *e)
{
	struct sub_set set = { 0 };

	for (u32 n = 0; n < e->nr_subs; n++)
		if (e->sub[n].changes_pkt)
			set.bit[n / 64] |= 1ull << n % 64;
	subprogs_callers(e, &set);
	for (u32 n = 0; n < e->nr_subs; n++)
		e->sub[n].changes_pkt = set.bit[n / 64] >> n % 64 & 1;
}

int subprogs_check(struct env *e)
{
	int err = 0;

	for (u32 n = 0; !err && n < e->nr_subs; n++)
		err = check_one(e, n);
	if (!err)
		err = call_graph(e);
	if (!err)
		spread_packet_moves(e);
	return err;
}

/* What the records name, before the program is looked at. */
int func_info_types(struct env *e)
{
	for (u32 n = 0; e->req->btf && n < e->req->nr_func_info && n < SUBPROGS_MAX; n++) {
		u32 id = e->req->func_info[n].type_id;
		const struct btf_type *t = btf_type(e->req->btf, id), *proto;

		if (!id || !t || !btf_is(t, BTF_K(FUNC))) {
			vlog(e->log, "invalid type id %u in func info", id);
			return -EINVAL;
		}
		proto = btf_type(e->req->btf, t->type);
		if (!proto || !btf_is(proto, BTF_K(FUNC_PROTO)))
			return -EINVAL;
	}
	return 0;
}

static int check_func(struct env *e, u32 n)
{
	const struct bpf_func_info *f = &e->req->func_info[n];
	const struct btf_type *t = btf_type(e->req->btf, f->type_id), *proto, *t_ret;
	bool number;
	u32 id;

	if (f->insn_off != e->sub[n].start)
		return bad(e, -EINVAL, "func_info BTF section doesn't match subprog layout in BPF program");
	e->sub[n].type_id = f->type_id;
	proto = btf_type(e->req->btf, t->type);
	id = proto->type;
	t_ret = id ? btf_skip_mods(e->req->btf, &id) : NULL;
	number = t_ret && btf_is(t_ret, BTF_K(INT) | BTF_K(ENUM) | BTF_K(ENUM64));
	if (n && !number && e->sub[n].has_ld_abs)
		return bad(e, -EINVAL, "LD_ABS is only allowed in functions that return 'int'.");
	if (n && !number && e->sub[n].tail_call)
		return bad(e, -EINVAL, "tail_call is only allowed in functions that return 'int'.");
	/* The main program is walked as such. */
	e->sub[n].global = n && btf_vlen(t) == BTF_FUNC_GLOBAL;
	return 0;
}

/* Both may leave a subprogram in the middle, with a number. */
static int without_btf(struct env *e)
{
	for (u32 n = 1; n < e->nr_subs; n++) {
		if (e->sub[n].has_ld_abs)
			return bad(e, -EINVAL, "LD_ABS is not allowed in subprogs without BTF");
		if (e->sub[n].tail_call)
			return bad(e, -EINVAL, "tail_call is not allowed in subprogs without BTF");
	}
	return 0;
}

/* One record a subprogram, in order. */
int func_info_check(struct env *e)
{
	int err = 0;

	if (!e->req->nr_func_info || !e->req->btf)
		return without_btf(e);
	if (e->req->nr_func_info != e->nr_subs)
		return bad(e, -EINVAL, "number of funcs in func_info doesn't match number of subprogs");
	for (u32 n = 0; !err && n < e->nr_subs; n++)
		err = check_func(e, n);
	return err;
}
