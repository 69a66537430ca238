// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small assembler, so that a program of a verifier row is a line that can be read.
 *
 *     r1 = 5; w1 += r2; r1 s>>= 3; r1 = (s8) r2; r1 = be16 r1; r1 = -r1
 *     r0 = *(u8 *)(r1 + 4); *(u64 *)(r10 - 8) = r1; *(u32 *)(r10 - 8) = 7
 *     lock *(u64 *)(r10 - 8) += r1; lock fetch *(u64 *)(r10 - 8) ^= r1; lock xchg|cmpxchg ...= r1
 *     if r1 == 5 goto out; if w1 s< w2 goto out; goto out; gotol out; out: exit
 *     call 1; call :sub; r1 = map hash; r1 = value array + 8; r1 = func :sub; r1 = 0x123456789 ll
 *     ldabs u16 12; ldind u8 r7 14; raw 0xff 0 0 0 0
 *
 * Spaces do not matter, statements are separated by ';', a label ends in ':'.
 * What cannot be read ends the program: rows are constants.
 */
#ifndef PINFS_TESTS_VERIFIER_ASM_H
#define PINFS_TESTS_VERIFIER_ASM_H

#include <ctype.h>
#include "rows.h"

#define ASM_INSNS  4096
#define ASM_LABELS 64

/* The fd of a map by its name; set by who includes this. */
static int (*asm_map)(const char *name);

struct asm_prog {
	struct bpf_insn insn[ASM_INSNS];
	int cnt;
	struct {
		char name[16];
		int at;
	} label[ASM_LABELS];
	int labels;
	struct {
		char name[16];
		int insn, in_imm; /* what is patched: off, imm of a jump, or the start of a function (2) */
	} use[ASM_LABELS * 4];
	int uses;
};

static const char *asm_at; /* what is being read */
static const char *asm_text;

static inline void asm_bad(const char *why)
{
	printf("cannot assemble (%s) at \"%.40s\" of \"%s\"\n", why, asm_at, asm_text);
	exit(98);
}

static inline void asm_space(void)
{
	while (isspace((unsigned char)*asm_at))
		asm_at++;
}

/* Is this what comes? Then it is read. A word must end where s ends. */
static inline int asm_take(const char *s)
{
	size_t n = strlen(s);

	asm_space();
	if (strncmp(asm_at, s, n))
		return 0;
	if (isalnum((unsigned char)s[n - 1]) && (isalnum((unsigned char)asm_at[n]) || asm_at[n] == '_'))
		return 0;
	asm_at += n;
	return 1;
}

static inline void asm_want(const char *s)
{
	if (!asm_take(s))
		asm_bad(s);
}

static inline int64_t asm_number(void)
{
	char *end;
	int64_t v;
	int minus;

	asm_space();
	minus = asm_take("-");
	asm_take("+");
	asm_space();
	v = (int64_t)strtoull(asm_at, &end, 0);
	if (end == asm_at)
		asm_bad("number");
	asm_at = end;
	return minus ? -v : v;
}

static inline void asm_word(char name[16])
{
	int n = 0;

	asm_space();
	while ((isalnum((unsigned char)*asm_at) || *asm_at == '_') && n < 15)
		name[n++] = *asm_at++;
	name[n] = 0;
	if (!n)
		asm_bad("name");
}

/* rN or wN: its number, *wide whether it is the 64-bit name; -1: no register. */
static inline int asm_reg(int *wide)
{
	char *end;
	int r;

	asm_space();
	if ((*asm_at != 'r' && *asm_at != 'w') || !isdigit((unsigned char)asm_at[1]))
		return -1;
	*wide = *asm_at == 'r';
	r = (int)strtol(asm_at + 1, &end, 10);
	asm_at = end;
	return r;
}

static inline int asm_the_reg(void)
{
	int wide, r = asm_reg(&wide);

	if (r < 0)
		asm_bad("register");
	return r;
}

