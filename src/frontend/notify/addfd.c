// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fds of a target: giving it one, and finding out what its numbers stand for.
 *
 * A description made here is installed by SECCOMP_IOCTL_NOTIF_ADDFD at the
 * lowest free number, as the kernel would. Where it can (Linux 5.14) the same
 * call answers the notified one with that number: so install_fd is the last
 * thing that a command does.
 *
 * A number is looked up by a copy of the description (pidfd.c), or by
 * /proc/TID/fd where copies cannot be had. Handles of recent objects are kept
 * in a small table, one reference each, so that an element operation finds its
 * map mapped:
 *
 *     recent[inode % RECENT] -> handle     replaced at will, under its mutex
 *
 * An inode number is believed only of a handle that is mapped: the mapping
 * keeps the inode, so that the filesystem cannot have given its number away.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "frontend/notify/notify.h"
#include "frontend/trace/deliver.h"
#include "frontend/trace/trace.h"
#include "store/store.h"
#include "util/raw.h"

#define RECENT 1024

static struct recent {
	struct handle *h;
} recent[RECENT];
static pthread_mutex_t recent_lock = PTHREAD_MUTEX_INITIALIZER;

static struct target *target_of(struct bpf_caller *c)
{
	return container_of(c, struct target, c);
}

/* A new reference to a mapped handle, or NULL. */
static struct handle *recent_get(u64 ino)
{
	struct recent *r = &recent[ino % RECENT];
	struct handle *h = NULL;

	pthread_mutex_lock(&recent_lock);
	if (r->h && r->h->ino == ino && r->h->opened) {
		h = r->h;
		handle_ref(h);
	}
	pthread_mutex_unlock(&recent_lock);
	return h;
}

static void recent_put(struct handle *h)
{
	struct recent *r = &recent[h->ino % RECENT];
	struct handle *old;

	reaper_want_deletes();
	handle_ref(h);
	pthread_mutex_lock(&recent_lock);
	old = r->h;
	r->h = h;
	pthread_mutex_unlock(&recent_lock);
	if (old)
		handle_put(old);
}

void target_forget(enum obj_type type, u32 id)
{
	struct handle *old = NULL;

	pthread_mutex_lock(&recent_lock);
	for (u32 i = 0; i < RECENT && !old; i++) {
		struct handle *h = recent[i].h;

		if (!h || h->type != type || h->id != id)
			continue;
		recent[i].h = NULL;
		old = h;
	}
	pthread_mutex_unlock(&recent_lock);
	if (old)
		handle_put(old);
}

static char *fd_path(char buf[64], const struct bpf_caller *c, int fd)
{
	snprintf(buf, 64, "/proc/%d/fd/%d", c->tid, fd);
	return buf;
}

/* The object behind an fd of this process (O_PATH is enough), with a reference. */
static struct handle *handle_of(int fd)
{
	enum obj_type type;
	struct handle *h;
	struct stat st;
	u32 id;

	if (raw_fstat(fd, &st))
		return ERR_PTR(-EBADF);
	if (!S_ISREG(st.st_mode) || st.st_dev != the_store.dev)
		return ERR_PTR(-EINVAL);
	h = recent_get(st.st_ino);
	if (h)
		return h;
	if (obj_identify(fd, &type, &id, &st))
		return ERR_PTR(-EINVAL);
	h = handle_get(type, id, st.st_ino);
	if (!IS_ERR(h))
		recent_put(h);
	return h;
}

/* By /proc. The link's own mode tells how the description was opened. */
static int open_link(const struct bpf_caller *c, int fd, u32 *acc)
{
	char path[64];
	struct stat st;
	int copy;

	if (lstat(fd_path(path, c, fd), &st) || !(st.st_mode & 0600))
		return -EBADF;
	*acc = (st.st_mode & 0600) == 0600 ? O_RDWR : st.st_mode & 0200 ? O_WRONLY : O_RDONLY;
	copy = open(path, O_PATH | O_CLOEXEC);
	return copy < 0 ? -EBADF : copy;
}

static int open_copy(const struct bpf_caller *c, int fd, u32 *acc)
{
	int copy = pidfd_copy(c->tid, fd), flags;

	if (copy < 0)
		return copy == -EBADF ? copy : open_link(c, fd, acc);
	flags = raw_fcntl(copy, F_GETFL, 0);
	*acc = (u32)flags & O_ACCMODE;
	if (!(flags & O_PATH))
		return copy;
	raw_close(copy);
	return -EBADF;
}

