// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of the types whose context is a packet of the network stack.
 *
 * The client's frame begins with an Ethernet header. Traffic control sees it
 * whole; all others begin behind it, and get zeros in its place when the packet
 * goes back. What a packet says of itself (protocol, addresses of its socket) is
 * taken from the frame.
 */
#include <linux/if_ether.h>
#include <sys/socket.h>
#include "progtype/ctx_int.h"

#define FRAME_MAX 3712u /* what a page holds beside the kernel's own room at both ends */
#define HEADROOM  256u
#define ROOM      (HEADROOM + RUN_SKB_MAX + HEADROOM)
#define WIRE_MAX  65536u
#define SEGS_MAX  65535u
#define SKB_SIZE  ROUND_UP(sizeof(struct run_skb), 64)
#define BACK_SIZE ROUND_UP(sizeof(struct __sk_buff), 64)

typedef struct __sk_buff user_skb;

static struct run_skb *skb_of(const struct run_frame *f)
{
	return f->ctx;
}

static user_skb *back_of(const struct run_frame *f)
{
	return (user_skb *)((u8 *)f->mem + SKB_SIZE);
}

static int skb_check(const struct test_run_args *a)
{
	if (a->flags || a->cpu || a->batch_size)
		return -EINVAL;
	if (a->data_size_in < ETH_HLEN || a->data_size_in > FRAME_MAX)
		return -EINVAL;
	return 0;
}

static size_t skb_mem_size(const struct test_run_args *a)
{
	return SKB_SIZE + BACK_SIZE + ROOM;
}

/* ---- from the frame ---- */

/* Whom it is for, seen from the loopback device, whose address is zero. */
static u32 pkt_type_of(const u8 *dest)
{
	static const u8 none[ETH_ALEN], all[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	if (!memcmp(dest, none, ETH_ALEN))
		return 0; /* PACKET_HOST */
	if (!memcmp(dest, all, ETH_ALEN))
		return 1;           /* PACKET_BROADCAST */
	return dest[0] & 1 ? 2 : 3; /* PACKET_MULTICAST, PACKET_OTHERHOST */
}

/* A number below 1536 is a length: then the payload tells. */
u16 skb_protocol_of(const u8 *frame, u32 size)
{
	u16 proto;

	memcpy(&proto, frame + 2 * ETH_ALEN, 2);
	if (__builtin_bswap16(proto) >= ETH_P_802_3_MIN)
		return proto;
	if (size >= ETH_HLEN + 2 && frame[ETH_HLEN] == 0xff && frame[ETH_HLEN + 1] == 0xff)
		return __builtin_bswap16(ETH_P_802_3);
	return __builtin_bswap16(ETH_P_802_2);
}

#define IP4_LEN 20
#define IP6_LEN 40

/* The socket that sends it: source and destination are its own and the other's. -EINVAL: half a header. */
static int addresses(struct run_skb *skb)
{
	s64 n = skb->data_end - skb->net;

	if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
		if (n < IP4_LEN)
			return -EINVAL;
		skb->family = AF_INET;
		memcpy(&skb->local_ip4, skb->net + 12, 4);
		memcpy(&skb->remote_ip4, skb->net + 16, 4);
	} else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6)) {
		if (n < IP6_LEN)
			return -EINVAL;
		skb->family = AF_INET6;
		memcpy(skb->local_ip6, skb->net + 8, 16);
		memcpy(skb->remote_ip6, skb->net + 24, 16);
	}
	skb->sock.family = skb->family;
	skb->sock.src_ip4 = skb->local_ip4;
	skb->sock.dst_ip4 = skb->remote_ip4;
	memcpy(skb->sock.src_ip6, skb->local_ip6, 16);
	memcpy(skb->sock.dst_ip6, skb->remote_ip6, 16);
	skb->sk = &skb->sock;
	return 0;
}

static int packet_in(struct run_skb *skb, const struct test_run_args *a, u8 *room)
{
	skb->kind = RUN_CTX_SKB;
	skb->l2 = a->prog_type == BPF_PROG_TYPE_SCHED_CLS || a->prog_type == BPF_PROG_TYPE_SCHED_ACT;
	skb->head = room;
	skb->end = room + ROOM;
	skb->mac = room + HEADROOM;
	skb->net = skb->mac + ETH_HLEN;
	memcpy(skb->mac, a->data_in, a->data_size_in);
	skb->data = skb->data_meta = skb->l2 ? skb->mac : skb->net;
	skb->data_end = skb->mac + a->data_size_in;
	skb_sync(skb);
	skb->room = RUN_SKB_ROOM + (skb->l2 ? 0 : RUN_ETH_LEN);
	skb->transport = RUN_NO_TRANSPORT;
	skb->pkt_type = pkt_type_of(skb->mac);
	skb->protocol = skb_protocol_of(skb->mac, a->data_size_in);
	skb->ifindex = LOOPBACK;
	return addresses(skb);
}

