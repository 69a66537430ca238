// SPDX-License-Identifier: BSD-2-Clause
/*
 * Known bounds: ranges of up to eight numbers around every point where a range can break (0, 2^31, 2^32,
 * 2^63 and so on), under every arithmetic operation and every comparison, against all numbers they
 * hold; and random 64-bit ones.
 *
 * Sound: each concrete result is inside all five statements. Not loose: sums and differences have the exact
 * ends in one order at least, other operations the bounds that are stated with them; comparisons are
 * decided whenever all pairs decide alike, and cut ranges to exactly what is left.
 *
 * PINFS_SEED repeats a random run.
 */
#include <inttypes.h>
#include <linux/bpf.h>
#include <string.h>
#include "tests/lib/tap.h"
#include "verifier/bounds.h"

#define SPAN 8 /* numbers around a point: from 4 below to 3 above */

static const u64 points[] = { 0,          0x80,       1ull << 31,          1ull << 32,
			      3ull << 31, 1ull << 63, 0ull - (1ull << 31), 0x7ff4 };

static const u8 alu_ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,  BPF_OR, BPF_AND,
			      BPF_LSH, BPF_RSH, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_NEG };
static const u8 jmp_ops[] = { BPF_JEQ, BPF_JNE,  BPF_JSET, BPF_JGT,  BPF_JGE, BPF_JLT,
			      BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE };

static u64 rng;

static u64 rnd64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

static u32 rnd(u32 n)
{
	return (u32)(rnd64() >> 33) % n;
}

static bool inside(const struct scalar *s, u64 v)
{
	return s->umin <= v && v <= s->umax && s->smin <= (s64)v && (s64)v <= s->smax &&
	       s->u32_min <= (u32)v && (u32)v <= s->u32_max && s->s32_min <= (s32)v && (s32)v <= s->s32_max &&
	       tnum_in(s->var, tnum_const(v));
}

/* The numbers from first on, cnt of them, in whichever order has them as one range. */
static struct scalar range_of(u64 first, u32 cnt)
{
	u64 last = first + cnt - 1;
	struct scalar s;

	scalar_unknown(&s);
	if (first <= last) {
		s.umin = first;
		s.umax = last;
	}
	if ((s64)first <= (s64)last) {
		s.smin = (s64)first;
		s.smax = (s64)last;
	}
	if ((u32)first <= (u32)last) {
		s.u32_min = (u32)first;
		s.u32_max = (u32)last;
	}
	if ((s32)first <= (s32)last) {
		s.s32_min = (s32)first;
		s.s32_max = (s32)last;
	}
	scalar_sync(&s);
	return s;
}

static u64 alu64(u8 op, s16 off, u64 a, u64 b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 63);
	case BPF_RSH: return a >> (b & 63);
	case BPF_ARSH: return (u64)((s64)a >> (b & 63));
	case BPF_NEG: return 0 - a;
	case BPF_MOV: return b;
	case BPF_DIV:
		if (off)
			return !b ? 0 : b == UINT64_MAX ? 0 - a : (u64)((s64)a / (s64)b);
		return b ? a / b : 0;
	default:
		if (off)
			return !b ? a : b == UINT64_MAX ? 0 : (u64)((s64)a % (s64)b);
		return b ? a % b : a;
	}
}

static u32 alu32(u8 op, s16 off, u32 a, u32 b)
{
	switch (op) {
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	case BPF_ARSH: return (u32)((s32)a >> (b & 31));
	case BPF_DIV:
	case BPF_MOD:
		if (off)
			return (u32)alu64(op, off, (u64)(s32)a, (u64)(s32)b);
		return (u32)alu64(op, off, a, b);
	default: return (u32)alu64(op, off, a, b);
	}
}

static u64 concrete(u8 op, s16 off, bool is64, u64 a, u64 b)
{
	return is64 ? alu64(op, off, a, b) : alu32(op, off, (u32)a, (u32)b);
}

