// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row a program type: attach types, what may be returned, helpers, context.
 *
 * The sets of helpers are what a 6.18 kernel answers to a program of one call
 * (x86-64, no KPROBES: helpers that exist only with them are not in it). The
 * types that attach to kernel functions have no set but for iterators: no others are loaded.
 */
#include "progtype/prog_types.h"
#include "helper/helper_ids.h"
#include "progtype/ctx_fields.h"

#define END                                                                                                  \
	{                                                                                                    \
		.first = 1, .last = 0                                                                        \
	}

/* Helpers that only some attach types have. */
static const s16 result[] = { BPF_FUNC_get_retval, BPF_FUNC_set_retval, 0 };
static const s16 connecting[] = { BPF_FUNC_get_retval, BPF_FUNC_set_retval, BPF_FUNC_bind, 0 };
static const s16 options[] = { BPF_FUNC_setsockopt, BPF_FUNC_getsockopt, 0 };

static const struct prog_attach kprobe[] = {
	{ 0, BPF_TRACE_KPROBE_SESSION - 1, 0, RET_ANY, NULL, NULL },
	{ BPF_TRACE_KPROBE_SESSION, BPF_TRACE_KPROBE_SESSION, 0, 1, NULL, NULL },
	{ BPF_TRACE_KPROBE_SESSION + 1, 255, 0, RET_ANY, NULL, NULL },
	END,
};
static const struct prog_attach skb[] = {
	{ BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_INGRESS, 0, 1, NULL, NULL },
	{ BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_EGRESS, 0, 3, NULL, NULL },
	END,
};
static const struct prog_attach sock[] = {
	{ BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_CREATE, 0, 1, ctx_sock_create, NULL },
	{ BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET4_POST_BIND, 0, 1, ctx_sock_bind4, NULL },
	{ BPF_CGROUP_INET6_POST_BIND, BPF_CGROUP_INET6_POST_BIND, 0, 1, ctx_sock_bind6, NULL },
	{ BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET_SOCK_RELEASE, 0, 1, ctx_sock_create, NULL },
	END,
};
static const struct prog_attach addr[] = {
	{ BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET4_BIND, 0, 3, ctx_addr4, result },
	{ BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET6_BIND, 0, 3, ctx_addr6, result },
	{ BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET4_CONNECT, 0, 1, ctx_addr4, connecting },
	{ BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_INET6_CONNECT, 0, 1, ctx_addr6, connecting },
	{ BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP4_SENDMSG, 0, 1, ctx_addr4_msg, result },
	{ BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, 0, 1, ctx_addr6_msg, result },
	{ BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP4_RECVMSG, 1, 1, ctx_addr4, NULL },
	{ BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, 1, 1, ctx_addr6, NULL },
	{ BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET4_GETPEERNAME, 1, 1, ctx_addr4, NULL },
	{ BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME, 1, 1, ctx_addr6, NULL },
	{ BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_INET4_GETSOCKNAME, 1, 1, ctx_addr4, NULL },
	{ BPF_CGROUP_INET6_GETSOCKNAME, BPF_CGROUP_INET6_GETSOCKNAME, 1, 1, ctx_addr6, NULL },
	{ BPF_CGROUP_UNIX_CONNECT, BPF_CGROUP_UNIX_SENDMSG, 0, 1, ctx_addr, result },
	{ BPF_CGROUP_UNIX_RECVMSG, BPF_CGROUP_UNIX_GETSOCKNAME, 1, 1, ctx_addr, NULL },
	END,
};
/* Hooks of cgroups that take any number: at some of these there is no result of others that could be asked
 * for. */
