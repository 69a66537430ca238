// SPDX-License-Identifier: BSD-2-Clause
/*
 * Images: movable programs (isa/vprog.h) made executable in one process.
 *
 * Linking puts addresses in place of map indices. The interpreter is the
 * reference; the JIT translates the same linked instructions, and where it
 * cannot (no executable memory to be had, no such machine) the interpreter runs
 * them. An image is made once and never changed after; any number of threads run it.
 *
 * In linked instructions
 *
 *   ld_imm64          src 0 and a value: of a map its address, of a subprogram its number (image_callback)
 *   call src 0        imm: where the helper is, seen from interp_enter
 *
 * and all else is as in movable form.
 */
#ifndef PINFS_EXEC_EXEC_H
#define PINFS_EXEC_EXEC_H

#include "helper/helper.h"
#include "isa/vprog.h"

struct bpf_map;

struct image {
	struct bpf_insn *insns; /* linked */
	u32 cnt, nr_subs;
	struct vprog_sub *sub;
	void *code; /* machine code, NULL: interpreted */
	size_t code_size;
	u32 *code_off; /* per instruction: where its code begins; [cnt]: end. NULL: interpreted */
	u64 (*enter)(void *ctx, struct run *r);
	const void *tail_entry; /* where a tail call arrives */
	void *mem;              /* one mapping for all of the above but code */
	size_t mem_size;
	/* Per subprogram: where its code begins, before what saves registers (code_off of its first
	 * instruction is behind that); [nr_subs]: end. NULL: interpreted. */
	u32 *sub_off;
};

/*
 * Links p with the addresses of its maps (struct bpf_map) and of their values
 * (NULL where a map has none that programs point to). jit: try to translate.
 * Nothing of p, maps and values is needed afterwards but the maps themselves.
 *
 * -ENOMEM; -EINVAL: no sound program (vprog_sound: it may come from a file), a
 * map or a helper that is none. Async-signal-safe. The program is not verified:
 * what it does with memory is its own affair.
 */
int image_make(struct image *im, const struct vprog *p, struct bpf_map *const *maps, void *const *values,
	       u32 nr_maps, bool jit);
/* Nobody runs it any more. */
void image_free(struct image *im);

/* r0 at the exit. r->image is im. Inside an operation whose guard is set. */
static inline u64 image_run(const struct image *im, void *ctx, struct run *r)
{
	return im->enter(ctx, r);
}

/* run_ops.callback for images of any kind. */
u64 image_callback(struct run *r, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

/* Can code be made executable here? Tried once. */
bool jit_available(void);

#endif
