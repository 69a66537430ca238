// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_LOAD, row by row: types and attach types, flags, logs, structure,
 * registers, memory, helpers, maps in programs, and what a program's info says.
 *
 * With most rows the last line of the log that is not the statistics is printed
 * too: that is what clients show and what their probes look for.
 */
#include "btf_blobs.h"
#include "rows.h"

#define F_SLEEPABLE 16u

#define I(c, d, s, o, i)                                                                                     \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}
#define END                0xee /* behind the last instruction of a row */
#define MOV(d, i)          I(0xb7, d, 0, 0, i)
#define MOVR(d, s)         I(0xbf, d, s, 0, 0)
#define ADD(d, i)          I(0x07, d, 0, 0, i)
#define CALL(n)            I(0x85, 0, 0, 0, n)
#define CALLP(rel)         I(0x85, 0, 1, 0, rel)
#define EXIT               I(0x95, 0, 0, 0, 0)
#define LD64(d, s, lo, hi) I(0x18, d, s, 0, lo), I(0, 0, 0, 0, hi)
#define STDW(d, o, i)      I(0x7a, d, 0, o, i)
#define STXDW(d, s, o)     I(0x7b, d, s, o, 0)
#define LDXDW(d, s, o)     I(0x79, d, s, o, 0)

static const struct bpf_insn zero[] = { MOV(0, 0), EXIT };
static char log_buf[1 << 16];

static union row_attr attr_of(unsigned type, const struct bpf_insn *insns, unsigned n)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.prog_type = type;
	a.a.insns = ptr(insns);
	a.a.insn_cnt = n;
	a.a.license = ptr("GPL");
	return a;
}

static int load(union row_attr *a)
{
	int fd = raw_bpf(BPF_PROG_LOAD, a, ATTR_KNOWN);

	return fd;
}

static void with_log(union row_attr *a, unsigned level)
{
	a->a.log_level = level;
	a->a.log_buf = ptr(log_buf);
	a->a.log_size = sizeof(log_buf);
	log_buf[0] = 0;
}

/* The line before the statistics; the statistics themselves if there is none. */
static void say_log(void)
{
	char *last = NULL, *before = NULL;

	for (char *line = strtok(log_buf, "\n"); line; line = strtok(NULL, "\n")) {
		before = last;
		last = line;
	}
	if (last && !strncmp(last, "processed", 9) && before)
		last = before;
	say(" \"%s\"", last ? last : "");
}

/* Programs and what is said of them; text: also the log's line. */
struct row {
	const char *text;
	unsigned type, tell;
	struct bpf_insn insns[24];
};

#define SOCK BPF_PROG_TYPE_SOCKET_FILTER
#define TP   BPF_PROG_TYPE_TRACEPOINT
#define ROW(text, type, ...)                                                                                 \
	{                                                                                                    \
		text, type, 1,                                                                               \
		{                                                                                            \
			__VA_ARGS__, I(END, 0, 0, 0, 0)                                                      \
		}                                                                                            \
	}
/* A verdict whose words are the verifier's own. */
#define QUIET(text, type, ...)                                                                               \
	{                                                                                                    \
		text, type, 0,                                                                               \
		{                                                                                            \
			__VA_ARGS__, I(END, 0, 0, 0, 0)                                                      \
		}                                                                                            \
	}

