// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions as text: see disasm.h.
 *
 * One function a form, found by opcode through the one list. The texts are
 * those of the kernel's log, to the letter.
 */
#include "isa/disasm.h"
#include "isa/insn.h"
#include "util/str.h"

/* Cut to fit: what does not is dropped. */
struct out {
	char *p, *end; /* end: place of the NUL at the latest */
	const struct insn_names *names;
};

static void puts_to(struct out *o, const char *s)
{
	while (*s && o->p < o->end)
		*o->p++ = *s++;
}

static void put_u64(struct out *o, u64 v, unsigned base)
{
	char num[24];

	str_put_u64(num, v, base);
	puts_to(o, num);
}

static void put_s32(struct out *o, s32 v, bool plus)
{
	puts_to(o, v < 0 ? "-" : plus ? "+" : "");
	put_u64(o, v < 0 ? 0u - (u32)v : (u32)v, 10);
}

static void put_hex2(struct out *o, u32 v)
{
	if (v < 16)
		puts_to(o, "0");
	put_u64(o, v, 16);
}

static void put_reg(struct out *o, const char *kind, u32 nr)
{
	puts_to(o, kind);
	put_u64(o, nr, 10);
}

static const char *alu_reg(const struct bpf_insn *in)
{
	return BPF_CLASS(in->code) == BPF_ALU || BPF_CLASS(in->code) == BPF_JMP32 ? "w" : "r";
}

static const char *const size_names[4] = { "u32", "u16", "u8", "u64" };
static const char *const signed_names[4] = { "s32", "s16", "s8", "" };

static const char *size_name(u8 code)
{
	return size_names[BPF_SIZE(code) >> 3];
}

static const char *const alu_ops[16] = {
	[BPF_ADD >> 4] = "+=", [BPF_SUB >> 4] = "-=", [BPF_MUL >> 4] = "*=",  [BPF_DIV >> 4] = "/=",
	[BPF_OR >> 4] = "|=",  [BPF_AND >> 4] = "&=", [BPF_LSH >> 4] = "<<=", [BPF_RSH >> 4] = ">>=",
	[BPF_MOD >> 4] = "%=", [BPF_XOR >> 4] = "^=", [BPF_MOV >> 4] = "=",   [BPF_ARSH >> 4] = "s>>=",
};

static const char *const jump_ops[16] = {
	[BPF_JEQ >> 4] = "==",  [BPF_JGT >> 4] = ">",    [BPF_JLT >> 4] = "<",    [BPF_JGE >> 4] = ">=",
	[BPF_JLE >> 4] = "<=",  [BPF_JSET >> 4] = "&",   [BPF_JNE >> 4] = "!=",   [BPF_JSGT >> 4] = "s>",
	[BPF_JSLT >> 4] = "s<", [BPF_JSGE >> 4] = "s>=", [BPF_JSLE >> 4] = "s<=",
};

static void put_op(struct out *o, const char *sign, const char *op)
{
	puts_to(o, " ");
	puts_to(o, sign);
	puts_to(o, op ? op : "?");
	puts_to(o, " ");
}

/* "r1 += 5"; signed: "r1 s/= 5". */
static void alu_head(struct out *o, const struct bpf_insn *in)
{
	u8 op = BPF_OP(in->code);

	put_reg(o, alu_reg(in), in->dst_reg);
	put_op(o, in->off == 1 && (op == BPF_DIV || op == BPF_MOD) ? "s" : "", alu_ops[op >> 4]);
}

static void text_ALU_K(struct out *o, const struct bpf_insn *in)
{
	alu_head(o, in);
	put_s32(o, in->imm, false);
}

static void text_ALU_X(struct out *o, const struct bpf_insn *in)
{
	alu_head(o, in);
	put_reg(o, alu_reg(in), in->src_reg);
}

#define text_DIV_K   text_ALU_K
#define text_DIV_X   text_ALU_X
#define text_SHIFT_K text_ALU_K
#define text_SHIFT_X text_ALU_X
#define text_MOV_K   text_ALU_K

