// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known of a number: see bounds.h.
 *
 * Five statements about one word hold at once: its bits, and four ranges:
 *
 *     63                    32 31                     0
 *     +-----------------------+-----------------------+
 *     |                       |   u32_min..u32_max    |
 *     |                       |   s32_min..s32_max    |
 *     +-----------------------+-----------------------+
 *     |              umin..umax, smin..smax           |
 *     +-----------------------------------------------+
 *
 * Each operation computes what it can of each by itself; scalar_sync() then
 * lets them learn from each other. It cannot add a number, so that the order of
 * its steps is a matter of precision only; they are done in the kernel's order
 * and as often, since another order accepts other programs.
 *
 * Statements that contradict each other mean that no number is left: the path is dead.
 */
#include <linux/bpf.h>
#include "verifier/bounds.h"

#define RAISE(lo, v)                                                                                         \
	do {                                                                                                 \
		if ((lo) < (v))                                                                              \
			(lo) = (v);                                                                          \
	} while (0)
#define LOWER(hi, v)                                                                                         \
	do {                                                                                                 \
		if ((hi) > (v))                                                                              \
			(hi) = (v);                                                                          \
	} while (0)

#define SIGN64 (1ull << 63)
#define SIGN32 (1u << 31)

static void forget_low(struct scalar *s)
{
	s->s32_min = INT32_MIN;
	s->s32_max = INT32_MAX;
	s->u32_min = 0;
	s->u32_max = UINT32_MAX;
}

static void forget_full(struct scalar *s)
{
	s->smin = INT64_MIN;
	s->smax = INT64_MAX;
	s->umin = 0;
	s->umax = UINT64_MAX;
}

void scalar_forget(struct scalar *s)
{
	forget_low(s);
	forget_full(s);
}

void scalar_unknown(struct scalar *s)
{
	s->var = TNUM_UNKNOWN;
	scalar_forget(s);
}

void scalar_const(struct scalar *s, u64 v)
{
	s->var = tnum_const(v);
	s->umin = s->umax = v;
	s->smin = s->smax = (s64)v;
	s->u32_min = s->u32_max = (u32)v;
	s->s32_min = s->s32_max = (s32)v;
}

bool scalar_is_const(const struct scalar *s)
{
	return tnum_is_const(s->var);
}

bool scalar_is_const32(const struct scalar *s)
{
	return tnum_subreg_const(s->var);
}

/* The unsigned range may have room for one number of those bits only. */
static void learn_single(struct scalar *s)
{
	u64 first, second;

	if (tnum_is_const(s->var) || !tnum_next(s->var, s->umin, &first) || first > s->umax)
		return;
	if (first == s->umax || !tnum_next(s->var, first + 1, &second) || second > s->umax)
		scalar_const(s, first);
}

/* Ranges from the bits: the least number has unknown bits 0 (but the sign's 1, if signed), the greatest the
 * other way round. */
static void learn_from_bits(struct scalar *s)
{
	struct tnum low = tnum_subreg(s->var);

	RAISE(s->s32_min, (s32)(low.value | (low.mask & SIGN32)));
	LOWER(s->s32_max, (s32)(low.value | (low.mask & ~SIGN32)));
	RAISE(s->u32_min, (u32)low.value);
	LOWER(s->u32_max, (u32)(low.value | low.mask));
	RAISE(s->smin, (s64)(s->var.value | (s->var.mask & SIGN64)));
	LOWER(s->smax, (s64)(s->var.value | (s->var.mask & ~SIGN64)));
	RAISE(s->umin, s->var.value);
	LOWER(s->umax, s->var.value | s->var.mask);
	learn_single(s);
}

static void low_within_s32(struct scalar *s, s32 lo, s32 hi)
{
	RAISE(s->s32_min, lo);
	LOWER(s->s32_max, hi);
}

static void low_within_u32(struct scalar *s, u32 lo, u32 hi)
{
	RAISE(s->u32_min, lo);
	LOWER(s->u32_max, hi);
}

/*
 * The low half of every number of lo..hi, where the upper half is the same throughout; or is one more at the
 * end, and the low half goes from negative to not negative on the way.
 */
static void low_from_ends(struct scalar *s, u64 lo, u64 hi)
{
	u32 high_lo = (u32)(lo >> 32), high_hi = (u32)(hi >> 32);

	if (high_lo == high_hi) {
		if ((u32)lo <= (u32)hi)
			low_within_u32(s, (u32)lo, (u32)hi);
		if ((s32)lo <= (s32)hi)
			low_within_s32(s, (s32)lo, (s32)hi);
	}
}

static void low_over_zero(struct scalar *s, u64 lo, u64 hi)
{
	if ((u32)(lo >> 32) + 1 == (u32)(hi >> 32) && (s32)lo < 0 && (s32)hi >= 0)
		low_within_s32(s, (s32)lo, (s32)hi);
}

