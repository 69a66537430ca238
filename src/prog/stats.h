// SPDX-License-Identifier: BSD-2-Clause
/*
 * Are runs to be counted? As long as somebody holds an fd of ENABLE_STATS.
 *
 * That fd is a description of STORE/bpf-stats with a shared lock, which goes
 * with its last copy. A word in the store tells that there may be one, so that
 * a run need not ask where nobody ever did; who finds the lock free under an exclusive one
 * clears the word while he holds it.
 */
#ifndef PINFS_PROG_STATS_H
#define PINFS_PROG_STATS_H

#include "util/types.h"

#define STATS_FILE "bpf-stats"

/* A description that keeps counting on, or an errno. */
int stats_open(void);

bool stats_wanted(void);

#endif
