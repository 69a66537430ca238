// SPDX-License-Identifier: BSD-2-Clause
/*
 * Text of the own process, read from an address that may be anything.
 */
#ifndef PINFS_HELPER_TEXT_H
#define PINFS_HELPER_TEXT_H

#include "util/types.h"

/*
 * Up to a NUL or size bytes, of which the last becomes a NUL: how many were
 * copied, with the NUL. What is behind it in `to` is zero. -EFAULT: `to` is all
 * zero. size 0 copies nothing.
 */
long text_copy(char *to, u32 size, u64 from);

#endif
