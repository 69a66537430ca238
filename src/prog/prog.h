// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program object: its header in the store, and what loading it takes.
 *
 *     +-------------+ 0
 *     | header 512  |  type, tag, name, ids of the maps it holds
 *     +-------------+ 512
 *     | insns       |  8 bytes each, as accepted; maps by id, not by fd
 *     +-------------+
 *
 * The file is written once, before it is visible, and never changed. It holds
 * its maps and its BTF (store/ref.h): slot = map id, or REF_SLOT_BTF.
 *
 *   prog_load.c       the checks that need no look at the instructions, in the kernel's order
 *   prog_types.c      one row a program type: attach types, context, helpers
 *   verifier_probe.c  a small verifier of straight-line code
 *   prog_tag.c        SHA-256 over the instructions
 */
#ifndef PINFS_PROG_PROG_H
#define PINFS_PROG_PROG_H

#include <linux/bpf.h>
#include "btf/vlog.h"
#include "store/object.h"
#include "util/err.h"

#define PROG_INSNS_MAX 1000000u
#define PROG_MAPS_MAX  64u

/* In the object's header; untrusted when read back. */
struct prog_hdr {
	struct obj_hdr o; /* o.kind is the program type, o.created the load time */
	u8 tag[8];
	u32 expected_attach_type, prog_flags;
	u32 insn_cnt;
	u32 verified_insns;
	u32 gpl;
	u32 btf_id;
	u32 attach_btf_id;
	u32 nr_maps;
	u32 map_ids[PROG_MAPS_MAX];
};
_Static_assert(sizeof(struct prog_hdr) <= OBJ_HDR_SIZE, "program header fits");

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
	const struct bpf_insn *insns;
	u32 insn_cnt, verified_insns;
	u32 btf_id; /* 0: none */
	u32 map_ids[PROG_MAPS_MAX], nr_maps;
};

/*
 * Publishes the program: an fd, its id and its stat, or an errno. Its maps and its BTF are held from
 * before it is visible; -EBADF when one of them has gone meanwhile.
 */
int prog_make(const struct prog_desc *d, u32 *id, struct stat *st);

/* Type names for people, NULL for unknown ones. */
const char *prog_kind_name(u32 kind);

#endif