static const struct row rows[] = {
	ROW("nothing returned", SOCK, EXIT),
	ROW("unreachable", SOCK, MOV(0, 0), EXIT, MOV(0, 0), EXIT),
	ROW("no exit", SOCK, MOV(0, 0)),
	ROW("r0 = 7", SOCK, MOV(0, 7), EXIT),
	ROW("stack: above", SOCK, STDW(10, 0, 0), MOV(0, 0), EXIT),
	ROW("stack: below", SOCK, STDW(10, -520, 0), MOV(0, 0), EXIT),
	ROW("stack: lowest", SOCK, STDW(10, -512, 0), MOV(0, 0), EXIT),
	ROW("stack: misaligned", SOCK, STDW(10, -9, 0), MOV(0, 0), EXIT),
	ROW("stack: never written", SOCK, LDXDW(0, 10, -8), EXIT),
	ROW("stack: written and read", SOCK, STDW(10, -8, 5), LDXDW(0, 10, -8), EXIT),
	ROW("stack: bytes", SOCK, I(0x72, 10, 0, -1, 5), I(0x71, 0, 10, -1, 0), EXIT),
	ROW("stack: pointer spilled and filled", SOCK, STXDW(10, 10, -8), LDXDW(1, 10, -8), STDW(1, -16, 1),
	    MOV(0, 0), EXIT),
	ROW("stack: pointer filled by half", SOCK, STXDW(10, 10, -8), I(0x61, 0, 10, -8, 0), EXIT),
	ROW("stack: pointer spilled by half", SOCK, I(0x63, 10, 10, -8, 0), MOV(0, 0), EXIT),
	ROW("stack: by another register", SOCK, MOVR(1, 10), ADD(1, -8), STDW(1, 0, 1), LDXDW(0, 10, -8),
	    EXIT),
	ROW("stack: read above", SOCK, LDXDW(0, 10, 8), EXIT),
	ROW("opcode ff", SOCK, I(0xff, 0, 0, 0, 0), MOV(0, 0), EXIT),
	ROW("r11", SOCK, MOV(11, 0), EXIT),
	ROW("r11 read", SOCK, MOVR(0, 11), EXIT),
	ROW("r10 written", SOCK, MOV(10, 0), EXIT),
	ROW("mov with src", SOCK, I(0xb7, 0, 1, 0, 0), EXIT),
	ROW("mov with off", SOCK, I(0xb7, 0, 0, 1, 0), EXIT),
	ROW("shift by 64", SOCK, MOV(0, 0), I(0x67, 0, 0, 0, 64), EXIT),
	ROW("shift by 63", SOCK, MOV(0, 0), I(0x67, 0, 0, 0, 63), EXIT),
	ROW("32-bit shift by 32", SOCK, MOV(0, 0), I(0x64, 0, 0, 0, 32), EXIT),
	ROW("shift by -1", SOCK, MOV(0, 0), I(0x77, 0, 0, 0, -1), EXIT),
	ROW("division by 0", SOCK, MOV(0, 0), I(0x37, 0, 0, 0, 0), EXIT),
	ROW("modulo by 0", SOCK, MOV(0, 0), I(0x97, 0, 0, 0, 0), EXIT),
	ROW("division by 3", SOCK, MOV(0, 9), I(0x37, 0, 0, 0, 3), EXIT),
	ROW("signed division", SOCK, MOV(0, 9), I(0x37, 0, 0, 1, 3), EXIT),
	ROW("neg", SOCK, MOV(0, 9), I(0x87, 0, 0, 0, 0), EXIT),
	ROW("neg with imm", SOCK, MOV(0, 9), I(0x87, 0, 0, 0, 1), EXIT),
	ROW("byte order 16", SOCK, MOV(0, 9), I(0xdc, 0, 0, 0, 16), EXIT),
	ROW("byte order 17", SOCK, MOV(0, 9), I(0xdc, 0, 0, 0, 17), EXIT),
	ROW("sign extension", SOCK, MOV(1, 9), I(0xbf, 0, 1, 8, 0), EXIT),
	ROW("pointer times 2", SOCK, MOVR(0, 10), I(0x27, 0, 0, 0, 2), EXIT),
	ROW("pointer cut to 32 bits", SOCK, I(0xbc, 0, 10, 0, 0), EXIT),
	ROW("pointer plus in 32 bits", SOCK, MOVR(0, 10), I(0x04, 0, 0, 0, 2), EXIT),
	ROW("pointer minus pointer", SOCK, MOVR(0, 10), I(0x1f, 0, 10, 0, 0), EXIT),
	ROW("pointer plus pointer", SOCK, MOVR(0, 10), I(0x0f, 0, 10, 0, 0), EXIT),
	ROW("number minus pointer", SOCK, MOV(0, 1), I(0x1f, 0, 10, 0, 0), EXIT),
	ROW("pointer returned", SOCK, MOVR(0, 10), EXIT),
	ROW("number followed", SOCK, MOV(1, 0), LDXDW(0, 1, 0), EXIT),
	ROW("unset register followed", SOCK, LDXDW(0, 2, 0), EXIT),
	ROW("unset register added", SOCK, MOV(0, 0), I(0x0f, 0, 3, 0, 0), EXIT),
	ROW("exit with fields", SOCK, MOV(0, 0), I(0x95, 1, 0, 0, 0)),
	ROW("call with dst", SOCK, I(0x85, 1, 0, 0, 5), EXIT),
	ROW("call with src 3", SOCK, I(0x85, 0, 3, 0, 5), EXIT),
	ROW("ldx with imm", SOCK, I(0x79, 0, 10, -8, 1), EXIT),
	ROW("stx with imm", SOCK, I(0x7b, 10, 10, -8, 1), MOV(0, 0), EXIT),
	ROW("st with src", SOCK, I(0x7a, 10, 1, -8, 1), MOV(0, 0), EXIT),
	ROW("ld_imm64", SOCK, LD64(0, 0, 1, 2), EXIT),
	ROW("ld_imm64 cut", SOCK, I(0x18, 0, 0, 0, 5)),
	ROW("ld_imm64 without second half", SOCK, I(0x18, 0, 0, 0, 5), EXIT),
	ROW("ld_imm64 with a set second half", SOCK, I(0x18, 0, 0, 0, 5), I(0, 1, 0, 0, 0), EXIT),
	ROW("ld_imm64 src 7", SOCK, LD64(0, 7, 5, 0), EXIT),
	ROW("ld_imm64 closed fd", SOCK, LD64(0, 1, 999, 0), EXIT),
	ROW("ld_imm64 negative fd", SOCK, LD64(0, 1, -1, 0), EXIT),
	ROW("ld_imm64 index without array", SOCK, LD64(0, 5, 0, 0), EXIT),
	ROW("subprogram", SOCK, CALLP(1), EXIT, MOV(0, 0), EXIT),
	ROW("subprogram out of range", SOCK, CALLP(10), EXIT, MOV(0, 0), EXIT),
	ROW("subprogram that returns nothing", SOCK, CALLP(1), EXIT, EXIT),
	ROW("subprogram calls itself", SOCK, CALLP(-1), EXIT),
	ROW("subprogram without exit", SOCK, CALLP(1), EXIT, MOV(0, 0)),
	ROW("subprogram returns its stack", SOCK, CALLP(1), EXIT, MOVR(0, 10), EXIT),
	ROW("subprogram takes arguments", SOCK, MOV(1, 4), CALLP(1), EXIT, MOVR(0, 1), EXIT),
	ROW("arguments are gone after it", SOCK, MOV(1, 4), CALLP(2), MOVR(0, 1), EXIT, MOV(0, 0), EXIT),
	ROW("subprogram writes the caller's stack", SOCK, MOVR(1, 10), ADD(1, -8), CALLP(1), EXIT,
	    STDW(1, 0, 3), MOV(0, 0), EXIT),
	ROW("stack of two", SOCK, STDW(10, -256, 0), CALLP(1), EXIT, STDW(10, -256, 0), MOV(0, 0), EXIT),
	QUIET("stack of two, too much", SOCK, STDW(10, -400, 0), CALLP(1), EXIT, STDW(10, -400, 0), MOV(0, 0),
	      EXIT),
	QUIET("stack of two, too much later", SOCK, CALLP(2), STDW(10, -400, 0), EXIT, STDW(10, -400, 0),
	      MOV(0, 0), EXIT),
	ROW("jump out of range", SOCK, I(0x05, 0, 0, 9, 0), MOV(0, 0), EXIT),
	ROW("jump before", SOCK, I(0x05, 0, 0, -5, 0), MOV(0, 0), EXIT),
	QUIET("store to the context", SOCK, STDW(1, 0, 0), MOV(0, 0), EXIT),
	QUIET("context far out", SOCK, LDXDW(0, 1, 4000), EXIT),
	ROW("helper: coarse time", SOCK, CALL(160), EXIT),
	ROW("helper: none such", SOCK, CALL(9999), EXIT),
	ROW("helper: -1", SOCK, CALL(-1), EXIT),
	ROW("helper: 0", SOCK, CALL(0), EXIT),
	ROW("helper: not for this type", SOCK, CALL(174), EXIT),
	ROW("helper: cookie", TP, CALL(174), EXIT),
	ROW("helper: registers after it", SOCK, CALL(5), MOVR(0, 1), EXIT),
	ROW("helper: lookup without map", SOCK, CALL(1), EXIT),
	ROW("helper: second argument unset", BPF_PROG_TYPE_SCHED_CLS, CALL(9), EXIT),
	ROW("helper: probe_read_kernel", TP, MOVR(1, 10), ADD(1, -8), MOV(2, 8), MOV(3, 0), CALL(113), EXIT),
	ROW("helper: probe_read_kernel too much", TP, MOVR(1, 10), ADD(1, -8), MOV(2, 16), MOV(3, 0),
	    CALL(113), EXIT),
	ROW("helper: probe_read_kernel negative", TP, MOVR(1, 10), ADD(1, -8), MOV(2, -1), MOV(3, 0),
	    CALL(113), EXIT),
	ROW("helper: probe_read_kernel of nothing", TP, MOVR(1, 10), ADD(1, -8), MOV(2, 0), MOV(3, 0),
	    CALL(113), EXIT),
	QUIET("helper: memory is a number", TP, MOV(1, 0), MOV(2, 8), MOV(3, 0), CALL(113), EXIT),
	ROW("helper: current_comm of nothing", TP, MOVR(1, 10), ADD(1, -8), MOV(2, 0), CALL(16), EXIT),
	ROW("helper: current_comm", TP, MOVR(1, 10), ADD(1, -16), MOV(2, 16), CALL(16), EXIT),
	ROW("helper: trace_printk", TP, STDW(10, -8, 0), MOVR(1, 10), ADD(1, -8), MOV(2, 8), CALL(6), EXIT),
	ROW("helper: may sleep", SOCK, CALL(148), EXIT),
	ROW("cgroup returns 2", BPF_PROG_TYPE_CGROUP_SKB, MOV(0, 2), EXIT),
	ROW("cgroup returns -1", BPF_PROG_TYPE_CGROUP_SKB, MOV(0, -1), EXIT),
	ROW("cgroup returns time", BPF_PROG_TYPE_CGROUP_SKB, CALL(5), EXIT),
	ROW("cgroup returns a bit of it", BPF_PROG_TYPE_CGROUP_SKB, CALL(5), I(0x57, 0, 0, 0, 1), EXIT),
	ROW("cgroup returns two bits of it", BPF_PROG_TYPE_CGROUP_DEVICE, CALL(5), I(0x57, 0, 0, 0, 0), EXIT),
	ROW("cgroup returns a pointer", BPF_PROG_TYPE_CGROUP_SKB, MOVR(0, 10), EXIT),
	ROW("tracing without target", BPF_PROG_TYPE_TRACING, MOV(0, 0), EXIT),
	ROW("struct_ops", BPF_PROG_TYPE_STRUCT_OPS, MOV(0, 0), EXIT),
};

