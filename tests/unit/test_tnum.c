// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tracked numbers: every tnum of five bits, lying at either end of the 64-bit word and across its
 * middle, under every operation, against all numbers it stands for.
 *
 * Sound: each result of two numbers is in the result. Tight: the result is the least tnum with that
 * property, for all operations but multiplication, whose unknown bits are counted against the least.
 */
#include <inttypes.h>
#include <string.h>
#include "tests/lib/tap.h"
#include "verifier/tnum.h"

#define BITS  5
#define COUNT 243 /* 3 to the BITS */

/* Where the five bits lie: a result is compared in all 64. */
static const u8 places[] = { 0, 30, 64 - BITS };

static struct tnum small[COUNT];

static void make_small(void)
{
	for (u32 i = 0; i < COUNT; i++)
		for (u32 bit = 0, n = i; bit < BITS; bit++, n /= 3) {
			small[i].value |= (u64)(n % 3 == 1) << bit;
			small[i].mask |= (u64)(n % 3 == 2) << bit;
		}
}

static struct tnum at(u32 i, u8 place)
{
	return (struct tnum){ small[i].value << place, small[i].mask << place };
}

/* The numbers of a small tnum, one after the other; first: its value. False: none left. */
static bool next_number(struct tnum a, u64 *v)
{
	u64 n = ((*v | ~a.mask) + 1) & a.mask;

	*v = n | a.value;
	return n;
}

/* The least tnum that holds all numbers shown to it. */
struct hull {
	u64 ones, any;
	bool some;
};

static void hull_add(struct hull *h, u64 v)
{
	h->ones = h->some ? h->ones & v : v;
	h->any |= v;
	h->some = true;
}

static bool hull_is(const struct hull *h, struct tnum t)
{
	return t.value == h->ones && t.mask == (h->any & ~h->ones);
}

static bool hull_inside(const struct hull *h, struct tnum t)
{
	return tnum_in(t, (struct tnum){ h->ones, h->any & ~h->ones }) && !(t.value & t.mask);
}

static u64 add(u64 a, u64 b)
{
	return a + b;
}

static u64 sub(u64 a, u64 b)
{
	return a - b;
}

static u64 mul(u64 a, u64 b)
{
	return a * b;
}

static u64 and (u64 a, u64 b)
{
	return a & b;
}

static u64 or (u64 a, u64 b)
{
	return a | b;
}

static u64 xor (u64 a, u64 b) { return a ^ b; }

	static const struct op {
	const char *name;
	struct tnum (*abstract)(struct tnum, struct tnum);
	u64 (*concrete)(u64, u64);
	bool tight;
} ops[] = {
	{ "add", tnum_add, add, true }, { "sub", tnum_sub, sub, true }, { "and", tnum_and, and, true },
	{ "or", tnum_or, or, true },    { "xor", tnum_xor, xor, true }, { "mul", tnum_mul, mul, false },
};

static u64 unsound, loose, unknown, unknown_least, pairs;

static void one_pair(const struct op *op, struct tnum a, struct tnum b)
{
	struct tnum t = op->abstract(a, b);
	struct hull h = { 0 };
	u64 v = a.value, w;

	do {
		w = b.value;
		do
			hull_add(&h, op->concrete(v, w));
		while (next_number(b, &w));
	} while (next_number(a, &v));
	pairs++;
	unsound += !hull_inside(&h, t);
	loose += !hull_is(&h, t);
	unknown += (u64)__builtin_popcountll(t.mask);
	unknown_least += (u64)__builtin_popcountll(h.any & ~h.ones);
}

static void test_op(const struct op *op)
{
	unsound = loose = unknown = unknown_least = pairs = 0;
	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u32 q = 0; q < ARRAY_SIZE(places); q++)
			for (u32 i = 0; i < COUNT; i++)
				for (u32 k = 0; k < COUNT; k++)
					one_pair(op, at(i, places[p]), at(k, places[q]));
	ok(!unsound, "%s holds all results of %" PRIu64 " pairs of tnums", op->name, pairs);
	if (op->tight)
		ok(!loose, "%s is the least that does", op->name);
	else
		ok(loose * 15 < pairs && unknown * 100 < unknown_least * 103,
		   "%s is the least but in %" PRIu64 ", with %" PRIu64 " unknown bits for %" PRIu64, op->name,
		   loose, unknown, unknown_least);
}

