// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row a kind: pass 1 of the check, each type alone, and the kind's words in the log.
 *
 * A meta function answers how many bytes follow struct btf_type, after it has
 * looked at all of them; ids need only be in range here, since a type may name
 * one that comes later.
 */
#include "btf/btf_env.h"

#define NAME_LEN_MAX 512u /* KSYM_NAME_LEN */

/* Letters and digits as the kernel's ctype has them: ISO 8859-1. */
static bool name_char(u8 c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.')
		return true;
	if (c >= 0xc0 && c != 0xd7 && c != 0xf7)
		return true;
	return !first && c >= '0' && c <= '9';
}

bool btf_name_ok(const struct btf_view *v, u32 off)
{
	const u8 *s = (const u8 *)btf_str(v, off);

	if (!name_char(*s, true))
		return false;
	for (u32 n = 1; s[n]; n++)
		if (n >= NAME_LEN_MAX || !name_char(s[n], false))
			return false;
	return true;
}

bool btf_section_ok(const struct btf_view *v, u32 off)
{
	const u8 *s = (const u8 *)btf_str(v, off);

	if (!*s)
		return false;
	for (u32 n = 0; s[n]; n++)
		if (n >= NAME_LEN_MAX || s[n] < 0x20 || (s[n] > 0x7e && s[n] < 0xa0))
			return false;
	return true;
}

static bool id_ok(u32 id)
{
	return id <= BTF_IDS_MAX;
}

/* Rules that most kinds share, in the order in which the kernel asks. */
static int no_vlen(struct btf_env *e, const struct btf_type *t)
{
	return btf_vlen(t) ? btf_bad_type(e, t, "vlen != 0") : 0;
}

static int no_kflag(struct btf_env *e, const struct btf_type *t)
{
	return btf_kflag(t) ? btf_bad_type(e, t, "Invalid btf_info kind_flag") : 0;
}

static int plain_info(struct btf_env *e, const struct btf_type *t)
{
	int err = no_vlen(e, t);

	return err ? err : no_kflag(e, t);
}

static s32 tail_needs(struct btf_env *e, const struct btf_type *t, u32 left, u32 needed)
{
	return left < needed ? btf_bad_left(e, t, left, needed) : (s32)needed;
}

static s32 done(struct btf_env *e, const struct btf_type *t, s32 n)
{
	btf_log_type(e, t);
	return n;
}

static s32 int_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	s32 n = tail_needs(e, t, left, sizeof(u32));
	u32 data, bits;

	if (n < 0 || plain_info(e, t))
		return -EINVAL;
	data = btf_int(t);
	if (data & ~0x0fffffffu) {
		vlog(e->log, "[%u] INT %s", e->id, btf_log_name(e->v, t->name_off));
		vlog(e->log, " Invalid int_data:%x\n", data);
		return -EINVAL;
	}
	bits = BTF_INT_BITS(data) + BTF_INT_OFFSET(data);
	if (bits > 128)
		return btf_bad_type(e, t, "nr_bits exceeds 128");
	if ((bits + 7) / 8 > t->size)
		return btf_bad_type(e, t, "nr_bits exceeds type_size");
	switch (BTF_INT_ENCODING(data)) {
	case 0:
	case BTF_INT_SIGNED:
	case BTF_INT_CHAR:
	case BTF_INT_BOOL: return done(e, t, n);
	}
	btf_bad_type(e, t, "Unsupported encoding");
	return -ENOTSUPP;
}

static void int_details(struct btf_env *e, const struct btf_type *t)
{
	static const char *const names[] = { "(none)", "SIGNED", "CHAR", "UNKN", "BOOL" };
	u32 data = btf_int(t), enc = BTF_INT_ENCODING(data);

	vlog(e->log, "size=%u bits_offset=%u nr_bits=%u encoding=%s", t->size, BTF_INT_OFFSET(data),
	     BTF_INT_BITS(data), enc < ARRAY_SIZE(names) ? names[enc] : "UNKN");
}

static s32 ref_info(struct btf_env *e, const struct btf_type *t)
{
	int err = no_vlen(e, t);

	if (!err && btf_kind(t) != BTF_KIND_TYPE_TAG)
		err = no_kflag(e, t);
	if (!err && !id_ok(t->type))
		err = btf_bad_type(e, t, "Invalid type_id");
	return err;
}

static s32 ref_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (ref_info(e, t))
		return -EINVAL;
	return t->name_off ? btf_bad_type(e, t, "Invalid name") : done(e, t, 0);
}

