// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ring buffers, both directions: the file, and what a process keeps of it.
 *
 *     0        consumer page   u64 consumer_pos        \
 *     P        producer page   u64 producer_pos         | as the client maps it
 *     2P       data            size bytes               |
 *     2P+size  data, again     size bytes              /
 *     2P+2size struct ring_ctl, slots                    the library's alone
 *     end      header
 *
 * Positions only grow; a record begins at `position & mask`, always in the first
 * half, and runs on in one piece, maybe into the second. So no page
 * needs to be mapped twice, and a plain mmap(2) of the file will do. What runs over is
 * copied to the start of the first half before the record is shown (ring_commit): a
 * reader that goes round instead of on finds it, too.
 *
 * Memory: RINGBUF has the first half and one page of the second from the
 * start, and backs as much more as a record runs over before that is reserved
 * (ring->backed), so that a ring costs little more than on the kernel. In a
 * USER_RINGBUF clients write, whom nobody could ask: it has all.
 *
 * A record:
 *
 *     +---------------------------+----------+-------------------------+
 *     | u32 length | BUSY DISCARD | u32 owner| payload, to a multiple  |
 *     +---------------------------+----------+ of 8                    |
 *
 * owner, where the kernel has an offset of its own, is the actor that reserved
 * it. A busy record whose owner is dead may be discarded by anybody, by one
 * compare-and-swap of the whole header, to which a living owner is no party.
 *
 * How space is given out without a lock (ringbuf_reserve.c): slots are a ring
 * of their own, a pair each:
 *
 *     lo  position
 *     hi  owner : 32 | total bytes / 8 : 28 | state : 4
 *
 *     ... | W | W | W | R | W | (old lap) ...
 *               ^           ^
 *               |           newest: the next position is its lo + total
 *               producer_pos leads here: all before it is shown to the consumer
 *
 * A producer reserves by changing the slot behind the newest, which names the
 * very next position, in one swap: from then on that part of the ring is its own,
 * and nobody else's ever, until the consumer has had it. It writes the header, makes the slot
 * WRITTEN, and then producer_pos is moved over all written slots that follow one
 * another, by anybody. Positions grow, so no slot has the same content
 * twice, and the slots need no counter to say where the newest is: it is the one
 * whose follower does not follow. A slot is used again when producer_pos has passed it.
 *
 * One that is stopped between the swap and WRITTEN keeps what follows from the
 * consumer, as a busy record in that place would, and delays no producer. If it is dead, its
 * slot is taken over (the owner in it is swapped), and the taker discards the
 * record; that is never done for one that lives, for two would write the header.
 *
 * Wake-ups are bytes in the ring's FIFO (store/wake.h), a system call each, and
 * the kernel's rule asks for one at each record that the consumer has come up to. One
 * that nobody has looked after since tells of all that follow: whoever waits
 * through the library counts itself in `looks` before it looks at the ring, so
 * after each event and before each sleep; who wakes reads `looks`, sends, and then writes it down
 * in `sent`. While sent == looks + 1 the event is still ahead of all who will sleep.
 * Those that cannot count themselves are blind, and the store knows that there are some (wake_blind).
 *
 * pend is how far no busy record is left: who reserves must not go round beyond
 * it, whatever the consumer says in consumer_pos, which is its to write.
 */
#ifndef PINFS_MAP_RINGBUF_INT_H
#define PINFS_MAP_RINGBUF_INT_H

#include <stdatomic.h>
#include "map/ringbuf.h"
#include "shm/tagged.h"

#define RING_HDR     8u /* bytes of a record's header */
#define RING_LEN     (~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT))
#define RING_LEN_MAX (UINT32_MAX / 4) /* of a record */

#define SLOTS_MIN 512u
#define SLOTS_MAX 8192u

struct ring_ctl {
	_Atomic u64 pend __attribute__((aligned(64)));
	_Atomic u32 newest __attribute__((aligned(64)));  /* hint: the index of the newest slot */
	_Atomic u64 drainer __attribute__((aligned(64))); /* USER_RINGBUF: the actor that drains, or 0 */
	_Atomic u64 looks __attribute__((aligned(64)));   /* how often somebody who waits has looked */
	_Atomic u64 sent;                                 /* `looks` + 1 before the last wake-up was sent */
	struct pair slot[] __attribute__((aligned(64)));
};

/* In m->priv. Private and checked, so that no position can lead out of the data. */
struct ring {
	_Atomic u64 *cons, *prod;
	u8 *data;
	struct ring_ctl *ctl;
	u64 mask;             /* size - 1 */
	u32 slots;            /* their number - 1, a mask */
	_Atomic u32 renewals; /* actor_renewals when we last looked for records that this process has left */
	_Atomic u32 asked;    /* the owner of a busy record that was found alive */
	_Atomic u32 met;      /* how often since */
	_Atomic u32 passed;   /* commits that did not ask where the consumer is */
	_Atomic s32 wake_fd;  /* our description of the FIFO + 1; 0: none yet */
	_Atomic u64 wake_ino;
	_Atomic u64 seen;    /* consumer_pos, when it was last needed */
	_Atomic u64 seen_in; /* and by which turn of which actor (op->turn) */
	_Atomic u64 backed;  /* bytes of the second half that have memory, as far as this process knows */
};
_Static_assert(sizeof(struct ring) <= sizeof(((struct bpf_map *)0)->priv), "fits");

static inline struct ring *ring_of(const struct bpf_map *m)
{
	return (struct ring *)&m->priv;
}

/* Shared by both types. */
int ring_alloc_check(struct map_attr *a);
int ring_layout(const struct map_attr *a, struct map_layout *l);
int ring_init(struct bpf_map *m, const struct map_attr *a);
int ring_open(struct bpf_map *m);
void ring_close(struct bpf_map *m);
size_t ring_mmap_size(const struct bpf_map *m);
u64 ring_memlock(const struct map_attr *a);

/* The length of what a record header says, in the ring. */
static inline u64 ring_total(u32 len)
{
	return ROUND_UP((u64)(len & RING_LEN) + RING_HDR, 8);
}

#endif
