// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readiness of objects: see ready.h.
 */
#include "sys/ready.h"
#include <sys/epoll.h>
#include "map/perf_ring.h"
#include "store/store.h"
#include "store/wake.h"
#include "sys/perf_event.h"
#include "util/raw.h"
#include "util/str.h"

static u32 map_events(struct op *op, struct opened *o)
{
	return o->map.ops->poll ? o->map.ops->poll(op, &o->map) : EPOLLERR;
}

static u32 map_bits(const struct opened *o)
{
	return o->map.ops->poll ? o->map.ops->poll_bits : EPOLLERR;
}

/* What an event has to say is said once, to who asks first; without a ring there is nothing to wait for. */
static u32 perf_events(struct op *op, struct opened *o)
{
	struct perf_hdr *h = (struct perf_hdr *)o->view.hdr;
	struct handle *other;
	u32 events;

	if (!o->view.writable)
		return EPOLLERR;
	other = unlikely(perf_output_id(h)) ? perf_output_of(h) : NULL;
	if (other) {
		struct opened *to = handle_open(other);

		if (!IS_ERR(to))
			h = (struct perf_hdr *)to->view.hdr;
	}
	events = !atomic_load(&h->ring) ? EPOLLHUP : perf_ring_due(h) ? EPOLLIN : 0;
	if (other)
		handle_put(other);
	return events;
}

static u32 perf_bits(const struct opened *o)
{
	return EPOLLIN | EPOLLHUP | EPOLLERR;
}

/* A type without a row is a file to poll. Called in a guarded operation, the object mapped. */
static const struct ready_row {
	u32 (*events)(struct op *op, struct opened *o);
	u32 (*bits)(
		const struct opened *o); /* EPOLLERR alone: it is in error for ever, and nothing is told */
	bool once;                       /* events() takes what it tells */
} rows[OBJ_TYPES] = {
	[OBJ_MAP] = { map_events, map_bits, false },
	[OBJ_PERF] = { perf_events, perf_bits, true },
};

struct question {
	struct handle *h;
	bool bits; /* the one asked: what may it say, or what does it say? */
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
	return (int)(q->bits ? row->bits(o) : row->events(op, o));
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

int ready_bits(struct handle *h)
{
	struct question q = { h, true };

	return rows[h->type].events ? ask_guarded(&q) : READY_FILE;
}

bool ready_stays(const struct handle *h)
{
	return !rows[h->type].once;
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

/* Who cannot write to an object cannot say that it has looked. */
static bool may_look(const struct handle *h)
{
	const struct opened *o = atomic_load(&h->opened);

	return o && o->view.writable;
}

int ready_fd(struct handle *h, bool looks)
{
	int bits = ready_bits(h);

	if (bits < 0)
		return bits;
	if (bits == EPOLLERR)
		return always_fd();
	if (!looks || !may_look(h))
		wake_set_blind(h->type, h->id);
	return wake_open(h->type, h->id);
}