/*
 * A signed range from negative to positive is two pieces in unsigned order:
 *
 *     0 ....... smax               smin ....... UINT64_MAX
 *
 * If the unsigned range meets only one of them, it is that one that counts.
 */
static void learn_piece(struct scalar *s)
{
	if (s->umax < (u64)s->smin) {
		s->smin = (s64)s->umin;
		LOWER(s->umax, (u64)s->smax);
	} else if ((u64)s->smax < s->umin) {
		s->smax = (s64)s->umax;
		RAISE(s->umin, (u64)s->smin);
	}
}

static void learn_low_piece(struct scalar *s)
{
	if (s->u32_max < (u32)s->s32_min) {
		s->s32_min = (s32)s->u32_min;
		LOWER(s->u32_max, (u32)s->s32_max);
	} else if ((u32)s->s32_max < s->u32_min) {
		s->s32_max = (s32)s->u32_max;
		RAISE(s->u32_min, (u32)s->s32_min);
	}
}

static void learn_low(struct scalar *s)
{
	low_from_ends(s, s->umin, s->umax);
	low_from_ends(s, (u64)s->smin, (u64)s->smax);
	low_over_zero(s, s->umin, s->umax);
	low_over_zero(s, (u64)s->smin, (u64)s->smax);
	/* A range that does not cross the point where signed and unsigned order differ is one in both. */
	if ((s32)s->u32_min <= (s32)s->u32_max)
		low_within_s32(s, (s32)s->u32_min, (s32)s->u32_max);
	if ((u32)s->s32_min <= (u32)s->s32_max)
		low_within_u32(s, (u32)s->s32_min, (u32)s->s32_max);
	else
		learn_low_piece(s);
}

static void learn_full(struct scalar *s)
{
	if ((s64)s->umin <= (s64)s->umax) {
		RAISE(s->smin, (s64)s->umin);
		LOWER(s->smax, (s64)s->umax);
	}
	if ((u64)s->smin <= (u64)s->smax) {
		RAISE(s->umin, (u64)s->smin);
		LOWER(s->umax, (u64)s->smax);
	} else {
		learn_piece(s);
	}
}

static u64 with_low(u64 full, u32 low)
{
	return (full & ~(u64)UINT32_MAX) | low;
}

/* The full ranges' ends cannot have a low half beyond its own range. */
static void learn_mixed(struct scalar *s)
{
	RAISE(s->umin, with_low(s->umin, s->u32_min));
	LOWER(s->umax, with_low(s->umax, s->u32_max));
	RAISE(s->smin, (s64)with_low((u64)s->smin, s->u32_min));
	LOWER(s->smax, (s64)with_low((u64)s->smax, s->u32_max));
	/* A sign extended number whose low half is not negative is that low half. */
	if (s->s32_min >= 0 && s->smin >= INT32_MIN && s->smax <= INT32_MAX) {
		s->smin = s->s32_min;
		s->smax = s->s32_max;
		s->umin = (u64)s->s32_min;
		s->umax = (u64)s->s32_max;
		s->var = tnum_intersect(s->var, tnum_range(s->umin, s->umax));
	}
}

static void learn_bits(struct scalar *s)
{
	struct tnum full = tnum_intersect(s->var, tnum_range(s->umin, s->umax));
	struct tnum low = tnum_intersect(tnum_subreg(full), tnum_range(s->u32_min, s->u32_max));

	s->var = tnum_with_subreg(full, low);
}

void scalar_sync(struct scalar *s)
{
	learn_from_bits(s);
	for (int round = 0; round < 3; round++) {
		learn_low(s);
		learn_full(s);
		learn_mixed(s);
	}
	learn_bits(s);
	learn_from_bits(s);
}

/* A number whose bits are all known has to be both ends of every range. */
static bool const_fits(const struct scalar *s)
{
	u64 v = s->var.value;

	if (tnum_is_const(s->var) && (s->umin != v || s->umax != v || s->smin != (s64)v || s->smax != (s64)v))
		return false;
	if (!tnum_subreg_const(s->var))
		return true;
	return s->u32_min == (u32)v && s->u32_max == (u32)v && s->s32_min == (s32)v && s->s32_max == (s32)v;
}

bool scalar_sane(const struct scalar *s)
{
	return s->umin <= s->umax && s->smin <= s->smax && s->u32_min <= s->u32_max &&
	       s->s32_min <= s->s32_max && const_fits(s);
}

