// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on ring buffers, of both directions.
 *
 * A record is committed by its address alone. So a run notes in which maps it
 * has open records (run->ring), and the address tells which of them it is.
 */
#include <string.h>
#include "helper/dynptr.h"
#include "helper/helper_ids.h"
#include "map/ringbuf.h"
#include "util/err.h"

#define INT .ret = RET_INTEGER
#define RB  .maps = T(RINGBUF)

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define WAKE_FLAGS  (BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP)
#define SAMPLES_MAX (128u * 1024) /* of one drain */
#define STOP        1             /* what a callback returns to end it */

/* Its place among the run's rings, or a free one; -1: as many rings as can be are in use. */
static int place_of(const struct run *run, const struct bpf_map *m)
{
	int free = -1;

	for (int i = 0; i < RUN_RINGS; i++) {
		if (run->ring[i].open && run->ring[i].m == m)
			return i;
		if (!run->ring[i].open && free < 0)
			free = i;
	}
	return free;
}

static void *reserve(struct run *run, struct bpf_map *m, u64 size)
{
	int i = place_of(run, m);
	void *payload = i < 0 ? NULL : ring_reserve(run->op, m, size);

	if (payload) {
		run->ring[i].m = m;
		run->ring[i].open++;
	}
	return payload;
}

static void commit(struct run *run, void *payload, u64 flags, bool discard)
{
	for (int i = 0; i < RUN_RINGS; i++)
		if (run->ring[i].open && ring_has(run->ring[i].m, payload)) {
			ring_commit(run->op, run->ring[i].m, payload, flags, discard);
			run->ring[i].open--;
			return;
		}
}

HELPER(ringbuf_output)
{
	if (r4 & ~(u64)WAKE_FLAGS)
		return (u64)-EINVAL;
	return (u64)(s64)ring_output(run->op, u64_to_ptr(r1), u64_to_ptr(r2), r3, r4);
}

HELPER(ringbuf_reserve)
{
	return r3 ? 0 : ptr_to_u64(reserve(run, u64_to_ptr(r1), r2));
}

HELPER(ringbuf_submit)
{
	commit(run, u64_to_ptr(r1), r2, false);
	return 0;
}

HELPER(ringbuf_discard)
{
	commit(run, u64_to_ptr(r1), r2, true);
	return 0;
}

HELPER(ringbuf_query)
{
	return ring_query(u64_to_ptr(r1), r2);
}

/* Where there is no room, or the size is none, the program has a dynptr without memory, which it must end,
 * too. */
HELPER(ringbuf_reserve_dynptr)
{
	struct dynptr *d = u64_to_ptr(r4);
	u32 size = (u32)r2;
	int err = r3 ? -EINVAL : size > DYNPTR_SIZE_MAX ? -E2BIG : 0;

	*d = (struct dynptr){ .data = NULL };
	if (err)
		return (u64)(s64)err;
	d->data = reserve(run, u64_to_ptr(r1), size);
	if (!d->data)
		return (u64)-EINVAL;
	d->size = size;
	return 0;
}

static u64 end_dynptr(struct run *run, struct dynptr *d, u64 flags, bool discard)
{
	if (d->data)
		commit(run, d->data, flags, discard);
	*d = (struct dynptr){ .data = NULL };
	return 0;
}

HELPER(ringbuf_submit_dynptr)
{
	return end_dynptr(run, u64_to_ptr(r1), r2, false);
}

HELPER(ringbuf_discard_dynptr)
{
	return end_dynptr(run, u64_to_ptr(r1), r2, true);
}

PROTO(ringbuf_output, .func = ringbuf_output, INT, ARGS(MAP, IN, SIZE0, ANY), RB);
PROTO(ringbuf_reserve, .func = ringbuf_reserve, .ret = RET_ALLOC_MEM | RET_F_NULL,
      ARGS(MAP, ARG_ALLOC_SIZE, ANY), RB);
PROTO(ringbuf_submit, .func = ringbuf_submit, .ret = RET_VOID, .special = HELPER_RINGBUF_COMMIT,
      ARGS(ARG_ALLOC_MEM | ARG_F_RELEASE, ANY));
PROTO(ringbuf_discard, .func = ringbuf_discard, .ret = RET_VOID, .special = HELPER_RINGBUF_COMMIT,
      ARGS(ARG_ALLOC_MEM | ARG_F_RELEASE, ANY));
PROTO(ringbuf_query, .func = ringbuf_query, INT, ARGS(MAP, ANY), RB);
PROTO(ringbuf_reserve_dynptr, .func = ringbuf_reserve_dynptr, INT,
      ARGS(MAP, ANY, ANY, ARG_DYNPTR | ARG_F_UNINIT), RB, .arg_size = { 0, 0, 0, DYNPTR_RINGBUF });
PROTO(ringbuf_submit_dynptr, .func = ringbuf_submit_dynptr, .ret = RET_VOID,
      ARGS(ARG_DYNPTR | ARG_F_RELEASE, ANY), .arg_size = { DYNPTR_RINGBUF });
PROTO(ringbuf_discard_dynptr, .func = ringbuf_discard_dynptr, .ret = RET_VOID,
      ARGS(ARG_DYNPTR | ARG_F_RELEASE, ANY), .arg_size = { DYNPTR_RINGBUF });

/* ---- samples from clients ---- */

/* How many samples the callback got, or what stood there instead of one. *moved: room was made for others. */
static s64 drain(struct run *run, struct bpf_map *m, u32 callback, u64 ctx, bool *moved)
{
	struct ring_sample s;
	s64 taken = 0;

	*moved = false;
	for (u32 n = 0; n < SAMPLES_MAX; n++) {
		int err = user_ring_peek(m, &s);
		struct dynptr d;
		u64 ret;

		*moved |= !err || err == -EAGAIN;
		if (err == -EAGAIN)
			continue;
		if (err)
			return err == -ENODATA ? taken : err;
		d = (struct dynptr){ .data = s.data, .size = s.size };
		ret = run->ops->callback(run, callback, ptr_to_u64(&d), ctx, 0, 0, 0);
		user_ring_release(m, &s);
		taken++;
		if (ret == STOP)
			break;
	}
	return taken;
}

HELPER(user_ringbuf_drain)
{
	struct bpf_map *m = u64_to_ptr(r1);
	bool moved;
	s64 ret;

	if (r4 & ~(u64)WAKE_FLAGS)
		return (u64)-EINVAL;
	ret = user_ring_begin(run->op, m);
	if (ret)
		return (u64)ret;
	ret = drain(run, m, (u32)r2, r3, &moved);
	user_ring_end(run->op, m);
	if (r4 & BPF_RB_FORCE_WAKEUP || (moved && !(r4 & BPF_RB_NO_WAKEUP)))
		ring_wake(m);
	return (u64)ret;
}

PROTO(user_ringbuf_drain, .func = user_ringbuf_drain, INT, .special = HELPER_USER_RINGBUF_DRAIN,
      ARGS(MAP, FUNC, STACK, ANY), .maps = T(USER_RINGBUF));
