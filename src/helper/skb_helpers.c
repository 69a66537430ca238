// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on a packet's bytes: load, store, room at both ends, VLAN tags.
 *
 * The whole packet lies in one piece (helper/run_ctx.h), so nothing has to be
 * pulled in or copied before it is written. Offsets count from skb->data, which
 * is the Ethernet header for some program types and the network header for others.
 */
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "util/err.h"
#include <linux/if_ether.h>
#include <string.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define RELATIVE_MAX 0xffffu
#define VLAN_LEN     4u

/* Bytes from off on, or NULL. */
static u8 *bytes_at(const struct run_skb *skb, u32 off, u32 n)
{
	return off > INT32_MAX || (u64)off + n > skb->len ? NULL : skb->data + off;
}

HELPER(skb_store_bytes)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u8 *to = bytes_at(skb, (u32)r2, (u32)r4);

	if (r5 & ~(u64)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return (u64)-EINVAL;
	if (!to)
		return (u64)-EFAULT;
	memmove(to, u64_to_ptr(r3), (u32)r4);
	if (r5 & BPF_F_INVALIDATE_HASH)
		skb->hash = 0;
	return 0;
}

static u64 load(u64 to, u32 n, const u8 *from)
{
	if (!from) {
		memset(u64_to_ptr(to), 0, n);
		return (u64)-EFAULT;
	}
	memcpy(u64_to_ptr(to), from, n);
	return 0;
}

HELPER(skb_load_bytes)
{
	return load(r3, (u32)r4, bytes_at(u64_to_ptr(r1), (u32)r2, (u32)r4));
}

HELPER(skb_load_bytes_relative)
{
	const struct run_skb *skb = u64_to_ptr(r1);
	const u8 *start = r5 == BPF_HDR_START_MAC ? skb->mac : r5 == BPF_HDR_START_NET ? skb->net : NULL;
	u32 off = (u32)r2, n = (u32)r4;

	if (!start || off > RELATIVE_MAX || (s64)off + n > skb->data_end - start)
		start = NULL;
	return load(r3, n, start ? start + off : NULL);
}

HELPER(skb_pull_data)
{
	const struct run_skb *skb = u64_to_ptr(r1);

	return (u32)r2 > skb->len ? (u64)-ENOMEM : 0;
}

PROTO(skb_store_bytes, .func = skb_store_bytes, MOVES, INT, ARGS(CTX, ANY, IN, SIZE, ANY));
PROTO(skb_load_bytes, .func = skb_load_bytes, INT, ARGS(CTX, ANY, OUT, SIZE));
PROTO(skb_load_bytes_relative, .func = skb_load_bytes_relative, INT, ARGS(CTX, ANY, OUT, SIZE, ANY));
PROTO(skb_pull_data, .func = skb_pull_data, MOVES, INT, ARGS(CTX, ANY));

/* ---- room ---- */

/* What must stay: up to the network header, or to where the transport header is said to be. */
static u32 least_len(const struct run_skb *skb)
{
	s64 net = skb->net - skb->data, transport = (s64)skb->transport - skb->room;

	if (skb->transport != RUN_NO_TRANSPORT && transport > 0)
		return (u32)transport;
	return net > 0 ? (u32)net : 0;
}

HELPER(skb_change_tail)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u32 len = (u32)r2, least = least_len(skb);

	if (r3 || len > RUN_SKB_MAX || len < least)
		return (u64)-EINVAL;
	if (len > (u64)(skb->end - skb->data))
		return (u64)-ENOMEM;
	if (len > skb->len)
		memset(skb->data_end, 0, len - skb->len);
	skb->data_end = skb->data + len;
	skb_sync(skb);
	return 0;
}

/* What the kernel's buffer does when n bytes are put before the packet. */
static void kernel_push(struct run_skb *skb, u32 n)
{
	u32 more = n > skb->room ? ROUND_UP(n - skb->room, RUN_SKB_ROOM) : 0;

	skb->room += more - n;
	skb->transport = (u16)(skb->transport + more);
}

/* The packet moves up in its memory when there is not enough room before it: 0 or -ENOMEM. */
static int make_headroom(struct run_skb *skb, u32 n)
{
	u32 more, from_mac = (u32)(skb->data_end - skb->mac);
	u8 *first = MIN(skb->mac, skb->data);

	if (n <= (u64)(skb->data - skb->head))
		return 0;
	more = n - (u32)(skb->data - skb->head);
	if (more > (u64)(skb->end - skb->data_end))
		return -ENOMEM;
	memmove(first + more, first, MAX(from_mac, skb->len));
	skb->mac += more;
	skb->net += more;
	skb->data += more;
	skb->data_end += more;
	return 0;
}

