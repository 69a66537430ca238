// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names in a bpffs: mkdir, mknod, bind, unlink, rename, link, symlink, readlink.
 *
 * The kernel does each on the store's own directory, atomically and with the
 * client's identity; what it would allow there and not on a bpffs is refused
 * before. A name that goes may have been the last that held an object: the
 * object is identified before, and reaped after.
 */
#include "sys/fscalls.h"
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A pin that a call is about to drop. */
struct victim {
	bool is;
	enum obj_type type;
	u32 id;
};

static void note_victim(const struct fs_at *at, struct victim *v)
{
	struct stat st;

	v->is = !raw_fstatat(at->dirfd, fs_name(at), &st, AT_SYMLINK_NOFOLLOW) &&
		fs_pin(at, &st, &v->type, &v->id);
}

static void drop_victim(const struct victim *v)
{
	if (v->is)
		obj_reap(v->type, v->id);
}

int fs_last_dots(const char *path)
{
	size_t n = strlen(path), dots = 0;

	while (n && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] == '.' && dots < 3)
		n--, dots++;
	return dots > 2 || (n && path[n - 1] != '/') ? 0 : (int)dots;
}

/* Before an entry is made: EEXIST outranks what the filesystem would say. */
static int must_be_new(struct fs_ctx *x, const struct fs_arg *arg, bool dir)
{
	struct stat st;
	int err;

	if (!arg->at.name[0])
		return -EEXIST;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw_fstatat(arg->at.dirfd, arg->at.name, &st, AT_SYMLINK_NOFOLLOW);
	fs_leave(x);
	if (!err)
		return -EEXIST;
	if (err != -ENOENT)
		return err;
	if (arg->at.dir_wanted && !dir)
		return -ENOENT;
	return x->row->writes && arg->at.m->read_only ? -EROFS : 0;
}

long fs_mkdir(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	u32 mask;
	long err = must_be_new(x, &x->one, true);

	if (!err)
		err = x->c->ops->fs_creds(x->c, NULL, NULL, &mask);
	if (!err)
		err = fs_enter(x);
	if (err)
		return err;
	err = raw_mkdirat(at->dirfd, at->name, (int)((u32)x->a[x->row->one.path + 1] & ~mask & 01777));
	fs_leave(x);
	return err;
}

long fs_mknod(struct fs_ctx *x)
{
	u32 mode = (u32)x->a[x->row->one.path + 1];
	int err;

	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK: break;
	case S_IFDIR: return -EPERM;
	default: return -EINVAL;
	}
	err = must_be_new(x, &x->one, false);
	if (err)
		return err;
	return (mode & S_IFMT) == 0 || (mode & S_IFMT) == S_IFREG ? -EACCES : -EPERM;
}

/* bind(2) of a socket with a path: there are no sockets here. */
long fs_bind(struct fs_ctx *x)
{
	struct sockaddr_un un = { .sun_family = AF_UNSPEC };
	u64 len = x->a[2];
	int err;

	if (len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(un) ||
	    caller_in(x->c, &un, x->a[1], len) || un.sun_family != AF_UNIX || !un.sun_path[0])
		return SYS_CONTINUE;
	memcpy(x->one.path, un.sun_path, sizeof(un.sun_path));
	x->one.path[MIN(len - offsetof(struct sockaddr_un, sun_path), sizeof(un.sun_path))] = 0;
	err = fs_locate_read(x, AT_FDCWD, FS_PARENT, &x->one);
	if (err)
		return err < 0 ? err : SYS_CONTINUE;
	err = must_be_new(x, &x->one, false);
	return !err ? -EPERM : err == -EEXIST ? -EADDRINUSE : err;
}

static long remove_dir(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	long err;

	switch (fs_last_dots(x->one.path)) {
	case 1: return -EINVAL;
	case 2: return -ENOTEMPTY;
	}
	if (at->is_root)
		return -EBUSY;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw_unlinkat(at->dirfd, at->name, AT_REMOVEDIR);
	fs_leave(x);
	return err;
}

/* unlink(2), unlinkat(2), rmdir(2) */
long fs_unlink(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	int flags = x->row->nr == SYS_rmdir ? AT_REMOVEDIR : x->row->nr == SYS_unlinkat ? (int)x->a[2] : 0;
	struct victim v;
	struct stat st;
	long err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	if (at->m->read_only)
		return -EROFS;
	if (flags)
		return remove_dir(x);
	if (!at->name[0])
		return -EISDIR;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	note_victim(at, &v);
	err = fs_enter(x);
	if (err)
		return err;
	err = raw_unlinkat(at->dirfd, at->name, 0);
	fs_leave(x);
	if (!err)
		drop_victim(&v);
	return err;
}

