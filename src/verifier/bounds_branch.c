// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a comparison decides, and what is known after it: see bounds.h.
 *
 * The comparisons of BPF come down to five: JEQ, JNE, JSET and the orders JLT
 * and JLE, unsigned or signed; the greater-than ones are those with the sides
 * exchanged, and a branch not taken is the opposite comparison taken, for
 * which JSET needs a name of its own.
 *
 * Unsigned and signed order are one code: a `side` is the ends of one number in
 * the order asked for, as keys that compare as u64. A signed number becomes a key by flipping
 * its sign bit.
 */
#include <linux/bpf.h>
#include "verifier/bounds.h"

#define JSET_NOT 0x08 /* no bit in common; no operation of BPF has this number */
#define SIGN64   (1ull << 63)

static bool is_signed(u8 op)
{
	return op == BPF_JSGT || op == BPF_JSGE || op == BPF_JSLT || op == BPF_JSLE;
}

static u8 opposite(u8 op)
{
	switch (op) {
	case BPF_JEQ: return BPF_JNE;
	case BPF_JNE: return BPF_JEQ;
	case BPF_JSET: return JSET_NOT;
	case BPF_JGT: return BPF_JLE;
	case BPF_JLE: return BPF_JGT;
	case BPF_JGE: return BPF_JLT;
	case BPF_JLT: return BPF_JGE;
	case BPF_JSGT: return BPF_JSLE;
	case BPF_JSLE: return BPF_JSGT;
	case BPF_JSGE: return BPF_JSLT;
	case BPF_JSLT: return BPF_JSGE;
	default: return op;
	}
}

/* The same comparison with its sides exchanged, if it is a greater-than. */
static bool exchanged(u8 *op)
{
	switch (*op) {
	case BPF_JGT: *op = BPF_JLT; return true;
	case BPF_JGE: *op = BPF_JLE; return true;
	case BPF_JSGT: *op = BPF_JSLT; return true;
	case BPF_JSGE: *op = BPF_JSLE; return true;
	default: return false;
	}
}

static bool is_strict(u8 op)
{
	return op == BPF_JLT || op == BPF_JSLT;
}

struct side {
	u64 min, max;
};

static struct side side_of(const struct scalar *s, bool sign, bool is32)
{
	if (!sign)
		return is32 ? (struct side){ s->u32_min, s->u32_max } : (struct side){ s->umin, s->umax };
	if (is32)
		return (struct side){ (u64)(s64)s->s32_min ^ SIGN64, (u64)(s64)s->s32_max ^ SIGN64 };
	return (struct side){ (u64)s->smin ^ SIGN64, (u64)s->smax ^ SIGN64 };
}

static void side_to(struct scalar *s, struct side v, bool sign, bool is32)
{
	if (sign && is32) {
		s->s32_min = (s32)(v.min ^ SIGN64);
		s->s32_max = (s32)(v.max ^ SIGN64);
	} else if (sign) {
		s->smin = (s64)(v.min ^ SIGN64);
		s->smax = (s64)(v.max ^ SIGN64);
	} else if (is32) {
		s->u32_min = (u32)v.min;
		s->u32_max = (u32)v.max;
	} else {
		s->umin = v.min;
		s->umax = v.max;
	}
}

static struct tnum bits_of(const struct scalar *s, bool is32)
{
	return is32 ? tnum_subreg(s->var) : s->var;
}

static void bits_to(struct scalar *s, struct tnum bits, bool is32)
{
	s->var = is32 ? tnum_with_subreg(s->var, bits) : bits;
}

static bool apart(const struct scalar *a, const struct scalar *b, bool sign, bool is32)
{
	struct side x = side_of(a, sign, is32), y = side_of(b, sign, is32);

	return x.min > y.max || x.max < y.min;
}

/* Are they equal? 1, 0, -1. */
static int branch_equal(const struct scalar *a, const struct scalar *b, bool is32)
{
	struct tnum x = bits_of(a, is32), y = bits_of(b, is32);

	if (tnum_is_const(x) && tnum_is_const(y))
		return x.value == y.value;
	if (!tnum_overlap(x, y) || apart(a, b, false, is32) || apart(a, b, true, is32))
		return 0;
	if (!is32 && (apart(a, b, false, true) || apart(a, b, true, true)))
		return 0;
	return -1;
}

