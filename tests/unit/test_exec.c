// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each instruction at the edges of its operands, in the interpreter and the JIT.
 *
 * A row says what an instruction makes of two numbers. It is run with every
 * choice of registers, with a number of their own in all the others, and at the
 * end all ten are looked at: nothing but the result may have changed.
 */
#include <string.h>
#include "exec/jit.h"
#include "isa/disasm.h"
#include "isa/insn_valid.h"
#include "shm/guard.h"
#include "tests/lib/exectest.h"
#include "tests/lib/tap.h"

const struct bpf_func_proto *helper_get(s32 id)
{
	return NULL;
}

#define MIN64 (1ull << 63)
#define MAX64 (~0ull >> 1)
#define MIN32 0x80000000u

struct row {
	u8 code;
	s16 off;
	s32 imm;
	u64 dst, src, want;
};

#define A64(op) (BPF_ALU64 | (op))
#define A32(op) (BPF_ALU | (op))

/* Instructions with a register; rows whose off or imm is not 0 say so. */
static const struct row x_rows[] = {
	{ A64(BPF_ADD), 0, 0, 1, 2, 3 },
	{ A64(BPF_ADD), 0, 0, ~0ull, 1, 0 },
	{ A64(BPF_ADD), 0, 0, 0xffffffff, 1, 1ull << 32 },
	{ A32(BPF_ADD), 0, 0, 0xffffffff, 1, 0 },
	{ A32(BPF_ADD), 0, 0, 0x1234567800000001, 0x8765432100000002, 3 },
	{ A64(BPF_SUB), 0, 0, 0, 1, ~0ull },
	{ A64(BPF_SUB), 0, 0, MIN64, 1, MAX64 },
	{ A32(BPF_SUB), 0, 0, 1ull << 32, 1, 0xffffffff },
	{ A64(BPF_MUL), 0, 0, 1ull << 32, 1ull << 31, MIN64 },
	{ A64(BPF_MUL), 0, 0, ~0ull, ~0ull, 1 },
	{ A32(BPF_MUL), 0, 0, 0x10000, 0x10000, 0 },
	{ A32(BPF_MUL), 0, 0, 0xfffffffful, 3, 0xfffffffd },
	{ A64(BPF_OR), 0, 0, 0xf0f0, MIN64, MIN64 | 0xf0f0 },
	{ A32(BPF_OR), 0, 0, MIN64 | 1, 2, 3 },
	{ A64(BPF_AND), 0, 0, ~0ull, 0x123456789abcdef0, 0x123456789abcdef0 },
	{ A32(BPF_AND), 0, 0, ~0ull, 0x123456789abcdef0, 0x9abcdef0 },
	{ A64(BPF_XOR), 0, 0, ~0ull, 0x0f, ~0x0full },
	{ A32(BPF_XOR), 0, 0, ~0ull, 0x0f, 0xfffffff0 },
	{ A64(BPF_DIV), 0, 0, 100, 7, 14 },
	{ A64(BPF_DIV), 0, 0, ~0ull, 2, MAX64 },
	{ A64(BPF_DIV), 0, 0, 100, 0, 0 },
	{ A64(BPF_DIV), 0, 0, MIN64, ~0ull, 0 },
	{ A32(BPF_DIV), 0, 0, 0xffffffff00000064, 7, 14 },
	{ A32(BPF_DIV), 0, 0, 100, 0xffffffff00000000, 0 },
	{ A32(BPF_DIV), 0, 0, MIN32, 0xffffffff, 0 },
	{ A64(BPF_DIV), 1, 0, (u64)-100, 7, (u64)-14 },
	{ A64(BPF_DIV), 1, 0, 100, (u64)-7, (u64)-14 },
	{ A64(BPF_DIV), 1, 0, MIN64, ~0ull, MIN64 },
	{ A64(BPF_DIV), 1, 0, 5, ~0ull, (u64)-5 },
	{ A64(BPF_DIV), 1, 0, (u64)-5, 0, 0 },
	{ A32(BPF_DIV), 1, 0, (u64)-100, 7, 0xfffffff2 },
	{ A32(BPF_DIV), 1, 0, MIN32, 0xffffffff, MIN32 },
	{ A32(BPF_DIV), 1, 0, MIN32, 0x1ffffffffull, MIN32 },
	{ A32(BPF_DIV), 1, 0, 7, 0, 0 },
	{ A64(BPF_MOD), 0, 0, 100, 7, 2 },
	{ A64(BPF_MOD), 0, 0, ~0ull, 0, ~0ull },
	{ A64(BPF_MOD), 0, 0, ~0ull, MIN64, MAX64 },
	{ A32(BPF_MOD), 0, 0, 0xffffffff00000064, 7, 2 },
	{ A32(BPF_MOD), 0, 0, ~0ull, 0, 0xffffffff },
	{ A64(BPF_MOD), 1, 0, (u64)-100, 7, (u64)-2 },
	{ A64(BPF_MOD), 1, 0, 100, (u64)-7, 2 },
	{ A64(BPF_MOD), 1, 0, MIN64, ~0ull, 0 },
	{ A64(BPF_MOD), 1, 0, (u64)-5, 0, (u64)-5 },
	{ A32(BPF_MOD), 1, 0, (u64)-100, 7, 0xfffffffe },
	{ A32(BPF_MOD), 1, 0, MIN32, 0xffffffff, 0 },
	{ A32(BPF_MOD), 1, 0, (u64)-5, 0, 0xfffffffb },
	{ A64(BPF_LSH), 0, 0, 1, 63, MIN64 },
	{ A64(BPF_LSH), 0, 0, 1, 64, 1 },
	{ A64(BPF_LSH), 0, 0, 3, 65, 6 },
	{ A32(BPF_LSH), 0, 0, ~0ull, 31, MIN32 },
	{ A32(BPF_LSH), 0, 0, ~0ull, 32, 0xffffffff },
	{ A32(BPF_LSH), 0, 0, MIN64 | 5, 0, 5 },
	{ A64(BPF_RSH), 0, 0, MIN64, 63, 1 },
	{ A64(BPF_RSH), 0, 0, MIN64, 0x40, MIN64 },
	{ A32(BPF_RSH), 0, 0, 0xffffffff80000000, 31, 1 },
	{ A32(BPF_RSH), 0, 0, 0xffffffff80000000, 32, MIN32 },
	{ A64(BPF_ARSH), 0, 0, MIN64, 63, ~0ull },
	{ A64(BPF_ARSH), 0, 0, MAX64, 62, 1 },
	{ A32(BPF_ARSH), 0, 0, MIN32, 31, 0xffffffff },
	{ A32(BPF_ARSH), 0, 0, 0x7fffffff, 30, 1 },
	{ A32(BPF_ARSH), 0, 0, MIN32, 33, 0xc0000000 },
	{ A64(BPF_MOV), 0, 0, 0, 0x123456789abcdef0, 0x123456789abcdef0 },
	{ A32(BPF_MOV), 0, 0, 0, 0x123456789abcdef0, 0x9abcdef0 },
	{ A64(BPF_MOV), 8, 0, 0, 0x180, (u64)-128 },
	{ A64(BPF_MOV), 16, 0, 0, 0x18000, (u64)-32768 },
	{ A64(BPF_MOV), 32, 0, 0, 0x180000000, 0xffffffff80000000 },
	{ A64(BPF_MOV), 8, 0, 0, 0xff7f, 0x7f },
	{ A32(BPF_MOV), 8, 0, 0, 0x180, 0xffffff80 },
	{ A32(BPF_MOV), 16, 0, 0, 0x8000, 0xffff8000 },
};

