// SPDX-License-Identifier: BSD-2-Clause
/*
 * A value as text: see btf_show.h.
 *
 * One function a kind, in a table; each shows the bytes at `at` of the value.
 * Recursion is bounded by the depth that the BTF check allows.
 */
#include "btf/btf_show.h"
#include <string.h>
#include "btf/btf_env.h"
#include "util/str.h"

struct show {
	const struct btf_view *v;
	struct btf_sink *out;
	const u8 *data;
	size_t size;
	u32 level;    /* of structs and arrays around */
	bool chars;   /* inside an array of bytes */
	bool ended;   /* its NUL has been seen */
	bool element; /* of an array, and no array has ended in it yet */
	u32 depth;
	u32 budget; /* parts still to be shown: types without a size can say anything */
};

#define PARTS_MAX (16u << 20)

static void type_show(struct show *s, u32 id, size_t at, u32 bit);

static void put(struct show *s, const char *text)
{
	s->out->put(s->out, text, strlen(text));
}

/* A whole value: parts of something are followed by a comma. */
static void value(struct show *s, const char *text)
{
	put(s, text);
	if (s->level)
		put(s, ",");
}

static void number(struct show *s, u64 v, bool is_signed)
{
	char text[24], *p = text;

	if (is_signed && (s64)v < 0) {
		*p++ = '-';
		v = -v;
	}
	str_put_u64(p, v, 10);
	value(s, text);
}

/* Up to 16 bytes at `at`, zero-extended; false: outside. */
static bool load(const struct show *s, size_t at, u32 n, unsigned __int128 *v)
{
	*v = 0;
	if (n > sizeof(*v) || at > s->size || s->size - at < n)
		return false;
	memcpy(v, s->data + at, n);
	return true;
}

static void hex128(struct show *s, unsigned __int128 v)
{
	u64 hi = (u64)(v >> 64), lo = (u64)v;
	char text[40] = "0x", *p = text + 2;

	if (hi) {
		p = str_put_u64(p, hi, 16);
		for (int shift = 60; shift > 0 && !(lo >> shift); shift -= 4)
			*p++ = '0';
	}
	str_put_u64(p, lo, 16);
	value(s, text);
}

static void bits(struct show *s, size_t at, u32 bit, u32 n)
{
	unsigned __int128 v;

	at += bit / 8;
	bit %= 8;
	if (!n || bit + n > 128 || !load(s, at, (bit + n + 7) / 8, &v))
		return;
	v >>= bit;
	if (n < 128)
		v &= ((unsigned __int128)1 << n) - 1;
	hex128(s, v);
}

static bool byte_as_char(struct show *s, u8 c)
{
	char text[4] = { '\'', (char)c, '\'', 0 };

	if (s->ended)
		return true;
	if (!c) {
		s->ended = true;
		return true;
	}
	if (c < 0x20 || (c > 0x7e && c < 0xa0))
		return false;
	value(s, text);
	return true;
}

static void int_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	u32 data = btf_int(t), n = BTF_INT_BITS(data);
	bool is_signed = BTF_INT_ENCODING(data) & BTF_INT_SIGNED;
	unsigned __int128 v;

	if (BTF_INT_OFFSET(data) || bit || (n != 8 && n != 16 && n != 32 && n != 64)) {
		bits(s, at, bit + BTF_INT_OFFSET(data), n);
		return;
	}
	if (!load(s, at, n / 8, &v) || (n == 8 && s->chars && byte_as_char(s, (u8)v)))
		return;
	if (is_signed && v >> (n - 1))
		number(s, (u64)v | (n < 64 ? ~0ull << n : 0), true);
	else
		number(s, (u64)v, false);
}

static void ptr_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	static const char zeros[] = "0x0000000000000000";
	unsigned __int128 v;
	char text[24], digits[24];
	u64 n;

	if (!load(s, at, sizeof(void *), &v))
		return;
	/* An address tells nothing to the reader, and nothing is what it shall tell: 32 mixed bits. */
	n = (u64)v ? ((u64)v * 0x9e3779b97f4a7c15ull) >> 32 : 0;
	str_put_u64(digits, n, 16);
	memcpy(text, zeros, sizeof(zeros));
	memcpy(text + sizeof(zeros) - 1 - strlen(digits), digits, strlen(digits));
	value(s, text);
}

static void enum_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	const struct btf_enum *e = btf_tail(t);
	unsigned __int128 v;

	/* The kernel compares 32 bits whatever the size. */
	if (!load(s, at, 4, &v) && !load(s, at, t->size, &v))
		return;
	for (u32 i = 0; i < btf_vlen(t); i++) {
		if ((u32)e[i].val == (u32)v) {
			value(s, btf_str(s->v, e[i].name_off));
			return;
		}
	}
	number(s, btf_kflag(t) ? (u64)(s64)(s32)v : (u32)v, btf_kflag(t));
}

