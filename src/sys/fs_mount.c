// SPDX-License-Identifier: BSD-2-Clause
/*
 * mount(2) and umount2(2) of type bpf, and the run's mount table.
 *
 * Each mount of type bpf is a new instance STORE/fs/N and an entry in the
 * table. Where the supervisor sees the client's mounts and may mount, a bind
 * mount of the instance stands there, too; else the entry redirects.
 *
 * The table is written under one mutex of the supervisor. New entries go behind
 * all others, for later ones hide earlier ones.
 *
 * Where nothing can be mounted, bpftool's way to make a directory a mount point
 * (bind it on itself, make it private, then mount a bpffs on it) has to work
 * as well: such binds are remembered here, in `binds`, and do nothing else.
 */
#include "sys/fscalls.h"
#include "store/instance.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#define BINDS       FS_SELF_BINDS
#define PROPAGATION (MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static char binds[BINDS][RUN_PATH_MAX]; /* "" is free */

static struct run_file *table(void)
{
	return (struct run_file *)the_run;
}

/* Behind the last one in use. */
static struct run_mount *new_entry(void)
{
	u32 i = RUN_MOUNTS;

	while (i && atomic_load(&the_run->mounts[i - 1].state) == RUN_MOUNT_FREE)
		i--;
	return i < RUN_MOUNTS ? &table()->mounts[i] : NULL;
}

static struct run_mount *find_exact(const char *path)
{
	for (u32 i = RUN_MOUNTS; i--;) {
		struct run_mount *m = &table()->mounts[i];

		if (atomic_load(&m->state) == RUN_MOUNT_USED && !strcmp(m->path, path))
			return m;
	}
	return NULL;
}

static char *find_bind(const char *path)
{
	for (u32 i = 0; i < BINDS; i++)
		if (!strcmp(binds[i], path))
			return binds[i];
	return NULL;
}

/* Of an fd of this process. */
static int fd_path(int fd, char *buf, size_t size)
{
	char self[40];
	long n;

	str_put_u64(str_put(self, "/proc/self/fd/"), (u64)fd, 10);
	n = raw_readlinkat(AT_FDCWD, self, buf, size - 1);
	if (n < 0)
		return (int)n;
	buf[n] = 0;
	return 0;
}

/* The place's path as the client knows it, without symlinks. */
static int inside_path(const struct fs_at *at, char *buf, size_t size)
{
	char text[FS_PATH_MAX];
	int err;

	if (at->is_root) {
		str_put(buf, at->m->path);
		return 0;
	}
	err = fd_path(at->dirfd, text, sizeof(text) - NAME_MAX - 64);
	if (err)
		return err;
	if (at->name[0])
		str_put(str_put(text + strlen(text), "/"), at->name);
	return fs_client_path(text, buf, size) ? 0 : -ENOENT;
}

/* The same outside; also says whether it is a directory. */
static int outside_path(struct fs_ctx *x, const struct fs_arg *arg, char *buf, size_t size, bool *dir)
{
	char full[FS_PATH_MAX + 64];
	size_t n = strlen(x->c->root_prefix);
	struct stat st;
	int fd, err;

	str_put(str_put(full, x->c->root_prefix), arg->full);
	err = fs_enter(x);
	if (err)
		return err;
	fd = raw_openat(AT_FDCWD, full, O_PATH | O_CLOEXEC, 0);
	fs_leave(x);
	if (fd < 0)
		return fd;
	err = raw_fstat(fd, &st);
	if (!err)
		err = fd_path(fd, buf, size);
	raw_close(fd);
	*dir = S_ISDIR(st.st_mode);
	if (!err && n && !strncmp(buf, x->c->root_prefix, n))
		memmove(buf, buf + n, strlen(buf + n) + 1);
	return err;
}

/* Where a call's path leads. */
struct target {
	char path[FS_PATH_MAX];
	bool dir;
	const struct run_mount *m; /* it lies in this one, NULL: in none */
	bool root;                 /* of it */
};

