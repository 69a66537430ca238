// SPDX-License-Identifier: BSD-2-Clause
/*
 * Generates the seccomp filter from the rows.
 *
 *     arch is not x86-64 ......................... allow
 *     search tree over the numbers
 *         a number without a row ................. allow
 *         fstatat, statx with AT_EMPTY_PATH ...... allow (a matter of an fd)
 *         setsockopt of another option ........... allow (only programs at sockets)
 *         getsockopt, but SO_GET_FILTER .......... allow
 *         chroot, pivot_root, setns, the carrier . notify
 *         ioctl, but for requests of perf events . allow
 *         mmap, but shared of a file ............. allow
 *         ptrace, execve where calls are trapped:  notify who wants another tracer, or may have none
 *         ptrace of another request .............. allow
 *         any other: sixth argument is the cookie  allow
 *                    else ........................ notify, or trap (frontend/trace)
 *
 * The tree is emitted left to right. Jumps out of it (to the shared tails) are
 * written as "ja" with the tail's number and patched when the tails have been
 * placed; so no conditional jump, which reaches 255 instructions, is far.
 * A listener can be told apart from an error only by its sign: no TSYNC.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "frontend/notify/filter.h"
#include "frontend/trace/trace.h"
#include "sys/perf_event.h"
#include "sys/sys.h"
#include "util/raw.h"

#define FILTER_CALLS 256

enum tail {
	TAIL_NOTIFY,
	TAIL_FSTATAT,
	TAIL_STATX,
	TAIL_SOCKOPT,
	TAIL_GETSOCKOPT,
	TAIL_ALWAYS,
	TAIL_IOCTL,
	TAIL_MMAP,
	TAIL_PTRACE,
	TAIL_TRAP,
	TAILS
};

struct tree {
	int nr[FILTER_CALLS];
	u32 n;
};

/* Served beside sys_fs()'s rows. chroot and the like tell that paths may mean something else from now on, the
 * last six (and setns) that the thread may be somebody else. */
static const int own_calls[] = {
	SYS_bpf,        NR_CARRIER,   SYS_perf_event_open, SYS_ioctl,   SYS_mmap,   SYS_setsockopt,
	SYS_getsockopt, SYS_chroot,   SYS_pivot_root,      SYS_setns,   SYS_setuid, SYS_setreuid,
	SYS_setresuid,  SYS_setfsuid, SYS_capset,          SYS_unshare,
};

/* Beside these where calls are trapped. */
static const int trap_calls[] = { SYS_ptrace, SYS_execve, SYS_execveat };

static const u32 ptrace_requests[] = { PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_DETACH };

/* Of setsockopt at SOL_SOCKET. */
static const u32 own_options[] = {
	SO_ATTACH_BPF,
	SO_ATTACH_REUSEPORT_EBPF,
	SO_DETACH_FILTER,
	SO_DETACH_REUSEPORT_BPF,
};

static void emit(struct filter *f, u16 code, u32 k, u32 jt, u32 jf)
{
	if (f->len < FILTER_INSNS)
		f->insn[f->len] = (struct sock_filter){ code, (u8)jt, (u8)jf, k };
	f->len++;
}

static void load(struct filter *f, u32 off)
{
	emit(f, BPF_LD | BPF_W | BPF_ABS, off, 0, 0);
}

static void ret(struct filter *f, u32 action)
{
	emit(f, BPF_RET | BPF_K, action, 0, 0);
}

static enum tail tail_of(int nr, bool trap)
{
	if (trap && carrier_hides(nr))
		return TAIL_TRAP;
	if (nr == SYS_newfstatat)
		return TAIL_FSTATAT;
	if (nr == SYS_statx)
		return TAIL_STATX;
	if (nr == SYS_setsockopt)
		return TAIL_SOCKOPT;
	if (nr == SYS_getsockopt)
		return TAIL_GETSOCKOPT;
	if (nr == SYS_chroot || nr == SYS_pivot_root || nr == SYS_setns || nr == NR_CARRIER)
		return TAIL_ALWAYS;
	if (nr == SYS_ioctl)
		return TAIL_IOCTL;
	if (nr == SYS_ptrace)
		return TAIL_PTRACE;
	return nr == SYS_mmap ? TAIL_MMAP : TAIL_NOTIFY;
}

