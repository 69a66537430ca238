// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program that tells what it is run on: each packet is one numbered record
 * of a ring buffer. The packet's first byte is the flags of the wake-up.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 number;
	__u32 len;
	__u32 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

SEC("socket")
int tell(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u8 flags = 0;
	__u64 *number = bpf_map_lookup_elem(&numbers, &zero);
	struct event *e;

	if (!number || bpf_skb_load_bytes(skb, 0, &flags, 1))
		return 1;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 2;
	e->number = __sync_fetch_and_add(number, 1);
	e->len = skb->len;
	e->kind = flags;
	bpf_ringbuf_submit(e, flags & (BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
