// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets of clients that cannot carry the library.
 */
#ifndef PINFS_NOTIFY_SOCKETS_H
#define PINFS_NOTIFY_SOCKETS_H

#include "frontend/notify/notify.h"

/* Once; an fd that is readable when sockets_reap has something to do. -1: there is none. */
int sockets_open(void);

/* Lets go of what ended processes have held. */
void sockets_reap(void);

/* setsockopt(2) of one of the options that the filter lets through to here. */
long sockets_setsockopt(struct target *t, const u64 args[6]);

/* getsockopt(2) of SO_GET_FILTER. */
long sockets_get_filter(struct target *t, const u64 args[6]);

#endif
