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
	if (skb->encapsulated)
		return (u64)-ENOTSUPP;
	if (len > (u64)(skb->end - skb->data))
		return (u64)-ENOMEM;
	if (len > skb->len)
		memset(skb->data_end, 0, len - skb->len);
	skb->data_end = skb->data + len;
	skb_sync(skb);
	return 0;
}

/* The kernel's buffer gets free room for n bytes before the packet. */
static void kernel_room(struct run_skb *skb, u32 n)
{
	u32 more = n > skb->room ? ROUND_UP(n - skb->room, RUN_SKB_ROOM) : 0;

	skb->room += more;
	skb->transport = (u16)(skb->transport + more);
}

/* What it does when n bytes are put there. */
static void kernel_push(struct run_skb *skb, u32 n)
{
	kernel_room(skb, n);
	skb->room -= n;
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

/* ---- room in the middle ---- */

#define ROOM_MAX     0xfffu
#define GRE_OR_UDP   (BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP)
#define DECAP_IPV4   (1ull << 7) /* newer than Debian's header, as the next */
#define DECAP_IPV6   (1ull << 8)
#define DECAP_MASK   (DECAP_IPV4 | DECAP_IPV6)
#define ENCAP_IP     (BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6)
#define L2_SHIFT     BPF_ADJ_ROOM_ENCAP_L2_SHIFT
#define ENCAP_L2     ((u64)BPF_ADJ_ROOM_ENCAP_L2_MASK << L2_SHIFT)
#define ENCAP_ALL    (ENCAP_IP | GRE_OR_UDP | ENCAP_L2 | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)
#define SHRINK_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | DECAP_MASK | BPF_F_ADJ_ROOM_NO_CSUM_RESET)
#define ROOM_FLAGS   (SHRINK_FLAGS | ENCAP_ALL)
#define IP4_LEN      20u
#define IP6_LEN      40u

static bool is_proto(const struct run_skb *skb, u16 proto)
{
	return skb->protocol == __builtin_bswap16(proto);
}

static u32 mac_len(const struct run_skb *skb)
{
	return (u32)(skb->net - skb->mac);
}

/* Where the kernel's buffer has the network header. */
static u16 net_place(const struct run_skb *skb)
{
	return (u16)(skb->room + (skb->net - skb->data));
}

/* n zero bytes behind the first off ones, which move to the front. */
static int room_push(struct run_skb *skb, u32 off, u32 n)
{
	u32 mac = mac_len(skb);
	bool same = skb->transport == net_place(skb);

	if (make_headroom(skb, n))
		return -ENOMEM;
	kernel_push(skb, n);
	memmove(skb->data - n, skb->data, off);
	skb->data -= n;
	memset(skb->data + off, 0, n);
	skb->mac -= n;
	skb->net = skb->mac + mac;
	skb->data_meta = skb->data;
	if (same)
		skb->transport = net_place(skb);
	skb_sync(skb);
	return 0;
}

static int room_pop(struct run_skb *skb, u32 off, u32 n)
{
	u32 mac = mac_len(skb);
	bool same = skb->transport == net_place(skb);

	if ((u64)off + n > skb->len)
		return -ENOMEM;
	memmove(skb->data + n, skb->data, off);
	skb->data += n;
	skb->room += n;
	skb->mac += n;
	skb->net = skb->mac + mac;
	skb->data_meta = skb->data;
	if (same)
		skb->transport = net_place(skb);
	skb_sync(skb);
	return 0;
}

/* The new outer header decides what the packet is. */
static void outer_proto(struct run_skb *skb, bool to4, bool to6)
{
	if (is_proto(skb, ETH_P_IP) && to6)
		skb->protocol = __builtin_bswap16(ETH_P_IPV6);
	else if (is_proto(skb, ETH_P_IPV6) && to4)
		skb->protocol = __builtin_bswap16(ETH_P_IP);
}

static int encap_check(const struct run_skb *skb, u32 n, u64 flags)
{
	u32 inner = (u32)(flags >> L2_SHIFT & 0xff);

	if ((flags & ENCAP_IP) == ENCAP_IP || (flags & GRE_OR_UDP) == GRE_OR_UDP)
		return -EINVAL;
	if (flags & BPF_F_ADJ_ROOM_ENCAP_L2_ETH && inner < ETH_HLEN)
		return -EINVAL;
	if (skb->encapsulated)
		return -EALREADY;
	return inner > n ? -EINVAL : 0;
}

static int room_grow(struct run_skb *skb, u32 off, u32 n, u64 flags)
{
	bool to6 = flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	int err;

	if (skb->gso_size) /* of what kind is not known */
		return -ENOTSUPP;
	/* Room is made first, and stays when the rest is refused. */
	kernel_room(skb, n);
	err = flags & ENCAP_IP ? encap_check(skb, n, flags) : 0;
	if (!err)
		err = room_push(skb, off, n);
	if (err || !(flags & ENCAP_IP))
		return err;
	skb->encapsulated = true;
	if (flags & GRE_OR_UDP)
		skb->transport = (u16)(net_place(skb) + (to6 ? IP6_LEN : IP4_LEN));
	outer_proto(skb, flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV4, to6);
	return 0;
}

static int room_shrink(struct run_skb *skb, u32 off, u32 n, u64 flags)
{
	int err;

	if (flags & ~(u64)SHRINK_FLAGS)
		return -EINVAL;
	if (skb->gso_size)
		return -ENOTSUPP;
	err = room_pop(skb, off, n);
	if (!err)
		outer_proto(skb, flags & DECAP_IPV4, flags & DECAP_IPV6);
	return err;
}

static int adjust_room(struct run_skb *skb, s32 by, u32 mode, u64 flags)
{
	bool shrink = by < 0, ip4 = is_proto(skb, ETH_P_IP);
	u32 n = shrink ? 0 - (u32)by : (u32)by, base = ip4 ? IP4_LEN : IP6_LEN, least = base, off;
	u32 from_net = skb->len - (u32)(skb->net - skb->data);

	if (flags & ~(u64)ROOM_FLAGS)
		return -EINVAL;
	if (n > ROOM_MAX)
		return -EFAULT;
	if (!ip4 && !is_proto(skb, ETH_P_IPV6))
		return -ENOTSUPP;
	off = mac_len(skb);
	if (mode == BPF_ADJ_ROOM_NET)
		off += base;
	else if (mode != BPF_ADJ_ROOM_MAC)
		return -ENOTSUPP;
	if (flags & DECAP_MASK) {
		if (!shrink || (flags & DECAP_MASK) == DECAP_MASK)
			return -EINVAL;
		least = flags & DECAP_IPV4 ? IP4_LEN : IP6_LEN;
	}
	if (shrink ? n >= from_net || from_net - n < least : skb->len + n > RUN_SKB_MAX && !skb->gso_size)
		return -ENOTSUPP;
	return shrink ? room_shrink(skb, off, n, flags) : room_grow(skb, off, n, flags);
}

HELPER(skb_adjust_room)
{
	struct run_skb *skb = u64_to_ptr(r1);
	int err = adjust_room(skb, (s32)r2, (u32)r3, r4);

	if (!err && !(r4 & BPF_F_ADJ_ROOM_NO_CSUM_RESET)) {
		skb->csum_good = false;
		skb->csum_level = 0;
	}
	return (u64)(s64)err;
}

/* The other address family: the header's room changes, its bytes are the program's matter. */
HELPER(skb_change_proto)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u16 to = __builtin_bswap16((u16)r2);
	int err;

	if (r3)
		return (u64)-EINVAL;
	if (is_proto(skb, ETH_P_IP) && to == ETH_P_IPV6)
		err = room_push(skb, mac_len(skb), IP6_LEN - IP4_LEN);
	else if (is_proto(skb, ETH_P_IPV6) && to == ETH_P_IP)
		err = room_pop(skb, mac_len(skb), IP6_LEN - IP4_LEN);
	else
		return (u64)-ENOTSUPP;
	if (err)
		return (u64)(s64)err;
	skb->protocol = (u16)r2;
	skb->hash = 0;
	return 0;
}

PROTO(skb_change_proto, .func = skb_change_proto, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(skb_adjust_room, .func = skb_adjust_room, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));

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
