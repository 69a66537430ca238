// SPDX-License-Identifier: BSD-2-Clause
/*
 * The order of the passes, the walk, calls into subprograms, the end.
 *
 * Straight-line code: each subprogram runs from its first instruction to an
 * exit that is its last. A static subprogram is walked at every call with the
 * caller's registers; a global one (by func_info) once, with arguments that its
 * BTF declares, and its result is an unknown number. The number of instructions
 * walked is bounded, and so is everything else.
 */
#include "prog/verifier.h"
#include <string.h>

int subprog_at(const struct verifier *v, u32 at)
{
	for (u32 n = 0; n < v->nr_subs; n++)
		if (v->sub[n] == at)
			return (int)n;
	return -1;
}

struct vreg *vreg(struct verifier *v, u32 regno)
{
	return &v->frames[v->frame].reg[regno];
}

const char *vreg_name(const struct vreg *r)
{
	static const char *const names[] = {
		"?", "scalar", "ctx", "fp", "map_ptr", "map_value", "map_value_or_null", "trusted_ptr_"
	};

	return names[r->type];
}

void vreg_scalar(struct vreg *r, u64 max)
{
	*r = (struct vreg){ .type = REG_SCALAR, .max = max };
}

void vreg_const(struct vreg *r, s64 val)
{
	*r = (struct vreg){ .type = REG_SCALAR, .known = true, .val = val };
}

int reg_read(struct verifier *v, u32 regno)
{
	if (regno > 10) {
		vlog(v->log, "R%u is invalid\n", regno);
		return -EINVAL;
	}
	if (vreg(v, regno)->type == REG_NONE) {
		vlog(v->log, "R%u !read_ok\n", regno);
		return -EACCES;
	}
	return 0;
}

int reg_write(struct verifier *v, u32 regno)
{
	if (regno > 10) {
		vlog(v->log, "R%u is invalid\n", regno);
		return -EINVAL;
	}
	if (regno == 10) {
		vlog(v->log, "frame pointer is read only\n");
		return -EACCES;
	}
	return 0;
}

static bool is_call(const struct bpf_insn *i, u32 src)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == src;
}

static bool is_exit(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT);
}

/* Sorted list of where subprograms begin. */
static int add_subprog(struct verifier *v, u32 at)
{
	u32 n = v->nr_subs;

	if (subprog_at(v, at) >= 0)
		return 0;
	if (n == SUBPROGS) {
		vlog(v->log, "too many subprograms\n");
		return -E2BIG;
	}
	for (; n && v->sub[n - 1] > at; n--)
		v->sub[n] = v->sub[n - 1];
	v->sub[n] = at;
	v->nr_subs++;
	return 0;
}

static int find_subprogs(struct verifier *v)
{
	int err = add_subprog(v, 0);

	for (u32 at = 0; !err && at < v->cnt; at++) {
		const struct bpf_insn *i = &v->insns[at];
		s64 to = (s64)at + i->imm + 1;

		if (is_call(i, BPF_PSEUDO_KFUNC_CALL)) {
			vlog(v->log, "calls of kernel functions are not supported yet\n");
			return -EINVAL;
		}
		if (!is_call(i, BPF_PSEUDO_CALL))
			continue;
		if (to < 0 || to >= v->cnt) {
			vlog(v->log, "call to invalid destination\n");
			return -EINVAL;
		}
		err = add_subprog(v, (u32)to);
	}
	if (!err && v->log->level & VLOG_LEVEL2)
		for (u32 n = 0; n < v->nr_subs; n++)
			vlog(v->log, "func#%u @%u\n", n, v->sub[n]);
	return err;
}

static u32 sub_end(const struct verifier *v, u32 n)
{
	return n + 1 < v->nr_subs ? v->sub[n + 1] : v->cnt;
}

