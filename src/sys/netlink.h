// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netlink: XDP programs that a client attaches by RTM_SETLINK and asks for by RTM_GETLINK.
 *
 * The client talks to the kernel, over its own socket. What is ours is carried out here before the message
 * goes on, and the kernel is asked for the acknowledgement: so it arrives in order, wakes who polls, and
 * waits in the socket until it is read, by whomever. The message that goes to the kernel is a changed one:
 *
 *     it worked   NLMSG_NOOP, which the kernel acknowledges if NLM_F_ACK is set
 *     it did not  a type that no kernel knows, with the errno in it: the kernel's error has the whole message
 *                 in it, and so room for ours with its text
 *
 *     +--------+----------------------+-------------------+
 *     | header | the client's payload | text of the error |   nlmsg_pid: a mark, the true type, length of the
 * text
 *     +--------+----------------------+-------------------+
 *
 * What the kernel sends back is put right where the client receives it: from the mark alone, so nothing is
 * kept about a socket, and a message that is received by another process is put right there, too.
 */
#ifndef PINFS_SYS_NETLINK_H
#define PINFS_SYS_NETLINK_H

#include <linux/netlink.h>
#include "sys/caller.h"

#define NETLINK_TEXT_MAX 128u /* by how much a message may grow on its way to the kernel */

/* What was done of a message. */
struct netlink_done {
	int err;          /* 0 or an errno */
	const char *text; /* the kernel's text for it, NULL: none */
	bool rest;        /* there is more in the message than what was done: the kernel has to do that */
};

/* Is the message (a whole one, as long as its header says) one with something for us in it? */
bool netlink_is_ours(const struct nlmsghdr *m);

/* Carries it out for the client, in the network namespace of the calling thread. */
void netlink_do(struct bpf_caller *c, const struct nlmsghdr *m, struct netlink_done *d);

/* What a socket wants of acknowledgements: NETLINK_EXT_ACK and NETLINK_CAP_ACK. */
struct netlink_acks {
	bool texts, capped;
};

/*
 * Turns m into what is sent to the kernel; there is room for NETLINK_TEXT_MAX bytes behind it. Its length, 0
 * if nothing is to be sent. A text comes back in a whole message only: the socket must not have
 * NETLINK_CAP_ACK in that moment (netlink_has_text), and the message is cut when it is put right.
 */
u32 netlink_to_kernel(struct nlmsghdr *m, const struct netlink_done *d, const struct netlink_acks *a);
bool netlink_has_text(const struct nlmsghdr *m);

/* Are the n bytes that a client has received the beginning of something to be put right? */
bool netlink_may_change(const void *buf, size_t n);

/* Puts n received bytes right, in a buffer of `room` bytes: how many there are now. */
size_t netlink_from_kernel(struct bpf_caller *c, void *buf, size_t n, size_t room);

#endif
