// SPDX-License-Identifier: BSD-2-Clause
/*
 * tc by netlink: the qdisc clsact, and filters of kind "bpf" there.
 *
 * Where a client has made a clsact, all that is asked of it is answered here (link/clsact.h), what concerns
 * any other qdisc is the kernel's. A dump has both: ours first, since the kernel's ends with the mark of the
 * end.
 */
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include "link/clsact.h"
#include "sys/cmd_link.h"
#include "sys/netlink_int.h"
#include "sys/targets.h"

#define CLSACT_HANDLE 0xffff0000u
#define CLSACT_PARENT 0xfffffff1u
#define PARENT_IN     0xfffffff2u
#define PARENT_OUT    0xfffffff3u
#define CHAIN_MAX     0x0fffffffu
#define KIND_MAX      16u
#define KIND          "clsact"

static const u32 tc_head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct tcmsg));

#define FILTER_ROOM 400u /* of attributes */
#define QDISC_ROOM  160u
#define DEVICES     512u /* with a clsact, in one network namespace */

/* A message, taken apart. */
struct tc {
	struct cmd_ctx *x;
	const struct nlmsghdr *m;
	struct tcmsg t;
	const struct nlattr *attr[TCA_MAX + 1];
	struct attach_key k;
	struct netlink_reply *r;
	const char *why;
};

static bool is_filter(u16 type)
{
	return type == RTM_NEWTFILTER || type == RTM_DELTFILTER || type == RTM_GETTFILTER;
}

static bool is_qdisc(u16 type)
{
	return type == RTM_NEWQDISC || type == RTM_DELQDISC || type == RTM_GETQDISC;
}

