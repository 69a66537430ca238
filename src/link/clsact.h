// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clsact of an interface: tc filters of kind "bpf", for packets that come in and for those that leave.
 *
 * One attach point an interface (hook HOOK_CLSACT) has all of it, so that a change is one list in place of
 * another, whatever it does:
 *
 *     entry 0    the qdisc itself, a bare entry: without it there is no clsact, and nothing else in the list
 *     entry 1..  filters, by direction and chain; in a chain by priority, and in a priority the newest first
 *
 * A filter is an object of its own that no client can have, of the type of attach points and of kind
 * HOOK_FILTER. It holds its program and never changes: who replaces a filter makes another one. The entry
 * holds the filter. Killed in between: an object that nobody holds, which goes with the next look.
 *
 * The rules, the order of the checks and the texts of refusals are those of the kernel's tc and cls_bpf.
 */
#ifndef PINFS_LINK_CLSACT_H
#define PINFS_LINK_CLSACT_H

#include "link/attach.h"

/* Behind all of enum bpf_attach_type. */
#define HOOK_CLSACT 0x10000u
#define HOOK_FILTER 0x10001u

#define CLSACT_NAME_MAX 256u /* with the NUL */
#define CLSACT_MAX      (ATTACH_MAX - 1)

enum clsact_dir { CLSACT_INGRESS, CLSACT_EGRESS };

/* What a filter is; also what is asked for. Numbers as in netlink's messages. */
struct clsact_filter {
	u32 prog_id;
	u32 dir; /* enum clsact_dir */
	u32 chain, handle;
	u16 prio, proto; /* proto in the order of the network */
	u32 flags;       /* TCA_BPF_FLAG_* */
	u32 gen;         /* TCA_CLS_FLAGS_* */
	u32 classid;
	u32 named;
	char name[CLSACT_NAME_MAX];
};

/* The filter's object: untrusted when read back. */
struct clsact_hdr {
	struct obj_hdr o;
	struct clsact_filter f;
};
_Static_assert(sizeof(struct clsact_hdr) <= OBJ_HDR_SIZE, "header of a filter fits");

/* How a message names what it means, beside the filter's own words. */
struct clsact_wish {
	struct clsact_filter f; /* prio 0: not given. NEW: becomes what was made */
	bool create, excl;      /* NLM_F_CREATE, NLM_F_EXCL */
	bool has_kind, is_bpf;  /* TCA_KIND was given, and is "bpf" */
	int err;                /* what is wrong with the options or the program: told in its place */
	u32 uid;

	const char *why; /* out: the kernel's text for the errno; NULL: none */

	/* Out: what a deletion took away. One filter (f), or all of some priorities (and then f is none). */
	bool whole;
	u32 nr_gone;
	struct clsact_place {
		u32 chain;
		u16 prio, proto;
	} gone[CLSACT_MAX];

	/* The new filter's object while it is made. */
	int fd; /* -1: none */
	u32 id;
};

/* Makes the clsact; -EEXIST: there is one. With `again` one that is there is emptied. */
int clsact_add(const struct attach_key *k, bool again);
/* Takes it away with all its filters; -ENOENT. */
int clsact_del(const struct attach_key *k);

/* 1: it is there. 0: not. -ENOENT: it never was. Or an errno. */
int clsact_there(const struct attach_key *k);

/* RTM_NEWTFILTER, DELTFILTER and GETTFILTER once qdisc, class and chain number have been looked at. -EINVAL,
 * -ENOENT, -EEXIST, -ENOSPC, ... */
int clsact_new_filter(const struct attach_key *k, struct clsact_wish *w);
int clsact_del_filter(const struct attach_key *k, struct clsact_wish *w);
int clsact_get_filter(const struct attach_key *k, struct clsact_wish *w);

/* Calls each() for the filters, in their order, until it returns other than 0; returns that. */
int clsact_each(const struct attach_key *k, int (*each)(void *arg, const struct clsact_filter *f), void *arg);

/* The filter of an entry; false: the qdisc's, or a damaged one. */
bool clsact_of_entry(const struct attach_entry *e, struct clsact_filter *f);

/* What a filter's object holds; for the store. */
void clsact_each_ref(const struct obj_hdr *hdr, void (*each)(void *arg, u64 slot, enum obj_type type, u32 id),
		     void *arg);

#endif
