// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers beside the kernel's: random chains of calls, made once by a program
 * that the kernel runs by BPF_PROG_TEST_RUN, once by calling the functions. All
 * results, the bytes that were read, the packet's facts after each call and the
 * packet that comes back must be the same.
 *
 * Both keep what they find in a value of 64 KiB: here the program's memory and
 * an array of ours. Layout: | input | room for what is read | results, one slot a call |
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "helper/format.h"
#include "helper/helper.h"
#include "progtype/ctx.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

#define VALUE   65536u
#define IN      0u
#define READ    16384u
#define RESULTS 49152u
#define SLOT    64u
#define CALLS   24u
#define INSNS   2048u

static struct bpf_insn insns[INSNS];
static u32 cnt;
static int map_fd;
static u8 kernel_value[VALUE], value[VALUE] __attribute__((aligned(16)));
static u8 mem[512u << 10] __attribute__((aligned(64)));
static u8 data_in[8192], kernel_data[80000];
static char text[1u << 16];
static u64 seed = 1;

static u32 r(u32 n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % n;
}

/* ---- bpf(2) ---- */

static long bpf(int cmd, union bpf_attr *a)
{
	long ret = syscall(SYS_bpf, cmd, a, sizeof(*a));

	return ret < 0 ? -errno : ret;
}

static int map_new(u32 size, u32 flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY;
	a.key_size = 4;
	a.value_size = size;
	a.max_entries = 1;
	a.map_flags = flags;
	return (int)bpf(BPF_MAP_CREATE, &a);
}

static long map_elem(int fd, int cmd, void *v)
{
	union bpf_attr a;
	u32 key = 0;

	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)fd;
	a.key = (uintptr_t)&key;
	a.value = (uintptr_t)v;
	return bpf(cmd, &a);
}

static int load(u32 type)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = cnt;
	a.license = (uintptr_t) "GPL";
	a.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	a.log_level = 1;
	a.log_buf = (uintptr_t)text;
	a.log_size = sizeof(text);
	return (int)bpf(BPF_PROG_LOAD, &a);
}

/* ---- programs ---- */

static void emit(u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	insns[cnt++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (s16)off, .imm = imm
	};
}

static void emit64(u32 dst, u64 v)
{
	emit(BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (s32)v);
	emit(0, 0, 0, 0, (s32)(v >> 32));
}

static void emit_value(u32 dst, int fd, u32 off)
{
	emit(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_VALUE, 0, fd);
	emit(0, 0, 0, 0, (s32)off);
}

/* r0 into a result; r8 is the value's address. */
static void emit_result(u32 at)
{
	emit_value(8, map_fd, at);
	emit(BPF_STX | BPF_MEM | BPF_DW, 8, 0, 0, 0);
}

/* ---- a call: numbers, the context, or places in the value ---- */

enum arg { A_NUM, A_CTX, A_IN, A_READ, A_FMT };

struct call {
	s32 id;
	struct {
		enum arg kind;
		u64 v;
	} arg[5];
	u32 n;
};

static struct call calls[CALLS];
static u32 ncalls;
static int fmt_fd;
static char fmt_text[256];

static void add(s32 id, u32 n, const enum arg *kinds, const u64 *v)
{
	struct call *c = &calls[ncalls++];

	*c = (struct call){ .id = id, .n = n };
	for (u32 i = 0; i < n; i++) {
		c->arg[i].kind = kinds[i];
		c->arg[i].v = v[i];
	}
}

#define ADD(id, n, ...) add(id, n, (const enum arg[])__VA_ARGS__)

static void emit_call(const struct call *c)
{
	for (u32 i = 0; i < c->n; i++) {
		switch (c->arg[i].kind) {
		case A_CTX: emit(BPF_ALU64 | BPF_MOV | BPF_X, i + 1, 6, 0, 0); break;
		case A_IN: emit_value(i + 1, map_fd, IN + (u32)c->arg[i].v); break;
		case A_READ: emit_value(i + 1, map_fd, READ + (u32)c->arg[i].v); break;
		case A_FMT: emit_value(i + 1, fmt_fd, 0); break;
		default: emit64(i + 1, c->arg[i].v);
		}
	}
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, c->id);
}

