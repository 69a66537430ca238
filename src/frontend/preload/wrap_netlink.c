// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP by netlink, on the client's own sockets of NETLINK_ROUTE.
 *
 *     RTM_SETLINK with IFLA_XDP     the store's attach point is changed; the kernel gets the message with
 * that attribute made one that it ignores, and its acknowledgement is given the errno of the change
 *     RTM_NEWLINK, on its way in    where the device has a program of the store, IFLA_XDP says so
 *
 * All other messages, and all other sockets, are not looked into. Sockets are remembered by number when they
 * are made; what a number is now is asked when it is used.
 */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include "frontend/preload/preload.h"
#include "sys/net_xdp.h"

#define FDS      1024u
#define PENDING  16u
#define REPORT   28u     /* bytes of IFLA_XDP for one program: the nest, and three attributes of 8 */
#define TEXT_MAX 96u     /* of an answer, as an attribute */
#define NEUTRAL  0x3ffeu /* no attribute of a link has this number: kernels skip it */

static _Atomic u64 routes[FDS / 64];
static _Atomic bool any_route;

/* Answers that are still to be given their errno: fd:20 | errno:12 | seq:32; 0: free. */
static _Atomic u64 pending[PENDING];
static const char *_Atomic pending_why[PENDING]; /* the text of that one; set before it, kept after */
static _Atomic u32 next_pending;

EXPORT int socket(int domain, int type, int protocol)
{
	int fd = (int)ret_errno(raw3(SYS_socket, domain, type, protocol));

	if (unlikely(domain == AF_NETLINK && protocol == NETLINK_ROUTE && pre_attached && (u32)fd < FDS)) {
		atomic_fetch_or(&routes[fd / 64], 1ull << fd % 64);
		atomic_store(&any_route, true);
	}
	return fd;
}

static int sockopt(int fd, int name)
{
	int v = -1;
	u32 n = sizeof(v);

	return raw5(SYS_getsockopt, fd, SOL_SOCKET, name, &v, &n) ? -1 : v;
}

/* Is it, now, a socket of NETLINK_ROUTE? */
static bool is_route(int fd)
{
	u64 bit = 1ull << ((u32)fd & 63);

	if (likely(!atomic_load_explicit(&any_route, memory_order_relaxed)) || (u32)fd >= FDS ||
	    !(atomic_load(&routes[fd / 64]) & bit))
		return false;
	if (sockopt(fd, SO_DOMAIN) == AF_NETLINK && sockopt(fd, SO_PROTOCOL) == NETLINK_ROUTE)
		return true;
	atomic_fetch_and(&routes[fd / 64], ~bit);
	return false;
}

/* The thread's caller, as bpf(2) would have it: made by a call of a command that there is not. */
static struct bpf_caller *caller(void)
{
	struct pre_thread *t = &pre_self;
	int keep = errno;

	if (t->state != THREAD_READY || !pre_process->pid)
		pre_syscall_bpf(SYS_bpf, -1, 0, 0, 0, 0, 0);
	errno = keep;
	return t->c.ops ? &t->c : NULL;
}

/* ---- attributes: in[at, end) ---- */

static struct rtattr *find(u8 *from, u8 *end, u32 type)
{
	while (from + sizeof(struct rtattr) <= end) {
		struct rtattr *a = (struct rtattr *)from;

		if (a->rta_len < sizeof(*a) || from + a->rta_len > end)
			return NULL;
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
		from += RTA_ALIGN(a->rta_len);
	}
	return NULL;
}

static bool find_u32(const struct rtattr *nest, u32 type, u32 *v)
{
	u8 *at = (u8 *)RTA_DATA(nest);
	struct rtattr *a = find(at, (u8 *)nest + nest->rta_len, type);

	if (!a || RTA_PAYLOAD(a) < sizeof(*v))
		return false;
	memcpy(v, RTA_DATA(a), sizeof(*v));
	return true;
}

static u8 *link_attrs(struct nlmsghdr *h)
{
	return (u8 *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct ifinfomsg));
}

/* ---- out ---- */

static void remember(int fd, u32 seq, int err, const char *why)
{
	u64 word = (u64)(u32)fd << 44 | (u64)(u32)-err << 32 | seq;
	u32 at = atomic_fetch_add(&next_pending, 1) % PENDING;

	atomic_store(&pending[at], 0);
	atomic_store(&pending_why[at], why);
	atomic_store(&pending[at], word | 1ull << 63);
}