static inline struct bpf_insn *asm_put(struct asm_prog *p, int code, int dst, int src, int off, int imm)
{
	if (p->cnt == ASM_INSNS)
		asm_bad("room");
	p->insn[p->cnt] = (struct bpf_insn){ .code = (uint8_t)code,
					     .dst_reg = dst & 15,
					     .src_reg = src & 15,
					     .off = (int16_t)off,
					     .imm = imm };
	return &p->insn[p->cnt++];
}

static inline void asm_use(struct asm_prog *p, int in_imm)
{
	asm_word(p->use[p->uses].name);
	p->use[p->uses].insn = p->cnt;
	p->use[p->uses++].in_imm = in_imm;
}

/* u8 u16 u32 u64 s8 s16 s32: BPF_SIZE, *sign for the latter. */
static inline int asm_size(int *sign)
{
	static const char *const names[] = { "u32", "u16", "u8", "u64", "s32", "s16", "s8" };

	for (int i = 0; i < 7; i++)
		if (asm_take(names[i])) {
			*sign = i > 3;
			return i % 4 << 3;
		}
	asm_bad("size");
	return 0;
}

/* *(u8 *)(r1 + 4), behind its first *. */
static inline int asm_memory(int *sign, int *reg, int *off)
{
	int size;

	asm_want("(");
	size = asm_size(sign);
	asm_want("*");
	asm_want(")");
	asm_want("(");
	*reg = asm_the_reg();
	asm_space();
	*off = *asm_at == ')' ? 0 : (int)asm_number();
	asm_want(")");
	return size;
}

static inline void asm_wide(struct asm_prog *p, int dst, int src, int lo, int hi)
{
	asm_put(p, 0x18, dst, src, 0, lo);
	asm_put(p, 0, 0, 0, 0, hi);
}

/* r1 = map hash, and the like. 0: it is something else. */
static inline int asm_address(struct asm_prog *p, int dst)
{
	char name[16];

	if (asm_take("map")) {
		asm_word(name);
		asm_wide(p, dst, BPF_PSEUDO_MAP_FD, asm_map(name), 0);
	} else if (asm_take("value")) {
		asm_word(name);
		asm_space();
		asm_wide(p, dst, BPF_PSEUDO_MAP_VALUE, asm_map(name),
			 *asm_at == '+' || *asm_at == '-' ? (int)asm_number() : 0);
	} else if (asm_take("func")) {
		asm_want(":");
		asm_use(p, 1);
		asm_wide(p, dst, BPF_PSEUDO_FUNC, 0, 0);
	} else {
		return 0;
	}
	return 1;
}

static inline int asm_swap(struct asm_prog *p, int dst)
{
	static const struct {
		const char *name;
		int code, bits;
	} swaps[] = { { "le16", 0xd4, 16 },    { "le32", 0xd4, 32 },    { "le64", 0xd4, 64 },
		      { "be16", 0xdc, 16 },    { "be32", 0xdc, 32 },    { "be64", 0xdc, 64 },
		      { "bswap16", 0xd7, 16 }, { "bswap32", 0xd7, 32 }, { "bswap64", 0xd7, 64 } };

	for (size_t i = 0; i < ARRAY_SIZE(swaps); i++)
		if (asm_take(swaps[i].name)) {
			asm_the_reg();
			asm_put(p, swaps[i].code, dst, 0, 0, swaps[i].bits);
			return 1;
		}
	return 0;
}

/* What stands behind "r1 =". */
static inline void asm_assign(struct asm_prog *p, int dst, int wide)
{
	int w, r, sign, off, size;
	int64_t v;

	if (asm_address(p, dst) || asm_swap(p, dst))
		return;
	asm_space();
	if (asm_take("*")) {
		size = asm_memory(&sign, &r, &off);
		asm_put(p, size | (sign ? 0x81 : 0x61), dst, r, off, 0);
	} else if (asm_take("(")) {
		size = asm_size(&sign);
		asm_want(")");
		r = asm_the_reg();
		asm_put(p, wide ? 0xbf : 0xbc, dst, r, size == 0x10 ? 8 : size == 0x08 ? 16 : 32, 0);
	} else if (*asm_at == '-' && (asm_at[1] == 'r' || asm_at[1] == 'w')) {
		asm_at++;
		asm_the_reg();
		asm_put(p, wide ? 0x87 : 0x84, dst, 0, 0, 0);
	} else if ((r = asm_reg(&w)) >= 0) {
		asm_put(p, wide ? 0xbf : 0xbc, dst, r, 0, 0);
	} else {
		v = asm_number();
		if (asm_take("ll"))
			asm_wide(p, dst, 0, (int)v, (int)(v >> 32));
		else
			asm_put(p, wide ? 0xb7 : 0xb4, dst, 0, 0, (int)v);
	}
}

