// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on text: numbers from text, comparison, and text from numbers.
 */
#include "helper/format.h"
#include "helper/helper_ids.h"
#include "util/err.h"
#include <string.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

/* ---- numbers ---- */

#define BASE_MASK  0x1fu
#define NUMBER_MAX 63u /* characters of a number that are looked at */

struct number {
	u64 value;
	bool negative;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (u8)c == 0xa0;
}

static u32 digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	c |= 32;
	return c >= 'a' && c <= 'f' ? (u32)(c - 'a') + 10 : 99;
}

/* Base 0 is what the text says; skips "0x". s ends in a NUL. */
static const char *take_prefix(const char *s, u32 *base)
{
	bool hex = s[0] == '0' && (s[1] | 32) == 'x';

	if (!*base)
		*base = hex && digit_of(s[2]) < 16 ? 16 : s[0] == '0' ? 8 : 10;
	return *base == 16 && hex ? s + 2 : s;
}

/* Bytes consumed, -EINVAL: no number, -ERANGE. */
static int parse_number(const char *buf, u32 len, u64 flags, struct number *n)
{
	u32 base = (u32)flags & BASE_MASK, at = 0, digits = 0, size;
	char text[NUMBER_MAX + 1];
	const char *s;
	bool over = false;

	if (!len || (base && base != 8 && base != 10 && base != 16) || (flags & ~(u64)BASE_MASK))
		return -EINVAL;
	while (at < len && is_space(buf[at]))
		at++;
	n->negative = at < len && buf[at] == '-';
	at += n->negative;
	if (at == len)
		return -EINVAL;
	size = MIN(len - at, NUMBER_MAX);
	memcpy(text, buf + at, size);
	text[size] = 0;
	s = take_prefix(text, &base);
	for (n->value = 0; digit_of(*s) < base; s++, digits++) {
		over |= __builtin_mul_overflow(n->value, base, &n->value);
		over |= __builtin_add_overflow(n->value, digit_of(*s), &n->value);
	}
	if (over)
		return -ERANGE;
	return digits ? (int)(at + (u32)(s - text)) : -EINVAL;
}

HELPER(strtol)
{
	struct number n;
	s64 *res = u64_to_ptr(r4);
	int used = parse_number(u64_to_ptr(r1), (u32)r2, r3, &n);

	*res = 0;
	if (used < 0)
		return (u64)used;
	if (n.value > (u64)INT64_MAX + n.negative)
		return (u64)-ERANGE;
	*res = n.negative ? (s64)(0 - n.value) : (s64)n.value;
	return (u64)used;
}

HELPER(strtoul)
{
	struct number n;
	u64 *res = u64_to_ptr(r4);
	int used = parse_number(u64_to_ptr(r1), (u32)r2, r3, &n);

	*res = 0;
	if (used < 0)
		return (u64)used;
	if (n.negative)
		return (u64)-EINVAL;
	*res = n.value;
	return (u64)used;
}

PROTO(strtol, .func = strtol, INT, ARGS(IN, SIZE, ANY, FIXED_OUT), .arg_size = { 0, 0, 0, 8 });
PROTO(strtoul, .func = strtoul, INT, ARGS(IN, SIZE, ANY, FIXED_OUT), .arg_size = { 0, 0, 0, 8 });

/* ---- comparison ---- */

/* -1, 0, 1: the kernel's own, not the C library's. */
HELPER(bpf_strncmp)
{
	const u8 *a = u64_to_ptr(r1), *b = u64_to_ptr(r3);

	for (u32 n = (u32)r2; n; n--, a++, b++) {
		if (*a != *b)
			return *a < *b ? (u64)-1 : 1;
		if (!*a)
			break;
	}
	return 0;
}

PROTO(strncmp, .func = bpf_strncmp, INT, ARGS(IN, SIZE, ARG_CONST_STR));

/* ---- formats ---- */

/* Words at data of len bytes: how many, or -EINVAL. */
static int words_of(u64 data, u64 len)
{
	if (len % 8 || len > FORMAT_ARGS_MAX * 8 || (len && !data))
		return -EINVAL;
	return (int)(len / 8);
}

HELPER(bpf_snprintf)
{
	int n = words_of(r4, (u32)r5);

	if (n >= 0)
		n = format_text(run, u64_to_ptr(r1), (u32)r2, u64_to_ptr(r3), ~0u, u64_to_ptr(r4), (u32)n);
	return (u64)(s64)(n < 0 ? n : n + 1);
}

/* The line ends where the text does: a newline of its own leaves an empty line, as on the kernel. */
static u64 trace(struct run *run, u64 fmt, u64 size, const u64 *args, u32 n)
{
	char line[FORMAT_TEXT_MAX + 1];
	int len = format_text(run, line, FORMAT_TEXT_MAX, u64_to_ptr(fmt), (u32)size, args, n);
	size_t end;

	if (len < 0)
		return (u64)(s64)len;
	end = strlen(line);
	line[end] = '\n';
	run->ops->trace(run, line, end + 1);
	return (u64)len;
}

HELPER(trace_printk)
{
	const u64 args[3] = { r3, r4, r5 };

	return trace(run, r1, r2, args, 3);
}

HELPER(trace_vprintk)
{
	int n = words_of(r3, (u32)r4);

	return n < 0 ? (u64)(s64)n : trace(run, r1, r2, u64_to_ptr(r3), (u32)n);
}

PROTO(snprintf, .func = bpf_snprintf, GPL, INT, .special = HELPER_SNPRINTF,
      ARGS(INOUT_OR_NULL, SIZE0, ARG_CONST_STR, IN_OR_NULL, SIZE0));
PROTO(trace_printk, .func = trace_printk, GPL, INT, .special = HELPER_TRACE_PRINTK, ARGS(IN, SIZE));
PROTO(trace_vprintk, .func = trace_vprintk, GPL, INT, .special = HELPER_TRACE_PRINTK,
      ARGS(IN, SIZE, IN_OR_NULL, SIZE0));
