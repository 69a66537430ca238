// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instances: the directories STORE/fs/N, each one bpffs.
 *
 * Instance 1 is made with the store and stays. The numbers of the others are
 * never used again. An instance that is to go is renamed first, so that nobody
 * can reach it by its number while its pins are dropped one by one; instance_gc ends what a killed remover
 * began.
 */
#ifndef PINFS_STORE_INSTANCE_H
#define PINFS_STORE_INSTANCE_H

#include "util/types.h"

/* What the two files of a fresh instance's root hold; what they show is made by sys/fs_debug.c. */
#define INSTANCE_DEBUG_MAPS  "pinfs: maps\n"
#define INSTANCE_DEBUG_PROGS "pinfs: progs\n"

#define INSTANCE_MAIN 1u /* the one at /sys/fs/bpf */

/* maps.debug and progs.debug into the instance's directory, below that of the store, as far as there is room.
 */
void instance_debug_files(int storefd, const char *dir);
/* Is it the name of one of them? */
bool instance_debug_name(const char *name);

/* Makes an empty one, its root of that mode (sticky bit added). */
int instance_new(u32 mode, u32 *n);

/* Drops all pins of the instance, and the objects that only they held. -ENOENT. */
int instance_remove(u32 n);

/* Ends removals that were cut short; how many. */
u32 instance_gc(void);

/* Calls each(arg, N, path) for every path that is an instance for later runs ("mounts/N"). Stops at a value
 * that is not 0 and returns it. */
int instance_each_mount(int (*each)(void *arg, u32 n, const char *path), void *arg);

#endif
