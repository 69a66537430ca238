// SPDX-License-Identifier: BSD-2-Clause
/* Hash tables whose users are killed, stopped, interrupted or jump away, and damaged ones. */
#include "map/map_ops.h"
#include "tests/lib/crash.h"
#include "tests/lib/hashwork.h"
#include "tests/lib/tap.h"
#include <string.h>

#define CASE(ops_, type_, k, v, n)                                                                           \
	{                                                                                                    \
		.name = #type_ " " #k "/" #v "/" #n, .ops = &ops_, .one = hw_one, .check = hw_check,         \
		.attr = {                                                                                    \
			.map_type = BPF_MAP_TYPE_##type_, .key_size = k, .value_size = v, .max_entries = n   \
		},                                                                                           \
	}

static const struct crash_case cases[] = {
	CASE(hashtab_ops, HASH, 4, 8, 256),
	CASE(hashtab_ops, HASH, 4, 64, 256),
	CASE(hashtab_ops, HASH, 20, 40, 256),
	CASE(hashtab_lru_ops, LRU_HASH, 4, 64, 64),
	CASE(hashtab_percpu_ops, PERCPU_HASH, 4, 8, 256),
};

int main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct crash_case *c = &cases[i];

		crash_kill(c, test_scale(5000) / (long)ARRAY_SIZE(cases));
		crash_stop(c, test_scale(1000) / (long)ARRAY_SIZE(cases));
		crash_signal(c, 0.05 * (double)test_scale(100), false);
		crash_signal(c, 0.05 * (double)test_scale(100), true);
		crash_damage(c, test_scale(400));
	}
	crash_race(&cases[0], test_scale(1000000) / 2);
	crash_race(&cases[1], test_scale(1000000) / 2);
	return done();
}
