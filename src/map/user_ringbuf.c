// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_USER_RINGBUF: samples that clients write and programs drain.
 *
 * The layout is that of ringbuf_int.h, with the roles changed: a client moves
 * producer_pos and writes data, all of which is hostile; here consumer_pos is
 * moved. One run drains at a time: it writes its actor into ctl->drainer. What a dead
 * one has left there is taken over, and nothing else is needed: a sample is
 * released by one store.
 *
 * A sample begins behind its header under the mask, as clients that write it
 * reckon: with a header in the last 8 bytes it is at the start of the data.
 */
#include <sys/epoll.h>
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/ringbuf_int.h"

#define DYNPTR_MAX 0xffffffu /* bytes that a dynptr can have */

static int layout(const struct map_attr *a, struct map_layout *l)
{
	int err = ring_layout(a, l);

	l->reserve = l->data_size;
	return err;
}

static int init(struct bpf_map *m, const struct map_attr *a)
{
	return ring_open(m);
}

/* Of a producer only the consumer's page is not to be written. */
static int mmap_check(const struct bpf_map *m, bool write, u64 off, size_t len)
{
	return write && !off ? -EPERM : 0;
}

int user_ring_begin(struct op *op, struct bpf_map *m)
{
	struct ring_ctl *ctl = ring_of(m)->ctl;
	u32 me = op->actor->id;
	u64 was = 0;

	if (!m->view.writable || !me)
		return -EBUSY;
	op->owns++;
	barrier();
	if (atomic_compare_exchange_strong(&ctl->drainer, &was, me))
		return 0;
	if (was != me && !actor_alive((u32)was) && atomic_compare_exchange_strong(&ctl->drainer, &was, me))
		return 0;
	barrier();
	op->owns--;
	return -EBUSY;
}

void user_ring_end(struct op *op, struct bpf_map *m)
{
	u64 me = op->actor->id;

	atomic_compare_exchange_strong(&ring_of(m)->ctl->drainer, &me, 0);
	barrier();
	op->owns--;
}

static void consume(const struct ring *r, u64 cons, u64 total)
{
	atomic_store_explicit(r->cons, cons + total, memory_order_release);
}

int user_ring_peek(struct bpf_map *m, struct ring_sample *s)
{
	const struct ring *r = ring_of(m);
	u64 prod = atomic_load_explicit(r->prod, memory_order_acquire), cons, total;
	u32 hdr, len;

	if (prod % 8)
		return -EINVAL;
	cons = atomic_load_explicit(r->cons, memory_order_acquire);
	if (cons >= prod)
		return -ENODATA;
	hdr = __atomic_load_n((u32 *)(r->data + (cons & r->mask & ~7ull)), __ATOMIC_ACQUIRE);
	len = hdr & RING_LEN;
	total = ring_total(hdr);
	if (total > prod - cons)
		return -EINVAL;
	if (total > r->mask + 1 || len > DYNPTR_MAX)
		return -E2BIG;
	if (hdr & BPF_RINGBUF_DISCARD_BIT) {
		consume(r, cons, total);
		return -EAGAIN;
	}
	if (hdr & BPF_RINGBUF_BUSY_BIT)
		return -ENODATA;
	*s = (struct ring_sample){ r->data + ((cons + RING_HDR) & r->mask & ~7ull), len, (u32)total };
	return 0;
}

void user_ring_release(struct bpf_map *m, const struct ring_sample *s)
{
	const struct ring *r = ring_of(m);

	consume(r, atomic_load_explicit(r->cons, memory_order_relaxed), s->total);
}

/* Is there space? */
static u32 poll_space(struct op *op, struct bpf_map *m)
{
	const struct ring *r = ring_of(m);
	u64 cons = atomic_load_explicit(r->cons, memory_order_acquire);

	return atomic_load_explicit(r->prod, memory_order_acquire) - cons <= r->mask ? EPOLLOUT | EPOLLWRNORM
										     : 0;
}

const struct map_ops user_ringbuf_ops = {
	.name = "user_ringbuf",
	.alloc_check = ring_alloc_check,
	.layout = layout,
	.init = init,
	.open = ring_open,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = map_no_update_ENOTSUPP,
	.delete = map_no_delete_ENOTSUPP,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_ENOTSUPP,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.mmap_size = ring_mmap_size,
	.mmap_check = mmap_check,
	.poll = poll_space,
	.poll_bits = EPOLLOUT | EPOLLWRNORM,
	.close = ring_close,
	.memlock = ring_memlock,
};
