// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program object: its file in the store, and what makes and reads it.
 *
 *     +-------------+ 0
 *     | header 512  |  type, tag, name, ids of the maps it holds, counters of runs
 *     +-------------+ 512
 *     | insns       |  8 bytes each, as loaded; ld_imm64 names maps by id, not by fd
 *     | func_info   |  8 each; instruction numbers are those of insns
 *     | line_info   |  16 each
 *     | xlated      |  8 each: the movable form (isa/vprog.h)
 *     | subs        |  8 each: struct vprog_sub of xlated
 *     | orig        |  4 each: the instruction of insns that one of xlated stands for
 *     +-------------+
 *
 * What is behind the header is written once, before the object is visible. In
 * the header this changes after it: the counters, and map_ids, to which
 * BPF_PROG_BIND_MAP appends by compare-and-swap (an id that stands there stays),
 * the flag that there is something to hold, and what links note here (link/link_names.c).
 * The program holds its maps and its BTF (store/ref.h): slot = map id, or
 * REF_SLOT_BTF.
 *
 * Anybody who may write the file can have changed it. So what is told of a
 * program (OBJ_GET_INFO_BY_FD) is read from xlated and its companions, checked
 * only as far as reading goes; but what runs is made from a private copy of
 * insns and func_info, which the process verifies again itself (sys/prog_image.h). xlated
 * never runs.
 *
 *   prog.c        making the file, holding what it names
 *   prog_file.c   reading it: sections, numbers as the client is to see them
 *   prog_tag.c    SHA-256 over the instructions
 *   prog_slots.c  which CPU's part of per-CPU maps a run works on
 */
#ifndef PINFS_PROG_PROG_H
#define PINFS_PROG_PROG_H

#include <linux/bpf.h>
#include "isa/vprog.h"
#include "store/object.h"
#include "util/err.h"

#define PROG_INSNS_MAX   1000000u
#define PROG_XLATED_MAX  (16u << 20) /* instructions that a file may have after rewriting */
#define PROG_MAPS_MAX    64u
#define PROG_SPARE_LINKS 16u /* links that may keep a name of it without need */

/* In the object's header; untrusted when read back. */
struct prog_hdr {
	struct obj_hdr o; /* o.kind is the program type, o.created the load time */
	u8 tag[8];
	u32 expected_attach_type, prog_flags;
	u32 insn_cnt, nr_func, nr_line;
	u32 xlated_cnt, nr_subs;
	u32 verified_insns;
	u32 gpl;
	u32 btf_id;
	u32 attach_btf_id;
	u32 iter_rdonly, iter_rdwr; /* bytes of an element's key and value that an iterator touches */
	u32 pad;
	_Atomic u64 run_cnt, run_time_ns;
	_Atomic u32 map_ids[PROG_MAPS_MAX]; /* 0 ends the list */
	_Atomic u32 spare_links[PROG_SPARE_LINKS];
};
_Static_assert(sizeof(struct prog_hdr) <= OBJ_HDR_SIZE, "program header fits");

/*
 * What the programs in one PROG_ARRAY must have in common besides their type;
 * stands in o.flags from bit OBJ_F_OWN_SHIFT on, where map/prog_array.c compares it.
 */
#define PROG_COMPAT_JITED     1u
#define PROG_COMPAT_FRAGS     2u
#define PROG_COMPAT_SLEEPS    4u
#define PROG_COMPAT_ATTACH(t) ((t) << 8)
#define PROG_COMPAT_TARGET(t) ((t) << 16)

/* target: a small number of what an iterator is over, else 0. */
u32 prog_compat(u32 prog_flags, u32 expected_attach_type, u32 target);

/* What a program holds; for the store. Only checked numbers leave it. */
void prog_each_ref(const struct obj_hdr *hdr, size_t file_size,
		   void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg);

/*
 * First 8 bytes of SHA-256 over the instructions, in which the immediates that
 * name maps count as 0. insns is not changed.
 */
void prog_tag(u8 tag[8], const struct bpf_insn *insns, u32 cnt);

/* What a checked program is made of. */
struct prog_desc {
	u32 type, expected_attach_type, prog_flags, gpl, uid;
	char name[OBJ_NAME_LEN];
	u8 tag[8];
	const struct bpf_insn *insns; /* maps by id */
	u32 insn_cnt, verified_insns;
	const struct bpf_func_info *func_info;
	const struct bpf_line_info *line_info;
	u32 nr_func, nr_line;
	const struct vprog *xlated;
	u32 btf_id; /* 0: none */
	u32 attach_btf_id, iter_target, iter_rdonly, iter_rdwr;
	u32 map_ids[PROG_MAPS_MAX], nr_maps;
};

/*
 * Publishes the program: an fd, its id and its stat, or an errno. Its maps and its BTF are held from
 * before it is visible; -EBADF when one of them has gone meanwhile.
 */
int prog_make(const struct prog_desc *d, u32 *id, struct stat *st);

/*
 * The program of that id, inode and header holds map_id, too, from now on. 0 (also when it did already);
 * -E2BIG: no room for another; -EBADF: the map is gone.
 */
int prog_bind(struct prog_hdr *h, u32 prog_id, u64 ino, u32 map_id);

/* A program's file, its sections found and their sizes checked. The pointers lie in the mapping, which
 * anybody may change. */
struct prog_file {
	struct prog_hdr h; /* a copy */
	struct prog_hdr *shared;
	const struct bpf_insn *insns;
	const struct bpf_func_info *func_info;
	const struct bpf_line_info *line_info;
	const struct bpf_insn *xlated;
	const struct vprog_sub *subs;
	const u32 *orig;
	u32 nr_maps; /* in h.map_ids */
};

/* -EIO: the numbers do not go together. */
int prog_file_open(struct prog_file *f, const struct obj_view *v);

/* The instruction of xlated where that of insns begins, or, if it is gone, what follows it; f->h.xlated_cnt:
 * nothing. */
u32 prog_file_xlated_at(const struct prog_file *f, u32 insn);

/*
 * Line info as it stands for xlated: writes at most `room` records from the
 * first on and returns how many there are. Records whose instructions are gone are left out, as in the
 * kernel.
 */
u32 prog_file_lines(const struct prog_file *f, struct bpf_line_info *to, u32 room);

/* One instruction of xlated as it is told to clients: maps by id, subprograms as the kernel writes them. */
void prog_file_insn(const struct prog_file *f, u32 at, struct bpf_insn *to);

/* Type names for people, NULL for unknown ones. */
const char *prog_kind_name(u32 kind);

#endif
