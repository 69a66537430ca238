// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a bpffs says of its files: stat, statx, access, statfs; and which of them are pins.
 *
 * A pin is a hard link to an object's file, so mode, owner, times and inode
 * number are the file's own, and these are changed:
 *
 *     size, blocks   0 (a size set by truncate(2) is remembered in the run)
 *     link count     without the id's name and the references of objects
 *
 * Directories and symlinks have size 0. Device and inode numbers are the real
 * ones, those that fstat(2) of an open directory gives, for the tools that
 * walk trees compare the two; so the root's inode number is not 1.
 *
 * A plain file that somebody put there from outside is shown as it is.
 */
#include "sys/fscalls.h"
#include "store/ref.h"
#include <linux/stat.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPF_FS_MAGIC        0xcafe4a11
#define ANON_INODE_FS_MAGIC 0x09041934
#define ST_VALID            0x0020
#define SIZES               256u

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

static struct {
	_Atomic u64 ino, size;
} sizes[SIZES];

void fs_set_size(u64 ino, u64 size)
{
	atomic_store(&sizes[ino % SIZES].ino, ino);
	atomic_store(&sizes[ino % SIZES].size, size);
}

static u64 get_size(u64 ino)
{
	return atomic_load(&sizes[ino % SIZES].ino) == ino ? atomic_load(&sizes[ino % SIZES].size) : 0;
}

int fs_look(struct fs_ctx *x, const struct fs_at *at, struct stat *st)
{
	int err = fs_enter(x);

	if (err)
		return err;
	err = raw_fstatat(at->dirfd, at->name, st, AT_SYMLINK_NOFOLLOW | fs_empty(at));
	fs_leave(x);
	if (!err && at->dir_wanted && !S_ISDIR(st->st_mode))
		return -ENOTDIR;
	return err;
}

bool fs_pin(const struct fs_at *at, const struct stat *st, enum obj_type *type, u32 *id)
{
	struct stat named;
	char name[32];

	if (!S_ISREG(st->st_mode) || st->st_nlink < 2)
		return false;
	if (obj_hint(st, type, id) &&
	    !raw_fstatat(the_store.dirfd, store_id_name(name, *type, *id), &named, AT_SYMLINK_NOFOLLOW) &&
	    named.st_ino == st->st_ino)
		return true;
	return !obj_identify_path(at->dirfd, fs_name(at), type, id, &named) && named.st_ino == st->st_ino;
}

void fs_fix_stat(const struct fs_at *at, struct stat *st)
{
	enum obj_type type;
	u32 id;

	if (S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode)) {
		st->st_size = st->st_blocks = 0;
	} else if (fs_pin(at, st, &type, &id)) {
		st->st_size = (off_t)get_size(st->st_ino);
		st->st_blocks = 0;
		st->st_nlink -= 1 + (st->st_nlink > 2 ? (nlink_t)ref_count(st->st_ino) : 0);
	} else if (fs_debug_file(at, st)) {
		st->st_size = st->st_blocks = 0;
	}
	st->st_blksize = 4096;
}

/* The buffer is behind the path: argument 1 of stat(2), 2 of newfstatat(2). */
long fs_stat(struct fs_ctx *x)
{
	u64 to = x->a[x->row->one.path + 1];
	struct stat st;
	int err = fs_look(x, &x->one.at, &st);

	if (err)
		return err;
	fs_fix_stat(&x->one.at, &st);
	return caller_out(x->c, to, &st, sizeof(st));
}

long fs_statx(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	struct statx sx;
	struct stat st;
	long err;

	if (x->a[3] & STATX__RESERVED)
		return -EINVAL;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	err = raw5(SYS_statx, at->dirfd, at->name, AT_SYMLINK_NOFOLLOW | fs_empty(at),
		   (u32)x->a[3] | STATX_BASIC_STATS, &sx);
	if (err)
		return err;
	fs_fix_stat(at, &st);
	sx.stx_size = (u64)st.st_size;
	sx.stx_blocks = (u64)st.st_blocks;
	sx.stx_nlink = (u32)st.st_nlink;
	sx.stx_blksize = (u32)st.st_blksize;
	sx.stx_mask &= ~STATX_BTIME;
	memset(&sx.stx_btime, 0, sizeof(sx.stx_btime));
#ifdef STATX_ATTR_MOUNT_ROOT
	sx.stx_attributes = at->is_root ? STATX_ATTR_MOUNT_ROOT : 0;
#endif
	return caller_out(x->c, x->a[4], &sx, sizeof(sx));
}

long fs_access(struct fs_ctx *x)
{
	const struct fs_at *at = &x->one.at;
	int mode = (int)x->a[x->row->one.path + 1];
	struct stat st;
	long err;

	if (mode & ~7)
		return -EINVAL;
	err = fs_look(x, at, &st);
	if (err)
		return err;
	if ((mode & W_OK) && at->m->read_only)
		return -EROFS;
	if (S_ISLNK(st.st_mode))
		return 0;
	err = fs_enter(x);
	if (err)
		return err;
	err = raw4(SYS_faccessat2, at->dirfd, at->name, mode, AT_EACCESS | fs_empty(at));
	fs_leave(x);
	return err;
}

static long give_statfs(struct fs_ctx *x, u64 to, u32 magic, const struct run_mount *m)
{
	struct statfs s = {
		.f_type = magic,
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_namelen = 255,
		.f_flags = ST_VALID | (m ? ST_RELATIME : 0) | (m && m->read_only ? ST_RDONLY : 0),
	};
	const u32 fsid[2] = { m ? (u32)the_store.dev : 0, m ? m->instance : 0 };

	memcpy(&s.f_fsid, fsid, sizeof(fsid));
	return caller_out(x->c, to, &s, sizeof(s));
}

long fs_statfs(struct fs_ctx *x)
{
	struct stat st;
	int err = fs_look(x, &x->one.at, &st);

	return err ? err : give_statfs(x, x->a[1], BPF_FS_MAGIC, x->one.at.m);
}

long fs_fstatfs(struct fs_ctx *x)
{
	char text[FS_PATH_MAX], path[FS_PATH_MAX];
	const struct run_mount *m;
	enum obj_type type;
	u32 id;

	if (x->c->ops->fd_text(x->c, (int)x->a[0], text, sizeof(text)) < 0)
		return SYS_CONTINUE;
	if (fs_object_text(text, &type, &id))
		return give_statfs(x, x->a[1], ANON_INODE_FS_MAGIC, NULL);
	m = run_find_mount(fs_client_path(text, path, sizeof(path)) ? path : text, NULL);
	return m ? give_statfs(x, x->a[1], BPF_FS_MAGIC, m) : SYS_CONTINUE;
}
