// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copies of a target's descriptions, by pidfd_getfd(2).
 *
 * A pidfd of each recent thread is kept, in a table by its number, replaced at
 * will. It stands for the thread itself, not for the number: when that thread
 * is dead, pidfd_getfd says ESRCH and a new one is made, so a number that was
 * given away does no harm. A slot's mutex is held over the call, which may sleep
 * while that process is in the middle of exec: then for those alone who share
 * the slot.
 *
 * Where the kernel has no pidfds of threads (before Linux 6.9), or an outer
 * filter forbids the call, -ENOSYS: the caller goes by /proc.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "frontend/notify/notify.h"
#include "util/raw.h"

#define PIDFDS    256
#define OF_THREAD O_EXCL /* PIDFD_THREAD */

static struct recent_pid {
	pthread_mutex_t lock;
	int tid, fd;
} pids[PIDFDS] = { [0 ... PIDFDS - 1] = { PTHREAD_MUTEX_INITIALIZER, 0, -1 } };
static _Atomic bool impossible;

static int reopen(struct recent_pid *p, int tid)
{
	if (p->tid)
		raw_close(p->fd);
	p->fd = (int)raw2(SYS_pidfd_open, tid, OF_THREAD);
	p->tid = p->fd < 0 ? 0 : tid;
	return p->fd;
}

static int copy_locked(struct recent_pid *p, int tid, int fd)
{
	int ret = -ESRCH;

	if (p->tid == tid)
		ret = (int)raw3(SYS_pidfd_getfd, p->fd, fd, 0);
	if (ret != -ESRCH)
		return ret;
	ret = reopen(p, tid);
	return ret < 0 ? ret : (int)raw3(SYS_pidfd_getfd, p->fd, fd, 0);
}

int pidfd_copy(int tid, int fd)
{
	struct recent_pid *p = &pids[(u32)tid % PIDFDS];
	int ret;

	if (impossible)
		return -ENOSYS;
	pthread_mutex_lock(&p->lock);
	ret = copy_locked(p, tid, fd);
	pthread_mutex_unlock(&p->lock);
	if (ret >= 0 || ret == -EBADF || ret == -EMFILE || ret == -ESRCH)
		return ret;
	/* Of a process that may not be looked into: only this one. */
	if (ret != -EPERM)
		impossible = true;
	return -ENOSYS;
}
