// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which registers are read later, per instruction, whatever path is taken.
 *
 * Each subprogram by itself: a call reads r1-r5 as far as it has arguments,
 * kills the rest and gives r0; an exit reads r0. Flows backwards until nothing changes.
 */
#include "isa/disasm.h"
#include "verifier/env.h"

#define R(n) (1u << (n))
#define ARGS (R(1) | R(2) | R(3) | R(4) | R(5))

static void of_alu(const struct bpf_insn *i, u32 *use, u32 *def)
{
	u8 op = BPF_OP(i->code);

	*def = R(i->dst_reg);
	*use = 0;
	if (op == BPF_MOV) {
		*use = BPF_SRC(i->code) == BPF_X ? R(i->src_reg) : 0;
		return;
	}
	*use = R(i->dst_reg);
	if (op != BPF_END && op != BPF_NEG && BPF_SRC(i->code) == BPF_X)
		*use |= R(i->src_reg);
}

static u32 call_args(const struct env *e, const struct bpf_insn *i)
{
	const struct bpf_func_proto *h;
	u32 use = 0;

	if (i->src_reg)
		return ARGS;
	h = helper_get(i->imm);
	if (!h)
		return ARGS;
	for (u32 n = 0; n < 5; n++)
		if (ARG_KIND(h->arg[n]) != ARG_NONE)
			use |= R(n + 1);
	return use;
}

static void of_jump(const struct env *e, const struct bpf_insn *i, u32 *use, u32 *def)
{
	*use = *def = 0;
	switch (BPF_OP(i->code)) {
	case BPF_JA:
	case 0xe0: return;
	case BPF_EXIT: *use = R(0); return;
	case BPF_CALL:
		*def = R(0) | ARGS;
		*use = call_args(e, i);
		return;
	default:
		*use = R(i->dst_reg);
		if (BPF_SRC(i->code) == BPF_X)
			*use |= R(i->src_reg);
	}
}

static void of_stx(const struct bpf_insn *i, u32 *use, u32 *def)
{
	*def = 0;
	*use = R(i->dst_reg) | R(i->src_reg);
	if (BPF_MODE(i->code) != BPF_ATOMIC)
		return;
	if (i->imm == 0x100) { /* load_acquire */
		*use = R(i->src_reg);
		*def = R(i->dst_reg);
	} else if (i->imm == BPF_CMPXCHG) {
		*use |= R(0);
		*def = R(0);
	} else if (i->imm & BPF_FETCH) {
		*def = R(i->src_reg);
	}
}

static void of_insn(const struct env *e, const struct bpf_insn *i, u32 *use, u32 *def)
{
	*use = *def = 0;
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		*def = R(i->dst_reg);
		if (!insn_is_ld64(i)) {
			*def = R(0) | ARGS;
			*use = R(6) | (BPF_MODE(i->code) == BPF_IND ? R(i->src_reg) : 0);
		}
		return;
	case BPF_LDX:
		*def = R(i->dst_reg);
		*use = R(i->src_reg);
		return;
	case BPF_ST: *use = R(i->dst_reg); return;
	case BPF_STX: of_stx(i, use, def); return;
	case BPF_ALU:
	case BPF_ALU64: of_alu(i, use, def); return;
	default: of_jump(e, i, use, def);
	}
}

/* Live before an instruction, by what is live behind it. */
static u16 before(const struct env *e, u32 at)
{
	u32 to[2], use, def, after = 0;

	for (u32 c = insn_targets(e, at, to); c; c--)
		after |= e->aux[to[c - 1]].live;
	of_insn(e, &e->insns[at], &use, &def);
	return (u16)((after & ~def) | use);
}

static const char *helper_text(void *arg, s32 id)
{
	const struct bpf_func_proto *h = helper_get(id);

	return h ? h->name : NULL;
}

/* The kernel's table; the column of loops stays empty. */
static void say_live(struct env *e)
{
	static const struct insn_names names = { .helper = helper_text };
	char text[INSN_TEXT_MAX], regs[11] = "";

	vlog(e->log, "Live regs before insn:\n");
	for (u32 i = 0; i < e->cnt; i += insn_is_ld64(&e->insns[i]) ? 2 : 1) {
		for (u32 r = 0; r < 10; r++)
			regs[r] = e->aux[i].live & R(r) ? (char)('0' + r) : '.';
		insn_print(text, &e->insns[i], &names);
		vlog(e->log, "    %s%u: %s %s\n", i < 10 ? "  " : i < 100 ? " " : "", i, regs, text);
	}
}

/* An instruction waits once; each can change only as often as there are registers. */
int live_regs_compute(struct env *e)
{
	u32 n = e->post_start[e->nr_subs], *wait = vmem_get(e, e->cnt * sizeof(*wait)), depth = 0;
	u8 *waits = vmem(e, e->cnt);

	if (!wait || !waits)
		return -ENOMEM;
	/* On top of the pile those that come last. */
	for (u32 k = n; k--;) {
		wait[depth++] = e->post[k];
		waits[e->post[k]] = 1;
	}
	while (depth) {
		u32 at = wait[--depth];
		u16 live = before(e, at);

		waits[at] = 0;
		if (live == e->aux[at].live)
			continue;
		e->aux[at].live = live;
		for (u32 k = e->pred_at[at]; k < e->pred_at[at + 1]; k++) {
			if (waits[e->pred[k]])
				continue;
			waits[e->pred[k]] = 1;
			wait[depth++] = e->pred[k];
		}
	}
	vmem_put(e, wait, e->cnt * sizeof(*wait));
	vmem_put(e, waits, e->cnt);
	if (VERBOSE2(e))
		say_live(e);
	return 0;
}
