// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting for rings by epoll as real readers do it: they take what is there, then wait.
 *
 * It holds for programs that the library is in and for those that it is not
 * (docs/ABI.md says what the latter may see more): so an event is counted as no
 * more than a reason to look, and what is printed is what was read.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include "ring_client.h"

#define LONG 10000

/* Waits until n records are read or nothing has come for a while; how many were. */
static int reads(struct ring *r, int ep, int n, int timeout)
{
	long end = ms_now() + timeout;
	struct epoll_event ev;
	int got = 0;

	while (got < n && ms_now() < end)
		if (epoll_wait(ep, &ev, 1, (int)(end - ms_now())) > 0)
			got += take(r, 1 << 20);
	return got;
}

static struct ring *late_ring;

static void *put_late(void *arg)
{
	for (int i = 0; i < 100; i++) {
		usleep(i % 10 ? 0 : 3000);
		put(late_ring, PUT);
	}
	return NULL;
}

static void errors(struct ring *r)
{
	int ep = epoll_create1(0), prog = load("r0 = 0; exit", NULL),
	    map = make_map(BPF_MAP_TYPE_HASH, 4, 4, 4);
	int copy = dup(r->fd);

	say("add");
	result(ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1));
	say("add twice");
	result(ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1));
	say("add of a copy");
	result(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 1));
	say("mod");
	result(ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN | EPOLLET, 2));
	say("mod to exclusive");
	result(ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN | EPOLLEXCLUSIVE, 2));
	say("another operation");
	result(ctl(ep, 9, r->fd, EPOLLIN, 2));
	say("mod without an event");
	result(epoll_ctl(ep, EPOLL_CTL_MOD, r->fd, NULL));
	say("del");
	result(ctl(ep, EPOLL_CTL_DEL, r->fd, 0, 0));
	say("del twice");
	result(ctl(ep, EPOLL_CTL_DEL, r->fd, 0, 0));
	say("mod after del");
	result(ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN, 0));
	say("add to a closed number");
	result(ctl(900, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1));
	say("add to a ring");
	result(ctl(r->fd, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1));
	say("add of a closed number");
	result(ctl(ep, EPOLL_CTL_ADD, 900, EPOLLIN, 1));
	say("add of a program");
	result(ctl(ep, EPOLL_CTL_ADD, prog, EPOLLIN, 1));
	say("add of a file");
	result(ctl(ep, EPOLL_CTL_ADD, open("/proc/self/exe", O_RDONLY), EPOLLIN, 1));
	close(copy);
	close(ep);
	ep = epoll_create1(0);
	say("add of a hash");
	result(ctl(ep, EPOLL_CTL_ADD, map, EPOLLIN | EPOLLOUT, 7));
	show(ep, "  then", 0);
	show(ep, "  again", 0);
	close(ep);
	close(map);
	close(prog);
}

static void readers(struct ring *r)
{
	static const uint32_t how[] = { EPOLLIN, EPOLLIN | EPOLLET,
					EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		int ep = epoll_create1(0);
		pthread_t t;

		say("add with %#x", how[i]);
		result(ctl(ep, EPOLL_CTL_ADD, r->fd, how[i], i));
		say("  nothing: %d\n", reads(r, ep, 1, 50));
		put(r, PUT);
		say("  one: %d\n", reads(r, ep, 1, LONG));
		late_ring = r;
		pthread_create(&t, NULL, put_late, NULL);
		say("  of another thread: %d\n", reads(r, ep, 100, LONG));
		pthread_join(t, NULL);
		put(r, QUIET);
		say("  quiet: %s\n", reads(r, ep, 2, 50) > 1 ? "too many" : "fine");
		put(r, FORCE);
		reads(r, ep, 2, 50);
		close(ep);
		put(r, PUT);
		ep = epoll_create1(0);
		ctl(ep, EPOLL_CTL_ADD, r->fd, how[i], i);
		say("  what was there before: %d\n", reads(r, ep, 1, LONG));
		close(ep);
	}
}

