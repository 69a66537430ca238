// SPDX-License-Identifier: BSD-2-Clause
/*
 * poll and select on objects.
 *
 * A call without an object among its fds goes on to the kernel after one load
 * a fd. In the others each object's own words are looked at, and the kernel is
 * asked for the rest. If nothing is ready the thread waits, with a *poller* in
 * the objects' place: an epoll instance of ours that has their FIFOs, EPOLLET.
 *
 *     take events from the poller (what they were does not matter)
 *     look at the objects      ready: ask the kernel for the rest, and return
 *     poll(fds, poller)        until the kernel has something, or time is over
 *
 * An event between the look and the sleep is in the poller, so the sleep ends at once. A
 * poller belongs to one call at a time, so nobody takes another one's events.
 *
 * Pollers are few and kept with their descriptors, for the next call of that
 * thread on the same objects. A call may be left by a jump or a cancelled thread: whose
 * poller is marked by a stack address, below which its thread's next call finds it free.
 *
 * poll(2) and select(2) may be called in signal handlers: no lock, no memory
 * but for a select or poll of very many fds, by mmap.
 */
#include <string.h>
#include <time.h>
#include "frontend/preload/watch.h"
#include "store/own_fd.h"
#include "store/store.h"
#include "sys/ready.h"

#define POLLERS 64u
#define RINGS   32u  /* objects in one poller; with more, they are looked at every SLICE */
#define SLICE   10000000ll
#define FEW     128u /* fds that are copied to the stack */
#define FOREVER (-1)

struct poller {
	_Atomic u32 tid;          /* whose it is: for good, or until that thread is gone */
	const void *_Atomic call; /* stack address of the call that uses it, NULL: none does */
	_Atomic u32 gone;         /* an object of it has been closed */
	int ep;
	u32 n;
	struct {
		u64 ino;
		int wake;
	} ring[RINGS];
};
static struct poller pollers[POLLERS];

struct call {
	struct pollfd *fds, *copy; /* the client's; what the kernel gets, with the poller as the last */
	nfds_t n;
	s64 time, end; /* ns that are left, FOREVER; when they end */
	const sigset_t *mask;
	int *objects; /* indices of those of ours that may not be ready */
	struct handle **handles;
	u32 nobjects;
	struct poller *poller;
};

/* Pollers. */

static void poller_clear(struct poller *p)
{
	for (u32 i = 0; i < p->n; i++)
		own_fd_close(p->ring[i].wake);
	own_fd_close(p->ep);
	p->n = 0;
	p->ep = -1;
}

/* Mine and not in a call that still runs, or nobody's. */
static bool poller_take(struct poller *p, u32 tid, const void *frame)
{
	u32 owner = atomic_load(&p->tid);
	const void *call = atomic_load(&p->call);

	if (owner == tid)
		return !call || call <= frame;
	if (owner && raw3(SYS_tgkill, raw0(SYS_getpid), owner, 0) != -ESRCH)
		return false;
	if (!atomic_compare_exchange_strong(&p->tid, &owner, tid))
		return false;
	return true;
}

static bool poller_fits(const struct poller *p, const struct call *c)
{
	if (p->n != c->nobjects || atomic_load(&p->gone))
		return false;
	for (u32 i = 0; i < p->n; i++)
		if (p->ring[i].ino != c->handles[i]->ino)
			return false;
	return true;
}

static int poller_add(struct poller *p, struct handle *h)
{
	struct epoll_event ev = { .events = READY_HEAR };
	int fd = own_fd_take(ready_fd(h));
	long err;

	if (fd < 0)
		return fd;
	err = raw4(SYS_epoll_ctl, p->ep, EPOLL_CTL_ADD, fd, &ev);
	if (err) {
		own_fd_close(fd);
		return (int)err;
	}
	p->ring[p->n].ino = h->ino;
	p->ring[p->n].wake = fd;
	p->n++;
	return 0;
}

static bool poller_fill(struct poller *p, const struct call *c)
{
	if (p->ep > 0)
		poller_clear(p);
	atomic_store(&p->gone, 0);
	p->ep = own_fd_take((int)raw1(SYS_epoll_create1, EPOLL_CLOEXEC));
	for (u32 i = 0; p->ep >= 0 && i < c->nobjects; i++)
		if (poller_add(p, c->handles[i])) {
			poller_clear(p);
			return false;
		}
	return p->ep >= 0;
}

