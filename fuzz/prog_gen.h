// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random programs, statement by statement: what prog_gen.c loads and runs.
 *
 * Between two statements a program is always in the same state:
 *
 *     r6         the context
 *     r7 r8 r9   numbers; inside a loop r9 counts it
 *     r10 - 64 and up   numbers, all written
 *
 * Everything else is a statement's own. So every program made of statements is one
 * that a verifier should accept, it reads nothing that it has not written, keeps no pointer where a
 * number is expected, and its results are the same wherever it runs: no helper is called whose answer varies.
 *
 * An instruction that is `soft` may get another number, width or comparison without giving that up, if the
 * program is accepted at all. Other changes (`hard`) may make a program that leaks
 * addresses; of those only the verdict is compared.
 */
#ifndef PINFS_FUZZ_PROG_GEN_H
#define PINFS_FUZZ_PROG_GEN_H

#include "../tests/abi/rows.h"

#define GEN_INSNS 2000
#define GEN_SUBS  3

/* Fixed fds of the maps; M_PROG is one per program type. */
enum {
	M_ARRAY = 100,
	M_HASH,
	M_PERCPU,
	M_QUEUE,
	M_STACK,
	M_OUTER,
	M_INNER,
	M_LOCK,
	M_LRU,
	M_RING,
	M_PROG = 120,
};

struct gen {
	struct bpf_insn insn[GEN_INSNS];
	uint8_t soft[GEN_INSNS];
	uint32_t cnt, depth, budget, main_end; /* main_end: where the main program's last four begin */
	int type;
	int main, in_loop;
	uint32_t maps;                /* bit fd - M_ARRAY */
	int hard;                     /* was changed in a way that may leak */
	uint32_t sub_start[GEN_SUBS]; /* 0: not made */
	uint32_t call_at[64], call_sub[64], calls;
};

static uint64_t gen_rng;
static int gen_plain; /* no statement that calls a map's functions, no tail calls */

static inline uint32_t rnd(uint32_t n)
{
	gen_rng ^= gen_rng << 13;
	gen_rng ^= gen_rng >> 7;
	gen_rng ^= gen_rng << 17;
	return n ? (uint32_t)(gen_rng >> 16) % n : 0;
}

static inline uint32_t emit(struct gen *g, int code, int dst, int src, int off, int imm)
{
	if (g->cnt >= GEN_INSNS - 2)
		return g->cnt - 1;
	g->soft[g->cnt] = 0;
	g->insn[g->cnt] = (struct bpf_insn){ .code = (uint8_t)code,
					     .dst_reg = dst & 15,
					     .src_reg = src & 15,
					     .off = (int16_t)off,
					     .imm = imm };
	return g->cnt++;
}

static inline uint32_t emit_soft(struct gen *g, int code, int dst, int src, int off, int imm)
{
	uint32_t at = emit(g, code, dst, src, off, imm);

	g->soft[at] = 1;
	return at;
}

static inline void emit_fd(struct gen *g, int dst, int fd, int value, int off)
{
	emit(g, 0x18, dst, value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD, 0, fd);
	emit(g, 0, 0, 0, 0, off);
	if (fd >= M_ARRAY && fd < M_PROG)
		g->maps |= 1u << (fd - M_ARRAY);
}

/* A jump's distance, once its end is known. */
static inline void land(struct gen *g, uint32_t jump)
{
	g->insn[jump].off = (int16_t)(g->cnt - jump - 1);
}

static inline int32_t number(void)
{
	static const int32_t edge[] = { 0,          1,         2,   3,   7,   8,    15,     63,
					64,         127,       128, 255, 256, 4095, 0x7fff, 0xffff,
					0x7fffffff, INT32_MIN, -1,  -2,  -8,  -128, -256 };

	return rnd(3) ? edge[rnd(ARRAY_SIZE(edge))] : (int32_t)rnd(0xffffffff);
}

/* One of r7..r9, to be read, or to be changed. */
static inline int any_reg(void)
{
	return 7 + (int)rnd(3);
}

