// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tracer: one thread, for only the thread that attached may ask a tracee anything.
 *
 * It attaches to CMD before that installs the filter; descendants and threads
 * are attached by the kernel as they are born. From then on it sits in
 * waitpid(2) for all children of the process, traced or not, since a wait by
 * another thread would take its reports away, and answers each stop at once:
 * what takes time is done by those who answer notified calls.
 *
 * Orphans of the run come to this process, too, so the run is over when there
 * is nothing left to wait for. The main thread hears of each end by an eventfd.
 *
 * Where calls are delivered by stops (deliver.h), it waits for its children and
 * for its workers at once. Where calls are trapped, what a debugger wants comes as a signal (loose.c).
 *
 * If the supervisor is killed, its tracees go on untraced: what they trap from
 * then on ends them by SIGSYS.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontend/trace/deliver.h"
#include "frontend/trace/trace.h"

bool trace_delivers;

static struct tracer {
	pid_t cmd;
	int event_fd;
	int sig_fd, wake_fd; /* where it delivers: children, workers */
	int attached;        /* 0 or -errno, once `ready` is posted */
	sem_t ready;
	_Atomic int status; /* of cmd, -1 before */
	_Atomic bool none;  /* no child is left */
} tracer = { .status = -1 };

static void tell(void)
{
	u64 one = 1;

	if (write(tracer.event_fd, &one, sizeof(one)) < 0)
		return; /* it is full: they know */
}

static void drain(int fd)
{
	char buf[sizeof(struct signalfd_siginfo)];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* As waitpid(2) for any child. */
static pid_t wait_any(int *status)
{
	struct pollfd p[] = { { tracer.sig_fd, POLLIN, 0 }, { tracer.wake_fd, POLLIN, 0 } };
	pid_t pid;

	if (!trace_delivers)
		return waitpid(-1, status, __WALL);
	while (!(pid = waitpid(-1, status, __WALL | WNOHANG))) {
		if (poll(p, 2, -1) < 0)
			continue;
		drain(tracer.sig_fd);
		drain(tracer.wake_fd);
		deliver_work();
	}
	return pid;
}

static void took(pid_t pid, int status)
{
	if (WIFSTOPPED(status)) {
		if (!deliver_stop(pid, status) && !loose_stop(pid, status))
			trace_stop(pid, status);
		return;
	}
	deliver_gone(pid);
	loose_gone(pid);
	if (pid == tracer.cmd)
		tracer.status = status;
	tell();
}

static void *tracer_main(void *arg)
{
	int status;
	pid_t pid;

	prctl(PR_SET_NAME, "pinfs-tracer", 0, 0, 0);
	tracer.attached = trace_delivers ? 0 : loose_setup();
	if (!tracer.attached)
		tracer.attached = trace_attach(tracer.cmd, trace_delivers);
	sem_post(&tracer.ready);
	if (tracer.attached)
		return arg;
	while ((pid = wait_any(&status)) > 0 || errno == EINTR) {
		if (pid > 0)
			took(pid, status);
		if (!trace_delivers && (pid < 0 || loose_rung()))
			loose_work();
	}
	tracer.none = true;
	deliver_end();
	tell();
	return arg;
}

/* Before there is another thread, so that SIGCHLD is blocked in all. */
static int setup_delivery(const char *base)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tracer.sig_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	tracer.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tracer.sig_fd < 0 || tracer.wake_fd < 0)
		return -errno;
	deliver_setup(tracer.wake_fd, base);
	return 0;
}

int trace_start(pid_t cmd, const char *deliver)
{
	pthread_t t;
	int err;

	tracer.cmd = cmd;
	trace_delivers = deliver;
	err = deliver ? setup_delivery(deliver) : 0;
	if (err)
		return err;
	tracer.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tracer.event_fd < 0)
		return -errno;
	sem_init(&tracer.ready, 0, 0);
	err = -pthread_create(&t, NULL, tracer_main, NULL);
	if (!err) {
		while (sem_wait(&tracer.ready))
			;
		pthread_detach(t);
		err = tracer.attached;
	}
	if (err)
		close(tracer.event_fd);
	return err ? err : tracer.event_fd;
}

bool trace_children(int *status)
{
	bool none = tracer.none;
	int ended = tracer.status;

	if (ended >= 0)
		*status = ended;
	return !none;
}
