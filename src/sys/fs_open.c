// SPDX-License-Identifier: BSD-2-Clause
/*
 * open(2) and its kin on a bpffs, chdir(2), inotify_add_watch(2).
 *
 * What an open gives:
 *
 *     pin          EIO, or the map's text where its type and BTF allow it
 *     directory    the kernel's own, where a real mount stands; else the
 *                  store's directory, opened for the client
 *     O_PATH       the same two ways; but an fd of O_PATH cannot be given away, so
 *                  the client gets one opened for reading, and none of a symlink
 *     new name     EACCES: only bpf(2) makes files
 *
 * A directory of the store in the client's hands reads as its path in the
 * store; fs_client_path() turns that text back where it is shown.
 *
 * No one can change another process's cwd. So where nothing is mounted,
 * chdir(2) works for a mount point that is a directory natively, too (relative
 * paths then start below its name), and is refused for what lies below it;
 * fchdir(2) of an open directory works everywhere.
 */
#include "sys/fscalls.h"
#include "sys/cmd_iter.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <unistd.h>

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define TMPFILE_BIT 020000000u /* O_TMPFILE without O_DIRECTORY */

static int read_how(struct fs_ctx *x)
{
	struct open_how how;

	if (x->a[3] < sizeof(how) || caller_in(x->c, &how, x->a[2], sizeof(how)))
		return -EINVAL; /* the kernel will say it */
	x->oflags = (u32)how.flags;
	x->mode = (u32)how.mode;
	return 0;
}

