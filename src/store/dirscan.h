// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a directory of the store without malloc.
 *
 *     struct dirscan d;
 *     if (!dirscan_open(&d, "refs"))
 *             while ((e = dirscan_next(&d))) ...
 *     dirscan_close(&d);
 *
 * "." and ".." are left out. An entry is valid until the next call.
 */
#ifndef PINFS_STORE_DIRSCAN_H
#define PINFS_STORE_DIRSCAN_H

#include "util/types.h"

struct dirscan_entry { /* the kernel's struct linux_dirent64 */
	u64 ino;
	s64 off;
	u16 len;
	u8 type;
	char name[];
};

struct dirscan {
	int fd;
	long have, at;
	u8 buf[2048] __attribute__((aligned(8)));
};

int dirscan_open(struct dirscan *d, const char *dir);
const struct dirscan_entry *dirscan_next(struct dirscan *d);
void dirscan_close(struct dirscan *d);

#endif