static inline int var_reg(const struct gen *g)
{
	return 7 + (int)rnd(g->in_loop ? 2 : 3);
}

static inline int a_size(void)
{
	return (int)rnd(4) << 3; /* BPF_W H B DW */
}

static inline int bytes_of(int size)
{
	static const int n[] = { 4, 2, 1, 8 };

	return n[size >> 3 & 3];
}

/* A stack slot for an access of that many bytes, aligned. */
static inline int slot(int bytes)
{
	return -bytes * (1 + (int)rnd(64 / (uint32_t)bytes));
}

static inline void statements(struct gen *g, uint32_t n);

/* ------------------------------------------------------------ numbers */

static inline void st_alu(struct gen *g)
{
	static const uint8_t ops[] = {
		0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0
	};
	int op = ops[rnd(ARRAY_SIZE(ops))], class = rnd(2) ? 7 : 4, dst = var_reg(g), imm = number();
	int sign = (op == 0x30 || op == 0x90) && rnd(2);

	if (op == 0x60 || op == 0x70 || op == 0xc0)
		imm = (int)rnd(class == 7 ? 64 : 32);
	if ((op == 0x30 || op == 0x90) && !imm)
		imm = 3;
	if (rnd(2))
		emit(g, op | 8 | class, dst, any_reg(), sign, 0);
	else
		emit_soft(g, op | class, dst, 0, sign, imm);
}

static inline void st_extend(struct gen *g)
{
	static const int16_t from[] = { 8, 16, 32 };
	int dst = var_reg(g);

	switch (rnd(4)) {
	case 0: emit(g, rnd(2) ? 0x87 : 0x84, dst, 0, 0, 0); break;
	case 1: emit(g, (int[]){ 0xd4, 0xdc, 0xd7 }[rnd(3)], dst, 0, 0, 16 << rnd(3)); break;
	case 2: emit(g, 0xbf, dst, any_reg(), from[rnd(3)], 0); break;
	default: emit(g, 0xbc, dst, any_reg(), rnd(2) ? from[rnd(2)] : 0, 0);
	}
}

static inline void st_wide(struct gen *g)
{
	emit(g, 0x18, var_reg(g), 0, 0, (int)rnd(0xffffffff));
	emit(g, 0, 0, 0, 0, number());
}

/* ------------------------------------------------------------ the stack, the context */

static inline void st_stack(struct gen *g)
{
	int size = a_size(), n = bytes_of(size);

	switch (rnd(5)) {
	case 0: emit(g, 0x62 | size, 10, 0, slot(n), number()); break;
	case 1: emit(g, 0x63 | size, 10, any_reg(), slot(n), 0); break;
	case 2: emit(g, 0x61 | size, var_reg(g), 10, slot(n), 0); break;
	case 3: emit(g, 0x81 | (size == 0x18 ? 0 : size), var_reg(g), 10, slot(n == 8 ? 4 : n), 0); break;
	default: /* spill and fill */
		emit(g, 0x7b, 10, any_reg(), -64, 0);
		st_alu(g);
		emit(g, 0x79, var_reg(g), 10, -64, 0);
	}
}

static inline void st_stack_var(struct gen *g)
{
	emit(g, 0xbf, 1, any_reg(), 0, 0);
	emit_soft(g, 0x57, 1, 0, 0, 7);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8 * (1 + (int)rnd(8)));
	emit(g, 0x0f, 2, 1, 0, 0);
	if (rnd(2))
		emit(g, 0x73, 2, any_reg(), 0, 0);
	else
		emit(g, 0x71, var_reg(g), 2, 0, 0);
}

/*
 * What is fetched is not used: Linux 6.18 takes the slot for dead before such an instruction, joins states
 * that differ in it, and then knows of the result what held in one of them only.
 */
static inline void st_atomic_stack(struct gen *g)
{
	static const int ops[] = { 0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1 };
	int size = rnd(2) ? 0x18 : 0;

	emit(g, 0xbf, 1, any_reg(), 0, 0);
	emit(g, 0xc3 | size, 10, 1, slot(bytes_of(size)), ops[rnd(ARRAY_SIZE(ops))]);
}

