// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netlink messages that nobody would send: what comes from a client and what comes back, cut, swapped and
 * overwritten. Nothing may be read or written outside of the bytes that there are.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "sys/netlink_int.h"
#include "tests/lib/tap.h"

#define PAGES 2

static u8 *edge; /* behind it is nothing */

static u32 next(u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static u8 *put(u8 *at, u32 type, const void *data, u32 n)
{
	struct nlattr a = { (u16)(NLA_HDRLEN + n), (u16)type };

	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, data, n);
	return at + NLA_ALIGN(NLA_HDRLEN + n);
}

/* RTM_SETLINK with IFLA_XDP, at `at`: its length. */
static u32 make(u8 *at, u16 type, bool more)
{
	struct nlmsghdr *m = (void *)at;
	u8 nest[64] = { 0 }, *end, *to;
	s32 fd = 7;
	u32 flags = XDP_FLAGS_SKB_MODE;

	memset(at, 0, 32);
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->nlmsg_seq = 17;
	((struct ifinfomsg *)(m + 1))->ifi_index = 1;
	end = put(nest, IFLA_XDP_FD, &fd, 4);
	end = put(end, IFLA_XDP_FLAGS, &flags, 4);
	to = at + 32;
	if (more)
		to = put(to, IFLA_MTU, &flags, 4);
	to = put(to, IFLA_XDP, nest, (u32)(end - nest));
	m->nlmsg_len = (u32)(to - at);
	return m->nlmsg_len;
}

/* The kernel's acknowledgement of a message, and how long it is. */
static u32 acknowledge(u8 *to, const u8 *sent, bool capped)
{
	const struct nlmsghdr *req = (const void *)sent;
	struct nlmsghdr *m = (void *)to;
	struct nlmsgerr *e = (void *)(m + 1);
	bool error = req->nlmsg_type != NLMSG_NOOP;
	u32 echo = error && !capped ? req->nlmsg_len : NLMSG_HDRLEN;

	*m = (struct nlmsghdr){ NLMSG_LENGTH(4 + echo), NLMSG_ERROR, error && !capped ? 0 : 0x100,
				req->nlmsg_seq, 99 };
	e->error = error ? -EOPNOTSUPP : 0;
	memcpy(&e->msg, sent, echo);
	return m->nlmsg_len;
}

static void there_and_back(int err, const char *text, bool texts, bool capped)
{
	static u8 sent[512] __attribute__((aligned(4))), orig[512] __attribute__((aligned(4))),
		back[1024] __attribute__((aligned(4)));
	struct netlink_done d = { .err = err, .text = text };
	struct netlink_out o = { .texts = texts, .capped = capped };
	struct nlmsghdr *m = (void *)back;
	struct nlmsgerr *e = (void *)(m + 1);
	bool told = text && texts && err, whole;
	u32 len, n;

	memset(orig, 0, sizeof(orig));
	len = make(orig, RTM_SETLINK, false);
	memcpy(sent, orig, sizeof(sent));
	n = netlink_to_kernel((void *)sent, &d, &o);
	whole = capped && !o.whole;
	n = acknowledge(back, sent, whole);
	ok(netlink_may_change(back, n), "errno %d: the acknowledgement is known", err);
	n = (u32)netlink_from_kernel(NULL, back, n, sizeof(back));
	ok(n == m->nlmsg_len, "its length");
	ok(e->error == err, "the errno");
	ok(e->msg.nlmsg_type == RTM_SETLINK && e->msg.nlmsg_len == len && !e->msg.nlmsg_pid &&
		   e->msg.nlmsg_seq == 17,
	   "the header of the request");
	ok(!!(m->nlmsg_flags & 0x100) == (!err || capped), "capped or not");
	ok(!!(m->nlmsg_flags & 0x200) == told, "with a text or not");
	if (err && !capped)
		ok(!memcmp(e + 1, orig + NLMSG_HDRLEN, len - NLMSG_HDRLEN), "the request itself");
	if (told)
		ok(!strcmp((char *)back + n - NLA_ALIGN(strlen(text) + 1), text), "the text");
}

static void rest_goes_on(void)
{
	static u8 sent[512] __attribute__((aligned(4)));
	struct netlink_done d = { .rest = true };
	struct netlink_out o = { .texts = true };
	u32 len = make(sent, RTM_NEWLINK, true);
	u8 before[512];

	memcpy(before, sent, sizeof(before));
	ok(netlink_may_be_ours((void *)sent), "a message with an MTU is ours");
	ok(netlink_to_kernel((void *)sent, &d, &o) == len, "and goes on as long as it was");
	ok(!netlink_may_be_ours((void *)sent), "without its XDP");
	memcpy(sent + 32 + 8 + 2, before + 32 + 8 + 2, 2);
	ok(!memcmp(sent, before, len), "else as it was");
}

static void not_ours(void)
{
	static u8 sent[512] __attribute__((aligned(4)));
	struct nlmsghdr *m = (void *)sent;

	make(sent, RTM_GETLINK, false);
	ok(!netlink_may_be_ours(m), "a question");
	make(sent, RTM_NEWLINK, false);
	m->nlmsg_flags |= NLM_F_CREATE;
	ok(!netlink_may_be_ours(m), "a device is made");
	make(sent, RTM_SETLINK, false);
	m->nlmsg_len = 32;
	ok(!netlink_may_be_ours(m), "nothing in it");
	m->nlmsg_len = 20;
	ok(!netlink_may_be_ours(m), "less than a head");
	make(sent, RTM_SETLINK, false);
	((struct ifinfomsg *)(m + 1))->ifi_index = 0;
	ok(!netlink_may_be_ours(m), "no device");
}