static s64 arshift(u64 v, u8 n, u8 bits)
{
	return bits == 32 ? (s64)(u32)((s32)v >> n) : (s64)v >> n;
}

static void test_shifts(void)
{
	u32 bad = 0;

	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u32 i = 0; i < COUNT; i++)
			for (u8 n = 0; n < 64; n++) {
				struct tnum a = at(i, places[p]);
				struct hull l = { 0 }, r = { 0 }, s = { 0 }, s32bits = { 0 };
				u64 v = a.value;

				do {
					hull_add(&l, v << n);
					hull_add(&r, v >> n);
					hull_add(&s, (u64)arshift(v, n, 64));
					if (n < 32)
						hull_add(&s32bits, (u64)arshift(v, n, 32));
				} while (next_number(a, &v));
				bad += !hull_is(&l, tnum_lshift(a, n)) || !hull_is(&r, tnum_rshift(a, n)) ||
				       !hull_is(&s, tnum_arshift(a, n, 64));
				bad += n < 32 && !hull_is(&s32bits, tnum_arshift(a, n, 32));
			}
	ok(!bad, "shifts of all kinds by all amounts are exact");
}

static void test_one_operand(void)
{
	u32 bad_neg = 0, bad_cast = 0, bad_half = 0;

	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u32 i = 0; i < COUNT; i++) {
			struct tnum a = at(i, places[p]), other = { 0x1234567887654321, 0 };
			struct hull neg = { 0 }, byte = { 0 }, low = { 0 }, high = { 0 }, mixed = { 0 };
			u64 v = a.value;

			do {
				hull_add(&neg, 0 - v);
				hull_add(&byte, v & 0xff);
				hull_add(&low, (u32)v);
				hull_add(&high, v >> 32 << 32);
				hull_add(&mixed, (v >> 32 << 32) | (u32)other.value);
			} while (next_number(a, &v));
			bad_neg += !hull_is(&neg, tnum_neg(a));
			bad_cast += !hull_is(&byte, tnum_cast(a, 1)) || !hull_is(&low, tnum_cast(a, 4)) ||
				    tnum_cast(a, 8).value != a.value || tnum_cast(a, 8).mask != a.mask;
			bad_half += !hull_is(&low, tnum_subreg(a)) || !hull_is(&high, tnum_clear_subreg(a)) ||
				    !hull_is(&mixed, tnum_with_subreg(a, other));
		}
	ok(!bad_neg, "neg is the least that holds all");
	ok(!bad_cast, "casts are exact");
	ok(!bad_half, "halves are exact");
}

static void test_range(void)
{
	u32 bad = 0;

	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u64 lo = 0; lo < 64; lo++) {
			struct hull h = { 0 };

			for (u64 hi = lo; hi < 64 && hi << places[p] >> places[p] == hi; hi++) {
				u64 low_end = lo << places[p], high_end = hi << places[p];

				hull_add(&h, high_end);
				/* Between two multiples of the place every lower bit takes both values. */
				if (hi > lo)
					hull_add(&h, high_end - 1);
				if (hi > lo)
					hull_add(&h, low_end + (1ull << places[p]) - 1);
				bad += !hull_is(&h, tnum_range(low_end, high_end));
			}
		}
	ok(!bad, "range is the least that holds a range");
	ok(tnum_unknown(tnum_range(0, UINT64_MAX)) && tnum_unknown(tnum_range(INT64_MAX, 1ull << 63)),
	   "range over the top bit: unknown");
}

/* Sets of numbers below 32 as words of 32 bits. */
static u32 set_of(struct tnum a)
{
	u32 set = 0;

	for (u64 v = 0; v < 32; v++)
		set |= (u32) !((v ^ a.value) & ~a.mask) << v;
	return set;
}

