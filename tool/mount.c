// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs mount, umount: directories that are bpffs instances in later runs.
 *
 * STORE/mounts/N is a symlink to the directory that instance N belongs on. The
 * instance is made first and the link last, so that a link never leads nowhere;
 * umount goes the other way round.
 */
#include "store/instance.h"
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/live_runs.h"
#include "tool/out.h"
#include "tool/where.h"
#include "util/raw.h"
#include "util/str.h"
#include <limits.h>
#include <stdlib.h>

struct find {
	const char *path;
	u32 n;
};

static int match_path(void *arg, u32 n, const char *path)
{
	struct find *f = arg;

	if (strcmp(f->path, path))
		return 0;
	f->n = n;
	return 1;
}

static int match_instance(void *arg, const struct run_mount *m)
{
	return m->instance == *(const u32 *)arg;
}

static char *mount_name(char *buf, u32 n)
{
	str_put_u64(str_put(buf, "mounts/"), n, 10);
	return buf;
}

/* 0: path holds the directory's absolute path. */
static int real_dir(const char *dir, char path[PATH_MAX])
{
	struct stat st;

	if (!realpath(dir, path) || stat(path, &st))
		return out_error(errno, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return out_error(ENOTDIR, "%s", dir);
	return strlen(path) < RUN_PATH_MAX ? 0 : out_error(ENAMETOOLONG, "%s", dir);
}

int cmd_mount(int argc, char **argv)
{
	char path[PATH_MAX], name[32];
	struct find f = { .path = path };
	int err = real_dir(argv[1], path);

	if (err || where_open(STORE_CREATE))
		return 1;
	if (!strcmp(path, "/sys/fs/bpf"))
		return out_error(0, "%s is an instance in every run", path);
	if (instance_each_mount(match_path, &f) > 0)
		return out_error(EEXIST, "%s", path);
	err = instance_new(0777, &f.n);
	if (err)
		return out_error(err, "a new instance in %s", the_store.path);
	err = (int)raw3(SYS_symlinkat, path, the_store.dirfd, mount_name(name, f.n));
	if (err) {
		instance_remove(f.n);
		return out_error(err, "%s/%s", the_store.path, name);
	}
	return 0;
}

int cmd_umount(int argc, char **argv)
{
	char path[PATH_MAX], name[32];
	struct find f = { .path = path };
	int err;

	/* The directory itself may be gone. */
	if (!realpath(argv[1], path)) {
		if (argv[1][0] != '/' || strlen(argv[1]) >= sizeof(path))
			return out_error(errno, "%s", argv[1]);
		strcpy(path, argv[1]);
	}
	if (where_open(0))
		return 1;
	if (instance_each_mount(match_path, &f) <= 0)
		return out_error(EINVAL, "%s is no instance of %s", path, the_store.path);
	if (live_runs_each_mount(match_instance, &f.n) > 0)
		return out_error(EBUSY, "%s", path);
	err = raw_unlinkat(the_store.dirfd, mount_name(name, f.n), 0);
	if (!err)
		err = instance_remove(f.n);
	return err ? out_error(err, "%s", path) : 0;
}
