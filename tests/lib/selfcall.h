// SPDX-License-Identifier: BSD-2-Clause
/*
 * A caller of its own: bpf(2) answered in the test's process, by a store of the test's own.
 *
 * No front end is needed: fds are the process's, memory is reached directly.
 * rows_on() runs the main of a client program (tests/abi) whose raw_bpf calls
 * have been turned to rows_bpf, on the kernel and here, and compares what it prints.
 */
#ifndef PINFS_TESTS_SELFCALL_H
#define PINFS_TESTS_SELFCALL_H

#include "util/types.h"

/* Makes a new store; 0 or -errno. Removed at exit. */
int self_open(const char *name);

/* Result or negative errno. */
long self_bpf(int cmd, void *attr, u32 size);

/* As syscall(SYS_bpf): on the kernel or here, with errno. */
long rows_bpf(int cmd, void *attr, u32 size);

/* One TAP check a part of the output. */
void rows_compare(const char *name, int (*program)(void));

#endif
