// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netlink sockets: what a client attaches over them, and what it is told.
 *
 * A message with something for us in it is carried out before it is sent, and sent as one that the
 * kernel acknowledges; what comes back is put right when it is received (sys/netlink.h). So nothing is queued
 * here, and poll, epoll, timeouts and the order of messages are the kernel's.
 *
 * All other sockets pay one bit: `net_route` says of a number that a NETLINK_ROUTE socket was made, or
 * copied, to it. A bit is never taken back. It is a hint: before a message is touched the socket itself is
 * asked.
 *
 * Not seen: sockets that came by exec or over another socket, sendmmsg(2) and recvmmsg(2)
 * on them, and those that the C library makes for itself.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "frontend/preload/preload.h"
#include "sys/netlink.h"

#define SEND_MAX 65536u
#define PIECES   1024u /* of a message, at most (UIO_MAXIOV) */
#define AT_ONCE  32u

_Atomic u64 net_route[NET_FDS / 64];

static void mark_route(int fd)
{
	u32 bit = (u32)fd < NET_FDS ? (u32)fd : NET_FDS - 1;

	atomic_fetch_or_explicit(&net_route[bit / 64], 1ull << bit % 64, memory_order_relaxed);
}

void net_copied(int from, int to)
{
	if (net_may_be_route(from))
		mark_route(to);
}

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	return raw5(SYS_getsockopt, fd, level, name, &v, &len) ? -1 : v;
}

static void set_capped(int fd, int on)
{
	raw5(SYS_setsockopt, fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

static bool is_route(int fd)
{
	return option(fd, SOL_SOCKET, SO_DOMAIN) == AF_NETLINK &&
	       option(fd, SOL_SOCKET, SO_PROTOCOL) == NETLINK_ROUTE;
}

EXPORT int socket(int domain, int type, int protocol)
{
	long fd = raw6(SYS_socket, domain, type, protocol, 0, 0, 0);

	if (unlikely(fd >= 0 && domain == AF_NETLINK && protocol == NETLINK_ROUTE) && pre_attached)
		mark_route((int)fd);
	return (int)ret_errno(fd);
}

/* ---- sending ---- */

/* Memory for what is sent or received, and how the call is made. */
struct scratch {
	u8 *in, *out;
	size_t size;
};

static bool scratch_get(struct scratch *s, size_t in, size_t out)
{
	s->size = in + out;
	s->in = raw_mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->out = s->in + in;
	return !IS_ERR(s->in);
}

static void scratch_put(struct scratch *s)
{
	raw_munmap(s->in, s->size);
}

/* A client's message, as far as it has been read. */
struct outgoing {
	const struct msghdr *from;
	struct msghdr mh;
	struct iovec iov[AT_ONCE];
	struct sockaddr_nl to;
	size_t total;
	struct nlmsghdr first;
};

static bool may_have_ours(u32 type)
{
	switch (type) {
	case RTM_SETLINK:
	case RTM_NEWLINK:
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_GETQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_GETTFILTER: return true;
	default: return false;
	}
}

/* The pieces from `at` on, as many as there is room for, into o->iov: how many. */
static int read_pieces(struct outgoing *o, size_t at)
{
	size_t n = MIN(o->mh.msg_iovlen - at, AT_ONCE);

	return guard_copy(o->iov, o->mh.msg_iov + at, n * sizeof(o->iov[0])) ?: (int)n;
}

static int read_lengths(struct outgoing *o)
{
	for (size_t at = 0; at < o->mh.msg_iovlen;) {
		int n = read_pieces(o, at);

		if (n < 0)
			return n;
		if (!at && (o->iov[0].iov_len < sizeof(o->first) ||
			    guard_copy(&o->first, o->iov[0].iov_base, sizeof(o->first)) ||
			    !may_have_ours(o->first.nlmsg_type)))
			return -EINVAL;
		for (int i = 0; i < n; i++) {
			if (o->iov[i].iov_len > SEND_MAX)
				return -EINVAL;
			o->total += o->iov[i].iov_len;
		}
		if (o->total > SEND_MAX)
			return -EINVAL;
		at += (size_t)n;
	}
	return 0;
}

/* 0, or other: that the kernel says what is wrong with it. */
static int read_head(struct outgoing *o)
{
	int err = guard_copy(&o->mh, o->from, sizeof(o->mh));

	if (err || !o->mh.msg_iovlen || o->mh.msg_iovlen > PIECES)
		return -EINVAL;
	if (o->mh.msg_name && o->mh.msg_namelen >= sizeof(o->to))
		err = guard_copy(&o->to, o->mh.msg_name, sizeof(o->to));
	if (err || o->to.nl_pid || o->to.nl_groups)
		return -EINVAL;
	return read_lengths(o);
}

/* The pieces may have become others since they were measured. */
static int read_all(struct outgoing *o, u8 *to)
{
	size_t left = o->total;

	for (size_t at = 0; at < o->mh.msg_iovlen;) {
		int n = read_pieces(o, at), err = 0;

		for (int i = 0; i < n && !err; i++) {
			if (o->iov[i].iov_len > left)
				return -EINVAL;
			/* An empty piece is nowhere. */
			if (o->iov[i].iov_len)
				err = guard_copy(to, o->iov[i].iov_base, o->iov[i].iov_len);
			to += o->iov[i].iov_len;
			left -= o->iov[i].iov_len;
		}
		if (n < 0 || err)
			return -EFAULT;
		at += (size_t)n;
	}
	return left ? -EINVAL : 0;
}

static noinline int run_guarded(struct op *op, struct outgoing *o, u8 *to)
{
	int err = guard_set(&op->guard);

	if (unlikely(err)) {
		op_fault(op);
		return err;
	}
	return to ? read_all(o, to) : read_head(o);
}

/* Reads the client's memory: the head (to is NULL), or all of the message. */
static int fetch(struct outgoing *o, u8 *to)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = run_guarded(op, o, to);
	op_leave(op);
	return err;
}

/* Carries out what is ours of the n bytes of messages and makes in o what the kernel is to have. */
static void serve_all(struct bpf_caller *c, struct netlink_out *o, const u8 *in, size_t n)
{
	size_t at = 0;

	while (n - at >= NLMSG_HDRLEN) {
		const struct nlmsghdr *m = (const void *)(in + at);
		size_t len;

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > n - at)
			break;
		len = MIN(NLMSG_ALIGN(m->nlmsg_len), n - at);
		if (netlink_may_be_ours(m)) {
			netlink_serve(c, m, len, o);
		} else {
			memcpy(o->buf + o->n, m, len);
			o->n += len;
		}
		at += len;
	}
	memcpy(o->buf + o->n, in + at, n - at);
	o->n += n - at;
}

