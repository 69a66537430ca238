// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making and removing instances: see instance.h.
 *
 * A tree of any depth is emptied without recursion: a directory found inside
 * another is moved up to the instance's root, under a name that no client can
 * make (it has a dot), and emptied there in a later round.
 */
#include "store/instance.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>

#define GONE ".gone." /* + N, in fs/ */

static char *instance_path(char *buf, const char *prefix, u32 n)
{
	str_put_u64(str_put(buf, prefix), n, 10);
	return buf;
}

static const struct {
	const char *name, *text;
} debug_files[] = {
	{ "maps.debug", INSTANCE_DEBUG_MAPS },
	{ "progs.debug", INSTANCE_DEBUG_PROGS },
};

bool instance_debug_name(const char *name)
{
	return !strcmp(name, debug_files[0].name) || !strcmp(name, debug_files[1].name);
}

/* Mode 0400, whatever the umask. One that cannot be written whole is not there. */
static void debug_file(int storefd, const char *path, const char *text)
{
	int fd = raw_openat(storefd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);

	if (fd < 0)
		return;
	if (raw_pwrite(fd, text, strlen(text), 0) != (long)strlen(text))
		raw_unlinkat(storefd, path, 0);
	raw2(SYS_fchmod, fd, 0400);
	raw_close(fd);
}

void instance_debug_files(int storefd, const char *dir)
{
	char path[64];

	for (u32 i = 0; i < ARRAY_SIZE(debug_files); i++) {
		str_put(str_put(str_put(path, dir), "/"), debug_files[i].name);
		debug_file(storefd, path, debug_files[i].text);
	}
}

int instance_new(u32 mode, u32 *n)
{
	char path[32];
	int err;

	do {
		*n = atomic_fetch_add(&the_store.super->next_instance, 1);
		err = raw_mkdirat(the_store.dirfd, instance_path(path, "fs/", *n), 0700);
	} while (err == -EEXIST);
	if (err)
		return err;
	/* Not by mkdir: the umask is the client's. */
	err = (int)raw3(SYS_fchmodat, the_store.dirfd, path, (mode & 07777) | S_ISVTX);
	if (!err)
		instance_debug_files(the_store.dirfd, path);
	return err;
}

/* True if it is gone. */
static bool drop_pin(int dirfd, const char *name)
{
	enum obj_type type;
	struct stat st;
	u32 id;
	bool object = !obj_identify_path(dirfd, name, &type, &id, &st);

	if (raw_unlinkat(dirfd, name, 0))
		return false;
	if (object)
		obj_reap(type, id);
	return true;
}

/* Moves a directory up to root, where the next round finds it. */
static void hoist(int dirfd, const char *name, int root)
{
	char to[32];
	u32 i = 0;

	do
		str_put_u64(str_put(to, ".up."), i++, 10);
	while (raw_renameat2(dirfd, name, root, to, RENAME_NOREPLACE) == -EEXIST && i);
}

static void empty_dir(const char *path, int root)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, path))
		return;
	while ((e = dirscan_next(&d))) {
		if (e->type == DT_DIR)
			hoist(d.fd, e->name, root);
		else
			drop_pin(d.fd, e->name);
	}
	dirscan_close(&d);
}

/* One round over the root. True if something went, so that another round is due. */
static bool empty_root(const char *path)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	char sub[NAME_MAX + 64];
	bool went = false;

	if (dirscan_open(&d, path))
		return false;
	while ((e = dirscan_next(&d))) {
		if (e->type == DT_DIR) {
			char *p = str_put(sub, path);

			*p++ = '/';
			str_put(p, e->name);
			empty_dir(sub, d.fd);
			went |= !raw_unlinkat(d.fd, e->name, AT_REMOVEDIR);
		} else {
			went |= drop_pin(d.fd, e->name);
		}
	}
	dirscan_close(&d);
	return went;
}

static int remove_gone(const char *path)
{
	while (empty_root(path))
		;
	return raw_unlinkat(the_store.dirfd, path, AT_REMOVEDIR);
}

int instance_remove(u32 n)
{
	char from[32], to[32];
	int err;

	err = raw_renameat2(the_store.dirfd, instance_path(from, "fs/", n), the_store.dirfd,
			    instance_path(to, "fs/" GONE, n), RENAME_NOREPLACE);
	return err ? err : remove_gone(to);
}

u32 instance_gc(void)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	char path[NAME_MAX + 8];
	u32 n = 0;

	if (dirscan_open(&d, "fs"))
		return 0;
	while ((e = dirscan_next(&d))) {
		if (!str_starts(e->name, GONE))
			continue;
		str_put(str_put(path, "fs/"), e->name);
		n += !remove_gone(path);
	}
	dirscan_close(&d);
	return n;
}

int instance_each_mount(int (*each)(void *arg, u32 n, const char *path), void *arg)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	char path[PATH_MAX];
	int ret = dirscan_open(&d, "mounts");

	if (ret)
		return ret;
	while (!ret && (e = dirscan_next(&d))) {
		const char *end;
		u64 n = str_get_u64(e->name, &end);
		long len = raw_readlinkat(d.fd, e->name, path, sizeof(path));

		if (*end || end == e->name || n > 0xffffffffu || len <= 0 || len >= (long)sizeof(path))
			continue;
		path[len] = 0;
		ret = each(arg, (u32)n, path);
	}
	dirscan_close(&d);
	return ret;
}
