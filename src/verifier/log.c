// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier's account: instructions, states and source lines, in the kernel's format.
 *
 *     ; count++; @ prog.c:12
 *     3: (07) r2 += -8                      ; R2=fp-8
 *     from 6 to 8: R0=scalar(...) R10=fp0
 *
 * Only registers and slots that an instruction touched ("scratched") are
 * printed behind it; a whole state where a path begins.
 */
#include "isa/disasm.h"
#include "verifier/env.h"

#define STATE_COLUMN 40u

static const char *const type_names[] = {
	[NOT_INIT] = "?",
	[SCALAR_VALUE] = "scalar",
	[PTR_TO_CTX] = "ctx",
	[CONST_PTR_TO_MAP] = "map_ptr",
	[PTR_TO_MAP_VALUE] = "map_value",
	[PTR_TO_MAP_KEY] = "map_key",
	[PTR_TO_STACK] = "fp",
	[PTR_TO_PACKET_META] = "pkt_meta",
	[PTR_TO_PACKET] = "pkt",
	[PTR_TO_PACKET_END] = "pkt_end",
	[PTR_TO_FLOW_KEYS] = "flow_keys",
	[PTR_TO_SOCKET] = "sock",
	[PTR_TO_SOCK_COMMON] = "sock_common",
	[PTR_TO_TCP_SOCK] = "tcp_sock",
	[PTR_TO_BTF_ID] = "ptr_",
	[PTR_TO_UNTRUSTED_MEM] = "rdonly_untrusted_mem",
	[PTR_TO_BUF] = "buf",
	[PTR_TO_MEM] = "mem",
	[PTR_TO_FUNC] = "func",
	[CONST_PTR_TO_DYNPTR] = "dynptr_ptr",
};

int bad(struct env *e, int err, const char *text)
{
	vlog(e->log, "%s\n", text);
	return err;
}

/* Prefix, name and suffix of a register's type; valid until the next call. */
const char *reg_text(struct env *e, const struct reg *r)
{
	static const char *const flagged[][16] = {
		[PTR_TO_MAP_VALUE] = { [PTR_MAYBE_NULL] = "map_value_or_null" },
		[CONST_PTR_TO_MAP] = { [PTR_MAYBE_NULL] = "map_ptr_or_null" },
		[PTR_TO_SOCKET] = { [PTR_MAYBE_NULL] = "sock_or_null" },
		[PTR_TO_SOCK_COMMON] = { [PTR_MAYBE_NULL] = "sock_common_or_null" },
		[PTR_TO_TCP_SOCK] = { [PTR_MAYBE_NULL] = "tcp_sock_or_null" },
		[PTR_TO_BTF_ID] = { [PTR_MAYBE_NULL] = "ptr_or_null_" },
		[PTR_TO_BUF] = { [PTR_MAYBE_NULL] = "buf_or_null",
				 [MEM_RDONLY] = "rdonly_buf",
				 [MEM_RDONLY | PTR_MAYBE_NULL] = "rdonly_buf_or_null" },
		[PTR_TO_MEM] = { [PTR_MAYBE_NULL] = "mem_or_null",
				 [MEM_RDONLY] = "rdonly_mem",
				 [MEM_RDONLY | PTR_MAYBE_NULL] = "rdonly_mem_or_null",
				 [MEM_RINGBUF] = "ringbuf_mem",
				 [MEM_RINGBUF | PTR_MAYBE_NULL] = "ringbuf_mem_or_null" },
	};
	const char *s = NULL;

	if (r->type < ARRAY_SIZE(flagged))
		s = flagged[r->type][r->flags & (PTR_MAYBE_NULL | MEM_RDONLY | MEM_RINGBUF)];
	if (r->type == PTR_TO_BTF_ID && r->flags & PTR_TRUSTED)
		s = r->flags & PTR_MAYBE_NULL ? "trusted_ptr_or_null_" : "trusted_ptr_";
	if (r->type == PTR_TO_BTF_ID && r->flags & PTR_UNTRUSTED)
		s = "untrusted_ptr_";
	return s ? s : type_names[r->type];
}

void scratched_reg(struct env *e, u32 regno)
{
	e->scratched_regs |= 1u << regno;
}

void scratched_slot(struct env *e, u32 slot)
{
	e->scratched_slots |= 1ull << slot;
}

static void say_unum(struct env *e, u64 v)
{
	if (v <= UINT16_MAX)
		vlog(e->log, "%lu", v);
	else
		vlog(e->log, "0x%lx", v);
}

void say_snum(struct env *e, s64 v)
{
	if (v >= INT16_MIN && v <= INT16_MAX)
		vlog(e->log, "%ld", v);
	else
		vlog(e->log, "0x%lx", (u64)v);
}

void say_tnum(struct env *e, struct tnum t)
{
	if (tnum_is_const(t))
		say_unum(e, t.value);
	else
		vlog(e->log, "(0x%lx; 0x%lx)", t.value, t.mask);
}

