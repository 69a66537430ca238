// SPDX-License-Identifier: BSD-2-Clause
/*
 * The machine's own BTF: see btf_kernel.h.
 */
#include "btf/btf_kernel.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_obj.h"
#include "util/raw.h"

#define MEMBERS_MAX                                                                                          \
	1000u         /* of one struct, with those of structs without names: deeper ones end there, too      \
		       */
#define DEPTH_MAX 64u /* structs in structs, arrays of arrays, modifiers: more are no kernel's */

/* Lies with its table of offsets in one anonymous mapping. */
struct kernel_view {
	struct btf_view v;
	u32 off[];
};

static _Atomic(struct kernel_view *) the_view;

static u32 ids_max(const struct btf_header *h)
{
	return h->type_len / sizeof(struct btf_type) + 1;
}

static bool header_ok(const struct btf_blob *b, struct btf_header *h)
{
	if (b->read < sizeof(*h) || b->raw[b->read - 1])
		return false;
	memcpy(h, b->raw, sizeof(*h));
	return h->magic == BTF_MAGIC && h->hdr_len >= sizeof(*h) &&
	       (u64)h->hdr_len + h->type_off + h->type_len <= b->read &&
	       (u64)h->hdr_len + h->str_off + h->str_len <= b->read && h->str_len &&
	       !b->raw[h->hdr_len + h->str_off + h->str_len - 1] && !((h->hdr_len + h->type_off) % 4);
}

/* Where each type begins. Ends at the first that does not lie inside. */
static void fill(struct kernel_view *k, const struct btf_blob *b, const struct btf_header *h)
{
	struct btf_view *v = &k->v;
	u32 at = 0;

	v->raw = b->raw;
	v->raw_size = b->read;
	v->types = b->raw + h->hdr_len + h->type_off;
	v->types_len = h->type_len;
	v->strs = (const char *)b->raw + h->hdr_len + h->str_off;
	v->strs_len = h->str_len;
	v->off = k->off;
	v->nr = 1;
	while (at + sizeof(struct btf_type) <= h->type_len && v->nr < ids_max(h)) {
		u32 n = btf_len((const struct btf_type *)(v->types + at));

		if (n > h->type_len - at)
			return;
		k->off[v->nr++] = at;
		at += n;
	}
}

static struct kernel_view *make(void)
{
	struct kernel_view *k;
	struct btf_header h;
	struct btf_blob b;
	size_t size;

	if (btf_vmlinux_read(&b))
		return NULL;
	if (!header_ok(&b, &h)) {
		btf_blob_drop(&b);
		return NULL;
	}
	size = sizeof(*k) + ids_max(&h) * sizeof(u32);
	k = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(k)) {
		btf_blob_drop(&b);
		return NULL;
	}
	k->v.arena = k;
	k->v.arena_size = size;
	fill(k, &b, &h);
	return k;
}

const struct btf_view *btf_kernel(void)
{
	struct kernel_view *k = atomic_load_explicit(&the_view, memory_order_acquire), *none = NULL;

	if (k)
		return &k->v;
	k = make();
	if (!k)
		return NULL;
	if (!atomic_compare_exchange_strong(&the_view, &none, k)) {
		/* Another thread, or a handler in this one, was first. */
		raw_munmap((void *)k->v.raw, k->v.raw_size);
		raw_munmap(k, k->v.arena_size);
		k = none;
	}
	return &k->v;
}

static u32 plain_size(const struct btf_type *t)
{
	return btf_is(t, BTF_SIZED) ? t->size : btf_is(t, BTF_K(PTR)) ? sizeof(void *) : 0;
}

u32 btf_kernel_size(const struct btf_view *v, u32 id, u32 *elem, u32 *nr)
{
	u64 n = 1, size;

	for (u32 depth = 0; depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = btf_skip_mods(v, &id);
		const struct btf_array *a;

		if (!t)
			return 0;
		if (!btf_is(t, BTF_K(ARRAY))) {
			*elem = id;
			*nr = (u32)n;
			size = n * plain_size(t);
			return size > UINT32_MAX ? 0 : (u32)size;
		}
		a = btf_tail(t);
		n *= a->nelems;
		if (n > UINT32_MAX)
			return 0;
		id = a->type;
	}
	return 0;
}

/* left: members still to be looked at; structs in structs without names could have no end. */
static bool find_member(const struct btf_view *v, u32 id, const char *name, u32 base, u32 *left,
			struct btf_place *p)
{
	const struct btf_type *t = btf_skip_mods(v, &id);
	const struct btf_member *m;

	if (!t || !btf_is(t, BTF_STRUCTS))
		return false;
	m = btf_tail(t);
	for (u32 n = btf_vlen(t); n && *left; n--, m++) {
		const char *has = btf_str(v, m->name_off);
		u32 bit = base + btf_member_off(t, m);

		--*left;
		if (!*has && find_member(v, m->type, name, bit, left, p))
			return true;
		if (strcmp(has, name) || !*has)
			continue;
		*p = (struct btf_place){ .type_id = m->type, .bit = bit, .bits = btf_member_bits(t, m) };
		return true;
	}
	return false;
}

bool btf_kernel_member(const struct btf_view *v, u32 struct_id, const char *name, struct btf_place *p)
{
	u32 left = MEMBERS_MAX;

	return find_member(v, struct_id, name, 0, &left, p);
}

/* ---- loads ---- */

struct load {
	const struct btf_view *v;
	struct vlog *log;
	const struct btf_type *t; /* the struct that is looked into */
	u32 id, off, size;
	struct btf_found *f;
};

