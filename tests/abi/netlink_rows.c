// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP programs by netlink, row by row: RTM_SETLINK with IFLA_XDP, what RTM_GETLINK
 * then tells, beside links; the shape of acknowledgements.
 *
 * Devices of a network namespace of our own: one whose driver runs XDP itself (veth), one that has
 * the generic kind alone (bridge), and lo.
 */
#include <poll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "abi/netlink_world.h"

#define F_NOEXIST 1u
#define F_SKB     2u
#define F_DRV     4u
#define F_HW      8u
#define F_REPL    16u

enum { NONE = -100 }; /* an attribute that is not in the message */

static int dev_veth, dev_bridge;

static const char *dev_name(int index)
{
	if (index == dev_veth)
		return "veth";
	if (index == dev_bridge)
		return "bridge";
	return index == 1 ? "lo" : "no device";
}

static int set_xdp(int index, int fd, int64_t flags, int expected)
{
	struct message m;
	struct nlattr *nest;

	begin(&m, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, index);
	nest = put(&m, IFLA_XDP | NLA_F_NESTED, NULL, 0);
	say("set %s", dev_name(index));
	if (fd != NONE) {
		put32(&m, IFLA_XDP_FD, fd);
		say(" fd %s", fd_name(fd));
	}
	if (flags >= 0) {
		put32(&m, IFLA_XDP_FLAGS, (int)(uint32_t)flags);
		say(" flags %#x", (uint32_t)flags);
	}
	if (expected != NONE) {
		put32(&m, IFLA_XDP_EXPECTED_FD, expected);
		say(" expected %s", fd_name(expected));
	}
	nest_end(&m, nest);
	return ask(&m);
}

static void print_xdp(const struct nlattr *xdp)
{
	const char *end = (const char *)xdp + xdp->nla_len;
	const struct nlattr *a = xdp + 1;

	for (; (const char *)(a + 1) <= end && a->nla_len >= sizeof(*a);
	     a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len))) {
		uint32_t id;

		if (a->nla_type == IFLA_XDP_ATTACHED) {
			say(" attached %u", *(const uint8_t *)(a + 1));
			continue;
		}
		memcpy(&id, a + 1, 4);
		say(" %u=%s", a->nla_type, id_name(id, P0, P_END));
	}
	say(" len %u\n", xdp->nla_len);
}

/* The XDP part of one RTM_NEWLINK; what else is in it is only walked. */
static void print_link(const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	const struct nlattr *a = (const void *)(i + 1);
	const char *end = (const char *)h + h->nlmsg_len;
	int parts = 0;

	say("  %s:", dev_name(i->ifi_index));
	for (; (const char *)(a + 1) <= end && a->nla_len >= sizeof(*a);
	     a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len))) {
		parts++;
		if ((a->nla_type & NLA_TYPE_MASK) == IFLA_XDP)
			print_xdp(a);
	}
	if ((const char *)a != end || parts < 20)
		say("  broken: %d parts\n", parts);
}

static bool known_dev(const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	return i->ifi_index == dev_veth || i->ifi_index == dev_bridge || i->ifi_index == 1;
}

static void get_one(int index)
{
	static char buf[32768];
	struct message m;
	long peeked, n;

	begin(&m, RTM_GETLINK, NLM_F_REQUEST, index);
	send(nl, &m, m.h.nlmsg_len, 0);
	peeked = recv(nl, buf, sizeof(buf), MSG_PEEK | MSG_TRUNC);
	n = recv(nl, buf, sizeof(buf), 0);
	if (n != peeked || n != (long)((struct nlmsghdr *)buf)->nlmsg_len)
		say("  got %ld peeked %ld\n", n, peeked);
	print_link((void *)buf);
}

/* With a buffer that is just as large as what was announced: nothing may get lost. */
static void get_tight(int index)
{
	static char buf[32768];
	struct message m;
	struct iovec v[2];
	struct msghdr mh = { .msg_iov = v, .msg_iovlen = 2 };
	long n;

	begin(&m, RTM_GETLINK, NLM_F_REQUEST, index);
	send(nl, &m, m.h.nlmsg_len, 0);
	n = recv(nl, NULL, 0, MSG_PEEK | MSG_TRUNC);
	v[0] = (struct iovec){ buf, 40 };
	v[1] = (struct iovec){ buf + 40, (size_t)n - 40 };
	n = recvmsg(nl, &mh, 0);
	say("tight%s", mh.msg_flags & MSG_TRUNC ? " truncated" : "");
	print_link((void *)buf);
}

