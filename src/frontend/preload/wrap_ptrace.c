// SPDX-License-Identifier: BSD-2-Clause
/*
 * A debugger in a run whose calls are trapped (util/carrier.h): it stands in for the run's own tracer.
 *
 * A process has one tracer. That of the run lets go of one that strace or gdb wants, and then a
 * trapped bpf(2) of it stops it for the debugger, as a SIGSYS. So the debugger's waits look at
 * each stop first, and do with it what the run's tracer would have done. The
 * debugger does not hear of it; what it sees of such a call is one call, with its result:
 *
 *     entry of bpf(2)            shown
 *     exit, its number in ax     kept back: it was trapped
 *     SIGSYS                     kept back; registers: the carrier's call, and the supervisor is told
 *     entry of the carrier       kept back
 *     exit of the carrier        shown, as that of bpf(2)
 *
 * A process goes on from a stop that is kept back as the debugger let it go on last.
 *
 *     tracees[hash(tid) .. + PROBE]   tid << 32 | step << 24 | number << 8 | request, 0: free
 *
 * One word each, changed by exchange, since waits and ptrace(2) may be in several threads and in
 * handlers. Without room for one its stops are kept back all the same, and it goes on by PTRACE_CONT.
 *
 * The numbers of children that a debugger does not follow are told to the supervisor, at the exit
 * of the call that made them, for nobody traces these.
 */
#include <stdarg.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "frontend/preload/preload.h"
#include "util/carrier.h"

#define TRACEES 1024u
#define PROBE   8u

enum step { STEP_NONE, STEP_AGAIN, STEP_CARRIER };

static _Atomic u64 tracees[TRACEES];

static u64 tracee(pid_t tid, enum step step, int nr, int request)
{
	return (u64)(u32)tid << 32 | (u64)step << 24 | (u64)(nr & 0xffff) << 8 | (u64)(request & 0xff);
}

static enum step step_of(u64 w)
{
	return (enum step)(w >> 24 & 3);
}

static int nr_of(u64 w)
{
	return (int)(w >> 8 & 0xffff);
}

static int request_of(u64 w)
{
	return w ? (int)(w & 0xff) : PTRACE_CONT;
}

static _Atomic u64 *slot_of(pid_t tid)
{
	for (u32 i = 0; i < PROBE; i++) {
		_Atomic u64 *s = &tracees[((u32)tid * 2654435761u + i) % TRACEES];

		if (atomic_load(s) >> 32 == (u32)tid)
			return s;
	}
	return NULL;
}

static u64 tracee_get(pid_t tid)
{
	_Atomic u64 *s = slot_of(tid);

	return s ? atomic_load(s) : 0;
}

static void tracee_set(pid_t tid, u64 w)
{
	_Atomic u64 *s = slot_of(tid);

	for (u32 i = 0; i < PROBE && !s && w; i++) {
		_Atomic u64 *at = &tracees[((u32)tid * 2654435761u + i) % TRACEES];
		u64 none = 0;

		if (atomic_compare_exchange_strong(at, &none, w))
			return;
	}
	if (s)
		atomic_store(s, w);
}

static long raw_ptrace(long request, pid_t tid, const void *data)
{
	return raw4(SYS_ptrace, request, tid, 0, data);
}

static bool traps(void)
{
	return pre_attached && the_run->notify == RUN_TRAPS;
}

static bool tell(enum carrier_word word, pid_t tid, int nr)
{
	long ret;

	do
		ret = raw6(NR_CARRIER, word, tid, nr, 0, 0, (long)(raw_cookie ^ SYS_ptrace));
	while (ret == -EINTR);
	return !ret;
}

/* On from a stop that is kept back. A request that fails has met a thread that was killed. */
static bool go_on(pid_t tid, int request)
{
	raw_ptrace(request, tid, NULL);
	return true;
}

