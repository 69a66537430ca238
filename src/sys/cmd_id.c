// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ids: GET_NEXT_ID and GET_FD_BY_ID of every object type.
 */
#include "sys/cmds.h"
#include <fcntl.h>
#include <limits.h>

/* A supervisor's clients unpin by system calls that it does not see: for them there is a look at each. */
static long next_id(struct cmd_ctx *x, enum obj_type type)
{
	int (*next)(enum obj_type, u32, u32 *) = x->c->direct ? obj_next_id_hinted : obj_next_id;
	u32 id;
	int err;

	if (x->attr->get_id.id >= INT_MAX)
		return -EINVAL;
	err = cmd_need_cap(x);
	if (!err)
		err = next(type, x->attr->get_id.id, &id);
	return err ? err : cmd_put_u32(x, BPF_ATTR_OFF(get_id.next_id), id);
}

long cmd_map_next_id(struct cmd_ctx *x)
{
	return next_id(x, OBJ_MAP);
}

long cmd_prog_next_id(struct cmd_ctx *x)
{
	return next_id(x, OBJ_PROG);
}

long cmd_link_next_id(struct cmd_ctx *x)
{
	return next_id(x, OBJ_LINK);
}

long cmd_btf_next_id(struct cmd_ctx *x)
{
	return next_id(x, OBJ_BTF);
}

/*
 * oflags may be an errno, which counts after the capability. A map that is opened by its id is likely to be
 * asked what it is, which is a read of its file: the time of that is of no use to anybody, and costs as much
 * as the read.
 */
static long fd_by_id(struct cmd_ctx *x, enum obj_type type, int oflags)
{
	u32 id = x->attr->get_id.id;
	int fd, err = cmd_need_cap(x);
	struct stat st;

	if (err || oflags < 0)
		return err ? err : oflags;
	fd = obj_open(type, id, oflags | (x->c->direct && type == OBJ_MAP ? O_NOATIME : 0), &st);
	return fd < 0 ? fd : cmd_install(x, fd, oflags, type, id, &st);
}

/* Access mode for BPF_F_RDONLY and BPF_F_WRONLY; -EINVAL for both. */
int map_flags_to_oflags(u32 flags)
{
	switch (flags & (BPF_F_RDONLY | BPF_F_WRONLY)) {
	case 0: return O_RDWR;
	case BPF_F_RDONLY: return O_RDONLY;
	case BPF_F_WRONLY: return O_WRONLY;
	default: return -EINVAL;
	}
}

long cmd_map_by_id(struct cmd_ctx *x)
{
	u32 flags = x->attr->get_id.open_flags;

	if (flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	return fd_by_id(x, OBJ_MAP, map_flags_to_oflags(flags));
}

long cmd_prog_by_id(struct cmd_ctx *x)
{
	return fd_by_id(x, OBJ_PROG, O_RDWR);
}

long cmd_link_by_id(struct cmd_ctx *x)
{
	return fd_by_id(x, OBJ_LINK, O_RDONLY);
}

long cmd_btf_by_id(struct cmd_ctx *x)
{
	u32 flags = x->attr->get_id.open_flags;
	int err;

	if (flags & ~(u32)BPF_F_TOKEN_FD)
		return -EINVAL;
	err = flags ? cmd_check_token(x, x->attr->get_id.token_fd) : 0;
	if (err)
		return err;
	return fd_by_id(x, OBJ_BTF, O_RDONLY);
}
