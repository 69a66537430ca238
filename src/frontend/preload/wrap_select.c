// SPDX-License-Identifier: BSD-2-Clause
/*
 * select on objects: a select with an object in its sets is done as a poll.
 *
 * The kernel's own rules turn one into the other: a set's bit asks for certain
 * events, a closed number is EBADF for the whole call, and on success the sets are what
 * is ready. select(2) also writes back the time that is left.
 */
#include <string.h>
#include "frontend/preload/preload.h"

#define BITS (8 * sizeof(long))

/* What a bit in each of the three sets asks for, and which answers set it. */
static const short asks[3] = { POLLIN | POLLRDNORM | POLLRDBAND, POLLOUT | POLLWRNORM | POLLWRBAND, POLLPRI };
static const short answers[3] = { POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
				  POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, POLLPRI };

typedef unsigned long word;

static bool is_set(const word *set, int fd)
{
	return set && set[(size_t)fd / BITS] >> ((size_t)fd % BITS) & 1;
}

static bool select_has_object(int n, word *const sets[3])
{
	if (likely(!pre_attached) || n <= 0)
		return false;
	for (int i = 0; i < 3; i++)
		for (int at = 0; sets[i] && at < n; at += (int)BITS)
			for (word w = sets[i][(size_t)at / BITS]; w; w &= w - 1) {
				int fd = at + __builtin_ctzl(w);

				if (fd < n && unlikely(fdtab_word(fd)))
					return true;
			}
	return false;
}

static nfds_t to_poll(struct pollfd *p, int n, word *const sets[3])
{
	nfds_t used = 0;

	for (int fd = 0; fd < n; fd++) {
		short events = 0;

		for (int i = 0; i < 3; i++)
			if (is_set(sets[i], fd))
				events |= asks[i];
		if (events)
			p[used++] = (struct pollfd){ .fd = fd, .events = events };
	}
	return used;
}

static long from_poll(const struct pollfd *p, nfds_t used, int n, word *const sets[3])
{
	long bits = 0;

	for (nfds_t j = 0; j < used; j++)
		if (p[j].revents & POLLNVAL)
			return -EBADF;
	for (int i = 0; i < 3; i++)
		for (size_t w = 0; sets[i] && w * BITS < (size_t)n; w++)
			sets[i][w] = 0;
	for (nfds_t j = 0; j < used; j++)
		for (int i = 0; i < 3; i++) {
			size_t fd = (size_t)p[j].fd;

			if (!(p[j].events & asks[i]) || !(p[j].revents & answers[i]))
				continue;
			sets[i][fd / BITS] |= 1ul << (fd % BITS);
			bits++;
		}
	return bits;
}

static noinline long select_objects(int n, word *const sets[3], const struct timespec *t,
				    const sigset_t *mask)
{
	size_t size = (size_t)n * sizeof(struct pollfd);
	struct pollfd few[128], *p = few;
	nfds_t used;
	long ret;

	if (n > (int)ARRAY_SIZE(few))
		p = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(p))
		return -ENOMEM;
	used = to_poll(p, n, sets);
	ret = poll_timed(p, used, t, mask);
	if (ret >= 0)
		ret = from_poll(p, used, n, sets);
	if (p != few)
		raw_munmap(p, size);
	return ret;
}

static long select_left(int n, word *const sets[3], struct timespec *t, const sigset_t *mask)
{
	s64 end = t ? raw_now() + t->tv_sec * 1000000000ll + t->tv_nsec : 0, left;
	long ret = select_objects(n, sets, t, mask);

	if (t) {
		left = MAX(end - raw_now(), 0ll);
		t->tv_sec = left / 1000000000;
		t->tv_nsec = left % 1000000000;
	}
	return ret;
}

static bool tv_valid(const struct timeval *tv)
{
	return !tv || (tv->tv_sec >= 0 && tv->tv_usec >= 0 && tv->tv_sec < INT64_MAX / 2000000000);
}

static bool ts_valid(const struct timespec *t)
{
	return !t || (t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000 &&
		      t->tv_sec < INT64_MAX / 2000000000);
}

static long select_tv(int n, word *const sets[3], struct timeval *tv)
{
	struct timespec t;
	long ret;

	if (!tv)
		return select_left(n, sets, NULL, NULL);
	t = (struct timespec){ tv->tv_sec + tv->tv_usec / 1000000, tv->tv_usec % 1000000 * 1000 };
	ret = select_left(n, sets, &t, NULL);
	*tv = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
	return ret;
}

EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *tv)
{
	word *const sets[3] = { (word *)r, (word *)w, (word *)e };

	if (likely(!select_has_object(n, sets)) || !tv_valid(tv))
		return NEXT(select)(n, r, w, e, tv);
	return (int)ret_errno(select_tv(n, sets, tv));
}

EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *mask)
{
	word *const sets[3] = { (word *)r, (word *)w, (word *)e };
	sigset_t copy;

	if (likely(!select_has_object(n, sets)) || !ts_valid(t))
		return NEXT(pselect)(n, r, w, e, t, wait_mask(mask, &copy));
	return (int)ret_errno(select_objects(n, sets, t, wait_mask(mask, &copy)));
}

long select_raw(int n, void *r, void *w, void *e, struct timeval *tv)
{
	word *const sets[3] = { r, w, e };

	if (!select_has_object(n, sets) || !tv_valid(tv))
		return raw6(SYS_select, n, (long)r, (long)w, (long)e, (long)tv, 0);
	return select_tv(n, sets, tv);
}

long pselect_raw(int n, void *r, void *w, void *e, struct timespec *t, long mask)
{
	word *const sets[3] = { r, w, e };
	const struct {
		const void *set;
		size_t size;
	} *m = (const void *)mask;
	sigset_t set, copy;

	if (!select_has_object(n, sets) || !ts_valid(t) || (m && m->set && m->size != 8))
		return raw6(SYS_pselect6, n, (long)r, (long)w, (long)e, (long)t, mask);
	if (!m || !m->set)
		return select_left(n, sets, t, NULL);
	memcpy(&set, m->set, 8);
	return select_left(n, sets, t, wait_mask(&set, &copy));
}
