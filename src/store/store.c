// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening and making a store: see store.h for its layout.
 *
 * Who finds super empty makes it, under an exclusive flock; all others wait
 * for that lock once. After that nobody locks super again.
 */
#include "store/store.h"
#include "store/instance.h"
#include "shm/actor.h"
#include "store/recover.h"
#include "util/raw.h"
#include "util/str.h"
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>

struct store the_store = { .dirfd = -1 };
static const struct obj_type_ops *const *types;

void store_set_types(const struct obj_type_ops *const table[OBJ_TYPES])
{
	types = table;
}

const struct obj_type_ops *store_type(enum obj_type t)
{
	return types[t];
}

char *store_id_name(char *buf, enum obj_type type, u32 id)
{
	char *p = str_put(buf, types[type]->dir);

	*p++ = '/';
	str_put_u64(p, id, 10);
	return buf;
}

/*
 * Our own fds stand as high as the limit allows, so that a client sees the
 * lowest numbers free; but not higher than HIGH_FD, since the kernel's fd
 * table grows with the highest number and is copied at every fork.
 */
#define HIGH_FD 4096

int store_high_fd(int fd)
{
	struct rlimit lim = { 1024, 1024 };
	int high, base;

	if (fd < 0)
		return fd;
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &lim);
	base = (int)MIN(lim.rlim_cur, HIGH_FD);
	base = base > 32 ? base - 16 : base / 2;
	high = raw_fcntl(fd, F_DUPFD_CLOEXEC, base);
	if (high < 0)
		return fd; /* better a visible number than none */
	raw_close(fd);
	return high;
}

u32 possible_cpus(void)
{
	static _Atomic u32 cached;
	u32 n = atomic_load_explicit(&cached, memory_order_relaxed);
	char buf[64];
	long len;
	int fd;

	if (n)
		return n;
	fd = raw_openat(AT_FDCWD, "/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC, 0);
	len = fd < 0 ? 0 : raw_read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		raw_close(fd);
	/* "0-3" or "0": the last number is the highest. */
	while (len > 0 && (buf[len - 1] < '0' || buf[len - 1] > '9'))
		len--;
	n = 1;
	if (len > 0) {
		long at = len;

		buf[len] = 0;
		while (at > 0 && buf[at - 1] >= '0' && buf[at - 1] <= '9')
			at--;
		n = (u32)str_get_u64(buf + at, NULL) + 1;
	}
	if (n > 4096)
		n = 4096;
	atomic_store_explicit(&cached, n, memory_order_relaxed);
	return n;
}

static void read_boot_id(char out[40])
{
	int fd = raw_openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);

	memset(out, 0, 40);
	if (fd < 0)
		return;
	if (raw_read(fd, out, 36) < 0)
		out[0] = 0;
	raw_close(fd);
}

static int make_dir(int dirfd, const char *name, int mode)
{
	int err = raw_mkdirat(dirfd, name, mode & 0777);

	if (err && err != -EEXIST)
		return err;
	/* The umask of whoever makes the store must not decide. */
	return err ? 0 : (int)raw3(SYS_fchmodat, dirfd, name, mode);
}

static int make_dirs(int dirfd)
{
	static const struct {
		const char *name;
		int mode;
	} dirs[] = {
		{ "refs", 0711 },  { "wake", 0711 },   { "fs", 0711 },
		{ "fs/1", 01777 }, { "mounts", 0711 }, { "runs", 0711 },
	};
	int err;

	for (u32 t = 0; t < OBJ_TYPES; t++) {
		err = make_dir(dirfd, types[t]->dir, 0711);
		if (err)
			return err;
	}
	for (u32 i = 0; i < ARRAY_SIZE(dirs); i++) {
		err = make_dir(dirfd, dirs[i].name, dirs[i].mode);
		if (err)
			return err;
	}
	instance_debug_files(dirfd, "fs/1");
	return 0;
}

static int fill_super(int dirfd, struct super *s)
{
	int err = make_dirs(dirfd);

	if (err)
		return err;
	s->ncpu = possible_cpus();
	read_boot_id(s->boot_id);
	atomic_store(&s->next_actor, 1);
	atomic_store(&s->next_instance, 2);
	atomic_store(&s->next_run, 1);
	for (u32 t = 0; t < OBJ_TYPES; t++)
		atomic_store(&s->next_id[t], 1);
	s->stamp = STORE_STAMP;
	barrier();
	s->magic = STORE_MAGIC;
	return 0;
}

static int check_super(struct super *s)
{
	if (s->magic != STORE_MAGIC || s->stamp != STORE_STAMP)
		return -EINVAL;
	return 0;
}

/* When the file was made, ns; 0 where nobody knows. A copy may get the number of a file that is gone. */
static u64 born(int fd)
{
	struct statx x;

	if (raw5(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) || !(x.stx_mask & STATX_BTIME))
		return 0;
	return (u64)x.stx_btime.tv_sec * 1000000000ull + x.stx_btime.tv_nsec;
}

/*
 * What super knows of inodes holds for the files that it was made with. In a
 * copy of a store they are others; super's own tells. Several may come first at once: who is
 * late takes a few hints away again, and a hint that is missing costs a look.
 */
