// SPDX-License-Identifier: BSD-2-Clause
/*
 * Holds a pinned object in some way, says so, and waits for the end of its input.
 *
 *     hold PATH WAY    once      one descriptor
 *                      dup       two descriptors, one description
 *                      twice     two descriptions
 *                      fork      one description, in this process and its child
 *                      flight    a descriptor inside a socket, and in no process
 *
 * Prints "held" when all is set up.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int get(const char *path)
{
	union bpf_attr a = { .pathname = (uintptr_t)path };

	return (int)syscall(SYS_bpf, BPF_OBJ_GET, &a, sizeof(a));
}

static int send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &m, 0) == 1 ? 0 : -1;
}

static int hold(const char *path, const char *way)
{
	int pair[2], fd = get(path);

	if (fd < 0)
		return -1;
	if (!strcmp(way, "dup"))
		return dup(fd);
	if (!strcmp(way, "twice"))
		return get(path);
	if (!strcmp(way, "fork")) {
		pid_t child = fork();

		if (!child) {
			pause();
			_exit(0);
		}
		return child;
	}
	if (!strcmp(way, "flight")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || send_fd(pair[0], fd))
			return -1;
		return close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	char end;

	if (argc != 3 || hold(argv[1], argv[2]) < 0) {
		perror("hold");
		return 1;
	}
	puts("held");
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	return 0;
}