/* Leaf: "jeq nr" (over the "ret") then "ja tail", marked by an offset no program has. */
#define TAIL_MARK 0x80000000u

static u32 tree_size(u32 n)
{
	return n == 1 ? 3 : 2 + tree_size(n / 2) + tree_size(n - n / 2);
}

static void emit_tree(struct filter *f, const int *nr, u32 n, bool trap)
{
	u32 left = n / 2;

	if (n == 1) {
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, (u32)nr[0], 1, 0);
		ret(f, SECCOMP_RET_ALLOW);
		emit(f, BPF_JMP | BPF_JA, TAIL_MARK | tail_of(nr[0], trap), 0, 0);
		return;
	}
	emit(f, BPF_JMP | BPF_JGE | BPF_K, (u32)nr[left], 0, 1);
	emit(f, BPF_JMP | BPF_JA, tree_size(left), 0, 0);
	emit_tree(f, nr, left, trap);
	emit_tree(f, nr + left, n - left, trap);
}

/* Jumps behind itself for one of ours. */
static void emit_sockopt(struct filter *f)
{
	const u32 arg = offsetof(struct seccomp_data, args), n = ARRAY_SIZE(own_options);

	load(f, arg + 1 * 8);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, SOL_SOCKET, 0, n + 1);
	load(f, arg + 2 * 8);
	for (u32 i = 0; i < n; i++)
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, own_options[i], n - i, 0);
	ret(f, SECCOMP_RET_ALLOW);
}

static void emit_getsockopt(struct filter *f, u32 arg, u32 where[TAILS])
{
	where[TAIL_GETSOCKOPT] = f->len;
	load(f, arg + 1 * 8);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, SOL_SOCKET, 0, 2);
	load(f, arg + 2 * 8);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, SO_GET_FILTER, 1, 0);
	ret(f, SECCOMP_RET_ALLOW);
	emit(f, BPF_JMP | BPF_JA, TAIL_MARK | TAIL_NOTIFY, 0, 0);
}

/* The preload library does its own, and sends on what is none of its. */
static void emit_ioctl(struct filter *f, u32 arg, u32 where[TAILS], u32 action)
{
	where[TAIL_IOCTL] = f->len;
	load(f, arg + 1 * 8);
	emit(f, BPF_ALU | BPF_AND | BPF_K, 0xff00, 0, 0);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, PERF_IOC_KIND << 8, 0, 1);
	ret(f, action);
	ret(f, SECCOMP_RET_ALLOW);
}

/* A perf ring's and a map's is the shared mapping of a file. Memory and libraries are not mapped so, and the
 * preload library marks its own (raw_mmap). */
static void emit_mmap(struct filter *f, u32 arg, u32 where[TAILS], u32 action)
{
	where[TAIL_MMAP] = f->len;
	load(f, arg + 3 * 8);
	emit(f, BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1);
	emit(f, BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS | RAW_MMAP_MARK, 0, 1);
	ret(f, SECCOMP_RET_ALLOW);
	ret(f, action);
}

/* The preload library's own requests are of no interest. */
static void emit_ptrace(struct filter *f, u32 arg, u32 where[TAILS])
{
	const u32 n = ARRAY_SIZE(ptrace_requests);

	where[TAIL_PTRACE] = f->len;
	load(f, arg);
	for (u32 i = 0; i < n; i++)
		emit(f, BPF_JMP | BPF_JEQ | BPF_K, ptrace_requests[i], n - i, 0);
	ret(f, SECCOMP_RET_ALLOW);
	emit(f, BPF_JMP | BPF_JA, TAIL_MARK | TAIL_NOTIFY, 0, 0);
}

/* To `action`, but for the library's own calls. */
static void emit_unless_own(struct filter *f, u64 cookie, u32 action)
{
	const u32 arg = offsetof(struct seccomp_data, args) + 5 * 8;

	load(f, arg);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, (u32)cookie, 0, 3);
	load(f, arg + 4);
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, (u32)(cookie >> 32), 0, 1);
	ret(f, SECCOMP_RET_ALLOW);
	ret(f, action);
}

