// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers of our own in a client's table: which they are, and where they stand.
 *
 * A descriptor that lives in a client's process is none of his: close, dup and
 * close_range must not meet it. Those that a process has for good (the store,
 * its actors) are known by name; all others are entered here.
 *
 *     own[fd / 64] bit fd % 64      one bit a number, and how many there are
 *
 * A number is entered before anyone else can have met it, and taken out before
 * it is closed, so that a bit never stands on a client's file.
 */
#ifndef PINFS_STORE_OWN_FD_H
#define PINFS_STORE_OWN_FD_H

#include <stdatomic.h>
#include "util/types.h"

#define OWN_FDS (1u << 20) /* numbers above are never entered */

extern _Atomic u32 own_fds;

/*
 * Moves the descriptor to a high number, O_CLOEXEC, and enters it there. fd is
 * closed, but for an error, which is passed through: -EMFILE and the like.
 * Async-signal-safe, as all here.
 */
int own_fd_take(int fd);

/* Takes it out and closes it. */
void own_fd_close(int fd);

/* A client's descriptor stands there now, or will. */
void own_fd_forget(int fd);

bool own_fd_look(int fd);

static inline bool own_fd(int fd)
{
	return unlikely(atomic_load_explicit(&own_fds, memory_order_relaxed)) && own_fd_look(fd);
}

/* The lowest own number in [lo, hi], or -1. */
int own_fd_next(u32 lo, u32 hi);

#endif
