// SPDX-License-Identifier: BSD-2-Clause
/*
 * Emitters for x86-64, one a form of the one list.
 *
 *     r0 rax   r1 rdi   r2 rsi   r3 rdx   r4 rcx   r5 r8     as in C: helpers are called without a move
 *     r6 rbx   r7 r13   r8 r14   r9 r15   r10 rbp            kept by callees, as in C
 *     r12      the run, in programs that need it
 *     r9 r10 r11   for the emitters
 *
 * A subprogram's frame, which has only the parts that it needs:
 *
 *     return address
 *     r12 (the first subprogram only), rbx, r13, r14, r15
 *     rbp                      <- rbp
 *     its stack, then rsp      a leaf leaves up to 128 bytes below rsp
 *
 * The first subprogram is a function (ctx, run), so that it is also where a
 * tail call arrives: who makes one takes its own frame away first, and jumps.
 */
#include "exec/jit.h"
#include "isa/insn_valid.h"
#include <cpuid.h>
#include <stddef.h>

#define RUN R12

/* What no signal handler touches below rsp. */
#define RED_ZONE 128u

static const u8 x86_of[11] = { RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15, RBP };

#define DST (x86_of[in->dst_reg])
#define SRC (x86_of[in->src_reg])

static bool have_bmi2;
bool jit_plain_shifts;

void jit_cpu_init(void)
{
	u32 a, b, c, d;

	have_bmi2 = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_BMI2;
}

/*
 * jit_enter_sub: see jit.h. jit_loop_over: exec_loop_over for code in which r0 to r5
 * live; the answer in r9d.
 */
__asm__(".text\n"
	".globl jit_enter_sub, jit_loop_over\n"
	".hidden jit_enter_sub, jit_loop_over\n"
	".type jit_enter_sub, @function\n"
	"jit_enter_sub:\n"
	"	push %r12\n"
	"	mov %r9, %r12\n"
	"	call *16(%rsp)\n"
	"	pop %r12\n"
	"	ret\n"
	".type jit_loop_over, @function\n"
	"jit_loop_over:\n"
	"	push %rax\n"
	"	push %rdi\n"
	"	push %rsi\n"
	"	push %rdx\n"
	"	push %rcx\n"
	"	push %r8\n"
	"	sub $8, %rsp\n"
	"	mov %r12, %rdi\n"
	"	call exec_loop_over\n"
	"	movzbl %al, %r9d\n"
	"	add $8, %rsp\n"
	"	pop %r8\n"
	"	pop %rcx\n"
	"	pop %rdx\n"
	"	pop %rsi\n"
	"	pop %rdi\n"
	"	pop %rax\n"
	"	ret\n");

extern const char jit_loop_over[] __attribute__((visibility("hidden")));

struct tail_to {
	const void *entry; /* rax; NULL: nothing */
	u64 ctx;           /* rdx */
};

/* Called by code, with its registers as they are. */
static struct tail_to tail_call(u64 ctx, u64 map, u64 index, u64 r4, u64 r5, struct run *r)
{
	const struct image *to = exec_tail(r, map, index);

	return (struct tail_to){ to ? to->tail_entry : NULL, ctx };
}

/* Frames. */

static const u8 kept[] = { BPF_REG_6, BPF_REG_7, BPF_REG_8, BPF_REG_9 };

static u32 stack_bytes(const struct jit *j)
{
	return j->subs[j->sub].frame ? ROUND_UP((u32)j->im->sub[j->sub].depth, 8u) : 0;
}

static bool keeps_run(const struct jit *j)
{
	return j->needs_run && !j->sub;
}

/* How far rsp is to go below what is pushed. */
static u32 frame_bytes(const struct jit *j)
{
	const struct jit_sub *s = &j->subs[j->sub];
	u32 bytes = stack_bytes(j), pushed = 8 + 8 * (u32)keeps_run(j) + 8 * (u32)s->frame;

	for (u32 i = 0; i < ARRAY_SIZE(kept); i++)
		pushed += 8 * (s->regs >> kept[i] & 1);
	if (s->calls)
		return bytes + (pushed + bytes) % 16;
	return bytes > RED_ZONE ? bytes : 0;
}

