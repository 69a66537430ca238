// SPDX-License-Identifier: BSD-2-Clause
/*
 * A store: one directory that holds objects, references and bpffs instances.
 *
 *     STORE/super           magic, stamp, boot id, id counters, hint bitmap of live ids
 *     STORE/actors          one byte an actor, proven alive by an OFD lock
 *     STORE/bpf-stats       who holds a shared lock on it wants runs to be counted (prog/stats.h)
 *     STORE/trace_pipe      lines that programs print (prog/trace.h)
 *     STORE/bpf-map/25      one name a live object (store/object.h)
 *     STORE/bpf-prog/ bpf_link/ btf/ perf_event/ attach/
 *     STORE/wake/           FIFOs that wake who waits for an object (store/wake.h)
 *     STORE/refs/           references of objects on objects (store/ref.h)
 *     STORE/fs/1/           the instance at /sys/fs/bpf: pins, directories, symlinks
 *     STORE/fs/N/           further instances
 *     STORE/mounts/N        symlink: instance N belongs at that path in later runs
 *     STORE/runs/           run files (sys/run.h)
 *
 * A process works with one store, the_store. super is mapped shared and holds
 * only atomics after its first page is made; who makes it holds an exclusive
 * flock on it.
 */
#ifndef PINFS_STORE_STORE_H
#define PINFS_STORE_STORE_H

#include "store/object.h"

#define STORE_MAGIC    0x00736673666e6970ull /* "pinfsfs" */
#define STORE_STAMP    6u                    /* layout of every file; changed with any of them */
#define STORE_HINT_IDS (1u << 26)            /* ids covered by the hint bitmap of each type (sparse) */

#define STORE_INO_HINTS (1u << 18) /* slots of the table from inode to object */
#define STORE_ID_HINTS  (1u << 18) /* slots of the table from id to inode, of each type */
#define WAKE_WORDS      16u
#define STORE_REAPING   8u
#define STORE_CPUS      4096u /* most CPUs that programs run as */

struct super {
	u64 magic;
	u32 stamp;
	u32 ncpu; /* possible CPUs when the store was made */
	char boot_id[40];
	_Atomic u64 next_actor;
	_Atomic u32 next_id[OBJ_TYPES];
	_Atomic u32 next_instance;
	_Atomic u32 next_run;
	_Atomic u64 stats_enabled;           /* hint: somebody may hold the lock on STORE/bpf-stats */
	_Atomic u64 cpu_wanted;              /* when somebody last waited for a CPU (prog/prog_slots.h) */
	_Atomic u64 wake_wanted[WAKE_WORDS]; /* hint: somebody has opened a FIFO of such an object
						(store/wake.h) */
	_Atomic u64 wake_blind[WAKE_WORDS];  /* hint: of those some have no library that looks at it */
	_Atomic u64 attach_made[16]; /* hint: a point with such a key was made (link/attach_point.c) */
	struct {
		_Atomic u32 begun, ended;
	} reaping[STORE_REAPING]; /* by id: who decides about the death of an object (store/life.c) */
	_Atomic u64 self_dev, self_ino, self_born; /* super's own when the tables of inodes were begun */
	u64 reserved[12 - STORE_REAPING];
	_Atomic u64 cpu_run[STORE_CPUS];               /* who runs a program as that CPU: prog/prog_slots.h */
	_Atomic u64 by_ino[STORE_INO_HINTS];           /* hint: which object an inode is (store/life.c) */
	_Atomic u32 ino_of[OBJ_TYPES][STORE_ID_HINTS]; /* hint: the inode of an id; sparse (store/life.c) */
	_Atomic u64 live[OBJ_TYPES][STORE_HINT_IDS / 64]; /* hint: maybe alive; sparse */
};

struct store {
	int dirfd; /* high number, O_PATH, O_CLOEXEC */
	u64 dev;
	struct super *super;
	u32 ncpu;
	char path[512]; /* absolute */
};

extern struct store the_store; /* dirfd -1 when there is none */

#define STORE_CREATE 1u /* make it when it is not there */

/*
 * Binds the process to the store at path. -ENOENT, -EACCES, -ENOTDIR;
 * -EINVAL: not a store, or one of another layout. Also does what a first
 * opener after a reboot must do. Not async-signal-safe.
 */
int store_open(const char *path, unsigned flags);
void store_close(void);

/* Registers the types' rows. Before store_open. */
void store_set_types(const struct obj_type_ops *const types[OBJ_TYPES]);
const struct obj_type_ops *store_type(enum obj_type t);

/* "bpf-map/25" into buf (at least 32 bytes). */
char *store_id_name(char *buf, enum obj_type type, u32 id);

/* Clears or sets the hint that id may be alive. */
void store_hint(enum obj_type type, u32 id, bool alive);
/* False: that id is certainly not alive, or not yet. */
bool store_hinted(enum obj_type type, u32 id);

/* A copy of fd at the top of the number space, O_CLOEXEC; fd is closed. For fds that live in a client. */
int store_high_fd(int fd);

/* Number of possible CPUs, from /sys, cached. */
u32 possible_cpus(void);

struct gc_result {
	u32 objects, refs, temps;
};

/* Removes what killed processes left: temporaries, dead objects, references nobody names. */
int store_gc(struct gc_result *r);

#endif
