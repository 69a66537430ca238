// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs made executable in this process: verified here, linked with the maps as mapped here.
 *
 * An image belongs to the handle of its program (sys/handle.h), is made when
 * the program is first run and freed with the handle. It holds its maps. Who
 * runs it holds a reference on the handle.
 *
 * What the store says of a program is not believed: its instructions and
 * func_info are copied, its BTF is read and checked anew, and all goes through
 * the verifier; the code comes from what that made. So a file that was changed
 * after the load gives another verified program or EIO, and never code that nobody has looked at.
 */
#ifndef PINFS_SYS_PROG_IMAGE_H
#define PINFS_SYS_PROG_IMAGE_H

#include "exec/exec.h"
#include "prog/prog.h"
#include "sys/prog_maps.h"

struct prog_image {
	struct image im;
	const struct prog_type *row;
	u32 type, attach, prog_flags;   /* as verified */
	u32 max_ctx;                    /* bytes of its context that it may touch */
	const struct iter_target *iter; /* an iterator, else NULL */
	u32 iter_func;                  /* its function in the machine's BTF */
	u32 max_rdonly, max_rdwr;       /* bytes of the element's key and value that it may touch */
	u32 ncpu;                       /* CPU numbers that all its maps have */
	bool plain;                     /* calls nothing that looks at struct run */
	struct prog_maps maps;
};

/*
 * The image of a program, made if need be; valid as long as the handle is
 * held. -EIO: the file is damaged, or the verifier does not accept it (any
 * more); -ENOENT: the program, or a map, is gone; -ENOMEM; -EACCES.
 */
struct prog_image *prog_image_get(struct op *op, struct handle *h);

void prog_image_free(struct prog_image *i);

#endif
