// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prototypes of helpers beside the kernel's verifier: for each helper, program
 * type and argument, programs that call it with good arguments but one.
 *
 * Helpers whose arguments cannot be made without more (sockets, kernel structs,
 * callbacks, timers, dynptrs) are counted and left out.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "progtype/prog_types.h"
#include "tests/lib/tap.h"
#include "util/uapi.h"

enum probe { GOOD, UNSET, SCALAR, POINTER, ZERO, NULL_MEM, RDONLY, PACKET, AFTER, NOT_GPL };

static char text[1u << 16];
static struct bpf_insn insns[64];
static u32 cnt;
static int map_fd[64], rdonly_fd;
static const struct prog_type *type;
static const struct prog_attach *attach;
static u32 type_nr, attach_nr;

static long bpf(int cmd, union bpf_attr *a)
{
	long ret = syscall(SYS_bpf, cmd, a, sizeof(*a));

	return ret < 0 ? -errno : ret;
}

static int map_new(u32 t, u32 key, u32 value, u32 max, u32 flags, int inner)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = t;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = max;
	a.map_flags = flags;
	a.inner_map_fd = (u32)inner;
	return (int)bpf(BPF_MAP_CREATE, &a);
}

static void make_maps(void)
{
	int inner = map_new(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, 0);

	for (u32 t = 1; t < 33; t++) {
		bool keyless = t == BPF_MAP_TYPE_QUEUE || t == BPF_MAP_TYPE_STACK ||
			       t == BPF_MAP_TYPE_BLOOM_FILTER;
		bool ring = t == BPF_MAP_TYPE_RINGBUF || t == BPF_MAP_TYPE_USER_RINGBUF;
		bool fd = t == BPF_MAP_TYPE_PROG_ARRAY || t == BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
			  t == BPF_MAP_TYPE_CGROUP_ARRAY || t == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
			  t == BPF_MAP_TYPE_HASH_OF_MAPS ||
			  (t >= BPF_MAP_TYPE_DEVMAP && t <= BPF_MAP_TYPE_SOCKHASH) ||
			  t == BPF_MAP_TYPE_DEVMAP_HASH || t == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY;
		bool cgroup = t == BPF_MAP_TYPE_CGROUP_STORAGE || t == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

		map_fd[t] = map_new(t,
				    keyless || ring                        ? 0
				    : cgroup || t == BPF_MAP_TYPE_LPM_TRIE ? 8
									   : 4,
				    ring ? 0
				    : fd ? 4
					 : 8,
				    ring     ? 4096
				    : cgroup ? 0
					     : 1,
				    t == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0, inner);
	}
	rdonly_fd = map_new(BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG, 0);
	bpf(BPF_MAP_FREEZE, &(union bpf_attr){ .map_fd = (u32)rdonly_fd });
}

static bool loads(const char *licence)
{
	union bpf_attr a;
	long fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = type_nr;
	a.expected_attach_type = attach_nr;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = cnt;
	a.license = (uintptr_t)licence;
	a.prog_flags = type_nr == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	a.log_level = 1;
	a.log_buf = (uintptr_t)text;
	a.log_size = sizeof(text);
	text[0] = 0;
	fd = bpf(BPF_PROG_LOAD, &a);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static void emit(u8 code, u32 dst, u32 src, s32 off, s32 imm)
{
	insns[cnt++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = (s16)off, .imm = imm
	};
}

static void emit_fd(u32 dst, u32 how, int fd)
{
	emit(BPF_LD | BPF_IMM | BPF_DW, dst, how, 0, fd);
	emit(0, 0, 0, 0, 0);
}

static void emit_stack(u32 dst)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_X, dst, 10, 0, 0);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, -64);
}

static u32 map_of(const struct bpf_func_proto *p)
{
	for (u32 t = 1; t < 33; t++)
		if ((p->maps >> t & 1) && map_fd[t] >= 0)
			return t;
	return p->maps ? 0 : BPF_MAP_TYPE_HASH;
}

static bool is_mem(u32 arg)
{
	return ARG_KIND(arg) == ARG_MEM || ARG_KIND(arg) == ARG_MAP_KEY || ARG_KIND(arg) == ARG_MAP_VALUE;
}