static void verifier_rows(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		union row_attr a;
		unsigned n = 0;
		int e, fd;

		while (rows[i].insns[n].code != END)
			n++;
		a = attr_of(rows[i].type, rows[i].insns, n);
		with_log(&a, 1);
		fd = load(&a);
		e = errno;
		say("%s", rows[i].text);
		if (rows[i].tell)
			say_log();
		errno = e;
		result_fd(fd);
	}
}

/* What the log says at level 4 of the stack, by subprogram, also of programs that are refused. */
static void depth_row(const char *text, const struct bpf_insn *insns, unsigned n)
{
	union row_attr a = attr_of(SOCK, insns, n);
	char *depth;
	int fd;

	with_log(&a, 4);
	fd = load(&a);
	depth = strstr(log_buf, "stack depth");
	if (depth)
		depth[strcspn(depth, "\n")] = 0;
	say("depth: %s: %s", text, depth ? depth : "nothing");
	result_fd(fd);
}
#define DEPTH(text, ...)                                                                                     \
	do {                                                                                                 \
		const struct bpf_insn insns_[] = { __VA_ARGS__ };                                            \
		depth_row(text, insns_, sizeof(insns_) / sizeof(*insns_));                                   \
	} while (0)

static void depth_rows(void)
{
	DEPTH("of 24", STDW(10, -24, 0), MOV(0, 0), EXIT);
	DEPTH("of 4", I(0x62, 10, 0, -4, 0), MOV(0, 0), EXIT);
	DEPTH("of 9", I(0x72, 10, 0, -9, 0), MOV(0, 0), EXIT);
	DEPTH("refused after 24", STDW(10, -24, 0), MOVR(0, 9), EXIT);
	DEPTH("refused before it is walked", I(0xff, 0, 0, 0, 0), EXIT);
	DEPTH("refused in a function", STDW(10, -8, 0), I(0x85, 0, 1, 0, 1), EXIT, STDW(10, -16, 0),
	      MOVR(0, 9), EXIT);
	DEPTH("refused before a function", STDW(10, -8, 0), MOVR(0, 9), I(0x85, 0, 1, 0, 1), EXIT,
	      STDW(10, -16, 0), MOV(0, 0), EXIT);
	DEPTH("two that are too large", STDW(10, -400, 0), I(0x85, 0, 1, 0, 1), EXIT, STDW(10, -400, 0),
	      MOV(0, 0), EXIT);
}

