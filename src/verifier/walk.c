// SPDX-License-Identifier: BSD-2-Clause
/*
 * The main loop: one instruction after the other along one path, then the next path.
 *
 * A path ends at the program's exit or where a state like it was seen before;
 * then the branch pushed last is taken up. The number of instructions walked is
 * bounded, so every walk ends. The program is walked first, then each global
 * function that something walked has called, by itself.
 */
#include "isa/insn_valid.h"
#include "verifier/env.h"

static int load_imm64(struct env *e, const struct bpf_insn *i)
{
	struct reg *d;
	int err = reg_writable(e, i->dst_reg);

	if (err)
		return err;
	d = cur_reg(e, i->dst_reg);
	switch (i->src_reg) {
	case 0: reg_const(d, (u64)(u32)i[0].imm | (u64)(u32)i[1].imm << 32); return 0;
	case BPF_PSEUDO_FUNC:
		reg_clear(d);
		reg_zero_offset(d);
		d->type = PTR_TO_FUNC;
		d->sub = subprog_begin(e, (u32)((s64)e->insn + 1 + i->imm));
		if (d->sub == NO_SUB)
			return -EINVAL;
		if (!e->sub[d->sub].type_id)
			return bad(e, -EINVAL, "missing btf func_info");
		/* A callback has no BTF signature to be checked by callers, so it must be static. */
		if (e->sub[d->sub].global)
			return bad(e, -EINVAL, "callback function not static");
		return 0;
	default: break;
	}
	reg_clear(d);
	reg_zero_offset(d);
	d->map = e->aux[e->insn].map;
	if (i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE) {
		d->type = PTR_TO_MAP_VALUE;
		d->off = i[1].imm;
		if (e->res->maps[d->map].spin_lock_off >= 0)
			d->id = ++e->id_gen;
	} else {
		d->type = CONST_PTR_TO_MAP;
	}
	return 0;
}

static int do_ld(struct env *e, const struct bpf_insn *i, u32 *next)
{
	int err;

	if (!insn_is_ld64(i))
		return do_ld_abs(e, i, next);
	err = load_imm64(e, i);
	*next = e->insn + 2;
	e->aux[e->insn + 1].flags |= AUX_SEEN;
	return err;
}

static int do_jump(struct env *e, const struct bpf_insn *i, u32 *next)
{
	bool narrow = BPF_CLASS(i->code) == BPF_JMP32;

	e->jmps++;
	switch (BPF_OP(i->code)) {
	case BPF_CALL: return do_call(e, i, next);
	case BPF_EXIT: return do_exit(e, next);
	case BPF_JA: *next = (u32)((s64)e->insn + 1 + (narrow ? i->imm : i->off)); return 0;
	default: return do_cond_jump(e, i, next);
	}
}

/* What is wrong with its fields; the text may have a place for imm. */
static int invalid(struct env *e, const struct bpf_insn *i, const char *text)
{
	const char *at = strchr(text, '%');
	u32 imm = (u32)i->imm;

	for (const char *c = text; *c && c != at; c++)
		vlog(e->log, "%c", *c);
	if (at && at[1] == 'd')
		vlog(e->log, "%d", i->imm);
	else if (at)
		vlog(e->log, imm < 16 ? "0%x" : "%x", imm);
	vlog(e->log, "\n");
	return -EINVAL;
}

static int bad_fields(struct env *e, const struct bpf_insn *i, const char *wrong)
{
	u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code), mode = BPF_MODE(i->code);
	bool jump = (class == BPF_JMP || class == BPF_JMP32) && op >= BPF_JEQ && op != BPF_CALL &&
		    op != BPF_EXIT && op != 0xe0;
	int err = jump ? reg_readable(e, i->dst_reg) : 0;

	/* Who may not have them at all is told that first. */
	if (class == BPF_LD && (mode == BPF_ABS || mode == BPF_IND) && !e->type->ld_abs)
		return refuse_ld_abs(e);
	return err ? err : invalid(e, i, wrong);
}

/* 1: the path is over. */
static int do_insn(struct env *e, u32 *next)
{
	const struct bpf_insn *i = &e->insns[e->insn];
	const char *wrong = insn_invalid(i);

	*next = e->insn + 1;
	if (wrong)
		return bad_fields(e, i, wrong);
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: return do_alu(e, i);
	case BPF_LDX: return do_load(e, i);
	case BPF_STX: return BPF_MODE(i->code) == BPF_ATOMIC ? do_atomic(e, i) : do_store(e, i);
	case BPF_ST: return do_store(e, i);
	case BPF_LD: return do_ld(e, i, next);
	default: return do_jump(e, i, next);
	}
}

