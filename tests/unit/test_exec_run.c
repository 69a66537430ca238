// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whole programs: calls, frames, tail calls, callbacks, packet loads, loops, and
 * what goes wrong while they run. Each in the interpreter and in the JIT; tail
 * calls also on the kernel, which says how they count.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "exec/exec_int.h"
#include "exec/jit.h"
#include "shm/guard.h"
#include "tests/lib/exectest.h"
#include "tests/lib/tap.h"

static struct xt t;

/* Helpers of the test: what comes in, in the order of their ids. */
enum { H_NONE, H_MIX, H_CALLBACK, H_COUNT, H_IMAGE };

static u64 counted;

static u64 mix(u64 a, u64 b, u64 c, u64 d, u64 e, struct run *r)
{
	return a + 3 * b + 5 * c + 7 * d + 11 * e + (r->cpu == 77 ? 1000 : 0);
}

/* callback number a, b times, with (i, c): the sum of what it gives back. */
static u64 call_back(u64 a, u64 b, u64 c, u64 d, u64 e, struct run *r)
{
	u64 sum = 0;

	for (u64 i = 0; i < b; i++)
		sum += r->ops->callback(r, (u32)a, i, c, d, e, i * 2);
	return sum;
}

static u64 count(u64 a, u64 b, u64 c, u64 d, u64 e, struct run *r)
{
	return ++counted;
}

static u64 image_now(u64 a, u64 b, u64 c, u64 d, u64 e, struct run *r)
{
	return ptr_to_u64(r->image);
}

const struct bpf_func_proto *helper_get(s32 id)
{
	static const struct bpf_func_proto protos[] = {
		[H_MIX] = { .func = mix },
		[H_CALLBACK] = { .func = call_back },
		[H_COUNT] = { .func = count },
		[H_IMAGE] = { .func = image_now },
	};

	return id > 0 && id < (s32)ARRAY_SIZE(protos) ? &protos[id] : NULL;
}

static const struct image *slots[4];
static u8 packet[64];

static const struct image *tail_slot(struct run *r, struct bpf_map *m, u32 index)
{
	return index < ARRAY_SIZE(slots) ? slots[index] : NULL;
}

static s64 packet_load(struct run *r, void *ctx, s32 off, u32 size)
{
	u32 v = 0;

	if (ctx != packet || off < 0 || (u32)off + size > sizeof(packet))
		return -EFAULT;
	for (u32 i = 0; i < size; i++)
		v = v << 8 | packet[(u32)off + i];
	return v;
}

static const struct run_ops ops = { .tail = tail_slot, .callback = image_callback, .ld_abs = packet_load };

static u64 run_ctx(const struct image *im, void *ctx, int *err)
{
	struct run r = { .ops = &ops, .cpu = 77 };
	u64 r0 = 0xdead;

	*err = xt_run(im, ctx, &r, &r0);
	return r0;
}

static void check(const char *name, u64 want)
{
	int e1, e2, err = xt_make(&t, NULL, NULL, 0);
	u64 a, b;

	if (err) {
		ok(false, "%s: image_make %d", name, err);
		return;
	}
	a = run_ctx(&t.interp, packet, &e1);
	b = run_ctx(&t.jit, packet, &e2);
	ok(!e1 && !e2 && a == want && b == want, "%s: %llu (interpreter %llu, JIT %llu)", name,
	   (unsigned long long)want, (unsigned long long)a, (unsigned long long)b);
	xt_free(&t);
}

static void test_helper(void)
{
	xt_begin(&t);
	for (u32 i = 1; i <= 5; i++)
		MOV_K(i, (s32)i);
	MOV_K(6, 100000);
	CALL(H_MIX);
	ADD_X(0, 6);
	EXIT();
	check("helper: five arguments, the run, and what is kept", 101000 + 1 + 6 + 15 + 28 + 55);
}

