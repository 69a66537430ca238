// SPDX-License-Identifier: BSD-2-Clause
/*
 * Letting go of processes that another wants to trace, and taking them back.
 *
 * A thread has one tracer. In a run whose calls are trapped all threads have ours, so whoever
 * is about to trace one inside the run (strace, gdb: their ptrace(2) is notified) has it let go of first:
 *
 *     worker                          tracer
 *     wish: ASKED           -->       PTRACE_INTERRUPT: BEGUN
 *                                     the thread's next stop: PTRACE_DETACH: FREE
 *     the kernel does ptrace(2)  <--
 *
 * While it is loose, its trapped calls are met by the debugger's own copy of the preload
 * library (frontend/preload/wrap_ptrace.c).
 *
 * Taking back: a sweep tries to attach to every thread of the run; that fails for those that have a
 * tracer. A FREE wish keeps a thread from the sweep for GRACE_MS, within which its debugger comes. Sweeps are
 * made, at growing distances, after all that may leave a thread without a tracer: a wish, a debugger's
 * PTRACE_DETACH, the end of any process (it may have been a debugger), a failed attempt.
 * A thread that makes such a call without a tracer dies of SIGSYS. So it goes from one to the other by a call
 * of the carrier's, which is answered when it has its new one, and which it is set to and back from by the
 * two. For that the debugger must have the library in it, which says these words:
 *
 *     CARRIER_HOLD             BEGUN -> HELD, detached     the thread's call waits
 *     PTRACE_SEIZE, CARRIER_HELD                           it is answered; the debugger sets the thread back
 *
 *     CARRIER_BACK             EXPECTED
 *     PTRACE_DETACH                                        the thread's call: ARRIVED
 *                              attached: RETURNING         it is answered; its next stop: it is set back
 *
 * A run in which nothing was ever let go of is never swept.
 *
 * The tracer sits in waitpid(2). A timer's signal to its thread, repeated until it is
 * heard, interrupts that; or it is remembered, for where there is always something to wait for the call is
 * never interrupted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "frontend/trace/trace.h"

#define GRACE_MS   300
#define WAIT_MS    1000
#define FIRST_MS   1
#define LAST_MS    512
#define AGAIN_MS   2
#define FAMILY_MAX 65536u

enum state { ASKED, BEGUN, FREE, HELD, EXPECTED, ARRIVED, RETURNING };

struct wish {
	struct wish *next;
	pid_t tid;
	enum state state;
	bool hold; /* ASKED, BEGUN: FREE is to be HELD */
	u64 until; /* ms; FREE, HELD: it is left alone to then; EXPECTED: it is looked for then */
	u64 call;  /* the carrier's, once it is in that */
	struct carrier_back back;
};

/* A thread that may have no tracer; on the stack of who waits. */
struct adoption {
	struct adoption *next;
	pid_t tid;
	bool done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t settled = PTHREAD_COND_INITIALIZER;
static struct wish *wishes;
static struct adoption *adoptions;
static u32 next_ms;     /* from the sweep that is due to the one after it; 0: none is due */
static u64 due, rested; /* not before: sweeps are to take a tenth of the time at most */
static _Atomic bool debugged;
void (*trace_answer)(u64 id);
static timer_t bell;
static int bell_signal;
static volatile sig_atomic_t rung;

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* In ms, 0: at once; again and again until it is set anew. */
static void ring_in(u64 ms)
{
	struct itimerspec t = { .it_interval.tv_nsec = AGAIN_MS * 1000000,
				.it_value = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 + 1 } };

	timer_settime(bell, 0, &t, NULL);
}

static void silence(void)
{
	struct itimerspec none = { 0 };

	timer_settime(bell, 0, &none, NULL);
}

static struct wish **wish_of(pid_t tid)
{
	struct wish **w = &wishes;

	while (*w && (*w)->tid != tid)
		w = &(*w)->next;
	return w;
}

static void wish_drop(struct wish **at)
{
	struct wish *w = *at;

	*at = w->next;
	free(w);
}