void jit_emit_prologue(struct jit *j)
{
	const struct jit_sub *s = &j->subs[j->sub];
	struct enc *e = &j->e;
	u32 bytes = frame_bytes(j);

	if (keeps_run(j)) {
		enc_push(e, RUN);
		enc_mov(e, true, RUN, RSI);
	}
	for (u32 i = 0; i < ARRAY_SIZE(kept); i++)
		if (s->regs >> kept[i] & 1)
			enc_push(e, x86_of[kept[i]]);
	if (s->frame) {
		enc_push(e, RBP);
		enc_mov(e, true, RBP, RSP);
	}
	if (bytes)
		enc_ri(e, true, E_SUB, RSP, (s32)bytes);
}

/* Leaves the frame as the prologue found it; the run is in no register any more. */
static void emit_leave(struct jit *j)
{
	const struct jit_sub *s = &j->subs[j->sub];
	struct enc *e = &j->e;
	u32 bytes = frame_bytes(j);

	if (s->frame && bytes)
		enc8(e, 0xc9); /* leave */
	else if (s->frame)
		enc_pop(e, RBP);
	else if (bytes)
		enc_ri(e, true, E_ADD, RSP, (s32)bytes);
	for (u32 i = ARRAY_SIZE(kept); i--;)
		if (s->regs >> kept[i] & 1)
			enc_pop(e, x86_of[kept[i]]);
	if (keeps_run(j))
		enc_pop(e, RUN);
}

static void emit_EXIT(struct jit *j, const struct bpf_insn *in)
{
	emit_leave(j);
	enc8(&j->e, 0xc3);
}

/* Arithmetic. */

/* Not MOV. */
static const struct {
	u8 op, ext;
} alu[16] = {
	[BPF_ADD >> 4] = { X_ADD, E_ADD }, [BPF_SUB >> 4] = { X_SUB, E_SUB }, [BPF_OR >> 4] = { X_OR, E_OR },
	[BPF_AND >> 4] = { X_AND, E_AND }, [BPF_XOR >> 4] = { X_XOR, E_XOR },
};

static void emit_ALU_K(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);
	u8 op = BPF_OP(in->code);

	if (op == BPF_AND && in->imm >= 0)
		w = false; /* the upper half becomes 0 either way */
	if (op == BPF_MUL)
		enc_imul_imm(&j->e, w, DST, in->imm);
	else
		enc_ri(&j->e, w, alu[op >> 4].ext, DST, in->imm);
}

static void emit_ALU_X(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);
	u8 op = BPF_OP(in->code);

	if (op == BPF_MUL)
		enc_rr(&j->e, w, X_IMUL, DST, SRC);
	else
		enc_rr(&j->e, w, alu[op >> 4].op, SRC, DST);
}

static void emit_MOV_K(struct jit *j, const struct bpf_insn *in)
{
	enc_mov_imm(&j->e, DST, insn_is64(in->code) ? (u64)(s64)in->imm : (u32)in->imm);
}

static void emit_MOV_X(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);

	switch (in->off) {
	case 8: enc_rr(&j->e, w, X_MOVSX8, DST, SRC); break;
	case 16: enc_rr(&j->e, w, X_MOVSX16, DST, SRC); break;
	case 32: enc_rr(&j->e, true, X_MOVSXD, DST, SRC); break;
	default:
		if (!w || DST != SRC)
			enc_mov(&j->e, w, DST, SRC);
	}
}

static void emit_NEG(struct jit *j, const struct bpf_insn *in)
{
	enc_f7(&j->e, insn_is64(in->code), E_NEG, DST);
}

