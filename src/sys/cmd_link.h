// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the commands of links and of attachments share.
 */
#ifndef PINFS_SYS_CMD_LINK_H
#define PINFS_SYS_CMD_LINK_H

#include "link/cgroup.h"
#include "link/link.h"
#include "sys/cmds.h"

/* A client's program with a copy of its header. */
struct link_prog {
	struct bpf_file f;
	struct prog_hdr h;
};

/* -EBADF, -EINVAL: no program. */
int link_prog_get(struct cmd_ctx *x, int fd, struct link_prog *p);
void link_prog_put(struct link_prog *p);

/* A copy of a link's header, its texts ended. */
int link_read(struct handle *h, struct link_hdr *to);

/* May a program of that header be attached there? -EINVAL, -EPERM. (attach_types.c) */
int attach_type_check(struct cmd_ctx *x, const struct prog_hdr *h, u32 attach_type);

/* The program type that an attach type is for; 0: none. */
u32 attach_type_prog(u32 attach_type);

/*
 * What relative_fd (or id) and BPF_F_ID, BPF_F_LINK name: ids of the program and of the link, 0: nothing.
 * prog_type 0: of any type. -EBADF, -ENOENT, -EINVAL.
 */
int link_relative(struct cmd_ctx *x, u32 flags, u32 named, u32 prog_type, u32 *prog, u32 *link);

/* Does a cgroup above that of the client's fd, whose id it is, not let programs below it? 1, 0 or an errno.
 */
int link_cgroup_denied(struct cmd_ctx *x, int fd, u64 id, u32 attach_type);

/* The map of sockets behind a client's fd: its id. -EBADF, -EINVAL; other: a map of another type. */
int link_sockmap(struct cmd_ctx *x, int fd, int other, u64 *id);

/* Makes the link, places it and gives it to the client. */
long link_install(struct cmd_ctx *x, const struct link_ops *ops, const struct link_req *r,
		  const struct link_hdr *h);

/* Kinds of links that there are not: the errnos of a kernel without them (link_refused.c). */
long link_refused(struct cmd_ctx *x, const struct link_req *r);
long link_struct_ops(struct cmd_ctx *x);

#endif
