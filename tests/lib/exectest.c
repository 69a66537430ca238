// SPDX-License-Identifier: BSD-2-Clause
/*
 * See exectest.h.
 */
#include "tests/lib/exectest.h"
#include "isa/disasm.h"
#include "isa/insn_valid.h"
#include "shm/actor.h"
#include <stdio.h>
#include <string.h>

void xt_begin(struct xt *t)
{
	memset(&t->p, 0, sizeof(t->p));
	t->p.insns = t->insns;
	t->p.nr_subs = 1;
	t->p.sub[0].depth = 512;
	t->interp = t->jit = (struct image){ 0 };
}

u32 xt(struct xt *t, u32 code, u32 dst, u32 src, s32 off, s32 imm)
{
	t->insns[t->p.cnt] = (struct bpf_insn){
		.code = (u8)code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (s16)off, .imm = imm
	};
	return t->p.cnt++;
}

void xt_imm64(struct xt *t, u32 dst, u32 src, u64 v)
{
	xt(t, BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, (s32)v);
	xt(t, 0, 0, 0, 0, (s32)(v >> 32));
}

void xt_sub(struct xt *t, u32 depth)
{
	t->p.sub[t->p.nr_subs++] = (struct vprog_sub){ .start = t->p.cnt, .depth = (u16)depth };
}

void xt_land_call(struct xt *t, u32 at)
{
	struct bpf_insn *in = &t->insns[at];

	in->imm = insn_is_wide(in->code) ? (s32)t->p.nr_subs - 1 : (s32)(t->p.cnt - at - 1);
}

void xt_land(struct xt *t, u32 at)
{
	struct bpf_insn *in = &t->insns[at];

	if (in->code == (BPF_JMP32 | BPF_JA))
		in->imm = (s32)(t->p.cnt - at - 1);
	else
		in->off = (s16)(t->p.cnt - at - 1);
}

int xt_make(struct xt *t, struct bpf_map *const *maps, void *const *values, u32 nr)
{
	int err = image_make(&t->interp, &t->p, maps, values, nr, false);

	if (!err) {
		err = image_make(&t->jit, &t->p, maps, values, nr, true);
		if (err)
			image_free(&t->interp);
	}
	return err;
}

void xt_free(struct xt *t)
{
	image_free(&t->interp);
	image_free(&t->jit);
}

const void *xt_obj_lo, *xt_obj_hi;

/* Of its own: what is inlined next to guard_set would be taken for lost. */
static noinline struct op *enter(const void *fp)
{
	static int object;

	return op_enter(&object, fp);
}

int xt_run(const struct image *im, void *ctx, struct run *r, u64 *r0)
{
	struct op *volatile op = enter(__builtin_frame_address(0));
	int err;

	op->guard.lo = xt_obj_lo;
	op->guard.hi = xt_obj_hi;
	r->op = op;
	r->image = im;
	r->ctx = ctx;
	err = guard_set(&op->guard);
	if (!err)
		*r0 = image_run(im, ctx, r);
	op_leave(op);
	return err;
}

u32 xt_rnd(struct xt_rand *g, u32 n)
{
	g->seed = g->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(g->seed >> 33) % n;
}

u64 xt_number(struct xt_rand *g)
{
	static const u64 odd[] = {
		0,     1,     2,          3,          7,          8,           31,
		32,    63,    64,         127,        128,        255,         256,
		32767, 32768, 65535,      65536,      0x7fffffff, 0x80000000u, 0xffffffffu,
		~0ull, ~1ull, 1ull << 32, 1ull << 63, ~0ull >> 1, ~0ull << 31, ~0ull << 7
	};
	u64 v = (u64)xt_rnd(g, 1u << 31) << 33 ^ (u64)xt_rnd(g, 1u << 31) << 11 ^ xt_rnd(g, 1u << 31);

	switch (xt_rnd(g, 4)) {
	case 0: return v;
	case 1: return v >> xt_rnd(g, 64);
	default: return odd[xt_rnd(g, ARRAY_SIZE(odd))];
	}
}

void xt_block(struct xt_rand *g, u64 block[XT_WORDS])
{
	for (u32 i = 0; i < XT_WORDS; i++)
		block[i] = xt_number(g);
}

static const u8 alu_ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,
			      BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH };

static s16 some_alu_off(struct xt_rand *g, u8 op, bool is64, bool x)
{
	static const s16 widths[] = { 0, 8, 16, 32 };

	if ((op == BPF_DIV || op == BPF_MOD) && xt_rnd(g, 2))
		return 1;
	if (op == BPF_MOV && x)
		return widths[xt_rnd(g, is64 ? 4 : 3)];
	return 0;
}