static void enum64_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	const struct btf_enum64 *e = btf_tail(t);
	unsigned __int128 v;

	if (!load(s, at, 8, &v))
		return;
	for (u32 i = 0; i < btf_vlen(t); i++) {
		if (((u64)e[i].val_hi32 << 32 | e[i].val_lo32) == (u64)v) {
			value(s, btf_str(s->v, e[i].name_off));
			return;
		}
	}
	number(s, (u64)v, btf_kflag(t));
}

/* The kernel shows no name for an element of an array, and takes the brace for a part of it. */
static void open_part(struct show *s, const char *brace)
{
	if (!s->element)
		put(s, brace);
	s->level++;
}

static void close_part(struct show *s, const char *brace)
{
	s->level--;
	value(s, brace);
}

static void struct_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	const struct btf_member *m = btf_tail(t);

	open_part(s, "{");
	for (u32 i = 0; i < btf_vlen(t); i++) {
		u32 off = btf_member_off(t, &m[i]), width = btf_member_bits(t, &m[i]);

		if (width)
			bits(s, at + off / 8, off % 8, width);
		else
			type_show(s, m[i].type, at + off / 8, off % 8);
	}
	close_part(s, "}");
}

/*
 * Two ways of the kernel's that its readers may know: elements without a size
 * of their own (arrays, pointers) all show the first one, and the flags are those
 * of the innermost array, which clears them at its end.
 */
static void array_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	const struct btf_array *a = btf_tail(t);
	u32 elem_id = a->type, size = 0, step;
	const struct btf_type *elem;

	elem = btf_id_size(s->v, &elem_id, &size);
	if (!elem)
		return;
	step = btf_is(elem, BTF_SIZED) ? elem->size : 0;
	s->chars = btf_is(elem, BTF_K(INT)) && step == 1;
	s->ended = false;
	open_part(s, "[");
	for (u32 i = 0; i < a->nelems && s->budget && !s->ended; i++, at += step) {
		s->element = true;
		type_show(s, elem_id, at, 0);
		s->element = false;
	}
	s->chars = false;
	s->ended = false;
	close_part(s, "]");
}

static void mod_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	btf_id_resolve(s->v, &id);
	type_show(s, id, at, bit);
}

static void datasec_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	const struct btf_var_secinfo *i = btf_tail(t);

	put(s, "section (\"");
	put(s, btf_str(s->v, t->name_off));
	put(s, "\") = {");
	for (u32 k = 0; k < btf_vlen(t); k++) {
		if (k)
			put(s, ",");
		type_show(s, i[k].type, at + i[k].offset, 0);
	}
}

static void df_show(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit)
{
	char text[40];

	str_put(str_put_u64(str_put(text, "<unsupported kind:"), btf_kind(t), 10), ">");
	put(s, text);
}

typedef void (*show_fn)(struct show *s, const struct btf_type *t, u32 id, size_t at, u32 bit);

static const show_fn shows[BTF_KINDS] = {
	[BTF_KIND_UNKN] = df_show,         [BTF_KIND_INT] = int_show,       [BTF_KIND_PTR] = ptr_show,
	[BTF_KIND_ARRAY] = array_show,     [BTF_KIND_STRUCT] = struct_show, [BTF_KIND_UNION] = struct_show,
	[BTF_KIND_ENUM] = enum_show,       [BTF_KIND_FWD] = df_show,        [BTF_KIND_TYPEDEF] = mod_show,
	[BTF_KIND_VOLATILE] = mod_show,    [BTF_KIND_CONST] = mod_show,     [BTF_KIND_RESTRICT] = mod_show,
	[BTF_KIND_FUNC] = df_show,         [BTF_KIND_FUNC_PROTO] = df_show, [BTF_KIND_VAR] = mod_show,
	[BTF_KIND_DATASEC] = datasec_show, [BTF_KIND_FLOAT] = df_show,      [BTF_KIND_DECL_TAG] = df_show,
	[BTF_KIND_TYPE_TAG] = mod_show,    [BTF_KIND_ENUM64] = enum64_show,
};

static void type_show(struct show *s, u32 id, size_t at, u32 bit)
{
	const struct btf_type *t = btf_type(s->v, id);

	if (!t || s->depth > 2 * BTF_DEPTH || !s->budget)
		return;
	s->budget--;
	s->depth++;
	shows[btf_kind(t)](s, t, id, at, bit);
	s->depth--;
}

void btf_show(const struct btf_view *v, u32 type_id, const void *data, size_t size, struct btf_sink *sink)
{
	struct show s = { .v = v, .out = sink, .data = data, .size = size, .budget = PARTS_MAX };

	type_show(&s, type_id, 0, 0);
}
