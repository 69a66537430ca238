// SPDX-License-Identifier: BSD-2-Clause
/*
 * Values with names: see btf_pretty.h.
 *
 * A struct or array that is not the outermost is gone through twice, unless zeros are wanted: first
 * silently, to see if there is anything in it. The state that decides about names
 * goes on through both, as it does in the kernel; so an array of structs shows some of their members without
 * names.
 */
#include "btf/btf_pretty.h"
#include <linux/bpf.h>
#include <string.h>
#include "shm/guard.h"
#include "util/str.h"

#define DEPTH_MAX 48u
#define PARTS_MAX (1u << 20)
#define NAME_ROOM 80u /* of a member and its type: longer ones are cut */
#define STEPS_MAX 8u  /* pointers, arrays and typedefs in one name */
#define PIECE     32u /* bytes that are tried of a value before it is begun */

struct pretty {
	const struct btf_view *v;
	struct btf_sink *out;
	u64 flags;
	u64 (*hash)(u64);
	u32 depth;
	u32 checking; /* not 0: silent, since depth + 1 */
	u32 deepest;  /* where a value was shown, or would have been */
	bool element; /* of an array: has no name */
	bool chars;   /* its elements are characters */
	bool ended;   /* the NUL of a text was seen */
	u32 type_id;  /* of the value at hand, and the member that it is */
	const struct btf_member *member;
	u32 level, budget;
	int err;
};

static void show_type(struct pretty *p, u32 id, u32 named, u64 addr, u32 bit);

static void put(struct pretty *p, const char *text)
{
	if (!p->checking)
		p->out->put(p->out, text, strlen(text));
}

static void put_indent(struct pretty *p)
{
	static const char spaces[DEPTH_MAX + 1] = "                                                ";

	if (!(p->flags & BTF_F_COMPACT))
		put(p, spaces + DEPTH_MAX - MIN(p->depth, DEPTH_MAX));
}

static void put_end(struct pretty *p)
{
	if (p->depth)
		put(p, ",");
	if (!(p->flags & BTF_F_COMPACT))
		put(p, "\n");
}

/* ---- names ---- */

struct naming {
	const char *name, *prefix, *parens;
	u32 stars, brackets;
	bool is_typedef;
};

static u32 plain_of(const struct btf_view *v, u32 id)
{
	const struct btf_type *t = btf_type(v, id);

	for (u32 n = 0; t && n < DEPTH_MAX; n++) {
		if (!btf_is(t, BTF_MODIFIERS) || btf_is(t, BTF_K(TYPEDEF)))
			break;
		id = t->type;
		t = btf_type(v, id);
	}
	return id;
}

/* Through pointers, arrays and typedefs; false: too many. */
static bool name_of(const struct pretty *p, u32 id, struct naming *n)
{
	const struct btf_type *t = btf_type(p->v, id);

	*n = (struct naming){ .prefix = "", .parens = "" };
	for (u32 step = 0; step < STEPS_MAX; step++) {
		if (!t)
			return false;
		if (btf_is(t, BTF_K(TYPEDEF))) {
			if (!n->name)
				n->name = btf_str(p->v, t->name_off);
			n->is_typedef = true;
			id = t->type;
		} else if (btf_is(t, BTF_K(ARRAY))) {
			n->parens = "[";
			n->brackets++;
			id = ((const struct btf_array *)btf_tail(t))->type;
		} else if (btf_is(t, BTF_K(PTR))) {
			n->stars++;
			id = t->type;
		} else {
			id = 0;
		}
		if (!id) {
			if (!n->name)
				n->name = btf_str(p->v, t->name_off);
			if (btf_is(t, BTF_STRUCTS)) {
				n->prefix = btf_is(t, BTF_K(STRUCT)) ? "struct" : "union";
				if (!n->stars && !n->brackets)
					n->parens = "{";
			} else if (btf_is(t, BTF_K(ENUM) | BTF_K(ENUM64))) {
				n->prefix = "enum";
			}
			if (n->stars)
				n->parens = "";
			if (n->is_typedef)
				n->prefix = "";
			return true;
		}
		t = btf_type(p->v, plain_of(p->v, id));
	}
	return false;
}

/* Appends what there is room for. */
static char *add(char *at, const char *end, const char *text)
{
	while (*text && at < end)
		*at++ = *text++;
	*at = 0;
	return at;
}

/* ".member = (type)" and an opening brace. */
static void put_name(struct pretty *p)
{
	char text[NAME_ROOM], *at = text;
	const char *end = text + sizeof(text) - 1,
		   *member = p->member ? btf_str(p->v, p->member->name_off) : "";
	struct naming n;

	if (p->element || p->checking || !name_of(p, p->member ? p->member->type : p->type_id, &n))
		return;
	if (p->flags & BTF_F_NONAME) {
		put(p, n.parens);
		return;
	}
	text[0] = 0;
	if (*member)
		at = add(add(add(at, end, "."), end, member), end, " = ");
	at = add(add(at, end, "("), end, n.prefix);
	at = add(at, end, *n.prefix && *n.name ? " " : "");
	at = add(at, end, n.name);
	at = add(at, end, n.stars ? " " : "");
	for (u32 i = 0; i < n.stars; i++)
		at = add(at, end, "*");
	for (u32 i = 0; i < n.brackets; i++)
		at = add(at, end, "[]");
	add(add(at, end, ")"), end, n.parens);
	put(p, text);
}

