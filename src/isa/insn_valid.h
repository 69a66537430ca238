// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is an instruction one of the set, with nothing set in fields that it does not use?
 *
 * Expanded from the one list of instructions (isa/insn.h).
 */
#ifndef PINFS_ISA_INSN_VALID_H
#define PINFS_ISA_INSN_VALID_H

#include <linux/bpf.h>
#include "util/types.h"

/* Is the opcode one that a client may load? */
bool insn_known(u8 code);

/*
 * NULL, or what is wrong with it, for a log ("BPF_MOV uses reserved fields"). Registers are checked by the
 * walk, the second half of ld_imm64 by who sees both.
 */
const char *insn_invalid(const struct bpf_insn *insn);

/* Every instruction of a movable program (isa/vprog.h): codes, registers, jumps inside their subprogram. For
 * what comes from a file. */
bool insn_movable(const struct bpf_insn *insns, u32 cnt);

#endif
