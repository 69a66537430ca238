// SPDX-License-Identifier: BSD-2-Clause
/*
 * The maps that a program names: gathered while it is verified, held as long as it can run.
 *
 * The verifier is told facts (struct verifier_map) and the code is linked with
 * struct bpf_map; both come from one validated view of the map, so that what was
 * proven holds for what is touched.
 *
 * A frozen map that programs may only read is a constant to the verifier. In
 * the store it is a file like others, so the program gets a private copy:
 *
 *     one mapping:   struct bpf_map, data -> | value |
 */
#ifndef PINFS_SYS_PROG_MAPS_H
#define PINFS_SYS_PROG_MAPS_H

#include "sys/handle.h"
#include "verifier/verifier.h"

struct prog_map {
	struct handle *h;  /* a reference */
	struct bpf_map *m; /* the handle's, or the private copy */
	void *copy;        /* its mapping, NULL: none */
	size_t copy_size;
	struct verifier_map facts, inner;
};

struct prog_maps {
	u32 nr;
	struct prog_map map[VERIFIER_MAPS_MAX];
};

/* Adds the map behind h if it is not there. Takes a reference of its own. Its index, -E2BIG, -ENOMEM, or what
 * handle_open says. */
int prog_maps_add(struct prog_maps *s, struct handle *h);
int prog_maps_find(const struct prog_maps *s, u32 id); /* -ENOENT */
void prog_maps_drop(struct prog_maps *s);

/* Where the values of a map lie that ld_imm64 may point into, NULL: nowhere. */
void *prog_map_value(const struct prog_map *p);

/* The handle of an object known by its id alone, with a reference. -ENOENT, -ENOMEM, -EACCES as ERR_PTR. */
struct handle *handle_by_id(enum obj_type type, u32 id);

#endif
