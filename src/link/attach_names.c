// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach types and points in words, for people.
 */
#include "link/clsact.h"
#include "util/netns.h"
#include "util/str.h"
#include "util/uapi.h"

static const char *const names[BPF_ATTACH_TYPES_END] = {
	[BPF_CGROUP_INET_INGRESS] = "cgroup_inet_ingress",
	[BPF_CGROUP_INET_EGRESS] = "cgroup_inet_egress",
	[BPF_CGROUP_INET_SOCK_CREATE] = "cgroup_inet_sock_create",
	[BPF_CGROUP_INET_SOCK_RELEASE] = "cgroup_inet_sock_release",
	[BPF_CGROUP_INET4_BIND] = "cgroup_inet4_bind",
	[BPF_CGROUP_INET6_BIND] = "cgroup_inet6_bind",
	[BPF_CGROUP_INET4_POST_BIND] = "cgroup_inet4_post_bind",
	[BPF_CGROUP_INET6_POST_BIND] = "cgroup_inet6_post_bind",
	[BPF_CGROUP_INET4_CONNECT] = "cgroup_inet4_connect",
	[BPF_CGROUP_INET6_CONNECT] = "cgroup_inet6_connect",
	[BPF_CGROUP_UNIX_CONNECT] = "cgroup_unix_connect",
	[BPF_CGROUP_INET4_GETPEERNAME] = "cgroup_inet4_getpeername",
	[BPF_CGROUP_INET6_GETPEERNAME] = "cgroup_inet6_getpeername",
	[BPF_CGROUP_UNIX_GETPEERNAME] = "cgroup_unix_getpeername",
	[BPF_CGROUP_INET4_GETSOCKNAME] = "cgroup_inet4_getsockname",
	[BPF_CGROUP_INET6_GETSOCKNAME] = "cgroup_inet6_getsockname",
	[BPF_CGROUP_UNIX_GETSOCKNAME] = "cgroup_unix_getsockname",
	[BPF_CGROUP_UDP4_SENDMSG] = "cgroup_udp4_sendmsg",
	[BPF_CGROUP_UDP6_SENDMSG] = "cgroup_udp6_sendmsg",
	[BPF_CGROUP_UNIX_SENDMSG] = "cgroup_unix_sendmsg",
	[BPF_CGROUP_UDP4_RECVMSG] = "cgroup_udp4_recvmsg",
	[BPF_CGROUP_UDP6_RECVMSG] = "cgroup_udp6_recvmsg",
	[BPF_CGROUP_UNIX_RECVMSG] = "cgroup_unix_recvmsg",
	[BPF_CGROUP_SOCK_OPS] = "cgroup_sock_ops",
	[BPF_CGROUP_DEVICE] = "cgroup_device",
	[BPF_CGROUP_SYSCTL] = "cgroup_sysctl",
	[BPF_CGROUP_GETSOCKOPT] = "cgroup_getsockopt",
	[BPF_CGROUP_SETSOCKOPT] = "cgroup_setsockopt",
	[BPF_SK_SKB_STREAM_PARSER] = "sk_skb_stream_parser",
	[BPF_SK_SKB_STREAM_VERDICT] = "sk_skb_stream_verdict",
	[BPF_SK_SKB_VERDICT] = "sk_skb_verdict",
	[BPF_SK_MSG_VERDICT] = "sk_msg_verdict",
	[BPF_FLOW_DISSECTOR] = "flow_dissector",
	[BPF_SK_LOOKUP] = "sk_lookup",
	[BPF_XDP] = "xdp",
	[BPF_NETFILTER] = "netfilter",
	[BPF_TCX_INGRESS] = "tcx_ingress",
	[BPF_TCX_EGRESS] = "tcx_egress",
};

const char *attach_type_name(u32 type)
{
	if (type == HOOK_CLSACT)
		return "clsact";
	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

bool attach_is_cgroup(u32 type)
{
	const char *name = attach_type_name(type);

	return name && str_starts(name, "cgroup_");
}

bool attach_is_netns(const struct attach_key *k)
{
	return k->ifindex || k->type == BPF_FLOW_DISSECTOR || k->type == BPF_SK_LOOKUP ||
	       k->type == BPF_NETFILTER;
}

bool attach_is_map(u32 type)
{
	return type == BPF_SK_SKB_STREAM_PARSER || type == BPF_SK_SKB_STREAM_VERDICT ||
	       type == BPF_SK_SKB_VERDICT || type == BPF_SK_MSG_VERDICT;
}

char *attach_where(const struct attach_key *k, char *to)
{
	if (k->ifindex)
		return str_put_u64(str_put(to, "interface "), k->ifindex, 10);
	switch (k->type) {
	case BPF_FLOW_DISSECTOR:
	case BPF_SK_LOOKUP:
	case BPF_NETFILTER: return str_put_u64(str_put(to, "netns "), netns_inode(k->target), 10);
	default: to = str_put(to, attach_is_map(k->type) ? "map " : "cgroup ");
	}
	return str_put_u64(to, k->target, 10);
}
