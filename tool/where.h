// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which store a command works on.
 *
 *     --store DIR          that one
 *     inside a run         the run's
 *     else                 the user's own: /dev/shm/pinfs-UID, kept while the machine is up
 */
#ifndef PINFS_TOOL_WHERE_H
#define PINFS_TOOL_WHERE_H

#include <stddef.h>
#include "tool/cmd.h"

extern const char *where_store; /* --store */

/*
 * Path of the user's own store. 0; -EPERM: somebody else has taken that name
 * (the directory is world-writable, so it has to be looked at).
 */
int where_own_store(char *path, size_t size);

/* Is this process in a run? */
bool where_in_a_run(void);

/* Opens the store (STORE_CREATE in flags: makes it). 0, or the error, already printed. */
int where_open(unsigned flags);

#endif
