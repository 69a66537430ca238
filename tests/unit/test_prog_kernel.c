// SPDX-License-Identifier: BSD-2-Clause
/*
 * Seeded random programs, beside the kernel's verifier: what is accepted here
 * the kernel must accept, and where both refuse the errnos are compared.
 *
 * The programs are made of steps that are likely to be right by themselves, so
 * that many are good, and are then damaged now and then.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/abi/btf_blobs.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"
#include "util/types.h"

#define INSNS 56

static uint64_t seed;
static int kernel_map, our_map;
static struct bpf_insn prog[INSNS + 8];
static u32 cnt;

static u32 r(u32 n)
{
	return blob_rand(&seed) % n;
}

static void emit(u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	prog[cnt++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (s16)off, .imm = imm
	};
}

static s32 small(void)
{
	static const s32 odd[] = { 0, 1, -1, 8, -8, 31, 32, 63, 64, 255, -512, 0x7fffffff };

	return r(3) ? (s32)r(16) - 4 : odd[r(ARRAY_SIZE(odd))];
}

static void alu(void)
{
	static const u8 ops[] = { 0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0 };
	u8 code = ops[r(ARRAY_SIZE(ops))] | (r(4) ? 7 : 4);

	if (r(2))
		emit(code, r(10), 0, 0, small());
	else
		emit(code | 8, r(10), r(12) ? r(10) : 10, 0, 0);
}

static void stack(void)
{
	static const u8 sizes[] = { 0x00, 0x08, 0x10, 0x18 };
	u8 size = sizes[r(4)];
	s32 off = -8 * (s32)(1 + r(8)) + (r(4) ? 0 : (s32)r(8));

	switch (r(3)) {
	case 0: emit(0x62 | size, 10, 0, off, small()); break;
	case 1: emit(0x63 | size, 10, r(11), off, 0); break;
	default: emit(0x61 | size, r(10), 10, off, 0);
	}
}

static void through(void)
{
	u32 p = r(10);

	if (r(2))
		emit(0x7a, p, 0, 8 * (s32)r(5) - 8, 1);
	else
		emit(0x79, r(10), p, 8 * (s32)r(5) - 8, 0);
}

static void helper(void)
{
	static const s32 ids[] = { 5, 7, 8, 14, 15, 42, 160, 118, 113, 112, 16, 1, 2, 3, 6, 174 };

	emit(0x85, 0, 0, 0, r(20) ? ids[r(ARRAY_SIZE(ids))] : (s32)r(220));
}

static void memory_call(void)
{
	u32 how = r(3);

	emit(0xbf, how == 2 ? 2 : 1, 10, 0, 0);
	emit(0x07, how == 2 ? 2 : 1, 0, 0, -8 * (s32)(1 + r(4)));
	if (how == 2) {
		emit(0x18, 1, 1, 0, -1);
		emit(0, 0, 0, 0, 0);
		emit(0x85, 0, 0, 0, r(2) ? 1 : 3);
		return;
	}
	emit(0xb7, 2, 0, 0, (s32)r(40) - 2);
	emit(0xb7, 3, 0, 0, 0);
	emit(0x85, 0, 0, 0, how ? 113 : 16);
}

static void value(void)
{
	u32 d = r(10);

	emit(0x18, d, 2, 0, -1);
	emit(0, 0, 0, 0, (s32)r(40) - 2);
	if (r(2))
		emit(0x07, d, 0, 0, small());
	emit(r(2) ? 0x7a : 0x62, d, 0, (s32)r(24), 7);
}

static void make(void)
{
	static void (*const steps[])(void) = { alu,     alu,    alu,         stack, stack,
					       through, helper, memory_call, value };
	u32 n = 1 + r(10);

	cnt = 0;
	for (u32 reg = 0; reg < 10; reg++)
		if (reg != 1 && r(8))
			emit(0xb7, reg, 0, 0, small());
	while (n-- && cnt < INSNS - 8)
		steps[r(ARRAY_SIZE(steps))]();
	if (r(4))
		emit(0xb7, 0, 0, 0, (s32)r(4));
	emit(0x95, 0, 0, 0, 0);
	if (!r(6)) {
		struct bpf_insn *i = &prog[r(cnt)];

		((u8 *)i)[r(sizeof(*i))] ^= (u8)(1u << r(8));
	}
}

static char text[65536];

static int load(int here, u32 type)
{
	struct bpf_insn insns[INSNS + 8];
	union bpf_attr a = { 0 };
	long ret;

	memcpy(insns, prog, sizeof(insns));
	for (u32 i = 0; i < cnt; i++)
		if (insns[i].code == 0x18 && insns[i].src_reg && insns[i].imm == -1)
			insns[i].imm = here ? our_map : kernel_map;
	a.prog_type = type;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = cnt;
	a.license = (uintptr_t) "GPL";
	a.log_level = 1;
	a.log_buf = (uintptr_t)text;
	a.log_size = sizeof(text);
	text[0] = 0;
	ret = here ? self_bpf(BPF_PROG_LOAD, &a, sizeof(a)) : syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (!here && ret < 0)
		ret = -errno;
	if (ret < 0)
		return (int)ret;
	close((int)ret);
	return 0;
}

static int make_map(int here)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 32, .max_entries = 1
	};

	return (int)(here ? self_bpf(BPF_MAP_CREATE, &a, sizeof(a))
			  : syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

static void dump(const char *why, uint64_t from, int k, int o)
{
	diag("%s: seed %llu, kernel %d, here %d", why, (unsigned long long)from, k, o);
	for (u32 i = 0; i < cnt; i++)
		diag("  %2u: %02x dst %u src %u off %d imm %d", i, prog[i].code, prog[i].dst_reg,
		     prog[i].src_reg, prog[i].off, prog[i].imm);
}

int main(int argc, char **argv)
{
	static const u32 types[] = { BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_TRACEPOINT,
				     BPF_PROG_TYPE_CGROUP_SKB };
	long n = test_scale(100000), good = 0, same = 0, unsafe = 0, timid = 0;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 3;
	kernel_map = make_map(0);
	if (kernel_map < 0) {
		skip("no bpf(2) by the kernel here");
		return done();
	}
	if (!ok(!self_open("prog-kernel"), "a store") || !ok((our_map = make_map(1)) >= 0, "a map"))
		return done();
	for (long i = 0; i < n; i++) {
		uint64_t from = seed;
		u32 type = types[r(ARRAY_SIZE(types))];
		int k, o;

		make();
		k = load(0, type);
		o = load(1, type);
		good += !k;
		same += k == o;
		timid += !k && o;
		if (k && !o && unsafe++ < 5)
			dump("accepted only here", from, k, o);
		else if (k != o && argc > 2 && timid + n - same < n)
			dump("differs", from, k, o), diag("%s", text);
	}
	diag("%ld programs, %ld good, %ld of them refused here", n, good, timid);
	ok(!unsafe, "%ld programs accepted that the kernel refuses", unsafe);
	ok(same * 100 >= n * 99, "%ld of %ld verdicts equal", same, n);
	return done();
}