/* Bounds that differ from "anything", those of one value joined: smin=umin=3,smax=9. */
static void say_bounds(struct env *e, const struct scalar *n, const char **sep)
{
	struct {
		const char *name;
		u64 v;
		bool omit;
	} b[] = {
		{ "smin", (u64)n->smin, n->smin == INT64_MIN },
		{ "smax", (u64)n->smax, n->smax == INT64_MAX },
		{ "umin", n->umin, n->umin == 0 },
		{ "umax", n->umax, n->umax == UINT64_MAX },
		{ "smin32", (u64)(s64)n->s32_min, n->s32_min == INT32_MIN },
		{ "smax32", (u64)(s64)n->s32_max, n->s32_max == INT32_MAX },
		{ "umin32", n->u32_min, n->u32_min == 0 },
		{ "umax32", n->u32_max, n->u32_max == UINT32_MAX },
	};

	for (u32 i = 0; i < ARRAY_SIZE(b); i++) {
		if (b[i].omit)
			continue;
		vlog(e->log, "%s%s", *sep, b[i].name);
		*sep = ",";
		for (u32 k = i + 2; k < ARRAY_SIZE(b); k += 2) {
			if (b[k].omit || b[k].v != b[i].v)
				continue;
			vlog(e->log, "=%s", b[k].name);
			b[k].omit = true;
		}
		vlog(e->log, "=");
		if (b[i].name[0] == 's')
			say_snum(e, (s64)b[i].v);
		else
			say_unum(e, b[i].v);
	}
}

static void say_number(struct env *e, const struct scalar *n, const char *sep)
{
	if (tnum_is_const(n->var)) {
		if (n->var.value) {
			vlog(e->log, "%simm=", sep);
			say_snum(e, (s64)n->var.value);
		}
		return;
	}
	say_bounds(e, n, &sep);
	if (!tnum_unknown(n->var))
		vlog(e->log, "%svar_off=(0x%lx; 0x%lx)", sep, n->var.value, n->var.mask);
}

/* What is special for the type, up to the offset. */
static void say_ids(struct env *e, const struct reg *r, const char **sep)
{
	if (r->id) {
		vlog(e->log, "id=%u", r->id & ~ADD_CONST);
		if (r->id & ADD_CONST)
			vlog(e->log, "%s%d", r->off < 0 ? "" : "+", r->off);
		*sep = ",";
	}
	if (r->ref_obj_id && r->type != SCALAR_VALUE) {
		vlog(e->log, "%sref_obj_id=%u", *sep, r->ref_obj_id);
		*sep = ",";
	}
	if (r->type == PTR_TO_MAP_VALUE || r->type == CONST_PTR_TO_MAP || r->type == PTR_TO_MAP_KEY) {
		const struct verifier_map *m = reg_map(e, r);

		if (m->name[0])
			vlog(e->log, "%smap=%s", *sep, m->name);
		vlog(e->log, "%sks=%u,vs=%u", m->name[0] ? "," : *sep, m->key_size, m->value_size);
		*sep = ",";
	}
	if (r->type != SCALAR_VALUE && r->off) {
		vlog(e->log, "%soff=", *sep);
		say_snum(e, r->off);
		*sep = ",";
	}
	if (is_packet(r)) {
		vlog(e->log, "%sr=", *sep);
		say_unum(e, (u64)(s64)r->range);
		*sep = ",";
	}
	if (r->type == PTR_TO_MEM || r->type == PTR_TO_UNTRUSTED_MEM) {
		vlog(e->log, "%ssz=", *sep);
		say_unum(e, r->type == PTR_TO_MEM ? r->mem_size : 0);
		*sep = ",";
	}
}

static void say_reg(struct env *e, const struct frame *f, const struct reg *r)
{
	const char *sep = "";

	if (r->type == SCALAR_VALUE) {
		if (r->precise)
			vlog(e->log, "P");
		if (tnum_is_const(r->n.var)) {
			say_snum(e, (s64)r->n.var.value + (r->id & ADD_CONST ? 0 : r->off));
			return;
		}
	}
	vlog(e->log, "%s", reg_text(e, r));
	if (r->type == PTR_TO_BTF_ID)
		vlog(e->log, "%s", kernel_struct_name(e, r->btf_id));
	if (r->type == PTR_TO_STACK) {
		if (r->frameno != f->frameno)
			vlog(e->log, "[%u]", r->frameno);
		if (tnum_is_const(r->n.var)) {
			say_snum(e, (s64)r->n.var.value + r->off);
			return;
		}
	}
	vlog(e->log, "(");
	say_ids(e, r, &sep);
	say_number(e, &r->n, sep);
	vlog(e->log, ")");
}

