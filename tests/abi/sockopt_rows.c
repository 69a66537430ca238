// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs attached to sockets, row by row: which program which option takes, what is detached, and how long
 * the program lives.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include "abi/link_world.h"

enum { UDP = 171, TCP, UNIX, P_REUSEPORT };

static const struct row_opt {
	int sock, name, value;
	unsigned len;
} rows[] = {
	{ UDP, SO_DETACH_FILTER, 0, 4 },
	{ UDP, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ UDP, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ UDP, SO_ATTACH_BPF, P_XDP, 4 },
	{ UDP, SO_ATTACH_BPF, P_CLS, 4 },
	{ UDP, SO_ATTACH_BPF, P_CGSKB, 4 },
	{ UDP, SO_ATTACH_BPF, P_REUSEPORT, 4 },
	{ UDP, SO_ATTACH_BPF, FD_MAP, 4 },
	{ UDP, SO_ATTACH_BPF, FD_NULL, 4 },
	{ UDP, SO_ATTACH_BPF, FD_CLOSED, 4 },
	{ UDP, SO_ATTACH_BPF, -1, 4 },
	{ UDP, SO_ATTACH_BPF, P_SOCKFILTER, 2 },
	{ UDP, SO_ATTACH_BPF, P_SOCKFILTER, 0 },
	{ UDP, SO_ATTACH_BPF, P_SOCKFILTER, 8 },
	{ FD_NULL, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ FD_CLOSED, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ FD_MAP, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ UDP, SO_DETACH_FILTER, 0, 4 },
	{ UDP, SO_DETACH_FILTER, 0, 4 },
	{ TCP, SO_DETACH_BPF, 0, 4 },
	{ TCP, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ UNIX, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ TCP, SO_LOCK_FILTER, 1, 4 },
	{ TCP, SO_ATTACH_BPF, P_SOCKFILTER, 4 },
	{ TCP, SO_DETACH_FILTER, 0, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_SOCKFILTER, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_REUSEPORT, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_XDP, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, FD_MAP, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, FD_CLOSED, 4 },
	{ UDP, SO_DETACH_REUSEPORT_BPF, 0, 4 },
	{ UDP, SO_REUSEPORT, 1, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_SOCKFILTER, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_REUSEPORT, 4 },
	{ UDP, SO_ATTACH_REUSEPORT_EBPF, P_XDP, 4 },
	{ UDP, SO_DETACH_REUSEPORT_BPF, 0, 4 },
	{ UDP, SO_DETACH_REUSEPORT_BPF, 0, 4 },
	{ UNIX, SO_ATTACH_REUSEPORT_EBPF, P_REUSEPORT, 4 },
	{ UNIX, SO_ATTACH_REUSEPORT_EBPF, P_SOCKFILTER, 4 },
};

static const char *sock_name(int fd)
{
	return fd == UDP ? "udp" : fd == TCP ? "tcp" : fd == UNIX ? "unix" : fd_name(fd);
}

/* Is the program still there? It goes a moment after its last holder. */
static void alive(const char *when, uint32_t id, int expected)
{
	union row_attr a = { .w = { id } };
	int fd = -1;

	for (int i = 0; i < 500; i++) {
		fd = raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 4);
		if ((fd >= 0) == expected)
			break;
		close(fd);
		usleep(2000);
	}
	say("the program %s", when);
	result_fd(fd);
}

static int one_program(uint32_t *id)
{
	static const struct world_prog p = { "", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, 0 };
	int fd = load_prog(&p);

	must(fd >= 0, "a program");
	*id = object_id(fd);
	return fd;
}

static void lifetimes(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), copy, fd;
	uint32_t id, next;

	fd = one_program(&id);
	say("attach");
	result(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, 4));
	close(fd);
	alive("when its fd is closed", id, 1);
	copy = dup(s);
	close(s);
	alive("when one fd of the socket is closed", id, 1);
	fd = one_program(&next);
	say("replace");
	result(setsockopt(copy, SOL_SOCKET, SO_ATTACH_BPF, &fd, 4));
	close(fd);
	alive("that was replaced", id, 0);
	alive("in its place", next, 1);
	close(copy);
	alive("when the socket is closed", next, 0);

	s = socket(AF_INET, SOCK_DGRAM, 0);
	fd = one_program(&id);
	say("attach");
	result(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, 4));
	close(fd);
	say("detach");
	result(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &fd, 4));
	alive("that was detached", id, 0);
	close(s);
}

int main(void)
{
	const struct world_prog reuseport = { "reuseport", BPF_PROG_TYPE_SK_REUSEPORT, 39, 1, 0 };

	world_make();
	place_fd(load_prog(&reuseport), P_REUSEPORT);
	place_fd(socket(AF_INET, SOCK_DGRAM, 0), UDP);
	place_fd(socket(AF_INET, SOCK_STREAM, 0), TCP);
	place_fd(socket(AF_UNIX, SOCK_DGRAM, 0), UNIX);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int v[2] = { rows[i].value, 0 };

		say("row %zu: option %d of %s to %s, %u bytes", i, rows[i].name, sock_name(rows[i].sock),
		    rows[i].value == P_REUSEPORT ? "REUSEPORT" : fd_name(rows[i].value), rows[i].len);
		result(setsockopt(rows[i].sock, SOL_SOCKET, rows[i].name, v, rows[i].len));
	}
	say("a bad pointer");
	result(setsockopt(UDP, SOL_SOCKET, SO_ATTACH_BPF, (void *)8, 4));
	lifetimes();
	return 0;
}
