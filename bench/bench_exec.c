// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs beside the kernel's BPF_PROG_TEST_RUN, same bytecode, same run: ns a
 * run, and the ratio, each the median of several pairs.
 *
 * The kernel's figure is the duration that TEST_RUN itself reports, with repeat;
 * ours is the loop that TEST_RUN has here: image_run inside one operation.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "exec/exec.h"

#define PAIRS 9

const struct bpf_func_proto *helper_get(s32 id)
{
	return NULL;
}

static struct bpf_insn insns[64];
static u32 cnt;

static void emit(u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	insns[cnt++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (s16)off, .imm = imm
	};
}

static void two(void)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void twenty(void)
{
	static const u8 ops[] = { BPF_ADD, BPF_XOR, BPF_MUL, BPF_OR, BPF_SUB, BPF_AND };

	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 7);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 3);
	for (u32 i = 0; i < 16; i++)
		emit((u8)(BPF_ALU64 | ops[i % ARRAY_SIZE(ops)] | (i % 2 ? BPF_X : BPF_K)), i % 3 ? 0 : 6,
		     i % 2 ? 6 : 0, 0, i % 2 ? 0 : (s32)i + 1);
	emit(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 0xff);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void loop(void)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 1000);
	emit(BPF_ALU64 | BPF_ADD | BPF_X, 0, 6, 0, 0);
	emit(BPF_ALU64 | BPF_XOR | BPF_K, 0, 0, 0, 0x55);
	emit(BPF_ALU64 | BPF_SUB | BPF_K, 6, 0, 0, 1);
	emit(BPF_JMP | BPF_JNE | BPF_K, 6, 0, -4, 0);
	emit(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 0xff);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* A call of a subprogram with a frame, 1000 times. */
static void calls(void)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 1000);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
	emit(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 5);
	emit(BPF_ALU64 | BPF_ADD | BPF_X, 7, 0, 0, 0);
	emit(BPF_ALU64 | BPF_SUB | BPF_K, 6, 0, 0, 1);
	emit(BPF_JMP | BPF_JNE | BPF_K, 6, 0, -5, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	emit(BPF_STX | BPF_MEM | BPF_DW, 10, 6, -8, 0);
	emit(BPF_LDX | BPF_MEM | BPF_W, 0, 10, -8, 0);
	emit(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 15);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Division, shifts by a register, and the stack, 1000 times. */
static void mixed(void)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 1000);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 3);
	emit(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -16, 0);
	emit(BPF_ALU64 | BPF_RSH | BPF_X, 0, 7, 0, 0);
	emit(BPF_ALU64 | BPF_DIV | BPF_X, 0, 6, 0, 0);
	emit(BPF_LDX | BPF_MEM | BPF_DW, 2, 10, -16, 0);
	emit(BPF_ALU64 | BPF_XOR | BPF_X, 0, 2, 0, 0);
	emit(BPF_ALU64 | BPF_SUB | BPF_K, 6, 0, 0, 1);
	emit(BPF_JMP | BPF_JNE | BPF_K, 6, 0, -7, 0);
	emit(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 0xff);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int kernel_load(void)
{
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_XDP,
			     .insns = ptr_to_u64(insns),
			     .insn_cnt = cnt,
			     .license = ptr_to_u64("GPL") };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
}

/* ns a run; the kernel rounds to whole ones, so that the time is taken around the call too. */
static double kernel_run(int fd, u32 repeat)
{
	u8 packet[64] = { 0 };
	union bpf_attr a = { 0 };
	double t0 = now();

	a.test.prog_fd = (u32)fd;
	a.test.data_in = ptr_to_u64(packet);
	a.test.data_size_in = sizeof(packet);
	a.test.repeat = repeat;
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a)))
		return 0;
	return (now() - t0) / repeat;
}

static noinline double our_run(const struct image *im, u32 repeat)
{
	struct run r = { .image = im };
	u64 sum = 0;
	double t0 = now();

	for (u32 i = 0; i < repeat; i++) {
		r.tail_calls = 0;
		sum += image_run(im, &r, &r);
	}
	__asm__ volatile("" : : "r"(sum));
	return (now() - t0) / repeat;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v)
{
	qsort(v, PAIRS, sizeof(*v), by_size);
	return v[PAIRS / 2];
}

static void compare(const char *name, void (*make)(void), u32 sub, u32 repeat)
{
	static struct vprog p;
	struct image jit, interp;
	double k[PAIRS], j[PAIRS], in[PAIRS], jr[PAIRS], ir[PAIRS];
	int fd;

	cnt = 0;
	make();
	p = (struct vprog){ .insns = insns, .cnt = cnt, .nr_subs = sub ? 2 : 1 };
	p.sub[0].depth = 16;
	p.sub[1] = (struct vprog_sub){ .start = sub, .depth = 8 };
	if (image_make(&jit, &p, NULL, NULL, 0, true) || image_make(&interp, &p, NULL, NULL, 0, false))
		exit(1);
	fd = kernel_load();
	for (u32 i = 0; i < PAIRS; i++) {
		k[i] = fd < 0 ? 0 : kernel_run(fd, repeat);
		j[i] = our_run(&jit, repeat);
		in[i] = our_run(&interp, repeat / 10);
		jr[i] = k[i] ? j[i] / k[i] : 0;
		ir[i] = in[i] / j[i];
	}
	if (fd >= 0)
		close(fd);
	printf("%-12s kernel %9.2f ns  JIT %9.2f ns  interpreter %9.2f ns  JIT/kernel %.3f  interpreter/JIT "
	       "%.1f%s\n",
	       name, median(k), median(j), median(in), median(jr), median(ir),
	       jit.code ? "" : "  (no JIT here)");
	image_free(&jit);
	image_free(&interp);
}

int main(void)
{
	compare("2 insns", two, 0, 1000000);
	compare("20 insns", twenty, 0, 1000000);
	compare("loop 1000", loop, 0, 20000);
	compare("calls 1000", calls, 9, 10000);
	compare("mixed 1000", mixed, 0, 5000);
	return 0;
}
