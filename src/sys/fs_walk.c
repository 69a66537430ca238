// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a client's path to a name in an instance directory: see fs_walk.h.
 *
 * A walk has two grounds and changes between them:
 *
 *     outside   w->text is an absolute path of the client without symlinks
 *               in it; each step looks whether it now is a mount of the table
 *     inside    w->m is set, w->dirfd the directory, w->text its path still
 *
 * w->rest is what is left to walk; a symlink's target is put in front of it.
 * Most paths never change ground: an absolute one with a mount's path in
 * front begins inside.
 */
#include "sys/fs_walk.h"
#include "store/instance.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <fcntl.h>

#define MAX_LINKS 40

struct walk {
	struct bpf_caller *c;
	unsigned flags;
	u32 links;
	const struct run_mount *m; /* NULL: outside */
	int dirfd;                 /* inside: of the directory, or -1 for the instance's root (not opened) */
	char text[PATH_MAX];       /* where we are */
	char rest[PATH_MAX];
	char *at; /* in rest */
};

static void leave_dir(struct walk *w)
{
	if (w->dirfd >= 0)
		raw_close(w->dirfd);
	w->dirfd = -1;
}

static void enter_mount(struct walk *w, const struct run_mount *m)
{
	leave_dir(w);
	w->m = m;
}

/* "fs/N" or "fs/N/NAME" from the store's fd. */
static char *root_name(char *to, const struct run_mount *m, const char *name)
{
	char *p = str_put_u64(str_put(to, "fs/"), m->instance, 10);

	if (*name) {
		*p++ = '/';
		str_put(p, name);
	}
	return to;
}

/* The directory of the walk and a component of it, for an *at(2) call. */
static int here(const struct walk *w, const char *name, char buf[NAME_MAX + 32], const char **path)
{
	if (w->dirfd >= 0) {
		*path = name;
		return w->dirfd;
	}
	*path = root_name(buf, w->m, name);
	return the_store.dirfd;
}

static bool push_text(struct walk *w, const char *comp)
{
	size_t n = strlen(w->text), l = strlen(comp);

	if (n + l + 2 > sizeof(w->text))
		return false;
	if (n && w->text[n - 1] == '/')
		n--;
	w->text[n] = '/';
	memcpy(w->text + n + 1, comp, l + 1);
	return true;
}

static void pop_text(struct walk *w)
{
	size_t n = strlen(w->text);

	while (n && w->text[n - 1] != '/')
		n--;
	if (n > 1)
		n--;
	w->text[n] = 0;
	if (!n)
		str_put(w->text, "/");
}

/* The next component into comp; false when there is none. A "." and slashes are passed over. */
static int next_comp(struct walk *w, char comp[NAME_MAX + 1])
{
	size_t n = 0;

	for (;;) {
		while (*w->at == '/')
			w->at++;
		for (n = 0; w->at[n] && w->at[n] != '/'; n++)
			;
		if (n != 1 || w->at[0] != '.')
			break;
		w->at++;
	}
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(comp, w->at, n);
	comp[n] = 0;
	w->at += n;
	return n > 0;
}

/* Is the component just taken the last one? Slashes behind it do not count. */
static bool at_end(const struct walk *w)
{
	const char *p = w->at;

	while (*p == '/')
		p++;
	return !*p;
}

/* Puts a symlink's target before what is left. An absolute one starts over. */
static int put_target(struct walk *w, const char *target, size_t n)
{
	char tail[PATH_MAX];

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	if (n + strlen(w->at) + 2 > sizeof(w->rest))
		return -ENAMETOOLONG;
	str_put(tail, w->at);
	memcpy(w->rest, target, n);
	str_put(w->rest + n, tail);
	w->at = w->rest;
	if (*target == '/') {
		enter_mount(w, NULL);
		str_put(w->text, "/");
	}
	return 0;
}

