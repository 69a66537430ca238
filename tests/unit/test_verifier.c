// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier by itself, with maps that exist only in the request: verdict, errno and reason; and what it
 * makes of a good program: dead code gone, context and maps in movable form, distances right.
 */
#include <string.h>
#include <sys/mman.h>
#include "isa/insn_valid.h"
#include "tests/lib/tap.h"
#include "verifier/verifier.h"

#define I(c, d, s, o, i)                                                                                     \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}
#define MOV(d, i)       I(0xb7, d, 0, 0, i)
#define MOVR(d, s)      I(0xbf, d, s, 0, 0)
#define ADD(d, i)       I(0x07, d, 0, 0, i)
#define ADDR(d, s)      I(0x0f, d, s, 0, 0)
#define AND(d, i)       I(0x57, d, 0, 0, i)
#define CALL(n)         I(0x85, 0, 0, 0, n)
#define CALLP(rel)      I(0x85, 0, 1, 0, rel)
#define EXIT            I(0x95, 0, 0, 0, 0)
#define JA(o)           I(0x05, 0, 0, o, 0)
#define JEQ(d, i, o)    I(0x15, d, 0, o, i)
#define JLT(d, i, o)    I(0xa5, d, 0, o, i)
#define JGTR(d, s, o)   I(0x2d, d, s, o, 0)
#define LDW(d, s, o)    I(0x61, d, s, o, 0)
#define LDB(d, s, o)    I(0x71, d, s, o, 0)
#define LDDW(d, s, o)   I(0x79, d, s, o, 0)
#define STW(d, o, i)    I(0x62, d, 0, o, i)
#define STDW(d, o, i)   I(0x7a, d, 0, o, i)
#define STXDW(d, s, o)  I(0x7b, d, s, o, 0)
#define MAP(d, fd)      I(0x18, d, 1, 0, fd), I(0, 0, 0, 0, 0)
#define VALUE(d, fd, o) I(0x18, d, 2, 0, fd), I(0, 0, 0, 0, o)
#define END             I(0xee, 0, 0, 0, 0)

enum { HASH = 10, ARRAY, ONE, PROGS };

static int map_get(void *arg, s32 fd, struct verifier_map *m)
{
	static const struct verifier_map maps[] = {
		{ .id = 1, .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 8 },
		{ .id = 2, .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 8 },
		{ .id = 3,
		  .map_type = BPF_MAP_TYPE_ARRAY,
		  .key_size = 4,
		  .value_size = 16,
		  .max_entries = 1,
		  .direct_value = true },
		{ .id = 4,
		  .map_type = BPF_MAP_TYPE_PROG_ARRAY,
		  .key_size = 4,
		  .value_size = 4,
		  .max_entries = 8 },
	};

	if (fd < HASH || fd > PROGS)
		return -EBADF;
	*m = maps[fd - HASH];
	m->spin_lock_off = m->timer_off = -1;
	return 0;
}

static char text[1 << 16];
static struct bpf_insn insns[64];
static struct verify_result res;

static int run(u32 type, const struct bpf_insn *prog)
{
	struct vlog log;
	struct verify_req q = {
		.type = prog_type_get(type),
		.attach = prog_attach_get(prog_type_get(type), 0),
		.prog_type = type,
		.gpl = true,
		.insns = insns,
		.log = &log,
		.ncpu = 2,
		.map_get = map_get,
	};
	u32 n, size;
	int err;

	while (prog[q.cnt].code != 0xee) {
		insns[q.cnt] = prog[q.cnt];
		q.cnt++;
	}
	vlog_init(&log, 1, (u64)(uintptr_t)text, sizeof(text));
	err = verify(&q, &res);
	vlog_finish(&log, &n, &size);
	memcpy(text, log.buf ? log.buf : "", log.buf ? n : 1);
	vlog_free(&log);
	return err;
}

static const char *last_line(void)
{
	size_t n = strlen(text);
	char *at;

	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	at = strrchr(text, '\n');
	return at ? at + 1 : text;
}

struct row {
	const char *name;
	u32 type;
	int err;
	const char *reason;
	u32 processed; /* of a good one, as a kernel counts */
	struct bpf_insn insns[32];
};

