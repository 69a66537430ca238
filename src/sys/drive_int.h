// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shared by the files of the driver (drive*.c).
 *
 *     drive -> device (by ifindex) -> point (by hook) -> chain of programs
 *
 * A device is made when a frame first has to do with it and stays. A chain is a
 * list of attach.h with each program held and executable; it is replaced whole,
 * between two frames, when the point's revision has moved.
 *
 * The frame lies in one piece of memory, first with an XDP context on it, then
 * with that of a socket buffer:
 *
 *     room                                                            room + ROOM
 *      | 40 |  headroom  | packet, up to 3520 | tail of the page |       |
 *      | own|            data        data_end end                frag ...
 */
#ifndef PINFS_SYS_DRIVE_INT_H
#define PINFS_SYS_DRIVE_INT_H

#include "helper/run_ctx.h"
#include "link/attach.h"
#include "sys/drive.h"
#include "sys/prog_run.h"

#define ROOM      (DRIVE_FRAME_MAX + 4 * PAGE)
#define BUCKETS   64u
#define NO_COUNT  0xffffffffu
#define ROUNDS    64u /* as often as a frame may go on elsewhere */
#define RECURSION 8u  /* nested sendings that the kernel allows */

struct chain_prog {
	struct handle *h; /* a reference */
	struct prog_image *image;
	u32 id, count; /* index into drive.counts, or NO_COUNT */
	u32 flags;

	/* Of filters. */
	u32 classid;
	u16 proto;   /* of packets that it is for, in the order of the network */
	bool direct; /* what it returns is a verdict, not a class */
};

struct point {
	struct attach_point *p; /* NULL: not opened yet */
	u64 revision;           /* of the chain; 0: to be looked at in any case */
	u64 taken;              /* of the list it was made of */
	enum drive_hook hook;
	u32 ifindex, nr;
	u64 frame; /* the last one for which it was brought up to date: once a frame, so that no chain goes
		      while it runs */
	struct chain_prog prog[ATTACH_MAX];
};

struct device {
	struct device *next; /* in its bucket */
	u32 ifindex;
	int err; /* what env.device said last */
	u64 asked;
	struct drive_device facts;
	struct point point[DRIVE_POINTS];
};

enum stage {
	STAGE_WIRE,
	STAGE_XDP_REDIRECT,
	STAGE_GENERIC,
	STAGE_STACK,
	STAGE_TC_REDIRECT,
	STAGE_EGRESS,
	STAGE_DONE
};

struct drive {
	struct drive_env env;
	struct device *own;
	struct device *bucket[BUCKETS];

	/* The run, set up by drive_run. */
	struct running run;
	struct bpf_caller caller;
	struct op *op;
	u32 ncpu; /* CPU numbers that all programs met so far have */
	bool timed;
	u64 now, turn, fresh; /* ns: the last look at the clock, begin of the turn, of the lists */
	bool (*next)(void *arg, const u8 **data, u32 *len);
	void *arg;
	u64 left;

	/* The frame on its way. */
	const u8 *data; /* as it came; NULL: none is pending */
	u32 len;
	bool in_frame;
	bool is_skb;     /* which of the two is the frame */
	bool generic;    /* an XDP program looks at what is a packet of the stack */
	bool skb_mode;   /* its XDP program is in generic mode */
	bool redirected; /* it has come by such a program's redirect to a CPU, and meets none any more */
	bool ingress;    /* where a TC redirect comes from */
	u32 depth;
	u32 running; /* count of the program that runs, for faults */
	struct device *at;
	struct run_xdp xdp;
	struct run_skb skb;

	/* Copies that bpf_clone_redirect makes. */
	struct clone *clones; /* of this frame, the newest first */
	u32 nr_clones;
	bool cloned; /* what is on its way is one */
	enum drive_end clone_end;

	struct drive_totals totals;
	struct drive_count *counts;
	u32 nr_counts, room_counts;
	u8 *room;                 /* of the frame on its way */
	u8 *base, *spare, *aside; /* ROOM bytes each; base: the fed frame's */
};

/* drive.c */
u64 drive_now(void);
/* Another CPU number, below d->ncpu: 0 or -EAGAIN. */
int drive_new_cpu(struct drive *d);

/* drive_points.c */
/* The device, facts of late; NULL: no memory. Whether there is one tells err. */
struct device *drive_device(struct drive *d, u32 ifindex);
void drive_devices_drop(struct drive *d);
/* Brings a point's chain up to date: 0 or an errno. */
int point_take(struct drive *d, struct point *pt);
void drive_points_stale(struct drive *d);
/* The place of a program's counts; NO_COUNT: no memory. */
u32 drive_count_of(struct drive *d, enum drive_hook hook, u32 ifindex, u32 prog_id, struct handle *h);

/* At most one look a frame. */
int point_now(struct drive *d, struct point *pt);

static inline int point_sync(struct drive *d, struct point *pt)
{
	if (likely(pt->p && attach_revision(pt->p) == pt->revision))
		return 0;
	return point_take(d, pt);
}

/* drive_frame.c */
/* One frame (d->data), from the device to its end. 0, or an errno: nothing has happened to it. */
int drive_frame(struct drive *d);
/* One run, counted: r0. h: the program's. */
u32 drive_prog(struct drive *d, struct prog_image *i, u32 count, void *ctx, struct handle *h);
enum stage drive_end(struct drive *d, enum drive_end e); /* STAGE_DONE */
/* The frame comes out. */
void drive_out(struct drive *d, enum drive_way way, u32 ifindex);

/* From a stage to the end. */
void drive_walk(struct drive *d, enum stage s);

/* drive_clone.c */
int drive_clone(struct running *p, void *ctx, u32 ifindex, u64 flags);
/* The frame is at its end: copies that are to be received go their way; the memory of all is given back. */
void drive_clones(struct drive *d);
/* Memory of copies, after a fault. */
void drive_clones_drop(struct drive *d);

/* drive_redirect.c */
enum stage drive_xdp_redirect(struct drive *d);
enum stage drive_tc_redirect(struct drive *d);

/* drive_ctx.c */
/* The frame as an XDP program gets it; false: it does not fit one piece, and the program takes no fragments.
 */
bool xdp_set(struct drive *d, const u8 *data, u32 len, bool frags);
void xdp_from_skb(struct drive *d);
/* ... and as a packet of the stack. */
void skb_set(struct drive *d, const u8 *data, u32 len);
void skb_from_xdp(struct drive *d);
/* Device d->at receives the packet, whose Ethernet header is at skb.data. False: half a VLAN tag. */
bool skb_receive(struct drive *d);
/* For its way into another device. */
void skb_scrub(struct run_skb *skb);
/* All of it in one piece, with its VLAN tag where it belongs. May be in the spare. */
const u8 *frame_bytes(struct drive *d, u32 *len);

#endif
