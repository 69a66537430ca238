// SPDX-License-Identifier: BSD-2-Clause
/*
 * The instructions: the one list that there is of them.
 *
 * Each row is X(name, code, form, where):
 *
 *   name   of the interpreter's label (L_name)
 *   code   the opcode, 8 bits
 *   form   what its fields mean: a form has one row of field rules
 *          (insn_valid.c), one text (disasm.c) and one emitter (jit_x86_64.c)
 *   where  LOAD: in what a client loads and in movable form, or MOVE: in
 *          movable form alone (isa/vprog.h)
 *
 * A new row without a label, or with a form that has no rules, no text or no
 * emitter, does not compile.
 */
#ifndef PINFS_ISA_INSN_H
#define PINFS_ISA_INSN_H

#include <linux/bpf.h>
#include "isa/vprog.h"
#include "util/types.h"

/* What is newer than the system's <linux/bpf.h>. */
#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80
#endif
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ 0x100
#endif
#ifndef BPF_STORE_REL
#define BPF_STORE_REL 0x110
#endif

/* clang-format off */
#define INSN_BOTH(X, name, code, form) \
	X(name##_K, (code) | BPF_K, form##_K, LOAD) \
	X(name##_X, (code) | BPF_X, form##_X, LOAD)

#define INSN_ALU(X, name, op, form) \
	INSN_BOTH(X, name##64, BPF_ALU64 | (op), form) \
	INSN_BOTH(X, name##32, BPF_ALU | (op), form)

#define INSN_JUMP(X, name) \
	INSN_BOTH(X, name, BPF_JMP | BPF_##name, JCMP) \
	INSN_BOTH(X, name##32, BPF_JMP32 | BPF_##name, JCMP)

#define INSN_SIZES(X, name, code, form, where) \
	X(name##_W, (code) | BPF_W, form, where) \
	X(name##_H, (code) | BPF_H, form, where) \
	X(name##_B, (code) | BPF_B, form, where)

#define INSN_LIST(X) \
	INSN_ALU(X, ADD, BPF_ADD, ALU) \
	INSN_ALU(X, SUB, BPF_SUB, ALU) \
	INSN_ALU(X, MUL, BPF_MUL, ALU) \
	INSN_ALU(X, OR, BPF_OR, ALU) \
	INSN_ALU(X, AND, BPF_AND, ALU) \
	INSN_ALU(X, XOR, BPF_XOR, ALU) \
	INSN_ALU(X, DIV, BPF_DIV, DIV) \
	INSN_ALU(X, MOD, BPF_MOD, DIV) \
	INSN_ALU(X, LSH, BPF_LSH, SHIFT) \
	INSN_ALU(X, RSH, BPF_RSH, SHIFT) \
	INSN_ALU(X, ARSH, BPF_ARSH, SHIFT) \
	INSN_ALU(X, MOV, BPF_MOV, MOV) \
	X(NEG64, BPF_ALU64 | BPF_NEG, NEG, LOAD) \
	X(NEG32, BPF_ALU | BPF_NEG, NEG, LOAD) \
	X(TO_LE, BPF_ALU | BPF_END | BPF_TO_LE, END, LOAD) \
	X(TO_BE, BPF_ALU | BPF_END | BPF_TO_BE, END, LOAD) \
	X(BSWAP, BPF_ALU64 | BPF_END | BPF_TO_LE, END, LOAD) \
	INSN_JUMP(X, JEQ) \
	INSN_JUMP(X, JNE) \
	INSN_JUMP(X, JGT) \
	INSN_JUMP(X, JGE) \
	INSN_JUMP(X, JLT) \
	INSN_JUMP(X, JLE) \
	INSN_JUMP(X, JSGT) \
	INSN_JUMP(X, JSGE) \
	INSN_JUMP(X, JSLT) \
	INSN_JUMP(X, JSLE) \
	INSN_JUMP(X, JSET) \
	X(JA, BPF_JMP | BPF_JA, JA, LOAD) \
	X(GOTOL, BPF_JMP32 | BPF_JA, GOTOL, LOAD) \
	X(MAY_GOTO, BPF_JMP | BPF_JCOND, MAY_GOTO, LOAD) \
	X(CALL, BPF_JMP | BPF_CALL, CALL, LOAD) \
	X(EXIT, BPF_JMP | BPF_EXIT, EXIT, LOAD) \
	X(TAIL_CALL, BPF_JMP | BPF_TAIL_CALL, TAIL_CALL, MOVE) \
	X(LDX_DW, BPF_LDX | BPF_MEM | BPF_DW, LDX, LOAD) \
	INSN_SIZES(X, LDX, BPF_LDX | BPF_MEM, LDX, LOAD) \
	INSN_SIZES(X, LDSX, BPF_LDX | BPF_MEMSX, LDX, LOAD) \
	X(PROBE_DW, BPF_LDX | BPF_PROBE_MEM | BPF_DW, PROBE, MOVE) \
	INSN_SIZES(X, PROBE, BPF_LDX | BPF_PROBE_MEM, PROBE, MOVE) \
	INSN_SIZES(X, PROBESX, BPF_LDX | BPF_PROBE_MEMSX, PROBE, MOVE) \
	X(ST_DW, BPF_ST | BPF_MEM | BPF_DW, ST, LOAD) \
	INSN_SIZES(X, ST, BPF_ST | BPF_MEM, ST, LOAD) \
	X(STX_DW, BPF_STX | BPF_MEM | BPF_DW, STX, LOAD) \
	INSN_SIZES(X, STX, BPF_STX | BPF_MEM, STX, LOAD) \
	X(ATOMIC_DW, BPF_STX | BPF_ATOMIC | BPF_DW, ATOMIC, LOAD) \
	INSN_SIZES(X, ATOMIC, BPF_STX | BPF_ATOMIC, ATOMIC, LOAD) \
	INSN_SIZES(X, LD_ABS, BPF_LD | BPF_ABS, LD_ABS, LOAD) \
	INSN_SIZES(X, LD_IND, BPF_LD | BPF_IND, LD_IND, LOAD) \
	X(LD_IMM64, BPF_LD | BPF_IMM | BPF_DW, LD_IMM64, LOAD)
/* clang-format on */

/* Bytes of a load or store. */
static inline u32 insn_size(u8 code)
{
	return (0x8124u >> (BPF_SIZE(code) / 2)) & 15;
}

static inline bool insn_is64(u8 code)
{
	return BPF_CLASS(code) == BPF_ALU64 || BPF_CLASS(code) == BPF_JMP;
}

/* Is it a jump inside its subprogram, always or on a condition? *to: how far it goes, from the next
 * instruction. */
static inline bool insn_jumps(const struct bpf_insn *in, s32 *to)
{
	u8 class = BPF_CLASS(in->code), op = BPF_OP(in->code);

	if ((class != BPF_JMP && class != BPF_JMP32) || op == BPF_CALL || op == BPF_EXIT ||
	    op == BPF_TAIL_CALL)
		return false;
	*to = in->code == (BPF_JMP32 | BPF_JA) ? in->imm : in->off;
	return true;
}

/* Does nothing follow it? */
static inline bool insn_ends(u8 code)
{
	return code == (BPF_JMP | BPF_EXIT) || code == (BPF_JMP | BPF_JA) || code == (BPF_JMP32 | BPF_JA);
}

static inline bool insn_is_wide(u8 code)
{
	return code == (BPF_LD | BPF_IMM | BPF_DW);
}

#endif