static int branch_common_bit(const struct scalar *a, const struct scalar *b, bool is32)
{
	struct tnum x = bits_of(a, is32), y = bits_of(b, is32);

	if (!tnum_is_const(y)) {
		struct tnum t = x;

		x = y;
		y = t;
	}
	if (!tnum_is_const(y))
		return -1;
	if (x.value & y.value)
		return 1;
	return (x.value | x.mask) & y.value ? -1 : 0;
}

static int branch_less(const struct scalar *a, const struct scalar *b, u8 op, bool is32)
{
	struct side x, y;

	if (exchanged(&op)) {
		const struct scalar *t = a;

		a = b;
		b = t;
	}
	x = side_of(a, is_signed(op), is32);
	y = side_of(b, is_signed(op), is32);
	if (is_strict(op))
		return x.max < y.min ? 1 : x.min >= y.max ? 0 : -1;
	return x.max <= y.min ? 1 : x.min > y.max ? 0 : -1;
}

int scalar_branch(const struct scalar *a, const struct scalar *b, u8 op, bool is32)
{
	int equal;

	switch (op) {
	case BPF_JEQ: return branch_equal(a, b, is32);
	case BPF_JNE: equal = branch_equal(a, b, is32); return equal < 0 ? -1 : !equal;
	case BPF_JSET: return branch_common_bit(a, b, is32);
	default: return branch_less(a, b, op, is32);
	}
}

/* Both are what both can be. */
static void refine_equal(struct scalar *a, struct scalar *b, bool is32)
{
	struct tnum bits = tnum_intersect(bits_of(a, is32), bits_of(b, is32));

	for (int sign = 0; sign < 2; sign++) {
		struct side x = side_of(a, sign, is32), y = side_of(b, sign, is32);

		x.min = MAX(x.min, y.min);
		x.max = MIN(x.max, y.max);
		side_to(a, x, sign, is32);
		side_to(b, x, sign, is32);
	}
	bits_to(a, bits, is32);
	bits_to(b, bits, is32);
}

/* A number at the end of a range, which it is not, shortens the range. */
static void refine_unequal(struct scalar *a, const struct scalar *number, bool is32)
{
	for (int sign = 0; sign < 2; sign++) {
		struct side x = side_of(a, sign, is32);
		u64 v = side_of(number, sign, is32).min;

		if (x.min == v)
			x.min++;
		if (x.max == v)
			x.max--;
		side_to(a, x, sign, is32);
	}
}

/*
 * Any bit, or none, of `number` is 1 in a. Ranges are forgotten where bits become
 * 0, as in the kernel: they could say the contrary on a dead path.
 */
static void refine_bits(struct scalar *a, const struct scalar *number, u8 op, bool is32)
{
	u64 v = bits_of(number, is32).value;
	struct tnum x = bits_of(a, is32);

	if (op == JSET_NOT) {
		scalar_forget(a);
		bits_to(a, tnum_and(x, tnum_const(~v)), is32);
	} else if (v && !(v & (v - 1))) {
		bits_to(a, tnum_or(x, tnum_const(v)), is32);
	}
}

static void refine_less(struct scalar *a, struct scalar *b, u8 op, bool is32)
{
	bool sign = is_signed(op);
	struct side x = side_of(a, sign, is32), y = side_of(b, sign, is32);
	u64 gap = is_strict(op);

	x.max = MIN(x.max, y.max - gap);
	y.min = MAX(y.min, x.min + gap);
	side_to(a, x, sign, is32);
	side_to(b, y, sign, is32);
}

static void refine(struct scalar *a, struct scalar *b, u8 op, bool is32)
{
	switch (op) {
	case BPF_JEQ: refine_equal(a, b, is32); break;
	case BPF_JNE:
	case BPF_JSET:
	case JSET_NOT:
		if (!tnum_is_const(bits_of(b, is32))) {
			struct scalar *t = a;

			a = b;
			b = t;
		}
		if (!tnum_is_const(bits_of(b, is32)))
			break;
		if (op == BPF_JNE)
			refine_unequal(a, b, is32);
		else
			refine_bits(a, b, op, is32);
		break;
	default:
		if (exchanged(&op))
			refine_less(b, a, op, is32);
		else
			refine_less(a, b, op, is32);
	}
}

void scalar_refine(struct scalar *a, struct scalar *b, u8 op, bool is32, bool taken)
{
	refine(a, b, taken ? op : opposite(op), is32);
	scalar_sync(a);
	scalar_sync(b);
}
