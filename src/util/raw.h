// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls that bypass every wrapper: the only place where they are made.
 *
 * The library lives inside programs whose libc calls it replaces, so its own
 * calls must not come back to it: each goes straight to the kernel. Under
 * `pinfs run` a seccomp filter also traps the path calls of all processes; the
 * library's own carry raw_cookie, a random word of the run, in the sixth
 * argument register, which none of these calls uses, and the filter lets them
 * pass. Outside a run raw_cookie is 0.
 *
 * All return the result or a negative errno and leave errno alone. All are
 * async-signal-safe.
 */
#ifndef PINFS_UTIL_RAW_H
#define PINFS_UTIL_RAW_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "util/err.h"

extern u64 raw_cookie;

static inline long raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	/* r9 is wiped: the host's next call of few arguments leaves it as it is, and must not carry the
	 * cookie. */
	__asm__ volatile("syscall\n\txor %%r9d, %%r9d"
			 : "=a"(ret), "+r"(r9)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "cc", "memory");
	return ret;
}

/* A call of at most five arguments, marked as the library's own. */
#define raw5(nr, a, b, c, d, e)                                                                              \
	raw6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)raw_cookie)
#define raw4(nr, a, b, c, d) raw5(nr, a, b, c, d, 0)
#define raw3(nr, a, b, c)    raw5(nr, a, b, c, 0, 0)
#define raw2(nr, a, b)       raw5(nr, a, b, 0, 0, 0)
#define raw1(nr, a)          raw5(nr, a, 0, 0, 0, 0)
#define raw0(nr)             raw5(nr, 0, 0, 0, 0, 0)

static inline int raw_openat(int dir, const char *path, int flags, int mode)
{
	return (int)raw4(SYS_openat, dir, path, flags, mode);
}

static inline int raw_close(int fd)
{
	return (int)raw1(SYS_close, fd);
}

static inline int raw_flock(int fd, int op)
{
	return (int)raw2(SYS_flock, fd, op);
}

static inline int raw_fstat(int fd, struct stat *st)
{
	return (int)raw2(SYS_fstat, fd, st);
}

static inline int raw_fstatat(int dir, const char *path, struct stat *st, int flags)
{
	return (int)raw4(SYS_newfstatat, dir, path, st, flags);
}

static inline int raw_unlinkat(int dir, const char *path, int flags)
{
	return (int)raw3(SYS_unlinkat, dir, path, flags);
}

static inline int raw_linkat(int from, const char *old, int to, const char *name, int flags)
{
	return (int)raw5(SYS_linkat, from, old, to, name, flags);
}

static inline int raw_renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
	return (int)raw5(SYS_renameat2, from, old, to, name, flags);
}

static inline int raw_mkdirat(int dir, const char *path, int mode)
{
	return (int)raw3(SYS_mkdirat, dir, path, mode);
}

static inline long raw_readlinkat(int dir, const char *path, char *buf, size_t size)
{
	return raw4(SYS_readlinkat, dir, path, buf, size);
}

static inline int raw_fcntl(int fd, int cmd, long arg)
{
	return (int)raw3(SYS_fcntl, fd, cmd, arg);
}

static inline long raw_pread(int fd, void *buf, size_t n, off_t off)
{
	return raw4(SYS_pread64, fd, buf, n, off);
}

static inline long raw_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return raw4(SYS_pwrite64, fd, buf, n, off);
}

static inline long raw_read(int fd, void *buf, size_t n)
{
	return raw3(SYS_read, fd, buf, n);
}

static inline int raw_ftruncate(int fd, off_t size)
{
	return (int)raw2(SYS_ftruncate, fd, size);
}

static inline int raw_fallocate(int fd, int mode, off_t off, off_t len)
{
	return (int)raw4(SYS_fallocate, fd, mode, off, len);
}

/*
 * ERR_PTR on failure. mmap uses all six registers, so it carries no cookie; what
 * the filter would trap, a shared mapping, is marked by a flag that kernels have
 * long ignored.
 */
#define RAW_MMAP_MARK 0x0800 /* MAP_DENYWRITE */
static inline void *raw_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if ((flags & 0xf) == 1 /* MAP_SHARED */)
		flags |= RAW_MMAP_MARK;
	return (void *)raw6(SYS_mmap, (long)at, (long)len, prot, flags, fd, off);
}

static inline int raw_munmap(void *at, size_t len)
{
	return (int)raw2(SYS_munmap, at, len);
}

#endif
