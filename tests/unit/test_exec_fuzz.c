// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random programs in the interpreter, the JIT, and on the kernel: all registers
 * and all memory must agree at the end.
 *
 * The kernel runs the same bytecode by BPF_PROG_TEST_RUN, with the words in an
 * array map, so that its verifier knows none of the numbers.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "exec/jit.h"
#include "shm/guard.h"
#include "tests/lib/exectest.h"
#include "tests/lib/tap.h"

const struct bpf_func_proto *helper_get(s32 id)
{
	return NULL;
}

static struct xt t;

static u64 run_here(const struct image *im, u64 block[XT_WORDS], u64 mem[XT_WORDS])
{
	struct run r = { 0 };
	u64 r0 = 0;
	int err;

	memcpy(mem, block, sizeof(u64) * XT_WORDS);
	err = xt_run(im, NULL, &r, &r0);
	memcpy(block, mem, sizeof(u64) * XT_WORDS);
	return err ? (u64)(s64)err : r0;
}

static bool compare(const char *a, const char *b, const u64 *x, const u64 *y, u64 seed)
{
	for (u32 i = 0; i < XT_WORDS; i++) {
		if (x[i] == y[i])
			continue;
		diag("seed %llu word %u: %s %llx, %s %llx", (unsigned long long)seed, i, a,
		     (unsigned long long)x[i], b, (unsigned long long)y[i]);
		return false;
	}
	return true;
}

/* What an image says of where its code lies. */
static bool offsets_ok(const struct image *im)
{
	u32 s = 0;

	if (!im->code)
		return !jit_available();
	for (u32 i = 0; i < im->cnt; i++) {
		if (im->code_off[i] > im->code_off[i + 1])
			return false;
		if (s < im->nr_subs && im->sub[s].start == i && im->sub_off[s++] > im->code_off[i])
			return false;
	}
	return s == im->nr_subs && im->sub_off[s] == im->code_size && im->code_off[im->cnt] == im->code_size;
}

/* Both images on one block; what it becomes. */
static bool both_here(u64 seed, u64 block[XT_WORDS], u64 result[XT_WORDS])
{
	static u64 mem[XT_WORDS];
	void *values[] = { mem };
	static int map;
	struct bpf_map *maps[] = { (struct bpf_map *)&map };
	u64 jit[XT_WORDS];
	bool same;
	int err = xt_make(&t, maps, values, 1);

	if (err) {
		diag("seed %llu: image_make %d", (unsigned long long)seed, err);
		return false;
	}
	memcpy(result, block, sizeof(jit));
	memcpy(jit, block, sizeof(jit));
	run_here(&t.interp, result, mem);
	run_here(&t.jit, jit, mem);
	same = compare("interpreter", "JIT", result, jit, seed) && offsets_ok(&t.jit);
	xt_free(&t);
	return same;
}

static void test_interp_jit(const char *name, long n, bool wild)
{
	int bad = 0;

	for (long i = 0; i < n && bad < 3; i++) {
		struct xt_rand g = { .seed = (u64)i, .wild = wild };
		u64 block[XT_WORDS], result[XT_WORDS];

		xt_block(&g, block);
		xt_random(&t, &g, BPF_PSEUDO_MAP_IDX_VALUE, 0);
		if (!both_here((u64)i, block, result)) {
			if (!bad++)
				xt_dump(&t);
		}
	}
	ok(!bad, "%s: interpreter and JIT agree on %ld programs", name, n);
}

static int kernel_map(void)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8 * XT_WORDS, .max_entries = 1
	};

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static char kernel_log[1 << 16];

static int kernel_load(void)
{
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			     .insns = (u64)(uintptr_t)t.insns,
			     .insn_cnt = t.p.cnt,
			     .license = (u64)(uintptr_t) "GPL" };
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	if (fd >= 0)
		return fd;
	a.log_level = 1;
	a.log_buf = (u64)(uintptr_t)kernel_log;
	a.log_size = sizeof(kernel_log);
	syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	return fd;
}

static int kernel_run(int prog, int map, u64 block[XT_WORDS])
{
	u32 zero = 0;
	u8 packet[64] = { 0 };
	union bpf_attr el = { .map_fd = (u32)map,
			      .key = (u64)(uintptr_t)&zero,
			      .value = (u64)(uintptr_t)block };
	union bpf_attr a = { 0 };
	int err;

	a.test.prog_fd = (u32)prog;
	a.test.data_in = (u64)(uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	err = (int)syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &el, sizeof(el));
	if (!err)
		err = (int)syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a));
	el.flags = 0;
	if (!err)
		err = (int)syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &el, sizeof(el));
	return err;
}

/* The same program, its ld_imm64 turned into one of the kernel's map and back. */
static bool on_kernel(u64 seed, int map, u64 block[XT_WORDS], int *refused)
{
	struct bpf_insn own = t.insns[0];
	int prog;

	t.insns[0].src_reg = BPF_PSEUDO_MAP_VALUE;
	t.insns[0].imm = map;
	prog = kernel_load();
	t.insns[0] = own;
	if (prog < 0) {
		if (!(*refused)++)
			diag("seed %llu refused by the kernel: %s", (unsigned long long)seed, kernel_log);
		return false;
	}
	if (kernel_run(prog, map, block))
		diag("seed %llu: TEST_RUN %s", (unsigned long long)seed, strerror(errno));
	close(prog);
	return true;
}

static void test_kernel(long n)
{
	int map = kernel_map(), bad = 0, refused = 0;

	if (map < 0 && (errno == EPERM || errno == ENOSYS)) {
		skip("no kernel BPF here");
		return;
	}
	for (long i = 0; i < n && bad < 3; i++) {
		struct xt_rand g = { .seed = (u64)i + 1000000 };
		u64 block[XT_WORDS], here[XT_WORDS];

		xt_block(&g, block);
		xt_random(&t, &g, BPF_PSEUDO_MAP_IDX_VALUE, 0);
		if (!both_here((u64)i, block, here) || !on_kernel((u64)i, map, block, &refused))
			continue;
		if (!compare("kernel", "here", block, here, (u64)i) && !bad++)
			xt_dump(&t);
	}
	close(map);
	ok(!bad && refused < n / 10, "the kernel agrees on %ld of %ld programs (it refused the rest)",
	   n - refused, n);
}

int main(void)
{
	if (guard_install())
		return 1;
	test_interp_jit("as verified", test_scale(20000), false);
	test_interp_jit("wild", test_scale(20000), true);
	jit_plain_shifts = true;
	test_interp_jit("without BMI2", test_scale(5000), false);
	jit_plain_shifts = false;
	test_kernel(test_scale(4000));
	return done();
}
