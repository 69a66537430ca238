// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier by itself beside the kernel's: one program to both, answers and reasons compared.
 *
 * Maps are the kernel's: what an fd is, is asked there. Their BTF value types are those of
 * tests/abi/verifier_rows.h: 3 has a lock at 4, 5 a timer at 0.
 */
#ifndef PINFS_TESTS_VERIFYTEST_H
#define PINFS_TESTS_VERIFYTEST_H

#include "verifier/verifier.h"

struct vt_prog {
	const struct bpf_insn *insns;
	u32 cnt;
	int type, attach;
	u32 flags;
	bool gpl;
	const void *btf; /* NULL: none */
	u32 btf_size;
	const struct bpf_func_info *info;
	u32 nr_info;
	u32 log_level;
};

/* A frozen map and its value, for constants; set before the first call. */
struct vt_frozen {
	int fd;
	const void *value;
};
extern struct vt_frozen vt_frozen;

/* The template of maps of maps. */
extern int vt_inner_fd;

/* 0 or a negative errno; log: the text, NUL-terminated, room for size. */
int vt_verify(const struct vt_prog *p, char *log, u32 size);
/* The same, and the movable program, to be freed by verify_free in both cases. */
int vt_verify_to(const struct vt_prog *p, char *log, u32 size, struct verify_result *res);

#endif
