// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting for objects, row by row: epoll, poll and select on rings and on what is none.
 *
 * Times are only compared with bounds that leave a loaded machine room: a wait that must
 * end by itself is short, one that must be ended is long.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include "ring_client.h"

#define LONG     10000
#define MANY_FDS 4096
#define SHORT    60

/* ---- who can be polled ---- */

static int make_prog(void)
{
	return load("r0 = 0; exit", NULL);
}

static int make_btf(void)
{
	static const uint32_t btf[] = { 0x0001eb9f, 24, 0, 16, 16, 1, 0, 0x01000000, 4, 0x01000020, 0 };
	union row_attr a = { .a = { .btf = ptr(btf), .btf_size = 41 } };

	return raw_bpf(BPF_BTF_LOAD, &a, ATTR_KNOWN);
}

static void poll_one(const char *what, int fd, short events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = events, .revents = 0x7777 };
	int n = poll(&p, 1, timeout);

	say("poll %s for %#x: %d, %#x\n", what, events, n, p.revents);
}

static void select_one(const char *what, int fd)
{
	struct timeval tv = { 0, 0 };
	fd_set s[3];
	int n;

	for (int i = 0; i < 3; i++) {
		FD_ZERO(&s[i]);
		FD_SET(fd, &s[i]);
	}
	n = select(fd + 1, &s[0], &s[1], &s[2], &tv);
	say("select %s: %d%s%s%s\n", what, n, FD_ISSET(fd, &s[0]) ? " in" : "",
	    FD_ISSET(fd, &s[1]) ? " out" : "", FD_ISSET(fd, &s[2]) ? " except" : "");
}

static void object(const char *what, int fd)
{
	static const short events[] = { 0, POLLIN, POLLOUT,
					POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI };
	int ep = epoll_create1(0);

	if (fd < 0) {
		say("%s: %s\n", what, errno_name(errno));
		return;
	}
	say("epoll add %s", what);
	result(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, 5));
	show(ep, "  then", 0);
	show(ep, "  again", 0);
	say("epoll mod %s", what);
	result(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 6));
	show(ep, "  then", 0);
	show(ep, "  again", 0);
	say("epoll del %s", what);
	result(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0));
	show(ep, "  then", 0);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		poll_one(what, fd, events[i], 0);
	select_one(what, fd);
	close(ep);
	close(fd);
}

static void objects(void)
{
	object("ringbuf", make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096));
	object("user ringbuf", make_map(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096));
	object("hash", make_map(BPF_MAP_TYPE_HASH, 4, 4, 4));
	object("array", make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4));
	object("perf event array", make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4));
	object("queue", make_map(BPF_MAP_TYPE_QUEUE, 0, 4, 4));
	object("program", make_prog());
	object("btf", make_btf());
}

/* ---- errnos of epoll_ctl ---- */