static void emit_END(struct jit *j, const struct bpf_insn *in)
{
	struct enc *e = &j->e;
	bool swap = in->code != (BPF_ALU | BPF_END | BPF_TO_LE);

	if (in->imm == 16) {
		if (swap) {
			enc8(e, 0x66);
			enc_shift_imm(e, false, E_ROR, DST, 8);
		}
		enc_rr(e, false, X_MOVZX16, DST, DST);
	} else if (swap) {
		enc_bswap(e, in->imm == 64, DST);
	} else if (in->imm == 32) {
		enc_mov(e, false, DST, DST);
	}
}

static enum x86_ext shift_ext(u8 code)
{
	return BPF_OP(code) == BPF_LSH ? E_SHL : BPF_OP(code) == BPF_RSH ? E_SHR : E_SAR;
}

static void emit_SHIFT_K(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);
	u32 n = (u32)in->imm & (w ? 63 : 31);

	if (n)
		enc_shift_imm(&j->e, w, shift_ext(in->code), DST, n);
	else if (!w)
		enc_mov(&j->e, false, DST, DST);
}

/* Without BMI2 the count must be in cl, which is r4. */
static void emit_SHIFT_X(struct jit *j, const struct bpf_insn *in)
{
	enum x86_ext ext = shift_ext(in->code);
	bool w = insn_is64(in->code);
	struct enc *e = &j->e;
	u32 dst = DST == RCX ? R11 : DST;

	if (have_bmi2 && !jit_plain_shifts) {
		enc_shiftx(e, w, ext, DST, SRC);
		return;
	}
	if (SRC == RCX) {
		enc_shift_cl(e, w, ext, DST);
		return;
	}
	enc_mov(e, true, R11, RCX);
	enc_mov(e, true, RCX, SRC);
	enc_shift_cl(e, w, ext, dst);
	enc_mov(e, true, RCX, R11);
}

/* rax by r9 (not 0), signed: the result in rax, the remainder in rdx. By -1 it would trap. */
static void emit_idiv(struct jit *j, bool w, bool mod, bool maybe_minus_one)
{
	struct enc *e = &j->e;
	u8 *minus = NULL, *end = NULL;

	if (maybe_minus_one) {
		enc_ri(e, w, E_CMP, R9, -1);
		minus = enc_jcc_fwd(e, CC_E);
	}
	enc_rex(e, w, 0, 0, false);
	enc8(e, 0x99); /* cqo, cdq */
	enc_f7(e, w, E_IDIV, R9);
	if (!maybe_minus_one)
		return;
	end = enc_jmp_fwd(e);
	enc_land(e, minus);
	if (mod)
		enc_rr(e, false, X_XOR, RDX, RDX);
	else
		enc_f7(e, w, E_NEG, RAX);
	enc_land(e, end);
}

/* dst by r9, which may be 0 where maybe_zero. Everything but dst stays as it was. */
static void emit_division(struct jit *j, const struct bpf_insn *in, bool maybe_zero, bool maybe_minus_one)
{
	bool w = insn_is64(in->code), mod = BPF_OP(in->code) == BPF_MOD;
	u32 res = mod ? RDX : RAX;
	struct enc *e = &j->e;
	u8 *some = NULL, *end = NULL;

	if (DST != RAX) {
		enc_mov(e, true, R10, RAX);
		enc_mov(e, w, RAX, DST);
	}
	if (DST != RDX)
		enc_mov(e, true, R11, RDX);
	if (maybe_zero) {
		enc_rr(e, w, X_TEST, R9, R9);
		some = enc_jcc_fwd(e, CC_NE);
		if (mod)
			enc_mov(e, w, RDX, RAX);
		else
			enc_rr(e, false, X_XOR, RAX, RAX);
		end = enc_jmp_fwd(e);
		enc_land(e, some);
	}
	if (in->off == 1) {
		emit_idiv(j, w, mod, maybe_minus_one);
	} else {
		enc_rr(e, false, X_XOR, RDX, RDX);
		enc_f7(e, w, E_DIV, R9);
	}
	if (maybe_zero)
		enc_land(e, end);
	if (DST != res)
		enc_mov(e, w, DST, res);
	if (DST != RAX)
		enc_mov(e, true, RAX, R10);
	if (DST != RDX)
		enc_mov(e, true, RDX, R11);
}