/* With a constant, or with neither. */
static const struct row k_rows[] = {
	{ A64(BPF_ADD), 0, -1, 0, 0, ~0ull },
	{ A64(BPF_ADD), 0, 127, 1, 0, 128 },
	{ A64(BPF_ADD), 0, 128, 1, 0, 129 },
	{ A64(BPF_ADD), 0, -2147483647 - 1, 0, 0, 0xffffffff80000000 },
	{ A32(BPF_ADD), 0, -1, 0, 0, 0xffffffff },
	{ A32(BPF_ADD), 0, 0, MIN64 | 7, 0, 7 },
	{ A64(BPF_SUB), 0, -1, 0, 0, 1 },
	{ A64(BPF_SUB), 0, 1000, 1, 0, (u64)-999 },
	{ A32(BPF_SUB), 0, 1, 0, 0, 0xffffffff },
	{ A64(BPF_MUL), 0, -1, 5, 0, (u64)-5 },
	{ A64(BPF_MUL), 0, 1000, 1000, 0, 1000000 },
	{ A32(BPF_MUL), 0, -1, 5, 0, 0xfffffffb },
	{ A32(BPF_MUL), 0, 0x10001, 0x10001, 0, 0x20001 },
	{ A64(BPF_OR), 0, -256, 1, 0, 0xffffffffffffff01 },
	{ A32(BPF_OR), 0, -256, MIN64 | 1, 0, 0xffffff01 },
	{ A64(BPF_AND), 0, -1, MIN64 | 5, 0, MIN64 | 5 },
	{ A64(BPF_AND), 0, 0x7fffffff, ~0ull, 0, 0x7fffffff },
	{ A64(BPF_AND), 0, 0xff, ~0ull, 0, 0xff },
	{ A32(BPF_AND), 0, -1, ~0ull, 0, 0xffffffff },
	{ A64(BPF_XOR), 0, -1, 0, 0, ~0ull },
	{ A32(BPF_XOR), 0, -1, MIN64, 0, 0xffffffff },
	{ A64(BPF_DIV), 0, 7, 100, 0, 14 },
	{ A64(BPF_DIV), 0, 1, MIN64, 0, MIN64 },
	{ A64(BPF_DIV), 0, 8, ~0ull, 0, ~0ull >> 3 },
	{ A64(BPF_DIV), 0, -1, ~0ull, 0, 1 },
	{ A64(BPF_DIV), 0, 0, 5, 0, 0 },
	{ A64(BPF_DIV), 0, 1 << 30, ~0ull, 0, ~0ull >> 30 },
	{ A32(BPF_DIV), 0, 1, ~0ull, 0, 0xffffffff },
	{ A32(BPF_DIV), 0, 8, ~0ull, 0, 0x1fffffff },
	{ A32(BPF_DIV), 0, -1, 0xfffffffe, 0, 0 },
	{ A32(BPF_DIV), 0, -2147483647 - 1, ~0ull, 0, 1 },
	{ A32(BPF_DIV), 0, 0, 5, 0, 0 },
	{ A64(BPF_DIV), 1, -7, 100, 0, (u64)-14 },
	{ A64(BPF_DIV), 1, -1, MIN64, 0, MIN64 },
	{ A64(BPF_DIV), 1, 8, (u64)-9, 0, ~0ull },
	{ A32(BPF_DIV), 1, -7, 100, 0, 0xfffffff2 },
	{ A32(BPF_DIV), 1, -1, MIN32, 0, MIN32 },
	{ A64(BPF_MOD), 0, 7, 100, 0, 2 },
	{ A64(BPF_MOD), 0, 1, 100, 0, 0 },
	{ A64(BPF_MOD), 0, 1 << 30, ~0ull, 0, 0x3fffffff },
	{ A64(BPF_MOD), 0, -1, MIN64, 0, MIN64 },
	{ A64(BPF_MOD), 0, 0, MIN64 | 1, 0, MIN64 | 1 },
	{ A32(BPF_MOD), 0, 8, ~0ull, 0, 7 },
	{ A32(BPF_MOD), 0, 0, ~0ull, 0, 0xffffffff },
	{ A64(BPF_MOD), 1, -7, (u64)-100, 0, (u64)-2 },
	{ A64(BPF_MOD), 1, -1, MIN64, 0, 0 },
	{ A32(BPF_MOD), 1, -1, MIN32, 0, 0 },
	{ A32(BPF_MOD), 1, 8, (u64)-9, 0, 0xffffffff },
	{ A64(BPF_LSH), 0, 0, MIN64 | 1, 0, MIN64 | 1 },
	{ A64(BPF_LSH), 0, 1, MIN64 | 1, 0, 2 },
	{ A64(BPF_LSH), 0, 63, 3, 0, MIN64 },
	{ A32(BPF_LSH), 0, 0, ~0ull, 0, 0xffffffff },
	{ A32(BPF_LSH), 0, 31, 3, 0, MIN32 },
	{ A64(BPF_RSH), 0, 1, MIN64, 0, 1ull << 62 },
	{ A64(BPF_RSH), 0, 63, ~0ull, 0, 1 },
	{ A32(BPF_RSH), 0, 0, ~0ull, 0, 0xffffffff },
	{ A32(BPF_RSH), 0, 31, ~0ull, 0, 1 },
	{ A64(BPF_ARSH), 0, 1, MIN64, 0, 3ull << 62 },
	{ A64(BPF_ARSH), 0, 63, MIN64, 0, ~0ull },
	{ A32(BPF_ARSH), 0, 31, MIN32, 0, 0xffffffff },
	{ A32(BPF_ARSH), 0, 0, ~0ull, 0, 0xffffffff },
	{ A64(BPF_MOV), 0, -1, 0, 0, ~0ull },
	{ A64(BPF_MOV), 0, 0, ~0ull, 0, 0 },
	{ A64(BPF_MOV), 0, 0x7fffffff, 0, 0, 0x7fffffff },
	{ A32(BPF_MOV), 0, -1, 0, 0, 0xffffffff },
	{ A32(BPF_MOV), 0, 0, ~0ull, 0, 0 },
	{ A64(BPF_NEG), 0, 0, 1, 0, ~0ull },
	{ A64(BPF_NEG), 0, 0, MIN64, 0, MIN64 },
	{ A32(BPF_NEG), 0, 0, ~0ull, 0, 1 },
	{ A32(BPF_NEG), 0, 0, MIN64 | MIN32, 0, MIN32 },
	{ A32(BPF_END | BPF_TO_LE), 0, 16, 0x1122334455667788, 0, 0x7788 },
	{ A32(BPF_END | BPF_TO_LE), 0, 32, 0x1122334455667788, 0, 0x55667788 },
	{ A32(BPF_END | BPF_TO_LE), 0, 64, 0x1122334455667788, 0, 0x1122334455667788 },
	{ A32(BPF_END | BPF_TO_BE), 0, 16, 0x1122334455667788, 0, 0x8877 },
	{ A32(BPF_END | BPF_TO_BE), 0, 32, 0x1122334455667788, 0, 0x88776655 },
	{ A32(BPF_END | BPF_TO_BE), 0, 64, 0x1122334455667788, 0, 0x8877665544332211 },
	{ A64(BPF_END), 0, 16, 0x1122334455667788, 0, 0x8877 },
	{ A64(BPF_END), 0, 32, 0x1122334455667788, 0, 0x88776655 },
	{ A64(BPF_END), 0, 64, 0x1122334455667788, 0, 0x8877665544332211 },
};

