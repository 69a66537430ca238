// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that close, copy or replace fds: they keep the fd table right.
 *
 * A word goes before the number is closed, so that no thread starts on it, and
 * after it the number gets a new stamp (fdtab.c), in case one did. An object's fd is closed by obj_close,
 * which removes the object if that was all that held it. All but fclose
 * and freopen are async-signal-safe: system calls and nothing more.
 *
 * Our own fds are not there for a client: close gives EBADF, ranges leave them
 * out, and a dup onto one moves it away.
 */
#include <stdarg.h>
#include <sys/resource.h>
#include "frontend/preload/preload.h"
#include "frontend/preload/watch.h"
#include "store/own_fd.h"
#include "store/store.h"

/* Before a number is closed or replaced, for those who wait for something through it. */
static inline void closing(int fd, u64 word)
{
	if (unlikely(atomic_load_explicit(&watch_count, memory_order_relaxed)))
		watch_closing(fd);
	if (unlikely(word)) {
		poll_closing(word_handle(word));
		watch_mapped(fd, false);
	}
}

static long close_object(int fd, u64 word)
{
	enum obj_type type = word_handle(word)->type;
	u32 id = word_handle(word)->id;
	u64 ino = word_handle(word)->ino;
	int err;

	closing(fd, word);
	fdtab_drop(fd);
	err = obj_close_known(fd, type, id, ino);
	fdtab_drop(fd);
	return err < 0 ? err : 0;
}

long fd_close(int fd)
{
	u64 word = fdtab_word(fd), socket;
	long ret;

	if (unlikely(word))
		return close_object(fd, word);
	if (unlikely(fd_is_ours(fd)))
		return -EBADF;
	socket = sock_marked(fd) ? sock_leaving(fd) : 0;
	closing(fd, 0);
	ret = raw6(SYS_close, fd, 0, 0, 0, 0, 0);
	fdtab_drop(fd);
	if (unlikely(socket))
		sock_left(socket);
	return ret;
}

EXPORT int close(int fd)
{
	int ret;

	if (unlikely(fdtab_word(fd) || fd_is_ours(fd) || sock_marked(fd)))
		return (int)ret_errno(fd_close(fd));
	closing(fd, 0);
	ret = NEXT(close)(fd); /* a cancellation point */
	fdtab_drop(fd);
	return ret;
}

/* The number is in other use now, or closed; what it was is told by word. */
static void gone(int fd, u64 word)
{
	enum obj_type type;
	u32 id;

	if (!word) {
		fdtab_drop(fd);
		return;
	}
	type = word_handle(word)->type;
	id = word_handle(word)->id;
	fdtab_drop(fd);
	obj_reap(type, id);
}

/* A copy of from. */
static long fresh(int from, long fd)
{
	if (fd < 0)
		return fd;
	fdtab_drop((int)fd);
	net_copied(from, (int)fd);
	sock_copied(from, (int)fd);
	if (unlikely(atomic_load_explicit(&watch_count, memory_order_relaxed)))
		watch_copied(from, (int)fd);
	return fd;
}

long fd_dup(int fd)
{
	return fd_is_ours(fd) ? -EBADF : fresh(fd, raw6(SYS_dup, fd, 0, 0, 0, 0, 0));
}

EXPORT int dup(int fd)
{
	return (int)ret_errno(fd_dup(fd));
}

long fd_dup2(int from, int to, int flags, bool with_flags)
{
	u64 word, socket = 0;
	long ret;

	if (fd_is_ours(from))
		return -EBADF;
	if (fd_is_ours(to))
		fd_ours_away(to);
	word = from == to ? 0 : fdtab_word(to);
	if (from != to && raw_fcntl(from, F_GETFD, 0) >= 0) {
		closing(to, word);
		socket = sock_marked(to) ? sock_leaving(to) : 0;
	}
	ret = with_flags ? raw6(SYS_dup3, from, to, flags, 0, 0, 0) : raw6(SYS_dup2, from, to, 0, 0, 0, 0);
	if (ret >= 0 && from != to) {
		gone(to, word);
		fresh(from, to);
	}
	if (unlikely(socket && ret >= 0))
		sock_left(socket);
	else if (unlikely(socket))
		sock_stays(to);
	return ret;
}

EXPORT int dup2(int from, int to)
{
	return (int)ret_errno(fd_dup2(from, to, 0, false));
}

EXPORT int dup3(int from, int to, int flags)
{
	return (int)ret_errno(fd_dup2(from, to, flags, true));
}