/* One message that wants XDP: carried out here. The attribute is renamed, in a copy. */
static void carry_out(int fd, struct nlmsghdr *h, struct rtattr *xdp)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	struct xdp_request r = { .ifindex = (u32)i->ifi_index };
	struct bpf_caller *c = caller();
	const char *why;
	int err;
	u32 v;

	if (!c || !find_u32(xdp, IFLA_XDP_FD, &v))
		return;
	r.fd = (s32)v;
	find_u32(xdp, IFLA_XDP_FLAGS, &r.flags);
	r.has_expected = find_u32(xdp, IFLA_XDP_EXPECTED_FD, &v);
	r.expected_fd = r.has_expected ? (s32)v : -1;
	err = sys_xdp_set(c, &r, &why);
	remember(fd, h->nlmsg_seq, err, why);
	xdp->rta_type = NEUTRAL;
}

static struct rtattr *wants_xdp(u8 *buf, size_t n)
{
	struct nlmsghdr *h = (struct nlmsghdr *)buf;

	if (n < NLMSG_LENGTH(sizeof(struct ifinfomsg)) || h->nlmsg_len > n ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
	    (h->nlmsg_type != RTM_SETLINK && h->nlmsg_type != RTM_NEWLINK))
		return NULL;
	return find(link_attrs(h), buf + h->nlmsg_len, IFLA_XDP);
}

/* What the client gave may be a bad pointer: then the kernel says so. */
static noinline int copy_in(u8 *copy, const void *buf, size_t n)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err = op ? guard_copy(copy, buf, n) : -EAGAIN;

	if (op)
		op_leave(op);
	return err;
}

/* The bytes to send instead of buf: itself, or copy. */
static const void *outgoing(int fd, const void *buf, size_t n, u8 *copy, size_t room)
{
	struct rtattr *xdp;

	if (n > room || n < sizeof(struct nlmsghdr) || copy_in(copy, buf, n))
		return buf;
	xdp = wants_xdp(copy, n);
	if (!xdp)
		return buf;
	carry_out(fd, (struct nlmsghdr *)copy, xdp);
	return copy;
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
	u8 copy[1024] __attribute__((aligned(8)));

	if (unlikely(is_route(fd)))
		buf = outgoing(fd, buf, n, copy, sizeof(copy));
	return NEXT(sendto)(fd, buf, n, flags, to, len);
}

EXPORT ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	u8 copy[1024] __attribute__((aligned(8)));

	if (unlikely(is_route(fd)))
		buf = outgoing(fd, buf, n, copy, sizeof(copy));
	return NEXT(send)(fd, buf, n, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	u8 copy[1024] __attribute__((aligned(8)));
	struct iovec one;
	struct msghdr mine;

	if (likely(!is_route(fd)) || m->msg_iovlen != 1)
		return NEXT(sendmsg)(fd, m, flags);
	one = m->msg_iov[0];
	mine = *m;
	one.iov_base = (void *)outgoing(fd, one.iov_base, one.iov_len, copy, sizeof(copy));
	mine.msg_iov = &one;
	return NEXT(sendmsg)(fd, &mine, flags);
}

/* ---- in ---- */

/*
 * The text behind an answer, for who has asked for such. The kernel's own answer was that all went well: it
 * has the header of the request alone (NLM_F_CAPPED), and nothing behind it.
 */
static size_t answer_text(int fd, struct nlmsghdr *h, u8 *end, size_t room, const char *why)
{
	size_t n = strlen(why) + 1, size = RTA_SPACE(n);
	u8 *at = (u8 *)h + h->nlmsg_len;
	int wanted = 0;
	u32 len = sizeof(wanted);

	if (raw5(SYS_getsockopt, fd, SOL_NETLINK, NETLINK_EXT_ACK, &wanted, &len) || !wanted ||
	    !(h->nlmsg_flags & NLM_F_CAPPED) || at != end || room < size)
		return 0;
	memset(at, 0, size);
	((struct rtattr *)at)->rta_type = NLMSGERR_ATTR_MSG;
	((struct rtattr *)at)->rta_len = (u16)RTA_LENGTH(n);
	memcpy(RTA_DATA((struct rtattr *)at), why, n);
	h->nlmsg_flags |= NLM_F_ACK_TLVS;
	h->nlmsg_len += (u32)size;
	return size;
}

