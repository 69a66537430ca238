// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shared by the files of netlink (netlink*.c): attributes, and answers that go to the client by way of the
 * kernel.
 *
 * What the kernel would have sent beside an acknowledgement goes there in a carrier: a message of a type that
 * no kernel knows, with whole messages of ours as its payload. The kernel's error repeats it to the client,
 * where the messages are unpacked (netlink_from_kernel). A carrier is no larger than what a kernel puts into
 * one piece of a dump, so that it fits the buffers that clients have for those.
 *
 *     +--------+-----------+-----------+----
 *     | header | message 1 | message 2 | ...      nlmsg_pid: the mark; of the messages: set when unpacked
 *     +--------+-----------+-----------+----
 */
#ifndef PINFS_SYS_NETLINK_INT_H
#define PINFS_SYS_NETLINK_INT_H

#include <linux/netlink.h>
#include <string.h>
#include "sys/cmds.h"
#include "sys/netlink.h"

#define NETLINK_MARK    0x5bf1u /* upper half of nlmsg_pid */
#define NETLINK_CARRIER 0xeffeu /* type of a carrier: above RTM_MAX */

/* Attributes from `at` on, in [at, end); NULL: no (more) whole one. */
static inline struct nlattr *attr_at(u8 *at, const u8 *end)
{
	struct nlattr *a = (void *)at;

	if (end - at < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > end - at)
		return NULL;
	return a;
}

static inline u8 *attr_next(struct nlattr *a)
{
	return (u8 *)a + NLA_ALIGN(a->nla_len);
}

static inline u32 attr_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline u32 attr_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static inline u32 attr_u32(const struct nlattr *a)
{
	u32 v;

	memcpy(&v, a + 1, sizeof(v));
	return v;
}

#define EACH_ATTR(a, from, end) for (struct nlattr *a = attr_at(from, end); a; a = attr_at(attr_next(a), end))

/* What was done of a message. */
struct netlink_done {
	bool mine;        /* there was something for us in it */
	int err;          /* 0 or an errno */
	const char *text; /* the kernel's text for it, NULL: none */
	bool rest;        /* there is more in it than what was done: the kernel has to do that */
};

/* Turns m into what is sent to the kernel; there is room for NETLINK_TEXT_MAX bytes behind it. Its length, 0
 * if nothing is to be sent. Of o only the socket's options count, and `whole` is set. */
u32 netlink_to_kernel(struct nlmsghdr *m, const struct netlink_done *d, struct netlink_out *o);

/* Messages for the client, in carriers. */
struct netlink_reply {
	struct netlink_out *o;
	const struct nlmsghdr *request;
	u32 carrier; /* offset of the open one in o->buf */
	bool open;
};

/* Begins a message with `head` bytes behind its header, zeroed; for attributes as many again as max. NULL: no
 * room. */
struct nlmsghdr *reply_begin(struct netlink_reply *r, u16 type, u16 flags, u32 head, u32 max);
/* An attribute at its end; len bytes of data. */
struct nlattr *reply_attr(struct nlmsghdr *m, u16 type, const void *data, u32 len);
void reply_nest_end(struct nlmsghdr *m, struct nlattr *nest);
/* The message is complete. */
void reply_end(struct netlink_reply *r, struct nlmsghdr *m);
/* There will be no more of them. */
void reply_close(struct netlink_reply *r);

/* netlink_tc.c: could there be something for us in the message, which has a request's flag? */
bool netlink_tc_may(const struct nlmsghdr *m);

/* Carries it out. False: it is the kernel's, as it is (maybe after a reply of ours). */
bool netlink_tc(struct cmd_ctx *x, struct nlmsghdr *m, struct netlink_reply *r, int *err, const char **why);

#endif