/* The low half's ranges are those of all of it. */
static void zero_high(struct scalar *s)
{
	s->var = tnum_subreg(s->var);
	s->umin = s->u32_min;
	s->umax = s->u32_max;
	if (s->s32_min >= 0 && s->s32_max >= 0) {
		s->smin = s->s32_min;
		s->smax = s->s32_max;
	} else {
		s->smin = 0;
		s->smax = UINT32_MAX;
	}
	scalar_sync(s);
}

void scalar_zext(struct scalar *s, u8 bytes)
{
	u64 keep = bytes >= 8 ? UINT64_MAX : (1ull << (bytes * 8)) - 1;

	if (bytes >= 8)
		return;
	s->var = tnum_cast(s->var, bytes);
	if ((s->umin & ~keep) == (s->umax & ~keep)) {
		s->umin &= keep;
		s->umax &= keep;
	} else {
		s->umin = 0;
		s->umax = keep;
	}
	s->smin = (s64)s->umin;
	s->smax = (s64)s->umax;
	if (bytes < 4)
		forget_low(s);
	scalar_sync(s);
}

static s64 extend(s64 v, u8 bytes)
{
	u8 up = (u8)(64 - bytes * 8);

	return (s64)((u64)v << up) >> up;
}

/* lo..hi, if sign extension of that many bytes keeps their order: its ends, extended. Else all that may come.
 */
static bool extended_range(s64 *lo, s64 *hi, u8 bytes)
{
	s64 a = extend(*lo, bytes), b = extend(*hi, bytes);

	if (*lo >> (bytes * 8) == *hi >> (bytes * 8) && (a < 0) == (b < 0)) {
		*lo = MIN(a, b);
		*hi = MAX(a, b);
		return true;
	}
	*lo = -(1ll << (bytes * 8 - 1));
	*hi = (1ll << (bytes * 8 - 1)) - 1;
	return false;
}

static void sext_full(struct scalar *s, u8 bytes)
{
	s64 lo = s->smin, hi = s->smax;
	bool exact;

	if (tnum_is_const(s->var)) {
		scalar_const(s, (u64)extend((s64)s->var.value, bytes));
		return;
	}
	exact = extended_range(&lo, &hi, bytes);
	s->smin = lo;
	s->smax = hi;
	s->s32_min = (s32)lo;
	s->s32_max = (s32)hi;
	s->umin = exact ? (u64)lo : 0;
	s->umax = exact ? (u64)hi : UINT64_MAX;
	s->u32_min = exact ? (u32)lo : 0;
	s->u32_max = exact ? (u32)hi : UINT32_MAX;
	s->var = exact ? tnum_range((u64)lo, (u64)hi) : TNUM_UNKNOWN;
}

/* Only the low half counts, and the result's. */
static void sext_low(struct scalar *s, u8 bytes)
{
	s64 lo = s->s32_min, hi = s->s32_max;
	bool exact;

	if (tnum_subreg_const(s->var)) {
		scalar_const(s, (u32)extend((s64)s->var.value, bytes));
		return;
	}
	exact = extended_range(&lo, &hi, bytes);
	s->s32_min = (s32)lo;
	s->s32_max = (s32)hi;
	s->u32_min = exact ? (u32)lo : 0;
	s->u32_max = exact ? (u32)hi : UINT32_MAX;
	s->var = tnum_subreg(exact ? tnum_range((u64)lo, (u64)hi) : TNUM_UNKNOWN);
	zero_high(s);
}

void scalar_sext(struct scalar *s, u8 bytes, bool to32)
{
	if (to32 && bytes < 4)
		sext_low(s, bytes);
	else if (to32)
		zero_high(s);
	else if (bytes < 8)
		sext_full(s, bytes);
}

static u64 swap_bytes(u64 v, s32 bits)
{
	return __builtin_bswap64(v) >> (64 - bits);
}

/*
 * The order of the bytes changes in all swaps but to little endian, where it is the width alone that counts.
 * Of a number in another order the bits are known, and no range.
 */
void scalar_swap(struct scalar *s, u8 code, s32 imm)
{
	if (imm != 16 && imm != 32 && imm != 64) {
		scalar_unknown(s);
		return;
	}
	if (BPF_CLASS(code) == BPF_ALU64 || BPF_SRC(code) == BPF_TO_BE) {
		s->var.value = swap_bytes(s->var.value, imm);
		s->var.mask = swap_bytes(s->var.mask, imm);
		scalar_forget(s);
	}
	if (imm == 64)
		scalar_sync(s);
	else
		scalar_zext(s, (u8)(imm / 8));
}

bool scalar_within(const struct scalar *old, const struct scalar *now)
{
	return old->umin <= now->umin && old->umax >= now->umax && old->smin <= now->smin &&
	       old->smax >= now->smax && old->u32_min <= now->u32_min && old->u32_max >= now->u32_max &&
	       old->s32_min <= now->s32_min && old->s32_max >= now->s32_max && tnum_in(old->var, now->var);
}