static bool is_jump(const struct bpf_insn *i)
{
	u8 class = BPF_CLASS(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && BPF_OP(i->code) != BPF_CALL &&
	       BPF_OP(i->code) != BPF_EXIT;
}

/* Jumps stay inside, and each subprogram ends. */
static int check_subprog(struct verifier *v, u32 n)
{
	u32 start = v->sub[n], end = sub_end(v, n);
	const struct bpf_insn *last = &v->insns[end - 1];

	for (u32 at = start; at < end; at++) {
		const struct bpf_insn *i = &v->insns[at];
		s64 to = (s64)at + 1 + (i->code == (BPF_JMP32 | BPF_JA) ? i->imm : i->off);

		if (is_jump(i) && (to < start || to >= end)) {
			vlog(v->log, "jump out of range from insn %u to %ld\n", at, to);
			return -EINVAL;
		}
	}
	if (!is_exit(last) && last->code != (BPF_JMP | BPF_JA) && last->code != (BPF_JMP32 | BPF_JA)) {
		vlog(v->log, "last insn is not an exit or jmp\n");
		return -EINVAL;
	}
	return 0;
}

static bool known_class(u8 code)
{
	switch (BPF_CLASS(code)) {
	case BPF_LD: return BPF_MODE(code) == BPF_ABS || BPF_MODE(code) == BPF_IND || code == 0x18;
	case BPF_LDX: return BPF_MODE(code) == BPF_MEM || BPF_MODE(code) == 0x80;
	case BPF_ST: return BPF_MODE(code) == BPF_MEM;
	case BPF_STX: return BPF_MODE(code) == BPF_MEM || BPF_MODE(code) == BPF_ATOMIC;
	case BPF_JMP:
	case BPF_JMP32: return BPF_OP(code) <= 0xe0;
	default: return BPF_OP(code) <= BPF_END;
	}
}

static int check_opcodes(struct verifier *v)
{
	for (u32 at = 0; at < v->cnt; at++) {
		if (!known_class(v->insns[at].code)) {
			vlog(v->log, "unknown opcode %x%x\n", v->insns[at].code >> 4, v->insns[at].code & 15);
			return -EINVAL;
		}
		at += v->insns[at].code == 0x18;
	}
	return 0;
}

/* What follows an exit, and is no subprogram, is never reached. */
static int check_reach(struct verifier *v)
{
	for (u32 at = 0; at + 1 < v->cnt; at++) {
		const struct bpf_insn *i = &v->insns[at];

		if (is_jump(i)) {
			vlog(v->log, "jumps are not supported yet: insn %u\n", at);
			return -EINVAL;
		}
		if (is_exit(i) && subprog_at(v, at + 1) < 0) {
			vlog(v->log, "unreachable insn %u\n", at + 1);
			return -EINVAL;
		}
		at += i->code == 0x18;
	}
	return 0;
}

static void told_insn(struct verifier *v, const struct bpf_insn *i)
{
	vlog(v->log, "%u: (%x%x) dst=r%u src=r%u off=%d imm=%d\n", v->at, i->code >> 4, i->code & 15,
	     i->dst_reg, i->src_reg, i->off, i->imm);
}

static int end_of_program(struct verifier *v)
{
	const struct vreg *r0 = vreg(v, 0);
	s64 lo = v->attach->min, hi = v->attach->max;
	int err = reg_read(v, 0);

	if (err || hi == RET_ANY)
		return err;
	if (r0->type == REG_SCALAR && r0->known && r0->val >= lo && r0->val <= hi)
		return 0;
	if (r0->type == REG_SCALAR && !r0->known && lo == 0 && r0->max <= (u64)hi)
		return 0;
	if (r0->type != REG_SCALAR)
		vlog(v->log, "At program exit the register R0 is not a known value (%s)\n", vreg_name(r0));
	else if (r0->known)
		vlog(v->log,
		     "At program exit the register R0 has smin=%ld smax=%ld should have been in [%ld, %ld]\n",
		     r0->val, r0->val, lo, hi);
	else
		vlog(v->log,
		     "At program exit the register R0 has unknown scalar value should have been in [%ld, "
		     "%ld]\n",
		     lo, hi);
	return -EINVAL;
}

/* 1: the walk is over. */
static int do_exit(struct verifier *v, const struct bpf_insn *i)
{
	struct vframe *f = &v->frames[v->frame];
	struct vreg r0 = f->reg[0];

	if (i->src_reg || i->dst_reg || i->imm || BPF_SRC(i->code) != BPF_K) {
		vlog(v->log, "BPF_EXIT uses reserved fields\n");
		return -EINVAL;
	}
	if (!v->frame)
		return 1;
	if (r0.type == REG_FP) {
		vlog(v->log, "cannot return stack pointer to the caller\n");
		return -EINVAL;
	}
	v->at = f->ret;
	v->frame--;
	for (u32 regno = 1; regno <= 5; regno++)
		*vreg(v, regno) = (struct vreg){ .type = REG_NONE };
	*vreg(v, 0) = r0;
	return 0;
}

static void enter_frame(struct verifier *v, u32 n, u32 sub)
{
	struct vframe *f = &v->frames[n];

	memset(f, 0, sizeof(*f));
	f->sub = sub;
	f->reg[10] = (struct vreg){ .type = REG_FP, .frame = (u8)n };
}

/*
 * Bytes of stack of the subprogram and the deepest chain of calls below it.
 * Each is looked at once; a chain longer than FRAMES, so also a recursion, ends it.
 */
static int stack_need(struct verifier *v, u32 sub, u32 level, u32 *need)
{
	u32 below = 0;
	int err;

	if (level >= FRAMES) {
		vlog(v->log, "the call stack of %u frames is too deep\n", level + 1);
		return -E2BIG;
	}
	for (u32 at = v->sub[sub]; !v->need[sub] && at < sub_end(v, sub); at++) {
		const struct bpf_insn *i = &v->insns[at];
		u32 n = 0;

		if (!is_call(i, BPF_PSEUDO_CALL))
			continue;
		err = stack_need(v, (u32)subprog_at(v, (u32)((s64)at + i->imm + 1)), level + 1, &n);
		if (err)
			return err;
		below = MAX(below, n);
	}
	if (!v->need[sub])
		v->need[sub] = ROUND_UP(MAX(v->depth_of[sub], 1), 32) + below;
	*need = v->need[sub];
	return 0;
}

static int check_stack_depth(struct verifier *v)
{
	u32 need;

	for (u32 n = 0; n < v->nr_subs; n++) {
		int err = stack_need(v, n, 0, &need);

		if (err)
			return err;
		if (need > STACK_SIZE && v->nr_subs > 1) {
			vlog(v->log, "combined stack size of calls is %u. Too large\n", need);
			return -EACCES;
		}
	}
	return 0;
}

/* A pointer to a type tagged as the context, or an integer. -1: neither. */
static int arg_kind(const struct verifier *v, u32 func_id, u32 n, u32 id)
{
	const struct btf_type *t = btf_skip_mods(v->btf, &id);

	if (btf_is(t, BTF_K(INT) | BTF_K(ENUM) | BTF_K(ENUM64)))
		return REG_SCALAR;
	if (!btf_is(t, BTF_K(PTR)))
		return -1;
	for (u32 k = 1; k < v->btf->nr; k++) {
		const struct btf_type *d = btf_type(v->btf, k);

		if (btf_is(d, BTF_K(DECL_TAG)) && d->type == func_id &&
		    ((const struct btf_decl_tag *)btf_tail(d))->component_idx == (s32)n &&
		    !strcmp(btf_str(v->btf, d->name_off), "arg:ctx"))
			return REG_CTX;
	}
	return -1;
}

static int call_global(struct verifier *v, u32 sub)
{
	const struct btf_type *func = btf_type(v->btf, v->func[sub].type_id);
	const struct btf_type *proto = btf_type(v->btf, func->type);
	const struct btf_param *p = btf_tail(proto);

	for (u32 n = 0; n < btf_vlen(proto) && n < 5; n++) {
		int want = arg_kind(v, v->func[sub].type_id, n, p[n].type), err = reg_read(v, n + 1);

		if (err)
			return err;
		if (want < 0 || vreg(v, n + 1)->type != want || (want == REG_CTX && vreg(v, n + 1)->val)) {
			vlog(v->log, "Caller passes invalid args into func#%u\n", sub);
			return -EINVAL;
		}
	}
	for (u32 regno = 1; regno <= 5; regno++)
		*vreg(v, regno) = (struct vreg){ .type = REG_NONE };
	vreg_scalar(vreg(v, 0), ~0ull);
	v->at++;
	return 0;
}

static int call_subprog(struct verifier *v, const struct bpf_insn *i)
{
	u32 to = (u32)((s64)v->at + i->imm + 1), n = v->frame + 1;
	int sub = subprog_at(v, to);

	if (v->func[sub].global)
		return call_global(v, (u32)sub);
	if (n >= FRAMES) {
		vlog(v->log, "the call stack of %u frames is too deep\n", n + 1);
		return -E2BIG;
	}
	enter_frame(v, n, (u32)sub);
	for (u32 regno = 1; regno <= 5; regno++) {
		v->frames[n].reg[regno] = v->frames[n - 1].reg[regno];
		v->frames[n - 1].reg[regno] = (struct vreg){ .type = REG_NONE };
	}
	v->frames[n - 1].reg[0] = (struct vreg){ .type = REG_NONE };
	v->frames[n].ret = v->at + 1;
	v->frame = n;
	v->at = to;
	return 0;
}

static int do_call(struct verifier *v, const struct bpf_insn *i)
{
	int err;

	if (BPF_SRC(i->code) != BPF_K || i->off || i->dst_reg || i->src_reg > BPF_PSEUDO_KFUNC_CALL) {
		vlog(v->log, "BPF_CALL uses reserved fields\n");
		return -EINVAL;
	}
	if (i->src_reg == BPF_PSEUDO_CALL)
		return call_subprog(v, i);
	err = verify_helper(v, i);
	v->at++;
	return err;
}

static int load_imm64(struct verifier *v, const struct bpf_insn *i)
{
	u32 map = v->map_of[v->at];
	struct vreg *d;
	int err = reg_write(v, i->dst_reg);

	if (err)
		return err;
	d = vreg(v, i->dst_reg);
	if (map == ~0u)
		vreg_const(d, (s64)((u64)(u32)i[1].imm << 32 | (u32)i[0].imm));
	else if (i->src_reg == BPF_PSEUDO_MAP_FD)
		*d = (struct vreg){ .type = REG_MAP, .map = map };
	else
		*d = (struct vreg){ .type = REG_VALUE, .map = map, .val = (u32)i[1].imm };
	v->at += 2;
	return 0;
}

/* One instruction: 0, 1 at the end, or an errno. */
static int step(struct verifier *v)
{
	const struct bpf_insn *i = &v->insns[v->at];
	int err;

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: err = verify_alu(v, i); break;
	case BPF_LDX: err = verify_load(v, i); break;
	case BPF_ST:
	case BPF_STX: err = verify_store(v, i); break;
	case BPF_LD:
		if (i->code == 0x18)
			return load_imm64(v, i);
		vlog(v->log, "BPF_LD_[ABS|IND] instructions are not supported yet\n");
		return -EINVAL;
	default:
		if (is_exit(i))
			return do_exit(v, i);
		if (BPF_OP(i->code) == BPF_CALL && BPF_CLASS(i->code) == BPF_JMP)
			return do_call(v, i);
		vlog(v->log, "unknown opcode %x\n", i->code);
		return -EINVAL;
	}
	v->at++;
	return err;
}

