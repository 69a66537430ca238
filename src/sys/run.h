// SPDX-License-Identifier: BSD-2-Clause
/*
 * A run: what `pinfs run` has set up, and its mount table, shared by all front ends.
 *
 * The launcher makes STORE/runs/PID.N, a file that every process of the run
 * maps read-only (the preload library finds its path in $PINFS_RUN) and only
 * the supervisor writes. The supervisor holds an OFD write lock on it as long
 * as it lives: a run file without one is a leftover, and so are the instances
 * that were mounted in it.
 *
 * The mount table says which paths are bpffs instances:
 *
 *     path as processes of the run see it  ->  STORE/fs/INSTANCE
 *
 * An entry is written before its state is set to RUN_MOUNT_USED, and never
 * changed after, except state (to FREE at umount). Later entries hide earlier
 * ones of the same path (stacking). A bit in `used` says that an entry's state
 * is worth a look; it is set before the state and stays.
 */
#ifndef PINFS_SYS_RUN_H
#define PINFS_SYS_RUN_H

#include "util/types.h"

#define RUN_MAGIC    0x006e757273666e70ull /* "pnfsrun" */
#define RUN_MOUNTS   64
#define RUN_PATH_MAX 512
#define RUN_OPTS_MAX 256
#define RUN_ENV      "PINFS_RUN"

enum { RUN_MOUNT_FREE, RUN_MOUNT_USED };

struct run_mount {
	_Atomic u32 state;
	u32 instance; /* STORE/fs/INSTANCE */
	u32 read_only;
	u32 real;           /* 1: a bind mount of the instance stands there; 0: redirected */
	u32 keep;           /* the instance stays when the run ends */
	u32 mode, uid, gid; /* mount options, as given; for /proc/mounts */
	u32 has;            /* bits: 1 mode, 2 uid, 4 gid given */
	char path[RUN_PATH_MAX];
	char source[64];
	char delegate[4][64]; /* delegate_cmds, maps, progs, attachs as shown; "" when not given */
};

struct run_file {
	u64 magic;
	u64 cookie;             /* raw_cookie of the run */
	u32 euid, egid;         /* what CMD was started with, as seen inside */
	u64 caps;               /* effective capabilities CMD was started with */
	_Atomic u32 supervisor; /* pid, 0 when gone */
	u32 notify;             /* 1: a filter and a supervisor serve the run */
	/*
	 * Counts calls of the run's threads that may change the caller's identity: each
	 * is notified and counted before the kernel makes it. So what a thread has
	 * found out of itself holds as long as the count is the same. 0: not counted.
	 */
	_Atomic u64 identity_changes;
	_Atomic u64 used;         /* bit i: mounts[i] has been in use */
	char store[RUN_PATH_MAX]; /* absolute path of the store, reachable inside the run */
	struct run_mount mounts[RUN_MOUNTS];
};

/* The run this process belongs to, or NULL. */
extern const struct run_file *the_run;

_Static_assert(RUN_MOUNTS == 64, "one word of bits");

/* The entry, written whole, is in force from now on. For the writer of the file. */
void run_mount_use(struct run_file *r, struct run_mount *m);

/* Opens the store of the run at that path and binds the process to it. 0 or -errno; -EACCES: not for this
 * user. */
int run_attach(const char *run_path);

/*
 * The topmost mount whose path is a prefix (by components) of the absolute,
 * normalized path; *rest is set behind it ("" for the root itself). NULL: none.
 */
const struct run_mount *run_find_mount(const char *path, const char **rest);

#endif