/* With the lock. */
static void sweep_soon(void)
{
	next_ms = FIRST_MS;
	due = MAX(now_ms() + FIRST_MS, rested);
}

/* For workers. */

static void deadline(struct timespec *t)
{
	clock_gettime(CLOCK_REALTIME, t);
	t->tv_sec += WAIT_MS / 1000;
}

static int wish_wait(pid_t tid, bool self)
{
	struct timespec end;
	struct wish **w;

	deadline(&end);
	for (;;) {
		w = wish_of(tid);
		if (!*w)
			return -ESRCH;
		if ((*w)->state >= FREE || (self && (*w)->state == BEGUN))
			return 0;
		if (pthread_cond_timedwait(&settled, &lock, &end) == ETIMEDOUT)
			break;
	}
	w = wish_of(tid);
	if (*w)
		wish_drop(w);
	return -ETIMEDOUT;
}

/* With the lock. NULL: no memory. */
static struct wish *wish_new(pid_t tid, enum state state)
{
	struct wish *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->next = wishes;
	w->tid = tid;
	w->state = state;
	w->until = now_ms() + GRACE_MS;
	wishes = w;
	debugged = true;
	return w;
}

int trace_let_go(pid_t tid, bool self)
{
	struct wish *w;
	int ret = -ENOMEM;

	pthread_mutex_lock(&lock);
	w = *wish_of(tid);
	if (w) {
		ret = w->state >= FREE ? -ESRCH : wish_wait(tid, self);
	} else if (wish_new(tid, ASKED)) {
		ring_in(0);
		ret = wish_wait(tid, self);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

int trace_hold(pid_t tid, struct carrier_back *back)
{
	struct wish *w;
	int ret = -EBUSY;

	pthread_mutex_lock(&lock);
	if (!*wish_of(tid) && (w = wish_new(tid, ASKED))) {
		w->hold = true;
		ring_in(0);
		ret = wish_wait(tid, false);
	}
	w = *wish_of(tid);
	if (!ret && w)
		*back = w->back;
	if (!ret)
		ret = w && w->state == HELD ? 0 : 1;
	pthread_mutex_unlock(&lock);
	return ret;
}

void trace_held(pid_t tid)
{
	struct wish **w;

	pthread_mutex_lock(&lock);
	w = wish_of(tid);
	if (*w && (*w)->call)
		trace_answer((*w)->call);
	if (*w)
		wish_drop(w);
	pthread_mutex_unlock(&lock);
}

void trace_adopt(pid_t tid)
{
	struct adoption a = { NULL, tid, false };

	pthread_mutex_lock(&lock);
	a.next = adoptions;
	adoptions = &a;
	ring_in(0);
	while (!a.done)
		pthread_cond_wait(&settled, &lock);
	pthread_mutex_unlock(&lock);
}

int trace_expect(pid_t tid, const struct carrier_back *back)
{
	struct wish *w;

	pthread_mutex_lock(&lock);
	w = *wish_of(tid);
	if (!w)
		w = wish_new(tid, EXPECTED);
	if (w) {
		w->state = EXPECTED;
		w->until = now_ms() + GRACE_MS;
		w->back = *back;
	}
	pthread_mutex_unlock(&lock);
	return w ? 0 : -ENOMEM;
}

bool trace_arrived(pid_t tid, u64 id)
{
	struct wish *w;

	pthread_mutex_lock(&lock);
	w = *wish_of(tid);
	if (w)
		w->call = id;
	if (w && w->state == EXPECTED) {
		w->state = ARRIVED;
		ring_in(0);
	}
	pthread_mutex_unlock(&lock);
	return w;
}

void trace_look(pid_t tid)
{
	struct wish **w;

	pthread_mutex_lock(&lock);
	w = wish_of(tid);
	if (*w && (*w)->state == FREE)
		wish_drop(w);
	debugged = true;
	sweep_soon();
	ring_in(FIRST_MS);
	pthread_mutex_unlock(&lock);
}

bool trace_debugged(void)
{
	return debugged;
}

/* For the tracer. */

static void heard(int sig)
{
	(void)sig;
	rung = 1;
}

bool loose_rung(void)
{
	return rung;
}

int loose_setup(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID };
	struct sigaction act = { .sa_handler = heard }; /* no SA_RESTART */
	sigset_t set;

	bell_signal = SIGRTMIN;
	ev.sigev_signo = bell_signal;
	ev._sigev_un._tid = (int)syscall(SYS_gettid);
	sigemptyset(&set);
	sigaddset(&set, bell_signal);
	if (sigaction(bell_signal, &act, NULL) || pthread_sigmask(SIG_UNBLOCK, &set, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &ev, &bell))
		return -errno;
	return 0;
}

/* Out of the carrier's call, unless it has another tracer. */
static void bring_back(struct wish *w)
{
	trace_attach(w->tid, false); /* it may be ours already */
	if (ptrace(PTRACE_INTERRUPT, w->tid, NULL, NULL)) {
		w->state = HELD;
		w->until = now_ms() + GRACE_MS;
		sweep_soon();
		return;
	}
	w->state = RETURNING;
	trace_answer(w->call);
}

static void begin_wishes(void)
{
	struct wish **at = &wishes;

	while (*at) {
		struct wish *w = *at;

		if (w->state == ARRIVED)
			bring_back(w);
		if (w->state == ASKED && ptrace(PTRACE_INTERRUPT, w->tid, NULL, NULL)) {
			wish_drop(at); /* none of ours */
			continue;
		}
		if (w->state == ASKED)
			w->state = BEGUN;
		at = &w->next;
	}
}

static void end_adoptions(void)
{
	for (; adoptions; adoptions = adoptions->next) {
		struct wish **w = wish_of(adoptions->tid);

		/* One that was let go of and that nobody came for. */
		if (*w && (*w)->state == FREE)
			wish_drop(w);
		trace_attach(adoptions->tid, false);
		adoptions->done = true;
	}
}

struct family {
	pid_t *pid;
	u32 n, room;
};

static void family_add(struct family *f, pid_t pid)
{
	u32 room = f->room ? f->room * 2 : 64;
	pid_t *p;

	if (f->n == f->room) {
		p = room <= FAMILY_MAX ? realloc(f->pid, room * sizeof(*p)) : NULL;
		if (!p)
			return;
		f->pid = p;
		f->room = room;
	}
	f->pid[f->n++] = pid;
}

static void children_of(pid_t pid, pid_t tid, struct family *f)
{
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		family_add(f, child);
	if (file)
		fclose(file);
}

/* All threads of a process: ours from now on, if they are nobody's. */
static void sweep_process(pid_t pid, struct family *f)
{
	struct dirent *e;
	char path[32];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		pid_t tid = atoi(e->d_name);

		if (tid <= 0)
			continue;
		children_of(pid, tid, f);
		if (pid != getpid() && !*wish_of(tid))
			trace_attach(tid, false);
	}
	if (d)
		closedir(d);
}

