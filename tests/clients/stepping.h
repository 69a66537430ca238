// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client reached at any instruction: single steps, and breakpoints at instructions that were recorded.
 *
 * A client is a child that is traced and has stopped itself (SIGSTOP) before its task; it stops itself again
 * after it. To end one at instruction n costs no n single steps: one run records where each instruction is,
 * and a breakpoint there, passed as often as needed, stops a client at the same one. (A client that took
 * another way is not counted.)
 */
#ifndef PINFS_TESTS_STEPPING_H
#define PINFS_TESTS_STEPPING_H

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define STEPS_MAX 100000
#define PASSES    40 /* of one breakpoint, at most: later rounds of a loop are like the earlier ones */

static sigjmp_buf out;
static volatile sig_atomic_t armed;
static uint64_t trace[STEPS_MAX];
static long steps_taken;
static int ends; /* clients that did not end well */

static void jump(int sig)
{
	if (armed) {
		armed = 0;
		siglongjmp(out, 1);
	}
}

/* One instruction further. 0: the task is over. A signal other than the step's own is delivered. */
static int step(pid_t pid)
{
	static int sig;
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(long)sig))
		return 0;
	sig = 0;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 0;
	steps_taken++;
	if (WSTOPSIG(status) == SIGSTOP)
		return 0;
	if (WSTOPSIG(status) != SIGTRAP)
		sig = WSTOPSIG(status);
	return 1;
}

static void let_go(pid_t pid, int sig)
{
	int status;

	ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	ends += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static uint64_t at_now(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user_regs_struct, rip), NULL);
}

static void poke(pid_t pid, uint64_t at, long word)
{
	ptrace(PTRACE_POKETEXT, pid, (void *)at, (void *)word);
}

/* Runs on to a stop. Its signal, 0 at the end of the task. */
static int run_on(pid_t pid)
{
	int status;

	for (int sig = 0;; sig = WSTOPSIG(status)) {
		if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			return 0;
		if (WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP)
			return WSTOPSIG(status) == SIGTRAP ? SIGTRAP : 0;
	}
}

/* To instruction n of the recorded run. 0: the client took another way. */
static int go_to(pid_t pid, long n)
{
	int passes = 0;
	long word;

	for (long i = 0; i < n; i++)
		passes += trace[i] == trace[n];
	if (passes > PASSES)
		return 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, (void *)trace[n], NULL);
	for (;; passes--) {
		poke(pid, trace[n], (word & ~0xffl) | 0xcc);
		if (!run_on(pid) || at_now(pid) != trace[n] + 1)
			return 0;
		poke(pid, trace[n], word);
		ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, rip),
		       (void *)trace[n]);
		if (!passes)
			return 1;
		if (!step(pid))
			return 0;
	}
}

/* Records the instructions of a client's task from where it is; returns how many there are. */
static long record_steps(pid_t pid)
{
	long n = 0;

	do {
		trace[n++] = at_now(pid);
	} while (n < STEPS_MAX && step(pid));
	return n;
}

#endif
