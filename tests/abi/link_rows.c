// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links, row by row: which program makes which at which attach type; what may
 * stand beside what; update, detach, close; what a link tells of itself.
 */
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include "abi/link_world.h"

/* Every program at every attach type, with a target that is none. */
static void sweep_create(void)
{
	for (int p = P0; p < P_END; p++)
		for (uint32_t at = 0; at < AT_END; at++) {
			union row_attr a = { .w = { (uint32_t)p, ~0u, at, 0 } };

			say("create %s at %u of no target", fd_name(p), at);
			result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
		}
}

/* What is no program, at every attach type. */
static void sweep_prog_fd(void)
{
	static const int fds[] = { -1, FD_CLOSED, FD_NULL, FD_MAP, FD_CG, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		for (uint32_t at = 0; at < AT_END; at += at == 44 || at == 43 ? 1 : 11) {
			union row_attr a = { .w = { (uint32_t)fds[i], ~0u, at, 0 } };

			say("create with prog_fd %s at %u", fd_name(fds[i]), at);
			result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
		}
}

static const struct row xdp[] = {
	{ LINK, P_XDP, IF_NONE, BPF_XDP, 0, 0, 0, 0 },
	{ LINK, P_XDP, 0, BPF_XDP, 0, 0, 0, 0 },
	{ LINK, P_XDP, -1, BPF_XDP, 0, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 1u << 31, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, XDP_FLAGS_UPDATE_IF_NOEXIST, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, XDP_FLAGS_REPLACE, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, XDP_FLAGS_DRV_MODE, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, XDP_FLAGS_HW_MODE, 0, 0, 0 },
	{ LINK, P_XDP_DEVMAP, IF_LO, BPF_XDP, 0, 0, 0, 0 },
	{ LINK, P_XDP_CPUMAP, IF_LO, BPF_XDP, 0, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 0, 5, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_XDP2, IF_LO, BPF_XDP, 0, 0, 0, L0 + 1 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 0, 0, 0, L0 + 1 },
	{ LINK, P_XDP2, IF_LO, BPF_XDP, XDP_FLAGS_DRV_MODE, 0, 0, L0 + 1 },
	{ LINK, P_XDP2, IF_LO, BPF_XDP, XDP_FLAGS_HW_MODE, 0, 0, L0 + 1 },
	{ LINK, P_XDP2, IF_LO, BPF_XDP, XDP_FLAGS_SKB_MODE, 0, 0, L0 + 1 },
	{ LINK, P_XDP_DEVMAP, IF_LO, BPF_XDP, 0, 0, 0, L0 + 1 },
	{ UPDATE, P_XDP2, L0, 0, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP2, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 0, P_XDP2, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, 0, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, FD_CLOSED, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, FD_MAP, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, P_XDP, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, P_CLS, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 4, P_XDP2, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 1, 0, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 8, 0, 0, 0 },
	{ UPDATE, P_CLS, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP_DEVMAP, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP_CPUMAP, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, FD_MAP, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, FD_CLOSED, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, L0, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, FD_CLOSED, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, FD_MAP, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, P_XDP, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, FD_NULL, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, FD_CLOSED, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, FD_MAP, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, P_XDP, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP2, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_XDP2, L0, 0, 4, P_XDP2, 0, 0 },
	{ UPDATE, P_CLS, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_XDP2, IF_LO, BPF_XDP, XDP_FLAGS_SKB_MODE, 0, 0, L0 + 1 },
	{ INFO, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 0, 0, 0, L0 + 2 },
	{ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ LINK, P_XDP, IF_LO, BPF_XDP, 0, 0, 0, L0 + 2 },
};

static const struct row tcx[] = {
	{ LINK, P_CLS, IF_NONE, AT_TCX_IN, 0, 0, 0, 0 },
	{ LINK, P_CLS, 0, AT_TCX_IN, 0, 0, 0, 0 },
	{ QUERY, 0, IF_NONE, AT_TCX_IN, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 1, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 2, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 1, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 2, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 4, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, F_PREORDER, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_BEFORE | BPF_F_AFTER, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, F_LINK, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_ID, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, F_LINK | BPF_F_ID, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 0, 0, 2, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 0, P_CLS2, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_BEFORE, P_CLS2, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_BEFORE, P_XDP, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_BEFORE, FD_CLOSED, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_BEFORE, FD_MAP, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_AFTER, -1, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 0, 0, 1, L0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, 0, 0, 0, L0 + 1 },
	{ LINK, P_CLS, IF_LO, AT_TCX_IN, BPF_F_AFTER, 0, 0, L0 + 1 },
	{ LINK, P_CLS2, IF_LO, AT_TCX_IN, 0, 0, 1, L0 + 1 },
	{ LINK, P_CLS2, IF_LO, AT_TCX_IN, 0, 0, 2, L0 + 1 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_BEFORE, P_CLS2, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_BEFORE, 0, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER | F_LINK, L0, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_BEFORE | F_LINK | BPF_F_ID, L0 + 1, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER | BPF_F_ID, P_CLS, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 3, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 1, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER | BPF_F_BEFORE, P_CLS, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER | F_LINK, P_CLS, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER, L0, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, F_LINK, L0, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, 0, P_CLS, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_IN, BPF_F_AFTER, P_CLS3, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_OUT, BPF_F_AFTER, P_CLS, 0, L0 + 2 },
	{ LINK, P_CLS3, IF_LO, AT_TCX_OUT, 0, 0, 0, L0 + 2 },
	{ QUERY, 0, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ FDINFO, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CLS2, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ UPDATE, P_CLS3, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ UPDATE, P_CLS3, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ UPDATE, P_XDP, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CLS, L0, 0, 4, P_CLS2, 0, 0 },
	{ UPDATE, P_CLS, L0, 0, 4, P_CLS3, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CLS, L0, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_IN, 0, 0, 0, 0 },
};

static const struct row cgroup[] = {
	{ LINK, P_CGSKB, FD_CG_FILE, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_NULL, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_MAP, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CLOSED, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, 0, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 1, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 2, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 4, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CLOSED, 0, 4, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE | BPF_F_AFTER, 0, 0, 0 },
	{ LINK, P_CGSKB2, FD_CG, 0, BPF_F_BEFORE | BPF_F_AFTER, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, F_LINK, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_ID, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 0, P_CGSKB2, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE, P_CGSKB2, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE, P_XDP, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE, FD_CLOSED, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE, FD_MAP, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE | BPF_F_ID, -1, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE | BPF_F_ID | F_LINK, -1, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE | F_LINK, -1, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, BPF_F_BEFORE | F_LINK, P_CGSKB2, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 0, 0, 2, 0 },
	{ LINK, P_CGSKB_OUT, FD_CG, BPF_CGROUP_INET_INGRESS, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, BPF_CGROUP_INET_EGRESS, 0, 0, 0, L0 + 3 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 0, 0, 1, L0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB, FD_CG, 0, 0, 0, 0, L0 + 1 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB2, FD_CG, 0, BPF_F_BEFORE, P_CGSKB, 0, L0 + 1 },
	{ LINK, P_CGSKB2, FD_CG, 0, BPF_F_BEFORE | F_LINK, L0, 0, L0 + 1 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB3, FD_CG, 0, BPF_F_AFTER | F_LINK | BPF_F_ID, L0 + 1, 0, L0 + 2 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 3, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 1, 0 },
	{ QUERY, 0, FD_CG, 0, 1, 0, 0, 0 },
	{ QUERY, 0, FD_CG_SUB, 0, 1, 0, 0, 0 },
	{ QUERY, 0, FD_CG_SUB, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 2, 0, 0, 0 },
	{ QUERY, 0, FD_CG_FILE, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CLOSED, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB3, FD_CG, 0, BPF_F_BEFORE, 0, 0, L0 + 2 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB3, FD_CG, 0, BPF_F_AFTER, 0, 0, L0 + 2 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB3, FD_CG, 0, F_PREORDER | BPF_F_BEFORE | F_LINK, L0, 0, L0 + 2 },
	{ LINK, P_CGSKB3, FD_CG, 0, F_PREORDER, 0, 0, L0 + 2 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 1, 0, 0, 0 },
	{ FDINFO, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ LINK, P_CGSKB2, FD_CG_SUB, 0, 0, 0, 0, L0 + 4 },
	{ LINK, P_CGSKB3, FD_CG_SUB, 0, F_PREORDER, 0, 0, L0 + 5 },
	{ QUERY, 0, FD_CG_SUB, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG_SUB, 0, 1, 0, 0, 0 },
	{ QUERY, 0, FD_CG_SUBSUB, 0, 1, 0, 0, 0 },
	{ QUERY, 0, FD_CG_SUBSUB, 0, 1, 0, 4, 0 },
	{ UPDATE, P_CGSKB2, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CGSKB_OUT, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ UPDATE, P_SOCKOPS, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 4, P_CGSKB, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 4, P_CGSKB_OUT, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 4, P_CGSKB2, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 4, P_SOCKOPS, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ UPDATE, P_CGSKB, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_SOCKOPS, L0, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, BPF_CGROUP_INET_EGRESS, 0, 0, 0, 0 },
	{ LINK, P_CGSOCK, FD_CG, BPF_CGROUP_INET_SOCK_CREATE, 0, 0, 0, L0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_POSTBIND4, FD_CG, BPF_CGROUP_INET4_POST_BIND, 0, 0, 0, L0 + 1 },
	{ UPDATE, P_POSTBIND4, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, BPF_CGROUP_INET_SOCK_CREATE, 0, 0, 0, 0 },
	{ LINK, P_SOCKOPS, FD_CG, BPF_CGROUP_SOCK_OPS, 0, 0, 0, L0 + 2 },
	{ LINK, P_SOCKOPS2, FD_CG, BPF_CGROUP_SOCK_OPS, 0, 0, 0, L0 + 5 },
	{ QUERY, 0, FD_CG, BPF_CGROUP_SOCK_OPS, 0, 0, 0, 0 },
	{ LINK, P_DEVICE, FD_CG, BPF_CGROUP_DEVICE, 0, 0, 0, L0 + 6 },
	{ LINK, P_CONNECT4, FD_CG, BPF_CGROUP_INET4_CONNECT, 0, 0, 0, L0 + 7 },
	{ LINK, P_BIND4, FD_CG, BPF_CGROUP_INET4_BIND, 0, 0, 0, L0 + 8 },
	{ UPDATE, P_BIND4, L0 + 7, 0, 0, 0, 0, 0 },
	{ LINK, P_SYSCTL, FD_CG, BPF_CGROUP_SYSCTL, 0, 0, 0, L0 + 9 },
	{ LINK, P_GETSOCKOPT, FD_CG, BPF_CGROUP_GETSOCKOPT, 0, 0, 0, L0 + 10 },
	{ LINK, P_GETSOCKOPT, FD_CG, BPF_CGROUP_SETSOCKOPT, 0, 0, 0, L0 + 11 },
	{ QUERY, 0, FD_CG, BPF_CGROUP_GETSOCKOPT, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, 60, 0, 0, 0, 0 },
	{ QUERY, 0, FD_CG, BPF_LSM_CGROUP, 0, 0, 0, 0 },
};

static const struct row netns[] = {
	{ LINK, P_SKLOOKUP, FD_CLOSED, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_NULL, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_MAP, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_UTSNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_CG, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_NETNS, BPF_SK_LOOKUP, 1, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_NETNS, BPF_SK_LOOKUP, 8, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_CLOSED, BPF_SK_LOOKUP, 8, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_SKLOOKUP, FD_NETNS, BPF_SK_LOOKUP, 0, 7, 0, L0 + 1 },
	{ LINK, P_SKLOOKUP2, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 9, L0 + 2 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 3, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 1, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 1, 0, 0, 0 },
	{ QUERY, 0, FD_CLOSED, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ QUERY, 0, FD_UTSNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ UPDATE, P_SKLOOKUP2, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ UPDATE, P_FLOW, L0, 0, 0, 0, 0, 0 },
	{ UPDATE, P_SKLOOKUP, L0, 0, 4, P_SKLOOKUP, 0, 0 },
	{ UPDATE, P_SKLOOKUP, L0, 0, 4, P_SKLOOKUP2, 0, 0 },
	{ DETACHL, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ INFO, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ FDINFO, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ UPDATE, P_SKLOOKUP2, L0 + 1, 0, 0, 0, 0, 0 },
	{ DETACHL, 0, L0 + 1, 0, 0, 0, 0, 0 },
	{ CLOSE, 0, L0 + 2, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ LINK, P_FLOW, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, L0 },
	{ LINK, P_FLOW2, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, L0 + 2 },
	{ ATTACH, P_FLOW2, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ UPDATE, P_FLOW2, L0, 0, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ CLOSE, 0, L0, 0, 0, 0, 0, 0 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 1, 0, 0, 0 },
	{ ATTACH, P_FLOW, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, P_FLOW2 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 1, 0, 0 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 1, 0 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ ATTACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ LINK, P_FLOW2, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, L0 },
	{ ATTACH, P_FLOW2, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ QUERY, 0, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW2, FD_NETNS, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW2, 0, BPF_FLOW_DISSECTOR, 1, 0, 0, 0 },
	{ DETACH, P_XDP, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, FD_CLOSED, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW2, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ DETACH, P_FLOW2, 0, BPF_FLOW_DISSECTOR, 0, 0, 0, 0 },
	{ ATTACH, P_SKLOOKUP, 0, BPF_SK_LOOKUP, 0, 0, 0, 0 },
	{ DETACH, P_SKLOOKUP, 0, BPF_SK_LOOKUP, 0, 0, 0, 0 },
};

/* pf, hook, priority, flags of a netfilter link. */
static void netfilter_rows(void)
{
	static const struct {
		uint32_t pf, hook;
		int32_t prio;
		uint32_t flags, link_flags;
	} rows[] = {
		{ 0, 0, 0, 0, 0 },         { 2, 0, 0, 0, 1 },         { 2, 5, 0, 0, 0 },
		{ 2, 99, 0, 0, 0 },        { 1, 0, 0, 0, 0 },         { 7, 0, 0, 0, 0 },
		{ 3, 0, 0, 0, 0 },         { 5, 0, 0, 0, 0 },         { 2, 0, 0, 2, 0 },
		{ 2, 0, INT32_MIN, 0, 0 }, { 2, 0, INT32_MAX, 0, 0 }, { 2, 0, -400, 1, 0 },
		{ 2, 0, -399, 1, 0 },      { 2, 0, -401, 1, 0 },      { 2, 1, 0, 0, 0 },
		{ 2, 1, -128, 0, 0 },      { 10, 4, 100, 0, 0 },      { 10, 0, -5, 1, 0 },
		{ 12, 0, 0, 0, 0 },
	};
	union row_attr a;
	struct row info = { INFO, 0, L0, 0, 0, 0, 0, 0 }, fdinfo = { FDINFO, 0, L0, 0, 0, 0, 0, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd;

		memset(&a, 0, sizeof(a));
		a.w[0] = P_NETFILTER, a.w[2] = AT_NETFILTER, a.w[3] = rows[i].link_flags;
		a.w[4] = rows[i].pf, a.w[5] = rows[i].hook, a.w[6] = (uint32_t)rows[i].prio,
		a.w[7] = rows[i].flags;
		say("netfilter pf %u hook %u prio %d flags %u link flags %u", rows[i].pf, rows[i].hook,
		    rows[i].prio, rows[i].flags, rows[i].link_flags);
		fd = result(raw_bpf(BPF_LINK_CREATE, &a, 64));
		if (fd < 0)
			continue;
		place_fd(fd, L0);
		known_id[L0] = object_id(L0);
		row_run(&info);
		row_run(&fdinfo);
		say("netfilter again");
		result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
		a.w[6]++;
		say("netfilter behind it");
		result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
		row_run(&(struct row){ UPDATE, P_NETFILTER2, L0, 0, 0, 0, 0, 0 });
		row_run(&(struct row){ DETACHL, 0, L0, 0, 0, 0, 0, 0 });
		row_run(&(struct row){ DETACHL, 0, L0, 0, 0, 0, 0, 0 });
		row_run(&info);
		a.w[6]--;
		say("netfilter after the detach");
		result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
		close(L0);
		known_id[L0] = 0;
	}
	a.w[1] = FD_NULL;
	say("netfilter with a target");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
}

static int raw_tp(const char *name, int prog, uint64_t cookie)
{
	union row_attr a = { .w = { 0, 0, (uint32_t)prog } };
	uint64_t v = ptr(name);

	memcpy(&a.w[0], &v, 8);
	memcpy(&a.w[4], &cookie, 8);
	return raw_bpf(BPF_RAW_TRACEPOINT_OPEN, &a, 24);
}

/* What OBJ_GET_INFO_BY_FD and TASK_FD_QUERY do with a name's buffer. */
static void raw_tp_names(void)
{
	for (uint32_t room = 0; room < 20; room++)
		for (int with = 0; with < 2; with++) {
			char buf[32];
			uint32_t w[16] = { 0 };
			uint64_t v = ptr(buf);
			union row_attr a = { .a.info = { .bpf_fd = L0, .info_len = 64, .info = ptr(w) } };
			union row_attr q = { .w = { (uint32_t)getpid(), L0, 0, room } };
			int r;

			memset(buf, '#', sizeof(buf));
			if (with)
				memcpy(&w[4], &v, 8);
			w[6] = room;
			r = raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16);
			say("name of raw_tp, room %u%s -> type %u len %u '%.20s'", room,
			    with ? " with buffer" : "", w[0], w[6], buf);
			result(r);
			memset(buf, '#', sizeof(buf));
			if (with)
				memcpy(&q.w[4], &v, 8);
			r = raw_bpf(BPF_TASK_FD_QUERY, &q, 48);
			say("task_fd_query, room %u%s -> len %u prog %s type %u off %u addr %u '%.20s'", room,
			    with ? " with buffer" : "", q.w[3], id_name(q.w[6], P0, P_END), q.w[7], q.w[8],
			    q.w[10], buf);
			result(r);
		}
}