/* One operation on r0..r8. */
static void some_alu(struct xt *t, struct xt_rand *g)
{
	u8 op = alu_ops[xt_rnd(g, ARRAY_SIZE(alu_ops))];
	bool is64 = xt_rnd(g, 2), x = xt_rnd(g, 2);
	u32 dst = xt_rnd(g, 9), width = is64 ? 64 : 32;
	s32 imm = (s32)xt_number(g);

	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm = (s32)((u32)imm % width);
	if ((op == BPF_DIV || op == BPF_MOD) && !imm)
		imm = 5;
	xt(t, (is64 ? BPF_ALU64 : BPF_ALU) | op | (x ? BPF_X : BPF_K), dst, x ? xt_rnd(g, 9) : 0,
	   some_alu_off(g, op, is64, x), x ? 0 : imm);
}

static void some_unary(struct xt *t, struct xt_rand *g)
{
	static const u8 ops[] = { BPF_ALU64 | BPF_NEG, BPF_ALU | BPF_NEG, BPF_ALU | BPF_END | BPF_TO_LE,
				  BPF_ALU | BPF_END | BPF_TO_BE, BPF_ALU64 | BPF_END | BPF_TO_LE };
	u8 op = ops[xt_rnd(g, ARRAY_SIZE(ops))];

	xt(t, op, xt_rnd(g, 9), 0, 0, BPF_OP(op) == BPF_END ? 16 << xt_rnd(g, 3) : 0);
}

static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

/* Loads and stores; base and lo: 16 words of memory. */
static void some_memory(struct xt *t, struct xt_rand *g, u32 base, s32 lo)
{
	u32 s = xt_rnd(g, 4), what = xt_rnd(g, 4), v = xt_rnd(g, 9);
	s32 off = lo + (s32)(xt_rnd(g, 16) * 8 + (xt_rnd(g, 8) >> s << s));

	switch (what) {
	case 0: xt(t, BPF_LDX | BPF_MEM | sizes[s], v, base, off, 0); break;
	case 1: xt(t, BPF_LDX | (s < 3 ? BPF_MEMSX : BPF_MEM) | sizes[s], v, base, off, 0); break;
	case 2: xt(t, BPF_ST | BPF_MEM | sizes[s], base, 0, off, (s32)xt_number(g)); break;
	default: xt(t, BPF_STX | BPF_MEM | sizes[s], base, v, off, 0);
	}
}

static void some_atomic(struct xt *t, struct xt_rand *g, u32 base, s32 lo)
{
	static const s32 ops[] = { BPF_ADD,
				   BPF_AND,
				   BPF_OR,
				   BPF_XOR,
				   BPF_ADD | BPF_FETCH,
				   BPF_AND | BPF_FETCH,
				   BPF_OR | BPF_FETCH,
				   BPF_XOR | BPF_FETCH,
				   BPF_XCHG,
				   BPF_CMPXCHG,
				   BPF_LOAD_ACQ,
				   BPF_STORE_REL };
	s32 op = ops[xt_rnd(g, ARRAY_SIZE(ops))];
	bool simple = op == BPF_LOAD_ACQ || op == BPF_STORE_REL;
	u32 s = simple ? xt_rnd(g, 4) : 2 + xt_rnd(g, 2), v = xt_rnd(g, 9);
	s32 off = lo + (s32)(xt_rnd(g, 16) * 8 + (xt_rnd(g, 8) >> s << s));

	if (op == BPF_LOAD_ACQ)
		xt(t, BPF_STX | BPF_ATOMIC | sizes[s], v, base, off, op);
	else
		xt(t, BPF_STX | BPF_ATOMIC | sizes[s], base, v, off, op);
}

static void some_probe(struct xt *t, struct xt_rand *g)
{
	u32 s = xt_rnd(g, 3), base = 9 + xt_rnd(g, 2);
	s32 at = (s32)xt_rnd(g, 100);

	xt(t, BPF_LDX | (xt_rnd(g, 2) ? BPF_PROBE_MEM : BPF_PROBE_MEMSX) | sizes[s], xt_rnd(g, 9), base,
	   base == 9 ? at : at - 104, 0);
}

static const u8 jumps[] = { BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
			    BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET };

/* Jumps whose target comes within the next few instructions. */
struct pending {
	u32 at[8], n;
};

static void some_jump(struct xt *t, struct xt_rand *g, struct pending *open)
{
	u8 op = jumps[xt_rnd(g, ARRAY_SIZE(jumps))] | (xt_rnd(g, 2) ? BPF_JMP : BPF_JMP32);

	if (open->n == ARRAY_SIZE(open->at))
		return;
	if (xt_rnd(g, 2))
		open->at[open->n++] = xt(t, op | BPF_X, xt_rnd(g, 9), xt_rnd(g, 9), 0, 0);
	else
		open->at[open->n++] = xt(t, op | BPF_K, xt_rnd(g, 9), 0, 0, (s32)xt_number(g));
}