static s32 typedef_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (ref_info(e, t))
		return -EINVAL;
	return btf_name_ok(e->v, t->name_off) ? done(e, t, 0) : btf_bad_type(e, t, "Invalid name");
}

static s32 type_tag_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (ref_info(e, t))
		return -EINVAL;
	return *btf_str(e->v, t->name_off) ? done(e, t, 0) : btf_bad_type(e, t, "Invalid name");
}

static void ref_details(struct btf_env *e, const struct btf_type *t)
{
	vlog(e->log, "type_id=%u", t->type);
}

static s32 fwd_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (no_vlen(e, t))
		return -EINVAL;
	if (t->type)
		return btf_bad_type(e, t, "type != 0");
	return btf_name_ok(e->v, t->name_off) ? done(e, t, 0) : btf_bad_type(e, t, "Invalid name");
}

static void fwd_details(struct btf_env *e, const struct btf_type *t)
{
	vlog(e->log, "%s", btf_kflag(t) ? "union" : "struct");
}

static s32 array_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_array *a = btf_tail(t);
	s32 n = tail_needs(e, t, left, sizeof(*a));

	if (n < 0)
		return n;
	if (t->name_off)
		return btf_bad_type(e, t, "Invalid name");
	if (plain_info(e, t))
		return -EINVAL;
	if (t->size)
		return btf_bad_type(e, t, "size != 0");
	if (!a->type || !id_ok(a->type))
		return btf_bad_type(e, t, "Invalid elem");
	if (!a->index_type || !id_ok(a->index_type))
		return btf_bad_type(e, t, "Invalid index");
	return done(e, t, n);
}

static void array_details(struct btf_env *e, const struct btf_type *t)
{
	const struct btf_array *a = btf_tail(t);

	vlog(e->log, "type_id=%u index_type_id=%u nr_elems=%u", a->type, a->index_type, a->nelems);
}

static int member_meta(struct btf_env *e, const struct btf_type *t, const struct btf_member *m, u32 *last)
{
	u32 off = btf_member_off(t, m);

	if (m->name_off >= e->v->strs_len)
		return btf_bad_member_name(e, t, m);
	if (m->name_off && !btf_name_ok(e->v, m->name_off))
		return btf_bad_member(e, t, m, "Invalid name");
	if (!m->type || !id_ok(m->type))
		return btf_bad_member(e, t, m, "Invalid type_id");
	if ((btf_kind(t) == BTF_KIND_UNION && off) || off < *last)
		return btf_bad_member(e, t, m, "Invalid member bits_offset");
	if (off / 8 + !!(off % 8) > t->size)
		return btf_bad_member(e, t, m, "Member bits_offset exceeds its struct size");
	*last = off;
	btf_bad_member(e, t, m, NULL);
	return 0;
}

static s32 struct_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_member *m = btf_tail(t);
	s32 n = tail_needs(e, t, left, btf_vlen(t) * (u32)sizeof(*m));
	u32 last = 0;

	if (n < 0)
		return n;
	if (t->name_off && !btf_name_ok(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid name");
	btf_log_type(e, t);
	for (u32 i = 0; i < btf_vlen(t); i++)
		if (member_meta(e, t, &m[i], &last))
			return -EINVAL;
	return n;
}

static void size_vlen_details(struct btf_env *e, const struct btf_type *t)
{
	vlog(e->log, "size=%u vlen=%u", t->size, btf_vlen(t));
}

/* What ENUM and ENUM64 share; width: bytes of one enumerator. */
static s32 enum_head(struct btf_env *e, const struct btf_type *t, u32 left, u32 width)
{
	s32 n = tail_needs(e, t, left, btf_vlen(t) * width);

	if (n < 0)
		return n;
	if (t->size > 8 || !t->size || t->size & (t->size - 1))
		return btf_bad_type(e, t, "Unexpected size");
	if (t->name_off && !btf_name_ok(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid name");
	return done(e, t, n);
}

static int enumerator_name(struct btf_env *e, const struct btf_type *t, u32 name_off)
{
	if (name_off >= e->v->strs_len) {
		vlog(e->log, "\tInvalid name_offset:%u", name_off);
		return -EINVAL;
	}
	if (!btf_name_ok(e->v, name_off))
		return btf_bad_type(e, t, "Invalid name");
	return 0;
}

static s32 enum_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_enum *en = btf_tail(t);
	s32 n = enum_head(e, t, left, sizeof(*en));

	for (u32 i = 0; n > 0 && i < btf_vlen(t); i++) {
		if (enumerator_name(e, t, en[i].name_off))
			return -EINVAL;
		vlog(e->log, btf_kflag(t) ? "\t%s val=%d\n" : "\t%s val=%u\n", btf_str(e->v, en[i].name_off),
		     en[i].val);
	}
	return n;
}

static s32 enum64_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_enum64 *en = btf_tail(t);
	s32 n = enum_head(e, t, left, sizeof(*en));

	for (u32 i = 0; n > 0 && i < btf_vlen(t); i++) {
		if (enumerator_name(e, t, en[i].name_off))
			return -EINVAL;
		vlog(e->log, btf_kflag(t) ? "\t%s val=%ld\n" : "\t%s val=%lu\n",
		     btf_str(e->v, en[i].name_off), (u64)en[i].val_hi32 << 32 | en[i].val_lo32);
	}
	return n;
}

static s32 proto_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	s32 n = tail_needs(e, t, left, btf_vlen(t) * (u32)sizeof(struct btf_param));

	if (n < 0)
		return n;
	if (t->name_off)
		return btf_bad_type(e, t, "Invalid name");
	return no_kflag(e, t) ? -EINVAL : done(e, t, n);
}

