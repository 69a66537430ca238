// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counts packets by their first byte, and tells of each in a ring buffer.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 number;
	__u32 len, first;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u32);
} queue SEC(".maps");

const volatile __u32 longest = 64;
__u64 packets;
__u32 start = 100;

static __always_inline int tell(struct xdp_md *ctx, int verdict)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 one = 1, *n;
	__u32 key, zero = 0;
	struct event *e;

	if (data + 14 > end || end - data > longest)
		return XDP_DROP;
	key = *data;
	n = bpf_map_lookup_elem(&counters, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&counters, &key, &one, BPF_NOEXIST);
	n = bpf_map_lookup_elem(&per_cpu, &zero);
	if (n)
		*n += 1;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->number = start + packets;
		e->len = end - data;
		e->first = key;
		bpf_ringbuf_submit(e, 0);
	}
	packets++;
	return verdict;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	return tell(ctx, XDP_PASS);
}

SEC("xdp")
int count_and_drop(struct xdp_md *ctx)
{
	return tell(ctx, XDP_DROP);
}

char LICENSE[] SEC("license") = "GPL";
