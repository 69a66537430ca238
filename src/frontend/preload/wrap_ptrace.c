// SPDX-License-Identifier: BSD-2-Clause
/*
 * A debugger in a run whose calls are trapped (util/carrier.h): it stands in for the run's own tracer.
 *
 * A process has one tracer. That of the run lets go of one that strace or gdb wants, and then a
 * trapped bpf(2) of it stops it for the debugger, as a SIGSYS. So the debugger's waits look at
 * each stop first, and do with it what the run's tracer would have done. The debugger does not hear of
 * it; what it sees of such a call is one call, with its result:
 *
 *     entry of bpf(2)            shown
 *     exit, its number in ax     kept back: it was trapped
 *     SIGSYS                     kept back; registers: the carrier's call, and the supervisor is told;
 *                                signals are blocked, since no handler may come between entry and exit
 *     entry of the carrier       kept back; they are no longer
 *     exit of the carrier        shown, as that of bpf(2)
 *
 * A process goes on from a stop that is kept back as the debugger let it go on last.
 *
 * What the debugger lets go of is to have the run's tracer before it makes its next call: it is set to a call
 * of the carrier's, in which the supervisor attaches to it, and then is as it was (hand_over).
 *
 * A debugger that does not follow children would leave these without a tracer. So it is made to trace
 * every child until the child's first stop, hands it over there, and does not hear of that either.
 *
 *     tracees[hash(tid) .. + PROBE]   tid 0: free; the rest is of who has its stop
 *
 * Without room for one its stops are kept back all the same, and it goes on by PTRACE_CONT.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "frontend/preload/preload.h"
#include "util/carrier.h"

#define TRACEES 1024u
#define PROBE   8u
#define BIRTHS  (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

/* Of a trapped call. */
enum step { NONE, AGAIN, CARRIER };

struct tracee {
	_Atomic int tid;
	u8 step, request;
	u8 wanted;    /* of BIRTHS, what the debugger asked for */
	bool fresh;   /* options can be set at the first stop only */
	bool masked;  /* mask is what was blocked before */
	bool entered; /* the debugger was shown the entry of the call */
	bool unmet;   /* born to one that is followed, and no stop of it was told yet */
	bool leaving; /* was to be detached, but did not stand still */
	u16 nr;
	u64 mask;
};

static struct tracee tracees[TRACEES];
static u8 wanted_any; /* of all: what children have that are met before their parent's event */

static struct tracee *slot(pid_t tid, u32 i)
{
	return &tracees[((u32)tid * 2654435761u + i) % TRACEES];
}

static struct tracee *tracee_of(pid_t tid)
{
	for (u32 i = 0; i < PROBE; i++)
		if (atomic_load(&slot(tid, i)->tid) == tid)
			return slot(tid, i);
	return NULL;
}

/* NULL: no room. */
static struct tracee *tracee_get(pid_t tid)
{
	struct tracee *t = tracee_of(tid);

	for (u32 i = 0; i < PROBE && !t; i++) {
		int none = 0;

		if (!atomic_compare_exchange_strong(&slot(tid, i)->tid, &none, tid))
			continue;
		t = slot(tid, i);
		t->step = NONE;
		t->request = PTRACE_CONT;
		t->wanted = 0;
		t->fresh = t->masked = t->entered = t->unmet = t->leaving = false;
	}
	return t;
}

static void tracee_drop(struct tracee *t)
{
	if (t)
		atomic_store(&t->tid, 0);
}

static void tracee_wants(pid_t tid, u64 options)
{
	struct tracee *t = tracee_get(tid);

	wanted_any |= options & BIRTHS;
	if (!t)
		return;
	t->wanted = options & BIRTHS;
	t->fresh = false;
}

static long raw_ptrace(long request, pid_t tid, u64 addr, const void *data)
{
	return raw4(SYS_ptrace, request, tid, addr, data);
}

static bool traps(void)
{
	return pre_attached && the_run->notify == RUN_TRAPS;
}

static long tell(enum carrier_word word, pid_t tid, u64 what)
{
	long ret;

	do
		ret = raw6(NR_CARRIER, word, tid, (long)what, 0, 0, (long)(raw_cookie ^ SYS_ptrace));
	while (ret == -EINTR);
	return ret;
}

/* On from a stop that is kept back. A request that fails has met a thread that was killed. */
static bool go_on(pid_t tid, int request)
{
	raw_ptrace(request, tid, 0, NULL);
	return true;
}

