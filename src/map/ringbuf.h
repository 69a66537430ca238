// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ring buffers for those who run programs, and for those who wait: records from
 * programs to clients (RINGBUF), and samples from clients to programs (USER_RINGBUF).
 *
 * None of these waits for anybody. Each works on a map of its own type that
 * map_open has taken; `op` is the operation of the run.
 */
#ifndef PINFS_MAP_RINGBUF_H
#define PINFS_MAP_RINGBUF_H

#include "map/map.h"

/* ---- RINGBUF: the program produces ---- */

/*
 * A record of size bytes: where its payload goes, size bytes at least, or NULL
 * when there is no room. It is BUSY to the consumer until it is committed, and
 * counted in op->owns: an operation that is left without that has it discarded.
 */
void *ring_reserve(struct op *op, struct bpf_map *m, u64 size);

/* Ends a record of ring_reserve: to be read, or to be skipped. flags: BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP.
 */
void ring_commit(struct op *op, struct bpf_map *m, void *payload, u64 flags, bool discard);

/* Reserve, copy and submit in one. -EAGAIN: no room. data may be memory of a map, whose faults are the run's.
 */
int ring_output(struct op *op, struct bpf_map *m, const void *data, u64 size, u64 flags);

/* Is it the payload of a record of this map, as far as its address tells? */
bool ring_has(const struct bpf_map *m, const void *payload);

/* What bpf_ringbuf_query answers; 0 for a question it does not know. */
u64 ring_query(const struct bpf_map *m, u64 what);

/*
 * Records of dead producers that stand in the way of the consumer or of others
 * are discarded, and who waits for the ring is woken then. For who finds it
 * stuck: a full ring, a consumer that waits, gc. Costs a system call if the oldest record is busy.
 * How many were discarded.
 */
u32 ring_rescue(struct op *op, struct bpf_map *m);

/* ---- USER_RINGBUF: the program consumes ---- */

struct ring_sample {
	void *data; /* shared with the client, who may change it */
	u32 size;
	u32 total; /* bytes of the ring that it takes */
};

/* The samples are this operation's until user_ring_end: 0, or -EBUSY while they are another's. */
int user_ring_begin(struct op *op, struct bpf_map *m);

/*
 * The next sample. -ENODATA: none, or one that is still being written;
 * -EAGAIN: one that the client has discarded, which is skipped now; -EINVAL,
 * -E2BIG: what stands there is none.
 */
int user_ring_peek(struct bpf_map *m, struct ring_sample *s);
void user_ring_release(struct bpf_map *m, const struct ring_sample *s);
void user_ring_end(struct op *op, struct bpf_map *m);

/* Wakes who waits for the map (store/wake.h). No system call if nobody ever has: false. */
bool ring_wake(struct bpf_map *m);

#endif
