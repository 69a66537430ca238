// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables of program types beside the kernel: for each type and attach type,
 * each offset, size and direction one program that accesses the context there;
 * for each helper one that calls it.
 *
 * `stricter` lists what the kernel takes and the tables do not.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "progtype/prog_types.h"
#include "tests/lib/tap.h"
#include "util/uapi.h"

static char text[65536];

static int load(u32 type, u32 attach, const struct bpf_insn *insns, u32 n, u32 level)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.expected_attach_type = attach;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	a.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	text[0] = 0;
	if (level) {
		a.log_level = level;
		a.log_buf = (uintptr_t)text;
		a.log_size = sizeof(text);
	}
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	return fd < 0 ? -errno : fd;
}

static bool loads(u32 type, u32 attach, const struct bpf_insn *insns, u32 n, u32 level)
{
	int fd = load(type, attach, insns, n, level);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What the kernel accepts there and the tables do not, on purpose. */
static bool stricter(u32 type, s32 off)
{
	/* A record has nothing before its beginning: the kernel compares signed with unsigned. */
	return type == BPF_PROG_TYPE_TRACEPOINT && off < 0;
}

static const char *kind_text(const struct ctx_field *f)
{
	switch (f->kind) {
	case CTX_PACKET: return "pkt";
	case CTX_PACKET_META: return "pkt_meta";
	case CTX_PACKET_END: return "pkt_end";
	case CTX_SOCK: return "sock";
	case CTX_FLOW_KEYS: return "flow_keys";
	case CTX_POINTER: return "tp_buffer trusted_ptr_nf_hook_state trusted_ptr_sk_buff";
	default: return "scalar";
	}
}

/* Is the loaded register what the table says? The log of level 2 names it. */
static bool kind_agrees(const struct ctx_field *f)
{
	const char *want = kind_text(f), *is = strstr(text, "R2_w=");
	char name[64] = "";

	if (!is)
		is = strstr(text, "R2=");
	if (!is)
		return true;
	is = strchr(is, '=') + 1;
	strncpy(name, is, MIN(strcspn(is, " (\n"), sizeof(name) - 1));
	if (f->kind == CTX_SOCK)
		return !strncmp(name, "sock", 4);
	if (f->kind == CTX_POINTER)
		return strstr(want, name) != NULL;
	return !strcmp(name, want);
}

static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

static bool access_differs(u32 type, u32 attach, s32 off, u32 s, bool write, u32 r0)
{
	const struct prog_type *t = prog_type_get(type);
	const struct ctx_field *f = prog_ctx_field_at(t, prog_attach_get(t, attach), off, 1u << s, write);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = (s32)r0 },
		{ .code = (u8)((write ? BPF_STX : BPF_LDX) | BPF_MEM | sizes[s]),
		  .dst_reg = write ? 1 : 2,
		  .src_reg = write ? 0 : 1,
		  .off = (s16)off },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	bool kernel = loads(type, attach, insns, 3, write ? 0 : 2);

	if (kernel == !!f)
		return kernel && !write && !kind_agrees(f);
	return !(kernel && stricter(type, off));
}

static void scan(u32 type, u32 attach)
{
	const struct prog_type *t = prog_type_get(type);
	const struct prog_attach *a = prog_attach_get(t, attach ? attach : t->default_attach);
	u32 bad = 0, r0 = a && a->min > 0 ? 1 : 0;

	for (s32 off = -8; off < 232; off++)
		for (u32 s = 0; s < 4; s++)
			for (u32 w = 0; w < 2; w++)
				if (access_differs(type, attach ? attach : t->default_attach, off, s, w,
						   r0) &&
				    ++bad <= 5)
					diag("%s, attach type %u: %s of %u bytes at %d", t->name, attach,
					     w ? "a write" : "a read", 1u << s, off);
	ok(!bad, "context of %s, attach type %u, as the kernel has it", t->name, attach);
}

static void scan_far(u32 type, s32 from, s32 to)
{
	const struct prog_type *t = prog_type_get(type);
	u32 bad = 0;

	for (s32 off = from; off < to; off++)
		for (u32 s = 0; s < 4; s++)
			bad += access_differs(type, t->default_attach, off, s, false, 0);
	ok(!bad, "context of %s around its end", t->name);
}

/* The kernel says that it does not know the helper, or not for this type, in words. */
static bool kernel_has_helper(u32 type, u32 attach, s32 id)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = id },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (loads(type, attach, insns, 2, 1))
		return true;
	return !strstr(text, "invalid func") && !strstr(text, "cannot use helper") &&
	       !strstr(text, "unknown func");
}

static void helpers_of(u32 type, u32 attach)
{
	const struct prog_type *t = prog_type_get(type);
	const struct prog_attach *a = prog_attach_get(t, attach ? attach : t->default_attach);
	u32 bad = 0;

	for (s32 id = -1; id < 215; id++)
		if (kernel_has_helper(type, attach ? attach : t->default_attach, id) !=
			    !!prog_helper_at(t, a, id) &&
		    ++bad <= 5)
			diag("%s: helper %d", t->name, id);
	ok(!bad, "helpers of %s, attach type %u, as the kernel has them", t->name, attach);
}

static const struct {
	u32 type, attach;
} worlds[] = {
	{ BPF_PROG_TYPE_SOCKET_FILTER, 0 },
	{ BPF_PROG_TYPE_KPROBE, 0 },
	{ BPF_PROG_TYPE_SCHED_CLS, 0 },
	{ BPF_PROG_TYPE_SCHED_ACT, 0 },
	{ BPF_PROG_TYPE_TRACEPOINT, 0 },
	{ BPF_PROG_TYPE_XDP, 0 },
	{ BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP },
	{ BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP },
	{ BPF_PROG_TYPE_PERF_EVENT, 0 },
	{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS },
	{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET6_POST_BIND },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_RELEASE },
	{ BPF_PROG_TYPE_LWT_IN, 0 },
	{ BPF_PROG_TYPE_LWT_OUT, 0 },
	{ BPF_PROG_TYPE_LWT_XMIT, 0 },
	{ BPF_PROG_TYPE_LWT_SEG6LOCAL, 0 },
	{ BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS },
	{ BPF_PROG_TYPE_SK_SKB, 0 },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE },
	{ BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0 },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_BIND },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_RECVMSG },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_RECVMSG },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_GETSOCKNAME },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UNIX_CONNECT },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UNIX_GETSOCKNAME },
	{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT },
	{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE },
	{ BPF_PROG_TYPE_FLOW_DISSECTOR, 0 },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT },
	{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP },
	{ BPF_PROG_TYPE_SYSCALL, 0 },
	{ BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER },
};

int main(void)
{
	const struct bpf_insn good[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (!loads(BPF_PROG_TYPE_SOCKET_FILTER, 0, good, 2, 0)) {
		skip("no kernel BPF here");
		return done();
	}
	for (u32 i = 0; i < ARRAY_SIZE(worlds); i++) {
		scan(worlds[i].type, worlds[i].attach);
		helpers_of(worlds[i].type, worlds[i].attach);
	}
	scan_far(BPF_PROG_TYPE_SYSCALL, 32767 - 16, 32768);
	scan_far(BPF_PROG_TYPE_TRACEPOINT, 8192 - 16, 8192 + 16);
	return done();
}
