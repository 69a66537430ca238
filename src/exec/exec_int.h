// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the interpreter, the linker and the JIT share: private to src/exec.
 */
#ifndef PINFS_EXEC_EXEC_INT_H
#define PINFS_EXEC_EXEC_INT_H

#include "exec/exec.h"
#include "isa/insn.h"

/* enter and tail_entry of images that have no code. Runs r->image. */
u64 interp_enter(void *ctx, struct run *r);
/* Subprogram sub of im. */
u64 interp_sub(const struct image *im, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, struct run *r);

/* A linked call names its helper by the distance from here: both lie in the same text. */
static inline bpf_helper_fn *insn_helper(const struct bpf_insn *in)
{
	return (bpf_helper_fn *)((uintptr_t)interp_enter + (uintptr_t)(intptr_t)in->imm);
}

static inline u64 insn_imm64(const struct bpf_insn *in)
{
	return (u32)in[0].imm | (u64)(u32)in[1].imm << 32;
}

/* The image that a tail call goes to, already entered in r, or NULL: it goes on behind the call. */
const struct image *exec_tail(struct run *r, u64 map, u64 index);

/* may_goto has gone on as often as it may without a look at the clock: true when the loop must end now. */
bool exec_loop_over(struct run *r);

/*
 * Reads size bytes at addr, 0 where nothing can be read; extended by the sign
 * where asked.
 */
u64 exec_probe(u64 addr, u32 size, bool sign);
/* guard_probe_hook's: for exec_probe and the JIT's loads. */
void exec_probe_init(void);

#endif
