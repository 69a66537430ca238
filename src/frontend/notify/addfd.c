// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fds of a target: giving it one, and finding out what its numbers stand for.
 *
 * A description made here is installed by SECCOMP_IOCTL_NOTIF_ADDFD at the
 * lowest free number, as the kernel would. Where it can (Linux 5.14) the same
 * call answers the notified one with that number: so install_fd is the last
 * thing that a command does.
 *
 * A number is looked up by the text of /proc/TID/fd/N: an object's fd reads
 * STORE/bpf-map/25, and ids are never used again. Descriptions that were opened
 * in another mount namespace may read differently; those are identified by the
 * file itself. Handles of recent objects are kept in a small table, one
 * reference each, so that an element operation finds its map mapped:
 *
 *     recent[hash(type, id)] -> handle     replaced at will, under its mutex
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "frontend/notify/notify.h"
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

static struct recent *recent_slot(enum obj_type type, u32 id)
{
	return &recent[(id * OBJ_TYPES + type) % RECENT];
}

/* A new reference, or NULL. */
static struct handle *recent_get(enum obj_type type, u32 id)
{
	struct recent *r = recent_slot(type, id);
	struct handle *h = NULL;

	pthread_mutex_lock(&recent_lock);
	if (r->h && r->h->type == type && r->h->id == id) {
		h = r->h;
		handle_ref(h);
	}
	pthread_mutex_unlock(&recent_lock);
	return h;
}

static void recent_put(struct handle *h)
{
	struct recent *r = recent_slot(h->type, h->id);
	struct handle *old;

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
	struct recent *r = recent_slot(type, id);
	struct handle *old = NULL;

	pthread_mutex_lock(&recent_lock);
	if (r->h && r->h->type == type && r->h->id == id) {
		old = r->h;
		r->h = NULL;
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

/* STORE/DIR/ID, whole. */
static bool parse_text(const char *text, enum obj_type *type, u32 *id)
{
	size_t n = strlen(the_store.path);
	char *end;

	if (strncmp(text, the_store.path, n) || text[n] != '/')
		return false;
	text += n + 1;
	for (unsigned t = 0; t < OBJ_TYPES; t++) {
		const struct obj_type_ops *ops = store_type(t);
		size_t len = ops ? strlen(ops->dir) : 0;

		if (!len || strncmp(text, ops->dir, len) || text[len] != '/')
			continue;
		*type = t;
		*id = (u32)strtoul(text + len + 1, &end, 10);
		return end != text + len + 1 && !*end;
	}
	return false;
}

static int identify(const char *path, const char *text, enum obj_type *type, u32 *id, u64 *ino)
{
	struct stat st;
	int fd, err;

	if (stat(path, &st))
		return -EBADF;
	*ino = st.st_ino;
	if (parse_text(text, type, id))
		return 0;
	if (!S_ISREG(st.st_mode) || st.st_dev != the_store.dev)
		return -EINVAL;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -EBADF;
	err = obj_identify(fd, type, id);
	close(fd);
	return err ? -EINVAL : 0;
}

static struct handle *find_handle(const char *path, const char *text)
{
	enum obj_type type;
	struct handle *h;
	u64 ino;
	u32 id;
	int err;

	if (parse_text(text, &type, &id) && (h = recent_get(type, id)))
		return h;
	err = identify(path, text, &type, &id, &ino);
	if (err)
		return ERR_PTR(err);
	h = handle_get(type, id, ino);
	if (!IS_ERR(h))
		recent_put(h);
	return h;
}

int target_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f)
{
	char path[64], text[RUN_PATH_MAX + 64];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -EBADF;
	n = readlink(fd_path(path, c, fd), text, sizeof(text) - 1);
	/* The link's own mode tells how the description was opened. */
	if (n < 0 || lstat(path, &st))
		return -EBADF;
	if (!(st.st_mode & 0600))
		return -EBADF; /* O_PATH */
	text[n] = 0;
	f->h = find_handle(path, text);
	if (IS_ERR(f->h))
		return (int)PTR_ERR(f->h);
	f->counted = true;
	f->acc = (st.st_mode & 0600) == 0600 ? O_RDWR : st.st_mode & 0200 ? O_WRONLY : O_RDONLY;
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

static int addfd(struct target *t, int fd, bool cloexec)
{
	static _Atomic bool no_send;
	struct seccomp_notif_addfd add = {
		.id = t->id,
		.flags = no_send ? 0 : SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (u32)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int got = ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (got < 0 && errno == EINVAL && add.flags) {
		no_send = true;
		return addfd(t, fd, cloexec);
	}
	if (got >= 0 && add.flags)
		t->answered = true;
	return got < 0 ? -errno : got;
}

int target_install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags)
{
	int got = addfd(target_of(c), fd, oflags & O_CLOEXEC);

	/* The client's copy keeps the description and its lock; without one this was the only reference. */
	if (got < 0 && h)
		obj_close(fd, h->type, h->id);
	else
		raw_close(fd);
	return got;
}
