// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row a program type: attach types, what may be returned, helpers.
 *
 * The sets of helpers are what a 6.18 kernel answers to a program of one call
 * (x86-64, no KPROBES: helpers that exist only with them are not in it). The
 * types that attach to kernel functions have no set: none is loaded yet.
 */
#include "prog/prog_types.h"
#include "util/uapi.h"

#define END                                                                                                  \
	{                                                                                                    \
		.first = 1, .last = 0                                                                        \
	}

static const struct prog_attach kprobe[] = {
	{ 0, BPF_TRACE_KPROBE_SESSION - 1, 0, RET_ANY },
	{ BPF_TRACE_KPROBE_SESSION, BPF_TRACE_KPROBE_SESSION, 0, 1 },
	{ BPF_TRACE_KPROBE_SESSION + 1, 255, 0, RET_ANY },
	END,
};
static const struct prog_attach skb[] = {
	{ BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_INGRESS, 0, 1 },
	{ BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_EGRESS, 0, 3 },
	END,
};
static const struct prog_attach sock[] = {
	{ BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_CREATE, 0, 1 },
	{ BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND, 0, 1 },
	{ BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET_SOCK_RELEASE, 0, 1 },
	END,
};
static const struct prog_attach addr[] = {
	{ BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, 0, 3 },
	{ BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, 0, 1 },
	{ BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, 0, 1 },
	{ BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, 1, 1 },
	{ BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETSOCKNAME, 1, 1 },
	{ BPF_CGROUP_UNIX_CONNECT, BPF_CGROUP_UNIX_SENDMSG, 0, 1 },
	{ BPF_CGROUP_UNIX_RECVMSG, BPF_CGROUP_UNIX_GETSOCKNAME, 1, 1 },
	END,
};
static const struct prog_attach bit[] = { { 0, 255, 0, 1 }, END };
static const struct prog_attach none[] = { { 0, 0, 0, RET_ANY }, END };
static const struct prog_attach reuseport[] = {
	{ BPF_SK_REUSEPORT_SELECT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE, 0, RET_ANY },
	END,
};
static const struct prog_attach sockopt[] = { { BPF_CGROUP_GETSOCKOPT, BPF_CGROUP_SETSOCKOPT, 0, 1 }, END };
static const struct prog_attach sk_lookup[] = { { BPF_SK_LOOKUP, BPF_SK_LOOKUP, 0, 1 }, END };
static const struct prog_attach netfilter[] = { { BPF_NETFILTER, BPF_NETFILTER, 0, 1 }, END };
static const struct prog_attach any[] = { { 0, 255, 0, RET_ANY }, END };

