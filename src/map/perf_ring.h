// SPDX-License-Identifier: BSD-2-Clause
/*
 * A perf event for BPF output: its header, and the ring that programs fill.
 *
 * The file is laid out as a client maps it, header last. It is as large as the
 * largest ring, and sparse: how much of it is the ring is said by the first mmap.
 *
 *     0                PAGE                (1 + n) * PAGE          PERF_FILE
 *     | mmap_page      | data: n pages     | never touched         | perf_hdr |
 *
 * Records are as the kernel's: 8-byte aligned, wrapped byte by byte at the end
 * of the data. data_head and data_tail are in the client's page; the client may
 * write anything there. So what counts is in the header, data_head is only
 * ever written, and data_tail is used for nothing but the question whether there
 * is room: every position is cut to the ring when it is used.
 *
 * One producer at a time. An event belongs to a CPU, and a run is the only one
 * of its CPU's number (prog/prog_slots.h); or it belongs to a task, which runs
 * one program at a time. What can come in between is a run in a signal handler
 * of the same thread; it is inside the one it interrupts, which goes on after it:
 *
 *     owner   0, or actor:32 << 8 | level + 1 of the outermost operation that puts something in
 *     head    reserved up to here, by compare-and-swap
 *     tried   attempts ever; counted before anything else
 *     done    records complete (and losses told) ever
 *     shown   { head, done } that the client may know of; changed as one
 *
 * The outermost shows what it and those inside have put in: first `shown`, then
 * data_head. Who finds another owner than 0, and not one that it has itself
 * interrupted, has met one that was killed or jumped out of: nothing behind shown.head was
 * seen by anyone, so it begins there again, with `done` as it was. Everything tried
 * and not shown is lost, and told in the next PERF_RECORD_LOST: tried - done.
 * So no lock, nothing to wait for, and no count that a kill can make wrong.
 *
 * PERF_EVENT_IOC_SET_OUTPUT sends an event's records into the ring that another one has at that moment. Both
 * are of one CPU, or of one task, so it still has one producer. When that ring is gone (another one has been
 * made since, or none is there) the event has none.
 */
#ifndef PINFS_MAP_PERF_RING_H
#define PINFS_MAP_PERF_RING_H

#include "shm/actor.h"
#include "shm/tagged.h"
#include "store/object.h"

#define PERF_PAGES_MAX 16384u /* data pages of the largest ring: 64 MiB */
#define PERF_DATA_SIZE ((size_t)(1 + PERF_PAGES_MAX) * PAGE)

/* perf_hdr.ring: 0 before the first mmap, else data pages << 8 | flags. */
#define PERF_RING_THERE     1u
#define PERF_RING_OVERWRITE 2u /* mapped for reading only: never full */
#define PERF_RING_STAYS     4u /* who has it mapped cannot be told: it stays until the event goes */

/* perf_hdr.bits */
#define PERF_BIT_BACKWARD  1u
#define PERF_BIT_WATERMARK 2u
#define PERF_BIT_ID_ALL    4u
#define PERF_BIT_CLOCK     8u /* clockid is set */
#define PERF_BIT_INHERIT   16u
#define PERF_BIT_SAMPLES   32u /* has a period */

struct perf_hdr {
	struct obj_hdr o;
	s32 cpu, tid; /* -1: any */
	u64 sample_type, read_format;
	u32 bits, wakeup; /* wakeup: events or bytes, by PERF_BIT_WATERMARK */
	s32 clockid;
	_Atomic u32 made; /* rings so far */

	_Atomic u64 ring __attribute__((aligned(64)));
	_Atomic u64
		output; /* another event's ring that records go to: its id | its `made` << 32; 0: its own */
	_Atomic u32 on; /* enabled */
	_Atomic u32 paused;              /* PERF_EVENT_IOC_PAUSE_OUTPUT */
	_Atomic u64 on_since, on_before; /* ns: enabled since then, and how long before */

	_Atomic u64 owner __attribute__((aligned(64)));
	_Atomic u64 head, tried, done;
	struct pair shown; /* lo: head, hi: done */

	_Atomic u64 events; /* since the last wake-up by count */
	_Atomic u64 woken;  /* bytes and counts for which waiters were woken */
	_Atomic u32 due;    /* a wake-up that no poll has seen yet */
};
_Static_assert(sizeof(struct perf_hdr) <= OBJ_HDR_SIZE, "perf header fits");

/* One piece of a record's raw data. */
struct perf_piece {
	const void *at;
	u32 size;
};

/* Who puts a record in: the run's CPU and thread. */
struct perf_from {
	struct op *op;
	u32 cpu;
	s32 pid, tid;
};

/*
 * Makes the ring of `pages` data pages (0 or a power of two, at most
 * PERF_PAGES_MAX) in an event that has none, with memory behind it. flags: PERF_RING_OVERWRITE, _STAYS.
 * unmapped: nobody has it mapped, so that it begins anew if there was one. -EINVAL: it has one of another
 * size; -ENOMEM; -EACCES.
 */
int perf_ring_make(const struct obj_view *v, u32 pages, u32 flags, bool unmapped);

/* Where the event's records go, if it is not its own ring: the id of the event that has it; 0: its own. */
u32 perf_output_id(const struct perf_hdr *h);
/* Has that event still the ring that h's records go to? */
bool perf_output_stands(const struct perf_hdr *h, const struct perf_hdr *to);

/*
 * Puts one record in. v: the mapped event. to: the one whose ring it is, v or what perf_output_id names;
 * NULL: there is none. *wake: those who wait are to be woken, whatever the result (as it was if not). 0;
 * -EOPNOTSUPP: not enabled, or not of that CPU or thread; -ENOSPC: no ring, or no room in it; -E2BIG: longer
 * than a record can be. Async-signal-safe.
 */
int perf_output(const struct obj_view *v, const struct obj_view *to, const struct perf_from *from,
		const struct perf_piece *piece, u32 n, bool *wake);

/* How long it was enabled, in ns. */
u64 perf_enabled_time(struct perf_hdr *h);
void perf_set_enabled(struct perf_hdr *h, bool on);

/* For poll: is a wake-up due that nobody has seen? It is seen then. */
bool perf_ring_due(struct perf_hdr *h);

#endif
