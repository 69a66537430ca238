// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is a socket still there: see sock_live.h.
 *
 * A unix socket is asked for by its inode. TCP and UDP sockets can only be asked
 * for by their addresses, which may change; so all of the kind are listed, and
 * the one with that cookie is looked for. A listing that breaks off proves nothing.
 */
#include "map/sock_live.h"
#include "util/raw.h"
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <linux/xdp_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define ALL_STATES ~0u
#define PIECES_MAX 100000 /* of a listing */
#define FAMILY_XDP 44

enum { GONE, THERE, UNKNOWN, MORE };

static int ask(const void *req, u32 len)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = (int)raw3(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct timeval patience = { .tv_sec = 2 };

	if (fd < 0)
		return fd;
	raw5(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* sendto has six arguments, which leave no room for the cookie; the filter never traps it. */
	if (raw6(SYS_sendto, fd, (long)req, len, MSG_NOSIGNAL, (long)&to, sizeof(to)) == (long)len)
		return fd;
	raw_close(fd);
	return -EIO;
}

static u64 cookie_of(const u32 c[2])
{
	return (u64)c[1] << 32 | c[0];
}

/* One message of an answer. */
static int judge(const struct nlmsghdr *n, const struct map_thing *t)
{
	const void *data = NLMSG_DATA(n);
	u64 cookie = 0;

	if (n->nlmsg_type == NLMSG_DONE)
		return GONE;
	if (n->nlmsg_type == NLMSG_ERROR) {
		int err = ((const struct nlmsgerr *)data)->error;

		return err == -ENOENT && t->sock == SK_UNIX ? GONE : err == -ESTALE ? GONE : UNKNOWN;
	}
	if (t->sock == SK_UNIX && n->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
		cookie = cookie_of(((const struct unix_diag_msg *)data)->udiag_cookie);
	else if (t->sock == SK_XDP && n->nlmsg_len >= NLMSG_LENGTH(sizeof(struct xdp_diag_msg)))
		cookie = cookie_of(((const struct xdp_diag_msg *)data)->xdiag_cookie);
	else if (n->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
		const struct inet_diag_msg *m = data;

		/* A connection may linger when its socket is gone; it has no inode then. */
		if (cookie_of(m->id.idiag_cookie) == t->id)
			return m->idiag_inode ? THERE : GONE;
	}
	return cookie == t->id ? THERE : t->sock == SK_UNIX ? GONE : MORE;
}

static int read_answer(int fd, const struct map_thing *t)
{
	u8 buf[8192] __attribute__((aligned(8)));

	for (u32 pieces = 0; pieces < PIECES_MAX; pieces++) {
		long n = raw6(SYS_recvfrom, fd, (long)buf, sizeof(buf), 0, 0, 0);
		const struct nlmsghdr *h = (const void *)buf;

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return UNKNOWN;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			int verdict = h->nlmsg_flags & NLM_F_DUMP_INTR ? UNKNOWN : judge(h, t);

			if (verdict != MORE)
				return verdict;
		}
	}
	return UNKNOWN;
}

static int ask_unix(const struct map_thing *t)
{
	struct {
		struct nlmsghdr n;
		struct unix_diag_req r;
	} q = {
		.n = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .sdiag_family = AF_UNIX,
		       .udiag_states = ALL_STATES,
		       .udiag_ino = t->ino,
		       .udiag_cookie = { (u32)t->id, (u32)(t->id >> 32) } },
	};

	return ask(&q, sizeof(q));
}

static int ask_xdp(void)
{
	struct {
		struct nlmsghdr n;
		struct xdp_diag_req r;
	} q = {
		.n = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = FAMILY_XDP },
	};

	return ask(&q, sizeof(q));
}

static int ask_inet(const struct map_thing *t)
{
	struct {
		struct nlmsghdr n;
		struct inet_diag_req_v2 r;
	} q = {
		.n = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = t->sock == SK_TCP6 || t->sock == SK_UDP6 ? AF_INET6 : AF_INET,
		       .sdiag_protocol = t->sock == SK_TCP4 || t->sock == SK_TCP6 ? IPPROTO_TCP : IPPROTO_UDP,
		       .idiag_states = ALL_STATES },
	};

	return ask(&q, sizeof(q));
}

u16 sock_netns_here(void)
{
	struct stat st;

	return raw_fstatat(AT_FDCWD, "/proc/thread-self/ns/net", &st, 0) ? 0 : (u16)st.st_ino;
}

bool sock_live(const struct map_thing *t)
{
	int fd, verdict;

	if (!t->netns || t->netns != sock_netns_here())
		return true;
	switch (t->sock) {
	case SK_UNIX: fd = ask_unix(t); break;
	case SK_XDP: fd = ask_xdp(); break;
	case SK_TCP4:
	case SK_TCP6:
	case SK_UDP4:
	case SK_UDP6: fd = ask_inet(t); break;
	default: return true;
	}
	if (fd < 0)
		return true;
	verdict = read_answer(fd, t);
	raw_close(fd);
	return verdict != GONE;
}
