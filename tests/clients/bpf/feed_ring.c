// SPDX-License-Identifier: BSD-2-Clause
/* Tells of each packet by a record in a ring buffer. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

SEC("xdp")
int tell(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *number = bpf_map_lookup_elem(&numbers, &zero), *e;

	if (!number)
		return XDP_ABORTED;
	e = bpf_ringbuf_reserve(&events, 16, 0);
	if (!e)
		return XDP_DROP;
	e[0] = (*number)++;
	e[1] = ctx->data_end - ctx->data;
	bpf_ringbuf_submit(e, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