static void dump(size_t room)
{
	static char buf[32768];
	bool done = false;
	struct message m;
	long n;

	begin(&m, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0);
	send(nl, &m, m.h.nlmsg_len, 0);
	say("dump\n");
	while (!done && (n = recv(nl, buf, room, 0)) > 0)
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			done = h->nlmsg_type == NLMSG_DONE;
			if (h->nlmsg_type == RTM_NEWLINK && known_dev(h))
				print_link(h);
		}
}

static void make_devices(void)
{
	struct nlattr *info;
	struct message m;

	make_veth();
	begin(&m, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
	put(&m, IFLA_IFNAME, "b0", 3);
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "bridge", 6);
	nest_end(&m, info);
	say("make a bridge");
	ask(&m);
	dev_veth = (int)if_nametoindex("v0");
	dev_bridge = (int)if_nametoindex("b0");
	must(dev_veth && dev_bridge, "devices");
}

static void clear(int index)
{
	if (known_id[L0])
		close(L0);
	known_id[L0] = 0;
	set_xdp(index, -1, F_SKB, NONE);
	set_xdp(index, -1, F_DRV, NONE);
}

/* Everything at once that a client may ask, in each state that a device may be in. */
static void from_state(int index, int first, int64_t first_flags, bool link, bool few)
{
	static const int fds[] = { NONE,         -1,    P_XDP,  P_XDP2,    P_XDP_DEVMAP,
				   P_XDP_CPUMAP, P_CLS, FD_MAP, FD_CLOSED, FD_NULL };
	static const int64_t flags[] = { -1,
					 0,
					 F_SKB,
					 F_DRV,
					 F_HW,
					 F_NOEXIST,
					 F_SKB | F_NOEXIST,
					 F_REPL,
					 F_SKB | F_REPL,
					 F_DRV | F_REPL,
					 F_SKB | F_REPL | F_NOEXIST };
	static const int expected[] = { NONE, -1, P_XDP, P_XDP2, P_CLS, FD_CLOSED };

	bool stands = false; /* a refused one changes nothing */

	say("-- %s with %s flags %#x%s\n", dev_name(index), fd_name(first), (uint32_t)first_flags,
	    link ? " by a link" : "");
	for (unsigned f = 0; f < ARRAY_SIZE(fds); f++)
		for (unsigned m = 0; m < ARRAY_SIZE(flags); m++)
			for (unsigned e = 0; e < ARRAY_SIZE(expected); e++) {
				bool repl = flags[m] > 0 && flags[m] & F_REPL;

				/* On the kernel each change takes a while: from most states only some. */
				if ((!repl && e > 1) || (repl && fds[f] == FD_NULL) ||
				    (few && (m > 7 || f > 3)))
					continue;
				if (!stands && link)
					row_run(&(struct row){ LINK, first, index, BPF_XDP,
							       (uint32_t)first_flags, 0, 0, L0 });
				else if (!stands && first)
					set_xdp(index, first, first_flags, NONE);
				stands = set_xdp(index, fds[f], flags[m], expected[e]);
				get_one(index);
				if (!stands)
					clear(index);
			}
	clear(index);
}

static void odd_flags(void)
{
	for (int bit = 0; bit < 32; bit++)
		set_xdp(1, P_XDP, 1ll << bit, NONE);
	set_xdp(1, P_XDP, F_SKB | F_DRV, NONE);
	set_xdp(1, P_XDP, F_SKB | F_HW, NONE);
	set_xdp(1, P_XDP, F_SKB | F_DRV | F_HW, NONE);
	set_xdp(1, -1, F_SKB, NONE);
	set_xdp(IF_NONE, P_XDP, 0, NONE);
	set_xdp(IF_NONE, -1, 0, NONE);
}

/* Attributes of wrong lengths and of no business. */
static void odd_attributes(void)
{
	for (uint16_t type = 0; type < 12; type++)
		for (uint16_t len = 0; len <= 8; len += 2) {
			static const int fill[2] = { P_XDP, 0 };
			struct message m;
			struct nlattr *nest;

			begin(&m, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 1);
			nest = put(&m, IFLA_XDP | NLA_F_NESTED, NULL, 0);
			put32(&m, IFLA_XDP_FLAGS, F_SKB);
			put(&m, type, fill, len);
			nest_end(&m, nest);
			say("attribute %u of %u bytes", type, len);
			ask(&m);
			get_one(1);
			set_xdp(1, -1, F_SKB, NONE);
		}
}

