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

struct prog_image;

/* The mapped side of an object: made once, whole, then never changed, but for what a program gets when it is
 * first run. */
struct opened {
	struct obj_view view;
	struct bpf_map map;               /* for maps only */
	struct prog_image *_Atomic image; /* for programs only: sys/prog_image.h; NULL until the first use */
	_Atomic s32 wake_fd;              /* plus 1: see opened_wake_fd; 0: none */
	_Atomic u64 wake_ino;
};

struct handle {
	void *slab_link; /* the free list's word: refs of a freed handle must read 0 */
	_Atomic u32 refs;
	enum obj_type type;
	u32 id;
	u64 ino;
	struct opened *_Atomic opened; /* NULL until the first use */
	struct handle *next;           /* in the list of those that wait to be unmapped */
};

/*
 * A byte of the file's OFD lock space: a description whose mapping of the map
 * is writable holds a read lock on it, and MAP_FREEZE tries a write lock (EBUSY).
 */
#define OBJ_WRITER_BYTE 1

/* The handle of an object of the store; made if new. -ENOMEM as ERR_PTR. Async-signal-safe, as all here. */
struct handle *handle_get(enum obj_type type, u32 id, u64 ino);
void handle_ref(struct handle *h);
/* For who has it by a hazard only: false when its last reference has gone. */
bool handle_try_ref(struct handle *h);
void handle_put(struct handle *h);

/* Maps the object if that has not been done. NULL-free: the opened side, or -EIO (damaged), -EACCES, -ENOENT,
 * -ENOMEM as ERR_PTR. */
struct opened *handle_open(struct handle *h);

/*
 * The object's FIFO (store/wake.h), opened once and kept with the mapping. The
 * number stands in a stranger's table: what he has put there instead is left alone. -errno as wake_open.
 */
int opened_wake_fd(struct opened *o, enum obj_type type, u32 id);

/* By inode, if the process knows it: a new reference, or NULL. */
struct handle *handle_by_ino(u64 ino);
/* Did the process know it, a moment ago? */
bool handle_known(u64 ino);

/*
 * A long-lived process (the supervisor) keeps a reference on what it has seen,
 * until handle_forget. Off by default.
 */
void handle_keep(bool on);
void handle_forget(enum obj_type type, u32 id);

#endif
