// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers that a program of a cgroup has at some hooks only, by its expected attach type.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int types[] = { BPF_PROG_TYPE_CGROUP_SKB,       BPF_PROG_TYPE_CGROUP_SOCK,
			     BPF_PROG_TYPE_SOCK_OPS,         BPF_PROG_TYPE_CGROUP_DEVICE,
			     BPF_PROG_TYPE_CGROUP_SYSCTL,    BPF_PROG_TYPE_CGROUP_SOCKOPT,
			     BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_PROG_TYPE_SYSCALL };

#define RETVAL_GET 186
#define RETVAL_SET 187
#define FUNC_IP    173

static const int helpers[] = { RETVAL_GET, RETVAL_SET, FUNC_IP };

static int load(int type, int attach, int helper)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = helper },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	unsigned first = helper == FUNC_IP; /* it wants the context */
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = (unsigned)type;
	attr.insns = (unsigned long)&insns[first];
	attr.insn_cnt = 4 - first;
	attr.license = (unsigned long)"GPL";
	attr.expected_attach_type = (unsigned)attach;
	attr.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return errno;
	close((int)fd);
	return 0;
}

int main(void)
{
	for (unsigned t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (unsigned h = 0; h < sizeof(helpers) / sizeof(helpers[0]); h++) {
			printf("type %d helper %d:", types[t], helpers[h]);
			for (int attach = 0; attach < 64; attach++)
				printf(" %d", load(types[t], attach, helpers[h]));
			printf("\n");
		}
	}
	return 0;
}
