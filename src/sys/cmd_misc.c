// SPDX-License-Identifier: BSD-2-Clause
/*
 * ENABLE_STATS, PROG_BIND_MAP and TOKEN_CREATE.
 */
#include "prog/prog.h"
#include "prog/stats.h"
#include "store/store.h"
#include "sys/cmds.h"
#include "sys/run.h"
#include "util/raw.h"
#include "util/str.h"
#include <fcntl.h>

/* Runs are counted while the fd, or a copy of it, is open: prog/stats.h. */
long cmd_enable_stats(struct cmd_ctx *x)
{
	int fd, err;

	err = cmd_need_cap(x);
	if (err)
		return err;
	if (x->attr->enable_stats.type != BPF_STATS_RUN_TIME)
		return -EINVAL;
	fd = stats_open();
	return fd < 0 ? fd : x->c->ops->install_fd(x->c, fd, NULL, O_RDWR | O_CLOEXEC);
}

static int bind(struct cmd_ctx *x, struct handle *prog, u32 map_id)
{
	struct opened *o = handle_open(prog);

	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	if (!o->view.writable)
		return -EACCES;
	x->op->guard.lo = o->view.base;
	x->op->guard.hi = o->view.base + o->view.size;
	return prog_bind((struct prog_hdr *)o->view.hdr, prog->id, prog->ino, map_id);
}

long cmd_prog_bind_map(struct cmd_ctx *x)
{
	struct bpf_file prog, map;
	long ret;

	if (x->attr->prog_bind_map.flags)
		return -EINVAL;
	ret = cmd_get_fd(x, (int)x->attr->prog_bind_map.prog_fd, OBJ_PROG, &prog);
	if (ret)
		return ret;
	ret = cmd_get_fd(x, (int)x->attr->prog_bind_map.map_fd, OBJ_MAP, &map);
	if (!ret) {
		ret = bind(x, prog.h, map.h->id);
		put_fd(&map);
	}
	put_fd(&prog);
	return ret;
}

/* Is this the path of a root directory of a bpffs? */
static bool is_bpffs_root(const char *path)
{
	const char *rest;

	return the_run && run_find_mount(path, &rest) && !*rest;
}

/* Opened with O_PATH? "flags:" of /proc/PID/fdinfo/N is octal. */
static bool is_path_fd(int pid, u32 fd)
{
	char name[64], text[128], *p;
	u64 flags = 0;
	long n;
	int f;

	p = str_put_u64(str_put(name, "/proc/"), (u64)pid, 10);
	str_put_u64(str_put(p, "/fdinfo/"), fd, 10);
	f = raw_openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
	if (f < 0)
		return false;
	n = raw_read(f, text, sizeof(text) - 1);
	raw_close(f);
	text[n > 0 ? n : 0] = 0;
	p = strstr(text, "flags:\t");
	for (p = p ? p + 7 : text; *p >= '0' && *p <= '7'; p++)
		flags = flags * 8 + (u64)(*p - '0');
	return flags & O_PATH;
}

/* As in the initial user namespace: a bpffs there delegates nothing. */
long cmd_token_create(struct cmd_ctx *x)
{
	char path[1024];
	int n;

	if (x->attr->token_create.flags)
		return -EINVAL;
	if (is_path_fd(x->c->pid, x->attr->token_create.bpffs_fd))
		return -EBADF;
	n = x->c->ops->base_path(x->c, (int)x->attr->token_create.bpffs_fd, path, sizeof(path));
	if (n == -EBADF)
		return n;
	return n > 0 && is_bpffs_root(path) ? -EOPNOTSUPP : -EINVAL;
}
