// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses of the kernel's symbols, by /proc/kallsyms.
 */
#ifndef PINFS_HELPER_KALLSYMS_H
#define PINFS_HELPER_KALLSYMS_H

#include "util/types.h"

#define SYMBOL_MAX 512u /* bytes of a name with its NUL: longer ones there are none */

/*
 * The first symbol of that name: 0 and *addr, else 0 is in *addr. -ENOENT; -EPERM: addresses are not shown to
 * this process, or there is no such file; -ENOMEM. Reads the file up to the symbol: some ten milliseconds.
 * Async-signal-safe.
 */
int kallsyms_find(const char *name, u64 *addr);

#endif