static void tell_start(struct env *e, bool *fresh)
{
	if (!VERBOSE(e))
		return;
	if (VERBOSE2(e) && *fresh) {
		vlog(e->log, "\nfrom %d to %u:", (s32)e->prev, e->insn);
		say_state(e, e->cur, e->cur->curframe, true);
	}
	*fresh = false;
	say_insn_state(e);
	say_line(e, e->insn, "; ");
	say_insn(e);
}

/* One step; 1: the path is over. */
static int step(struct env *e, bool *fresh, u32 *next)
{
	int err, over;

	if (e->insn >= e->cnt) {
		vlog(e->log, "invalid insn idx %u insn_cnt %u\n", e->insn, e->cnt);
		return -EFAULT;
	}
	if (++e->processed > VERIFIER_INSNS_LIMIT) {
		vlog(e->log, "BPF program is too large. Processed %u insn\n", e->processed);
		return -E2BIG;
	}
	e->cur->last = e->prev;
	if (e->aux[e->insn].flags & AUX_PRUNE) {
		err = state_visited(e);
		if (err == 1 && VERBOSE(e)) {
			if (*fresh)
				vlog(e->log, "\nfrom %d to %u: safe\n", (s32)e->prev, e->insn);
			else
				vlog(e->log, "%u: safe\n", e->insn);
		}
		if (err)
			return err;
	}
	if (e->aux[e->insn].flags & AUX_JUMP)
		e->cur->jmp_cnt++;
	err = hist_push(e);
	if (err)
		return err;
	tell_start(e, fresh);
	e->aux[e->insn].flags |= AUX_SEEN;
	live_begin(e);
	err = do_insn(e, next);
	if (err < 0)
		return err;
	over = err;
	err = live_step(e);
	return err ? err : over;
}

int walk(struct env *e)
{
	bool fresh = false;
	u32 next = 0;

	e->prev = NIL;
	for (;;) {
		u32 frame = e->cur->curframe;
		int err = step(e, &fresh, &next);

		if (err < 0)
			return err;
		if (!err) {
			e->prev = e->insn;
			e->insn = next;
			fresh = fresh || e->cur->curframe < frame;
			continue;
		}
		e->scratched_regs = ~0u;
		e->scratched_slots = ~0ull;
		update_branches(e, e->cur);
		if (!pop_branch(e))
			return 0;
		fresh = true;
	}
}

static void drop_states(struct env *e)
{
	for (u32 n = 0; n < e->explored_size; n++) {
		struct explored *x = e->explored[n], *next;

		for (; x; x = next) {
			next = x->next;
			state_free(e, &x->st);
			vmem_put(e, x, sizeof(*x));
		}
		e->explored[n] = NULL;
	}
}

static int start(struct env *e, u32 sub)
{
	struct frame *f;

	drop_states(e);
	e->cur = vmem(e, sizeof(*e->cur));
	f = frame_new(e, 0, NIL, sub);
	if (!e->cur || !f)
		return -ENOMEM;
	e->cur->frame[0] = f;
	e->cur->branches = 1;
	e->cur->in_sleepable = e->req->flags & BPF_F_SLEEPABLE;
	e->cur->hist = e->cur->hist_start = NIL;
	e->sub_now = sub;
	e->insn = e->cur->first = e->sub[sub].start;
	e->last_line = 0;
	f->live = live_root(e, sub);
	if (!f->live)
		return -ENOMEM;
	e->scratched_regs = ~0u;
	e->scratched_slots = ~0ull;
	e->insn_text_pos = 0;
	return 0;
}

static int finish(struct env *e, int err)
{
	if (err && err != -ENOMEM)
		return err;
	state_free(e, e->cur);
	if (!err && VERBOSE(e) && !VERBOSE2(e))
		vlog_reset(e->log, 0);
	return err;
}

static void set_ctx(struct env *e, u32 regno)
{
	struct reg *r = cur_reg(e, regno);

	reg_clear(r);
	reg_zero_offset(r);
	r->type = PTR_TO_CTX;
}

int walk_main(struct env *e)
{
	int err = start(e, 0);

	if (err)
		return err;
	/* Where BTF describes the program's own signature it must fit; a mismatch is none of ours. */
	set_ctx(e, 1);
	return finish(e, walk(e));
}

int walk_global(struct env *e, u32 sub)
{
	int err = start(e, sub);

	if (err)
		return err;
	if (VERBOSE(e))
		vlog(e->log, "Validating %s() func#%u...\n", sub_name(e, sub), sub);
	err = btf_args_setup(e, sub);
	if (!err)
		err = finish(e, walk(e));
	if (!err && VERBOSE(e))
		vlog(e->log, "Func#%u ('%s') is safe for any args that match its prototype\n", sub,
		     sub_name(e, sub));
	return err;
}
