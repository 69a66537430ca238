// SPDX-License-Identifier: BSD-2-Clause
/*
 * guard_copy: every size up to a few hundred bytes, up to the very end of mapped memory and one byte over it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "shm/guard.h"
#include "tests/lib/tap.h"

#define SIZES 600

static char *end; /* behind it nothing is mapped */

/* Copies n bytes to where they end with the page, and back. */
static bool fits(size_t n, size_t shift)
{
	char from[SIZES + 8], to[SIZES + 8];
	char *at = end - n;

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (char)rand();
	memset(to, 7, sizeof(to));
	memset(end - 4096, 9, 4096);
	return !guard_copy(at, from + shift, n) && !memcmp(at, from + shift, n) && at[-1] == 9 &&
	       !guard_copy(to + shift, at, n) && !memcmp(to + shift, at, n) && to[shift + n] == 7 &&
	       (!shift || to[shift - 1] == 7);
}

static bool faults(size_t n)
{
	char mine[SIZES + 8] = { 0 };

	return guard_copy(end - n + 1, mine, n) == -14 && guard_copy(mine, end - n + 1, n) == -14;
}

int main(void)
{
	size_t good = 0, bad = 0;
	char byte = 0;

	end = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	end += 2 * 4096;
	mprotect(end, 4096, PROT_NONE);
	if (guard_install())
		return 1;
	for (size_t n = 0; n <= SIZES; n++)
		for (size_t shift = 0; shift < 4; shift++)
			good += fits(n, shift);
	ok(good == (SIZES + 1) * 4, "each size arrives whole, with nothing written beside it");
	for (size_t n = 1; n <= SIZES; n++)
		bad += faults(n);
	ok(bad == SIZES, "one byte too many is EFAULT, for reading and writing");
	ok(guard_copy((void *)8, &byte, 1) == -14 && guard_copy(&byte, (void *)8, 1) == -14,
	   "so is the first page");
	ok(guard_copy(&byte, (void *)(1ul << 63), 1) == -14 &&
		   guard_copy(end - 600, (void *)(1ul << 63), 600) == -14,
	   "and an address that can be none");
	return done();
}
