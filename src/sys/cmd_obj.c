// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_PIN and OBJ_GET: an object and a path.
 *
 * fs_walk turns the path into a directory of the store and a name; a pin is
 * then one link(2), and a get finds the object by the inode of the name.
 */
#include "store/pin.h"
#include "store/store.h"
#include "sys/cmds.h"
#include "sys/fs_walk.h"
#include "util/raw.h"
#include "util/str.h"
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif

/* The client's string, NUL included, as getname(2)'s rules want it: -EFAULT, -ENAMETOOLONG, -ENOENT when
 * empty. */
static int read_path(struct bpf_caller *c, u64 addr, char path[PATH_MAX])
{
	size_t at = 0;

	while (at < PATH_MAX) {
		/*
		 * Up to the next page boundary of the client: what lies beyond may not be
		 * there. Most paths end in the first piece.
		 */
		size_t n = MIN(PAGE - ((addr + at) & (PAGE - 1)), at ? (size_t)PATH_MAX - at : 128);
		int err = caller_in(c, path + at, addr + at, n);

		if (err)
			return err;
		if (memchr(path + at, 0, n))
			return *path ? 0 : -ENOENT;
		at += n;
	}
	return -ENAMETOOLONG;
}

/* File flags and path_fd: which directory a relative path starts from. */
static int path_base(struct cmd_ctx *x, u32 allowed, int *dirfd)
{
	u32 flags = x->attr->obj.file_flags;

	if (flags & ~(allowed | BPF_F_PATH_FD))
		return -EINVAL;
	if (!(flags & BPF_F_PATH_FD) && x->attr->obj.path_fd)
		return -EINVAL;
	*dirfd = flags & BPF_F_PATH_FD ? x->attr->obj.path_fd : AT_FDCWD;
	return 0;
}

/*
 * A place that is no bpffs: what a lookup there gives decides. walk was
 * outside; the client's own view of the path is asked.
 */
static int stat_outside(struct bpf_caller *c, int dirfd, const char *path, int flags, struct stat *st)
{
	char full[PATH_MAX + 1200], *p = full;
	int n;

	p = str_put(p, c->root_prefix);
	if (*path != '/') {
		n = c->ops->base_path(c, dirfd, p, 1024);
		if (n < 0)
			return n;
		p += n;
		*p++ = '/';
	}
	str_put(p, path);
	return raw_fstatat(AT_FDCWD, full, st, flags);
}

static int pin_outside(struct bpf_caller *c, int dirfd, const char *path)
{
	char parent[PATH_MAX];
	struct stat st, proc;
	size_t n;
	int err;

	err = stat_outside(c, dirfd, path, AT_SYMLINK_NOFOLLOW, &st);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	str_put(parent, path);
	for (n = strlen(parent); n && parent[n - 1] == '/';)
		n--;
	if (parent[n])
		return -ENOENT; /* "name/" */
	while (n && parent[n - 1] != '/')
		n--;
	str_put(parent + n, ".");
	err = stat_outside(c, dirfd, parent, 0, &st);
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	/* proc knows all its names; in other filesystems one could be made, but no pin. */
	return !raw_fstatat(AT_FDCWD, "/proc", &proc, 0) && proc.st_dev == st.st_dev ? -ENOENT : -EPERM;
}

/* May the identity now in force make a name there? */
static bool may_write_dir(const struct fs_at *at)
{
	char dir[NAME_MAX + 32];
	size_t n = (size_t)(at->last - at->name);

	if (!n)
		return !raw4(SYS_faccessat2, at->dirfd, ".", W_OK | X_OK, AT_EACCESS);
	memcpy(dir, at->name, n);
	dir[n] = 0;
	return !raw4(SYS_faccessat2, at->dirfd, dir, W_OK | X_OK, AT_EACCESS);
}

static int pin_at(struct bpf_caller *c, struct bpf_file *f, struct fs_at *at)
{
	u64 links = obj_links_begin(f->h->ino, f->h->type, f->h->id);
	struct stat st;
	u32 umask = 0;
	int err;

	if (at->is_root || !at->name[0])
		return -EEXIST;
	if (at->dir_wanted)
		return raw_fstatat(at->dirfd, at->name, &st, AT_SYMLINK_NOFOLLOW) ? -ENOENT : -EEXIST;
	if (at->m->read_only)
		return -EROFS;
	err = c->ops->fs_creds(c, NULL, NULL, &umask);
	if (!err)
		err = c->ops->as_client(c);
	if (err)
		return err;
	err = pin_set(f->h->type, f->h->id, at->dirfd, at->name, umask);
	if (err == -EPERM && !may_write_dir(at))
		err = -EACCES;
	c->ops->as_self(c);
	/*
	 * The client may write the directory and holds an fd; only the kernel's
	 * rule against links to other people's files stands in the way. A
	 * front end that is somebody else than the client can do it.
	 */
	if (err == -EPERM)
		err = pin_set(f->h->type, f->h->id, at->dirfd, at->name, umask);
	if (!err)
		obj_links_seen(f->h->ino, links);
	return err;
}

long cmd_obj_pin(struct cmd_ctx *x)
{
	char path[PATH_MAX];
	struct bpf_file f;
	struct fs_at at;
	int err, dirfd;

	err = path_base(x, 0, &dirfd);
	if (!err && x->c->ops->get_fd(x->c, x->op, (int)x->attr->obj.bpf_fd, &f))
		err = -EINVAL;
	if (err)
		return err;
	if (f.h->type == OBJ_BTF || f.h->type == OBJ_PERF || f.h->type == OBJ_ATTACH) {
		put_fd(&f);
		return -EINVAL;
	}
	err = read_path(x->c, x->attr->obj.pathname, path);
	if (!err)
		err = fs_walk(x->c, dirfd, path, FS_PARENT, &at);
	if (err == 1) {
		err = pin_outside(x->c, dirfd, path);
	} else if (!err) {
		err = pin_at(x->c, &f, &at);
		fs_put(&at);
	}
	put_fd(&f);
	return err;
}