/* A good argument. False: cannot be made here. */
static bool emit_good(const struct bpf_func_proto *p, u32 n)
{
	u32 t;

	switch (ARG_KIND(p->arg[n])) {
	case ARG_NONE: return true;
	case ARG_ANYTHING: emit(BPF_ALU64 | BPF_MOV | BPF_K, n + 1, 0, 0, 0); return true;
	case ARG_CTX: emit(BPF_ALU64 | BPF_MOV | BPF_X, n + 1, 6, 0, 0); return true;
	case ARG_MAP_PTR:
		t = map_of(p);
		emit_fd(n + 1, BPF_PSEUDO_MAP_FD, t ? map_fd[t] : -1);
		return t;
	case ARG_MAP_KEY:
	case ARG_MAP_VALUE:
	case ARG_MEM: emit_stack(n + 1); return true;
	case ARG_SIZE:
	case ARG_SIZE_OR_ZERO:
	case ARG_ALLOC_SIZE: emit(BPF_ALU64 | BPF_MOV | BPF_K, n + 1, 0, 0, 8); return true;
	case ARG_CONST_STR: emit_fd(n + 1, BPF_PSEUDO_MAP_VALUE, rdonly_fd); return true;
	default: return false;
	}
}

/* Argument n of a call, spoilt as the probe wants it. */
static bool emit_arg(const struct bpf_func_proto *p, u32 n, enum probe probe)
{
	switch (probe) {
	case UNSET: return true;
	case SCALAR: /* of unknown value: null is one of many */
		emit(BPF_LDX | BPF_MEM | BPF_DW, n + 1, 10, -8, 0);
		return true;
	case POINTER: emit_stack(n + 1); return true;
	case ZERO:
	case NULL_MEM: emit(BPF_ALU64 | BPF_MOV | BPF_K, n + 1, 0, 0, 0); return true;
	case RDONLY: emit_fd(n + 1, BPF_PSEUDO_MAP_VALUE, rdonly_fd); return true;
	case PACKET: emit(BPF_ALU64 | BPF_MOV | BPF_X, n + 1, 7, 0, 0); return true;
	default: return emit_good(p, n);
	}
}

static void emit_packet(void)
{
	bool xdp = type_nr == BPF_PROG_TYPE_XDP;

	emit(BPF_LDX | BPF_MEM | BPF_W, 7, 6, xdp ? 0 : 76, 0);
	emit(BPF_LDX | BPF_MEM | BPF_W, 8, 6, xdp ? 4 : 80, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_X, 9, 7, 0, 0);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, 9, 0, 0, 64);
	emit(BPF_JMP | BPF_JLE | BPF_X, 9, 8, 2, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The program of a probe of argument n. False: cannot be made. */
static bool make(s32 id, const struct bpf_func_proto *p, u32 n, enum probe probe)
{
	cnt = 0;
	emit(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	for (s32 off = -64; off < 0; off += 8)
		emit(BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, 0);
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32); /* r1 to r5 are unset after it */
	emit(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0);
	if (probe == PACKET || probe == AFTER)
		emit_packet();
	for (u32 i = 0; i < 5; i++) {
		bool size = probe == NULL_MEM && i == n + 1;

		if (!emit_arg(p, i, i == n ? probe : size ? ZERO : GOOD))
			return false;
	}
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, id);
	if (probe == AFTER)
		emit(BPF_LDX | BPF_MEM | BPF_B, 0, 7, 0, 0);
	emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, attach && attach->min > 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return true;
}

static bool try(s32 id, const struct bpf_func_proto *p, u32 n, enum probe probe)
{
	return make(id, p, n, probe) && loads(probe == NOT_GPL ? "no" : "GPL");
}

static u32 bad, checks, left_out;

static void expect(bool is, bool want, s32 id, const char *name, u32 n, const char *what)
{
	checks++;
	if (is == want)
		return;
	bad++;
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = '|';
	diag("%s: %s (%d), argument %u: %s is %staken by the kernel: %.900s", type->name, name, id, n + 1,
	     what, is ? "" : "not ", text);
}

static void check_mem(s32 id, const struct bpf_func_proto *p, u32 n, bool packets)
{
	u32 arg = p->arg[n];
	u32 next = n < 4 ? ARG_KIND(p->arg[n + 1]) : ARG_NONE;

	expect(try(id, p, n, RDONLY),
	       arg & ARG_F_RDONLY || (ARG_KIND(arg) != ARG_MEM && !(arg & ARG_F_UNINIT)), id, p->name, n,
	       "read-only memory");
	if (next == ARG_SIZE_OR_ZERO)
		expect(try(id, p, n, NULL_MEM), arg & ARG_F_NULL, id, p->name, n, "NULL");
	if (packets)
		expect(try(id, p, n, PACKET), p->pkt_access, id, p->name, n, "packet data");
}