static int request_of(const struct tracee *t)
{
	return t ? t->request : PTRACE_CONT;
}

static void mask_back(struct tracee *t)
{
	if (!t || !t->masked)
		return;
	raw_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(t->mask), &t->mask);
	t->masked = false;
}

static void block_all(struct tracee *t)
{
	const u64 all = ~0ull;

	if (!raw_ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(t->mask), &t->mask))
		t->masked = !raw_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(all), &all);
}

static bool trapped(pid_t tid, struct tracee *t)
{
	struct user_regs_struct r;
	siginfo_t info;
	int nr;

	if (raw_ptrace(PTRACE_GETSIGINFO, tid, 0, &info) || raw_ptrace(PTRACE_GETREGS, tid, 0, &r))
		return false;
	nr = carrier_redirect(&r, &info);
	if (!nr || tell(CARRIER_NOTE, tid, (u64)nr))
		return false;
	raw_ptrace(PTRACE_SETREGS, tid, 0, &r);
	if (t) {
		t->step = AGAIN;
		t->nr = (u16)nr;
		if (t->request == PTRACE_SYSCALL)
			block_all(t);
	}
	return go_on(tid, request_of(t));
}

static bool carrier_stop(struct tracee *t, struct user_regs_struct *r)
{
	mask_back(t);
	/* At an entry ax is -ENOSYS. */
	if ((long)r->rax == -ENOSYS && t->step == AGAIN) {
		t->step = CARRIER;
		return go_on(t->tid, PTRACE_SYSCALL);
	}
	/* Should it be restarted, the kernel will take this number: it is trapped anew. */
	r->orig_rax = t->nr;
	raw_ptrace(PTRACE_SETREGS, t->tid, 0, r);
	t->step = NONE;
	/* A debugger that came in between has not seen it begin. */
	return !t->entered && go_on(t->tid, PTRACE_SYSCALL);
}

static bool syscall_stop(pid_t tid, struct tracee *t)
{
	struct user_regs_struct r;

	if (raw_ptrace(PTRACE_GETREGS, tid, 0, &r))
		return false;
	if (carrier_hides((long)r.orig_rax) && r.rax == r.orig_rax)
		return go_on(tid, PTRACE_SYSCALL);
	if (t && (t->step == NONE || r.orig_rax != NR_CARRIER))
		t->entered = carrier_hides((long)r.orig_rax) && (long)r.rax == -ENOSYS;
	return r.orig_rax == NR_CARRIER && t && t->step != NONE && carrier_stop(t, &r);
}

/* Children. */

static bool stopped(int status)
{
	return (status & 0xff) == 0x7f;
}

/* In its first stop, a thread is about to return from the call that made it. */
static bool is_new(pid_t tid)
{
	struct user_regs_struct r;

	if (raw_ptrace(PTRACE_GETREGS, tid, 0, &r) || r.rax)
		return false;
	return r.orig_rax == SYS_clone || r.orig_rax == SYS_clone3 || r.orig_rax == SYS_fork ||
	       r.orig_rax == SYS_vfork;
}

/* What was begun under the carrier's number is begun anew by the run's tracer. */
static void undo_carrier(const struct tracee *t, struct user_regs_struct *r)
{
	if (!t || t->step == NONE)
		return;
	if (r->rax == NR_CARRIER)
		r->rax = t->nr;
	if (r->orig_rax == NR_CARRIER)
		r->orig_rax = t->nr;
}

/*
 * A stopped thread that is to have the run's tracer, and sig. False: it has still this one, for
 * it is none of the run, or there is no way.
 */
static bool hand_over(pid_t tid, long sig)
{
	struct tracee *t = tracee_of(tid);
	struct carrier_back back = { .sig = sig };
	u64 place;

	mask_back(t);
	if (!carrier_state(tid, &back))
		return false;
	undo_carrier(t, &back.regs);
	place = carrier_place(tid, &back);
	if (!place || tell(CARRIER_BACK, tid, ptr_to_u64(&back)))
		return false;
	carrier_detour(tid, &back, place);
	raw_ptrace(PTRACE_DETACH, tid, 0, NULL);
	return true;
}

/* Another signal may come before the stop. */
static void await_first_stop(pid_t tid, int status)
{
	for (int i = 0; i < 64 && stopped(status); i++) {
		long sig = status >> 8;

		if (sig >> 8 || sig == SIGSTOP) {
			if (!hand_over(tid, 0))
				raw_ptrace(PTRACE_DETACH, tid, 0, NULL);
			return;
		}
		raw_ptrace(PTRACE_CONT, tid, 0, (void *)sig);
		while (raw4(SYS_wait4, tid, &status, __WALL, NULL) == -EINTR)
			;
	}
}