/*
 * Whether the client sees the mount. One with another root or mount namespace
 * does if the instance's own directory stands at the path there; what is only
 * redirected belongs to the paths that the run began with.
 */
static bool mount_seen(const struct walk *w, const struct run_mount *m)
{
	char path[RUN_PATH_MAX + 64], root[64];
	struct stat st, want;

	if (!*w->c->root_prefix)
		return true;
	if (!m->real)
		return false;
	str_put(str_put(path, w->c->root_prefix), m->path);
	return !raw_fstatat(AT_FDCWD, path, &st, AT_NO_AUTOMOUNT) &&
	       !raw_fstatat(the_store.dirfd, root_name(root, m, ""), &want, 0) && st.st_dev == want.st_dev &&
	       st.st_ino == want.st_ino;
}

/* An exact mount at the text? */
static const struct run_mount *mount_at_text(const struct walk *w)
{
	const char *rest;
	const struct run_mount *m = run_find_mount(w->text, &rest);

	return m && !*rest && mount_seen(w, m) ? m : NULL;
}

/* Does any mount lie below the text, so that a directory that is not there may still lead to one? */
static bool mount_below_text(const struct walk *w)
{
	size_t n = strlen(w->text);

	for (u32 i = 0; the_run && i < RUN_MOUNTS; i++) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) == RUN_MOUNT_USED && !strncmp(m->path, w->text, n) &&
		    m->path[n] == '/')
			return true;
	}
	return false;
}

/* One component outside. 0: go on; 1: it will never be a bpffs. */
static int step_outside(struct walk *w, const char *comp)
{
	char full[PATH_MAX + 64], target[PATH_MAX];
	const struct run_mount *m;
	long n;

	if (!strcmp(comp, "..")) {
		pop_text(w);
		m = mount_at_text(w);
		if (m)
			enter_mount(w, m);
		return 0;
	}
	if (!push_text(w, comp))
		return -ENAMETOOLONG;
	m = mount_at_text(w);
	if (m) {
		enter_mount(w, m);
		return 0;
	}
	if (at_end(w) && !(w->flags & FS_FOLLOW) && *w->at != '/')
		return 1;
	if (strlen(w->c->root_prefix) + strlen(w->text) >= sizeof(full))
		return -ENAMETOOLONG;
	str_put(str_put(full, w->c->root_prefix), w->text);
	n = raw_readlinkat(AT_FDCWD, full, target, sizeof(target));
	if (n == -EINVAL)
		return 0; /* there, and no symlink */
	if (n < 0)
		return mount_below_text(w) ? 0 : 1;
	if (n == (long)sizeof(target))
		return -ENAMETOOLONG;
	pop_text(w);
	return put_target(w, target, (size_t)n);
}

/* ".." inside: the parent directory, or out of the instance. */
static int step_up(struct walk *w)
{
	struct stat st, root;
	char buf[NAME_MAX + 32];
	int fd;

	if (w->dirfd < 0) {
		pop_text(w);
		enter_mount(w, mount_at_text(w));
		return 0;
	}
	pop_text(w);
	fd = raw_openat(w->dirfd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	leave_dir(w);
	if (!raw_fstat(fd, &st) && !raw_fstatat(the_store.dirfd, root_name(buf, w->m, ""), &root, 0) &&
	    st.st_ino == root.st_ino)
		raw_close(fd);
	else
		w->dirfd = fd;
	return 0;
}

static bool has_dot(const char *comp)
{
	return strchr(comp, '.') != NULL;
}

/* A name with a dot is reserved; only the two files that a bpffs comes with have one. */
static bool reserved(struct walk *w, const char *comp)
{
	char buf[NAME_MAX + 32];
	const char *path;
	struct stat st;
	int dirfd;

	if (!has_dot(comp))
		return false;
	if (w->dirfd >= 0 || !instance_debug_name(comp))
		return true;
	dirfd = here(w, comp, buf, &path);
	return raw_fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW);
}

