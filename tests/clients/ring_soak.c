// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readers of a ring that are stopped and killed at any time: nobody else misses a record.
 *
 *     the victim    waits and reads, in one of five ways
 *     the watcher   waits beside it, edge-triggered, reads nothing, and answers each wake-up
 *     the producer  this process
 *
 * While the victim is stopped, or after it was killed, the watcher must hear of a record;
 * one that goes on must find what came meanwhile, and the next one what is left.
 */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include "abi/ring_client.h"
#include "lib/tap.h"

#define LIMIT 20000 /* ms; a loaded machine has time */

static struct ring r;
static int answers[2];

static unsigned rnd(unsigned n)
{
	static uint64_t s = 88172645463325252ull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (unsigned)(s % n);
}

static void wait_epoll(int ep, uint32_t how)
{
	struct epoll_event ev;

	if (epoll_wait(ep, &ev, 1, -1) == 1 && how & EPOLLONESHOT)
		ctl(ep, EPOLL_CTL_MOD, r.fd, how, 1);
}

static void wait_select(void)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r.fd, &in);
	select(r.fd + 1, &in, NULL, NULL, NULL);
}

static void victim(int way)
{
	static const uint32_t how[] = { EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT };
	struct pollfd p = { .fd = r.fd, .events = POLLIN };
	int ep = epoll_create1(0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way < 3)
		ctl(ep, EPOLL_CTL_ADD, r.fd, how[way], 1);
	for (;;) {
		if (way < 3)
			wait_epoll(ep, how[way]);
		else if (way == 3)
			poll(&p, 1, -1);
		else
			wait_select();
		/* The edge is told once: all must be taken. */
		while (take(&r, 1))
			;
	}
}

static void watcher(void)
{
	int ep = epoll_create1(0);
	struct epoll_event ev;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN | EPOLLET, 1);
	for (;;) {
		uint64_t seen;

		if (epoll_wait(ep, &ev, 1, -1) != 1)
			continue;
		seen = *r.prod;
		if (write(answers[1], &seen, sizeof(seen)) != sizeof(seen))
			_exit(1);
	}
}

static pid_t start(void (*fn)(int), int way)
{
	pid_t pid = fork();

	if (!pid) {
		if (fn)
			fn(way);
		watcher();
		_exit(0);
	}
	return pid;
}

static void force(void)
{
	must(run_fd(r.put[FORCE], 1) == 0, "record");
}

/* The watcher has seen what is there now. */
static int heard(void)
{
	struct pollfd p = { .fd = answers[0], .events = POLLIN };
	uint64_t seen = 0, want = *r.prod;
	long end = ms_now() + LIMIT;

	while (seen < want && ms_now() < end)
		if (poll(&p, 1, (int)(end - ms_now())) == 1 &&
		    read(answers[0], &seen, sizeof(seen)) != sizeof(seen))
			return 0;
	return seen >= want;
}

static int emptied(void)
{
	long end = ms_now() + LIMIT;

	while (*r.cons < *r.prod && ms_now() < end)
		usleep(50);
	return *r.cons == *r.prod;
}

static void put_some(unsigned n)
{
	/* A ring that is full says nothing. */
	for (unsigned i = 0; i < n; i++)
		must(run_fd(r.put[rnd(2) ? PUT : FORCE], 1) == 0, "record");
}

/* 0, or what was lost. */
static const char *once(int way)
{
	pid_t pid = start(victim, way);
	const char *lost = NULL;
	int status;

	put_some(rnd(8));
	usleep(rnd(1500));
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	force();
	if (!heard())
		lost = "beside a stopped reader";
	put_some(rnd(4));
	kill(pid, SIGCONT);
	force();
	if (!lost && !emptied())
		lost = "by a reader that went on";
	put_some(rnd(8));
	usleep(rnd(300));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	force();
	if (!lost && !heard())
		lost = "beside a killed reader";
	take(&r, 1 << 20);
	return lost;
}

int main(void)
{
	static const char *const ways[] = { "epoll", "epoll, edges", "epoll, once", "poll", "select" };
	/* A program without the library is not served by poll and select. */
	int nways = getenv("RING_SOAK_EPOLL") ? 3 : 5;
	long n = test_scale(2000);
	pid_t pid;

	r = ring_new(BPF_MAP_TYPE_RINGBUF, 65536);
	must(!pipe(answers), "pipe");
	pid = start(NULL, 0);
	force();
	ok(heard(), "the watcher waits");
	for (int way = 0; way < nways; way++) {
		const char *lost = NULL;
		long i;

		for (i = 0; i < n / nways && !lost; i++)
			lost = once(way);
		ok(!lost, "%s: %ld readers stopped and killed%s%s", ways[way], i, lost ? ", lost " : "",
		   lost ? lost : "");
	}
	kill(pid, SIGKILL);
	ring_free(&r);
	return done();
}