static inline void st_ctx(struct gen *g)
{
	static const int skb[] = { 0, 8, 16, 24, 28, 32, 48, 52, 56, 60, 64 };
	int at = skb[rnd(ARRAY_SIZE(skb))];

	if (g->type == BPF_PROG_TYPE_XDP) {
		emit(g, 0x61, 1, 6, 4, 0);
		emit(g, 0x61, 2, 6, 0, 0);
		emit(g, 0x1f, 1, 2, 0, 0);
		emit(g, 0xbf, var_reg(g), 1, 0, 0);
	} else if (rnd(3)) {
		emit(g, 0x61 | (rnd(3) ? 0 : rnd(2) ? 0x10 : 0x08), var_reg(g), 6, at, 0);
	} else {
		emit(g, 0x63, 6, any_reg(), 48 + 4 * (int)rnd(5), 0);
	}
}

/* ------------------------------------------------------------ maps */

/* r0: a value of 64 bytes that is not null, until the jump that is returned lands. */
static inline uint32_t lookup(struct gen *g, int fd)
{
	uint32_t out;

	if (rnd(3) == 0)
		emit_soft(g, 0x7a, 10, 0, -8, (int)rnd(5));
	else
		emit(g, 0x7b, 10, any_reg(), -8, 0);
	if (rnd(2)) {
		emit(g, 0x79, 1, 10, -8, 0);
		emit_soft(g, 0x57, 1, 0, 0, 3);
		emit(g, 0x7b, 10, 1, -8, 0);
	}
	emit_fd(g, 1, fd, 0, 0);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8);
	emit(g, 0x85, 0, 0, 0, 1);
	switch (rnd(3)) {
	case 0: return emit_soft(g, 0x15, 0, 0, 0, 0);
	case 1: emit_soft(g, 0x55, 0, 0, 1, 0); return emit(g, 0x05, 0, 0, 0, 0);
	default:
		emit(g, 0xbf, 5, 0, 0, 0);
		out = emit_soft(g, 0x15, 5, 0, 0, 0);
		return out;
	}
}

/* Accesses through r0, a value of 64 bytes. */
static inline void touch(struct gen *g)
{
	int size = a_size(), n = bytes_of(size), off = (int)rnd(65 - (uint32_t)n);

	if (rnd(2)) {
		emit(g, 0xbf, 1, any_reg(), 0, 0);
		if (rnd(2)) {
			emit_soft(g, 0x57, 1, 0, 0, 31);
		} else {
			emit_soft(g, 0x57, 1, 0, 0, 255);
			emit_soft(g, rnd(2) ? 0x77 : 0x74, 1, 0, 0, 3);
		}
		emit(g, 0x0f, 0, 1, 0, 0);
		off = (int)rnd(33 - (uint32_t)n);
	}
	switch (rnd(6)) {
	case 0: emit_soft(g, 0x62 | size, 0, 0, off, number()); break;
	case 1: emit_soft(g, 0x63 | size, 0, any_reg(), off, 0); break;
	case 2: /* an atomic wants what is aligned, or what is not aligned does not matter here: it is
		   constant */
		emit(g, 0xbf, 1, any_reg(), 0, 0);
		emit_soft(g, rnd(2) ? 0xdb : 0xc3, 0, 1, off & 24,
			  (int[]){ 0, 0x40, 0x50, 0xa0, 1, 0xe1 }[rnd(6)]);
		emit(g, 0xbf, var_reg(g), 1, 0, 0);
		break;
	case 3: emit_soft(g, 0x81 | (size == 0x18 ? 0 : size), var_reg(g), 0, off, 0); break;
	default: emit_soft(g, 0x61 | size, var_reg(g), 0, off, 0);
	}
}

static inline void st_lookup(struct gen *g)
{
	static const int fds[] = { M_ARRAY, M_ARRAY, M_HASH, M_HASH, M_PERCPU, M_LRU };
	uint32_t out = lookup(g, fds[rnd(ARRAY_SIZE(fds))]);

	touch(g);
	land(g, out);
}

