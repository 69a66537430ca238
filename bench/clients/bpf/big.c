// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program of some 4,000 instructions with the branches of a real packet filter, for timing its
 * verification.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

/* One rule: two bytes are mixed into the score, which some packets leave early with. */
#define RULE(n)                                                                                              \
	score = (score ^ bytes[(n) % 40]) * ((n)*2 + 3) + (score >> ((n) % 13 + 1));                         \
	score += bytes[(n)*7 % 48] << ((n) % 5);                                                             \
	if ((__u32)score == (n)*257)                                                                         \
		return XDP_TX;
#define RULES4(n)  RULE(n) RULE((n) + 1) RULE((n) + 2) RULE((n) + 3)
#define RULES16(n) RULES4(n) RULES4((n) + 4) RULES4((n) + 8) RULES4((n) + 12)
#define RULES64(n) RULES16(n) RULES16((n) + 16) RULES16((n) + 32) RULES16((n) + 48)

SEC("xdp")
int big(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	volatile __u64 sum = 0;
	const volatile __u8 *bytes = data; /* each read is an instruction of its own */
	__u64 score;

	if (data + 64 > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	score = ip->id; /* unknown, so that paths meet again */
	RULES64(0)
	sum += score;
	RULES64(64)
	sum += score;
	RULES64(128)
	sum += score;
	RULES64(192)
	sum += score;
	RULES64(256)
	sum += score;
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
