// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pass 2: what each type leads to, by a bounded depth-first walk.
 *
 * A vertex is pushed, looks at what it depends on, pushes that first, and is
 * popped as resolved with its id and size. Cycles through pointers are fine,
 * those through members or elements have no size, hence the mode: when the walk
 * began at a pointer, structs and arrays are far enough (their own turn comes);
 * when it is inside one of them, pointers are.
 *
 *     TBD    everything is followed; the first pointer, struct or array decides
 *     PTR    ends at all but modifiers and pointers
 *     SIZED  ends at all but modifiers, structs and arrays
 */
#include "btf/btf_env.h"

/* Nothing but a section or a tag may lead to these. */
#define SOURCES (BTF_K(VAR) | BTF_K(DECL_TAG) | BTF_K(DATASEC))

static bool stops_at(const struct btf_env *e, const struct btf_type *t)
{
	switch (e->mode) {
	case BTF_MODE_PTR: return !btf_is(t, BTF_MODIFIERS | BTF_K(PTR));
	case BTF_MODE_SIZED: return !btf_is(t, BTF_MODIFIERS | BTF_STRUCTS | BTF_K(ARRAY));
	default: return !btf_kinds[btf_kind(t)].resolve;
	}
}

static bool resolved(const struct btf_env *e, u32 id)
{
	return e->v->state[id] == BTF_RESOLVED;
}

static bool must_wait(const struct btf_env *e, const struct btf_type *t, u32 id)
{
	return !stops_at(e, t) && !resolved(e, id);
}

int btf_push(struct btf_env *e, const struct btf_type *t, u32 id)
{
	if (e->depth == BTF_DEPTH)
		return -E2BIG;
	if (e->v->state[id] != BTF_NOT_VISITED)
		return -EEXIST;
	e->v->state[id] = BTF_VISITED;
	e->stack[e->depth++] = (struct btf_vertex){ .t = t, .id = id };
	if (e->mode == BTF_MODE_TBD) {
		if (btf_is(t, BTF_K(PTR)))
			e->mode = BTF_MODE_PTR;
		else if (btf_is(t, BTF_STRUCTS | BTF_K(ARRAY)))
			e->mode = BTF_MODE_SIZED;
	}
	return 0;
}

void btf_pop(struct btf_env *e, u32 res_id, u32 res_size)
{
	u32 id = e->stack[--e->depth].id;

	e->v->res_id[id] = res_id;
	e->v->res_size[id] = res_size;
	e->v->state[id] = BTF_RESOLVED;
}

/* A type that another one may lead to, or NULL. */
static const struct btf_type *target(const struct btf_env *e, u32 id)
{
	const struct btf_type *t = btf_type(e->v, id);

	return t && !btf_is(t, SOURCES) ? t : NULL;
}

/* Without a size only these may be stood for or pointed to. */
static bool sizeless_ok(struct btf_env *e, const struct btf_type *t, u32 *id)
{
	if (resolved(e, *id))
		t = btf_id_resolve(e->v, id);
	return btf_is(t, BTF_K(UNKN) | BTF_K(FWD) | BTF_K(FUNC_PROTO));
}

int btf_resolve_mod(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_type *t = x->t, *next = target(e, t->type);
	u32 id = t->type;

	if (!next)
		return btf_bad_type(e, t, "Invalid type_id");
	if (must_wait(e, next, id))
		return btf_push(e, next, id);
	if (!btf_id_size(e->v, &id, NULL) && !sizeless_ok(e, next, &id))
		return btf_bad_type(e, t, "Invalid type_id");
	btf_pop(e, id, 0);
	return 0;
}

/*
 * A modifier that was resolved in another mode may have stopped at a pointer
 * that has not had its turn. Then this has to wait for it.
 */
static bool pointer_behind(struct btf_env *e, const struct btf_type *next, u32 *id)
{
	const struct btf_type *t;
	u32 at = *id;

	if (!btf_is(next, BTF_MODIFIERS))
		return false;
	t = btf_id_resolve(e->v, &at);
	if (!btf_is(t, BTF_K(PTR)) || !must_wait(e, t, at))
		return false;
	*id = at;
	return true;
}

int btf_resolve_ptr(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_type *t = x->t, *next = target(e, t->type);
	u32 id = t->type;

	if (!next)
		return btf_bad_type(e, t, "Invalid type_id");
	if (must_wait(e, next, id))
		return btf_push(e, next, id);
	if (pointer_behind(e, next, &id))
		return btf_push(e, btf_type(e->v, id), id);
	if (!btf_id_size(e->v, &id, NULL) && !sizeless_ok(e, next, &id))
		return btf_bad_type(e, t, "Invalid type_id");
	btf_pop(e, id, 0);
	return 0;
}

