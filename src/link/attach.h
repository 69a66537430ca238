// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach points: which programs stand at one hook of one target, in which order.
 *
 * A hook is an enum bpf_attach_type, a target an interface, a cgroup, a network
 * namespace or a map. What stands there came by a link or by PROG_ATTACH. Each change makes a
 * new list with the next revision, published as a whole: a reader sees the old one or the new one.
 *
 * Who drives packets (sys/drive.h) keeps the point open and asks for its
 * revision before each packet, which costs one load.
 *
 * An entry of a link says no more than which link: whether it lives and what it runs is read
 * from the link. An entry of PROG_ATTACH holds its program by a reference in the point's name.
 *
 * All here is async-signal-safe; each call is an operation of its own (shm/actor.h).
 */
#ifndef PINFS_LINK_ATTACH_H
#define PINFS_LINK_ATTACH_H

#include <linux/bpf.h>
#include "store/object.h"
#include "util/types.h"

#define ATTACH_MAX 64u /* programs at one point */

/* Of a point: once its list is empty, clients see revisions as if it had never been used. */
#define ATTACH_COUNTS_ANEW (1u << 31)

/* Of an entry: it stands for no program. */
#define ATTACH_BARE (1u << 30)

struct attach_key {
	u32 type;    /* enum bpf_attach_type, or one of clsact.h */
	u32 ifindex; /* of interfaces; else 0 */
	u64 target;  /* the network namespace that ifindex is of (util/netns.h); a cgroup's inode; a map's id
		      */
};

struct attach_entry {
	u32 prog_id;
	u32 link_id; /* 0: by PROG_ATTACH */
	u32 flags;   /* BPF_F_* it was attached with */
	union {
		u32 pad;    /* of the hook's own (netfilter.c) */
		u32 object; /* of the same type, that holds the program in place of the point (clsact.h) */
	};
	u64 hold; /* by PROG_ATTACH: slot of the reference on what is held; 0: not held yet */
};

struct attach_list {
	u64 revision; /* 1: nothing was ever attached */
	u64 since;    /* the revision at which counting began, for clients: attach_shown() */
	u32 flags;    /* of the point: BPF_F_ALLOW_MULTI, ... */
	u32 nr;
	struct attach_entry e[ATTACH_MAX];
};

struct op;
struct attach_point; /* an open one; process-local */

/* Opens the point, which need not have been used yet: then it is made, with an empty list. -ENOMEM, -EIO,
 * -EACCES as ERR_PTR. */
struct attach_point *attach_open(const struct attach_key *k);

/* The same, but -ENOENT if it was never used. */
struct attach_point *attach_find(const struct attach_key *k);
void attach_close(struct attach_point *p);

/* The revision as it is now. */
u64 attach_revision(struct attach_point *p);

/* A consistent copy of the list, without what is dead. -EIO: damaged. */
int attach_list(struct attach_point *p, struct attach_list *l);

/* The list of a point that need not exist: then it is empty. */
int attach_list_of(const struct attach_key *k, struct attach_list *l);

/* The same for who asks what stands beside a link: its own entry is left as it is. op: as for attach_apply.
 */
int attach_beside(struct op *op, const struct attach_key *k, u32 link_id, struct attach_list *l);

/* The revision as bpf(2) tells it. */
static inline u64 attach_shown(const struct attach_list *l)
{
	return l->revision - l->since + 1;
}

/*
 * Changes the list: edit() is given a copy, and again a newer one if somebody was faster. It returns 0 to
 * have its copy published, 1 when nothing is to be done, or an errno. New entries without a link have hold 0;
 * they are held here, and what is no longer in the list is let go. -ENOENT: a program to be held is gone.
 */
typedef int (*attach_edit)(void *arg, struct attach_list *l);
int attach_change(struct attach_point *p, attach_edit edit, void *arg);

#define ATTACH_MAKE  1u /* the point is made if need be; else -ENOENT if it was never used */
#define ATTACH_BLIND 2u /* the edit does not look at others' entries: they need not be put right before */

/* The same at the point of a key. op: the caller's operation; NULL: none, or not known. */
int attach_apply(struct op *op, const struct attach_key *k, u32 how, attach_edit edit, void *arg);

/* Takes the link's entry out, if there is one; whether the link lives is not asked. */
int attach_drop_link(const struct attach_key *k, u32 link_id);

/* For list edits: at < nr; to <= nr, nr < ATTACH_MAX. An empty list has no flags. */
void attach_entry_remove(struct attach_list *l, u32 at);
void attach_entry_insert(struct attach_list *l, u32 to, const struct attach_entry *e);

/* Calls each(arg, key, list) for every point that has something attached, until it returns other than 0;
 * returns that. For people and for netlink's questions. */
int attach_each(int (*each)(void *arg, const struct attach_key *k, const struct attach_list *l), void *arg);

/* "tcx_ingress"; NULL: unknown. */
const char *attach_type_name(u32 type);

/* Is its target a network namespace, or a device in one? */
bool attach_is_netns(const struct attach_key *k);

/* Is it a hook of maps of sockets? */
bool attach_is_map(u32 type);

/* Is it a hook of cgroups? */
bool attach_is_cgroup(u32 type);

/* "interface 2", "cgroup 4711": what the point is at, with a NUL; at most 48 bytes. Returns the end. */
char *attach_where(const struct attach_key *k, char *to);

/* The point that a link stands at; false: none. */
bool attach_of_link(u32 link_id, struct attach_key *k);

/* Says that this process drives the point, until it is closed: a lock on a description of its own. -EAGAIN:
 * the point was just removed; ask for the list, and again. */
int attach_drive(struct attach_point *p);

/* The inode of the point's file, on which its drivers have a shared flock; 0: it was never used. */
u64 attach_inode(const struct attach_key *k);

/* Removes points where nothing stands and that nobody drives. For the store. */
void attach_gc(struct gc_result *r);

/* What the point's file holds; for the store. */
void attach_each_ref(const struct obj_hdr *hdr, size_t file_size,
		     void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg);

#endif
