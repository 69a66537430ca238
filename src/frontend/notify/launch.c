// SPDX-License-Identifier: BSD-2-Clause
/*
 * The launcher: forks the supervisor, waits for CMD's end, and ends the same way.
 *
 *     L --fork--> S (supervise.c) --fork--> C --exec--> CMD
 *     L <--pipe-- S   "CMD is process N", "CMD has ended with status X"
 *
 * L stays in front: its process group is CMD's, so that the shell's job control
 * and the terminal's signals reach both. L itself takes no notice of signals
 * from the terminal, passes on those that a process sent to it, and stops and
 * goes on with the group. It holds none of CMD's files open.
 *
 * L is a subreaper: if S is killed, CMD becomes L's child and L waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontend/notify/launch.h"
#include "frontend/notify/supervise.h"

/* All that can be passed on; the rest stops, continues or crashes this process itself. */
static void forwarded(sigset_t *set)
{
	static const int own[] = { SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV,
				   SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS };

	sigfillset(set);
	for (u32 i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(set, own[i]);
}

/* CMD's files are not to be held open here. */
static void drop_files(int keep, int keep2)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int lo = MIN(keep, keep2), hi = MAX(keep, keep2);

	for (int fd = 0; fd < 2 && null >= 0; fd++)
		if (fd != keep && fd != keep2)
			dup2(null, fd);
	if (lo > 3)
		close_range(3, (unsigned)lo - 1, 0);
	if (hi > lo + 1 && hi > 3)
		close_range(MAX((unsigned)lo + 1, 3u), (unsigned)hi - 1, 0);
	close_range(MAX((unsigned)hi + 1, 3u), ~0u, 0);
}

static void forward(int sigfd, pid_t cmd)
{
	struct signalfd_siginfo info;

	if (read(sigfd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	/* The terminal's signals go to the whole group; CMD has got them already. */
	if (info.ssi_code <= 0 && cmd > 0)
		kill(cmd, (int)info.ssi_signo);
}

/* S is gone without a word: CMD, if it was started, is our child now. */
static int await_cmd(pid_t cmd, int sigfd)
{
	struct pollfd p = { sigfd, POLLIN, 0 };
	int status, lost = 0;

	if (cmd <= 0)
		return RUN_EXIT_FAILED << 8;
	for (;;) {
		pid_t pid = waitpid(cmd, &status, WNOHANG);

		if (pid == cmd)
			return status;
		/* S's files are closed a moment before its children become ours. */
		if (pid < 0 && errno != EINTR && (errno != ECHILD || ++lost > 50))
			return RUN_EXIT_FAILED << 8;
		if (poll(&p, 1, 20) > 0)
			forward(sigfd, cmd);
	}
}

/* CMD's wait status. */
static int wait_for_cmd(pid_t supervisor, int pipe_fd, int sigfd)
{
	struct pollfd p[] = { { pipe_fd, POLLIN, 0 }, { sigfd, POLLIN, 0 } };
	struct run_msg msg;
	pid_t cmd = 0;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			forward(sigfd, cmd);
		if (!p[0].revents)
			continue;
		if (read(pipe_fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg))
			return await_cmd(cmd, sigfd);
		if (msg.kind == RUN_MSG_END)
			waitpid(supervisor, NULL, 0);
		if (msg.kind != RUN_MSG_PID)
			return msg.value;
		cmd = msg.value;
	}
}

static int end_like(int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;
	int sig;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), sig);
	return 128 + sig;
}

int launch(const struct run_opts *o)
{
	sigset_t blocked, old;
	int fd[2], sigfd;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC)) {
		perror("pinfs: pipe");
		return RUN_EXIT_FAILED;
	}
	forwarded(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("pinfs: fork");
		return RUN_EXIT_FAILED;
	}
	if (!pid) {
		close(fd[0]);
		_exit(supervise(o, fd[1], &old));
	}
	sigfd = signalfd(-1, &blocked, SFD_CLOEXEC);
	drop_files(fd[0], sigfd);
	return end_like(wait_for_cmd(pid, fd[0], sigfd));
}