static struct xt t;
static bool seen[256];

static u64 own_number(u32 reg)
{
	return 0x1111111111111111ull * (reg + 3) ^ 0x80000000;
}

/* Sets all registers, runs the instruction, gives back all registers: in out[0..9]. */
static void surround(struct bpf_insn in, const u64 before[10])
{
	xt_begin(&t);
	for (u32 i = 0; i < 10; i++)
		xt_imm64(&t, i, 0, before[i]);
	t.insns[t.p.cnt++] = in;
	for (u32 i = 0; i < 10; i++)
		xt(&t, BPF_STX | BPF_MEM | BPF_DW, 10, i, -8 * (s32)(i + 1), 0);
	xt_imm64(&t, 1, BPF_PSEUDO_MAP_IDX_VALUE, 0);
	for (u32 i = 0; i < 10; i++) {
		xt(&t, BPF_LDX | BPF_MEM | BPF_DW, 2, 10, -8 * (s32)(i + 1), 0);
		xt(&t, BPF_STX | BPF_MEM | BPF_DW, 1, 2, 8 * (s32)i, 0);
	}
	xt(&t, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	xt(&t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	seen[in.code] = true;
}

static int bad;

static void expect(const struct image *im, const char *who, const u64 *out, const u64 want[10],
		   struct bpf_insn in)
{
	char text[INSN_TEXT_MAX];
	struct run r = { 0 };
	u64 r0;
	int err = xt_run(im, NULL, &r, &r0);

	for (u32 i = 0; i < 10; i++) {
		if ((!err && out[i] == want[i]) || bad++ > 10)
			continue;
		insn_print(text, &in, NULL);
		diag("%s: %s: r%u is %llx, not %llx (%d)", who, text, i, (unsigned long long)out[i],
		     (unsigned long long)want[i], err);
	}
}

/* Runs what `surround` has made: in one of them, or in both. */
static void run_in(bool jit, struct bpf_insn in, const u64 want[10])
{
	static u64 out[10];
	static int map;
	struct bpf_map *maps[] = { (struct bpf_map *)&map };
	void *values[] = { out };

	if (xt_make(&t, maps, values, 1)) {
		bad++;
		return;
	}
	memset(out, 0, sizeof(out));
	expect(jit ? &t.jit : &t.interp, jit ? "JIT" : "interpreter", out, want, in);
	xt_free(&t);
}

static void run_both(struct bpf_insn in, const u64 want[10])
{
	run_in(false, in, want);
	run_in(true, in, want);
}

static void run_row(const struct row *row, bool x, u32 dst, u32 src)
{
	struct bpf_insn in = { .code = row->code, .dst_reg = dst & 15, .off = row->off, .imm = row->imm };
	u64 before[10], want[10];

	if (x) {
		in.code |= BPF_X;
		in.src_reg = src & 15;
	}
	for (u32 i = 0; i < 10; i++)
		before[i] = own_number(i);
	before[dst] = row->dst;
	if (x)
		before[src] = row->src;
	memcpy(want, before, sizeof(want));
	want[dst] = row->want;
	surround(in, before);
	run_both(in, want);
}

static void test_rows(void)
{
	int n = 0;

	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(x_rows); i++) {
		for (u32 dst = 0; dst < 10; dst++)
			for (u32 src = 0; src < 10; src++)
				if (dst != src || x_rows[i].dst == x_rows[i].src)
					run_row(&x_rows[i], true, dst, src), n++;
	}
	for (u32 i = 0; i < ARRAY_SIZE(k_rows); i++)
		for (u32 dst = 0; dst < 10; dst++)
			run_row(&k_rows[i], false, dst, 0), n++;
	ok(!bad, "arithmetic: %d rows and choices of registers", n);
	jit_plain_shifts = true;
	for (u32 i = 0; i < ARRAY_SIZE(x_rows); i++)
		for (u32 dst = 0; dst < 10; dst++)
			for (u32 src = 0; src < 10; src++)
				if (dst != src && BPF_OP(x_rows[i].code) != BPF_DIV)
					run_row(&x_rows[i], true, dst, src);
	jit_plain_shifts = false;
	ok(!bad, "shifts by cl as well");
}

static void test_same_register(void)
{
	static const struct row rows[] = {
		{ A64(BPF_SUB), 0, 0, 77, 0, 0 },
		{ A64(BPF_DIV), 0, 0, MIN64, 0, 1 },
		{ A64(BPF_MOD), 0, 0, MIN64, 0, 0 },
		{ A64(BPF_DIV), 1, 0, ~0ull, 0, 1 },
		{ A64(BPF_MOD), 1, 0, ~0ull, 0, 0 },
		{ A64(BPF_DIV), 0, 0, 0, 0, 0 },
		{ A64(BPF_MUL), 0, 0, 1ull << 31, 0, 1ull << 62 },
		{ A64(BPF_LSH), 0, 0, 3, 0, 24 },
		{ A64(BPF_RSH), 0, 0, 66, 0, 16 },
		{ A32(BPF_ARSH), 0, 0, MIN32 | 4, 0, 0xf8000000 },
		{ A32(BPF_MOV), 0, 0, ~0ull, 0, 0xffffffff },
		{ A64(BPF_MOV), 8, 0, 0xff, 0, ~0ull },
	};

	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct row row = rows[i];

		row.src = row.dst;
		for (u32 dst = 0; dst < 10; dst++) {
			run_row(&row, true, dst, dst);
			jit_plain_shifts = true;
			run_row(&row, true, dst, dst);
			jit_plain_shifts = false;
		}
	}
	ok(!bad, "both operands in one register");
}