static int find_target(struct fs_ctx *x, const struct fs_arg *arg, struct target *t)
{
	struct stat st;
	int err;

	t->m = arg->inside ? arg->at.m : NULL;
	t->root = arg->inside && arg->at.is_root;
	if (!arg->inside)
		return outside_path(x, arg, t->path, sizeof(t->path), &t->dir);
	err = fs_look(x, &arg->at, &st);
	if (err)
		return err;
	t->dir = S_ISDIR(st.st_mode);
	return inside_path(&arg->at, t->path, sizeof(t->path));
}

/* Nothing is really mounted in this run, so nothing is to be: the mounts are those of the machine. */
static bool redirected_run(void)
{
	for (u32 i = 0; i < RUN_MOUNTS; i++)
		if (atomic_load(&the_run->mounts[i].state) == RUN_MOUNT_USED && the_run->mounts[i].real)
			return false;
	return true;
}

/* A bind mount of the instance for all to see. */
static bool mount_really(struct fs_ctx *x, const struct run_mount *m)
{
	char from[RUN_PATH_MAX + 32];

	if (*x->c->root_prefix || redirected_run())
		return false;
	snprintf(from, sizeof(from), "%s/fs/%u", the_store.path, m->instance);
	if (raw5(SYS_mount, from, m->path, NULL, MS_BIND, NULL))
		return false;
	if (m->read_only)
		raw5(SYS_mount, NULL, m->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
	return true;
}

/* The new instance's root belongs to whom the options say. */
static int set_owner(const struct run_mount *m)
{
	char name[32];

	if (!(m->has & 6))
		return 0;
	str_put_u64(str_put(name, "fs/"), m->instance, 10);
	return raw5(SYS_fchownat, the_store.dirfd, name, m->has & 2 ? m->uid : ~0u, m->has & 4 ? m->gid : ~0u,
		    0)
		       ? -EINVAL
		       : 0;
}

static int add_mount(struct fs_ctx *x, const struct run_mount *want)
{
	struct run_mount *m;
	u32 n;
	int err;

	err = instance_new(want->has & 1 ? want->mode : 0777, &n);
	if (err)
		return err;
	pthread_mutex_lock(&table_lock);
	m = new_entry();
	if (m) {
		const u32 state = RUN_MOUNT_FREE;

		*m = *want;
		m->state = state;
		m->instance = n;
		err = set_owner(m);
		/* What lies in a redirected instance is nowhere to be mounted on. */
		if (!err)
			m->real = mount_really(x, m);
		if (!err)
			run_mount_use(table(), m);
	} else {
		err = -ENOSPC;
	}
	pthread_mutex_unlock(&table_lock);
	if (err)
		instance_remove(n);
	return err;
}

static long mount_bpf(struct fs_ctx *x, u64 flags)
{
	struct run_mount want = { .source = "none" };
	char data[PAGE] = "", source[PATH_MAX] = "none";
	struct target t;
	long err;

	err = find_target(x, &x->one, &t);
	if (err)
		return err;
	/* In another root or mount namespace than the supervisor's the mount could not be seen. */
	if (!x->c->ops->privileged(x->c) || *x->c->root_prefix)
		return -EPERM;
	if (x->a[4] && fs_read_string(x->c, x->a[4], data, sizeof(data)) == -EFAULT)
		return -EFAULT;
	data[sizeof(data) - 1] = 0;
	if (x->a[0] && fs_read_string(x->c, x->a[0], source, sizeof(source)))
		return -EFAULT;
	err = fs_parse_options(data, &want);
	if (err)
		return err;
	if (!t.dir)
		return -ENOTDIR;
	if (strlen(t.path) >= sizeof(want.path))
		return -ENAMETOOLONG;
	str_put(want.path, t.path);
	snprintf(want.source, sizeof(want.source), "%.63s", source);
	want.read_only = (flags & MS_RDONLY) != 0;
	return add_mount(x, &want);
}

bool fs_self_bind(u32 i, char path[RUN_PATH_MAX])
{
	bool used;

	if (i >= BINDS)
		return false;
	pthread_mutex_lock(&table_lock);
	used = binds[i][0] != 0;
	if (used)
		str_put(path, binds[i]);
	pthread_mutex_unlock(&table_lock);
	return used;
}

/* Another name for an instance: its root bound elsewhere. */
static long bind_instance(struct fs_ctx *x, const struct target *from, const struct target *to)
{
	struct run_mount *m;
	long err = -ENOSPC;

	if (!to->dir)
		return -ENOTDIR;
	if (!from->root || strlen(to->path) >= sizeof(m->path))
		return -EINVAL; /* the table knows whole instances only */
	pthread_mutex_lock(&table_lock);
	m = new_entry();
	if (m) {
		const struct run_mount copy = *from->m;

		*m = copy;
		m->state = RUN_MOUNT_FREE;
		m->keep = 0;
		str_put(m->path, to->path);
		m->real = mount_really(x, m);
		run_mount_use(table(), m);
		err = 0;
	}
	pthread_mutex_unlock(&table_lock);
	return err;
}

/* A directory bound on itself, where nothing can be mounted. */
static long bind_self(const struct target *t)
{
	char *b = NULL;

	if (strlen(t->path) >= RUN_PATH_MAX)
		return -EPERM;
	pthread_mutex_lock(&table_lock);
	b = find_bind(t->path);
	if (!b)
		b = find_bind("");
	if (b)
		str_put(b, t->path);
	pthread_mutex_unlock(&table_lock);
	return b ? 0 : -ENOSPC;
}

static long mount_bind(struct fs_ctx *x, const struct target *to)
{
	struct target from;
	int err;

	err = fs_locate(x, AT_FDCWD, x->a[0], FS_FOLLOW, &x->two);
	if (err < 0)
		return err;
	if (!x->two.full[0])
		return SYS_CONTINUE;
	err = find_target(x, &x->two, &from);
	if (err)
		return SYS_CONTINUE;
	if (from.m && !(from.root && !strcmp(from.path, to->path)))
		return x->c->ops->privileged(x->c) ? bind_instance(x, &from, to) : -EPERM;
	if (from.m && from.m->real)
		return SYS_CONTINUE;
	if (from.m)
		return x->c->ops->privileged(x->c) ? 0 : -EPERM;
	if (redirected_run() && !strcmp(from.path, to->path) && x->c->ops->privileged(x->c))
		return bind_self(to);
	return SYS_CONTINUE;
}

/* MS_PRIVATE and the like: EINVAL for what is no mount point. */
static long mount_propagation(struct fs_ctx *x, const struct target *to)
{
	if (to->m && to->m->real && to->root)
		return SYS_CONTINUE;
	/* The root is no bpffs: what becomes of it in a process's own namespace is the kernel's matter. */
	if (!to->m && (!redirected_run() || !strcmp(to->path, "/")))
		return SYS_CONTINUE;
	if (!x->c->ops->privileged(x->c))
		return -EPERM;
	if (to->m)
		return to->root ? 0 : -EINVAL;
	if (find_bind(to->path))
		return 0;
	/* A real mount point of the machine is not ours to change; any other directory is none. */
	return -EINVAL;
}

static bool type_is_bpf(struct fs_ctx *x)
{
	char type[16];

	return x->a[2] && !fs_read_string(x->c, x->a[2], type, sizeof(type)) && !strcmp(type, "bpf");
}

long fs_mount(struct fs_ctx *x)
{
	u64 flags = x->a[3];
	struct target to;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(u64)MS_MGC_MSK;
	if (!(flags & (MS_REMOUNT | MS_BIND | MS_MOVE | PROPAGATION)))
		return type_is_bpf(x) ? mount_bpf(x, flags) : SYS_CONTINUE;
	if (!x->one.full[0])
		return SYS_CONTINUE;
	/* The kernel too looks the path up before it asks for privilege. */
	err = find_target(x, &x->one, &to);
	if (err)
		return err;
	if (flags & MS_REMOUNT) {
		if (!to.m)
			return SYS_CONTINUE;
		return !x->c->ops->privileged(x->c) ? -EPERM : to.root ? 0 : -EINVAL;
	}
	if (flags & MS_BIND)
		return mount_bind(x, &to);
	if (flags & PROPAGATION)
		return mount_propagation(x, &to);
	return to.m && to.root ? -EINVAL : SYS_CONTINUE; /* MS_MOVE */
}

#define UMOUNT_FLAGS (MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)

int fs_umount_prepare(struct fs_ctx *x)
{
	return x->a[1] & UMOUNT_NOFOLLOW ? 0 : FS_FOLLOW;
}

/* Is another mount of the table one of the same instance, or below the path? */
static bool shared_instance(const struct run_mount *m)
{
	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *o = &the_run->mounts[i];

		if (o != m && atomic_load(&o->state) == RUN_MOUNT_USED && o->instance == m->instance)
			return true;
	}
	return false;
}