static bool holds64(u8 op, u64 a, u64 b)
{
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JSET: return a & b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSGT: return (s64)a > (s64)b;
	case BPF_JSGE: return (s64)a >= (s64)b;
	case BPF_JSLT: return (s64)a < (s64)b;
	default: return (s64)a <= (s64)b;
	}
}

static bool holds(u8 op, bool is32, u64 a, u64 b)
{
	bool sign = op == BPF_JSGT || op == BPF_JSGE || op == BPF_JSLT || op == BPF_JSLE;

	if (!is32)
		return holds64(op, a, b);
	return sign ? holds64(op, (u64)(s64)(s32)a, (u64)(s64)(s32)b) : holds64(op, (u32)a, (u32)b);
}

/* Concrete numbers seen: their ends in both orders, and those of their low halves. */
struct seen {
	u64 umin, umax;
	s64 smin, smax;
	u32 u32_min, u32_max;
	s32 s32_min, s32_max;
	bool some;
};

static void see(struct seen *n, u64 v)
{
	if (!n->some) {
		*n = (struct seen){ v, v, (s64)v, (s64)v, (u32)v, (u32)v, (s32)v, (s32)v, true };
		return;
	}
	n->umin = MIN(n->umin, v);
	n->umax = MAX(n->umax, v);
	n->smin = MIN(n->smin, (s64)v);
	n->smax = MAX(n->smax, (s64)v);
	n->u32_min = MIN(n->u32_min, (u32)v);
	n->u32_max = MAX(n->u32_max, (u32)v);
	n->s32_min = MIN(n->s32_min, (s32)v);
	n->s32_max = MAX(n->s32_max, (s32)v);
}

/* In one order at least the ends are those seen. */
static bool exact(const struct scalar *s, const struct seen *n, bool is64)
{
	if (is64)
		return (s->umin == n->umin && s->umax == n->umax) ||
		       (s->smin == n->smin && s->smax == n->smax);
	return (s->u32_min == n->u32_min && s->u32_max == n->u32_max) ||
	       (s->s32_min == n->s32_min && s->s32_max == n->s32_max);
}

/* The greatest number with as many bits. */
static u64 filled(u64 v)
{
	return v ? ~0ull >> __builtin_clzll(v) : 0;
}

/*
 * No looser than stated: sums, differences, negations and moves are exact; products too if none can
 * wrap. An AND is not above the lesser operand, OR and XOR have no more bits than the
 * operands; shifts by a constant are exact, to the left while no 1 gets lost. Divisions have no bound.
 */
static bool tight(u8 op, bool is64, const struct scalar *s, const struct seen *n, const struct scalar *a,
		  const struct scalar *b)
{
	const u32 width = is64 ? 64 : 32;
	const u64 a_max = is64 ? a->umax : a->u32_max, b_max = is64 ? b->umax : b->u32_max;
	bool constant = scalar_is_const(b) && b->umax < width;

	switch (op) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_NEG:
	case BPF_MOV: return exact(s, n, is64);
	case BPF_MUL:
		return filled(a_max) > UINT32_MAX >> (is64 ? 0 : 16) ||
		       filled(b_max) > UINT32_MAX >> (is64 ? 0 : 16) || exact(s, n, is64);
	case BPF_AND: return s->umax <= MIN(a_max, b_max);
	case BPF_OR:
	case BPF_XOR: return s->umax <= filled(a_max | b_max);
	case BPF_RSH: return !constant || exact(s, n, is64);
	case BPF_ARSH: return !constant || exact(s, n, is64);
	case BPF_LSH: return !constant || a_max >> (width - 1 - b->umax) || exact(s, n, is64);
	default: return true;
	}
}

static u64 results, unsound, loose, first_bad;

