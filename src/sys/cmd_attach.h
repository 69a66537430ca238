// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kinds of hooks, by which PROG_ATTACH, PROG_DETACH and PROG_QUERY differ.
 */
#ifndef PINFS_SYS_CMD_ATTACH_H
#define PINFS_SYS_CMD_ATTACH_H

#include "sys/cmd_link.h"

enum attach_hook {
	HOOK_NONE,
	HOOK_CGROUP,      /* target_fd: a cgroup */
	HOOK_TCX,         /* an ifindex */
	HOOK_NETNS,       /* the client's network namespace; queried by fd */
	HOOK_NETNS_LINKS, /* a network namespace; attached by links alone */
	HOOK_SOCKMAP,     /* a map */
};

enum attach_hook attach_hook_of(u32 attach_type);

#endif