#define KERNEL_LARGEFILE 0100000 /* the kernel's O_LARGEFILE: every file opened by a 64-bit program */

/* A map of the kernel's is no file: of the flags only the access mode and what F_SETFL sets are seen. */
static long getfl(int fd, long flags)
{
	struct handle *h;
	u32 acc;

	if (flags < 0 || !(flags & KERNEL_LARGEFILE) || flags & O_PATH)
		return flags;
	h = fd_look(fd, &acc);
	if (!h)
		return flags;
	handle_put(h);
	return flags & ~(long)(O_NOFOLLOW | O_NOATIME | KERNEL_LARGEFILE);
}

long fd_fcntl(int fd, int cmd, long arg)
{
	long ret;

	if (fd_is_ours(fd))
		return -EBADF;
	ret = raw6(SYS_fcntl, fd, cmd, arg, 0, 0, 0);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return fresh(fd, ret);
	return cmd == F_GETFL ? getfl(fd, ret) : ret;
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFL || cmd == F_GETFD || cmd == F_SETFD ||
	    cmd == F_SETFL)
		return (int)ret_errno(fd_fcntl(fd, cmd, arg));
	return NEXT(fcntl)(fd, cmd, arg); /* locks are cancellation points */
}

EXPORT int fcntl64(int fd, int cmd, ...) __attribute__((alias("fcntl")));

static long close_part(u32 lo, u32 hi, int flags)
{
	return lo > hi ? 0 : raw6(SYS_close_range, lo, hi, flags, 0, 0, 0);
}

/* The lowest of our own numbers in [lo, hi], or -1. */
static int next_ours(u32 lo, u32 hi)
{
	int ours[3] = { the_store.dirfd, actor_fd(), own_fd_next(lo, hi) }, least = -1;

	for (int i = 0; i < 3; i++)
		if (ours[i] >= 0 && (u32)ours[i] >= lo && (u32)ours[i] <= hi &&
		    (least < 0 || ours[i] < least))
			least = ours[i];
	return least;
}

static long close_around_ours(u32 lo, u32 hi, int flags)
{
	long ret = 0;
	int ours;

	while (!ret && (ours = next_ours(lo, hi)) >= 0) {
		if (ours)
			ret = close_part(lo, (u32)ours - 1, flags);
		lo = (u32)ours + 1;
	}
	return ret ? ret : close_part(lo, hi, flags);
}

long fd_close_range(u32 lo, u32 hi, int flags)
{
	long ret;

	/* CLOSE_RANGE_CLOEXEC closes nothing, and our own are close-on-exec anyway. */
	if (!pre_attached || lo > hi || flags & 4)
		return raw6(SYS_close_range, lo, hi, flags, 0, 0, 0);
	if (flags & 2) /* CLOSE_RANGE_UNSHARE */
		fdtab_off();
	if (unlikely(atomic_load(&watch_count)))
		watch_closing_range(lo, hi);
	ret = close_around_ours(lo, hi, flags);
	if (!ret) {
		fdtab_drop_range(lo, hi, true);
		sock_left_range(lo, hi);
	}
	return ret;
}

EXPORT int close_range(unsigned lo, unsigned hi, int flags)
{
	return (int)ret_errno(fd_close_range(lo, hi, flags));
}

EXPORT void closefrom(int lo)
{
	struct rlimit lim = { 1024, 1024 };

	if (lo < 0)
		lo = 0;
	if (!fd_close_range((u32)lo, ~0u, 0))
		return;
	/* No such system call here: number by number. */
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &lim);
	for (int fd = lo; fd < (int)MIN(lim.rlim_cur, 1u << 20); fd++)
		fd_close(fd);
}

EXPORT int fclose(FILE *f)
{
	int saved = errno, fd = fileno_unlocked(f), ret;
	u64 word = fd >= 0 ? fdtab_word(fd) : 0;
	u64 socket = sock_marked(fd) ? sock_leaving(fd) : 0;

	if (fd >= 0)
		closing(fd, word);
	errno = saved;
	ret = NEXT(fclose)(f);
	saved = errno;
	gone(fd, word);
	if (unlikely(socket))
		sock_left(socket);
	errno = saved;
	return ret;
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
	int saved = errno, fd = fileno_unlocked(f);
	u64 word = fd >= 0 ? fdtab_word(fd) : 0;
	FILE *ret;

	if (fd >= 0)
		closing(fd, word);
	errno = saved;
	ret = NEXT(freopen)(path, mode, f);
	saved = errno;
	gone(fd, word);
	errno = saved;
	return ret;
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *f) __attribute__((alias("freopen")));