static void refusals(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	int ep = epoll_create1(0), ops[] = { 0, 4, -1 }, other = make_prog();

	say("del before add");
	result(ctl(ep, EPOLL_CTL_DEL, r.fd, 0, 0));
	say("mod before add");
	result(ctl(ep, EPOLL_CTL_MOD, r.fd, EPOLLIN, 0));
	say("add to a closed number");
	result(ctl(900, EPOLL_CTL_ADD, r.fd, EPOLLIN, 0));
	say("add to a program");
	result(ctl(other, EPOLL_CTL_ADD, r.fd, EPOLLIN, 0));
	say("add to itself");
	result(ctl(r.fd, EPOLL_CTL_ADD, r.fd, EPOLLIN, 0));
	say("add of a closed number");
	result(ctl(ep, EPOLL_CTL_ADD, 900, EPOLLIN, 0));
	say("add without an event");
	result(epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, NULL));
	say("add");
	result(ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN, 1));
	say("add twice");
	result(ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN, 2));
	say("mod without an event");
	result(epoll_ctl(ep, EPOLL_CTL_MOD, r.fd, NULL));
	say("mod to exclusive");
	result(ctl(ep, EPOLL_CTL_MOD, r.fd, EPOLLIN | EPOLLEXCLUSIVE, 2));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		say("operation %d", ops[i]);
		result(ctl(ep, ops[i], r.fd, EPOLLIN, 0));
	}
	say("del without an event");
	result(epoll_ctl(ep, EPOLL_CTL_DEL, r.fd, NULL));
	say("del twice");
	result(ctl(ep, EPOLL_CTL_DEL, r.fd, 0, 0));
	say("add exclusive");
	result(ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN | EPOLLEXCLUSIVE, 3));
	say("mod of an exclusive one");
	result(ctl(ep, EPOLL_CTL_MOD, r.fd, EPOLLIN, 3));
	put(&r, PUT);
	show(ep, "an exclusive one, ready", LONG);
	show(ep, "again", 0);
	say("del of an exclusive one");
	result(ctl(ep, EPOLL_CTL_DEL, r.fd, 0, 0));
	say("add exclusive and once");
	result(ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 3));
	say("wait for no events");
	result(epoll_wait(ep, NULL, 0, 0));
	close(other);
	close(ep);
	ring_free(&r);
}

/* ---- what is told, and how often ---- */

static void masks(struct ring *r)
{
	static const uint32_t mask[] = { EPOLLIN,
					 EPOLLIN | EPOLLRDNORM,
					 EPOLLRDNORM,
					 EPOLLOUT,
					 0,
					 EPOLLPRI,
					 EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
					 EPOLLIN | EPOLLET,
					 EPOLLIN | EPOLLONESHOT,
					 EPOLLIN | EPOLLONESHOT | EPOLLET,
					 EPOLLIN | EPOLLWAKEUP };
	char what[64];

	for (size_t i = 0; i < ARRAY_SIZE(mask); i++) {
		int ep = epoll_create1(0);

		say("mask %#x", mask[i]);
		result(ctl(ep, EPOLL_CTL_ADD, r->fd, mask[i], i));
		show(ep, "  empty", 0);
		put(r, PUT);
		snprintf(what, sizeof(what), "  one record");
		show(ep, what, SHORT);
		show(ep, "  again", 0);
		put(r, PUT);
		show(ep, "  another one, behind it", 0);
		put(r, FORCE);
		show(ep, "  a forced one", SHORT);
		say("  taken: %d\n", take(r, 1));
		show(ep, "  two left", 0);
		say("  taken: %d\n", take(r, 9));
		show(ep, "  none left", 0);
		put(r, PUT);
		show(ep, "  a new one", SHORT);
		say("  mod");
		result(ctl(ep, EPOLL_CTL_MOD, r->fd, mask[i], 100 + i));
		show(ep, "  after it", 0);
		show(ep, "  again", 0);
		take(r, 9);
		show(ep, "  none left", 0);
		close(ep);
	}
}

static void quiet(struct ring *r)
{
	int ep = epoll_create1(0);

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	show(ep, "nothing yet", 0);
	put(r, QUIET);
	show(ep, "a quiet record", SHORT);
	poll_one("a ring with a quiet record", r->fd, POLLIN, LONG);
	show(ep, "still", 0);
	put(r, PUT);
	show(ep, "one that wakes only a reader who is there", SHORT);
	put(r, FORCE);
	show(ep, "a forced one", LONG);
	take(r, 1);
	show(ep, "two left", 0);
	take(r, 9);
	show(ep, "none left", 0);
	put(r, QUIET);
	ctl(ep, EPOLL_CTL_MOD, r->fd, EPOLLIN, 2);
	show(ep, "a quiet one and mod", 0);
	ctl(ep, EPOLL_CTL_DEL, r->fd, 0, 0);
	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN | EPOLLET, 3);
	show(ep, "and add", 0);
	show(ep, "again", 0);
	take(r, 9);
	close(ep);
}