/* ---- values ---- */

/* A value begins: can it be read? */
static bool start(struct pretty *p, u32 named, u64 addr, u32 size)
{
	u8 piece[PIECE];

	p->type_id = named;
	if (!guard_copy(piece, u64_to_ptr(addr), MIN(size, PIECE)))
		return true;
	p->err = -EFAULT;
	return false;
}

static void value(struct pretty *p, bool nonzero, const char *text)
{
	if (!nonzero && !(p->flags & BTF_F_ZERO) && p->depth)
		return;
	put_indent(p);
	put_name(p);
	put(p, text);
	put_end(p);
	p->deepest = MAX(p->deepest, p->depth);
}

static void number(struct pretty *p, u64 v, bool is_signed)
{
	char text[24], *at = text;
	u64 abs = v;

	if (is_signed && (s64)v < 0) {
		*at++ = '-';
		abs = 0 - v;
	}
	str_put_u64(at, abs, 10);
	value(p, v, text);
}

static void put_hex(char *to, u64 v, u32 width)
{
	char digits[20];
	size_t n = (size_t)(str_put_u64(digits, v, 16) - digits);

	for (; n < width; width--)
		*to++ = '0';
	str_put(to, digits);
}

/* A bit field: at most 16 bytes lie under it. */
static void bits(struct pretty *p, u64 addr, u32 bit, u32 n)
{
	unsigned __int128 v = 0;
	char text[40] = "0x";
	u32 bytes = (bit + n + 7) / 8;

	if (!n || n > 128 || bytes > sizeof(v) || guard_copy(&v, u64_to_ptr(addr), bytes)) {
		p->err = n > 128 || bytes > sizeof(v) ? p->err : -EFAULT;
		return;
	}
	v >>= bit;
	if (n < 128)
		v &= ((unsigned __int128)1 << n) - 1;
	if (v >> 64) {
		put_hex(text + 2, (u64)(v >> 64), 0);
		put_hex(text + strlen(text), (u64)v, 16);
	} else {
		put_hex(text + 2, (u64)v, 0);
	}
	value(p, v, text);
}

static u64 load(u64 addr, u32 size, bool is_signed)
{
	u64 v = 0;

	if (size > sizeof(v) || guard_copy(&v, u64_to_ptr(addr), size))
		return 0;
	if (!is_signed || size == sizeof(v))
		return v;
	return (u64)((s64)(v << (64 - 8 * size)) >> (64 - 8 * size));
}

static void show_int(struct pretty *p, const struct btf_type *t, u32 named, u64 addr, u32 bit)
{
	u32 data = btf_int(t), n = BTF_INT_BITS(data);
	bool is_signed = BTF_INT_ENCODING(data) & BTF_INT_SIGNED;
	char quoted[] = "'?'";
	u64 v;

	if (!start(p, named, addr, t->size))
		return;
	if (bit || BTF_INT_OFFSET(data) || !btf_int_regular(t) || n == 128) {
		bits(p, addr + (bit + BTF_INT_OFFSET(data)) / 8, (bit + BTF_INT_OFFSET(data)) % 8, n);
		return;
	}
	v = load(addr, n / 8, is_signed);
	if (n == 8 && p->chars) {
		if (p->ended)
			return;
		if (!(u8)v) {
			p->ended = true;
			return;
		}
		if ((u8)v >= ' ' && (u8)v <= '~') {
			quoted[1] = (char)v;
			value(p, true, quoted);
			return;
		}
		/* The kernel takes bytes of Latin-1 for printable. */
		if ((u8)v >= 0xa0) {
			quoted[1] = (char)v;
			value(p, true, quoted);
			return;
		}
	}
	number(p, v, is_signed);
}

static void show_enum(struct pretty *p, const struct btf_type *t, u32 named, u64 addr)
{
	bool wide = btf_is(t, BTF_K(ENUM64)), is_signed = btf_kflag(t);
	const struct btf_enum *e = btf_tail(t);
	const struct btf_enum64 *w = btf_tail(t);
	u64 v;

	if (!start(p, named, addr, t->size))
		return;
	v = load(addr, wide ? 8 : 4, wide || is_signed);
	for (u32 n = 0; n < btf_vlen(t); n++) {
		bool is = wide ? v == ((u64)w[n].val_hi32 << 32 | w[n].val_lo32) : (u32)v == (u32)e[n].val;

		if (is) {
			/* One with a name is shown even if it is zero. */
			value(p, true, btf_str(p->v, wide ? w[n].name_off : e[n].name_off));
			return;
		}
	}
	number(p, v, is_signed);
}