int btf_resolve_var(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_type *t = x->t, *next = target(e, t->type);
	u32 id = t->type;

	if (!next)
		return btf_bad_type(e, t, "Invalid type_id");
	if (must_wait(e, next, id))
		return btf_push(e, next, id);
	if (pointer_behind(e, next, &id))
		return btf_push(e, btf_type(e->v, id), id);
	if (!btf_id_size(e->v, &id, NULL))
		return btf_bad_type(e, t, "Invalid type_id");
	btf_pop(e, id, 0);
	return 0;
}

int btf_resolve_array(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_array *a = btf_tail(x->t);
	const struct btf_type *t;
	u32 id = a->index_type, size = 0;

	t = target(e, id);
	if (!t)
		return btf_bad_type(e, x->t, "Invalid index");
	if (must_wait(e, t, id))
		return btf_push(e, t, id);
	t = btf_id_size(e->v, &id, NULL);
	if (!t || !btf_is(t, BTF_K(INT)) || !btf_int_regular(t))
		return btf_bad_type(e, x->t, "Invalid index");

	id = a->type;
	t = target(e, id);
	if (!t)
		return btf_bad_type(e, x->t, "Invalid elem");
	if (must_wait(e, t, id))
		return btf_push(e, t, id);
	t = btf_id_size(e->v, &id, &size);
	if (!t)
		return btf_bad_type(e, x->t, "Invalid elem");
	if (btf_is(t, BTF_K(INT)) && !btf_int_regular(t))
		return btf_bad_type(e, x->t, "Invalid array of int");
	if (a->nelems && size > UINT32_MAX / a->nelems)
		return btf_bad_type(e, x->t, "Array size overflows U32_MAX");
	btf_pop(e, id, size * a->nelems);
	return 0;
}

static int check_member(struct btf_env *e, const struct btf_type *s, const struct btf_member *m)
{
	const struct btf_type *t = btf_type(e->v, m->type);
	const struct btf_kind_ops *k = &btf_kinds[btf_kind(t)];

	return btf_kflag(s) ? k->kmember(e, s, m, t) : k->member(e, s, m, t);
}

int btf_resolve_struct(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_member *m = btf_tail(x->t);
	int err;

	/* The member that was waited for has been resolved meanwhile. */
	if (x->next && (err = check_member(e, x->t, &m[x->next - 1])))
		return err;
	for (u32 i = x->next; i < btf_vlen(x->t); i++) {
		const struct btf_type *t = target(e, m[i].type);

		if (!t)
			return btf_bad_member(e, x->t, &m[i], "Invalid member");
		if (must_wait(e, t, m[i].type)) {
			x->next = i + 1;
			return btf_push(e, t, m[i].type);
		}
		err = check_member(e, x->t, &m[i]);
		if (err)
			return err;
	}
	btf_pop(e, 0, 0);
	return 0;
}

int btf_resolve_datasec(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_var_secinfo *s = btf_tail(x->t);

	e->mode = BTF_MODE_TBD;
	for (u32 i = x->next; i < btf_vlen(x->t); i++) {
		const struct btf_type *var = btf_type(e->v, s[i].type);
		u32 id, size = 0;

		if (!var || !btf_is(var, BTF_K(VAR)))
			return btf_bad_var(e, x->t, &s[i], "Not a VAR kind member");
		if (must_wait(e, var, s[i].type)) {
			x->next = i + 1;
			return btf_push(e, var, s[i].type);
		}
		id = var->type;
		if (!btf_id_size(e->v, &id, &size))
			return btf_bad_var(e, x->t, &s[i], "Invalid type");
		if (s[i].size < size)
			return btf_bad_var(e, x->t, &s[i], "Invalid size");
	}
	btf_pop(e, 0, 0);
	return 0;
}

int btf_resolve_func(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_type *proto = btf_type(e->v, x->t->type);
	const struct btf_param *p;

	if (!proto || !btf_is(proto, BTF_K(FUNC_PROTO)))
		return btf_bad_type(e, x->t, "Invalid type_id");
	p = btf_tail(proto);
	for (u32 i = 0; i < btf_vlen(proto); i++) {
		if (!p[i].name_off && p[i].type)
			return btf_bad_arg(e, x->t, i);
	}
	btf_pop(e, x->t->type, 0);
	return 0;
}