/* Its own first, then a free one. */
static struct poller *poller_find(u32 tid, const void *frame)
{
	for (u32 i = 0; i < POLLERS; i++)
		if (atomic_load(&pollers[i].tid) == tid && poller_take(&pollers[i], tid, frame))
			return &pollers[i];
	for (u32 i = 0; i < POLLERS; i++)
		if (atomic_load(&pollers[i].tid) != tid && poller_take(&pollers[i], tid, frame))
			return &pollers[i];
	return NULL;
}

static struct poller *poller_get(const struct call *c, const void *frame)
{
	struct poller *p;

	if (c->nobjects > RINGS || !pre_owner())
		return NULL;
	p = poller_find((u32)raw0(SYS_gettid), frame);
	if (!p)
		return NULL;
	atomic_store(&p->call, frame);
	if (poller_fits(p, c) || poller_fill(p, c))
		return p;
	atomic_store(&p->call, NULL);
	return NULL;
}

static void poller_put(struct poller *p)
{
	if (p && atomic_load(&p->gone))
		poller_clear(p);
	if (p)
		atomic_store(&p->call, NULL);
}

static void poller_drain(const struct poller *p)
{
	struct epoll_event ev[RINGS];

	raw4(SYS_epoll_wait, p->ep, ev, RINGS, 0);
}

void poll_closing(const struct handle *h)
{
	for (u32 i = 0; i < POLLERS; i++) {
		struct poller *p = &pollers[i];
		const void *none = NULL;
		bool has = false;

		for (u32 j = 0; j < p->n && j < RINGS; j++)
			has |= p->ring[j].ino == h->ino;
		if (!has)
			continue;
		/* In use: whoever uses it clears it. */
		atomic_store(&p->gone, 1);
		if (atomic_compare_exchange_strong(&p->call, &none, &pollers)) {
			poller_clear(p);
			atomic_store(&p->call, NULL);
		}
	}
}

/* A call. */

static long kernel_poll(struct call *c, nfds_t n, s64 time)
{
	struct timespec ts = { time / 1000000000, time % 1000000000 };
	int ret = NEXT(ppoll)(c->copy, n, time < 0 ? NULL : &ts, c->mask);

	return ret < 0 ? -errno : ret;
}

/* What the objects are ready for goes into the client's array. */
static u32 look(struct call *c)
{
	u32 ready = 0;

	for (u32 i = 0; i < c->nobjects; i++) {
		struct pollfd *p = &c->fds[c->objects[i]];
		int bits = sys_poll_events(c->handles[i]);

		p->revents = (short)(bits & ((u16)p->events | POLLERR | POLLHUP));
		ready += p->revents != 0;
	}
	return ready;
}

/* The kernel's answers beside ours. */
static long merge(struct call *c, long ready)
{
	u32 at = 0;

	if (ready < 0)
		return ready;
	ready = 0;
	for (nfds_t i = 0; i < c->n; i++) {
		if (at < c->nobjects && c->objects[at] == (int)i)
			at++;
		else
			c->fds[i].revents = c->copy[i].revents;
		ready += c->fds[i].revents != 0;
	}
	return ready;
}

static s64 time_left(const struct call *c)
{
	s64 left;

	if (c->time <= 0)
		return c->time;
	left = c->end - raw_now();
	return left < 0 ? 0 : left;
}

static long wait_round(struct call *c, bool *again)
{
	s64 left = time_left(c);
	long n;

	*again = false;
	if (c->poller)
		poller_drain(c->poller);
	if (look(c))
		return merge(c, kernel_poll(c, c->n, 0));
	if (!left)
		return merge(c, kernel_poll(c, c->n, 0));
	if (!c->poller)
		n = kernel_poll(c, c->n, left < 0 ? SLICE : MIN(left, SLICE));
	else
		n = kernel_poll(c, c->n + 1, left);
	if (n < 0)
		return n;
	/* Nothing but the poller, or a slice is over: look again. */
	*again = c->poller ? n == 1 && c->copy[c->n].revents : !n;
	if (*again || !n)
		return look(c) ? merge(c, kernel_poll(c, c->n, 0)) : (*again = n || left != time_left(c), merge(c, 0));
	look(c);
	return merge(c, n);
}
