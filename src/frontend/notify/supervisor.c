// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive, dispatch, reply: the threads that answer notified calls.
 *
 *     RECV -> struct target on the stack -> sys_bpf() or sys_fs() -> SEND
 *
 * How many threads. The kernel gives calls to waiting threads in turn, and a
 * thread that was last on another CPU is slow to begin: one client is served
 * best by one thread. So there is one at first, and
 *
 *   - a thread that keeps finding its next call waiting already starts another
 *     (up to THREADS_BUSY that are not in a slow call), and one that rarely does goes, if another waits;
 *   - the watchdog starts others when no thread has got on since it looked
 *     last: a call that takes long (a path on a slow filesystem, a page that
 *     does not come) holds up nobody else. The more are stuck, the more it
 *     starts at once, so that many such calls do not hold up long, either. It
 *     is a thread that does nothing else, and looks every 10 ms, but only
 *     while there are calls: a thread that finds it asleep wakes it, once.
 *
 * A result is a value, a negative errno, or SYS_CONTINUE: the kernel then does
 * the call itself. That a target has died in between shows as ENOENT on SEND,
 * and is nobody's business any more; whatever was made for it dies with its
 * description.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "frontend/notify/debuggers.h"
#include "frontend/notify/filter.h"
#include "frontend/notify/notify.h"
#include "frontend/notify/runs.h"
#include "frontend/notify/sockets.h"
#include "frontend/trace/deliver.h"
#include "frontend/trace/trace.h"
#include "prog/trace.h"
#include "sys/fs_mmap.h"
#include "sys/perf_event.h"
#include "sys/sys.h"
#include "util/raw.h"

#define THREADS_MAX  2048
#define THREADS_BUSY 4
#define WATCH_US     10000

/* Linux 6.6; the system's header may be older. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

int notify_listener = -1;

static struct seccomp_notif_sizes sizes;

static long serve(struct target *t, int nr, const u64 args[6]);

/*
 * A call that an outer filter would answer, under another number: of a traced
 * program, or of the preload library, which says which in the sixth argument.
 */
static long carried(struct target *t, const u64 args[6])
{
	int nr = trace_take(t->c.tid);
	u64 own = args[5] ^ the_run->cookie;
	long ret;

	if (!nr && (own == SYS_mount || own == SYS_umount2))
		nr = (int)own;
	if (!nr && own == SYS_ptrace)
		return debuggers_word(t, args);
	if (nr == SYS_ptrace)
		return debuggers_back(t);
	if (!nr)
		return SYS_CONTINUE; /* somebody tries what this number does */
	ret = serve(t, nr, args);
	/* The kernel would only do the carrier; and that filter's answer is known. */
	return ret == SYS_CONTINUE ? -EPERM : ret;
}

static long serve(struct target *t, int nr, const u64 args[6])
{
	long ret;

	switch (nr) {
	case NR_CARRIER: return carried(t, args);
	case SYS_bpf: return sys_bpf(&t->c, (int)args[0], args[1], (u32)args[2]);
	case SYS_setsockopt: return sockets_setsockopt(t, args);
	case SYS_getsockopt: return sockets_get_filter(t, args);
	case SYS_perf_event_open: return sys_perf_event_open(&t->c, args);
	case SYS_ioctl: return sys_perf_ioctl(&t->c, (int)args[0], (u32)args[1], args[2]);
	case SYS_mmap:
		ret = sys_perf_mmap(&t->c, (int)args[4], args[1], (int)args[2], (int)args[3], args[5], NULL);
		if (ret == SYS_CONTINUE)
			ret = sys_map_mmap(&t->c, (int)args[4], args[1], (int)args[2], (int)args[3], args[5]);
		return ret ? ret : SYS_CONTINUE;
	case SYS_ptrace: return debuggers_ptrace(t, args);
	case SYS_execve:
	case SYS_execveat: return debuggers_exec(t);
	case SYS_chroot:
	case SYS_pivot_root:
	case SYS_setns:
		target_roots_differ();
		/* fallthrough */
	case SYS_setuid:
	case SYS_setreuid:
	case SYS_setresuid:
	case SYS_setfsuid:
	case SYS_capset:
	case SYS_unshare: run_identity_changes(); return SYS_CONTINUE;
	case SYS_mount:
	case SYS_umount2:
	case SYS_move_mount: target_check_root(t); break;
	}
	return sys_fs(&t->c, nr, args);
}

