// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tracked numbers: what is known of each bit of a 64-bit word.
 *
 *     mask  1: the bit is unknown      value  the known bits; 0 where mask is 1
 *
 * Pure arithmetic: a result holds every number that the operands allow (sound),
 * and is as tight as the kernel's, so that the verdicts agree.
 */
#ifndef PINFS_VERIFIER_TNUM_H
#define PINFS_VERIFIER_TNUM_H

#include "util/types.h"

struct tnum {
	u64 value, mask;
};

#define TNUM_UNKNOWN ((struct tnum){ 0, ~0ull })

struct tnum tnum_const(u64 v);
struct tnum tnum_range(u64 min, u64 max); /* the tightest that holds min..max */
struct tnum tnum_lshift(struct tnum a, u8 n);
struct tnum tnum_rshift(struct tnum a, u8 n);
struct tnum tnum_arshift(struct tnum a, u8 n, u8 bits); /* bits: 32 or 64 */
struct tnum tnum_add(struct tnum a, struct tnum b);
struct tnum tnum_sub(struct tnum a, struct tnum b);
struct tnum tnum_neg(struct tnum a);
struct tnum tnum_and(struct tnum a, struct tnum b);
struct tnum tnum_or(struct tnum a, struct tnum b);
struct tnum tnum_xor(struct tnum a, struct tnum b);
struct tnum tnum_mul(struct tnum a, struct tnum b);
bool tnum_overlap(struct tnum a, struct tnum b);
struct tnum tnum_intersect(struct tnum a, struct tnum b);
struct tnum tnum_union(struct tnum a, struct tnum b);
struct tnum tnum_cast(struct tnum a, u8 bytes); /* its low bytes, the rest zero */
struct tnum tnum_subreg(struct tnum a);         /* low 32 bits */
struct tnum tnum_clear_subreg(struct tnum a);   /* high 32 bits, the low ones zero */
struct tnum tnum_with_subreg(struct tnum a, struct tnum low);
bool tnum_in(struct tnum a, struct tnum b);     /* is every number of b one of a? */
bool tnum_next(struct tnum a, u64 min, u64 *v); /* *v: its least number that is at least min, if any */
bool tnum_aligned(struct tnum a, u64 size);     /* a multiple of size (a power of two) for certain */

static inline bool tnum_is_const(struct tnum a)
{
	return !a.mask;
}

static inline bool tnum_equals(struct tnum a, u64 v)
{
	return !a.mask && a.value == v;
}

static inline bool tnum_unknown(struct tnum a)
{
	return !~a.mask;
}

static inline bool tnum_subreg_const(struct tnum a)
{
	return !(u32)a.mask;
}

#endif