/* The same by the other message, without an acknowledgement, with more in it. */
static void odd_messages(void)
{
	static const uint16_t types[] = { RTM_SETLINK, RTM_NEWLINK };
	struct message m;
	struct nlattr *nest;

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		begin(&m, types[t], NLM_F_REQUEST, 1);
		nest = put(&m, IFLA_XDP, NULL, 0);
		put32(&m, IFLA_XDP_FD, P_XDP);
		nest_end(&m, nest);
		say("message %u without an acknowledgement: sent %d\n", types[t],
		    send(nl, &m, m.h.nlmsg_len, 0) == (long)m.h.nlmsg_len);
		get_one(1);
		begin(&m, types[t], NLM_F_REQUEST | NLM_F_ACK, dev_bridge);
		put32(&m, IFLA_MTU, 1400 + (int)t);
		nest = put(&m, IFLA_XDP, NULL, 0);
		put32(&m, IFLA_XDP_FD, P_XDP);
		nest_end(&m, nest);
		say("message %u with an MTU", types[t]);
		ask(&m);
		get_one(dev_bridge);
		set_xdp(dev_bridge, -1, 0, NONE);
		set_xdp(1, -1, 0, NONE);
	}
}

static void wanted(struct message *m, int index, int fd)
{
	struct nlattr *nest;

	begin(m, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, index);
	nest = put(m, IFLA_XDP | NLA_F_NESTED, NULL, 0);
	put32(m, IFLA_XDP_FD, fd);
	nest_end(m, nest);
}

static void receive(const struct message *m)
{
	static char buf[8192];
	struct pollfd p = { .fd = nl, .events = POLLIN };

	say(" ready %d", poll(&p, 1, 1000));
	print_ack(m, buf, recv(nl, buf, sizeof(buf), 0));
	fflush(stdout);
}

/* Several messages in one, one message in several pieces, to an address, bad memory; answers read elsewhere.
 */
static void odd_sends(void)
{
	static char all[4096];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK },
			   other = { .nl_family = AF_NETLINK, .nl_pid = 4711 };
	static struct iovec many[sizeof(struct message)];
	struct message m[3];
	struct iovec v[3];
	struct msghdr mh = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = v, .msg_iovlen = 3
	};
	size_t n = 0;
	pid_t pid;

	wanted(&m[0], 1, P_XDP);
	begin(&m[1], RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, dev_bridge);
	put32(&m[1], IFLA_MTU, 1350);
	wanted(&m[2], 1, P_CLS);
	for (int i = 0; i < 3; i++) {
		memcpy(all + n, &m[i], m[i].h.nlmsg_len);
		n += NLMSG_ALIGN(m[i].h.nlmsg_len);
	}
	say("three in one: sent %d\n", send(nl, all, n, 0) == (long)n);
	for (int i = 0; i < 3; i++)
		receive(&m[i]);
	get_one(1);

	wanted(&m[0], 1, -1);
	v[0] = (struct iovec){ &m[0], 16 };
	v[1] = (struct iovec){ (char *)&m[0] + 16, 5 };
	v[2] = (struct iovec){ (char *)&m[0] + 21, m[0].h.nlmsg_len - 21 };
	say("in three pieces: sent %d", sendmsg(nl, &mh, 0) == (long)m[0].h.nlmsg_len);
	receive(&m[0]);
	wanted(&m[0], 1, P_XDP);
	say("to an address: sent %d", sendto(nl, &m[0], m[0].h.nlmsg_len, 0, (void *)&kernel,
					     sizeof(kernel)) == (long)m[0].h.nlmsg_len);
	receive(&m[0]);
	say("to nobody");
	result((int)sendto(nl, &m[0], m[0].h.nlmsg_len, 0, (void *)&other, sizeof(other)));
	say("from bad memory");
	result((int)send(nl, (void *)8, 64, 0));
	v[1].iov_base = (void *)8;
	say("a bad piece");
	result((int)sendmsg(nl, &mh, 0));
	say("a bad message");
	result((int)sendmsg(nl, (void *)8, 0));

	wanted(&m[0], 1, -1);
	say("by write: sent %d", write(nl, &m[0], m[0].h.nlmsg_len) == (long)m[0].h.nlmsg_len);
	print_ack(&m[0], all, read(nl, all, sizeof(all)));
	wanted(&m[0], 1, P_XDP);
	v[0] = (struct iovec){ &m[0], 20 };
	v[1] = (struct iovec){ (char *)&m[0] + 20, m[0].h.nlmsg_len - 20 };
	say("by writev: sent %d", writev(nl, v, 2) == (long)m[0].h.nlmsg_len);
	v[0] = (struct iovec){ all, 10 };
	v[1] = (struct iovec){ all + 10, sizeof(all) - 10 };
	print_ack(&m[0], all, readv(nl, v, 2));
	/* One byte each, and an empty one that is nowhere. */
	for (unsigned i = 0; i < 2 * m[0].h.nlmsg_len; i += 2) {
		many[i] = (struct iovec){ (char *)&m[0] + (i ? 15 + i / 2 : 0), i ? 1 : 16 };
		many[i + 1] = (struct iovec){ (void *)1, 0 };
	}
	say("in many pieces: sent %d",
	    writev(nl, many, 2 * (int)m[0].h.nlmsg_len - 30) == (long)m[0].h.nlmsg_len);
	print_ack(&m[0], all, read(nl, all, sizeof(all)));
	v[0] = (struct iovec){ (void *)8, 64 };
	say("by writev from bad memory");
	result((int)writev(nl, v, 1));

	wanted(&m[0], 1, P_XDP2);
	say("read by another process: sent %d",
	    send(nl, &m[0], m[0].h.nlmsg_len, 0) == (long)m[0].h.nlmsg_len);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		receive(&m[0]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	wanted(&m[0], 1, -1);
	say("by a copy of the socket: sent %d",
	    send(dup2(nl, L0 + 1), &m[0], m[0].h.nlmsg_len, 0) == (long)m[0].h.nlmsg_len);
	receive(&m[0]);
	close(L0 + 1);
	get_one(1);
}