static void two_rings(struct ring *r)
{
	struct ring o = ring_new(BPF_MAP_TYPE_RINGBUF, 8192);
	int ep = epoll_create1(0);
	struct epoll_event ev;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	ctl(ep, EPOLL_CTL_ADD, o.fd, EPOLLIN, 2);
	put(r, PUT);
	put(&o, PUT);
	show(ep, "two rings", LONG);
	for (int i = 0; i < 4; i++) {
		int n = epoll_wait(ep, &ev, 1, 0);

		say("one at a time:");
		show_events(&ev, n);
	}
	take(r, 1);
	show(ep, "one of two left", 0);
	take(&o, 1);
	show(ep, "none left", 0);
	close(ep);
	ring_free(&o);
	*slot_of("ring") = r->fd;
}

static int same_map(int fd)
{
	struct bpf_map_info info = { 0 };
	union row_attr a = {
		.a = { .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = ptr(&info) } }
	};
	union row_attr g = { 0 };

	must(!raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16), "info");
	g.a.map_id = info.id;
	return raw_bpf(BPF_MAP_GET_FD_BY_ID, &g, 12);
}

static void numbers(struct ring *r)
{
	int ep = epoll_create1(0), copy = dup(r->fd), second = same_map(r->fd), ep2;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	say("add of a copy");
	result(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	say("add of another description");
	result(ctl(ep, EPOLL_CTL_ADD, second, EPOLLIN | EPOLLET, 3));
	show(ep, "nothing yet", 0);
	put(r, PUT);
	show(ep, "three items", LONG);
	show(ep, "again", 0);
	close(copy);
	show(ep, "the copy closed", 0);
	say("del of the closed copy");
	result(ctl(ep, EPOLL_CTL_DEL, copy, 0, 0));
	close(second);
	ep2 = dup(ep);
	show(ep2, "a copy of the instance", 0);
	close(ep);
	show(ep2, "its first number closed", 0);
	take(r, 9);
	show(ep2, "none left", 0);
	put(r, PUT);
	show(ep2, "a new one", LONG);
	say("del through the copy of the instance");
	result(ctl(ep2, EPOLL_CTL_DEL, r->fd, 0, 0));
	take(r, 9);
	close(ep2);
}

static void closed(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	int ep = epoll_create1(0), copy = dup(r.fd);

	ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLIN, 1);
	put(&r, FORCE);
	show(ep, "a ring", LONG);
	close(r.fd);
	show(ep, "its number closed, a copy open", 0);
	dup2(ep, copy);
	/* The mappings hold the map, not the description. */
	put(&r, FORCE);
	show(ep, "the copy replaced", SHORT);
	close(copy);
	close(ep);
	r.fd = -1;
	ring_free(&r);
}

/* ---- other ways to look at an instance ---- */

static void nested(struct ring *r)
{
	int in = epoll_create1(0), out = epoll_create1(0);

	ctl(in, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	ctl(out, EPOLL_CTL_ADD, in, EPOLLIN, 2);
	show(in, "inner, empty", 0);
	show(out, "outer, empty", 0);
	poll_one("an instance, empty", in, POLLIN, 0);
	put(r, PUT);
	show(out, "outer, ready", LONG);
	poll_one("an instance, ready", in, POLLIN, LONG);
	show(in, "inner, ready", 0);
	poll_one("an instance, not emptied", in, POLLIN, 0);
	show(out, "outer, not emptied", 0);
	take(r, 9);
	show(in, "inner, emptied", 0);
	show(out, "outer, emptied", 0);
	poll_one("an instance, emptied", in, POLLIN, 0);
	close(in);
	close(out);
}

static void in_child(struct ring *r)
{
	int ep = epoll_create1(0), status;
	pid_t pid;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 4);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		show(ep, "a child waits", LONG);
		close(r->fd);
		show(ep, "a child has closed the ring", 0);
		fflush(stdout);
		_exit(0);
	}
	usleep(SHORT * 1000);
	put(r, PUT);
	waitpid(pid, &status, 0);
	show(ep, "the parent after it", LONG);
	take(r, 9);
	show(ep, "none left", 0);
	pid = fork();
	if (!pid) {
		put(r, PUT);
		_exit(0);
	}
	show(ep, "a child's record", LONG);
	waitpid(pid, &status, 0);
	take(r, 9);
	close(ep);
}

