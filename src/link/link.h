// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link object: a program at a hook, held by descriptors and pins.
 *
 * A link is a file of the store like any object. It holds its program (store/ref.h, slot LINK_SLOT_PROG);
 * what it is attached to is in its header. The last reference detaches it: the store calls the
 * type's each_ref and release when it dies.
 *
 * A link type is one file that ends in one const struct link_ops, plus one row in link_types.c.
 *
 * Which program it runs changes by LINK_UPDATE: one compare-and-swap of prog_id,
 * after which whoever drives the hook takes the new program from the next packet on.
 */
#ifndef PINFS_LINK_LINK_H
#define PINFS_LINK_LINK_H

#include "link/attach.h"
#include "prog/prog.h"
#include "store/object.h"
#include "util/err.h"

#define LINK_NAME_MAX 128u

/* In the object's header; untrusted when read back. o.kind is the link type (BPF_LINK_TYPE_*). */
struct link_hdr {
	struct obj_hdr o;
	_Atomic u32 prog_id;
	_Atomic u32 detached; /* by LINK_DETACH, or because its target went */
	u32 attach_type, flags;
	u64 cookie;
	struct attach_key key; /* where it stands; of no meaning to types without an attach point */
	union {
		struct {
			char name[LINK_NAME_MAX];
		} raw_tp;
		struct {
			u32 pf, hooknum;
			s32 priority;
			u32 flags;
		} netfilter;
		struct {
			char target[32]; /* "bpf_map", "bpf_map_elem", ... */
			u32 map_id;      /* bpf_map_elem and bpf_sk_storage_map; 0: none */
		} iter;
		u64 w[32];
	};
};
_Static_assert(sizeof(struct link_hdr) <= OBJ_HDR_SIZE, "link header fits");

#endif