static void options(void)
{
	int on = 1, off = 0;

	for (int cap = 0; cap < 2; cap++)
		for (int ext = 0; ext < 2; ext++) {
			setsockopt(nl, SOL_NETLINK, NETLINK_CAP_ACK, cap ? &on : &off, sizeof(on));
			setsockopt(nl, SOL_NETLINK, NETLINK_EXT_ACK, ext ? &on : &off, sizeof(on));
			say("-- CAP_ACK %d EXT_ACK %d\n", cap, ext);
			set_xdp(1, P_XDP, F_SKB, NONE);
			set_xdp(1, P_XDP2, F_DRV, NONE);
			set_xdp(1, P_CLS, F_SKB, NONE);
			set_xdp(1, -1, F_SKB, NONE);
		}
	setsockopt(nl, SOL_NETLINK, NETLINK_CAP_ACK, &off, sizeof(off));
	setsockopt(nl, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
}

/* The program stays when its last fd goes, and goes when it is taken away. */
static void holds(void)
{
	union row_attr a = { .w = { 0 } };
	int fd = load_prog(&world_progs[P_XDP - P0]);
	uint32_t id = object_id(fd);

	place_fd(fd, L0);
	set_xdp(1, L0, F_SKB, NONE);
	close(L0);
	a.w[0] = id;
	say("held: ");
	result_fd(raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12));
	set_xdp(1, P_XDP, F_SKB, NONE);
	say("replaced: ");
	result_fd(raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12));
	set_xdp(1, -1, F_SKB, NONE);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	world_make_net();
	netlink_open();
	make_devices();
	get_one(1);
	options();
	from_state(1, 0, 0, false, true);
	from_state(1, P_XDP, 0, false, false);
	from_state(1, P_XDP, 0, true, true);
	from_state(dev_veth, 0, 0, false, true);
	from_state(dev_veth, P_XDP, F_SKB, false, true);
	from_state(dev_veth, P_XDP, F_DRV, false, true);
	from_state(dev_veth, P_XDP, F_SKB, true, true);
	from_state(dev_veth, P_XDP, 0, true, true);
	odd_flags();
	odd_attributes();
	odd_messages();
	odd_sends();
	holds();
	set_xdp(1, P_XDP, F_SKB, NONE);
	set_xdp(dev_veth, P_XDP2, F_DRV, NONE);
	set_xdp(dev_bridge, P_XDP2, F_SKB, NONE);
	dump(32768);
	dump(8192);
	get_tight(1);
	get_tight(dev_veth);
	return 0;
}
