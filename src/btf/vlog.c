// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's log: see vlog.h. No stdio: this runs in any process, in a signal handler.
 */
#include "btf/vlog.h"
#include <stdarg.h>
#include <sys/mman.h>
#include "util/raw.h"

int vlog_init(struct vlog *l, u32 level, u64 ubuf, u32 size)
{
	*l = (struct vlog){ .level = level, .size = size };
	if (!!ubuf != !!size || (ubuf && !level))
		return -EINVAL;
	if (level & ~VLOG_LEVELS || size > UINT32_MAX >> 2)
		return -EINVAL;
	if (!size)
		return 0;
	/* Only what is written costs memory. */
	l->buf = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			  0);
	if (IS_ERR(l->buf)) {
		l->buf = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void put(struct vlog *l, char c)
{
	if (l->buf) {
		/* The last byte of a fixed buffer is the NUL's. */
		if (!(l->level & VLOG_FIXED))
			l->buf[l->len % l->size] = c;
		else if (l->len + 1 < l->size)
			l->buf[l->len] = c;
	}
	l->len++;
	l->max = MAX(l->max, l->len + 1);
}

static void put_number(struct vlog *l, u64 v, u32 base)
{
	char digits[24];
	int n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (n)
		put(l, digits[--n]);
}

static void put_signed(struct vlog *l, s64 v)
{
	if (v < 0)
		put(l, '-');
	put_number(l, v < 0 ? -(u64)v : (u64)v, 10);
}

static void put_string(struct vlog *l, const char *s)
{
	while (*s)
		put(l, *s++);
}

void vlog(struct vlog *l, const char *fmt, ...)
{
	va_list ap;

	if (!l || !l->level)
		return;
	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		bool wide = false;

		if (*fmt != '%') {
			put(l, *fmt);
			continue;
		}
		if (*++fmt == 'l') {
			wide = true;
			fmt++;
		}
		switch (*fmt) {
		case 's': put_string(l, va_arg(ap, const char *)); break;
		case 'c': put(l, (char)va_arg(ap, int)); break;
		case 'd': put_signed(l, wide ? va_arg(ap, s64) : va_arg(ap, s32)); break;
		case 'u': put_number(l, wide ? va_arg(ap, u64) : va_arg(ap, u32), 10); break;
		case 'x': put_number(l, wide ? va_arg(ap, u64) : va_arg(ap, u32), 16); break;
		default: put(l, *fmt);
		}
	}
	va_end(ap);
}

void vlog_reset(struct vlog *l, u64 mark)
{
	l->len = MIN(l->len, mark);
}

static void reverse(char *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		char c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

/* Turns the ring so that its oldest byte comes first; that one gives way to the NUL. */
static u32 straighten(struct vlog *l)
{
	size_t first = l->len % l->size;

	reverse(l->buf, first);
	reverse(l->buf + first, l->size - first);
	reverse(l->buf, l->size);
	for (size_t i = 1; i < l->size; i++)
		l->buf[i - 1] = l->buf[i];
	l->buf[l->size - 1] = 0;
	return l->size;
}

int vlog_finish(struct vlog *l, u32 *n, u32 *true_size)
{
	*n = 0;
	*true_size = 0;
	if (!l->level)
		return 0;
	*true_size = (u32)MIN(l->max, UINT32_MAX);
	if (!l->buf)
		return 0;
	if (l->len + 1 <= l->size) {
		l->buf[l->len] = 0;
		*n = (u32)l->len + 1;
	} else if (l->level & VLOG_FIXED) {
		l->buf[l->size - 1] = 0;
		*n = l->size;
	} else {
		*n = straighten(l);
	}
	return l->max > l->size ? -ENOSPC : 0;
}

void vlog_free(struct vlog *l)
{
	if (l->buf)
		raw_munmap(l->buf, l->size);
	l->buf = NULL;
}