static int walk(struct verifier *v)
{
	bool all = v->log->level & VLOG_LEVEL2;
	int ret;

	do {
		const struct bpf_insn *i = &v->insns[v->at];
		u64 mark = vlog_mark(v->log);

		if (++v->processed > INSNS_LIMIT) {
			vlog(v->log, "BPF program is too large. Processed %u insn\n", v->processed);
			return -E2BIG;
		}
		told_insn(v, i);
		ret = step(v);
		if (!all && ret >= 0)
			vlog_reset(v->log, mark);
	} while (!ret);
	return ret < 0 ? ret : 0;
}

static int walk_main(struct verifier *v)
{
	u64 mark = vlog_mark(v->log);
	int err;

	v->frame = 0;
	v->at = 0;
	enter_frame(v, 0, 0);
	*vreg(v, 1) = (struct vreg){ .type = REG_CTX };
	vlog(v->log, "0: R1=ctx() R10=fp0\n");
	err = walk(v);
	if (!err)
		err = end_of_program(v);
	if (!err && !(v->log->level & VLOG_LEVEL2))
		vlog_reset(v->log, mark);
	return err;
}

static int walk_global(struct verifier *v, u32 sub)
{
	const struct btf_type *func = btf_type(v->btf, v->func[sub].type_id);
	const struct btf_type *proto = btf_type(v->btf, func->type);
	const struct btf_param *p = btf_tail(proto);
	int err;

	vlog(v->log, "Validating %s() func#%u...\n", btf_str(v->btf, func->name_off), sub);
	v->frame = 0;
	v->at = v->sub[sub];
	enter_frame(v, 0, sub);
	for (u32 n = 0; n < btf_vlen(proto) && n < 5; n++) {
		int kind = arg_kind(v, v->func[sub].type_id, n, p[n].type);

		if (kind < 0) {
			vlog(v->log, "arg#%u of a global function is of a kind that is not supported yet\n",
			     n);
			return -EINVAL;
		}
		*vreg(v, n + 1) = (struct vreg){ .type = (u8)kind, .max = ~0ull };
	}
	err = walk(v);
	if (!err)
		err = reg_read(v, 0);
	if (!err && vreg(v, 0)->type != REG_SCALAR) {
		vlog(v->log, "At subprogram exit the register R0 is not a scalar value (%s)\n",
		     vreg_name(vreg(v, 0)));
		err = -EINVAL;
	}
	return err;
}