/* Both names must lie in one instance. */
static bool same_instance(const struct fs_ctx *x)
{
	return x->one.inside && x->two.inside && x->one.at.m->instance == x->two.at.m->instance;
}

static int rename_checks(struct fs_ctx *x, u32 flags)
{
	const struct fs_at *from = &x->one.at, *to = &x->two.at;
	struct stat st;
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	if (!same_instance(x))
		return -EXDEV;
	if (fs_last_dots(x->one.path) || !from->name[0])
		return -EBUSY;
	if (fs_last_dots(x->two.path) || !to->name[0])
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (from->m->read_only)
		return -EROFS;
	err = fs_look(x, from, &st);
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode) && to->dir_wanted && !(flags & RENAME_EXCHANGE))
		return -ENOTDIR;
	/* There is no device node to leave behind. */
	return flags & RENAME_WHITEOUT ? -EINVAL : 0;
}

/* rename(2), renameat(2), renameat2(2) */
long fs_rename(struct fs_ctx *x)
{
	const struct fs_at *from = &x->one.at, *to = &x->two.at;
	u32 flags = x->row->nr == SYS_renameat2 ? (u32)x->a[4] : 0;
	struct victim v = { 0 };
	long err = rename_checks(x, flags);

	if (err)
		return err;
	if (!(flags & RENAME_EXCHANGE))
		note_victim(to, &v);
	err = fs_enter(x);
	if (err)
		return err;
	err = raw_renameat2(from->dirfd, from->name, to->dirfd, to->name, flags);
	fs_leave(x);
	if (!err)
		drop_victim(&v);
	return err;
}

/* The old or the new name of a link is no bpffs matter: what does the kernel's lookup say of it? */
static int look_outside(struct fs_ctx *x, const struct fs_arg *arg)
{
	char buf[FS_PATH_MAX + 64];
	struct stat st;

	str_put(str_put(buf, x->c->root_prefix), arg->full);
	return raw_fstatat(AT_FDCWD, buf, &st, AT_SYMLINK_NOFOLLOW);
}

/* link(2), linkat(2) */
long fs_link(struct fs_ctx *x)
{
	const struct fs_at *from = &x->one.at, *to = &x->two.at;
	struct stat st;
	long err;

	if (x->row->nr == SYS_linkat && (x->a[4] & ~(u64)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = x->one.inside ? fs_look(x, from, &st) : look_outside(x, &x->one);
	if (err)
		return err;
	if (!x->two.inside)
		return look_outside(x, &x->two) ? -EXDEV : -EEXIST;
	err = must_be_new(x, &x->two, false);
	if (err)
		return err;
	if (!same_instance(x))
		return -EXDEV;
	if (S_ISDIR(st.st_mode))
		return -EPERM;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw_linkat(from->dirfd, from->name, to->dirfd, to->name, 0);
	fs_leave(x);
	return err;
}

/* symlink(2), symlinkat(2): argument 0 is the text. */
long fs_symlink(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	char target[PATH_MAX];
	long err;

	err = fs_read_string(x->c, x->a[0], target, sizeof(target));
	if (err)
		return err;
	if (!target[0])
		return -ENOENT;
	err = must_be_new(x, &x->one, false);
	if (!err)
		err = fs_enter(x);
	if (err)
		return err;
	err = raw3(SYS_symlinkat, target, at->dirfd, at->name);
	fs_leave(x);
	return err;
}

/* readlink(2), readlinkat(2) */
long fs_readlink(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	int arg = x->row->one.path;
	char target[PATH_MAX];
	struct stat st;
	long n, err;

	if ((int)x->a[arg + 2] <= 0)
		return -EINVAL;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	if (!S_ISLNK(st.st_mode))
		return -EINVAL;
	n = raw_readlinkat(at->dirfd, at->name, target, sizeof(target));
	if (n < 0)
		return n;
	n = MIN(n, (long)(int)x->a[arg + 2]);
	err = caller_out(x->c, x->a[arg + 1], target, (size_t)n);
	return err ? err : n;
}
