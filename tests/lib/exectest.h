// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs by hand and by chance, for tests of src/exec.
 *
 * xt_begin, then instructions by xt(), xt_sub() where a subprogram begins;
 * xt_make() gives the program as two images, one interpreted, one translated. Who
 * links this brings a helper_get of its own.
 *
 * Random programs compute with registers and memory that they get in a block of
 * XT_WORDS words, and leave all their registers there:
 *
 *     words 0..8   in: r0..r8      9..17  out      18..33  memory that they work on
 */
#ifndef PINFS_TESTS_EXECTEST_H
#define PINFS_TESTS_EXECTEST_H

#include "exec/exec.h"
#include "isa/insn.h"
#include "util/types.h"

#define XT_INSNS 70000
#define XT_WORDS 34

struct xt {
	struct vprog p;
	struct bpf_insn insns[XT_INSNS];
	struct image interp, jit;
};

void xt_begin(struct xt *t);
/* Index of the instruction. */
u32 xt(struct xt *t, u32 code, u32 dst, u32 src, s32 off, s32 imm);
void xt_imm64(struct xt *t, u32 dst, u32 src, u64 v);
void xt_sub(struct xt *t, u32 depth);
/* Lets a call (or a BPF_PSEUDO_FUNC) at `at` go to the subprogram that begins here. */
void xt_land_call(struct xt *t, u32 at);
/* Lets a jump at `at` go here. */
void xt_land(struct xt *t, u32 at);

/* Both images, or the errno of image_make. maps, values: as there. */
int xt_make(struct xt *t, struct bpf_map *const *maps, void *const *values, u32 nr);
void xt_free(struct xt *t);

/* Runs it in an operation with its guard: 0 and r0, or -EIO, -EFAULT. lo, hi: of the object, for EIO. */
int xt_run(const struct image *im, void *ctx, struct run *r, u64 *r0);
extern const void *xt_obj_lo, *xt_obj_hi;

struct xt_rand {
	u64 seed;
	bool wild; /* also what no verifier lets pass, and what is in movable form only */
};

u32 xt_rnd(struct xt_rand *g, u32 n);
u64 xt_number(struct xt_rand *g);
/* A whole random program. The block's address is loaded by ld_imm64 of that kind (src, imm). */
void xt_random(struct xt *t, struct xt_rand *g, u32 map_src, s32 map_imm);
void xt_block(struct xt_rand *g, u64 block[XT_WORDS]);
/* Where and how a program's instructions are shown, when a test has failed. */
void xt_dump(const struct xt *t);

/* Short names, for a struct xt called t. */
#define MOV_K(dst, imm)      xt(&t, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define MOV_X(dst, src)      xt(&t, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD_K(dst, imm)      xt(&t, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define ADD_X(dst, src)      xt(&t, BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define STX(dst, off, src)   xt(&t, BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define LDX(dst, src, off)   xt(&t, BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define JNE_K(dst, imm, off) xt(&t, BPF_JMP | BPF_JNE | BPF_K, dst, 0, off, imm)
#define EXIT()               xt(&t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define CALL_SUB()           xt(&t, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0)
#define CALL(id)             xt(&t, BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define TAIL()               xt(&t, BPF_JMP | BPF_TAIL_CALL, 0, 0, 0, 0)

#endif