/* ---- sleeping ---- */

static struct ring *late_ring;
static int late_how;

static void *put_late(void *arg)
{
	usleep(SHORT * 1000);
	put(late_ring, late_how);
	return NULL;
}

static pthread_t later(struct ring *r, int how)
{
	pthread_t t;

	late_ring = r;
	late_how = how;
	pthread_create(&t, NULL, put_late, NULL);
	return t;
}

static void say_time(long start, int timeout)
{
	long took = ms_now() - start;

	say("  %s\n", took >= timeout ? "when the time was over" : "before");
}

static void asleep(struct ring *r)
{
	int ep = epoll_create1(0);
	struct pollfd p[3];
	struct timespec ts;
	struct timeval tv;
	struct epoll_event ev[4];
	int pipes[2], n;
	long start;
	pthread_t t;
	fd_set in;

	must(!pipe(pipes), "pipe");
	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 9);
	start = ms_now();
	show(ep, "epoll_wait, nothing comes", SHORT);
	say_time(start, SHORT);
	t = later(r, PUT);
	show(ep, "epoll_wait, woken", LONG);
	pthread_join(t, NULL);
	take(r, 9);
	t = later(r, PUT);
	show(ep, "epoll_wait without end", -1);
	pthread_join(t, NULL);
	take(r, 9);
	show(ep, "none left", 0);

	t = later(r, PUT);
	ts = (struct timespec){ LONG / 1000, 0 };
	n = epoll_pwait2(ep, ev, 4, &ts, NULL);
	say("epoll_pwait2, woken:");
	show_events(ev, n);
	pthread_join(t, NULL);
	take(r, 9);
	ts = (struct timespec){ 0, SHORT * 1000000 };
	start = ms_now();
	n = epoll_pwait2(ep, ev, 4, &ts, NULL);
	say("epoll_pwait2, nothing comes:");
	show_events(ev, n);
	say_time(start, SHORT);

	start = ms_now();
	poll_one("a ring, nothing comes", r->fd, POLLIN, SHORT);
	say_time(start, SHORT);
	t = later(r, PUT);
	start = ms_now();
	poll_one("a ring, woken", r->fd, POLLIN, LONG);
	say_time(start, LONG);
	pthread_join(t, NULL);
	take(r, 9);
	t = later(r, QUIET);
	poll_one("a ring, a quiet record", r->fd, POLLIN, 3 * SHORT);
	pthread_join(t, NULL);
	take(r, 9);

	for (int with = 0; with < 3; with++) {
		p[0] = (struct pollfd){ .fd = with == 2 ? 901 : -1, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = r->fd, .events = POLLIN | POLLOUT };
		p[2] = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
		if (with == 1)
			must(write(pipes[1], "x", 1) == 1, "write");
		ts = (struct timespec){ 0, SHORT * 1000000 };
		n = ppoll(p, 3, &ts, NULL);
		say("ppoll of three, %d: %d: %#x %#x %#x\n", with, n, p[0].revents, p[1].revents,
		    p[2].revents);
		if (with == 1)
			put(r, PUT);
		n = ppoll(p, 3, &ts, NULL);
		say("ppoll of three, %d, later: %d: %#x %#x %#x\n", with, n, p[0].revents, p[1].revents,
		    p[2].revents);
	}
	take(r, 9);

	t = later(r, PUT);
	FD_ZERO(&in);
	FD_SET(r->fd, &in);
	tv = (struct timeval){ LONG / 1000, 0 };
	start = ms_now();
	n = select(r->fd + 1, &in, NULL, NULL, &tv);
	say("select, woken: %d, %s, time left %s\n", n, FD_ISSET(r->fd, &in) ? "in" : "not in",
	    tv.tv_sec < LONG / 1000 && (tv.tv_sec || tv.tv_usec) ? "yes" : "no");
	say_time(start, LONG);
	pthread_join(t, NULL);
	take(r, 9);
	tv = (struct timeval){ 0, SHORT * 1000 };
	n = select(r->fd + 1, &in, NULL, NULL, &tv);
	say("select, nothing comes: %d, %s, time left %s\n", n, FD_ISSET(r->fd, &in) ? "in" : "not in",
	    tv.tv_sec || tv.tv_usec ? "yes" : "no");
	FD_SET(r->fd, &in);
	n = dup(r->fd);
	close(n);
	FD_SET(n, &in);
	n = select(n + 1, &in, NULL, NULL, &tv);
	say("select with a closed number: %d %s\n", n, n < 0 ? errno_name(errno) : "");
	close(ep);
	close(pipes[0]);
	close(pipes[1]);
}

