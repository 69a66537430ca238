// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readiness of objects: see ready.h.
 */
#include "sys/ready.h"
#include <sys/epoll.h>
#include "map/perf_ring.h"
#include "store/store.h"
#include "store/wake.h"
#include "util/raw.h"
#include "util/str.h"

static u32 map_events(struct op *op, struct opened *o)
{
	return o->map.ops->poll ? o->map.ops->poll(op, &o->map) : EPOLLERR;
}

static bool map_wakes(const struct opened *o)
{
	return o->map.ops->poll;
}

/* What an event has to say is said once, to who asks first; without a ring there is nothing to wait for. */
static u32 perf_events(struct op *op, struct opened *o)
{
	struct perf_hdr *h = (struct perf_hdr *)o->view.hdr;

	if (!o->view.writable)
		return EPOLLERR;
	if (!atomic_load(&h->ring))
		return EPOLLHUP;
	return perf_ring_due(h) ? EPOLLIN : 0;
}

static bool perf_wakes(const struct opened *o)
{
	return true;
}

/* A type without a row is a file to poll. Called in a guarded operation, the object mapped. */
static const struct ready_row {
	u32 (*events)(struct op *op, struct opened *o);
	bool (*wakes)(const struct opened *o); /* a change is told by the FIFO; false: there is none, ever */
} rows[OBJ_TYPES] = {
	[OBJ_MAP] = { map_events, map_wakes },
	[OBJ_PERF] = { perf_events, perf_wakes },
};

struct question {
	struct handle *h;
	bool wakes; /* the one asked: does it wake, or else what is ready? */
};

static noinline int ask(struct op *op, const struct question *q)
{
	const struct ready_row *row = &rows[q->h->type];
	int err = guard_set(&op->guard);
	struct opened *o;

	if (err)
		return err;
	o = handle_open(q->h);
	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	op->guard.lo = o->view.base;
	op->guard.hi = o->view.base + o->view.size;
	return q->wakes ? row->wakes(o) : (int)row->events(op, o);
}

static int ask_guarded(const struct question *q)
{
	struct op *op = op_enter(q->h, __builtin_frame_address(0));
	int ret;

	if (!op)
		return -EAGAIN;
	ret = ask(op, q);
	op_leave(op);
	return ret;
}

bool ready_polls(const struct handle *h)
{
	return rows[h->type].events;
}

int sys_poll_events(struct handle *h)
{
	struct question q = { h, false };
	int ret;

	if (!rows[h->type].events)
		return READY_FILE;
	ret = ask_guarded(&q);
	return ret < 0 ? EPOLLERR : ret;
}

/* What never changes is an event at once, and no other: a pipe with a byte in it, opened for both ends. */
static int always_fd(void)
{
	char path[40];
	int ends[2], fd, err = (int)raw2(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);

	if (err)
		return err;
	str_put_u64(str_put(path, "/proc/self/fd/"), (u32)ends[0], 10);
	fd = raw_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd >= 0)
		wake_send(fd);
	raw_close(ends[0]);
	raw_close(ends[1]);
	return fd;
}

int ready_fd(struct handle *h)
{
	struct question q = { h, true };
	int ret;

	if (!rows[h->type].events)
		return READY_FILE;
	ret = ask_guarded(&q);
	if (ret < 0)
		return ret;
	return ret ? wake_open(h->type, h->id) : always_fd();
}