/* Eight frames, each with a word on its stack and one in r6 that must be there after the call. */
static void test_frames(void)
{
	u32 call[8];

	xt_begin(&t);
	for (u32 f = 0; f < 8; f++) {
		if (f) {
			xt_sub(&t, f % 2 ? 512 : 8);
			xt_land_call(&t, call[f - 1]);
		}
		t.p.sub[f].depth = f % 2 ? 512 : 24;
		MOV_K(6, 1 << f);
		MOV_K(9, 1 << (f + 8));
		STX(10, -8, 9);
		STX(10, -(s32)t.p.sub[f].depth, 9);
		ADD_X(1, 6);
		if (f == 7) {
			MOV_X(0, 1);
			EXIT();
			break;
		}
		call[f] = CALL_SUB();
		LDX(1, 10, -8);
		LDX(2, 10, -(s32)t.p.sub[f].depth);
		ADD_X(0, 1);
		ADD_X(0, 2);
		ADD_X(0, 6);
		ADD_X(0, 9);
		EXIT();
	}
	xt(&t, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0); /* after the last: cut off again */
	t.p.cnt--;
	/* r1 is the context at first: made 0. */
	memmove(&t.insns[1], &t.insns[0], t.p.cnt * sizeof(t.insns[0]));
	t.insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1 };
	t.p.cnt++;
	for (u32 f = 1; f < 8; f++)
		t.p.sub[f].start++;
	/* r1 of each callee is the caller's, plus its bit: 255. Then 7 times 3 << f + 8 and 1 << f. */
	check("eight frames", 255 + 3 * (127 << 8) + 127);
}

static void test_callbacks(void)
{
	u32 func, at;

	xt_begin(&t);
	func = t.p.cnt;
	xt_imm64(&t, 1, BPF_PSEUDO_FUNC, 0);
	MOV_K(2, 10);
	MOV_X(3, 10);
	ADD_K(3, -8);
	MOV_K(6, 5);
	STX(10, -8, 6);
	MOV_K(7, 70);
	CALL(H_CALLBACK);
	LDX(1, 10, -8);
	ADD_X(0, 1);
	ADD_X(0, 6);
	ADD_X(0, 7);
	EXIT();
	xt_sub(&t, 32);
	xt_land_call(&t, func);
	MOV_X(6, 1); /* i */
	LDX(7, 2, 0);
	ADD_K(7, 1);
	STX(2, 0, 7); /* the caller's word */
	STX(10, -32, 7);
	MOV_X(1, 6);
	at = CALL_SUB();
	ADD_X(0, 6);
	EXIT();
	xt_sub(&t, 0);
	xt_land_call(&t, at);
	MOV_X(0, 1);
	ADD_K(0, 1);
	EXIT();
	check("callbacks that write the caller's stack and call on", 45 + 55 + 15 + 5 + 70);
}

static void packet_prog(u8 size, bool ind, s32 off)
{
	xt_begin(&t);
	MOV_X(6, 1);
	MOV_K(7, 30);
	MOV_K(8, 9);
	xt(&t, BPF_LD | (ind ? BPF_IND : BPF_ABS) | size, 0, ind ? 7 : 0, 0, off);
	ADD_X(0, 8);
	EXIT();
}