/* ---- from and to the client's struct ---- */

#define OFF(m) offsetof(user_skb, m)
#define END(m) END_OF(user_skb, m)

/* All but mark, queue_mapping, priority, interfaces, cb, tstamp, lengths and offload figures. */
static bool unused_zero(const user_skb *u)
{
	return BETWEEN_ZERO(u, 0, OFF(mark)) && BETWEEN_ZERO(u, END(mark), OFF(priority)) &&
	       BETWEEN_ZERO(u, END(ifindex), OFF(cb)) && BETWEEN_ZERO(u, END(cb), OFF(tstamp)) &&
	       BETWEEN_ZERO(u, END(gso_segs), OFF(gso_size)) &&
	       BETWEEN_ZERO(u, END(gso_size), OFF(hwtstamp)) && BETWEEN_ZERO(u, END(hwtstamp), sizeof(*u));
}

static int facts_in(struct run_skb *skb, const user_skb *u)
{
	if (!unused_zero(u))
		return -EINVAL;
	skb->mark = u->mark;
	skb->priority = u->priority;
	skb->ingress_ifindex = u->ingress_ifindex;
	skb->tstamp = u->tstamp;
	memcpy(skb->cb, u->cb, sizeof(skb->cb));
	skb->wire_len = u->wire_len ? u->wire_len : skb->len;
	if (u->wire_len && (u->wire_len < skb->len || u->wire_len > WIRE_MAX))
		return -EINVAL;
	if (u->gso_segs > SEGS_MAX)
		return -EINVAL;
	skb->gso_segs = u->gso_segs;
	skb->gso_size = (u16)u->gso_size;
	skb->hwtstamp = u->hwtstamp;
	return 0;
}

static int skb_setup(struct run_frame *f, const struct test_run_args *a)
{
	user_skb *u = back_of(f);
	struct run_skb *skb = f->mem;
	int err;

	f->ctx = skb;
	err = ctx_take(a, u, sizeof(*u));
	if (err)
		return err;
	if (u->ifindex > 1)
		err = ifindex_check(a, u->ifindex);
	if (err)
		return err;
	err = packet_in(skb, a, (u8 *)f->mem + SKB_SIZE + BACK_SIZE);
	if (err)
		return err;
	if (u->ifindex)
		skb->ifindex = u->ifindex;
	f->keep = a->has_ctx_in || a->has_ctx_out;
	return f->keep ? facts_in(skb, u) : 0;
}

/* Types that do not see the Ethernet header have none to give back. */
static void header_back(struct run_skb *skb)
{
	if (skb->l2 || skb->data - skb->head < (long)ETH_HLEN)
		return;
	skb->data -= ETH_HLEN;
	memset(skb->data, 0, ETH_HLEN);
	skb_sync(skb);
}

static void skb_finish(struct run_frame *f, struct test_run_out *out)
{
	struct run_skb *skb = skb_of(f);
	user_skb *u = back_of(f);

	header_back(skb);
	*out = (struct test_run_out){ .data = skb->data, .size = skb->len };
	if (!f->keep)
		return;
	u->mark = skb->mark;
	u->priority = skb->priority;
	u->ingress_ifindex = skb->ingress_ifindex;
	u->ifindex = skb->ifindex;
	u->tstamp = skb->tstamp;
	memcpy(u->cb, skb->cb, sizeof(u->cb));
	u->wire_len = skb->wire_len;
	u->gso_segs = skb->gso_segs;
	u->hwtstamp = skb->hwtstamp;
	out->ctx = u;
	out->ctx_size = sizeof(*u);
}

const struct prog_run_ops skb_run_ops = {
	.check = skb_check,
	.ctx_max = CTX_IN_MAX,
	.mem_size = skb_mem_size,
	.setup = skb_setup,
	.begin = run_begin_nothing,
	.end = run_end_plain,
	.finish = skb_finish,
};
