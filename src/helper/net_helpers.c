// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers of XDP, and where a packet shall go.
 *
 * There is no device here: a redirect is a verdict, and where to is noted in the
 * run. Routes and neighbours are the kernel's: fib_lookup has no function.
 */
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "map/map.h"
#include "util/err.h"
#include "util/raw.h"
#include <linux/if_arp.h>
#include <linux/pkt_cls.h>
#include <linux/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define REACH_MAX   0xffffu /* of offset and length, each */
#define META_MAX    252u
#define ACTION_MASK 3u

#define NEIGH_SIZE sizeof(struct bpf_redir_neigh)

/* ---- interfaces of this process's network namespace ---- */

/* What an interface carries at most, and how long the header before it is. False: there is none of that
 * number. */
static bool dev_mtu(u32 ifindex, u32 *mtu, u32 *mac)
{
	struct ifreq r = { .ifr_ifindex = (int)ifindex };
	int fd = (int)raw3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = !raw3(SYS_ioctl, fd, SIOCGIFNAME, &r);
	if (ok && mtu) {
		raw3(SYS_ioctl, fd, SIOCGIFMTU, &r);
		*mtu = (u32)r.ifr_mtu;
		raw3(SYS_ioctl, fd, SIOCGIFHWADDR, &r);
		*mac = r.ifr_hwaddr.sa_family == ARPHRD_ETHER || r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK
			       ? RUN_ETH_LEN
			       : 0;
	}
	raw_close(fd);
	return ok;
}

static u32 meta_len(const struct run_xdp *xdp)
{
	return (u32)(xdp->data - xdp->data_meta);
}

static u32 xdp_len(const struct run_xdp *xdp)
{
	return (u32)(xdp->data_end - xdp->data) + xdp->frag_len;
}

/* ---- verdicts ---- */

static u64 redirect_to(struct run *run, u64 index, u64 flags, u64 verdict)
{
	run->redirect_to = NULL;
	run->redirect_map = 0;
	run->redirect_index = (u32)index;
	run->redirect_flags = flags;
	return verdict;
}

HELPER(redirect)
{
	if (*(const u32 *)run->ctx == RUN_CTX_XDP)
		return r2 ? XDP_ABORTED : redirect_to(run, r1, r2, XDP_REDIRECT);
	return r2 & ~(u64)BPF_F_INGRESS ? TC_ACT_SHOT : redirect_to(run, r1, r2, TC_ACT_REDIRECT);
}

HELPER(redirect_peer)
{
	return r2 ? TC_ACT_SHOT : redirect_to(run, r1, RUN_REDIRECT_PEER, TC_ACT_REDIRECT);
}

HELPER(redirect_neigh)
{
	if ((r3 && (u32)r3 < NEIGH_SIZE) || r4)
		return TC_ACT_SHOT;
	return redirect_to(run, r1, RUN_REDIRECT_NEIGH, TC_ACT_REDIRECT);
}

/* An empty slot: what the program says to that in the flags. */
HELPER(redirect_map)
{
	struct bpf_map *m = u64_to_ptr(r1);
	struct map_target t;
	u32 key = (u32)r2;

	if (!m->ops->redirect || r3 & ~(m->ops->redirect_flags | ACTION_MASK))
		return XDP_ABORTED;
	if (!(r3 & BPF_F_BROADCAST) && m->ops->redirect(run->op, m, key, &t))
		return r3 & ACTION_MASK;
	redirect_to(run, key, r3, XDP_REDIRECT);
	run->redirect_to = m;
	run->redirect_map = m->id;
	return XDP_REDIRECT;
}

/*
 * A copy of the packet, to an interface: the run's owner gets it (run.h). Where it
 * does not want it, the copy is lost on its way, as it may be anywhere.
 */
