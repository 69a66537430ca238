// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netlink: XDP programs that a client attaches by RTM_SETLINK and asks for by RTM_GETLINK, and tc's filters
 * of kind "bpf" at a clsact (netlink_tc.c).
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

#define NETLINK_TEXT_MAX   128u /* by how much a message may grow on its way to the kernel */
#define NETLINK_REPLY_ROOM 32768u

/* Could there be something for us in the message (a whole one, as long as its header says)? */
bool netlink_may_be_ours(const struct nlmsghdr *m);

/* What goes to the kernel in place of what a client has sent. */
struct netlink_out {
	u8 *buf; /* room for all that the client sends, NETLINK_TEXT_MAX more for each message, and
		    NETLINK_REPLY_ROOM */
	size_t n;
	bool texts, capped; /* the socket's options NETLINK_EXT_ACK and NETLINK_CAP_ACK */
	/*
	 * Out: something comes back in a whole message only: the socket must not have NETLINK_CAP_ACK
	 * when this is sent. A message is cut when it is put right.
	 */
	bool whole;
	long failed; /* what send() answered first; 0 */
	/* Sends what is there so far, when there is too much of it. 0 or an errno. */
	long (*send)(struct netlink_out *o);
	void *arg;
};

/*
 * Carries out what is ours of a message for the client, in the network namespace of the calling thread, and
 * appends to o what the kernel is to have: `size` bytes, the message as it is, if there is nothing.
 */
void netlink_serve(struct bpf_caller *c, const struct nlmsghdr *m, size_t size, struct netlink_out *o);

/* Are the n bytes that a client has received the beginning of something to be put right? */
bool netlink_may_change(const void *buf, size_t n);

/* Puts n received bytes right, in a buffer of `room` bytes: how many there are now. */
size_t netlink_from_kernel(struct bpf_caller *c, void *buf, size_t n, size_t room);

#endif
