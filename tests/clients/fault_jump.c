// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that are interrupted inside one process: by a signal handler that calls
 * bpf(2) on the same map, by siglongjmp out of a handler, by pthread_cancel.
 *
 * A timer fires every few microseconds of the process's time, so that most
 * signals land inside a call. Afterwards every map is whole, and further calls
 * of the same process work.
 *
 *     fault_jump signal|longjmp|cancel
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>
#include "clients/faults.h"

static const struct victim *volatile now_on;
static volatile long fired;
static volatile int bad_inside, bad_outside;
static sigjmp_buf out;
static volatile sig_atomic_t may_jump;

static void timer(long us)
{
	struct itimerval t = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void handle(void (*f)(int))
{
	struct sigaction sa = { .sa_handler = f, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &sa, NULL);
}

/* In the handler: operations on the map that the interrupted call is in. */
static void work_inside(int sig)
{
	const struct victim *v = now_on;
	int e = errno, bad;

	fired++;
	for (int i = 0; v && i < 2; i++) {
		bad = operate(v, v->fd, fired * 2654435761u >> 3);
		if (bad)
			bad_inside = bad;
	}
	errno = e;
}

static void run_for(long n)
{
	for (size_t i = 0; fired < n; i = (i + 1) % NR_VICTIMS) {
		long until = fired + n / (4 * NR_VICTIMS) + 1;

		now_on = &victims[i];
		while (fired < until && fired < n) {
			int bad = operate(&victims[i], victims[i].fd, rnd(0x7fffffff));

			if (bad)
				bad_outside = bad;
		}
	}
	now_on = NULL;
}

static void signals(long n)
{
	handle(work_inside);
	timer(100);
	run_for(n);
	timer(0);
	ok(!bad_outside, "calls interrupted by %ld handlers (%s)", fired,
	   bad_outside ? errno_name(bad_outside) : "none failed");
	ok(!bad_inside, "calls inside the handlers (%s)",
	   bad_inside ? errno_name(bad_inside) : "none failed");
	all_whole("calls from signal handlers");
}

static void jump(int sig)
{
	fired++;
	if (may_jump) {
		may_jump = 0;
		siglongjmp(out, 1);
	}
}

/* One jump a round; every round works on the next map. */
static void jumps(long n)
{
	volatile long jumped = 0;

	handle(jump);
	timer(150);
	for (volatile size_t i = 0; jumped < n; i++) {
		const struct victim *v = &victims[i % NR_VICTIMS];

		if (sigsetjmp(out, 1)) {
			jumped++;
			continue;
		}
		may_jump = 1;
		for (;;) {
			int bad = operate(v, v->fd, rnd(0x7fffffff));

			if (bad)
				bad_outside = bad;
		}
	}
	may_jump = 0;
	timer(0);
	ok(!bad_outside, "calls between %ld jumps (%s)", jumped,
	   bad_outside ? errno_name(bad_outside) : "none failed");
	all_whole("siglongjmp out of calls");
}

struct cancelled {
	const struct victim *v;
	uint64_t seed;
	_Atomic long ops;
};

static void *endless(void *arg)
{
	struct cancelled *c = arg;
	uint64_t x = c->seed;
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	for (;;) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		operate(c->v, c->v->fd, x >> 33);
		c->ops++;
	}
	return NULL;
}

static void cancels(long n)
{
	uint64_t slowest = 0;

	for (long i = 0; i < n; i++) {
		struct cancelled c = { .v = &victims[i % NR_VICTIMS], .seed = i * 7 + 1 };
		pthread_t t;
		uint64_t begun;

		must(pthread_create(&t, NULL, endless, &c) == 0, "a thread");
		while (!c.ops)
			;
		spin_us(rnd(100));
		pthread_cancel(t);
		pthread_join(t, NULL);
		begun = now_us();
		for (int k = 0; k < 5; k++)
			if (operate(c.v, c.v->fd, rnd(0x7fffffff)))
				bad_outside = errno;
		begun = now_us() - begun;
		slowest = begun > slowest ? begun : slowest;
	}
	ok(!bad_outside, "calls after %ld cancelled threads (%s)", n,
	   bad_outside ? errno_name(bad_outside) : "none failed");
	ok(slowest < 2000000, "no call waits for a cancelled thread");
	all_whole("pthread_cancel");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	victims_make();
	if (!strcmp(what, "signal"))
		signals(test_scale(10000));
	else if (!strcmp(what, "longjmp"))
		jumps(test_scale(10000));
	else if (!strcmp(what, "cancel"))
		cancels(test_scale(5000));
	else
		return 2;
	victims_unmake();
	return done();
}
