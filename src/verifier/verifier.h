// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier: from a client's instructions to a program that cannot do harm.
 *
 * Everything it needs comes in the request, everything it finds out goes into
 * the result; it knows no fds, no store and no front end. It changes nothing
 * but the request's own memory and takes all of its own from one arena.
 */
#ifndef PINFS_VERIFIER_VERIFIER_H
#define PINFS_VERIFIER_VERIFIER_H

#include <linux/bpf.h>
#include "btf/btf_kernel.h"
#include "isa/vprog.h"
#include "progtype/iter.h"
#include "progtype/prog_types.h"
#include "util/uapi.h"

#define VERIFIER_MAPS_MAX    64u
#define VERIFIER_INSNS_LIMIT 1000000u
#define VERIFIER_NAME_MAX    512u

/* What the verifier must know of a map. */
struct verifier_map {
	u32 id;
	u32 map_type, key_size, value_size, max_entries, map_flags;
	s32 spin_lock_off, timer_off; /* -1: none */
	u32 btf_id, btf_value_type_id;
	bool direct_value; /* ld_imm64 may point into its values */
	bool frozen;       /* with BPF_F_RDONLY_PROG: its contents are constants */
	const void *value; /* of a frozen direct map: value_size bytes that stay as they are, or NULL */
	const struct verifier_map *inner; /* map of maps: its template */
	u32 owner_type;                   /* program array: type of its programs, 0 while none */
	char name[16];                    /* for the log */
};

struct verify_req {
	const struct prog_type *type;
	const struct prog_attach *attach;
	u32 prog_type, expected_attach, flags; /* BPF_F_... of PROG_LOAD */
	bool gpl;
	struct bpf_insn *insns; /* changed: fds become map indices */
	u32 cnt;
	struct vlog *log;
	const struct btf_view *btf; /* NULL: none */
	const struct bpf_func_info *func_info;
	u32 nr_func_info;
	const struct bpf_line_info *line_info; /* for the log's source lines */
	u32 nr_line_info;
	u32 ncpu;        /* possible CPUs */
	bool any_helper; /* also those that have no function here: the program is only looked at */
	/* Iterators: the machine's BTF, the target, and its function there; else NULL, NULL, 0. */
	const struct btf_view *kernel;
	const struct iter_target *iter;
	u32 attach_btf_id;
	/*
	 * The map of an fd: 0 and *m, -EBADF, -EINVAL. In a program from the
	 * store ld_imm64 names maps by id (by_id): then the number is an id.
	 */
	int (*map_get)(void *arg, s32 fd, struct verifier_map *m);
	/* The fd that fd_array has at idx: 0, -EPROTO (no array), -EFAULT. */
	int (*fd_by_index)(void *arg, u32 idx, s32 *fd);
	/*
	 * A variable or function of the kernel that ld_imm64 names by type id of the BTF of an fd (0: the
	 * machine's own): 0, its name, and whether there is such a symbol. -EBADF: no BTF; -ENOENT: no such
	 * type; -EINVAL: neither of the two. NULL: none is known.
	 */
	int (*kernel_var)(void *arg, s32 fd, u32 id, char name[VERIFIER_NAME_MAX], bool *found);
	void *arg;
};

struct verify_result {
	struct verifier_map maps[VERIFIER_MAPS_MAX];
	u32 nr_maps;
	u32 processed, max_states, total_states, peak_states, mark_read;
	u32 stack_depth;   /* deepest chain of calls, for the log */
	struct vprog prog; /* in the arena, like insns and orig */
	void *arena;       /* freed by verify_free */
	size_t arena_size;
	u32 max_rdonly, max_rdwr; /* bytes of an iterator's key and value that it touches, the same way */
	u32 max_ctx;              /* bytes of its context that the program touches: largest offset + size */
};

/*
 * 0 and the movable program in *res, or the errno of PROG_LOAD; the log has the
 * reason, and what level 2 shows, but not its last line ("processed ...").
 * *res is to be freed in both cases.
 */
int verify(const struct verify_req *req, struct verify_result *res);
void verify_free(struct verify_result *res);

#endif
