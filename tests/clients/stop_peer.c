// SPDX-License-Identifier: BSD-2-Clause
/*
 * One client is stopped and goes on, at random instants of its calls, while a
 * second works on the same map: the longest that the second waits is told.
 *
 *     stop_peer ROUNDS     exit 0: every call was answered rightly
 */
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int elem(int cmd, int fd, unsigned key, unsigned long *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)fd;
	a.key = (unsigned long)&key;
	a.value = (unsigned long)value;
	return bpf(cmd, &a);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* All kinds of calls, for ever; any wrong answer ends it. */
static void busy(int fd)
{
	for (unsigned long i = 1;; i++) {
		unsigned long v = i, got = 0;

		if (elem(BPF_MAP_UPDATE_ELEM, fd, 1, &v) || elem(BPF_MAP_LOOKUP_ELEM, fd, 1, &got) ||
		    got != i)
			_exit(1);
		if (access("/sys/fs/bpf/no_such_pin", F_OK) == 0)
			_exit(2);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100, bad = 0, status;
	union bpf_attr a;
	double worst = 0;
	pid_t pid;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_HASH;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = 8;
	int fd = bpf(BPF_MAP_CREATE, &a);

	if (fd < 0)
		return 3;
	pid = fork();
	if (!pid)
		busy(fd);
	srand(1);
	for (int i = 0; i < rounds; i++) {
		unsigned long v = (unsigned long)i, got = 0;

		usleep((unsigned)rand() % 300);
		kill(pid, SIGSTOP);
		for (int k = 0; k < 5; k++) {
			double t = now(), d;

			bad += elem(BPF_MAP_UPDATE_ELEM, fd, 2, &v) ||
			       elem(BPF_MAP_LOOKUP_ELEM, fd, 2, &got) || got != v;
			bad += access("/sys/fs/bpf/no_such_pin", F_OK) == 0;
			d = now() - t;
			worst = d > worst ? d : worst;
		}
		kill(pid, SIGCONT);
	}
	bad += waitpid(pid, &status, WNOHANG) != 0;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("%d stops, %d wrong, three calls took at most %.1f ms\n", rounds, bad, worst);
	return bad != 0;
}