static void license_rows(void)
{
	union row_attr a = attr_of(BPF_PROG_TYPE_STRUCT_OPS, zero, 2);
	int fd, e;

	a.a.license = ptr("");
	with_log(&a, 1);
	fd = load(&a);
	e = errno;
	say("struct_ops without a license");
	say_log();
	errno = e;
	result_fd(fd);
}

/* What this machine's kernel allows for kernel functions is its own affair. */
static int depends_on_kernel(unsigned type, unsigned eat)
{
	return type == BPF_PROG_TYPE_EXT || type == BPF_PROG_TYPE_LSM ||
	       (type == BPF_PROG_TYPE_TRACING && eat >= 24 && eat <= 26);
}

static void type_rows(void)
{
	for (unsigned type = 0; type < 36; type++) {
		for (unsigned eat = 0; eat < 60; eat++) {
			union row_attr a = attr_of(type, zero, 2);

			if (depends_on_kernel(type, eat))
				continue;
			a.a.expected_attach_type = eat;
			say("type %u attach type %u", type, eat);
			result_fd(load(&a));
		}
	}
	for (unsigned type = 1; type < 33; type++) {
		for (int ret = -1; ret < 6; ret++) {
			const struct bpf_insn insns[] = { MOV(0, ret), EXIT };
			static const unsigned eats[33] = {
				[9] = 34, [18] = 19, [25] = 22, [30] = 36, [32] = 45
			};
			union row_attr a = attr_of(type, insns, 2);

			if (depends_on_kernel(type, 0))
				continue;
			a.a.expected_attach_type = eats[type];
			say("type %u returns %d", type, ret);
			result_fd(load(&a));
		}
	}
}

static void flag_rows(void)
{
	static const unsigned types[] = { SOCK, BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_XDP,
					  BPF_PROG_TYPE_SYSCALL };

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			union row_attr a = attr_of(types[t], zero, 2);

			a.a.prog_flags = 1u << bit;
			say("type %u flag %u", types[t], bit);
			result_fd(load(&a));
		}
	}
}

static void helper_rows(void)
{
	static const unsigned types[] = { SOCK,
					  BPF_PROG_TYPE_KPROBE,
					  BPF_PROG_TYPE_SCHED_CLS,
					  TP,
					  BPF_PROG_TYPE_XDP,
					  BPF_PROG_TYPE_CGROUP_SKB,
					  BPF_PROG_TYPE_SK_MSG };

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		for (int h = 0; h < 214; h++) {
			const struct bpf_insn insns[] = { CALL(h), EXIT };
			union row_attr a = attr_of(types[t], insns, 2);

			say("type %u helper %d", types[t], h);
			result_fd(load(&a));
		}
	}
	for (int h = 0; h < 214; h++) {
		const struct bpf_insn insns[] = { CALL(h), EXIT };
		union row_attr a = attr_of(TP, insns, 2);

		a.a.license = ptr("Proprietary");
		say("not GPL: helper %d", h);
		result_fd(load(&a));
	}
}

#define FIELD_ROW(text, ...)                                                                                 \
	do {                                                                                                 \
		union row_attr a = attr_of(SOCK, zero, 2);                                                   \
		__VA_ARGS__;                                                                                 \
		say(text);                                                                                   \
		result_fd(load(&a));                                                                         \
	} while (0)