static bool mount_below(const struct run_mount *m)
{
	size_t n = strlen(m->path);

	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *o = &the_run->mounts[i];

		if (atomic_load(&o->state) == RUN_MOUNT_USED && !strncmp(o->path, m->path, n) &&
		    o->path[n] == '/')
			return true;
	}
	return false;
}

static bool link_below(const char *link, const char *root, size_t n)
{
	char text[PATH_MAX];
	long len = raw_readlinkat(AT_FDCWD, link, text, sizeof(text) - 1);

	if (len < (long)n)
		return false;
	text[len] = 0;
	return !memcmp(text, root, n) && (text[n] == '/' || !text[n]);
}

/* Has another process that can be looked into a directory of the instance open, or as its cwd? */
static bool in_use(u32 instance)
{
	char root[sizeof(the_store.path) + 32], path[300];
	size_t n = (size_t)snprintf(root, sizeof(root), "%s/fs/%u", the_store.path, instance);
	DIR *proc = opendir("/proc"), *fds;
	struct dirent *p, *f;
	bool used = false;

	while (proc && !used && (p = readdir(proc))) {
		if (*p->d_name < '0' || *p->d_name > '9' || str_get_u64(p->d_name, NULL) == (u64)getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%.12s/cwd", p->d_name);
		used = link_below(path, root, n);
		snprintf(path, sizeof(path), "/proc/%.12s/fd", p->d_name);
		fds = used ? NULL : opendir(path);
		while (fds && !used && (f = readdir(fds))) {
			snprintf(path, sizeof(path), "/proc/%.12s/fd/%.12s", p->d_name, f->d_name);
			used = link_below(path, root, n);
		}
		if (fds)
			closedir(fds);
	}
	if (proc)
		closedir(proc);
	return used;
}

static long umount_entry(struct fs_ctx *x, const char *path, u32 flags)
{
	struct run_mount *m;
	u32 instance = 0;
	long err = 0;

	pthread_mutex_lock(&table_lock);
	m = find_exact(path);
	if (!m)
		err = -EINVAL;
	else if (mount_below(m) && !(flags & MNT_DETACH))
		err = -EBUSY;
	else if (m->real)
		err = raw2(SYS_umount2, m->path, flags);
	else if (!(flags & MNT_DETACH) && in_use(m->instance))
		err = -EBUSY;
	if (!err) {
		if (!m->keep && m->instance != INSTANCE_MAIN && !shared_instance(m))
			instance = m->instance;
		atomic_store(&m->state, RUN_MOUNT_FREE);
	}
	pthread_mutex_unlock(&table_lock);
	if (!err && instance)
		instance_remove(instance);
	return err;
}

long fs_umount(struct fs_ctx *x)
{
	u32 flags = (u32)x->a[1];
	struct target t;
	char *b;

	if ((flags & ~(u32)UMOUNT_FLAGS) || !x->one.full[0] || find_target(x, &x->one, &t))
		return SYS_CONTINUE;
	/* In other mounts than the run's, what stands there is a copy: its client's own matter. */
	if (t.m && t.m->real && *x->c->root_prefix)
		return SYS_CONTINUE;
	if (t.m) {
		if (!x->c->ops->privileged(x->c))
			return -EPERM;
		return t.root ? umount_entry(x, t.m->path, flags) : -EINVAL;
	}
	if (!x->c->ops->privileged(x->c))
		return SYS_CONTINUE;
	pthread_mutex_lock(&table_lock);
	b = find_bind(t.path);
	if (b)
		b[0] = 0;
	pthread_mutex_unlock(&table_lock);
	return b ? 0 : SYS_CONTINUE;
}

/* The new mount API is not there for this type: mount(8) then takes mount(2). */
long fs_fsopen(struct fs_ctx *x)
{
	char type[16];

	if (fs_read_string(x->c, x->a[0], type, sizeof(type)) || strcmp(type, "bpf"))
		return SYS_CONTINUE;
	return -ENOSYS;
}
