// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pointers to the kernel's structs, and what iterators are given.
 *
 *   ptr_, trusted_ptr_     a struct of the machine's BTF: a load is judged by the member it hits, and
 *                          gives a number, another such pointer, or
 *   rdonly_untrusted_mem   an address of anything else, of which any byte may be loaded
 *   buf, rdonly_buf        an element's value and key: how far the program reaches is noted,
 *                          and held against the map when the program is attached
 *
 * None of this memory is the kernel's here; it has the same layout
 * (sys/iter_objs.h). Each load becomes one that gives 0 where nothing is mapped.
 */
#include "verifier/env.h"

const char *kernel_struct_name(const struct env *e, u32 id)
{
	const struct btf_type *t = e->req->kernel && id ? btf_type(e->req->kernel, id) : NULL;

	return t ? btf_str(e->req->kernel, t->name_off) : "";
}

static void pointer(struct env *e, struct reg *r, u8 type, u8 flags)
{
	reg_clear(r);
	reg_zero_offset(r);
	r->type = type;
	r->flags = flags;
	if (flags & PTR_MAYBE_NULL)
		r->id = ++e->id_gen;
}

/* What the kernel vouches for beyond the pointer that it came through. */
static bool safe_trusted(const struct env *e, const struct reg *from, const struct btf_found *f)
{
	return !strcmp(kernel_struct_name(e, from->btf_id), "bpf_iter_meta") && !strcmp(f->field, "seq");
}

static void loaded(struct env *e, const struct reg *from, const struct btf_found *f, u32 val)
{
	bool untrusted = from->flags & PTR_UNTRUSTED || f->in_union;
	bool trusted = from->flags & PTR_TRUSTED && !untrusted && safe_trusted(e, from, f);
	struct reg *r = cur_reg(e, val);

	switch (f->kind) {
	case BTF_LOAD_NUMBER: mark_unknown(e, val); return;
	case BTF_LOAD_MEM_PTR: pointer(e, r, PTR_TO_UNTRUSTED_MEM, 0); return;
	case BTF_LOAD_STRUCT_PTR:
		pointer(e, r, PTR_TO_BTF_ID, untrusted ? PTR_UNTRUSTED : trusted ? PTR_TRUSTED : 0);
		r->btf_id = f->id;
	}
}

/* val: the register that is loaded; -1: a helper reads. */
int access_btf(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	struct reg *r = cur_reg(e, regno), from = *r;
	const char *name = kernel_struct_name(e, r->btf_id);
	struct btf_found f;
	int err;

	if (off < 0) {
		vlog(e->log, "R%u is ptr_%s invalid negative access: off=%d\n", regno, name, off);
		return -EACCES;
	}
	if (!tnum_equals(r->n.var, 0)) {
		vlog(e->log, "R%u is ptr_%s invalid variable offset: off=%d, var_off=", regno, name, off);
		say_tnum(e, r->n.var);
		vlog(e->log, "\n");
		return -EACCES;
	}
	if (write)
		return bad(e, -EACCES, "only read is supported");
	if (!*name) {
		/* A struct that nothing is known of. */
		if (val >= 0)
			mark_unknown(e, (u32)val);
		return 0;
	}
	err = btf_kernel_load(e->req->kernel, r->btf_id, (u32)off, size, e->log, &f);
	if (!err && val >= 0)
		loaded(e, &from, &f, (u32)val);
	return err;
}

int access_untrusted(struct env *e, u32 regno, bool write, s32 val)
{
	if (write) {
		vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, cur_reg(e, regno)));
		return -EACCES;
	}
	if (val >= 0)
		mark_unknown(e, (u32)val);
	return 0;
}