/* Nobody has come for it. */
static void hold_expired(struct wish *w)
{
	if (w->call) {
		bring_back(w);
		return;
	}
	w->state = EXPECTED;
	trace_attach(w->tid, false);
}

static void sweep(void)
{
	struct family f = { 0 };
	struct wish **at = &wishes;
	u64 now = now_ms();

	while (*at) {
		struct wish *w = *at;

		if (w->state == FREE && w->until <= now) {
			trace_attach(w->tid, false);
			wish_drop(at);
		} else if (w->state > FREE && w->until <= now && kill(w->tid, 0) && errno == ESRCH) {
			wish_drop(at);
		} else if (w->state == HELD && w->until <= now) {
			hold_expired(w);
			at = &w->next;
		} else {
			at = &w->next;
		}
	}
	family_add(&f, getpid());
	for (u32 i = 0; i < f.n; i++)
		sweep_process(f.pid[i], &f);
	free(f.pid);
}

void loose_work(void)
{
	u64 now = now_ms();

	rung = 0;
	pthread_mutex_lock(&lock);
	silence();
	begin_wishes();
	end_adoptions();
	if (next_ms && due <= now) {
		sweep();
		rested = now_ms() + 10 * (now_ms() - now);
		next_ms = next_ms < LAST_MS ? next_ms * 2 : 0;
		due = MAX(now_ms() + next_ms, rested);
	}
	if (next_ms)
		ring_in(due - MIN(due, now_ms()));
	pthread_cond_broadcast(&settled);
	pthread_mutex_unlock(&lock);
}