/* func_info: one record a subprogram, in order. */
static int check_funcs(struct verifier *v)
{
	if (!v->nr_func_info)
		return 0;
	if (v->nr_func_info != v->nr_subs) {
		vlog(v->log, "number of funcs in func_info doesn't match number of subprogs\n");
		return -EINVAL;
	}
	for (u32 n = 0; n < v->nr_subs; n++) {
		const struct btf_type *t = btf_type(v->btf, v->func_info[n].type_id);

		if (v->func_info[n].insn_off != v->sub[n]) {
			vlog(v->log, "func_info BTF section doesn't match subprog layout in BPF program\n");
			return -EINVAL;
		}
		if (!t || !btf_is(t, BTF_K(FUNC)) || !v->func_info[n].type_id) {
			vlog(v->log, "invalid type id %u in func info\n", v->func_info[n].type_id);
			return -EINVAL;
		}
		v->func[n].type_id = v->func_info[n].type_id;
		v->func[n].global = n && btf_vlen(t) == BTF_FUNC_GLOBAL;
	}
	return 0;
}

static int check_kind(struct verifier *v)
{
	bool sleeps = v->flags & BPF_F_SLEEPABLE;

	if (v->type->kind == PROG_SYSCALL) {
		if (sleeps)
			return 0;
		vlog(v->log, "Syscall programs can only be sleepable\n");
		return -EINVAL;
	}
	if (!sleeps || v->type->may_sleep)
		return 0;
	vlog(v->log,
	     "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n");
	return -EINVAL;
}

int verify(struct verifier *v)
{
	int err = find_subprogs(v);

	for (u32 n = 0; !err && n < v->nr_subs; n++)
		err = check_subprog(v, n);
	if (!err)
		err = check_funcs(v);
	if (!err)
		err = check_opcodes(v);
	if (!err)
		err = verify_maps(v);
	if (!err)
		err = check_reach(v);
	if (!err)
		err = check_kind(v);
	for (u32 n = 1; !err && n < v->nr_subs; n++)
		if (v->func[n].global)
			err = walk_global(v, n);
	if (!err)
		err = walk_main(v);
	return err ? err : check_stack_depth(v);
}
