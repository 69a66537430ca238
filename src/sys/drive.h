// SPDX-License-Identifier: BSD-2-Clause
/*
 * Driving packets: frames go through the programs that are attached to an interface, in this process.
 *
 * No frame comes from a wire here. Who has frames (pinfs feed: a capture file)
 * drives them along the way that the kernel has for one that an Ethernet device receives:
 *
 *     frame -> XDP -> tcx ingress, in order -> clsact ingress -> the stack
 *               |            |                        |
 *               |            +------------------------+-- bpf_redirect --> tcx egress, clsact
 *               |                                                           egress of the target -> out
 *               +-- TX, REDIRECT (program of the device map) ----------------------------------> out
 *               +-- REDIRECT to a CPU (its program) -> tcx ingress, clsact ingress -> the stack
 *
 * The filters of a clsact are asked when the last tcx program says "next", or there is none. As with the
 * kernel, frames that XDP sends pass no egress. The stack itself is not there: what
 * reaches it, or leaves by an interface, is handed to drive_env.out.
 *
 * Before each frame the revision of the point is loaded (link/attach.h); when it
 * differs, the new list is taken before the frame is. So each frame is seen by
 * the programs of exactly one list, whole.
 *
 * A driver belongs to one thread.
 */
#ifndef PINFS_SYS_DRIVE_H
#define PINFS_SYS_DRIVE_H

#include "util/types.h"

#define DRIVE_FRAME_MIN 14u    /* shorter ones are no Ethernet frames */
#define DRIVE_FRAME_MAX 73152u /* first piece and fragments of an XDP frame */

enum drive_hook {
	DRIVE_XDP,
	DRIVE_TCX_INGRESS,
	DRIVE_TCX_EGRESS,
	DRIVE_CLS_INGRESS,
	DRIVE_CLS_EGRESS,
	DRIVE_POINTS, /* those above are attach points of a device */
	DRIVE_DEVMAP = DRIVE_POINTS,
	DRIVE_CPUMAP,
	DRIVE_HOOKS
};

/* Where a frame comes out. */
enum drive_way {
	DRIVE_TO_STACK, /* received on that interface */
	DRIVE_BY_TX,    /* sent back by XDP_TX */
	DRIVE_BY_XDP,   /* out of an interface by XDP_REDIRECT */
	DRIVE_BY_TC,    /* out of an interface by TC_ACT_REDIRECT */
	DRIVE_TO_PEER,  /* into the other end of that interface, which is in another network namespace */
	DRIVE_WAYS
};

/* What must be known of an interface. */
struct drive_device {
	bool up, loopback, has_peer;
	u32 mtu;
	u8 mac[6];
};

struct drive_env {
	void *arg;
	u64 netns; /* inode of the network namespace that interfaces are of */
	/* Facts of an interface: 0, or -ENODEV. Asked again now and then. */
	int (*device)(void *arg, u32 ifindex, struct drive_device *to);
	/* A frame comes out; data is valid during the call. NULL: nobody wants them. */
	void (*out)(void *arg, enum drive_way way, u32 ifindex, const u8 *data, u32 len);
};

#define DRIVE_VERDICTS 11u /* value + 1 of -1 to 8; the last: all others */

/* Of one program at one place. */
struct drive_count {
	u32 hook; /* enum drive_hook */
	u32 ifindex, prog_id;
	char name[16];
	u64 runs, faults;
	u64 verdict[DRIVE_VERDICTS];
};

/* Each frame that was fed is in exactly one of `end`; copies of a broadcast are in `out` only. */
enum drive_end {
	DRIVE_END_STACK,
	DRIVE_END_DROP,    /* by a verdict */
	DRIVE_END_ABORTED, /* XDP_ABORTED, a verdict that is none, or a fault in a program */
	DRIVE_END_TX,
	DRIVE_END_REDIRECT,
	DRIVE_END_FAILED, /* a redirect that led nowhere: no such interface, down, too long, no neighbour
			     known */
	DRIVE_END_LOOP,   /* redirected again and again */
	DRIVE_END_SIZE,   /* no frame that such an interface can receive */
	DRIVE_ENDS
};

struct drive_totals {
	u64 frames, bytes;
	u64 end[DRIVE_ENDS];
	u64 out[DRIVE_WAYS];
	u64 to_cpu; /* frames that changed the CPU on their way */
	u64 lists;  /* how often a list of programs was taken */
};

struct drive;

/* A driver of frames that interface ifindex receives. env is copied. -ENODEV, -ENOMEM, -EACCES, -EIO as
 * ERR_PTR. */
struct drive *drive_open(u32 ifindex, const struct drive_env *env);
void drive_close(struct drive *d);

/*
 * Drives the frames that next() gives, until it returns false, max at most (0: no bound); how many is in the
 * totals. next is called in the middle of an operation that holds a CPU number, so it must not wait;
 * what it points *data to stays valid until it is called again.
 *
 * 0; -EAGAIN: no CPU number free; -EIO: a list or a program that is attached is damaged; -ENOENT: a program
 * of the list stays away; -ENOMEM. After an error no frame is lost: the one that next gave last is driven
 * first when the driver runs again.
 */
int drive_run(struct drive *d, bool (*next)(void *arg, const u8 **data, u32 *len), void *arg, u64 max);

/* What happened so far. The counts are an array of *n, valid until drive_run or drive_close. */
const struct drive_totals *drive_totals(const struct drive *d);
const struct drive_count *drive_counts(const struct drive *d, u32 *n);

#endif
