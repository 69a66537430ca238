// SPDX-License-Identifier: BSD-2-Clause
/*
 * What tests that try instants at random share: numbers from a state that a child can set by itself, and a
 * clock.
 */
#ifndef PINFS_TESTS_RANDOM_H
#define PINFS_TESTS_RANDOM_H

#include <stdint.h>
#include <time.h>

static uint64_t rng_state = 88172645463325252ull;

/* Below n; 0: 0. */
static inline uint32_t rnd(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return n ? (uint32_t)(rng_state >> 16) % n : 0;
}

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#endif
