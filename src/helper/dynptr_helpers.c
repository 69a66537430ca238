// SPDX-License-Identifier: BSD-2-Clause
/*
 * Dynptrs: a pointer with its bounds, of which the program sees no byte.
 *
 * It lies in 16 bytes of the program's stack. The verifier sees to it that only
 * helpers write there, and that the memory lives longer.
 */
#include "helper/dynptr.h"
#include "helper/helper_ids.h"
#include "util/err.h"
#include <string.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define ANY_DYNPTR (DYNPTR_LOCAL | DYNPTR_RINGBUF | DYNPTR_SKB | DYNPTR_XDP)

/* Offsets have 32 bits, as lengths: what is above is not looked at. */
static int in_bounds(const struct dynptr *d, u32 off, u32 len)
{
	return len > d->size || off > d->size - len ? -E2BIG : 0;
}

HELPER(dynptr_from_mem)
{
	struct dynptr *d = u64_to_ptr(r4);
	u32 size = (u32)r2;
	int err = size > DYNPTR_SIZE_MAX ? -E2BIG : r3 ? -EINVAL : 0;

	*d = (struct dynptr){ .data = err ? NULL : u64_to_ptr(r1), .size = err ? 0 : size };
	return (u64)(s64)err;
}

HELPER(dynptr_read)
{
	const struct dynptr *d = u64_to_ptr(r3);
	int err = !d->data || r5 ? -EINVAL : in_bounds(d, (u32)r4, (u32)r2);

	if (!err)
		memmove(u64_to_ptr(r1), d->data + (u32)r4, (u32)r2);
	return (u64)(s64)err;
}

HELPER(dynptr_write)
{
	const struct dynptr *d = u64_to_ptr(r1);
	int err = !d->data || d->rdonly ? -EINVAL : in_bounds(d, (u32)r2, (u32)r4);

	/* What is written to a packet may be asked for more: so the flags are the memory's matter, and come
	 * last. */
	if (!err && r5)
		err = -EINVAL;
	if (!err)
		memmove(d->data + (u32)r2, u64_to_ptr(r3), (u32)r4);
	return (u64)(s64)err;
}

HELPER(dynptr_data)
{
	const struct dynptr *d = u64_to_ptr(r1);

	if (!d->data || d->rdonly || in_bounds(d, (u32)r2, (u32)r3))
		return 0;
	return ptr_to_u64(d->data + (u32)r2);
}

PROTO(dynptr_from_mem, .func = dynptr_from_mem, INT, .special = HELPER_DYNPTR_FROM_MEM,
      ARGS(INOUT, SIZE0, ANY, ARG_DYNPTR | ARG_F_UNINIT), .arg_size = { 0, 0, 0, DYNPTR_LOCAL });
PROTO(dynptr_read, .func = dynptr_read, INT, ARGS(OUT, SIZE0, ARG_DYNPTR | ARG_F_RDONLY, ANY, ANY),
      .arg_size = { 0, 0, ANY_DYNPTR });
PROTO(dynptr_write, .func = dynptr_write, INT, ARGS(ARG_DYNPTR, ANY, IN, SIZE0, ANY),
      .arg_size = { ANY_DYNPTR });
PROTO(dynptr_data, .func = dynptr_data, .ret = RET_DYNPTR_MEM | RET_F_NULL, .special = HELPER_DYNPTR_DATA,
      ARGS(ARG_DYNPTR, ANY, ARG_ALLOC_SIZE), .arg_size = { ANY_DYNPTR });