static void test_imm64(void)
{
	static const u64 v[] = { 0, 1, 0x7fffffff, MIN32, 0xffffffff, 1ull << 32, MIN64, ~0ull, (u64)-1000 };
	u64 before[10], want[10];

	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(v) * 10; i++) {
		struct bpf_insn in = { .code = BPF_LD | BPF_IMM | BPF_DW,
				       .dst_reg = i % 10 & 15,
				       .imm = (s32)v[i / 10] };

		for (u32 k = 0; k < 10; k++)
			want[k] = before[k] = own_number(k);
		want[i % 10] = v[i / 10];
		surround(in, before);
		/* Its second half: all else moves up by one. */
		memmove(&t.insns[22], &t.insns[21], (t.p.cnt - 21) * sizeof(in));
		t.insns[21] = (struct bpf_insn){ .imm = (s32)(v[i / 10] >> 32) };
		t.p.cnt++;
		run_both(in, want);
	}
	ok(!bad, "ld_imm64");
}

/* taken: bit 0 as 64-bit numbers, bit 1 as 32-bit ones. */
static const struct jump_row {
	u8 op;
	u64 a, b;
	u8 taken;
} jump_rows[] = {
	{ BPF_JEQ, 5, 5, 3 },
	{ BPF_JEQ, 5, 6, 0 },
	{ BPF_JEQ, MIN64 | 5, 5, 2 },
	{ BPF_JEQ, 0, 0, 3 },
	{ BPF_JEQ, ~0ull, ~0ull, 3 },
	{ BPF_JEQ, 0xffffffff, ~0ull, 2 },
	{ BPF_JNE, 5, 5, 0 },
	{ BPF_JNE, 5, 6, 3 },
	{ BPF_JNE, MIN64, 0, 1 },
	{ BPF_JGT, 1, 0, 3 },
	{ BPF_JGT, 0, 0, 0 },
	{ BPF_JGT, ~0ull, 1, 3 },
	{ BPF_JGT, 1ull << 32, 1, 1 },
	{ BPF_JGT, 5, ~0ull, 0 },
	{ BPF_JGE, 0, 0, 3 },
	{ BPF_JGE, 1, 2, 0 },
	{ BPF_JGE, MIN64, 1, 1 },
	{ BPF_JLT, 0, 1, 3 },
	{ BPF_JLT, 1, 1, 0 },
	{ BPF_JLT, 1, ~0ull, 3 },
	{ BPF_JLT, MIN64, 1, 2 },
	{ BPF_JLE, 1, 1, 3 },
	{ BPF_JLE, 2, 1, 0 },
	{ BPF_JLE, MIN64 | 1, 1, 2 },
	{ BPF_JSGT, 0, ~0ull, 3 },
	{ BPF_JSGT, ~0ull, 0, 0 },
	{ BPF_JSGT, MIN32, 0, 1 },
	{ BPF_JSGT, MIN64 | 1, 0, 2 },
	{ BPF_JSGE, 0, 0, 3 },
	{ BPF_JSGE, ~0ull, 0, 0 },
	{ BPF_JSGE, 0xffffffff, 0, 1 },
	{ BPF_JSLT, ~0ull, 0, 3 },
	{ BPF_JSLT, 0, ~0ull, 0 },
	{ BPF_JSLT, MIN64, 0, 1 },
	{ BPF_JSLT, MIN32, 0, 2 },
	{ BPF_JSLE, 0, 0, 3 },
	{ BPF_JSLE, 1, 0, 0 },
	{ BPF_JSLE, MIN32, (u64)-5, 2 },
	{ BPF_JSET, 6, 2, 3 },
	{ BPF_JSET, 6, 1, 0 },
	{ BPF_JSET, MIN64, (u64)-256, 1 },
	{ BPF_JSET, 0x100, 0x100, 3 },
	{ BPF_JSET, 1ull << 32, 0xff, 0 },
	{ BPF_JSET, MIN32, (u64)-256, 3 },
	{ BPF_JSET, 3, 0, 0 },
};

