// SPDX-License-Identifier: BSD-2-Clause
/*
 * The context: fields by the program type's table, at fixed offsets from the unmodified pointer.
 */
#include "verifier/env.h"

/* A pointer as it was given: nothing added, or (fixed_ok) something known. */
int check_fixed_offset(struct env *e, const struct reg *r, u32 regno, bool fixed_ok)
{
	if (r->off < 0) {
		vlog(e->log, "negative offset %s ptr R%u off=%d disallowed\n", reg_text(e, r), regno, r->off);
		return -EACCES;
	}
	if (!fixed_ok && r->off) {
		vlog(e->log, "dereference of modified %s ptr R%u off=%d disallowed\n", reg_text(e, r), regno,
		     r->off);
		return -EACCES;
	}
	if (!tnum_equals(r->n.var, 0)) {
		vlog(e->log, "variable %s access var_off=", reg_text(e, r));
		say_tnum(e, r->n.var);
		vlog(e->log, " disallowed\n");
		return -EACCES;
	}
	return 0;
}

int check_ctx_reg(struct env *e, const struct reg *r, u32 regno)
{
	return check_fixed_offset(e, r, regno, false);
}

static void loaded(struct env *e, const struct ctx_field *f, struct reg *r)
{
	reg_unknown(r);
	if (f->kind == CTX_SCALAR || f->kind == CTX_POINTER || f->kind == CTX_BUFFER)
		return;
	reg_clear(r);
	reg_zero_offset(r);
	switch (f->kind) {
	case CTX_PACKET: r->type = PTR_TO_PACKET; break;
	case CTX_PACKET_META: r->type = PTR_TO_PACKET_META; break;
	case CTX_PACKET_END: r->type = PTR_TO_PACKET_END; break;
	case CTX_FLOW_KEYS: r->type = PTR_TO_FLOW_KEYS; break;
	default:
		r->type = PTR_TO_SOCK_COMMON;
		r->flags = PTR_MAYBE_NULL;
		r->id = ++e->id_gen;
	}
}

int check_ctx(struct env *e, u32 insn, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	const struct ctx_field *f;
	int err = check_ctx_reg(e, cur_reg(e, regno), regno);

	if (err)
		return err;
	if (e->req->iter)
		return check_iter_ctx(e, insn, off, size, write, val);
	f = off >= 0 && off <= INT16_MAX ? prog_ctx_field_at(e->type, e->req->attach, off, size, write)
					 : NULL;
	if (!f) {
		vlog(e->log, "invalid bpf_context access off=%d size=%u\n", off, size);
		return -EACCES;
	}
	/* A part of a pointer is a number that says where something lies. */
	if (f->kind != CTX_SCALAR && f->kind != CTX_BUFFER &&
	    (size != f->size || (!write && BPF_MODE(e->insns[insn].code) == 0x80))) {
		vlog(e->log, "invalid bpf_context access off=%d size=%u\n", off, size);
		return -EACCES;
	}
	e->aux[insn].ctx_off = off;
	e->res->max_ctx = MAX(e->res->max_ctx, (u32)off + size);
	if (!write && val >= 0)
		loaded(e, f, cur_reg(e, (u32)val));
	return 0;
}

int refuse_ld_abs(struct env *e)
{
	return bad(e, -EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
}

/* BPF_LD ABS and IND: r6 is the context; out of the packet ends the program with 0. */
int do_ld_abs(struct env *e, const struct bpf_insn *i, u32 *next)
{
	int err;

	if (!e->type->ld_abs)
		return refuse_ld_abs(e);
	err = reg_readable(e, 6);
	if (!err)
		err = resource_check(e, "BPF_LD_[ABS|IND]");
	if (err)
		return err;
	if (cur_reg(e, 6)->type != PTR_TO_CTX)
		return bad(e, -EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
	if (BPF_MODE(i->code) == BPF_IND)
		err = reg_readable(e, i->src_reg);
	if (!err)
		err = check_ctx_reg(e, cur_reg(e, 6), 6);
	if (err)
		return err;
	clear_caller_saved(e);
	mark_unknown(e, 0);
	scratched_reg(e, 0);
	return e->cur->curframe ? leave_early(e, false, next) : 0;
}