static inline void st_direct(struct gen *g)
{
	emit_fd(g, 0, M_ARRAY, 1, 0);
	touch(g);
}

static inline void st_update(struct gen *g)
{
	emit(g, 0xbf, 1, any_reg(), 0, 0);
	emit_soft(g, 0x57, 1, 0, 0, 7);
	emit(g, 0x7b, 10, 1, -8, 0);
	emit_fd(g, 1, rnd(3) ? M_HASH : M_ARRAY, 0, 0);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8);
	emit(g, 0xbf, 3, 10, 0, 0);
	emit(g, 0x07, 3, 0, 0, -64);
	emit_soft(g, 0xb7, 4, 0, 0, (int)rnd(3));
	emit(g, 0x85, 0, 0, 0, rnd(3) ? 2 : 3);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

static inline void st_queue(struct gen *g)
{
	int op = 87 + (int)rnd(3);

	emit_fd(g, 1, rnd(2) ? M_QUEUE : M_STACK, 0, 0);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -16);
	if (op == 87)
		emit_soft(g, 0xb7, 3, 0, 0, (int)rnd(2) * 2);
	emit(g, 0x85, 0, 0, 0, op);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

/* r`reg` = r10 + off */
static inline void stack_arg(struct gen *g, int reg, int off)
{
	emit(g, 0xbf, reg, 10, 0, 0);
	emit(g, 0x07, reg, 0, 0, off);
}

/* A record of 64 bytes, all written, or what is in the stack already. */
static inline void st_ring(struct gen *g)
{
	uint32_t out;

	emit_fd(g, 1, M_RING, 0, 0);
	if (rnd(3) == 0) {
		stack_arg(g, 2, -64);
		emit_soft(g, 0xb7, 3, 0, 0, (int)rnd(65));
		emit_soft(g, 0xb7, 4, 0, 0, (int)rnd(4));
		emit(g, 0x85, 0, 0, 0, 130);
		emit(g, 0xbf, var_reg(g), 0, 0, 0);
		return;
	}
	emit(g, 0xb7, 2, 0, 0, 64);
	emit_soft(g, 0xb7, 3, 0, 0, rnd(8) == 0);
	emit(g, 0x85, 0, 0, 0, 131);
	out = emit_soft(g, 0x15, 0, 0, 0, 0);
	emit(g, 0x7b, 10, 0, -72, 0);
	for (int off = 0; off < 64; off += 8)
		emit(g, 0x7b, 0, any_reg(), off, 0);
	for (uint32_t n = rnd(3); n; n--) {
		touch(g);
		emit(g, 0x79, 0, 10, -72, 0);
	}
	emit(g, 0xbf, 1, 0, 0, 0);
	emit_soft(g, 0xb7, 2, 0, 0, (int)rnd(3));
	emit(g, 0x85, 0, 0, 0, 132 + (int)rnd(2));
	land(g, out);
}

/* A record by a dynptr: written and read, where it is long enough. */
static inline void st_ring_dynptr(struct gen *g)
{
	emit_fd(g, 1, M_RING, 0, 0);
	emit_soft(g, 0xb7, 2, 0, 0, (int)rnd(48));
	emit_soft(g, 0xb7, 3, 0, 0, rnd(8) == 0);
	stack_arg(g, 4, -96);
	emit(g, 0x85, 0, 0, 0, 198);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
	for (uint32_t n = rnd(3); n; n--) {
		int read = (int)rnd(2), len = (int)rnd(17);

		stack_arg(g, read ? 1 : 3, read ? -16 : -64);
		emit_soft(g, 0xb7, read ? 2 : 4, 0, 0, len);
		stack_arg(g, read ? 3 : 1, -96);
		emit_soft(g, 0xb7, read ? 4 : 2, 0, 0, (int)rnd(40));
		emit_soft(g, 0xb7, 5, 0, 0, rnd(16) == 0);
		emit(g, 0x85, 0, 0, 0, 202 - read);
		emit(g, 0xbf, var_reg(g), 0, 0, 0);
	}
	stack_arg(g, 1, -96);
	emit_soft(g, 0xb7, 2, 0, 0, (int)rnd(3));
	emit(g, 0x85, 0, 0, 0, 199 + (int)rnd(2));
}

