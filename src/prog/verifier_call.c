// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helper calls: may this program call it, and do the arguments fit.
 *
 * Arguments are read off the letters of the helper's row (prog_types.h). Memory
 * is judged when its size has been seen, which is the next argument.
 */
#include "prog/verifier.h"
#include "store/store.h"

#define SIZE_MAX_ARG (1u << 29)

static int wrong_kind(struct verifier *v, u32 regno, const char *expected)
{
	vlog(v->log, "R%u type=%s expected=%s\n", regno, vreg_name(vreg(v, regno)), expected);
	return -EACCES;
}

struct call {
	const struct helper *h;
	const struct prog_map *map;
	u32 map_index;
	u32 mem;      /* register of the memory whose size comes next */
	bool mem_out; /* it is written */
};

static int size_arg(struct verifier *v, const struct call *c, u32 regno, bool zero_ok)
{
	const struct vreg *r = vreg(v, regno);
	u64 size = r->known ? (u64)r->val : r->max;

	if (r->type != REG_SCALAR)
		return wrong_kind(v, regno, "scalar");
	if (r->known ? r->val < 0 : r->max > INT64_MAX) {
		vlog(v->log, "R%u min value is negative, either use unsigned or 'var &= const'\n", regno);
		return -EACCES;
	}
	if (!zero_ok && (!r->known || !r->val)) {
		vlog(v->log, "R%u invalid zero-sized read: u64=[0,%lu]\n", regno, size);
		return -EACCES;
	}
	if (size >= SIZE_MAX_ARG) {
		vlog(v->log, "R%u unbounded memory access, use 'var &= const' or 'if (var < const)'\n",
		     regno);
		return -EACCES;
	}
	return verify_mem_arg(v, c->mem, size, c->mem_out);
}

static int map_arg(struct verifier *v, struct call *c, u32 regno)
{
	const struct vreg *r = vreg(v, regno);

	if (r->type != REG_MAP)
		return wrong_kind(v, regno, "map_ptr");
	c->map_index = r->map;
	c->map = &v->maps[r->map];
	return 0;
}

static int key_arg(struct verifier *v, const struct call *c, u32 regno)
{
	if (!c->map->key_size) {
		vlog(v->log, "invalid zero-sized read\n");
		return -EACCES;
	}
	return verify_mem_arg(v, regno, c->map->key_size, false);
}

static int check_arg(struct verifier *v, struct call *c, u32 regno)
{
	char kind = c->h->args[regno - 1];
	int err = reg_read(v, regno);

	if (err)
		return err;
	switch (kind) {
	case 'a': return 0;
	case 'c':
		/* Where the context is no plain struct, a helper of it alone wants a kernel object. */
		if (v->type->btf_ctx && !c->h->args[1])
			return wrong_kind(v, regno, "trusted_ptr_");
		if (vreg(v, regno)->type != REG_CTX)
			return wrong_kind(v, regno, "ctx");
		if (!vreg(v, regno)->val)
			return 0;
		vlog(v->log, "dereference of modified ctx ptr R%u off=%ld disallowed\n", regno,
		     vreg(v, regno)->val);
		return -EACCES;
	case 'm': return map_arg(v, c, regno);
	case 'k': return key_arg(v, c, regno);
	case 'v': return verify_mem_arg(v, regno, c->map->value_size, false);
	case 'r':
	case 'w':
		c->mem = regno;
		c->mem_out = kind == 'w';
		return verify_mem_arg(v, regno, 0, c->mem_out); /* the kind; the size comes with the next */
	case 's':
	case 'z': return size_arg(v, c, regno, kind == 'z');
	default:
		vlog(v->log, "R%u type=%s: arguments of %s are not supported yet\n", regno,
		     vreg_name(vreg(v, regno)), c->h->name);
		return -EACCES;
	}
}

static int may_call(struct verifier *v, s32 id, const struct helper *h)
{
	if (!h) {
		vlog(v->log, "invalid func unknown#%d\n", id);
		return -EINVAL;
	}
	if (!(v->type->helpers[id / 64] >> (id % 64) & 1)) {
		vlog(v->log, "program of this type cannot use helper %s#%d\n", h->name, id);
		return -EINVAL;
	}
	if (h->gpl && !v->gpl) {
		vlog(v->log, "cannot call GPL-restricted function from non-GPL compatible program\n");
		return -EINVAL;
	}
	if (h->sleeps && !(v->flags & BPF_F_SLEEPABLE)) {
		vlog(v->log, "helper call might sleep in a non-sleepable prog\n");
		return -EINVAL;
	}
	if (id == BPF_FUNC_get_func_ip && v->prog_type != BPF_PROG_TYPE_KPROBE) {
		vlog(v->log, "func %s#%d not supported for program type %u\n", h->name, id, v->prog_type);
		return -ENOTSUPP;
	}
	return 0;
}

static void set_result(struct verifier *v, const struct call *c)
{
	struct vreg *r0 = vreg(v, 0);

	switch (c->h->ret) {
	case 'i': vreg_scalar(r0, ~0ull); break;
	case 'n': vreg_scalar(r0, possible_cpus() - 1); break;
	case 'm': *r0 = (struct vreg){ .type = REG_VALUE_OR_NULL, .map = c->map_index }; break;
	case 'p': *r0 = (struct vreg){ .type = REG_OTHER }; break;
	default: break; /* nothing: r0 is not readable */
	}
}

/* Asked when the arguments are right, as the kernel does. */
static int map_fits(struct verifier *v, const struct call *c, s32 id)
{
	if (!c->map || !c->h->maps || (c->map->map_type < 64 && c->h->maps >> c->map->map_type & 1))
		return 0;
	vlog(v->log, "cannot pass map_type %u into func %s#%d\n", c->map->map_type, c->h->name, id);
	return -EINVAL;
}

int verify_helper(struct verifier *v, const struct bpf_insn *i)
{
	struct call c = { .h = helper_get(i->imm) };
	int err = may_call(v, i->imm, c.h);

	for (u32 regno = 1; !err && c.h->args[regno - 1]; regno++)
		err = check_arg(v, &c, regno);
	if (!err)
		err = map_fits(v, &c, i->imm);
	if (err)
		return err;
	for (u32 regno = 0; regno <= 5; regno++)
		*vreg(v, regno) = (struct vreg){ .type = REG_NONE };
	set_result(v, &c);
	return 0;
}