static const struct prog_attach bit[] = {
	{ BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, 0, 1, NULL, NULL },
	{ BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_CREATE, 0, 1, NULL, result },
	{ BPF_CGROUP_SOCK_OPS, BPF_CGROUP_SOCK_OPS, 0, 1, NULL, NULL },
	{ BPF_CGROUP_SOCK_OPS + 1, BPF_CGROUP_UDP4_RECVMSG - 1, 0, 1, NULL, result },
	{ BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, 0, 1, NULL, NULL },
	{ BPF_CGROUP_UDP6_RECVMSG + 1, BPF_CGROUP_INET4_GETPEERNAME - 1, 0, 1, NULL, result },
	{ BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETSOCKNAME, 0, 1, NULL, NULL },
	{ BPF_CGROUP_INET6_GETSOCKNAME + 1, BPF_CGROUP_UNIX_RECVMSG - 1, 0, 1, NULL, result },
	{ BPF_CGROUP_UNIX_RECVMSG, BPF_CGROUP_UNIX_GETSOCKNAME, 0, 1, NULL, NULL },
	{ BPF_CGROUP_UNIX_GETSOCKNAME + 1, 255, 0, 1, NULL, result },
	END,
};
static const struct prog_attach none[] = { { 0, 0, 0, RET_ANY, NULL, NULL }, END };
static const struct prog_attach reuseport[] = {
	{ BPF_SK_REUSEPORT_SELECT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE, 0, RET_ANY, NULL, NULL },
	END,
};
static const struct prog_attach sockopt[] = {
	{ BPF_CGROUP_GETSOCKOPT, BPF_CGROUP_GETSOCKOPT, 0, 1, ctx_getsockopt, NULL },
	{ BPF_CGROUP_SETSOCKOPT, BPF_CGROUP_SETSOCKOPT, 0, 1, ctx_setsockopt, options },
	END,
};
static const struct prog_attach sk_lookup[] = { { BPF_SK_LOOKUP, BPF_SK_LOOKUP, 0, 1, NULL, NULL }, END };
static const struct prog_attach netfilter[] = { { BPF_NETFILTER, BPF_NETFILTER, 0, 1, NULL, NULL }, END };
static const struct prog_attach xdp[] = {
	{ 0, BPF_XDP_DEVMAP - 1, 0, RET_ANY, NULL, NULL },
	{ BPF_XDP_DEVMAP, BPF_XDP_DEVMAP, 0, RET_ANY, ctx_xdp_devmap, NULL },
	{ BPF_XDP_DEVMAP + 1, 255, 0, RET_ANY, NULL, NULL },
	END,
};
static const struct prog_attach tracing[] = {
	{ 0, BPF_TRACE_ITER - 1, 0, RET_ANY, NULL, NULL },
	{ BPF_TRACE_ITER, BPF_TRACE_ITER, 0, 1, NULL, NULL },
	{ BPF_TRACE_ITER + 1, 255, 0, RET_ANY, NULL, NULL },
	END,
};
static const struct prog_attach any[] = { { 0, 255, 0, RET_ANY, NULL, NULL }, END };

/* ---- helpers that are not the same for all ---- */

static const struct prog_helper_alt packet_class[] = {
	{ BPF_FUNC_get_cgroup_classid, &bpf_skb_classid_proto },
	{ 0, NULL },
};
static const struct prog_helper_alt sock_options[] = {
	{ BPF_FUNC_setsockopt, &bpf_sk_setsockopt_proto },
	{ BPF_FUNC_getsockopt, &bpf_sk_getsockopt_proto },
	{ 0, NULL },
};
static const struct prog_helper_alt sock_cookie[] = {
	{ BPF_FUNC_get_socket_cookie, &bpf_sk_cookie_proto },
	{ 0, NULL },
};
static const struct prog_helper_alt kernel_objects[] = {
	{ BPF_FUNC_get_socket_cookie, &bpf_sk_cookie_proto },
	{ BPF_FUNC_xdp_get_buff_len, &bpf_xdp_get_buff_len_trace_proto },
	{ 0, NULL },
};
static const struct prog_helper_alt event_stack[] = {
	{ BPF_FUNC_get_stackid, &bpf_get_stackid_event_proto },
	{ 0, NULL },
};
static const struct prog_helper_alt lookup[] = {
	{ BPF_FUNC_sk_assign, &bpf_sk_lookup_assign_proto },
	{ 0, NULL },
};

