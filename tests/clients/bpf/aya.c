// SPDX-License-Identifier: BSD-2-Clause
/*
 * What aya's users have: a map of each kind that aya has a type for, a map that is pinned by its name, global
 * data, programs that count, that call one another by tail calls, that use every map, and one that is refused.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAP(kind, name, entries, k, v)          \
	struct {                                \
		__uint(type, kind);             \
		__uint(max_entries, entries);   \
		__type(key, k);                 \
		__type(value, v);               \
	} name SEC(".maps")

#define VALUES(kind, name, entries, v)          \
	struct {                                \
		__uint(type, kind);             \
		__uint(max_entries, entries);   \
		__type(value, v);               \
	} name SEC(".maps")

struct route {
	__u32 prefix_len;
	__u8 address[4];
};

MAP(BPF_MAP_TYPE_HASH, counters, 64, __u32, __u64);
MAP(BPF_MAP_TYPE_LRU_HASH, recent, 4, __u32, __u32);
MAP(BPF_MAP_TYPE_PERCPU_HASH, per_cpu, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_LRU_PERCPU_HASH, recent_cpu, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_ARRAY, table, 4, __u32, __u64);
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, cells, 2, __u32, __u64);
VALUES(BPF_MAP_TYPE_QUEUE, line, 4, __u32);
VALUES(BPF_MAP_TYPE_STACK, pile, 4, __u32);
VALUES(BPF_MAP_TYPE_BLOOM_FILTER, seen, 64, __u32);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct route);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} by_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} shared SEC(".maps");

const volatile __u32 step = 1;
__u64 answer = 42;
__u64 total;

static __always_inline void add(void *map, __u32 key, __u64 by)
{
	__u64 *n = bpf_map_lookup_elem(map, &key);

	if (n)
		__sync_fetch_and_add(n, by);
	else
		bpf_map_update_elem(map, &key, &by, BPF_NOEXIST);
}

/* Packets by protocol; those that are not IP under 0. */
SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__u32 key = 0;

	if ((void *)(ip + 1) <= end && eth->h_proto == bpf_htons(ETH_P_IP))
		key = ip->protocol;
	add(&counters, key, step);
	add(&shared, key, step);
	__sync_fetch_and_add(&total, step);
	return key ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int landed(struct xdp_md *ctx)
{
	add(&table, 3, answer);
	return XDP_TX;
}

/* Every map once: one bit of the answer for each that had what it should. */
SEC("xdp")
int use_all(struct xdp_md *ctx)
{
	struct route to = { 32, { 10, 1, 2, 3 } };
	__u32 key = 1, *found, value = 0, bits = 0;
	void *inner;

	found = bpf_map_lookup_elem(&routes, &to);
	bits |= found && *found == 16 ? 1 : 0;
	bits |= !bpf_map_pop_elem(&line, &value) && value == 7 ? 2 : 0;
	bits |= !bpf_map_pop_elem(&pile, &value) && value == 9 ? 4 : 0;
	value = 5;
	bits |= !bpf_map_peek_elem(&seen, &value) ? 8 : 0;
	inner = bpf_map_lookup_elem(&by_index, &key);
	if (inner) {
		add(inner, 0, 100);
		bits |= 16;
	}
	inner = bpf_map_lookup_elem(&by_key, &key);
	if (inner) {
		add(inner, 1, 200);
		bits |= 32;
	}
	add(&per_cpu, 1, 1);
	add(&recent_cpu, 1, 1);
	add(&cells, 1, 1);
	value = 3;
	bits |= !bpf_map_update_elem(&recent, &key, &value, BPF_ANY) ? 64 : 0;
	bits |= !bpf_ringbuf_output(&events, &to, sizeof(to), 0) ? 128 : 0;
	return bits;
}

SEC("xdp")
int refused(struct xdp_md *ctx)
{
	__u32 key = 1;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	return *n;
}

SEC("classifier")
int classify(struct __sk_buff *skb)
{
	add(&counters, 1000, skb->len);
	return 0;
}

SEC("socket")
int take_none(struct __sk_buff *skb)
{
	return 0;
}

SEC("cgroup_skb/ingress")
int watch_in(struct __sk_buff *skb)
{
	return 1;
}

SEC("sk_lookup")
int choose(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

SEC("raw_tp/sys_enter")
int enter(void *ctx)
{
	add(&counters, 2000, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
