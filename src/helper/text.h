// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that a program names by a number, which may be anything.
 *
 * The kernel's memory is, to a program, its own; the user's is that of who asked for the run, all else of
 * it. Where that cannot be told (run_ops.own), all is one address space. Which is meant, the helper says.
 */
#ifndef PINFS_HELPER_TEXT_H
#define PINFS_HELPER_TEXT_H

#include "helper/run.h"

enum mem_of { MEM_KERNEL, MEM_USER, MEM_ANY /* as the address says */ };

/* 0, -EFAULT, or -ERANGE: a number that the kernel has no memory at. What is in `to` then may be anything. */
int mem_copy(struct run *run, enum mem_of whose, void *to, u64 from, u32 n);

/*
 * Up to a NUL or size bytes, of which the last becomes a NUL: how many were
 * copied, with the NUL. What is behind it in `to` is zero. -EFAULT, -ERANGE:
 * `to` is all zero. size 0 copies nothing.
 */
long text_copy(struct run *run, enum mem_of whose, char *to, u32 size, u64 from);

#endif
