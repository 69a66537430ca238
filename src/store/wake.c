// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waking who waits for an object: see wake.h.
 */
#include "store/wake.h"
#include <sys/ioctl.h>
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"

static const char *wake_path(char path[48], enum obj_type type, u32 id)
{
	char *p = str_put(str_put(str_put(path, "wake/"), store_type(type)->dir), ".");

	*str_put_u64(p, id, 10) = '\0';
	return path;
}

/* An object's bit in one of the tables of super. */
static _Atomic u64 *word_of(_Atomic u64 *table, enum obj_type type, u32 id, u64 *bit)
{
	u32 n = (id * 2654435761u + (u32)type * 97u) >> 22;

	*bit = 1ull << (n & 63);
	return &table[n / 64 % WAKE_WORDS];
}

static bool has(_Atomic u64 *table, enum obj_type type, u32 id)
{
	u64 bit;

	return atomic_load(word_of(table, type, id, &bit)) & bit;
}

static void set(_Atomic u64 *table, enum obj_type type, u32 id)
{
	u64 bit;
	_Atomic u64 *w = word_of(table, type, id, &bit);

	if (!(atomic_load(w) & bit))
		atomic_fetch_or(w, bit);
}

bool wake_wanted(enum obj_type type, u32 id)
{
	return the_store.super && has(the_store.super->wake_wanted, type, id);
}

bool wake_blind(enum obj_type type, u32 id)
{
	return the_store.super && has(the_store.super->wake_blind, type, id);
}

void wake_set_blind(enum obj_type type, u32 id)
{
	set(the_store.super->wake_blind, type, id);
}

/* 0 and what fstat(2) says of the object's id name. */
static int object_stat(enum obj_type type, u32 id, struct stat *st)
{
	char name[32];

	return raw_fstatat(the_store.dirfd, store_id_name(name, type, id), st, AT_SYMLINK_NOFOLLOW);
}

/* As open to others as the object itself; the umask of who makes it has no say. */
static int make(const char *path, enum obj_type type, u32 id)
{
	struct stat st;
	u32 mode;
	int err = object_stat(type, id, &st);

	if (err)
		return err;
	mode = st.st_mode & 0666;
	err = (int)raw4(SYS_mknodat, the_store.dirfd, path, S_IFIFO | mode, 0);
	if (err && err != -EEXIST)
		return err;
	if (!err)
		raw3(SYS_fchmodat, the_store.dirfd, path, mode);
	/* A reaper takes the object's name first: it sees this FIFO, or the name is seen to be gone. */
	err = object_stat(type, id, &st);
	if (err)
		wake_drop(type, id);
	return err;
}

static bool empty(int fd)
{
	int n = 0;

	return raw3(SYS_ioctl, fd, FIONREAD, &n) || !n;
}

int wake_open(enum obj_type type, u32 id)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	char path[48];
	struct stat st;
	int fd, err;

	set(the_store.super->wake_wanted, type, id);
	wake_path(path, type, id);
	fd = raw_openat(the_store.dirfd, path, flags, 0);
	if (fd == -ENOENT) {
		err = make(path, type, id);
		if (err)
			return err;
		fd = raw_openat(the_store.dirfd, path, flags, 0);
	}
	if (fd < 0)
		return fd;
	err = raw_fstat(fd, &st);
	if (!err && S_ISFIFO(st.st_mode)) {
		if (empty(fd))
			wake_send(fd);
		return fd;
	}
	raw_close(fd); /* somebody has put another file there */
	return err ? err : -EIO;
}

void wake_send(int fd)
{
	char old[1024];

	if (raw3(SYS_write, fd, "", 1) != -EAGAIN)
		return;
	/* Full. A page is taken out, since only whole pages make room. */
	for (u32 n = 0; n < PAGE; n += sizeof(old))
		raw_read(fd, old, sizeof(old));
	raw3(SYS_write, fd, "", 1);
}

void wake_drop(enum obj_type type, u32 id)
{
	char path[48];

	raw_unlinkat(the_store.dirfd, wake_path(path, type, id), 0);
}

/* "bpf-map.25" is the FIFO of the map 25. */
static bool parse_name(const char *name, enum obj_type *type, u32 *id)
{
	for (u32 t = 0; t < OBJ_TYPES; t++) {
		size_t n = strlen(store_type(t)->dir);
		const char *end;

		if (!str_starts(name, store_type(t)->dir) || name[n] != '.')
			continue;
		*type = t;
		*id = (u32)str_get_u64(name + n + 1, &end);
		return !*end;
	}
	return false;
}

u32 wake_each(u32 (*fn)(enum obj_type type, u32 id))
{
	const struct dirscan_entry *e;
	enum obj_type type;
	struct dirscan d;
	u32 id, n = 0;

	if (dirscan_open(&d, "wake"))
		return 0;
	while ((e = dirscan_next(&d)))
		if (parse_name(e->name, &type, &id))
			n += fn(type, id);
	dirscan_close(&d);
	return n;
}

static u32 drop_if_gone(enum obj_type type, u32 id)
{
	struct stat st;

	if (!object_stat(type, id, &st))
		return 0;
	wake_drop(type, id);
	return 1;
}

u32 wake_gc(void)
{
	return wake_each(drop_if_gone);
}
