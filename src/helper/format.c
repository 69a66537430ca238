// SPDX-License-Identifier: BSD-2-Clause
/*
 * Formatting: see format.h.
 *
 * A conversion is parsed into struct conv once, for the check as for the text,
 * so that both agree on what a format is. The kernel first copies what the
 * arguments stand for into a buffer of its own; what fits there is what it can
 * print, so the room is counted here in the same way.
 */
#include "helper/format.h"
#include "helper/text.h"
#include "shm/guard.h"
#include "util/err.h"
#include "util/random.h"
#include <string.h>

#define COPIES_MAX 512u

enum conv_kind {
	CONV_LITERAL,
	CONV_NUMBER,
	CONV_CHAR,
	CONV_STRING,
	CONV_HASHED,
	CONV_RAW,
	CONV_SYMBOL,
	CONV_IP
};

struct conv {
	u8 kind, bytes; /* of a number: 4 or 8 */
	bool zero, left, plus, space, is_signed, upper, hex;
	char ip, family; /* pI4: 'I' and '4' */
	u32 width, len;  /* of the conversion in the format */
};

/* Bytes above ASCII are text of some encoding. */
static bool printable(char c)
{
	return (u8)c >= 0x80 || (c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r');
}

static bool space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool punct(char c)
{
	return c > ' ' && c <= '~' && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* What may follow a conversion that could have had more letters. */
static bool ends_word(char c)
{
	return !c || space(c) || punct(c) || ((u8)c >= 0xa0 && (u8)c <= 0xbf);
}

static const char *parse_flags(const char *p, struct conv *c)
{
	for (;; p++) {
		switch (*p) {
		case '0': c->zero = true; continue;
		case '+': c->plus = true; continue;
		case '-': c->left = true; continue;
		case ' ': c->space = true; continue;
		}
		break;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		c->width = MIN(c->width * 10 + (u32)(*p - '0'), 65535u);
	return p;
}

/* Behind "%p". NULL: unknown. */
static const char *parse_pointer(const char *p, struct conv *c)
{
	if ((p[0] == 'k' || p[0] == 'u') && p[1] == 's') {
		c->kind = CONV_STRING;
		return ends_word(p[2]) ? p + 2 : NULL;
	}
	if ((p[0] == 'i' || p[0] == 'I') && (p[1] == '4' || p[1] == '6')) {
		c->kind = CONV_IP;
		c->ip = p[0];
		c->family = p[1];
		return p + 2;
	}
	switch (*p) {
	case 'x': c->kind = CONV_RAW; return p + 1;
	case 's':
	case 'S':
	case 'B': c->kind = CONV_SYMBOL; return p + 1;
	case 'K': c->kind = CONV_HASHED; return p + 1;
	}
	c->kind = CONV_HASHED;
	return ends_word(*p) ? p : NULL;
}

static const char *parse_number(const char *p, struct conv *c)
{
	c->kind = CONV_NUMBER;
	c->bytes = 4;
	for (u32 i = 0; i < 2 && *p == 'l'; i++, p++)
		c->bytes = 8;
	switch (*p) {
	case 'i':
	case 'd': c->is_signed = true; break;
	case 'X': c->upper = true; /* fall through */
	case 'x': c->hex = true; break;
	case 'u': break;
	default: return NULL;
	}
	return p + 1;
}

/* p at a '%'. False: not known. */
static bool parse(const char *p, struct conv *c)
{
	const char *from = p++;

	*c = (struct conv){ .kind = CONV_LITERAL, .len = 2 };
	if (*p == '%')
		return true;
	p = parse_flags(p, c);
	switch (*p) {
	case 'p': p = parse_pointer(p + 1, c); break;
	case 's':
		c->kind = CONV_STRING;
		p = ends_word(p[1]) ? p + 1 : NULL;
		break;
	case 'c':
		c->kind = CONV_CHAR;
		p++;
		break;
	default: p = parse_number(p, c);
	}
	if (p)
		c->len = (u32)(p - from);
	return p;
}

int format_check(const char *fmt, u32 size, u32 n)
{
	struct conv c;
	u32 used = 0;

	if (!memchr(fmt, 0, size))
		return -EINVAL;
	while (*fmt) {
		if (!printable(*fmt))
			return -EINVAL;
		if (*fmt != '%') {
			fmt++;
			continue;
		}
		if (fmt[1] != '%' && used >= n)
			return -EINVAL;
		if (!parse(fmt, &c))
			return -EINVAL;
		used += c.kind != CONV_LITERAL;
		fmt += c.len;
	}
	return 0;
}

/* ---- text ---- */

struct out {
	struct run *run;
	char *buf;
	u32 room, len; /* len: what there would be */
	u32 copies;    /* bytes taken of COPIES_MAX */
};

static void put(struct out *o, char c)
{
	if (o->len < o->room)
		o->buf[o->len] = c;
	o->len++;
}

static void put_n(struct out *o, char c, u32 n)
{
	while (n--)
		put(o, c);
}

static void put_text(struct out *o, const char *s, u32 n)
{
	while (n--)
		put(o, *s++);
}

static void put_padded(struct out *o, const struct conv *c, const char *s, u32 n)
{
	u32 pad = c->width > n ? c->width - n : 0;

	if (!c->left)
		put_n(o, ' ', pad);
	put_text(o, s, n);
	if (c->left)
		put_n(o, ' ', pad);
}

static void put_number(struct out *o, const struct conv *c, u64 v)
{
	const char *digits = c->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24], sign = 0;
	u32 n = 0, len, pad;
	u64 base = c->hex ? 16 : 10;

	if (c->is_signed) {
		s64 s = c->bytes == 4 ? (s32)v : (s64)v;

		sign = s < 0 ? '-' : c->plus ? '+' : c->space ? ' ' : 0;
		v = s < 0 ? 0 - (u64)s : (u64)s;
	} else if (c->bytes == 4) {
		v = (u32)v;
	}
	do
		tmp[n++] = digits[v % base];
	while (v /= base);
	len = n + !!sign;
	pad = c->width > len ? c->width - len : 0;
	if (!c->left && !c->zero)
		put_n(o, ' ', pad);
	if (sign)
		put(o, sign);
	if (!c->left && c->zero)
		put_n(o, '0', pad);
	while (n)
		put(o, tmp[--n]);
	if (c->left)
		put_n(o, ' ', pad);
}

/* Addresses are not shown: one stands for another that is the same each time. */
u64 format_hashed(u64 v)
{
	static u64 key;
	u64 none = 0;

	if (!v)
		return 0;
	if (!key)
		__atomic_compare_exchange_n(&key, &none, random_u64() | 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	v = (v ^ key) * 0x9e3779b97f4a7c15ull;
	return (v ^ v >> 29) & 0xffffffff;
}

static void put_pointer(struct out *o, const struct conv *c, u64 v)
{
	struct conv hex = { .hex = true, .bytes = 8, .left = c->left, .width = c->width };

	if (c->kind == CONV_SYMBOL) { /* no symbol of the kernel's is there */
		char text[20] = "0x";
		struct out t = { .buf = text, .room = sizeof(text), .len = 2 };

		put_number(&t, &(struct conv){ .hex = true, .bytes = 8 }, v);
		put_padded(o, c, text, t.len);
		return;
	}
	if (!c->width) {
		hex.width = 16;
		hex.zero = true;
	} else {
		hex.zero = c->zero;
	}
	put_number(o, &hex, c->kind == CONV_RAW ? v : format_hashed(v));
}

static void put_ip(struct out *o, const struct conv *c, u64 addr)
{
	u32 n = c->family == '4' ? 4 : 16;
	struct conv byte = { .zero = c->ip == 'i' || n == 16, .hex = n == 16, .bytes = 4 };
	u8 ip[16];

	if (mem_copy(o->run, MEM_KERNEL, ip, addr, n))
		memset(ip, 0, sizeof(ip));
	byte.width = !byte.zero ? 0 : n == 4 ? 3 : 2;
	for (u32 i = 0; i < n; i++) {
		if (i && n == 4)
			put(o, '.');
		else if (i && c->ip == 'I' && !(i & 1))
			put(o, ':');
		put_number(o, &byte, ip[i]);
	}
}

/* A conversion's share of the kernel's buffer: 0 or -ENOSPC. */
static int take(struct out *o, u32 n)
{
	if (n > COPIES_MAX - o->copies)
		return -ENOSPC;
	o->copies += n;
	return 0;
}

static int put_string(struct out *o, const struct conv *c, u64 addr)
{
	char text[COPIES_MAX];
	long n;

	if (o->copies == COPIES_MAX)
		return -ENOSPC;
	n = text_copy(o->run, MEM_KERNEL, text, COPIES_MAX - o->copies, addr);
	if (n < 0) {
		text[0] = 0;
		n = 1;
	}
	o->copies += (u32)n;
	put_padded(o, c, text, (u32)strlen(text));
	return 0;
}

static int put_conv(struct out *o, const struct conv *c, u64 v)
{
	u32 before = o->len;
	int err;

	switch (c->kind) {
	case CONV_STRING: return put_string(o, c, v);
	case CONV_CHAR:
		err = take(o, 1);
		if (!err)
			put_padded(o, c, (const char[]){ (char)v }, 1);
		return err;
	case CONV_IP:
		err = take(o, c->family == '4' ? 4 : 16);
		if (err)
			return err;
		put_ip(o, c, v);
		o->copies += o->len - before + 1 - (c->family == '4' ? 4 : 16);
		o->copies = MIN(o->copies, COPIES_MAX);
		return 0;
	case CONV_SYMBOL:
	case CONV_RAW:
	case CONV_HASHED:
		o->copies = MIN(ROUND_UP(o->copies, 4), COPIES_MAX);
		err = take(o, 8);
		if (!err)
			put_pointer(o, c, v);
		return err;
	default:
		o->copies = MIN(ROUND_UP(o->copies, 4), COPIES_MAX);
		err = take(o, c->bytes);
		if (!err)
			put_number(o, c, v);
		return err;
	}
}

/* The kernel takes all letters behind a pointer for its own, whatever they say; those of Latin-1, too. */
static const char *skip_letters(const char *p)
{
	u8 c;

	while ((c = (u8)*p) && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
				(c >= 0xc0 && c != 0xd7 && c != 0xf7)))
		p++;
	return p;
}

int format_text(struct run *run, char *buf, u32 room, const char *fmt, u32 size, const u64 *args, u32 n)
{
	struct out o = { .run = run, .buf = buf, .room = room };
	int err = format_check(fmt, size, n);
	struct conv c;

	while (!err && *fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		parse(fmt, &c);
		fmt += c.len;
		if (c.kind >= CONV_HASHED)
			fmt = skip_letters(fmt);
		if (c.kind == CONV_LITERAL)
			put(&o, '%');
		else
			err = put_conv(&o, &c, *args++);
	}
	if (room)
		buf[err ? 0 : MIN(o.len, room - 1)] = 0;
	return err ? err : (int)o.len;
}
