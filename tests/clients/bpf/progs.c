// SPDX-License-Identifier: BSD-2-Clause
/*
 * An ordinary libbpf program with all that such programs use: XDP and tc entry
 * points, global data of three kinds, global and static functions, a tail call,
 * maps in a map, per-CPU counters, a value with a lock, a hash of flows.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PROTOS 256

struct flow {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u32 proto;
};

struct seen {
	__u64 packets, bytes;
};

struct total {
	struct bpf_spin_lock lock;
	__u32 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROTOS);
	__type(key, __u32);
	__type(value, __u64);
} by_proto SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, struct seen);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct total);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} stages SEC(".maps");

struct sizes {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};

struct sizes small SEC(".maps"), large SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct sizes);
} by_size SEC(".maps") = {
	.values = { &small, &large },
};

const volatile __u32 limit = 100; /* .rodata */
const volatile __u8 wanted[8] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
__u32 threshold = 3;              /* .data */
__u64 runs, refused, bytes_of[4]; /* .bss */
char last_note[16] = "none";

/* A global function: checked by itself, against its BTF alone. */
__attribute__((noinline)) int is_wanted(__u32 proto)
{
	for (int i = 0; i < 8; i++)
		if (wanted[i] == proto)
			return 1;
	return 0;
}

/* Another, with memory that may be missing. */
__attribute__((noinline)) int add_seen(struct seen *s, __u32 len)
{
	if (!s)
		return -1;
	s->packets++;
	s->bytes += len;
	return 0;
}

static __attribute__((noinline)) __u32 sum_bytes(const __u8 *p, const void *end, __u32 max)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 64; i++) {
		if (i >= max || (const void *)(p + i + 1) > end)
			break;
		sum += p[i];
	}
	return sum;
}

static __attribute__((noinline)) void count_size(__u32 len)
{
	__u32 which = len > limit, slot = len & 3;
	void *inner = bpf_map_lookup_elem(&by_size, &which);
	__u64 *n;

	if (!inner)
		return;
	n = bpf_map_lookup_elem(inner, &slot);
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __attribute__((noinline)) void count_total(__u32 len)
{
	__u32 zero = 0;
	struct total *t = bpf_map_lookup_elem(&totals, &zero);

	if (!t)
		return;
	bpf_spin_lock(&t->lock);
	t->packets++;
	t->bytes += len;
	bpf_spin_unlock(&t->lock);
}

static __always_inline int parse(void *data, void *end, struct flow *f)
{
	struct ethhdr *eth = data;
	struct iphdr *ip;
	__u16 *ports;

	if ((void *)(eth + 1) > end)
		return -1;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return -2;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end)
		return -3;
	f->saddr = ip->saddr;
	f->daddr = ip->daddr;
	f->proto = ip->protocol;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return 0;
	if (ip->ihl < 5)
		return -4;
	ports = (void *)ip + ip->ihl * 4;
	if ((void *)(ports + 2) > end)
		return -5;
	f->sport = bpf_ntohs(ports[0]);
	f->dport = bpf_ntohs(ports[1]);
	return 0;
}

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct flow f = {};
	struct seen *s, first = {};
	__u32 len = end - data, key;
	__u64 *n;

	runs++;
	count_total(len);
	count_size(len);
	if (parse(data, end, &f)) {
		refused++;
		return XDP_PASS;
	}
	key = f.proto & (PROTOS - 1);
	n = bpf_map_lookup_elem(&by_proto, &key);
	if (n)
		(*n)++;
	s = bpf_map_lookup_elem(&flows, &f);
	if (!s) {
		bpf_map_update_elem(&flows, &f, &first, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&flows, &f);
	}
	if (add_seen(s, len))
		return XDP_ABORTED;
	if (!is_wanted(f.proto))
		return XDP_DROP;
	bpf_tail_call(ctx, &stages, f.proto == IPPROTO_TCP ? 1 : 2);
	return XDP_TX; /* no such stage */
}

SEC("xdp")
int tcp_stage(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	bytes_of[0] += end - data;
	__builtin_memcpy(last_note, "tcp", 4);
	return sum_bytes(data, end, 20) & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int udp_stage(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	bytes_of[1] += end - data;
	__builtin_memcpy(last_note, "udp", 4);
	if (bytes_of[1] > 10000)
		return XDP_ABORTED;
	if (threshold && data + 50 > end)
		bpf_tail_call(ctx, &stages, 3);
	return XDP_REDIRECT;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	struct ethhdr eth;
	__u8 byte = 0xee;

	skb->mark = skb->len + threshold;
	skb->cb[1] = skb->protocol;
	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return TC_ACT_SHOT;
	if (eth.h_proto == bpf_htons(ETH_P_ARP))
		return TC_ACT_SHOT;
	bpf_skb_store_bytes(skb, 5, &byte, 1, 0);
	return skb->len > limit ? TC_ACT_OK : TC_ACT_PIPE;
}

struct args {
	__u64 a, b;
};

SEC("raw_tp/task_rename")
int on_event(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 a = ctx->args[0], b = ctx->args[1];

	bpf_printk("event %d %d", (int)a, (int)b);
	return (int)(a * b + threshold);
}

SEC("syscall")
int on_call(struct args *ctx)
{
	ctx->b = ctx->a * 2 + limit;
	return (int)ctx->b;
}

char _license[] SEC("license") = "GPL";
