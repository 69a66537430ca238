// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counting of runs, on or off: see stats.h.
 */
#include "prog/stats.h"
#include <stdatomic.h>
#include <sys/file.h>
#include "store/store.h"
#include "util/raw.h"

#define TRIES 1000

static int open_file(int flags)
{
	return raw_openat(the_store.dirfd, STATS_FILE, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int stats_open(void)
{
	int fd = open_file(O_CREAT), err = fd < 0 ? fd : -EAGAIN;

	/* Refused only for the moment in which somebody looks whether it is free. */
	for (int i = 0; fd >= 0 && err == -EAGAIN && i < TRIES; i++) {
		err = raw_flock(fd, LOCK_SH | LOCK_NB);
		if (err == -EAGAIN)
			raw0(SYS_sched_yield);
	}
	if (err) {
		if (fd >= 0)
			raw_close(fd);
		return err;
	}
	atomic_store(&the_store.super->stats_enabled, 1);
	return fd;
}

bool stats_wanted(void)
{
	bool wanted = true;
	int fd;

	if (likely(!atomic_load_explicit(&the_store.super->stats_enabled, memory_order_relaxed)))
		return false;
	fd = open_file(0);
	if (fd < 0)
		return fd != -ENOENT;
	if (!raw_flock(fd, LOCK_EX | LOCK_NB)) {
		atomic_store(&the_store.super->stats_enabled, 0);
		wanted = false;
	}
	raw_close(fd);
	return wanted;
}
