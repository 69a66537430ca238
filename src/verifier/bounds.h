// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known of a number: its bits, and signed and unsigned bounds of all of it and of its low half.
 *
 * Pure: no state of the verifier, no log. Every operation is sound (the result
 * holds each number that the operands allow) and follows the kernel 6.18 in how
 * much it keeps, so that both accept the same programs.
 */
#ifndef PINFS_VERIFIER_BOUNDS_H
#define PINFS_VERIFIER_BOUNDS_H

#include "verifier/tnum.h"

struct scalar {
	struct tnum var;
	s64 smin, smax;
	u64 umin, umax;
	s32 s32_min, s32_max;
	u32 u32_min, u32_max;
};

void scalar_unknown(struct scalar *s);
void scalar_const(struct scalar *s, u64 v);
bool scalar_is_const(const struct scalar *s);
bool scalar_is_const32(const struct scalar *s); /* its low half */

/* No range is known any more; the bits stay. What the kernel does with a number that is not sane. */
void scalar_forget(struct scalar *s);

/* Lets bits and all bounds learn from each other, as far as the kernel goes. */
void scalar_sync(struct scalar *s);
/* False: no number fits, as after a branch that cannot be taken. */
bool scalar_sane(const struct scalar *s);

/*
 * dst = dst op src, as an instruction of class BPF_ALU64 (is64) or BPF_ALU, with the
 * result's upper half zero for BPF_ALU. op: BPF_ADD SUB MUL DIV MOD OR AND LSH RSH ARSH XOR NEG MOV; off 1:
 * signed division. Operations of which nothing can be said leave an unknown number.
 */
void scalar_alu(struct scalar *dst, const struct scalar *src, u8 op, s16 off, bool is64);

/*
 * BPF_AND and BPF_OR of a number that is 0 or -1 (all of it, or its low half) with a constant: the kernel
 * follows both cases. True: *dst has become the case of -1, to go on with, and *zero is
 * the other, to begin with at the same instruction later. To be called before scalar_alu(); skipping it is
 * sound.
 */
bool scalar_fork(struct scalar *dst, const struct scalar *src, u8 op, struct scalar *zero);

/* movs, ldsx, zero extension: the low 1, 2, 4 (or 8) bytes, extended to 64 (or, with to32, to 32 bits, upper
 * half zero). */
void scalar_zext(struct scalar *s, u8 bytes);
void scalar_sext(struct scalar *s, u8 bytes, bool to32);

/* Byte swaps (BPF_END) by the instruction's code and imm: 16, 32, 64. The bits move, ranges are lost. */
void scalar_swap(struct scalar *s, u8 code, s32 imm);

/* 1: always taken, 0: never, -1: either. op: BPF_JEQ JNE JGT JGE JLT JLE JSGT JSGE JSLT JSLE JSET. */
int scalar_branch(const struct scalar *a, const struct scalar *b, u8 op, bool is32);

/* What both sides know when the branch was (taken) or was not taken. */
void scalar_refine(struct scalar *a, struct scalar *b, u8 op, bool is32, bool taken);

/* Is everything that `now` can be something that `old` could be? (For pruning.) */
bool scalar_within(const struct scalar *old, const struct scalar *now);

#endif