static void field_rows(void)
{
	char small[8];

	FIELD_ROW("no instructions", a.a.insn_cnt = 0);
	FIELD_ROW("too many instructions", a.a.insn_cnt = 1000001);
	FIELD_ROW("instructions NULL", a.a.insns = 0);
	FIELD_ROW("instructions bad", a.a.insns = 8);
	FIELD_ROW("license NULL", a.a.license = 0);
	FIELD_ROW("license bad", a.a.license = 8);
	FIELD_ROW("license empty", a.a.license = ptr(""));
	FIELD_ROW("license long", a.a.license = ptr(memset(log_buf, 'a', 1000)));
	FIELD_ROW("instructions and type bad", a.a.insns = 8; a.a.prog_type = 99);
	FIELD_ROW("name", strcpy(a.a.prog_name, "a_b.C9"));
	FIELD_ROW("name with a dash", strcpy(a.a.prog_name, "a-b"));
	FIELD_ROW("name too long", memset(a.a.prog_name, 'a', 16));
	FIELD_ROW("name bad and type bad", strcpy(a.a.prog_name, "a-b"); a.a.prog_type = 99);
	FIELD_ROW("log: level without buffer", a.a.log_level = 1);
	FIELD_ROW("log: buffer without level", a.a.log_buf = ptr(small); a.a.log_size = 8);
	FIELD_ROW("log: size without level", a.a.log_size = 8);
	FIELD_ROW("log: size without buffer", a.a.log_level = 1; a.a.log_size = 8);
	FIELD_ROW("log: buffer without size", a.a.log_level = 1; a.a.log_buf = ptr(small));
	FIELD_ROW("log: level 16", a.a.log_level = 16; a.a.log_buf = ptr(small); a.a.log_size = 8);
	FIELD_ROW("log: small", a.a.log_level = 1; a.a.log_buf = ptr(small); a.a.log_size = 8);
	FIELD_ROW("log: small and fixed", a.a.log_level = 9; a.a.log_buf = ptr(small); a.a.log_size = 8);
	FIELD_ROW("log: bad buffer", a.a.log_level = 1; a.a.log_buf = 8; a.a.log_size = 4096);
	FIELD_ROW("log: huge", a.a.log_level = 1; a.a.log_buf = ptr(log_buf); a.a.log_size = 0x40000000);
	FIELD_ROW("ifindex", a.a.prog_ifindex = 1);
	FIELD_ROW("ifindex, XDP, lo", a.a.prog_ifindex = 1; a.a.prog_type = BPF_PROG_TYPE_XDP);
	FIELD_ROW("ifindex, XDP, none", a.a.prog_ifindex = 99999; a.a.prog_type = BPF_PROG_TYPE_XDP);
	FIELD_ROW("ifindex, XDP, bound", a.a.prog_ifindex = 1; a.a.prog_type = BPF_PROG_TYPE_XDP;
		  a.a.prog_flags = 1u << 6);
	FIELD_ROW("ifindex and other flag", a.a.prog_ifindex = 1; a.a.prog_type = BPF_PROG_TYPE_XDP;
		  a.a.prog_flags = 1);
	FIELD_ROW("btf fd without info", a.a.prog_btf_fd = 999);
	FIELD_ROW("btf fd closed with func info", a.a.prog_btf_fd = -1; a.a.func_info_cnt = 1;
		  a.a.func_info_rec_size = 8);
	FIELD_ROW("btf fd closed with line info", a.a.prog_btf_fd = -1; a.a.line_info_cnt = 1);
	FIELD_ROW("attach_btf_id", a.a.attach_btf_id = 1);
	FIELD_ROW("attach_btf_id huge", a.a.attach_btf_id = 0x100000);
	FIELD_ROW("attach_prog_fd closed", a.a.attach_prog_fd = 999);
	FIELD_ROW("attach_prog_fd of a file", a.a.attach_prog_fd = 1);
	FIELD_ROW("kern_version", a.a.kern_version = 12345);
	FIELD_ROW("token flag, closed", a.a.prog_flags = F_TOKEN_FD; a.w[36] = 999);
	FIELD_ROW("token fd without flag", a.w[36] = 999);
}

/* True size and tail of logs that are too short. */
static void log_rows(void)
{
	for (unsigned level = 1; level < 10; level += 8) {
		for (unsigned size = 1; size < 128; size += 9) {
			union row_attr a = attr_of(SOCK, zero, 2);
			int e, fd;

			memset(log_buf, '#', sizeof(log_buf));
			a.a.log_level = level;
			a.a.log_buf = ptr(log_buf);
			a.a.log_size = size;
			fd = load(&a);
			e = errno;
			log_buf[size + 1] = 0;
			say("log level %u size %u: true size %u, \"%s\" %c", level, size, a.w[35], log_buf,
			    log_buf[size]);
			errno = e;
			result_fd(fd);
		}
	}
	{
		union row_attr a = attr_of(SOCK, zero, 2);
		int fd;

		a.a.log_level = 1;
		fd = raw_bpf(BPF_PROG_LOAD, &a, 140);
		say("attr of 140 bytes: true size %u", a.w[35]);
		result_fd(fd);
		a.a.log_size = 4096;
		a.a.log_buf = 4096;
		fd = load(&a);
		say("a log to nowhere: its size is told %d", a.w[35] > 0);
		result_fd(fd);
	}
}

/* ld_imm64 of a variable of the kernel, by types of which none has an address. */
static void var_rows(void)
{
	static const char strs[] = "\0int\0no_such_variable\0no_such_function";
	static const uint32_t types[] = { 1, 1u << 24, 4,         32, 5,  14u << 24, 1,
					  1, 0,        13u << 24, 0,  22, 12u << 24, 3 };
	struct {
		uint32_t hdr[6], types[ARRAY_SIZE(types)];
		char strs[sizeof(strs)];
	} blob = { .hdr = { 0x0001eb9f, 24, 0, sizeof(types), sizeof(types), sizeof(strs) } };
	union row_attr b = { .a = { .btf = ptr(&blob), .btf_size = 24 + sizeof(types) + sizeof(strs) } },
		       v = { .w = { 1 } },
		       m = { .a = { .map_type = BPF_MAP_TYPE_ARRAY,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = 1 } };
	static const int ids[] = { 0, 1, 2, 3, 4, 5, 0x7fffffff, -1 };
	int fds[5] = { 0 };

	memcpy(blob.types, types, sizeof(types));
	memcpy(blob.strs, strs, sizeof(strs));
	fds[1] = raw_bpf(BPF_BTF_LOAD, &b, 32);
	fds[2] = raw_bpf(BPF_BTF_GET_FD_BY_ID, &v, 16);
	fds[3] = raw_bpf(BPF_MAP_CREATE, &m, ATTR_KNOWN);
	fds[4] = -1;
	must(fds[1] >= 0 && fds[2] >= 0 && fds[3] >= 0, "BTF");
	for (unsigned f = 0; f < ARRAY_SIZE(fds); f++)
		for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
			const struct bpf_insn p[] = {
				{ .code = 0x18, .dst_reg = 1, .src_reg = 3, .imm = ids[i] },
				{ .imm = fds[f] },
				{ .code = 0xb7 },
				{ .code = 0x95 }
			};
			union row_attr a = attr_of(SOCK, p, 4);
			int fd;

			a.a.log_level = 1;
			a.a.log_buf = ptr(log_buf);
			a.a.log_size = sizeof(log_buf);
			fd = load(&a);
			say("variable %d of fd number %u, \"%.*s\"", ids[i], f, (int)strcspn(log_buf, "\n"),
			    log_buf);
			result_fd(fd);
		}
	for (unsigned f = 1; f < 4; f++)
		close(fds[f]);
}

