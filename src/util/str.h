// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strings without stdio: for code that runs in a stranger's process, in a signal handler.
 *
 * The writers return the end, where they have put a NUL; the caller knows that
 * it fits. The readers never look past a NUL.
 */
#ifndef PINFS_UTIL_STR_H
#define PINFS_UTIL_STR_H

#include <string.h>
#include "util/types.h"

static inline char *str_put(char *to, const char *s)
{
	while ((*to = *s++))
		to++;
	return to;
}

static inline char *str_put_u64(char *to, u64 v, unsigned base)
{
	u64 left = v;
	char *end = to;

	do
		end++;
	while (left /= base);
	*end = 0;
	for (char *p = end; p > to; v /= base)
		*--p = "0123456789abcdef"[v % base];
	return end;
}

/* Decimal digits at s; *end (if wanted) is the first other character. An overlong number saturates. */
static inline u64 str_get_u64(const char *s, const char **end)
{
	u64 v = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		v = v > (~0ull - 9) / 10 ? ~0ull : v * 10 + (u64)(*s - '0');
	if (end)
		*end = s;
	return v;
}

static inline bool str_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

#endif