static void say_slot(struct env *e, const struct frame *f, u32 n)
{
	static const char letters[] = { '?', 'r', 'm', '0', 'd' };
	const struct slot *s = &f->stack[n];
	char text[9] = { 0 };
	bool valid = false;

	for (u32 k = 0; k < 8; k++) {
		valid |= s->type[k] != STACK_INVALID;
		text[k] = letters[s->type[k]];
	}
	if (!valid)
		return;
	vlog(e->log, " fp-%u=", 8 * (n + 1));
	if (!slot_is_spill(s)) {
		vlog(e->log, "%s", text);
		return;
	}
	/* A spill of less than the slot shows the rest. */
	if (s->type[0] != STACK_SPILL) {
		for (u32 k = 0; k < 8; k++)
			if (s->type[k] == STACK_SPILL)
				text[k] = 0;
		vlog(e->log, "%s", text);
	}
	say_reg(e, f, &s->r);
}

/* n: the slot that carries the dynptr, the second of the two. */
static void say_dynptr(struct env *e, const struct frame *f, u32 n)
{
	const struct reg *r = &f->stack[n].r;

	vlog(e->log, " fp-%u=dynptr_%s(id=%u", 8 * (n + 1), dynptr_text(r->dynptr), r->id);
	if (r->ref_obj_id)
		vlog(e->log, ",ref_id=%u", r->ref_obj_id);
	vlog(e->log, ",dynptr_id=%u)", r->id);
}

void say_state(struct env *e, const struct vstate *st, u32 frameno, bool all)
{
	const struct frame *f = st->frame[frameno];

	if (frameno)
		vlog(e->log, " frame%u:", frameno);
	for (u32 r = 0; r < 11; r++) {
		if (f->reg[r].type == NOT_INIT || (!all && !(e->scratched_regs >> r & 1)))
			continue;
		vlog(e->log, " R%u=", r);
		say_reg(e, f, &f->reg[r]);
	}
	for (u32 n = 0; n < f->nr_slots; n++) {
		if (!all && !(e->scratched_slots >> n & 1))
			continue;
		if (f->stack[n].type[7] == STACK_DYNPTR && n + 1 < f->nr_slots)
			say_dynptr(e, f, ++n);
		else
			say_slot(e, f, n);
	}
	if (st->nr_refs) {
		vlog(e->log, " refs=%u", st->refs[0].id);
		for (u32 n = 1; n < st->nr_refs; n++)
			if (st->refs[n].id)
				vlog(e->log, ",%u", st->refs[n].id);
	}
	if (f->callback)
		vlog(e->log, " cb");
	if (f->async)
		vlog(e->log, " async_cb");
	vlog(e->log, "\n");
	if (!all) {
		e->scratched_regs = 0;
		e->scratched_slots = 0;
	}
}

/* Behind the instruction's text if nothing was said since. */
void say_insn_state(struct env *e)
{
	u64 now;

	if (!e->scratched_regs && !e->scratched_slots)
		return;
	now = vlog_mark(e->log);
	if (e->insn_text_pos && now == e->insn_text_pos) {
		u64 used = now - e->insn_log_pos;
		u64 pad = ROUND_UP(MAX(used + 4, STATE_COLUMN), 8) - used - 1;

		vlog_reset(e->log, now - 1);
		for (pad = MAX(pad, 1); pad; pad--)
			vlog(e->log, " ");
		vlog(e->log, ";");
	} else {
		vlog(e->log, "%u:", e->insn);
	}
	say_state(e, e->cur, e->cur->curframe, false);
}

static const char *helper_text(void *arg, s32 id)
{
	const struct bpf_func_proto *h = helper_get(id);

	return h ? h->name : NULL;
}

void say_insn(struct env *e)
{
	static const struct insn_names names = { .helper = helper_text };
	char text[INSN_TEXT_MAX];

	insn_print(text, &e->insns[e->insn], &names);
	e->insn_log_pos = vlog_mark(e->log);
	vlog(e->log, "%u: %s\n", e->insn, text);
	e->insn_text_pos = vlog_mark(e->log);
}

/* The source line that an instruction begins. */
void say_line(struct env *e, u32 insn, const char *prefix)
{
	const struct bpf_line_info *l = e->req->line_info;
	u32 lo = 0, hi = e->req->nr_line_info;
	const char *s;

	if (!l || !hi || !e->req->btf)
		return;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (l[mid].insn_off <= insn)
			lo = mid;
		else
			hi = mid;
	}
	if (l[lo].insn_off > insn)
		return;
	if (e->last_line && l[e->last_line - 1].file_name_off == l[lo].file_name_off &&
	    l[e->last_line - 1].line_off == l[lo].line_off &&
	    BPF_LINE_INFO_LINE_NUM(l[e->last_line - 1].line_col) == BPF_LINE_INFO_LINE_NUM(l[lo].line_col))
		return;
	e->last_line = lo + 1;
	s = btf_str(e->req->btf, l[lo].line_off);
	while (*s == ' ' || *s == '\t')
		s++;
	vlog(e->log, "%s%s", prefix, s);
	s = btf_str(e->req->btf, l[lo].file_name_off);
	for (const char *c = s; *c; c++)
		if (*c == '/')
			s = c + 1;
	vlog(e->log, " @ %s:%u\n", s, BPF_LINE_INFO_LINE_NUM(l[lo].line_col));
}
