// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a dynptr is in the 16 bytes of stack that a program has for it.
 */
#ifndef PINFS_HELPER_DYNPTR_H
#define PINFS_HELPER_DYNPTR_H

#include <linux/bpf.h>
#include "util/types.h"

#define DYNPTR_SIZE_MAX 0xffffffu

struct dynptr {
	u8 *data; /* NULL: none, every access fails */
	u32 size, rdonly;
};
_Static_assert(sizeof(struct dynptr) == sizeof(struct bpf_dynptr), "as programs declare it");

#endif