static int map_make(unsigned type, unsigned key, unsigned value, unsigned max, unsigned flags)
{
	union row_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.a.map_type = type;
	a.a.key_size = key;
	a.a.value_size = value;
	a.a.max_entries = max;
	a.a.map_flags = flags;
	fd = raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
	must(fd >= 0, "map");
	return fd;
}

static void try_insns(const char *text, unsigned type, const struct bpf_insn *insns, unsigned n)
{
	union row_attr a = attr_of(type, insns, n);
	int e, fd;

	with_log(&a, 1);
	fd = load(&a);
	e = errno;
	say("%s", text);
	if (fd < 0)
		say_log();
	errno = e;
	result_fd(fd);
}

#define TRY(text, type, ...)                                                                                 \
	do {                                                                                                 \
		const struct bpf_insn x[] = { __VA_ARGS__ };                                                 \
		try_insns(text, type, x, sizeof(x) / sizeof(x[0]));                                          \
	} while (0)

static void map_rows(void)
{
	int one = map_make(BPF_MAP_TYPE_ARRAY, 4, 32, 1, 0), many = map_make(BPF_MAP_TYPE_ARRAY, 4, 32, 8, 0);
	int hash = map_make(BPF_MAP_TYPE_HASH, 4, 8, 8, 0);
	int ro = map_make(BPF_MAP_TYPE_ARRAY, 4, 32, 1, BPF_F_RDONLY_PROG);
	int wo = map_make(BPF_MAP_TYPE_ARRAY, 4, 32, 1, BPF_F_WRONLY_PROG);
	int queue = map_make(BPF_MAP_TYPE_QUEUE, 0, 8, 8, 0);

	TRY("value: store", SOCK, LD64(1, 2, one, 16), STDW(1, 0, 42), MOV(0, 0), EXIT);
	TRY("value: store at the end", SOCK, LD64(1, 2, one, 24), STDW(1, 0, 42), MOV(0, 0), EXIT);
	TRY("value: store beyond", SOCK, LD64(1, 2, one, 28), STDW(1, 0, 42), MOV(0, 0), EXIT);
	TRY("value: store before", SOCK, LD64(1, 2, one, 0), STDW(1, -8, 42), MOV(0, 0), EXIT);
	TRY("value: load", SOCK, LD64(1, 2, one, 8), LDXDW(0, 1, 8), EXIT);
	TRY("value: by steps", SOCK, LD64(1, 2, one, 8), ADD(1, 8), LDXDW(0, 1, 8), EXIT);
	TRY("value: by too many steps", SOCK, LD64(1, 2, one, 8), ADD(1, 24), LDXDW(0, 1, 0), EXIT);
	TRY("value: misaligned", SOCK, LD64(1, 2, one, 3), LDXDW(0, 1, 0), EXIT);
	TRY("value: offset behind the value", SOCK, LD64(1, 2, one, 32), MOV(0, 0), EXIT);
	TRY("value: offset of 1 GiB", SOCK, LD64(1, 2, one, 1 << 30), MOV(0, 0), EXIT);
	TRY("value: offset below 512 MiB", SOCK, LD64(1, 2, one, (1 << 29) - 1), MOV(0, 0), EXIT);
	TRY("value: offset of 512 MiB", SOCK, LD64(1, 2, one, 1 << 29), MOV(0, 0), EXIT);
	TRY("value: several entries", SOCK, LD64(1, 2, many, 0), MOV(0, 0), EXIT);
	TRY("value: hash", SOCK, LD64(1, 2, hash, 0), MOV(0, 0), EXIT);
	TRY("value: write to a read-only map", SOCK, LD64(1, 2, ro, 0), STDW(1, 0, 42), MOV(0, 0), EXIT);
	TRY("value: read a read-only map", SOCK, LD64(1, 2, ro, 0), LDXDW(0, 1, 0), EXIT);
	TRY("value: read a write-only map", SOCK, LD64(1, 2, wo, 0), LDXDW(0, 1, 0), EXIT);
	TRY("map: offset", SOCK, LD64(1, 1, hash, 1), MOV(0, 0), EXIT);
	TRY("lookup", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), LD64(1, 1, hash, 0), CALL(1), MOV(0, 0),
	    EXIT);
	TRY("lookup, result followed", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), LD64(1, 1, hash, 0),
	    CALL(1), LDXDW(0, 0, 0), EXIT);
	TRY("lookup, key short", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -2), LD64(1, 1, hash, 0), CALL(1),
	    MOV(0, 0), EXIT);
	TRY("lookup in a queue", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), LD64(1, 1, queue, 0),
	    CALL(1), MOV(0, 0), EXIT);
	TRY("update", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), MOVR(3, 2), MOV(4, 0),
	    LD64(1, 1, hash, 0), CALL(2), MOV(0, 0), EXIT);
	TRY("update, flags unset", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), MOVR(3, 2),
	    LD64(1, 1, hash, 0), CALL(2), MOV(0, 0), EXIT);
	TRY("delete", SOCK, STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), LD64(1, 1, hash, 0), CALL(3), MOV(0, 0),
	    EXIT);
	close(one), close(many), close(hash), close(ro), close(wo), close(queue);
}

