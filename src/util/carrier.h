// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that an outer seccomp filter may answer before the run's own is asked, and how they come by it.
 *
 * They are made again under the carrier's number, which such filters let pass and which this
 * architecture has no call for. Which call it was is told in one of three ways:
 *
 *     the thread's tracer has noted it for the supervisor     frontend/trace
 *     sixth argument: the run's cookie ^ the call's number    frontend/preload, mount and umount2
 *     the same with SYS_ptrace: what a debugger has to say    carrier_word
 */
#ifndef PINFS_UTIL_CARRIER_H
#define PINFS_UTIL_CARRIER_H

#include <signal.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include "util/types.h"

/* epoll_ctl_old: ENOSYS in every kernel of x86-64. */
#define NR_CARRIER 214

/* The C library has no name for it. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

#define SYSCALL_INSN 2 /* length in bytes */

/* A debugger's words: first argument; then a thread, then a number. */
enum carrier_word {
	CARRIER_NOTE = 1, /* the thread will make the carrier's call and means that number */
	CARRIER_BACK,     /* the thread will make it, and then go on as that struct carrier_back says */
	/* The thread is to be let go of; that struct is filled. 0: it is in the carrier's call, to be set to
	 * what it was; 1: it goes on by itself. */
	CARRIER_HOLD,
	CARRIER_HELD /* it has been attached to, and will be set to that in its next stop, which is sure */
};

/* What a thread is beside a call of the carrier's that it was set to. */
struct carrier_back {
	struct user_regs_struct regs;
	u64 mask;  /* blocked signals */
	u32 sig;   /* a signal that it is to get, or 0 */
	u16 entry; /* it stands at the entry of a call, which will be made then */
	u16 noted; /* a number that is noted for it: a handler came before that call of the carrier's; or 0 */
};

/*
 * For the tracer of a stopped thread. What it is, but for `sig`; in front of a call that it has
 * entered but not made, or that was trapped and is told now. False: it stands in the middle of one (fork,
 * exec).
 */
bool carrier_state(int tid, struct carrier_back *back);
/* An address where such a thread can make the carrier's call; 0: none. */
u64 carrier_place(int tid, const struct carrier_back *back);
/* It makes that call when it goes on, and gets no signal until then. */
void carrier_detour(int tid, const struct carrier_back *back, u64 place);
void carrier_restore(int tid, const struct carrier_back *back);

/* The first n bytes of an entry of the thread's /proc directory; how many they are. */
long carrier_read_proc(int tid, const char *name, void *buf, size_t n);

/* Those that profiles of containers refuse, and that pinfs serves: trapped in a traced run. */
static inline bool carrier_hides(long nr)
{
	return nr == SYS_bpf || nr == SYS_mount || nr == SYS_umount2 || nr == SYS_perf_event_open ||
	       nr == SYS_fsopen;
}

/*
 * At the stop of a SIGSYS: the number of the call that was trapped, its registers being set
 * to make it again as the carrier; 0 when it is something else. A trap is reported in
 * the call's own registers: the number in ax, the next instruction in ip. Else
 * somebody sent the signal, with a text of his own making.
 */
static inline int carrier_redirect(struct user_regs_struct *r, const siginfo_t *info)
{
	int nr = info->si_syscall;

	if (info->si_code != SYS_SECCOMP || !carrier_hides(nr) || (int)r->rax != nr ||
	    r->rip != (unsigned long)info->si_call_addr)
		return 0;
	r->rip -= SYSCALL_INSN;
	r->rax = NR_CARRIER;
	r->orig_rax = ~0ull; /* it is in no call */
	return nr;
}

#endif
