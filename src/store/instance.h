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

#define INSTANCE_MAIN 1u /* the one at /sys/fs/bpf */

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
