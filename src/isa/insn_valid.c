// SPDX-License-Identifier: BSD-2-Clause
/*
 * Validity of instructions: see insn_valid.h.
 *
 * One row a form says what each field may hold and how the kernel's log calls it when
 * it does not; one byte an opcode says whether there is such an opcode, and where.
 */
#include "isa/insn_valid.h"
#include "isa/insn.h"

/* What a field may hold. */
enum rule {
	ANY,
	ZERO,
	REG,    /* a register's number; not checked for a log */
	WREG,   /* one that is written: not the frame pointer */
	SIGN,   /* off: 1 for signed division */
	MOVS,   /* off: width of a sign extension, less than that of the move */
	WIDTH,  /* imm: 16, 32, 64 */
	CALLEE, /* src: a helper, a subprogram, a kernel function */
	COUNT,  /* imm: shift by less than the width; X: 0 */
	DIVISOR,
	ATOMIC,
	PSEUDO, /* src: what an ld_imm64 stands for */
};

struct fields {
	u8 dst, src, off, imm;
	const char *text; /* NULL: registers are all that could be wrong */
};

#define FORM(name, d, s, o, i, t) static const struct fields fields_##name = { d, s, o, i, t }

FORM(ALU_K, WREG, ZERO, ZERO, ANY, "BPF_ALU uses reserved fields");
FORM(ALU_X, WREG, REG, ZERO, ZERO, "BPF_ALU uses reserved fields");
FORM(DIV_K, WREG, ZERO, SIGN, DIVISOR, "BPF_ALU uses reserved fields");
FORM(DIV_X, WREG, REG, SIGN, ZERO, "BPF_ALU uses reserved fields");
FORM(SHIFT_K, WREG, ZERO, ZERO, COUNT, "BPF_ALU uses reserved fields");
FORM(SHIFT_X, WREG, REG, ZERO, ZERO, "BPF_ALU uses reserved fields");
FORM(MOV_K, WREG, ZERO, ZERO, ANY, "BPF_MOV uses reserved fields");
FORM(MOV_X, WREG, REG, MOVS, ZERO, "BPF_MOV uses reserved fields");
FORM(NEG, WREG, ZERO, ZERO, ZERO, "BPF_NEG uses reserved fields");
FORM(END, WREG, ZERO, ZERO, WIDTH, "BPF_END uses reserved fields");
FORM(JCMP_K, REG, ZERO, ANY, ANY, "BPF_JMP/JMP32 uses reserved fields");
FORM(JCMP_X, REG, REG, ANY, ZERO, "BPF_JMP/JMP32 uses reserved fields");
FORM(JA, ZERO, ZERO, ANY, ZERO, "BPF_JA uses reserved fields");
FORM(GOTOL, ZERO, ZERO, ZERO, ANY, "BPF_JA uses reserved fields");
FORM(MAY_GOTO, ZERO, ZERO, ANY, ZERO, "invalid may_goto imm %d");
FORM(CALL, ZERO, CALLEE, ZERO, ANY, "BPF_CALL uses reserved fields");
FORM(EXIT, ZERO, ZERO, ANY, ZERO, "BPF_EXIT uses reserved fields");
FORM(TAIL_CALL, ZERO, ZERO, ZERO, ZERO, NULL);
FORM(LDX, WREG, REG, ANY, ZERO, "BPF_LDX uses reserved fields");
FORM(PROBE, WREG, REG, ANY, ZERO, NULL);
FORM(ST, REG, ZERO, ANY, ANY, "BPF_ST uses reserved fields");
FORM(STX, REG, REG, ANY, ZERO, "BPF_STX uses reserved fields");
FORM(ATOMIC, REG, REG, ANY, ATOMIC, "BPF_ATOMIC uses invalid atomic opcode %02x");
FORM(LD_ABS, ZERO, ZERO, ZERO, ANY, "BPF_LD_[ABS|IND] uses reserved fields");
FORM(LD_IND, ZERO, REG, ZERO, ANY, "BPF_LD_[ABS|IND] uses reserved fields");
FORM(LD_IMM64, WREG, PSEUDO, ZERO, ANY, "BPF_LD_IMM64 uses reserved fields");

enum where { NOWHERE, MOVE, LOAD };

#define IS_WHERE(name, code, form, where)   [(u8)(code)] = where,
#define ITS_FIELDS(name, code, form, where) [(u8)(code)] = &fields_##form,

