// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash tables: every instruction of overwrite, delete, insert and
 * lookup-and-delete is where a client is stopped while another works, and then
 * killed, jumped out of by a signal handler, or let go on.
 */
#include "map/map_ops.h"
#include "tests/lib/crash.h"
#include "tests/lib/hashwork.h"
#include "tests/lib/tap.h"
#include <string.h>

#define N     16
#define KEY   7
#define NEW   9999
#define OTHER 5000

static u8 key[MT_KEY_MAX], value[MT_VALUE_MAX];

static int put(struct maptest *t, u64 n, u64 flags)
{
	mt_key(t, n, key);
	mt_value(t, n, value);
	return mt_update(t, key, value, flags);
}

static int get(struct maptest *t, u64 n)
{
	int ret;

	mt_key(t, n, key);
	ret = mt_lookup(t, key, value);
	if (!ret && !mt_check(t, n, value))
		mt_fail("value of key %llu is torn", (unsigned long long)n);
	return ret;
}

static int del(struct maptest *t, u64 n)
{
	mt_key(t, n, key);
	return mt_delete(t, key);
}

/* Half full, with one entry left, or full. */
static u32 fill_of(const struct crash_step *s)
{
	if (strstr(s->name, "full"))
		return N;
	return strstr(s->name, "last") ? N - 1 : N / 2;
}

static void reset(struct maptest *t, const struct crash_step *s)
{
	for (u32 i = 0; mt_next(t, NULL, key) == 0; i++)
		if (mt_delete(t, key) || i > N)
			mt_fail("the map cannot be emptied");
	hw_fill(t, fill_of(s));
}

static void peer(struct maptest *t, const struct crash_step *s)
{
	bool lru = t->ops == &hashtab_lru_ops;

	for (u32 r = 0; r < 20; r++) {
		int ret;

		for (u64 k = 0; k < 4; k++)
			if ((ret = put(t, k, BPF_ANY)))
				mt_fail("peer's overwrite: %d", ret);
		ret = put(t, OTHER, BPF_NOEXIST);
		if (ret == -E2BIG && fill_of(s) == N - 1 && s->key == NEW) {
			if (get(t, NEW))
				mt_fail("E2BIG without all keys");
		} else if (ret == -E2BIG && fill_of(s) == N) {
			if (get(t, KEY)) /* nobody but us is moving */
				mt_fail("E2BIG, and the key that was to be deleted is gone");
		} else if (ret) {
			mt_fail("peer's insert: %d", ret);
		} else if ((ret = del(t, OTHER))) {
			mt_fail("peer's delete: %d", ret);
		}
		ret = get(t, KEY);
		if (ret && s->what == STEP_UPDATE && !lru)
			mt_fail("peer's lookup of a key that stays: %d", ret);
	}
}

static const struct crash_step steps[] = {
	{ "overwrite", STEP_UPDATE, KEY, BPF_ANY },      { "delete", STEP_DELETE, KEY, 0 },
	{ "delete from the full", STEP_DELETE, KEY, 0 }, { "lookup_and_delete", STEP_TAKE, KEY, 0 },
	{ "insert", STEP_UPDATE, NEW, BPF_NOEXIST },     { "insert of the last", STEP_UPDATE, NEW, BPF_ANY },
};

#define CASE(ops_, type_, k, v)                                                                              \
	{                                                                                                    \
		.name = #type_ " " #k "/" #v, .ops = &ops_,                                                  \
		.attr = { .map_type = BPF_MAP_TYPE_##type_,                                                  \
			  .key_size = k,                                                                     \
			  .value_size = v,                                                                   \
			  .max_entries = N },                                                                \
		.one = hw_one, .check = hw_check, .reset = reset, .peer = peer, .steps = steps,              \
		.steps_nr = ARRAY_SIZE(steps),                                                               \
	}

static const struct crash_case cases[] = {
	CASE(hashtab_ops, HASH, 4, 8),
	CASE(hashtab_ops, HASH, 4, 64),
	CASE(hashtab_ops, HASH, 20, 40),
	CASE(hashtab_lru_ops, LRU_HASH, 4, 64),
};

int main(void)
{
	u32 stride = 1000 / (u32)test_scale(1000); /* all of them at full count */

	hw_range = 24;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		crash_step(&cases[i], END_KILL, stride);
		crash_step(&cases[i], END_JUMP, stride);
		crash_step(&cases[i], END_RESUME, stride);
	}
	return done();
}
