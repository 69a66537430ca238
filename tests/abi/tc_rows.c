// SPDX-License-Identifier: BSD-2-Clause
/*
 * tc filters by netlink, row by row: clsact made and taken away, filters of kind "bpf" set, changed, asked
 * for and dumped, what NLM_F_ECHO tells, and every refusal with its text.
 *
 * In a network namespace of our own, on a veth and on lo.
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <sys/time.h>
#include "abi/netlink_world.h"

#define CLSACT  0xfffffff1u /* parent of the qdisc */
#define INGRESS 0xfffffff2u
#define EGRESS  0xfffffff3u
#define MAJOR   0xffff0000u

#define CREATE NLM_F_CREATE
#define EXCL   NLM_F_EXCL
#define REPL   NLM_F_REPLACE
#define ECHO   NLM_F_ECHO
#define ACK    NLM_F_ACK

enum { NONE = -100 }; /* an attribute that is not in the message */

static int dev_veth;

/* ---- what comes back ---- */

static const char *dev_name(int index)
{
	return index == dev_veth ? "veth" : index == 1 ? "lo" : "no device";
}

static const char *parent_name(uint32_t p)
{
	static char buf[16];

	switch (p) {
	case CLSACT: return "clsact";
	case INGRESS: return "ingress";
	case EGRESS: return "egress";
	case MAJOR: return "ffff:";
	}
	snprintf(buf, sizeof(buf), "%x", p);
	return buf;
}

static uint32_t u32_of(const struct nlattr *a)
{
	uint32_t v = 0;

	memcpy(&v, a + 1, a->nla_len >= 8 ? 4 : a->nla_len - 4u);
	return v;
}

static void print_bytes(const struct nlattr *a)
{
	for (int i = 4; i < a->nla_len; i++)
		say("%02x", ((const uint8_t *)a)[i]);
}

static void print_options(const struct nlattr *o)
{
	say(" {");
	EACH_ATTR(a, o + 1, (const char *)o + o->nla_len)
	{
		say(" %u:", a->nla_type);
		switch (a->nla_type) {
		case TCA_BPF_NAME: say("%s", (const char *)(a + 1)); break;
		case TCA_BPF_ID: say("%s", id_name(u32_of(a), P0, P_END)); break;
		default: print_bytes(a);
		}
	}
	say(" }");
}

/* A qdisc or a filter: all of it, but for counters. */
static void print_tc(const struct nlmsghdr *h)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	const char *end = (const char *)h + h->nlmsg_len;

	say("   %u flags %#x %s handle %x parent %s info %x pad %d:", h->nlmsg_type, h->nlmsg_flags,
	    dev_name(t->tcm_ifindex), t->tcm_handle, parent_name(t->tcm_parent), t->tcm_info,
	    t->tcm_family | t->tcm__pad1 | t->tcm__pad2);
	EACH_ATTR(a, t + 1, end)
	{
		switch (a->nla_type) {
		case TCA_KIND: say(" %s", (const char *)(a + 1)); break;
		case TCA_CHAIN: say(" chain %u", u32_of(a)); break;
		case TCA_OPTIONS: print_options(a); break;
		default: say(" %u:%u", a->nla_type, a->nla_len);
		}
	}
	say(" len %u%s%s\n", h->nlmsg_len, h->nlmsg_pid == port ? "" : " port",
	    h->nlmsg_seq == (uint32_t)seq ? "" : " sequence");
}

/* Until the acknowledgement, or the end of a dump; with one message only if that is all there will be. */
static int answers(const struct message *m, bool one)
{
	static char buf[32768];

	for (;;) {
		long n = recv(nl, buf, sizeof(buf), 0);
		long left = n;

		if (n <= 0) {
			say(" nothing: %s\n", errno_name(errno));
			return -1;
		}
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return print_ack(m, (const char *)h, n - ((const char *)h - buf));
			if (h->nlmsg_type == NLMSG_DONE) {
				say("   done %#x\n", h->nlmsg_flags);
				return 0;
			}
			print_tc(h);
			if (one)
				return 0;
		}
	}
}

static int ask_all(struct message *m, bool one)
{
	if (send(nl, m, m->h.nlmsg_len, 0) != (long)m->h.nlmsg_len)
		say(" not sent: %s", errno_name(errno));
	return answers(m, one);
}

/* ---- what is asked ---- */

static struct tcmsg *begin_tc(struct message *m, uint16_t type, uint16_t flags, int index, uint32_t parent)
{
	struct tcmsg *t = begin_with(m, type, NLM_F_REQUEST | flags, sizeof(*t));

