// SPDX-License-Identifier: BSD-2-Clause
/*
 * Work on a ring buffer without a store: records whose every byte follows from
 * who wrote it and its number, and a consumer that checks them.
 *
 * Any number of processes may consume: a record is copied, and counts when
 * consumer_pos is moved over it by a swap.
 */
#ifndef PINFS_TESTS_RINGWORK_H
#define PINFS_TESTS_RINGWORK_H

#include "map/ringbuf_int.h"
#include "tests/lib/maptest.h"

#define RW_MAX 512u /* bytes of a payload, 16 at least */

/* One record: 0, -EAGAIN when there is no room. */
int rw_produce(struct maptest *t, u32 who, u64 n, u32 size, bool discard);

/* What rw_consume has found. */
struct rw_record {
	u32 who, size;
	u64 n;
	bool discarded;
};

/*
 * The next record, checked (mt_fail if it is torn): 1; 0: none, or another has taken it; -EBUSY: it is being
 * written. `client`: reads round the end, not on behind it.
 */
int rw_consume(struct maptest *t, struct rw_record *rec, bool round);

/* ring_rescue in an operation. */
int rw_rescue(struct maptest *t);

/* RINGBUF with update (a record is submitted), delete (discarded) and lookup_and_delete (consumed). */
extern const struct map_ops rw_ops;

#endif