static void text_MOV_X(struct out *o, const struct bpf_insn *in)
{
	alu_head(o, in);
	if (in->off == 1 && insn_is64(in->code)) {
		put_reg(o, "addr_space_cast(r", in->src_reg);
		puts_to(o, ", ");
		put_s32(o, (s32)((u32)in->imm >> 16), false);
		puts_to(o, ", ");
		put_s32(o, in->imm & 0xffff, false);
		puts_to(o, ")");
		return;
	}
	if (in->off == -1 && insn_is64(in->code)) {
		put_reg(o, "&(void __percpu *)(r", in->src_reg);
		puts_to(o, ")");
		return;
	}
	puts_to(o, in->off == 8 ? "(s8)" : in->off == 16 ? "(s16)" : in->off == 32 ? "(s32)" : "");
	put_reg(o, alu_reg(in), in->src_reg);
}

static void text_NEG(struct out *o, const struct bpf_insn *in)
{
	put_reg(o, alu_reg(in), in->dst_reg);
	puts_to(o, " = -");
	put_reg(o, alu_reg(in), in->dst_reg);
}

static void text_END(struct out *o, const struct bpf_insn *in)
{
	put_reg(o, "r", in->dst_reg);
	puts_to(o, BPF_CLASS(in->code) == BPF_ALU64 ? " = bswap"
		   : BPF_SRC(in->code) == BPF_TO_BE ? " = be"
						    : " = le");
	put_s32(o, in->imm, false);
	put_reg(o, " r", in->dst_reg);
}

static void put_goto(struct out *o, const char *word, s32 by)
{
	puts_to(o, word);
	puts_to(o, " pc");
	put_s32(o, by, true);
}

static void jump_head(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "if ");
	put_reg(o, alu_reg(in), in->dst_reg);
	put_op(o, "", jump_ops[BPF_OP(in->code) >> 4]);
}

static void text_JCMP_K(struct out *o, const struct bpf_insn *in)
{
	jump_head(o, in);
	puts_to(o, "0x");
	put_u64(o, (u32)in->imm, 16);
	put_goto(o, " goto", in->off);
}

static void text_JCMP_X(struct out *o, const struct bpf_insn *in)
{
	jump_head(o, in);
	put_reg(o, alu_reg(in), in->src_reg);
	put_goto(o, " goto", in->off);
}

static void text_JA(struct out *o, const struct bpf_insn *in)
{
	put_goto(o, "goto", in->off);
}

static void text_GOTOL(struct out *o, const struct bpf_insn *in)
{
	put_goto(o, "gotol", in->imm);
}

static void text_MAY_GOTO(struct out *o, const struct bpf_insn *in)
{
	put_goto(o, "may_goto", in->off);
}

static void text_CALL(struct out *o, const struct bpf_insn *in)
{
	const char *name = NULL;

	if (in->src_reg == BPF_PSEUDO_CALL) {
		puts_to(o, "call pc");
		put_s32(o, in->imm, true);
		return;
	}
	if (o->names && o->names->helper && !in->src_reg)
		name = o->names->helper(o->names->arg, in->imm);
	puts_to(o, "call ");
	puts_to(o, name ? name : "unknown");
	puts_to(o, "#");
	put_s32(o, in->imm, false);
}

static void text_EXIT(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "exit");
}

static void text_TAIL_CALL(struct out *o, const struct bpf_insn *in)
{
	const char *name = o->names && o->names->helper ? o->names->helper(o->names->arg, 12) : NULL;

	puts_to(o, "call ");
	puts_to(o, name ? name : "unknown");
	puts_to(o, "#12");
}

/* "(u32 *)(r1 +4)" */
static void put_place(struct out *o, const char *type, u32 reg, s16 off)
{
	puts_to(o, "(");
	puts_to(o, type);
	put_reg(o, " *)(r", reg);
	puts_to(o, " ");
	put_s32(o, off, true);
	puts_to(o, ")");
}

static void text_LDX(struct out *o, const struct bpf_insn *in)
{
	u8 mode = BPF_MODE(in->code);
	bool sx = mode == BPF_MEMSX || mode == BPF_PROBE_MEMSX;

	put_reg(o, "r", in->dst_reg);
	puts_to(o, " = *");
	put_place(o, sx ? signed_names[BPF_SIZE(in->code) >> 3] : size_name(in->code), in->src_reg, in->off);
}

#define text_PROBE text_LDX

