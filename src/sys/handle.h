// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handles: what a process keeps of an object that it works with.
 *
 * One handle per process and object, counted by the front end's fd table and
 * by running calls. It holds no description and no lock, so it keeps no object
 * alive: the mapping inside is made on the first element operation, through a
 * description of its own that is closed again.
 *
 * A handle whose count fell to zero is unmapped when no thread is in an
 * operation on it (op_in_use); until then it waits in a list.
 */
#ifndef PINFS_SYS_HANDLE_H
#define PINFS_SYS_HANDLE_H

#include "map/map.h"
#include "store/object.h"

struct handle {
	_Atomic u32 refs;
	enum obj_type type;
	u32 id;
	u64 ino;
	_Atomic u32 opened; /* 1: view (and map, for a map) are valid */
	struct obj_view view;
	struct bpf_map map;
	struct handle *next;
};

/* The handle of an object of the store; made if new. -ENOMEM as ERR_PTR. */
struct handle *handle_get(enum obj_type type, u32 id, u64 ino);
void handle_ref(struct handle *h);
void handle_put(struct handle *h);

/* Maps the object if that has not been done. -EIO: damaged; -EACCES; -ENOENT; -ENOMEM. */
int handle_open(struct handle *h);

/* By inode, if the process has it: a new reference or NULL (notify's fd lookup). */
struct handle *handle_by_ino(u64 ino);

/* Drops mappings of objects that are gone (for a long-lived process that caches handles). */
void handle_forget(enum obj_type type, u32 id);

#endif
