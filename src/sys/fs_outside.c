// SPDX-License-Identifier: BSD-2-Clause
/*
 * Paths that begin in a redirected mount and end outside: /sys/fs/bpf/..
 *
 * The kernel would start from the directory that the mount hides, which may not
 * be there, or be closed to the client. So the calls that tools make on ".." are
 * done here, on the path that the client means, with its identity; all others
 * are left to the kernel.
 */
#include "sys/fscalls.h"
#include <linux/stat.h>
#include <sys/vfs.h>

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* False: no such path. */
static bool true_path(const struct fs_ctx *x, char buf[FS_PATH_MAX + 64])
{
	const char *rest;
	const struct run_mount *m = run_find_mount(x->one.full, &rest);

	if (!m || m->real || rest[0] != '.' || rest[1] != '.' || (rest[2] && rest[2] != '/'))
		return false;
	str_put(str_put(buf, x->c->root_prefix), m->path);
	str_put(str_put(strrchr(buf, '/'), "/"), rest + 2);
	return true;
}

/* A call that fills a buffer of n bytes at `to`. */
static long filled(struct fs_ctx *x, long ret, u64 to, const void *from, size_t n)
{
	fs_leave(x);
	return ret ? ret : caller_out(x->c, to, from, n);
}

static long access_mode(const struct fs_ctx *x, const char *path)
{
	return raw4(SYS_faccessat2, AT_FDCWD, path, x->a[x->row->one.path + 1] & 7, AT_EACCESS);
}

/* Of what tools ask about ".." only whether there is any matters: none is told. */
static long no_xattr(struct fs_ctx *x, const char *path)
{
	struct stat st;
	long err = raw_fstatat(AT_FDCWD, path, &st, 0);

	fs_leave(x);
	return err ? err : x->row->fn == fs_listxattr ? 0 : -ENODATA;
}

static long open_outside(struct fs_ctx *x, const char *path)
{
	int fd = raw_openat(AT_FDCWD, path, (int)(x->oflags & ~(u32)O_PATH) | O_CLOEXEC, 0);

	fs_leave(x);
	return fd < 0 ? fd : x->c->ops->install_fd(x->c, fd, NULL, (int)x->oflags & (O_CLOEXEC | O_ACCMODE));
}

long fs_outside(struct fs_ctx *x)
{
	char path[FS_PATH_MAX + 64];
	struct statfs fs;
	struct statx sx;
	struct stat st;
	int arg = x->row->one.path;
	long ret;

	if (!true_path(x, path) || fs_enter(x))
		return SYS_CONTINUE;
	if (x->row->fn == fs_stat) {
		ret = raw_fstatat(AT_FDCWD, path, &st, 0);
		return filled(x, ret, x->a[arg + 1], &st, sizeof(st));
	}
	if (x->row->fn == fs_statx) {
		ret = raw5(SYS_statx, AT_FDCWD, path, 0, (u32)x->a[3], &sx);
		return filled(x, ret, x->a[4], &sx, sizeof(sx));
	}
	if (x->row->fn == fs_statfs) {
		ret = raw2(SYS_statfs, path, &fs);
		return filled(x, ret, x->a[1], &fs, sizeof(fs));
	}
	if (x->row->fn == fs_open && !(x->oflags & O_CREAT))
		return open_outside(x, path);
	if ((x->row->fn == fs_xattr && !x->row->writes) || x->row->fn == fs_listxattr)
		return no_xattr(x, path);
	ret = x->row->fn == fs_access ? access_mode(x, path) : SYS_CONTINUE;
	fs_leave(x);
	return ret;
}
