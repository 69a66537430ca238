// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tracked numbers: see tnum.h.
 *
 * A tnum stands for the set of all words that have its known bits. The least of
 * them, as an unsigned number, is `value`, the greatest `value | mask`. What is
 * in here keeps the two apart (value & mask is 0) and never loses a number of
 * the set; it may gain some, because few sets are a tnum exactly.
 *
 * Additions: bit n of a sum is known when both operands' bits are and the carry into
 * it is. The carries are fewest for the two least numbers and most for
 * the two greatest, and where those two sums agree in a bit, given that the
 * operands' bits do not differ there, so does every other sum.
 */
#include "verifier/tnum.h"

static struct tnum make(u64 value, u64 mask)
{
	return (struct tnum){ value & ~mask, mask };
}

static u64 greatest(struct tnum a)
{
	return a.value | a.mask;
}

static u64 low_bits(u32 n)
{
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

struct tnum tnum_const(u64 v)
{
	return (struct tnum){ v, 0 };
}

/* Known are the bits above the highest in which the ends differ. */
struct tnum tnum_range(u64 min, u64 max)
{
	u64 differ = min ^ max;

	return make(min, differ ? low_bits(64 - (u32)__builtin_clzll(differ)) : 0);
}

struct tnum tnum_lshift(struct tnum a, u8 n)
{
	return (struct tnum){ a.value << n, a.mask << n };
}

struct tnum tnum_rshift(struct tnum a, u8 n)
{
	return (struct tnum){ a.value >> n, a.mask >> n };
}

/* An unknown sign is shifted in as unknown bits, because the mask has its top bit then. */
struct tnum tnum_arshift(struct tnum a, u8 n, u8 bits)
{
	if (bits == 32)
		return (struct tnum){ (u32)((s32)a.value >> n), (u32)((s32)a.mask >> n) };
	return (struct tnum){ (u64)((s64)a.value >> n), (u64)((s64)a.mask >> n) };
}

struct tnum tnum_add(struct tnum a, struct tnum b)
{
	u64 least = a.value + b.value;
	u64 most = greatest(a) + greatest(b);

	return make(least, (least ^ most) | a.mask | b.mask);
}

/* Borrows are most for least minus greatest, and fewest the other way round. */
struct tnum tnum_sub(struct tnum a, struct tnum b)
{
	u64 least = a.value - greatest(b);
	u64 most = greatest(a) - b.value;

	return make(a.value - b.value, (least ^ most) | a.mask | b.mask);
}

struct tnum tnum_neg(struct tnum a)
{
	return tnum_sub(tnum_const(0), a);
}

struct tnum tnum_and(struct tnum a, struct tnum b)
{
	u64 ones = a.value & b.value;

	return (struct tnum){ ones, greatest(a) & greatest(b) & ~ones };
}

struct tnum tnum_or(struct tnum a, struct tnum b)
{
	u64 ones = a.value | b.value;

	return (struct tnum){ ones, (a.mask | b.mask) & ~ones };
}

struct tnum tnum_xor(struct tnum a, struct tnum b)
{
	return make(a.value ^ b.value, a.mask | b.mask);
}

/*
 * Long multiplication. A bit of `a` that is 1 adds its row, one that is
 * unknown leaves a choice: the sum so far, with or without the row.
 */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = { 0, 0 };

	for (u64 bit = 1; bit && greatest(a) >= bit; bit <<= 1, b = tnum_lshift(b, 1)) {
		if (a.value & bit)
			sum = tnum_add(sum, b);
		else if (a.mask & bit)
			sum = tnum_union(sum, tnum_add(sum, b));
	}
	return sum;
}

/* Is there a number in both? Without one, some bit is known on both sides, and differs. */
bool tnum_overlap(struct tnum a, struct tnum b)
{
	return !((a.value ^ b.value) & ~a.mask & ~b.mask);
}

/* What both say. If they contradict each other, no number fits, and what comes is some tnum. */
struct tnum tnum_intersect(struct tnum a, struct tnum b)
{
	return make(a.value | b.value, a.mask & b.mask);
}

struct tnum tnum_union(struct tnum a, struct tnum b)
{
	return make(a.value, (a.value ^ b.value) | a.mask | b.mask);
}

struct tnum tnum_cast(struct tnum a, u8 bytes)
{
	u64 keep = low_bits(bytes * 8u);

	return (struct tnum){ a.value & keep, a.mask & keep };
}

struct tnum tnum_subreg(struct tnum a)
{
	return tnum_cast(a, 4);
}

struct tnum tnum_clear_subreg(struct tnum a)
{
	return (struct tnum){ a.value & ~low_bits(32), a.mask & ~low_bits(32) };
}

struct tnum tnum_with_subreg(struct tnum a, struct tnum low)
{
	struct tnum high = tnum_clear_subreg(a);

	low = tnum_subreg(low);
	return (struct tnum){ high.value | low.value, high.mask | low.mask };
}

bool tnum_in(struct tnum a, struct tnum b)
{
	return !((b.mask | (a.value ^ b.value)) & ~a.mask);
}

/*
 * From the top, min's bits are those of the number that is searched until a
 * known bit differs, at bit n. Where min has a 0 there, the 1 makes the number
 * greater, and what follows may be as small as can be. Where min has a 1, the
 * number must have got greater above: at the lowest unknown bit there that min has 0.
 */
bool tnum_next(struct tnum a, u64 min, u64 *v)
{
	u64 differ = (min ^ a.value) & ~a.mask, above, n;

	if (!differ) {
		*v = min;
		return true;
	}
	n = 63 - (u64)__builtin_clzll(differ);
	if (min >> n & 1) {
		above = a.mask & ~min & ~low_bits((u32)n + 1);
		if (!above)
			return false;
		n = (u64)__builtin_ctzll(above);
	}
	*v = (min & ~low_bits((u32)n + 1)) | (a.value & low_bits((u32)n)) | 1ull << n;
	return true;
}

bool tnum_aligned(struct tnum a, u64 size)
{
	return !size || !(greatest(a) & (size - 1));
}