static const u8 where_of[256] = { INSN_LIST(IS_WHERE) };
static const struct fields *const fields_of[256] = { INSN_LIST(ITS_FIELDS) };

bool insn_known(u8 code)
{
	return where_of[code] == LOAD;
}

/* Operations on memory; narrow ones can only load and store. */
static bool atomic_ok(u8 code, s32 imm)
{
	switch (imm) {
	case BPF_LOAD_ACQ:
	case BPF_STORE_REL: return true;
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
	case BPF_ADD | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
	case BPF_XCHG:
	case BPF_CMPXCHG: return true;
	default: return false;
	}
}

static bool movs_ok(u8 code, s16 off)
{
	return !off || off == 8 || off == 16 || (off == 32 && BPF_CLASS(code) == BPF_ALU64);
}

static bool field_ok(enum rule rule, const struct bpf_insn *in, s32 v)
{
	switch (rule) {
	case ZERO: return !v;
	case SIGN: return !v || v == 1;
	case MOVS: return movs_ok(in->code, (s16)v);
	case WIDTH: return v == 16 || v == 32 || v == 64;
	case ATOMIC: return atomic_ok(in->code, v);
	default: return true;
	}
}

static const char *atomic_invalid(const struct bpf_insn *in)
{
	bool narrow = BPF_SIZE(in->code) == BPF_B || BPF_SIZE(in->code) == BPF_H;

	if (!atomic_ok(in->code, in->imm))
		return fields_ATOMIC.text;
	if (narrow && in->imm != BPF_LOAD_ACQ && in->imm != BPF_STORE_REL)
		return "invalid atomic operand size";
	return NULL;
}

/* Only a program with an arena may change address spaces; there are none. */
static const char *cast_invalid(const struct bpf_insn *in)
{
	if (in->imm != 1 && in->imm != 1 << 16)
		return "addr_space_cast insn can only convert between address space 1 and 0";
	return "addr_space_cast insn can only be used in a program that has an associated arena";
}

const char *insn_invalid(const struct bpf_insn *in)
{
	const struct fields *f = fields_of[in->code];

	if (!insn_known(in->code))
		return BPF_CLASS(in->code) == BPF_LDX ? fields_LDX.text : "unknown opcode";
	if (f == &fields_ATOMIC)
		return atomic_invalid(in);
	if (f == &fields_MOV_X && BPF_CLASS(in->code) == BPF_ALU64 && in->off == 1)
		return cast_invalid(in);
	if ((f->dst == ZERO && in->dst_reg) || (f->src == ZERO && in->src_reg) ||
	    (f->src == CALLEE && in->src_reg > BPF_PSEUDO_KFUNC_CALL) || !field_ok(f->imm, in, in->imm))
		return f->text;
	/* A kernel function's off names the BTF that it is found in. */
	if (!(f->src == CALLEE && in->src_reg == BPF_PSEUDO_KFUNC_CALL) && !field_ok(f->off, in, in->off))
		return f->text;
	return NULL;
}

const char *insn_imm_invalid(const struct bpf_insn *in)
{
	const struct fields *f = fields_of[in->code];

	if (!f)
		return NULL;
	if (f->imm == DIVISOR && !in->imm)
		return "div by zero";
	if (f->imm == COUNT && (u32)in->imm >= (BPF_CLASS(in->code) == BPF_ALU64 ? 64u : 32u))
		return "invalid shift %d";
	return NULL;
}

/* Registers, and the forms that only a movable program has. */
static bool registers_ok(const struct fields *f, const struct bpf_insn *in)
{
	if (in->dst_reg > BPF_REG_10 || (f->dst == WREG && in->dst_reg == BPF_REG_10))
		return false;
	switch (f->src) {
	case REG: return in->src_reg <= BPF_REG_10;
	case CALLEE: return in->src_reg == 0 || in->src_reg == BPF_PSEUDO_CALL;
	case PSEUDO:
		return !in->src_reg || in->src_reg == BPF_PSEUDO_MAP_IDX ||
		       in->src_reg == BPF_PSEUDO_MAP_IDX_VALUE || in->src_reg == BPF_PSEUDO_FUNC;
	default: return true;
	}
}

