// SPDX-License-Identifier: BSD-2-Clause
/*
 * The JIT's own: one translation while it is made. Private to src/exec.
 *
 *   jit.c         the driver: looks, lays out, writes, seals
 *   jit_patch.c   where jumps go and how long they are
 *   jit_x86_64.c  the emitters, one a form of the one list (isa/insn.h)
 */
#ifndef PINFS_EXEC_JIT_H
#define PINFS_EXEC_JIT_H

#include "exec/exec_int.h"
#include "exec/jit_mem.h"
#include "exec/x86_64_enc.h"

/* No instruction's code is longer, nor what stands before a subprogram's. */
#define JIT_INSN_MAX 128u

struct jit_sub {
	u32 end;    /* behind its last instruction */
	u16 regs;   /* BPF registers that occur in it: bit n */
	bool calls; /* anything: its stack must be aligned and below rsp */
	bool tail;  /* has a tail call of its own */
	bool frame; /* r10 occurs */
};

struct jit {
	struct enc e;
	const struct image *im;
	u8 *start;   /* where the bytes of this instruction begin */
	u32 pos;     /* their place in the code, in this layout */
	u32 at;      /* the instruction */
	u32 sub;     /* its subprogram */
	u32 old_end; /* where it ended in the layout before */
	u32 old_len;
	bool frozen;               /* no jump may become shorter than it was */
	bool needs_run;            /* r12 holds the run */
	u8 *code;                  /* place of the code; NULL: the layout is still being found */
	struct code_probe *probes; /* with code: where the next one goes */
	u32 nr_probes;
	struct jit_sub subs[BPF_SUBPROGS_MAX];
};

/* Translates im: 0, or why not (it then stays as it was). Sets code, code_size, enter; fills code_off,
 * sub_off. */
int jit_image(struct image *im);
void jit_free(struct image *im);
u64 jit_sub(const struct image *im, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, struct run *r);

/* jit_patch.c */

/* Before the first layout: every distance as long as it can get. */
void jit_guess(struct jit *j);
/* Emits the last part of the instruction: jump always, or on condition cc, to instruction `to`. */
void jit_jmp(struct jit *j, u32 to);
void jit_jcc(struct jit *j, enum x86_cond cc, u32 to);
/* call, to an address in this process. By way of r11 when that is far away. */
void jit_call(struct jit *j, const void *target);
/* call of a subprogram. */
void jit_call_sub(struct jit *j, u32 sub);
/* The load whose bytes are from..e.p gives 0 if it faults. */
void jit_probe(struct jit *j, const u8 *from, int zero);

/* jit_x86_64.c */

/* Looks at the processor. Once, before anything is emitted. */
void jit_cpu_init(void);
/* Where shlx and its like are not to be used, as on a processor that has none; for tests. */
extern bool jit_plain_shifts;
void jit_emit_prologue(struct jit *j);
void jit_emit_insn(struct jit *j, const struct bpf_insn *in);
/* Calls code as subprogram with those arguments and the run in r12. */
u64 jit_enter_sub(u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, struct run *r, const void *code)
	__attribute__((visibility("hidden")));

#endif
