// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who has a store's objects open: /proc/PID/fd, kcmp(2) and /proc/locks.
 */
#ifndef PINFS_TOOL_HOLDERS_H
#define PINFS_TOOL_HOLDERS_H

#include "tool/objects.h"

struct object_list {
	struct object *o; /* sorted by inode while it is filled */
	u32 n;
};

/* The object with that inode, or NULL. */
struct object *object_of_ino(const struct object_list *l, u64 ino);

/* Array with room for element n: doubled as it fills. */
void *list_grow(void *array, u32 n, size_t size);

/* Fills holders, locks, fds and in_flight of each. */
void holders_load(struct object_list *l);

#endif
