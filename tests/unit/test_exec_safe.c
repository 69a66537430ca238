// SPDX-License-Identifier: BSD-2-Clause
/*
 * What must not harm the process: faults in programs, loads that may fault, the
 * rights of code pages, threads, and damaged programs.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec/jit.h"
#include "shm/guard.h"
#include "tests/lib/exectest.h"
#include "tests/lib/tap.h"

static struct xt t;
static u8 packet[64];

const struct bpf_func_proto *helper_get(s32 id)
{
	return NULL;
}

static u64 run_ctx(const struct image *im, void *ctx, int *err)
{
	struct run r = { 0 };
	u64 r0 = 0xdead;

	*err = xt_run(im, ctx, &r, &r0);
	return r0;
}

/* What goes wrong. */

static void fault_prog(u64 addr, bool store)
{
	u32 at;

	xt_begin(&t);
	for (u32 i = 6; i < 10; i++)
		MOV_K(i, -1);
	xt_imm64(&t, 1, 0, addr);
	at = CALL_SUB();
	EXIT();
	xt_sub(&t, 512);
	xt_land_call(&t, at);
	STX(10, -512, 1);
	if (store)
		STX(1, 8, 1);
	else
		LDX(0, 1, 8);
	EXIT();
}

static void expect_fault(const char *name, u64 addr, int want)
{
	for (int store = 0; store < 2; store++) {
		int e1, e2;

		fault_prog(addr, store);
		if (xt_make(&t, NULL, NULL, 0))
			ok(false, "image_make");
		run_ctx(&t.interp, packet, &e1);
		run_ctx(&t.jit, packet, &e2);
		ok(e1 == want && e2 == want, "%s, %s: %d (interpreter %d, JIT %d)", name,
		   store ? "store" : "load", want, e1, e2);
		xt_free(&t);
	}
}

static void test_faults(void)
{
	int fd = memfd_create("value", MFD_CLOEXEC);
	u8 *value;
	u64 r0;
	int err;

	if (ftruncate(fd, 3 * PAGE))
		return;
	value = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	value[PAGE] = 1;
	xt_obj_lo = value;
	xt_obj_hi = value + 3 * PAGE;
	fault_prog(ptr_to_u64(value + PAGE), false);
	ok(!xt_make(&t, NULL, NULL, 0), "made");
	r0 = run_ctx(&t.jit, packet, &err);
	ok(!err && !r0, "a mapped value can be read");
	xt_free(&t);
	if (ftruncate(fd, 0))
		return;
	expect_fault("a file truncated under its mapping", ptr_to_u64(value + PAGE), -EIO);
	expect_fault("nothing is mapped", 0, -EFAULT);
	expect_fault("no address at all", 0x8000000000000000, -EFAULT);
	xt_obj_lo = xt_obj_hi = NULL;
	munmap(value, 3 * PAGE);
	close(fd);
}

static void test_probe(void)
{
	static const u64 addrs[] = { 0, 16, 0x8000000000000000, ~0ull - 100, 0x00007ffffffff000 };
	static const u8 codes[] = { BPF_PROBE_MEM | BPF_B,  BPF_PROBE_MEM | BPF_H,   BPF_PROBE_MEM | BPF_W,
				    BPF_PROBE_MEM | BPF_DW, BPF_PROBE_MEMSX | BPF_B, BPF_PROBE_MEMSX | BPF_H,
				    BPF_PROBE_MEMSX | BPF_W };
	int wrong = 0, n = 0;

	for (u32 k = 0; k < ARRAY_SIZE(addrs) * ARRAY_SIZE(codes) * 10; k++, n++) {
		u32 dst = k % 10;
		int e1, e2;
		u64 a, b;

		xt_begin(&t);
		for (u32 i = 0; i < 10; i++)
			MOV_K(i, 1 << i);
		xt_imm64(&t, (dst + 1) % 10, 0, addrs[k / 10 % ARRAY_SIZE(addrs)]);
		xt(&t, BPF_LDX | codes[k / 10 / ARRAY_SIZE(addrs)], dst, (dst + 1) % 10, (s32)(k % 3) - 1, 0);
		MOV_K((dst + 1) % 10, 1 << (dst + 1) % 10);
		for (u32 i = 1; i < 10; i++)
			ADD_X(0, i);
		EXIT();
		if (xt_make(&t, NULL, NULL, 0))
			break;
		a = run_ctx(&t.interp, packet, &e1);
		b = run_ctx(&t.jit, packet, &e2);
		wrong += e1 || e2 || a != 1023u - (1u << dst) || b != a;
		xt_free(&t);
	}
	ok(!wrong && n == 350, "loads of what is not there give 0: %d, %d wrong", n, wrong);
}

