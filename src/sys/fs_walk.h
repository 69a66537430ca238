// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a client's path to a name in an instance directory of the store.
 *
 * A path is walked as the client's kernel would, except that a directory that
 * stands in the run's mount table leads to STORE/fs/INSTANCE, whether or not a
 * real mount is there. So one code serves bind mounts and redirection, and
 * link(2) never has to cross mounts: the result is always a directory fd below
 * the store's own fd, and a last component.
 */
#ifndef PINFS_SYS_FS_WALK_H
#define PINFS_SYS_FS_WALK_H

#include <limits.h>
#include "sys/caller.h"
#include "sys/run.h"

#define FS_FOLLOW 1u /* follow a symlink in the last component */
#define FS_PARENT 2u /* the last component need not exist */

/*
 * dirfd and name lead to the place by any *at(2) call. In the root of an
 * instance, where most pins are, name is "fs/N/NAME" from the store's own fd,
 * which saves opening the directory; `last` is the component alone.
 */
struct fs_at {
	int dirfd;                /* below the store; fs_put closes it if it is owned */
	char name[NAME_MAX + 32]; /* "" for the directory dirfd itself */
	const char *last;         /* in name: the last component */
	const struct run_mount *m;
	bool is_root;    /* the root directory of the instance itself */
	bool dir_wanted; /* the path ended in a slash */
	bool owned;      /* dirfd is to be closed */
};

/*
 * 0: a place in a bpffs, *at filled. 1: outside any bpffs. Else a negative errno
 * as the kernel's walk would give (ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES,
 * EPERM for a name with a dot inside a bpffs).
 * path is in this process's memory. Async-signal-safe, no malloc.
 */
int fs_walk(struct bpf_caller *c, int dirfd, const char *path, unsigned flags, struct fs_at *at);
/* The usual case of it alone, without a system call: true, *at filled, or false: fs_walk knows more. */
bool fs_straight(struct bpf_caller *c, const char *path, unsigned flags, struct fs_at *at);
void fs_put(struct fs_at *at);

#endif
