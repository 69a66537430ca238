// SPDX-License-Identifier: BSD-2-Clause
/*
 * Program types: one row each, with all that loading and running ask for.
 *
 * A type with a file of its own has there its context's fields; the row names them.
 * No code outside asks for a type's number.
 */
#ifndef PINFS_PROGTYPE_PROG_TYPES_H
#define PINFS_PROGTYPE_PROG_TYPES_H

#include "helper/helper.h"
#include "util/types.h"

#define RET_ANY (-1)

/* Expected attach types that behave alike: what a program may return at its end. */
struct ctx_field;
struct prog_attach {
	u8 first, last;
	s8 min, max;                 /* max RET_ANY: no rule */
	const struct ctx_field *ctx; /* what it sees of the context, where that differs; NULL: the type's */
	const s16 *helpers;          /* what it may call beside the type's helpers, up to 0; NULL: nothing */
};

/* How a type is loaded. */
enum prog_kind {
	PROG_PLAIN,
	PROG_ABSENT,     /* not known: EINVAL */
	PROG_TRACING,    /* attaches to a BTF function */
	PROG_EXT,        /* replaces a function of another program */
	PROG_STRUCT_OPS, /* implements a kernel's struct: ENOTSUPP */
	PROG_SYSCALL,    /* sleepable only */
};

/* What BPF_PROG_TEST_RUN does with it. */
enum prog_run {
	RUN_NONE, /* ENOTSUPP */
	RUN_SKB,
	RUN_XDP,
	RUN_RAW_TP,
	RUN_SYSCALL,
	RUN_FLOW_DISSECTOR,
	RUN_SK_LOOKUP,
	RUN_NETFILTER,
	RUN_ITER, /* not that way: EFAULT, as the kernel says */
};

enum ctx_field_kind {
	CTX_SCALAR,
	CTX_PACKET,      /* pointer to the packet's first byte */
	CTX_PACKET_META, /* to the metadata before it */
	CTX_PACKET_END,
	CTX_SOCK, /* a socket, or NULL */
	CTX_FLOW_KEYS,
	CTX_POINTER, /* to btf-described memory of the kernel: a plain number here */
	CTX_BUFFER,  /* raw tracepoint, syscall: bytes at any offset up to size, in place */
};

#define CTX_READ         1u
#define CTX_WRITE        2u
#define CTX_NARROW       4u /* a part of it may be read: 1, 2 or 4 bytes, aligned */
#define CTX_NARROW_WRITE 8u
#define CTX_WIDE         16u /* eight bytes from here may be accessed at once (two words in a row) */
#define CTX_NARROW_FIRST 32u /* a part of it may be read that begins where it begins */

/*
 * One field of the context as programs see it (struct __sk_buff, xdp_md ...), and
 * where the run's own context has it: one load of in_size bytes at in_off,
 * extended by zeros, is its value. The list ends with size 0. What no field covers may not be accessed.
 *
 * Where size > in_size the run's context has room for size bytes, of which those
 * behind in_size are zero and stay so: a store writes in_size bytes, and a narrow
 * or wide access may be made in place, at in_off + (its offset - off). Pointers
 * (CTX_PACKET and the like) are eight bytes there and are read whole only.
 * CTX_BUFFER is accessed in place and naturally aligned; its in_size is 0.
 */
struct ctx_field {
	u16 off, size;
	u8 kind;   /* enum ctx_field_kind */
	u8 access; /* CTX_READ ... */
	u16 in_off;
	u8 in_size;
};

struct prog_type {
	const char *name;
	enum prog_kind kind;
	enum prog_run run;
	u8 default_attach; /* what expected_attach_type 0 stands for */
	bool any_attach;   /* expected_attach_type is not looked at */
	bool may_sleep;
	u8 iter_attach;                   /* the expected attach type of iterators; 0: has none */
	bool btf_ctx;                     /* the context is no plain struct for helpers */
	bool packet;                      /* packet pointers may be read */
	bool packet_write;                /* and written */
	bool ld_abs;                      /* BPF_LD ABS and IND */
	const struct prog_attach *attach; /* up to first > last; NULL: any, no rule for the result */
	u64 helpers[4];                   /* bit n: helper n may be called */
	const struct ctx_field *ctx;
	const char *ctx_struct; /* name of the context's struct in a program's BTF, for global functions */
	u32 max_ctx;            /* CTX_BUFFER: bytes */
	bool packet_args;       /* memory that helpers get may be packet data, if the helper allows it */
	/* Helpers whose prototype is another one than helper_get's, up to proto NULL; NULL: none. */
	const struct prog_helper_alt {
		s32 id;
		const struct bpf_func_proto *proto;
	} * alt;
};

/* Never NULL; an unknown number gives a row of kind PROG_ABSENT. */
const struct prog_type *prog_type_get(u32 type);

/* The row of an attach type, or NULL: EINVAL. */
const struct prog_attach *prog_attach_get(const struct prog_type *t, u32 attach);

/* May a program of this type call it? NULL: unknown helper, or not for this type. _at: of this attach type.
 */
const struct bpf_func_proto *prog_helper(const struct prog_type *t, s32 id);
const struct bpf_func_proto *prog_helper_at(const struct prog_type *t, const struct prog_attach *a, s32 id);

/*
 * The field that covers [off, off + size) for that kind of access; NULL: none
 * does. prog_ctx_field knows only what all attach types of t have in common;
 * prog_ctx_field_at asks the attach type's row (NULL: the same).
 */
const struct ctx_field *prog_ctx_field(const struct prog_type *t, s32 off, u32 size, bool write);
const struct ctx_field *prog_ctx_field_at(const struct prog_type *t, const struct prog_attach *a, s32 off,
					  u32 size, bool write);

#endif
