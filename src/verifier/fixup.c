// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the accepted instructions to the movable program (isa/vprog.h).
 *
 * Instructions that no path reached go; a conditional jump of which one side is
 * dead becomes plain, and a jump to the next instruction goes too. Accesses of
 * the context become accesses of the run's own. Each instruction gives 0, 1
 * or 2 new ones; `at` says where, and all distances are set again from it.
 */
#include "verifier/env.h"

struct rewrite {
	struct env *e;
	struct bpf_insn *out;
	u32 *orig;
	u32 *at; /* new place of each instruction; [cnt]: the end */
	u32 n;
};

static bool is_cond(const struct bpf_insn *i)
{
	u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_JA && op != BPF_EXIT && op != BPF_CALL;
}

static bool seen(const struct env *e, u32 at)
{
	return e->aux[at].flags & AUX_SEEN;
}

/* Conditions of which one outcome never came. */
static void hard_wire(struct env *e)
{
	for (u32 at = 0; at < e->cnt; at++) {
		struct bpf_insn *i = &e->insns[at];
		struct bpf_insn ja = { .code = BPF_JMP | BPF_JA };

		if (!seen(e, at) || !is_cond(i))
			continue;
		if (!seen(e, at + 1))
			ja.off = i->off;
		else if (seen(e, (u32)((s64)at + 1 + i->off)))
			continue;
		*i = ja;
	}
}

/* A jump over nothing that is left. */
static bool is_nop(const struct env *e, u32 at)
{
	const struct bpf_insn *i = &e->insns[at];

	if (i->code != (BPF_JMP | BPF_JA) || i->off < 0)
		return false;
	for (u32 k = at + 1; k < at + 1 + (u32)i->off; k++)
		if (seen(e, k))
			return false;
	return true;
}

static void emit(struct rewrite *w, struct bpf_insn i, u32 orig)
{
	w->out[w->n] = i;
	w->orig[w->n++] = orig;
}

static u8 size_code(u32 size)
{
	return size == 1 ? BPF_B : size == 2 ? BPF_H : size == 4 ? BPF_W : BPF_DW;
}

/* Largest access of at most n bytes. */
static u32 whole(u32 n)
{
	return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : n;
}

/* A load or store of the context, at the place where the run has it. */
static int context(struct rewrite *w, u32 at)
{
	struct env *e = w->e;
	struct bpf_insn i = e->insns[at];
	u8 class = BPF_CLASS(i.code);
	bool sx = class == BPF_LDX && BPF_MODE(i.code) == 0x80;
	u32 size = size_of(i.code), skip, have;
	const struct ctx_field *f = prog_ctx_field_at(e->type, e->req->attach, e->aux[at].ctx_off, size,
						      class != BPF_LDX);

	if (e->req->iter) {
		/* Words, in place. */
		emit(w, i, at);
		return 0;
	}
	if (!f)
		return -EFAULT;
	skip = (u32)e->aux[at].ctx_off - f->off;
	if (f->kind == CTX_BUFFER || (f->access & CTX_WIDE && size > f->size)) {
		i.off = (s16)(f->in_off + skip);
		emit(w, i, at);
		return 0;
	}
	have = skip < f->in_size ? MIN(size, (u32)f->in_size - skip) : 0;
	if (f->kind != CTX_SCALAR)
		have = f->in_size; /* a pointer is as wide as here, whatever the program's field is */
	have = whole(have);
	if (!have) {
		if (class != BPF_LDX)
			return -EFAULT;
		emit(w, (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = i.dst_reg }, at);
		return 0;
	}
	i.off = (s16)(f->in_off + skip);
	i.code = (u8)(class | BPF_MEM | size_code(have));
	if (sx && have == size) {
		i.code = (u8)(class | 0x80 | size_code(have));
		if (size == 8)
			i.code = (u8)(class | BPF_MEM | BPF_DW);
	}
	emit(w, i, at);
	return 0;
}

