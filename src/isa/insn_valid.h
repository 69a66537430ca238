// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is an instruction one of the set, with nothing set in fields that it does not use?
 *
 * Expanded from the one list of instructions (isa/insn.h).
 */
#ifndef PINFS_ISA_INSN_VALID_H
#define PINFS_ISA_INSN_VALID_H

#include <linux/bpf.h>
#include "isa/vprog.h"
#include "util/types.h"

/* Is the opcode one that a client may load? */
bool insn_known(u8 code);

/*
 * NULL, or what is wrong with it, for a log ("BPF_MOV uses reserved fields"). Registers are checked by the
 * walk, the second half of ld_imm64 by who sees both. Constants are not looked at where the kernel looks at
 * registers first: see insn_imm_invalid.
 *
 * The text may hold one conversion ("%d", "%02x"), whose number is insn->imm: it is meant as the format of
 * the log's line, with insn->imm behind it.
 */
const char *insn_invalid(const struct bpf_insn *insn);

/*
 * The same for what the kernel finds wrong only after it has seen that the registers may be read: "div by
 * zero", "invalid shift %d". A loader must ask both.
 */
const char *insn_imm_invalid(const struct bpf_insn *insn);

/* Every instruction of a movable program (isa/vprog.h): codes, registers, fields, and jumps that stay among
 * the cnt instructions and hit none's second half. For what comes from a file. */
bool insn_movable(const struct bpf_insn *insns, u32 cnt);

/*
 * A whole movable program: insn_movable, and its subprograms: sorted, none empty, jumps inside them, none
 * runs off its end, calls meet beginnings (never that of subprogram 0), no recursion and at most
 * BPF_FRAMES_MAX frames, numbers of subprograms and depths in range.
 */
bool vprog_sound(const struct vprog *p);

/* The subprogram that begins at instruction `at`; -1: none. */
int vprog_sub_at(const struct vprog_sub *sub, u32 nr_subs, u32 at);

#endif
