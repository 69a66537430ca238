// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sums of the Internet protocols: one's complement, in the packet's byte order.
 *
 * A sum of 32 bits stands for all that are congruent to it modulo 2^16 - 1; it
 * is 0 only if everything summed was 0.
 */
#ifndef PINFS_HELPER_CSUM_H
#define PINFS_HELPER_CSUM_H

#include "util/types.h"

/* Around the end: what overflows is added at the bottom. */
static inline u32 csum_add(u32 a, u32 b)
{
	u32 sum = a + b;

	return sum + (sum < a);
}

static inline u32 csum_sub(u32 a, u32 b)
{
	return csum_add(a, ~b);
}

static inline u16 csum_16(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

/* What stands in a header. */
static inline u16 csum_fold(u32 sum)
{
	return (u16)~csum_16(sum);
}

/* sum and that of n bytes. */
static inline u32 csum_bytes(const void *p, u32 n, u32 sum)
{
	const u8 *at = p;
	u32 w;

	for (; n >= 4; n -= 4, at += 4) {
		__builtin_memcpy(&w, at, 4);
		sum = csum_add(sum, w);
	}
	w = 0;
	__builtin_memcpy(&w, at, n);
	return csum_add(sum, w);
}

#endif
