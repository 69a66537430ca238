// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random words that cost no system call each: seeds of hash tables, not secrets.
 */
#ifndef PINFS_UTIL_RANDOM_H
#define PINFS_UTIL_RANDOM_H

#include "util/types.h"

/* Never the same twice in a process, nor, but for chance, in two. Async-signal-safe. */
u64 random_u64(void);

#endif