/* The shared tails; where[] gets their places. */
static void emit_tails(struct filter *f, u64 cookie, u32 where[TAILS], u32 action)
{
	const u32 arg = offsetof(struct seccomp_data, args);

	emit_ptrace(f, arg, where);
	emit_getsockopt(f, arg, where);
	where[TAIL_SOCKOPT] = f->len;
	emit_sockopt(f);
	emit(f, BPF_JMP | BPF_JA, TAIL_MARK | TAIL_NOTIFY, 0, 0);
	where[TAIL_FSTATAT] = f->len;
	load(f, arg + 3 * 8);
	emit(f, BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 3);
	ret(f, SECCOMP_RET_ALLOW);
	where[TAIL_STATX] = f->len;
	load(f, arg + 2 * 8);
	emit(f, BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 4, 0);
	where[TAIL_NOTIFY] = f->len;
	emit_unless_own(f, cookie, action);
	where[TAIL_ALWAYS] = f->len - 1;
	where[TAIL_TRAP] = f->len;
	emit_unless_own(f, cookie, SECCOMP_RET_TRAP);
	emit_ioctl(f, arg, where, action);
	emit_mmap(f, arg, where, action);
}

static void patch_tails(struct filter *f, const u32 where[TAILS])
{
	for (u32 i = 0; i < f->len; i++) {
		struct sock_filter *s = &f->insn[i];

		if (s->code == (BPF_JMP | BPF_JA) && s->k & TAIL_MARK)
			s->k = where[s->k & ~TAIL_MARK] - i - 1;
	}
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void add_call(struct tree *t, int nr)
{
	for (u32 i = 0; i < t->n; i++)
		if (t->nr[i] == nr)
			return;
	if (t->n < FILTER_CALLS)
		t->nr[t->n++] = nr;
}

static void collect(struct tree *t, enum filter_how how)
{
	t->n = 0;
	for (u32 i = 0; i < ARRAY_SIZE(own_calls); i++)
		add_call(t, own_calls[i]);
	for (u32 i = 0; i < sys_fs_calls(); i++)
		add_call(t, sys_fs_call(i));
	for (u32 i = 0; i < ARRAY_SIZE(trap_calls) && how == FILTER_TRAP; i++)
		add_call(t, trap_calls[i]);
	qsort(t->nr, t->n, sizeof(t->nr[0]), by_number);
}

int filter_build(struct filter *f, u64 cookie, enum filter_how how)
{
	u32 where[TAILS];
	struct tree t;

	collect(&t, how);
	f->len = 0;
	load(f, offsetof(struct seccomp_data, arch));
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	ret(f, SECCOMP_RET_ALLOW);
	load(f, offsetof(struct seccomp_data, nr));
	emit_tree(f, t.nr, t.n, how == FILTER_TRAP || how == FILTER_STOP_TRAP);
	emit_tails(f, cookie, where, filter_stops(how) ? SECCOMP_RET_TRACE : SECCOMP_RET_USER_NOTIF);
	if (f->len > FILTER_INSNS)
		return -E2BIG;
	patch_tails(f, where);
	return 0;
}

static int install(const struct sock_fprog *prog, unsigned flags)
{
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  prog);

	return fd < 0 ? -errno : (int)fd;
}

int filter_install(const struct filter *f, bool *killable, bool *nnp)
{
	struct sock_fprog prog = { .len = (unsigned short)f->len, .filter = (struct sock_filter *)f->insn };
	unsigned flags = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* Linux 5.19 */
	int fd = install(&prog, flags);

	if (fd == -EINVAL)
		fd = install(&prog, flags = 0);
	*nnp = fd == -EACCES;
	if (*nnp) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			return -errno;
		fd = install(&prog, flags);
	}
	*killable = flags != 0;
	return fd;
}

int filter_install_plain(const struct filter *f, bool *nnp)
{
	struct sock_fprog prog = { .len = (unsigned short)f->len, .filter = (struct sock_filter *)f->insn };
	long ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);

	*nnp = ret && errno == EACCES;
	if (*nnp) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
	}
	return ret ? -errno : 0;
}