/* Lines of /proc/self/maps: how many are both, and what the page of an address may. */
static int both_rights(const void *at, char rights[5])
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], perm[8];
	unsigned long lo, hi;
	int n = 0;

	rights[0] = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &lo, &hi, perm) != 3)
			continue;
		n += perm[1] == 'w' && perm[2] == 'x';
		if ((unsigned long)at >= lo && (unsigned long)at < hi)
			snprintf(rights, 5, "%.4s", perm);
	}
	if (f)
		fclose(f);
	return n;
}

static void test_rights(void)
{
	char during[5], after[5];
	const void *code;
	int both;

	if (!jit_available()) {
		skip("no executable memory to be had");
		return;
	}
	xt_begin(&t);
	EXIT();
	ok(!xt_make(&t, NULL, NULL, 0), "made");
	code = t.jit.code;
	both = both_rights(code, during);
	xt_free(&t);
	both += both_rights(code, after);
	ok(!both && !strcmp(during, "r-xp") && after[2] != 'x',
	   "no page can be written and executed; code is %s, then %s", during, after);
}

/* Threads: each program adds to one word, and others make and free images meanwhile. */

#define ADDS 20000

/* Of programs with mappings of their own that sanitizer would not know that the kernel gave one's to another.
 */
#ifdef __SANITIZE_THREAD__
#define BIG_PROG 40
#else
#define BIG_PROG 3000
#endif

static u64 words[2];

static void *adder(void *arg)
{
	int err;

	run_ctx(arg, packet, &err);
	return err ? arg : NULL;
}

static void *maker(void *arg)
{
	static const struct bpf_insn prog[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 3 },
						{ .code = BPF_JMP | BPF_EXIT } };
	struct bpf_insn insns[2 + BIG_PROG + 50];
	struct vprog *p = calloc(1, sizeof(*p));
	void *bad = NULL;

	for (u32 i = 0; i < 400; i++) {
		struct image im;
		u32 pad = i % 7 ? i % 50 : BIG_PROG;
		int err;

		for (u32 k = 0; k < pad; k++)
			insns[k] = (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW, .imm = 5 },
			insns[++k] = (struct bpf_insn){ .imm = 7 };
		pad = ROUND_UP(pad, 2u);
		memcpy(&insns[pad], prog, sizeof(prog));
		*p = (struct vprog){ .insns = insns, .cnt = pad + 2, .nr_subs = 1 };
		err = image_make(&im, p, NULL, NULL, 0, true);
		if (err || run_ctx(&im, packet, &err) != 3 || err)
			bad = p;
		image_free(&im);
	}
	free(p);
	return bad;
}

