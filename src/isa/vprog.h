// SPDX-License-Identifier: BSD-2-Clause
/*
 * A verified program in its movable form: what the verifier makes, the store
 * keeps and exec links.
 *
 * The instructions are those of the kernel's own form after its rewrites, free
 * of addresses, so that they can lie in a file and mean the same in every
 * process:
 *
 *   ld_imm64 src 5 (BPF_PSEUDO_MAP_IDX)        imm: index into the program's maps
 *   ld_imm64 src 6 (BPF_PSEUDO_MAP_IDX_VALUE)  imm: the same, second imm: offset in the value
 *   ld_imm64 src 4 (BPF_PSEUDO_FUNC)           imm: number of a subprogram, 1 and up
 *   call src 0                                 imm: helper id
 *   call src 1 (BPF_PSEUDO_CALL)               imm: distance, as loaded
 *   BPF_JMP | BPF_TAIL_CALL                    r1 context, r2 map, r3 index; goes on behind it if there is
 * none BPF_LDX | BPF_PROBE_MEM (0x20), _PROBE_MEMSX (0x40)  a load that gives 0 where nothing is mapped
 *
 * Context loads have become loads of the run's own context (progtype/ctx.h).
 * No kind of instruction beyond these and RFC 9669's occurs.
 */
#ifndef PINFS_ISA_VPROG_H
#define PINFS_ISA_VPROG_H

#include <linux/bpf.h>
#include "util/types.h"

#define BPF_SUBPROGS_MAX 256u
#define BPF_STACK_MAX    512u
#define BPF_FRAMES_MAX   8u
#define BPF_TAIL_CALLS   33u

#ifndef BPF_TAIL_CALL
#define BPF_TAIL_CALL 0xf0 /* an operation of class BPF_JMP, in movable form only */
#endif
#define BPF_PROBE_MEM   0x20 /* modes of BPF_LDX, in movable form only */
#define BPF_PROBE_MEMSX 0x40

struct vprog_sub {
	u32 start;     /* first instruction */
	u16 depth;     /* bytes of stack it uses itself, 0..512 */
	u8 tail_calls; /* 1: it, or what it calls, may end in a tail call */
	u8 callback;   /* 1: called by helpers (bpf_loop and the like) */
};

struct vprog {
	struct bpf_insn *insns;
	u32 cnt;
	u32 nr_subs; /* at least 1; sub[0].start is 0; sorted */
	struct vprog_sub sub[BPF_SUBPROGS_MAX];
	u32 *orig; /* per instruction: that of the loaded program which it stands for */
};

#endif
