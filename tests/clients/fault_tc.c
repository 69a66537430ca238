// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients killed or stopped at random instants while they make and change the filters of one clsact.
 *
 * Children work on it in an endless loop. Whatever a killed one was at, each dump of the parent's is in
 * order and whole; once the clsact and the parent's own descriptors are gone, no program is left but by what
 * gc finds. While a child is stopped, the parent's own calls end at once.
 *
 *     fault_tc kill|stop
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include "abi/netlink_world.h"
#include "clients/worker.h"
#include "lib/tap.h"

#define CLSACT  0xfffffff1u
#define MAJOR   0xffff0000u
#define INGRESS 0xfffffff2u

/* Sends it and waits for its acknowledgement, over what comes before. 0 or an errno. */
static int transact(struct message *m)
{
	static char buf[16384];

	if (send(nl, m, m->h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		long n = recv(nl, buf, sizeof(buf), 0);

		if (n <= 0)
			return -EIO;
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	}
}

static struct tcmsg *begin_tc(struct message *m, uint16_t type, uint16_t flags, uint32_t parent)
{
	struct tcmsg *t = begin_with(m, type, NLM_F_REQUEST | flags, sizeof(*t));

	t->tcm_ifindex = IF_LO;
	t->tcm_parent = parent;
	return t;
}

static int qdisc(uint16_t type, uint16_t flags)
{
	struct message m;

	begin_tc(&m, type, NLM_F_ACK | flags, CLSACT)->tcm_handle = MAJOR;
	put(&m, TCA_KIND, "clsact", 7);
	return transact(&m);
}

static int filter(uint16_t type, uint16_t flags, uint32_t parent, uint32_t prio, uint32_t handle, int fd)
{
	struct message m;
	struct tcmsg *t = begin_tc(&m, type, NLM_F_ACK | flags, parent);
	struct nlattr *o;

	t->tcm_handle = handle;
	t->tcm_info = prio << 16 | (prio ? __builtin_bswap16(ETH_P_ALL) : 0);
	if (type != RTM_NEWTFILTER)
		return transact(&m);
	put(&m, TCA_KIND, "bpf", 4);
	o = put(&m, TCA_OPTIONS, NULL, 0);
	put32(&m, TCA_BPF_FD, fd);
	put(&m, TCA_BPF_NAME, "a filter", 9);
	put32(&m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nest_end(&m, o);
	return transact(&m);
}

static void once(uint32_t r)
{
	static const int fine[] = { 0, -EEXIST, -ENOENT, -EINVAL, -ENOSPC, -EBUSY };
	uint32_t parent = INGRESS + r % 2, prio = 1 + (r >> 1) % 3, handle = (r >> 4) % 4;
	int fd = P_CLS + (int)(r >> 8) % 3, err;

	switch ((r >> 12) % 16) {
	case 0: err = qdisc(RTM_DELQDISC, 0); break;
	case 1:
	case 2: err = qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL); break;
	case 3: err = filter(RTM_DELTFILTER, NLM_F_ECHO, parent, 0, 0, 0); break;
	case 4:
	case 5: err = filter(RTM_DELTFILTER, 0, parent, prio, handle, 0); break;
	default:
		err = filter(RTM_NEWTFILTER,
			     r & 0x10000 ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO : NLM_F_CREATE, parent,
			     r & 0xe0000 ? prio : 0, handle, fd);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
		if (err == fine[i])
			return;
	progress->bad = -err;
}

/* One filter of a dump: does its program live, and does it stand behind the one before? */
static int wrong(const struct nlmsghdr *h, uint32_t *prio)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	const struct nlattr *options = NULL;
	uint32_t id = 0;

	EACH_ATTR(a, t + 1, (const char *)h + h->nlmsg_len)
	{
		if (a->nla_type == TCA_OPTIONS)
			options = a;
	}
	if (t->tcm_info >> 16 < *prio || !t->tcm_handle == !!options)
		return 1;
	*prio = t->tcm_info >> 16;
	if (!options)
		return 0;
	EACH_ATTR(a, options + 1, (const char *)options + options->nla_len)
	{
		if (a->nla_type == TCA_BPF_ID)
			memcpy(&id, a + 1, 4);
	}
	return !strcmp(id_name(id, P_CLS, P_CLS3 + 1), "?") || !id;
}

static int dump_is_wrong(uint32_t parent)
{
	static char buf[32768];
	struct message m;
	uint32_t prio = 0;
	int bad = 0;

	begin_tc(&m, RTM_GETTFILTER, NLM_F_DUMP, parent);
	if (send(nl, &m, m.h.nlmsg_len, 0) < 0)
		return 1;
	for (;;) {
		long n = recv(nl, buf, sizeof(buf), 0);

		if (n <= 0)
			return 1;
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return bad;
			bad += h->nlmsg_type != RTM_NEWTFILTER || wrong(h, &prio);
		}
	}
}

/* In a child, by a socket of its own. */
static void work(void *own, uint32_t r)
{
	if (!*(bool *)own) {
		close(nl);
		netlink_open();
		*(bool *)own = true;
	}
	once(r);
}

static pid_t start(void)
{
	bool own = false;

	return worker_start(work, &own);
}

/* Does a program live once its fd is closed and the clsact gone? */
static int programs_left(void)
{
	int left = 0;

	qdisc(RTM_DELQDISC, 0);
	for (int fd = P_CLS; fd <= P_CLS3; fd++) {
		union row_attr a = { .w = { known_id[fd] } };
		int again = -1;

		close(fd);
		for (int i = 0; i < 100; i++) {
			if (i % 20 == 19 && system("\"$PINFS\" gc >/dev/null"))
				break;
			again = raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 12);
			if (again < 0)
				break;
			close(again);
			usleep(10000);
		}
		left += again >= 0;
	}
	return left;
}

static void kills(long n)
{
	int bad = 0;

	for (long i = 0; i < n && !bad; i++) {
		pid_t a = start(), b = i % 3 ? 0 : start();

		usleep(rnd(400));
		bad += dump_is_wrong(INGRESS) + dump_is_wrong(INGRESS + 1);
		worker_end(a);
		if (b)
			worker_end(b);
		bad += dump_is_wrong(INGRESS) + dump_is_wrong(INGRESS + 1);
	}
	ok(!progress->bad, "no request fails unexpectedly beside %ld kills (%s)", n,
	   progress->bad ? errno_name(progress->bad) : "none");
	ok(!bad, "each dump is whole and in order");
	ok(!programs_left(), "no program outlives the clsact");
}

static void stops(long n)
{
	uint64_t slowest = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = start();

		usleep(rnd(400));
		kill(pid, SIGSTOP);
		for (unsigned k = 0; k < 8; k++) {
			uint64_t t = now_us();

			once(rnd(0x7fffffff));
			t = now_us() - t;
			slowest = t > slowest ? t : slowest;
		}
		worker_end(pid);
	}
	ok(slowest < SLOW_US, "nobody waits for one of %ld stopped clients (slowest request %lu us)", n,
	   (unsigned long)slowest);
	ok(!progress->bad, "no request fails unexpectedly beside them (%s)",
	   progress->bad ? errno_name(progress->bad) : "none");
	ok(!programs_left(), "nothing is left of them");
}

int main(int argc, char **argv)
{
	bool stop = argc > 1 && !strcmp(argv[1], "stop");

	world_netns();
	world_progs_make();
	netlink_open();
	worker_setup();
	if (stop)
		stops(test_scale(100));
	else
		kills(test_scale(300));
	return done();
}