static void emit_DIV_X(struct jit *j, const struct bpf_insn *in)
{
	enc_mov(&j->e, insn_is64(in->code), R9, SRC);
	emit_division(j, in, true, true);
}

/* Unsigned, by 1 << n. */
static void emit_by_power(struct jit *j, const struct bpf_insn *in, u32 n)
{
	bool w = insn_is64(in->code);
	struct enc *e = &j->e;

	if (BPF_OP(in->code) == BPF_MOD && n)
		enc_ri(e, false, E_AND, DST, (s32)((1u << n) - 1));
	else if (BPF_OP(in->code) == BPF_MOD)
		enc_mov_imm(e, DST, 0);
	else if (n)
		enc_shift_imm(e, w, E_SHR, DST, n);
	else if (!w)
		enc_mov(e, false, DST, DST);
}

static void emit_DIV_K(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);
	u32 imm = (u32)in->imm;

	/* What no verifier lets pass; with the meaning that it has for registers. */
	if (!imm && BPF_OP(in->code) == BPF_DIV) {
		enc_mov_imm(&j->e, DST, 0);
	} else if (!imm) {
		if (!w)
			enc_mov(&j->e, false, DST, DST);
	} else if (!in->off && in->imm > 0 && !(imm & (imm - 1))) {
		emit_by_power(j, in, (u32)__builtin_ctz(imm));
	} else {
		enc_mov_imm(&j->e, R9, w ? (u64)(s64)in->imm : imm);
		emit_division(j, in, false, in->imm == -1);
	}
}

/* Jumps. */

static u32 target(const struct jit *j, s32 by)
{
	return j->at + 1 + (u32)by;
}

static const u8 cond[16] = {
	[BPF_JEQ >> 4] = CC_E,  [BPF_JNE >> 4] = CC_NE,  [BPF_JGT >> 4] = CC_A,   [BPF_JGE >> 4] = CC_AE,
	[BPF_JLT >> 4] = CC_B,  [BPF_JLE >> 4] = CC_BE,  [BPF_JSGT >> 4] = CC_G,  [BPF_JSGE >> 4] = CC_GE,
	[BPF_JSLT >> 4] = CC_L, [BPF_JSLE >> 4] = CC_LE, [BPF_JSET >> 4] = CC_NE,
};

static void emit_JCMP_X(struct jit *j, const struct bpf_insn *in)
{
	u8 op = BPF_OP(in->code);

	enc_rr(&j->e, insn_is64(in->code), op == BPF_JSET ? X_TEST : X_CMP, SRC, DST);
	jit_jcc(j, cond[op >> 4], target(j, in->off));
}

static void emit_JCMP_K(struct jit *j, const struct bpf_insn *in)
{
	bool w = insn_is64(in->code);
	u8 op = BPF_OP(in->code);

	if (op == BPF_JSET)
		enc_test_imm(&j->e, w && in->imm < 0, DST, in->imm);
	else if (!in->imm)
		enc_rr(&j->e, w, X_TEST, DST, DST);
	else
		enc_ri(&j->e, w, E_CMP, DST, in->imm);
	jit_jcc(j, cond[op >> 4], target(j, in->off));
}

static void emit_JA(struct jit *j, const struct bpf_insn *in)
{
	jit_jmp(j, target(j, in->off));
}

static void emit_GOTOL(struct jit *j, const struct bpf_insn *in)
{
	jit_jmp(j, target(j, in->imm));
}

/* sub dword [run + loops_left], 1; only from 0 on is the clock looked at. */
static void emit_MAY_GOTO(struct jit *j, const struct bpf_insn *in)
{
	struct enc *e = &j->e;
	u8 *on;

	enc_rr(e, false, X_XOR, R9, R9);
	enc_mem(e, false, 0x83, E_SUB, RUN, offsetof(struct run, loops_left));
	enc8(e, 1);
	on = enc_jcc_fwd(e, CC_AE);
	jit_call(j, jit_loop_over);
	enc_land(e, on);
	enc_rr(e, false, X_TEST, R9, R9);
	jit_jcc(j, CC_NE, target(j, in->off));
}