static inline void asm_alu(struct asm_prog *p)
{
	static const struct {
		const char *name;
		int op, off;
	} ops[] = { { "+=", 0, 0 },    { "-=", 0x10, 0 }, { "*=", 0x20, 0 },   { "/=", 0x30, 0 },
		    { "|=", 0x40, 0 }, { "&=", 0x50, 0 }, { "<<=", 0x60, 0 },  { ">>=", 0x70, 0 },
		    { "%=", 0x90, 0 }, { "^=", 0xa0, 0 }, { "s>>=", 0xc0, 0 }, { "s/=", 0x30, 1 },
		    { "s%=", 0x90, 1 } };
	int wide = 0, w, src, dst = asm_reg(&wide);

	if (dst < 0)
		asm_bad("statement");
	if (asm_take("=")) {
		asm_assign(p, dst, wide);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!asm_take(ops[i].name))
			continue;
		src = asm_reg(&w);
		if (src >= 0)
			asm_put(p, ops[i].op | 8 | (wide ? 7 : 4), dst, src, ops[i].off, 0);
		else
			asm_put(p, ops[i].op | (wide ? 7 : 4), dst, 0, ops[i].off, (int)asm_number());
		return;
	}
	asm_bad("operation");
}

static inline void asm_store(struct asm_prog *p)
{
	int sign, dst, off, w, src, size = asm_memory(&sign, &dst, &off);

	asm_want("=");
	src = asm_reg(&w);
	if (src >= 0)
		asm_put(p, size | 0x63, dst, src, off, 0);
	else
		asm_put(p, size | 0x62, dst, 0, off, (int)asm_number());
}

static inline void asm_atomic(struct asm_prog *p)
{
	static const struct {
		const char *name;
		int op;
	} ops[] = { { "+=", 0 }, { "|=", 0x40 }, { "&=", 0x50 }, { "^=", 0xa0 }, { "=", 0 } };
	int sign, dst, off, op = 0, size;

	if (asm_take("fetch"))
		op = 1;
	else if (asm_take("xchg"))
		op = 0xe1;
	else if (asm_take("cmpxchg"))
		op = 0xf1;
	asm_want("*");
	size = asm_memory(&sign, &dst, &off);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (asm_take(ops[i].name)) {
			asm_put(p, size | 0xc3, dst, asm_the_reg(), off, op | ops[i].op);
			return;
		}
	asm_bad("atomic");
}

static inline void asm_if(struct asm_prog *p)
{
	static const struct {
		const char *name;
		int op;
	} ops[] = { { "==", 0x10 }, { "!=", 0x50 },  { "&", 0x40 },  { "s>=", 0x70 },
		    { "s>", 0x60 }, { "s<=", 0xd0 }, { "s<", 0xc0 }, { ">=", 0x30 },
		    { ">", 0x20 },  { "<=", 0xb0 },  { "<", 0xa0 } };
	int wide = 0, w, src, imm = 0, op = -1, dst = asm_reg(&wide);

	for (size_t i = 0; i < ARRAY_SIZE(ops) && op < 0; i++)
		if (asm_take(ops[i].name))
			op = ops[i].op;
	if (dst < 0 || op < 0)
		asm_bad("comparison");
	src = asm_reg(&w);
	if (src < 0)
		imm = (int)asm_number();
	asm_want("goto");
	asm_space();
	if (*asm_at == '+' || *asm_at == '-') {
		asm_put(p, op | (wide ? 5 : 6) | (src < 0 ? 0 : 8), dst, src < 0 ? 0 : src, (int)asm_number(),
			imm);
		return;
	}
	asm_use(p, 0);
	asm_put(p, op | (wide ? 5 : 6) | (src < 0 ? 0 : 8), dst, src < 0 ? 0 : src, 0, imm);
}

