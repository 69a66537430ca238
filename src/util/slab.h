// SPDX-License-Identifier: BSD-2-Clause
/*
 * Process-local memory without malloc: elements of one size, never given back to the kernel.
 *
 * A free list whose head carries a 16-bit tag in the upper bits of the pointer
 * (user addresses have 47), changed by compare-and-swap: usable from signal
 * handlers and all threads. Elements are type-stable: one that was freed may
 * still be read, and reads as an element.
 *
 *     static struct slab handles = SLAB(struct handle);
 */
#ifndef PINFS_UTIL_SLAB_H
#define PINFS_UTIL_SLAB_H

#include "util/types.h"

struct slab {
	size_t size;
	_Atomic u64 head; /* tag:16 | pointer:48 */
};

#define SLAB(type)                                                                                           \
	{                                                                                                    \
		.size = ROUND_UP(sizeof(type), 64)                                                           \
	}

/* NULL when there is no memory. The contents are what the last owner left, or zero. The first word is the
 * list's while free. */
void *slab_get(struct slab *s);
void slab_put(struct slab *s, void *p);

#endif
