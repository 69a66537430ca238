// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lines of the BTF log.
 *
 * In pass 1 every type is told with its details, so that a failure is the last
 * line of a listing; in the later passes only what is wrong is told, and a bad
 * member brings the line of its struct along.
 */
#include "btf/btf_env.h"

const char *btf_log_name(const struct btf_view *v, u32 off)
{
	if (off >= v->strs_len)
		return "(invalid-name-offset)";
	return off ? btf_str(v, off) : "(anon)";
}

/* "[7] STRUCT foo size=8 vlen=1", the line left open. */
static void put_type(struct btf_env *e, const struct btf_type *t, bool details)
{
	const struct btf_kind_ops *k = &btf_kinds[btf_kind(t)];

	vlog(e->log, "[%u] %s %s%s", e->id, k->name, btf_log_name(e->v, t->name_off), details ? " " : "");
	if (details && k->details)
		k->details(e, t);
}

static int end_line(struct btf_env *e, const char *msg)
{
	vlog(e->log, msg ? " %s\n" : "\n", msg);
	return -EINVAL;
}

int btf_bad(struct btf_env *e, const struct btf_type *t, const char *msg)
{
	put_type(e, t, false);
	return end_line(e, msg);
}

int btf_bad_type(struct btf_env *e, const struct btf_type *t, const char *msg)
{
	put_type(e, t, true);
	return end_line(e, msg);
}

void btf_log_type(struct btf_env *e, const struct btf_type *t)
{
	btf_bad_type(e, t, NULL);
}

static void put_member(struct btf_env *e, const struct btf_type *s, const struct btf_member *m)
{
	if (!e->in_meta)
		btf_log_type(e, s);
	vlog(e->log, "\t%s type_id=%u ", btf_log_name(e->v, m->name_off), m->type);
	if (btf_kflag(s))
		vlog(e->log, "bitfield_size=%u ", btf_member_bits(s, m));
	vlog(e->log, "bits_offset=%u", btf_member_off(s, m));
}

int btf_bad_member(struct btf_env *e, const struct btf_type *s, const struct btf_member *m, const char *msg)
{
	put_member(e, s, m);
	return end_line(e, msg);
}

int btf_bad_member_name(struct btf_env *e, const struct btf_type *s, const struct btf_member *m)
{
	put_member(e, s, m);
	vlog(e->log, " Invalid member name_offset:%u\n", m->name_off);
	return -EINVAL;
}

int btf_bad_var(struct btf_env *e, const struct btf_type *s, const struct btf_var_secinfo *i, const char *msg)
{
	if (!e->in_meta)
		btf_log_type(e, s);
	vlog(e->log, "\t type_id=%u offset=%u size=%u", i->type, i->offset, i->size);
	return end_line(e, msg);
}

int btf_bad_left(struct btf_env *e, const struct btf_type *t, u32 left, u32 needed)
{
	put_type(e, t, false);
	vlog(e->log, " meta_left:%u meta_needed:%u\n", left, needed);
	return -EINVAL;
}

int btf_bad_arg(struct btf_env *e, const struct btf_type *t, u32 i)
{
	put_type(e, t, true);
	vlog(e->log, " Invalid arg#%u\n", i + 1);
	return -EINVAL;
}