static void on_alarm(int sig) {}

static void alarm_in(int ms)
{
	struct itimerval it = { .it_value.tv_usec = ms * 1000 };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void signals(struct ring *r)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct timespec ts = { LONG / 1000, 0 };
	int ep = epoll_create1(0), n;
	struct epoll_event ev[4];
	sigset_t none, alrm;
	fd_set in;

	sigaction(SIGALRM, &sa, NULL);
	sigemptyset(&none);
	sigemptyset(&alrm);
	sigaddset(&alrm, SIGALRM);
	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	alarm_in(SHORT);
	show(ep, "epoll_wait and a signal", LONG);
	alarm_in(SHORT);
	n = poll(&p, 1, LONG);
	say("poll and a signal: %d %s\n", n, n < 0 ? errno_name(errno) : "");
	sigprocmask(SIG_BLOCK, &alrm, NULL);
	alarm_in(SHORT);
	n = ppoll(&p, 1, &ts, &none);
	say("ppoll that lets a signal in: %d %s\n", n, n < 0 ? errno_name(errno) : "");
	alarm_in(SHORT);
	n = epoll_pwait(ep, ev, 4, LONG, &none);
	say("epoll_pwait that lets a signal in:");
	show_events(ev, n);
	alarm_in(SHORT);
	ts = (struct timespec){ LONG / 1000, 0 };
	n = epoll_pwait2(ep, ev, 4, &ts, &none);
	say("epoll_pwait2 that lets a signal in:");
	show_events(ev, n);
	FD_ZERO(&in);
	FD_SET(r->fd, &in);
	alarm_in(SHORT);
	n = pselect(r->fd + 1, &in, NULL, NULL, &ts, &none);
	say("pselect that lets a signal in: %d %s\n", n, n < 0 ? errno_name(errno) : "");
	alarm_in(SHORT / 2);
	n = poll(&p, 1, 2 * SHORT);
	say("poll and a blocked signal: %d\n", n);
	show(ep, "epoll_wait and a pending one", SHORT);
	sigprocmask(SIG_UNBLOCK, &alrm, NULL);
	close(ep);
}

/* ---- several at once, and calls that do not end ---- */

#define TAKERS 4
static pthread_mutex_t take_lock = PTHREAD_MUTEX_INITIALIZER;
static int taken, wanted, takers_ep;

static void *taker(void *arg)
{
	struct epoll_event ev;
	int all = 0;

	while (!all) {
		epoll_wait(takers_ep, &ev, 1, LONG);
		pthread_mutex_lock(&take_lock);
		taken += take(arg, 1);
		all = taken >= wanted;
		pthread_mutex_unlock(&take_lock);
	}
	return NULL;
}