static void reply(u64 id, long ret)
{
	struct seccomp_notif_resp resp = { .id = id };

	if (trace_delivers) {
		trace_reply(id, ret == SYS_CONTINUE, ret);
		return;
	}
	if (ret == SYS_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (ret < 0 && ret >= -MAX_ERRNO)
		resp.error = (int)ret;
	else
		resp.val = ret;
	ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

/* One a thread. seq: 0 free; even: waits; odd: is in a call. */
static struct worker {
	_Atomic u64 seq;
	u64 watched; /* seq when it was looked at last */
} workers[THREADS_MAX];

static _Atomic int waiting, nworkers;
static _Atomic int slow;         /* threads in a call that takes long, when it was looked last */
static _Atomic u32 workers_used; /* those from here on were never used */
static _Atomic bool watchdog_sleeps;
static int wake_fd = -1;

static void *worker_main(void *arg);

static int thread_start(void *(*main)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t t;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&t, &attr, main, arg);
	pthread_attr_destroy(&attr);
	return -err;
}

static void raise_used(u32 n)
{
	u32 used = workers_used;

	while (used < n && !atomic_compare_exchange_weak(&workers_used, &used, n))
		;
}

static int worker_start(void)
{
	struct worker *w = workers;
	u64 none = 0;
	int err;

	while (!atomic_compare_exchange_strong(&w->seq, &none, 2)) {
		none = 0;
		if (++w == workers + THREADS_MAX)
			return -EAGAIN;
	}
	raise_used((u32)(w - workers) + 1);
	waiting++;
	nworkers++;
	err = thread_start(worker_main, w);
	if (err) {
		waiting--;
		nworkers--;
		w->seq = 0;
	}
	return err;
}

static void wake_watchdog(void)
{
	u64 one = 1;

	if (watchdog_sleeps && atomic_exchange(&watchdog_sleeps, false) &&
	    write(wake_fd, &one, sizeof(one)) < 0)
		return; /* there is none */
}

static void answer(struct worker *w, const struct seccomp_notif *req)
{
	struct target t;
	u64 args[6];
	long ret;

	memcpy(args, req->data.args, sizeof(args));
	waiting--;
	w->seq++;
	wake_watchdog();
	target_init(&t, req);
	ret = serve(&t, req->data.nr, args);
	if (target_flush(&t))
		ret = -EFAULT;
	target_release(&t);
	if (!t.answered)
		reply(req->id, ret);
	w->seq++;
	waiting++;
}

/* Whether this thread is to go: another one waits, and takes the calls that come. */
static bool retire(void)
{
	int n = waiting;

	while (n > 1)
		if (atomic_compare_exchange_weak(&waiting, &n, n - 1))
			return true;
	return false;
}

/* Cycles within which RECV returns when a call is there already. */
#define AT_ONCE 3000u
#define WINDOW  64u

/* RECV answers ENOENT at once when the last one has gone, as it does when one call was given up. */
static bool no_clients(void)
{
	struct pollfd p = { .fd = notify_listener };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

/* The next call; false: none has come. */
static bool receive(struct seccomp_notif *req, bool *gone)
{
	if (trace_delivers)
		return !(*gone = !trace_receive(req));
	memset(req, 0, MAX(sizes.seccomp_notif, sizeof(*req)));
	if (!ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_RECV, req))
		return true;
	*gone = (errno != EINTR && errno != ENOENT) || no_clients();
	return false;
}

static void *worker_main(void *arg)
{
	struct seccomp_notif *req = malloc(MAX(sizes.seccomp_notif, sizeof(*req)));
	struct worker *w = arg;
	u32 calls = 0, at_once = 0;

	for (bool gone = false; req && !gone;) {
		u64 start = __builtin_ia32_rdtsc();

		if (!receive(req, &gone))
			continue;
		at_once += __builtin_ia32_rdtsc() - start < AT_ONCE;
		answer(w, req);
		if (++calls < WINDOW)
			continue;
		if (at_once > WINDOW / 2 && nworkers - slow < THREADS_BUSY)
			worker_start();
		gone = at_once < WINDOW / 16 && retire();
		calls = at_once = 0;
	}
	free(req);
	nworkers--;
	w->seq = 0;
	return NULL;
}

/* Whether there are calls. *stuck: how many threads are in one and have not got on since the last look; 0 if
 * any has, or waits. */
static bool look(u32 *stuck)
{
	bool active = false, moves = false;

	*stuck = 0;
	for (u32 i = 0; i < workers_used; i++) {
		struct worker *w = &workers[i];
		u64 seq = w->seq;
		bool in_call = seq & 1, same = seq == w->watched;

		active |= in_call || !same;
		moves |= seq && !(in_call && same);
		*stuck += in_call && same;
		w->watched = seq;
	}
	slow = (int)*stuck;
	if (moves)
		*stuck = 0;
	return active;
}

static void sleep_until_call(void)
{
	u32 stuck;
	u64 n;

	watchdog_sleeps = true;
	/* Who begins a call after this look finds that we sleep. */
	if (!look(&stuck) && read(wake_fd, &n, sizeof(n)) < 0)
		usleep(WATCH_US);
	watchdog_sleeps = false;
}

static void *watchdog(void *arg)
{
	for (;;) {
		u32 stuck;
		bool active = look(&stuck);

		for (u32 i = stuck ? 1 + stuck / 4 : 0; i > 0; i--)
			worker_start();
		if (!active)
			sleep_until_call();
		usleep(WATCH_US);
	}
	return arg;
}

/* Lines that programs print wait here for a reader, as many as the system lets them. Kept to the end. */
static void hold_trace_pipe(void)
{
	int fd = trace_open(O_RDWR);

	for (int size = 1 << 20; fd >= 0 && size > 1 << 16; size /= 2)
		if (fcntl(fd, F_SETPIPE_SZ, size) >= 0)
			break;
}

static void answer_arrived(u64 id)
{
	reply(id, 0);
}

int supervisor_start(int listener, bool *wake)
{
	int err;

	notify_listener = listener;
	trace_answer = answer_arrived;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -errno;
	wake_fd = eventfd(0, EFD_CLOEXEC);
	if (wake_fd < 0)
		return -errno;
	*wake = !trace_delivers &&
		!ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	target_setup();
	hold_trace_pipe();
	err = worker_start();
	return err ? err : thread_start(watchdog, NULL);
}
