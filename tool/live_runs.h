// SPDX-License-Identifier: BSD-2-Clause
/*
 * The mount tables of the runs that are going on in the store.
 *
 * A run lives as long as its supervisor holds the lock on its run file
 * (sys/run.h); the files of others are leftovers and not looked at.
 */
#ifndef PINFS_TOOL_LIVE_RUNS_H
#define PINFS_TOOL_LIVE_RUNS_H

#include "sys/run.h"

/* Calls each(arg, m) for every mount of every live run. Stops at a value that is not 0 and returns it. */
int live_runs_each_mount(int (*each)(void *arg, const struct run_mount *m), void *arg);

#endif