HELPER(clone_redirect)
{
	struct run_skb *skb = u64_to_ptr(r1);

	if (r3 & ~(u64)BPF_F_INGRESS || !dev_mtu((u32)r2, NULL, NULL))
		return (u64)-EINVAL;
	if (skb->mac >= skb->net || !skb->len)
		return (u64)-ERANGE;
	return run->ops->clone_redirect ? (u64)(s64)run->ops->clone_redirect(run, skb, (u32)r2, r3) : 0;
}

/* ---- sizes ---- */

#define CHECK_NEEDED 1u /* BPF_MTU_CHK_RET_FRAG_NEEDED */
#define CHECK_SEGS   2u /* BPF_MTU_CHK_RET_SEGS_TOOBIG */

/* Is a packet of gso_size cut into pieces that fit? Of what kind it is nobody has said, so no header is
 * counted. */
static u64 check_segments(const struct run_skb *skb, u32 mtu)
{
	u16 net = (u16)(skb->room + (skb->net - skb->data));
	u32 piece = (u32)((s32)skb->transport - net) + skb->gso_size;

	return piece > mtu ? CHECK_SEGS : 0;
}

static u64 check_skb(const struct run_skb *skb, u32 asked, s32 diff, u64 flags, u32 mtu, u32 mac)
{
	s32 len = (s32)((asked ? asked + mac : skb->len) + (u32)diff);

	if (len <= (s32)(mtu + mac))
		return 0;
	if (!skb->gso_size)
		return CHECK_NEEDED;
	return flags & BPF_MTU_CHK_SEGS ? check_segments(skb, mtu) : 0;
}

HELPER(check_mtu)
{
	bool xdp = *(const u32 *)u64_to_ptr(r1) == RUN_CTX_XDP;
	u32 *len = u64_to_ptr(r3), asked = *len, ifindex = (u32)r2, mtu, mac;
	s32 diff = (s32)r4;

	if (r5 & ~(u64)(xdp ? 0 : BPF_MTU_CHK_SEGS) || (r5 && (diff || asked)))
		return (u64)-EINVAL;
	if (!ifindex)
		ifindex = xdp ? ((const struct run_xdp *)u64_to_ptr(r1))->ingress_ifindex
			      : ((const struct run_skb *)u64_to_ptr(r1))->ifindex;
	if (!dev_mtu(ifindex, &mtu, &mac))
		return (u64)-ENODEV;
	*len = mtu;
	if (!xdp)
		return check_skb(u64_to_ptr(r1), asked, diff, r5, mtu, mac);
	return (s32)((asked ? asked + mac : xdp_len(u64_to_ptr(r1))) + (u32)diff) > (s32)(mtu + mac)
		       ? CHECK_NEEDED
		       : 0;
}

PROTO(redirect, .func = redirect, INT, ARGS(ANY, ANY));
PROTO(redirect_peer, .func = redirect_peer, INT, ARGS(ANY, ANY));
PROTO(redirect_neigh, .func = redirect_neigh, INT, ARGS(ANY, IN_OR_NULL, SIZE0, ANY));
PROTO(redirect_map, .func = redirect_map, INT, ARGS(MAP, ANY, ANY),
      .maps = MAPS_DEVICES | T(CPUMAP) | T(XSKMAP));
