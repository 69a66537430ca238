// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on cgroups, sysctl and storage that hangs on kernel objects.
 *
 * The cgroup of the task that runs is found where every process can see it; of
 * the rest there are prototypes only. See sock_helpers.c.
 */
#include "helper/helper_ids.h"
#include "map/outer_slots.h"
#include "util/err.h"
#include "util/raw.h"
#include <string.h>
#include <sys/vfs.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

/* ---- the current task's cgroup ---- */

#define CGROUP2_MAGIC 0x63677270
#define PATH_ROOM     1024u

/* Where the directories of the second version's cgroups are: alone, or beside those of the first. */
static const char *cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		if (!raw2(SYS_statfs, places[i], &fs) && fs.f_type == CGROUP2_MAGIC)
			return places[i];
	return NULL;
}

/* The path below it of this thread's cgroup, from the line "0::/...": its length, 0 for the root, or -1. */
static int cgroup_path(char *path)
{
	char text[PATH_ROOM + 512];
	int fd = raw_openat(AT_FDCWD, "/proc/thread-self/cgroup", O_RDONLY | O_CLOEXEC, 0);
	const char *p, *end;
	long n;

	if (fd < 0)
		return -1;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	text[MAX(n, 0)] = 0;
	for (p = text; p && strncmp(p, "0::", 3); p = *p ? p : NULL) {
		p = strchr(p, '\n');
		p = p ? p + 1 : "";
	}
	end = p ? strchr(p, '\n') : NULL;
	if (!end || (size_t)(end - p) > PATH_ROOM)
		return -1;
	p += 3;
	n = p[1] == '\n' ? 0 : end - p;
	memcpy(path, p, (size_t)n);
	return (int)n;
}

#define LEVEL_OWN ~0u

/* Leaves as many steps of the path as level says. False: it has fewer. */
static bool cut_at(char *below, u32 level)
{
	char *p = below;

	for (; level && *p == '/'; level--)
		for (p++; *p && *p != '/'; p++)
			;
	*p = 0;
	return !level;
}

/* The id of the current cgroup, or of what is `level` steps below the root on the way there; 0: none. */
static u64 cgroup_at(u32 level)
{
	const char *root = cgroup_root();
	char path[64 + PATH_ROOM + 1], *below;
	struct stat st;
	int n;

	if (!root)
		return 0;
	memcpy(path, root, strlen(root));
	below = path + strlen(root);
	n = cgroup_path(below);
	if (n < 0)
		return 0;
	below[n] = 0;
	if (level != LEVEL_OWN && !cut_at(below, level))
		return 0;
	return raw_fstatat(AT_FDCWD, path, &st, 0) ? 0 : st.st_ino;
}

HELPER(get_current_cgroup_id)
{
	return cgroup_at(LEVEL_OWN);
}

HELPER(get_current_ancestor_cgroup_id)
{
	return (s32)r1 < 0 ? 0 : cgroup_at((u32)r1);
}

HELPER(current_task_under_cgroup)
{
	struct bpf_map *m = u64_to_ptr(r1);
	u32 i = (u32)r2;
	u64 want, is;

	if (i >= m->max_entries)
		return (u64)-E2BIG;
	want = outer_load(m, i).hi;
	if (!want)
		return (u64)-EAGAIN;
	for (u32 level = 0; (is = cgroup_at(level)); level++)
		if (is == want)
			return 1;
	return 0;
}

PROTO(skb_under_cgroup, INT, ARGS(CTX, MAP, ANY), .maps = T(CGROUP_ARRAY));
PROTO(current_task_under_cgroup, .func = current_task_under_cgroup, INT, ARGS(MAP, ANY),
      .maps = T(CGROUP_ARRAY));
PROTO(get_current_cgroup_id, .func = get_current_cgroup_id, INT);
PROTO(get_current_ancestor_cgroup_id, .func = get_current_ancestor_cgroup_id, INT, ARGS(ANY));
PROTO(sk_cgroup_id, INT, ARGS(SOCK));
PROTO(sk_ancestor_cgroup_id, INT, ARGS(SOCK, ANY));
PROTO(get_retval, INT);
PROTO(set_retval, INT, ARGS(ANY));

/* ---- sysctl ---- */

PROTO(sysctl_get_name, INT, ARGS(CTX, OUT, SIZE, ANY));
PROTO(sysctl_get_current_value, INT, ARGS(CTX, OUT, SIZE));
PROTO(sysctl_get_new_value, INT, ARGS(CTX, OUT, SIZE));
PROTO(sysctl_set_new_value, INT, ARGS(CTX, IN, SIZE));

/* ---- storage ---- */

#define STORAGE .ret = RET_MAP_VALUE | RET_F_NULL, .special = HELPER_STORAGE_GET

PROTO(get_local_storage, .ret = RET_MAP_VALUE, .special = HELPER_GET_LOCAL_STORAGE, ARGS(MAP, ANY),
      .maps = T(CGROUP_STORAGE) | T(PERCPU_CGROUP_STORAGE));
PROTO(sk_storage_get, STORAGE, ARGS(MAP, SOCK, VALUE_OR_NULL, ANY), .maps = T(SK_STORAGE));
PROTO(sk_storage_delete, INT, ARGS(MAP, SOCK), .maps = T(SK_STORAGE));
PROTO(inode_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T(INODE_STORAGE));
PROTO(inode_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T(INODE_STORAGE));
PROTO(task_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T(TASK_STORAGE));
PROTO(task_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T(TASK_STORAGE));
PROTO(cgrp_storage_get, STORAGE, ARGS(MAP, BTF_OR_NULL, VALUE_OR_NULL, ANY), .maps = T_CGRP_STORAGE);
PROTO(cgrp_storage_delete, INT, ARGS(MAP, BTF_OR_NULL), .maps = T_CGRP_STORAGE);
