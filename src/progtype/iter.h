// SPDX-License-Identifier: BSD-2-Clause
/*
 * Iterators over objects: what a program of each gets, one row a target.
 *
 * An iterator program is a TRACING program whose attach_btf_id is a function
 * bpf_iter_TARGET of the machine's BTF. Its context is an array of words, one a
 * parameter of that function; the types of those that are pointers to
 * kernel structs are that function's, what else is known of them stands here.
 */
#ifndef PINFS_PROGTYPE_ITER_H
#define PINFS_PROGTYPE_ITER_H

#include "btf/btf.h"

#define ITER_ARGS_MAX 4u

enum iter_arg {
	ITER_NONE,
	ITER_TRUSTED,         /* a kernel struct */
	ITER_TRUSTED_OR_NULL, /* or NULL, in the last call */
	ITER_STRUCT_OR_NULL,  /* the same, but nobody answers for it: its address may be stale */
	ITER_BUF_RDONLY,      /* bytes, or NULL: how many there are is known when it is attached */
	ITER_BUF,
};

/* What is visited. */
enum iter_over { ITER_MAPS, ITER_PROGS, ITER_LINKS, ITER_MAP_ELEMS };

struct iter_target {
	const char *name; /* "bpf_map" */
	enum iter_over over;
	u8 arg[ITER_ARGS_MAX]; /* enum iter_arg */
	bool needs_map;        /* BPF_LINK_CREATE must name one */
};

/*
 * The target whose function is type id of the machine's BTF. NULL: none of
 * those served; *name is the function's name then, "" if the type is no function.
 */
const struct iter_target *iter_target_of(const struct btf_view *kernel, u32 id, const char **name);

/* By its name, "bpf_map". */
const struct iter_target *iter_target_get(const char *name);

/* The struct that argument n of the function points to; 0: none, or there is no such argument. */
u32 iter_arg_struct(const struct btf_view *kernel, u32 func_id, u32 n);
u32 iter_nr_args(const struct iter_target *t);

#endif
