// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world in which nothing is allowed, for tests: outer-filter CMD [ARG...]
 *
 * Runs CMD as a container engine's default profile would have it run for a
 * plain user: uid and gid 65534, no groups, no capability and none to be had,
 * no_new_privs, and a seccomp filter that answers bpf, mount, unshare,
 * perf_event_open and pidfd_getfd with EPERM (and user namespaces by clone).
 * OUTER_UID in the environment names another uid; with OUTER_CAPS root stays what it
 * is. As a plain user it keeps the uid.
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EPERM_IF(nr)                                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static void install(void)
{
	struct sock_filter insn[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		LOAD(nr),
		EPERM_IF(SYS_bpf),
		EPERM_IF(SYS_mount),
		EPERM_IF(SYS_unshare),
		EPERM_IF(SYS_perf_event_open),
		EPERM_IF(SYS_pidfd_getfd),
		/* What cannot be looked into is not there: the C library falls back to clone. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		LOAD(args),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER | CLONE_NEWNS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(insn) / sizeof(insn[0]), insn };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("outer-filter: seccomp");
}

static void drop(unsigned uid)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			die("outer-filter: bounding set");
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		die("outer-filter: uid");
}

int main(int argc, char **argv)
{
	const char *uid = getenv("OUTER_UID");

	if (argc < 2) {
		fprintf(stderr, "usage: outer-filter CMD [ARG...]\n");
		return 125;
	}
	if (!geteuid() && !getenv("OUTER_CAPS"))
		drop(uid ? (unsigned)atoi(uid) : 65534);
	install();
	/* After setresuid a process is not dumpable until it executes something. */
	execvp(argv[1], argv + 1);
	die(argv[1]);
}