#define SOCK       BPF_PROG_TYPE_SOCKET_FILTER
#define XDP        BPF_PROG_TYPE_XDP
#define LOOKUP(fd) STDW(10, -8, 0), MOVR(2, 10), ADD(2, -8), MAP(1, fd), CALL(1)

static const struct row rows[] = {
	{ "nothing but a result", SOCK, 0, "", 2, { MOV(0, 0), EXIT, END } },
	{ "no result", SOCK, -EACCES, "R0 !read_ok", 0, { EXIT, END } },
	{ "a register never set", SOCK, -EACCES, "R2 !read_ok", 0, { MOVR(0, 2), EXIT, END } },
	{ "unreachable", SOCK, -EINVAL, "unreachable insn 2", 0, { MOV(0, 0), EXIT, MOV(0, 0), EXIT, END } },
	{ "an endless jump",
	  SOCK,
	  -EINVAL,
	  "old state: R0=P0 R1=0 R10=fp0",
	  0,
	  { MOV(0, 0), MOV(1, 0), JEQ(0, 0, -2), EXIT, END } },
	{ "a bounded loop", SOCK, 0, "", 22, { MOV(0, 0), ADD(0, 1), JLT(0, 10, -2), EXIT, END } },
	{ "a lookup not checked",
	  SOCK,
	  -EACCES,
	  "R0 invalid mem access 'map_value_or_null'",
	  0,
	  { LOOKUP(HASH), LDDW(1, 0, 0), MOV(0, 0), EXIT, END } },
	{ "a lookup checked",
	  SOCK,
	  0,
	  "",
	  10,
	  { LOOKUP(HASH), JEQ(0, 0, 1), LDDW(1, 0, 0), MOV(0, 0), EXIT, END } },
	{ "an array's element that is there for certain",
	  SOCK,
	  0,
	  "",
	  8,
	  { STW(10, -8, 7), MOVR(2, 10), ADD(2, -8), MAP(1, ARRAY), CALL(1), LDDW(1, 0, 0), MOV(0, 0), EXIT,
	    END } },
	{ "an array's element that is not there",
	  SOCK,
	  -EACCES,
	  "R0 invalid mem access 'map_value_or_null'",
	  0,
	  { STW(10, -8, 8), MOVR(2, 10), ADD(2, -8), MAP(1, ARRAY), CALL(1), LDDW(1, 0, 0), MOV(0, 0), EXIT,
	    END } },
	{ "behind the value",
	  SOCK,
	  -EACCES,
	  "R1 max value is outside of the allowed memory range",
	  0,
	  { VALUE(1, ONE, 0), CALL(7), AND(0, 15), VALUE(1, ONE, 1), ADDR(1, 0), LDB(0, 1, 0), EXIT, END } },
	{ "the packet, not checked",
	  XDP,
	  -EACCES,
	  "R2 offset is outside of the packet",
	  0,
	  { LDW(2, 1, 0), LDB(0, 2, 0), EXIT, END } },
	{ "the packet, checked",
	  XDP,
	  0,
	  "",
	  10,
	  { LDW(2, 1, 0), LDW(3, 1, 4), MOVR(4, 2), ADD(4, 14), JGTR(4, 3, 1), LDB(0, 2, 13), MOV(0, 0), EXIT,
	    END } },
	{ "one byte too far",
	  XDP,
	  -EACCES,
	  "R2 offset is outside of the packet",
	  0,
	  { LDW(2, 1, 0), LDW(3, 1, 4), MOVR(4, 2), ADD(4, 13), JGTR(4, 3, 1), LDB(0, 2, 13), MOV(0, 0), EXIT,
	    END } },
	{ "below the stack",
	  SOCK,
	  -EACCES,
	  "invalid write to stack R10 off=-520 size=8",
	  0,
	  { STDW(10, -520, 0), MOV(0, 0), EXIT, END } },
	{ "no such map",
	  SOCK,
	  -EBADF,
	  "fd 99 is not pointing to valid bpf_map",
	  0,
	  { MAP(1, 99), MOV(0, 0), EXIT, END } },
	{ "a map of the wrong type",
	  SOCK,
	  -EINVAL,
	  "cannot pass map_type 3 into func bpf_map_lookup_elem#1",
	  0,
	  { LOOKUP(PROGS), MOV(0, 0), EXIT, END } },
	{ "stack of two, too much",
	  SOCK,
	  -EACCES,
	  "combined stack size of 2 calls is 800. Too large",
	  0,
	  { STDW(10, -400, 0), CALLP(1), EXIT, STDW(10, -400, 0), MOV(0, 0), EXIT, END } },
};

