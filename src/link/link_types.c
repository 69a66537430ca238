// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which link a program makes at an attach type: one row each.
 */
#include "link/link_types.h"

static const struct link_row {
	u8 prog_type, first, last; /* attach types */
	const struct link_ops *ops;
} rows[] = {
	{ BPF_PROG_TYPE_XDP, BPF_XDP, BPF_XDP, &xdp_link_ops },
	{ BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, BPF_TCX_EGRESS, &tcx_link_ops },
	{ BPF_PROG_TYPE_CGROUP_SKB, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_CGROUP_SOCK, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_SOCK_OPS, 0, 255, &cgroup_link_ops },
	{ BPF_PROG_TYPE_FLOW_DISSECTOR, 0, 255, &netns_link_ops },
	{ BPF_PROG_TYPE_SK_LOOKUP, 0, 255, &netns_link_ops },
	{ BPF_PROG_TYPE_NETFILTER, 0, 255, &netfilter_link_ops },
	{ BPF_PROG_TYPE_SK_SKB, 0, 255, &sockmap_link_ops },
	{ BPF_PROG_TYPE_SK_MSG, 0, 255, &sockmap_link_ops },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, BPF_TRACE_ITER, &iter_link_ops },
};

static const struct link_ops *const types[] = {
	&xdp_link_ops,       &tcx_link_ops,    &cgroup_link_ops, &netns_link_ops,
	&netfilter_link_ops, &raw_tp_link_ops, &iter_link_ops,   &sockmap_link_ops,
};

const struct link_ops *link_ops_for(u32 prog_type, u32 attach_type)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].prog_type == prog_type && rows[i].first <= attach_type &&
		    attach_type <= rows[i].last)
			return rows[i].ops;
	return NULL;
}

const struct link_ops *link_ops_get(u32 type)
{
	for (u32 i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i]->type == type)
			return types[i];
	return NULL;
}

const char *link_kind_name(u32 type)
{
	const struct link_ops *ops = link_ops_get(type);

	return ops ? ops->name : NULL;
}
