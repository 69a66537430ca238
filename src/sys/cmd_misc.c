// SPDX-License-Identifier: BSD-2-Clause
/*
 * ENABLE_STATS and TOKEN_CREATE.
 */
#include "store/store.h"
#include "sys/cmds.h"
#include "sys/run.h"
#include "util/raw.h"
#include "util/str.h"
#include <fcntl.h>
#include <sys/mman.h>

/*
 * Statistics are on while the fd is open. Programs look at the store's word
 * (prog/), which counts openers; the fd is only what the client holds.
 */
long cmd_enable_stats(struct cmd_ctx *x)
{
	int fd, err;

	err = cmd_need_cap(x);
	if (err)
		return err;
	if (x->attr->enable_stats.type != BPF_STATS_RUN_TIME)
		return -EINVAL;
	fd = (int)raw2(SYS_memfd_create, "bpf-stats", MFD_CLOEXEC);
	return fd < 0 ? fd : x->c->ops->install_fd(x->c, fd, NULL, O_RDWR | O_CLOEXEC);
}

/* Is this the path of a root directory of a bpffs? */
static bool is_bpffs_root(const char *path)
{
	const char *rest;

	return the_run && run_find_mount(path, &rest) && !*rest;
}

/* As in the initial user namespace: a bpffs there delegates nothing. */
long cmd_token_create(struct cmd_ctx *x)
{
	char path[1024];
	int n;

	if (x->attr->token_create.flags)
		return -EINVAL;
	n = x->c->ops->base_path(x->c, (int)x->attr->token_create.bpffs_fd, path, sizeof(path));
	if (n == -EBADF)
		return n;
	return n > 0 && is_bpffs_root(path) ? -EOPNOTSUPP : -EINVAL;
}
