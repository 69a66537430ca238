// SPDX-License-Identifier: BSD-2-Clause
/*
 * Run files: made by the supervisor, removed at its end or by whoever finds them without one.
 */
#ifndef PINFS_NOTIFY_RUNS_H
#define PINFS_NOTIFY_RUNS_H

#include "sys/run.h"

/* Makes STORE/runs/PID.N, locked as long as this process lives, and maps it for writing. */
int run_create(char *path, size_t size, struct run_file **r, int *fd);

/* A thread of the run is about to make a call that may change who it is. */
void run_identity_changes(void);

/* Removes the run file and the instances that were mounted in the run and are not to stay. */
void run_remove(const char *path, struct run_file *r);

/* The same for all runs whose supervisor is gone. The store is open. Returns how many. */
int runs_clean(void);

/* Removes stores of --fresh runs ("BASE.fresh.*") that nobody works with any more. */
void fresh_clean(const char *base);

/* rm -r of name in the directory at dirfd. For a store that nobody uses any more. */
void tree_remove(int dirfd, const char *name);

#endif
