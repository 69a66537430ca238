// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which programs can carry the preload library.
 *
 *     dynamic, x86-64, glibc     carries it
 *     static                     reads no LD_PRELOAD, but its children may: yes
 *     32-bit, other machine      their loader complains: no
 *     musl, other loaders        theirs too: no
 *     gcc's AddressSanitizer     wants to be the first library: no
 *     #! script                  as its interpreter
 *     set-user-id                its loader ignores us silently: yes
 *
 * A file that cannot be read is left to the kernel to judge: yes.
 */
#ifndef PINFS_SYS_CARRY_H
#define PINFS_SYS_CARRY_H

#include "util/types.h"

enum carry { CARRY_YES, CARRY_NO };

/* The file at path from dirfd, or dirfd itself (AT_EMPTY_PATH and ""). Async-signal-safe. */
enum carry carry_judge(int dirfd, const char *path, int flags);

/* The same, a name without a slash being looked for in search (a PATH, ":" between). */
enum carry carry_judge_search(const char *file, const char *search);

#endif
