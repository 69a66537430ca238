// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netfilter links: programs at a hook of a protocol family in the client's network namespace, by priority.
 *
 * All hooks of a namespace are one attach point; an entry's flags carry family, hook and, behind them,
 * nothing: the priority is in the link. Two programs at one hook must have different priorities.
 */
#include <linux/netfilter.h>
#include <limits.h>
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "util/str.h"

#define DEFRAG    1u         /* BPF_F_NETFILTER_IP_DEFRAG */
#define PRI_FIRST (-400 + 1) /* of connection tracking's defragmentation */

static int check(const struct link_req *r, struct link_hdr *h)
{
	u32 pf = (u32)r->words[0], hook = (u32)(r->words[0] >> 32), flags = (u32)(r->words[1] >> 32);
	s32 prio = (s32)(u32)r->words[1];

	if (r->flags)
		return -EINVAL;
	if (flags & ~DEFRAG)
		return -EOPNOTSUPP;
	if (pf != NFPROTO_IPV4 && pf != NFPROTO_IPV6)
		return -EAFNOSUPPORT;
	if (hook >= NF_INET_NUMHOOKS)
		return -EPROTO;
	if (prio == INT_MIN || prio == INT_MAX)
		return -ERANGE;
	if ((flags & DEFRAG) && prio < PRI_FIRST)
		return -ERANGE;
	h->netfilter.pf = pf;
	h->netfilter.hooknum = hook;
	h->netfilter.priority = prio;
	h->netfilter.flags = flags;
	return 0;
}

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	u32 pf = (u32)r->words[0], hook = (u32)(r->words[0] >> 32);
	const struct attach_entry e = {
		.prog_id = r->prog_id,
		.link_id = link_id,
		.flags = pf << 8 | hook,
		.pad = (u32)r->words[1],
	};
	u32 at = 0;

	if (l->nr == ATTACH_MAX)
		return -E2BIG;
	for (; at < l->nr; at++) {
		const struct attach_entry *o = &l->e[at];

		if (o->flags == e.flags && o->pad == e.pad)
			return -EBUSY;
		if (o->flags == e.flags && (s32)o->pad > (s32)e.pad)
			break;
	}
	attach_entry_insert(l, at, &e);
	return 0;
}

/* The hook keeps what it was registered with. */
static int update(struct op *op, const struct link_hdr *h, const struct prog_hdr *next)
{
	return -EOPNOTSUPP;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	memcpy(by_type, &h->netfilter, sizeof(h->netfilter));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	s32 prio = h->netfilter.priority;

	to = str_put_u64(str_put(to, "pf:\t"), h->netfilter.pf, 10);
	to = str_put_u64(str_put(to, "\thooknum:\t"), h->netfilter.hooknum, 10);
	to = str_put(str_put(to, "\tprio:\t"), prio < 0 ? "-" : "");
	return str_put(str_put_u64(to, prio < 0 ? -(u64)(s64)prio : (u64)prio, 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	static const char *const hooks[] = { "prerouting", "input", "forward", "output", "postrouting" };
	u32 hook = h->netfilter.hooknum;

	to = str_put(to, h->netfilter.pf == NFPROTO_IPV4 ? "ip " : "ip6 ");
	return str_put(to, hook < ARRAY_SIZE(hooks) ? hooks[hook] : "hook");
}

const struct link_ops netfilter_link_ops = {
	.type = BPF_LINK_TYPE_NETFILTER_,
	.name = "netfilter",
	.target = LINK_AT_OWN_NS,
	.updates = true,
	.detaches = true,
	.check = check,
	.place = place,
	.update = update,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
};