static inline void asm_call(struct asm_prog *p)
{
	if (asm_take(":")) {
		asm_use(p, 1);
		asm_put(p, 0x85, 0, BPF_PSEUDO_CALL, 0, 0);
	} else {
		asm_put(p, 0x85, 0, 0, 0, (int)asm_number());
	}
}

static inline void asm_packet(struct asm_prog *p, int mode)
{
	int sign, size = asm_size(&sign), src = 0;

	if (mode == 0x40)
		src = asm_the_reg();
	asm_put(p, size | mode, 0, src, 0, (int)asm_number());
}

static inline void asm_raw(struct asm_prog *p)
{
	int v[5];

	for (int i = 0; i < 5; i++)
		v[i] = (int)asm_number();
	asm_put(p, v[0], v[1], v[2], v[3], v[4]);
}

static inline void asm_goto(struct asm_prog *p, int code)
{
	asm_space();
	if (*asm_at == '+' || *asm_at == '-') {
		int to = (int)asm_number();

		asm_put(p, code, 0, 0, code == 0x05 ? to : 0, code == 0x05 ? 0 : to);
		return;
	}
	asm_use(p, code == 0x06);
	asm_put(p, code, 0, 0, 0, 0);
}

static inline int asm_label(struct asm_prog *p)
{
	const char *at;

	asm_space();
	for (at = asm_at; isalnum((unsigned char)*at) || *at == '_'; at++)
		;
	if (at == asm_at || *at != ':')
		return 0;
	if (p->labels == ASM_LABELS)
		asm_bad("labels");
	asm_word(p->label[p->labels].name);
	p->label[p->labels++].at = p->cnt;
	asm_at++;
	return 1;
}

static inline void asm_statement(struct asm_prog *p)
{
	if (asm_take("if"))
		asm_if(p);
	else if (asm_take("goto"))
		asm_goto(p, 0x05);
	else if (asm_take("gotol"))
		asm_goto(p, 0x06);
	else if (asm_take("exit"))
		asm_put(p, 0x95, 0, 0, 0, 0);
	else if (asm_take("call"))
		asm_call(p);
	else if (asm_take("lock"))
		asm_atomic(p);
	else if (asm_take("ldabs"))
		asm_packet(p, 0x20);
	else if (asm_take("ldind"))
		asm_packet(p, 0x40);
	else if (asm_take("raw"))
		asm_raw(p);
	else if (asm_take("*"))
		asm_store(p);
	else
		asm_alu(p);
}

/* Where a label stands, or -1. */
static inline int asm_label_at(const struct asm_prog *p, const char *name)
{
	for (int i = 0; i < p->labels; i++)
		if (!strcmp(p->label[i].name, name))
			return p->label[i].at;
	return -1;
}

static inline void asm_link(struct asm_prog *p)
{
	for (int i = 0; i < p->uses; i++) {
		struct bpf_insn *in = &p->insn[p->use[i].insn];
		int to = asm_label_at(p, p->use[i].name), rel = to - p->use[i].insn - 1;

		asm_at = p->use[i].name;
		if (to < 0)
			asm_bad("label");
		if (p->use[i].in_imm)
			in->imm = rel;
		else
			in->off = (int16_t)rel;
	}
}

static inline void assemble(struct asm_prog *p, const char *text)
{
	p->cnt = p->labels = p->uses = 0;
	asm_at = asm_text = text;
	for (;;) {
		while (asm_label(p))
			;
		asm_space();
		if (*asm_at && *asm_at != ';')
			asm_statement(p);
		asm_space();
		if (!*asm_at)
			break;
		asm_want(";");
	}
	asm_link(p);
}

#endif
