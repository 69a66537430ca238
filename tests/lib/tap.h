// SPDX-License-Identifier: BSD-2-Clause
/*
 * A test's voice: TAP on standard output, one line a check, the plan last.
 *
 *     ok(n == 3, "three entries, got %d", n);
 *     skip("no kernel BPF here");
 *     return done();
 *
 * test_scale(full) turns a full count (that of `make soak`) into the one to
 * run now: PINFS_TEST_SCALE percent of it, 10 when not set, at least 1.
 */
#ifndef PINFS_TESTS_TAP_H
#define PINFS_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One count for all files of a program. */
__attribute__((weak)) int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static int ok(int cond, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", cond ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	tap_failed += !cond;
	return cond;
}

__attribute__((format(printf, 1, 2), unused)) static void diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

__attribute__((unused)) static void skip(const char *why)
{
	printf("ok %d # SKIP %s\n", ++tap_count, why);
	fflush(stdout);
}

__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

__attribute__((unused)) static long test_scale(long full)
{
	const char *s = getenv("PINFS_TEST_SCALE");
	long n = full * (s ? atol(s) : 10) / 100;

	return n > 0 ? n : 1;
}

#endif