static void show_ptr(struct pretty *p, u32 named, u64 addr)
{
	char text[24] = "0x";
	u64 v;

	if (!start(p, named, addr, sizeof(v)))
		return;
	v = load(addr, sizeof(v), false);
	put_hex(text + 2, p->flags & BTF_F_PTR_RAW ? v : p->hash(v), 16);
	value(p, v, text);
}

/* ---- structs and arrays ---- */

static bool open_aggregate(struct pretty *p, u32 named, u64 addr, u32 size)
{
	if (!start(p, named, addr, size))
		return false;
	put_indent(p);
	put_name(p);
	if (!(p->flags & BTF_F_COMPACT))
		put(p, "\n");
	p->depth++;
	return true;
}

static void close_aggregate(struct pretty *p, const char *brace)
{
	p->depth--;
	put_indent(p);
	put(p, brace);
	put_end(p);
}

static void struct_once(struct pretty *p, const struct btf_type *t, u32 named, u64 addr)
{
	const struct btf_member *m = btf_tail(t);

	if (!open_aggregate(p, named, addr, t->size))
		return;
	for (u32 n = btf_vlen(t); n; n--, m++) {
		u32 off = btf_member_off(t, m), width = btf_member_bits(t, m);

		p->member = m;
		if (width) {
			if (start(p, m->type, addr + off / 8, (off % 8 + width + 7) / 8))
				bits(p, addr + off / 8, off % 8, width);
		} else {
			show_type(p, m->type, m->type, addr + off / 8, off % 8);
		}
		p->member = NULL;
	}
	close_aggregate(p, "}");
}

static void array_once(struct pretty *p, const struct btf_type *t, u32 named, u64 addr)
{
	const struct btf_array *a = btf_tail(t);
	u32 id = a->type, elem, nr, all = btf_kernel_size(p->v, a->type, &elem, &nr), size = 0;
	const struct btf_type *e = btf_skip_mods(p->v, &id);

	/* Sizes are those of types that say one: an array of pointers, or of arrays, stays where it is. */
	if (e && btf_is(e, BTF_SIZED))
		size = all;
	p->chars = e && btf_is(e, BTF_K(INT)) && (size == 1 || BTF_INT_ENCODING(btf_int(e)) == BTF_INT_CHAR);
	p->ended = false;
	if (!open_aggregate(p, named, addr, all * (a->nelems ? 1 : 0)))
		return;
	for (u32 n = 0; e && n < a->nelems && p->budget; n++) {
		p->element = true;
		p->member = NULL;
		show_type(p, id, a->type, addr, 0);
		addr += size;
		p->element = false;
		p->member = NULL;
		if (p->ended)
			break;
	}
	p->chars = p->ended = false;
	close_aggregate(p, "]");
}

static void aggregate(struct pretty *p, const struct btf_type *t, u32 named, u64 addr)
{
	void (*once)(struct pretty *, const struct btf_type *, u32,
		     u64) = btf_is(t, BTF_K(ARRAY)) ? array_once : struct_once;
	const struct btf_member *m = p->member;

	if (p->depth && !(p->flags & BTF_F_ZERO)) {
		if (!p->checking) {
			p->checking = p->depth + 1;
			p->deepest = 0;
		}
		once(p, t, named, addr);
		p->member = m;
		if (p->checking != p->depth + 1)
			return;
		p->checking = 0;
		if (p->deepest <= p->depth)
			return;
	}
	once(p, t, named, addr);
}

static void unsupported(struct pretty *p, const struct btf_type *t)
{
	char text[40], *at = str_put(text, "<unsupported kind:");

	str_put(str_put_u64(at, btf_kind(t), 10), ">");
	put(p, text);
}

/* id: the type; named: that by which it is called. */
static void show_type(struct pretty *p, u32 id, u32 named, u64 addr, u32 bit)
{
	const struct btf_type *t = btf_skip_mods(p->v, &id);

	if (!t || !p->budget || p->level >= DEPTH_MAX)
		return;
	p->budget--;
	p->level++;
	if (btf_is(t, BTF_K(INT)))
		show_int(p, t, named, addr, bit);
	else if (btf_is(t, BTF_K(ENUM) | BTF_K(ENUM64)))
		show_enum(p, t, named, addr);
	else if (btf_is(t, BTF_K(PTR)))
		show_ptr(p, named, addr);
	else if (btf_is(t, BTF_STRUCTS | BTF_K(ARRAY)))
		aggregate(p, t, named, addr);
	else
		unsupported(p, t);
	p->level--;
}

int btf_pretty(const struct btf_view *v, u32 type_id, u64 addr, u64 flags, u64 (*hash)(u64),
	       struct btf_sink *s)
{
	struct pretty p = { .v = v, .out = s, .flags = flags, .hash = hash, .budget = PARTS_MAX };

	show_type(&p, type_id, type_id, addr, 0);
	return p.err;
}
