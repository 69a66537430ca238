// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs a pinned program again and again: rerun PATH TIMES, a run every 25 ms.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static unsigned char packet[64];
	union bpf_attr attr = { .pathname = (uintptr_t)argv[1] };
	int times = argc > 2 ? atoi(argv[2]) : 1, failed = 0;
	long fd = syscall(SYS_bpf, BPF_OBJ_GET, &attr, 16);

	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < times; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (unsigned)fd;
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		failed += syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, 80) < 0;
		usleep(25000);
	}
	printf("%d runs, %d failed\n", times, failed);
	return 0;
}