/* In the stop that ends the carrier's call, or one of a signal that cannot be blocked. */
static bool go_back(const struct wish *w, int status)
{
	pid_t tid = w->tid;

	carrier_restore(tid, &w->back);
	if (w->back.noted)
		trace_mark(tid, w->back.noted);
	wish_drop(wish_of(tid));
	trace_stop(tid, status);
	return true;
}

/* A call was trapped, and its signal is still to come: the interruption is told first. */
static bool signal_follows(pid_t tid, int status)
{
	struct user_regs_struct r;

	return status >> 16 == PTRACE_EVENT_STOP && !ptrace(PTRACE_GETREGS, tid, NULL, &r) &&
	       r.rax == r.orig_rax && carrier_hides((long)r.orig_rax);
}

/* What it is, a trapped call yet to be made; and it is set to the carrier's. */
static bool set_aside(struct wish *w, int status)
{
	struct carrier_back *b = &w->back;
	u64 place;
	int nr;

	/* A stopped process makes no calls. */
	if ((status >> 16 && WSTOPSIG(status) != SIGTRAP) || !carrier_state(w->tid, b))
		return false;
	/* Was it about to make a call under the other number? */
	nr = trace_take(w->tid);
	if (nr && b->regs.rax == NR_CARRIER)
		b->regs.rax = (unsigned long long)nr;
	if (nr && b->regs.orig_rax == NR_CARRIER)
		b->regs.orig_rax = (unsigned long long)nr;
	b->noted = (u16)nr;
	place = carrier_place(w->tid, b);
	if (!place)
		return false;
	trace_mark(w->tid, SYS_ptrace);
	carrier_detour(w->tid, b, place);
	return true;
}

/* A stop that is good for it: the interruption's, or that of a trapped call. */
static bool let_go(struct wish *w, int status)
{
	bool sigsys = status >> 8 == SIGSYS;
	siginfo_t info;

	if (!sigsys && (status >> 16 != PTRACE_EVENT_STOP || signal_follows(w->tid, status)))
		return false;
	if (sigsys && (ptrace(PTRACE_GETSIGINFO, w->tid, NULL, &info) || info.si_code != SYS_SECCOMP))
		return false;
	w->state = w->hold && set_aside(w, status) ? HELD : FREE;
	if (w->state == FREE && sigsys && !trace_redirect(w->tid))
		return false;
	w->until = now_ms() + GRACE_MS;
	ptrace(PTRACE_DETACH, w->tid, NULL, NULL);
	sweep_soon();
	ring_in(FIRST_MS);
	pthread_cond_broadcast(&settled);
	return true;
}

bool loose_stop(pid_t tid, int status)
{
	struct wish *w;
	bool ours = false;

	if (!debugged)
		return false;
	pthread_mutex_lock(&lock);
	w = *wish_of(tid);
	if (w && w->state == RETURNING)
		ours = go_back(w, status);
	else if (w && w->state == BEGUN)
		ours = let_go(w, status);
	pthread_mutex_unlock(&lock);
	return ours;
}

void loose_gone(pid_t tid)
{
	struct wish **w;

	if (!debugged)
		return;
	pthread_mutex_lock(&lock);
	w = wish_of(tid);
	if (*w)
		wish_drop(w);
	sweep_soon();
	ring_in(FIRST_MS);
	pthread_cond_broadcast(&settled);
	pthread_mutex_unlock(&lock);
}