static void info_rows(void)
{
	int map = map_make(BPF_MAP_TYPE_ARRAY, 4, 32, 1, 0);
	const struct bpf_insn insns[] = { LD64(1, 2, map, 16), STDW(1, 0, 42), LD64(2, 1, map, 0), MOV(0, 0),
					  EXIT };
	static const struct bpf_insn *progs[] = { zero, NULL };
	static const unsigned counts[] = { 2, 7 };

	progs[1] = insns;
	for (unsigned i = 0; i < 2; i++) {
		union row_attr a = attr_of(SOCK, progs[i], counts[i]), q;
		struct bpf_prog_info info;
		struct bpf_insn dump[16];
		uint32_t ids[4] = { 0 };
		int fd;

		strcpy(a.a.prog_name, "rows");
		fd = load(&a);
		must(fd >= 0, "program");
		memset(&q, 0, sizeof(q));
		memset(&info, 0, sizeof(info));
		q.a.info.bpf_fd = fd;
		q.a.info.info_len = sizeof(info);
		q.a.info.info = ptr(&info);
		info.nr_map_ids = 4;
		info.map_ids = ptr(ids);
		info.xlated_prog_len = sizeof(dump);
		info.xlated_prog_insns = ptr(dump);
		result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN));
		say("info %u: type %u name %s gpl %u uid %u maps %u (%d) xlated %u verified %u", i, info.type,
		    info.name, info.gpl_compatible, info.created_by_uid, info.nr_map_ids, ids[0] != 0,
		    info.xlated_prog_len, info.verified_insns);
		say(" tag ");
		for (int k = 0; k < 8; k++)
			say("%02x", info.tag[k]);
		say(" btf %u tags %u recs %u %u %u len %u\n", info.btf_id, info.nr_prog_tags,
		    info.func_info_rec_size, info.line_info_rec_size, info.jited_line_info_rec_size,
		    q.a.info.info_len);
		if (i)
			say("map by id in the dump: %d %d\n", dump[0].imm == (int)ids[0], dump[0].src_reg);
		memset(&info, 0, sizeof(info));
		info.nr_map_ids = 1;
		say("info %u: a map id to nowhere", i);
		result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN));
		memset(&info, 0, sizeof(info));
		info.gpl_compatible = 1;
		say("info %u: gpl set on input", i);
		result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN));
		for (unsigned len = 0; len <= 240; len += 40) {
			unsigned char room[256] = { 0 };

			q.a.info.info = ptr(room);
			q.a.info.info_len = len;
			say("info %u: room for %u", i, len);
			result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, ATTR_KNOWN));
			say("  told %u\n", q.a.info.info_len);
		}
		say("program: flags %x\n", (unsigned)fcntl(fd, F_GETFL) & O_ACCMODE);
		close(fd);
	}
	close(map);
}

/* Functions for func_info: ids in the order they stand here. */
enum {
	T_INT = 1,
	T_VOIDP,
	T_PROTO,
	T_MAIN,
	T_CTX_PROTO,
	T_GLOBAL,
	T_TAG,
	T_STATIC,
	T_INT_PROTO,
	T_GLOBAL_INT
};

#define N_argctx ((w32)sizeof(blob_strs))

/* The string "arg:ctx" is put behind the common ones. */
static int load_funcs(void)
{
	static const w32 words[] = {
		INT32,
		PTR(0),
		TYPE(0, K_PROTO, 0, T_INT),
		TYPE(N_A, K_FUNC, 1, T_PROTO),
		TYPE(0, K_PROTO, 1, T_INT),
		N_c,
		T_VOIDP,
		TYPE(N_b, K_FUNC, 1, T_CTX_PROTO),
		TYPE(N_argctx, K_DECL_TAG, 0, T_GLOBAL),
		0,
		TYPE(N_f, K_FUNC, 0, T_PROTO),
		TYPE(0, K_PROTO, 1, T_INT),
		N_c,
		T_INT,
		TYPE(N_T, K_FUNC, 1, T_INT_PROTO),
		BLOB_END,
	};
	union row_attr a;
	struct blob b;

	blob_make(&b, words);
	memcpy(b.b + b.size, "arg:ctx", 8);
	b.size += 8;
	((struct blob_header *)(void *)b.b)->str_len += 8;
	memset(&a, 0, sizeof(a));
	a.a.btf = ptr(b.b);
	a.a.btf_size = b.size;
	return raw_bpf(BPF_BTF_LOAD, &a, ATTR_KNOWN);
}

#define FUNC_ROW(text, type, progname, n, ...)                                                               \
	do {                                                                                                 \
		union row_attr a = attr_of(type, progname, ARRAY_SIZE(progname));                            \
		struct bpf_func_info f[4] = { __VA_ARGS__ };                                                 \
		a.a.prog_btf_fd = btf;                                                                       \
		a.a.func_info = ptr(f);                                                                      \
		a.a.func_info_cnt = n;                                                                       \
		a.a.func_info_rec_size = sizeof(f[0]);                                                       \
		say("func info: %s", text);                                                                  \
		result_fd(load(&a));                                                                         \
	} while (0)

#define SIZE_ROW(text, ...)                                                                                  \
	do {                                                                                                 \
		union row_attr a = attr_of(SOCK, zero, 2);                                                   \
		static unsigned char recs[1024];                                                             \
		memset(recs, 0, sizeof(recs));                                                               \
		recs[4] = T_MAIN;                                                                            \
		a.a.prog_btf_fd = btf;                                                                       \
		a.a.func_info = ptr(recs);                                                                   \
		a.a.func_info_cnt = 1;                                                                       \
		a.a.func_info_rec_size = 8;                                                                  \
		__VA_ARGS__;                                                                                 \
		say("info records: %s", text);                                                               \
		result_fd(load(&a));                                                                         \
	} while (0)

static void line(unsigned char *to, unsigned off, unsigned file, unsigned text)
{
	struct bpf_line_info l = {
		.insn_off = off, .file_name_off = file, .line_off = text, .line_col = 1 << 10
	};

	memcpy(to, &l, sizeof(l));
}

