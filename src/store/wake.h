// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waking who waits for an object: one FIFO an object, STORE/wake/DIR.ID.
 *
 * An object that clients poll (a ring buffer, a perf event) is a file, and a file cannot be
 * polled. So its wake-ups go through a FIFO that any process can open: the
 * producer puts a byte into it, and who waits has it in an epoll instance with
 * EPOLLET, where each byte is one event, whether or not somebody reads it.
 *
 * What is in the FIFO means nothing; whether the object is ready is told by its
 * own words in shared memory. Two rules, so that nobody can take an event from
 * another who waits:
 *
 *   - It is never empty: who opens it puts a byte in if there is none. So
 *     EPOLL_CTL_ADD and MOD give one event at once, which sends the one who
 *     waits to look at the object's words, and an event that was given stays one.
 *   - Nobody reads it, but a sender who finds it full (64 KiB of wake-ups), and
 *     he takes out a part only.
 *
 * Descriptions are O_RDWR and O_NONBLOCK: nobody waits for an opener, and
 * there is no SIGPIPE.
 *
 * The FIFO is made by who first opens it and goes with the object, which has
 * OBJ_F_WAKE for that. What a killed reaper leaves is taken by wake_gc.
 */
#ifndef PINFS_STORE_WAKE_H
#define PINFS_STORE_WAKE_H

#include "store/object.h"

/*
 * A description of the object's FIFO, O_CLOEXEC, low number: a long-lived one
 * is to be moved by own_fd_take. -ENOENT (the object is gone),
 * -EACCES, -EMFILE, -EIO (another kind of file stands there), -ENOSPC.
 * Async-signal-safe, as all here.
 */
int wake_open(enum obj_type type, u32 id);

/*
 * Has anybody ever opened the object's FIFO? No: nobody waits, and none needs
 * to be woken. A hint that errs on the safe side; no system call. Who waits opens
 * first, then looks whether the object is ready; who wakes makes it ready, then asks.
 */
bool wake_wanted(enum obj_type type, u32 id);

/*
 * Some who wait have an event without looking at the object's words through the
 * library (clients without it), or may not write there. A store's memory of it is one for
 * many objects, and lasts; set before the FIFO is opened. To those each wake-up has to be sent;
 * for the others an object may keep account of who has looked since the last.
 */
void wake_set_blind(enum obj_type type, u32 id);
bool wake_blind(enum obj_type type, u32 id);

/* Wakes all who wait. Never blocks; a fault of the FIFO is nobody's. One system call. */
void wake_send(int fd);

/* The object is gone, its name already. */
void wake_drop(enum obj_type type, u32 id);

/* Calls fn for each object that has a FIFO, or has had one when it was there: the sum of what it answers. */
u32 wake_each(u32 (*fn)(enum obj_type type, u32 id));

/* Takes the FIFOs of objects that are gone; how many. */
u32 wake_gc(void);

#endif