	t->tcm_ifindex = index;
	t->tcm_parent = parent;
	say("%s %s %s",
	    type == RTM_NEWQDISC     ? "new qdisc"
	    : type == RTM_DELQDISC   ? "del qdisc"
	    : type == RTM_GETQDISC   ? "get qdisc"
	    : type == RTM_NEWTFILTER ? "new"
	    : type == RTM_DELTFILTER ? "del"
				     : "get",
	    dev_name(index), parent_name(parent));
	if (flags & ~ACK)
		say(" flags %#x", flags & ~ACK);
	return t;
}

static void put_kind(struct message *m, const char *kind)
{
	if (!kind)
		return;
	put(m, TCA_KIND, kind, (uint16_t)(strlen(kind) + 1));
	say(" %s", kind);
}

static int qdisc(uint16_t type, int index, uint32_t parent, uint32_t handle, const char *kind, uint16_t flags)
{
	struct message m;

	begin_tc(&m, type, flags | ACK, index, parent)->tcm_handle = handle;
	say(" handle %x", handle);
	put_kind(&m, kind);
	return ask_all(&m, false);
}

static int clsact(int index)
{
	return qdisc(RTM_NEWQDISC, index, CLSACT, MAJOR, "clsact", CREATE | EXCL);
}

static int no_clsact(int index)
{
	return qdisc(RTM_DELQDISC, index, CLSACT, MAJOR, "clsact", 0);
}

/* A filter, as far as it is said. */
struct filter {
	int index;
	uint32_t parent, prio, proto, handle;
	const char *kind;
	int fd;           /* NONE, or a program's */
	int64_t flags;    /* -1: none */
	int64_t gen;      /* -1: none */
	int64_t classid;  /* -1: none */
	int64_t chain;    /* -1: none */
	const char *name; /* NULL: none */
	bool no_options;
};

static struct filter usual(void)
{
	return (struct filter){ .index = dev_veth,
				.parent = INGRESS,
				.prio = 1,
				.proto = ETH_P_ALL,
				.handle = 1,
				.kind = "bpf",
				.fd = P_CLS,
				.flags = 1,
				.gen = -1,
				.classid = -1,
				.chain = -1,
				.name = "one" };
}

static int tfilter(uint16_t type, uint16_t flags, const struct filter *f)
{
	struct message m;
	struct nlattr *o;
	struct tcmsg *t = begin_tc(&m, type, flags | (type == RTM_GETTFILTER ? 0 : ACK), f->index, f->parent);

	t->tcm_handle = f->handle;
	t->tcm_info = f->prio << 16 | (uint16_t)(f->proto << 8 | f->proto >> 8);
	say(" prio %u proto %x handle %x", f->prio, f->proto, f->handle);
	put_kind(&m, f->kind);
	if (f->chain >= 0) {
		put32(&m, TCA_CHAIN, (int)f->chain);
		say(" chain %u", (uint32_t)f->chain);
	}
	if (type != RTM_NEWTFILTER || f->no_options)
		return ask_all(&m, type == RTM_GETTFILTER);
	o = put(&m, TCA_OPTIONS, NULL, 0);
	if (f->fd != NONE) {
		put32(&m, TCA_BPF_FD, f->fd);
		say(" fd %s", fd_name(f->fd));
	}
	if (f->name) {
		put(&m, TCA_BPF_NAME, f->name, (uint16_t)(strlen(f->name) + 1));
		say(" name %s", f->name);
	}
	if (f->flags >= 0) {
		put32(&m, TCA_BPF_FLAGS, (int)(uint32_t)f->flags);
		say(" da %#x", (uint32_t)f->flags);
	}
	if (f->gen >= 0) {
		put32(&m, TCA_BPF_FLAGS_GEN, (int)(uint32_t)f->gen);
		say(" gen %#x", (uint32_t)f->gen);
	}
	if (f->classid >= 0) {
		put32(&m, TCA_BPF_CLASSID, (int)(uint32_t)f->classid);
		say(" classid %x", (uint32_t)f->classid);
	}
	nest_end(&m, o);
	return ask_all(&m, false);
}

static void dump_kind(int index, uint32_t parent, int64_t chain, int prio, uint32_t proto)
{
	struct message m;
	struct tcmsg *t = begin_tc(&m, RTM_GETTFILTER, NLM_F_DUMP, index, parent);

	t->tcm_info = (uint32_t)prio << 16 | (uint16_t)(proto << 8 | proto >> 8);
	if (chain >= 0)
		put32(&m, TCA_CHAIN, (int)chain);
	say(" chain %d prio %d proto %x\n", (int)chain, prio, proto);
	ask_all(&m, false);
}