static inline void st_inner(struct gen *g)
{
	uint32_t out, out2;

	emit_soft(g, 0x7a, 10, 0, -8, (int)rnd(3));
	emit_fd(g, 1, M_OUTER, 0, 0);
	g->maps |= 1u << (M_INNER - M_ARRAY);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8);
	emit(g, 0x85, 0, 0, 0, 1);
	out = emit_soft(g, 0x15, 0, 0, 0, 0);
	emit(g, 0xbf, 1, 0, 0, 0);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8);
	emit(g, 0x85, 0, 0, 0, 1);
	out2 = emit_soft(g, 0x15, 0, 0, 0, 0);
	touch(g);
	land(g, out);
	land(g, out2);
}

static inline void st_lock(struct gen *g)
{
	uint32_t out;

	if (g->type == BPF_PROG_TYPE_SOCKET_FILTER)
		return;
	emit_soft(g, 0x7a, 10, 0, -8, (int)rnd(3));
	emit_fd(g, 1, M_LOCK, 0, 0);
	emit(g, 0xbf, 2, 10, 0, 0);
	emit(g, 0x07, 2, 0, 0, -8);
	emit(g, 0x85, 0, 0, 0, 1);
	out = emit(g, 0x15, 0, 0, 0, 0);
	emit(g, 0x7b, 10, 6, -16, 0);
	emit(g, 0xbf, 6, 0, 0, 0);
	emit(g, 0xbf, 1, 0, 0, 0);
	emit(g, 0x07, 1, 0, 0, 4);
	emit(g, 0x85, 0, 0, 0, 93);
	emit_soft(g, 0x63, 6, any_reg(), 0, 0);
	emit_soft(g, 0x79, var_reg(g), 6, 8, 0);
	emit(g, 0xbf, 1, 6, 0, 0);
	emit(g, 0x07, 1, 0, 0, 4);
	emit(g, 0x85, 0, 0, 0, 94);
	emit(g, 0x79, 6, 10, -16, 0);
	emit(g, 0x7a, 10, 0, -16, 0);
	land(g, out);
}

/* ------------------------------------------------------------ packets */

/* r2: n bytes of packet, until the jump that is returned lands. */
static inline uint32_t packet(struct gen *g, int n)
{
	int data = g->type == BPF_PROG_TYPE_XDP ? 0 : 76, form = (int)rnd(4);

	emit(g, 0x61, 2, 6, data, 0);
	emit(g, 0x61, 3, 6, data + 4, 0);
	emit(g, 0xbf, 4, 2, 0, 0);
	emit_soft(g, 0x07, 4, 0, 0, n);
	switch (form) {
	case 0: return emit(g, 0x2d, 4, 3, 0, 0); /* r4 > r3 */
	case 1: return emit(g, 0xad, 3, 4, 0, 0); /* r3 < r4 */
	case 2:
		emit(g, 0xbd, 4, 3, 1, 0); /* r4 <= r3 goes on */
		return emit(g, 0x05, 0, 0, 0, 0);
	default: return emit(g, 0x3d, 4, 3, 0, 0); /* r4 >= r3 */
	}
}

static inline void st_packet(struct gen *g)
{
	int size = a_size(), n = 14 + (int)rnd(40), off = (int)rnd((uint32_t)(n - 7));
	uint32_t out, out2 = 0;

	if (g->type == BPF_PROG_TYPE_SOCKET_FILTER)
		return;
	out = packet(g, n);
	if (rnd(3) == 0) { /* by a length that the packet says */
		emit_soft(g, 0x71, 1, 2, off, 0);
		emit_soft(g, 0x57, 1, 0, 0, 31);
		emit(g, 0x0f, 2, 1, 0, 0);
		emit(g, 0xbf, 4, 2, 0, 0);
		emit_soft(g, 0x07, 4, 0, 0, 16);
		out2 = emit(g, 0x2d, 4, 3, 0, 0);
		off = (int)rnd(9);
	}
	if (rnd(3) == 0)
		emit_soft(g, 0x63 | size, 2, any_reg(), off, 0);
	else
		emit_soft(g, 0x61 | size, var_reg(g), 2, off, 0);
	if (out2)
		land(g, out2);
	land(g, out);
}