static void raw_tp_rows(void)
{
	static const struct {
		const char *name;
		int prog;
	} rows[] = {
		{ "sys_enter", P_RAWTP },
		{ "sched_switch", P_RAWTP },
		{ "no_such_tracepoint", P_RAWTP },
		{ "", P_RAWTP },
		{ NULL, P_RAWTP },
		{ "sys_enter", P_RAWTPW },
		{ "sys_enter", P_TRACEPOINT },
		{ "sys_enter", P_KPROBE },
		{ NULL, P_XDP },
		{ "sys_enter", FD_MAP },
		{ "sys_enter", FD_CLOSED },
		{ NULL, FD_CLOSED },
		{ "no_such", P_XDP },
		{ "sys_exit", P_RAWTP },
		{ "task_newtask", P_RAWTP },
		{ "Sys_enter", P_RAWTP },
		{ "sys_enter ", P_RAWTP },
		{ "xdp_exception", P_RAWTP },
		{ "sched_process_exec", P_RAWTP },
		{ "kfree_skb", P_RAWTP },
		{ "sys_ente", P_RAWTP },
		{ "ys_enter", P_RAWTP },
		{ "softirq_entry", P_RAWTP },
		{ "btf_trace_sys_enter", P_RAWTP },
	};
	static const struct row after[] = {
		{ INFO, 0, L0, 0, 0, 0, 0, 0 },
		{ FDINFO, 0, L0, 0, 0, 0, 0, 0 },
		{ UPDATE, P_RAWTP2, L0, 0, 0, 0, 0, 0 },
		{ UPDATE, P_XDP, L0, 0, 0, 0, 0, 0 },
		{ UPDATE, P_RAWTP2, L0, 0, 4, P_RAWTP, 0, 0 },
		{ DETACHL, 0, L0, 0, 0, 0, 0, 0 },
		{ LINK, P_RAWTP, 0, 0, 0, 0, 0, L0 + 1 },
		{ LINK, P_RAWTP, 0, BPF_TRACE_RAW_TP, 0, 0, 0, L0 + 1 },
		{ INFO, 0, L0, 0, 0, 0, 0, 0 },
	};
	union row_attr a = { .w = { (uint32_t)getpid(), L0, 0, 0 } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		say("raw_tp %s by %s", rows[i].name ? rows[i].name : "NULL", fd_name(rows[i].prog));
		result_fd(raw_tp(rows[i].name, rows[i].prog, 0));
	}
	place_fd(raw_tp("sys_enter", P_RAWTP, 0x123456789ull), L0);
	known_id[L0] = object_id(L0);
	raw_tp_names();
	a.w[2] = 1;
	say("task_fd_query with flags");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[2] = 0, a.w[1] = FD_CLOSED;
	say("task_fd_query of a closed fd");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[1] = FD_MAP;
	say("task_fd_query of a map");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[1] = P_XDP;
	say("task_fd_query of a program");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[1] = FD_NULL;
	say("task_fd_query of /dev/null");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[0] = 0;
	say("task_fd_query of process 0");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	a.w[0] = 0x7ffffff0;
	say("task_fd_query of no process");
	result(raw_bpf(BPF_TASK_FD_QUERY, &a, 48));
	ROWS("raw_tp", after);
}