/* r0 becomes 1 if the jump is taken, over `pad` instructions. */
static void run_jump(struct bpf_insn in, const struct jump_row *row, bool taken, u32 pad)
{
	struct run r = { 0 };
	u64 got[2] = { 7, 7 };
	u32 at;

	xt_begin(&t);
	for (u32 i = 0; i < 10; i++)
		xt_imm64(&t, i, 0, own_number(i));
	xt_imm64(&t, in.dst_reg, 0, row->a);
	if (BPF_SRC(in.code) == BPF_X)
		xt_imm64(&t, in.src_reg, 0, row->b);
	at = t.p.cnt;
	t.insns[t.p.cnt++] = in;
	for (u32 i = 0; i < pad; i++)
		xt(&t, BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, 1000);
	xt(&t, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	xt(&t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	xt_land(&t, at);
	xt(&t, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	xt(&t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	seen[in.code] = true;
	if (!xt_make(&t, NULL, NULL, 0)) {
		xt_run(&t.interp, NULL, &r, &got[0]);
		xt_run(&t.jit, NULL, &r, &got[1]);
		xt_free(&t);
	}
	if ((got[0] == taken && got[1] == taken) || bad++ > 10)
		return;
	diag("jump %02x %llx %llx: interpreter %llu, JIT %llu, should be %d", in.code,
	     (unsigned long long)row->a, (unsigned long long)row->b, (unsigned long long)got[0],
	     (unsigned long long)got[1], taken);
}

static void test_jumps(void)
{
	int n = 0;

	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(jump_rows); i++) {
		const struct jump_row *row = &jump_rows[i];

		for (u32 k = 0; k < 200; k++) {
			bool is32 = k & 1, x = k / 2 % 2;
			u32 dst = k / 4 % 10, src = (dst + 1 + k / 40) % 10;
			struct bpf_insn in = { .code = (u8)((is32 ? BPF_JMP32 : BPF_JMP) | row->op |
							    (x ? BPF_X : BPF_K)),
					       .dst_reg = dst & 15 };

			if (!x && row->b != (u64)(s64)(s32)row->b && !is32)
				continue;
			if (x)
				in.src_reg = src & 15;
			else
				in.imm = (s32)row->b;
			run_jump(in, row, row->taken >> is32 & 1, k % 7 ? 1 : 60);
			n++;
		}
	}
	ok(!bad, "jumps: %d, short and long", n);
}

/* Memory: one word of a known pattern is loaded or stored with every size, at every base and value register.
 */
static u8 mem[1 << 17] __attribute__((aligned(16)));

static u64 at_mem(s32 off)
{
	return ptr_to_u64(mem + sizeof(mem) / 2 + off);
}

static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
static const s16 offsets[] = { 0, 8, 120, 127, 128, -128, -129, 32760, -32768 };

static u64 loaded(const u8 *p, u32 bytes, bool sign)
{
	u64 v = 0;

	memcpy(&v, p, bytes);
	if (sign && bytes < 8 && v >> (8 * bytes - 1))
		v |= ~0ull << 8 * bytes;
	return v;
}

static void one_load(u8 code, u32 dst, u32 src, s16 off)
{
	struct bpf_insn in = { .code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off };
	bool sign = BPF_MODE(code) == BPF_MEMSX || BPF_MODE(code) == BPF_PROBE_MEMSX;
	u64 before[10], want[10];

	for (u32 i = 0; i < 10; i++)
		before[i] = own_number(i);
	before[src] = at_mem(0);
	memcpy(want, before, sizeof(want));
	want[dst] = loaded(u64_to_ptr(at_mem(off)), insn_size(code), sign);
	surround(in, before);
	run_both(in, want);
}

static void test_loads(void)
{
	static const u8 modes[] = { BPF_MEM, BPF_MEMSX, BPF_PROBE_MEM, BPF_PROBE_MEMSX };
	int n = 0;

	bad = 0;
	for (u32 i = 0; i < sizeof(mem); i++)
		mem[i] = (u8)(i * 37 + (i >> 8) + 0x80);
	for (u32 k = 0; k < 16 * 100; k++) {
		u32 s = k % 4, m = k / 4 % 4, regs = k / 16;

		if (s == 3 && m % 2)
			continue;
		one_load((u8)(BPF_LDX | modes[m] | sizes[s]), regs % 10, regs / 10,
			 offsets[k % ARRAY_SIZE(offsets)]);
		n++;
	}
	ok(!bad, "loads: %d", n);
}

/* Exactly the bytes of the store change. */
static void one_store(u8 code, u32 dst, u32 src, s16 off, s32 imm)
{
	struct bpf_insn in = { .code = code, .dst_reg = dst & 15, .off = off, .imm = imm };
	bool x = BPF_CLASS(code) == BPF_STX;
	u64 before[10], v;
	u8 want[32], *place = u64_to_ptr(at_mem(off));

	if (x)
		in.src_reg = src & 15;
	for (u32 i = 0; i < 10; i++)
		before[i] = own_number(i);
	before[dst] = at_mem(0);
	v = x ? before[src] : (u64)(s64)imm;
	surround(in, before);
	for (int jit = 0; jit < 2; jit++) {
		memset(place - 8, 0x5a, 24);
		memset(want, 0x5a, 24);
		memcpy(want + 8, &v, insn_size(code));
		run_in(jit, in, before);
		if (memcmp(place - 8, want, 24) && bad++ < 10)
			diag("store %02x by r%u at %d", code, dst, off);
	}
}

static void test_stores(void)
{
	static const s32 imms[] = { 0, 1, -1, 127, -128, 0x12345678, -2147483647 - 1 };
	int n = 0;

	bad = 0;
	for (u32 k = 0; k < 800; k++) {
		u32 s = k % 4, dst = k / 8 % 10, src = k / 80;

		if (k / 4 % 2)
			one_store((u8)(BPF_STX | BPF_MEM | sizes[s]), dst, src,
				  offsets[k % ARRAY_SIZE(offsets)], 0);
		else
			one_store((u8)(BPF_ST | BPF_MEM | sizes[s]), dst, 0, offsets[k % ARRAY_SIZE(offsets)],
				  imms[k % ARRAY_SIZE(imms)]);
		n++;
	}
	ok(!bad, "stores: %d", n);
}

static const struct atomic_row {
	s32 op;
	u64 mem, src, r0, after, result; /* result: of what the operation gives back */
} atomic_rows[] = {
	{ BPF_ADD, ~0ull, 2, 0, 1, 0 },
	{ BPF_AND, 0xff, 0x0f, 0, 0x0f, 0 },
	{ BPF_OR, 0xf0, 0x0f, 0, 0xff, 0 },
	{ BPF_XOR, 0xff, 0x0f, 0, 0xf0, 0 },
	{ BPF_ADD | BPF_FETCH, 5, 7, 0, 12, 5 },
	{ BPF_AND | BPF_FETCH, 0xff, 0x3c, 0, 0x3c, 0xff },
	{ BPF_OR | BPF_FETCH, 0xf0, 0x0f, 0, 0xff, 0xf0 },
	{ BPF_XOR | BPF_FETCH, 0xff, 0x0f, 0, 0xf0, 0xff },
	{ BPF_XCHG, 1, 2, 0, 2, 1 },
	{ BPF_CMPXCHG, 1, 2, 1, 2, 1 },
	{ BPF_CMPXCHG, 1, 2, 3, 1, 1 },
	{ BPF_LOAD_ACQ, 0x81, 0, 0, 0x81, 0x81 },
	{ BPF_STORE_REL, 0x81, 0x92, 0, 0x92, 0 },
};

/* Which register gets the result; -1: none. */
static int result_reg(s32 op, u32 base, u32 src)
{
	if (op == BPF_LOAD_ACQ || (op & BPF_FETCH && op != BPF_CMPXCHG))
		return (int)src;
	return op == BPF_CMPXCHG ? 0 : -1;
}

static void one_atomic(const struct atomic_row *row, u8 size, u32 base, u32 src)
{
	bool load = row->op == BPF_LOAD_ACQ;
	struct bpf_insn in = { .code = BPF_STX | BPF_ATOMIC | size, .off = 16, .imm = row->op };
	u64 before[10], want[10], *place = u64_to_ptr(at_mem(16)), after;
	u64 high = size == BPF_DW ? 0 : 0x12345678ull << 32;
	int res = result_reg(row->op, base, src);
	u64 mask = ~0ull >> (64 - 8 * insn_size(in.code));

	in.dst_reg = (load ? src : base) & 15;
	in.src_reg = (load ? base : src) & 15;
	for (u32 i = 0; i < 10; i++)
		before[i] = own_number(i);
	if (row->op == BPF_CMPXCHG)
		before[0] = row->r0 | high;
	before[src] = row->src | high;
	before[base] = at_mem(0);
	memcpy(want, before, sizeof(want));
	if (res >= 0)
		want[res] = row->result & mask;
	after = (row->after & mask) | (0x7777777777777777 & ~mask);
	surround(in, before);
	for (int jit = 0; jit < 2; jit++) {
		*place = (row->mem & mask) | (0x7777777777777777 & ~mask);
		run_in(jit, in, want);
		if (*place != after && bad++ < 10)
			diag("atomic %x by r%u of r%u: memory %llx", row->op, src, base,
			     (unsigned long long)*place);
	}
}

static void test_atomics(void)
{
	int n = 0;

	bad = 0;
	for (u32 i = 0; i < ARRAY_SIZE(atomic_rows); i++) {
		const struct atomic_row *row = &atomic_rows[i];
		bool narrow = row->op == BPF_LOAD_ACQ || row->op == BPF_STORE_REL;

		for (u32 k = 0; k < 400; k++) {
			u32 s = k % 4, base = k / 4 % 10, src = k / 40;

			/* Where base and operand are one, or r0 is compared, the numbers are not those of the
			 * row. */
			if (base == src || (s < 2 && !narrow) || (row->op == BPF_CMPXCHG && (!base || !src)))
				continue;
			one_atomic(row, sizes[s], base, src);
			n++;
		}
	}
	ok(!bad, "atomics: %d", n);
}

static void test_coverage(void)
{
	/* What cannot be looked at alone is in test_exec_run.c. */
	static const u8 elsewhere[] = { BPF_JMP | BPF_JA,         BPF_JMP32 | BPF_JA,
					BPF_JMP | BPF_JCOND,      BPF_JMP | BPF_CALL,
					BPF_JMP | BPF_EXIT,       BPF_JMP | BPF_TAIL_CALL,
					BPF_LD | BPF_ABS | BPF_B, BPF_LD | BPF_ABS | BPF_H,
					BPF_LD | BPF_ABS | BPF_W, BPF_LD | BPF_IND | BPF_B,
					BPF_LD | BPF_IND | BPF_H, BPF_LD | BPF_IND | BPF_W };
	int missing = 0;

#define LOOK(name, code, form, where)                                                                        \
	if (!seen[(u8)(code)] && !memchr(elsewhere, (u8)(code), sizeof(elsewhere))) {                        \
		diag("no row for " #name);                                                                   \
		missing++;                                                                                   \
	}
	INSN_LIST(LOOK)
	ok(!missing, "every instruction of the list has its rows");
}

int main(void)
{
	if (guard_install())
		return 1;
	test_rows();
	test_same_register();
	test_imm64();
	test_jumps();
	test_loads();
	test_stores();
	test_atomics();
	test_coverage();
	return done();
}
