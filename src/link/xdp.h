// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may stand at an interface's XDP hook: one set of rules for links and for netlink.
 */
#ifndef PINFS_LINK_XDP_H
#define PINFS_LINK_XDP_H

#include "link/link.h"

struct xdp_wish {
	u32 prog_id; /* 0: take away what is there */
	u32 link_id; /* 0: by netlink */
	u32 flags;   /* XDP_FLAGS_* */
	u32 old_prog;
	bool native; /* the device's driver runs XDP itself */
	u32 expected_attach_type;
	const char *why; /* out: what netlink's answer says of an error; NULL: nothing */
};

/* At most one mode: -EINVAL. */
int xdp_check_modes(u32 flags);

/* Edits the list: 0, 1 (nothing to do), -EBUSY, -EEXIST, -EINVAL, -EOPNOTSUPP. */
int xdp_place(struct xdp_wish *w, struct attach_list *l);

#endif