static bool is_dump(const struct nlmsghdr *m)
{
	return (m->nlmsg_type == RTM_GETTFILTER || m->nlmsg_type == RTM_GETQDISC) &&
	       (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

static bool is_major(u32 handle)
{
	return (handle & TC_H_MAJ_MASK) == CLSACT_HANDLE;
}

bool netlink_tc_may(const struct nlmsghdr *m)
{
	const struct tcmsg *t = (const void *)(m + 1);

	if ((!is_filter(m->nlmsg_type) && !is_qdisc(m->nlmsg_type)) || m->nlmsg_len < tc_head)
		return false;
	if (is_dump(m) && m->nlmsg_type == RTM_GETQDISC)
		return true;
	if (t->tcm_ifindex <= 0)
		return false;
	if (is_filter(m->nlmsg_type))
		return is_major(t->tcm_parent);
	if (m->nlmsg_type == RTM_NEWQDISC)
		return t->tcm_parent ? is_major(t->tcm_parent) : is_major(t->tcm_handle);
	return t->tcm_parent ? is_major(t->tcm_parent) && t->tcm_parent != TC_H_ROOT
			     : is_major(t->tcm_handle);
}

static int refuse(struct tc *c, int err, const char *why)
{
	c->why = why;
	return err;
}

static int parse(struct tc *c)
{
	memcpy(&c->t, c->m + 1, sizeof(c->t));
	EACH_ATTR(a, (u8 *)c->m + tc_head, (const u8 *)c->m + c->m->nlmsg_len)
	{
		if (attr_type(a) <= TCA_MAX)
			c->attr[attr_type(a)] = a;
	}
	if (c->attr[TCA_CHAIN] && attr_len(c->attr[TCA_CHAIN]) < sizeof(u32))
		return -ERANGE;
	return 0;
}

/* Is TCA_KIND (with a NUL or without) that word? */
static bool kind_is(const struct nlattr *a, const char *word)
{
	size_t n = strnlen((const char *)(a + 1), attr_len(a));

	return n == strlen(word) && !memcmp(a + 1, word, n);
}

/* ---- what is told ---- */

static struct nlmsghdr *begin(struct tc *c, u16 type, u16 flags, const struct tcmsg *t, u32 room)
{
	struct nlmsghdr *m = reply_begin(c->r, type, flags, sizeof(*t), room);

	if (m)
		memcpy(m + 1, t, sizeof(*t));
	return m;
}

static void tell_qdisc(struct tc *c, u16 type, u16 flags, u32 ifindex)
{
	static const u8 zero[40];
	const struct tcmsg t = { .tcm_ifindex = (int)ifindex,
				 .tcm_handle = CLSACT_HANDLE,
				 .tcm_parent = CLSACT_PARENT,
				 .tcm_info = type == RTM_NEWQDISC };
	struct nlmsghdr *m = begin(c, type, flags, &t, QDISC_ROOM);
	struct nlattr *nest;

	if (!m)
		return;
	reply_attr(m, TCA_KIND, KIND, sizeof(KIND));
	reply_attr(m, TCA_OPTIONS, NULL, 0);
	reply_attr(m, TCA_HW_OFFLOAD, zero, 1);
	nest = reply_attr(m, TCA_STATS2, NULL, 0);
	reply_attr(m, TCA_STATS_BASIC, zero, 16);
	reply_attr(m, TCA_STATS_QUEUE, zero, 20);
	reply_nest_end(m, nest);
	reply_attr(m, TCA_STATS, zero, 40);
	reply_end(c->r, m);
}

static void put_u32_if(struct nlmsghdr *m, u16 type, u32 v)
{
	if (v)
		reply_attr(m, type, &v, sizeof(v));
}

static void put_options(struct nlmsghdr *m, const struct clsact_filter *f)
{
	struct nlattr *nest = reply_attr(m, TCA_OPTIONS, NULL, 0);
	struct prog_hdr p;

	put_u32_if(m, TCA_BPF_CLASSID, f->classid);
	if (f->named)
		reply_attr(m, TCA_BPF_NAME, f->name, (u32)strlen(f->name) + 1);
	reply_attr(m, TCA_BPF_ID, &f->prog_id, sizeof(f->prog_id));
	if (obj_read_header(OBJ_PROG, f->prog_id, &p.o, sizeof(p)))
		memset(p.tag, 0, sizeof(p.tag));
	reply_attr(m, TCA_BPF_TAG, p.tag, sizeof(p.tag));
	put_u32_if(m, TCA_BPF_FLAGS, f->flags);
	put_u32_if(m, TCA_BPF_FLAGS_GEN, f->gen);
	reply_nest_end(m, nest);
}

/* One filter; with handle 0 the priority that filters are in. */
static void tell_filter(struct tc *c, u16 type, u16 flags, const struct clsact_filter *f)
{
	const struct tcmsg t = { .tcm_ifindex = c->t.tcm_ifindex,
				 .tcm_handle = f->handle,
				 .tcm_parent = c->t.tcm_parent,
				 .tcm_info = (u32)f->prio << 16 | f->proto };
	struct nlmsghdr *m = begin(c, type, flags, &t, FILTER_ROOM);

	if (!m)
		return;
	reply_attr(m, TCA_KIND, "bpf", 4);
	reply_attr(m, TCA_CHAIN, &f->chain, sizeof(f->chain));
	if (f->handle)
		put_options(m, f);
	reply_end(c->r, m);
}

static void tell_place(struct tc *c, u16 type, u16 flags, u32 chain, u16 prio, u16 proto)
{
	const struct clsact_filter f = { .chain = chain, .prio = prio, .proto = proto };

	tell_filter(c, type, flags, &f);
}

/* ---- the qdisc ---- */

/* As the kernel looks a qdisc up by parent, handle and kind. is: it is there. */
static int find_qdisc(struct tc *c, bool is)
{
	u32 handle = c->t.tcm_handle, has = is ? CLSACT_HANDLE : 0;

	if (!c->t.tcm_parent) {
		if (!is || handle != CLSACT_HANDLE)
			return refuse(c, -ENOENT, "Failed to find qdisc with specified handle");
	} else if (handle && handle != has) {
		return refuse(c, -EINVAL, "Invalid handle");
	}
	if (c->attr[TCA_KIND] && !(is && kind_is(c->attr[TCA_KIND], KIND)))
		return refuse(c, -EINVAL, "Invalid qdisc name: must match existing qdisc");
	return 0;
}

static bool echo(const struct tc *c)
{
	return c->m->nlmsg_flags & NLM_F_ECHO;
}

static int del_qdisc(struct tc *c, bool is)
{
	int err = find_qdisc(c, is);

	if (err)
		return err;
	if (!c->t.tcm_parent)
		return refuse(c, -EINVAL, "Classid cannot be zero");
	if (!is)
		return refuse(c, -ENOENT, "Cannot delete qdisc with handle of zero");
	err = clsact_del(&c->k);
	if (err == -ENOENT)
		return refuse(c, err, "Cannot find specified qdisc on specified device");
	if (!err && echo(c))
		tell_qdisc(c, RTM_DELQDISC, 0, c->k.ifindex);
	return err;
}

static int get_qdisc(struct tc *c, bool is)
{
	int err = find_qdisc(c, is);

	/* Without NLM_F_ECHO nothing comes back. */
	if (!err && is && echo(c))
		tell_qdisc(c, RTM_NEWQDISC, 0, c->k.ifindex);
	return err;
}

static int make_qdisc(struct tc *c, bool is)
{
	int err;

	if (!(c->m->nlmsg_flags & NLM_F_CREATE))
		return refuse(c, -ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
	if (!c->attr[TCA_KIND] || !kind_is(c->attr[TCA_KIND], KIND))
		return refuse(c, -ENOENT, "Specified qdisc kind is unknown");
	err = clsact_add(&c->k, is);
	if (err == -EEXIST)
		return refuse(c, err, "Exclusivity flag on, cannot modify");
	if (!err && is && echo(c))
		tell_qdisc(c, RTM_DELQDISC, 0, c->k.ifindex);
	if (!err && echo(c))
		tell_qdisc(c, RTM_NEWQDISC, NLM_F_REPLACE, c->k.ifindex);
	return err;
}

static int new_qdisc(struct tc *c, bool is)
{
	u32 handle = c->t.tcm_handle, flags = c->m->nlmsg_flags;
	bool same = is && (!handle || handle == CLSACT_HANDLE);

	if (c->t.tcm_parent && c->t.tcm_parent != CLSACT_PARENT)
		return refuse(c, -EOPNOTSUPP, "Cannot add children to ingress/clsact qdisc");
	if (!same && handle && is && !(flags & NLM_F_REPLACE))
		return refuse(c, -EEXIST, "NLM_F_REPLACE needed to override");
	if (!same && TC_H_MIN(handle))
		return refuse(c, -EINVAL, "Invalid minor handle");
	if (!same)
		return make_qdisc(c, is);
	if (flags & NLM_F_EXCL)
		return refuse(c, -EEXIST, "Exclusivity flag on, cannot modify");
	if (c->attr[TCA_KIND] && !kind_is(c->attr[TCA_KIND], KIND))
		return refuse(c, -EINVAL, "Invalid qdisc name: must match existing qdisc");
	if (c->attr[TCA_OPTIONS])
		return refuse(c, -EINVAL, "Change operation not supported by specified qdisc");
	if (echo(c))
		tell_qdisc(c, RTM_NEWQDISC, 0, c->k.ifindex);
	return 0;
}

/* All devices of the client's network namespace that have one, by number. */
struct devices {
	u64 netns;
	u32 nr, at[DEVICES];
};

static int note_device(void *arg, const struct attach_key *k, const struct attach_list *l)
{
	struct devices *d = arg;
	u32 i = d->nr;

	if (k->type != HOOK_CLSACT || k->target != d->netns || d->nr == DEVICES)
		return 0;
	for (; i && d->at[i - 1] > k->ifindex; i--)
		d->at[i] = d->at[i - 1];
	d->at[i] = k->ifindex;
	d->nr++;
	return 0;
}

static void dump_qdiscs(struct tc *c)
{
	struct devices d = { .netns = c->k.target };
	struct target_device dev;

	attach_each(note_device, &d);
	for (u32 i = 0; i < d.nr; i++)
		if (!target_device(c->x->c, d.at[i], &dev))
			tell_qdisc(c, RTM_NEWQDISC, NLM_F_MULTI, d.at[i]);
}

/* ---- filters ---- */

/* The kernel's rules of lengths in TCA_OPTIONS. */
static int check_option(const struct nlattr *a)
{
	u32 len = attr_len(a);

	switch (attr_type(a)) {
	case TCA_BPF_CLASSID:
	case TCA_BPF_FD:
	case TCA_BPF_FLAGS:
	case TCA_BPF_FLAGS_GEN: return len < sizeof(u32) ? -ERANGE : 0;
	case TCA_BPF_NAME:
		if (len > CLSACT_NAME_MAX)
			return -ERANGE;
		return memchr(a + 1, 0, len) ? 0 : -EINVAL;
	default: return 0;
	}
}

static int filter_prog(struct tc *c, int fd, u32 *id)
{
	struct link_prog p;
	int err = link_prog_get(c->x, fd, &p);

	if (err)
		return err;
	*id = p.f.h->id;
	err = p.h.o.kind == BPF_PROG_TYPE_SCHED_CLS ? 0 : -EINVAL;
	link_prog_put(&p);
	return err;
}

static u32 u32_or_0(const struct nlattr *a)
{
	return a ? attr_u32(a) : 0;
}

static int parse_options(struct tc *c, struct clsact_filter *f)
{
	const struct nlattr *o = c->attr[TCA_OPTIONS], *a[TCA_BPF_MAX + 1] = { NULL };
	const u32 gen = TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW;

	if (!o)
		return -EINVAL;
	EACH_ATTR(i, (u8 *)(o + 1), (const u8 *)o + o->nla_len)
	{
		int err = check_option(i);

		if (err)
			return err;
		if (attr_type(i) <= TCA_BPF_MAX)
			a[attr_type(i)] = i;
	}
	f->flags = u32_or_0(a[TCA_BPF_FLAGS]);
	f->gen = u32_or_0(a[TCA_BPF_FLAGS_GEN]);
	f->classid = u32_or_0(a[TCA_BPF_CLASSID]);
	if (a[TCA_BPF_OPS] && !a[TCA_BPF_FD])
		return -EOPNOTSUPP; /* classic programs are the kernel's */
	if (!a[TCA_BPF_FD] || a[TCA_BPF_OPS])
		return -EINVAL;
	if (a[TCA_BPF_ACT] || a[TCA_BPF_POLICE])
		return -EOPNOTSUPP;
	if (f->flags & ~(u32)TCA_BPF_FLAG_ACT_DIRECT || f->gen & ~gen || f->gen == gen)
		return -EINVAL;
	if (a[TCA_BPF_NAME]) {
		f->named = 1;
		memcpy(f->name, a[TCA_BPF_NAME] + 1, strlen((const char *)(a[TCA_BPF_NAME] + 1)) + 1);
	}
	return filter_prog(c, (int)attr_u32(a[TCA_BPF_FD]), &f->prog_id);
}

/* What comes before the chain is looked at; the qdisc is there. */
static int check_place(struct tc *c, struct clsact_wish *w)
{
	u32 parent = c->t.tcm_parent, prio = c->t.tcm_info >> 16, proto = c->t.tcm_info & 0xffff;
	const struct nlattr *kind = c->attr[TCA_KIND];

	w->f.prio = (u16)prio;
	w->f.proto = (u16)proto;
	w->f.handle = c->t.tcm_handle;
	w->create = c->m->nlmsg_flags & NLM_F_CREATE;
	w->excl = c->m->nlmsg_flags & NLM_F_EXCL;
	if (!prio && c->m->nlmsg_type == RTM_DELTFILTER && (proto || c->t.tcm_handle || kind))
		return refuse(c, -ENOENT, "Cannot flush filters with protocol, handle or kind set");
	if (!prio &&
	    (c->m->nlmsg_type == RTM_GETTFILTER || (c->m->nlmsg_type == RTM_NEWTFILTER && !w->create)))
		return refuse(c, -ENOENT, "Invalid filter command with priority of zero");
	if (kind && strnlen((const char *)(kind + 1), attr_len(kind)) >= KIND_MAX)
		return refuse(c, -EINVAL, "Specified TC filter name too long");
	if (parent != PARENT_IN && parent != PARENT_OUT && TC_H_MIN(parent))
		return refuse(c, -ENOENT, "Specified class doesn't exist");
	if (!TC_H_MIN(parent))
		return -EINVAL;
	w->f.dir = parent == PARENT_IN ? CLSACT_INGRESS : CLSACT_EGRESS;
	w->f.chain = u32_or_0(c->attr[TCA_CHAIN]);
	if (w->f.chain > CHAIN_MAX)
		return refuse(c, -EINVAL, "Specified chain index exceeds upper limit");
	w->has_kind = kind;
	w->is_bpf = kind && kind_is(kind, "bpf");
	return 0;
}

static int new_filter(struct tc *c, struct clsact_wish *w)
{
	int err;

	c->x->c->ops->fs_creds(c->x->c, &w->uid, NULL, NULL);
	w->err = parse_options(c, &w->f);
	err = clsact_new_filter(&c->k, w);
	if (!err && echo(c))
		tell_filter(c, RTM_NEWTFILTER, c->m->nlmsg_flags, &w->f);
	return err;
}

static int del_filter(struct tc *c, struct clsact_wish *w)
{
	int err = clsact_del_filter(&c->k, w);

	if (err || !echo(c))
		return err;
	if (!w->whole)
		tell_filter(c, RTM_DELTFILTER, c->m->nlmsg_flags, &w->f);
	for (u32 i = 0; w->whole && i < w->nr_gone; i++)
		tell_place(c, RTM_DELTFILTER, c->m->nlmsg_flags, w->gone[i].chain, w->gone[i].prio,
			   w->gone[i].proto);
	return 0;
}

static int get_filter(struct tc *c, struct clsact_wish *w)
{
	int err = clsact_get_filter(&c->k, w);

	if (!err)
		tell_filter(c, RTM_NEWTFILTER, c->m->nlmsg_flags, &w->f);
	return err;
}

static int one_filter(struct tc *c)
{
	struct clsact_wish w = { .fd = -1 };
	int err = check_place(c, &w);

	if (err)
		return err;
	if (c->m->nlmsg_type == RTM_NEWTFILTER)
		err = new_filter(c, &w);
	else
		err = c->m->nlmsg_type == RTM_DELTFILTER ? del_filter(c, &w) : get_filter(c, &w);
	if (err)
		c->why = w.why;
	return err;
}

struct dump {
	struct tc *c;
	u32 dir, chain, prio, last_chain;
	bool any;
};

static int dump_one(void *arg, const struct clsact_filter *f)
{
	struct dump *d = arg;
	u32 prio = d->c->t.tcm_info >> 16, proto = d->c->t.tcm_info & 0xffff;

	if (f->dir != d->dir || (d->c->attr[TCA_CHAIN] && f->chain != d->chain) ||
	    (prio && prio != f->prio) || (proto && proto != f->proto))
		return 0;
	if (!d->any || f->prio != d->prio || f->chain != d->last_chain)
		tell_place(d->c, RTM_NEWTFILTER, NLM_F_MULTI, f->chain, f->prio, f->proto);
	d->any = true;
	d->prio = f->prio;
	d->last_chain = f->chain;
	tell_filter(d->c, RTM_NEWTFILTER, NLM_F_MULTI, f);
	return 0;
}

static void dump_filters(struct tc *c)
{
	struct dump d = { .c = c,
			  .dir = c->t.tcm_parent == PARENT_IN ? CLSACT_INGRESS : CLSACT_EGRESS,
			  .chain = u32_or_0(c->attr[TCA_CHAIN]) };

	if (c->t.tcm_parent == PARENT_IN || c->t.tcm_parent == PARENT_OUT)
		clsact_each(&c->k, dump_one, &d);
}

/* ---- all of it ---- */

/* Is it ours to answer? is: a clsact of ours stands there. */
static bool is_mine(struct tc *c, bool *is)
{
	int there = clsact_there(&c->k);

	*is = there > 0;
	if (there > 0)
		return true;
	if (c->m->nlmsg_type == RTM_NEWQDISC)
		return c->t.tcm_parent == CLSACT_PARENT && c->attr[TCA_KIND] &&
		       kind_is(c->attr[TCA_KIND], KIND);
	/* Where one has been, the kernel has a place without a qdisc, which it speaks of. */
	return !there && c->m->nlmsg_type == RTM_DELQDISC && c->t.tcm_parent;
}

static int answer(struct tc *c, bool is)
{
	struct target_device d;
	int err = c->m->nlmsg_type == RTM_GETTFILTER || c->m->nlmsg_type == RTM_GETQDISC ? 0
											 : cmd_need_cap(c->x);

	if (!err)
		err = target_device(c->x->c, c->k.ifindex, &d);
	if (err)
		return err;
	switch (c->m->nlmsg_type) {
	case RTM_NEWQDISC: return new_qdisc(c, is);
	case RTM_DELQDISC: return del_qdisc(c, is);
	case RTM_GETQDISC: return get_qdisc(c, is);
	default: return one_filter(c);
	}
}

bool netlink_tc(struct cmd_ctx *x, struct nlmsghdr *m, struct netlink_reply *r, int *err, const char **why)
{
	struct tc c = { .x = x, .m = m, .r = r };
	bool is;

	if (parse(&c))
		return false; /* the kernel says it */
	c.k = (struct attach_key){ HOOK_CLSACT, (u32)c.t.tcm_ifindex, target_own_netns(x->c) };
	if (is_dump(m)) {
		if (m->nlmsg_type == RTM_GETQDISC)
			dump_qdiscs(&c);
		else
			dump_filters(&c);
		return false;
	}
	if (!is_mine(&c, &is))
		return false;
	*err = answer(&c, is);
	*why = c.why;
	return true;
}