PROTO(clone_redirect, .func = clone_redirect, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(fib_lookup, GPL, INT, ARGS(CTX, INOUT, SIZE, ANY));
PROTO(check_mtu, .func = check_mtu, GPL, INT,
      ARGS(CTX, ANY, ARG_MEM | ARG_F_FIXED | ARG_F_WRITE | ARG_F_ALIGNED, ANY, ANY), .arg_size = { 0, 0, 4 });

/* ---- XDP ---- */

HELPER(xdp_adjust_head)
{
	struct run_xdp *xdp = u64_to_ptr(r1);
	s64 by = (s32)r2, room = xdp->data - xdp->head - meta_len(xdp);

	if (by < -room || by > xdp->data_end - xdp->data - (s64)RUN_ETH_LEN)
		return (u64)-EINVAL;
	memmove(xdp->data_meta + by, xdp->data_meta, meta_len(xdp));
	xdp->data_meta += by;
	xdp->data += by;
	return 0;
}

HELPER(xdp_adjust_meta)
{
	struct run_xdp *xdp = u64_to_ptr(r1);
	s64 len = (s64)meta_len(xdp) - (s32)r2;

	if (len < 0 || len > xdp->data - xdp->head)
		return (u64)-EINVAL;
	if (len % 4 || len > META_MAX)
		return (u64)-EACCES;
	xdp->data_meta = xdp->data - len;
	return 0;
}

/* Fragments are cut from their end; what they do not have goes off the first piece. */
static u64 shrink_frags(struct run_xdp *xdp, u32 n)
{
	u32 piece = MIN(n, xdp->frag_len);

	if ((s64)n > (s64)xdp_len(xdp) - (s64)RUN_ETH_LEN)
		return (u64)-EINVAL;
	xdp->frag_len -= piece;
	xdp->data_end -= n - piece;
	return 0;
}

/* The last fragment grows up to the end of its page. */
static u64 grow_frags(struct run_xdp *xdp, u32 n)
{
	u32 last = (xdp->frag_len - 1) % PAGE + 1;

	if (n > PAGE - last)
		return (u64)-EINVAL;
	memset(xdp->frag + xdp->frag_len, 0, n);
	xdp->frag_len += n;
	return 0;
}

HELPER(xdp_adjust_tail)
{
	struct run_xdp *xdp = u64_to_ptr(r1);
	s64 by = (s32)r2;

	if (xdp->frag_len)
		return by < 0 ? shrink_frags(xdp, (u32)-by) : grow_frags(xdp, (u32)by);
	if (by > xdp->end - xdp->data_end || xdp->data_end - xdp->data + by < (s64)RUN_ETH_LEN)
		return (u64)-EINVAL;
	if (by > 0)
		memset(xdp->data_end, 0, (size_t)by);
	xdp->data_end += by;
	return 0;
}

HELPER(xdp_get_buff_len)
{
	return xdp_len(u64_to_ptr(r1));
}

/* Copies n bytes at off of the whole packet, from or to buf. */
static u64 xdp_copy(const struct run_xdp *xdp, u64 off, u8 *buf, u64 n, bool store)
{
	u32 linear = (u32)(xdp->data_end - xdp->data), first;
	u8 *at;

	if (off > REACH_MAX || n > REACH_MAX)
		return (u64)-EFAULT;
	if (off + n > xdp_len(xdp))
		return (u64)-EINVAL;
	first = off < linear ? (u32)MIN(n, linear - off) : 0;
	at = xdp->data + off;
	memmove(store ? at : buf, store ? buf : at, first);
	if (first == n)
		return 0;
	at = xdp->frag + (off + first - linear);
	memmove(store ? at : buf + first, store ? buf + first : at, n - first);
	return 0;
}

HELPER(xdp_load_bytes)
{
	return xdp_copy(u64_to_ptr(r1), (u32)r2, u64_to_ptr(r3), (u32)r4, false);
}

HELPER(xdp_store_bytes)
{
	return xdp_copy(u64_to_ptr(r1), (u32)r2, u64_to_ptr(r3), (u32)r4, true);
}

PROTO(xdp_adjust_head, .func = xdp_adjust_head, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_adjust_meta, .func = xdp_adjust_meta, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_adjust_tail, .func = xdp_adjust_tail, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_get_buff_len, .func = xdp_get_buff_len, INT, ARGS(CTX));
/* Of a packet of the kernel's, which nobody has here. */
const struct bpf_func_proto bpf_xdp_get_buff_len_trace_proto = {
	.name = "bpf_xdp_get_buff_len",
	INT,
	ARGS(BTF),
};
PROTO(xdp_load_bytes, .func = xdp_load_bytes, INT, ARGS(CTX, ANY, OUT, SIZE));
PROTO(xdp_store_bytes, .func = xdp_store_bytes, INT, ARGS(CTX, ANY, IN, SIZE));