static int one(struct rewrite *w, u32 at)
{
	struct env *e = w->e;
	struct bpf_insn i = e->insns[at];
	u8 class = BPF_CLASS(i.code), ptr = e->aux[at].ptr;

	if (insn_is_ld64(&i)) {
		if (i.src_reg == BPF_PSEUDO_FUNC)
			i.imm = (s32)subprog_begin(e, (u32)((s64)at + 1 + i.imm));
		emit(w, i, at);
		emit(w, e->insns[at + 1], at);
		return 0;
	}
	if ((class == BPF_LDX || class == BPF_ST || class == BPF_STX) && ptr == PTR_TO_CTX)
		return context(w, at);
	if (class == BPF_LDX && (ptr == PTR_TO_BTF_ID || ptr == PTR_TO_UNTRUSTED_MEM ||
				 ptr == PTR_TO_SOCKET || ptr == PTR_TO_SOCK_COMMON || ptr == PTR_TO_TCP_SOCK))
		i.code = (u8)(class | BPF_SIZE(i.code) |
			      (BPF_MODE(i.code) == BPF_MEM ? BPF_PROBE_MEM : BPF_PROBE_MEMSX));
	if (insn_is_call(&i, 0) && i.imm == BPF_FUNC_tail_call)
		i = (struct bpf_insn){ .code = BPF_JMP | BPF_TAIL_CALL };
	emit(w, i, at);
	return 0;
}

static int rewrite_all(struct rewrite *w)
{
	struct env *e = w->e;
	int err = 0;

	for (u32 at = 0; !err && at < e->cnt; at++) {
		w->at[at] = w->n;
		if (!seen(e, at) || is_nop(e, at))
			continue;
		err = one(w, at);
		if (insn_is_ld64(&e->insns[at]))
			w->at[++at] = w->n;
	}
	w->at[e->cnt] = w->n;
	return err;
}

/* Distances, now that all places are known. A jump is the last of what its original became. */
static int set_jumps(struct rewrite *w)
{
	struct env *e = w->e;

	for (u32 n = 0; n < w->n; n++) {
		struct bpf_insn *i = &w->out[n];
		u32 o = w->orig[n];
		s64 to;

		if (insn_is_ld64(i)) {
			n++;
			continue;
		}
		if (insn_is_call(i, BPF_PSEUDO_CALL)) {
			to = (s64)o + 1 + i->imm;
			i->imm = (s32)((s64)w->at[to] - n - 1);
		} else if (i->code == (BPF_JMP32 | BPF_JA)) {
			to = (s64)o + 1 + i->imm;
			i->imm = (s32)((s64)w->at[to] - n - 1);
		} else if (is_cond(i) && i->code != (BPF_JMP | BPF_TAIL_CALL)) {
			to = (s64)w->at[(s64)o + 1 + i->off] - n - 1;
			if (to != (s16)to)
				return bad(e, -ERANGE, "a jump became too long");
			i->off = (s16)to;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			to = (s64)w->at[(s64)o + 1 + i->off] - n - 1;
			if (to != (s16)to)
				return bad(e, -ERANGE, "a jump became too long");
			i->off = (s16)to;
		}
	}
	return 0;
}

/* Subprograms that are left, with their new numbers. */
static void set_subs(struct rewrite *w)
{
	struct env *e = w->e;
	struct vprog *p = &e->res->prog;
	u32 number[SUBPROGS_MAX];

	for (u32 s = 0; s < e->nr_subs; s++) {
		number[s] = 0;
		if (w->at[e->sub[s].start] == w->at[sub_end(e, s)])
			continue;
		number[s] = p->nr_subs;
		p->sub[p->nr_subs++] = (struct vprog_sub){
			.start = w->at[e->sub[s].start],
			.depth = (u16)e->sub[s].depth,
			.tail_calls = e->sub[s].tail_reach,
			.callback = e->sub[s].callback,
		};
	}
	for (u32 n = 0; n < w->n; n++) {
		if (!insn_is_ld64(&w->out[n]))
			continue;
		if (w->out[n].src_reg == BPF_PSEUDO_FUNC) {
			w->out[n].imm = (s32)number[w->out[n].imm];
			/* One that is never called, and so was never walked: there is nothing to point to. */
			if (!w->out[n].imm)
				w->out[n].src_reg = 0;
			w->out[n + 1].imm = 0;
		}
		n++;
	}
}

int fixup(struct env *e)
{
	struct rewrite w = { .e = e };
	int err;

	hard_wire(e);
	w.out = vmem_get(e, (size_t)e->cnt * 2 * sizeof(*w.out));
	w.orig = vmem_get(e, (size_t)e->cnt * 2 * sizeof(*w.orig));
	w.at = vmem_get(e, ((size_t)e->cnt + 1) * sizeof(*w.at));
	if (!w.out || !w.orig || !w.at)
		return -ENOMEM;
	err = rewrite_all(&w);
	if (!err)
		err = set_jumps(&w);
	if (err)
		return err;
	set_subs(&w);
	e->res->prog.insns = w.out;
	e->res->prog.cnt = w.n;
	e->res->prog.orig = w.orig;
	return 0;
}