static void check_arg(s32 id, const struct bpf_func_proto *p, u32 n, bool packets)
{
	u32 kind = ARG_KIND(p->arg[n]);

	expect(try(id, p, n, UNSET), kind == ARG_NONE, id, p->name, n, "an unset register");
	if (kind == ARG_NONE)
		return;
	if (is_mem(p->arg[n]) || kind == ARG_CTX || kind == ARG_MAP_PTR || kind == ARG_CONST_STR)
		expect(try(id, p, n, SCALAR), false, id, p->name, n, "a number");
	if (kind == ARG_SIZE || kind == ARG_SIZE_OR_ZERO || kind == ARG_ALLOC_SIZE || kind == ARG_MAP_PTR ||
	    kind == ARG_CTX)
		expect(try(id, p, n, POINTER), false, id, p->name, n, "a pointer to the stack");
	if (kind == ARG_ANYTHING)
		expect(try(id, p, n, POINTER), true, id, p->name, n, "a pointer to the stack");
	if (kind == ARG_SIZE || kind == ARG_SIZE_OR_ZERO)
		expect(try(id, p, n, ZERO), kind == ARG_SIZE_OR_ZERO, id, p->name, n, "size 0");
	if (is_mem(p->arg[n]))
		check_mem(id, p, n, packets);
}

static bool is_special(const struct bpf_func_proto *p)
{
	switch (p->special) {
	case HELPER_TAIL_CALL:
	case HELPER_FOR_EACH:
	case HELPER_LOOP:
	case HELPER_SPIN_LOCK:
	case HELPER_SPIN_UNLOCK:
	case HELPER_SNPRINTF:
	case HELPER_DYNPTR_FROM_MEM:
	case HELPER_GET_LOCAL_STORAGE: return true;
	}
	return RET_KIND(p->ret) == RET_SOCK || RET_KIND(p->ret) == RET_ALLOC_MEM;
}

static void check_helper(s32 id, const struct bpf_func_proto *p)
{
	bool packets = type_nr == BPF_PROG_TYPE_SCHED_CLS || type_nr == BPF_PROG_TYPE_XDP;

	/* Nowhere but where a program may sleep, or where a function is entered. */
	bool elsewhere = (p->sleeps && type_nr != BPF_PROG_TYPE_SYSCALL) ||
			 (id == BPF_FUNC_get_func_ip && type_nr != BPF_PROG_TYPE_KPROBE);

	/* A program that sleeps may name few types of maps. */
	elsewhere |= type_nr == BPF_PROG_TYPE_SYSCALL && (p->maps == 1ull << BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
							  p->maps == 1ull << BPF_MAP_TYPE_STACK_TRACE ||
							  p->maps == 1ull << BPF_MAP_TYPE_CGROUP_ARRAY);
	if (elsewhere || is_special(p) || !make(id, p, 9, GOOD)) {
		left_out++;
		return;
	}
	if (!loads("GPL")) {
		expect(false, true, id, p->name, 0, "a good call");
		return;
	}
	for (u32 n = 0; n < 5; n++)
		check_arg(id, p, n, packets);
	expect(try(id, p, 9, NOT_GPL), !p->gpl_only, id, p->name, 0, "another licence");
	if (packets)
		expect(try(id, p, 9, AFTER), !p->moves_packet, id, p->name, 0, "the packet afterwards");
}

int main(void)
{
	static const struct {
		u32 type, attach;
	} t[] = {
		{ BPF_PROG_TYPE_SCHED_CLS, 0 },
		{ BPF_PROG_TYPE_XDP, 0 },
		{ BPF_PROG_TYPE_SOCKET_FILTER, 0 },
		{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS },
		{ BPF_PROG_TYPE_LWT_IN, 0 },
		{ BPF_PROG_TYPE_LWT_XMIT, 0 },
		{ BPF_PROG_TYPE_LWT_SEG6LOCAL, 0 },
		{ BPF_PROG_TYPE_SK_SKB, 0 },
		{ BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT },
		{ BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS },
		{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT },
		{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT },
		{ BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL },
		{ BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE },
		{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT },
		{ BPF_PROG_TYPE_FLOW_DISSECTOR, 0 },
		{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP },
		{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
		{ BPF_PROG_TYPE_KPROBE, 0 },
		{ BPF_PROG_TYPE_PERF_EVENT, 0 },
		{ BPF_PROG_TYPE_SYSCALL, 0 },
		{ BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER },
	};

	make_maps();
	if (rdonly_fd < 0) {
		skip("no kernel BPF here");
		return done();
	}
	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		type_nr = t[i].type;
		attach_nr = t[i].attach;
		type = prog_type_get(type_nr);
		attach = prog_attach_get(type, attach_nr);
		bad = checks = left_out = 0;
		for (s32 id = 1; id < (s32)HELPERS_MAX; id++)
			if (prog_helper_at(type, attach, id))
				check_helper(id, prog_helper_at(type, attach, id));
		ok(!bad, "helpers of %s: %u calls as the kernel takes them, %u helpers left out", type->name,
		   checks, left_out);
	}
	return done();
}
