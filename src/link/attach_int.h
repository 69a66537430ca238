// SPDX-License-Identifier: BSD-2-Clause
/*
 * Inside of attach points: one object file a point, with room for many lists.
 *
 *     attach/7          the file; it is never given to clients
 *     attach/k.46.2.ab  another name of it: hook, ifindex, target. Who makes this name first has made the
 * point
 *
 *     +---------------+ 0
 *     | header 512    |  key, head, counter of holds
 *     +---------------+ 512
 *     | owner[SLOTS]  |  who writes that slot now, 0: nobody
 *     +---------------+ PAGE
 *     | slot 0        |  struct attach_list
 *     | slot 1 ...    |  sparse
 *     +---------------+
 *
 *     head = revision << 8 | slot that is valid
 *
 * A change claims a slot that is not the head's (owner: actor and level, taken from the dead), writes the new
 * list there, and publishes it by one compare-and-swap of head; then it gives its claim back, and the old
 * slot is free by itself. Nobody writes the head's slot: who has claimed one looks at head once more. A
 * reader copies the head's slot and looks whether head is the same: the revision in it never comes back.
 *
 * A point where nothing stands is removed by gc: it makes head ATTACH_CLOSED, with its actor's id, by the
 * same swap, and then takes the names away. Only that actor may do that, or who has put himself in the place
 * of a dead one; so nobody takes a newer point's name away. Who meets a closed point looks for the new one,
 * and waits a little if there is none yet.
 *
 * Killed before the swap: a claim of the dead, and maybe a reference that no list names (gc). Killed after
 * it: a claim of the dead, and references of entries that went (gc).
 *
 * An entry whose link is gone or detached counts as not there, and one that names another program than its
 * link does counts as if it named the link's. Whoever reads such a list publishes the right one.
 *
 *   attach.c        the list: reading, changing, putting right
 *   attach_point.c  the file: finding, making, removing
 */
#ifndef PINFS_LINK_ATTACH_INT_H
#define PINFS_LINK_ATTACH_INT_H

#include <stdatomic.h>
#include "link/attach.h"
#include "shm/actor.h"

#define ATTACH_SLOTS  128u
#define ATTACH_CLOSED 255u /* in place of a slot; above it the actor that removes the point */
#define ATTACH_BACKED 2u   /* slots with memory from the start */
#define ATTACH_TRIES  1000

struct attach_hdr {
	struct obj_hdr o;
	struct attach_key key;
	_Atomic u64 head;
	_Atomic u64 next_hold;
};
_Static_assert(sizeof(struct attach_hdr) <= OBJ_HDR_SIZE, "header of an attach point fits");

struct attach_page {
	union {
		struct attach_hdr h;
		u8 room[OBJ_HDR_SIZE];
	};
	_Atomic u64 owner[ATTACH_SLOTS];
};
_Static_assert(sizeof(struct attach_page) <= PAGE, "what is mapped is a page");

#define ATTACH_SLOT_SIZE ROUND_UP(sizeof(struct attach_list), 64)
#define ATTACH_DATA_SIZE (PAGE - OBJ_HDR_SIZE + ATTACH_SLOTS * ATTACH_SLOT_SIZE)

struct attach_point {
	void *slab_link;
	struct attach_key key;
	struct attach_page *page;
	u64 ino;
	u32 id;
	int fd; /* of who drives it, with the lock; else -1 */
	bool writable;
};

static inline off_t attach_slot_at(u32 slot)
{
	return (off_t)(PAGE + slot * ATTACH_SLOT_SIZE);
}

static inline struct attach_list *attach_slot(const struct attach_point *p, u32 slot)
{
	return (struct attach_list *)((u8 *)p->page + attach_slot_at(slot));
}

static inline bool attach_is_closed(const struct attach_point *p)
{
	return (atomic_load(&p->page->h.head) & 255) == ATTACH_CLOSED;
}

/* As attach_find, in the operation of the caller, whose guard is set: a fault of the page leaves it. */
struct attach_point *attach_point_find(const struct attach_key *k);

/* Makes the file and gives it the key's name; 0 also when somebody else was first. */
int attach_point_make(const struct attach_key *k);

/* The point was removed: *p becomes the one that has its place now, made if need be. */
int attach_point_renew(struct attach_point *p);

/* The list as it stands there, and the head that it was read under. -EOWNERDEAD: the point is closed. */
int attach_read(struct attach_point *p, struct attach_list *l, u64 *head);

#endif