static const struct run_ops no_ops; /* all memory is one */

static void call_ours(const struct call *c, struct run *run, u64 *result)
{
	u64 a[5] = { 0 };

	for (u32 i = 0; i < c->n; i++) {
		switch (c->arg[i].kind) {
		case A_CTX: a[i] = ptr_to_u64(run->ctx); break;
		case A_IN: a[i] = ptr_to_u64(value + IN + c->arg[i].v); break;
		case A_READ: a[i] = ptr_to_u64(value + READ + c->arg[i].v); break;
		case A_FMT: a[i] = ptr_to_u64(fmt_text); break;
		default: a[i] = c->arg[i].v;
		}
	}
	*result = helper_get(c->id)->func(a[0], a[1], a[2], a[3], a[4], run);
}

/* ---- what is looked at after each call ---- */

static const u32 skb_facts[] = {
	offsetof(struct __sk_buff, len),      offsetof(struct __sk_buff, pkt_type),
	offsetof(struct __sk_buff, protocol), offsetof(struct __sk_buff, vlan_present),
	offsetof(struct __sk_buff, vlan_tci), offsetof(struct __sk_buff, vlan_proto),
	offsetof(struct __sk_buff, hash),     offsetof(struct __sk_buff, tc_classid)
};

static void emit_facts(u32 type, u32 slot)
{
	u32 n = type == BPF_PROG_TYPE_SCHED_CLS ? ARRAY_SIZE(skb_facts) - 1 : 0;

	for (u32 i = 0; i < n; i++) {
		emit(BPF_LDX | BPF_MEM | BPF_W, 7, 6, (s32)skb_facts[i], 0);
		emit(BPF_STX | BPF_MEM | BPF_W, 8, 7, 8 + 4 * (s32)i, 0);
	}
	if (type != BPF_PROG_TYPE_XDP)
		return;
	emit(BPF_LDX | BPF_MEM | BPF_W, 7, 6, 4, 0); /* data_end - data, data - data_meta */
	emit(BPF_LDX | BPF_MEM | BPF_W, 9, 6, 0, 0);
	emit(BPF_ALU64 | BPF_SUB | BPF_X, 7, 9, 0, 0);
	emit(BPF_STX | BPF_MEM | BPF_DW, 8, 7, 8, 0);
	emit(BPF_LDX | BPF_MEM | BPF_W, 7, 6, 8, 0);
	emit(BPF_ALU64 | BPF_SUB | BPF_X, 9, 7, 0, 0);
	emit(BPF_STX | BPF_MEM | BPF_DW, 8, 9, 16, 0);
}

static void facts_ours(u32 type, const void *ctx, u8 *slot)
{
	const struct prog_type *t = prog_type_get(type);
	u32 n = type == BPF_PROG_TYPE_SCHED_CLS ? ARRAY_SIZE(skb_facts) - 1 : 0;
	const struct run_xdp *xdp = ctx;

	for (u32 i = 0; i < n; i++)
		memcpy(slot + 8 + 4 * i,
		       (const u8 *)ctx + prog_ctx_field(t, (s32)skb_facts[i], 4, false)->in_off, 4);
	if (type != BPF_PROG_TYPE_XDP)
		return;
	*(u64 *)(slot + 8) = (u64)(xdp->data_end - xdp->data);
	*(u64 *)(slot + 16) = (u64)(xdp->data - xdp->data_meta);
}

/* ---- a chain ---- */

static bool run_kernel(u32 type, u32 size, u32 *out_size)
{
	union bpf_attr a;
	int fd = load(type);
	long ret;

	if (fd < 0) {
		diag("the kernel refuses the program: %d: %.300s", fd, text);
		return false;
	}
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (u32)fd;
	a.test.data_in = (uintptr_t)data_in;
	a.test.data_size_in = size;
	a.test.data_out = (uintptr_t)kernel_data;
	a.test.data_size_out = sizeof(kernel_data);
	ret = bpf(BPF_PROG_TEST_RUN, &a);
	close(fd);
	*out_size = a.test.data_size_out;
	if (ret)
		diag("the kernel does not run it: %ld", ret);
	return !ret && !map_elem(map_fd, BPF_MAP_LOOKUP_ELEM, kernel_value);
}

