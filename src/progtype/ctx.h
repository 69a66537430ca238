// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_PROG_TEST_RUN, the part of the program type: from the client's data and
 * context to what r1 points to, and back.
 *
 * Who runs a program does, in this order:
 *
 *     ops = prog_run_ops_get(type->run)         NULL: -ENOTSUPP
 *     err = ops->check(&a)                      before any of the client's memory is read
 *     ... copies a.data_in, a.ctx_in from the client (the sizes are checked now) ...
 *     f.mem = memory of ops->mem_size(&a) bytes, zeroed, 16-byte aligned
 *     err = ops->setup(&f, &a)
 *     repeat a.repeat times:                    (0 counts as 1)
 *         ops->begin(&f)
 *         r0 = image_run(image, f.ctx, run)
 *         retval = ops->end(&f, r0)
 *     ops->finish(&f, &out)
 *     ... copies out to the client, see struct test_run_out ...
 *
 * All memory is the caller's and private; nothing here allocates, blocks or
 * faults. Everything in test_run_args is a stranger's and is checked as the
 * kernel's own TEST_RUN checks it, with its errnos.
 */
#ifndef PINFS_PROGTYPE_CTX_H
#define PINFS_PROGTYPE_CTX_H

#include "helper/run_ctx.h"
#include "progtype/prog_types.h"

/* union bpf_attr's test, and what must be known of the program. */
struct test_run_args {
	u32 prog_type, attach; /* attach: expected_attach_type of the program */
	u32 max_ctx;           /* bytes of the context that the program touches: largest offset + size */
	bool xdp_frags;        /* loaded with BPF_F_XDP_HAS_FRAGS */

	bool has_data_in, has_data_out, has_ctx_in, has_ctx_out; /* the pointer is not NULL */
	u32 data_size_in, data_size_out, ctx_size_in, ctx_size_out;
	u32 repeat, duration, flags, cpu, batch_size;

	/* Copies, made after check(): data_size_in and ctx_size_in bytes where there is a pointer. Read by
	 * setup only. */
	const void *data_in, *ctx_in;
	/* What an interface's number stands for: 1 there is one, 0 none (-ENODEV). NULL: only 1 exists. */
	int (*ifindex_valid)(u32 ifindex);
};

struct run_frame {
	void *ctx; /* r1 */
	void *mem; /* the caller's; used until finish's results have been copied */
	size_t size;
	u32 data_size, ctx_size; /* the type's own, as all that follows */
	u8 *start;
	u32 keep;
};

/*
 * What goes back. data: a piece, and where an XDP packet had fragments another
 * one behind it; both together are data_size_out. Whatever the client's room
 * is, it is told the true size; a smaller room than that gets what fits and
 * makes the call fail with ENOSPC, but retval and duration are written. NULL
 * data_out or ctx_out: only sizes. ctx NULL: no context goes back.
 */
struct test_run_out {
	const void *data;
	u32 size;
	const void *more;
	u32 more_size;
	const void *ctx;
	u32 ctx_size;
	bool ctx_to_in;   /* the context goes back to where ctx_in was, whole (syscall) */
	bool no_data_out; /* data_size_out and duration are not written at all (raw_tp, syscall) */
};

struct prog_run_ops {
	/* 0, -EINVAL, -E2BIG and what else the kernel finds before it reads data. After 0 data_size_in is at
	 * most 128 KiB and ctx_size_in at most 64 KiB, or ctx_max is set. */
	int (*check)(const struct test_run_args *a);
	size_t (*mem_size)(const struct test_run_args *a);
	/* f->mem and f->size are set. 0, -EINVAL, -E2BIG, -ENODEV, -ERANGE, -EAFNOSUPPORT. */
	int (*setup)(struct run_frame *f, const struct test_run_args *a);
	void (*begin)(struct run_frame *f);      /* before each run */
	u32 (*end)(struct run_frame *f, u64 r0); /* after it: what counts as its result */
	void (*finish)(struct run_frame *f, struct test_run_out *out);
	/* Longest context: what is longer is -E2BIG once the data has been read. 0: check has looked. */
	u32 ctx_max;
	/* May run elsewhere than asked: cpu is the client's wish (raw_tp with BPF_F_TEST_RUN_ON_CPU). */
	bool cpu_asked;
};

/* How programs of that kind are run, or NULL. */
const struct prog_run_ops *prog_run_ops_get(enum prog_run kind);

/* What skb->protocol is for an Ethernet frame of at least a header: network byte order. */
u16 skb_protocol_of(const u8 *frame, u32 size);

/* What stands in begin where there is nothing to do: who runs may leave it out. */
void run_begin_nothing(struct run_frame *f);

extern const struct prog_run_ops skb_run_ops, xdp_run_ops, raw_tp_run_ops, syscall_run_ops, flow_run_ops,
	sk_lookup_run_ops, netfilter_run_ops, iter_run_ops;

#endif