static const struct prog_type types[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = { .name = "socket_filter", .helpers = { 0x80c4280643d1eeull, 0x2d6f260063810010ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_KPROBE] = { .name = "kprobe", .may_sleep = true, .attach = kprobe, .helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_SCHED_CLS] = { .name = "sched_cls", .helpers = { 0x85cfeff7ffffeeull, 0x3d6f7e1fe3f98034ull, 0x80779e397fb03ffcull, 0xffffdull } },
	[BPF_PROG_TYPE_SCHED_ACT] = { .name = "sched_act", .helpers = { 0x85cfeff7ffffeeull, 0x3d6f7e1fe3f98034ull, 0x80779e397fb03ffcull, 0xffffdull } },
	[BPF_PROG_TYPE_TRACEPOINT] = { .name = "tracepoint", .helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_XDP] = { .name = "xdp", .helpers = { 0xc8142812c3d1eeull, 0x296f661863f10022ull, 0xf0779e3976303f7cull, 0xffffcull } },
	[BPF_PROG_TYPE_PERF_EVENT] = { .name = "perf_event", .helpers = { 0x18024280a43d1feull, 0x29ef260063810008ull, 0x8073fe307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_CGROUP_SKB] = { .name = "cgroup_skb", .attach = skb, .helpers = { 0x80c4280643d1eeull, 0x2d6f3e0fe3fb8010ull, 0x80779e3176303f7full, 0xf0ffcull } },
	[BPF_PROG_TYPE_CGROUP_SOCK] = { .name = "cgroup_sock", .default_attach = BPF_CGROUP_INET_SOCK_CREATE, .attach = sock, .helpers = { 0x8044280243d1eeull, 0x2d6f2e0063830000ull, 0x8c739e317630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_LWT_IN] = { .name = "lwt_in", .helpers = { 0x8004ae1743d1eeull, 0x296f260063810200ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_LWT_OUT] = { .name = "lwt_out", .helpers = { 0x8004ae1743d1eeull, 0x296f260063810000ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_LWT_XMIT] = { .name = "lwt_xmit", .helpers = { 0x800fee77f3ffeeull, 0x296f260063810200ull, 0x80779e3176303ffcull, 0xf0ffcull } },
	[BPF_PROG_TYPE_SOCK_OPS] = { .name = "sock_ops", .attach = bit, .helpers = { 0xaa244280243d1eeull, 0x2d6f3e0163830040ull, 0x80779e317631ff7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_SK_SKB] = { .name = "sk_skb", .helpers = { 0x94cce80643d3eeull, 0x296f260863f10100ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_CGROUP_DEVICE] = { .name = "cgroup_device", .attach = bit, .helpers = { 0x8004280243d1eeull, 0x296f260063830000ull, 0x80739e307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_SK_MSG] = { .name = "sk_msg", .helpers = { 0xf08004280243d1eeull, 0x2d6f3e006f810080ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_RAW_TRACEPOINT] = { .name = "raw_tracepoint", .helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = { .name = "cgroup_sock_addr", .attach = addr, .helpers = { 0x28244280243d1eeull, 0x2d6f3e0863f30000ull, 0x8c779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_LWT_SEG6LOCAL] = { .name = "lwt_seg6local", .helpers = { 0x8004ae1743d1eeull, 0x296f260063811c00ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_SK_REUSEPORT] = { .name = "sk_reuseport", .default_attach = BPF_SK_REUSEPORT_SELECT, .btf_ctx = true, .attach = reuseport, .helpers = { 0x8044280443d1eeull, 0x296f260063850010ull, 0x80739e317630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = { .name = "flow_dissector", .helpers = { 0x8004280443d1eeull, 0x296f260063810000ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_CGROUP_SYSCTL] = { .name = "cgroup_sysctl", .attach = bit, .helpers = { 0x8004280243d1eeull, 0x296f27e063830000ull, 0x80739e317630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE] = { .name = "raw_tracepoint_writable", .helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_CGROUP_SOCKOPT] = { .name = "cgroup_sockopt", .attach = sockopt, .helpers = { 0x8004280243d1eeull, 0x2d6f3e0163830000ull, 0x8c739e307630207cull, 0xf0fecull } },
	[BPF_PROG_TYPE_TRACING] = { .name = "tracing", .kind = PROG_TRACING, .may_sleep = true,  },
	[BPF_PROG_TYPE_STRUCT_OPS] = { .name = "struct_ops", .kind = PROG_STRUCT_OPS, .may_sleep = true,  },
	[BPF_PROG_TYPE_EXT] = { .name = "ext", .kind = PROG_EXT,  },
	[BPF_PROG_TYPE_LSM] = { .name = "lsm", .kind = PROG_TRACING, .may_sleep = true,  },
	[BPF_PROG_TYPE_SK_LOOKUP] = { .name = "sk_lookup", .attach = sk_lookup, .helpers = { 0x8004280243d1eeull, 0x396f260063c10000ull, 0x80779e3176303f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_SYSCALL] = { .name = "syscall", .kind = PROG_SYSCALL, .may_sleep = true, .btf_ctx = true, .attach = none, .helpers = { 0x8064280a43d1feull, 0x2b6fbe0063810008ull, 0x907fbff476383f7cull, 0xf0ffcull } },
	[BPF_PROG_TYPE_NETFILTER] = { .name = "netfilter", .attach = netfilter, .helpers = { 0x8004280043d1eeull, 0x296f260063810000ull, 0x80739e307630207cull, 0xf0fecull } },
};

const struct prog_type *prog_type_get(u32 type)
{
	static const struct prog_type absent = { .kind = PROG_ABSENT };

	return type < ARRAY_SIZE(types) && types[type].name ? &types[type] : &absent;
}

const struct prog_attach *prog_attach_get(const struct prog_type *t, u32 attach)
{
	const struct prog_attach *a = t->attach ? t->attach : any;

	/* What is beyond the numbers of the table counts as its last where any number is taken. */
	attach = MIN(attach, 255);
	for (; a->first <= a->last; a++)
		if (attach >= a->first && attach <= a->last)
			return a;
	return NULL;
}