static void run_ours(u32 type, u32 size, struct test_run_out *out)
{
	const struct prog_run_ops *ops = prog_run_ops_get(prog_type_get(type)->run);
	struct test_run_args a = {
		.prog_type = type, .has_data_in = true, .data_size_in = size, .data_in = data_in
	};
	struct run_frame f = { .mem = mem };
	struct run run = { .ops = &no_ops };

	f.size = ops->mem_size(&a);
	memset(mem, 0, f.size);
	if (ops->check(&a) || ops->setup(&f, &a))
		ok(0, "setup");
	ops->begin(&f);
	run.ctx = f.ctx;
	for (u32 i = 0; i < ncalls; i++) {
		u8 *slot = value + RESULTS + i * SLOT;

		call_ours(&calls[i], &run, (u64 *)slot);
		facts_ours(type, f.ctx, slot);
	}
	ops->end(&f, 0);
	ops->finish(&f, out);
}

static void show_call(u32 i)
{
	const struct call *c = &calls[i];

	diag("  %u: %s(%llx, %llx, %llx, %llx, %llx) = %lld, the kernel %lld", i, helper_get(c->id)->name,
	     (unsigned long long)c->arg[0].v, (unsigned long long)c->arg[1].v,
	     (unsigned long long)c->arg[2].v, (unsigned long long)c->arg[3].v,
	     (unsigned long long)c->arg[4].v, *(long long *)(value + RESULTS + i * SLOT),
	     *(long long *)(kernel_value + RESULTS + i * SLOT));
}

static u16 ethertype; /* of the packet, 0: any */

