// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs that do what a frame tells them, and note what they saw.
 *
 * A frame of type 0x88b5 has behind its Ethernet header, twice: what XDP, the first and the second tcx
 * program are to do, and its number. For each program and number there is one record.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAMES 128
#define SUMMED 160

/* Verdicts of tcx, which older headers do not have. */
enum { NEXT = -1, PASS, DROP = 2, REDIRECT = 7 };

enum { P_XDP, P_TAIL, P_FIRST, P_SECOND, P_EGRESS, P_OTHER, PROGS };

struct seen {
	__u32 times, len, pkt_type, mark, queue, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	__u32 ingress_ifindex, ifindex, tc_index, wire_len, meta, meta_sum, sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROGS *FRAMES);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

/* 0: the interface that redirects lead to. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} tails SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cpus SEC(".maps");

/* What stands behind the Ethernet header. */
struct ops {
	__u8 xdp, first, second, number;
};

static __always_inline struct ops *ops_of(void *data, void *end)
{
	struct ethhdr *eth = data;
	__u16 *vlan = data + sizeof(*eth);

	if (data + sizeof(*eth) + 4 + sizeof(struct ops) > end)
		return 0;
	if (eth->h_proto == bpf_htons(0x88b5))
		return data + sizeof(*eth);
	if (eth->h_proto == bpf_htons(ETH_P_8021Q) && vlan[1] == bpf_htons(0x88b5))
		return data + sizeof(*eth) + 4;
	return 0;
}

static __always_inline __u32 sum_of(void *data, void *end)
{
	__u8 *p = data;
	__u32 sum = 0;

	for (int i = 0; i < SUMMED; i++) {
		if ((void *)(p + i + 1) > end)
			break;
		sum = sum * 31 + p[i];
	}
	return sum;
}

static __always_inline __u32 target(void)
{
	__u32 zero = 0, *to = bpf_map_lookup_elem(&config, &zero);

	return to ? *to : 0;
}

static __always_inline struct seen *record(__u32 prog, __u32 number)
{
	__u32 key = prog * FRAMES + number;
	struct seen *s = bpf_map_lookup_elem(&seen, &key);

	if (s)
		s->times++;
	return s;
}

static __always_inline void note_xdp(struct xdp_md *ctx, __u32 prog, __u32 number)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end,
	     *meta = (void *)(long)ctx->data_meta;
	struct seen *s = record(prog, number);

	if (!s)
		return;
	s->len = end - data;
	s->ingress_ifindex = ctx->ingress_ifindex;
	s->queue = ctx->rx_queue_index;
	s->meta = data - meta;
	s->sum = sum_of(data, end);
}

/* An Ethernet header in front of what is left, or what has come. */
static __always_inline int head(struct xdp_md *ctx, int by)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr eth;
	struct ops ops, *o;

	if (data + sizeof(eth) + sizeof(ops) > end)
		return XDP_ABORTED;
	eth = *(struct ethhdr *)data;
	ops = *(struct ops *)(data + sizeof(eth));
	if (bpf_xdp_adjust_head(ctx, by))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(eth) + 2 * sizeof(ops) > end)
		return XDP_ABORTED;
	*(struct ethhdr *)data = eth;
	o = data + sizeof(eth);
	o[0] = ops;
	o[1] = ops;
	return XDP_PASS;
}

static __always_inline int meta(struct xdp_md *ctx, int by, __u32 value)
{
	__u32 *m;

	if (bpf_xdp_adjust_meta(ctx, by))
		return XDP_ABORTED;
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 2) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	m[0] = value;
	m[1] = ~value;
	return XDP_PASS;
}

