// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attributes of a bpffs's files: mode, owner, times, size; and that there are no extended ones.
 *
 * Mode, owner and times are those of the object's file, so two pins of one
 * object share them. A size is only remembered, never given to the file, whose
 * contents are the object.
 */
#include "sys/fscalls.h"
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* The place is there and may be written to. */
static int begin(struct fs_ctx *x, struct stat *st)
{
	int err = fs_look(x, &x->one.at, st);

	if (err)
		return err;
	return x->one.at.m->read_only ? -EROFS : fs_enter(x);
}

/* fchmodat(2) has no AT_EMPTY_PATH, and "." asks for the right to search. */
static long chmod_at(const struct fs_at *at, u32 mode)
{
	char self[40];

	if (at->name[0])
		return raw3(SYS_fchmodat, at->dirfd, at->name, mode);
	str_put_u64(str_put(self, "/proc/self/fd/"), (u64)at->dirfd, 10);
	return raw3(SYS_fchmodat, AT_FDCWD, self, mode);
}

/* chmod(2), fchmodat(2), fchmodat2(2) */
long fs_chmod(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	struct stat st;
	long err;

	if (x->row->nr == SYS_fchmodat2 && (x->a[3] & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = begin(x, &st);
	if (err)
		return err;
	if (S_ISLNK(st.st_mode))
		err = -EOPNOTSUPP;
	else
		err = chmod_at(at, (u32)x->a[x->row->one.path + 1] & 07777);
	fs_leave(x);
	return err;
}

/* chown(2), lchown(2), fchownat(2) */
long fs_chown(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	int arg = x->row->one.path;
	struct stat st;
	long err;

	if (x->row->nr == SYS_fchownat && (x->a[4] & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = begin(x, &st);
	if (err)
		return err;
	err = raw5(SYS_fchownat, at->dirfd, at->name, (u32)x->a[arg + 1], (u32)x->a[arg + 2],
		   AT_SYMLINK_NOFOLLOW | fs_empty(at));
	fs_leave(x);
	return err;
}

/* The times as utimensat(2) wants them: 1 if there are any, 0 for now, or -errno. */
static int read_times(struct fs_ctx *x, struct timespec ts[2])
{
	u64 from = x->a[x->row->one.path + 1];
	struct timeval tv[2];
	struct utimbuf ub;

	if (!from)
		return 0;
	switch (x->row->nr) {
	case SYS_utimensat: return caller_in(x->c, ts, from, 2 * sizeof(*ts)) ? -EFAULT : 1;
	case SYS_utime:
		if (caller_in(x->c, &ub, from, sizeof(ub)))
			return -EFAULT;
		ts[0] = (struct timespec){ ub.actime, 0 };
		ts[1] = (struct timespec){ ub.modtime, 0 };
		return 1;
	}
	if (caller_in(x->c, tv, from, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i] = (struct timespec){ tv[i].tv_sec, tv[i].tv_usec * 1000 };
	}
	return 1;
}

/* utime(2), utimes(2), futimesat(2), utimensat(2) */
long fs_utimes(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	struct timespec ts[2];
	int given = read_times(x, ts);
	struct stat st;
	long err;

	if (given < 0)
		return given;
	if (x->row->nr == SYS_utimensat && (x->a[3] & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = begin(x, &st);
	if (err)
		return err;
	err = raw4(SYS_utimensat, at->dirfd, fs_name(at), given ? ts : NULL, AT_SYMLINK_NOFOLLOW);
	fs_leave(x);
	return err;
}

long fs_truncate(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	enum obj_type type;
	struct stat st;
	long err;
	u32 id;

	if ((s64)x->a[1] < 0)
		return -EINVAL;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (at->m->read_only)
		return -EROFS;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw4(SYS_faccessat2, at->dirfd, fs_name(at), W_OK, AT_EACCESS);
	fs_leave(x);
	if (err)
		return err;
	if (!fs_pin(at, &st, &type, &id) && !fs_debug_file(at, &st))
		return at->m->real ? SYS_CONTINUE : -EACCES;
	fs_set_size(st.st_ino, x->a[1]);
	return 0;
}

/* ftruncate(2), fallocate(2), fchmod(2), fchown(2) of an object's fd: its file is not the client's to change.
 */
long fs_object_attr(struct fs_ctx *x)
{
	char text[FS_PATH_MAX];
	enum obj_type type;
	u32 id;

	if (x->c->ops->fd_text(x->c, (int)x->a[0], text, sizeof(text)) < 0 ||
	    !fs_object_text(text, &type, &id))
		return SYS_CONTINUE;
	switch (x->row->nr) {
	case SYS_ftruncate: return -EINVAL;
	case SYS_fallocate: return -ENODEV;
	default: return -EOPNOTSUPP;
	}
}

long fs_xattr(struct fs_ctx *x)
{
	struct stat st;
	int err = fs_look(x, &x->one.at, &st);

	return err ? err : x->row->writes && x->one.at.m->read_only ? -EROFS : -EOPNOTSUPP;
}

long fs_listxattr(struct fs_ctx *x)
{
	struct stat st;

	return fs_look(x, &x->one.at, &st);
}