static bool trapped(pid_t tid)
{
	u64 w = tracee_get(tid);
	struct user_regs_struct r;
	siginfo_t info;
	int nr;

	if (raw_ptrace(PTRACE_GETSIGINFO, tid, &info) || raw_ptrace(PTRACE_GETREGS, tid, &r))
		return false;
	nr = carrier_redirect(&r, &info);
	if (!nr || !tell(CARRIER_NOTE, tid, nr))
		return false;
	raw_ptrace(PTRACE_SETREGS, tid, &r);
	tracee_set(tid, tracee(tid, STEP_AGAIN, nr, request_of(w)));
	return go_on(tid, request_of(w));
}

static bool is_clone(long nr)
{
	return nr == SYS_clone || nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone3;
}

static bool carrier_stop(pid_t tid, u64 w, struct user_regs_struct *r)
{
	if ((long)r->rax == -ENOSYS && step_of(w) == STEP_AGAIN) {
		tracee_set(tid, tracee(tid, STEP_CARRIER, nr_of(w), request_of(w)));
		return go_on(tid, PTRACE_SYSCALL);
	}
	/* Should it be restarted, the kernel will take this number: it is trapped anew. */
	r->orig_rax = (unsigned long long)nr_of(w);
	raw_ptrace(PTRACE_SETREGS, tid, r);
	tracee_set(tid, tracee(tid, STEP_NONE, 0, request_of(w)));
	return false;
}

/* At an entry ax is -ENOSYS. */
static bool syscall_stop(pid_t tid)
{
	struct user_regs_struct r;
	u64 w = tracee_get(tid);
	long nr, ret;

	if (raw_ptrace(PTRACE_GETREGS, tid, &r))
		return false;
	nr = (long)r.orig_rax;
	ret = (long)r.rax;
	if (carrier_hides(nr) && ret == nr)
		return go_on(tid, PTRACE_SYSCALL);
	if (is_clone(nr) && ret > 0)
		tell(CARRIER_BORN, (pid_t)ret, 0);
	return nr == NR_CARRIER && step_of(w) != STEP_NONE && carrier_stop(tid, w, &r);
}

/* A stop that is no matter of the debugger's: it goes on already. */
static bool keep_back(pid_t tid, int status)
{
	if (!WIFSTOPPED(status)) {
		tracee_set(tid, 0);
		return false;
	}
	switch (status >> 8) {
	case SIGSYS: return trapped(tid);
	case SIGTRAP | 0x80: return syscall_stop(tid);
	}
	return false;
}

static void went_on(pid_t tid, int request)
{
	u64 w = tracee_get(tid);

	tracee_set(tid, tracee(tid, step_of(w), nr_of(w), request));
}

EXPORT long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	pid_t tid;
	void *addr, *data;

	va_start(ap, request);
	tid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (traps())
		switch (request) {
		case PTRACE_CONT:
		case PTRACE_SYSCALL:
		case PTRACE_SINGLESTEP:
		case PTRACE_SINGLEBLOCK: went_on(tid, (int)request); break;
		default: break;
		}
	return NEXT(ptrace)(request, tid, addr, data);
}

EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	int own, *st = status ? status : &own;
	pid_t got;

	do
		got = NEXT(wait4)(pid, st, options, usage);
	while (got > 0 && traps() && keep_back(got, *st));
	return got;
}

EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	int own, *st = status ? status : &own;
	pid_t got;

	do
		got = NEXT(waitpid)(pid, st, options);
	while (got > 0 && traps() && keep_back(got, *st));
	return got;
}

EXPORT pid_t wait(int *status)
{
	return waitpid(-1, status, 0);
}

EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
	return wait4(-1, status, options, usage);
}

/* The status of a stop as waitpid(2) tells it; 0: of something else. */
static int stop_in(const siginfo_t *info)
{
	if (info->si_code == CLD_TRAPPED)
		return info->si_status << 8 | 0x7f;
	return 0;
}

EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	siginfo_t own, *in = info ? info : &own;
	int ret;

	do {
		in->si_pid = 0;
		ret = NEXT(waitid)(type, id, in, options);
	} while (!ret && in->si_pid && stop_in(in) && !(options & WNOWAIT) && traps() &&
		 keep_back(in->si_pid, stop_in(in)));
	return ret;
}