static void test_packets(void)
{
	u32 at;

	for (u32 i = 0; i < sizeof(packet); i++)
		packet[i] = (u8)(i + 0x80);
	packet_prog(BPF_B, false, 1);
	check("ld_abs u8", 0x81 + 9);
	packet_prog(BPF_H, false, 62);
	check("ld_abs u16 at the end", 0xbebf + 9);
	packet_prog(BPF_W, false, 4);
	check("ld_abs u32", 0x84858687ull + 9);
	packet_prog(BPF_W, false, 61);
	check("ld_abs out of the packet ends the program", 0);
	packet_prog(BPF_B, true, -30);
	check("ld_ind u8", 0x80 + 9);
	packet_prog(BPF_H, true, 2);
	check("ld_ind u16", 0xa0a1 + 9);
	packet_prog(BPF_W, true, 30);
	check("ld_ind u32", 0xbcbdbebfull + 9);
	packet_prog(BPF_W, true, -31);
	check("ld_ind before the packet", 0);
	xt_begin(&t);
	MOV_K(7, 5);
	at = CALL_SUB();
	ADD_X(0, 7);
	EXIT();
	xt_sub(&t, 0);
	xt_land_call(&t, at);
	MOV_X(6, 1);
	xt(&t, BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 100);
	MOV_K(0, 100);
	EXIT();
	check("out of the packet in a subprogram ends the subprogram", 5);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void test_may_goto(void)
{
	const struct image *im[2] = { &t.interp, &t.jit };
	bool good = true;
	u32 loop, sub;

	xt_begin(&t);
	for (u32 i = 0; i < 10; i++)
		MOV_K(i, (s32)i + 1);
	loop = xt(&t, BPF_JMP | BPF_JCOND, 0, 0, 0, 0);
	xt(&t, BPF_JMP | BPF_JA, 0, 0, -2, 0);
	xt_land(&t, loop);
	for (u32 i = 1; i < 10; i++)
		ADD_X(0, i);
	EXIT();
	ok(!xt_make(&t, NULL, NULL, 0), "may_goto: a loop without end");
	for (u32 i = 0; i < 2; i++) {
		double t0 = now();
		int err;
		u64 r0 = run_ctx(im[i], packet, &err), took = (u64)((now() - t0) * 1000);

		good &= !err && r0 == 55 && took >= 240 && took < 2000;
		diag("%s: r0 %llu after %llu ms", i ? "JIT" : "interpreter", (unsigned long long)r0,
		     (unsigned long long)took);
	}
	ok(good, "ends by the clock, with all registers as they were");
	xt_free(&t);
	/* A loop that ends by itself before that. */
	xt_begin(&t);
	sub = CALL_SUB();
	EXIT();
	xt_sub(&t, 8);
	xt_land_call(&t, sub);
	MOV_K(0, 0);
	MOV_K(6, 300000);
	loop = xt(&t, BPF_JMP | BPF_JCOND, 0, 0, 0, 0);
	ADD_K(0, 1);
	ADD_K(6, -1);
	JNE_K(6, 0, -4);
	xt_land(&t, loop);
	EXIT();
	check("a bounded loop with may_goto runs to its end", 300000);
}

/* n instructions of code between the jumps, and a loop back over them. */
static void long_jumps(u32 n, bool gotol, u64 want)
{
	u32 at, back, over;
	char name[64];

	xt_begin(&t);
	MOV_K(6, 3);
	MOV_K(0, 0);
	back = t.p.cnt;
	at = xt(&t, BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 0, 0);
	over = xt(&t, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	ADD_K(0, 1000000);
	xt_land(&t, over);
	for (u32 i = 0; i < n; i++)
		ADD_K(0, 1);
	ADD_K(6, -1);
	if (gotol)
		xt(&t, BPF_JMP32 | BPF_JA, 0, 0, 0, (s32)(back - t.p.cnt - 1));
	else
		xt(&t, BPF_JMP | BPF_JA, 0, 0, (s32)(back - t.p.cnt - 1), 0);
	xt_land(&t, at);
	if (gotol && t.insns[at].off != (s32)(t.p.cnt - at - 1)) {
		/* Too far for 16 bits: by way of a gotol. */
		t.insns[at].off = 1;
		t.insns[over].code = BPF_JMP | BPF_JA;
		t.insns[over].off = 1;
		t.insns[over + 1] = (struct bpf_insn){ .code = BPF_JMP32 | BPF_JA,
						       .imm = (s32)(t.p.cnt - over - 2) };
	}
	EXIT();
	snprintf(name, sizeof(name), "jumps over %u instructions%s", n, gotol ? ", gotol" : "");
	check(name, want);
}

static void test_long_jumps(void)
{
	static const u32 around[] = { 0, 1, 28, 29, 30, 31, 32, 33, 60, 200, 8000, 32000 };

	for (u32 i = 0; i < ARRAY_SIZE(around); i++)
		long_jumps(around[i], false, around[i] * 3ull);
	long_jumps(5, true, 15);
	long_jumps(60000, true, 180000);
}

/* A program of jumps only, each over the next few, in which what is short depends on what is short. */
static void test_dense_jumps(void)
{
	u64 want = 0;

	xt_begin(&t);
	MOV_K(0, 0);
	for (u32 i = 0; i < 20000; i++)
		xt(&t, BPF_JMP | BPF_JNE | BPF_K, 0, 0, (s32)MIN((i * 7919) % 60, 19999 - i), 0);
	EXIT();
	check("20,000 branches that are not taken", want);
}

/* Tail calls: what is in the slots. */

static struct image made[4];

static struct image *keep(u32 i, bool jit)
{
	if (image_make(&made[i], &t.p, NULL, NULL, 0, jit))
		ok(false, "image_make");
	return &made[i];
}

static void drop(void)
{
	for (u32 i = 0; i < 4; i++)
		if (made[i].mem)
			image_free(&made[i]);
	memset(slots, 0, sizeof(slots));
}

/* Counts itself, then goes to slot `index`, or gives back what it counted. */
static void counting_prog(s32 index, s32 depth)
{
	xt_begin(&t);
	t.p.sub[0].depth = (u16)depth;
	MOV_X(6, 1);
	CALL(H_COUNT);
	MOV_X(7, 0);
	if (depth)
		STX(10, -depth, 7);
	MOV_X(1, 6);
	MOV_K(2, 0);
	MOV_K(3, 2); /* empty */
	TAIL();
	MOV_X(1, 6);
	MOV_K(2, 0);
	MOV_K(3, index);
	TAIL();
	MOV_X(0, 7);
	ADD_K(0, 1000);
	EXIT();
}

static void test_tail_limit(void)
{
	int err;
	u64 r0;

	for (u32 jit = 0; jit < 4; jit++) {
		counting_prog(1, 512);
		slots[0] = keep(0, jit & 1);
		counting_prog(0, 0);
		slots[1] = keep(1, jit & 2);
		counted = 0;
		r0 = run_ctx(slots[0], packet, &err);
		ok(!err && counted == 34 && r0 == 1034,
		   "%s to %s and back: 33 tail calls, then on behind the 34th (%llu runs)",
		   jit & 1 ? "JIT" : "interpreter", jit & 2 ? "JIT" : "interpreter",
		   (unsigned long long)counted);
		drop();
	}
	for (u32 jit = 0; jit < 2; jit++) {
		counting_prog(3, 16);
		slots[0] = keep(0, jit);
		counted = 0;
		r0 = run_ctx(slots[0], packet, &err);
		ok(!err && r0 == 1001, "%s: nothing in the slot", jit ? "JIT" : "interpreter");
		drop();
	}
}

/* main: r7 = 5; r0 = sub(ctx); r0 += r7, and the image must be main's own again. */
static void caller_prog(void)
{
	u32 at;

	xt_begin(&t);
	MOV_K(7, 5);
	at = CALL_SUB();
	MOV_X(8, 0);
	CALL(H_IMAGE);
	MOV_X(9, 0);
	MOV_X(0, 8);
	ADD_X(0, 7);
	STX(10, -8, 9);
	xt(&t, BPF_LDX | BPF_MEM | BPF_DW, 9, 10, -8, 0);
	xt_imm64(&t, 1, 0, ptr_to_u64(&made[0]));
	xt(&t, BPF_JMP | BPF_JEQ | BPF_X, 9, 1, 1, 0);
	MOV_K(0, -1);
	EXIT();
	xt_sub(&t, 64);
	xt_land_call(&t, at);
	MOV_K(7, 99);
	MOV_K(8, 98);
	STX(10, -64, 7);
	MOV_K(2, 0);
	MOV_K(3, 1);
	TAIL();
	MOV_K(0, 1000);
	EXIT();
}

static void answer_prog(s32 n)
{
	xt_begin(&t);
	MOV_K(6, 1);
	MOV_K(7, 2);
	MOV_K(8, 3);
	MOV_K(9, 4);
	STX(10, -8, 9);
	MOV_K(0, n);
	EXIT();
}

static void test_tail_from_sub(void)
{
	int err;
	u64 r0, none;

	for (u32 jit = 0; jit < 4; jit++) {
		caller_prog();
		slots[0] = keep(0, jit & 1);
		none = run_ctx(slots[0], packet, &err);
		answer_prog(40);
		slots[1] = keep(1, jit & 2);
		r0 = run_ctx(slots[0], packet, &err);
		ok(!err && r0 == 45 && none == 1005,
		   "%s to %s: a tail call in a subprogram ends the subprogram, its caller goes on (%llu, "
		   "%llu)",
		   jit & 1 ? "JIT" : "interpreter", jit & 2 ? "JIT" : "interpreter", (unsigned long long)r0,
		   (unsigned long long)none);
		drop();
	}
}

/* A callback whose end is a tail call. */
static void test_tail_from_callback(void)
{
	u32 func;
	int err;
	u64 r0;

	for (u32 jit = 0; jit < 4; jit++) {
		xt_begin(&t);
		func = t.p.cnt;
		xt_imm64(&t, 1, BPF_PSEUDO_FUNC, 0);
		MOV_K(2, 3);
		CALL(H_CALLBACK);
		EXIT();
		xt_sub(&t, 0);
		xt_land_call(&t, func);
		MOV_K(2, 0);
		MOV_K(3, 1);
		TAIL();
		MOV_K(0, 1000);
		EXIT();
		slots[0] = keep(0, jit & 1);
		answer_prog(7);
		slots[1] = keep(1, jit & 2);
		r0 = run_ctx(slots[0], packet, &err);
		ok(!err && r0 == 21, "%s to %s: tail calls out of callbacks", jit & 1 ? "JIT" : "interpreter",
		   jit & 2 ? "JIT" : "interpreter");
		drop();
	}
}

/* The kernel on the same: tail calls of one program to itself, and one out of a subprogram. */

/* Two functions that give back an int: without such BTF no tail call may be in a subprogram. */
static int kernel_btf(void)
{
	static const struct {
		struct btf_header h;
		struct btf_type type;
		u32 bits;
		struct btf_type proto, main, sub;
		char names[10];
	} b = {
		.h = { BTF_MAGIC, BTF_VERSION, 0, sizeof(b.h), 0, 4 * 12 + 4, 4 * 12 + 4, sizeof(b.names) },
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.bits = BTF_INT_SIGNED << 24 | 32,
		.proto = { .info = BTF_KIND_FUNC_PROTO << 24, .type = 1 },
		.main = { .name_off = 5, .info = BTF_KIND_FUNC << 24, .type = 2 },
		.sub = { .name_off = 7, .info = BTF_KIND_FUNC << 24, .type = 2 },
		.names = "\0int\0m\0s",
	};
	union bpf_attr a = { 0 };

	a.btf = ptr_to_u64(&b);
	a.btf_size = (u32)offsetof(__typeof__(b), names) + sizeof(b.names);
	return (int)syscall(SYS_bpf, BPF_BTF_LOAD, &a, sizeof(a));
}

static int kernel_prog(int array)
{
	struct bpf_func_info info[2] = { { 0, 3 }, { t.p.sub[1].start, 4 } };
	int fd, btf = kernel_btf();
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .license = ptr_to_u64("GPL") };

	for (u32 i = 0; i < t.p.cnt; i++) {
		struct bpf_insn *in = &t.insns[i];

		if (in->code == (BPF_JMP | BPF_TAIL_CALL))
			*in = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = 12 };
		else if (insn_is_wide(in->code) && in->src_reg == BPF_PSEUDO_MAP_IDX)
			*in = (struct bpf_insn){
				.code = in->code, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = array
			};
	}
	a.insns = ptr_to_u64(t.insns);
	a.insn_cnt = t.p.cnt;
	a.prog_btf_fd = (u32)btf;
	a.func_info_rec_size = sizeof(info[0]);
	a.func_info = ptr_to_u64(info);
	a.func_info_cnt = t.p.nr_subs;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	close(btf);
	return fd;
}