static void one_alu(u8 op, s16 off, bool is64, u64 first_a, u32 na, u64 first_b, u32 nb)
{
	struct scalar a = range_of(first_a, na), b = range_of(first_b, nb), s = a;
	struct seen n = { 0 };
	u64 bad = unsound;

	scalar_alu(&s, &b, op, off, is64);
	for (u32 i = 0; i < na; i++)
		for (u32 k = 0; k < nb; k++) {
			u64 v = concrete(op, off, is64, first_a + i, first_b + k);

			unsound += !inside(&s, v);
			see(&n, v);
			results++;
		}
	loose += !tight(op, is64, &s, &n, &a, &b);
	if (bad != unsound && !first_bad++)
		diag("op %#x is64 %d off %d: %" PRIx64 "+%u, %" PRIx64 "+%u", op, is64, off, first_a, na,
		     first_b, nb);
}

/* Calls do() with every range around both points. */
#define EACH_PAIR_OF_RANGES(call)                                                                            \
	for (u32 p = 0; p < ARRAY_SIZE(points); p++)                                                         \
		for (u32 q = 0; q < ARRAY_SIZE(points); q++)                                                 \
			for (u32 i = 0; i < SPAN; i++)                                                       \
				for (u32 na = 1; i + na <= SPAN; na++)                                       \
					for (u32 k = 0; k < SPAN; k += 1)                                    \
						for (u32 nb = 1; k + nb <= SPAN; nb++)                       \
	call(points[p] + i - 4, na, points[q] + k - 4, nb)

static void test_alu(u8 op, s16 off, bool is64)
{
#define ONE(fa, ca, fb, cb) one_alu(op, off, is64, fa, ca, fb, cb)
	results = unsound = loose = 0;
	EACH_PAIR_OF_RANGES(ONE);
	ok(!unsound && !loose,
	   "op %#x%s, %d bits: %" PRIu64 " results, %" PRIu64 " outside, %" PRIu64 " looser than stated", op,
	   off ? " signed" : "", is64 ? 64 : 32, results, unsound, loose);
#undef ONE
}

static u64 undecided, uncut;

static void one_side(u8 op, bool is32, bool taken, u64 fa, u32 na, u64 fb, u32 nb)
{
	struct scalar a = range_of(fa, na), b = range_of(fb, nb);
	struct seen left_a = { 0 }, left_b = { 0 };

	scalar_refine(&a, &b, op, is32, taken);
	for (u32 i = 0; i < na; i++)
		for (u32 k = 0; k < nb; k++) {
			u64 v = fa + i, w = fb + k;

			if (holds(op, is32, v, w) != taken)
				continue;
			unsound += !inside(&a, v) || !inside(&b, w);
			see(&left_a, v);
			see(&left_b, w);
		}
	if (!left_a.some)
		return;
	unsound += !scalar_sane(&a) || !scalar_sane(&b);
	/* JSET tells bits, and a 32-bit comparison does not reach all of a 64-bit range. */
	if (op != BPF_JSET && !is32)
		uncut += !exact(&a, &left_a, true) || !exact(&b, &left_b, true);
}

static void one_branch(u8 op, bool is32, u64 fa, u32 na, u64 fb, u32 nb)
{
	struct scalar a = range_of(fa, na), b = range_of(fb, nb);
	int way = scalar_branch(&a, &b, op, is32);
	bool can[2] = { false, false };

	for (u32 i = 0; i < na; i++)
		for (u32 k = 0; k < nb; k++)
			can[holds(op, is32, fa + i, fb + k)] = true;
	results++;
	unsound += (way == 1 && can[0]) || (way == 0 && can[1]);
	undecided += way < 0 && can[0] != can[1];
	one_side(op, is32, true, fa, na, fb, nb);
	one_side(op, is32, false, fa, na, fb, nb);
}

/*
 * A 64-bit order is decided whenever all pairs decide alike, and leaves exactly what is left, as the count of
 * 0 shows. Equality has two orders to go by, of which a range may break in one; JSET has bits, of which a
 * range tells few.
 */
