// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs that libbpf attaches by itself, each by its section's name.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline void hit(__u32 at)
{
	__u64 *n = bpf_map_lookup_elem(&hits, &at);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	hit(0);
	return XDP_PASS;
}

SEC("xdp")
int drop_runts(struct xdp_md *ctx)
{
	hit(1);
	return ctx->data_end - ctx->data < 14 ? XDP_DROP : XDP_PASS;
}

SEC("cgroup_skb/ingress")
int watch_in(struct __sk_buff *skb)
{
	hit(2);
	return 1;
}

SEC("sk_lookup")
int choose(struct bpf_sk_lookup *ctx)
{
	hit(3);
	return SK_PASS;
}

SEC("raw_tp/sys_enter")
int enter(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
