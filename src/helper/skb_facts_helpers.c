// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on what is known of a packet beside its bytes: hash, time, socket, cgroup, tunnels.
 *
 * A packet of BPF_PROG_TEST_RUN comes from no cgroup, no route and no tunnel;
 * the answers are those that the kernel gives for one.
 */
#include "helper/csum.h"
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "util/err.h"
#include "util/random.h"
#include <linux/if_ether.h>
#include <string.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

/* Bytes from the network header on: none when it has been cut off. */
static u64 net_len(const struct run_skb *skb)
{
	return skb->data_end > skb->net ? (u64)(skb->data_end - skb->net) : 0;
}

/* ---- hash ---- */

/* Of what tells flows apart: addresses and ports, as far as they are there. Never 0. */
static u32 flow_hash(const struct run_skb *skb)
{
	static u64 seed;
	u64 none = 0, h;
	const u8 *p = skb->net;
	u32 n = (u32)MIN(net_len(skb), 60), from = 0, to = n;

	if (!seed)
		__atomic_compare_exchange_n(&seed, &none, random_u64() | 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	if (skb->protocol == __builtin_bswap16(ETH_P_IP) && n >= 20) {
		from = 12; /* addresses; ports behind a header without options */
		to = MIN(n, 24);
	} else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6) && n >= 40) {
		from = 8;
		to = MIN(n, 44);
	}
	h = seed ^ skb->protocol;
	for (; from < to; from++)
		h = (h ^ p[from]) * 0x100000001b3ull;
	return (u32)(h ^ h >> 32) | 1;
}

HELPER(get_hash_recalc)
{
	struct run_skb *skb = u64_to_ptr(r1);

	if (!skb->hash)
		skb->hash = flow_hash(skb);
	return skb->hash;
}

HELPER(set_hash)
{
	((struct run_skb *)u64_to_ptr(r1))->hash = (u32)r2;
	return 0;
}

HELPER(set_hash_invalid)
{
	((struct run_skb *)u64_to_ptr(r1))->hash = 0;
	return 0;
}

PROTO(get_hash_recalc, .func = get_hash_recalc, INT, ARGS(CTX));
PROTO(set_hash, .func = set_hash, INT, ARGS(CTX, ANY));
PROTO(set_hash_invalid, .func = set_hash_invalid, INT, ARGS(CTX));

/* ---- time ---- */

enum { CLOCK_KIND_REAL, CLOCK_KIND_MONO, CLOCK_KIND_TAI };

HELPER(skb_set_tstamp)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u32 kind = (u32)r3;

	if (skb->protocol != __builtin_bswap16(ETH_P_IP) && skb->protocol != __builtin_bswap16(ETH_P_IPV6))
		return (u64)-EOPNOTSUPP;
	if (kind > CLOCK_KIND_TAI || (kind == CLOCK_KIND_REAL) != !r2)
		return (u64)-EINVAL;
	skb->tstamp = r2;
	skb->tstamp_type = kind;
	return 0;
}

PROTO(skb_set_tstamp, .func = skb_set_tstamp, INT, ARGS(CTX, ANY, ANY));

/* ---- socket, cgroup, route ---- */

HELPER(nothing)
{
	return 0;
}

/* A socket that belongs to none counts as the root's. */
#define ROOT_CGROUP 1u

HELPER(skb_cgroup_id)
{
	return ROOT_CGROUP;
}

HELPER(skb_ancestor_cgroup_id)
{
	return (u32)r2 ? 0 : ROOT_CGROUP;
}

/* Each socket has a number that no other has. */
HELPER(get_socket_cookie)
{
	static u64 last;
	u64 *mine = &run->scratch[0];

	if (!*mine)
		*mine = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	return *mine;
}

/* The current task's class; traffic control and light-weight tunnels ask for a packet's. */
PROTO(get_cgroup_classid, .func = nothing, INT);
const struct bpf_func_proto bpf_skb_classid_proto = {
	.name = "bpf_get_cgroup_classid",
	.func = nothing,
	INT,
	ARGS(CTX),
};
PROTO(skb_cgroup_classid, .func = nothing, INT, ARGS(CTX));
PROTO(get_route_realm, .func = nothing, INT, ARGS(CTX));
PROTO(get_socket_cookie, .func = get_socket_cookie, INT, ARGS(CTX));
PROTO(get_socket_uid, .func = nothing, INT, ARGS(CTX));
PROTO(skb_cgroup_id, .func = skb_cgroup_id, INT, ARGS(CTX));
PROTO(skb_ancestor_cgroup_id, .func = skb_ancestor_cgroup_id, INT, ARGS(CTX, ANY));
PROTO(get_netns_cookie, INT, ARGS(CTX | ARG_F_NULL));

/* ---- congestion ---- */

#define ECN_MASK 3u
#define IP4_LEN  20u
#define IP6_LEN  40u

/* Marks a packet that can be marked: 1, or 0. The header's sum follows by the difference of its first word.
 */
static u64 ecn_mark4(u8 *ip)
{
	u32 is = ip[1] & ECN_MASK;
	u16 sum;

	if (is == 0 || is == ECN_MASK)
		return is == ECN_MASK;
	memcpy(&sum, ip + 10, 2);
	/* What the word grows by goes off the sum: adding is - 3, in one's complement. */
	sum = csum_16(csum_add(sum, __builtin_bswap16((u16)(0xffff - ECN_MASK + is))));
	memcpy(ip + 10, &sum, 2);
	ip[1] |= ECN_MASK;
	return 1;
}

static u64 ecn_mark6(u8 *ip)
{
	if (!(ip[1] >> 4 & ECN_MASK))
		return 0;
	ip[1] |= ECN_MASK << 4;
	return 1;
}

HELPER(skb_ecn_set_ce)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u64 n = net_len(skb);

	if (skb->protocol == __builtin_bswap16(ETH_P_IP) && skb->len >= IP4_LEN && n >= IP4_LEN)
		return ecn_mark4(skb->net);
	if (skb->protocol == __builtin_bswap16(ETH_P_IPV6) && skb->len >= IP6_LEN && n >= IP6_LEN)
		return ecn_mark6(skb->net);
	return 0;
}

PROTO(skb_ecn_set_ce, .func = skb_ecn_set_ce, INT, ARGS(CTX));

/* ---- tunnels and encapsulation ---- */

/* What is asked for is not there: zeros. */
HELPER(skb_get_tunnel_key)
{
	memset(u64_to_ptr(r2), 0, (u32)r3);
	return (u64)-EINVAL;
}

HELPER(skb_get_tunnel_opt)
{
	memset(u64_to_ptr(r2), 0, (u32)r3);
	return (u64)-ENOENT;
}

HELPER(skb_get_xfrm_state)
{
	memset(u64_to_ptr(r3), 0, (u32)r4);
	return (u64)-EINVAL;
}

PROTO(skb_get_tunnel_key, .func = skb_get_tunnel_key, INT, ARGS(CTX, OUT, SIZE, ANY));
PROTO(skb_get_tunnel_opt, .func = skb_get_tunnel_opt, INT, ARGS(CTX, OUT, SIZE));
PROTO(skb_get_xfrm_state, .func = skb_get_xfrm_state, INT, ARGS(CTX, ANY, OUT, SIZE, ANY));
PROTO(skb_set_tunnel_key, INT, ARGS(CTX, IN, SIZE, ANY));
PROTO(skb_set_tunnel_opt, INT, ARGS(CTX, IN, SIZE));
PROTO(lwt_push_encap, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_store_bytes, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_adjust_srh, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(lwt_seg6_action, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
