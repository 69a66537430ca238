// SPDX-License-Identifier: BSD-2-Clause
/*
 * Choosing and entering a world: see world.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "frontend/notify/probes.h"
#include "frontend/notify/world.h"
#include "store/store.h"

void say_verbose(const struct run_opts *o, const char *fmt, ...)
{
	va_list ap;

	if (!o->verbose)
		return;
	fputs("pinfs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int world_mount_ns(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int map_id(const char *path, u32 inside, u32 outside)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1\n", inside, outside);
	return write_file(path, line);
}

int world_user_ns(u32 uid, u32 gid)
{
	u32 own_uid = geteuid(), own_gid = getegid();
	int err;

	if (unshare(CLONE_NEWUSER))
		return -errno;
	err = write_file("/proc/self/setgroups", "deny");
	if (err && err != -ENOENT)
		return err;
	err = map_id("/proc/self/uid_map", uid, own_uid);
	return err ? err : map_id("/proc/self/gid_map", gid, own_gid);
}

static bool usable(const struct run_opts *o, const char *probe)
{
	char why[PROBE_WHY] = "";
	bool works = probe_ok(probe, why, sizeof(why));

	say_verbose(o, "%s: %s%s%s", probe, works ? "yes" : "no", *why ? ", " : "", why);
	return works;
}

enum world_kind world_choose(const struct run_opts *o)
{
	if (o->redirect)
		return WORLD_REDIRECT;
	if (usable(o, "mount-namespace"))
		return WORLD_ROOT;
	if (!o->no_userns && usable(o, "user-mount-namespace"))
		return WORLD_USER_NS;
	return WORLD_REDIRECT;
}

int world_enter(enum world_kind kind, const struct run_opts *o)
{
	int err;

	switch (kind) {
	case WORLD_ROOT: return world_mount_ns();
	case WORLD_USER_NS:
		err = o->keep_uid ? world_user_ns(geteuid(), getegid()) : world_user_ns(0, 0);
		return err ? err : world_mount_ns();
	default: return 0;
	}
}

static struct run_mount *free_entry(struct run_file *r)
{
	for (u32 i = 0; i < RUN_MOUNTS; i++)
		if (r->mounts[i].state == RUN_MOUNT_FREE)
			return &r->mounts[i];
	return NULL;
}

const struct run_mount *world_mount(enum world_kind kind, struct run_file *r, u32 instance, const char *path)
{
	struct run_mount *m = free_entry(r);
	char from[RUN_PATH_MAX + 32];

	if (!m || strlen(path) >= sizeof(m->path))
		return NULL;
	snprintf(from, sizeof(from), "%s/fs/%u", the_store.path, instance);
	m->instance = instance;
	m->keep = 1;
	m->real = kind != WORLD_REDIRECT && !mount(from, path, NULL, MS_BIND, NULL);
	snprintf(m->path, sizeof(m->path), "%s", path);
	snprintf(m->source, sizeof(m->source), "bpf");
	run_mount_use(r, m);
	return m;
}

int store_prepare(const char *path)
{
	struct stat st;

	if (mkdir(path, 0711) && errno != EEXIST)
		return -errno;
	if (lstat(path, &st))
		return -errno;
	if (S_ISLNK(st.st_mode) && st.st_uid == geteuid() && stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}