static int own_inodes(int fd, struct super *s, const struct stat *st)
{
	const size_t from = offsetof(struct super, by_ino), to = offsetof(struct super, live);
	static const u8 zeroes[PAGE];
	u64 when = born(fd);
	int err;

	if (atomic_load(&s->self_ino) == st->st_ino && atomic_load(&s->self_dev) == st->st_dev &&
	    atomic_load(&s->self_born) == when)
		return 0;
	err = raw_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from));
	for (size_t at = from; err == -EOPNOTSUPP && at < to; at += PAGE) {
		size_t n = MIN(PAGE, to - at);

		if (raw_pwrite(fd, zeroes, n, (off_t)at) != (long)n)
			return -EIO;
		if (at + n == to)
			err = 0;
	}
	if (err)
		return err;
	atomic_store(&s->self_born, when);
	atomic_store(&s->self_dev, st->st_dev);
	atomic_store(&s->self_ino, st->st_ino);
	return 0;
}

/* Maps super, made first if it is empty and that is wanted. */
static int open_super(int dirfd, unsigned flags, struct super **out)
{
	int mode = flags & STORE_CREATE ? O_CREAT : 0;
	int fd = raw_openat(dirfd, "super", O_RDWR | O_CLOEXEC | O_NOFOLLOW | mode, 0600);
	bool locked = false;
	struct super *s;
	struct stat st;
	int err;

	if (fd < 0)
		return fd == -ELOOP ? -EINVAL : fd;
	/* A store that is there is opened without a lock: nobody waits for a process that is stopped. */
	err = raw_fstat(fd, &st);
	locked = !err && (flags & STORE_CREATE);
	if (locked)
		err = raw_flock(fd, LOCK_EX);
	if (locked && !err)
		err = raw_fstat(fd, &st);
	if (!err && !st.st_size && (flags & STORE_CREATE))
		err = raw_ftruncate(fd, st.st_size = sizeof(*s));
	if (!err && st.st_size != (off_t)sizeof(*s))
		err = -EINVAL;
	if (err)
		goto close_fd;
	/* The head is touched by everyone: it must not fault on a full filesystem. */
	err = raw_fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, ROUND_UP(offsetof(struct super, by_ino), PAGE));
	if (err == -ENOSPC)
		goto close_fd;
	s = raw_mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = IS_ERR(s) ? (int)PTR_ERR(s) : 0;
	if (err)
		goto close_fd;
	if (!s->magic && (flags & STORE_CREATE))
		err = fill_super(dirfd, s);
	if (!err)
		err = check_super(s);
	if (!err)
		err = own_inodes(fd, s, &st);
	if (!err)
		*out = s;
	else
		raw_munmap(s, sizeof(*s));
close_fd:
	if (locked)
		raw_flock(fd, LOCK_UN); /* the mapping keeps the description, and so the lock */
	raw_close(fd);
	return err;
}

static int open_actors(void)
{
	return store_high_fd(
		raw_openat(the_store.dirfd, "actors", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int resolve_path(int dirfd)
{
	char link[40];
	long n;

	str_put_u64(str_put(link, "/proc/self/fd/"), (u64)dirfd, 10);
	n = raw_readlinkat(AT_FDCWD, link, the_store.path, sizeof(the_store.path));
	if (n < 0)
		return (int)n;
	if (n >= (long)sizeof(the_store.path))
		return -ENAMETOOLONG;
	the_store.path[n] = 0;
	return 0;
}

int store_open(const char *path, unsigned flags)
{
	char boot[40];
	struct stat st;
	int err, fd;

	if (flags & STORE_CREATE) {
		err = make_dir(AT_FDCWD, path, 0711);
		if (err)
			return err;
	}
	fd = store_high_fd(raw_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	err = open_super(fd, flags, &the_store.super);
	if (err)
		goto close_fd;
	err = resolve_path(fd);
	if (!err)
		err = raw_fstat(fd, &st);
	if (err)
		goto unmap;
	the_store.dirfd = fd;
	the_store.dev = st.st_dev;
	the_store.ncpu = possible_cpus();
	actor_bind(open_actors, &the_store.super->next_actor);
	read_boot_id(boot);
	if (memcmp(boot, the_store.super->boot_id, sizeof(boot)))
		store_recover(boot);
	return 0;
unmap:
	raw_munmap(the_store.super, sizeof(struct super));
close_fd:
	raw_close(fd);
	return err;
}

void store_close(void)
{
	if (the_store.dirfd < 0)
		return;
	actor_bind(NULL, NULL);
	raw_munmap(the_store.super, sizeof(struct super));
	raw_close(the_store.dirfd);
	the_store.dirfd = -1;
}

void store_hint(enum obj_type type, u32 id, bool alive)
{
	_Atomic u64 *w;

	if (id >= STORE_HINT_IDS)
		return;
	w = &the_store.super->live[type][id / 64];
	if (alive)
		atomic_fetch_or(w, 1ull << (id % 64));
	else
		atomic_fetch_and(w, ~(1ull << (id % 64)));
}

bool store_hinted(enum obj_type type, u32 id)
{
	return id >= STORE_HINT_IDS || atomic_load(&the_store.super->live[type][id / 64]) >> (id % 64) & 1;
}