static bool chain(u32 type, u32 size)
{
	struct test_run_out out;
	u32 kernel_size = 0;

	memset(value, 0, sizeof(value));
	for (u32 i = 0; i < READ; i++)
		value[i] = (u8)r(256);
	for (u32 i = 0; i < size; i++)
		data_in[i] = (u8)r(256);
	if (ethertype)
		memcpy(data_in + 12, &ethertype, 2);
	map_elem(map_fd, BPF_MAP_UPDATE_ELEM, value);
	cnt = 0;
	emit(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	for (u32 i = 0; i < ncalls; i++) {
		emit_call(&calls[i]);
		emit_result(RESULTS + i * SLOT);
		emit_facts(type, i);
	}
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(kernel_data, 0, sizeof(kernel_data));
	if (!run_kernel(type, size, &kernel_size))
		return false;
	run_ours(type, size, &out);
	for (u32 i = 0; i < ncalls; i++)
		if (memcmp(value + RESULTS + i * SLOT, kernel_value + RESULTS + i * SLOT, SLOT)) {
			for (u32 j = 0; j <= i; j++)
				show_call(j);
			for (u32 w = 2; w < 10; w++)
				diag("  %x, the kernel %x", ((u32 *)(value + RESULTS + i * SLOT))[w],
				     ((u32 *)(kernel_value + RESULTS + i * SLOT))[w]);
			return false;
		}
	if (memcmp(value, kernel_value, VALUE) || out.size + out.more_size != kernel_size ||
	    memcmp(out.data, kernel_data, out.size) ||
	    (out.more_size && memcmp(out.more, kernel_data + out.size, out.more_size))) {
		for (u32 j = 0; j < ncalls; j++)
			show_call(j);
		diag("  bytes differ: %u bytes, the kernel %u", out.size + out.more_size, kernel_size);
		return false;
	}
	return true;
}

static u64 odd(u32 size)
{
	static const u32 values[] = { 0,  1,   2,   4,     13,    14,         15,
				      18, 255, 256, 65535, 65536, 0x7fffffff, 0xffffffff };

	return r(4) ? r(size + 8) : values[r(ARRAY_SIZE(values))];
}

/* ---- interfaces ---- */

/* The word may be what an earlier call has left: a length to ask about. */
static void mtu_call(void)
{
	static const s32 diffs[] = { 0, 0, 20, -20, 65300, 65500, -70000 };

	ADD(BPF_FUNC_check_mtu, 5, { A_CTX, A_NUM, A_READ, A_NUM, A_NUM },
	    (u64[]){ 0, r(3) ? r(2) : 0x7ffffff0, 64 * r(20), (u64)(s64)diffs[r(ARRAY_SIZE(diffs))],
		     r(4) ? 0 : r(3) });
}

/* ---- traffic control ---- */

static u64 vlan_proto(void)
{
	static const u16 protos[] = { 0x0081, 0xa888, 0x0008, 0x1234 };

	return protos[r(4)];
}

static void foreign_call(u32 size)
{
	u64 n = 1 + r(60), at = 64 * r(100);

	switch (r(4)) {
	case 3: ADD(BPF_FUNC_skb_ancestor_cgroup_id, 2, { A_CTX, A_NUM }, (u64[]){ 0, r(3) - 1u }); break;
	case 0:
		ADD(BPF_FUNC_skb_get_tunnel_key, 4, { A_CTX, A_READ, A_NUM, A_NUM },
		    (u64[]){ 0, at, n, r(4) });
		break;
	case 1: ADD(BPF_FUNC_skb_get_tunnel_opt, 3, { A_CTX, A_READ, A_NUM }, (u64[]){ 0, at, n }); break;
	case 2:
		ADD(BPF_FUNC_skb_get_xfrm_state, 5, { A_CTX, A_NUM, A_READ, A_NUM, A_NUM },
		    (u64[]){ 0, r(3), at, n, r(2) });
		break;
	}
}

static const s32 odd_facts[] = { BPF_FUNC_get_socket_uid, BPF_FUNC_get_route_realm,
				 BPF_FUNC_skb_cgroup_classid, BPF_FUNC_skb_cgroup_id };

static void skb_call(u32 size)
{
	u32 n = 1 + r(40);

	switch (r(19)) {
	case 0:
		ADD(BPF_FUNC_skb_store_bytes, 5, { A_CTX, A_NUM, A_IN, A_NUM, A_NUM },
		    (u64[]){ 0, odd(size), r(1000), n, r(3) });
		break;
	case 1:
		ADD(BPF_FUNC_skb_load_bytes, 4, { A_CTX, A_NUM, A_READ, A_NUM },
		    (u64[]){ 0, odd(size), 64 * r(100), n });
		break;
	case 2:
		ADD(BPF_FUNC_skb_load_bytes_relative, 5, { A_CTX, A_NUM, A_READ, A_NUM, A_NUM },
		    (u64[]){ 0, odd(size), 64 * r(100), n, r(3) });
		break;
	case 3:
		ADD(BPF_FUNC_skb_change_tail, 3, { A_CTX, A_NUM, A_NUM }, (u64[]){ 0, odd(2 * size), !r(8) });
		break;
	case 4:
		ADD(BPF_FUNC_skb_change_head, 3, { A_CTX, A_NUM, A_NUM },
		    (u64[]){ 0, r(4) ? r(30) : odd(size), !r(8) });
		break;
	case 5: ADD(BPF_FUNC_skb_pull_data, 2, { A_CTX, A_NUM }, (u64[]){ 0, odd(size) }); break;
	case 6: ADD(BPF_FUNC_skb_change_type, 2, { A_CTX, A_NUM }, (u64[]){ 0, r(6) }); break;
	case 7:
		ADD(BPF_FUNC_skb_vlan_push, 3, { A_CTX, A_NUM, A_NUM }, (u64[]){ 0, vlan_proto(), r(65536) });
		break;
	case 8: ADD(BPF_FUNC_skb_vlan_pop, 1, { A_CTX }, (u64[]){ 0 }); break;
	case 9:
		ADD(BPF_FUNC_l3_csum_replace, 5, { A_CTX, A_NUM, A_NUM, A_NUM, A_NUM },
		    (u64[]){ 0, odd(size) & (r(2) ? ~0ull : ~1ull), r(3) ? 0 : odd(size), odd(size) * 7919,
			     2 * r(3) + !r(9) });
		break;
	case 10:
		ADD(BPF_FUNC_l4_csum_replace, 5, { A_CTX, A_NUM, A_NUM, A_NUM, A_NUM },
		    (u64[]){ 0, odd(size) & (r(2) ? ~0ull : ~1ull), r(3) ? 0 : odd(size), odd(size) * 7919,
			     2 * r(3) + 16 * r(17) });
		break;
	case 11: ADD(BPF_FUNC_csum_level, 2, { A_CTX, A_NUM }, (u64[]){ 0, r(5) }); break;
	case 12: ADD(BPF_FUNC_set_hash, 2, { A_CTX, A_NUM }, (u64[]){ 0, odd(size) }); break;
	case 13:
		ADD(r(2) ? BPF_FUNC_set_hash_invalid : BPF_FUNC_get_cgroup_classid, 1, { A_CTX },
		    (u64[]){ 0 });
		break;
	case 14: ADD(BPF_FUNC_csum_update, 2, { A_CTX, A_NUM }, (u64[]){ 0, odd(size) }); break;
	case 15:
		ADD(BPF_FUNC_skb_set_tstamp, 3, { A_CTX, A_NUM, A_NUM },
		    (u64[]){ 0, r(2) ? 0 : odd(size), r(4) });
		break;
	case 16: ADD(odd_facts[r(ARRAY_SIZE(odd_facts))], 1, { A_CTX }, (u64[]){ 0 }); break;
	case 18: foreign_call(size); break;
	case 17:
		if (r(2))
			ADD(BPF_FUNC_redirect, 2, { A_NUM, A_NUM }, (u64[]){ odd(size), r(4) });
		else
			ADD(BPF_FUNC_redirect_peer, 2, { A_NUM, A_NUM }, (u64[]){ odd(size), r(3) });
		break;
	}
}

/* ---- traffic control, among packets of IP: room, tunnels, sizes, the socket ---- */

static u64 room_flags(void)
{
	u64 flags = 0;

	for (u32 n = r(4); n; n--)
		flags |= 1ull << r(r(16) ? 9 : 12);
	if (!r(3))
		flags |= (u64)r(40) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT;
	return flags;
}

static void tunnel_call(void)
{
	static const u32 lens[] = { 8, 22, 24, 28, 44, 44, 44, 12, 48 };
	u64 n = lens[r(ARRAY_SIZE(lens))];

	switch (r(4)) {
	case 0:
		/* Zeros, where the value ends, make a key without its newer fields. */
		ADD(BPF_FUNC_skb_set_tunnel_key, 4, { A_CTX, A_IN, A_NUM, A_NUM },
		    (u64[]){ 0, r(2) ? r(1000) : READ + 1000, n, r(5) ? r(32) : r(64) });
		break;
	case 1:
		ADD(BPF_FUNC_skb_get_tunnel_key, 4, { A_CTX, A_READ, A_NUM, A_NUM },
		    (u64[]){ 0, 64 * r(100), n, r(4) ? r(2) : r(18) });
		break;
	case 2:
		ADD(BPF_FUNC_skb_set_tunnel_opt, 3, { A_CTX, A_IN, A_NUM },
		    (u64[]){ 0, r(1000), r(2) ? 4 * (1 + r(20)) : 1 + r(300) });
		break;
	case 3:
		ADD(BPF_FUNC_skb_get_tunnel_opt, 3, { A_CTX, A_READ, A_NUM },
		    (u64[]){ 0, 64 * r(100), 1 + r(255) });
		break;
	}
}

#define LEAST_IP 2000u /* all that chains put before the end of an IPv6 header */

static void ip_call(u32 size)
{
	static const u16 protos[] = { 0x0008, 0xdd86, 0x0008, 0xdd86, 0x1234 };

	switch (r(10)) {
	case 9: mtu_call(); break;
	case 0:
	case 1:
	case 2:
		ADD(BPF_FUNC_skb_adjust_room, 4, { A_CTX, A_NUM, A_NUM, A_NUM },
		    (u64[]){ 0, r(8) ? (u64)(s64)((s32)r(160) - 80) : odd(5000), r(8) ? r(2) : r(4),
			     r(2) ? 0 : room_flags() });
		break;
	case 3:
		ADD(BPF_FUNC_skb_change_proto, 3, { A_CTX, A_NUM, A_NUM },
		    (u64[]){ 0, protos[r(ARRAY_SIZE(protos))], !r(10) });
		break;
	case 4:
		ADD(BPF_FUNC_clone_redirect, 3, { A_CTX, A_NUM, A_NUM },
		    (u64[]){ 0, 0x7ffffff0 + r(8), r(4) });
		break;
	case 5:
	case 6: tunnel_call(); break;
	default:
		skb_call(size);
		/* Room behind a header that has been cut off: the kernel shows what lay there before. */
		if (calls[ncalls - 1].id == BPF_FUNC_skb_change_tail && calls[ncalls - 1].arg[1].v < LEAST_IP)
			calls[ncalls - 1].arg[1].v += LEAST_IP;
	}
}

/* ---- cgroups: the packet begins at the network header ---- */

static void cgroup_call(u32 size)
{
	switch (r(3)) {
	case 0: ADD(BPF_FUNC_skb_ecn_set_ce, 1, { A_CTX }, (u64[]){ 0 }); break;
	case 1:
		ADD(BPF_FUNC_skb_load_bytes, 4, { A_CTX, A_NUM, A_READ, A_NUM },
		    (u64[]){ 0, odd(size), 64 * r(100), 1 + r(40) });
		break;
	case 2:
		ADD(BPF_FUNC_skb_load_bytes_relative, 5, { A_CTX, A_NUM, A_READ, A_NUM, A_NUM },
		    (u64[]){ 0, odd(size), 64 * r(100), 1 + r(40), r(3) });
		break;
	}
}

/* ---- XDP ---- */

static u64 shift(u32 size)
{
	return (u64)(s64)((s32)odd(300) - 150);
}

static void xdp_call(u32 size)
{
	u32 n = 1 + r(r(2) ? 40 : 4000);

	switch (r(8)) {
	case 7: mtu_call(); break;
	case 0: ADD(BPF_FUNC_xdp_adjust_head, 2, { A_CTX, A_NUM }, (u64[]){ 0, shift(size) }); break;
	case 1:
		ADD(BPF_FUNC_xdp_adjust_meta, 2, { A_CTX, A_NUM },
		    (u64[]){ 0, r(2) ? (u64)(-4 * (s64)r(70)) : shift(size) });
		break;
	case 2: ADD(BPF_FUNC_xdp_adjust_tail, 2, { A_CTX, A_NUM }, (u64[]){ 0, shift(size) }); break;
	case 3:
		ADD(BPF_FUNC_xdp_load_bytes, 4, { A_CTX, A_NUM, A_READ, A_NUM },
		    (u64[]){ 0, odd(size), 64 * r(100), n });
		break;
	case 4:
		ADD(BPF_FUNC_xdp_store_bytes, 4, { A_CTX, A_NUM, A_IN, A_NUM },
		    (u64[]){ 0, odd(size), r(1000), n });
		break;
	case 5: ADD(BPF_FUNC_xdp_get_buff_len, 1, { A_CTX }, (u64[]){ 0 }); break;
	case 6: ADD(BPF_FUNC_redirect, 2, { A_NUM, A_NUM }, (u64[]){ odd(size), r(3) }); break;
	}
}

/* ---- what needs no packet ---- */

static void number_text(char *t, u32 n)
{
	static const char letters[] = "0123456789abcdefxX- \t+zF";

	for (u32 i = 0; i < n; i++)
		t[i] = letters[r(r(3) ? 10 : sizeof(letters) - 1)];
	if (!r(3))
		memcpy(t, "0x", MIN(n, 2u));
	if (!r(3))
		t[0] = '-';
}

static void plain_call(u32 size)
{
	u32 a = 4 * r(20), b = 4 * r(20);

	switch (r(3)) {
	case 0:
		ADD(BPF_FUNC_csum_diff, 5, { A_IN, A_NUM, A_IN, A_NUM, A_NUM },
		    (u64[]){ 4 * r(200), a + r(2) * r(4), 4 * r(200), b + r(2) * r(4), odd(65536) * 65537 });
		break;
	default:
		ADD(r(2) ? BPF_FUNC_strtol : BPF_FUNC_strtoul, 4, { A_IN, A_NUM, A_NUM, A_READ },
		    (u64[]){ 8192 + 128 * r(60), 1 + r(30), (const u64[]){ 0, 8, 10, 16, 7, 33 }[r(6)],
			     8 * r(500) });
		break;
	}
}

static bool plain_chain(void)
{
	struct test_run_out out;
	u32 kernel_size;

	memset(value, 0, sizeof(value));
	for (u32 i = 0; i < 8192; i++)
		value[i] = (u8)r(256);
	for (u32 i = 8192; i < READ; i += 128)
		number_text((char *)value + i, 1 + r(100));
	map_elem(map_fd, BPF_MAP_UPDATE_ELEM, value);
	cnt = 0;
	for (u32 i = 0; i < ncalls; i++) {
		emit_call(&calls[i]);
		emit_result(RESULTS + i * SLOT);
	}
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	if (!run_kernel(BPF_PROG_TYPE_SCHED_CLS, 64, &kernel_size))
		return false;
	data_in[12] = 0;
	run_ours(BPF_PROG_TYPE_CGROUP_SKB, 64, &out);
	for (u32 i = 0; i < ncalls; i++)
		if (memcmp(value + RESULTS + i * SLOT, kernel_value + RESULTS + i * SLOT, 8)) {
			show_call(i);
			diag("  text \"%.30s\"", (char *)value + calls[i].arg[0].v);
			return false;
		}
	return !memcmp(value, kernel_value, RESULTS);
}

static void chains(const char *name, u32 type, void (*call)(u32), u32 max)
{
	long n = test_scale(5000);
	u32 bad = 0;

	for (long i = 0; i < n && bad < 3; i++) {
		u32 least = ethertype ? 54 : 14, size = least + r(max - least);

		seed = (u64)i * 1000003 + type;
		ncalls = 0;
		for (u32 k = 1 + r(CALLS - 1); k; k--)
			call(size);
		if (!(call == plain_call ? plain_chain() : chain(type, size))) {
			diag("chain %ld of %s, %u bytes", i, name, size);
			bad++;
		}
	}
	ok(!bad, "%s: %ld random chains of calls", name, n);
}

/* ---- formats ---- */

static const char *const formats[] = {
	"plain",
	"%d|%u|%x",
	"%5d|%-5d|%05d",
	"%+d % d",
	"%ld %lld %lu",
	"%lx %llX",
	"%%%d",
	"%c%c|%3c|%-3c.",
	"%px",
	"%20px|%-20px|",
	"%i",
	"%08x|%8x|%-8x|",
	"%d%",
	"%",
	"%s",
	"%z",
	"%o",
	"%5",
	"%.3d",
	"%hd",
	"%p4",
	"%d %d %d %d %d",
	"%l",
	"%lld|%lllld",
	"%pI4",
	"%pi4",
	"%pI6",
	"%pi6",
	"%pI5",
	"a\tb\nc",
	"\x01",
	"\xc3\xa4",
	"%x%X",
	"%-+ 05d",
	"%0-5d|",
	"%pks",
	"%pusX",
	"%s,%s",
	"%sX",
	"%cX",
	"%d\xc3\xa4",
	"%s\xc3",
	"%s\xa9",
	"%px\xc3",
	"%pxabc%d",
	"%pxz9.",
	"%p\xc3",
	"\x7f",
	"%xX",
};

static void one_format(const char *fmt, u32 room, u32 nargs, u32 *bad)
{
	const struct bpf_func_proto *p = helper_get(BPF_FUNC_snprintf);
	struct run run = { .ops = &no_ops };
	int fd, check;

	memset(fmt_text, 0, sizeof(fmt_text));
	strcpy(fmt_text, fmt);
	memset(value, 0, sizeof(value));
	for (u32 i = 0; i < 12; i++)
		((u64 *)value)[i] = (u64)r(0x7fffffff) * (r(2) ? 1 : 0x10001) * (r(3) ? 1 : (u64)-1);
	map_elem(map_fd, BPF_MAP_UPDATE_ELEM, value);
	fmt_fd = map_new(sizeof(fmt_text), BPF_F_RDONLY_PROG);
	map_elem(fmt_fd, BPF_MAP_UPDATE_ELEM, fmt_text);
	bpf(BPF_MAP_FREEZE, &(union bpf_attr){ .map_fd = (u32)fmt_fd });
	ncalls = 0;
	ADD(BPF_FUNC_snprintf, 5, { A_READ, A_NUM, A_FMT, A_IN, A_NUM }, (u64[]){ 0, room, 0, 0, 8 * nargs });
	cnt = 0;
	emit_call(&calls[0]);
	emit_result(RESULTS);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT);
	check = format_check(fmt_text, ~0u, nargs);
	if ((fd < 0) != !!check) {
		diag("format \"%s\" with %u arguments: %d, the kernel %d", fmt, nargs, check, fd);
		++*bad;
	}
	if (fd >= 0) {
		bpf(BPF_PROG_TEST_RUN, &(union bpf_attr){ .test.prog_fd = (u32)fd });
		map_elem(map_fd, BPF_MAP_LOOKUP_ELEM, kernel_value);
		*(u64 *)(value + RESULTS) = p->func(ptr_to_u64(value + READ), room, ptr_to_u64(fmt_text),
						    ptr_to_u64(value), 8 * nargs, &run);
		if (memcmp(value + READ, kernel_value + READ, room) ||
		    memcmp(value + RESULTS, kernel_value + RESULTS, 8)) {
			diag("format \"%s\": \"%.100s\" %lld, the kernel \"%.100s\" %lld", fmt, value + READ,
			     *(long long *)(value + RESULTS), kernel_value + READ,
			     *(long long *)(kernel_value + RESULTS));
			++*bad;
		}
		close(fd);
	}
	close(fmt_fd);
}