/* Sends go nowhere; what was sent before is only counted. */
static long count_sent(struct netlink_out *o)
{
	*(u32 *)o->arg += (u32)o->n;
	return 0;
}

/* Messages of ours, as a client gets them: the carriers of a reply, each repeated by the kernel's error. */
static void carriers(u32 nr, u32 attrs)
{
	static u8 sent[NETLINK_REPLY_ROOM * 2] __attribute__((aligned(4))),
		back[NETLINK_REPLY_ROOM] __attribute__((aligned(4)));
	const struct nlmsghdr request = { .nlmsg_seq = 17 };
	u32 before = 0, got = 0, largest = 0;
	struct netlink_out o = { .buf = sent, .send = count_sent, .arg = &before, .capped = true };
	struct netlink_reply r = { .o = &o, .request = &request };
	bool good = true;

	for (u32 i = 0; i < nr; i++) {
		struct nlmsghdr *m = reply_begin(&r, RTM_NEWTFILTER, NLM_F_MULTI, 20, 400);

		for (u32 k = 0; k < attrs; k++)
			reply_attr(m, (u16)k, &i, 1 + i % 4);
		reply_end(&r, m);
	}
	reply_close(&r);
	ok(before || o.whole, "%u messages need the whole of an error", nr);
	for (u32 at = 0; at < o.n; at += ((struct nlmsghdr *)(sent + at))->nlmsg_len) {
		const struct nlmsghdr *c = (void *)(sent + at);
		u32 n;

		if (c->nlmsg_len < NLMSG_HDRLEN || c->nlmsg_len > o.n - at ||
		    c->nlmsg_type != NETLINK_CARRIER) {
			good = false;
			break;
		}
		largest = c->nlmsg_len > largest ? c->nlmsg_len : largest;
		n = acknowledge(back, sent + at, false);
		good &= netlink_may_change(back, n);
		n = (u32)netlink_from_kernel(NULL, back, n, sizeof(back));
		good &= n == c->nlmsg_len - NLMSG_HDRLEN;
		for (const struct nlmsghdr *m = (void *)back; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n), got++)
			good &= m->nlmsg_type == RTM_NEWTFILTER && m->nlmsg_seq == 17 && m->nlmsg_pid == 99 &&
				m->nlmsg_len == 36 + 8 * attrs;
	}
	ok(good, "%u messages of %u attributes arrive whole", nr, attrs);
	ok(got + before / (36 + 8 * attrs) >= nr, "all of them");
	ok(largest < 4000, "in pieces that a client has room for");
}

/* Bytes that end where memory ends. */
static void nonsense(u32 seed)
{
	static const u16 types[] = { NLMSG_ERROR, RTM_SETLINK, RTM_NEWLINK, NLMSG_DONE };
	struct netlink_out o = { .texts = true, .capped = true };
	struct netlink_done d = { .err = -EEXIST, .text = "a text" };
	bool good = true;

	for (int i = 0; i < 200000; i++) {
		u32 size = 16 + next(&seed) % 200 / 4 * 4, n = 0;
		u8 *at = edge - size, copy[512] __attribute__((aligned(4)));
		struct nlmsghdr *m = (void *)at;

		if (next(&seed) % 2) {
			make(copy, types[next(&seed) % 4], next(&seed) % 2);
			if (next(&seed) % 2) {
				netlink_to_kernel((void *)copy, &d, &o);
				if (next(&seed) % 4 == 0)
					((struct nlmsghdr *)copy)->nlmsg_type = NETLINK_CARRIER;
				memset(at, 0, size);
				memcpy(copy + 256, copy, 128);
				n = acknowledge(copy, copy + 256, next(&seed) % 2);
			}
			memcpy(at, copy, size);
		} else {
			for (u32 k = 0; k < size; k += 4)
				*(u32 *)(at + k) = next(&seed) % 4 ? next(&seed) % 64 : next(&seed);
			m->nlmsg_type = types[next(&seed) % 4];
		}
		for (u32 k = next(&seed) % 4; k; k--)
			at[next(&seed) % size] = (u8)next(&seed);
		if (next(&seed) % 4)
			m->nlmsg_len = size;
		if (m->nlmsg_len >= NLMSG_HDRLEN && m->nlmsg_len <= size && netlink_may_be_ours(m))
			good &= m->nlmsg_len >= 32;
		if (m->nlmsg_type != RTM_NEWLINK && netlink_may_change(at, size)) {
			n = (u32)netlink_from_kernel(NULL, at, size, size);
			good &= n <= size;
		}
	}
	ok(good, "nonsense, seed %#x: nothing grows", seed);
}

int main(void)
{
	static const char text[] = "Native and generic XDP can't be active at the same time";

	edge = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	edge += PAGES * PAGE;
	mprotect(edge, PAGE, PROT_NONE);
	for (int texts = 0; texts < 2; texts++)
		for (int capped = 0; capped < 2; capped++) {
			there_and_back(0, NULL, texts, capped);
			there_and_back(-EINVAL, NULL, texts, capped);
			there_and_back(-EEXIST, text, texts, capped);
			there_and_back(-524, "x", texts, capped);
		}
	carriers(1, 0);
	carriers(1, 45);
	carriers(40, 12);
	carriers(500, 40);
	rest_goes_on();
	not_ours();
	for (u32 seed = 1; seed < 9; seed++)
		nonsense(seed * 0x9e3779b9u);
	return done();
}
