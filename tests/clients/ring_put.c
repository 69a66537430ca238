// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs a pinned program, which tells each packet to a ring buffer.
 *
 *     ring_put PIN COUNT [FLAGS [PAUSE_US]]     one run a record, with a pause before each
 *
 * A full ring is tried again. Says how many were told.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

int main(int argc, char **argv)
{
	unsigned char packet[64] = { 0 };
	union bpf_attr a = { 0 };
	long n = argc > 2 ? atol(argv[2]) : 1, told = 0;
	useconds_t pause = argc > 4 ? (useconds_t)atoi(argv[4]) : 0;
	int fd;

	if (argc < 2)
		return 2;
	a.pathname = (uintptr_t)argv[1];
	fd = (int)bpf(BPF_OBJ_GET, &a);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	/* The first 14 bytes are the link layer's. */
	packet[14] = argc > 3 ? (unsigned char)atoi(argv[3]) : 0;
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)fd;
	a.test.data_in = (uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	while (told < n) {
		if (pause)
			usleep(pause);
		if (bpf(BPF_PROG_TEST_RUN, &a)) {
			perror("run");
			return 1;
		}
		told += !a.test.retval;
		if (a.test.retval)
			usleep(100);
	}
	printf("told %ld\n", told);
	return 0;
}
