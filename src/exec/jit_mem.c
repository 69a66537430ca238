// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory for machine code: one range of addresses, set aside when it is first wanted.
 *
 *     range   [head code probes][head code probes     ][free][head ...
 *             page                page      page       page
 *
 * A block takes whole pages. It is written while it can be read and written,
 * then becomes readable and executable, and is not writable again before it is
 * free; free pages are neither, but for a few (`ready`) that stay writable, since
 * most blocks take one page and new ones are dear. That all code lies in one range is how the handler of
 * faults knows it (guard_code_range), and the range lies near this library's own text, so that calls of
 * helpers are short.
 *
 * Pages are claimed in a bitmap by compare-and-swap, without a lock: bpf(2) may
 * be called in a signal handler that has interrupted this very code.
 */
#include "exec/jit_mem.h"
#include "util/err.h"
#include "util/raw.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define RANGE (256u << 20)
#define PAGES (RANGE / PAGE)
#define WORDS (PAGES / 64)

static char *_Atomic range;
static _Atomic u64 used[WORDS];
static _Atomic u64 ready;     /* of the first 64 pages: in use for nobody, and can be written */
static u16 first_page[PAGES]; /* of the block that a page belongs to; only of pages in use */

_Static_assert(PAGES <= 65536, "u16 for pages");

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

static bool reaches(const char *lo, const char *target)
{
	s64 a = target - lo, b = target - (lo + RANGE);

	return a == (s32)a && b == (s32)b;
}

bool code_reaches(const void *target)
{
	return reaches(range, target);
}

/* Below the text, farther and farther away; else wherever there is room. */
static char *range_map(void)
{
	uintptr_t text = (uintptr_t)__ehdr_start & ~(uintptr_t)(PAGE - 1);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *at;

	for (u32 i = 1; i <= 6; i++) {
		uintptr_t hint = text - (uintptr_t)i * (RANGE + (RANGE >> 4));

		if (hint > text)
			break;
		at = raw_mmap((void *)hint, RANGE, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
		if (!IS_ERR(at) && reaches(at, etext))
			return at;
		if (!IS_ERR(at))
			raw_munmap(at, RANGE);
	}
	return raw_mmap(NULL, RANGE, PROT_NONE, flags, -1, 0);
}

int code_init(void)
{
	char *none = NULL, *at;

	if (range)
		return 0;
	at = range_map();
	if (IS_ERR(at))
		return -ENOMEM;
	if (!atomic_compare_exchange_strong(&range, &none, at)) {
		raw_munmap(at, RANGE); /* another thread was first */
		return 0;
	}
	guard_code_range(at, at + RANGE);
	return 0;
}

static u64 bits(u32 from, u32 n)
{
	return (n == 64 ? ~0ull : (1ull << n) - 1) << from;
}

/* n pages inside one word; -1: it has no such room. */
static int claim_within(u32 w, u32 n)
{
	u64 now = used[w];
	u32 at = 0;

	while (at + n <= 64) {
		if (now & bits(at, n))
			at++;
		else if (atomic_compare_exchange_weak(&used[w], &now, now | bits(at, n)))
			return (int)(w * 64 + at);
	}
	return -1;
}

static void release(u32 page, u32 n)
{
	while (n) {
		u32 in_word = MIN(n, 64 - page % 64);

		atomic_fetch_and(&used[page / 64], ~bits(page % 64, in_word));
		page += in_word;
		n -= in_word;
	}
}

/* As many whole words as n pages take; what is too much goes back. */
static int claim_words(u32 w, u32 n)
{
	u32 words = (n + 63) / 64;

	for (u32 i = 0; i < words; i++) {
		u64 none = 0;

		if (atomic_compare_exchange_strong(&used[w + i], &none, ~0ull))
			continue;
		release(w * 64, i * 64);
		return -1;
	}
	release(w * 64 + n, words * 64 - n);
	return (int)(w * 64);
}

static int claim(u32 n)
{
	u32 words = (n + 63) / 64;
	int page = -1;

	for (u32 w = 0; w + words <= WORDS && page < 0; w++)
		page = n <= 64 ? claim_within(w, n) : claim_words(w, n);
	return page;
}

static u32 pages_of(size_t size)
{
	return (u32)(ROUND_UP(size, PAGE) / PAGE);
}

static long protect(void *at, size_t size, int prot)
{
	return raw3(SYS_mprotect, at, ROUND_UP(size, PAGE), prot);
}

/* -1: none is ready. */
static int claim_ready(void)
{
	u64 now = ready;

	while (now) {
		u32 page = (u32)__builtin_ctzll(now);

		if (atomic_compare_exchange_weak(&ready, &now, now & (now - 1)))
			return (int)page;
	}
	return -1;
}

/* What was code must not be found there by the next. */
static bool keep_ready(struct code_head *h, u32 page, size_t size)
{
	if (page >= 64 || size > PAGE || protect(h, size, PROT_READ | PROT_WRITE))
		return false;
	memset(h, 0xcc, size);
	h->nr_probes = 0;
	atomic_fetch_or(&ready, 1ull << page);
	return true;
}

struct code_head *code_alloc(size_t size)
{
	u32 n = pages_of(size);
	int page = n == 1 ? claim_ready() : -1;
	char *at;

	if (size > RANGE)
		return NULL;
	if (page >= 0)
		return (struct code_head *)(range + (size_t)page * PAGE);
	page = claim(n);
	if (page < 0)
		return NULL;
	at = range + (size_t)page * PAGE;
	if (protect(at, size, PROT_READ | PROT_WRITE)) {
		release((u32)page, n);
		return NULL;
	}
	for (u32 i = 0; i < n; i++)
		first_page[(u32)page + i] = (u16)page;
	return (struct code_head *)at;
}

int code_seal(struct code_head *h, size_t size)
{
	int err = (int)protect(h, size, PROT_READ | PROT_EXEC);

	if (err)
		code_free(h, size);
	return err;
}

/* A new mapping in place of the old one drops the pages and their rights in one call. */
void code_free(struct code_head *h, size_t size)
{
	u32 page = (u32)(((char *)h - range) / PAGE);

	if (keep_ready(h, page, size))
		return;
	raw_mmap(h, ROUND_UP(size, PAGE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0);
	release(page, pages_of(size));
}

bool code_probe(const void *rip, struct guard_resume *to)
{
	const char *base = range, *at = rip;
	const struct code_head *h;
	const struct code_probe *p;
	u32 lo = 0, hi, off, page;

	if (!base || at < base || at >= base + RANGE)
		return false;
	page = (u32)((at - base) / PAGE);
	if (!(used[page / 64] >> page % 64 & 1))
		return false;
	h = (const struct code_head *)(base + (size_t)first_page[page] * PAGE);
	p = (const struct code_probe *)((const char *)h + h->probes);
	off = (u32)(at - (const char *)h);
	for (hi = h->nr_probes; lo < hi;) {
		u32 mid = (lo + hi) / 2;

		if (p[mid].at < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == h->nr_probes || p[lo].at != off)
		return false;
	to->at = at + p[lo].len;
	to->zero = p[lo].zero;
	return true;
}
