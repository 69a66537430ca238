// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a store holds at one moment, and who holds it: for pinfs ls.
 *
 *     user references   = pins + descriptions that carry the shared lock
 *     object references = names in refs/
 *
 * Descriptions are found in two ways, and the larger count is right:
 * /proc/PID/fd of every process that may be looked at (several fds can be one
 * description, told apart by kcmp(2)), and /proc/locks, which has a line for
 * each lock but names no holder. What is locked beyond the descriptions seen is
 * in flight: inside a socket, or in a process that we may not look at.
 *
 * Nothing is held still meanwhile; each object is right for the moment it was looked at.
 */
#ifndef PINFS_TOOL_OBJECTS_H
#define PINFS_TOOL_OBJECTS_H

#include "store/object.h"

struct holder {
	int pid, fd; /* fd -1: a mapping, of a program that stands at a socket */
	char comm[16];
	bool repeats; /* the description of an earlier holder */
};

struct object {
	enum obj_type type;
	u32 id;
	u64 ino;
	u32 kind;
	char name[OBJ_NAME_LEN];
	char about[400]; /* what it is attached to, in words; empty: nothing to tell */
	bool readable;   /* the header could be read: kind and name are valid */
	char **pins;     /* paths, as the processes of a run see them */
	u32 npins;
	char (*users)[40]; /* objects that hold it: "bpf-prog.7" */
	u32 nusers;
	struct holder *holders;
	u32 nholders;
	u32 locks; /* as /proc/locks has them */
	u32 fds;   /* open descriptions, in_flight included */
	u32 in_flight;
};

/* All objects of the open store, by type and id; *n of them. NULL: no memory. */
struct object *objects_load(size_t *n);

#endif
