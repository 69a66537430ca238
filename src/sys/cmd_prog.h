// SPDX-License-Identifier: BSD-2-Clause
/*
 * One PROG_LOAD: what its parts (cmd_prog.c, cmd_prog_btf.c) work on.
 *
 * All lies in one anonymous mapping:
 *
 *     struct load | insns | kept | line_info
 *
 * insns go through the verifier, which puts indices of maps in place of fds;
 * kept stay as the client gave them, until ids are put in, and become the file.
 */
#ifndef PINFS_SYS_CMD_PROG_H
#define PINFS_SYS_CMD_PROG_H

#include "btf/btf_obj.h"
#include "prog/prog.h"
#include "sys/cmds.h"
#include "sys/prog_maps.h"
#include "verifier/verifier.h"

struct load {
	struct cmd_ctx *x;
	const union bpf_attr_new *u;
	const struct prog_type *type;
	u32 attach; /* expected_attach_type, 0 replaced */
	u32 btf_id;
	bool by_vmlinux; /* attach_prog_fd is the machine's BTF */
	struct btf_blob blob;
	struct btf_view view;
	struct bpf_func_info func_info[BPF_SUBPROGS_MAX];
	struct vlog log;
	struct prog_desc desc;
	struct verify_req req;
	struct verify_result res;
	struct prog_maps maps;
	struct bpf_insn *kept;
	struct bpf_line_info *line_info;
	size_t size;
	struct bpf_insn insns[];
};

/* BTF, func_info and line_info into the request; 0 or an errno, the log told. */
int load_btf(struct load *l);

/* verify_req's kernel_var; arg is the load. */
int load_kernel_var(void *arg, s32 fd, u32 id, char name[VERIFIER_NAME_MAX], bool *found);

/* The kernel function that a tracing program names. 0 or an errno, the log told. */
int load_target(struct load *l);

#endif
