// SPDX-License-Identifier: BSD-2-Clause
/*
 * Contexts of test runs beside the kernel's BPF_PROG_TEST_RUN: a program that
 * does nothing, and all that a client can ask. Errno, data and context that
 * come back must be the same.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "progtype/ctx.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

#define MEM (256u << 10)

struct ask {
	u32 type, attach;
	u8 data[80000];
	u8 ctx[8192];
	u32 data_size, ctx_size; /* ctx_size 0: no context */
	bool no_data, want_ctx;
	u32 flags, cpu, batch, repeat;
};

struct answer {
	int err;
	u32 retval, size, ctx_size;
	u8 data[80000];
	u8 ctx[8192];
};

static struct ask ask;
static struct answer theirs, ours;
static u8 mem[MEM] __attribute__((aligned(64)));
static int prog_fd;

static int load_insns(u32 type, u32 attach, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.expected_attach_type = attach;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	a.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
}

static int load(u32 type, u32 attach)
{
	const struct bpf_insn good[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_insns(type, attach, good, 2);
}

/* A program whose result is whether v stands at off. */
static int load_reader(u32 type, u32 attach, u32 off, u8 size, u64 v)
{
	const struct bpf_insn reader[] = {
		{ .code = BPF_LDX | BPF_MEM | size, .dst_reg = 2, .src_reg = 1, .off = (s16)off },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 3, .imm = (s32)v },
		{ .imm = (s32)(v >> 32) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_X, .dst_reg = 2, .src_reg = 3, .off = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_insns(type, attach, reader, ARRAY_SIZE(reader));
}

static bool data_out_wanted(void)
{
	return !ask.no_data;
}

static void run_kernel(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	memset(&theirs, 0, sizeof(theirs));
	a.test.prog_fd = (u32)prog_fd;
	if (!ask.no_data) {
		a.test.data_in = (uintptr_t)ask.data;
		a.test.data_size_in = ask.data_size;
	}
	if (data_out_wanted()) {
		a.test.data_out = (uintptr_t)theirs.data;
		a.test.data_size_out = sizeof(theirs.data);
	}
	if (ask.ctx_size) {
		memcpy(theirs.ctx, ask.ctx, ask.ctx_size);
		a.test.ctx_in = ask.type == BPF_PROG_TYPE_SYSCALL ? (uintptr_t)theirs.ctx
								  : (uintptr_t)ask.ctx;
		a.test.ctx_size_in = ask.ctx_size;
		if (ask.type != BPF_PROG_TYPE_SYSCALL)
			memset(theirs.ctx, 0, sizeof(theirs.ctx));
	}
	if (ask.want_ctx) {
		a.test.ctx_out = (uintptr_t)theirs.ctx;
		a.test.ctx_size_out = sizeof(theirs.ctx);
	}
	a.test.flags = ask.flags;
	a.test.cpu = ask.cpu;
	a.test.batch_size = ask.batch;
	a.test.repeat = ask.repeat;
	theirs.err = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a)) ? -errno : 0;
	theirs.retval = a.test.retval;
	theirs.size = a.test.data_size_out;
	theirs.ctx_size = a.test.ctx_size_out;
}

static void take_answer(const struct test_run_out *out)
{
	if (!out->no_data_out) {
		ours.size = out->size + out->more_size;
		memcpy(ours.data, out->data ? out->data : "", out->size);
		if (out->more_size)
			memcpy(ours.data + out->size, out->more, out->more_size);
	}
	if (out->ctx && (ask.want_ctx || out->ctx_to_in))
		memcpy(ours.ctx, out->ctx, out->ctx_size);
	if (!out->ctx_to_in)
		ours.ctx_size = out->ctx ? out->ctx_size : ask.want_ctx ? sizeof(ours.ctx) : 0;
}

static int ifindex_valid(u32 ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) != NULL;
}

/* Where our side looks instead of running a program: a field, or none. */
static const struct ctx_field *field;
static u32 field_at; /* bytes from the field's beginning */

static u64 field_value(const void *ctx, u32 size)
{
	u64 v = 0;

	memcpy(&v, (const u8 *)ctx + field->in_off, field->in_size);
	v >>= 8 * field_at;
	return size < 8 ? v & ((1ull << 8 * size) - 1) : v;
}

static u32 field_size;
static u64 field_is;

static void run_ours(void)
{
	const struct prog_run_ops *ops = prog_run_ops_get(prog_type_get(ask.type)->run);
	struct test_run_args a = {
		.prog_type = ask.type,
		.attach = ask.attach,
		.has_data_in = !ask.no_data,
		.has_data_out = data_out_wanted(),
		.has_ctx_in = ask.ctx_size,
		.has_ctx_out = ask.want_ctx,
		.data_size_in = ask.no_data ? 0 : ask.data_size,
		.data_size_out = data_out_wanted() ? sizeof(ours.data) : 0,
		.ctx_size_in = ask.ctx_size,
		.ctx_size_out = ask.want_ctx ? sizeof(ours.ctx) : 0,
		.flags = ask.flags,
		.cpu = ask.cpu,
		.batch_size = ask.batch,
		.repeat = ask.repeat,
		.data_in = ask.data,
		.ctx_in = ask.ctx,
		.ifindex_valid = ifindex_valid,
	};
	struct run_frame f = { .mem = mem };
	struct test_run_out out;

	memset(&ours, 0, sizeof(ours));
	ours.err = ops->check(&a);
	if (ours.err)
		return;
	f.size = ops->mem_size(&a);
	memset(mem, 0, f.size);
	ours.err = ops->setup(&f, &a);
	if (ours.err)
		return;
	for (u32 i = 0; i < MAX(ask.repeat, 1u); i++) { /* no program: what it would see is looked at */
		ops->begin(&f);
		ours.retval = ops->end(&f, 1);
		if (field)
			field_is = field_value(f.ctx, field_size);
	}
	ops->finish(&f, &out);
	take_answer(&out);
}

