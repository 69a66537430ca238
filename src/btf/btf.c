// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a view: types by id, names, sizes. See btf.h.
 */
#include "btf/btf.h"
#include <string.h>
#include <sys/mman.h>
#include "util/raw.h"

static const struct btf_type btf_void;

const struct btf_type *btf_type(const struct btf_view *v, u32 id)
{
	if (!id)
		return &btf_void;
	return id < v->nr ? (const struct btf_type *)(v->types + v->off[id]) : NULL;
}

const char *btf_str(const struct btf_view *v, u32 off)
{
	return off < v->strs_len ? v->strs + off : "";
}

const struct btf_type *btf_id_resolve(const struct btf_view *v, u32 *id)
{
	*id = v->res_id[*id];
	return btf_type(v, *id);
}

/* The size of a type that needs no further step, or false. */
static bool own_size(const struct btf_view *v, const struct btf_type *t, u32 id, u32 *size)
{
	if (btf_is(t, BTF_SIZED))
		*size = t->size;
	else if (btf_is(t, BTF_K(ARRAY)))
		*size = v->res_size[id];
	else if (btf_is(t, BTF_K(PTR)))
		*size = sizeof(void *);
	else
		return false;
	return true;
}

const struct btf_type *btf_id_size(const struct btf_view *v, u32 *id, u32 *size)
{
	const struct btf_type *t = btf_type(v, *id);
	u32 n = 0, at = *id;

	if (!t || btf_is(t, BTF_SIZELESS))
		return NULL;
	if (btf_is(t, BTF_MODIFIERS | BTF_K(VAR)))
		t = btf_id_resolve(v, &at);
	if (!t || btf_is(t, BTF_SIZELESS) || !own_size(v, t, at, &n))
		return NULL;
	*id = at;
	if (size)
		*size = n;
	return t;
}

const struct btf_type *btf_skip_mods(const struct btf_view *v, u32 *id)
{
	const struct btf_type *t = btf_type(v, *id);

	/* A checked view has no endless chain; the bound is for the reader's peace. */
	for (u32 n = 0; t && btf_is(t, BTF_MODIFIERS) && n <= v->nr; n++) {
		*id = t->type;
		t = btf_type(v, *id);
	}
	return t;
}

u32 btf_find(const struct btf_view *v, const char *name, u32 kind)
{
	for (u32 id = 1; id < v->nr; id++) {
		const struct btf_type *t = btf_type(v, id);

		if (btf_kind(t) == kind && !strcmp(btf_str(v, t->name_off), name))
			return id;
	}
	return 0;
}

bool btf_int_regular(const struct btf_type *t)
{
	u32 data = btf_int(t), bits = BTF_INT_BITS(data);

	if (BTF_INT_OFFSET(data))
		return false;
	return bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128;
}

/* Bytes behind struct btf_type. */
static u32 tail_size(const struct btf_type *t)
{
	u32 n = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG: return 4;
	case BTF_KIND_ARRAY: return 12;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM64:
	case BTF_KIND_DATASEC: return n * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO: return n * 8;
	default: return 0;
	}
}

u32 btf_len(const struct btf_type *t)
{
	return (u32)sizeof(*t) + tail_size(t);
}

int btf_peek(const void *raw, u32 size, u32 id, struct btf_type *t, const char **name)
{
	const u8 *p = raw;
	struct btf_header h;
	u64 at, end, str;

	if (size < sizeof(h) || p[size - 1] || !id)
		return -EINVAL;
	memcpy(&h, raw, sizeof(h));
	at = (u64)h.hdr_len + h.type_off;
	end = MIN(at + h.type_len, size);
	for (; at + sizeof(*t) <= end; at += sizeof(*t) + tail_size(t)) {
		memcpy(t, p + at, sizeof(*t));
		if (--id)
			continue;
		str = (u64)h.hdr_len + h.str_off + t->name_off;
		*name = str < size ? (const char *)p + str : "";
		return 0;
	}
	return -EINVAL;
}

void btf_drop(struct btf_view *v)
{
	if (v->arena)
		raw_munmap(v->arena, v->arena_size);
	*v = (struct btf_view){ 0 };
}
