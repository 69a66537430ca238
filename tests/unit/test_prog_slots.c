// SPDX-License-Identifier: BSD-2-Clause
/*
 * CPU numbers of runs: never two at once, taken from the dead and from those
 * who have left, kept by who is stopped.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "prog/prog_slots.h"
#include "store/store.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define WORKERS 6

struct shared {
	_Atomic int users[STORE_CPUS];
	_Atomic int clashes, runs, failed, ready;
};

static struct shared *sh;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One run as CPU n: whoever else is there at the same time is a clash. */
static void work(u32 ncpu, bool yields)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int cpu = prog_slot_take(op, ncpu, -1);

	for (int turns = 0; cpu >= 0 && turns < 1 + yields; turns++) {
		if (atomic_fetch_add(&sh->users[cpu], 1))
			sh->clashes++;
		for (volatile int i = 0; i < 2000; i++)
			;
		if (!(rand() % 8))
			usleep(50);
		atomic_fetch_sub(&sh->users[cpu], 1);
		sh->runs++;
		if (yields && !turns)
			cpu = prog_slot_yield(op, ncpu, -1);
	}
	if (cpu < 0)
		sh->failed++;
	else
		prog_slot_give(op);
	op_leave(op);
}

static void exclusive(u32 ncpu)
{
	pid_t pid[WORKERS];
	long runs = test_scale(4000);

	sh->clashes = sh->runs = sh->failed = 0;
	for (int w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w])
			continue;
		srand((unsigned)w);
		for (long i = 0; i < runs; i++)
			work(ncpu, i % 16 == 0);
		_exit(0);
	}
	for (int w = 0; w < WORKERS; w++)
		waitpid(pid[w], NULL, 0);
	ok(sh->clashes == 0, "%u CPUs, %d processes: no number was given twice (%d runs)", ncpu, WORKERS,
	   sh->runs);
	ok(sh->failed == 0, "%u CPUs: every run got one", ncpu);
}

/* A child that holds the only number until it is killed. */
static pid_t holder(void)
{
	pid_t pid = fork();

	sh->ready = 0;
	if (!pid) {
		struct op *op = op_enter(NULL, __builtin_frame_address(0));

		sh->ready = prog_slot_take(op, 1, -1) == 0 ? 1 : -1;
		for (;;)
			pause();
	}
	while (!sh->ready)
		usleep(1000);
	return pid;
}

static int take_one(void)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int cpu = prog_slot_take(op, 1, -1);

	if (cpu >= 0)
		prog_slot_give(op);
	op_leave(op);
	return cpu;
}

static void dead_and_stopped(void)
{
	pid_t pid = holder();
	double t;
	int got;

	kill(pid, SIGSTOP);
	t = now();
	got = take_one();
	ok(got == -EAGAIN, "the only number, held by a stopped process: %d", got);
	ok(now() - t < 10, "and that is said in a bounded time (%.1f s)", now() - t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(take_one() == 0, "killed: it is taken back");
}

static noinline void leave(void)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));

	ok(prog_slot_take(op, 1, -1) == 0, "a run that will be jumped out of");
}

static void left(void)
{
	struct op *op;

	leave(); /* as by longjmp: no op_leave */
	op = op_enter(NULL, __builtin_frame_address(0));
	ok(!the_store.super->cpu_run[0], "the thread's next operation gives its number back");
	op_leave(op);
	ok(take_one() == 0, "and it can be had");
}

int main(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!ok(!self_open("prog-slots"), "a store"))
		return done();
	exclusive(1);
	exclusive(2);
	exclusive(4);
	dead_and_stopped();
	left();
	return done();
}
