// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may stand at a hook of a cgroup: one set of rules for links and for PROG_ATTACH.
 *
 * A point is in one of three modes, which its first program sets and its last one takes along: none (one
 * program, final for the cgroups below), OVERRIDE (one program, cgroups below may have their own), MULTI (a
 * list).
 */
#ifndef PINFS_LINK_CGROUP_H
#define PINFS_LINK_CGROUP_H

#include "link/link.h"

struct cgroup_wish {
	u32 prog_id, link_id;
	u32 flags;              /* BPF_F_* of attach_flags, ALLOW_MULTI for links */
	u32 old_prog;           /* with REPLACE */
	u32 rel_prog, rel_link; /* what relative_fd named */
	int rel_err;            /* why it could not be found */
	bool named;             /* something was */
	bool denied;            /* by a cgroup above */
	u64 expected_revision;
};

/* Edits the list: 0, -EINVAL, -ESTALE, -EPERM, -E2BIG, -ENOENT. */
int cgroup_place(const struct cgroup_wish *w, struct attach_list *l);

/* Takes the program out; prog_id 0: the client's fd is none, which does in the modes of one program. */
int cgroup_remove(struct attach_list *l, u32 prog_id, u64 expected_revision);

/* What a cgroup's list means for those below it: 1 they may attach, 0 they may not, -1 ask the next one
 * above. */
int cgroup_allows(const struct attach_list *l);

#endif
