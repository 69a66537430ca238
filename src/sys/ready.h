// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readiness: what poll(2) says of an object's descriptor, and how a change is heard of.
 *
 * One row an object type. What is ready is told by the object's own words;
 * that they may have changed, by its FIFO (store/wake.h). Who waits does it
 * in this order, so that nothing is lost:
 *
 *     register the FIFO, EPOLLET      ready_fd
 *     look at the words               sys_poll_events
 *     sleep
 *     an event: look again            one event may stand for many, or for none
 */
#ifndef PINFS_SYS_READY_H
#define PINFS_SYS_READY_H

#include "sys/handle.h"

#define READY_FILE (-EPERM) /* as a file without poll: always ready to poll(2), EPERM to epoll */

/*
 * EPOLL* bits of now, or READY_FILE. A damaged object: EPOLLERR. Runs an
 * operation of its own; async-signal-safe. What is told once only (a wake-up of
 * a perf event) is told to who asks first.
 */
int sys_poll_events(struct handle *h);

/* Is there a poll at all? False: READY_FILE. Tells nothing, so nothing is told to nobody. */
bool ready_polls(const struct handle *h);

/* All bits that sys_poll_events may ever say of it: EPOLLERR, always, if there are no others. READY_FILE. */
int ready_bits(struct handle *h);

/* Once told, does it say so again as long as nothing is taken? Else it is told once a wake-up. */
bool ready_stays(const struct handle *h);

/*
 * A description for epoll, to be registered with READY_HEAR: one event at once
 * and one whenever sys_poll_events may have changed. O_CLOEXEC, low number.
 * looks: who has it asks sys_poll_events after each event and before each sleep
 * (or ready_stays is false): such need not be told twice.
 * READY_FILE, -EMFILE, -ENOMEM; -EACCES: this process may not open the FIFO.
 */
int ready_fd(struct handle *h, bool looks);

/* What it is registered for, and, without the flag, what its events say. */
#define READY_HEARD (EPOLLIN | EPOLLRDNORM)
#define READY_HEAR  (READY_HEARD | EPOLLET)

#endif