/* An atomic operation that writes a register must not write the frame pointer. */
static bool atomic_registers_ok(const struct bpf_insn *in)
{
	if (in->imm == BPF_LOAD_ACQ)
		return in->dst_reg != BPF_REG_10;
	return !(in->imm & BPF_FETCH) || in->imm == BPF_CMPXCHG || in->src_reg != BPF_REG_10;
}

static bool one_movable(const struct bpf_insn *in)
{
	const struct fields *f = fields_of[in->code];

	if (!f || !registers_ok(f, in))
		return false;
	if (f == &fields_ATOMIC && !atomic_registers_ok(in))
		return false;
	if (where_of[in->code] == LOAD)
		return !insn_invalid(in);
	return !(f->src == ZERO && in->src_reg) && !(f->dst == ZERO && in->dst_reg);
}

static bool second_half_ok(const struct bpf_insn *insns, u32 at, u32 cnt)
{
	const struct bpf_insn *in = &insns[at + 1];

	return at + 1 < cnt && !in->code && !in->dst_reg && !in->src_reg && !in->off;
}

/* A second half has code 0, and nothing else has. */
static bool jumps_into(const struct bpf_insn *insns, u32 lo, u32 hi, u32 at, s32 by)
{
	s64 to = (s64)at + 1 + by;

	return to >= lo && to < hi && insns[to].code;
}

bool insn_movable(const struct bpf_insn *insns, u32 cnt)
{
	s32 by;

	for (u32 i = 0; i < cnt; i++) {
		if (!one_movable(&insns[i]))
			return false;
		if (insn_jumps(&insns[i], &by) && !jumps_into(insns, 0, cnt, i, by))
			return false;
		if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == BPF_PSEUDO_CALL &&
		    !jumps_into(insns, 0, cnt, i, insns[i].imm))
			return false;
		if (insn_is_wide(insns[i].code) && !second_half_ok(insns, i++, cnt))
			return false;
	}
	return cnt && insn_ends(insns[cnt - 1].code);
}

int vprog_sub_at(const struct vprog_sub *sub, u32 nr_subs, u32 at)
{
	u32 lo = 0, hi = nr_subs;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (sub[mid].start < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr_subs && sub[lo].start == at ? (int)lo : -1;
}

/* Calls of one subprogram: *frames is what the deepest of its callees needs. False: a bad call, or a bad
 * jump. */
static bool sub_sound(const struct vprog *p, u32 s, const u8 *need, u8 *frames)
{
	u32 lo = p->sub[s].start, hi = s + 1 < p->nr_subs ? p->sub[s + 1].start : p->cnt;
	s32 by;

	*frames = 0;
	if (!p->insns[lo].code || !insn_ends(p->insns[hi - 1].code))
		return false;
	for (u32 i = lo; i < hi; i++) {
		const struct bpf_insn *in = &p->insns[i];
		int callee;

		if (insn_jumps(in, &by) && !jumps_into(p->insns, lo, hi, i, by))
			return false;
		if (insn_is_wide(in->code) && in->src_reg == BPF_PSEUDO_FUNC &&
		    (in->imm < 1 || (u32)in->imm >= p->nr_subs))
			return false;
		if (in->code != (BPF_JMP | BPF_CALL) || in->src_reg != BPF_PSEUDO_CALL)
			continue;
		callee = vprog_sub_at(p->sub, p->nr_subs, i + 1 + (u32)in->imm);
		if (callee < 1)
			return false;
		*frames = MAX(*frames, need[callee]);
	}
	return true;
}

/* A chain of n calls is known after n rounds, in whatever order the subprograms lie; recursion never ends. */
bool vprog_sound(const struct vprog *p)
{
	u8 need[BPF_SUBPROGS_MAX] = { 0 }, below;
	bool changed = true;

	if (!p->nr_subs || p->nr_subs > BPF_SUBPROGS_MAX || p->sub[0].start ||
	    !insn_movable(p->insns, p->cnt))
		return false;
	for (u32 s = 0; s < p->nr_subs; s++)
		if (p->sub[s].depth > BPF_STACK_MAX || p->sub[s].start >= p->cnt ||
		    (s && p->sub[s].start <= p->sub[s - 1].start))
			return false;
	while (changed) {
		changed = false;
		for (u32 s = p->nr_subs; s--;) {
			if (!sub_sound(p, s, need, &below) || below >= BPF_FRAMES_MAX)
				return false;
			changed |= need[s] != below + 1;
			need[s] = below + 1;
		}
	}
	return true;
}