/* Follows comp if it is a symlink: 1 when it was one. */
static int try_link(struct walk *w, const char *comp)
{
	char buf[NAME_MAX + 32], target[PATH_MAX];
	const char *path;
	int dirfd = here(w, comp, buf, &path), err;
	long n = raw_readlinkat(dirfd, path, target, sizeof(target));

	if (n < 0)
		return n == -EINVAL ? 0 : (int)n;
	if (n == (long)sizeof(target))
		return -ENAMETOOLONG;
	err = put_target(w, target, (size_t)n);
	return err ? err : 1;
}

/* A directory on the way, inside. Permission to search is the client's own. */
static int step_inside(struct walk *w, const char *comp)
{
	const struct run_mount *m;
	char buf[NAME_MAX + 32];
	const char *path;
	int dirfd, fd, err;

	if (!strcmp(comp, ".."))
		return step_up(w);
	if (reserved(w, comp))
		return -EPERM;
	err = try_link(w, comp);
	if (err)
		return err < 0 ? err : 0;
	if (!push_text(w, comp))
		return -ENAMETOOLONG;
	m = mount_at_text(w);
	if (m) {
		enter_mount(w, m);
		return 0;
	}
	dirfd = here(w, comp, buf, &path);
	err = w->c->ops->as_client(w->c);
	if (err)
		return err;
	fd = raw_openat(dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	w->c->ops->as_self(w->c);
	if (fd < 0)
		return fd;
	leave_dir(w);
	w->dirfd = fd;
	return 0;
}

/* The walk ends in the directory itself. */
static int end_in_dir(struct walk *w, struct fs_at *at)
{
	char buf[NAME_MAX + 32];

	at->is_root = w->dirfd < 0;
	at->m = w->m;
	at->name[0] = 0;
	at->last = at->name;
	if (w->dirfd < 0) {
		w->dirfd = raw_openat(the_store.dirfd, root_name(buf, w->m, ""),
				      O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (w->dirfd < 0)
			return w->dirfd;
	}
	at->dirfd = w->dirfd;
	at->owned = true;
	w->dirfd = -1;
	return 0;
}

static int end_at_name(struct walk *w, const char *comp, struct fs_at *at)
{
	at->m = w->m;
	at->is_root = false;
	if (w->dirfd >= 0) {
		str_put(at->name, comp);
		at->last = at->name;
		at->dirfd = w->dirfd;
		at->owned = true;
		w->dirfd = -1;
	} else {
		root_name(at->name, w->m, comp);
		at->last = at->name + strlen(at->name) - strlen(comp);
		at->dirfd = the_store.dirfd;
		at->owned = false;
	}
	return 0;
}

/* The last component, inside. 1: it was a symlink to follow, go on; 2: a mount stands there. */
static int last_inside(struct walk *w, const char *comp, struct fs_at *at)
{
	const struct run_mount *m;
	int err;

	if (reserved(w, comp))
		return -EPERM;
	if ((w->flags & FS_FOLLOW) || at->dir_wanted) {
		err = try_link(w, comp);
		if (err == 1)
			return 1;
		if (err && err != -ENOENT)
			return err;
	}
	if (!push_text(w, comp))
		return -ENAMETOOLONG;
	m = mount_at_text(w);
	if (m) {
		enter_mount(w, m);
		return 1;
	}
	return end_at_name(w, comp, at);
}

static int run_walk(struct walk *w, struct fs_at *at)
{
	char comp[NAME_MAX + 1];
	int err;

	for (;;) {
		err = next_comp(w, comp);
		if (err < 0)
			return err;
		if (!err) /* nothing left */
			return w->m ? end_in_dir(w, at) : 1;
		if (!w->m) {
			err = step_outside(w, comp);
		} else if (at_end(w) && strcmp(comp, "..")) {
			at->dir_wanted |= *w->at == '/';
			err = last_inside(w, comp, at);
			if (err != 1)
				return err;
			err = 0;
		} else {
			err = step_inside(w, comp);
		}
		if (err)
			return err;
	}
}

/* Where the walk of a relative path starts. A cwd or dirfd in the store's own directory stands for the mount
 * of that instance. */
static int start_relative(struct walk *w, int dirfd)
{
	const size_t own = strlen(the_store.path);
	char base[PATH_MAX];
	const char *rest;
	u64 instance;
	int n;

	n = w->c->ops->base_path(w->c, dirfd, base, sizeof(base) - 1);
	if (n < 0)
		return n;
	base[n] = 0;
	if (strncmp(base, the_store.path, own) || !str_starts(base + own, "/fs/")) {
		if (strlen(base) + strlen(w->rest) + 2 > sizeof(w->rest))
			return -ENAMETOOLONG;
		rest = base;
		goto prepend;
	}
	instance = str_get_u64(base + own + 4, &rest);
	for (u32 i = RUN_MOUNTS; i--;) {
		const struct run_mount *m = &the_run->mounts[i];

		if (atomic_load(&m->state) != RUN_MOUNT_USED || m->instance != instance)
			continue;
		enter_mount(w, m);
		str_put(w->text, m->path);
		goto prepend;
	}
	return 1;
prepend : {
	char tail[PATH_MAX];

	if (strlen(rest) + strlen(w->rest) + 2 > sizeof(w->rest))
		return -ENAMETOOLONG;
	str_put(tail, w->rest);
	str_put(str_put(str_put(w->rest, rest), "/"), tail);
	return 0;
}
}

static noinline int walk_all(struct bpf_caller *c, int dirfd, const char *path, unsigned flags,
			     struct fs_at *at)
{
	struct walk w; /* two paths long: set word by word, not zeroed */
	const char *rest;
	int err = 0;

	if (!*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	if (!the_run)
		return 1;
	w.c = c;
	w.flags = flags;
	w.links = 0;
	w.m = NULL;
	w.dirfd = -1;
	at->dir_wanted = false;
	at->owned = false;
	str_put(w.rest, path);
	str_put(w.text, "/");
	w.at = w.rest;
	if (*path != '/') {
		err = start_relative(&w, dirfd);
	} else {
		const struct run_mount *m = run_find_mount(path, &rest);

		if (m && mount_seen(&w, m)) {
			enter_mount(&w, m);
			str_put(w.text, m->path);
			w.at = w.rest + (rest - path);
		}
	}
	if (!err)
		err = run_walk(&w, at);
	leave_dir(&w);
	if (at->owned)
		c->held_low = true;
	return err;
}

/*
 * Most pins stand right below a mount, and then the text of the path says all:
 * one component without a dot behind the mount's path, and no symlink to follow.
 */
bool fs_straight(struct bpf_caller *c, const char *path, unsigned flags, struct fs_at *at)
{
	const struct run_mount *m;
	const char *rest;
	size_t n;
	char *to;

	if (*path != '/' || (flags & FS_FOLLOW) || *c->root_prefix)
		return false;
	m = run_find_mount(path, &rest);
	if (!m || !*rest)
		return false;
	to = str_put_u64(str_put(at->name, "fs/"), m->instance, 10);
	*to++ = '/';
	for (n = 0; (to[n] = rest[n]); n++)
		if (to[n] == '/' || to[n] == '.' || n == NAME_MAX)
			return false;
	at->dirfd = the_store.dirfd;
	at->last = to;
	at->m = m;
	at->is_root = at->dir_wanted = at->owned = false;
	return true;
}

int fs_walk(struct bpf_caller *c, int dirfd, const char *path, unsigned flags, struct fs_at *at)
{
	return fs_straight(c, path, flags, at) ? 0 : walk_all(c, dirfd, path, flags, at);
}

void fs_put(struct fs_at *at)
{
	if (at->owned)
		raw_close(at->dirfd);
	at->owned = false;
}