/* May the client open the pin so? By its mode, as its own identity. */
static int check_mode(struct bpf_caller *c, struct fs_at *at, int oflags)
{
	int want = oflags == O_RDONLY ? R_OK : oflags == O_WRONLY ? W_OK : R_OK | W_OK;
	int err = c->ops->as_client(c);

	if (err)
		return err;
	err = (int)raw4(SYS_faccessat2, at->dirfd, at->name, want, AT_EACCESS);
	c->ops->as_self(c);
	return err;
}

/* The access mode of an fd by type; what was asked for counts for maps alone. */
static int type_oflags(enum obj_type type, int oflags)
{
	return type == OBJ_MAP ? oflags : type == OBJ_PROG ? O_RDWR : O_RDONLY;
}

/* Opens the object as the client, so that the kernel checks the mode: the pin and the id are one inode. */
static int open_as_client(struct bpf_caller *c, enum obj_type type, u32 id, int oflags,
			  const struct stat *pin)
{
	int fd, err = c->ops->as_client(c);

	if (err)
		return err;
	fd = obj_open_pinned(type, id, type_oflags(type, oflags), pin);
	c->ops->as_self(c);
	return fd;
}

/* The last name was not walked over yet: -EACCES if the client may not look into its directory. */
static int stat_as_client(struct bpf_caller *c, const struct fs_at *at, struct stat *st)
{
	int err = c->ops->as_client(c);

	if (err)
		return err;
	err = raw_fstatat(at->dirfd, at->name, st, AT_SYMLINK_NOFOLLOW);
	c->ops->as_self(c);
	return err;
}

/* The quick way: the store remembers which object the pin's inode is, and the opened file proves it. -EAGAIN:
 * not so. */
static long get_hinted(struct cmd_ctx *x, struct fs_at *at, int oflags)
{
	enum obj_type type;
	struct stat pin;
	u32 id;
	int fd, err;

	if (at->dir_wanted || !at->name[0] || (at->m->read_only && oflags != O_RDONLY))
		return -EAGAIN;
	err = stat_as_client(x->c, at, &pin);
	if (err == -EACCES)
		return err;
	if (err || !obj_hint(&pin, &type, &id) || type == OBJ_LINK || type_oflags(type, oflags) != oflags)
		return -EAGAIN;
	fd = open_as_client(x->c, type, id, oflags, &pin);
	return fd < 0 ? -EAGAIN : cmd_install(x, fd, oflags, type, id, &pin);
}

static long get_at(struct cmd_ctx *x, struct fs_at *at, int oflags)
{
	struct stat st = { 0 };
	enum obj_type type;
	int err, fd;
	u32 id;

	if (at->m->read_only && oflags != O_RDONLY)
		return -EROFS;
	if (at->is_root || !at->name[0])
		return -EACCES;
	err = stat_as_client(x->c, at, &st);
	if (!err)
		err = obj_identify_path(at->dirfd, at->name, &type, &id, &st);
	if (err == -ENOENT || err == -EMFILE || (err == -EACCES && !st.st_mode))
		return err;
	if (at->dir_wanted)
		return err && S_ISDIR(st.st_mode) ? -EACCES : -ENOTDIR;
	if (err)
		return -EACCES; /* a directory, or a file that is no object */
	err = check_mode(x->c, at, oflags);
	if (err)
		return err;
	if (type == OBJ_LINK && oflags != O_RDWR)
		return -EINVAL;
	fd = obj_open(type, id, type_oflags(type, oflags), &st);
	return fd < 0 ? fd : cmd_install(x, fd, type_oflags(type, oflags), type, id, &st);
}

static int get_outside(struct bpf_caller *c, int dirfd, const char *path)
{
	struct stat st;
	int err = stat_outside(c, dirfd, path, 0, &st);

	return err ? err : -EACCES;
}

long cmd_obj_get(struct cmd_ctx *x)
{
	char path[PATH_MAX];
	struct fs_at at;
	int dirfd, oflags;
	long ret;

	if (x->attr->obj.bpf_fd)
		return -EINVAL;
	ret = path_base(x, BPF_F_RDONLY | BPF_F_WRONLY, &dirfd);
	if (ret)
		return ret;
	oflags = map_flags_to_oflags(x->attr->obj.file_flags);
	if (oflags < 0)
		return oflags;
	ret = read_path(x->c, x->attr->obj.pathname, path);
	/* Most paths end in the pin itself; only another look follows a symlink there. */
	if (!ret)
		ret = fs_walk(x->c, dirfd, path, 0, &at);
	if (!ret) {
		ret = get_hinted(x, &at, oflags);
		fs_put(&at);
		if (ret != -EAGAIN)
			return ret;
		ret = fs_walk(x->c, dirfd, path, FS_FOLLOW, &at);
	} else if (ret == 1) {
		ret = fs_walk(x->c, dirfd, path, FS_FOLLOW, &at);
	}
	if (ret == 1)
		return get_outside(x->c, dirfd, path);
	if (ret)
		return ret;
	ret = get_at(x, &at, oflags);
	fs_put(&at);
	return ret;
}
