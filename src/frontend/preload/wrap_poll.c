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
#include "frontend/preload/watch.h"
#include "store/own_fd.h"
#include "store/store.h"
#include "sys/ready.h"

#define POLLERS 64u
#define RINGS   32u /* objects in one poller; with more, they are looked at every SLICE */
#define SLICE   10000000ll
#define FEW     128u /* fds that are copied to the stack */
#define FOREVER (-1)

struct poller {
	_Atomic u32 tid;          /* whose it is: for good, or until that thread is gone */
	const void *_Atomic call; /* stack address of the call that uses it, NULL: none does */
	_Atomic u32 gone;         /* an object of it has been closed */
	u32 pid;                  /* a child of fork shares the instance with its parent, and makes another */
	int ep;
	u32 n;
	struct {
		u64 ino;
		int wake;
	} ring[RINGS];
};
static struct poller pollers[POLLERS];
static _Atomic bool pollers_used;

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
	if (p->n != c->nobjects || atomic_load(&p->gone) || p->pid != pre_process->pid)
		return false;
	for (u32 i = 0; i < p->n; i++)
		if (p->ring[i].ino != c->handles[i]->ino)
			return false;
	return true;
}

static int poller_add(struct poller *p, struct handle *h)
{
	struct epoll_event ev = { .events = READY_HEAR };
	int fd = own_fd_take(ready_fd(h, true));
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
	atomic_store(&pollers_used, true);
	p->pid = pre_process->pid;
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
	for (u32 i = 0; i < POLLERS && unlikely(atomic_load(&pollers_used)); i++) {
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

bool poll_moving(int fd, int to)
{
	bool used = false;

	for (u32 i = 0; i < POLLERS && atomic_load(&pollers_used); i++) {
		struct poller *p = &pollers[i];

		if (p->ep == fd && p->n) {
			p->ep = to;
			used = true;
		}
		for (u32 j = 0; j < p->n && j < RINGS; j++)
			if (p->ring[j].wake == fd) {
				p->ring[j].wake = to;
				used = true;
			}
	}
	return used;
}

/* A call. */

static long kernel_poll(struct call *c, nfds_t n, s64 time)
{
	struct timespec ts = { time / 1000000000, time % 1000000000 };
	int ret = NEXT(ppoll)(c->copy, n, time < 0 ? NULL : &ts, c->mask);

	return ret < 0 ? -errno : ret;
}

/* What the objects are ready for goes into the client's array, to what is there: some is told once only. */
static u32 look(struct call *c)
{
	u32 ready = 0;

	for (u32 i = 0; i < c->nobjects; i++) {
		struct pollfd *p = &c->fds[c->objects[i]];
		int bits = sys_poll_events(c->handles[i]);

		p->revents |= (short)(bits & ((u16)p->events | POLLERR | POLLHUP));
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

/* One look, and a sleep when nothing is ready. *again: nothing was, and there is time left. */
static long wait_round(struct call *c, bool *again)
{
	s64 left = time_left(c);
	long n;

	*again = false;
	if (c->poller)
		poller_drain(c->poller);
	if (look(c) || !left)
		return merge(c, kernel_poll(c, c->n, 0));
	if (!c->poller) {
		n = kernel_poll(c, c->n, left < 0 ? SLICE : MIN(left, SLICE));
		*again = !n;
		return merge(c, n);
	}
	n = kernel_poll(c, c->n + 1, left);
	*again = !n || (n == 1 && c->copy[c->n].revents);
	if (n > 0 && !*again)
		look(c);
	return merge(c, n);
}

/* What is ready at once needs no poller. Each look counts: some things are told once only. */
static long wait_rounds(struct call *c, const void *frame)
{
	bool again = true;
	long ret = 0;

	c->copy[c->n] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (look(c) || !c->time)
		return merge(c, kernel_poll(c, c->n, 0));
	if (c->time > 0)
		c->end = raw_now() + c->time;
	c->poller = poller_get(c, frame);
	if (c->poller)
		c->copy[c->n].fd = c->poller->ep;
	while (again)
		ret = wait_round(c, &again);
	poller_put(c->poller);
	return ret;
}

/* Takes what is ours out of the copy: a kernel's poll leaves out negative numbers. */
static void take_objects(struct call *c)
{
	for (nfds_t i = 0; i < c->n; i++) {
		struct handle *h;

		c->copy[i] = c->fds[i];
		h = unlikely(fdtab_word(c->fds[i].fd)) ? fd_object(c->fds[i].fd, NULL) : NULL;
		if (!h)
			continue;
		if (!ready_polls(h)) {
			handle_put(h);
			continue;
		}
		c->copy[i].fd = -1;
		c->fds[i].revents = 0;
		c->objects[c->nobjects] = (int)i;
		c->handles[c->nobjects++] = h;
	}
}

static size_t call_size(nfds_t n)
{
	return (n + 1) * (sizeof(struct pollfd) + sizeof(int) + sizeof(void *)) + 64;
}

static long poll_in(struct pollfd *fds, nfds_t n, s64 time, const sigset_t *mask, void *mem,
		    const void *frame)
{
	struct call c = { .fds = fds, .n = n, .time = time, .mask = mask };
	long ret;

	c.handles = mem;
	c.copy = (struct pollfd *)(c.handles + n + 1);
	c.objects = (int *)(c.copy + n + 1);
	sig_stand_in_front();
	take_objects(&c);
	ret = wait_rounds(&c, frame);
	for (u32 i = 0; i < c.nobjects; i++)
		handle_put(c.handles[i]);
	return ret;
}

/* A poll with objects in it. A result or a negative errno. */
static noinline long poll_objects(struct pollfd *fds, nfds_t n, s64 time, const sigset_t *mask)
{
	const void *frame = __builtin_frame_address(0);
	u64 few[(FEW + 1) * (sizeof(struct pollfd) + sizeof(int) + sizeof(void *)) / 8 + 8];
	int saved = errno;
	void *mem;
	long ret;

	if (n <= FEW) {
		ret = poll_in(fds, n, time, mask, few, frame);
	} else {
		mem = raw_mmap(NULL, call_size(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		if (IS_ERR(mem))
			return -ENOMEM;
		ret = poll_in(fds, n, time, mask, mem, frame);
		raw_munmap(mem, call_size(n));
	}
	errno = saved;
	return ret;
}

static bool any_object(struct pollfd *fds, nfds_t n)
{
	if (likely(!pre_attached) || !fds || n > FDTAB_SIZE * FDTAB_SIZE)
		return false;
	for (nfds_t i = 0; i < n; i++)
		if (unlikely(fdtab_word(fds[i].fd)))
			return true;
	return false;
}

static s64 ms_time(int ms)
{
	return ms < 0 ? FOREVER : ms * 1000000ll;
}

static s64 ts_time(const struct timespec *t)
{
	return !t || t->tv_sec > INT64_MAX / 2000000000 ? FOREVER : t->tv_sec * 1000000000ll + t->tv_nsec;
}

static bool ts_valid(const struct timespec *t)
{
	return !t || (t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000);
}

long poll_timed(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
	return poll_objects(fds, n, ts_time(t), mask);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (likely(!any_object(fds, n)))
		return NEXT(poll)(fds, n, timeout);
	return (int)ret_errno(poll_objects(fds, n, ms_time(timeout), NULL));
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
	sigset_t copy;

	if (likely(!any_object(fds, n)) || !ts_valid(t))
		return NEXT(ppoll)(fds, n, t, wait_mask(mask, &copy));
	return (int)ret_errno(poll_objects(fds, n, ts_time(t), wait_mask(mask, &copy)));
}

/* By number. The kernel writes back what is left of ppoll's time. */
long poll_raw(struct pollfd *fds, nfds_t n, int ms)
{
	if (!any_object(fds, n))
		return raw6(SYS_poll, (long)fds, (long)n, ms, 0, 0, 0);
	return poll_objects(fds, n, ms_time(ms), NULL);
}

long ppoll_raw(struct pollfd *fds, nfds_t n, struct timespec *t, const void *mask, size_t size)
{
	sigset_t set, copy;
	s64 end, left;
	long ret;

	if (!any_object(fds, n) || !ts_valid(t) || (mask && size != 8))
		return raw6(SYS_ppoll, (long)fds, (long)n, (long)t, (long)mask, (long)size, 0);
	if (mask)
		memcpy(&set, mask, 8);
	end = raw_now() + ts_time(t);
	ret = poll_objects(fds, n, ts_time(t), mask ? wait_mask(&set, &copy) : NULL);
	left = MAX(end - raw_now(), 0ll);
	if (t)
		*t = (struct timespec){ left / 1000000000, left % 1000000000 };
	return ret;
}

/* What programs call that were built with _FORTIFY_SOURCE. An array too short is the original's to punish. */
EXPORT int poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size) __asm__("__poll_chk");
int poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	if (likely(size / sizeof(*fds) < n || !any_object(fds, n)))
		return NEXT(__poll_chk)(fds, n, timeout, size);
	return (int)ret_errno(poll_objects(fds, n, ms_time(timeout), NULL));
}

EXPORT int ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask,
		     size_t size) __asm__("__ppoll_chk");
int ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask, size_t size)
{
	sigset_t copy;

	if (likely(size / sizeof(*fds) < n || !any_object(fds, n)) || !ts_valid(t))
		return NEXT(__ppoll_chk)(fds, n, t, wait_mask(mask, &copy), size);
	return (int)ret_errno(poll_objects(fds, n, ts_time(t), wait_mask(mask, &copy)));
}
