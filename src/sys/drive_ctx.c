// SPDX-License-Identifier: BSD-2-Clause
/*
 * The frame's contexts: what XDP and tc programs of a received frame see.
 *
 * A frame is copied once, into d->room. All that follows changes the context on it and moves no more than
 * headers. Fields that are not named here are zero, as for a packet that has no socket, no route and no
 * stamp.
 */
#include <linux/if_ether.h>
#include <string.h>
#include "progtype/ctx.h"
#include "sys/drive_int.h"

#define FRAME_OWN  40u  /* of a page that an XDP frame lies in, at its start */
#define TAIL       320u /* ... and at its end */
#define LINEAR_MAX (PAGE - XDP_PACKET_HEADROOM - TAIL)
#define VLAN_LEN   4u

_Static_assert(LINEAR_MAX + 17 * PAGE == DRIVE_FRAME_MAX, "first piece and fragments");

static void xdp_common(struct drive *d)
{
	d->is_skb = false;
	d->xdp.kind = RUN_CTX_XDP;
	d->xdp.ingress_ifindex = d->at->ifindex;
	d->xdp.rx_queue_index = 0;
	d->xdp.egress_ifindex = 0;
	d->xdp.head = d->room + FRAME_OWN;
	d->xdp.data_meta = d->xdp.data;
}

bool xdp_set(struct drive *d, const u8 *data, u32 len, bool frags)
{
	struct run_xdp *xdp = &d->xdp;
	u32 first = MIN(len, LINEAR_MAX);

	if (len > first && !frags)
		return false;
	xdp->data = d->room + XDP_PACKET_HEADROOM;
	xdp->data_end = xdp->data + first;
	xdp->end = d->room + PAGE - TAIL;
	xdp->frag = d->room + PAGE;
	xdp->frag_len = len - first;
	memcpy(xdp->data, data, first);
	if (unlikely(xdp->frag_len))
		memcpy(xdp->frag, data + first, xdp->frag_len);
	xdp_common(d);
	return true;
}

/* A packet of the stack is in one piece, however long. */
void xdp_from_skb(struct drive *d)
{
	d->xdp.data = d->skb.data;
	d->xdp.data_end = d->skb.data_end;
	d->xdp.end = d->room + ROOM - TAIL;
	d->xdp.frag = d->xdp.end;
	d->xdp.frag_len = 0;
	d->generic = true;
	xdp_common(d);
}

static void skb_new(struct drive *d, u8 *data, u8 *end, u32 room)
{
	struct run_skb *skb = &d->skb;

	memset(skb, 0, sizeof(*skb));
	skb->kind = RUN_CTX_SKB;
	skb->l2 = true;
	skb->head = d->room;
	skb->end = d->room + ROOM;
	skb->data = skb->data_meta = data;
	skb->data_end = end;
	skb->room = room;
	d->is_skb = true;
}

void skb_set(struct drive *d, const u8 *data, u32 len)
{
	u8 *to = d->room + XDP_PACKET_HEADROOM;

	memcpy(to, data, len);
	skb_new(d, to, to + len, RUN_SKB_ROOM);
}

void skb_from_xdp(struct drive *d)
{
	const struct run_xdp *xdp = &d->xdp;
	u8 *end = xdp->data_end + xdp->frag_len;
	long meta = d->skb.data - d->skb.data_meta;

	/* The packet is the old one, its bytes are others; meta data stay where there are no new ones. */
	if (d->generic) {
		d->generic = false;
		d->is_skb = true;
		d->skb.data = xdp->data;
		d->skb.data_end = xdp->data_end;
		if (xdp->data_meta < xdp->data || xdp->data - d->room < meta)
			meta = xdp->data - xdp->data_meta;
		d->skb.data_meta = xdp->data - meta;
		return;
	}
	if (xdp->frag_len)
		memmove(xdp->data_end, xdp->frag, xdp->frag_len);
	skb_new(d, xdp->data, end, (u32)(xdp->data - d->room));
	d->skb.data_meta = xdp->data_meta;
}

