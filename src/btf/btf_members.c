// SPDX-License-Identifier: BSD-2-Clause
/*
 * May a struct hold this type as that member: offsets, bit fields, ends.
 *
 * Called in pass 2, when the member's type has been resolved. "kmember" is the
 * form for structs whose members carry bit sizes (kind flag set); where the
 * member has none of its own it is judged like any other.
 */
#include "btf/btf_env.h"

#define OFF(s, m) btf_member_off(s, m)

static bool fits(const struct btf_type *s, u32 at, u32 size)
{
	return s->size >= at && s->size - at >= size;
}

/* bits of an integer, from bit off of the struct on */
static int int_fits(struct btf_env *e, const struct btf_type *s, const struct btf_member *m, u32 off,
		    u32 bits)
{
	u32 copied = bits + off % 8;

	if (copied > 128)
		return btf_bad_member(e, s, m, "nr_copy_bits exceeds 128");
	if (!fits(s, off / 8, (copied + 7) / 8))
		return btf_bad_member(e, s, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_int(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		   const struct btf_type *t)
{
	u32 data = btf_int(t), off = OFF(s, m);

	if (UINT32_MAX - off < BTF_INT_OFFSET(data))
		return btf_bad_member(e, s, m, "bits_offset exceeds U32_MAX");
	return int_fits(e, s, m, off + BTF_INT_OFFSET(data), BTF_INT_BITS(data));
}

int btf_kmember_int(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		    const struct btf_type *t)
{
	u32 whole = BTF_INT_BITS(btf_int(t)), bits = btf_member_bits(s, m), off = OFF(s, m);

	if (!btf_int_regular(t))
		return btf_bad_member(e, s, m, "Invalid member base type");
	if (!bits && off % 8)
		return btf_bad_member(e, s, m, "Invalid member offset");
	if (bits > whole)
		return btf_bad_member(e, s, m, "Invalid member bitfield_size");
	return int_fits(e, s, m, off, bits ? bits : whole);
}

/* A modifier is judged as what it stands for. */
static const struct btf_type *behind(struct btf_env *e, const struct btf_member *m, struct btf_member *as)
{
	const struct btf_type *t;

	*as = *m;
	t = btf_id_size(e->v, &as->type, NULL);
	return t;
}

int btf_member_mod(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		   const struct btf_type *t)
{
	struct btf_member as;

	t = behind(e, m, &as);
	return t ? btf_kinds[btf_kind(t)].member(e, s, &as, t) : btf_bad_member(e, s, m, "Invalid member");
}

int btf_kmember_mod(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		    const struct btf_type *t)
{
	struct btf_member as;

	t = behind(e, m, &as);
	return t ? btf_kinds[btf_kind(t)].kmember(e, s, &as, t) : btf_bad_member(e, s, m, "Invalid member");
}

static int aligned_fits(struct btf_env *e, const struct btf_type *s, const struct btf_member *m, u32 size)
{
	u32 off = OFF(s, m);

	if (off % 8)
		return btf_bad_member(e, s, m, "Member is not byte aligned");
	/* The offset itself was bounded by the struct's size in pass 1. */
	if (!fits(s, off / 8, size))
		return btf_bad_member(e, s, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_ptr(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		   const struct btf_type *t)
{
	return aligned_fits(e, s, m, sizeof(void *));
}

int btf_member_array(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		     const struct btf_type *t)
{
	u32 id = m->type, size = 0;

	btf_id_size(e->v, &id, &size);
	return aligned_fits(e, s, m, size);
}

/* Structs, unions and enumerations. */
int btf_member_sized(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		     const struct btf_type *t)
{
	return aligned_fits(e, s, m, t->size);
}

int btf_kmember_enum(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		     const struct btf_type *t)
{
	u32 bits = btf_member_bits(s, m), off = OFF(s, m);

	if (!bits && off % 8)
		return btf_bad_member(e, s, m, "Member is not byte aligned");
	if (bits > 32)
		return btf_bad_member(e, s, m, "Invalid member bitfield_size");
	if (s->size < (off + (bits ? bits : 32) + 7) / 8)
		return btf_bad_member(e, s, m, "Member exceeds struct_size");
	return 0;
}

int btf_member_float(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		     const struct btf_type *t)
{
	u32 off = OFF(s, m), align = MIN((u32)sizeof(void *), t->size);

	if (off % (align * 8))
		return btf_bad_member(e, s, m, "Member is not properly aligned");
	if (!fits(s, off / 8, t->size))
		return btf_bad_member(e, s, m, "Member exceeds struct_size");
	return 0;
}

/* Kinds that cannot be bit fields. */
int btf_kmember_plain(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		      const struct btf_type *t)
{
	if (btf_member_bits(s, m))
		return btf_bad_member(e, s, m, "Invalid member bitfield_size");
	return btf_kinds[btf_kind(t)].member(e, s, m, t);
}

int btf_member_never(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		     const struct btf_type *t)
{
	return btf_bad_member(e, s, m, "Invalid member");
}

int btf_kmember_never(struct btf_env *e, const struct btf_type *s, const struct btf_member *m,
		      const struct btf_type *t)
{
	return btf_bad_member(e, s, m, "Invalid member");
}