#define AGAIN 1 /* go on in l->t */

static const char *name_of(const struct load *l)
{
	return btf_str(l->v, l->t->name_off);
}

static int beyond(struct load *l)
{
	vlog(l->log, "access beyond struct %s at off %u size %u\n", name_of(l), l->off, l->size);
	return -EACCES;
}

/* Behind the struct's end: only elements of an array without a length lie there. */
static int behind(struct load *l)
{
	u32 n = btf_vlen(l->t), elem, nr, id, moff;
	const struct btf_member *m = (const struct btf_member *)btf_tail(l->t) + (n ? n - 1 : 0);
	const struct btf_type *t;

	if (!n)
		return beyond(l);
	id = m->type;
	t = btf_skip_mods(l->v, &id);
	moff = btf_member_off(l->t, m) / 8;
	if (!t || !btf_is(t, BTF_K(ARRAY)) || ((const struct btf_array *)btf_tail(t))->nelems ||
	    l->off < moff)
		return beyond(l);
	elem = ((const struct btf_array *)btf_tail(t))->type;
	t = btf_skip_mods(l->v, &elem);
	if (t && btf_is(t, BTF_K(INT))) {
		l->f->kind = BTF_LOAD_NUMBER;
		return 0;
	}
	if (!t || !btf_is(t, BTF_K(STRUCT)) || !btf_kernel_size(l->v, elem, &id, &nr))
		return beyond(l);
	l->off = (l->off - moff) % t->size;
	l->t = t;
	l->id = elem;
	return AGAIN;
}

static int pointer_member(struct load *l, const struct btf_type *t, const char *name, u32 moff, u32 msize)
{
	u32 to = t->type;
	const struct btf_type *s;

	if (msize != l->size || l->off != moff) {
		vlog(l->log, "cannot access ptr member %s with moff %u in struct %s with off %u size %u\n",
		     name, moff, name_of(l), l->off, l->size);
		return -EACCES;
	}
	s = btf_skip_mods(l->v, &to);
	l->f->kind = s && btf_is(s, BTF_STRUCTS) ? BTF_LOAD_STRUCT_PTR : BTF_LOAD_MEM_PTR;
	l->f->id = to;
	l->f->field = name;
	return 0;
}

/* The member m, which begins at or before the load's first byte. AGAIN + 1: the load is not in it. */
static int in_member(struct load *l, const struct btf_member *m)
{
	const char *name = btf_str(l->v, m->name_off);
	u32 moff = btf_member_off(l->t, m) / 8, id, nr = 1, all = btf_kernel_size(l->v, m->type, &id, &nr),
	    one;
	const struct btf_type *t = btf_type(l->v, id);

	if (!all) {
		/* An empty struct, an array without elements. */
		return AGAIN + 1;
	}
	one = all / nr;
	if (l->off >= moff + all)
		return AGAIN + 1;
	if (btf_is(t, BTF_STRUCTS)) {
		if (btf_is(t, BTF_K(UNION)) && btf_vlen(t) != 1)
			l->f->in_union = true;
		l->off = (l->off - moff) % one;
		l->t = t;
		l->id = id;
		return AGAIN;
	}
	if (btf_is(t, BTF_K(PTR)))
		return pointer_member(l, t, name, moff + (l->off - moff) / one * one, one);
	if (l->off + l->size > moff + all && !l->f->in_union) {
		vlog(l->log,
		     "access beyond the end of member %s (mend:%u) in struct %s with off %u size %u\n", name,
		     moff + all, name_of(l), l->off, l->size);
		return -EACCES;
	}
	l->f->kind = BTF_LOAD_NUMBER;
	return 0;
}

static int in_struct(struct load *l)
{
	const struct btf_member *m = btf_tail(l->t);

	if ((u64)l->off + l->size > l->t->size)
		return behind(l);
	for (u32 n = btf_vlen(l->t); n; n--, m++) {
		u32 bit = btf_member_off(l->t, m), bits = btf_member_bits(l->t, m);
		int ret;

		if (l->off + l->size <= bit / 8)
			break;
		if (bits) {
			/* Whole bit fields only; what else lies in those bytes is looked at next. */
			if (l->off <= bit / 8 && (bit + bits + 7) / 8 <= l->off + l->size) {
				l->f->kind = BTF_LOAD_NUMBER;
				return 0;
			}
			continue;
		}
		if (l->off < bit / 8)
			break;
		ret = in_member(l, m);
		if (ret <= AGAIN)
			return ret;
	}
	vlog(l->log, "struct %s doesn't have field at offset %d\n", name_of(l), l->off);
	return -EINVAL;
}

int btf_kernel_load(const struct btf_view *v, u32 struct_id, u32 off, u32 size, struct vlog *log,
		    struct btf_found *f)
{
	struct load l = { .v = v, .log = log, .off = off, .size = size, .f = f };
	int ret = AGAIN;

	*f = (struct btf_found){ .field = "" };
	l.id = struct_id;
	l.t = btf_skip_mods(v, &l.id);
	if (!l.t || !btf_is(l.t, BTF_STRUCTS)) {
		vlog(log, "Type '%s' is not a struct\n", l.t ? name_of(&l) : "");
		return -EINVAL;
	}
	for (u32 depth = 0; ret == AGAIN; depth++) {
		if (depth == DEPTH_MAX)
			return beyond(&l);
		ret = in_struct(&l);
	}
	return ret;
}