#define LINES(n)                                                                                             \
	a.a.line_info = ptr(recs + 64);                                                                      \
	a.a.line_info_cnt = (n);                                                                             \
	a.a.line_info_rec_size = 16

static void func_rows(void)
{
	static const struct bpf_insn two[] = { CALLP(1), EXIT, MOV(0, 0), EXIT };
	static const struct bpf_insn ctx[] = { CALLP(1), EXIT, CALL(173), EXIT };
	static const struct bpf_insn number[] = { MOV(1, 3), CALLP(1), EXIT, MOVR(0, 1), EXIT };
	static const struct bpf_insn unset[] = { MOVR(1, 10), CALLP(1), EXIT, MOV(0, 0), EXIT };
	static const struct bpf_insn nothing[] = { MOV(1, 3), CALLP(1), EXIT, EXIT };
	static const struct bpf_insn stack[] = { MOV(1, 3), CALLP(1), EXIT, MOVR(0, 10), EXIT };
	int btf = load_funcs();

	must(btf >= 0, "functions");
	FUNC_ROW("one", SOCK, zero, 1, { 0, T_MAIN });
	FUNC_ROW("two", SOCK, two, 2, { 0, T_MAIN }, { 2, T_STATIC });
	FUNC_ROW("one too many", SOCK, zero, 2, { 0, T_MAIN }, { 1, T_STATIC });
	FUNC_ROW("one too few", SOCK, two, 1, { 0, T_MAIN });
	FUNC_ROW("offset of the first", SOCK, zero, 1, { 1, T_MAIN });
	FUNC_ROW("offset of the second", SOCK, two, 2, { 0, T_MAIN }, { 1, T_STATIC });
	FUNC_ROW("same offset", SOCK, two, 2, { 0, T_MAIN }, { 0, T_STATIC });
	FUNC_ROW("type void", SOCK, zero, 1, { 0, 0 });
	FUNC_ROW("type int", SOCK, zero, 1, { 0, T_INT });
	FUNC_ROW("type proto", SOCK, zero, 1, { 0, T_PROTO });
	FUNC_ROW("type nothing", SOCK, zero, 1, { 0, 99 });
	FUNC_ROW("global with context", BPF_PROG_TYPE_KPROBE, ctx, 2, { 0, T_MAIN }, { 2, T_GLOBAL });
	FUNC_ROW("static with context", BPF_PROG_TYPE_KPROBE, ctx, 2, { 0, T_MAIN }, { 2, T_STATIC });
	FUNC_ROW("global with a number", SOCK, number, 2, { 0, T_MAIN }, { 3, T_GLOBAL_INT });
	FUNC_ROW("global with a pointer for a number", SOCK, unset, 2, { 0, T_MAIN }, { 3, T_GLOBAL_INT });
	FUNC_ROW("global that returns nothing", SOCK, nothing, 2, { 0, T_MAIN }, { 3, T_GLOBAL_INT });
	FUNC_ROW("global that returns its stack", SOCK, stack, 2, { 0, T_MAIN }, { 3, T_GLOBAL_INT });

	SIZE_ROW("8 bytes", (void)0);
	SIZE_ROW("0 bytes", a.a.func_info_rec_size = 0);
	SIZE_ROW("4 bytes", a.a.func_info_rec_size = 4);
	SIZE_ROW("10 bytes", a.a.func_info_rec_size = 10);
	SIZE_ROW("12 bytes", a.a.func_info_rec_size = 12);
	SIZE_ROW("12 bytes, set", a.a.func_info_rec_size = 12; recs[8] = 1);
	SIZE_ROW("252 bytes", a.a.func_info_rec_size = 252);
	SIZE_ROW("256 bytes", a.a.func_info_rec_size = 256);
	SIZE_ROW("NULL", a.a.func_info = 0);
	SIZE_ROW("lines", LINES(2); line(recs + 64, 0, N_A, N_b); line(recs + 80, 1, N_A, N_b));
	SIZE_ROW("lines not from the first", LINES(1); line(recs + 64, 1, N_A, N_b));
	SIZE_ROW("lines backwards", LINES(2); line(recs + 64, 1, N_A, N_b); line(recs + 80, 0, N_A, N_b));
	SIZE_ROW("lines twice", LINES(2); line(recs + 64, 0, N_A, N_b); line(recs + 80, 0, N_A, N_b));
	SIZE_ROW("lines beyond", LINES(2); line(recs + 64, 0, N_A, N_b); line(recs + 80, 2, N_A, N_b));
	SIZE_ROW("lines: bad file", LINES(1); line(recs + 64, 0, 99999, N_b));
	SIZE_ROW("lines: bad text", LINES(1); line(recs + 64, 0, N_A, 99999));
	SIZE_ROW("lines: no text", LINES(1); line(recs + 64, 0, N_A, 0));
	SIZE_ROW("lines of 12 bytes", LINES(1); a.a.line_info_rec_size = 12);
	SIZE_ROW("lines of 20 bytes, set", LINES(1); a.a.line_info_rec_size = 20;
		 line(recs + 64, 0, N_A, N_b); recs[80] = 1);
	SIZE_ROW("lines NULL", LINES(1); a.a.line_info = 0);
	SIZE_ROW("lines only", LINES(1); line(recs + 64, 0, N_A, N_b); a.a.func_info_cnt = 0);
	SIZE_ROW("BTF fd of a file", a.a.prog_btf_fd = 1);
	close(btf);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	type_rows();
	flag_rows();
	field_rows();
	verifier_rows();
	depth_rows();
	license_rows();
	helper_rows();
	log_rows();
	var_rows();
	map_rows();
	info_rows();
	func_rows();
	return 0;
}
