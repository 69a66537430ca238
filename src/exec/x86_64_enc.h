// SPDX-License-Identifier: BSD-2-Clause
/*
 * x86-64 instructions as bytes. Knows nothing of BPF. Private to src/exec.
 *
 * Each function writes one instruction in its shortest form at e->p.
 */
#ifndef PINFS_EXEC_X86_64_ENC_H
#define PINFS_EXEC_X86_64_ENC_H

#include <string.h>
#include "util/types.h"

enum x86_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Conditions, as in the low bits of jcc. */
enum x86_cond { CC_B = 2, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_L = 12, CC_GE, CC_LE, CC_G };

/* Opcodes of the form "op r/m, reg", and one that reads memory. */
enum x86_op {
	X_ADD = 0x01,
	X_OR = 0x09,
	X_AND = 0x21,
	X_SUB = 0x29,
	X_XOR = 0x31,
	X_CMP = 0x39,
	X_TEST = 0x85,
	X_MOV = 0x89,
	X_MOV8 = 0x88,
	X_XCHG = 0x87,
	X_LOAD = 0x8b,
	X_LEA = 0x8d,
	X_MOVSXD = 0x63,
	X_IMUL = 0x0faf,
	X_MOVZX8 = 0x0fb6,
	X_MOVZX16 = 0x0fb7,
	X_MOVSX8 = 0x0fbe,
	X_MOVSX16 = 0x0fbf,
	X_CMPXCHG = 0x0fb1,
	X_XADD = 0x0fc1,
};

/* Second operation codes of 81 and 83 (op r/m, imm), c1 and d3 (shifts), f7. */
enum x86_ext {
	E_ADD = 0,
	E_OR = 1,
	E_AND = 4,
	E_SUB = 5,
	E_XOR = 6,
	E_CMP = 7,
	E_ROR = 1,
	E_SHL = 4,
	E_SHR = 5,
	E_SAR = 7,
	E_TEST = 0,
	E_NEG = 3,
	E_DIV = 6,
	E_IDIV = 7,
};

struct enc {
	u8 *p;
};

static inline void enc8(struct enc *e, u32 b)
{
	*e->p++ = (u8)b;
}

static inline void enc32(struct enc *e, u32 v)
{
	memcpy(e->p, &v, 4);
	e->p += 4;
}

static inline void enc64(struct enc *e, u64 v)
{
	memcpy(e->p, &v, 8);
	e->p += 8;
}

static inline bool fits8(s64 v)
{
	return v == (s8)v;
}

/* byte: an operand is the low byte of a register, which for 4..7 needs the prefix to be spl..dil. */
static inline void enc_rex(struct enc *e, bool w, u32 reg, u32 rm, bool byte)
{
	u32 rex = 0x40 | (u32)w << 3 | (reg >> 3) << 2 | rm >> 3;

	if (rex != 0x40 || byte)
		enc8(e, rex);
}

static inline void enc_opcode(struct enc *e, u32 op)
{
	if (op > 0xff)
		enc8(e, op >> 8);
	enc8(e, op);
}

static inline bool op_is_byte(u32 op)
{
	return op == X_MOV8 || op == X_MOVZX8 || op == X_MOVSX8;
}

