// SPDX-License-Identifier: BSD-2-Clause
/*
 * Updates a link from one program to another and back, keeps both, pins the link, and waits for the end of
 * its input.
 *
 *     alternate PATH TIMES
 *
 * Prints "held" and the ids of the programs: of the one that the link runs, and of the other.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static union {
	union bpf_attr a;
	uint32_t w[42];
} attr;

static int bpf(int cmd, unsigned size)
{
	int r = (int)syscall(SYS_bpf, cmd, &attr, size);

	if (r < 0) {
		perror("bpf");
		exit(1);
	}
	memset(&attr, 0, sizeof(attr));
	return r;
}

static int load(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	attr.a.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
	attr.a.insns = (uintptr_t)insns;
	attr.a.insn_cnt = 2;
	attr.a.license = (uintptr_t) "GPL";
	attr.a.expected_attach_type = BPF_SK_LOOKUP;
	return bpf(BPF_PROG_LOAD, 128);
}

static uint32_t id_of(int fd)
{
	struct bpf_prog_info info = { 0 };

	attr.a.info.bpf_fd = (uint32_t)fd;
	attr.a.info.info_len = sizeof(info);
	attr.a.info.info = (uintptr_t)&info;
	bpf(BPF_OBJ_GET_INFO_BY_FD, 16);
	return info.id;
}

int main(int argc, char **argv)
{
	int net, prog[2], link, times = argc > 2 ? atoi(argv[2]) : 0;
	char c;

	if (unshare(CLONE_NEWNET) || (net = open("/proc/self/ns/net", O_RDONLY)) < 0)
		return 1;
	prog[0] = load();
	prog[1] = load();
	attr.w[0] = (uint32_t)prog[0];
	attr.w[1] = (uint32_t)net;
	attr.w[2] = BPF_SK_LOOKUP;
	link = bpf(BPF_LINK_CREATE, 64);
	for (int i = 1; i <= times; i++) {
		attr.w[0] = (uint32_t)link;
		attr.w[1] = (uint32_t)prog[i & 1];
		bpf(BPF_LINK_UPDATE, 16);
	}
	attr.a.pathname = (uintptr_t)argv[1];
	attr.a.bpf_fd = (uint32_t)link;
	bpf(BPF_OBJ_PIN, 16);
	printf("held %u %u\n", id_of(prog[times & 1]), id_of(prog[!(times & 1)]));
	fflush(stdout);
	return read(0, &c, 1) < 0;
}
