// SPDX-License-Identifier: BSD-2-Clause
/*
 * The interpreter: what an instruction does is what it does here.
 *
 * One label an opcode, from the one list (isa/insn.h); each ends with the jump
 * to the next. The instructions have been checked when the image was made, so
 * that every code has a label and every jump a target.
 *
 * Registers and the stacks of all frames lie in the C frame of one run:
 *
 *     stack[0]  <- r10 of the entry      call[0]  what the entry's callee comes back to
 *     stack[1]  <- r10 of its callee     call[1]  ...
 *
 * A helper that calls back gets a run of interp_run of its own. So does a tail
 * call out of a subprogram, whose caller goes on afterwards.
 */
#include "exec/exec_int.h"
#include "util/raw.h"
#include <time.h>

typedef u16 u16u __attribute__((aligned(1), may_alias));
typedef u32 u32u __attribute__((aligned(1), may_alias));
typedef u64 u64u __attribute__((aligned(1), may_alias));
typedef s16 s16u __attribute__((aligned(1), may_alias));
typedef s32 s32u __attribute__((aligned(1), may_alias));
typedef u8 u8u __attribute__((may_alias));
typedef s8 s8u __attribute__((may_alias));
typedef u64 au64 __attribute__((may_alias));
typedef u32 au32 __attribute__((may_alias));
typedef u16 au16 __attribute__((may_alias));

struct frame {
	const struct bpf_insn *next; /* where the caller goes on */
	u64 saved[4];                /* its r6 to r9 */
};

/*
 * Under the address sanitizer what a subprogram has no right to in its frame is
 * out of bounds: a program that the verifier should not have let pass is caught there.
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void fence(const struct image *im, const struct bpf_insn *at, u8 *frame)
{
	for (u32 s = 0; s < im->nr_subs; s++) {
		if (im->insns + im->sub[s].start != at)
			continue;
		__asan_unpoison_memory_region(frame, BPF_STACK_MAX);
		__asan_poison_memory_region(frame, BPF_STACK_MAX - ROUND_UP((u32)im->sub[s].depth, 8u));
	}
}

static void unfence(u8 *frames, size_t size)
{
	__asan_unpoison_memory_region(frames, size);
}
#else
static inline void fence(const struct image *im, const struct bpf_insn *at, u8 *frame) {}
static inline void unfence(u8 *frames, size_t size) {}
#endif

/* By the clock, a loop of may_goto lasts as long as the kernel lets it. */
#define LOOP_NS    250000000u
#define LOOP_CHECK 0xffffu