#define TAGGED (BTF_K(FUNC) | BTF_STRUCTS | BTF_K(VAR) | BTF_K(TYPEDEF))

int btf_resolve_decl_tag(struct btf_env *e, struct btf_vertex *x)
{
	const struct btf_type *t = x->t, *next = btf_type(e->v, t->type);
	const struct btf_decl_tag *d = btf_tail(t);

	if (!next || !btf_is(next, TAGGED))
		return btf_bad_type(e, t, "Invalid type_id");
	if (must_wait(e, next, t->type))
		return btf_push(e, next, t->type);
	if (d->component_idx != -1) {
		if (btf_is(next, BTF_K(VAR) | BTF_K(TYPEDEF)))
			return btf_bad_type(e, t, "Invalid component_idx");
		if (btf_is(next, BTF_K(FUNC)))
			next = btf_type(e->v, next->type);
		if (!next || (u32)d->component_idx >= btf_vlen(next))
			return btf_bad_type(e, t, "Invalid component_idx");
	}
	btf_pop(e, t->type, 0);
	return 0;
}

/* What the walk must have left; a last look at the result as a whole. */
static bool result_ok(struct btf_env *e, const struct btf_type *t, u32 id)
{
	struct btf_view *v = e->v;

	if (!resolved(e, id))
		return false;
	if (btf_is(t, BTF_STRUCTS | BTF_K(DATASEC)))
		return !v->res_id[id] && !v->res_size[id];
	if (btf_is(t, BTF_K(DECL_TAG) | BTF_K(FUNC)))
		return v->res_id[id] && !v->res_size[id];
	if (btf_is(t, BTF_MODIFIERS | BTF_K(PTR) | BTF_K(VAR))) {
		t = btf_id_resolve(v, &id);
		return t && !btf_is(t, BTF_MODIFIERS | BTF_K(VAR) | BTF_K(DATASEC));
	}
	if (btf_is(t, BTF_K(ARRAY))) {
		const struct btf_array *a = btf_tail(t);
		u32 elem = a->type, size = 0;

		t = btf_id_size(v, &elem, &size);
		return t && !btf_is(t, BTF_MODIFIERS) && a->nelems * size == v->res_size[id];
	}
	return false;
}

int btf_resolve(struct btf_env *e, const struct btf_type *t, u32 id)
{
	u32 said = e->id;
	int err;

	e->mode = BTF_MODE_TBD;
	e->depth = 0;
	err = btf_push(e, t, id);
	while (!err && e->depth) {
		struct btf_vertex *x = &e->stack[e->depth - 1];

		e->id = x->id;
		err = btf_kinds[btf_kind(x->t)].resolve(e, x);
	}
	e->id = id;
	if (err == -E2BIG)
		btf_bad_type(e, t, "Exceeded max resolving depth:32");
	else if (err == -EEXIST)
		btf_bad_type(e, t, "Loop detected");
	if (!err && !result_ok(e, t, id))
		err = btf_bad_type(e, t, "Invalid resolve state");
	e->id = said;
	return err;
}

/* The type of a return value or an argument: resolved here if its turn has not come. */
static bool value_ok(struct btf_env *e, u32 id, int *err)
{
	const struct btf_type *t = target(e, id);

	*err = 0;
	if (!t)
		return false;
	if (btf_kinds[btf_kind(t)].resolve && !resolved(e, id)) {
		*err = btf_resolve(e, t, id);
		if (*err)
			return false;
	}
	return btf_id_size(e->v, &id, NULL) != NULL;
}

int btf_check_proto(struct btf_env *e, const struct btf_type *t)
{
	const struct btf_param *p = btf_tail(t);
	u32 n = btf_vlen(t);
	int err;

	if (t->type && !value_ok(e, t->type, &err))
		return err ? err : btf_bad_type(e, t, "Invalid return type");
	if (n && !p[n - 1].type) { /* "..." */
		if (p[n - 1].name_off)
			return btf_bad_arg(e, t, n - 1);
		n--;
	}
	for (u32 i = 0; i < n; i++) {
		if (p[i].name_off && !btf_name_ok(e->v, p[i].name_off))
			return btf_bad_arg(e, t, i);
		if (!value_ok(e, p[i].type, &err))
			return err ? err : btf_bad_arg(e, t, i);
	}
	return 0;
}