/* Whom it is for. */
static u32 pkt_type(const u8 *dest, const u8 *mac)
{
	static const u8 all[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	if (!memcmp(dest, mac, ETH_ALEN))
		return 0; /* PACKET_HOST */
	if (!memcmp(dest, all, ETH_ALEN))
		return 1;           /* PACKET_BROADCAST */
	return dest[0] & 1 ? 2 : 3; /* PACKET_MULTICAST, PACKET_OTHERHOST */
}

static bool is_vlan(u32 proto)
{
	return proto == __builtin_bswap16(ETH_P_8021Q) || proto == __builtin_bswap16(ETH_P_8021AD);
}

/* The outermost tag goes beside the packet; meta data moves with the addresses. */
static bool untag(struct run_skb *skb)
{
	u16 tci;

	if (skb->data_end - skb->data < (long)(ETH_HLEN + VLAN_LEN + 2))
		return false;
	memcpy(&tci, skb->data + ETH_HLEN, 2);
	skb->vlan_present = 1;
	skb->vlan_proto = skb->protocol;
	skb->vlan_tci = __builtin_bswap16(tci);
	memmove(skb->data_meta + VLAN_LEN, skb->data_meta,
		(size_t)(skb->data - skb->data_meta) + 2 * ETH_ALEN);
	skb->data_meta += VLAN_LEN;
	skb->data += VLAN_LEN;
	skb->room += VLAN_LEN;
	skb->protocol = skb_protocol_of(skb->data, (u32)(skb->data_end - skb->data));
	return true;
}

bool skb_receive(struct drive *d)
{
	struct run_skb *skb = &d->skb;

	skb->ifindex = skb->ingress_ifindex = d->at->ifindex;
	skb->pkt_type = pkt_type(skb->data, d->at->facts.mac);
	skb->protocol = skb_protocol_of(skb->data, (u32)(skb->data_end - skb->data));
	if (is_vlan(skb->protocol) && !skb->vlan_present && !untag(skb))
		return false;
	skb->mac = skb->data;
	skb->net = skb->mac + ETH_HLEN;
	skb->transport = (u16)(skb->room + ETH_HLEN);
	skb_sync(skb);
	skb->wire_len = skb->len - ETH_HLEN;
	return true;
}

/* The packet forgets what it was before; but meta data stays with it. */
void skb_scrub(struct run_skb *skb)
{
	skb->priority = 0;
	skb->tstamp = 0;
	skb->tstamp_type = 0;
	skb->mac = skb->data;
}

static const u8 *in_spare(struct drive *d, const u8 *a, u32 na, const u8 *b, u32 nb, const u8 *c, u32 nc)
{
	memcpy(d->spare, a, na);
	memcpy(d->spare + na, b, nb);
	memcpy(d->spare + na + nb, c, nc);
	return d->spare;
}

const u8 *frame_bytes(struct drive *d, u32 *len)
{
	const struct run_xdp *xdp = &d->xdp;
	const struct run_skb *skb = &d->skb;
	const u8 *data = d->is_skb ? skb->data : xdp->data;
	u32 n = (u32)((d->is_skb ? skb->data_end : xdp->data_end) - data);
	u16 tag[2] = { (u16)skb->vlan_proto, __builtin_bswap16((u16)skb->vlan_tci) };

	*len = n;
	if (!d->is_skb && !d->generic) {
		*len = n + xdp->frag_len;
		return xdp->frag_len ? in_spare(d, data, n, xdp->frag, xdp->frag_len, data, 0) : data;
	}
	if (!skb->vlan_present || n < 2 * ETH_ALEN)
		return data;
	*len = n + VLAN_LEN;
	return in_spare(d, data, 2 * ETH_ALEN, (const u8 *)tag, VLAN_LEN, data + 2 * ETH_ALEN,
			n - 2 * ETH_ALEN);
}
