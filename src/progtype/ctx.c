// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kinds of test runs have in common: see ctx.h and ctx_int.h.
 */
#include "progtype/ctx_int.h"

const struct prog_run_ops *prog_run_ops_get(enum prog_run kind)
{
	static const struct prog_run_ops *const ops[] = {
		[RUN_SKB] = &skb_run_ops,
		[RUN_XDP] = &xdp_run_ops,
		[RUN_RAW_TP] = &raw_tp_run_ops,
		[RUN_SYSCALL] = &syscall_run_ops,
		[RUN_FLOW_DISSECTOR] = &flow_run_ops,
		[RUN_SK_LOOKUP] = &sk_lookup_run_ops,
		[RUN_NETFILTER] = &netfilter_run_ops,
		[RUN_ITER] = &iter_run_ops,
	};

	return (u32)kind < ARRAY_SIZE(ops) ? ops[kind] : NULL;
}

bool all_zero(const void *p, size_t n)
{
	const u8 *at = p;

	for (; n; n--, at++)
		if (*at)
			return false;
	return true;
}

int ctx_take(const struct test_run_args *a, void *to, u32 size)
{
	u32 n = MIN(a->ctx_size_in, size);

	memset(to, 0, size);
	if (!a->has_ctx_in)
		return 0;
	if (a->ctx_size_in > CTX_IN_MAX)
		return -E2BIG;
	if (a->ctx_size_in > size && !all_zero((const u8 *)a->ctx_in + size, a->ctx_size_in - size))
		return -E2BIG;
	memcpy(to, a->ctx_in, n);
	return 0;
}

int ifindex_check(const struct test_run_args *a, u32 ifindex)
{
	bool there = a->ifindex_valid ? a->ifindex_valid(ifindex) : ifindex == LOOPBACK;

	return there ? 0 : -ENODEV;
}

void run_begin_nothing(struct run_frame *f) {}

u32 run_end_plain(struct run_frame *f, u64 r0)
{
	return (u32)r0;
}
