// SPDX-License-Identifier: BSD-2-Clause
/*
 * References of objects on objects: hard links in refs/.
 *
 * refs/HOLDERDIR.HOLDERID.SLOT is a hard link to the object that is held.
 * SLOT is a number that the holder's type chooses and that is unique within
 * the holder. A reference has an order:
 *
 *     set:   link, then store the slot        clear: clear the slot, then unlink
 *
 * so that a holder never names what it does not hold. A process killed
 * between the two leaves a link too many; gc finds it (ref_check).
 */
#ifndef PINFS_STORE_REF_H
#define PINFS_STORE_REF_H

#include "store/object.h"

/* Slots with a fixed meaning; the rest is the type's own numbering. */
#define REF_SLOT_BTF  0xffffffff00000001ull /* a map or program holds its BTF */
#define REF_SLOT_KEEP 0xffffffff00000002ull /* an object that holds itself: never reaped (vmlinux BTF) */

/* 0; -ENOENT: the target is dead, or about to be; -EEXIST: the slot is taken; -ENOSPC. */
int ref_set(enum obj_type holder, u32 holder_id, u64 slot, enum obj_type target, u32 target_id);

/* Drops the reference and, if it was the last of any kind, the target. */
void ref_clear(enum obj_type holder, u32 holder_id, u64 slot, enum obj_type target, u32 target_id);

/* Removes the name alone, for who looks at the target himself. */
void ref_unname(enum obj_type holder, u32 holder_id, u64 slot);

/*
 * For a front end that knows its process's descriptors: has it got one of the object, whose close, which is
 * still to come, will be obj_close or obj_close_known, and will look at the object? Then whoever lets it go
 * need not look. NULL: nobody knows.
 */
extern bool (*obj_open_here)(enum obj_type type, u32 id);

/*
 * The same by what the front end knows without asking, for objects whose closes look in any case, or are
 * reported to a supervisor: get, and some time later put, which says whether it is so still. Between the two
 * the header stays mapped.
 */
struct obj_here {
	struct obj_hdr *hdr; /* for writing */
	u64 ino;
	void *owner; /* the front end's */
	u64 word;
	int fd;
};
extern bool (*obj_here_get)(enum obj_type type, u32 id, struct obj_here *h);
extern bool (*obj_here_put)(struct obj_here *h);

/* Is that name in refs/ one that counts for nothing (is_spare of the holder's type)? */
bool ref_is_spare(enum obj_type holder, u32 holder_id, u64 slot);

/* Takes the name of an entry of refs/ apart; false: not one of ours. */
bool ref_parse(const char *name, enum obj_type *holder, u32 *id, u64 *slot);

/* Number of names in refs/ that lead to the object with inode ino. */
int ref_count(u64 ino);

#endif
