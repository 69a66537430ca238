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
#include "util/raw.h"
#include <linux/if_ether.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

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
	if (kind > CLOCK_KIND_TAI || (kind != CLOCK_KIND_REAL && !r2))
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
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define FIRST_NETNS 1u

/* A context's socket is of this process's namespace; without one it is the machine's first. */
HELPER(get_netns_cookie)
{
	u64 cookie = 0;
	u32 n = sizeof(cookie);
	int fd;

	if (!r1)
		return FIRST_NETNS;
	fd = (int)raw3(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	raw5(SYS_getsockopt, fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &n);
	raw_close(fd);
	return cookie;
}

PROTO(get_netns_cookie, .func = get_netns_cookie, INT, ARGS(CTX | ARG_F_NULL));

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

/*
 * A packet has come through no tunnel; the key of one that it shall go through
 * can be set, and is read back as the kernel does: seen from the other end.
 */
#define KEY_FLAGS                                                                                            \
	(BPF_F_TUNINFO_IPV6 | BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT | BPF_F_SEQ_NUMBER | F_NO_TUNNEL_KEY)
#define READ_FLAGS  (BPF_F_TUNINFO_IPV6 | F_TUNINFO_FLAGS)
#define OPTIONS_MAX 255u

/* Newer than Debian's header. */
#define F_NO_TUNNEL_KEY (1u << 4)
#define F_TUNINFO_FLAGS (1u << 4)

/* Flags of a tunnel, as they stand in its header. */
#define TUN_CSUM    0x0001u
#define TUN_KEY     0x0004u
#define TUN_SEQ     0x0008u
#define TUN_DF      0x0100u
#define TUN_NOCACHE 0x2000u

/* Lengths that the struct had in the past. */
static bool key_size_known(u32 n)
{
	return n == sizeof(struct bpf_tunnel_key) || n == offsetof(struct bpf_tunnel_key, local_ipv6[0]) ||
	       n == offsetof(struct bpf_tunnel_key, tunnel_label) ||
	       n == offsetof(struct bpf_tunnel_key, tunnel_ext) ||
	       n == offsetof(struct bpf_tunnel_key, remote_ipv6[1]);
}

HELPER(skb_set_tunnel_key)
{
	struct run_skb *skb = u64_to_ptr(r1);
	struct bpf_tunnel_key key = { 0 };
	u32 tun = TUN_KEY | TUN_CSUM | TUN_NOCACHE;

	if (r4 & ~(u64)KEY_FLAGS || !key_size_known((u32)r3))
		return (u64)-EINVAL;
	memcpy(&key, u64_to_ptr(r2), (u32)r3);
	if ((!(r4 & BPF_F_TUNINFO_IPV6) && key.tunnel_label) || key.tunnel_ext)
		return (u64)-EINVAL;
	if (r4 & BPF_F_ZERO_CSUM_TX)
		tun &= ~TUN_CSUM;
	if (r4 & BPF_F_DONT_FRAGMENT)
		tun |= TUN_DF;
	if (r4 & BPF_F_SEQ_NUMBER)
		tun |= TUN_SEQ;
	if (r4 & F_NO_TUNNEL_KEY)
		tun &= ~TUN_KEY;
	skb->tunnel = key;
	skb->tunnel_flags = (u16)tun;
	skb->tunnel_set = r4 & BPF_F_TUNINFO_IPV6 ? RUN_TUNNEL_IP6 : RUN_TUNNEL_IP4;
	skb->tunnel_opt_len = -1;
	return 0;
}

/* Addresses change sides. */
static void key_turned(struct bpf_tunnel_key *to, const struct run_skb *skb)
{
	const struct bpf_tunnel_key *k = &skb->tunnel;

	to->tunnel_id = k->tunnel_id;
	to->tunnel_tos = k->tunnel_tos;
	to->tunnel_ttl = k->tunnel_ttl;
	if (skb->tunnel_set == RUN_TUNNEL_IP4) {
		to->remote_ipv4 = k->local_ipv4;
		to->local_ipv4 = k->remote_ipv4;
		return;
	}
	memcpy(to->remote_ipv6, k->local_ipv6, sizeof(to->remote_ipv6));
	memcpy(to->local_ipv6, k->remote_ipv6, sizeof(to->local_ipv6));
	to->tunnel_label = k->tunnel_label & 0xfffff;
}

HELPER(skb_get_tunnel_key)
{
	const struct run_skb *skb = u64_to_ptr(r1);
	struct bpf_tunnel_key key = { 0 };
	u32 n = (u32)r3;
	bool ip6 = r4 & BPF_F_TUNINFO_IPV6;

	memset(u64_to_ptr(r2), 0, n);
	if (!skb->tunnel_set || r4 & ~(u64)READ_FLAGS)
		return (u64)-EINVAL;
	if (ip6 != (skb->tunnel_set == RUN_TUNNEL_IP6))
		return (u64)-EPROTO;
	if (!key_size_known(n) || (n == offsetof(struct bpf_tunnel_key, remote_ipv6[1]) && ip6))
		return (u64)-EINVAL;
	key_turned(&key, skb);
	if (r4 & F_TUNINFO_FLAGS)
		key.tunnel_ext = __builtin_bswap16(skb->tunnel_flags);
	memcpy(u64_to_ptr(r2), &key, n);
	return 0;
}

HELPER(skb_set_tunnel_opt)
{
	struct run_skb *skb = u64_to_ptr(r1);
	u32 n = (u32)r3;

	if (!skb->tunnel_set || n % 4)
		return (u64)-EINVAL;
	if (n > OPTIONS_MAX)
		return (u64)-ENOMEM;
	memcpy(skb->tunnel_opt, u64_to_ptr(r2), n);
	skb->tunnel_opt_len = (s16)n;
	return 0;
}

HELPER(skb_get_tunnel_opt)
{
	const struct run_skb *skb = u64_to_ptr(r1);
	u32 n = (u32)r3;

	memset(u64_to_ptr(r2), 0, n);
	if (!skb->tunnel_set || skb->tunnel_opt_len < 0)
		return (u64)-ENOENT;
	if (n < (u32)skb->tunnel_opt_len)
		return (u64)-ENOMEM;
	memcpy(u64_to_ptr(r2), skb->tunnel_opt, (u32)skb->tunnel_opt_len);
	return (u32)skb->tunnel_opt_len;
}

HELPER(skb_get_xfrm_state)
{
	memset(u64_to_ptr(r3), 0, (u32)r4);
	return (u64)-EINVAL;
}

PROTO(skb_get_tunnel_key, .func = skb_get_tunnel_key, INT, ARGS(CTX, OUT, SIZE, ANY));
PROTO(skb_get_tunnel_opt, .func = skb_get_tunnel_opt, INT, ARGS(CTX, OUT, SIZE));
PROTO(skb_get_xfrm_state, .func = skb_get_xfrm_state, INT, ARGS(CTX, ANY, OUT, SIZE, ANY));
PROTO(skb_set_tunnel_key, .func = skb_set_tunnel_key, INT, ARGS(CTX, IN, SIZE, ANY));
PROTO(skb_set_tunnel_opt, .func = skb_set_tunnel_opt, INT, ARGS(CTX, IN, SIZE));
PROTO(lwt_push_encap, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_store_bytes, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
PROTO(lwt_seg6_adjust_srh, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(lwt_seg6_action, MOVES, INT, ARGS(CTX, ANY, IN, SIZE));
