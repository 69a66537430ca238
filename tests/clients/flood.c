// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closes objects as fast as it can, while a process beside it is killed with maps that nobody else has.
 *
 *     flood PIN MS
 *
 * PIN: a path for a map that is pinned and got again and again; in turn maps are made and closed. Half the
 * time before the end a child that has made three maps is killed, and nobody looks at them by bpf(2). Prints
 * how often it has closed something per ms: a number that says whether it was a flood at all.
 */
#include <linux/bpf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int make(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_HASH;
	a.key_size = a.value_size = 4;
	a.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static int obj(int cmd, const char *path, int fd)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)path;
	a.bpf_fd = (uint32_t)fd;
	return (int)syscall(SYS_bpf, cmd, &a, sizeof(a));
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static long flood(const char *pin, long until)
{
	long n = 0;

	for (; n % 64 || now_ms() < until; n++)
		close(n / 64 % 2 ? make() : obj(BPF_OBJ_GET, pin, 0));
	return n;
}

int main(int argc, char **argv)
{
	long ms = argc > 2 ? atol(argv[2]) : 0, start = now_ms(), n;
	int made[2], fd = make();
	pid_t child;
	char c;

	if (ms <= 0 || fd < 0 || obj(BPF_OBJ_PIN, argv[1], fd) || pipe(made))
		return 1;
	close(fd);
	child = fork();
	if (!child) {
		for (int i = 0; i < 3; i++)
			if (make() < 0)
				_exit(1);
		if (write(made[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(made[0], &c, 1) != 1)
		return 1;
	n = flood(argv[1], start + ms / 2);
	kill(child, SIGKILL);
	n += flood(argv[1], start + ms);
	printf("%ld\n", n / ms);
	waitpid(child, NULL, 0);
	return 0;
}
