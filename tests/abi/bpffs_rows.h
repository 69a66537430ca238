// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the rows of bpffs_rows.c are made of: its objects, and facts of files as text.
 */
#ifndef PINFS_TESTS_BPFFS_ROWS_H
#define PINFS_TESTS_BPFFS_ROWS_H

#include "abi/world.h"
#include <dirent.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

#define ROW(name, call)       (say("%s", name), result(call))
#define ROW_FD(name, call)    (say("%s", name), result_fd(call))
#define VALUE(name, fmt, ...) say("%s: " fmt "\n", name, __VA_ARGS__)
#define TEXT_MAX              4096

static int map_fd, in_fd, ren_fd, prog_fd, text_fd, dir_fd;
static char root[256];
static char name_255[300], name_256[300];

static inline const char *in_root(const char *name)
{
	static char buf[4][512];
	static int turn;
	char *p = buf[turn++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", root, name);
	return p;
}

#define R(name) in_root(name)

static int pin(int fd, const char *path)
{
	union row_attr r = { .a = { .pathname = ptr(path), .bpf_fd = fd } };

	return raw_bpf(BPF_OBJ_PIN, &r, 16);
}

static int get(const char *path)
{
	union row_attr r = { .a = { .pathname = ptr(path) } };

	return raw_bpf(BPF_OBJ_GET, &r, 16);
}

static int next_key(int fd)
{
	uint32_t key;
	union row_attr r = { .a = { .map_fd = fd, .next_key = ptr(&key) } };

	return raw_bpf(BPF_MAP_GET_NEXT_KEY, &r, 32);
}

/* "/proc/self/fd/7" */
static inline const char *in_proc(const char *fmt, int fd)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), fmt, fd);
	return buf;
}

static void make_objects(void)
{
	union row_attr r = { .a = { .map_type = BPF_MAP_TYPE_ARRAY,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = 3,
				    .btf_key_type_id = BTF_INT,
				    .btf_value_type_id = BTF_INT } };
	uint32_t key = 1;
	int value = -5;
	union row_attr u = { .a = { .key = ptr(&key), .value = ptr(&value) } };

	btf_make();
	map_fd = world_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0);
	in_fd = world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	ren_fd = world_map(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	prog_fd = world_prog(BPF_PROG_TYPE_SOCKET_FILTER);
	r.a.btf_fd = world_btf();
	text_fd = raw_bpf(BPF_MAP_CREATE, &r, 72);
	must(map_fd >= 0 && prog_fd >= 0 && text_fd >= 0, "a map, a program, a map with BTF");
	u.a.map_fd = text_fd;
	must(raw_bpf(BPF_MAP_UPDATE_ELEM, &u, 32) == 0, "an element");
}

/* Facts of a file, without numbers that differ between two machines. */
static void facts(const char *name, const char *path, int flags)
{
	struct stat st;

	say("%s", name);
	if (fstatat(AT_FDCWD, path, &st, flags)) {
		result(-1);
		return;
	}
	say(": mode %06o nlink %d size %ld blocks %ld blksize %ld uid %u gid %u\n", st.st_mode,
	    (int)st.st_nlink, (long)st.st_size, (long)st.st_blocks, (long)st.st_blksize, st.st_uid,
	    st.st_gid);
}

static void facts_x(const char *name, const char *path, int flags)
{
	struct statx st;

	say("%s", name);
	if (statx(AT_FDCWD, path, flags, STATX_ALL, &st)) {
		result(-1);
		return;
	}
	say(": mode %06o nlink %u size %llu blocks %llu blksize %u uid %u gid %u btime %d\n", st.stx_mode,
	    st.stx_nlink, (unsigned long long)st.stx_size, (unsigned long long)st.stx_blocks, st.stx_blksize,
	    st.stx_uid, st.stx_gid, !!(st.stx_mask & STATX_BTIME));
}

static void facts_fs(const char *name, int r, const struct statfs *s)
{
	say("%s", name);
	if (r) {
		result(r);
		return;
	}
	say(": type %lx bsize %ld frsize %ld blocks %lu files %lu namelen %ld flags %lx fsid %s\n",
	    (unsigned long)(uint32_t)s->f_type, (long)s->f_bsize, (long)s->f_frsize,
	    (unsigned long)s->f_blocks, (unsigned long)s->f_files, (long)s->f_namelen,
	    (unsigned long)s->f_flags, s->f_fsid.__val[0] || s->f_fsid.__val[1] ? "set" : "zero");
}

static int same_inode(const char *a, const char *b)
{
	struct stat x, y;

	return !lstat(a, &x) && !lstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

#endif