static int kernel_run(int prog)
{
	u8 data[64] = { 0 };
	union bpf_attr a = { 0 };

	a.test.prog_fd = (u32)prog;
	a.test.data_in = ptr_to_u64(data);
	a.test.data_size_in = sizeof(data);
	return syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a)) ? -errno : (int)a.test.retval;
}

static int kernel_array(u32 type, u32 value)
{
	union bpf_attr a = { .map_type = type, .key_size = 4, .value_size = value, .max_entries = 4 };

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static void kernel_set(int map, u32 key, int value)
{
	union bpf_attr a = { .map_fd = (u32)map, .key = ptr_to_u64(&key), .value = ptr_to_u64(&value) };

	if (syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &a, sizeof(a)))
		diag("update: %s", strerror(errno));
}

/*
 * Counts in cb[0] of its context, which is the same for all, and goes to slot 0
 * again; first to an empty slot, where it may.
 */
static void kernel_limit(int array, bool empty_too)
{
	int prog;

	xt_begin(&t);
	xt(&t, BPF_LDX | BPF_MEM | BPF_W, 0, 1, 48, 0);
	ADD_K(0, 1);
	xt(&t, BPF_STX | BPF_MEM | BPF_W, 1, 0, 48, 0);
	xt_imm64(&t, 2, BPF_PSEUDO_MAP_IDX, 0);
	MOV_X(6, 1);
	MOV_K(3, empty_too ? 3 : 0);
	TAIL();
	xt_imm64(&t, 2, BPF_PSEUDO_MAP_IDX, 0);
	MOV_X(1, 6);
	MOV_K(3, 0);
	TAIL();
	xt(&t, BPF_LDX | BPF_MEM | BPF_W, 0, 6, 48, 0);
	EXIT();
	prog = kernel_prog(array);
	kernel_set(array, 0, prog);
	ok(kernel_run(prog) == 34, "on the kernel a program that goes to itself runs 34 times too%s",
	   empty_too ? ", and an empty slot does not count" : "");
	close(prog);
}

