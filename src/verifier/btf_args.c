// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arguments of global functions, as the program's BTF declares them.
 *
 *   a number                          any initialized register
 *   the context                       the unmodified context pointer
 *   a pointer to something sized      that many readable and writable bytes, or NULL unless tagged
 * "arg:nonnull" struct bpf_dynptr *               an initialized dynptr
 *
 * The caller is checked against the list; the function is walked with it.
 */
#include "verifier/env.h"

static const char *func_name(const struct env *e, u32 sub)
{
	const struct btf_type *t = btf_type(e->req->btf, e->sub[sub].type_id);

	return t ? btf_str(e->req->btf, t->name_off) : "";
}

#define TAG_CTX     1u
#define TAG_NONNULL 2u
#define TAG_OTHER   4u

/* Declaration tags of argument n. */
static u32 tags_of(const struct env *e, u32 func_id, u32 n)
{
	u32 tags = 0;

	for (u32 k = 1; k < e->req->btf->nr; k++) {
		const struct btf_type *d = btf_type(e->req->btf, k);
		const char *s;

		if (!btf_is(d, BTF_K(DECL_TAG)) || d->type != func_id ||
		    ((const struct btf_decl_tag *)btf_tail(d))->component_idx != (s32)n)
			continue;
		s = btf_str(e->req->btf, d->name_off);
		if (!strcmp(s, "arg:ctx"))
			tags |= TAG_CTX;
		else if (!strcmp(s, "arg:nonnull"))
			tags |= TAG_NONNULL;
		else if (str_starts(s, "arg:"))
			tags |= TAG_OTHER;
	}
	return tags;
}

static bool is_ctx_struct(const struct env *e, u32 id)
{
	const struct btf_type *t = btf_skip_mods(e->req->btf, &id);

	return t && btf_is(t, BTF_STRUCTS) && e->type->ctx_struct &&
	       !strcmp(btf_str(e->req->btf, t->name_off), e->type->ctx_struct);
}

static int pointer_arg(struct env *e, u32 sub, u32 n, u32 to, u32 tags)
{
	struct sub_arg *a = &e->sub[sub].arg[n];
	const struct btf_type *t;
	u32 id = to, size = 0;

	if (tags & TAG_CTX || is_ctx_struct(e, to)) {
		a->kind = GARG_CTX;
		return 0;
	}
	if (tags & TAG_OTHER) {
		vlog(e->log, "arg#%u: this kind of argument is not supported\n", n);
		return -EINVAL;
	}
	t = btf_skip_mods(e->req->btf, &id);
	if (t && btf_is(t, BTF_K(STRUCT)) && !strcmp(btf_str(e->req->btf, t->name_off), "bpf_dynptr")) {
		a->kind = GARG_DYNPTR;
		return 0;
	}
	id = to;
	t = to ? btf_id_size(e->req->btf, &id, &size) : NULL;
	if (!t || !size) {
		vlog(e->log, "arg#%u reference type('%s %s') size cannot be determined: %d\n", n, "UNKNOWN",
		     "", -EINVAL);
		return -EINVAL;
	}
	a->kind = GARG_MEM;
	a->size = size;
	a->nullable = !(tags & TAG_NONNULL);
	return 0;
}

static int one_arg(struct env *e, u32 sub, u32 n, u32 id)
{
	u32 tags = tags_of(e, e->sub[sub].type_id, n);
	const struct btf_type *t = btf_skip_mods(e->req->btf, &id);

	if (t && btf_is(t, BTF_K(PTR)))
		return pointer_arg(e, sub, n, t->type, tags);
	if (tags) {
		vlog(e->log, "arg#%u non-pointer type cannot be tagged\n", n);
		return -EINVAL;
	}
	if (t && btf_is(t, BTF_K(INT) | BTF_K(ENUM) | BTF_K(ENUM64))) {
		e->sub[sub].arg[n].kind = GARG_SCALAR;
		return 0;
	}
	vlog(e->log, "Arg#%u type %s in %s() is not supported yet.\n", n, "", func_name(e, sub));
	return -EINVAL;
}