static inline void st_legacy(struct gen *g)
{
	int size = (int)rnd(3) << 3;

	if (g->type == BPF_PROG_TYPE_XDP || !g->main)
		return;
	if (rnd(2)) {
		emit(g, 0x20 | size, 0, 0, 0, (int)rnd(60));
	} else {
		emit(g, 0xbf, 1, any_reg(), 0, 0);
		emit_soft(g, 0x57, 1, 0, 0, 31);
		emit(g, 0xbf, 5, 1, 0, 0);
		emit(g, 0x40 | size, 0, 5, 0, (int)rnd(30));
	}
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

static inline void st_move_packet(struct gen *g)
{
	if (g->type != BPF_PROG_TYPE_XDP)
		return;
	emit(g, 0xbf, 1, 6, 0, 0);
	emit_soft(g, 0xb7, 2, 0, 0, 4 * ((int)rnd(9) - 4));
	emit(g, 0x85, 0, 0, 0, rnd(3) == 0 ? 65 : 44);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

static inline void st_bytes(struct gen *g)
{
	if (g->type == BPF_PROG_TYPE_XDP)
		return;
	emit(g, 0xbf, 1, 6, 0, 0);
	emit_soft(g, 0xb7, 2, 0, 0, (int)rnd(50));
	emit(g, 0xbf, 3, 10, 0, 0);
	emit(g, 0x07, 3, 0, 0, -32);
	if (rnd(2)) {
		emit_soft(g, 0xb7, 4, 0, 0, 1 + (int)rnd(32));
	} else {
		emit(g, 0xbf, 4, any_reg(), 0, 0);
		emit_soft(g, 0x57, 4, 0, 0, 15);
		emit(g, 0x07, 4, 0, 0, 1);
	}
	if (g->type == BPF_PROG_TYPE_SCHED_CLS && rnd(2)) {
		emit_soft(g, 0xb7, 5, 0, 0, 0);
		emit(g, 0x85, 0, 0, 0, 9);
	} else {
		emit(g, 0x85, 0, 0, 0, 26);
	}
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

static inline void st_csum(struct gen *g)
{
	if (g->type == BPF_PROG_TYPE_SOCKET_FILTER)
		return;
	emit(g, 0xbf, 1, 10, 0, 0);
	emit(g, 0x07, 1, 0, 0, -64);
	emit_soft(g, 0xb7, 2, 0, 0, 4 * (1 + (int)rnd(16)));
	emit(g, 0xbf, 3, 10, 0, 0);
	emit(g, 0x07, 3, 0, 0, -32);
	emit_soft(g, 0xb7, 4, 0, 0, 4 * (1 + (int)rnd(8)));
	emit(g, 0xb7, 5, 0, 0, (int)rnd(100));
	emit(g, 0x85, 0, 0, 0, 28);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

/* ------------------------------------------------------------ flow */

static const uint8_t conditions[] = { 0x10, 0x50, 0x40, 0x20, 0x30, 0xa0, 0xb0, 0x60, 0x70, 0xc0, 0xd0 };

static inline uint32_t condition(struct gen *g)
{
	int op = conditions[rnd(ARRAY_SIZE(conditions))] | (rnd(2) ? 5 : 6);

	if (rnd(3) == 0)
		return emit_soft(g, op | 8, any_reg(), any_reg(), 0, 0);
	return emit_soft(g, op, any_reg(), 0, 0, number());
}

static inline void st_if(struct gen *g)
{
	uint32_t other = condition(g), end;

	if (g->depth >= 3)
		return;
	g->depth++;
	statements(g, 1 + rnd(2));
	if (rnd(2)) {
		end = emit(g, rnd(4) ? 0x05 : 0x06, 0, 0, 0, 0);
		land(g, other);
		statements(g, 1 + rnd(2));
		if (g->insn[end].code == 0x06)
			g->insn[end].imm = (int)(g->cnt - end - 1);
		else
			land(g, end);
	} else {
		land(g, other);
	}
	g->depth--;
}

static inline void st_loop(struct gen *g)
{
	uint32_t top, back;

	if (g->in_loop || g->depth >= 2)
		return;
	emit(g, 0xb7, 9, 0, 0, 0);
	top = g->cnt;
	g->in_loop = 1;
	g->depth++;
	statements(g, 1 + rnd(2));
	g->depth--;
	g->in_loop = 0;
	emit(g, 0x07, 9, 0, 0, 1);
	back = emit(g, rnd(2) ? 0xa5 : 0x55, 9, 0, 0, 1 + (int)rnd(6));
	g->insn[back].off = (int16_t)((int)top - (int)back - 1);
}

static inline void st_call(struct gen *g)
{
	uint32_t sub = rnd(GEN_SUBS);

	if (!g->main || g->calls == 8)
		return;
	emit(g, 0xbf, 1, 6, 0, 0);
	emit(g, 0xbf, 2, any_reg(), 0, 0);
	emit(g, 0xbf, 3, any_reg(), 0, 0);
	g->call_sub[g->calls] = sub;
	g->call_at[g->calls++] = emit(g, 0x85, 0, BPF_PSEUDO_CALL, 0, 0);
	emit(g, 0xbf, var_reg(g), 0, 0, 0);
}

static inline void st_tail(struct gen *g)
{
	if (!g->main || rnd(2))
		return;
	emit(g, 0xbf, 1, 6, 0, 0);
	emit_fd(g, 2, M_PROG + g->type, 0, 0);
	emit(g, 0xbf, 3, any_reg(), 0, 0);
	if (rnd(2))
		emit_soft(g, 0x57, 3, 0, 0, 7);
	emit(g, 0x85, 0, 0, 0, 12);
}

static const struct {
	void (*make)(struct gen *g);
	uint32_t weight, maps;
} makers[] = {
	{ st_alu, 24, 0 },      { st_extend, 8, 0 },       { st_wide, 3, 0 },   { st_stack, 8, 0 },
	{ st_stack_var, 3, 0 }, { st_atomic_stack, 3, 0 }, { st_ctx, 5, 0 },    { st_lookup, 9, 1 },
	{ st_direct, 4, 0 },    { st_update, 4, 1 },       { st_queue, 2, 1 },  { st_inner, 2, 1 },
	{ st_lock, 2, 1 },      { st_packet, 9, 0 },       { st_legacy, 3, 0 }, { st_move_packet, 2, 0 },
	{ st_bytes, 3, 0 },     { st_csum, 2, 0 },         { st_if, 14, 0 },    { st_loop, 4, 0 },
	{ st_call, 3, 0 },      { st_tail, 1, 1 },         { st_ring, 3, 1 },   { st_ring_dynptr, 2, 1 },
};

static inline void statements(struct gen *g, uint32_t n)
{
	static uint32_t total;

	if (!total)
		for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
			total += makers[i].weight;
	for (; n && g->budget; n--) {
		uint32_t at = rnd(total), i = 0;

		while (at >= makers[i].weight)
			at -= makers[i++].weight;
		g->budget--;
		if (!gen_plain || !makers[i].maps)
			makers[i].make(g);
	}
}

/* ------------------------------------------------------------ programs */

static inline void function(struct gen *g, uint32_t n)
{
	emit(g, 0xbf, 6, 1, 0, 0);
	for (int i = 1; i <= 8; i++)
		emit(g, 0x7a, 10, 0, -8 * i, 0);
	if (g->main) {
		emit(g, 0xb7, 7, 0, 0, number());
		emit(g, 0xb7, 8, 0, 0, (int)rnd(100));
	} else {
		emit(g, 0xbf, 7, 2, 0, 0);
		emit(g, 0xbf, 8, 3, 0, 0);
	}
	emit(g, 0xb7, 9, 0, 0, (int)rnd(16));
	statements(g, n);
	if (g->main)
		g->main_end = g->cnt;
	emit(g, 0xbf, 0, 7, 0, 0);
	emit(g, 0xaf, 0, 8, 0, 0);
	emit(g, 0x0f, 0, 9, 0, 0);
	emit(g, 0x95, 0, 0, 0, 0);
}

static inline void soft_change(struct gen *g)
{
	for (int tries = 0; tries < 50; tries++) {
		struct bpf_insn *in = &g->insn[rnd(g->cnt)];
		int class = in->code & 7;

		if (!g->soft[in - g->insn])
			continue;
		if (class == 5 || class == 6) {
			if (rnd(2) && in->imm)
				in->imm = number();
			else
				in->code = (uint8_t)(conditions[rnd(ARRAY_SIZE(conditions))] |
						     (in->code & 0xf));
		} else if (class == 4 || class == 7) {
			in->imm = rnd(2) ? number() : (int)((uint32_t)in->imm + rnd(9) - 4);
		} else if (class == 1 || class == 3) {
			if (rnd(2))
				in->off = (int16_t)(in->off + (int)rnd(17) - 8);
			else if ((in->code & 0xe0) == 0x60)
				in->code = (uint8_t)((in->code & ~0x18) | a_size());
		} else {
			in->imm = number();
		}
		return;
	}
}

static inline void hard_change(struct gen *g)
{
	uint32_t at = rnd(g->cnt);
	struct bpf_insn *in = &g->insn[at], other;

	g->hard = 1;
	switch (rnd(9)) {
	case 0: in->dst_reg = rnd(12) & 15; break;
	case 1: in->src_reg = rnd(12) & 15; break;
	case 2: in->off = (int16_t)(rnd(3) ? in->off + (int)rnd(33) - 16 : number()); break;
	case 3: in->imm = rnd(3) ? (int)((uint32_t)in->imm + rnd(33) - 16) : number(); break;
	case 4: in->code = (uint8_t)rnd(256); break;
	case 5: *in = (struct bpf_insn){ .code = 0x05 }; break;
	case 6:
		other = g->insn[rnd(g->cnt)];
		g->insn[rnd(g->cnt)] = other;
		break;
	case 7:
		other = *in;
		*in = g->insn[(at + 1) % g->cnt];
		g->insn[(at + 1) % g->cnt] = other;
		break;
	default: in->code ^= (uint8_t)(1u << rnd(8));
	}
}

/* Program n of a seed: the same wherever it is made. */
static inline void gen_program(struct gen *g, uint64_t seed, uint64_t n)
{
	static const int types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				     BPF_PROG_TYPE_SOCKET_FILTER };

	gen_rng = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (n + 1) * 0xd1342543de82ef95ull;
	rnd(2);
	g->cnt = g->depth = g->maps = g->calls = 0;
	g->in_loop = g->hard = 0;
	memset(g->sub_start, 0, sizeof(g->sub_start));
	g->type = types[rnd(3)];
	g->main = 1;
	g->budget = 60;
	function(g, 3 + rnd(14));
	for (uint32_t c = 0; c < g->calls; c++) {
		uint32_t sub = g->call_sub[c];

		if (!g->sub_start[sub]) {
			g->sub_start[sub] = g->cnt;
			g->main = 0;
			g->budget = 10;
			function(g, 1 + rnd(4));
		}
		g->insn[g->call_at[c]].imm = (int)(g->sub_start[sub] - g->call_at[c] - 1);
	}
	switch (rnd(10)) {
	case 0:
	case 1:
	case 2: break;
	case 3:
	case 4:
	case 5:
		for (uint32_t i = 1 + rnd(2); i; i--)
			soft_change(g);
		break;
	default:
		for (uint32_t i = 1 + rnd(3); i; i--)
			hard_change(g);
	}
}

#endif
