// SPDX-License-Identifier: BSD-2-Clause
/*
 * Errors: negative errno everywhere inside; pointers carry them as ERR_PTR.
 *
 * errno itself is written only where a C library function is replaced
 * (frontend/preload) and by the command (tool/).
 */
#ifndef PINFS_UTIL_ERR_H
#define PINFS_UTIL_ERR_H

#include <errno.h>
#include "util/types.h"

/*
 * ENOTSUPP has no name in user space and is not ENOTSUP/EOPNOTSUPP (95), but
 * bpf(2) does return it, and clients tell the two apart.
 */
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-MAX_ERRNO;
}

#endif