HELPER(skb_change_head)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u32 n = (u32)r2;

	if (r3 || n > INT32_MAX || (u64)skb->len + n > RUN_SKB_MAX)
		return (u64)-EINVAL;
	if (make_headroom(skb, n))
		return (u64)-ENOMEM;
	kernel_push(skb, n);
	skb->data -= n;
	memset(skb->data, 0, n);
	skb->mac = skb->data_meta = skb->data;
	skb_sync(skb);
	return 0;
}

HELPER(skb_change_type)
{
	struct run_skb *skb = u64_to_ptr(r1);

	if (skb->pkt_type > 3 || (u32)r2 > 3) /* host, broadcast, multicast, other host */
		return (u64)-EINVAL;
	skb->pkt_type = (u32)r2;
	return 0;
}

PROTO(skb_change_tail, .func = skb_change_tail, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_change_head, .func = skb_change_head, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_change_type, .func = skb_change_type, INT, ARGS(CTX, ANY));
/* Another address family, room in the middle: what they do to offloads has no counterpart here. */
PROTO(skb_change_proto, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_adjust_room, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));

/* ---- VLAN: the outermost tag stands beside the packet, further ones in it ---- */

static bool is_vlan(u32 proto)
{
	return proto == __builtin_bswap16(ETH_P_8021Q) || proto == __builtin_bswap16(ETH_P_8021AD);
}

/* Puts the tag beside the packet into it. */
static int tag_insert(struct run_skb *skb)
{
	u16 tag[2] = { (u16)skb->vlan_proto, __builtin_bswap16((u16)skb->vlan_tci) };

	if (skb->data != skb->mac || skb->len < 2 * ETH_ALEN)
		return -EINVAL;
	if (make_headroom(skb, VLAN_LEN))
		return -ENOMEM;
	kernel_push(skb, VLAN_LEN);
	memmove(skb->data - VLAN_LEN, skb->data, 2 * ETH_ALEN);
	skb->data -= VLAN_LEN;
	memcpy(skb->data + 2 * ETH_ALEN, tag, VLAN_LEN);
	skb->mac = skb->data_meta = skb->data;
	skb->net -= VLAN_LEN; /* it begins at the tag's inner half now */
	skb->protocol = skb->vlan_proto;
	skb_sync(skb);
	return 0;
}

HELPER(skb_vlan_push)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u16 proto = (u16)r2;
	int err = skb->vlan_present ? tag_insert(skb) : 0;

	if (err)
		return (u64)(s64)err;
	skb->vlan_present = 1;
	skb->vlan_proto = is_vlan(proto) ? proto : __builtin_bswap16(ETH_P_8021Q);
	skb->vlan_tci = (u16)r3;
	return 0;
}

/* Takes the first tag out of the packet. */
static int tag_remove(struct run_skb *skb, u32 *tci)
{
	u16 tag[2];
	u16 next;

	if (skb->data != skb->mac)
		return -EINVAL;
	if (skb->len < RUN_ETH_LEN + VLAN_LEN)
		return -ENOMEM;
	memcpy(tag, skb->data + 2 * ETH_ALEN, VLAN_LEN);
	memcpy(&next, skb->data + 2 * ETH_ALEN + VLAN_LEN, 2);
	*tci = __builtin_bswap16(tag[1]);
	memmove(skb->data + VLAN_LEN, skb->data, 2 * ETH_ALEN);
	skb->data += VLAN_LEN;
	skb->room += VLAN_LEN;
	skb->mac = skb->data_meta = skb->data;
	if (skb->net < skb->data + RUN_ETH_LEN)
		skb->net = skb->data + RUN_ETH_LEN;
	/* Below that it is a length: 802.3, and an IPX packet where it begins with ones. */
	if (__builtin_bswap16(next) >= ETH_P_802_3_MIN)
		skb->protocol = next;
	else
		skb->protocol = __builtin_bswap16(skb->len > RUN_ETH_LEN + VLAN_LEN + 1 &&
								  skb->data[14] == 0xff &&
								  skb->data[15] == 0xff
							  ? ETH_P_802_3
							  : ETH_P_802_2);
	skb_sync(skb);
	return 0;
}

HELPER(skb_vlan_pop)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u32 tci, proto;
	int err;

	if (skb->vlan_present) {
		skb->vlan_present = skb->vlan_tci = skb->vlan_proto = 0;
	} else {
		if (!is_vlan(skb->protocol))
			return 0;
		err = tag_remove(skb, &tci);
		if (err)
			return (u64)(s64)err;
	}
	/* What is now the outermost goes beside the packet. */
	if (!is_vlan(skb->protocol))
		return 0;
	proto = skb->protocol;
	err = tag_remove(skb, &tci);
	if (err)
		return (u64)(s64)err;
	skb->vlan_present = 1;
	skb->vlan_proto = proto;
	skb->vlan_tci = tci;
	return 0;
}

PROTO(skb_vlan_push, .func = skb_vlan_push, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_vlan_pop, .func = skb_vlan_pop, MOVES, INT, ARGS(CTX));