int target_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f)
{
	int copy = fd < 0 ? -EBADF : open_copy(c, fd, &f->acc);

	if (copy < 0)
		return copy;
	f->h = handle_of(copy);
	raw_close(copy);
	if (IS_ERR(f->h))
		return (int)PTR_ERR(f->h);
	f->counted = true;
	return 0;
}

int target_dup_fd(struct bpf_caller *c, int fd)
{
	char path[64];
	int copy;

	if (fd < 0)
		return -EBADF;
	copy = open(fd_path(path, c, fd), O_PATH | O_CLOEXEC);
	return copy < 0 ? (errno == EMFILE ? -EMFILE : -EBADF) : copy;
}

int target_share_fd(struct bpf_caller *c, int fd)
{
	int copy = pidfd_copy(c->tid, fd);

	return copy == -EBADF ? copy : copy < 0 ? -EOPNOTSUPP : copy;
}

/* Where descriptions cannot be copied, what can be opened by its name will do; a socket cannot. */
int target_copy_fd(struct bpf_caller *c, int fd)
{
	char path[64];
	int copy = pidfd_copy(c->tid, fd);

	if (copy >= 0 || copy == -EBADF)
		return copy;
	copy = open(fd_path(path, c, fd), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return copy < 0 ? (errno == ENXIO ? -EOPNOTSUPP : -EBADF) : copy;
}

int target_fd_text(struct bpf_caller *c, int fd, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	if (fd < 0)
		return -EBADF;
	n = readlink(fd_path(path, c, fd), buf, size - 1);
	if (n < 0)
		return -EBADF;
	buf[n] = 0;
	return (int)n;
}

/* send: the client goes on at once, while this process still has its copy. */
static int addfd(struct target *t, int fd, bool cloexec, bool send)
{
	static _Atomic bool no_send;
	struct seccomp_notif_addfd add = {
		.id = t->id,
		.flags = send && !no_send ? SECCOMP_ADDFD_FLAG_SEND : 0,
		.srcfd = (u32)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int got;

	if (trace_delivers)
		return trace_give(t->id, fd, cloexec);
	got = ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (got < 0 && errno == EINVAL && add.flags) {
		no_send = true;
		return addfd(t, fd, cloexec, false);
	}
	if (got >= 0 && add.flags)
		t->answered = true;
	return got < 0 ? -errno : got;
}

int target_install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags)
{
	/* An object whose last fd the client closes meanwhile is settled here; of other files nobody would
	 * see it. A link's last fd takes its attachment along, which must be so when close(2) returns.
	 */
	int got = target_flush(target_of(c));

	if (!got)
		got = addfd(target_of(c), fd, oflags & O_CLOEXEC, h && h->type != OBJ_LINK);

	/* The client's copy keeps the description and its lock; without one this was the only reference. */
	if (got < 0 && h)
		obj_close(fd, h->type, h->id);
	else
		raw_close(fd);
	return got;
}

/* Do others than the calling thread take and close numbers of its table? Of processes that share it without
 * being one, as after clone(CLONE_FILES), nothing is to be seen. */
static bool alone(const struct bpf_caller *c)
{
	char path[64];
	struct stat st;

	/* One directory a thread, and the two dots. */
	snprintf(path, sizeof(path), "/proc/%d/task", c->tid);
	return !stat(path, &st) && st.st_nlink == 3;
}

int target_next_fd(struct bpf_caller *c, int from)
{
	struct rlimit lim;
	char path[64];
	struct stat st;

	/* Where the client itself receives its descriptors they cannot be given a number. */
	if (trace_delivers || !alone(c))
		return -EOPNOTSUPP;
	while (!lstat(fd_path(path, c, from), &st))
		from++;
	if (errno != ENOENT)
		return -EOPNOTSUPP;
	if (!prlimit(c->tid, RLIMIT_NOFILE, NULL, &lim) && (rlim_t)from >= lim.rlim_cur)
		return -EMFILE;
	return target_valid(target_of(c)) ? from : -EINTR;
}

int target_place_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags, int number)
{
	struct seccomp_notif_addfd add = {
		.id = target_of(c)->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (u32)fd,
		.newfd = (u32)number,
		.newfd_flags = oflags & O_CLOEXEC ? O_CLOEXEC : 0,
	};
	char path[64];
	struct stat st;
	int got = -EBUSY;

	if (lstat(fd_path(path, c, number), &st))
		got = ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : number;
	if (got < 0 && h)
		obj_close(fd, h->type, h->id);
	else
		raw_close(fd);
	return got == -EBADF ? -EMFILE : got;
}