static void land_some(struct xt *t, struct xt_rand *g, struct pending *open, bool all)
{
	while (open->n && (all || !xt_rnd(g, 4)))
		xt_land(t, open->at[--open->n]);
}

/* A body of n steps. mem: register with the block, or 0: none. */
static void some_steps(struct xt *t, struct xt_rand *g, u32 n, bool has_block)
{
	struct pending open = { .n = 0 };
	u32 jumped = 0;

	for (u32 i = 0; i < n; i++) {
		u32 what = xt_rnd(g, 16);
		bool block = has_block && xt_rnd(g, 2);

		land_some(t, g, &open, false);
		if (what < 8)
			some_alu(t, g);
		else if (what < 9)
			some_unary(t, g);
		else if (what < 11)
			some_memory(t, g, block ? 9 : 10, block ? 18 * 8 : -128);
		else if (what < 13)
			some_atomic(t, g, block ? 9 : 10, block ? 18 * 8 : -128);
		else if (what < 14)
			xt_imm64(t, xt_rnd(g, 9), 0, xt_number(g));
		else if (jumped++ < 10)
			some_jump(t, g, &open);
		if (g->wild && !xt_rnd(g, 12))
			xt(t, BPF_ALU64 | BPF_K | (xt_rnd(g, 2) ? BPF_DIV : BPF_MOD), xt_rnd(g, 9), 0,
			   (s32)xt_rnd(g, 2), 0);
		if (g->wild && has_block && !xt_rnd(g, 8))
			some_probe(t, g);
	}
	land_some(t, g, &open, true);
}

static void zero_stack(struct xt *t)
{
	for (s32 i = 1; i <= 16; i++)
		xt(t, BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8 * i, i);
}

/* The same three times over; the counter lies in the stack. */
static void some_loop(struct xt *t, struct xt_rand *g, u32 n)
{
	u32 back;

	xt(t, BPF_ST | BPF_MEM | BPF_W, 10, 0, -136, 3);
	back = t->p.cnt;
	some_steps(t, g, n, true);
	xt(t, BPF_LDX | BPF_MEM | BPF_W, 8, 10, -136, 0);
	xt(t, BPF_ALU64 | BPF_SUB | BPF_K, 8, 0, 0, 1);
	xt(t, BPF_STX | BPF_MEM | BPF_W, 10, 8, -136, 0);
	xt(t, BPF_JMP | BPF_JNE | BPF_K, 8, 0, (s32)(back - t->p.cnt - 1), 0);
}

/* After a call only r0 and r6..r9 can be read. */
static void refill(struct xt *t)
{
	for (u32 i = 1; i <= 5; i++)
		xt(t, BPF_ALU64 | BPF_MOV | BPF_X, i, 6 + i % 3, 0, 0);
}

void xt_random(struct xt *t, struct xt_rand *g, u32 map_src, s32 map_imm)
{
	u32 calls[4], nr_calls = xt_rnd(g, 4), sub_steps = 4 + xt_rnd(g, 12);

	xt_begin(t);
	t->p.sub[0].depth = 256;
	xt(t, BPF_LD | BPF_IMM | BPF_DW, 9, map_src, 0, map_imm);
	xt(t, 0, 0, 0, 0, 0);
	zero_stack(t);
	for (u32 i = 0; i < 9; i++)
		xt(t, BPF_LDX | BPF_MEM | BPF_DW, i, 9, (s32)i * 8, 0);
	for (u32 i = 0; i <= nr_calls; i++) {
		if (g->wild && xt_rnd(g, 2))
			some_loop(t, g, 4 + xt_rnd(g, 40));
		else
			some_steps(t, g, 4 + xt_rnd(g, 20), true);
		if (i < nr_calls) {
			calls[i] = xt(t, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
			refill(t);
		}
	}
	for (u32 i = 0; i < 9; i++)
		xt(t, BPF_STX | BPF_MEM | BPF_DW, 9, i, 72 + (s32)i * 8, 0);
	xt(t, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	xt(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	if (!nr_calls)
		return;
	xt_sub(t, 128);
	for (u32 i = 0; i < nr_calls; i++)
		xt_land_call(t, calls[i]);
	zero_stack(t);
	xt(t, BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 0);
	for (u32 i = 6; i <= 8; i++)
		xt(t, BPF_ALU64 | BPF_MOV | BPF_X, i, i - 4, 0, 0);
	some_steps(t, g, sub_steps, false);
	xt(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void xt_dump(const struct xt *t)
{
	char text[INSN_TEXT_MAX];

	for (u32 i = 0; i < t->p.cnt; i++) {
		insn_print(text, &t->insns[i], NULL);
		printf("# %4u: %s\n", i, text);
		if (insn_is_wide(t->insns[i].code))
			i++;
	}
}
