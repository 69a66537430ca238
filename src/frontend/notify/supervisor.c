// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive, dispatch, reply: the threads that answer notified calls.
 *
 *     RECV -> struct target on the stack -> sys_bpf() or sys_fs() -> SEND
 *
 * All threads are alike. A thread that takes a call looks whether another one
 * is left in RECV, and starts one if not: so a call that takes long (a path on a
 * slow filesystem) holds up nobody else, up to THREADS_MAX at once.
 *
 * A result is a value, a negative errno, or SYS_CONTINUE: the kernel then does
 * the call itself. That a target has died in between shows as ENOENT on SEND,
 * and is nobody's business any more; whatever was made for it dies with its
 * description.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "frontend/notify/filter.h"
#include "frontend/notify/notify.h"
#include "sys/sys.h"
#include "util/raw.h"

#define THREADS_MAX 32

/* Linux 6.6; the system's header may be older. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

int notify_listener = -1;

static struct seccomp_notif_sizes sizes;
static _Atomic int threads, waiting;

/* For calls that the preload library makes in place of ones that an outer filter hides. */
static long hidden_call(struct target *t, int nr, const u64 args[6])
{
	long ret;

	target_check_root(t);
	ret = sys_fs(&t->c, nr, args);
	return ret == SYS_CONTINUE ? -EPERM : ret;
}

static long serve(struct target *t, const struct seccomp_data *d)
{
	u64 args[6];

	memcpy(args, d->args, sizeof(args));
	switch (d->nr) {
	case SYS_bpf: return sys_bpf(&t->c, (int)args[0], args[1], (u32)args[2]);
	case NR_PINFS_MOUNT: return hidden_call(t, SYS_mount, args);
	case NR_PINFS_UMOUNT2: return hidden_call(t, SYS_umount2, args);
	case SYS_chroot:
	case SYS_pivot_root:
	case SYS_setns: target_roots_differ(); break;
	case SYS_mount:
	case SYS_umount2:
	case SYS_move_mount: target_check_root(t); break;
	}
	return sys_fs(&t->c, d->nr, args);
}

static void reply(u64 id, long ret)
{
	struct seccomp_notif_resp resp = { .id = id };

	if (ret == SYS_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (ret < 0 && ret >= -MAX_ERRNO)
		resp.error = (int)ret;
	else
		resp.val = ret;
	ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void *thread_main(void *arg);

static int thread_start(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int err;

	if (threads >= THREADS_MAX)
		return 0;
	threads++;
	waiting++;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&t, &attr, thread_main, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		threads--;
		waiting--;
	}
	return -err;
}

static void *thread_main(void *arg)
{
	struct seccomp_notif *req = malloc(MAX(sizes.seccomp_notif, sizeof(*req)));
	struct target t;

	while (req) {
		memset(req, 0, MAX(sizes.seccomp_notif, sizeof(*req)));
		if (ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_RECV, req)) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			break;
		}
		if (--waiting == 0)
			thread_start();
		target_init(&t, req);
		long ret = serve(&t, &req->data);
		target_release(&t);
		waiting++;
		if (!t.answered)
			reply(req->id, ret);
	}
	free(req);
	threads--;
	waiting--;
	return NULL;
}

int supervisor_start(int listener, bool *wake)
{
	notify_listener = listener;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -errno;
	*wake = !ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	target_setup();
	return thread_start();
}
