// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world that CMD is started in: where its bpffs stands and what user it is.
 *
 * Three kinds, the first that works is taken:
 *
 *     ROOT      own mount namespace; STORE/fs/1 bind-mounted on /sys/fs/bpf
 *     USER_NS   the same in an own user namespace, as uid 0 there or as itself
 *     REDIRECT  nothing is mounted: calls below /sys/fs/bpf are led into the store
 *
 * Entering changes the calling process (the supervisor to be) and its
 * descendants, and cannot be taken back: so it is tried in a child first.
 */
#ifndef PINFS_NOTIFY_WORLD_H
#define PINFS_NOTIFY_WORLD_H

#include "sys/run.h"
#include "util/types.h"

#define BPFFS_DIR "/sys/fs/bpf"

enum world_kind { WORLD_ROOT, WORLD_USER_NS, WORLD_REDIRECT };

struct run_opts {
	const char *store;
	bool fresh; /* a new store beside that one, removed at the end */
	bool keep_uid, verbose, redirect, no_userns;
	char **cmd;
};

/* Steps, also used by the probes: 0 or -errno. */
int world_mount_ns(void);
int world_user_ns(u32 uid, u32 gid); /* what the caller is to be inside */

enum world_kind world_choose(const struct run_opts *o);
int world_enter(enum world_kind kind, const struct run_opts *o);

/*
 * Puts an instance of the store at path: by a bind mount where the kind has them and
 * the directory is there, else by redirection. NULL: the mount table is full.
 */
const struct run_mount *world_mount(enum world_kind kind, struct run_file *r, u32 instance, const char *path);

/* Makes the directory if it is not there. Refuses a symlink, and one that others may change: -EPERM,
 * -ENOTDIR. */
int store_prepare(const char *path);

/* On standard error, with -v only. */
void say_verbose(const struct run_opts *o, const char *fmt, ...) PRINTF(2, 3);

#endif