/* Calls. */

/* push, pop of [run + image]. */
static void emit_image(struct jit *j, u32 opcode, u32 ext)
{
	enc_mem(&j->e, false, opcode, ext, RUN, offsetof(struct run, image));
}

/* What may end in a tail call changes the run's image, which is ours again afterwards. */
static void emit_call_sub(struct jit *j, u32 sub)
{
	struct enc *e = &j->e;

	if (!j->subs[sub].tail) {
		jit_call_sub(j, sub);
		return;
	}
	emit_image(j, 0xff, 6);
	enc_push(e, RAX); /* for the alignment */
	jit_call_sub(j, sub);
	enc_pop(e, R9);
	emit_image(j, 0x8f, 0);
}

static void emit_CALL(struct jit *j, const struct bpf_insn *in)
{
	if (in->src_reg == BPF_PSEUDO_CALL) {
		emit_call_sub(j, (u32)vprog_sub_at(j->im->sub, j->im->nr_subs, target(j, in->imm)));
		return;
	}
	enc_mov(&j->e, true, R9, RUN);
	jit_call(j, (const void *)(uintptr_t)insn_helper(in));
}

static void emit_TAIL_CALL(struct jit *j, const struct bpf_insn *in)
{
	struct enc *e = &j->e;
	u8 *none;

	enc_mov(e, true, R9, RUN);
	jit_call(j, (const void *)(uintptr_t)tail_call);
	enc_rr(e, true, X_TEST, RAX, RAX);
	none = enc_jcc_fwd(e, CC_E);
	enc_mov(e, true, RDI, RDX);
	enc_mov(e, true, RSI, RUN);
	emit_leave(j);
	enc8(e, 0xff); /* jmp *rax */
	enc8(e, 0xe0);
	enc_land(e, none);
}

/* run->ops->ld_abs(run, r6, offset in edx, size) */
static void emit_packet_load(struct jit *j, u32 size)
{
	struct enc *e = &j->e;
	u8 *good;

	enc_mov(e, true, RDI, RUN);
	enc_mov(e, true, RSI, RBX);
	enc_mov_imm(e, RCX, size);
	enc_mem(e, true, X_LOAD, RAX, RUN, offsetof(struct run, ops));
	enc_mem(e, false, 0xff, 2, RAX, offsetof(struct run_ops, ld_abs));
	enc_rr(e, true, X_TEST, RAX, RAX);
	good = enc_jcc_fwd(e, CC_NS);
	enc_mov_imm(e, RAX, 0);
	emit_leave(j);
	enc8(e, 0xc3);
	enc_land(e, good);
}

static void emit_LD_ABS(struct jit *j, const struct bpf_insn *in)
{
	enc_mov_imm(&j->e, RDX, (u32)in->imm);
	emit_packet_load(j, insn_size(in->code));
}

static void emit_LD_IND(struct jit *j, const struct bpf_insn *in)
{
	enc_mov(&j->e, false, RDX, SRC);
	enc_ri(&j->e, false, E_ADD, RDX, in->imm);
	emit_packet_load(j, insn_size(in->code));
}

/* Memory. */

static void emit_load(struct jit *j, const struct bpf_insn *in, bool sign)
{
	struct enc *e = &j->e;

	switch (BPF_SIZE(in->code)) {
	case BPF_B: enc_mem(e, sign, sign ? X_MOVSX8 : X_MOVZX8, DST, SRC, in->off); break;
	case BPF_H: enc_mem(e, sign, sign ? X_MOVSX16 : X_MOVZX16, DST, SRC, in->off); break;
	case BPF_W: enc_mem(e, sign, sign ? X_MOVSXD : X_LOAD, DST, SRC, in->off); break;
	default: enc_mem(e, true, X_LOAD, DST, SRC, in->off);
	}
}

