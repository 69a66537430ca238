// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach points: which programs stand at one hook of one target, in which order.
 *
 * A hook is an enum bpf_attach_type, a target an interface, a cgroup, a network
 * namespace or a map. What stands there came by a link or by PROG_ATTACH. Each change makes a
 * new list with the next revision, published as a whole: a reader sees the old one or the new one.
 *
 * Who drives packets (sys/drive.h) keeps the point open and asks for its
 * revision before each packet, which costs one load.
 */
#ifndef PINFS_LINK_ATTACH_H
#define PINFS_LINK_ATTACH_H

#include <linux/bpf.h>
#include "util/types.h"

#define ATTACH_MAX 64u /* programs at one point */

struct attach_key {
	u32 type;    /* enum bpf_attach_type */
	u32 ifindex; /* of interfaces; else 0 */
	u64 target;  /* inode: the network namespace that ifindex is of, the cgroup, ...; a map's id */
};

struct attach_entry {
	u32 prog_id;
	u32 link_id; /* 0: by PROG_ATTACH */
	u32 flags;   /* BPF_F_* it was attached with */
};

struct attach_list {
	u64 revision; /* 1: nothing was ever attached */
	u32 flags;    /* of the point: BPF_F_ALLOW_MULTI, ... */
	u32 nr;
	struct attach_entry e[ATTACH_MAX];
};

struct attach_point; /* an open one; process-local */

/* Opens the point, which need not have been used yet: then it shows an empty list until it is. -ENOMEM, -EIO,
 * -EACCES as ERR_PTR. */
struct attach_point *attach_open(const struct attach_key *k);
void attach_close(struct attach_point *p);

/* The revision as it is now. */
u64 attach_revision(struct attach_point *p);

/* A consistent copy of the list. -EIO: damaged. */
int attach_list(struct attach_point *p, struct attach_list *l);

/* Calls each(arg, key, list) for every point that has something attached, until it returns other than 0;
 * returns that. For people and for netlink's questions. */
int attach_each(int (*each)(void *arg, const struct attach_key *k, const struct attach_list *l), void *arg);

#endif
