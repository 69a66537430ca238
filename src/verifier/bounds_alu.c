// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is known after an arithmetic instruction: see bounds.h.
 *
 * A range operation is written once, for numbers of 64 bits, and serves both
 * halves of what is known: the ranges of the whole word, and with width 32 those
 * of its low half. Ends are computed in 128 bits, where nothing wraps; what then
 * does not fit the width has wrapped, and whether a range survives that is each
 * operation's own matter.
 *
 * The low half of a 64-bit result depends on the operands' low halves alone for
 * all that go through the table. Right shifts do not, they have their own code.
 */
#include <linux/bpf.h>
#include "verifier/bounds.h"

typedef __int128 s128;
typedef unsigned __int128 u128;

struct range {
	u64 umin, umax;
	s64 smin, smax;
};

static s64 least(u8 width)
{
	return width == 64 ? INT64_MIN : INT32_MIN;
}

static s64 greatest(u8 width)
{
	return width == 64 ? INT64_MAX : INT32_MAX;
}

static u64 all_ones(u8 width)
{
	return width == 64 ? UINT64_MAX : UINT32_MAX;
}

static void full_signed(struct range *r, u8 width)
{
	r->smin = least(width);
	r->smax = greatest(width);
}

static void full_unsigned(struct range *r, u8 width)
{
	r->umin = 0;
	r->umax = all_ones(width);
}

static struct range range_of(const struct scalar *s, u8 width)
{
	if (width == 64)
		return (struct range){ s->umin, s->umax, s->smin, s->smax };
	return (struct range){ s->u32_min, s->u32_max, s->s32_min, s->s32_max };
}

static void range_to(struct scalar *s, const struct range *r, u8 width)
{
	if (width == 64) {
		s->umin = r->umin;
		s->umax = r->umax;
		s->smin = r->smin;
		s->smax = r->smax;
	} else {
		s->u32_min = (u32)r->umin;
		s->u32_max = (u32)r->umax;
		s->s32_min = (s32)r->smin;
		s->s32_max = (s32)r->smax;
	}
}

/* lo..hi, if no number of it wraps. */
static void set_signed(struct range *r, s128 lo, s128 hi, u8 width)
{
	if (lo < least(width) || hi > greatest(width)) {
		full_signed(r, width);
		return;
	}
	r->smin = (s64)lo;
	r->smax = (s64)hi;
}

/* lo..hi, of which all numbers wrap, or none: then they keep their order. */
static void set_unsigned(struct range *r, s128 lo, s128 hi, u8 width)
{
	if (lo >> width != hi >> width) {
		full_unsigned(r, width);
		return;
	}
	r->umin = (u64)lo & all_ones(width);
	r->umax = (u64)hi & all_ones(width);
}

static void range_add(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	(void)bits;
	/* Unlike unsigned ends, signed ones that both wrap are given up. */
	set_signed(a, (s128)a->smin + b->smin, (s128)a->smax + b->smax, width);
	set_unsigned(a, (s128)a->umin + b->umin, (s128)a->umax + b->umax, width);
}

static void range_sub(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	(void)bits;
	set_signed(a, (s128)a->smin - b->smax, (s128)a->smax - b->smin, width);
	set_unsigned(a, (s128)a->umin - b->umax, (s128)a->umax - b->umin, width);
}

static void range_mul(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	const s128 product[] = { (s128)a->smin * b->smin, (s128)a->smin * b->smax, (s128)a->smax * b->smin,
				 (s128)a->smax * b->smax };
	s128 lo = product[0], hi = product[0];

	(void)bits;
	for (u32 i = 1; i < ARRAY_SIZE(product); i++) {
		lo = MIN(lo, product[i]);
		hi = MAX(hi, product[i]);
	}
	set_signed(a, lo, hi, width);
	if ((u128)a->umax * b->umax > all_ones(width)) {
		full_unsigned(a, width);
	} else {
		a->umin *= b->umin;
		a->umax *= b->umax;
	}
}

/* The signed range of bit operations: the unsigned one, if all of it has one sign. */
static void sign_from_unsigned(struct range *r, u8 width)
{
	s64 lo = width == 64 ? (s64)r->umin : (s32)r->umin;
	s64 hi = width == 64 ? (s64)r->umax : (s32)r->umax;

	if (lo <= hi) {
		r->smin = lo;
		r->smax = hi;
	} else {
		full_signed(r, width);
	}
}

/* bits: what is known of the result's. */
static void range_and(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	a->umin = bits.value;
	a->umax = MIN(a->umax, b->umax);
	sign_from_unsigned(a, width);
}

static void range_or(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	a->umin = MAX(a->umin, b->umin);
	a->umax = bits.value | bits.mask;
	sign_from_unsigned(a, width);
}

static void range_xor(struct range *a, const struct range *b, struct tnum bits, u8 width)
{
	(void)b;
	a->umin = bits.value;
	a->umax = bits.value | bits.mask;
	sign_from_unsigned(a, width);
}

/* Operations whose low half comes from low halves, by BPF_OP(code) >> 4. */
static const struct alu {
	struct tnum (*bits)(struct tnum a, struct tnum b);
	void (*range)(struct range *a, const struct range *b, struct tnum bits, u8 width);
} alus[16] = {
	[BPF_ADD >> 4] = { tnum_add, range_add }, [BPF_SUB >> 4] = { tnum_sub, range_sub },
	[BPF_MUL >> 4] = { tnum_mul, range_mul }, [BPF_AND >> 4] = { tnum_and, range_and },
	[BPF_OR >> 4] = { tnum_or, range_or },    [BPF_XOR >> 4] = { tnum_xor, range_xor },
};

