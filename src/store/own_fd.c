// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers of our own: see own_fd.h.
 *
 * The map of bits is one static array, of which a process touches the page or
 * two that its numbers lie in.
 */
#include "store/own_fd.h"
#include <sys/resource.h>
#include "util/raw.h"

_Atomic u32 own_fds;
static _Atomic u64 own[OWN_FDS / 64];

static _Atomic u64 *word_of(int fd)
{
	return &own[(u32)fd / 64];
}

static u64 bit_of(int fd)
{
	return 1ull << ((u32)fd % 64);
}

static void enter(int fd)
{
	if ((u32)fd < OWN_FDS && !(atomic_fetch_or(word_of(fd), bit_of(fd)) & bit_of(fd)))
		atomic_fetch_add(&own_fds, 1);
}

void own_fd_forget(int fd)
{
	if ((u32)fd < OWN_FDS && atomic_fetch_and(word_of(fd), ~bit_of(fd)) & bit_of(fd))
		atomic_fetch_sub(&own_fds, 1);
}

bool own_fd_look(int fd)
{
	return (u32)fd < OWN_FDS && atomic_load(word_of(fd)) & bit_of(fd);
}

/* Not higher, where the limit is: the kernel's table is as large as its highest number, and copied by fork.
 */
#define TOP 4096u

/* From the top of the number space downwards, in growing steps: clients start at the bottom. */
int own_fd_take(int fd)
{
	struct rlimit lim = { 1024, 1024 };
	u32 top, high = 16;
	int to = -EMFILE;

	if (fd < 0)
		return fd;
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &lim);
	top = (u32)MIN(lim.rlim_cur, TOP);
	for (; to == -EMFILE && high < top; high *= 4)
		to = raw_fcntl(fd, F_DUPFD_CLOEXEC, (int)(top - high));
	if (to >= 0) {
		enter(to);
		raw_close(fd);
		return to;
	}
	enter(fd); /* better a number among the client's than none */
	return fd;
}

void own_fd_close(int fd)
{
	if (fd < 0)
		return;
	own_fd_forget(fd);
	raw_close(fd);
}

int own_fd_next(u32 lo, u32 hi)
{
	hi = MIN(hi, OWN_FDS - 1);
	if (!atomic_load(&own_fds))
		return -1;
	for (u64 fd = lo; fd <= hi; fd = (fd / 64 + 1) * 64) {
		u64 w = atomic_load(word_of((int)fd)) >> (fd % 64);

		if (w && fd + (u32)__builtin_ctzll(w) <= hi)
			return (int)fd + __builtin_ctzll(w);
	}
	return -1;
}
