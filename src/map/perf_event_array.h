// SPDX-License-Identifier: BSD-2-Clause
/*
 * PERF_EVENT_ARRAY: what others must know of its slots.
 */
#ifndef PINFS_MAP_PERF_EVENT_ARRAY_H
#define PINFS_MAP_PERF_EVENT_ARRAY_H

#include "map/map.h"
#include "map/ref_slots.h"

/* The value of an update: the event (REF_FOREIGN: not of this store), and a descriptor of the map's
 * description that it is put in through, -1: not to be had, then it stays. */
struct perf_value {
	u32 id;
	int desc;
};

/* The event in slot i: its id, REF_FOREIGN, or 0: none. */
u32 perf_event_array_get(const struct bpf_map *m, u32 i);

/* Drops the entries of closed descriptions: see map_ops. */
bool perf_event_array_closed(struct bpf_map *m, int fd, bool writable);

#endif