static bool any_ours(const u8 *in, size_t n)
{
	size_t at = 0;

	while (at < n && n - at >= NLMSG_HDRLEN) {
		const struct nlmsghdr *m = (const void *)(in + at);

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > n - at)
			return false;
		if (netlink_may_be_ours(m))
			return true;
		at += NLMSG_ALIGN(m->nlmsg_len);
	}
	return false;
}

#define NOT_OURS (-0x7fffffffl)

/* How and where to it is sent. */
struct sending {
	int fd, flags;
	struct msghdr *mh;
};

static long send_out(struct netlink_out *o)
{
	const struct sending *s = o->arg;
	struct iovec v = { .iov_base = o->buf, .iov_len = o->n };
	long ret;

	s->mh->msg_iov = &v;
	s->mh->msg_iovlen = 1;
	if (o->whole)
		set_capped(s->fd, 0);
	ret = raw6(SYS_sendmsg, s->fd, (long)s->mh, s->flags, 0, 0, 0);
	if (o->whole)
		set_capped(s->fd, 1);
	return MIN(ret, 0);
}

static long send_fetched(struct bpf_caller *c, int fd, struct outgoing *o, struct scratch *s, int flags)
{
	struct sending how = { fd, flags, &o->mh };
	struct netlink_out out = { .buf = s->out, .send = send_out, .arg = &how };

	if (fetch(o, s->in) || !any_ours(s->in, o->total) || !is_route(fd))
		return NOT_OURS;
	out.texts = option(fd, SOL_NETLINK, NETLINK_EXT_ACK) == 1;
	out.capped = option(fd, SOL_NETLINK, NETLINK_CAP_ACK) == 1;
	serve_all(c, &out, s->in, o->total);
	if (out.n && !out.failed)
		out.failed = send_out(&out);
	return out.failed ? out.failed : (long)o->total;
}

static long send_looked_at(struct bpf_caller *c, int fd, const struct msghdr *mh, int flags)
{
	struct outgoing o = { .from = mh };
	struct scratch s;
	long ret;

	/* Each message has at least a header, and may grow. */
	if (fetch(&o, NULL) ||
	    !scratch_get(&s, SEND_MAX,
			 o.total + (o.total / NLMSG_HDRLEN + 1) * NETLINK_TEXT_MAX + NETLINK_REPLY_ROOM))
		return NOT_OURS;
	ret = send_fetched(c, fd, &o, &s, flags);
	scratch_put(&s);
	return ret;
}

/* The answer, or NOT_OURS: nothing has been done. */
static noinline long send_ours(int fd, const struct msghdr *mh, int flags)
{
	u64 borrowed;
	long ret = send_looked_at(pre_enter(&borrowed), fd, mh, flags);

	pre_leave(borrowed);
	return ret;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *mh, int flags)
{
	long ret = likely(!net_may_be_route(fd)) ? NOT_OURS : send_ours(fd, mh, flags);

	return ret == NOT_OURS ? NEXT(sendmsg)(fd, mh, flags) : ret_errno(ret);
}

