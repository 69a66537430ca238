// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a stop of a traced thread means, and what it is answered with.
 *
 *     signal   SIGSYS of a trapped call    the call again under the carrier's number
 *              any other                   delivered, as if nobody had looked
 *     event    fork, vfork, clone, exec    goes on
 *              STOP of a new thread        goes on
 *              STOP of a stopped process   stays stopped, until SIGCONT (PTRACE_LISTEN)
 *
 * Nothing is kept about threads but the number of a call under way, so threads
 * may come, go and be killed between any two steps. A request that fails has
 * met a thread that was killed in its stop.
 *
 * Numbers under way:
 *
 *     marks[hash(tid) .. + PROBE]    tid << 32 | number, 0: free
 *
 * The tracer writes them, or who answers a debugger's word that it is about to do the same; the
 * thread that answers the call takes one away. A mark
 * that is never taken (its thread was killed, or jumped out of a handler) is
 * written over when its thread's next call comes, or another thread has no room.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include "frontend/trace/trace.h"

#define MARKS 4096u
#define PROBE 16u

#define EVENTS   (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)
#define DELIVERY (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)

static _Atomic u64 marks[MARKS];
static pthread_mutex_t marking = PTHREAD_MUTEX_INITIALIZER;

static u64 mark_of(pid_t tid, int nr)
{
	return (u64)(u32)tid << 32 | (u32)nr;
}

static _Atomic u64 *slot(pid_t tid, u32 i)
{
	return &marks[((u32)tid * 2654435761u + i) % MARKS];
}

void trace_mark(pid_t tid, int nr)
{
	_Atomic u64 *to = slot(tid, 0);

	pthread_mutex_lock(&marking);
	for (u32 i = PROBE; i-- > 0;) {
		u64 old = atomic_load(slot(tid, i));

		if (old >> 32 == (u32)tid)
			atomic_compare_exchange_strong(slot(tid, i), &old, 0);
		if (!old || old >> 32 == (u32)tid)
			to = slot(tid, i);
	}
	atomic_store(to, mark_of(tid, nr));
	pthread_mutex_unlock(&marking);
}

int trace_take(pid_t tid)
{
	for (u32 i = 0; i < PROBE; i++) {
		u64 old = atomic_load(slot(tid, i));

		if (old >> 32 == (u32)tid && atomic_compare_exchange_strong(slot(tid, i), &old, 0))
			return (int)(u32)old;
	}
	return 0;
}

int trace_attach(pid_t tid, bool deliver)
{
	return ptrace(PTRACE_SEIZE, tid, NULL, EVENTS | (deliver ? DELIVERY : 0)) ? -errno : 0;
}

bool trace_redirect(pid_t tid)
{
	struct user_regs_struct r;
	siginfo_t info;
	int nr;

	if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) || ptrace(PTRACE_GETREGS, tid, NULL, &r))
		return false;
	nr = carrier_redirect(&r, &info);
	if (!nr)
		return false;
	trace_mark(tid, nr);
	return !ptrace(PTRACE_SETREGS, tid, NULL, &r);
}

void trace_stop(pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
	else if (event || sig == (SIGTRAP | 0x80) || (sig == SIGSYS && trace_redirect(tid)))
		ptrace(PTRACE_CONT, tid, NULL, NULL);
	else
		ptrace(PTRACE_CONT, tid, NULL, (long)sig);
}
