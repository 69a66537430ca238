// SPDX-License-Identifier: BSD-2-Clause
/*
 * Run files, see runs.h and sys/run.h.
 *
 * The supervisor holds an OFD write lock on its run file; the kernel drops it
 * when the process ends, however it ends. A run file that can be locked by
 * someone else has no supervisor; its maker locks it under a temporary name,
 * so that nobody finds it unlocked before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "frontend/notify/runs.h"
#include "store/instance.h"
#include "store/store.h"
#include "util/err.h"

#define FRESH_AGE 30 /* s; younger stores may be in the making */
#define RUN_TRIES 100

static int lock_run(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &l) ? -errno : 0;
}

static struct run_file *own; /* the_run, for its writer */

void run_identity_changes(void)
{
	atomic_fetch_add(&own->identity_changes, 1);
}

static int create_once(char *path, size_t size, struct run_file **r, int *out)
{
	char tmp[RUN_PATH_MAX + 64];
	u32 n = atomic_fetch_add(&the_store.super->next_run, 1);
	int fd, err = 0;

	snprintf(tmp, sizeof(tmp), "%s/runs", the_store.path);
	mkdir(tmp, 0711);
	if (snprintf(path, size, "%s/runs/%d.%u", the_store.path, getpid(), n) >= (int)size)
		return -ENAMETOOLONG;
	snprintf(tmp, sizeof(tmp), "%s/runs/.tmp.%d.%u", the_store.path, getpid(), n);
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0644) || posix_fallocate(fd, 0, sizeof(struct run_file)))
		err = -ENOSPC;
	if (!err)
		err = lock_run(fd);
	if (!err) {
		*r = mmap(NULL, sizeof(**r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		err = *r == MAP_FAILED ? -errno : 0;
	}
	if (!err && rename(tmp, path)) {
		err = -errno;
		munmap(*r, sizeof(**r));
	}
	if (err) {
		unlink(tmp);
		close(fd);
		return err;
	}
	(*r)->magic = RUN_MAGIC;
	own = *r;
	*out = fd;
	return 0;
}

/* One that removes leftovers may come between the making and the locking, and takes it for one. */
int run_create(char *path, size_t size, struct run_file **r, int *out)
{
	int err = -EAGAIN;

	for (int i = 0; i < RUN_TRIES && (err == -EAGAIN || err == -ENOENT); i++)
		err = create_once(path, size, r, out);
	return err;
}

void tree_remove(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(fd, e->d_name, 0) && errno == EISDIR)
			tree_remove(fd, e->d_name);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

void run_remove(const char *path, struct run_file *r)
{
	for (u32 i = 0; i < RUN_MOUNTS; i++) {
		const struct run_mount *m = &r->mounts[i];

		if (m->state == RUN_MOUNT_USED && !m->keep && m->instance != INSTANCE_MAIN)
			instance_remove(m->instance);
	}
	r->supervisor = 0;
	unlink(path);
}

/* One that a tracer gives descriptions through, PATH.N, of a run that is gone. */
static void clean_socket(const char *path)
{
	char run[RUN_PATH_MAX + 272];
	char *dot;

	snprintf(run, sizeof(run), "%s", path);
	dot = strrchr(run, '.');
	if (dot)
		*dot = 0;
	if (dot && access(run, F_OK))
		unlink(path);
}

/* 1: it was a leftover. */
static int clean_one(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct run_file *r = MAP_FAILED;
	struct stat st;
	int gone = 0;

	if (fd < 0 && errno == ENXIO)
		clean_socket(path);
	if (fd < 0)
		return 0;
	if (lock_run(fd) || fstat(fd, &st))
		goto out;
	gone = 1;
	if (st.st_size >= (off_t)sizeof(*r))
		r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r != MAP_FAILED) {
		run_remove(path, r);
		munmap(r, sizeof(*r));
	}
	unlink(path);
out:
	close(fd);
	return gone;
}

int runs_clean(void)
{
	char dir[RUN_PATH_MAX + 8], path[RUN_PATH_MAX + 272];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/runs", the_store.path);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			n += clean_one(path);
	}
	if (d)
		closedir(d);
	return n;
}

/* Nobody holds a lock on any byte of the file. */
static bool unlocked(int dirfd, const char *name)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool none;

	if (fd < 0)
		return true;
	none = !fcntl(fd, F_OFD_GETLK, &l) && l.l_type == F_UNLCK;
	close(fd);
	return none;
}

static bool all_unlocked(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool none = true;

	while (d && none && (e = readdir(d)))
		none = unlocked(fd, e->d_name);
	if (d)
		closedir(d);
	return none;
}

/* No supervisor, no actor, and not one that is just being made. */
static bool fresh_abandoned(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	bool gone;

	if (fd < 0)
		return false;
	gone = !fstat(fd, &st) && st.st_uid == geteuid() && time(NULL) - st.st_ctime > FRESH_AGE &&
	       unlocked(fd, "actors") && all_unlocked(fd, "runs");
	close(fd);
	return gone;
}

void fresh_clean(const char *base)
{
	char pattern[PATH_MAX];
	glob_t g;

	if (snprintf(pattern, sizeof(pattern), "%s.fresh.*", base) >= (int)sizeof(pattern) ||
	    glob(pattern, GLOB_NOSORT, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (fresh_abandoned(g.gl_pathv[i]))
			tree_remove(AT_FDCWD, g.gl_pathv[i]);
	globfree(&g);
}