static void dump(int index, uint32_t parent)
{
	dump_kind(index, parent, -1, 0, 0);
}

static void dump_qdiscs(uint16_t flags)
{
	struct message m;

	begin_tc(&m, RTM_GETQDISC, (uint16_t)(NLM_F_DUMP | flags), dev_veth, 0);
	say("\n");
	ask_all(&m, false);
}

/* ---- rows ---- */

static void qdisc_rows(void)
{
	static const uint16_t flags[] = { 0,    CREATE,        CREATE | EXCL,       REPL, CREATE | REPL,
					  EXCL, CREATE | ECHO, CREATE | EXCL | REPL };
	static const uint32_t parents[] = { CLSACT, 0, INGRESS, EGRESS, MAJOR, TC_H_ROOT };
	static const uint32_t handles[] = { MAJOR, 0, 0x10000, 0xffff0001 };

	for (int there = 0; there < 2; there++)
		for (unsigned f = 0; f < ARRAY_SIZE(flags); f++)
			for (unsigned h = 0; h < ARRAY_SIZE(handles); h++) {
				if (there)
					clsact(dev_veth);
				qdisc(RTM_NEWQDISC, dev_veth, CLSACT, handles[h], "clsact", flags[f]);
				dump_qdiscs(0);
				no_clsact(dev_veth);
			}
	for (int there = 0; there < 2; there++)
		for (unsigned p = 0; p < ARRAY_SIZE(parents); p++)
			for (unsigned h = 0; h < ARRAY_SIZE(handles); h++)
				for (int k = 0; k < 3; k++) {
					static const char *const kinds[] = { "clsact", NULL, "ingress" };

					if (there)
						clsact(dev_veth);
					qdisc(RTM_DELQDISC, dev_veth, parents[p], handles[h], kinds[k], 0);
					if (there)
						no_clsact(dev_veth);
				}
	clsact(dev_veth);
	qdisc(RTM_NEWQDISC, dev_veth, CLSACT, MAJOR, NULL, CREATE);
	qdisc(RTM_NEWQDISC, dev_veth, CLSACT, MAJOR, NULL, 0);
	qdisc(RTM_NEWQDISC, dev_veth, CLSACT, MAJOR, "ingress", CREATE | EXCL);
	qdisc(RTM_NEWQDISC, dev_veth, CLSACT, MAJOR, "ingress", CREATE);
	qdisc(RTM_NEWQDISC, dev_veth, INGRESS, MAJOR, "clsact", CREATE);
	qdisc(RTM_NEWQDISC, dev_veth, CLSACT, MAJOR, "a kind that is much too long", CREATE);
	qdisc(RTM_GETQDISC, dev_veth, CLSACT, MAJOR, NULL, 0);
	qdisc(RTM_GETQDISC, dev_veth, CLSACT, 0, NULL, 0);
	qdisc(RTM_GETQDISC, dev_veth, 0, MAJOR, NULL, 0);
	qdisc(RTM_DELQDISC, dev_veth, CLSACT, MAJOR, "clsact", ECHO);
	qdisc(RTM_NEWQDISC, IF_NONE, CLSACT, MAJOR, "clsact", CREATE);
	qdisc(RTM_DELQDISC, IF_NONE, CLSACT, MAJOR, "clsact", 0);
	qdisc(RTM_NEWQDISC, 1, CLSACT, MAJOR, "clsact", CREATE);
	dump_qdiscs(0);
	no_clsact(1);
}

static void put_attr(struct filter *f, int what, int64_t v)
{
	switch (what) {
	case 0: f->parent = (uint32_t)v; break;
	case 1: f->prio = (uint32_t)v; break;
	case 2: f->proto = (uint32_t)v; break;
	case 3: f->handle = (uint32_t)v; break;
	case 4: f->fd = (int)v; break;
	case 5: f->flags = v; break;
	case 6: f->gen = v; break;
	case 7: f->chain = v; break;
	case 8: f->classid = v; break;
	case 9: f->index = (int)v; break;
	case 10:
		f->kind = (const char *const[]){ NULL,      "flower", "bpf0",
						 "nothing", "",       "a kind that is too long" }[v];
		break;
	case 11: f->no_options = true; break;
	case 12: f->name = (const char *const[]){ NULL, "", "two", "x.o:[classifier]" }[v]; break;
	}
}

