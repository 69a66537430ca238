// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows of fscalls.h, their dispatcher, and the question it asks most: is this path in a bpffs?
 *
 * Three looks, cheapest first:
 *
 *     the text begins with a mount of the run ...... walk it
 *     stat(2): another device than the store's and
 *     than those that redirected mounts hide ....... outside
 *     anything else ................................ walk it
 *
 * A path that is there, on a device that no mount of the run has to do with,
 * cannot have led through one: the native walk and ours differ only behind a
 * mount point.
 */
#include "sys/fscalls.h"
#include <stdio.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define P(d, p)                                                                                              \
	{                                                                                                    \
		.dirfd = (d), .path = (p)                                                                    \
	}

const struct fs_row fs_rows[] = {
	{ SYS_open, "open", fs_open, .one = P(NO_ARG, 0), .follow = FOLLOW_PREPARED,
	  .prepare = fs_open_prepare, .text = fs_text_open },
	{ SYS_openat, "openat", fs_open, .one = P(0, 1), .follow = FOLLOW_PREPARED,
	  .prepare = fs_open_prepare, .text = fs_text_open },
	{ SYS_openat2, "openat2", fs_open, .one = P(0, 1), .follow = FOLLOW_PREPARED,
	  .prepare = fs_open_prepare, .text = fs_text_open },
	{ SYS_creat, "creat", fs_open, .one = P(NO_ARG, 0), .follow = FOLLOW_PREPARED,
	  .prepare = fs_open_prepare },
	{ SYS_chdir, "chdir", fs_chdir, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS },

	{ SYS_stat, "stat", fs_stat, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .text = fs_text_stat },
	{ SYS_lstat, "lstat", fs_stat, .one = P(NO_ARG, 0), .follow = FOLLOW_NEVER },
	{ SYS_newfstatat, "newfstatat", fs_stat, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 3,
	  .text = fs_text_stat },
	{ SYS_statx, "statx", fs_statx, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 2 },
	{ SYS_access, "access", fs_access, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS },
	{ SYS_faccessat, "faccessat", fs_access, .one = P(0, 1), .follow = FOLLOW_ALWAYS },
	{ SYS_faccessat2, "faccessat2", fs_access, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 3 },
	{ SYS_statfs, "statfs", fs_statfs, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS,
	  .text = fs_trace_statfs },
	{ SYS_fstatfs, "fstatfs", fs_fstatfs, .one = P(NO_ARG, NO_ARG) },
	{ SYS_readlink, "readlink", fs_readlink, .one = P(NO_ARG, 0), .text = fs_text_readlink },
	{ SYS_readlinkat, "readlinkat", fs_readlink, .one = P(0, 1), .text = fs_text_readlink },
	{ SYS_getcwd, "getcwd", fs_getcwd, .one = P(NO_ARG, NO_ARG) },

	{ SYS_mkdir, "mkdir", fs_mkdir, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_mkdirat, "mkdirat", fs_mkdir, .one = P(0, 1), .writes = true },
	{ SYS_mknod, "mknod", fs_mknod, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_mknodat, "mknodat", fs_mknod, .one = P(0, 1), .writes = true },
	{ SYS_bind, "bind", fs_bind, .one = P(NO_ARG, NO_ARG) },
	{ SYS_unlink, "unlink", fs_unlink, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_unlinkat, "unlinkat", fs_unlink, .one = P(0, 1), .writes = true },
	{ SYS_rmdir, "rmdir", fs_unlink, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_rename, "rename", fs_rename, .one = P(NO_ARG, 0), .two = P(NO_ARG, 1), .writes = true },
	{ SYS_renameat, "renameat", fs_rename, .one = P(0, 1), .two = P(2, 3), .writes = true },
	{ SYS_renameat2, "renameat2", fs_rename, .one = P(0, 1), .two = P(2, 3), .writes = true },
	{ SYS_link, "link", fs_link, .one = P(NO_ARG, 0), .two = P(NO_ARG, 1), .writes = true },
	{ SYS_linkat, "linkat", fs_link, .one = P(0, 1), .two = P(2, 3), .follow = FOLLOW_IF_FLAG, .flags = 4,
	  .writes = true },
	{ SYS_symlink, "symlink", fs_symlink, .one = P(NO_ARG, 1), .writes = true },
	{ SYS_symlinkat, "symlinkat", fs_symlink, .one = P(1, 2), .writes = true },

	{ SYS_chmod, "chmod", fs_chmod, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_fchmodat, "fchmodat", fs_chmod, .one = P(0, 1), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_fchmodat2, "fchmodat2", fs_chmod, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 3,
	  .writes = true },
	{ SYS_chown, "chown", fs_chown, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_lchown, "lchown", fs_chown, .one = P(NO_ARG, 0), .follow = FOLLOW_NEVER, .writes = true },
	{ SYS_fchownat, "fchownat", fs_chown, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 4,
	  .writes = true },
	{ SYS_utime, "utime", fs_utimes, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_utimes, "utimes", fs_utimes, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_futimesat, "futimesat", fs_utimes, .one = P(0, 1), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_utimensat, "utimensat", fs_utimes, .one = P(0, 1), .follow = FOLLOW_UNLESS_FLAG, .flags = 3,
	  .writes = true },
	{ SYS_truncate, "truncate", fs_truncate, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS,
	  .writes = true },
	{ SYS_ftruncate, "ftruncate", fs_object_attr, .one = P(NO_ARG, NO_ARG) },
	{ SYS_fallocate, "fallocate", fs_object_attr, .one = P(NO_ARG, NO_ARG) },
	{ SYS_fchmod, "fchmod", fs_object_attr, .one = P(NO_ARG, NO_ARG) },
	{ SYS_fchown, "fchown", fs_object_attr, .one = P(NO_ARG, NO_ARG) },
	{ SYS_setxattr, "setxattr", fs_xattr, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS, .writes = true },
	{ SYS_lsetxattr, "lsetxattr", fs_xattr, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_getxattr, "getxattr", fs_xattr, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS },
	{ SYS_lgetxattr, "lgetxattr", fs_xattr, .one = P(NO_ARG, 0) },
	{ SYS_removexattr, "removexattr", fs_xattr, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS,
	  .writes = true },
	{ SYS_lremovexattr, "lremovexattr", fs_xattr, .one = P(NO_ARG, 0), .writes = true },
	{ SYS_listxattr, "listxattr", fs_listxattr, .one = P(NO_ARG, 0), .follow = FOLLOW_ALWAYS },
	{ SYS_llistxattr, "llistxattr", fs_listxattr, .one = P(NO_ARG, 0) },
	{ SYS_epoll_ctl, "epoll_ctl", fs_epoll_ctl, .one = P(NO_ARG, NO_ARG) },
	{ SYS_inotify_add_watch, "inotify_add_watch", fs_inotify, .one = P(NO_ARG, 1),
	  .follow = FOLLOW_PREPARED, .prepare = fs_inotify_prepare },

	{ SYS_mount, "mount", fs_mount, .one = P(NO_ARG, 1), .follow = FOLLOW_ALWAYS, .outside = true },
	{ SYS_umount2, "umount2", fs_umount, .one = P(NO_ARG, 0), .follow = FOLLOW_PREPARED,
	  .prepare = fs_umount_prepare, .outside = true },
	{ SYS_fsopen, "fsopen", fs_fsopen, .one = P(NO_ARG, NO_ARG) },
};