static bool wait_stop(pid_t tid, int *status)
{
	long got;

	do
		got = raw4(SYS_wait4, tid, status, __WALL, NULL);
	while (got == -EINTR);
	return got > 0 && stopped(*status);
}

static bool birth(pid_t tid, struct tracee *t, int event)
{
	unsigned long child = 0;
	struct tracee *c;
	bool met_first;
	int status;

	if (raw_ptrace(PTRACE_GETEVENTMSG, tid, 0, &child))
		return false;
	if (!t || t->wanted >> event & 1) {
		met_first = tracee_of((pid_t)child);
		c = tracee_get((pid_t)child);
		if (c && t)
			c->wanted = t->wanted;
		if (c && !met_first)
			c->unmet = true;
		return false;
	}
	if (wait_stop((pid_t)child, &status))
		await_first_stop((pid_t)child, status);
	return go_on(tid, t->request);
}

/*
 * Where a thread that is to be let go of stands in the middle of making another, which no wait has told
 * yet: on to the end of that call. (A vfork ends when the child says so: it is left there.)
 */
static void end_birth(pid_t tid)
{
	struct tracee *t = tracee_of(tid);
	siginfo_t si;
	int status, event;

	event = raw_ptrace(PTRACE_GETSIGINFO, tid, 0, &si) ? 0 : si.si_code >> 8;
	if (!t || (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_CLONE))
		return;
	t->request = PTRACE_SYSCALL;
	if (!birth(tid, t, event))
		go_on(tid, PTRACE_SYSCALL);
	wait_stop(tid, &status);
}

/* The number behind that word; 0 if it is not there. */
static u64 number_after(const char *text, const char *word)
{
	const char *p = strstr(text, word);
	u64 n = 0;

	for (p = p ? p + strlen(word) : ""; *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (u64)(*p - '0');
	return n;
}

static bool is_ours(pid_t tid)
{
	char buf[512];

	buf[carrier_read_proc(tid, "status", buf, sizeof(buf) - 1)] = 0;
	return number_after(buf, "\nTracerPid:\t") == (u64)raw0(SYS_gettid);
}

/*
 * A debugger that lets go of all that it knows will wait for none of those that were born meanwhile, and
 * ends: they go with the others.
 */
static void let_go_of_unmet(void)
{
	int status;

	for (u32 i = 0; i < TRACEES; i++) {
		int tid = atomic_load(&tracees[i].tid);

		if (tid && !tracees[i].unmet && is_ours(tid))
			return;
	}
	for (u32 i = 0; i < TRACEES; i++) {
		int tid = atomic_load(&tracees[i].tid);

		if (!tid || !tracees[i].unmet)
			continue;
		if (wait_stop(tid, &status))
			await_first_stop(tid, status);
		tracee_drop(&tracees[i]);
	}
}

static void ended(struct tracee *t)
{
	bool left = t && t->leaving;

	tracee_drop(t);
	if (left)
		let_go_of_unmet();
}

/* A process of this one's, and not a further thread of it. */
static bool is_child(pid_t tid)
{
	char buf[512];

	buf[carrier_read_proc(tid, "status", buf, sizeof(buf) - 1)] = 0;
	return number_after(buf, "\nTgid:\t") == (u64)tid &&
	       number_after(buf, "\nPPid:\t") == (u64)raw0(SYS_getpid);
}

/* A thread of which nothing is known: a child that asked to be traced, or the child of a tracee. True: nobody
 * is to hear of it. */
static bool met(pid_t tid, int status, struct tracee **t)
{
	bool child = is_child(tid);

	if (!child && !wanted_any && is_new(tid)) {
		await_first_stop(tid, status);
		return true;
	}
	if (child && raw_ptrace(PTRACE_SETOPTIONS, tid, 0, (void *)BIRTHS))
		return false; /* stopped, but nobody traces it */
	*t = tracee_get(tid);
	if (*t && !child)
		(*t)->wanted = wanted_any;
	return false;
}

/* A stop that is no matter of the debugger's: it goes on already. */
static bool keep_back(pid_t tid, int status)
{
	struct tracee *t = tracee_of(tid);

	if (!stopped(status)) {
		ended(t);
		return false;
	}
	if (!t && met(tid, status, &t))
		return true;
	if (t)
		t->unmet = false;
	if (t && t->fresh)
		t->fresh = raw_ptrace(PTRACE_SETOPTIONS, tid, 0, (void *)BIRTHS);
	switch (status >> 8) {
	case SIGSYS: return trapped(tid, t);
	case SIGTRAP | 0x80: return syscall_stop(tid, t);
	case SIGTRAP | PTRACE_EVENT_FORK << 8:
	case SIGTRAP | PTRACE_EVENT_VFORK << 8:
	case SIGTRAP | PTRACE_EVENT_CLONE << 8: return birth(tid, t, status >> 16);
	}
	return false;
}

/* The debugger's requests, and what is added to them. */

static void goes_on(pid_t tid, long request)
{
	struct tracee *t = tracee_of(tid);

	if (!t)
		return;
	t->request = (u8)request;
	/* The carrier's entry would not be seen. */
	if (request != PTRACE_SYSCALL)
		mask_back(t);
}

static bool in_stop(pid_t tid)
{
	u64 mask;

	return !raw_ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask);
}

