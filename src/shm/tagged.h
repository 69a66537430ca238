// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tagged pairs: 16 bytes that change by compare-and-swap only.
 *
 *     lo   the version: some bits of state, and a tag that every change moves on
 *     hi   the payload: a value, a link, an owner
 *
 * Because every change moves the tag, lo seen equal before and after a look at
 * hi (or at memory that hi speaks for) proves that nothing changed between.
 * Readers therefore use plain loads: a read-only mapping will do, while
 * cmpxchg16b would write. x86-64 keeps loads in order and stores in order, so
 * only the compiler has to be held back (read_order, write_order).
 *
 * Compilers send 16-byte __atomic calls to a library; so the instruction is
 * written out here, the only place.
 */
#ifndef PINFS_SHM_TAGGED_H
#define PINFS_SHM_TAGGED_H

#include <string.h>
#include "util/types.h"

struct pair {
	u64 lo, hi;
} __attribute__((aligned(16)));

/* The loads before stay before those after; the same for stores. */
#define read_order()  barrier()
#define write_order() barrier()

static inline u64 load64(const u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline u32 load32(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* *p: from *seen to `to`. On failure *seen is what was there. */
static inline bool pair_cas(struct pair *p, struct pair *seen, struct pair to)
{
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*p), "+a"(seen->lo), "+d"(seen->hi)
			 : "b"(to.lo), "c"(to.hi)
			 : "memory");
	return done;
}

/*
 * The same where hi stays: lo alone is swapped, which takes two thirds of the
 * time. For words whose hi never changes without lo.
 */
static inline bool pair_cas_lo(struct pair *p, u64 seen, u64 to)
{
	return __atomic_compare_exchange_n(&p->lo, &seen, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * Both halves of one moment. A pair that will not stand still is given up as
 * it is after many tries: whoever swaps from it fails then.
 */
static inline struct pair pair_load(const struct pair *p)
{
	struct pair r;

	for (u32 n = 0; n < 1000; n++) {
		r.lo = load64(&p->lo);
		r.hi = load64(&p->hi);
		if (likely(load64(&p->lo) == r.lo))
			break;
	}
	return r;
}

/*
 * Copies between private and shared memory that others may be changing: what
 * comes out may be a mixture, and a version says so afterwards. memcpy is our
 * own (util/mem.c); the sanitizer is shown the same copy in atomic steps.
 */
#ifdef __SANITIZE_THREAD__
static inline void shared_copy(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	for (; n; n--, d++, s++)
		__atomic_store_n(d, __atomic_load_n(s, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static inline bool shared_equal(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (__atomic_load_n(x, __ATOMIC_RELAXED) != __atomic_load_n(y, __ATOMIC_RELAXED))
			return false;
	return true;
}
#else
static inline void shared_copy(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
}

static inline bool shared_equal(const void *a, const void *b, size_t n)
{
	return !memcmp(a, b, n);
}
#endif

/*
 * Hint bitmaps: where a free element may be found. Never the truth: a bit says
 * "taken, as far as I know", so that zeroed memory says "look at me".
 */
static inline void hint_free(u64 *map, u32 i)
{
	u64 bit = 1ull << (i & 63);

	if (__atomic_load_n(&map[i / 64], __ATOMIC_RELAXED) & bit)
		__atomic_fetch_and(&map[i / 64], ~bit, __ATOMIC_RELEASE);
}

/* Takes the next bit at or behind word *at among the first n; NIL when all are taken. */
static inline u32 hint_take(u64 *map, u32 n, u32 *at)
{
	u32 words = (n + 63) / 64, w;

	if (!words)
		return ~0u;
	w = *at % words;
	for (u32 c = 0; c < words; c++, w = w + 1 == words ? 0 : w + 1) {
		u64 all = w + 1 == words && n % 64 ? (1ull << (n % 64)) - 1 : ~0ull;
		u64 free = ~__atomic_load_n(&map[w], __ATOMIC_RELAXED) & all;

		while (free) {
			u64 bit = free & -free;
			u64 old = __atomic_fetch_or(&map[w], bit, __ATOMIC_ACQ_REL);

			if (!(old & bit)) {
				*at = w;
				return w * 64 + (u32)__builtin_ctzll(bit);
			}
			free = ~old & all;
		}
	}
	return ~0u;
}

static inline size_t hint_size(u32 n)
{
	return (size_t)(n / 64 + 1) * 8;
}

#endif
