// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shared by the files that make contexts of runs (ctx_*.c).
 */
#ifndef PINFS_PROGTYPE_CTX_INT_H
#define PINFS_PROGTYPE_CTX_INT_H

#include <string.h>
#include "progtype/ctx.h"
#include "util/err.h"
#include "util/uapi.h"

#define LOOPBACK    1u /* a packet that says nothing comes from there */
#define CTX_IN_MAX  4096u
#define DATA_IN_MAX (128u << 10)

/*
 * The client's context in a struct of size bytes; what it does not give is
 * zero. -E2BIG: there is something behind what the struct has.
 */
int ctx_take(const struct test_run_args *a, void *to, u32 size);

bool all_zero(const void *p, size_t n);
/* 0 or -ENODEV. */
int ifindex_check(const struct test_run_args *a, u32 ifindex);
u32 run_end_plain(struct run_frame *f, u64 r0);

/* Is there anything between the ends of two fields of *p (or from its start, to its end)? */
#define BETWEEN_ZERO(p, a, b) all_zero((const u8 *)(p) + (a), (b) - (a))
#define END_OF(type, m)       (offsetof(type, m) + sizeof(((type *)0)->m))

#endif