/* One record at a time is left to each event: who leaves something has it told again, to anybody. */
static void takers(struct ring *r, int n)
{
	pthread_t t[TAKERS];

	taken = 0;
	wanted = n;
	takers_ep = epoll_create1(0);
	ctl(takers_ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	for (int i = 0; i < TAKERS; i++)
		pthread_create(&t[i], NULL, taker, r);
	for (int i = 0; i < n; i++)
		put(r, PUT);
	/* Those that have gone to sleep when the last was taken. */
	while (taken < wanted)
		usleep(1000);
	put(r, FORCE);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(t[i], NULL);
	say("%d threads on one instance: %s\n", TAKERS, taken >= n ? "all taken" : "some left");
	take(r, 9);
	close(takers_ep);
}

static sigjmp_buf out;

static void on_alarm_out(int sig)
{
	siglongjmp(out, 1);
}

static int open_fds(void)
{
	char path[64];
	int n = 0;

	for (int fd = 0; fd < MANY_FDS; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n += !access(path, F_OK);
	}
	return n;
}

static void jumps(struct ring *r)
{
	struct sigaction sa = { .sa_handler = on_alarm_out };
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	int ep = epoll_create1(0), before = open_fds(), after;
	struct epoll_event ev;

	sigaction(SIGALRM, &sa, NULL);
	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	for (volatile int i = 0; i < 100; i++) {
		if (sigsetjmp(out, 1))
			continue;
		alarm_in(1);
		if (i & 1)
			poll(&p, 1, LONG);
		else
			epoll_wait(ep, &ev, 1, LONG);
	}
	alarm_in(0);
	after = open_fds();
	say("descriptors after 100 calls that were left: %s\n", after - before < 10 ? "few" : "many");
	put(r, PUT);
	poll_one("a ring", r->fd, POLLIN, LONG);
	show(ep, "epoll_wait", LONG);
	take(r, 9);
	poll_one("a ring, empty", r->fd, POLLIN, 0);
	show(ep, "epoll_wait, empty", 0);
	close(ep);
}

static void poll_after_fork(struct ring *r)
{
	int status;
	pthread_t t;
	pid_t pid;

	poll_one("before a fork", r->fd, POLLIN, 1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };

		_exit(poll(&p, 1, LONG) == 1 ? 7 : 1);
	}
	usleep(SHORT * 1000);
	t = later(r, PUT);
	poll_one("the parent", r->fd, POLLIN, LONG);
	pthread_join(t, NULL);
	waitpid(pid, &status, 0);
	say("the child: %d\n", WEXITSTATUS(status));
	take(r, 9);
}

/* A client that takes all high numbers, one after another, and one that closes them. */
static void crowded(struct ring *r)
{
	int ep = epoll_create1(0), bad = 0;

	ctl(ep, EPOLL_CTL_ADD, r->fd, EPOLLIN, 1);
	show(ep, "nothing yet", 0);
	poll_one("a ring", r->fd, POLLIN, 1);
	for (int fd = MANY_FDS - 1; fd >= 200; fd--)
		bad += dup2(2, fd) != fd;
	say("numbers that could not be had: %d\n", bad);
	put(r, PUT);
	show(ep, "all numbers taken", LONG);
	poll_one("all numbers taken", r->fd, POLLIN, LONG);
	take(r, 9);
	show(ep, "none left", 0);
	poll_one("none left", r->fd, POLLIN, 1);
	say("close_range");
	result(close_range(200, ~0u, 0));
	put(r, PUT);
	show(ep, "all numbers closed", LONG);
	poll_one("all numbers closed", r->fd, POLLIN, LONG);
	take(r, 9);
	show(ep, "none left", 0);
	ctl(ep, EPOLL_CTL_DEL, r->fd, 0, 0);
	put(r, FORCE);
	show(ep, "after del", SHORT);
	take(r, 9);
	close(ep);
}

/* ---- the other direction ---- */

