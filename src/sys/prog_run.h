// SPDX-License-Identifier: BSD-2-Clause
/*
 * Running a program here: struct run with what it may reach, and the repeats.
 *
 * Objects that a run finds on its way by their ids (targets of tail calls,
 * maps in maps) are held in a table until the run is over, since code may still be on its way back through
 * them. Ids are never used again, so what stands under an id is right as long as the
 * slot names that id. After the run some stay for the next one (warm).
 *
 *     run -> held[hash(type, id)] -> handle, and its image or map
 *
 * A run that faults is over: -EIO.
 *
 * Who runs many programs one after the other (sys/drive.h) does so in one operation of his own:
 *
 *     cpu = prog_slot_take(op, ...);  prog_run_open(p, op, cpu);
 *     under a guard:  r0 = prog_run_once(p, image, ctx), any number of times
 *     prog_run_close(p);  prog_slot_give(op);
 */
#ifndef PINFS_SYS_PROG_RUN_H
#define PINFS_SYS_PROG_RUN_H

#include "progtype/ctx.h"
#include "sys/caller.h"
#include "sys/prog_image.h"

struct held {
	struct handle *h; /* NULL: free */
	enum obj_type type;
	u32 id;
	union {
		struct prog_image *image;
		struct bpf_map *map;
		const struct obj_view *view; /* of a perf event */
	};
};

#define HELD_FIRST 16u /* a power of two */

struct running {
	struct run r;
	struct bpf_caller *c;
	u64 client_word; /* an address that the client can read while it lives */
	struct prog_image *image;
	const struct prog_run_ops *ops;
	/* For bpf_clone_redirect, as in struct run_ops; NULL: no interface is there. */
	int (*clone)(struct running *p, void *ctx, u32 ifindex, u64 flags);
	struct run_frame frame;
	u64 repeat;
	u32 ctx_size;   /* bytes of the context where its size is the client's, else all */
	int prefer_cpu; /* -1: any */

	/* Results. */
	u64 done, ns;
	u32 retval;

	/* Inner state. */
	int trace_fd; /* -1: not opened, -2: cannot be */
	char comm[17];
	struct held *held, first[HELD_FIRST];
	u32 nr_held, room;
	const void *stack_top; /* the program's frames are below */
	struct prog_sys *sys;  /* once it has called bpf(2): sys/prog_sys.h */
};

/* The fields above "Results" are set, all others zero. 0; -EAGAIN: no CPU number free; -EIO: faulted; -EINTR:
 * the client is gone. */
int prog_run(struct running *p, struct op *op);

/* c and ctx_size are set; all else is zero, or as prog_run_close left it. */
void prog_run_open(struct running *p, struct op *op, u32 cpu);
/* Gives back what the runs held. Not under the guard of a run. */
void prog_run_close(struct running *p);

/*
 * One run of an image whose holder is the caller, with a context of its type: r0. What is noted for a
 * redirect stays as it was before, and is the caller's to take and to clear.
 */
u64 prog_run_once(struct running *p, struct prog_image *i, void *ctx);

/* A program that is found by its id, held until prog_run_close; NULL: there is none that can run here. */
struct held *prog_run_find(struct running *p, u32 id);

static inline void prog_run_no_redirect(struct run *r)
{
	r->redirect_map = r->redirect_index = r->redirect_flags = 0;
	r->redirect_to = NULL;
}

#endif
