// SPDX-License-Identifier: BSD-2-Clause
/*
 * Program types and helpers: one row each, with the facts that loading asks for.
 */
#ifndef PINFS_PROG_PROG_TYPES_H
#define PINFS_PROG_PROG_TYPES_H

#include "util/types.h"

#define RET_ANY (-1)

/* Expected attach types that behave alike: what a program may return at its end. */
struct prog_attach {
	u8 first, last;
	s8 min, max; /* max RET_ANY: no rule */
};

/* How a type is treated that needs more than this stage has. */
enum prog_kind {
	PROG_PLAIN,
	PROG_ABSENT,     /* not known: EINVAL */
	PROG_TRACING,    /* attaches to a BTF function */
	PROG_EXT,        /* replaces a function of another program */
	PROG_STRUCT_OPS, /* implements a kernel's struct: ENOTSUPP */
	PROG_SYSCALL,    /* sleepable only */
};

struct prog_type {
	const char *name;
	enum prog_kind kind;
	u8 default_attach; /* what expected_attach_type 0 stands for */
	bool any_attach;   /* expected_attach_type is not looked at */
	bool may_sleep;
	bool btf_ctx;                     /* the context is no plain struct for helpers */
	const struct prog_attach *attach; /* up to first > last; NULL: any, no rule for the result */
	u64 helpers[4];                   /* bit n: helper n may be called */
};

/* Never NULL; an unknown number gives a row of kind PROG_ABSENT. */
const struct prog_type *prog_type_get(u32 type);

/* The row of an attach type, or NULL: EINVAL. */
const struct prog_attach *prog_attach_get(const struct prog_type *t, u32 attach);

/*
 * A helper's arguments, one letter each; fewer letters: the rest is not looked at.
 *
 *   c context   a anything that is initialized   m map
 *   r memory read   w memory written   followed by  s size above 0, z size
 *   k key of the map   v value of the map
 *   o another kind that is not served yet
 */
struct helper {
	const char *name; /* "bpf_ktime_get_ns" */
	const char *args;
	char ret; /* i integer, n number of a CPU, v nothing, m value of the map or NULL, p some pointer */
	bool gpl, sleeps;
	u64 maps; /* map types that m may be: bit n for type n */
};

#define HELPERS 212u

/* NULL: no such helper. */
const struct helper *helper_get(s32 id);

#endif
