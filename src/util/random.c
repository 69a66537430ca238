// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random words: a counter that starts at a random place, mixed; the time stamp
 * counter keeps the children of a fork apart.
 */
#include "util/random.h"
#include <stdatomic.h>
#include "util/raw.h"

u64 random_u64(void)
{
	static _Atomic u64 state;
	u64 x = atomic_load_explicit(&state, memory_order_relaxed), start = 0;

	if (!x) {
		raw3(SYS_getrandom, &start, sizeof(start), 1 /* GRND_NONBLOCK */);
		atomic_fetch_add(&state, start | 1);
	}
	x = atomic_fetch_add(&state, 0x9e3779b97f4a7c15ull) ^ __builtin_ia32_rdtsc();
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}