static void proto_details(struct btf_env *e, const struct btf_type *t)
{
	const struct btf_param *p = btf_tail(t);
	u32 n = btf_vlen(t);

	vlog(e->log, "return=%u args=(%s", t->type, n ? "" : "void");
	for (u32 i = 0; i < n; i++) {
		const char *sep = i ? ", " : "";

		if (i && i == n - 1 && !p[i].type)
			vlog(e->log, "%svararg", sep);
		else if (n == 1 && !p[i].type)
			vlog(e->log, "vararg");
		else
			vlog(e->log, "%s%u %s", sep, p[i].type, btf_log_name(e->v, p[i].name_off));
	}
	vlog(e->log, ")");
}

static s32 func_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (!btf_name_ok(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid name");
	if (btf_vlen(t) > BTF_FUNC_GLOBAL)
		return btf_bad_type(e, t, "Invalid func linkage");
	return no_kflag(e, t) ? -EINVAL : done(e, t, 0);
}

static s32 var_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_var *var = btf_tail(t);
	s32 n = tail_needs(e, t, left, sizeof(*var));

	if (n < 0 || plain_info(e, t))
		return -EINVAL;
	if (!btf_name_ok(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid name");
	if (!t->type || !id_ok(t->type))
		return btf_bad_type(e, t, "Invalid type_id");
	if (var->linkage != BTF_VAR_STATIC && var->linkage != BTF_VAR_GLOBAL_ALLOCATED)
		return btf_bad_type(e, t, "Linkage not supported");
	return done(e, t, n);
}

static void var_details(struct btf_env *e, const struct btf_type *t)
{
	const struct btf_var *var = btf_tail(t);

	vlog(e->log, "type_id=%u linkage=%u", t->type, var->linkage);
}

static int secinfo_meta(struct btf_env *e, const struct btf_type *t, const struct btf_var_secinfo *i,
			u64 *end)
{
	if (!i->type || !id_ok(i->type))
		return btf_bad_var(e, t, i, "Invalid type_id");
	if (i->offset < *end || i->offset >= t->size)
		return btf_bad_var(e, t, i, "Invalid offset");
	if (!i->size || i->size > t->size)
		return btf_bad_var(e, t, i, "Invalid size");
	*end = (u64)i->offset + i->size;
	if (*end > t->size)
		return btf_bad_var(e, t, i, "Invalid offset+size");
	btf_bad_var(e, t, i, NULL);
	return 0;
}

static s32 datasec_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_var_secinfo *i = btf_tail(t);
	s32 n = tail_needs(e, t, left, btf_vlen(t) * (u32)sizeof(*i));
	u64 end = 0;

	if (n < 0)
		return n;
	if (!t->size)
		return btf_bad_type(e, t, "size == 0");
	if (no_kflag(e, t))
		return -EINVAL;
	if (!t->name_off || !btf_section_ok(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid name");
	btf_log_type(e, t);
	for (u32 k = 0; k < btf_vlen(t); k++)
		if (secinfo_meta(e, t, &i[k], &end))
			return -EINVAL;
	return n;
}

static s32 float_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	if (plain_info(e, t))
		return -EINVAL;
	switch (t->size) {
	case 2:
	case 4:
	case 8:
	case 12:
	case 16: return done(e, t, 0);
	}
	return btf_bad_type(e, t, "Invalid type_size");
}

static void float_details(struct btf_env *e, const struct btf_type *t)
{
	vlog(e->log, "size=%u", t->size);
}

static s32 decl_tag_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	const struct btf_decl_tag *d = btf_tail(t);
	s32 n = tail_needs(e, t, left, sizeof(*d));

	if (n < 0)
		return n;
	if (!*btf_str(e->v, t->name_off))
		return btf_bad_type(e, t, "Invalid value");
	if (no_vlen(e, t))
		return -EINVAL;
	if (d->component_idx < -1)
		return btf_bad_type(e, t, "Invalid component_idx");
	return done(e, t, n);
}

static void decl_tag_details(struct btf_env *e, const struct btf_type *t)
{
	const struct btf_decl_tag *d = btf_tail(t);

	vlog(e->log, "type=%u component_idx=%d", t->type, d->component_idx);
}

#define NO_MEMBER  .member = btf_member_never, .kmember = btf_kmember_never
#define MOD_MEMBER .member = btf_member_mod, .kmember = btf_kmember_mod

const struct btf_kind_ops btf_kinds[BTF_KINDS] = {
	[BTF_KIND_UNKN] = { .name = "UNKNOWN", NO_MEMBER },
	[BTF_KIND_INT] = { "INT", int_meta, NULL, btf_member_int, btf_kmember_int, int_details },
	[BTF_KIND_PTR] = { "PTR", ref_meta, btf_resolve_ptr, btf_member_ptr, btf_kmember_plain, ref_details },
	[BTF_KIND_ARRAY] = { "ARRAY", array_meta, btf_resolve_array, btf_member_array, btf_kmember_plain,
			     array_details },
	[BTF_KIND_STRUCT] = { "STRUCT", struct_meta, btf_resolve_struct, btf_member_sized, btf_kmember_plain,
			      size_vlen_details },
	[BTF_KIND_UNION] = { "UNION", struct_meta, btf_resolve_struct, btf_member_sized, btf_kmember_plain,
			     size_vlen_details },
	[BTF_KIND_ENUM] = { "ENUM", enum_meta, NULL, btf_member_sized, btf_kmember_enum, size_vlen_details },
	[BTF_KIND_FWD] = { "FWD", fwd_meta, NULL, NO_MEMBER, .details = fwd_details },
	[BTF_KIND_TYPEDEF] = { "TYPEDEF", typedef_meta, btf_resolve_mod, MOD_MEMBER, .details = ref_details },
	[BTF_KIND_VOLATILE] = { "VOLATILE", ref_meta, btf_resolve_mod, MOD_MEMBER, .details = ref_details },
	[BTF_KIND_CONST] = { "CONST", ref_meta, btf_resolve_mod, MOD_MEMBER, .details = ref_details },
	[BTF_KIND_RESTRICT] = { "RESTRICT", ref_meta, btf_resolve_mod, MOD_MEMBER, .details = ref_details },
	[BTF_KIND_FUNC] = { "FUNC", func_meta, btf_resolve_func, NO_MEMBER, .details = ref_details },
	[BTF_KIND_FUNC_PROTO] = { "FUNC_PROTO", proto_meta, NULL, NO_MEMBER, .details = proto_details },
	[BTF_KIND_VAR] = { "VAR", var_meta, btf_resolve_var, NO_MEMBER, .details = var_details },
	[BTF_KIND_DATASEC] = { "DATASEC", datasec_meta, btf_resolve_datasec, NO_MEMBER,
			       .details = size_vlen_details },
	[BTF_KIND_FLOAT] = { "FLOAT", float_meta, NULL, btf_member_float, btf_kmember_plain, float_details },
	[BTF_KIND_DECL_TAG] = { "DECL_TAG", decl_tag_meta, btf_resolve_decl_tag, NO_MEMBER,
				.details = decl_tag_details },
	[BTF_KIND_TYPE_TAG] = { "TYPE_TAG", type_tag_meta, btf_resolve_mod, MOD_MEMBER,
				.details = ref_details },
	[BTF_KIND_ENUM64] = { "ENUM64", enum64_meta, NULL, btf_member_sized, btf_kmember_enum,
			      size_vlen_details },
};