static void text_ST(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "*");
	put_place(o, size_name(in->code), in->dst_reg, in->off);
	puts_to(o, " = ");
	put_s32(o, in->imm, false);
}

static void text_STX(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "*");
	put_place(o, size_name(in->code), in->dst_reg, in->off);
	put_reg(o, " = r", in->src_reg);
}

/* "r1 = atomic64_xchg((u64 *)(r2 +0), r1)" */
static void atomic_call(struct out *o, const struct bpf_insn *in, u32 result, const char *what)
{
	put_reg(o, "r", result);
	puts_to(o, " = atomic");
	puts_to(o, BPF_SIZE(in->code) == BPF_DW ? "64" : "");
	puts_to(o, what);
	puts_to(o, "(");
	put_place(o, size_name(in->code), in->dst_reg, in->off);
	put_reg(o, in->imm == BPF_CMPXCHG ? ", r0, r" : ", r", in->src_reg);
	puts_to(o, ")");
}

static void atomic_fetch(struct out *o, const struct bpf_insn *in)
{
	switch (BPF_OP(in->imm)) {
	case BPF_ADD: return atomic_call(o, in, in->src_reg, "_fetch_add");
	case BPF_AND: return atomic_call(o, in, in->src_reg, "_fetch_and");
	case BPF_OR: return atomic_call(o, in, in->src_reg, "_fetch_or");
	default: return atomic_call(o, in, in->src_reg, "_fetch_xor");
	}
}

static void text_ATOMIC(struct out *o, const struct bpf_insn *in)
{
	switch (in->imm) {
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		puts_to(o, "lock *");
		put_place(o, size_name(in->code), in->dst_reg, in->off);
		put_op(o, "", alu_ops[in->imm >> 4]);
		put_reg(o, "r", in->src_reg);
		return;
	case BPF_ADD | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH: atomic_fetch(o, in); return;
	case BPF_XCHG: atomic_call(o, in, in->src_reg, "_xchg"); return;
	case BPF_CMPXCHG: atomic_call(o, in, 0, "_cmpxchg"); return;
	case BPF_LOAD_ACQ:
		put_reg(o, "r", in->dst_reg);
		puts_to(o, " = load_acquire(");
		put_place(o, size_name(in->code), in->src_reg, in->off);
		puts_to(o, ")");
		return;
	case BPF_STORE_REL:
		puts_to(o, "store_release(");
		put_place(o, size_name(in->code), in->dst_reg, in->off);
		put_reg(o, ", r", in->src_reg);
		puts_to(o, ")");
		return;
	default: puts_to(o, "BUG_"); put_hex2(o, in->code);
	}
}

static void text_LD_ABS(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "r0 = *(");
	puts_to(o, size_name(in->code));
	puts_to(o, " *)skb[");
	put_s32(o, in->imm, false);
	puts_to(o, "]");
}

static void text_LD_IND(struct out *o, const struct bpf_insn *in)
{
	puts_to(o, "r0 = *(");
	puts_to(o, size_name(in->code));
	put_reg(o, " *)skb[r", in->src_reg);
	puts_to(o, " + ");
	put_s32(o, in->imm, false);
	puts_to(o, "]");
}

static void text_LD_IMM64(struct out *o, const struct bpf_insn *in)
{
	put_reg(o, "r", in->dst_reg);
	puts_to(o, " = 0x");
	put_u64(o, (u32)in[0].imm | (u64)(u32)in[1].imm << 32, 16);
}

typedef void text_fn(struct out *o, const struct bpf_insn *in);

#define ITS_TEXT(name, code, form, where) [(u8)(code)] = text_##form,

static text_fn *const text_of[256] = { INSN_LIST(ITS_TEXT) };

size_t insn_print(char buf[INSN_TEXT_MAX], const struct bpf_insn *in, const struct insn_names *names)
{
	struct out o = { buf, buf + INSN_TEXT_MAX - 1, names };

	puts_to(&o, "(");
	put_hex2(&o, in->code);
	puts_to(&o, ") ");
	if (text_of[in->code]) {
		text_of[in->code](&o, in);
	} else {
		puts_to(&o, "BUG_");
		put_hex2(&o, in->code);
	}
	*o.p = 0;
	return (size_t)(o.p - buf);
}