SEC("xdp")
int feed_xdp(struct xdp_md *ctx)
{
	struct ops *o = ops_of((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	__u32 number, op;

	if (!o)
		return XDP_PASS;
	op = o->xdp;
	number = o->number & (FRAMES - 1);
	note_xdp(ctx, P_XDP, number);
	switch (op) {
	case 0: return XDP_PASS;
	case 1: return XDP_DROP;
	case 2: return XDP_TX;
	case 3: return XDP_ABORTED;
	case 4: return head(ctx, -8);
	case 5: return head(ctx, 4);
	case 6: return bpf_xdp_adjust_tail(ctx, 16) ? XDP_ABORTED : XDP_PASS;
	case 7: return bpf_xdp_adjust_tail(ctx, -10) ? XDP_ABORTED : XDP_PASS;
	case 8: return meta(ctx, -8, number);
	case 9: return bpf_redirect(target(), 0);
	case 10: return XDP_REDIRECT;
	case 11: return 77;
	case 12: bpf_tail_call(ctx, &tails, 0); return XDP_DROP;
	case 13: bpf_tail_call(ctx, &tails, 1); return XDP_TX;
	case 14: return meta(ctx, -8, number) == XDP_PASS ? head(ctx, -8) : XDP_ABORTED;
	case 15: return bpf_redirect(0x7ffffff, 0);
	case 16: return head(ctx, -8) == XDP_PASS ? XDP_TX : XDP_ABORTED;
	case 17: return bpf_xdp_adjust_head(ctx, -250) ? XDP_TX : XDP_PASS;
	case 18: return meta(ctx, -8, number) == XDP_PASS ? bpf_redirect(target(), 0) : XDP_ABORTED;
	case 19: return bpf_redirect_map(&devices, 0, 0);
	case 20: return bpf_redirect_map(&devices, 0, BPF_F_BROADCAST);
	case 21: return bpf_redirect_map(&devices, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	case 22: return bpf_redirect_map(&devices, 3, XDP_PASS);
	case 23: return bpf_redirect_map(&devices, 9, XDP_TX);
	case 24: return bpf_redirect_map(&cpus, 0, 0);
	case 25: return bpf_redirect_map(&cpus, 1, XDP_TX);
	case 26: return meta(ctx, -8, number) == XDP_PASS ? bpf_redirect_map(&cpus, 0, 0) : XDP_ABORTED;
	case 27: return bpf_redirect_map(&cpus, 0, BPF_F_BROADCAST);
	default: return XDP_PASS;
	}
}

/* Behind a tail call: marks the last byte of the header. */
SEC("xdp")
int feed_tail(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ops *o = ops_of(eth, (void *)(long)ctx->data_end);

	if (!o)
		return XDP_PASS;
	note_xdp(ctx, P_TAIL, o->number & (FRAMES - 1));
	eth->h_source[5] = 0x99;
	return XDP_PASS;
}

/* What the other ends of pairs have, so that they take frames. */
SEC("xdp")
int feed_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

static __always_inline void note_skb(struct __sk_buff *skb, __u32 prog, __u32 number)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end,
	     *m = (void *)(long)skb->data_meta;
	struct seen *s = record(prog, number);

	if (!s)
		return;
	s->len = skb->len;
	s->pkt_type = skb->pkt_type;
	s->mark = skb->mark;
	s->queue = skb->queue_mapping;
	s->protocol = skb->protocol;
	s->vlan_present = skb->vlan_present;
	s->vlan_tci = skb->vlan_tci;
	s->vlan_proto = skb->vlan_proto;
	s->priority = skb->priority;
	s->ingress_ifindex = skb->ingress_ifindex;
	s->ifindex = skb->ifindex;
	s->tc_index = skb->tc_index;
	s->wire_len = skb->wire_len;
	s->meta = data - m;
	if (m + 8 <= data)
		s->meta_sum = sum_of(m, m + 8);
	s->sum = sum_of(data, end);
}

static __always_inline int tc_do(struct __sk_buff *skb, __u32 op)
{
	switch (op) {
	case 0: return NEXT;
	case 1: return PASS;
	case 2: return DROP;
	case 3: return bpf_redirect(target(), 0);
	case 4: return bpf_redirect(target(), BPF_F_INGRESS);
	case 5: return REDIRECT;
	case 6: return 5;
	case 7: bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 7); return NEXT;
	case 8:
		skb->mark = 0x1234;
		skb->priority = 5;
		return NEXT;
	case 9: bpf_redirect(target(), 0); return NEXT;
	case 10: return bpf_redirect(0x7ffffff, 0);
	case 11: skb->tc_classid = 0x10001; return PASS;
	case 12: bpf_skb_change_tail(skb, 40, 0); return NEXT;
	case 13: bpf_skb_vlan_pop(skb); return NEXT;
	case 14: return bpf_skb_change_tail(skb, 13, 0) ? DROP : PASS;
	case 15: return bpf_redirect_peer(target(), 0);
	case 16:
		skb->tc_index = 9;
		skb->cb[0] = 3;
		return NEXT;
	case 17: bpf_clone_redirect(skb, target(), 0); return NEXT;
	case 18: bpf_clone_redirect(skb, target(), BPF_F_INGRESS); return NEXT;
	case 19: return bpf_clone_redirect(skb, 0x7ffffff, 0) == -22 ? DROP : PASS;
	case 20:
		bpf_clone_redirect(skb, target(), 0);
		skb->mark = 7;
		return bpf_redirect(target(), 0);
	/* Verdicts of filters, which are none of tcx. */
	case 21: return 4; /* stolen */
	case 22: return 8; /* trap */
	case 23: return 1; /* reclassify */
	case 24: return 3; /* pipe */
	case 25: return 77;
	case 26: skb->tc_classid = 0x20003; return 4;
	default: return NEXT;
	}
}

SEC("tc")
int feed_first(struct __sk_buff *skb)
{
	struct ops *o = ops_of((void *)(long)skb->data, (void *)(long)skb->data_end);
	__u32 op;

	if (!o)
		return NEXT;
	op = o->first;
	note_skb(skb, P_FIRST, o->number & (FRAMES - 1));
	return tc_do(skb, op);
}

SEC("tc")
int feed_second(struct __sk_buff *skb)
{
	struct ops *o = ops_of((void *)(long)skb->data, (void *)(long)skb->data_end);
	__u32 op;

	if (!o)
		return NEXT;
	op = o->second;
	note_skb(skb, P_SECOND, o->number & (FRAMES - 1));
	return tc_do(skb, op);
}

/* What goes out of the other interface. */
SEC("tc")
int feed_egress(struct __sk_buff *skb)
{
	struct ops *o = ops_of((void *)(long)skb->data, (void *)(long)skb->data_end);
	__u32 op;

	if (!o)
		return NEXT;
	op = o->second;
	note_skb(skb, P_EGRESS, o->number & (FRAMES - 1));
	if (op == 202)
		bpf_clone_redirect(skb, target(), 0);
	if (op == 203)
		return bpf_redirect(target(), 0);
	return op == 200 ? DROP : NEXT;
}

/* What comes in by the other interface. */
SEC("tc")
int feed_other(struct __sk_buff *skb)
{
	struct ops *o = ops_of((void *)(long)skb->data, (void *)(long)skb->data_end);

	if (!o)
		return NEXT;
	note_skb(skb, P_OTHER, o->number & (FRAMES - 1));
	return o->second == 201 ? bpf_redirect(target(), 0) : NEXT;
}

char _license[] SEC("license") = "GPL";
