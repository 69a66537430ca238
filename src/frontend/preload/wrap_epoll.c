// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll on objects: maps and perf events are pollable, all other objects are not.
 *
 * epoll_ctl asks the kernel first; only its EPERM (a file without poll) can
 * be a matter of ours. Then the object's FIFO is registered in place of the
 * object, EPOLLET (watch.h). epoll_wait looks through what the kernel delivers:
 *
 *     an event of a watch ---- its object is not ready ........... dropped
 *            |                 ready, EPOLLONESHOT ............... told, off until MOD
 *            |                 ready, EPOLLET .................... told
 *            |                 ready, neither: told, and the kernel is asked to
 *            |                 deliver one more (MOD: the FIFO is never empty)
 *     any other .................................................. passed on
 *
 * So an item that is left ready is delivered again by the next call, in whatever
 * thread or process, and one that is not sleeps until the next wake-up, as the kernel has it;
 * all state but EPOLLONESHOT's is the kernel's. When all was
 * dropped, the call waits on for the rest of its time.
 *
 * An event of a watch is known by the client's data word and by the pair of
 * bits that a FIFO gives, which hardly anything else is registered for.
 *
 * Seen from outside (poll on the instance, an instance in another one), an item
 * that was told and then emptied still counts as ready until epoll_wait has looked.
 */
#include "frontend/preload/watch.h"
#include "sys/ready.h"

/* With EPOLLEXCLUSIVE only these may be asked for. */
#define EXCLUSIVE_MAY (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* Where we have nothing registered: what the kernel says to a registration that is not there. */
static long ask_kernel(int ep, int op, struct handle *h, struct epoll_event *ev)
{
	int fd = ready_fd(h, true);
	long ret;

	if (fd < 0)
		return fd;
	ret = raw4(SYS_epoll_ctl, ep, op, fd, ev);
	raw_close(fd);
	return ret;
}

