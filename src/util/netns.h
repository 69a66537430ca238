// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which network namespace an fd is of, as a number.
 *
 * An inode number may be another namespace's as soon as the first is gone, though links still name that. So
 * the number that a kernel (6.18) gives each namespace once and for all stands beside it:
 *
 *     63        32 31       0
 *     | number    | inode    |       number 0: the kernel does not tell
 */
#ifndef PINFS_UTIL_NETNS_H
#define PINFS_UTIL_NETNS_H

#include <sys/stat.h>
#include "util/raw.h"
#include "util/types.h"

#define NETNS_GET_ID 0x8008b70dul /* NS_GET_ID */

/* 0: fd is of none. */
static inline u64 netns_of(int fd)
{
	struct stat st;
	u64 number = 0;

	if (raw_fstat(fd, &st))
		return 0;
	if (raw3(SYS_ioctl, fd, NETNS_GET_ID, &number))
		number = 0;
	return number << 32 | (u32)st.st_ino;
}

/* What clients are told. */
static inline u32 netns_inode(u64 netns)
{
	return (u32)netns;
}

#endif