static void test_branch(u8 op, bool is32)
{
#define ONE(fa, ca, fb, cb) one_branch(op, is32, fa, ca, fb, cb)
	const u64 part = op == BPF_JSET ? 3 : op == BPF_JEQ || op == BPF_JNE ? 16 : 0;

	results = unsound = undecided = uncut = 0;
	EACH_PAIR_OF_RANGES(ONE);
	ok(!unsound && undecided * part <= results && (part || !undecided) && !uncut,
	   "jump %#x, %d bits: %" PRIu64 " pairs, %" PRIu64 " wrong, %" PRIu64 " undecided, %" PRIu64
	   " not cut to what is left",
	   op, is32 ? 32 : 64, results, unsound, undecided, uncut);
#undef ONE
}

static void test_extensions(void)
{
	static const u8 widths[] = { 1, 2, 4, 8 };
	u64 bad = 0, wide = 0;

	for (u32 p = 0; p < ARRAY_SIZE(points); p++)
		for (u32 i = 0; i < SPAN; i++)
			for (u32 n = 1; i + n <= SPAN; n++)
				for (u32 w = 0; w < 4; w++) {
					u64 first = points[p] + i - 4, up = 64 - widths[w] * 8u;
					struct scalar z = range_of(first, n), s = z, t = z;
					struct seen seen = { 0 };

					scalar_zext(&z, widths[w]);
					scalar_sext(&s, widths[w], false);
					scalar_sext(&t, (u8)MIN(widths[w], 4), true);
					for (u32 k = 0; k < n; k++) {
						u64 v = first + k, ext = (u64)((s64)(v << up) >> up);

						bad += !inside(&z, v << up >> up) || !inside(&s, ext);
						bad += !inside(&t, widths[w] == 8 ? (u32)v : (u32)ext);
						see(&seen, v << up >> up);
					}
					wide += z.umax - z.umin > seen.umax - seen.umin &&
						seen.umax != z.umax;
				}
	ok(!bad, "zero and sign extensions hold all");
	ok(!wide, "zero extension is exact but where it wraps");
}

static void test_swaps(void)
{
	static const u8 codes[] = { BPF_ALU | BPF_END | BPF_TO_LE, BPF_ALU | BPF_END | BPF_TO_BE,
				    BPF_ALU64 | BPF_END };
	u64 bad = 0, unknown = 0;

	for (u32 p = 0; p < ARRAY_SIZE(points); p++)
		for (u32 n = 1; n <= SPAN; n++)
			for (u32 c = 0; c < ARRAY_SIZE(codes); c++)
				for (s32 bits = 16; bits <= 64; bits *= 2) {
					struct scalar s = range_of(points[p], n);

					scalar_swap(&s, codes[c], bits);
					for (u32 i = 0; i < n; i++) {
						u64 v = points[p] + i;

						v = c            ? __builtin_bswap64(v) >> (64 - bits)
						    : bits == 64 ? v
								 : v & ((1ull << bits) - 1);
						bad += !inside(&s, v);
					}
					unknown += n == 1 && !scalar_is_const(&s);
				}
	ok(!bad, "byte swaps hold all");
	ok(!unknown, "byte swaps of constants are constants");
}

/* Something that is true of v, by what branches tell. */
static struct scalar known_of(u64 v)
{
	struct scalar s;
	u64 w = rnd64() >> rnd(64), mask = rnd64() & rnd64();

	scalar_unknown(&s);
	if (rnd(2))
		s.var = (struct tnum){ v & ~mask, mask };
	for (u32 i = rnd(5); i; i--) {
		u8 op = jmp_ops[rnd(ARRAY_SIZE(jmp_ops))];
		bool is32 = rnd(2);
		struct scalar c;

		w = rnd(3) ? v + rnd(200) - 100 : rnd(2) ? 1ull << rnd(64) : rnd64() >> rnd(64);
		scalar_const(&c, w);
		scalar_refine(&s, &c, op, is32, holds(op, is32, v, w));
	}
	scalar_sync(&s);
	return s;
}

