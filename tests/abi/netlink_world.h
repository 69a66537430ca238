// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world of netlink rows: a NETLINK_ROUTE socket, messages built attribute by attribute, and what comes
 * back, checked for its shape.
 */
#ifndef PINFS_TESTS_NETLINK_WORLD_H
#define PINFS_TESTS_NETLINK_WORLD_H

#include <linux/netlink.h>
#include <stdbool.h>
#include "abi/link_world.h"

static int nl, seq;
static uint32_t port;

struct message {
	union {
		struct nlmsghdr h;
		char bytes[1024];
	};
};

/* A message with a head of n bytes behind its header. */
static inline void *begin_with(struct message *m, uint16_t type, uint16_t flags, size_t n)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = flags;
	m->h.nlmsg_seq = (uint32_t)++seq;
	m->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(n);
	return NLMSG_DATA(&m->h);
}

static inline void begin(struct message *m, uint16_t type, uint16_t flags, int index)
{
	struct ifinfomsg *i = begin_with(m, type, flags, sizeof(*i));

	i->ifi_index = index;
}

static inline struct nlattr *put(struct message *m, uint16_t type, const void *data, uint16_t n)
{
	struct nlattr *a = (void *)(m->bytes + m->h.nlmsg_len);

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n)
		memcpy(a + 1, data, n);
	m->h.nlmsg_len += NLA_ALIGN(a->nla_len);
	return a;
}

static inline void put32(struct message *m, uint16_t type, int v)
{
	put(m, type, &v, 4);
}

static inline void nest_end(struct message *m, struct nlattr *a)
{
	a->nla_len = (uint16_t)(m->bytes + m->h.nlmsg_len - (char *)a);
}

/* Attributes from `a` to `end`. */
#define EACH_ATTR(a, from, end)                                                                              \
	for (const struct nlattr *a = (const void *)(from);                                                  \
	     (const char *)(a + 1) <= (const char *)(end) && a->nla_len >= sizeof(*a);                       \
	     a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len)))

/* An acknowledgement: its errno, the text, and whether it has the shape that it should. */
static inline int print_ack(const struct message *sent, const char *buf, long n)
{
	const struct nlmsghdr *h = (const void *)buf;
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t echo = NLMSG_HDRLEN;
	const char *end = buf + n;

	if (n < (long)NLMSG_LENGTH(sizeof(*e)) || h->nlmsg_type != NLMSG_ERROR) {
		say(": no acknowledgement, %ld bytes, type %u\n", n, n >= 16 ? h->nlmsg_type : 0);
		return -1;
	}
	if (!(h->nlmsg_flags & 0x100))
		echo = NLMSG_ALIGN(e->msg.nlmsg_len);
	say(": %s", e->error ? errno_name(-e->error) : "ok");
	say(" len %ld flags %#x%s%s", n, h->nlmsg_flags, h->nlmsg_len == n ? "" : " length",
	    h->nlmsg_pid == port ? "" : " port");
	say("%s%s", h->nlmsg_seq == sent->h.nlmsg_seq ? "" : " sequence",
	    memcmp(&e->msg, sent, echo) ? " other echo" : "");
	if (h->nlmsg_flags & 0x200)
		EACH_ATTR(a, (const char *)&e->msg + echo, end)
		{
			if ((a->nla_type & NLA_TYPE_MASK) == 1)
				say(" [%s]", (const char *)(a + 1));
			else
				say(" {%u: %u bytes}", a->nla_type & NLA_TYPE_MASK, a->nla_len);
		}
	say("\n");
	return e->error;
}

static inline int ask(struct message *m)
{
	static char buf[8192];
	long n = send(nl, m, m->h.nlmsg_len, 0), got;

	if (n != (long)m->h.nlmsg_len)
		say(" sent %ld", n);
	got = recv(nl, buf, sizeof(buf), MSG_PEEK | MSG_TRUNC);
	n = recv(nl, buf, sizeof(buf), 0);
	if (got != n)
		say(" peeked %ld got %ld", got, n);
	return print_ack(m, buf, n);
}

/* A pair of devices, v0 and v1. */
static inline void make_veth(void)
{
	struct nlattr *info, *data, *peer;
	struct ifinfomsg none = { 0 };
	struct message m;

	begin(&m, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
	put(&m, IFLA_IFNAME, "v0", 3);
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "veth", 4);
	data = put(&m, IFLA_INFO_DATA, NULL, 0);
	peer = put(&m, 1, &none, sizeof(none));
	put(&m, IFLA_IFNAME, "v1", 3);
	nest_end(&m, peer);
	nest_end(&m, data);
	nest_end(&m, info);
	say("make a veth");
	ask(&m);
}

static inline void netlink_open(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(self);
	int on = 1;

	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	must(nl >= 0 && !bind(nl, (void *)&self, len) && !getsockname(nl, (void *)&self, &len), "a socket");
	port = self.nl_pid;
	setsockopt(nl, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
}

#endif
