// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world of programs at sockets: one socket at a number of its own, and what is done to it, as lines.
 */
#ifndef PINFS_TESTS_SOCKOPT_WORLD_H
#define PINFS_TESTS_SOCKOPT_WORLD_H

#include <linux/filter.h>
#include <netinet/in.h>
#include "abi/link_world.h"

enum { P_REUSEPORT = L0, SOCK = L0 + 1, SOCK2, PROG, PROG2 };

struct option_name {
	int opt;
	const char *name;
};

static const struct option_name options[] = {
	{ SO_ATTACH_BPF, "ATTACH_BPF" },       { SO_ATTACH_REUSEPORT_EBPF, "ATTACH_REUSEPORT_EBPF" },
	{ SO_DETACH_FILTER, "DETACH_FILTER" }, { SO_DETACH_REUSEPORT_BPF, "DETACH_REUSEPORT_BPF" },
	{ SO_LOCK_FILTER, "LOCK_FILTER" },
};

static const char *option_name(int opt)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].opt == opt)
			return options[i].name;
	return "?";
}

static inline void set(int s, int opt, int v, socklen_t len)
{
	int buf[4] = { v, 0, 0, 0 };

	say("%s %s", option_name(opt), opt == SO_LOCK_FILTER || v < 0 ? "" : fd_name(v));
	if (opt == SO_LOCK_FILTER || v < 0)
		say("%d", v);
	if (len != 4)
		say(" length %u", len);
	result(setsockopt(s, SOL_SOCKET, opt, buf, len));
}

static inline void classic(int s, int opt)
{
	struct sock_filter insn[2] = { { BPF_LD | BPF_IMM, 0, 0, 7 }, { BPF_RET | BPF_K, 0, 0, 0xffff } };
	struct sock_fprog p = { 2, insn };

	say("classic %s", opt == SO_ATTACH_FILTER ? "filter" : "reuseport");
	result(setsockopt(s, SOL_SOCKET, opt, &p, sizeof(p)));
}

static inline int open_socket(int domain, int type)
{
	int s = socket(domain, type | SOCK_CLOEXEC, 0);

	must(s >= 0 && dup2(s, SOCK) == SOCK, "a socket");
	close(s);
	return SOCK;
}

static inline void reuse(int s)
{
	int on = 1;

	say("REUSEPORT");
	result(setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
}

static inline void load_held(int at)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0xffff },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL") } };

	close(at);
	place_fd(raw_bpf(BPF_PROG_LOAD, &a, 128), at);
}

static inline void sockopt_world(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_SK_REUSEPORT,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL") } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	world_make_net();
	place_fd(raw_bpf(BPF_PROG_LOAD, &a, 128), P_REUSEPORT);
}

#endif
