// SPDX-License-Identifier: BSD-2-Clause
/* Tries whose users are killed, stopped, interrupted or jump away, at random and at every instruction. */
#include "map/map_ops.h"
#include "tests/lib/crash.h"
#include "tests/lib/lpmwork.h"
#include "tests/lib/tap.h"
#include <string.h>

#define N 40u

/* 10.0.0.0/8 above 10.1.2.0/24 and 10.1.3.0/24, which need an inner node; 10.1.2.9/32 is new. */
#define IP(l, a, b, c, d) ((u64)(l) | (u64)(a) << 32 | (u64)(b) << 40 | (u64)(c) << 48 | (u64)(d) << 56)
#define TOP               IP(8, 10, 0, 0, 0)
#define LEFT              IP(24, 10, 1, 2, 0)
#define RIGHT             IP(24, 10, 1, 3, 0)
#define NEW               IP(32, 10, 1, 2, 9)
#define APART             IP(20, 10, 64, 0, 0)
#define OTHER             IP(16, 77, 1, 0, 0)

static u8 value[MT_VALUE_MAX];

static int put(struct maptest *t, u64 key, u64 flags)
{
	mt_value(t, (u32)key, value);
	return mt_update(t, &key, value, flags);
}

static void reset(struct maptest *t, const struct crash_step *s)
{
	static const u64 keys[] = { TOP, LEFT, RIGHT };
	u64 key;

	for (u32 i = 0; mt_next(t, NULL, &key) == 0; i++)
		if (mt_delete(t, &key) || i > N)
			mt_fail("the trie cannot be emptied");
	for (u32 i = 0; i < ARRAY_SIZE(keys); i++)
		if (put(t, keys[i], BPF_NOEXIST))
			mt_fail("the trie cannot be filled");
}

static void peer(struct maptest *t, const struct crash_step *s)
{
	u64 other = OTHER, deep = IP(32, 10, 1, 3, 3);

	for (u32 r = 0; r < 20; r++) {
		int ret = put(t, TOP, BPF_ANY);

		if (ret)
			mt_fail("peer's overwrite: %d", ret);
		ret = put(t, OTHER, BPF_NOEXIST);
		if (ret)
			mt_fail("peer's insert: %d", ret);
		ret = mt_delete(t, &other);
		if (ret)
			mt_fail("peer's delete: %d", ret);
		ret = mt_lookup(t, &deep, value);
		if (ret || !mt_check(t, 24, value))
			mt_fail("peer's lookup: %d", ret);
	}
}

static const struct crash_step steps[] = {
	{ "overwrite", STEP_UPDATE, LEFT, BPF_ANY },
	{ "insert below", STEP_UPDATE, NEW, BPF_NOEXIST },
	{ "insert beside", STEP_UPDATE, APART, BPF_ANY },
	{ "delete of a leaf and its inner node", STEP_DELETE, LEFT, 0 },
	{ "delete of an inner element", STEP_DELETE, TOP, 0 },
};

#define CASE(v)                                                                                              \
	{                                                                                                    \
		.name = "LPM_TRIE 8/" #v, .ops = &lpm_trie_ops,                                              \
		.attr = { .map_type = BPF_MAP_TYPE_LPM_TRIE,                                                 \
			  .key_size = 8,                                                                     \
			  .value_size = v,                                                                   \
			  .max_entries = N,                                                                  \
			  .map_flags = BPF_F_NO_PREALLOC },                                                  \
		.one = lw_one, .check = lw_check, .reset = reset, .peer = peer, .steps = steps,              \
		.steps_nr = ARRAY_SIZE(steps),                                                               \
	}

static const struct crash_case cases[] = { CASE(8), CASE(64) };

int main(void)
{
	u32 stride = 4 * (1000 / (u32)test_scale(1000)) - 3; /* 1 at full count */

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct crash_case *c = &cases[i];

		crash_kill(c, test_scale(5000) / 4);
		crash_stop(c, test_scale(1000) / 4);
		crash_signal(c, 0.05 * (double)test_scale(100), false);
		crash_signal(c, 0.05 * (double)test_scale(100), true);
		crash_damage(c, test_scale(1000));
	}
	lw_only = false;
	crash_step(&cases[1], END_KILL, stride);
	crash_step(&cases[1], END_JUMP, stride);
	crash_step(&cases[1], END_RESUME, stride);
	return done();
}