int btf_args_of(struct env *e, u32 sub)
{
	const struct btf_view *v = e->req->btf;
	const struct btf_type *func = btf_type(v, e->sub[sub].type_id), *proto = btf_type(v, func->type),
			      *ret;
	const struct btf_param *p = btf_tail(proto);
	u32 n = btf_vlen(proto), id = proto->type;
	int err = 0;

	if (e->sub[sub].args_done)
		return 0;
	if (n > 5) {
		vlog(e->log, "Global function %s() with %u > 5 args. Buggy compiler.\n", func_name(e, sub),
		     n);
		return -EINVAL;
	}
	ret = id ? btf_skip_mods(v, &id) : NULL;
	if (!ret || !btf_is(ret, BTF_K(INT) | BTF_K(ENUM) | BTF_K(ENUM64))) {
		vlog(e->log, "Global function %s() doesn't return scalar. Only those are supported.\n",
		     func_name(e, sub));
		return -EINVAL;
	}
	e->sub[sub].nr_args = (u8)n;
	for (u32 k = 0; !err && k < n; k++)
		err = one_arg(e, sub, k, p[k].type);
	e->sub[sub].args_done = !err;
	return err;
}

static int check_memory(struct env *e, u32 n, const struct sub_arg *a)
{
	struct reg *r = cur_reg(e, n + 1), was;
	int err;

	if (!a->nullable && (reg_is_null(r) || (r->flags & PTR_MAYBE_NULL && !is_scalar(r)))) {
		vlog(e->log, "arg#%u is expected to be non-NULL\n", n);
		return -EINVAL;
	}
	if (reg_is_null(r))
		return 0;
	was = *r;
	r->flags &= (u8)~PTR_MAYBE_NULL;
	err = check_mem_arg(e, n + 1, a->size, true, false, false, NULL);
	if (!err)
		err = check_mem_arg(e, n + 1, a->size, true, true, false, NULL);
	*cur_reg(e, n + 1) = was;
	return err && err != -ENOMEM ? -EINVAL : err;
}

static int check_one(struct env *e, u32 n, const struct sub_arg *a)
{
	struct reg *r = cur_reg(e, n + 1);
	struct call_meta m = { 0 };

	switch (a->kind) {
	case GARG_SCALAR:
		if (is_scalar(r))
			return 0;
		vlog(e->log, "R%u is not a scalar\n", n + 1);
		return -EINVAL;
	case GARG_CTX:
		if (r->type == PTR_TO_CTX)
			return check_ctx_reg(e, r, n + 1);
		vlog(e->log, "arg#%u expects pointer to ctx\n", n);
		return -EINVAL;
	case GARG_DYNPTR:
		if (r->type != PTR_TO_STACK && r->type != CONST_PTR_TO_DYNPTR) {
			vlog(e->log, "R%u type=%s expected=fp, dynptr_ptr\n", n + 1, reg_text(e, r));
			return -EINVAL;
		}
		return dynptr_arg(e, n + 1, 0, 0, &m);
	default: return check_memory(e, n, a);
	}
}

/* The registers of a call. */
int btf_args_check(struct env *e, u32 sub)
{
	int err = btf_args_of(e, sub);

	for (u32 n = 0; !err && n < e->sub[sub].nr_args; n++) {
		err = reg_readable(e, n + 1);
		if (!err)
			err = check_one(e, n, &e->sub[sub].arg[n]);
	}
	return err;
}

/* The registers with which the function is walked. */
int btf_args_setup(struct env *e, u32 sub)
{
	int err = btf_args_of(e, sub);

	for (u32 n = 0; !err && n < e->sub[sub].nr_args; n++) {
		const struct sub_arg *a = &e->sub[sub].arg[n];
		struct reg *r = cur_reg(e, n + 1);

		if (a->kind == GARG_SCALAR) {
			reg_unknown(r);
			continue;
		}
		reg_clear(r);
		reg_zero_offset(r);
		if (a->kind == GARG_CTX) {
			r->type = PTR_TO_CTX;
		} else if (a->kind == GARG_DYNPTR) {
			r->type = CONST_PTR_TO_DYNPTR;
			r->dynptr = DYNPTR_LOCAL | DYNPTR_FIRST;
			r->id = ++e->id_gen;
		} else {
			r->type = PTR_TO_MEM;
			r->mem_size = a->size;
			if (a->nullable) {
				r->flags |= PTR_MAYBE_NULL;
				r->id = ++e->id_gen;
			}
		}
	}
	return err;
}