static u64 a_number(void)
{
	u64 v = rnd64();

	switch (rnd(5)) {
	case 0: return v;
	case 1: return v >> rnd(64);
	case 2: return (u64)((s64)v >> rnd(64));
	case 3: return points[rnd(ARRAY_SIZE(points))] + rnd(64) - 32;
	default: return (u64)(s64)(s32)v;
	}
}

/* An operation on what is known of two numbers, and of its result a comparison with a third. */
static bool random_step(void)
{
	u64 v = a_number(), w = a_number(), x = a_number();
	u8 op = alu_ops[rnd(ARRAY_SIZE(alu_ops))], jmp = jmp_ops[rnd(ARRAY_SIZE(jmp_ops))];
	bool is64 = rnd(2), is32 = rnd(2), taken;
	s16 off = (op == BPF_DIV || op == BPF_MOD) && rnd(2);
	struct scalar a, b, c, zero, old;
	int way;

	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		w &= is64 ? 63 : 31;
	a = known_of(v);
	b = known_of(w);
	c = known_of(x);
	if (rnd(4) == 0)
		scalar_const(&b, w);
	if (!inside(&a, v) || !inside(&b, w) || !inside(&c, x))
		return false;
	old = a;
	if (scalar_fork(&a, &b, op, &zero) && !inside(&a, v) && !inside(&zero, v))
		return false;
	a = old;
	scalar_alu(&a, &b, op, off, is64);
	v = concrete(op, off, is64, v, w);
	if (!inside(&a, v) || !scalar_within(&a, &a))
		return false;
	taken = holds(jmp, is32, v, x);
	way = scalar_branch(&a, &c, jmp, is32);
	if (way >= 0 && way != taken)
		return false;
	old = a;
	scalar_refine(&a, &c, jmp, is32, taken);
	return inside(&a, v) && inside(&c, x) && scalar_sane(&a) && scalar_sane(&c);
}

static void test_random(void)
{
	const char *env = getenv("PINFS_SEED");
	u64 seed = env ? strtoull(env, NULL, 0) : 4, bad = 0;
	long n = test_scale(20000000);

	for (long i = 0; i < n; i++) {
		rng = (seed * 1000003 + (u64)i + 1) * 0x9e3779b97f4a7c15ull;
		rnd64();
		if (!random_step() && !bad++)
			diag("first at step %ld", i);
	}
	ok(!bad, "%ld random steps of seed %" PRIu64 ", %" PRIu64 " wrong", n, seed, bad);
}

static void test_within(void)
{
	u64 bad = 0;

	for (u32 p = 0; p < ARRAY_SIZE(points); p++)
		for (u32 n = 1; n < SPAN; n++) {
			struct scalar small = range_of(points[p], n), big = range_of(points[p], n + 1);

			bad += !scalar_within(&big, &small) || scalar_within(&small, &big);
		}
	ok(!bad, "a range is within a longer one, and not the other way round");
}

static void test_insane(void)
{
	struct scalar s, c;

	scalar_const(&s, 5);
	scalar_const(&c, 6);
	scalar_refine(&s, &c, BPF_JEQ, false, true);
	ok(!scalar_sane(&s), "5 is not 6");
	scalar_forget(&s);
	ok(s.umin == 0 && s.umax == UINT64_MAX && s.s32_min == INT32_MIN,
	   "and what was said of it can be forgotten");
}

int main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(alu_ops); i++)
		for (int is64 = 0; is64 < 2; is64++)
			for (s16 off = 0; off <= (alu_ops[i] == BPF_DIV || alu_ops[i] == BPF_MOD); off++)
				test_alu(alu_ops[i], off, is64);
	for (u32 i = 0; i < ARRAY_SIZE(jmp_ops); i++)
		for (int is32 = 0; is32 < 2; is32++)
			test_branch(jmp_ops[i], is32);
	test_extensions();
	test_swaps();
	test_within();
	test_insane();
	test_random();
	return done();
}
