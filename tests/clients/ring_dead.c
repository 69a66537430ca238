// SPDX-License-Identifier: BSD-2-Clause
/*
 * A reader that sleeps before a record whose producer is killed: it is woken, though nobody
 * else comes by, and gets what is behind that record.
 *
 * The program reserves a record, goes round in bpf_loop for seconds and submits. Its process is
 * killed meanwhile. This process puts some records behind it before that, and none after.
 */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include "abi/ring_client.h"
#include "lib/tap.h"

#define LIMIT 20000 /* ms; a loaded machine has time */

#define ROUND "r1 = 8388608; r2 = func :cb; r3 = 0; r4 = 0; call 181; "
#define LONG                                                                                                 \
	"r1 = map ring; r2 = 24; r3 = 0; call 131; if r0 == 0 goto none; r6 = r0; *(u64 *)(r6 + 0) = "       \
	"1; " ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND      \
		ROUND "r1 = r6; r2 = 0; call 132; none: r0 = 0; exit; cb: r0 = 0; exit"

static struct ring r;
static int slow;

static void wait_select(void)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r.fd, &in);
	select(r.fd + 1, &in, NULL, NULL, NULL);
}

static void reader(int way)
{
	static const uint32_t how[] = { EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT };
	struct pollfd p = { .fd = r.fd, .events = POLLIN };
	int ep = epoll_create1(0);
	struct epoll_event ev;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way < 3)
		ctl(ep, EPOLL_CTL_ADD, r.fd, how[way], 1);
	for (;;) {
		if (way < 3)
			epoll_wait(ep, &ev, 1, -1);
		else if (way == 3)
			poll(&p, 1, -1);
		else
			wait_select();
		while (take(&r, 1))
			;
		if (way == 2)
			ctl(ep, EPOLL_CTL_MOD, r.fd, how[way], 1);
	}
}

static pid_t start(void (*fn)(int), int arg)
{
	pid_t pid = fork();

	if (!pid) {
		fn(arg);
		_exit(0);
	}
	return pid;
}

static void producer(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_fd(fd, 1);
}

static int reached(volatile uint64_t *pos, uint64_t want)
{
	long end = ms_now() + LIMIT;

	while (*pos < want && ms_now() < end)
		usleep(100);
	return *pos >= want;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* 0, or what went wrong. */
static const char *once(int i)
{
	uint64_t from = *r.prod;
	pid_t pid = start(producer, slow);

	if (!reached(r.prod, from + 32))
		return "nothing was reserved";
	for (int n = i % 3; n; n--)
		put(&r, PUT);
	usleep((unsigned)(i % 7) * 300);
	end(pid);
	return reached(r.cons, from + 32 + (uint64_t)(i % 3) * 16) ? NULL : "the reader sleeps";
}

int main(void)
{
	static const char *const ways[] = { "epoll", "epoll, edges", "epoll, once", "poll", "select" };
	/* A program without the library is not served by poll and select. */
	int nways = getenv("RING_SOAK_EPOLL") ? 3 : 5;
	long n = test_scale(60);

	r = ring_new(BPF_MAP_TYPE_RINGBUF, 65536);
	slow = load(LONG, "main=g(c) cb=s(ii) ");
	for (int way = 0; way < nways; way++) {
		pid_t pid = start(reader, way);
		const char *wrong = NULL;
		int i;

		for (i = 0; i < n && !wrong; i++)
			wrong = once(i);
		ok(!wrong, "%s: %d producers killed%s%s", ways[way], i, wrong ? ", " : "",
		   wrong ? wrong : "");
		end(pid);
		take(&r, 1 << 20);
	}
	ring_free(&r);
	return done();
}
