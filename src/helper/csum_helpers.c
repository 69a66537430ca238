// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on checksums.
 *
 * Packets of BPF_PROG_TEST_RUN carry no sum of the whole from a device, so there
 * is none to be kept in step, and csum_update has nothing to update.
 */
#include "helper/csum.h"
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "util/err.h"
#include <string.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define CSUM_LEVELS 3u
#define OFFSET_MAX  0xffffu

/* The kernel has this flag since 6.16. */
#define F_IPV6 0x80u

HELPER(csum_diff)
{
	const void *from = u64_to_ptr(r1), *to = u64_to_ptr(r3);
	u32 nfrom = (u32)r2, nto = (u32)r4, seed = (u32)r5;

	if (nfrom && nto)
		return csum_16(csum_sub(csum_bytes(to, nto, seed), csum_bytes(from, nfrom, 0)));
	if (nto)
		return csum_16(csum_bytes(to, nto, seed));
	if (nfrom)
		return csum_16(~csum_bytes(from, nfrom, ~seed));
	return csum_16(seed);
}

HELPER(csum_update)
{
	return (u64)-ENOTSUPP;
}

HELPER(csum_level)
{
	struct run_skb *skb = u64_to_ptr(r1);

	switch (r2) {
	case BPF_CSUM_LEVEL_QUERY: return skb->csum_good ? skb->csum_level : (u64)-EACCES;
	case BPF_CSUM_LEVEL_INC:
		if (!skb->csum_good)
			skb->csum_level = 0;
		else if (skb->csum_level < CSUM_LEVELS)
			skb->csum_level++;
		skb->csum_good = true;
		return 0;
	case BPF_CSUM_LEVEL_DEC:
		if (skb->csum_good && !skb->csum_level)
			skb->csum_good = false;
		else if (skb->csum_good)
			skb->csum_level--;
		return 0;
	case BPF_CSUM_LEVEL_RESET:
		skb->csum_good = false;
		skb->csum_level = 0;
		return 0;
	}
	return (u64)-EINVAL;
}

PROTO(csum_diff, .func = csum_diff, PKT, INT, ARGS(IN_OR_NULL, SIZE0, IN_OR_NULL, SIZE0, ANY));
PROTO(csum_update, .func = csum_update, INT, ARGS(CTX, ANY));
PROTO(csum_level, .func = csum_level, INT, ARGS(CTX, ANY));

/* ---- a sum in a header, after a field of the header was changed ---- */

static int replace(u16 *sum, u64 from, u64 to, u32 field)
{
	u32 was = (u16) ~*sum;

	switch (field) {
	case 0: /* `to` is a difference that bpf_csum_diff has made */
		if (from)
			return -EINVAL;
		*sum = csum_fold(csum_add((u32)to, ~(u32)*sum));
		return 0;
	case 2: *sum = csum_fold(csum_add(csum_sub(was, (u16)from), (u16)to)); return 0;
	case 4: *sum = csum_fold(csum_add(csum_sub(~(u32)*sum, (u32)from), (u32)to)); return 0;
	}
	return -EINVAL;
}

/* Where the sum stands, or NULL. It need not be aligned in memory. */
static u8 *sum_at(const struct run_skb *skb, u32 off)
{
	return off > OFFSET_MAX || (off & 1) || off + 2 > skb->len ? NULL : skb->data + off;
}

HELPER(l3_csum_replace)
{
	u8 *at = sum_at(u64_to_ptr(r1), (u32)r2);
	u16 sum;
	int err;

	if (r5 & ~(u64)BPF_F_HDR_FIELD_MASK)
		return (u64)-EINVAL;
	if (!at)
		return (u64)-EFAULT;
	memcpy(&sum, at, 2);
	err = replace(&sum, r3, r4, (u32)r5);
	memcpy(at, &sum, 2);
	return (u64)(s64)err;
}

HELPER(l4_csum_replace)
{
	const u64 known = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR |
			  BPF_F_HDR_FIELD_MASK | F_IPV6;
	u8 *at = sum_at(u64_to_ptr(r1), (u32)r2);
	bool mangled = r5 & BPF_F_MARK_MANGLED_0;
	u16 sum;
	int err;

	if (r5 & ~known)
		return (u64)-EINVAL;
	if (!at)
		return (u64)-EFAULT;
	memcpy(&sum, at, 2);
	if (mangled && !(r5 & BPF_F_MARK_ENFORCE) && !sum)
		return 0; /* a datagram without a sum stays so */
	err = replace(&sum, r3, r4, (u32)(r5 & BPF_F_HDR_FIELD_MASK));
	if (!err && mangled && !sum)
		sum = 0xffff;
	memcpy(at, &sum, 2);
	return (u64)(s64)err;
}

PROTO(l3_csum_replace, .func = l3_csum_replace, MOVES, INT, ARGS(CTX, ANY, ANY, ANY, ANY));
PROTO(l4_csum_replace, .func = l4_csum_replace, MOVES, INT, ARGS(CTX, ANY, ANY, ANY, ANY));