static void kernel_sub(int array)
{
	int main_prog, answer;
	u32 at;

	answer_prog(40);
	answer = kernel_prog(array);
	xt_begin(&t);
	MOV_K(7, 5);
	at = CALL_SUB();
	ADD_X(0, 7);
	EXIT();
	xt_sub(&t, 0);
	xt_land_call(&t, at);
	MOV_K(7, 99);
	xt_imm64(&t, 2, BPF_PSEUDO_MAP_IDX, 0);
	MOV_K(3, 1);
	TAIL();
	MOV_K(0, 1000);
	EXIT();
	main_prog = kernel_prog(array);
	kernel_set(array, 1, answer);
	ok(kernel_run(main_prog) == 45, "on the kernel a tail call in a subprogram ends the subprogram too");
	close(main_prog);
	close(answer);
}

static void test_kernel(void)
{
	int array = kernel_array(BPF_MAP_TYPE_PROG_ARRAY, 4);

	if (array < 0) {
		skip("no kernel BPF here");
		return;
	}
	kernel_limit(array, false);
	kernel_limit(array, true);
	kernel_sub(array);
	close(array);
}

int main(void)
{
	if (guard_install())
		return 1;
	test_helper();
	test_frames();
	test_callbacks();
	test_packets();
	test_may_goto();
	test_long_jumps();
	test_dense_jumps();
	test_tail_limit();
	test_tail_from_sub();
	test_tail_from_callback();
	test_kernel();
	return done();
}