static u64 now_ns(void)
{
	struct timespec ts = { 0 };

	raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

bool exec_loop_over(struct run *r)
{
	u64 now = now_ns();

	if (!r->loop_began)
		r->loop_began = now;
	if (now - r->loop_began >= LOOP_NS) {
		r->loops_left = 0;
		return true;
	}
	r->loops_left = LOOP_CHECK;
	return false;
}

/* The instruction of a tail call counts only where there is something to go to, as in the kernel. */
const struct image *exec_tail(struct run *r, u64 map, u64 index)
{
	const struct image *to;

	if (r->tail_calls >= BPF_TAIL_CALLS)
		return NULL;
	to = r->ops->tail(r, u64_to_ptr(map), (u32)index);
	if (!to)
		return NULL;
	r->tail_calls++;
	r->image = to;
	return to;
}

/* By zero gives 0, and leaves the dividend as the remainder; the least number by -1 gives itself, and 0. */
static inline u64 div64(u64 a, u64 b, bool sign)
{
	if (!b)
		return 0;
	if (!sign)
		return a / b;
	return b == ~0ull ? 0 - a : (u64)((s64)a / (s64)b);
}

static inline u64 mod64(u64 a, u64 b, bool sign)
{
	if (!b)
		return a;
	if (!sign)
		return a % b;
	return b == ~0ull ? 0 : (u64)((s64)a % (s64)b);
}

static inline u32 div32(u32 a, u32 b, bool sign)
{
	if (!b)
		return 0;
	if (!sign)
		return a / b;
	return b == ~0u ? 0 - a : (u32)((s32)a / (s32)b);
}

static inline u32 mod32(u32 a, u32 b, bool sign)
{
	if (!b)
		return a;
	if (!sign)
		return a % b;
	return b == ~0u ? 0 : (u32)((s32)a % (s32)b);
}

static inline u64 extend(u64 v, s16 bits)
{
	switch (bits) {
	case 8: return (u64)(s64)(s8)v;
	case 16: return (u64)(s64)(s16)v;
	case 32: return (u64)(s64)(s32)v;
	default: return v;
	}
}

static inline u64 swapped(u64 v, s32 bits)
{
	return bits == 16   ? __builtin_bswap16((u16)v)
	       : bits == 32 ? __builtin_bswap32((u32)v)
			    : __builtin_bswap64(v);
}

static inline u64 truncated(u64 v, s32 bits)
{
	return bits == 16 ? (u16)v : bits == 32 ? (u32)v : v;
}

#define SEQ __ATOMIC_SEQ_CST

/* *res: what goes to src (or r0, for cmpxchg; dst, for load_acquire). Returns whether anything does. */
#define ATOMIC_FN(name, type)                                                                                \
	static bool name(type *p, s32 imm, u64 src, u64 r0, u64 *res)                                        \
	{                                                                                                    \
		type old = (type)r0;                                                                         \
                                                                                                             \
		switch (imm & ~BPF_FETCH) {                                                                  \
		case BPF_ADD: *res = __atomic_fetch_add(p, (type)src, SEQ); return imm & BPF_FETCH;          \
		case BPF_AND: *res = __atomic_fetch_and(p, (type)src, SEQ); return imm & BPF_FETCH;          \
		case BPF_OR: *res = __atomic_fetch_or(p, (type)src, SEQ); return imm & BPF_FETCH;            \
		case BPF_XOR: *res = __atomic_fetch_xor(p, (type)src, SEQ); return imm & BPF_FETCH;          \
		case BPF_XCHG & ~BPF_FETCH: *res = __atomic_exchange_n(p, (type)src, SEQ); return true;      \
		case BPF_CMPXCHG & ~BPF_FETCH:                                                               \
			__atomic_compare_exchange_n(p, &old, (type)src, false, SEQ, SEQ);                    \
			*res = old;                                                                          \
			return true;                                                                         \
		default: return false;                                                                       \
		}                                                                                            \
	}

ATOMIC_FN(atomic_op32, au32)
ATOMIC_FN(atomic_op64, au64)

static void atomic_store(u64 addr, u32 size, u64 v)
{
	switch (size) {
	case 1: __atomic_store_n((u8u *)addr, (u8)v, __ATOMIC_RELEASE); return;
	case 2: __atomic_store_n((au16 *)addr, (u16)v, __ATOMIC_RELEASE); return;
	case 4: __atomic_store_n((au32 *)addr, (u32)v, __ATOMIC_RELEASE); return;
	default: __atomic_store_n((au64 *)addr, v, __ATOMIC_RELEASE);
	}
}

static u64 atomic_load(u64 addr, u32 size)
{
	switch (size) {
	case 1: return __atomic_load_n((u8u *)addr, __ATOMIC_ACQUIRE);
	case 2: return __atomic_load_n((au16 *)addr, __ATOMIC_ACQUIRE);
	case 4: return __atomic_load_n((au32 *)addr, __ATOMIC_ACQUIRE);
	default: return __atomic_load_n((au64 *)addr, __ATOMIC_ACQUIRE);
	}
}

static void atomic(const struct bpf_insn *in, u64 *reg)
{
	u64 addr = reg[in->dst_reg] + (u64)(s64)in->off, res;
	u32 size = insn_size(in->code);
	bool got;

	if (in->imm == BPF_LOAD_ACQ) {
		reg[in->dst_reg] = atomic_load(reg[in->src_reg] + (u64)(s64)in->off, size);
		return;
	}
	if (in->imm == BPF_STORE_REL) {
		atomic_store(addr, size, reg[in->src_reg]);
		return;
	}
	got = size == 8 ? atomic_op64((au64 *)addr, in->imm, reg[in->src_reg], reg[0], &res)
			: atomic_op32((au32 *)addr, in->imm, reg[in->src_reg], reg[0], &res);
	if (got)
		reg[in->imm == BPF_CMPXCHG ? 0 : in->src_reg] = res;
}

#define DST reg[in->dst_reg]
#define SRC reg[in->src_reg]
#define IMM ((u64)(s64)in->imm)
#define D32 ((u32)DST)
#define S32 ((u32)SRC)
#define I32 ((u32)in->imm)

#define AT(base) ((base) + (u64)(s64)in->off)

/* clang-format off */
#define NEXT      do { in++; goto *label[in->code]; } while (0)
#define GO(by)    do { in += (s64)(by) + 1; goto *label[in->code]; } while (0)

#define ALU(name, op) \
	L_##name##64_K: DST = DST op IMM; NEXT; \
	L_##name##64_X: DST = DST op SRC; NEXT; \
	L_##name##32_K: DST = (u32)(D32 op I32); NEXT; \
	L_##name##32_X: DST = (u32)(D32 op S32); NEXT;

#define DIV(name, fn) \
	L_##name##64_K: DST = fn##64(DST, IMM, in->off); NEXT; \
	L_##name##64_X: DST = fn##64(DST, SRC, in->off); NEXT; \
	L_##name##32_K: DST = fn##32(D32, I32, in->off); NEXT; \
	L_##name##32_X: DST = fn##32(D32, S32, in->off); NEXT;

#define SHIFT(name, op, type64, type32) \
	L_##name##64_K: DST = (u64)((type64)DST op (in->imm & 63)); NEXT; \
	L_##name##64_X: DST = (u64)((type64)DST op (SRC & 63)); NEXT; \
	L_##name##32_K: DST = (u32)((type32)DST op (in->imm & 31)); NEXT; \
	L_##name##32_X: DST = (u32)((type32)DST op (SRC & 31)); NEXT;

#define JUMP(name, op, type64, type32) \
	L_##name##_K: if ((type64)DST op (type64)IMM) GO(in->off); NEXT; \
	L_##name##_X: if ((type64)DST op (type64)SRC) GO(in->off); NEXT; \
	L_##name##32_K: if ((type32)DST op (type32)I32) GO(in->off); NEXT; \
	L_##name##32_X: if ((type32)DST op (type32)S32) GO(in->off); NEXT;

#define MEM(size, type) \
	L_LDX_##size: DST = *(const type *)AT(SRC); NEXT; \
	L_ST_##size: *(type *)AT(DST) = (type)in->imm; NEXT; \
	L_STX_##size: *(type *)AT(DST) = (type)SRC; NEXT;

#define LDSX(size, type, bytes) \
	L_LDSX_##size: DST = (u64)(s64)*(const type *)AT(SRC); NEXT; \
	L_PROBE_##size: DST = exec_probe(AT(SRC), bytes, false); NEXT; \
	L_PROBESX_##size: DST = exec_probe(AT(SRC), bytes, true); NEXT;

#define PACKET(size) \
	L_LD_ABS_##size: L_LD_IND_##size:
/* clang-format on */

#define ITS_LABEL(name, code, form, where) [(u8)(code)] = &&L_##name,

/* The frames belong to the caller: inside a function full of computed jumps the sanitizer forgets its fences.
 */
struct frames {
	u8 stack[BPF_FRAMES_MAX][BPF_STACK_MAX] __attribute__((aligned(16)));
};

static u64 interp_run(const struct image *im, const struct bpf_insn *in, u64 *reg, struct frames *f,
		      struct run *r)
{
	static const void *const label[256] = { INSN_LIST(ITS_LABEL) };
	u8(*const stack)[BPF_STACK_MAX] = f->stack;
	struct frame call[BPF_FRAMES_MAX];
	const struct image *to;
	u32 depth = 0;
	s64 got;

	reg[10] = ptr_to_u64(stack[0] + BPF_STACK_MAX);
	fence(im, in, stack[0]);
	goto *label[in->code];

	/* clang-format off */
	ALU(ADD, +) ALU(SUB, -) ALU(MUL, *) ALU(OR, |) ALU(AND, &) ALU(XOR, ^)
	DIV(DIV, div) DIV(MOD, mod)
	SHIFT(LSH, <<, u64, u32) SHIFT(RSH, >>, u64, u32) SHIFT(ARSH, >>, s64, s32)

	L_MOV64_K: DST = IMM; NEXT;
	L_MOV64_X: DST = extend(SRC, in->off); NEXT;
	L_MOV32_K: DST = I32; NEXT;
	L_MOV32_X: DST = (u32)extend(SRC, in->off); NEXT;
	L_NEG64: DST = 0 - DST; NEXT;
	L_NEG32: DST = 0 - D32; NEXT;
	L_TO_LE: DST = truncated(DST, in->imm); NEXT;
	L_TO_BE: L_BSWAP: DST = swapped(DST, in->imm); NEXT;

	JUMP(JEQ, ==, u64, u32) JUMP(JNE, !=, u64, u32) JUMP(JGT, >, u64, u32) JUMP(JGE, >=, u64, u32)
	JUMP(JLT, <, u64, u32) JUMP(JLE, <=, u64, u32) JUMP(JSGT, >, s64, s32) JUMP(JSGE, >=, s64, s32)
	JUMP(JSLT, <, s64, s32) JUMP(JSLE, <=, s64, s32) JUMP(JSET, &, u64, u32)

	L_JA: GO(in->off);
	L_GOTOL: GO(in->imm);
	L_MAY_GOTO:
		if (!r->loops_left-- && exec_loop_over(r))
			GO(in->off);
		NEXT;

	MEM(B, u8u) MEM(H, u16u) MEM(W, u32u) MEM(DW, u64u)
	LDSX(B, s8u, 1) LDSX(H, s16u, 2) LDSX(W, s32u, 4)
	L_PROBE_DW: DST = exec_probe(AT(SRC), 8, false); NEXT;

	L_ATOMIC_B: L_ATOMIC_H: L_ATOMIC_W: L_ATOMIC_DW: atomic(in, reg); NEXT;

	L_LD_IMM64: DST = insn_imm64(in); in++; NEXT;
	/* clang-format on */

	PACKET(B)
	PACKET(H)
	PACKET(W)
	got = (s32)(BPF_MODE(in->code) == BPF_IND ? S32 : 0) + (s64)in->imm;
	got = r->ops->ld_abs(r, u64_to_ptr(reg[6]), (s32)got, insn_size(in->code));
	reg[0] = got < 0 ? 0 : (u64)got;
	if (got < 0)
		goto L_EXIT;
	NEXT;

L_CALL:
	if (!in->src_reg) {
		reg[0] = insn_helper(in)(reg[1], reg[2], reg[3], reg[4], reg[5], r);
		NEXT;
	}
	call[depth] = (struct frame){ in + 1, { reg[6], reg[7], reg[8], reg[9] } };
	depth++;
	reg[10] = ptr_to_u64(stack[depth] + BPF_STACK_MAX);
	fence(im, in + 1 + in->imm, stack[depth]);
	GO(in->imm);

L_TAIL_CALL:
	to = exec_tail(r, reg[2], reg[3]);
	if (!to)
		NEXT;
	if (!depth && !to->code) {
		im = to;
		in = im->insns;
		fence(im, in, stack[0]);
		goto *label[in->code];
	}
	reg[0] = to->enter(u64_to_ptr(reg[1]), r);
	r->image = im;

L_EXIT:
	if (!depth) {
		unfence(stack[0], sizeof(*f));
		return reg[0];
	}
	depth--;
	for (u32 i = 0; i < 4; i++)
		reg[6 + i] = call[depth].saved[i];
	reg[10] = ptr_to_u64(stack[depth] + BPF_STACK_MAX);
	in = call[depth].next;
	goto *label[in->code];
}

u64 interp_enter(void *ctx, struct run *r)
{
	u64 reg[11] = { 0 };
	struct frames f;

	reg[1] = ptr_to_u64(ctx);
	return interp_run(r->image, r->image->insns, reg, &f, r);
}

u64 interp_sub(const struct image *im, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, struct run *r)
{
	u64 reg[11] = { 0, a1, a2, a3, a4, a5 };
	struct frames f;

	return interp_run(im, im->insns + im->sub[sub].start, reg, &f, r);
}