static long send_flat(int fd, const void *buf, size_t n, int flags, const void *to, socklen_t len)
{
	struct iovec v = { (void *)(uintptr_t)buf, n };
	struct msghdr mh = {
		.msg_name = (void *)(uintptr_t)to, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1
	};

	return send_ours(fd, &mh, flags);
}

EXPORT ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	long ret = likely(!net_may_be_route(fd)) ? NOT_OURS : send_flat(fd, buf, n, flags, NULL, 0);

	return ret == NOT_OURS ? NEXT(send)(fd, buf, n, flags) : ret_errno(ret);
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
	long ret = likely(!net_may_be_route(fd)) ? NOT_OURS : send_flat(fd, buf, n, flags, to, len);

	return ret == NOT_OURS ? NEXT(sendto)(fd, buf, n, flags, to, len) : ret_errno(ret);
}

bool net_written(int fd, const struct iovec *v, int n, ssize_t *ret)
{
	struct msghdr mh = { .msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = n > 0 ? (size_t)n : 0 };
	long r = send_ours(fd, &mh, 0);

	if (r == NOT_OURS)
		return false;
	*ret = ret_errno(r);
	return true;
}

/* ---- receiving ---- */

/* n: what recv(2) has answered for a buffer of `room` bytes. */
static noinline ssize_t received(int fd, void *buf, ssize_t n, size_t room)
{
	size_t have = MIN((size_t)n, room), now;
	u64 borrowed;

	if (!netlink_may_change(buf, have) || !is_route(fd))
		return n;
	now = netlink_from_kernel(pre_enter(&borrowed), buf, have, room);
	pre_leave(borrowed);
	return n + (ssize_t)now - (ssize_t)have;
}

static ssize_t received_parts(int fd, const struct msghdr *mh, ssize_t n)
{
	size_t room = 0, at = 0;
	struct scratch s;

	for (size_t i = 0; i < mh->msg_iovlen; i++)
		room += mh->msg_iov[i].iov_len;
	if (!room || !scratch_get(&s, room, 0))
		return n;
	for (size_t i = 0; i < mh->msg_iovlen; at += mh->msg_iov[i++].iov_len)
		memcpy(s.in + at, mh->msg_iov[i].iov_base, mh->msg_iov[i].iov_len);
	n = received(fd, s.in, n, room);
	at = 0;
	for (size_t i = 0; i < mh->msg_iovlen; at += mh->msg_iov[i++].iov_len)
		memcpy(mh->msg_iov[i].iov_base, s.in + at, mh->msg_iov[i].iov_len);
	scratch_put(&s);
	return n;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *mh, int flags)
{
	ssize_t n = NEXT(recvmsg)(fd, mh, flags);

	if (likely(n <= 0 || !net_may_be_route(fd)))
		return n;
	if (mh->msg_iovlen == 1)
		return received(fd, mh->msg_iov->iov_base, n, mh->msg_iov->iov_len);
	return received_parts(fd, mh, n);
}

ssize_t net_was_read(int fd, const struct iovec *v, int nv, ssize_t n)
{
	const struct msghdr mh = { .msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)nv };

	if (n <= 0)
		return n;
	return nv == 1 ? received(fd, v->iov_base, n, v->iov_len) : received_parts(fd, &mh, n);
}

EXPORT ssize_t recvfrom(int fd, void *buf, size_t room, int flags, struct sockaddr *from, socklen_t *len)
{
	ssize_t n = NEXT(recvfrom)(fd, buf, room, flags, from, len);

	return likely(n <= 0 || !net_may_be_route(fd)) ? n : received(fd, buf, n, room);
}

EXPORT ssize_t recv(int fd, void *buf, size_t room, int flags)
{
	ssize_t n = NEXT(recv)(fd, buf, room, flags);

	return likely(n <= 0 || !net_may_be_route(fd)) ? n : received(fd, buf, n, room);
}

/* What a fortified program calls: it dies by the C library's own hand when room is more than there is. */
ssize_t __recv_chk(int fd, void *buf, size_t room, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t room, size_t size, int flags, struct sockaddr *from,
		       socklen_t *len);
void __chk_fail(void) __attribute__((noreturn));

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t room, size_t size, int flags)
{
	if (room > size)
		__chk_fail();
	return recv(fd, buf, room, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t room, size_t size, int flags, struct sockaddr *from,
			      socklen_t *len)
{
	if (room > size)
		__chk_fail();
	return recvfrom(fd, buf, room, flags, from, len);
}