static void all_formats(void)
{
	u32 bad = 0;

	for (u32 i = 0; i < ARRAY_SIZE(formats); i++)
		for (u32 nargs = 0; nargs < 5; nargs++)
			for (u32 room = 1; room < 200; room += 66) {
				/* Text that an argument points to is another one on both sides. */
				if (strchr(formats[i], 's') && room > 1)
					continue;
				if (strstr(formats[i], "%p") && !strstr(formats[i], "px") && room > 1)
					continue;
				one_format(formats[i], room, nargs, &bad);
			}
	ok(!bad, "formats: check, text and length");
}

int main(void)
{
	/* Arguments that point nowhere fault, as in a run. */
	struct op *op = op_enter(&map_fd, __builtin_frame_address(0));

	guard_install();
	map_fd = map_new(VALUE, 0);
	if (map_fd < 0) {
		skip("no kernel BPF here");
		return done();
	}
	chains("xdp", BPF_PROG_TYPE_XDP, xdp_call, 200);
	chains("xdp with fragments", BPF_PROG_TYPE_XDP, xdp_call, 7000);
	chains("sched_cls", BPF_PROG_TYPE_SCHED_CLS, skb_call, 200);
	ethertype = 0x0008;
	chains("sched_cls, IPv4", BPF_PROG_TYPE_SCHED_CLS, ip_call, 200);
	chains("cgroup_skb, IPv4", BPF_PROG_TYPE_CGROUP_SKB, cgroup_call, 200);
	ethertype = 0xdd86;
	chains("sched_cls, IPv6", BPF_PROG_TYPE_SCHED_CLS, ip_call, 200);
	chains("cgroup_skb, IPv6", BPF_PROG_TYPE_CGROUP_SKB, cgroup_call, 200);
	ethertype = 0;
	chains("sums and numbers", BPF_PROG_TYPE_SCHED_CLS, plain_call, 64);
	all_formats();
	op_leave(op);
	return done();
}
