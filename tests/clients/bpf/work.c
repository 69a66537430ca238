// SPDX-License-Identifier: BSD-2-Clause
/* One unit of work, counted in five ways that must agree when nobody was killed. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct locked {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 a, b;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} own_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

__u64 all, tails;

SEC("xdp")
int work(struct xdp_md *ctx)
{
	__u32 zero = 0, key = bpf_get_prandom_u32() & 15;
	struct locked *l = bpf_map_lookup_elem(&guarded, &zero);
	__u64 *n = bpf_map_lookup_elem(&own, &zero), *h, first = 0;

	if (!n || !l)
		return XDP_ABORTED;
	*n += 1; /* no lock: the part is this run's own */
	h = bpf_map_lookup_elem(&own_hash, &zero);
	if (!h) {
		bpf_map_update_elem(&own_hash, &zero, &first, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&own_hash, &zero);
	}
	if (!h)
		return XDP_ABORTED;
	*h += 1;
	bpf_spin_lock(&l->lock);
	l->a++;
	l->b++;
	bpf_spin_unlock(&l->lock);
	__sync_fetch_and_add(&all, 1);
	if (key < 3)
		bpf_map_delete_elem(&table, &key);
	else
		bpf_map_update_elem(&table, &key, &first, BPF_ANY);
	bpf_tail_call(ctx, &next, 0);
	return XDP_DROP;
}

SEC("xdp")
int last(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&tails, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