static long ctl_known(int ep, int op, int fd, struct handle *h, struct epoll_event *ev)
{
	struct watch *w;

	if (op == EPOLL_CTL_ADD) {
		if (ev->events & EPOLLEXCLUSIVE && ev->events & ~(u32)EXCLUSIVE_MAY)
			return -EINVAL;
		return watch_add(ep, fd, h, ev);
	}
	w = atomic_load(&watch_count) ? watch_find(watch_ep(ep), fd, h) : NULL;
	if (op == EPOLL_CTL_MOD && ev->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	if (!w)
		return ask_kernel(ep, op, h, ev);
	if (op == EPOLL_CTL_DEL)
		return watch_del(ep, w);
	if (op != EPOLL_CTL_MOD || atomic_load(&w->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	return watch_mod(ep, w, ev);
}

static noinline long ctl_object(int ep, int op, int fd, struct epoll_event *ev)
{
	struct handle *h;
	u32 acc;
	long ret;

	h = fd_look(fd, &acc);
	if (!h)
		return -EPERM;
	sig_stand_in_front();
	ret = ctl_known(ep, op, fd, h, ev);
	if (ret || op != EPOLL_CTL_ADD)
		handle_put(h);
	/* A descriptor from another user, whose FIFO is closed to this one: the supervisor may. */
	if (ret == -EACCES)
		ret = raw6(SYS_epoll_ctl, ep, op, fd, (long)ev, 0, 0);
	return ret == -EACCES ? -EPERM : ret;
}

long ep_raw_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	long ret;

	if (!pre_attached)
		return raw6(SYS_epoll_ctl, ep, op, fd, (long)ev, 0, 0);
	if (fd_is_ours(fd))
		return -EBADF;
	ret = raw4(SYS_epoll_ctl, ep, op, fd, ev);
	return unlikely(ret == -EPERM) ? ctl_object(ep, op, fd, ev) : ret;
}

EXPORT int epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	return (int)ret_errno(ep_raw_ctl(ep, op, fd, event));
}

/* Waiting. */

struct wait {
	long nr; /* 0: by the C library, a cancellation point */
	int ep, max;
	struct epoll_event *ev;
	int ms;
	struct timespec ts; /* SYS_epoll_pwait2: nanoseconds, if limited */
	bool limited;
	const void *mask;
	size_t mask_size;
};

static long kernel_wait(const struct wait *w)
{
	int n;

	if (w->nr == SYS_epoll_pwait2)
		return raw6(w->nr, w->ep, (long)w->ev, w->max, w->limited ? (long)&w->ts : 0, (long)w->mask,
			    (long)w->mask_size);
	if (w->nr)
		return raw6(w->nr, w->ep, (long)w->ev, w->max, w->ms, (long)w->mask, (long)w->mask_size);
	n = NEXT(epoll_pwait)(w->ep, w->ev, w->max, w->ms, w->mask);
	return n < 0 ? -errno : n;
}

#define FOREVER (-1)

/* How long the call may take, in ns. */
static s64 wait_time(const struct wait *w)
{
	if (w->nr != SYS_epoll_pwait2)
		return w->ms < 0 ? FOREVER : w->ms * 1000000ll;
	if (!w->limited || w->ts.tv_sec > INT64_MAX / 2000000000)
		return FOREVER;
	return w->ts.tv_sec * 1000000000ll + w->ts.tv_nsec;
}

static void wait_less(struct wait *w, s64 left)
{
	w->ms = (int)((left + 999999) / 1000000);
	w->ts.tv_sec = left / 1000000000;
	w->ts.tv_nsec = left % 1000000000;
}

/* What is to be told of one watch that had an event. */
static u32 tell(int epfd, struct watch *w)
{
	struct handle *h = w->h;
	u32 events = atomic_load(&w->events), bits;

	if (atomic_load(&w->off) || !handle_try_ref(h))
		return 0;
	bits = w->h == h && atomic_load(&w->state) == WATCH_LIVE ? (u32)sys_poll_events(h) : 0;
	handle_put(h);
	bits &= events | EPOLLERR | EPOLLHUP;
	if (!bits)
		return 0;
	if (events & EPOLLONESHOT)
		return atomic_exchange(&w->off, true) ? 0 : bits;
	if (!(events & EPOLLET))
		watch_again(epfd, w);
	return bits;
}

/* False: nothing is to be told of it. */
static bool judge(int epfd, const struct ep *ep, struct epoll_event *ev)
{
	bool ours = false;
	u32 bits = 0;

	if (!(ev->events & EPOLLRDNORM) || ev->events & ~(u32)READY_HEARD)
		return true;
	for (struct watch *w = NULL; (w = watch_next(w, ep));) {
		if (w->data != ev->data.u64)
			continue;
		ours = true;
		bits |= tell(epfd, w);
	}
	if (ours)
		ev->events = bits;
	return !ours || bits;
}

static long look_through(int epfd, const struct ep *ep, struct epoll_event *ev, long n)
{
	long kept = 0;

	for (long i = 0; i < n; i++) {
		struct epoll_event e = ev[i];

		if (judge(epfd, ep, &e))
			ev[kept++] = e;
	}
	return kept;
}

/*
 * Before a sleep: a call that was left by a jump may have taken an event
 * and not looked, and who wakes counts on it (map/ringbuf_int.h). What is told once only is left alone.
 */
static void look_first(const struct ep *ep)
{
	for (struct watch *w = NULL; (w = watch_next(w, ep));) {
		struct handle *h = w->h;

		if (!handle_try_ref(h))
			continue;
		if (w->h == h && ready_stays(h))
			sys_poll_events(h);
		handle_put(h);
	}
}

static noinline long wait_watched(struct wait *w, const struct ep *ep)
{
	s64 time = wait_time(w), end = 0, left = time;
	long n, kept;

	if (time > 0)
		end = raw_now() + time;
	look_first(ep);
	for (;;) {
		n = kernel_wait(w);
		if (n <= 0)
			return n;
		kept = look_through(w->ep, ep, w->ev, n);
		if (kept || (!left && n < w->max))
			return kept;
		if (time <= 0)
			continue;
		left = end - raw_now();
		left = left < 0 ? 0 : left;
		wait_less(w, left);
	}
}

static long ep_wait(struct wait *w)
{
	struct ep *ep = watch_ep(w->ep);
	int saved = errno;
	long ret;

	ret = ep ? wait_watched(w, ep) : kernel_wait(w);
	errno = saved;
	return ret;
}

EXPORT int epoll_wait(int ep, struct epoll_event *ev, int max, int timeout)
{
	struct wait w = { .ep = ep, .ev = ev, .max = max, .ms = timeout };

	if (likely(!atomic_load_explicit(&watch_count, memory_order_relaxed)))
		return NEXT(epoll_wait)(ep, ev, max, timeout);
	return (int)ret_errno(ep_wait(&w));
}

EXPORT int epoll_pwait(int ep, struct epoll_event *ev, int max, int timeout, const sigset_t *mask)
{
	sigset_t copy;
	struct wait w = { .ep = ep, .ev = ev, .max = max, .ms = timeout, .mask = wait_mask(mask, &copy) };

	if (likely(!atomic_load_explicit(&watch_count, memory_order_relaxed)))
		return NEXT(epoll_pwait)(ep, ev, max, timeout, w.mask);
	return (int)ret_errno(ep_wait(&w));
}

EXPORT int epoll_pwait2(int ep, struct epoll_event *ev, int max, const struct timespec *timeout,
			const sigset_t *mask)
{
	sigset_t copy;

	return (int)ret_errno(
		ep_raw_wait(SYS_epoll_pwait2, ep, (long)ev, max, (long)timeout, wait_mask(mask, &copy), 8));
}

/* By number: epoll_wait, epoll_pwait, epoll_pwait2. */
long ep_raw_wait(long nr, int ep, long events, int max, long timeout, const void *mask, size_t size)
{
	struct wait w = { .nr = nr == SYS_epoll_wait ? SYS_epoll_pwait : nr,
			  .ep = ep,
			  .ev = (struct epoll_event *)events,
			  .max = max,
			  .mask = nr == SYS_epoll_wait ? NULL : mask,
			  .mask_size = size };

	if (!atomic_load_explicit(&watch_count, memory_order_relaxed) || !watch_ep(ep))
		return raw6(nr, ep, events, max, timeout, (long)mask, (long)size);
	if (nr != SYS_epoll_pwait2) {
		w.ms = (int)timeout;
	} else if (timeout) {
		w.ts = *(const struct timespec *)timeout;
		w.limited = true;
	}
	return ep_wait(&w);
}
