// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a Go client embeds: maps of the usual kinds, variables, and programs that can be run,
 * attached and iterated. Its names begin with go_, so that the client can tell its objects from
 * those of others on the same machine.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

struct pair {
	__u32 left;
	__s16 right;
	char tag[6];
};

enum verdict {
	VERDICT_NONE,
	VERDICT_SEEN = 7,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct pair);
} go_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} go_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} go_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} go_by_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 3);
			__type(key, __u32);
			__type(value, __u32);
		});
} go_outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} go_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} go_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} go_perf SEC(".maps");

const volatile __u32 limit = 100;
const volatile __u32 oldest; /* maps of smaller ids are none of this client's */
volatile __u64 total;
volatile enum verdict last_verdict = VERDICT_NONE;
char greeting[16] = "hello";

SEC("socket")
int go_count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&go_array, &zero), *mine = bpf_map_lookup_elem(&go_percpu, &zero);

	if (!n || !mine)
		return -1;
	__sync_fetch_and_add(n, 1);
	++*mine;
	total += skb->len;
	last_verdict = VERDICT_SEEN;
	return skb->len > limit ? limit : skb->len;
}

static __noinline int add_up(__u8 *at, __u8 *end)
{
	int i, sum = 0;

	for (i = 0; i < 8; i++)
		if (at + i + 1 <= end)
			sum += at[i];
	return sum;
}

SEC("xdp")
int go_sum(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 14 > end)
		return XDP_DROP;
	data[0] = add_up(data, end);
	return XDP_PASS;
}

SEC("xdp")
int go_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int go_jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &go_calls, 1);
	return XDP_ABORTED;
}

SEC("tc")
int go_tc(struct __sk_buff *skb)
{
	skb->mark = skb->mark + 1;
	return 0;
}

SEC("tc")
int go_tc_two(struct __sk_buff *skb)
{
	return 2;
}

SEC("cgroup_skb/ingress")
int go_cgroup(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/sock_create")
int go_sock(struct bpf_sock *ctx)
{
	return 1;
}

SEC("raw_tp/sys_enter")
int go_raw_tp(void *ctx)
{
	return 3;
}

SEC("sk_lookup")
int go_lookup(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

SEC("syscall")
int go_syscall(struct pair *ctx)
{
	ctx->left += 1;
	ctx->right = -2;
	return 11;
}

SEC("socket")
int go_tell(struct __sk_buff *skb)
{
	__u32 len = skb->len;

	return bpf_ringbuf_output(&go_ring, &len, sizeof(len), 0) ? 1 : 0;
}

SEC("xdp")
int go_put(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;

	return bpf_perf_event_output(ctx, &go_perf, BPF_F_CURRENT_CPU, &len, sizeof(len)) ? XDP_ABORTED
											  : XDP_PASS;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id, seq_num;
};

struct bpf_map {
	enum bpf_map_type map_type;
	__u32 key_size, value_size, max_entries, map_flags, id;
	char name[16];
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key, *value;
};

#pragma clang attribute pop

SEC("iter/bpf_map")
int go_iter_maps(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_map *map = ctx->map;

	if (!map || map->id < oldest || map->name[0] != 'g' || map->name[1] != 'o' || map->name[2] != '_')
		return 0;
	BPF_SEQ_PRINTF(seq, "%s type %u, %u to %u bytes, %u entries, flags %x\n", map->name, map->map_type,
		       map->key_size, map->value_size, map->max_entries, map->map_flags);
	return 0;
}

SEC("iter/bpf_map_elem")
int go_iter_elem(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (!key || !value)
		return 0;
	BPF_SEQ_PRINTF(seq, "%u: %llu\n", *key, *value);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