int fs_open_prepare(struct fs_ctx *x)
{
	int err = 0;

	switch (x->row->nr) {
	case SYS_open:
		x->oflags = (u32)x->a[1];
		x->mode = (u32)x->a[2];
		break;
	case SYS_creat:
		x->oflags = O_CREAT | O_WRONLY | O_TRUNC;
		x->mode = (u32)x->a[1];
		break;
	case SYS_openat2: err = read_how(x); break;
	default: x->oflags = (u32)x->a[2]; x->mode = (u32)x->a[3];
	}
	if (err)
		return err;
	if (x->oflags & O_PATH)
		x->oflags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((x->oflags & O_NOFOLLOW) || (x->oflags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return 0;
	return FS_FOLLOW;
}

/* Opens the place in the store for reading and gives the client that fd. */
static long give_native(struct fs_ctx *x, u32 flags)
{
	const struct fs_at *at = &x->one.at;
	int fd, err;

	err = fs_enter(x);
	if (err)
		return err;
	fd = raw_openat(at->dirfd, fs_name(at), (int)flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	fs_leave(x);
	if (fd < 0)
		return fd;
	return x->c->ops->install_fd(x->c, fd, NULL, (int)x->oflags & (O_CLOEXEC | O_ACCMODE));
}

static long open_dir(struct fs_ctx *x)
{
	u32 f = x->oflags;

	if (f & TMPFILE_BIT)
		return f & O_ACCMODE ? -EOPNOTSUPP : -EINVAL;
	if ((f & (O_CREAT | O_TRUNC)) || (f & O_ACCMODE) != O_RDONLY)
		return -EISDIR;
	if (f & O_DIRECT)
		return -EINVAL;
	if (x->one.at.m->real)
		return SYS_CONTINUE;
	return give_native(x, O_DIRECTORY | (f & O_NONBLOCK));
}

static long open_link(struct fs_ctx *x)
{
	if (x->oflags & O_DIRECTORY)
		return -ENOTDIR;
	if (!(x->oflags & O_PATH))
		return -ELOOP;
	return x->one.at.m->real ? SYS_CONTINUE : -EACCES;
}

/* Read or write permission for the open flags. */
static int may_open(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	u32 acc = x->oflags & O_ACCMODE;
	int mode = acc == O_RDONLY ? R_OK : acc == O_WRONLY ? W_OK : R_OK | W_OK;
	int err;

	if (x->oflags & O_TRUNC)
		mode |= W_OK;
	if ((mode & W_OK) && at->m->read_only)
		return -EROFS;
	err = fs_enter(x);
	if (err)
		return err;
	err = (int)raw4(SYS_faccessat2, at->dirfd, fs_name(at), mode, AT_EACCESS | AT_SYMLINK_NOFOLLOW);
	fs_leave(x);
	return err;
}

/* A session of a pinned iterator, run here. EIO for other links. */
static int fs_iter_text(struct fs_ctx *x, u32 id)
{
	struct op *op;
	char name[240];
	int fd;

	if (x->oflags & O_DIRECT)
		return -EINVAL;
	op = op_enter(NULL, __builtin_frame_address(0));
	if (!op)
		return -EAGAIN;
	fs_text_name(name, sizeof(name), x->one.full);
	fd = iter_open_link(x->c, op, x->a[x->row->one.path], id, name);
	op_leave(op);
	return fd < 0 ? fd : fs_text_reopen(fd, x->oflags);
}

static long open_pin(struct fs_ctx *x, const struct stat *st)
{
	enum fs_debug debug = FS_DEBUG_NONE;
	enum obj_type type;
	u32 id;
	int fd;

	if (x->oflags & O_DIRECTORY)
		return -ENOTDIR;
	if (x->oflags & O_PATH)
		return x->one.at.m->real ? SYS_CONTINUE : give_native(x, 0);
	if (!fs_pin(&x->one.at, st, &type, &id)) {
		debug = fs_debug_file(&x->one.at, st);
		if (!debug)
			return x->one.at.m->real ? SYS_CONTINUE : -EACCES;
	}
	fd = may_open(x);
	if (fd)
		return fd;
	fd = debug              ? fs_debug_text(debug, x->one.full, x->oflags)
	     : type == OBJ_MAP  ? fs_map_text(id, x->one.full, x->oflags)
	     : type == OBJ_LINK ? fs_iter_text(x, id)
				: -EIO;
	if (fd < 0)
		return fd;
	return x->c->ops->install_fd(x->c, fd, NULL, (int)x->oflags & (O_CLOEXEC | O_ACCMODE));
}

long fs_open(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	struct stat st;
	int err;

	if ((x->oflags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) || x->oflags == ~0u)
		return -EINVAL;
	err = fs_look(x, at, &st);
	if (err == -ENOENT && (x->oflags & O_CREAT))
		return at->dir_wanted ? -EISDIR : at->m->read_only ? -EROFS : -EACCES;
	if (err)
		return err;
	if ((x->oflags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR: return open_dir(x);
	case S_IFLNK: return open_link(x);
	default: return open_pin(x, &st);
	}
}

long fs_chdir(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	struct stat st;
	long err;

	if (at->m->real)
		return SYS_CONTINUE;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw4(SYS_faccessat2, at->dirfd, at->name, X_OK, AT_EACCESS | fs_empty(at));
	fs_leave(x);
	if (err)
		return err;
	return at->is_root ? SYS_CONTINUE : -EACCES;
}

int fs_inotify_prepare(struct fs_ctx *x)
{
	return x->a[2] & IN_DONT_FOLLOW ? 0 : FS_FOLLOW;
}

/* The client's inotify description, by pidfd_getfd(2), which asks for the right to trace it. */
long fs_inotify(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	char path[64 + NAME_MAX];
	long pidfd, fd, ret;

	if (at->m->real)
		return SYS_CONTINUE;
	pidfd = raw2(SYS_pidfd_open, x->c->pid, 0);
	if (pidfd < 0)
		return -EACCES;
	fd = raw3(SYS_pidfd_getfd, pidfd, (int)x->a[0], 0);
	raw_close((int)pidfd);
	if (fd < 0)
		return fd == -EBADF ? fd : -EACCES;
	str_put(str_put(str_put_u64(str_put(path, "/proc/self/fd/"), (u64)at->dirfd, 10), "/"), fs_name(at));
	ret = fs_enter(x);
	if (!ret)
		ret = raw3(SYS_inotify_add_watch, fd, path, (u32)x->a[2]);
	fs_leave(x);
	raw_close((int)fd);
	return ret;
}
