// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory for machine code: see jit_mem.c. Private to src/exec.
 */
#ifndef PINFS_EXEC_JIT_MEM_H
#define PINFS_EXEC_JIT_MEM_H

#include "shm/guard.h"
#include "util/types.h"

/* At the beginning of each block; code follows. */
struct code_head {
	u32 size;      /* of the block, from here */
	u32 probes;    /* where its struct code_probe begin */
	u32 nr_probes; /* sorted by `at` */
	u32 unused;
};

/* A load that gives 0 if it faults. Offsets from the head. */
struct code_probe {
	u32 at;
	u8 len;  /* it goes on so many bytes further */
	s8 zero; /* the register to be zeroed */
	u16 unused;
};

/* Sets the range aside; 0 or -ENOMEM. Nothing can be allocated before. */
int code_init(void);

/* size bytes that can be written, not executed; NULL: no memory. */
struct code_head *code_alloc(size_t size);
/* From now on it can be executed, not written: 0 or -errno (it is freed then). */
int code_seal(struct code_head *h, size_t size);
void code_free(struct code_head *h, size_t size);

/* Can a call of four bytes' distance reach it from everywhere in the range? */
bool code_reaches(const void *target);

/* Is there an entry for that address? */
bool code_probe(const void *rip, struct guard_resume *to);

#endif
