// SPDX-License-Identifier: BSD-2-Clause
/*
 * Iterators over objects: see iter.h.
 */
#include "progtype/iter.h"
#include "progtype/ctx.h"
#include "util/err.h"
#include <string.h>
#include "util/str.h"

#define FUNC_PREFIX "bpf_iter_"

static const struct iter_target targets[] = {
	{ .name = "bpf_map", .over = ITER_MAPS, .arg = { ITER_TRUSTED, ITER_TRUSTED_OR_NULL } },
	{ .name = "bpf_prog", .over = ITER_PROGS, .arg = { ITER_TRUSTED, ITER_STRUCT_OR_NULL } },
	{ .name = "bpf_link", .over = ITER_LINKS, .arg = { ITER_TRUSTED, ITER_STRUCT_OR_NULL } },
	{ .name = "bpf_map_elem",
	  .over = ITER_MAP_ELEMS,
	  .arg = { ITER_TRUSTED, ITER_TRUSTED, ITER_BUF_RDONLY, ITER_BUF },
	  .needs_map = true },
};

const struct iter_target *iter_target_get(const char *name)
{
	for (u32 n = 0; n < ARRAY_SIZE(targets); n++)
		if (!strcmp(targets[n].name, name))
			return &targets[n];
	return NULL;
}

const struct iter_target *iter_target_of(const struct btf_view *kernel, u32 id, const char **name)
{
	const struct btf_type *t = id ? btf_type(kernel, id) : NULL;

	*name = "";
	if (!t || !btf_is(t, BTF_K(FUNC)))
		return NULL;
	*name = btf_str(kernel, t->name_off);
	return str_starts(*name, FUNC_PREFIX) ? iter_target_get(*name + strlen(FUNC_PREFIX)) : NULL;
}

u32 iter_nr_args(const struct iter_target *t)
{
	u32 n = 0;

	while (n < ITER_ARGS_MAX && t->arg[n] != ITER_NONE)
		n++;
	return n;
}

u32 iter_arg_struct(const struct btf_view *kernel, u32 func_id, u32 n)
{
	const struct btf_type *t = btf_type(kernel, func_id);
	u32 id;

	if (!t || !btf_is(t, BTF_K(FUNC)))
		return 0;
	t = btf_type(kernel, t->type);
	if (!t || !btf_is(t, BTF_K(FUNC_PROTO)) || n >= btf_vlen(t))
		return 0;
	id = ((const struct btf_param *)btf_tail(t))[n].type;
	t = btf_skip_mods(kernel, &id);
	if (!t || !btf_is(t, BTF_K(PTR)))
		return 0;
	id = t->type;
	t = btf_skip_mods(kernel, &id);
	return t && btf_is(t, BTF_K(STRUCT)) ? id : 0;
}

/* A session runs it (sys/iter_run.h); TEST_RUN has no context for it. */
static int iter_check(const struct test_run_args *a)
{
	return a->flags || a->cpu || a->batch_size ? -EINVAL : -EFAULT;
}

const struct prog_run_ops iter_run_ops = { .check = iter_check };