static void apply(const struct alu *alu, struct scalar *dst, const struct scalar *src)
{
	struct tnum bits = alu->bits(dst->var, src->var);
	struct range low = range_of(dst, 32), full = range_of(dst, 64);
	const struct range src_low = range_of(src, 32), src_full = range_of(src, 64);

	alu->range(&low, &src_low, tnum_subreg(bits), 32);
	alu->range(&full, &src_full, bits, 64);
	dst->var = bits;
	range_to(dst, &low, 32);
	range_to(dst, &full, 64);
}

/* A shift's amount, if it is one number and less than the width; else -1. */
static int shift_amount(const struct scalar *src, bool is64)
{
	struct range r = range_of(src, is64 ? 64 : 32);
	bool one = is64 ? scalar_is_const(src) : scalar_is_const32(src);

	if (!one || r.umin != r.umax || r.smin != r.smax || src->umax >= (is64 ? 64u : 32u))
		return -1;
	return (int)r.umin;
}

/* Unsigned order is kept while no 1 is shifted out; the sign may be anything. */
static void range_lsh(struct range *r, u8 n, u8 width)
{
	full_signed(r, width);
	if (n >= width || r->umax > 1ull << (width - 1 - n)) {
		full_unsigned(r, width);
	} else {
		r->umin <<= n;
		r->umax <<= n;
	}
}

static void shift_left(struct scalar *dst, u8 n, bool is64)
{
	struct range low = range_of(dst, 32), full = range_of(dst, 64);
	const s64 s32_min = dst->s32_min, s32_max = dst->s32_max;

	range_lsh(&low, n, 32);
	range_to(dst, &low, 32);
	if (!is64) {
		dst->var = tnum_lshift(tnum_subreg(dst->var), n);
		return;
	}
	range_lsh(&full, n, 64);
	/* The first half of a sign extension: the low half's sign becomes the sign. */
	if (n == 32) {
		full.smin = (s64)((u64)s32_min << 32);
		full.smax = (s64)((u64)s32_max << 32);
	}
	range_to(dst, &full, 64);
	dst->var = tnum_lshift(dst->var, n);
}

/* The ranges of the width that is shifted; what a 64-bit shift brings into the low half only the bits tell.
 */
static void shift_right(struct scalar *dst, u8 n, bool is64, bool arithmetic)
{
	const u8 width = is64 ? 64 : 32;
	const struct tnum bits = is64 ? dst->var : tnum_subreg(dst->var);
	struct range r = range_of(dst, width), low;

	if (arithmetic) {
		r.smin >>= n;
		r.smax >>= n;
		full_unsigned(&r, width);
		dst->var = tnum_arshift(bits, n, width);
	} else {
		r.umin >>= n;
		r.umax >>= n;
		full_signed(&r, width);
		dst->var = tnum_rshift(bits, n);
	}
	if (is64) {
		full_signed(&low, 32);
		full_unsigned(&low, 32);
		range_to(dst, &low, 32);
	}
	range_to(dst, &r, width);
}

/* False: nothing can be said of the result. */
static bool shift(struct scalar *dst, const struct scalar *src, u8 op, bool is64)
{
	int n = shift_amount(src, is64);

	if (n < 0)
		return false;
	if (op == BPF_LSH)
		shift_left(dst, (u8)n, is64);
	else
		shift_right(dst, (u8)n, is64, op == BPF_ARSH);
	return true;
}

static void low_const(struct scalar *s, u32 v)
{
	s->var = tnum_with_subreg(s->var, tnum_const(v));
	s->u32_min = s->u32_max = v;
	s->s32_min = s->s32_max = (s32)v;
}

bool scalar_fork(struct scalar *dst, const struct scalar *src, u8 op, struct scalar *zero)
{
	if ((op != BPF_AND && op != BPF_OR) || !scalar_is_const(src))
		return false;
	*zero = *dst;
	if (dst->smin == -1 && dst->smax == 0) {
		scalar_const(zero, 0);
		scalar_const(dst, UINT64_MAX);
	} else if (dst->s32_min == -1 && dst->s32_max == 0) {
		low_const(zero, 0);
		low_const(dst, UINT32_MAX);
	} else {
		return false;
	}
	return true;
}

void scalar_alu(struct scalar *dst, const struct scalar *src, u8 op, s16 off, bool is64)
{
	const struct alu *alu = &alus[op >> 4];
	struct scalar zero;

	(void)off; /* both divisions leave an unknown number */
	if (op == BPF_MOV) {
		*dst = *src;
	} else if (op == BPF_NEG) {
		scalar_const(&zero, 0);
		apply(&alus[BPF_SUB >> 4], &zero, dst);
		*dst = zero;
	} else if (alu->bits) {
		apply(alu, dst, src);
	} else if ((op != BPF_LSH && op != BPF_RSH && op != BPF_ARSH) || !shift(dst, src, op, is64)) {
		scalar_unknown(dst);
		return;
	}
	if (!is64)
		scalar_sext(dst, 4, true);
	else if (op != BPF_MOV)
		scalar_sync(dst);
}
