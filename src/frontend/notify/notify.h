// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the files of the notify front end share.
 *
 *     launcher L (pinfs run)     waits, forwards signals, exits as CMD does
 *       supervisor S             own session, subreaper; answers the notified calls
 *         client C (CMD)         in L's session and process group
 *           its descendants      orphans come back to S
 *
 * S is one process of several threads: those that answer, all alike, each in
 * SECCOMP_IOCTL_NOTIF_RECV; a watchdog that sees to it that one of them always
 * can; and a main thread that reaps children and objects.
 *
 * Whoever answers a client may have to wait for it: for a page of its memory,
 * for as long as its program runs. So no thread waits for another that answers,
 * and no mutex is held over an access to a client.
 *
 * A struct target is one notified call: it lives on the stack of the thread
 * that answers it.
 */
#ifndef PINFS_NOTIFY_NOTIFY_H
#define PINFS_NOTIFY_NOTIFY_H

#include <linux/seccomp.h>
#include "sys/caller.h"
#include "sys/run.h"

#define TARGET_GROUPS 64

/* Credentials of the calling thread, as /proc/TID/status tells them. */
struct target_creds {
	bool known;
	u32 euid, fsuid, egid, fsgid, umask;
	u64 caps;
	u32 ngroups;
	u32 groups[TARGET_GROUPS];
};

/* A piece of a client's memory. */
struct piece {
	u64 addr;
	u32 len;
};

#define HABIT_PIECES 4
#define HABIT_BYTES  768
#define LATE_PIECES  8
#define LATE_BYTES   1024

/* What a call has read, in this order; see caller.c. */
struct habit {
	int tid;
	int nr, cmd;
	u32 n;
	bool sure; /* so it was twice in a row */
	struct piece piece[HABIT_PIECES];
};

struct target {
	struct bpf_caller c;
	u64 id;        /* of the notification */
	u64 checked;   /* cycle counter when it was valid */
	bool answered; /* the kernel has the answer: install_fd gave it together with the fd */
	bool as_client;
	struct target_creds creds;
	struct scratch *blocks;
	struct habit *habit;
	struct habit seen;
	u32 nlate, late_bytes; /* what is to be written before the answer */
	struct piece late[LATE_PIECES];
	u8 late_data[LATE_BYTES];
	u32 ahead; /* pieces that are in `read` already, but for the first */
	struct piece expected[HABIT_PIECES];
	u8 read[HABIT_BYTES];
	char prefix[32]; /* room for c.root_prefix */
	char cwd[512];   /* once it was asked for; longer ones are read again */
};

/* caller.c */
extern const struct bpf_caller_ops target_ops;
void target_setup(void); /* once, before the threads */
void target_init(struct target *t, const struct seccomp_notif *req);
void target_release(struct target *t);
/* What the call has written last is with the client. -EFAULT: so is the call's result, then. */
int target_flush(struct target *t);
/* 1: the thread still waits in this call, so what was read from its number was its own. */
bool target_valid(struct target *t);
/* Some process may from now on see other paths than the supervisor does. */
void target_roots_differ(void);
/* Notes it when this one does: it is about to change mounts. */
void target_check_root(const struct target *t);

/* addfd.c */
int target_install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags);
int target_next_fd(struct bpf_caller *c, int from);
int target_place_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags, int number);
int target_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f);
int target_dup_fd(struct bpf_caller *c, int fd);
int target_share_fd(struct bpf_caller *c, int fd);
int target_copy_fd(struct bpf_caller *c, int fd);
int target_fd_text(struct bpf_caller *c, int fd, char *buf, size_t size);
/* The supervisor keeps handles of recent objects; this one's object is gone. */
void target_forget(enum obj_type type, u32 id);

/* pidfd.c */
/* A copy of the thread's fd, O_CLOEXEC. -EBADF: closed; another error: ask /proc. */
int pidfd_copy(int tid, int fd);

/* watch.c */
long target_epoll_ctl(struct bpf_caller *c, int ep, int op, int fd, struct handle *h, u32 events, u64 data);
/* The object is gone, and with it what waits for it. */
void watch_forget(enum obj_type type, u32 id);

/* supervisor.c */
extern int notify_listener; /* -1: no filter */
/* Starts the threads that answer. *wake: the kernel wakes synchronously. */
int supervisor_start(int listener, bool *wake);
/* reaper.c */
/* A descriptor to poll for input, or -1 when objects can only be swept. */
int reaper_open(void);
/* Works on what is due; returns how long to wait for the next, in ms, -1: nothing pending. */
int reaper_run(void);
/* Looks at every object. */
void reaper_sweep(void);
/* All processes of the run are gone: what they closed is tried once more. */
void reaper_last(void);
/* From now on this process keeps something of objects that have died: any thread, before it does. */
void reaper_want_deletes(void);

#endif
