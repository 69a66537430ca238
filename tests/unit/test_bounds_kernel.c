// SPDX-License-Identifier: BSD-2-Clause
/*
 * Known bounds beside the kernel's: random programs are loaded with log level 2, and what the log
 * says of each register after each instruction is compared with what
 * scalar_alu(), scalar_branch() and scalar_refine() say.
 *
 * A program is one main path. A comparison leaves it for the exit either when
 * it is true, or when it is not; what the log says after it is then what is
 * known on the side that goes on. r1..r8 are numbers, r9 points to a map's value, from which
 * unknown numbers are loaded. A copy of a register is linked to the first in the kernel's
 * eyes, so that one learns what the other does: `|= 0` behind each copy undoes that.
 *
 * PINFS_SEED repeats a run; -v prints all differences; -p SEED is one program with its log.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/lib/tap.h"
#include "verifier/bounds.h"

#define INSNS 400
#define STEPS 40
#define REGS  9 /* r1..r8 */

enum kind { ALU, LOAD, WIDE, BRANCH_STAY, BRANCH_TAKEN, SKIP };

struct prog {
	struct bpf_insn insn[INSNS];
	u8 kind[INSNS];
	u32 cnt;
};

static u64 rng;
static char log_buf[1 << 20];
static int map_fd;
static u64 states, equal, looser, tighter, paths, dead;
static int verbose;
static u64 current;

static u32 rnd(u32 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (u32)(rng >> 20) % n;
}

static void put(struct prog *p, u8 kind, u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	p->kind[p->cnt] = kind;
	p->insn[p->cnt++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm
	};
}

static s32 a_number(void)
{
	static const s32 edge[] = { 0,   1,    -1,   2,         7,         8,          15,  16,
				    127, 128,  -128, 255,       256,       -256,       511, 0x7fff,
				    -2,  -255, 4095, INT32_MAX, INT32_MIN, 0x7ffffff0, 100, 0x10000 };

	switch (rnd(4)) {
	case 0: return (s32)(rng >> 13);
	case 1: return (s32)rnd(64) - 16;
	default: return edge[rnd(ARRAY_SIZE(edge))];
	}
}

static u64 a_wide_number(void)
{
	u64 v = rng * 0x9e3779b97f4a7c15ull;

	switch (rnd(4)) {
	case 0: return v;
	case 1: return v >> rnd(64);
	case 2: return ~(v >> rnd(64));
	default: return 1ull << rnd(64);
	}
}

static u8 a_reg(void)
{
	return (u8)(1 + rnd(REGS - 1));
}

static void put_wide(struct prog *p, u8 dst)
{
	u64 v = a_wide_number();

	put(p, WIDE, BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (s32)v);
	put(p, SKIP, 0, 0, 0, 0, (s32)(v >> 32));
}

static void put_load(struct prog *p, u8 dst)
{
	static const u8 code[] = { 0x79, 0x79, 0x61, 0x69, 0x71, 0x81, 0x89, 0x91 };

	put(p, LOAD, code[rnd(ARRAY_SIZE(code))], dst, 9, (s16)(8 * dst), 0);
}

static void put_move(struct prog *p)
{
	static const s16 off[] = { 0, 0, 8, 16, 32 };
	u8 dst = a_reg(), src = a_reg(), is64 = (u8)rnd(2);
	s16 o = off[rnd(is64 ? 5 : 4)];

	put(p, ALU, (is64 ? BPF_ALU64 : BPF_ALU) | BPF_MOV | BPF_X, dst, src, o, 0);
	put(p, ALU, BPF_ALU64 | BPF_OR | BPF_K, src, 0, 0, 0);
	put(p, ALU, BPF_ALU64 | BPF_OR | BPF_K, dst, 0, 0, 0);
}

static void put_alu(struct prog *p)
{
	static const u8 ops[] = { BPF_ADD,  BPF_ADD, BPF_SUB, BPF_SUB, BPF_MUL, BPF_MUL,
				  BPF_AND,  BPF_AND, BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH,
				  BPF_ARSH, BPF_NEG, BPF_DIV, BPF_MOD, BPF_END };
	u8 op = ops[rnd(ARRAY_SIZE(ops))], class = rnd(2) ? BPF_ALU64 : BPF_ALU, dst = a_reg(), src = a_reg();
	s32 imm = a_number();

	if ((op == BPF_DIV || op == BPF_MOD) && rnd(4))
		op = BPF_AND;
	if (op == BPF_NEG) {
		put(p, ALU, class | op, dst, 0, 0, 0);
	} else if (op == BPF_END) {
		put(p, ALU, (u8)(class | op | (class == BPF_ALU && rnd(2) ? BPF_TO_BE : 0)), dst, 0, 0,
		    (s32)(16 << rnd(3)));
	} else if (rnd(2) && op != BPF_LSH && op != BPF_RSH && op != BPF_ARSH) {
		put(p, ALU, class | op | BPF_X, dst, src, (op == BPF_DIV || op == BPF_MOD) && rnd(2), 0);
	} else if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) {
		if (rnd(8) == 0)
			put(p, ALU, class | op | BPF_X, dst, src, 0, 0);
		else
			put(p, ALU, class | op | BPF_K, dst, 0, 0,
			    rnd(4) == 0 && class == BPF_ALU64 ? 32 : (s32)rnd(class == BPF_ALU64 ? 64 : 32));
	} else if (op == BPF_DIV || op == BPF_MOD) {
		put(p, ALU, class | op | BPF_K, dst, 0, (s16)rnd(2), imm ? imm : 1);
	} else {
		put(p, ALU, class | op | BPF_K, dst, 0, 0, imm);
	}
}