/* A device whose driver runs XDP itself: each mode beside each. */
static void native_rows(void)
{
	static const uint32_t modes[] = { 0, XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE, XDP_FLAGS_HW_MODE };
	struct ifreq ifr = { .ifr_name = "rows0", .ifr_flags = IFF_TAP };
	int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC), dev;

	dev = tun < 0 || ioctl(tun, TUNSETIFF, &ifr) ? 0 : (int)if_nametoindex("rows0");
	say("a tap device: %s\n", dev ? "there" : "none");
	for (unsigned a = 0; dev && a < ARRAY_SIZE(modes); a++)
		for (unsigned b = 0; b < ARRAY_SIZE(modes); b++) {
			row_run(&(struct row){ LINK, P_XDP, dev, BPF_XDP, modes[a], 0, 0, L0 });
			row_run(&(struct row){ LINK, P_XDP2, dev, BPF_XDP, modes[b], 0, 0, L0 + 1 });
			row_run(&(struct row){ INFO, 0, L0, 0, 0, 0, 0, 0 });
			row_run(&(struct row){ CLOSE, 0, L0, 0, 0, 0, 0, 0 });
			row_run(&(struct row){ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 });
		}
	close(tun);
}

/* Probes of clients: pairs of errnos that mean "there is such a thing". */
static void probe_rows(void)
{
	union row_attr a = { .w = { P_TRACEPOINT, ~0u, BPF_PERF_EVENT, 0 } };
	uint64_t v = ptr("/"), off = ptr(&v);

	say("perf link without an event");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	a.w[1] = FD_NULL;
	say("perf link to /dev/null");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	a.w[3] = 1;
	say("perf link with flags");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	memset(&a, 0, sizeof(a));
	a.w[0] = P_UPROBE_MULTI, a.w[2] = AT_UPROBE_MULTI;
	memcpy(&a.w[4], &v, 8);
	memcpy(&a.w[6], &off, 8);
	a.w[12] = 1;
	say("uprobe_multi of /");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	a.w[14] = ~0u;
	say("uprobe_multi with pid -1");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	a.w[14] = 0, a.w[12] = 0;
	say("uprobe_multi of nothing");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	a.w[12] = 1, a.w[13] = 2;
	say("uprobe_multi with flags");
	result_fd(raw_bpf(BPF_LINK_CREATE, &a, 64));
	for (int i = 0; i < 3; i++) {
		int cmd[] = { BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH };

		memset(&a, 0xff, 16);
		say("all ones to command %d", cmd[i]);
		result_fd(raw_bpf(cmd[i], &a, cmd[i] == BPF_LINK_DETACH ? 4 : 16));
	}
}

int main(void)
{
	world_make();
	sweep_create();
	sweep_prog_fd();
	ROWS("xdp", xdp);
	ROWS("tcx", tcx);
	ROWS("cgroup", cgroup);
	ROWS("netns", netns);
	netfilter_rows();
	raw_tp_rows();
	native_rows();
	probe_rows();
	return 0;
}