/* Bytes that came behind. */
static size_t answer_errno(int fd, struct nlmsghdr *h, u8 *end, size_t room)
{
	u64 key = 1ull << 63 | (u64)(u32)fd << 44 | h->nlmsg_seq;
	struct nlmsgerr *e = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
		return 0;
	for (u32 i = 0; i < PENDING; i++) {
		u64 w = atomic_load(&pending[i]);
		const char *why = atomic_load(&pending_why[i]);
		int kernel = e->error;

		if ((w & ~(0xfffull << 32)) != key || !atomic_compare_exchange_strong(&pending[i], &w, 0))
			continue;
		e->error = -(int)(w >> 32 & 0xfff);
		return why && !kernel ? answer_text(fd, h, end, room, why) : 0;
	}
	return 0;
}

static u8 *put_attr(u8 *at, u32 type, u32 size, u32 v)
{
	struct rtattr *a = (struct rtattr *)at;

	memset(at, 0, 8);
	a->rta_type = (u16)type;
	a->rta_len = (u16)(sizeof(*a) + size);
	memcpy(RTA_DATA(a), &v, size);
	return at + 8;
}

/* Lets IFLA_XDP of one message say what the store has. Bytes that came in between. */
static size_t report(struct nlmsghdr *h, u8 *end, size_t room)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	struct rtattr *xdp = find(link_attrs(h), (u8 *)h + h->nlmsg_len, IFLA_XDP);
	struct bpf_caller *c = caller();
	u32 prog, mode = XDP_ATTACHED_NONE, old;
	u8 *at = (u8 *)xdp;

	if (!xdp || !c)
		return 0;
	old = RTA_ALIGN(xdp->rta_len);
	prog = sys_xdp_get(c, (u32)i->ifi_index, &mode);
	if (!prog || old > REPORT || room < REPORT - old)
		return 0;
	memmove(at + REPORT, at + old, (size_t)(end - (at + old)));
	xdp->rta_len = REPORT;
	at = put_attr(at + sizeof(*xdp),
		      mode == XDP_ATTACHED_SKB ? IFLA_XDP_SKB_PROG_ID : IFLA_XDP_DRV_PROG_ID, 4, prog);
	at = put_attr(at, IFLA_XDP_ATTACHED, 1, mode);
	put_attr(at, IFLA_XDP_PROG_ID, 4, prog);
	h->nlmsg_len += REPORT - old;
	return REPORT - old;
}

/* n bytes came into buf, which has room for size. How many they are now. */
static ssize_t incoming(int fd, u8 *buf, size_t n, size_t size, bool peek)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= n;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(buf + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n - at)
			break;
		if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			n += report(h, buf + n, size - n);
		else if (h->nlmsg_type == NLMSG_ERROR && !peek)
			n += answer_errno(fd, h, buf + n, size - n);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return (ssize_t)n;
}

static bool any_pending(void)
{
	for (u32 i = 0; i < PENDING; i++)
		if (atomic_load_explicit(&pending[i], memory_order_relaxed))
			return true;
	return false;
}

/*
 * Who asks for the length first (MSG_PEEK and MSG_TRUNC) is told one that will do for what is put in between.
 */
static ssize_t received(int fd, void *buf, ssize_t n, size_t size, int flags)
{
	if (n <= 0 || (flags & MSG_PEEK && flags & MSG_TRUNC))
		return n <= 0 ? n : n + (ssize_t)(sys_xdp_count() * REPORT + (any_pending() ? TEXT_MAX : 0));
	return (size_t)n > size ? n : incoming(fd, buf, (size_t)n, size, flags & MSG_PEEK);
}

EXPORT ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
	ssize_t got = NEXT(recvfrom)(fd, buf, n, flags, from, len);

	return unlikely(is_route(fd)) ? received(fd, buf, got, n, flags) : got;
}

EXPORT ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	ssize_t got = NEXT(recv)(fd, buf, n, flags);

	return unlikely(is_route(fd)) ? received(fd, buf, got, n, flags) : got;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t got = NEXT(recvmsg)(fd, m, flags);

	if (likely(!is_route(fd)) || got <= 0 || m->msg_iovlen != 1)
		return got;
	return received(fd, m->msg_iov[0].iov_base, got, m->msg_iov[0].iov_len, flags);
}