/* The exit's distance is filled in later. */
static void put_branch(struct prog *p)
{
	static const u8 ops[] = { BPF_JEQ, BPF_JNE,  BPF_JSET, BPF_JGT,  BPF_JGE, BPF_JLT,
				  BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE };
	u8 op = ops[rnd(ARRAY_SIZE(ops))], class = rnd(2) ? BPF_JMP : BPF_JMP32, dst = a_reg(), src = a_reg();
	bool taken = rnd(2), reg = rnd(2) && src != dst;

	put(p, taken ? BRANCH_TAKEN : BRANCH_STAY, (u8)(class | op | (reg ? BPF_X : BPF_K)), dst,
	    reg ? src : 0, taken, reg ? 0 : a_number());
	if (taken)
		put(p, SKIP, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void make_program(struct prog *p)
{
	p->cnt = 0;
	put(p, SKIP, BPF_LD | BPF_IMM | BPF_DW, 9, BPF_PSEUDO_MAP_VALUE, 0, map_fd);
	put(p, SKIP, 0, 0, 0, 0, 0);
	for (u8 r = 1; r < REGS; r++) {
		switch (rnd(4)) {
		case 0: put(p, ALU, BPF_ALU64 | BPF_MOV | BPF_K, r, 0, 0, a_number()); break;
		case 1: put_wide(p, r); break;
		default: put_load(p, r);
		}
	}
	for (u32 i = 0; i < STEPS; i++) {
		u32 what = rnd(20);

		if (what == 0)
			put_load(p, a_reg());
		else if (what == 1)
			put_wide(p, a_reg());
		else if (what == 2)
			put(p, ALU, (rnd(2) ? BPF_ALU64 : BPF_ALU) | BPF_MOV | BPF_K, a_reg(), 0, 0,
			    a_number());
		else if (what == 3)
			put_move(p);
		else if (what < 12)
			put_alu(p);
		else
			put_branch(p);
	}
	put(p, SKIP, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1); /* shows that the path came to its end */
	for (u32 i = 0; i < p->cnt; i++)
		if (p->kind[i] == BRANCH_STAY ||
		    (p->kind[i] == SKIP && p->insn[i].code == (BPF_JMP | BPF_JA)))
			p->insn[i].off = (s16)(p->cnt - i - 1);
	put(p, SKIP, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	put(p, SKIP, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load(const struct prog *p)
{
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = p->cnt, .log_level = 2 };

	a.insns = (uintptr_t)p->insn;
	a.license = (uintptr_t) "GPL";
	a.log_buf = (uintptr_t)log_buf;
	a.log_size = sizeof(log_buf);
	log_buf[0] = 0;
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
}

/* name=name=...=number: every name gets the number. What is left. */
static const char *take_chain(struct scalar *s, const char *at)
{
	static const char *const names[] = { "smin",   "smax",   "umin",   "umax",
					     "smin32", "smax32", "umin32", "umax32" };
	u32 set = 0;
	u64 v;
	char *end;

	for (;;) {
		size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789"), i;

		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (strlen(names[i]) == n && !strncmp(at, names[i], n))
				break;
		if (i == ARRAY_SIZE(names))
			break;
		set |= 1u << i;
		at += n + 1;
	}
	if (!set)
		return at + strcspn(at, ",)");
	v = *at == '-' ? (u64)strtoll(at, &end, 0) : strtoull(at, &end, 0);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(set & 1u << i))
			continue;
		switch (i) {
		case 0: s->smin = (s64)v; break;
		case 1: s->smax = (s64)v; break;
		case 2: s->umin = v; break;
		case 3: s->umax = v; break;
		case 4: s->s32_min = (s32)v; break;
		case 5: s->s32_max = (s32)v; break;
		case 6: s->u32_min = (u32)v; break;
		default: s->u32_max = (u32)v;
		}
	}
	return end;
}

/* "scalar(smin=...)", "5", "0x80": what the log says of one register. False: something else. */
static bool take_scalar(struct scalar *s, const char *at)
{
	char *end;

	at += *at == 'P';
	scalar_unknown(s);
	if (*at == '-' || (*at >= '0' && *at <= '9')) {
		scalar_const(s, *at == '-' ? (u64)strtoll(at, NULL, 0) : strtoull(at, NULL, 0));
		return true;
	}
	if (strncmp(at, "scalar(", 7))
		return false;
	for (at += 7; *at && *at != ')'; at += *at == ',') {
		if (!strncmp(at, "var_off=(", 9)) {
			s->var.value = strtoull(at + 9, &end, 0);
			s->var.mask = strtoull(end + 2, &end, 0);
			at = end + 1;
		} else {
			at = take_chain(s, at);
		}
	}
	return true;
}

/* " R3_w=..." in a line. */
static bool find_reg(const char *line, u8 reg, struct scalar *s)
{
	char name[8];

	snprintf(name, sizeof(name), " R%d", reg);
	for (const char *at = strstr(line, name); at; at = strstr(at + 1, name)) {
		const char *eq = at + strlen(name);

		if (*eq == '_')
			eq += strcspn(eq, "= ");
		if (*eq == '=')
			return take_scalar(s, eq + 1);
	}
	return false;
}

/* The line that has the state behind insn i: its own, or "from i to j:" where the jump is what goes on. */
static const char *line_of(char **lines, u32 n, u32 i, bool jumped)
{
	char own[32], from[32];

	snprintf(own, sizeof(own), "%u: (", i);
	snprintf(from, sizeof(from), "from %u to %u:", i, i + 2);
	for (u32 k = 0; k < n; k++)
		if (!strncmp(lines[k], jumped ? from : own, strlen(jumped ? from : own)))
			return lines[k];
	return NULL;
}

static bool visited(char **lines, u32 n, u32 i)
{
	return line_of(lines, n, i, false);
}

static void print_scalar(const char *who, const struct scalar *s)
{
	diag("  %s s %" PRId64 "..%" PRId64 " u %" PRIu64 "..%" PRIu64 " s32 %d..%d u32 %u..%u var %#" PRIx64
	     "; %#" PRIx64,
	     who, s->smin, s->smax, s->umin, s->umax, s->s32_min, s->s32_max, s->u32_min, s->u32_max,
	     s->var.value, s->var.mask);
}

/* Compares, and takes over the kernel's word where it differs, so that each difference counts once. */
static void compare(struct scalar *mine, const char *line, u8 reg)
{
	struct scalar theirs;

	if (!find_reg(line, reg, &theirs))
		return;
	states++;
	if (!memcmp(mine, &theirs, sizeof(theirs))) {
		equal++;
		return;
	}
	if (scalar_within(&theirs, mine))
		tighter++;
	else
		looser++;
	if (verbose || looser + tighter < 6) {
		diag("seed %" PRIu64, current);
		diag("R%d %s", reg, line);
		print_scalar("ours  ", mine);
		print_scalar("kernel", &theirs);
	}
	*mine = theirs;
}

/* True: the kernel goes two ways from here. What it says later may be of either. */
static bool step_alu(struct scalar *r, const struct bpf_insn *in)
{
	struct scalar imm, other, *dst = &r[in->dst_reg];
	const struct scalar *src = BPF_SRC(in->code) == BPF_X ? &r[in->src_reg] : &imm;
	bool forks, is64 = BPF_CLASS(in->code) == BPF_ALU64;

	scalar_const(&imm, (u64)(s64)in->imm);
	if (BPF_OP(in->code) == BPF_END) {
		scalar_swap(dst, in->code, in->imm);
		return false;
	}
	if (BPF_OP(in->code) == BPF_MOV && in->off) {
		*dst = r[in->src_reg];
		scalar_sext(dst, (u8)(in->off / 8), !is64);
		return false;
	}
	if (BPF_OP(in->code) == BPF_MOV && src == &imm)
		scalar_const(&imm, is64 ? (u64)(s64)in->imm : (u32)in->imm);
	forks = scalar_fork(dst, src, BPF_OP(in->code), &other);
	scalar_alu(dst, src, BPF_OP(in->code), in->off, is64);
	return forks;
}

static void step_load(struct scalar *r, const struct bpf_insn *in)
{
	static const u8 bytes[] = { 4, 2, 1, 8 };
	struct scalar *dst = &r[in->dst_reg];
	u8 n = bytes[BPF_SIZE(in->code) >> 3];

	scalar_unknown(dst);
	if (BPF_MODE(in->code) == 0x80)
		scalar_sext(dst, n, false);
	else
		scalar_zext(dst, n);
}

/* False: the main path ends here. */
static bool step_branch(struct scalar *r, const struct prog *p, u32 i, char **lines, u32 n)
{
	const struct bpf_insn *in = &p->insn[i];
	bool taken = p->kind[i] == BRANCH_TAKEN, is32 = BPF_CLASS(in->code) == BPF_JMP32;
	bool x = BPF_SRC(in->code) == BPF_X, on = visited(lines, n, taken ? i + 2 : i + 1);
	struct scalar imm, *a = &r[in->dst_reg], *b = x ? &r[in->src_reg] : &imm;
	int way;

	scalar_const(&imm, (u64)(s64)in->imm);
	way = scalar_branch(a, b, BPF_OP(in->code), is32);
	paths++;
	if (taken && way >= 0)
		taken = on; /* one way only: no "from" line */
	if ((way < 0 || way == (p->kind[i] == BRANCH_TAKEN)) != on) {
		looser += way < 0;
		tighter += way >= 0;
		diag("branch decided otherwise: %d, kernel goes on: %d: %s", way, on,
		     line_of(lines, n, i, false));
		return false;
	}
	if (!on)
		return false;
	if (way >= 0) /* nothing is learnt from what was known */
		return true;
	scalar_refine(a, b, BPF_OP(in->code), is32, p->kind[i] == BRANCH_TAKEN);
	if (scalar_sane(a) && scalar_sane(b))
		return true;
	/* Nobody can come here: both know it, but need not contradict themselves in the same words. */
	dead++;
	return false;
}

static void run_main_path(const struct prog *p, char **lines, u32 n)
{
	struct scalar r[REGS + 1];
	bool forked = false;

	memset(r, 0, sizeof(r));
	for (u32 i = 0; i < p->cnt && !forked; i++) {
		const struct bpf_insn *in = &p->insn[i];
		const char *line;
		bool branch = p->kind[i] == BRANCH_STAY || p->kind[i] == BRANCH_TAKEN;

		if (p->kind[i] == SKIP)
			continue;
		if (p->kind[i] == ALU)
			forked = step_alu(r, in);
		else if (p->kind[i] == LOAD)
			step_load(r, in);
		else if (p->kind[i] == WIDE)
			scalar_const(&r[in->dst_reg], (u32)in->imm | (u64)(u32)in[1].imm << 32);
		else if (!step_branch(r, p, i, lines, n))
			return;
		line = line_of(lines, n, i, p->kind[i] == BRANCH_TAKEN);
		if (!line)
			continue;
		compare(&r[in->dst_reg], line, in->dst_reg);
		if (branch && BPF_SRC(in->code) == BPF_X)
			compare(&r[in->src_reg], line, in->src_reg);
	}
}

static void one_program(u64 seed)
{
	static char *lines[1 << 14];
	static struct prog p;
	u32 n = 0;
	int fd;

	current = seed;
	rng = (seed + 1) * 0x9e3779b97f4a7c15ull;
	rnd(2);
	make_program(&p);
	fd = load(&p);
	if (fd < 0) {
		ok(0, "program %" PRIu64 " loads: %s: %.200s", seed, strerror(errno),
		   log_buf + (strlen(log_buf) > 200 ? strlen(log_buf) - 200 : 0));
		return;
	}
	close(fd);
	if (verbose > 1)
		puts(log_buf);
	for (char *l = strtok(log_buf, "\n"); l && n < ARRAY_SIZE(lines); l = strtok(NULL, "\n"))
		lines[n++] = l;
	run_main_path(&p, lines, n);
}

static int make_map(void)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 128, .max_entries = 1
	};

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

int main(int argc, char **argv)
{
	const char *env = getenv("PINFS_SEED");
	u64 seed = env ? strtoull(env, NULL, 0) : 1;
	long n = test_scale(20000);

	verbose = argc > 2 ? 2 : argc > 1;
	map_fd = make_map();
	if (map_fd < 0) {
		skip("no kernel BPF here");
		return done();
	}
	diag("%ld programs from seed %" PRIu64, n, seed);
	for (long i = 0; i < n && verbose < 2; i++)
		one_program(seed * 1000003 + (u64)i);
	if (verbose > 1) {
		one_program(strtoull(argv[2], NULL, 0));
		return 0;
	}
	ok(states > (u64)n * 10, "states compared: %" PRIu64 ", branches: %" PRIu64, states, paths);
	ok(tighter == 0, "nowhere more is known than by the kernel: %" PRIu64, tighter);
	ok(looser == 0, "nowhere less: %" PRIu64, looser);
	ok(dead * 1000 < paths, "dead paths that ranges do not tell: %" PRIu64, dead);
	diag("equal: %" PRIu64 " of %" PRIu64, equal, states);
	return done();
}