const u32 fs_rows_nr = ARRAY_SIZE(fs_rows);

u32 sys_fs_calls(void)
{
	return fs_rows_nr;
}

int sys_fs_call(u32 i)
{
	return fs_rows[i].nr;
}

int fs_read_string(struct bpf_caller *c, u64 addr, char *buf, size_t size)
{
	size_t at = 0, n = 256, end;

	while (at < size) {
		/* Not over the end of a page of the client's: what lies beyond may not be there. */
		n = MIN(MIN(n, PAGE - ((addr + at) & (PAGE - 1))), size - at);
		if (caller_in(c, buf + at, addr + at, n))
			return -EFAULT;
		for (end = at + n; at < end; at++)
			if (!buf[at])
				return 0;
		n = PAGE;
	}
	return -ENAMETOOLONG;
}

/* The device that a redirected mount hides, remembered by slot. */
static u64 hidden_dev(u32 slot, const struct run_mount *m)
{
	static _Atomic u64 known[RUN_MOUNTS]; /* instance:32 | dev:32 */
	u64 k = atomic_load(&known[slot]);
	struct stat st;
	u32 dev;

	if (k >> 32 == m->instance)
		return (u32)k;
	dev = raw_fstatat(AT_FDCWD, m->path, &st, AT_NO_AUTOMOUNT) ? 0 : (u32)st.st_dev;
	atomic_store(&known[slot], (u64)m->instance << 32 | dev);
	return dev;
}

static bool dev_of_mounts(u64 dev)
{
	if (dev == the_store.dev)
		return true;
	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) == RUN_MOUNT_USED && !m->real && hidden_dev(i, m) == (u32)dev)
			return true;
	}
	return false;
}

/* There, and on a device that no bpffs has to do with. */
static bool surely_outside(struct fs_ctx *x, const char *full, unsigned flags)
{
	char buf[FS_PATH_MAX + 64];
	struct stat st;

	if (*x->c->root_prefix) {
		str_put(str_put(buf, x->c->root_prefix), full);
		full = buf;
	}
	return !raw_fstatat(AT_FDCWD, full, &st,
			    AT_NO_AUTOMOUNT | (flags & FS_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW)) &&
	       !dev_of_mounts(st.st_dev);
}

static bool below_store(const char *text)
{
	size_t n = strlen(the_store.path);

	return !strncmp(text, the_store.path, n) && str_starts(text + n, "/fs/");
}