static void user_ring(void)
{
	struct ring r = ring_new(BPF_MAP_TYPE_USER_RINGBUF, 4096);
	int ep = epoll_create1(0), drain, status;
	pid_t pid;

	drain = load("r1 = map uring; r2 = func :cb; r3 = 0; r4 = 0; call 209; exit; cb: r0 = 0; exit",
		     "main=g(c) cb=s(ii) ");
	ctl(ep, EPOLL_CTL_ADD, r.fd, EPOLLOUT, 1);
	show(ep, "user ring, empty", 0);
	poll_one("user ring, empty", r.fd, POLLOUT | POLLIN, 0);
	for (int i = 0; i < 256; i++) {
		*(uint32_t *)(r.data + 16 * i) = 8;
		__atomic_store_n(r.prod, *r.prod + 16, __ATOMIC_SEQ_CST);
		if (i == 254)
			show(ep, "user ring, nearly full", 0);
	}
	show(ep, "user ring, full", SHORT);
	poll_one("user ring, full", r.fd, POLLOUT | POLLIN, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		usleep(SHORT * 1000);
		_exit(run_fd(drain, 1) != 256);
	}
	show(ep, "user ring, drained", LONG);
	waitpid(pid, &status, 0);
	say("drained: %d\n", status);
	poll_one("user ring, drained", r.fd, POLLOUT | POLLIN, 0);
	close(drain);
	close(ep);
	ring_free(&r);
}

/* ---- by number ---- */

static void by_number(struct ring *r)
{
	int ep = (int)syscall(SYS_epoll_create1, 0), n;
	struct epoll_event ev[4] = { { .events = EPOLLIN, .data.u64 = 12 } };
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct timespec ts = { 0, SHORT * 1000000 };
	struct timeval tv = { 0, SHORT * 1000 };
	fd_set in;

	say("SYS_epoll_ctl");
	result((int)syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, r->fd, ev));
	for (int i = 0; i < 2; i++) {
		n = (int)syscall(SYS_epoll_wait, ep, ev, 4, i ? LONG : 0);
		say("SYS_epoll_wait:");
		show_events(ev, n);
		n = (int)syscall(SYS_epoll_pwait, ep, ev, 4, 0, NULL, 8);
		say("SYS_epoll_pwait:");
		show_events(ev, n);
		n = (int)syscall(SYS_epoll_pwait2, ep, ev, 4, &ts, NULL, 8);
		say("SYS_epoll_pwait2:");
		show_events(ev, n);
		n = (int)syscall(SYS_poll, &p, 1, 0);
		say("SYS_poll: %d %#x\n", n, p.revents);
		n = (int)syscall(SYS_ppoll, &p, 1, &ts, NULL, 8);
		say("SYS_ppoll: %d %#x, time left %s\n", n, p.revents, ts.tv_nsec ? "yes" : "no");
		FD_ZERO(&in);
		FD_SET(r->fd, &in);
		n = (int)syscall(SYS_select, r->fd + 1, &in, NULL, NULL, &tv);
		say("SYS_select: %d, time left %s\n", n, tv.tv_usec ? "yes" : "no");
		FD_SET(r->fd, &in);
		ts = (struct timespec){ 0, SHORT * 1000000 };
		n = (int)syscall(SYS_pselect6, r->fd + 1, &in, NULL, NULL, &ts, NULL);
		say("SYS_pselect6: %d, time left %s\n", n, ts.tv_nsec ? "yes" : "no");
		ts = (struct timespec){ 0, SHORT * 1000000 };
		tv = (struct timeval){ 0, SHORT * 1000 };
		put(r, PUT);
	}
	take(r, 9);
	close(ep);
}

int main(void)
{
	struct rlimit few = { MANY_FDS, MANY_FDS };
	struct ring r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* So that descriptors out of sight are counted, too. */
	setrlimit(RLIMIT_NOFILE, &few);
	objects();
	refusals();
	r = ring_new(BPF_MAP_TYPE_RINGBUF, 4096);
	masks(&r);
	quiet(&r);
	two_rings(&r);
	numbers(&r);
	closed();
	*slot_of("ring") = r.fd;
	nested(&r);
	in_child(&r);
	asleep(&r);
	signals(&r);
	takers(&r, 150);
	jumps(&r);
	poll_after_fork(&r);
	crowded(&r);
	by_number(&r);
	user_ring();
	ring_free(&r);
	return 0;
}