static bool same(const char *what)
{
	run_kernel();
	run_ours();
	if (ours.err != theirs.err) {
		diag("type %u, %s: %d, the kernel %d", ask.type, what, ours.err, theirs.err);
		return false;
	}
	if (ours.err)
		return true;
	if (ours.retval != theirs.retval || ours.size != theirs.size ||
	    memcmp(ours.data, theirs.data, ours.size)) {
		diag("type %u, %s: data, %u bytes, the kernel %u; result %u, %u", ask.type, what, ours.size,
		     theirs.size, ours.retval, theirs.retval);
		return false;
	}
	for (u32 i = 0; i < sizeof(ours.ctx); i++) {
		if (ours.ctx[i] != theirs.ctx[i]) {
			diag("type %u, %s: context at %u: %u, the kernel %u", ask.type, what, i, ours.ctx[i],
			     theirs.ctx[i]);
			return false;
		}
	}
	if (ask.want_ctx && ours.ctx_size != theirs.ctx_size)
		diag("type %u, %s: context of %u, the kernel %u", ask.type, what, ours.ctx_size,
		     theirs.ctx_size);
	return !ask.want_ctx || ours.ctx_size == theirs.ctx_size;
}

static void reset(u32 type, u32 attach)
{
	memset(&ask, 0, sizeof(ask));
	ask.type = type;
	ask.attach = attach;
	ask.data_size = 64;
	for (u32 i = 0; i < sizeof(ask.data); i++)
		ask.data[i] = (u8)(i * 7 + 1);
	memset(ask.data, 0, 6);
	ask.data[12] = 8;
	ask.data[13] = 0;
}

/* Each word of a context with several values, alone. */
static void words(u32 type, u32 attach, u32 size, bool no_data, const u32 *base, const char *name)
{
	static const u32 values[] = { 1, 2, 4, 20, 64, 255, 256, 257, 65535, 65536, 65537, 0x80000000u };
	u32 bad = 0, n = 0;
	char what[64];

	for (u32 off = 0; off + 4 <= size + 8; off += 4)
		for (u32 v = 0; v < ARRAY_SIZE(values); v++) {
			reset(type, attach);
			ask.no_data = no_data;
			ask.ctx_size = size + 8;
			ask.want_ctx = type != BPF_PROG_TYPE_RAW_TRACEPOINT && type != BPF_PROG_TYPE_SYSCALL;
			if (base)
				memcpy(ask.ctx, base, size);
			memcpy(ask.ctx + off, &values[v], 4);
			snprintf(what, sizeof(what), "context word %u is %u", off, values[v]);
			bad += !same(what);
			n++;
		}
	ok(!bad, "%s: %u contexts, each of one odd word", name, n);
}

static void sizes(u32 type, u32 attach, const char *name)
{
	static const u32 data[] = { 0,    1,    13,   14,   15,   34,   54,   64,    3520, 3521,
				    3700, 3712, 3713, 4096, 4097, 7616, 7617, 73152, 73153 };
	u32 bad = 0;
	char what[64];

	for (u32 i = 0; i < ARRAY_SIZE(data); i++) {
		reset(type, attach);
		ask.data_size = data[i];
		snprintf(what, sizeof(what), "%u bytes", data[i]);
		bad += !same(what);
		ask.data[12] = 0x86;
		ask.data[13] = 0xdd;
		bad += !same(what);
		ask.data[12] = 0;
		ask.data[13] = 60;
		ask.data[0] = 1;
		ask.want_ctx = true;
		bad += !same(what);
	}
	ok(!bad, "%s: sizes of data", name);
}

static void rest(u32 type, u32 attach, bool no_data, const char *name)
{
	u32 bad = 0;

	for (u32 i = 0; i < 8; i++) {
		reset(type, attach);
		ask.no_data = no_data;
		ask.ctx_size = no_data ? 16 : 0;
		ask.flags = i == 1 ? 1 : i == 2 ? 8 : i == 3 ? 0x80000000u : 0;
		ask.cpu = i == 4;
		ask.batch = i == 5;
		ask.repeat = i == 6 ? 3 : 0;
		ask.want_ctx = i == 7;
		bad += !same((const char *[]){ "plain", "flag 1", "flag 8", "flag high", "cpu", "batch",
					       "repeat", "ctx out" }[i]);
	}
	for (u32 i = 0; i < 6; i++) {
		reset(type, attach);
		ask.no_data = no_data;
		ask.ctx_size = (const u32[]){ 1, 95, 96, 97, 4096, 4097 }[i];
		ask.want_ctx = type != BPF_PROG_TYPE_RAW_TRACEPOINT && type != BPF_PROG_TYPE_SYSCALL;
		bad += !same("size of the context");
	}
	ok(!bad, "%s: flags, cpu, batch, repeat, contexts of many sizes", name);
}

