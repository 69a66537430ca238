// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our own memcpy, memmove, memset, memcmp and strlen, hidden.
 *
 * A fault in a copy is turned into an errno only when the instruction lies in
 * our own text (shm/guard.h), so the copies that the compiler calls for must
 * not be the C library's. They may stop at any instruction and are never
 * resumed; no one needs to know how far they came.
 *
 * Sizes up to 64 are done by two possibly overlapping halves: no loop, few
 * branches. Large ones leave the work to the processor's string instructions.
 * Left out under sanitizers, which bring their own and want to see the calls.
 */
#include <stddef.h>
#include <string.h>
#include "util/types.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* The compiler must not find a memcpy in the loops of memcpy. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef u16 u16u __attribute__((aligned(1), may_alias));
typedef u32 u32u __attribute__((aligned(1), may_alias));
typedef u64 u64u __attribute__((aligned(1), may_alias));
typedef u64 v16 __attribute__((vector_size(16), aligned(1), may_alias));

#define LOAD(t, p)     (*(const t *)(p))
#define STORE(t, p, v) (*(t *)(p) = (v))

/* From here on `rep movsb` beats a loop of 16-byte moves. */
#define REP_MIN 512

/* All of 0..16 bytes: everything is loaded before anything is stored, so overlap does no harm. */
static inline void copy_16(char *d, const char *s, size_t n)
{
	if (n >= 8) {
		u64 a = LOAD(u64u, s), b = LOAD(u64u, s + n - 8);

		STORE(u64u, d, a);
		STORE(u64u, d + n - 8, b);
	} else if (n >= 4) {
		u32 a = LOAD(u32u, s), b = LOAD(u32u, s + n - 4);

		STORE(u32u, d, a);
		STORE(u32u, d + n - 4, b);
	} else if (n >= 2) {
		u16 a = LOAD(u16u, s), b = LOAD(u16u, s + n - 2);

		STORE(u16u, d, a);
		STORE(u16u, d + n - 2, b);
	} else if (n) {
		*d = *s;
	}
}

static inline void copy_64(char *d, const char *s, size_t n)
{
	v16 a = LOAD(v16, s), z = LOAD(v16, s + n - 16);

	if (n > 32) {
		v16 b = LOAD(v16, s + 16), y = LOAD(v16, s + n - 32);

		STORE(v16, d + 16, b);
		STORE(v16, d + n - 32, y);
	}
	STORE(v16, d, a);
	STORE(v16, d + n - 16, z);
}

static void copy_up(char *d, const char *s, size_t n)
{
	v16 z = LOAD(v16, s + n - 16);
	char *last = d + n - 16;

	for (; d < last; d += 16, s += 16)
		STORE(v16, d, LOAD(v16, s));
	STORE(v16, last, z);
}

static void copy_down(char *d, const char *s, size_t n)
{
	v16 a = LOAD(v16, s);
	char *first = d;

	for (; n > 16; n -= 16)
		STORE(v16, d + n - 16, LOAD(v16, s + n - 16));
	STORE(v16, first, a);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (n <= 16) {
		copy_16(to, from, n);
	} else if (n <= 64) {
		copy_64(to, from, n);
	} else if (n < REP_MIN) {
		copy_up(to, from, n);
	} else {
		void *d = to;

		__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if (n <= 16)
		copy_16(to, from, n);
	else if (n <= 64)
		copy_64(to, from, n);
	else if ((uintptr_t)to - (uintptr_t)from >= n)
		memcpy(to, from, n);
	else
		copy_down(to, from, n);
	return to;
}

void *memset(void *to, int c, size_t n)
{
	u64 w = (u8)c * 0x0101010101010101ull;
	char *d = to;

	if (n >= REP_MIN) {
		void *at = to;

		__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	} else if (n >= 16) {
		v16 v = { w, w };

		for (size_t i = 0; i < n - 16; i += 16)
			STORE(v16, d + i, v);
		STORE(v16, d + n - 16, v);
	} else if (n >= 8) {
		STORE(u64u, d, w);
		STORE(u64u, d + n - 8, w);
	} else if (n >= 4) {
		STORE(u32u, d, (u32)w);
		STORE(u32u, d + n - 4, (u32)w);
	} else {
		while (n--)
			d[n] = (char)c;
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n >= 8; n -= 8, p += 8, q += 8) {
		u64 x = LOAD(u64u, p), y = LOAD(u64u, q);

		if (x != y)
			return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

#endif
