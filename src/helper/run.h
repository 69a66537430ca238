// SPDX-License-Identifier: BSD-2-Clause
/*
 * A run: one execution of a program, from its entry to its exit.
 *
 * Lies on the stack of the thread that runs it; helpers get it as their sixth
 * argument. It is inside one operation (shm/actor.h) whose guard brings a fault
 * in code or helpers back to who began the run. A helper that changes a map
 * uses that operation: it sets op->obj to the map's handle word as the command
 * of the same name does, calls the map's function, and sets it back.
 *
 * The maps that the program names are held by the image; the image is held by
 * who runs it, until the run is over.
 */
#ifndef PINFS_HELPER_RUN_H
#define PINFS_HELPER_RUN_H

#include "shm/actor.h"
#include "util/types.h"

struct bpf_map;
struct obj_view;
struct image;
struct run;

struct run_ops {
	/* What a program array has at index, to be run with the same context: NULL if nothing. It stays valid
	 * until the run is over. */
	const struct image *(*tail)(struct run *r, struct bpf_map *m, u32 index);
	/* Calls subprogram number sub of the running image. */
	u64 (*callback)(struct run *r, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
	/* A line for the trace pipe, n bytes with its newline. */
	void (*trace)(struct run *r, const char *text, size_t n);
	/* The map in this process whose id is id, which stands in outer, valid until the run is over. NULL:
	 * none, or not one like outer's template. */
	struct bpf_map *(*inner_map)(struct run *r, struct bpf_map *outer, u32 id);
	/* The perf event with that id, mapped, valid until the run is over. NULL: none that can be used. */
	const struct obj_view *(*perf_event)(struct run *r, u32 id);
	/* Wakes who waits for it. */
	void (*perf_wake)(struct run *r, u32 id);
	/*
	 * BPF_LD | BPF_ABS or BPF_IND: size bytes (1, 2, 4) at offset of the packet of that context, in host
	 * order. Negative: they are not in the packet; the (sub)program then ends with r0 = 0.
	 */
	s64 (*ld_abs)(struct run *r, void *ctx, s32 offset, u32 size);
	/*
	 * bpf_clone_redirect: a copy of the packet of that context goes to that interface (BPF_F_INGRESS:
	 * comes in by it). 0 or what the helper returns. NULL: the copy is dropped, 0.
	 */
	int (*clone_redirect)(struct run *r, void *ctx, u32 ifindex, u64 flags);
	/*
	 * bpf_sys_bpf: a command of bpf(2), whose size bytes of attributes are memory of the program's; what
	 * its pointers lead to has to be, too. The command's result. bpf_sys_close: of who asked for the run.
	 * NULL: cannot be had here.
	 */
	long (*sys_bpf)(struct run *r, u32 cmd, u64 attr, u32 size);
	long (*sys_close)(struct run *r, u32 fd);
	/* Reads memory of who asked for the run: 0 or -EFAULT. NULL: the process itself did. */
	int (*user_in)(struct run *r, void *to, u64 from, u32 n);
	/* How many of n bytes from `at` on are memory of the program's, which is the kernel's memory to it.
	 * Negative, or NULL: the user's memory and the kernel's are not told apart. */
	s64 (*own)(struct run *r, u64 at, u32 n);
};

/* In redirect_flags, beside those of the call: which helper it was. */
#define RUN_REDIRECT_PEER  (1ull << 62)
#define RUN_REDIRECT_NEIGH (1ull << 63)

/* Ring buffers in which a run may have records at once that it has not committed; with more, there is no
 * room. */
#define RUN_RINGS 8

/* What an iterator has written for the object that it is at (helper/seq_helpers.c). */
struct run_seq {
	char *buf;
	u32 room, len; /* len < room */
	bool full;     /* something did not fit */
};

struct run {
	const struct run_ops *ops;
	struct op *op;
	const struct image *image; /* running now; changes by a tail call */
	u32 cpu;                   /* its slot in per-CPU maps, nobody else's until the run is over */
	u32 packet;                /* enum run_ctx_kind (helper/run_ctx.h) of ctx; 0: it is no packet */
	s32 pid, tid;              /* of the thread that asked for the run */
	u32 tail_calls;
	void *ctx; /* as the program got it; what lies there is the program type's (progtype/ctx.h) */
	u64 redirect_map, redirect_index, redirect_flags; /* bpf_redirect and bpf_redirect_map */
	struct bpf_map *redirect_to;
	struct run_seq *seq; /* of an iterator's run, else NULL */
	u64 scratch[8];      /* helpers' own, zero at the start */
	struct {
		struct bpf_map *m;
		u32 open;  /* its records that are not committed */
	} ring[RUN_RINGS]; /* zero at the start, and again at the end: the verifier sees to that */
	u64 loop_began;    /* exec's: ns, when may_goto was first met; zero at the start, like loops_left */
	u32 loops_left;    /* exec's: how often may_goto goes on before it looks at the clock */
};

#endif