static void verdicts(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		int err = run(r->type, r->insns);

		ok(err == r->err, "%s: %d", r->name, err);
		if (err)
			ok(!strcmp(last_line(), r->reason), "%s: \"%s\"", r->name, last_line());
		else
			ok(res.processed == r->processed, "%s: %u instructions walked", r->name,
			   res.processed);
		verify_free(&res);
	}
}

static const struct bpf_insn dead[] = {
	MOV(6, 1), JEQ(6, 0, 3), MOV(0, 5), JA(0), EXIT, MOV(0, 7), EXIT, END,
};
static const struct bpf_insn calls[] = {
	MOVR(6, 1),   MOV(7, 0), CALLP(9), MAP(2, PROGS), MOVR(1, 6), MOV(3, 1),    CALL(12),
	JEQ(7, 0, 2), CALLP(4),  EXIT,     MOV(0, 0),     EXIT,       LDW(0, 1, 0), END,
};

/* The main path leaves a subprogram that is called, and drops one that is only called from dead code. */
static const struct bpf_insn subs[] = {
	MOV(6, 1), JEQ(6, 0, 2), CALLP(3), EXIT, CALLP(3), EXIT, MOV(0, 2), EXIT, MOV(0, 3), EXIT, END,
};

static void programs(void)
{
	const struct vprog *p = &res.prog;

	ok(!run(SOCK, dead) && p->cnt == 3, "dead code goes: %u instructions", p->cnt);
	ok(p->cnt == 3 && p->insns[1].code == 0xb7 && p->insns[1].imm == 5 && p->orig[1] == 2 &&
		   p->orig[2] == 4,
	   "what is left knows where it comes from");
	verify_free(&res);
	ok(!run(SOCK, subs) && p->nr_subs == 2 && p->cnt == 5, "a subprogram that nobody calls goes: %u, %u",
	   p->nr_subs, p->cnt);
	ok(p->cnt == 5 && p->insns[1].imm == 1 && p->sub[1].start == 3, "the call leads to the other");
	verify_free(&res);
	ok(!run(XDP, rows[12].insns) && insn_movable(p->insns, p->cnt), "packet program is movable");
	ok(BPF_SIZE(p->insns[0].code) == BPF_DW, "the packet's address is a pointer of eight bytes");
	verify_free(&res);
	run(SOCK, rows[7].insns);
	ok(res.nr_maps == 1 && p->insns[3].src_reg == BPF_PSEUDO_MAP_IDX && !p->insns[3].imm &&
		   res.maps[0].id == 1,
	   "a map by its number");
	verify_free(&res);
}

static void tail_call(void)
{
	static const struct bpf_insn one[] = { MAP(2, PROGS), MOV(3, 1), CALL(12), MOV(0, 0), EXIT, END };
	const struct vprog *p = &res.prog;

	ok(!run(SOCK, one) && p->insns[3].code == (BPF_JMP | BPF_TAIL_CALL) && p->sub[0].tail_calls,
	   "a tail call is an instruction of its own");
	verify_free(&res);
	ok(run(SOCK, calls) == -EINVAL, "a subprogram that does not end: %s", last_line());
	verify_free(&res);
}

/* A million instructions walked. */
static void limits(void)
{
	static const struct bpf_insn loop[] = { MOV(6, 0), ADD(6, 1), MOVR(1, 6), JLT(6, 400000, -3),
						MOV(0, 0), EXIT,      END };

	struct verify_req q = {
		.type = prog_type_get(SOCK),
		.attach = prog_attach_get(prog_type_get(SOCK), 0),
		.prog_type = SOCK,
		.insns = insns,
		.cnt = 6,
		.ncpu = 1,
		.map_get = map_get,
	};

	memcpy(insns, loop, sizeof(loop));
	ok(verify(&q, &res) == -E2BIG && res.processed == 1000001, "a million are the limit: %u",
	   res.processed);
	ok(res.arena_size < 256u << 20, "in %zu KiB", res.arena_size >> 10);
	verify_free(&res);
}

int main(void)
{
	verdicts();
	programs();
	tail_call();
	limits();
	return done();
}