/* Makes arg->full. 1: it has none (a bad dirfd: the kernel will tell). */
static int make_full(struct fs_ctx *x, int dirfd, struct fs_arg *arg)
{
	int n;

	if (arg->path[0] == '/') {
		str_put(arg->full, arg->path);
		return 0;
	}
	n = x->c->ops->base_path(x->c, dirfd, arg->full, PATH_MAX);
	if (n < 0)
		return 1;
	if (n && arg->full[n - 1] != '/')
		arg->full[n++] = '/';
	str_put(arg->full + n, arg->path);
	return 0;
}

static int locate_path(struct fs_ctx *x, int dirfd, unsigned flags, struct fs_arg *arg)
{
	int ret;

	if (!(arg->path[0] != '/' && below_store(arg->full)) && !run_find_mount(arg->full, NULL) &&
	    surely_outside(x, arg->full, flags))
		return 1;
	ret = fs_walk(x->c, dirfd, arg->path, flags, &arg->at);
	arg->inside = ret == 0;
	return ret;
}

int fs_locate_read(struct fs_ctx *x, int dirfd, unsigned flags, struct fs_arg *arg)
{
	/* "" is a matter of the dirfd. */
	if (!arg->path[0] || make_full(x, dirfd, arg))
		return 1;
	return locate_path(x, dirfd, flags, arg);
}

int fs_locate(struct fs_ctx *x, int dirfd, u64 addr, unsigned flags, struct fs_arg *arg)
{
	/* What cannot be read is the kernel's to answer. */
	if (!addr || fs_read_string(x->c, addr, arg->path, sizeof(arg->path)))
		return 1;
	return fs_locate_read(x, dirfd, flags, arg);
}

static int spec_dirfd(const struct fs_ctx *x, const struct fs_spec *s)
{
	return s->dirfd == NO_ARG ? AT_FDCWD : (int)x->a[s->dirfd];
}

static int walk_flags(struct fs_ctx *x)
{
	const struct fs_row *r = x->row;

	switch (r->follow) {
	case FOLLOW_ALWAYS: return FS_FOLLOW;
	case FOLLOW_UNLESS_FLAG: return x->a[(int)r->flags] & AT_SYMLINK_NOFOLLOW ? 0 : FS_FOLLOW;
	case FOLLOW_IF_FLAG: return x->a[(int)r->flags] & AT_SYMLINK_FOLLOW ? FS_FOLLOW : 0;
	case FOLLOW_PREPARED: return r->prepare(x);
	default: return 0;
	}
}

static bool proc_path(const char *full)
{
	return str_starts(full, "/proc/") || str_starts(full, "/dev/fd/") || !strcmp(full, "/etc/mtab") ||
	       fs_trace_path(full);
}

static long call_handler(struct fs_ctx *x)
{
	if (!x->one.inside && !x->two.inside && !x->row->outside)
		return fs_outside(x);
	return x->row->fn(x);
}

static long with_paths(struct fs_ctx *x)
{
	const struct fs_row *r = x->row;
	int dirfd = spec_dirfd(x, &r->one), flags = walk_flags(x), err;
	u64 addr = x->a[(int)r->one.path];
	long ret;

	if (flags < 0)
		return SYS_CONTINUE;
	if (!addr || fs_read_string(x->c, addr, x->one.path, sizeof(x->one.path)) || !x->one.path[0] ||
	    make_full(x, dirfd, &x->one))
		return SYS_CONTINUE;
	if (r->text && proc_path(x->one.full)) {
		ret = r->text(x);
		if (ret != SYS_CONTINUE)
			return ret;
	}
	err = locate_path(x, dirfd, (unsigned)flags, &x->one);
	if (err < 0)
		return err;
	if (r->two.path) {
		err = fs_locate(x, spec_dirfd(x, &r->two), x->a[(int)r->two.path], FS_PARENT, &x->two);
		if (err < 0)
			return err;
	}
	return call_handler(x);
}

long sys_fs(struct bpf_caller *c, int nr, const u64 args[6])
{
	struct fs_ctx x; /* four paths long: set word by word */
	long ret;

	if (!the_run)
		return SYS_CONTINUE;
	x.row = NULL;
	for (u32 i = 0; i < fs_rows_nr; i++)
		if (fs_rows[i].nr == nr)
			x.row = &fs_rows[i];
	if (!x.row)
		return SYS_CONTINUE;
	x.c = c;
	x.a = args;
	x.one.inside = x.two.inside = false;
	x.one.path[0] = x.one.full[0] = x.two.path[0] = x.two.full[0] = 0;
	ret = x.row->one.path == NO_ARG ? x.row->fn(&x) : with_paths(&x);
	if (x.one.inside)
		fs_put(&x.one.at);
	if (x.two.inside)
		fs_put(&x.two.at);
	return ret;
}