static void test_threads(void)
{
	pthread_t th[4];
	void *bad = NULL, *ret;
	u32 loop;

	xt_begin(&t);
	xt_imm64(&t, 1, 0, ptr_to_u64(words));
	MOV_K(6, ADDS);
	loop = t.p.cnt;
	MOV_K(2, 1);
	xt(&t, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
	xt(&t, BPF_STX | BPF_ATOMIC | BPF_W, 1, 2, 8, BPF_ADD | BPF_FETCH);
	ADD_K(6, -1);
	JNE_K(6, 0, (s32)(loop - t.p.cnt - 1));
	EXIT();
	ok(!xt_make(&t, NULL, NULL, 0), "made");
	memset(words, 0, sizeof(words));
	pthread_create(&th[0], NULL, adder, &t.interp);
	pthread_create(&th[1], NULL, adder, &t.jit);
	pthread_create(&th[2], NULL, maker, NULL);
	pthread_create(&th[3], NULL, maker, NULL);
	for (u32 i = 0; i < 4; i++) {
		pthread_join(th[i], &ret);
		bad = ret ? ret : bad;
	}
	ok(!bad && words[0] == 2 * ADDS && words[1] == 2 * ADDS, "two threads add, two make images");
	xt_free(&t);
}

/* r0 of a program that gives back 42, made with the JIT wanted; whether it got it. */
static u64 answer(bool *jitted)
{
	struct image im;
	u64 r0;
	int err;

	xt_begin(&t);
	MOV_K(0, 42);
	EXIT();
	if (image_make(&im, &t.p, NULL, NULL, 0, true))
		return 0;
	*jitted = im.code != NULL;
	r0 = run_ctx(&im, packet, &err);
	image_free(&im);
	return r0;
}

/* All memory for code is gone: what comes is interpreted, until some is given back. */
static void test_full(void)
{
	enum { BIG = 8 << 20 };
	static struct code_head *taken[4096];
	bool jitted = true, again = false;
	u64 r0, r1;
	u32 n = 0, big;

	if (!jit_available()) {
		skip("no executable memory to be had");
		return;
	}
	while (n < 1000 && (taken[n] = code_alloc(BIG)))
		n++;
	big = n;
	while (n < 4096 && (taken[n] = code_alloc(1)))
		n++;
	r0 = answer(&jitted);
	while (n--)
		code_free(taken[n], n < big ? BIG : 1);
	r1 = answer(&again);
	ok(big > 20 && r0 == 42 && !jitted && r1 == 42 && again,
	   "no room for code: interpreted, and translated again afterwards");
}

/* Where the kernel lets no page become executable that could be written. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static void test_no_exec(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		bool jitted = true;

		if (prctl(PR_SET_MDWE, 1, 0, 0, 0))
			_exit(2);
		_exit(answer(&jitted) == 42 && !jitted && !jit_available() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (status == 2 << 8)
		skip("this kernel cannot refuse executable memory");
	else
		ok(!status, "no executable memory to be had: interpreted");
}

/* What a damaged file could hold. */
static void refuse(const char *name)
{
	struct image im;
	int err = image_make(&im, &t.p, NULL, NULL, 0, true);

	ok(err == -EINVAL && !im.mem, "refused: %s", name);
	if (!err)
		image_free(&im);
}

static void test_refused(void)
{
	u32 at;

#define TRY(name, ...)                                                                                       \
	do {                                                                                                 \
		xt_begin(&t);                                                                                \
		__VA_ARGS__;                                                                                 \
		refuse(name);                                                                                \
	} while (0)
	TRY("no instruction");
	TRY("no exit", MOV_K(0, 1));
	TRY("unknown opcode", xt(&t, 0xff, 0, 0, 0, 0); EXIT());
	TRY("opcode 0", xt(&t, 0, 0, 0, 0, 0); EXIT());
	TRY("register 11", MOV_X(11, 0); EXIT());
	TRY("the frame pointer written", MOV_K(10, 0); EXIT());
	TRY("the frame pointer exchanged", xt(&t, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 10, 0, BPF_XCHG); EXIT());
	TRY("unknown atomic", xt(&t, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, 0x77); EXIT());
	TRY("narrow add", xt(&t, BPF_STX | BPF_ATOMIC | BPF_B, 1, 2, 0, BPF_ADD); EXIT());
	TRY("jump out", xt(&t, BPF_JMP | BPF_JA, 0, 0, 5, 0); EXIT());
	TRY("jump before", xt(&t, BPF_JMP | BPF_JA, 0, 0, -2, 0); EXIT());
	TRY("gotol out", xt(&t, BPF_JMP32 | BPF_JA, 0, 0, 0, 0x7fffffff); EXIT());
	TRY("jump into ld_imm64", xt(&t, BPF_JMP | BPF_JA, 0, 0, 1, 0); xt_imm64(&t, 1, 0, 5); EXIT());
	TRY("half an ld_imm64", MOV_K(0, 0); EXIT(); xt(&t, BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 0));
	TRY("a map that is none", xt_imm64(&t, 1, BPF_PSEUDO_MAP_IDX, 0); EXIT());
	TRY("an fd", xt_imm64(&t, 1, BPF_PSEUDO_MAP_FD, 0); EXIT());
	TRY("a subprogram that is none", xt_imm64(&t, 1, BPF_PSEUDO_FUNC, 1); EXIT());
	TRY("a helper that is none", CALL(5); EXIT());
	TRY("a helper of a negative number", CALL(-1); EXIT());
	TRY("a kernel function", xt(&t, BPF_JMP | BPF_CALL, 0, 2, 0, 1); EXIT());
	TRY("a call of the entry", xt(&t, BPF_JMP | BPF_CALL, 0, 1, 0, -1); EXIT());
	TRY("a call of no beginning", xt(&t, BPF_JMP | BPF_CALL, 0, 1, 0, 0); EXIT());
	TRY("too deep a stack", MOV_K(0, 0); EXIT(); t.p.sub[0].depth = 513);
	TRY("no subprogram at all", EXIT(); t.p.nr_subs = 0);
	TRY("too many", EXIT(); t.p.nr_subs = 257);
	TRY("a subprogram behind the end", EXIT(); xt_sub(&t, 0));
	TRY("it runs into the next", MOV_K(0, 0); xt_sub(&t, 0); EXIT());
	TRY("a jump into another", xt(&t, BPF_JMP | BPF_JA, 0, 0, 1, 0); EXIT(); xt_sub(&t, 0); EXIT());
	TRY("recursion", at = CALL_SUB(); EXIT(); xt_sub(&t, 0); xt_land_call(&t, at);
	    xt(&t, BPF_JMP | BPF_CALL, 0, 1, 0, -1); EXIT());
	TRY(
		"nine frames", for (u32 f = 0; f < 9; f++) {
			if (f)
				xt_sub(&t, 0);
			if (f < 8)
				xt(&t, BPF_JMP | BPF_CALL, 0, 1, 0, 1);
			EXIT();
		});
}

/* Bytes by chance, and good programs with some bits changed: no crash while they are made. */
static void test_garbage(long n)
{
	struct xt_rand g = { .seed = 4711 };
	static u64 value[XT_WORDS];
	void *values[] = { value };
	int map, made_nr = 0;
	struct bpf_map *maps[] = { (struct bpf_map *)&map };

	for (long i = 0; i < n; i++) {
		struct image im;
		u8 *bytes = (u8 *)t.insns;

		xt_random(&t, &g, BPF_PSEUDO_MAP_IDX_VALUE, 0);
		for (u32 k = 1 + xt_rnd(&g, 4); k--;)
			bytes[xt_rnd(&g, t.p.cnt * 8)] ^= (u8)(1 << xt_rnd(&g, 8));
		if (i % 3 == 0)
			t.p.sub[xt_rnd(&g, t.p.nr_subs)].start += xt_rnd(&g, 3) - 1;
		if (!image_make(&im, &t.p, maps, values, 1, true)) {
			made_nr++;
			image_free(&im);
		}
	}
	ok(made_nr > 0 && made_nr < n, "%ld damaged programs: %d are still programs", n, made_nr);
}

int main(void)
{
	if (guard_install())
		return 1;
	test_no_exec(); /* before anything is translated */
	test_faults();
	test_probe();
	test_rights();
	test_full();
	test_threads();
	test_refused();
	test_garbage(test_scale(20000));
	return done();
}