/* An event again and again, for who leaves something behind. */
static void leaves_some(struct ring *r)
{
	int ep = epoll_create1(0), n = 0;
	struct epoll_event ev;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 3);
	for (int i = 0; i < 5; i++)
		put(r, PUT);
	while (n < 5 && epoll_wait(ep, &ev, 1, LONG) == 1)
		n += take(r, 1);
	say("one at a time: %d\n", n);
	close(ep);
}

/* One event each time it is armed, and none while nothing is there. */
static void once(struct ring *r)
{
	int ep = epoll_create1(0), idle = 0;

	say("add once");
	result(ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN | EPOLLONESHOT, 8));
	show(ep, "  empty", 0);
	for (int i = 0; i < 3; i++) {
		put(r, PUT);
		show(ep, "  a record", LONG);
		put(r, FORCE);
		show(ep, "  another one, not armed", 50);
		ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN | EPOLLONESHOT, 8);
		show(ep, "  armed again", LONG);
		say("  taken: %d\n", take(r, 9));
		ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN | EPOLLONESHOT, 8);
		for (int j = 0; j < 10; j++) {
			struct epoll_event ev;

			idle += epoll_wait(ep, &ev, 1, 0);
			ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN | EPOLLONESHOT, 8);
		}
	}
	say("  armed for nothing: %d\n", idle);
	close(ep);
}

static void forked(struct ring *r)
{
	int ep = epoll_create1(0), status;
	pid_t pid;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 4);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		usleep(20000);
		for (int i = 0; i < 50; i++)
			put(r, PUT);
		_exit(0);
	}
	say("a child's records: %d\n", reads(r, ep, 50, LONG));
	waitpid(pid, &status, 0);
	pid = fork();
	if (!pid) {
		say("a child reads: %d\n", reads(r, ep, 1, LONG));
		fflush(stdout);
		_exit(0);
	}
	usleep(20000);
	put(r, PUT);
	waitpid(pid, &status, 0);
	close(ep);
}

/* Ended from outside, as cilium's reader is closed. */
static void with_eventfd(struct ring *r)
{
	int ep = epoll_create1(0), ended = eventfd(0, EFD_NONBLOCK), n = 0;
	uint64_t one = 1;
	struct epoll_event ev;
	pthread_t t;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 0);
	ctl(ep, EPOLL_CTL_ADD, ended, EPOLLIN, 1);
	late_ring = r;
	pthread_create(&t, NULL, put_late, NULL);
	while (epoll_wait(ep, &ev, 1, LONG) == 1 && ev.data.u64 == 0) {
		n += take(r, 1 << 20);
		if (n == 100)
			must(write(ended, &one, 8) == 8, "eventfd");
	}
	pthread_join(t, NULL);
	say("until the eventfd: %d, %s\n", n, ev.data.u64 == 1 ? "ended" : "not ended");
	close(ep);
	close(ended);
}

static void user_ring(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_USER_RINGBUF, 4096);
	int ep = epoll_create1(0), drain, status;
	pid_t pid;

	drain = load("r1 = map uring; r2 = func :cb; r3 = 0; r4 = 0; call 209; exit; cb: r0 = 0; exit",
		     "main=g(c) cb=s(ii) ");
	ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLOUT | EPOLLET, 1);
	show(ep, "user ring, empty", 0);
	for (int i = 0; i < 256; i++) {
		*(uint32_t *)(r.data + 16 * i) = 8;
		__atomic_store_n(r.prod, *r.prod + 16, __ATOMIC_SEQ_CST);
	}
	show(ep, "user ring, full", 30);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		usleep(30000);
		_exit(run_fd(drain, 1) != 256);
	}
	show(ep, "user ring, drained", LONG);
	waitpid(pid, &status, 0);
	close(drain);
	close(ep);
	ring_free(&r);
}

int main(void)
{
	struct ring r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = ring_new(BPF_MAP_TYPE_RINGBUF, 65536);
	errors(&r);
	readers(&r);
	leaves_some(&r);
	once(&r);
	forked(&r);
	with_eventfd(&r);
	user_ring();
	ring_free(&r);
	return 0;
}
