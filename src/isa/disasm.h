// SPDX-License-Identifier: BSD-2-Clause
/*
 * An instruction as text, in the words of the kernel's verifier log and of bpftool.
 *
 *     (b7) r0 = 0      (85) call bpf_map_lookup_elem#1      (55) if r0 != 0x0 goto pc+3
 */
#ifndef PINFS_ISA_DISASM_H
#define PINFS_ISA_DISASM_H

#include <linux/bpf.h>
#include <stddef.h>
#include "util/types.h"

#define INSN_TEXT_MAX 128u

/* Names that the layer of the instructions cannot know. Each may be NULL; NULL for "no name". */
struct insn_names {
	const char *(*helper)(void *arg, s32 id); /* "bpf_map_lookup_elem" */
	void *arg;
};

/*
 * Writes the text of insns[at] (and of insns[at + 1], if it is an ld_imm64) with a NUL into buf, cut to
 * fit; no newline. pc-relative, so that no other instruction is needed. Async-signal-safe.
 */
size_t insn_print(char buf[INSN_TEXT_MAX], const struct bpf_insn *insn, const struct insn_names *names);

#endif
