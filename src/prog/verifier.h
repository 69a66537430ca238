// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small verifier of straight-line code: enough for the programs that clients
 * load to find out what there is, refusing all others.
 *
 *   structure   every instruction by itself, subprograms, their ends   (verifier_probe.c)
 *   maps        ld_imm64 of map fds: ids in their place                (verifier_maps.c)
 *   walk        registers and stack, one path, calls into subprograms  (verifier_probe.c,
 *               verifier_alu.c, verifier_mem.c, verifier_call.c)
 *
 * There is one path, so there is one state. What is accepted the kernel accepts:
 * jumps, atomics, the context's fields and kernel objects are refused with a
 * line that says so. All state lies in one anonymous mapping of the caller's.
 */
#ifndef PINFS_PROG_VERIFIER_H
#define PINFS_PROG_VERIFIER_H

#include <linux/bpf.h>
#include "btf/btf.h"
#include "prog/prog.h"
#include "prog/prog_types.h"
#include "util/uapi.h"

#define STACK_SIZE  512
#define FRAMES      8
#define SUBPROGS    256
#define INSNS_LIMIT 1000000u

/* What the verifier must know of a map. */
struct prog_map {
	u32 id;
	u32 map_type, key_size, value_size, max_entries, map_flags;
	s32 spin_lock_off, timer_off;
	bool direct_value; /* ld_imm64 may point into its values */
};

enum vreg_type { REG_NONE, REG_SCALAR, REG_CTX, REG_FP, REG_MAP, REG_VALUE, REG_VALUE_OR_NULL, REG_OTHER };

struct vreg {
	u8 type;
	u8 frame;   /* REG_FP: whose stack */
	bool known; /* scalar: val is its value */
	u32 map;    /* index into maps */
	u64 max;    /* scalar, not known: 0..max */
	s64 val;    /* scalar's value, or a pointer's offset */
};

enum { SLOT_NONE, SLOT_MISC, SLOT_SPILL };

struct vframe {
	struct vreg reg[11];
	u8 slot[STACK_SIZE];
	struct vreg spill[STACK_SIZE / 8];
	u32 ret, depth; /* instruction after the call; bytes of stack touched */
	u32 sub;
};

/* Functions of the program's BTF, where it has func_info. */
struct vfunc {
	u32 type_id;
	bool global;
};

struct verifier {
	/* Set by the caller. */
	const struct prog_type *type;
	const struct prog_attach *attach;
	u32 prog_type, flags;
	bool gpl, strict;
	struct bpf_insn *insns; /* changed: fds become ids */
	u32 cnt;
	struct vlog *log;
	const struct btf_view *btf; /* NULL: none */
	const struct bpf_func_info *func_info;
	u32 nr_func_info;
	/* 0 and *m, -EBADF, -EINVAL. */
	int (*map_by_fd)(void *arg, s32 fd, struct prog_map *m);
	/* The fd that fd_array has at idx: 0, -EPROTO (no array), -EFAULT. */
	int (*fd_by_index)(void *arg, u32 idx, s32 *fd);
	void *arg;

	/* Results. */
	struct prog_map maps[PROG_MAPS_MAX];
	u32 nr_maps;
	u32 processed;

	/* Inner state. */
	u32 *map_of; /* per instruction: index of the map that ld_imm64 names, or NIL */
	u32 sub[SUBPROGS], nr_subs;
	struct vfunc func[SUBPROGS];
	u32 depth_of[SUBPROGS], need[SUBPROGS]; /* stack: its own, and with what it calls */
	u32 at, frame;
	struct vframe frames[FRAMES];
};

/* 0 or the errno of PROG_LOAD; the log's last line ("processed ...") is not written here. */
int verify(struct verifier *v);

/* The parts. All return 0 or a negative errno and have told the log. */
int verify_maps(struct verifier *v);
int verify_alu(struct verifier *v, const struct bpf_insn *i);
int verify_load(struct verifier *v, const struct bpf_insn *i);
int verify_store(struct verifier *v, const struct bpf_insn *i);
int verify_helper(struct verifier *v, const struct bpf_insn *i);
int verify_mem_arg(struct verifier *v, u32 regno, u64 size, bool write);

/* Register access: -EINVAL (no such register), -EACCES (not written yet; r10 is read-only). */
int reg_read(struct verifier *v, u32 regno);
int reg_write(struct verifier *v, u32 regno);
struct vreg *vreg(struct verifier *v, u32 regno);
const char *vreg_name(const struct vreg *r);
void vreg_scalar(struct vreg *r, u64 max);
void vreg_const(struct vreg *r, s64 val);

/* Subprogram that begins at instruction at, or -1. */
int subprog_at(const struct verifier *v, u32 at);

#endif