static void test_sets(void)
{
	u32 bad_overlap = 0, bad_in = 0, bad_meet = 0, bad_join = 0;

	for (u32 i = 0; i < COUNT; i++)
		for (u32 k = 0; k < COUNT; k++) {
			struct tnum a = small[i], b = small[k], t;
			u32 x = set_of(a), y = set_of(b);
			struct hull h = { 0 };

			for (u64 v = 0; v < 32; v++)
				if ((x | y) >> v & 1)
					hull_add(&h, v);
			bad_overlap += tnum_overlap(a, b) != !!(x & y);
			bad_in += tnum_in(a, b) != !(y & ~x);
			t = tnum_intersect(a, b);
			bad_meet += (x & y) && set_of(t) != (x & y);
			bad_meet += !!(t.value & t.mask);
			bad_join += !hull_is(&h, tnum_union(a, b));
		}
	ok(!bad_overlap, "overlap tells whether there is a number in both");
	ok(!bad_in, "in tells whether all of one are in the other");
	ok(!bad_meet, "intersect is the numbers in both, where there are any");
	ok(!bad_join, "union is the least that holds both");
}

static void test_next(void)
{
	u32 bad = 0;

	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u32 i = 0; i < COUNT; i++)
			for (u64 min = 0; min < 32; min++) {
				struct tnum a = at(i, places[p]);
				u64 from = min << places[p], got, want = 0, v = a.value;
				bool found = false, is;

				do
					if (v >= from && (!found || v < want)) {
						found = true;
						want = v;
					}
				while (next_number(a, &v));
				is = tnum_next(a, from, &got);
				bad += is != found || (is && got != want);
				/* One more asks for the next multiple of the place. */
				is = places[p] && min < 31 && tnum_next(a, from + 1, &got);
				bad += is && got <= from;
			}
	ok(!bad, "next is the least number from there on");
}

static void test_aligned(void)
{
	u32 bad = 0;

	for (u32 i = 0; i < COUNT; i++)
		for (u64 size = 1; size <= 32; size <<= 1) {
			u64 v = small[i].value;
			bool all = true;

			do
				all = all && v % size == 0;
			while (next_number(small[i], &v));
			bad += tnum_aligned(small[i], size) != all;
		}
	ok(!bad, "aligned tells whether all are multiples");
}

/* 64-bit tnums at random: a number of each, and its result. */
static void test_random(void)
{
	u64 seed = 0x7137, rng = seed, wrong = 0;
	long n = test_scale(4000000);

	for (long i = 0; i < n; i++) {
		const struct op *op = &ops[(u64)i % ARRAY_SIZE(ops)];
		struct tnum a, b, t;
		u64 r[6], v, w;

		for (u32 k = 0; k < ARRAY_SIZE(r); k++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			r[k] = rng * 0x2545f4914f6cdd1dull >> (rng >> 3 & 63);
		}
		a = (struct tnum){ r[0] & ~r[1], r[1] };
		b = (struct tnum){ r[2] & ~r[3], r[3] };
		v = op->concrete(a.value | (r[4] & a.mask), b.value | (r[5] & b.mask));
		t = op->abstract(a, b);
		wrong += !tnum_in(t, tnum_const(v)) || (t.value & t.mask);
		w = a.value | (r[4] & a.mask);
		wrong += !tnum_in(tnum_neg(a), tnum_const(0 - w));
		wrong += !tnum_in(tnum_range(MIN(r[0], r[2]), MAX(r[0], r[2])), tnum_const(r[0]));
		wrong += !tnum_next(a, w, &v) || v != w;
	}
	ok(!wrong, "%ld random 64-bit pairs of seed %#" PRIx64 " are sound", n, seed);
}

int main(void)
{
	make_small();
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
		test_op(&ops[i]);
	test_shifts();
	test_one_operand();
	test_range();
	test_sets();
	test_next();
	test_aligned();
	test_random();
	return done();
}
