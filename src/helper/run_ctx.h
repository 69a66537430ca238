// SPDX-License-Identifier: BSD-2-Clause
/*
 * The run's own contexts: what r1 points to while a program runs here.
 *
 * Programs were written for the structs of <linux/bpf.h>; the verifier turns each
 * access into one of these structs (progtype/prog_types.h, struct ctx_field).
 * They have the same fields, but pointers have 64 bits. They lie in private
 * memory; progtype/ctx.h makes them, helpers change them.
 *
 * A packet and the room around it:
 *
 *     head            meta     data              data_end            end
 *      | free room     | meta   | packet          | free room         |
 *
 * XDP may have more behind it: fragments, which lie in one piece elsewhere and
 * are reached by helpers only.
 *
 * Helpers that move data, data_end or meta keep len in step (skb_sync).
 */
#ifndef PINFS_HELPER_RUN_CTX_H
#define PINFS_HELPER_RUN_CTX_H

#include <linux/bpf.h>
#include "util/types.h"

#define RUN_ETH_LEN      14u    /* Ethernet header */
#define RUN_SKB_MAX      16064u /* bytes that a packet may grow to */
#define RUN_SKB_ROOM     64u    /* the kernel's free room before a frame */
#define RUN_NO_TRANSPORT 0xffffu

/* First word of both: helpers that packets of either kind have in common ask it. */
enum run_ctx_kind { RUN_CTX_SKB = 1, RUN_CTX_XDP };

/* struct __sk_buff. Zeroed, then filled by progtype/ctx_skb.c. */
struct run_skb {
	u32 kind; /* RUN_CTX_SKB */
	u8 *data, *data_end, *data_meta;
	u32 len;
	u32 pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index;
	u32 cb[5] __attribute__((aligned(8)));
	u32 hash, tc_classid, napi_id;
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
	u32 wire_len, gso_segs, gso_size;
	u32 tstamp_type;
	u64 tstamp, hwtstamp;
	const struct bpf_sock *sk;
	void *flow_keys; /* struct bpf_flow_keys */

	/* Not seen by programs. */
	u8 *head, *end;
	u8 *mac, *net; /* first bytes of the Ethernet and the network header */
	/*
	 * Where the kernel's own buffer would be: bytes free before data, and the
	 * transport header's place. The latter is unset, but moves with the rest
	 * when the buffer grows at its head, and from then on bounds what may be cut off.
	 */
	u32 room;
	u16 transport;
	bool l2;     /* data begins at the Ethernet header */
	bool direct; /* the program's type reads packet memory: data and data_end are shown */
	u8 csum_level;
	bool csum_good; /* the stack need not check sums up to csum_level: CHECKSUM_UNNECESSARY, else _NONE */
	bool encapsulated;  /* the packet has been put into another one */
	u8 tunnel_set;      /* RUN_TUNNEL_...: the key of a tunnel that it shall go through */
	u16 tunnel_flags;   /* of that tunnel, host order */
	s16 tunnel_opt_len; /* -1: none set */
	u8 tunnel_opt[256];
	struct bpf_tunnel_key tunnel;
	struct bpf_sock sock;
	struct bpf_flow_keys keys;
};

enum { RUN_TUNNEL_NONE, RUN_TUNNEL_IP4, RUN_TUNNEL_IP6 };

/* struct xdp_md */
struct run_xdp {
	u32 kind; /* RUN_CTX_XDP */
	u8 *data, *data_end, *data_meta;
	u32 ingress_ifindex, rx_queue_index, egress_ifindex;

	u8 *head, *end; /* head: behind what the kernel keeps at the start of a frame */
	u8 *frag;       /* what follows behind data_end, in one piece */
	u32 frag_len;
};

/* struct bpf_sk_lookup */
struct run_sk_lookup {
	const struct bpf_sock *sk;
	u32 family, protocol, remote_ip4, remote_ip6[4], remote_port, local_ip4, local_ip6[4], local_port,
		ingress_ifindex;
};

/* len follows data and data_end. */
static inline void skb_sync(struct run_skb *skb)
{
	skb->len = (u32)(skb->data_end - skb->data);
}

#endif