/* ---- the types ---- */

static const struct prog_type types[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = {
		.name = "socket_filter",
		.run = RUN_SKB,
		.ld_abs = true,
		.ctx = ctx_socket_filter,
		.ctx_struct = "__sk_buff",
		.helpers = { 0x80c4280643d1eeull, 0x2d6f260063810010ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_KPROBE] = {
		.name = "kprobe",
		.may_sleep = true,
		.attach = kprobe,
		.ctx = ctx_kprobe,
		.ctx_struct = "bpf_user_pt_regs_t",
		.max_ctx = 168,
		.helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_SCHED_CLS] = {
		.name = "sched_cls",
		.run = RUN_SKB,
		.ld_abs = true,
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_sched_cls,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x85cfeff7ffffeeull, 0x3d6f7e1fe3f98034ull, 0x80779e397fb03ffcull, 0xffffdull },
	},
	[BPF_PROG_TYPE_SCHED_ACT] = {
		.name = "sched_act",
		.run = RUN_SKB,
		.ld_abs = true,
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_sched_cls,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x85cfeff7ffffeeull, 0x3d6f7e1fe3f98034ull, 0x80779e397fb03ffcull, 0xffffdull },
	},
	[BPF_PROG_TYPE_TRACEPOINT] = {
		.name = "tracepoint",
		.ctx = ctx_tracepoint,
		.max_ctx = 8192,
		.helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_XDP] = {
		.name = "xdp",
		.run = RUN_XDP,
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.attach = xdp,
		.ctx = ctx_xdp,
		.ctx_struct = "xdp_md",
		.helpers = { 0xc8142812c3d1eeull, 0x296f661863f10022ull, 0xf0779e3976303f7cull, 0xffffcull },
	},
	[BPF_PROG_TYPE_PERF_EVENT] = {
		.name = "perf_event",
		.ctx = ctx_perf_event,
		.ctx_struct = "bpf_perf_event_data",
		.alt = event_stack,
		.helpers = { 0x18024280a43d1feull, 0x29ef260063810008ull, 0x8073fe307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_CGROUP_SKB] = {
		.name = "cgroup_skb",
		.attach = skb,
		.run = RUN_SKB,
		.packet = true,
		.packet_args = true,
		.ctx = ctx_cgroup_skb,
		.ctx_struct = "__sk_buff",
		.helpers = { 0x80c4280643d1eeull, 0x2d6f3e0fe3fb8010ull, 0x80779e3176303f7full, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_CGROUP_SOCK] = {
		.name = "cgroup_sock",
		.default_attach = BPF_CGROUP_INET_SOCK_CREATE,
		.attach = sock,
		.ctx = ctx_sock,
		.ctx_struct = "bpf_sock",
		.helpers = { 0x8044280243d1eeull, 0x2d6f2e0063830000ull, 0x8c739e317630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_LWT_IN] = {
		.name = "lwt_in",
		.run = RUN_SKB,
		.packet = true,
		.packet_args = true,
		.ctx = ctx_lwt,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x8004ae1743d1eeull, 0x296f260063810200ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_LWT_OUT] = {
		.name = "lwt_out",
		.run = RUN_SKB,
		.packet = true,
		.packet_args = true,
		.ctx = ctx_lwt,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x8004ae1743d1eeull, 0x296f260063810000ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_LWT_XMIT] = {
		.name = "lwt_xmit",
		.run = RUN_SKB,
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_lwt,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x800fee77f3ffeeull, 0x296f260063810200ull, 0x80779e3176303ffcull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_SOCK_OPS] = {
		.name = "sock_ops",
		.attach = bit,
		.packet = true,
		.ctx = ctx_sock_ops,
		.ctx_struct = "bpf_sock_ops",
		.helpers = { 0xaa244280243d1eeull, 0x2d6f3e0163830040ull, 0x80779e317631ff7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_SK_SKB] = {
		.name = "sk_skb",
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_sk_skb,
		.ctx_struct = "__sk_buff",
		.helpers = { 0x94cce80643d3eeull, 0x296f260863f10100ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_CGROUP_DEVICE] = {
		.name = "cgroup_device",
		.attach = bit,
		.ctx = ctx_device,
		.ctx_struct = "bpf_cgroup_dev_ctx",
		.helpers = { 0x8004280243d1eeull, 0x296f260063830000ull, 0x80739e307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_SK_MSG] = {
		.name = "sk_msg",
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_sk_msg,
		.ctx_struct = "sk_msg_md",
		.helpers = { 0xf08004280243d1eeull, 0x2d6f3e006f810080ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_RAW_TRACEPOINT] = {
		.name = "raw_tracepoint",
		.run = RUN_RAW_TP,
		.ctx = ctx_raw_tp,
		.ctx_struct = "bpf_raw_tracepoint_args",
		.max_ctx = 96,
		.helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = {
		.name = "cgroup_sock_addr",
		.attach = addr,
		.ctx = ctx_addr,
		.ctx_struct = "bpf_sock_addr",
		.helpers = { 0x28244280243d1eeull, 0x2d6f3e0863f30000ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_LWT_SEG6LOCAL] = {
		.name = "lwt_seg6local",
		.packet = true,
		.packet_args = true,
		.ctx = ctx_lwt,
		.ctx_struct = "__sk_buff",
		.alt = packet_class,
		.helpers = { 0x8004ae1743d1eeull, 0x296f260063811c00ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_SK_REUSEPORT] = {
		.name = "sk_reuseport",
		.default_attach = BPF_SK_REUSEPORT_SELECT,
		.btf_ctx = true,
		.attach = reuseport,
		.packet = true,
		.packet_args = true,
		.ctx = ctx_sk_reuseport,
		.ctx_struct = "sk_reuseport_md",
		.alt = sock_cookie,
		.helpers = { 0x8044280443d1eeull, 0x296f260063850010ull, 0x80739e317630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = {
		.name = "flow_dissector",
		.run = RUN_FLOW_DISSECTOR,
		.packet = true,
		.packet_args = true,
		.ctx = ctx_flow_dissector,
		.ctx_struct = "__sk_buff",
		.helpers = { 0x8004280443d1eeull, 0x296f260063810000ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_CGROUP_SYSCTL] = {
		.name = "cgroup_sysctl",
		.attach = bit,
		.ctx = ctx_sysctl,
		.ctx_struct = "bpf_sysctl",
		.helpers = { 0x8004280243d1eeull, 0x296f27e063830000ull, 0x80739e317630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE] = {
		.name = "raw_tracepoint_writable",
		.ctx = ctx_raw_tp_writable,
		.ctx_struct = "bpf_raw_tracepoint_args",
		.max_ctx = 96,
		.helpers = { 0x8024280a43d1feull, 0x296f260063810008ull, 0x8073fe307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_CGROUP_SOCKOPT] = {
		.name = "cgroup_sockopt",
		.attach = sockopt,
		.packet = true,
		.packet_write = true,
		.packet_args = true,
		.ctx = ctx_sockopt,
		.ctx_struct = "bpf_sockopt",
		.alt = sock_options,
		.helpers = { 0x8004280243d1eeull, 0x2d6f3e0163830000ull, 0x8c739e307630207cull, 0xf0fecull },
	},
	[BPF_PROG_TYPE_TRACING] = {
		.name = "tracing",
		.kind = PROG_TRACING,
		.may_sleep = true,
		.run = RUN_ITER,
		.iter_attach = BPF_TRACE_ITER,
		.attach = tracing,
		.alt = kernel_objects,
		.helpers = { 0x8064280a43d1feull, 0xeb6fbe0063810008ull, 0x9077be3476783f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_STRUCT_OPS] = {
		.name = "struct_ops",
		.kind = PROG_STRUCT_OPS,
		.may_sleep = true,
	},
	[BPF_PROG_TYPE_EXT] = {
		.name = "ext",
		.kind = PROG_EXT,
	},
	[BPF_PROG_TYPE_LSM] = {
		.name = "lsm",
		.kind = PROG_TRACING,
		.may_sleep = true,
	},
	[BPF_PROG_TYPE_SK_LOOKUP] = {
		.name = "sk_lookup",
		.attach = sk_lookup,
		.run = RUN_SK_LOOKUP,
		.ctx = ctx_sk_lookup,
		.ctx_struct = "bpf_sk_lookup",
		.alt = lookup,
		.helpers = { 0x8004280243d1eeull, 0x396f260063c10000ull, 0x80779e3176303f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_SYSCALL] = {
		.name = "syscall",
		.kind = PROG_SYSCALL,
		.may_sleep = true,
		.btf_ctx = true,
		.attach = none,
		.run = RUN_SYSCALL,
		.ctx = ctx_syscall,
		.max_ctx = 65535,
		.alt = kernel_objects,
		.helpers = { 0x8064280a43d1feull, 0x2b6fbe0063810008ull, 0x907fbff476383f7cull, 0xf0ffcull },
	},
	[BPF_PROG_TYPE_NETFILTER] = {
		.name = "netfilter",
		.attach = netfilter,
		.run = RUN_NETFILTER,
		.ctx = ctx_netfilter,
		.ctx_struct = "bpf_nf_ctx",
		.helpers = { 0x8004280043d1eeull, 0x296f260063810000ull, 0x80739e307630207cull, 0xf0fecull },
	},
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

static bool helper_allowed(const struct prog_type *t, const struct prog_attach *a, s32 id)
{
	if (t->helpers[id / 64] >> (id % 64) & 1)
		return true;
	for (const s16 *more = a ? a->helpers : NULL; more && *more; more++)
		if (*more == id)
			return true;
	return false;
}

const struct bpf_func_proto *prog_helper_at(const struct prog_type *t, const struct prog_attach *a, s32 id)
{
	if (id <= 0 || id >= (s32)HELPERS_MAX || !helper_allowed(t, a, id))
		return NULL;
	for (const struct prog_helper_alt *alt = t->alt; alt && alt->proto; alt++)
		if (alt->id == id)
			return alt->proto;
	return helper_get(id);
}

const struct bpf_func_proto *prog_helper(const struct prog_type *t, s32 id)
{
	return prog_helper_at(t, NULL, id);
}

/* ---- fields of the context ---- */

static bool field_allows(const struct ctx_field *f, u32 off, u32 size, bool write)
{
	if (!(f->access & (write ? CTX_WRITE : CTX_READ)))
		return false;
	if (off == f->off && size == 8 && f->size == 4)
		return f->access & CTX_WIDE;
	if (off < f->off || off + size > (u32)f->off + f->size)
		return false;
	if (f->kind == CTX_BUFFER)
		return off % size == 0;
	if (size == f->size)
		return true;
	if (write)
		return (f->access & CTX_NARROW_WRITE) && off % size == 0;
	if (f->access & CTX_NARROW)
		return off % size == 0;
	return (f->access & CTX_NARROW_FIRST) && off == f->off;
}

const struct ctx_field *prog_ctx_field_at(const struct prog_type *t, const struct prog_attach *a, s32 off,
					  u32 size, bool write)
{
	const struct ctx_field *f = a && a->ctx ? a->ctx : t->ctx;

	if (!f || off < 0 || off > 0xffff || !size || size > 8 || (size & (size - 1)))
		return NULL;
	for (; f->size; f++)
		if (field_allows(f, (u32)off, size, write))
			return f;
	return NULL;
}

const struct ctx_field *prog_ctx_field(const struct prog_type *t, s32 off, u32 size, bool write)
{
	return prog_ctx_field_at(t, NULL, off, size, write);
}
