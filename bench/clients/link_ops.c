// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client pays for links: an ordinary program, run on the kernel and under pinfs in turn.
 *
 *     link_ops DIR GROUP     in a network namespace of its own; DIR: a directory of cgroup v2, if cgroups are
 * to be measured, else any other; GROUP: link
 *
 * Prints "NAME NANOSECONDS" a line, the best of several rounds.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define N      200 /* calls a round, fewer of those that take long */
#define ROUND  2e7 /* ns */

static union {
	union bpf_attr a;
	uint32_t w[42];
} attr;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int bpf(int cmd, unsigned size)
{
	return (int)syscall(SYS_bpf, cmd, &attr, size);
}

static int must(int r, const char *what)
{
	if (r < 0) {
		perror(what);
		exit(1);
	}
	return r;
}

static int load(uint32_t type, uint32_t expected, int32_t r0)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = r0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	memset(&attr, 0, sizeof(attr));
	attr.a.prog_type = type;
	attr.a.insns = (uintptr_t)insns;
	attr.a.insn_cnt = 2;
	attr.a.license = (uintptr_t) "GPL";
	attr.a.expected_attach_type = expected;
	return must(bpf(BPF_PROG_LOAD, 128), "PROG_LOAD");
}

static int create(int prog, int target, uint32_t at, uint32_t flags)
{
	memset(&attr, 0, 64);
	attr.w[0] = (uint32_t)prog;
	attr.w[1] = (uint32_t)target;
	attr.w[2] = at;
	attr.w[3] = flags;
	return must(bpf(BPF_LINK_CREATE, 64), "LINK_CREATE");
}

static void update(int link, int prog)
{
	memset(&attr, 0, 16);
	attr.w[0] = (uint32_t)link;
	attr.w[1] = (uint32_t)prog;
	must(bpf(BPF_LINK_UPDATE, 16), "LINK_UPDATE");
}

static void query(int target, uint32_t at)
{
	uint32_t ids[4];

	memset(&attr, 0, 64);
	attr.w[0] = (uint32_t)target;
	attr.w[1] = at;
	attr.a.query.prog_ids = (uintptr_t)ids;
	attr.a.query.prog_cnt = 4;
	must(bpf(BPF_PROG_QUERY, 64), "PROG_QUERY");
}

/* ns per call of `body`, best of ROUNDS. */
#define BEST(name, body)                                                                                     \
	do {                                                                                                 \
		double best_ = 1e18;                                                                         \
		int n_ = 2;                                                                                  \
		for (int r_ = -1; r_ < ROUNDS; r_++) {                                                       \
			double t_ = now();                                                                   \
			for (int i = 0; i < n_; i++) {                                                       \
				body;                                                                        \
			}                                                                                    \
			t_ = (now() - t_) / n_;                                                              \
			if (r_ < 0)                                                                          \
				n_ = t_ * N < ROUND ? N : t_ * 2 > ROUND ? 2 : (int)(ROUND / t_) & ~1;       \
			else                                                                                 \
				best_ = t_ < best_ ? t_ : best_;                                             \
		}                                                                                            \
		printf("%s %.2f\n", name, best_);                                                            \
		fflush(stdout);                                                                              \
	} while (0)

static void measure(const char *kind, int a, int b, int target, uint32_t at, uint32_t flags, int queried)
{
	char name[64];
	int link;

	snprintf(name, sizeof(name), "link_create_close_%s", kind);
	BEST(name, close(create(a, target, at, flags)));
	usleep(100000); /* what those closes have left to be done later is not what an update costs */
	link = create(a, target, at, flags);
	snprintf(name, sizeof(name), "link_update_%s", kind);
	BEST(name, update(link, i & 1 ? a : b));
	if (queried) {
		snprintf(name, sizeof(name), "prog_query_%s", kind);
		BEST(name, query(target, at));
	}
	close(link);
}

int main(int argc, char **argv)
{
	int cgroup = argc > 1 ? must(open(argv[1], O_RDONLY | O_DIRECTORY), argv[1]) : -1;
	struct statfs fs;
	int net;

	must(unshare(CLONE_NEWNET), "unshare");
	net = must(open("/proc/self/ns/net", O_RDONLY), "netns");
	measure("xdp", load(BPF_PROG_TYPE_XDP, 0, 2), load(BPF_PROG_TYPE_XDP, 0, 2), 1, BPF_XDP, 2, 0);
	measure("tcx", load(BPF_PROG_TYPE_SCHED_CLS, 0, 0), load(BPF_PROG_TYPE_SCHED_CLS, 0, 0), 1, 46, 0, 1);
	measure("netns", load(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1),
		load(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1), net, BPF_SK_LOOKUP, 0, 1);
	if (cgroup >= 0 && !fstatfs(cgroup, &fs) && fs.f_type == 0x63677270)
		measure("cgroup", load(BPF_PROG_TYPE_CGROUP_SKB, 0, 1), load(BPF_PROG_TYPE_CGROUP_SKB, 0, 1),
			cgroup, BPF_CGROUP_INET_INGRESS, 0, 1);
	return 0;
}