int access_buf(struct env *e, u32 regno, s32 off, u64 size, bool write, s32 val)
{
	const struct reg *r = cur_reg(e, regno);
	bool rdonly = r->flags & MEM_RDONLY;
	u32 *max = rdonly ? &e->res->max_rdonly : &e->res->max_rdwr;

	if (write && rdonly) {
		vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, r));
		return -EACCES;
	}
	if (off < 0) {
		vlog(e->log, "R%u invalid %s buffer access: off=%d, size=%lu\n", regno,
		     rdonly ? "rdonly" : "rdwr", off, size);
		return -EACCES;
	}
	if (!tnum_is_const(r->n.var) || r->n.var.value) {
		vlog(e->log, "R%u invalid variable buffer offset: off=%d, var_off=", regno, off);
		say_tnum(e, r->n.var);
		vlog(e->log, "\n");
		return -EACCES;
	}
	*max = MAX(*max, (u32)MIN((u64)off + size, UINT32_MAX));
	if (!write && val >= 0)
		mark_unknown(e, (u32)val);
	return 0;
}

/* Which struct a helper's argument must be, at its beginning. */
int check_struct_arg(struct env *e, u32 regno, const char *wanted)
{
	const struct reg *r = cur_reg(e, regno);
	const char *name = kernel_struct_name(e, r->btf_id);

	if (!strcmp(name, wanted) && !r->off && tnum_equals(r->n.var, 0))
		return 0;
	vlog(e->log, "R%u is of type %s but %s is expected\n", regno, name, wanted);
	return -EACCES;
}

/* ---- the context of an iterator ---- */

static int no_access(struct env *e, s32 off, u32 size)
{
	vlog(e->log, "invalid bpf_context access off=%d size=%u\n", off, size);
	return -EACCES;
}

static void give(struct env *e, u32 arg, struct reg *r, u32 struct_id)
{
	static const struct {
		u8 type, flags;
	} as[] = {
		[ITER_TRUSTED] = { PTR_TO_BTF_ID, PTR_TRUSTED },
		[ITER_TRUSTED_OR_NULL] = { PTR_TO_BTF_ID, PTR_TRUSTED | PTR_MAYBE_NULL },
		[ITER_STRUCT_OR_NULL] = { PTR_TO_BTF_ID, PTR_MAYBE_NULL },
		[ITER_BUF_RDONLY] = { PTR_TO_BUF, MEM_RDONLY | PTR_MAYBE_NULL },
		[ITER_BUF] = { PTR_TO_BUF, PTR_MAYBE_NULL },
	};

	pointer(e, r, as[arg].type, as[arg].flags);
	r->btf_id = struct_id;
}

#define WORDS_MAX 13 /* context words that a function's arguments and result can be */

int check_iter_ctx(struct env *e, u32 insn, s32 off, u32 size, bool write, s32 val)
{
	const struct iter_target *t = e->req->iter;
	const char *func = kernel_struct_name(e, e->req->attach_btf_id);
	u32 n = (u32)off / 8, arg, id = 0;

	if (off < 0 || off >= WORDS_MAX * 8 || write || off % (s32)size)
		return no_access(e, off, size);
	if (off % 8) {
		vlog(e->log, "func '%s' offset %d is not multiple of 8\n", func, off);
		return no_access(e, off, size);
	}
	if (n >= iter_nr_args(t)) {
		vlog(e->log, "func '%s' doesn't have %u-th argument\n", func, n + 1);
		return no_access(e, off, size);
	}
	if (size != 8) {
		vlog(e->log, "func '%s' size %u must be 8\n", func, size);
		return no_access(e, off, size);
	}
	arg = t->arg[n];
	if (arg != ITER_BUF && arg != ITER_BUF_RDONLY) {
		id = iter_arg_struct(e->req->kernel, e->req->attach_btf_id, n);
		if (!id)
			return no_access(e, off, size);
	}
	if (VERBOSE(e) && arg == ITER_TRUSTED)
		vlog(e->log, "func '%s' arg%u has btf_id %u type STRUCT '%s'\n", func, n, id,
		     kernel_struct_name(e, id));
	e->aux[insn].ctx_off = off;
	e->res->max_ctx = MAX(e->res->max_ctx, (u32)off + size);
	if (val >= 0)
		give(e, arg, cur_reg(e, (u32)val), id);
	return 0;
}
