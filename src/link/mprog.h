// SPDX-License-Identifier: BSD-2-Clause
/*
 * Places in a list of programs: BPF_F_BEFORE, BPF_F_AFTER, BPF_F_REPLACE and what they are relative to.
 *
 * The rules of tcx and netkit (kernel: mprog). An error is what bpf(2) answers.
 */
#ifndef PINFS_LINK_MPROG_H
#define PINFS_LINK_MPROG_H

#include "link/attach.h"

/* Where an entry is wanted, or which one. */
struct mprog_place {
	u32 flags;              /* BPF_F_BEFORE, AFTER, REPLACE, ID, LINK */
	u32 rel_prog, rel_link; /* what relative_fd named; 0: nothing */
	int rel_err;            /* why they could not be found */
	u32 old_prog;           /* with REPLACE */
	u64 expected_revision;  /* 0: any */
};

/* Puts e there. -ESTALE, -EEXIST, -ENOENT, -ERANGE, -EINVAL, -EBUSY. */
int mprog_attach(struct attach_list *l, const struct mprog_place *w, const struct attach_entry *e);

/* Takes the entry of prog_id (0: the one that the place names) out, which must be no link's: -EBUSY, -ENOENT,
 * ... */
int mprog_detach(struct attach_list *l, const struct mprog_place *w, u32 prog_id);

#endif
