// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions of iterators: a program run for each object in turn, and what it writes.
 *
 * A session runs to its end when it is made, in the process that asks for it,
 * and its text is a sealed memfd. The kernel runs the program when the text is
 * read; an iterator's reader can tell the difference only if objects change between the two.
 *
 * Objects come by ascending id, elements in the map's order; a last call has none. As in
 * the kernel an object's text has 32 KiB; one that needs more ends the session with E2BIG,
 * a program that answers 1 twice ends it with EAGAIN. There is no text then at all: it cannot end in an
 * error.
 */
#ifndef PINFS_SYS_ITER_RUN_H
#define PINFS_SYS_ITER_RUN_H

#include "progtype/iter.h"
#include "sys/caller.h"

struct iter_spec {
	const char *target; /* as the link has it: hostile */
	u32 prog_id;
	u32 map_id; /* of map elements */
};

/*
 * An fd of this process, opened for reading, with the whole text at offset 0; its memfd is called name.
 * client_word: an address that the client can read while it lives. -EIO: program or link are damaged;
 * -ENOENT, -ENOMEM, -E2BIG, -EAGAIN, -EINTR, -EACCES: the program reaches beyond the map's keys or values;
 * -EFBIG: RLIMIT_FSIZE of this process is too low.
 */
int iter_session(struct bpf_caller *c, struct op *op, u64 client_word, const struct iter_spec *s,
		 const char *name);

/* Does the program of that image go with that map? 0; -EACCES, -EINVAL: no map of that type has elements. */
struct prog_image;
int iter_map_fits(const struct prog_image *i, const struct bpf_map *m);

#define ITER_TEXT_NAME "pinfs-iter" /* memfd of ITER_CREATE */

#endif
