// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_RINGBUF, and what it has in common with USER_RINGBUF: see ringbuf_int.h.
 *
 * An element operation has nothing to work on; the ring's own are in
 * ringbuf_reserve.c. Zeroed data is an empty ring.
 */
#include <sys/epoll.h>
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/ringbuf_int.h"
#include "store/own_fd.h"
#include "store/store.h"
#include "store/wake.h"
#include "util/raw.h"

#define META (2 * PAGE) /* before the data */

int ring_alloc_check(struct map_attr *a)
{
	u32 n = a->max_entries;

	return a->key_size || a->value_size || !n || n & (n - 1) || n % PAGE ? -EINVAL : 0;
}

/* Enough that only a crowd of stopped producers could run out of them; each record is 8 bytes at least. */
static u32 slots_of(u32 size)
{
	return MIN(MAX(size / 64, SLOTS_MIN), SLOTS_MAX);
}

static size_t ctl_size(u32 size)
{
	return ROUND_UP(sizeof(struct ring_ctl) + (size_t)slots_of(size) * sizeof(struct pair), PAGE);
}

int ring_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = META + 2 * (size_t)a->max_entries + ctl_size(a->max_entries);
	l->reserve = META + (size_t)a->max_entries + PAGE;
	l->header_last = true;
	return 0;
}

int ring_open(struct bpf_map *m)
{
	struct ring *r = ring_of(m);
	u32 size = m->max_entries;

	*r = (struct ring){
		.cons = (_Atomic u64 *)m->data,
		.prod = (_Atomic u64 *)(m->data + PAGE),
		.data = m->data + META,
		.ctl = (struct ring_ctl *)(m->data + META + 2 * (size_t)size),
		.mask = size - 1,
		.slots = slots_of(size) - 1,
		.backed = PAGE,
	};
	return 0;
}

int ring_init(struct bpf_map *m, const struct map_attr *a)
{
	ring_open(m);
	return map_back(m, ring_of(m)->ctl, (u8 *)ring_of(m)->ctl + ctl_size(m->max_entries));
}

size_t ring_mmap_size(const struct bpf_map *m)
{
	return META + 2 * (size_t)m->max_entries;
}

/* The kernel's: a struct, three pages of its own and one address for each page that it maps. */
u64 ring_memlock(const struct map_attr *a)
{
	return 304 + 3 * (u64)PAGE + a->max_entries + 8 * (3 + 2 * (u64)(a->max_entries / PAGE));
}

/* Of a consumer only its own position is to be written, by a mapping of that page alone. */
static int mmap_check(const struct bpf_map *m, bool write, u64 off, size_t len)
{
	return write && (off || len != PAGE) ? -EPERM : 0;
}

/* ---- wake-ups ---- */

/*
 * The number is in a stranger's fd table, who may have closed it, or put
 * something else there, by a call that the library does not see: then it is forgotten, not closed.
 */
static int kept_fd(struct ring *r)
{
	int fd = atomic_load_explicit(&r->wake_fd, memory_order_acquire) - 1;
	struct stat st;

	if (fd < 0)
		return -EBADF;
	if (!raw_fstat(fd, &st) && S_ISFIFO(st.st_mode) && st.st_dev == the_store.dev &&
	    st.st_ino == atomic_load_explicit(&r->wake_ino, memory_order_relaxed))
		return fd;
	own_fd_forget(fd);
	return -EBADF;
}

static int wake_fd(struct bpf_map *m)
{
	struct ring *r = ring_of(m);
	s32 was = atomic_load(&r->wake_fd);
	struct stat st;
	int fd = kept_fd(r);

	if (fd >= 0)
		return fd;
	fd = own_fd_take(wake_open(OBJ_MAP, m->id));
	if (fd < 0)
		return fd;
	if (raw_fstat(fd, &st)) {
		own_fd_close(fd);
		return -EBADF;
	}
	atomic_store(&r->wake_ino, st.st_ino);
	if (!atomic_compare_exchange_strong(&r->wake_fd, &was, fd + 1)) {
		own_fd_close(fd); /* another thread, or a handler in this one, was first */
		return kept_fd(r);
	}
	return fd;
}

bool ring_wake(struct bpf_map *m)
{
	int fd;

	if (!wake_wanted(OBJ_MAP, m->id))
		return false;
	fd = wake_fd(m);
	if (fd >= 0)
		wake_send(fd);
	return fd >= 0;
}

void ring_close(struct bpf_map *m)
{
	int fd = kept_fd(ring_of(m));

	if (fd >= 0)
		own_fd_close(fd);
}

/* ---- readiness ---- */

/* Before somebody goes to sleep, what a dead producer holds back is freed. */
static u32 ring_poll(struct op *op, struct bpf_map *m)
{
	const struct ring *r = ring_of(m);
	u64 cons;

	/* A full fence: either we see a record, or its producer sees that we look. */
	if (m->view.writable)
		atomic_fetch_add(&r->ctl->looks, 1);
	cons = atomic_load_explicit(r->cons, memory_order_acquire);
	if (cons >= atomic_load_explicit(r->prod, memory_order_acquire) ||
	    __atomic_load_n((u32 *)(r->data + (cons & r->mask & ~7ull)), __ATOMIC_ACQUIRE) &
		    BPF_RINGBUF_BUSY_BIT)
		ring_rescue(op, m);
	return cons < atomic_load_explicit(r->prod, memory_order_acquire) ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct map_ops ringbuf_ops = {
	.name = "ringbuf",
	.alloc_check = ring_alloc_check,
	.layout = ring_layout,
	.init = ring_init,
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
	.poll = ring_poll,
	.poll_bits = EPOLLIN | EPOLLRDNORM,
	.gc = ring_rescue,
	.close = ring_close,
	.memlock = ring_memlock,
};
