// SPDX-License-Identifier: BSD-2-Clause
/*
 * A child that works in an endless loop until it is killed or stopped at a random instant.
 *
 *     worker_setup();
 *     pid = worker_start(once, arg);     has done at least one round when this returns
 *     ...
 *     worker_end(pid);
 *
 * What a round must not meet, it writes to progress->bad, for the parent to tell.
 */
#ifndef PINFS_TESTS_WORKER_H
#define PINFS_TESTS_WORKER_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "abi/rows.h"
#include "lib/random.h"

#define SLOW_US 2000000 /* a call of the parent's beside a stopped child that takes longer waits for it */

static struct progress {
	_Atomic uint64_t ops; /* rounds of all children */
	_Atomic int bad;      /* an errno, 0: none */
} * progress;

static inline void worker_setup(void)
{
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(progress != MAP_FAILED, "shared memory");
}

/* once(arg, r): one round, whose choices are made by the random number r. */
static inline pid_t worker_start(void (*once)(void *arg, uint32_t r), void *arg)
{
	uint64_t seed = ((uint64_t)rnd(0x7fffffff) << 20) | 1;
	uint64_t before = progress->ops;
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid) {
		rng_state = seed;
		for (;;) {
			once(arg, rnd(0x7fffffff));
			progress->ops++;
		}
	}
	for (uint64_t end = now_us() + 5 * SLOW_US; progress->ops == before && now_us() < end;)
		usleep(20);
	return pid;
}

static inline void worker_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