static const struct {
	int what;
	int64_t v;
} changes[] = {
	{ 0, EGRESS },     { 0, MAJOR },      { 0, CLSACT },
	{ 0, 0 },          { 0, 0xfffffff4 }, { 0, 0x10001 },
	{ 0, 0xffff0001 }, { 0, 0xffffffff }, { 1, 0 },
	{ 1, 2 },          { 1, 0xffff },     { 2, 0 },
	{ 2, ETH_P_IP },   { 2, ETH_P_IPV6 }, { 3, 0 },
	{ 3, 2 },          { 3, 0x7fffffff }, { 3, 0x80000000ll },
	{ 4, NONE },       { 4, P_CLS2 },     { 4, P_XDP },
	{ 4, FD_MAP },     { 4, FD_NULL },    { 4, FD_CLOSED },
	{ 4, -1 },         { 4, 0 },          { 5, -1 },
	{ 5, 0 },          { 5, 2 },          { 5, 3 },
	{ 6, 0 },          { 6, 1 },          { 6, 2 },
	{ 6, 3 },          { 6, 4 },          { 6, 8 },
	{ 6, 16 },         { 7, 0 },          { 7, 3 },
	{ 7, 0x0fffffff }, { 7, 0x10000000 }, { 8, 0 },
	{ 8, 0x10001 },    { 9, 1 },          { 9, IF_NONE },
	{ 10, 0 },         { 10, 1 },         { 10, 2 },
	{ 10, 3 },         { 10, 4 },         { 10, 5 },
	{ 11, 0 },         { 12, 0 },         { 12, 1 },
	{ 12, 2 },         { 12, 3 },
};

/* Each thing that may be other than usual, in each state, by each verb and flags. */
static void change_rows(uint16_t type, uint16_t flags, int there)
{
	say("-- %u %#x with %d\n", type, flags, there);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct filter f = usual(), first = usual();

		clsact(dev_veth);
		first.name = "first";
		if (there)
			tfilter(RTM_NEWTFILTER, CREATE, &first);
		first.handle = 7;
		first.prio = 3;
		if (there > 1)
			tfilter(RTM_NEWTFILTER, CREATE, &first);
		put_attr(&f, changes[i].what, changes[i].v);
		tfilter(type, flags, &f);
		dump(dev_veth, INGRESS);
		dump(dev_veth, EGRESS);
		no_clsact(dev_veth);
	}
}

/* Places that are given by the kernel, and the order of what is dumped. */
static void many_rows(void)
{
	struct filter f = usual();

	clsact(dev_veth);
	f.prio = f.handle = 0;
	for (int i = 0; i < 3; i++)
		tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	f.prio = 49151;
	for (int i = 0; i < 3; i++)
		tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.handle = 3;
	f.fd = P_CLS2;
	f.name = "other";
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	tfilter(RTM_NEWTFILTER, CREATE | REPL | ECHO, &f);
	f.handle = 0x7fffffff;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.handle = 0;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.prio = 10;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.prio = 0x8001;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.prio = 0;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.prio = 5;
	f.proto = ETH_P_IP;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.chain = 4;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.chain = 2;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	f.prio = 4;
	f.handle = 0;
	tfilter(RTM_NEWTFILTER, CREATE | ECHO, &f);
	dump(dev_veth, INGRESS);
	dump_kind(dev_veth, INGRESS, 0, 0, 0);
	dump_kind(dev_veth, INGRESS, 2, 0, 0);
	dump_kind(dev_veth, INGRESS, 3, 0, 0);
	dump_kind(dev_veth, INGRESS, -1, 5, 0);
	dump_kind(dev_veth, INGRESS, -1, 0, ETH_P_IP);
	dump_kind(dev_veth, INGRESS, -1, 0, ETH_P_ALL);
	dump(dev_veth, EGRESS);
	dump(dev_veth, MAJOR);
	dump(dev_veth, CLSACT);
	dump(dev_veth, 0);
	dump(dev_veth, TC_H_ROOT);
	dump(0, INGRESS);
	dump(IF_NONE, INGRESS);
	f.chain = -1;
	f.proto = ETH_P_ALL;
	f.prio = 49151;
	f.handle = 2;
	tfilter(RTM_GETTFILTER, 0, &f);
	tfilter(RTM_DELTFILTER, ECHO, &f);
	tfilter(RTM_GETTFILTER, 0, &f);
	f.handle = 0;
	tfilter(RTM_GETTFILTER, 0, &f);
	tfilter(RTM_DELTFILTER, ECHO, &f);
	dump(dev_veth, INGRESS);
	f.prio = 0;
	tfilter(RTM_DELTFILTER, ECHO, &f);
	f.kind = NULL;
	tfilter(RTM_DELTFILTER, ECHO, &f);
	f.proto = 0;
	f.chain = 2;
	tfilter(RTM_DELTFILTER, ECHO, &f);
	dump(dev_veth, INGRESS);
	f.chain = -1;
	tfilter(RTM_DELTFILTER, ECHO, &f);
	dump(dev_veth, INGRESS);
	tfilter(RTM_DELTFILTER, ECHO, &f);
	no_clsact(dev_veth);
}