/* Registers on both sides. */
static inline void enc_rr(struct enc *e, bool w, u32 op, u32 reg, u32 rm)
{
	bool low = op_is_byte(op) && ((rm >= 4 && rm < 8) || (op < 0x100 && reg >= 4 && reg < 8));

	enc_rex(e, w, reg, rm, low);
	enc_opcode(e, op);
	enc8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* The operand [base + disp]. */
static inline void enc_modrm_mem(struct enc *e, u32 reg, u32 base, s32 disp)
{
	u32 mod = !disp && (base & 7) != RBP ? 0 : fits8(disp) ? 1 : 2;

	enc8(e, mod << 6 | (reg & 7) << 3 | (base & 7));
	if ((base & 7) == RSP)
		enc8(e, 0x24);
	if (mod == 1)
		enc8(e, (u32)disp);
	else if (mod == 2)
		enc32(e, (u32)disp);
}

/* A register and memory. A store of a byte has its register in reg. */
static inline void enc_mem(struct enc *e, bool w, u32 op, u32 reg, u32 base, s32 disp)
{
	bool low = op == X_MOV8 && reg >= 4 && reg < 8;

	enc_rex(e, w, reg, base, low);
	enc_opcode(e, op);
	enc_modrm_mem(e, reg, base, disp);
}

static inline void enc_mov(struct enc *e, bool w, u32 dst, u32 src)
{
	enc_rr(e, w, X_MOV, src, dst);
}

/* Changes the flags. */
static inline void enc_mov_imm(struct enc *e, u32 reg, u64 v)
{
	if (!v) {
		enc_rr(e, false, X_XOR, reg, reg);
	} else if (v == (u32)v) {
		enc_rex(e, false, 0, reg, false);
		enc8(e, 0xb8 | (reg & 7));
		enc32(e, (u32)v);
	} else if (v == (u64)(s64)(s32)v) {
		enc_rex(e, true, 0, reg, false);
		enc8(e, 0xc7);
		enc8(e, 0xc0 | (reg & 7));
		enc32(e, (u32)v);
	} else {
		enc_rex(e, true, 0, reg, false);
		enc8(e, 0xb8 | (reg & 7));
		enc64(e, v);
	}
}

/* op reg, imm, extended by its sign. */
static inline void enc_ri(struct enc *e, bool w, enum x86_ext ext, u32 reg, s32 imm)
{
	enc_rex(e, w, 0, reg, false);
	if (fits8(imm)) {
		enc8(e, 0x83);
		enc8(e, 0xc0 | (u32)ext << 3 | (reg & 7));
		enc8(e, (u32)imm);
	} else if (reg == RAX) {
		enc8(e, (u32)ext << 3 | 5);
		enc32(e, (u32)imm);
	} else {
		enc8(e, 0x81);
		enc8(e, 0xc0 | (u32)ext << 3 | (reg & 7));
		enc32(e, (u32)imm);
	}
}

static inline void enc_test_imm(struct enc *e, bool w, u32 reg, s32 imm)
{
	enc_rex(e, w, 0, reg, false);
	if (reg == RAX) {
		enc8(e, 0xa9);
	} else {
		enc8(e, 0xf7);
		enc8(e, 0xc0 | (reg & 7));
	}
	enc32(e, (u32)imm);
}

static inline void enc_imul_imm(struct enc *e, bool w, u32 reg, s32 imm)
{
	enc_rex(e, w, reg, reg, false);
	enc8(e, fits8(imm) ? 0x6b : 0x69);
	enc8(e, 0xc0 | (reg & 7) << 3 | (reg & 7));
	if (fits8(imm))
		enc8(e, (u32)imm);
	else
		enc32(e, (u32)imm);
}

static inline void enc_shift_imm(struct enc *e, bool w, enum x86_ext ext, u32 reg, u32 n)
{
	enc_rex(e, w, 0, reg, false);
	enc8(e, n == 1 ? 0xd1 : 0xc1);
	enc8(e, 0xc0 | (u32)ext << 3 | (reg & 7));
	if (n != 1)
		enc8(e, n);
}

/* By cl. */
static inline void enc_shift_cl(struct enc *e, bool w, enum x86_ext ext, u32 reg)
{
	enc_rex(e, w, 0, reg, false);
	enc8(e, 0xd3);
	enc8(e, 0xc0 | (u32)ext << 3 | (reg & 7));
}

/* shlx, shrx, sarx (BMI2): reg shifted by count, neither flags nor rcx touched. */
static inline void enc_shiftx(struct enc *e, bool w, enum x86_ext ext, u32 reg, u32 count)
{
	u32 pp = ext == E_SHL ? 1 : ext == E_SAR ? 2 : 3;

	enc8(e, 0xc4);
	enc8(e, (reg >> 3 ? 0 : 0x80) | 0x40 | (reg >> 3 ? 0 : 0x20) | 2);
	enc8(e, (u32)w << 7 | (~count & 15) << 3 | pp);
	enc8(e, 0xf7);
	enc8(e, 0xc0 | (reg & 7) << 3 | (reg & 7));
}

/* neg, div, idiv. */
static inline void enc_f7(struct enc *e, bool w, enum x86_ext ext, u32 reg)
{
	enc_rex(e, w, 0, reg, false);
	enc8(e, 0xf7);
	enc8(e, 0xc0 | (u32)ext << 3 | (reg & 7));
}

static inline void enc_bswap(struct enc *e, bool w, u32 reg)
{
	enc_rex(e, w, 0, reg, false);
	enc8(e, 0x0f);
	enc8(e, 0xc8 | (reg & 7));
}

static inline void enc_push(struct enc *e, u32 reg)
{
	enc_rex(e, false, 0, reg, false);
	enc8(e, 0x50 | (reg & 7));
}

static inline void enc_pop(struct enc *e, u32 reg)
{
	enc_rex(e, false, 0, reg, false);
	enc8(e, 0x58 | (reg & 7));
}

/* Short jumps inside one emitted sequence: enc_jcc_fwd leaves room, enc_land fills it in. */
static inline u8 *enc_jcc_fwd(struct enc *e, enum x86_cond cc)
{
	enc8(e, 0x70 | (u32)cc);
	enc8(e, 0);
	return e->p;
}

static inline u8 *enc_jmp_fwd(struct enc *e)
{
	enc8(e, 0xeb);
	enc8(e, 0);
	return e->p;
}

static inline void enc_land(struct enc *e, u8 *from)
{
	from[-1] = (u8)(e->p - from);
}

static inline void enc_jcc_back(struct enc *e, enum x86_cond cc, const u8 *to)
{
	enc8(e, 0x70 | (u32)cc);
	enc8(e, (u32)(to - (e->p + 1)));
}

#endif