static void before(long request, pid_t tid, void **data)
{
	struct tracee *t;

	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SINGLEBLOCK: goes_on(tid, request); break;
	case PTRACE_ATTACH:
		t = tracee_get(tid);
		if (t)
			t->fresh = true;
		break;
	case PTRACE_SEIZE:
	case PTRACE_SETOPTIONS:
		tracee_wants(tid, (u64)*data);
		*data = (void *)((u64)*data | BIRTHS);
		break;
	}
}

/*
 * The run's tracer lets go of the thread in a call of the carrier's, so that it makes no call of its own
 * before this process has attached to it. Then it is stopped there and set to what it was. PTRACE_ATTACH has
 * its own stop, of which the debugger is to hear: it is stopped once more.
 */
static long attach(long request, pid_t tid, void *addr, void *data)
{
	struct carrier_back back;
	bool held = !tell(CARRIER_HOLD, tid, ptr_to_u64(&back));
	long ret = NEXT(ptrace)((enum __ptrace_request)request, tid, addr, data);
	int status, saved = errno;

	if (ret || !held) {
		errno = saved;
		return ret;
	}
	if (request == PTRACE_SEIZE)
		raw_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
	tell(CARRIER_HELD, tid, 0);
	while (raw4(SYS_wait4, tid, &status, __WALL, NULL) == -EINTR)
		;
	if (stopped(status)) {
		carrier_restore(tid, &back);
		if (back.noted)
			tell(CARRIER_NOTE, tid, back.noted);
		if (request == PTRACE_ATTACH)
			raw2(SYS_tkill, tid, SIGSTOP);
		raw_ptrace(PTRACE_CONT, tid, 0, NULL);
	}
	errno = saved;
	return 0;
}

static long not_still(pid_t tid)
{
	struct tracee *t = tracee_of(tid);

	if (t)
		t->leaving = true;
	return ret_errno(-ESRCH);
}

EXPORT long ptrace(enum __ptrace_request request, ...)
{
	void *addr, *data;
	va_list ap;
	pid_t tid;
	long ret;

	va_start(ap, request);
	tid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (!traps() || request == PTRACE_TRACEME)
		return NEXT(ptrace)(request, tid, addr, data);
	/* Of a thread that stops at this very moment the kernel's answer could be another. */
	if (request == PTRACE_DETACH && !in_stop(tid))
		return not_still(tid);
	if (request == PTRACE_DETACH)
		end_birth(tid);
	if (request == PTRACE_DETACH && hand_over(tid, (long)data)) {
		tracee_drop(tracee_of(tid));
		let_go_of_unmet();
		return 0;
	}
	before((long)request, tid, &data);
	if (request == PTRACE_SEIZE || request == PTRACE_ATTACH)
		ret = attach((long)request, tid, addr, data);
	else
		ret = NEXT(ptrace)(request, tid, addr, data);
	if (ret ? request == PTRACE_SEIZE || request == PTRACE_ATTACH : request == PTRACE_DETACH)
		tracee_drop(tracee_of(tid));
	return ret;
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

/* The status of a tracee's stop as waitpid(2) tells it; 0: of something else. */
static int stop_in(const siginfo_t *info)
{
	return info->si_code == CLD_TRAPPED ? info->si_status << 8 | 0x7f : 0;
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
