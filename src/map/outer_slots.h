// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arrays whose elements stand for something outside of the store: interfaces, CPUs, sockets, cgroups.
 *
 *     data: one pair a slot (shm/tagged.h), 0 and 0 when empty
 *
 *     with programs   lo = number:32 | program's id:32     hi = program's id:32 | what it is:32
 *     sockets         lo = version:13 | kind:3 | netns:16 | inode:32     hi = cookie
 *     others          lo = number:32 | 0                   hi = identity
 *
 * number comes from a counter of the map and is used once, so that the word lo
 * of a slot that has changed never comes back; it names the reference on the
 * program (store/ref.h), as in ref_slots.h, whose rules hold here as well:
 *
 *     set:    take a number, ref_set, swap the pair in, ref_clear what was there
 *     clear:  swap zeros in, ref_clear what was there
 *
 * hi repeats the program's id because programs read the value there, as ifindex
 * and id, in place. Nothing is held of what is outside: sock_live.h says of a
 * socket whether it is still there, and a slot whose socket is gone is empty.
 */
#ifndef PINFS_MAP_OUTER_SLOTS_H
#define PINFS_MAP_OUTER_SLOTS_H

#include "map/map.h"
#include "shm/tagged.h"

/* Rows for struct map_ops: a u32 key and values of 4 or 8 bytes. */
int outer_alloc_check(struct map_attr *a);
int outer_layout(const struct map_attr *a, struct map_layout *l);
int outer_init(struct bpf_map *m, const struct map_attr *a);
int outer_open(struct bpf_map *m);
void outer_each_ref(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
		    void *arg);

static inline struct pair *outer_at(const struct bpf_map *m, u32 i)
{
	return (struct pair *)m->data + i;
}

/* What is in slot i, which must be below max_entries. */
struct pair outer_load(const struct bpf_map *m, u32 i);

/* Puts t into slot i, whatever was there, with a reference on its program. 0, -EBADF (it is gone), -ENOSPC.
 */
int outer_set(struct op *op, struct bpf_map *m, u32 i, const struct map_thing *t);

/* Empties slot i: 1 if there was something. */
int outer_clear(struct op *op, struct bpf_map *m, u32 i);

/* The two words that stand for a socket; number makes them differ from earlier ones. */
struct pair outer_sock_pair(const struct map_thing *t, u32 number);

/* From slot i as it was read to that socket, or to nothing (t NULL). False: it has changed meanwhile. */
bool outer_sock_swap(struct bpf_map *m, u32 i, struct pair was, const struct map_thing *t);
/* Empties slot i: was there a socket that still is? */
bool outer_sock_clear(struct bpf_map *m, u32 i);

/* Is there a socket, and does it still exist? */
bool outer_sock_there(struct pair p);

/* The number of a set that is to come: never 0, not used before until it wraps. */
u32 outer_number(struct bpf_map *m);

#endif