static void emit_LDX(struct jit *j, const struct bpf_insn *in)
{
	emit_load(j, in, BPF_MODE(in->code) == BPF_MEMSX);
}

static void emit_PROBE(struct jit *j, const struct bpf_insn *in)
{
	const u8 *from = j->e.p;

	emit_load(j, in, BPF_MODE(in->code) == BPF_PROBE_MEMSX);
	jit_probe(j, from, DST);
}

static void emit_ST(struct jit *j, const struct bpf_insn *in)
{
	struct enc *e = &j->e;
	u32 size = insn_size(in->code);

	if (size == 2)
		enc8(e, 0x66);
	enc_mem(e, size == 8, size == 1 ? 0xc6 : 0xc7, 0, DST, in->off);
	if (size == 1) {
		enc8(e, (u32)in->imm);
	} else if (size == 2) {
		enc8(e, (u32)in->imm);
		enc8(e, (u32)in->imm >> 8);
	} else {
		enc32(e, (u32)in->imm);
	}
}

static void emit_STX(struct jit *j, const struct bpf_insn *in)
{
	u32 size = insn_size(in->code);

	if (size == 2)
		enc8(&j->e, 0x66);
	enc_mem(&j->e, size == 8, size == 1 ? X_MOV8 : X_MOV, SRC, DST, in->off);
}

#define LOCK 0xf0

static void enc_locked(struct enc *e, bool w, u32 op, u32 reg, u32 base, s32 off)
{
	enc8(e, LOCK);
	enc_mem(e, w, op, reg, base, off);
}

/* There is no such instruction: tried until nobody came between. rax is r0, kept in r11 meanwhile. */
static void emit_fetch_loop(struct jit *j, const struct bpf_insn *in, bool w)
{
	u32 base = DST == RAX ? R11 : DST, src = SRC == RAX ? R11 : SRC;
	struct enc *e = &j->e;
	const u8 *again;

	enc_mov(e, true, R11, RAX);
	enc_mem(e, w, X_LOAD, RAX, base, in->off);
	again = e->p;
	enc_mov(e, w, R10, RAX);
	enc_rr(e, w, alu[BPF_OP(in->imm) >> 4].op, src, R10);
	enc_locked(e, w, X_CMPXCHG, R10, base, in->off);
	enc_jcc_back(e, CC_NE, again);
	if (SRC == RAX)
		return;
	enc_mov(e, w, SRC, RAX);
	enc_mov(e, true, RAX, R11);
}

static void emit_ATOMIC(struct jit *j, const struct bpf_insn *in)
{
	bool w = BPF_SIZE(in->code) == BPF_DW;
	struct enc *e = &j->e;

	switch (in->imm) {
	case BPF_LOAD_ACQ: emit_load(j, in, false); break;
	case BPF_STORE_REL: emit_STX(j, in); break;
	case BPF_ADD | BPF_FETCH: enc_locked(e, w, X_XADD, SRC, DST, in->off); break;
	case BPF_XCHG: enc_mem(e, w, X_XCHG, SRC, DST, in->off); break;
	case BPF_CMPXCHG:
		enc_locked(e, w, X_CMPXCHG, SRC, DST, in->off);
		if (!w)
			enc_mov(e, false, RAX, RAX);
		break;
	default:
		if (in->imm & BPF_FETCH)
			emit_fetch_loop(j, in, w);
		else
			enc_locked(e, w, alu[in->imm >> 4].op, SRC, DST, in->off);
	}
}

static void emit_LD_IMM64(struct jit *j, const struct bpf_insn *in)
{
	enc_mov_imm(&j->e, DST, insn_imm64(in));
}

typedef void emit_fn(struct jit *j, const struct bpf_insn *in);

#define ITS_EMITTER(name, code, form, where) [(u8)(code)] = emit_##form,

static emit_fn *const emitters[256] = { INSN_LIST(ITS_EMITTER) };

void jit_emit_insn(struct jit *j, const struct bpf_insn *in)
{
	emitters[in->code](j, in);
}
