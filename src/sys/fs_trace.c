// SPDX-License-Identifier: BSD-2-Clause
/*
 * /sys/kernel/tracing/trace_pipe, and its other name below /sys/kernel/debug: the store's trace pipe.
 *
 * Who looks for it asks statfs(2) whether tracefs is there, and then opens it.
 * The client gets the read end of the store's FIFO (prog/trace.h); it blocks,
 * and what is read is gone, as with the kernel's.
 */
#include "sys/fscalls.h"
#include "prog/trace.h"
#include <sys/vfs.h>

#define TRACEFS_MAGIC 0x74726163u

/* What follows the directory of tracefs in a path, or NULL: another place. */
static const char *below_tracing(const char *path)
{
	static const char *const dirs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (u32 i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_starts(path, dirs[i]))
			return path + strlen(dirs[i]);
	return NULL;
}

bool fs_trace_path(const char *path)
{
	const char *p = below_tracing(path);

	return p && (!strcmp(p, "/trace_pipe") || !strcmp(p, "") || !strcmp(p, "/"));
}

long fs_trace_open(struct fs_ctx *x)
{
	const char *p = below_tracing(x->one.full);
	u32 f = x->oflags;
	int fd;

	if (strcmp(p, "/trace_pipe") || (f & O_PATH))
		return SYS_CONTINUE;
	if (f & O_DIRECTORY)
		return -ENOTDIR;
	if ((f & O_ACCMODE) != O_RDONLY || !x->c->ops->privileged(x->c))
		return -EACCES;
	fd = trace_open(O_RDONLY);
	if (fd < 0)
		return fd;
	if (!(f & O_NONBLOCK))
		raw_fcntl(fd, F_SETFL, O_RDONLY);
	return x->c->ops->install_fd(x->c, fd, NULL, (int)f & (O_CLOEXEC | O_ACCMODE));
}

long fs_trace_statfs(struct fs_ctx *x)
{
	const struct statfs s = { .f_type = TRACEFS_MAGIC,
				  .f_bsize = 4096,
				  .f_frsize = 4096,
				  .f_namelen = 255,
				  .f_flags = 0x1020 };

	if (!fs_trace_path(x->one.full))
		return SYS_CONTINUE;
	return caller_out(x->c, x->a[1], &s, sizeof(s));
}