/* Every number of the context, whole and in parts, as programs read it. */
static void fields(u32 type, u32 attach, bool no_data, u32 size, const u32 *base, const char *name)
{
	static const u8 codes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	const struct prog_type *t = prog_type_get(type);
	u32 bad = 0, n = 0;
	char what[64];

	for (u32 off = 0; off < size; off++)
		for (u32 s = 0; s < 4; s++) {
			field = prog_ctx_field(t, (s32)off, 1u << s, false);
			if (!field || field->kind != CTX_SCALAR || (field->access & CTX_WIDE && s == 3))
				continue;
			field_at = off - field->off;
			field_size = 1u << s;
			for (u32 with = 0; with < 2; with++) {
				reset(type, attach);
				ask.no_data = no_data;
				ask.ctx_size = with || no_data ? size : 0;
				if (ask.ctx_size && base)
					memcpy(ask.ctx, base, size);
				snprintf(what, sizeof(what), "field at %u, %u bytes, with%s context", off,
					 1u << s, ask.ctx_size ? "" : "out");
				run_ours();
				prog_fd = load_reader(type, attach, off, codes[s], field_is);
				bad += !same(what);
				n++;
				close(prog_fd);
			}
		}
	field = NULL;
	ok(!bad && n, "%s: %u fields read", name, n);
}

int main(void)
{
	static const struct {
		u32 type, attach;
		bool no_data;
		u32 ctx_size;
	} t[] = {
		{ BPF_PROG_TYPE_SOCKET_FILTER, 0, false, sizeof(struct __sk_buff) },
		{ BPF_PROG_TYPE_SCHED_CLS, 0, false, sizeof(struct __sk_buff) },
		{ BPF_PROG_TYPE_CGROUP_SKB, 0, false, sizeof(struct __sk_buff) },
		{ BPF_PROG_TYPE_LWT_IN, 0, false, sizeof(struct __sk_buff) },
		{ BPF_PROG_TYPE_LWT_XMIT, 0, false, sizeof(struct __sk_buff) },
		{ BPF_PROG_TYPE_XDP, 0, false, sizeof(struct xdp_md) },
		{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, true, 64 },
		{ BPF_PROG_TYPE_SYSCALL, 0, true, 64 },
		{ BPF_PROG_TYPE_FLOW_DISSECTOR, 0, false, sizeof(struct bpf_flow_keys) },
		{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, true, sizeof(struct bpf_sk_lookup) },
		{ BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, false, 48 },
	};
	static const u32 xdp[6] = { 0, 64 }, lookup[20] = { 0, 0, 2 }, hook[12] = { 2 << 8 };

	static const u32 full[48] = {
		[2] = 0x11223344,  [8] = 0x55667788,  [9] = 1,           [10] = 1,
		[12] = 0xa1a2a3a4, [13] = 0xb1b2b3b4, [14] = 0xc1c2c3c4, [15] = 0xd1d2d3d4,
		[16] = 0xe1e2e3e4, [38] = 0x01020304, [39] = 0x05060708, [40] = 4000,
		[41] = 3,          [44] = 1400,       [46] = 0x0a0b0c0d, [47] = 0x0e0f0102,
	};
	static const u32 looked[18] = { 0, 0, 2, 6, 0x01020304, 0, 0, 0, 0, 0x1234, 0x0a0b0c0d, [15] = 80 };

	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		const char *name = prog_type_get(t[i].type)->name;

		prog_fd = load(t[i].type, t[i].attach);
		if (prog_fd < 0) {
			skip("the kernel does not load this type here");
			continue;
		}
		if (!t[i].no_data)
			sizes(t[i].type, t[i].attach, name);
		rest(t[i].type, t[i].attach, t[i].no_data, name);
		words(t[i].type, t[i].attach, t[i].ctx_size, t[i].no_data,
		      t[i].type == BPF_PROG_TYPE_XDP         ? xdp
		      : t[i].type == BPF_PROG_TYPE_SK_LOOKUP ? lookup
		      : t[i].type == BPF_PROG_TYPE_NETFILTER ? hook
							     : NULL,
		      name);
		close(prog_fd);
		if (t[i].ctx_size == sizeof(struct __sk_buff))
			fields(t[i].type, t[i].attach, false, sizeof(full), full, name);
		else if (t[i].type == BPF_PROG_TYPE_XDP)
			fields(t[i].type, t[i].attach, false, sizeof(struct xdp_md), xdp, name);
		else if (t[i].type == BPF_PROG_TYPE_SK_LOOKUP)
			fields(t[i].type, t[i].attach, true, sizeof(struct bpf_sk_lookup), looked, name);
	}
	return done();
}
