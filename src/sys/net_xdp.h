// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP by netlink: what RTM_SETLINK asks for and RTM_GETLINK tells, without the messages.
 */
#ifndef PINFS_SYS_NET_XDP_H
#define PINFS_SYS_NET_XDP_H

#include "sys/caller.h"

struct xdp_request {
	u32 ifindex;
	u32 flags;       /* XDP_FLAGS_* */
	s32 fd;          /* below 0: takes away what is there */
	s32 expected_fd; /* with XDP_FLAGS_REPLACE */
	bool has_expected;
};

/* 0 or the errno of the kernel's answer; *why: its text, a constant, or NULL. Async-signal-safe for direct
 * callers. */
int sys_xdp_set(struct bpf_caller *c, const struct xdp_request *r, const char **why);

/* The program at the device's hook, 0: none; *attached: XDP_ATTACHED_*. */
u32 sys_xdp_get(struct bpf_caller *c, u32 ifindex, u32 *attached);

/* Devices with a program, at least; 0: there is surely none. */
u32 sys_xdp_count(void);

#endif
