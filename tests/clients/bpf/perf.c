// SPDX-License-Identifier: BSD-2-Clause
/*
 * Puts each packet's first bytes out to a perf event array, behind a word of its own.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} events SEC(".maps");

SEC("xdp")
int put_out(struct xdp_md *ctx)
{
	__u32 word = 0x1234;

	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | 8ull << 32, &word, sizeof(word))
		       ? XDP_ABORTED
		       : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