/* As they are sent by libbpf, tc(8), aya: the whole life. */
static void life_rows(void)
{
	struct filter f = usual();

	no_clsact(dev_veth);
	tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	tfilter(RTM_GETTFILTER, 0, &f);
	tfilter(RTM_DELTFILTER, 0, &f);
	dump(dev_veth, INGRESS);
	clsact(dev_veth);
	clsact(1);
	tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	f.fd = P_CLS3;
	tfilter(RTM_NEWTFILTER, CREATE | REPL | ECHO, &f);
	tfilter(RTM_GETTFILTER, 0, &f);
	f.parent = EGRESS;
	tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	f.index = 1;
	tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
	dump_qdiscs(0);
	dump(dev_veth, INGRESS);
	dump(dev_veth, EGRESS);
	dump(1, INGRESS);
	dump(1, EGRESS);
	no_clsact(dev_veth);
	dump(dev_veth, INGRESS);
	clsact(dev_veth);
	dump(dev_veth, INGRESS);
	dump(1, EGRESS);
	no_clsact(1);
	no_clsact(dev_veth);
	dump_qdiscs(0);
}

/* A kernel lets go of it a moment later. */
static void gone(uint32_t id)
{
	union row_attr a = { .w = { id } };
	int fd = -1;

	for (int i = 0; i < 200; i++) {
		fd = raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12);
		if (fd < 0)
			break;
		close(fd);
		usleep(10000);
	}
	say("let go");
	result(fd);
}

/* The program stays while a filter has it, and goes with it, or with the qdisc. */
static void holds(void)
{
	struct filter f = usual();

	for (int how = 0; how < 4; how++, no_clsact(dev_veth)) {
		int fd = load_prog(&world_progs[P_CLS - P0]);
		union row_attr a = { .w = { object_id(fd) } };

		clsact(dev_veth);
		place_fd(fd, L0);
		f.fd = L0;
		tfilter(RTM_NEWTFILTER, CREATE, &f);
		close(L0);
		say("held");
		result_fd(raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12));
		f.fd = P_CLS2;
		f.prio = 2;
		tfilter(RTM_NEWTFILTER, CREATE, &f);
		f.prio = 1;
		if (how == 0)
			tfilter(RTM_DELTFILTER, 0, &f);
		else if (how == 1)
			tfilter(RTM_NEWTFILTER, 0, &f);
		else if (how == 2)
			no_clsact(dev_veth);
		if (how < 3) {
			gone(a.w[0]);
			continue;
		}
		say("held");
		result_fd(raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12));
	}
}

static void options(void)
{
	struct filter f = usual();

	for (int cap = 0; cap < 2; cap++)
		for (int ext = 0; ext < 2; ext++) {
			setsockopt(nl, SOL_NETLINK, NETLINK_CAP_ACK, &cap, sizeof(cap));
			setsockopt(nl, SOL_NETLINK, NETLINK_EXT_ACK, &ext, sizeof(ext));
			say("-- CAP_ACK %d EXT_ACK %d\n", cap, ext);
			clsact(dev_veth);
			tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
			tfilter(RTM_NEWTFILTER, CREATE | EXCL | ECHO, &f);
			tfilter(RTM_GETTFILTER, 0, &f);
			dump(dev_veth, INGRESS);
			dump_qdiscs(0);
			f.handle = 9;
			tfilter(RTM_GETTFILTER, 0, &f);
			tfilter(RTM_DELTFILTER, ECHO, &f);
			f.handle = 1;
			no_clsact(dev_veth);
		}
}

int main(void)
{
	struct timeval wait = { .tv_sec = 2 };
	static const uint16_t flags[] = { 0, CREATE, CREATE | EXCL | ECHO, CREATE | REPL };

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	world_make_net();
	netlink_open();
	setsockopt(nl, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	make_veth();
	dev_veth = (int)if_nametoindex("v0");
	must(dev_veth, "devices");
	life_rows();
	qdisc_rows();
	many_rows();
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		for (int there = 0; there < 3; there++)
			change_rows(RTM_NEWTFILTER, flags[i], there);
	for (int there = 0; there < 3; there++) {
		change_rows(RTM_DELTFILTER, ECHO, there);
		change_rows(RTM_GETTFILTER, 0, there);
	}
	holds();
	options();
	return 0;
}
