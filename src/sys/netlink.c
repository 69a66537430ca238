// SPDX-License-Identifier: BSD-2-Clause
/*
 * Netlink: see netlink.h. Messages are the client's or the kernel's own bytes; every length is checked.
 *
 * Of RTM_SETLINK and RTM_NEWLINK only IFLA_XDP is ours. Where there are other attributes beside it, the
 * kernel gets the message without that one (its type becomes one that no kernel knows and skips), and its
 * answer counts.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include "link/xdp.h"
#include "sys/cmd_link.h"
#include "sys/netlink_int.h"
#include "sys/targets.h"

#define MARK        NETLINK_MARK
#define ERROR_TYPES 0xf000u /* above RTM_MAX; the errno is in the lower twelve bits */
#define CAPPED      0x80u   /* with the type: to be cut when it comes back */
#define SKIPPED     0x3ff1u /* an attribute type that kernels skip */

#define NLM_F_TEXT 0x200 /* NLM_F_ACK_TLVS */
#define NLM_F_CUT  0x100 /* NLM_F_CAPPED */

static const u32 link_head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));

/* The last of its type counts, as in the kernel. */
static struct nlattr *link_attr(const struct nlmsghdr *m, u32 type)
{
	struct nlattr *found = NULL;

	if (m->nlmsg_len < link_head)
		return NULL;
	EACH_ATTR(a, (u8 *)m + link_head, (const u8 *)m + m->nlmsg_len)
	{
		if (attr_type(a) == type)
			found = a;
	}
	return found;
}

static bool sets_links(const struct nlmsghdr *m)
{
	return (m->nlmsg_type == RTM_SETLINK ||
		(m->nlmsg_type == RTM_NEWLINK && !(m->nlmsg_flags & NLM_F_CREATE))) &&
	       (m->nlmsg_flags & NLM_F_REQUEST);
}

static bool sets_xdp(const struct nlmsghdr *m)
{
	const struct ifinfomsg *i = (const void *)(m + 1);

	return sets_links(m) && m->nlmsg_len >= link_head && i->ifi_index > 0 && link_attr(m, IFLA_XDP);
}

bool netlink_may_be_ours(const struct nlmsghdr *m)
{
	return (m->nlmsg_flags & NLM_F_REQUEST) && (netlink_tc_may(m) || sets_xdp(m));
}

/* ---- requests ---- */

struct xdp_request {
	const struct nlattr *attr[IFLA_XDP_MAX + 1];
	u32 flags;
};

/* The kernel's rules of lengths. */
static int check_attr(const struct nlattr *a)
{
	u32 len = attr_len(a);

	switch (attr_type(a)) {
	case IFLA_XDP_FD:
	case IFLA_XDP_FLAGS:
	case IFLA_XDP_PROG_ID: return len < sizeof(u32) ? -ERANGE : 0;
	case IFLA_XDP_ATTACHED: return len < sizeof(u8) ? -ERANGE : 0;
	case IFLA_XDP_EXPECTED_FD: return len != sizeof(u32) ? -EINVAL : 0;
	default: return 0;
	}
}

static int parse(struct nlattr *xdp, struct xdp_request *r)
{
	memset(r, 0, sizeof(*r));
	EACH_ATTR(a, (u8 *)(xdp + 1), (const u8 *)xdp + xdp->nla_len)
	{
		int err = check_attr(a);

		if (err)
			return err;
		if (attr_type(a) <= IFLA_XDP_MAX)
			r->attr[attr_type(a)] = a;
	}
	if (r->attr[IFLA_XDP_ATTACHED] || r->attr[IFLA_XDP_PROG_ID])
		return -EINVAL;
	if (r->attr[IFLA_XDP_FLAGS])
		r->flags = attr_u32(r->attr[IFLA_XDP_FLAGS]);
	return r->flags & ~(u32)XDP_FLAGS_MASK ? -EINVAL : xdp_check_modes(r->flags);
}

static int xdp_prog(struct cmd_ctx *x, int fd, struct xdp_wish *w, u32 *id)
{
	struct link_prog p;
	int err = link_prog_get(x, fd, &p);

	if (err)
		return err;
	*id = p.f.h->id;
	if (w)
		w->expected_attach_type = p.h.expected_attach_type;
	err = p.h.o.kind == BPF_PROG_TYPE_XDP ? 0 : -EINVAL;
	link_prog_put(&p);
	return err;
}

static int edit(void *arg, struct attach_list *l)
{
	return xdp_place(arg, l);
}

static int change(const struct attach_key *k, struct xdp_wish *w)
{
	struct attach_list l;
	int err;

	/* What changes nothing, or cannot be, makes no point. */
	err = attach_list_of(k, &l);
	if (!err)
		err = xdp_place(w, &l);
	if (err)
		return MIN(err, 0);
	err = attach_apply(NULL, k, ATTACH_MAKE, edit, w);
	return err == -ENOENT ? -EBADF : err;
}

static int set_xdp(struct cmd_ctx *x, const struct nlmsghdr *m, const char **why)
{
	const struct ifinfomsg *i = (const void *)(m + 1);
	struct attach_key k = { .type = BPF_XDP, .ifindex = (u32)i->ifi_index };
	struct xdp_wish w = { 0 };
	struct target_device d;
	struct xdp_request r;
	int err = cmd_need_cap(x);

	if (!err)
		err = target_device(x->c, k.ifindex, &d);
	if (!err)
		err = parse(link_attr(m, IFLA_XDP), &r);
	if (err || !r.attr[IFLA_XDP_FD])
		return err;
	if ((r.flags & XDP_FLAGS_REPLACE) && !r.attr[IFLA_XDP_EXPECTED_FD])
		return -EINVAL;
	w.flags = r.flags;
	w.native = d.native;
	if ((s32)attr_u32(r.attr[IFLA_XDP_FD]) >= 0)
		err = xdp_prog(x, (int)attr_u32(r.attr[IFLA_XDP_FD]), &w, &w.prog_id);
	if (!err && (r.flags & XDP_FLAGS_REPLACE) && (s32)attr_u32(r.attr[IFLA_XDP_EXPECTED_FD]) >= 0)
		err = xdp_prog(x, (int)attr_u32(r.attr[IFLA_XDP_EXPECTED_FD]), NULL, &w.old_prog);
	k.target = target_own_netns(x->c);
	if (!err)
		err = change(&k, &w);
	*why = w.why;
	return err;
}

static bool has_more(const struct nlmsghdr *m)
{
	EACH_ATTR(a, (u8 *)m + link_head, (const u8 *)m + m->nlmsg_len)
	{
		if (attr_type(a) != IFLA_XDP)
			return true;
	}
	return false;
}

static noinline void run_guarded(struct cmd_ctx *x, struct nlmsghdr *m, struct netlink_reply *r,
				 struct netlink_done *d)
{
	d->err = guard_set(&x->op->guard);
	if (unlikely(d->err)) {
		op_fault(x->op);
		return;
	}
	if (netlink_tc_may(m)) {
		d->mine = netlink_tc(x, m, r, &d->err, &d->text);
		return;
	}
	d->err = set_xdp(x, m, &d->text);
	d->rest = !d->err && has_more(m);
}

static void carry_out(struct bpf_caller *c, struct nlmsghdr *m, struct netlink_reply *r,
		      struct netlink_done *d)
{
	struct cmd_ctx x = { .c = c, .op = op_enter(NULL, __builtin_frame_address(0)) };

	*d = (struct netlink_done){ .mine = true, .err = -EAGAIN };
	if (x.op) {
		run_guarded(&x, m, r, d);
		op_leave(x.op);
	}
	if (!d->err)
		d->text = NULL;
}

static u32 text_length(u32 word)
{
	return (word >> 8 & 0xff) * 4;
}

u32 netlink_to_kernel(struct nlmsghdr *m, const struct netlink_done *d, struct netlink_out *o)
{
	u32 len = NLMSG_ALIGN(m->nlmsg_len), text = 0;
	struct nlattr *a;

	if (d->rest) {
		a = link_attr(m, IFLA_XDP);
		a->nla_type = SKIPPED;
		return m->nlmsg_len;
	}
	if (!d->err && !(m->nlmsg_flags & NLM_F_ACK))
		return 0;
	if (d->err && o->texts && d->text) {
		a = (void *)((u8 *)m + len);
		a->nla_type = NLMSGERR_ATTR_MSG;
		a->nla_len = (u16)(NLA_HDRLEN + strlen(d->text) + 1);
		text = NLA_ALIGN(a->nla_len);
		memset(a + 1, 0, text - NLA_HDRLEN);
		memcpy(a + 1, d->text, strlen(d->text));
	}
	m->nlmsg_pid = MARK << 16 | text / 4 << 8 | m->nlmsg_type | (text && o->capped ? CAPPED : 0);
	m->nlmsg_type = d->err ? (u16)(ERROR_TYPES + (u32)-d->err) : NLMSG_NOOP;
	o->whole |= text && o->capped;
	if (text)
		m->nlmsg_len = len + text;
	return m->nlmsg_len;
}

/* ---- messages of ours to the client ---- */

#define CARRIER_MAX 3600u

static void send_so_far(struct netlink_out *o)
{
	long ret = o->n && !o->failed ? o->send(o) : 0;

	if (ret < 0)
		o->failed = ret;
	o->n = 0;
}

void reply_close(struct netlink_reply *r)
{
	struct nlmsghdr *c = (void *)(r->o->buf + r->carrier);

	if (r->open)
		c->nlmsg_len = (u32)r->o->n - r->carrier;
	r->open = false;
}

struct nlmsghdr *reply_begin(struct netlink_reply *r, u16 type, u16 flags, u32 head, u32 max)
{
	u32 size = NLMSG_SPACE(head) + max;
	struct netlink_out *o = r->o;
	struct nlmsghdr *m;

	if (r->open && o->n - r->carrier + size > CARRIER_MAX)
		reply_close(r);
	if (!r->open && o->n > NETLINK_REPLY_ROOM - 2 * CARRIER_MAX)
		send_so_far(o);
	if (!r->open) {
		r->carrier = (u32)o->n;
		r->open = true;
		m = (void *)(o->buf + o->n);
		*m = (struct nlmsghdr){ .nlmsg_type = NETLINK_CARRIER,
					.nlmsg_flags = NLM_F_REQUEST,
					.nlmsg_seq = r->request->nlmsg_seq,
					.nlmsg_pid = MARK << 16 };
		o->n += NLMSG_HDRLEN;
		o->whole |= o->capped;
	}
	m = (void *)(o->buf + o->n);
	memset(m, 0, NLMSG_SPACE(head));
	m->nlmsg_type = type;
	m->nlmsg_flags = flags;
	m->nlmsg_seq = r->request->nlmsg_seq;
	m->nlmsg_len = NLMSG_LENGTH(head);
	return m;
}

struct nlattr *reply_attr(struct nlmsghdr *m, u16 type, const void *data, u32 len)
{
	struct nlattr *a = (void *)((u8 *)m + NLMSG_ALIGN(m->nlmsg_len));

	memset(a, 0, NLA_HDRLEN + NLA_ALIGN(len));
	a->nla_type = type;
	a->nla_len = (u16)(NLA_HDRLEN + len);
	if (len)
		memcpy(a + 1, data, len);
	m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

void reply_nest_end(struct nlmsghdr *m, struct nlattr *nest)
{
	nest->nla_len = (u16)((u8 *)m + m->nlmsg_len - (u8 *)nest);
}

void reply_end(struct netlink_reply *r, struct nlmsghdr *m)
{
	r->o->n += NLMSG_ALIGN(m->nlmsg_len);
}

void netlink_serve(struct bpf_caller *c, const struct nlmsghdr *m, size_t size, struct netlink_out *o)
{
	struct netlink_reply r = { .o = o, .request = m };
	struct nlmsghdr *to;
	struct netlink_done d;

	carry_out(c, (struct nlmsghdr *)m, &r, &d);
	reply_close(&r);
	to = (void *)(o->buf + o->n);
	memcpy(to, m, size);
	o->n += d.mine ? NLMSG_ALIGN(netlink_to_kernel(to, &d, o)) : size;
}

/* ---- what comes back ---- */

static bool is_marked(const struct nlmsghdr *m)
{
	const struct nlmsgerr *e = (const void *)(m + 1);

	return m->nlmsg_type == NLMSG_ERROR && m->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) &&
	       e->msg.nlmsg_pid >> 16 == MARK;
}

static bool is_carrier(const struct nlmsghdr *m)
{
	const struct nlmsgerr *e = (const void *)(m + 1);

	return is_marked(m) && e->msg.nlmsg_type == NETLINK_CARRIER;
}

bool netlink_may_change(const void *buf, size_t n)
{
	const struct nlmsghdr *m = buf;

	if (n < NLMSG_LENGTH(sizeof(struct ifinfomsg)) || m->nlmsg_len > n)
		return false;
	return m->nlmsg_type == RTM_NEWLINK || is_marked(m);
}

/* Received bytes, of which one message is being changed. */
struct received {
	u8 *buf;
	size_t n, room;
};

/* Takes the client's payload out of the echo: what is left is its header, and the text. */
static void cap(struct received *r, struct nlmsghdr *m, u32 text)
{
	struct nlmsgerr *e = (void *)(m + 1);
	u8 *from = (u8 *)(e + 1), *to = (u8 *)m + m->nlmsg_len - text;

	if (to <= from)
		return;
	memmove(from, to, (size_t)(r->buf + r->n - to));
	m->nlmsg_len -= (u32)(to - from);
	r->n -= (size_t)(to - from);
	m->nlmsg_flags |= NLM_F_CUT;
}

/* The acknowledgement of a message that was changed, as the client's own would have been answered. */
static void restore_ack(struct received *r, struct nlmsghdr *m)
{
	struct nlmsgerr *e = (void *)(m + 1);
	u32 word = e->msg.nlmsg_pid, text = text_length(word);

	if (e->msg.nlmsg_type != NLMSG_NOOP && e->msg.nlmsg_type < ERROR_TYPES)
		return;
	e->error = e->msg.nlmsg_type == NLMSG_NOOP ? 0 : -(int)(e->msg.nlmsg_type - ERROR_TYPES);
	e->msg.nlmsg_type = (u16)(word & (CAPPED - 1));
	e->msg.nlmsg_pid = 0;
	if (!text || text > e->msg.nlmsg_len || text > m->nlmsg_len - NLMSG_LENGTH(sizeof(*e)))
		return;
	e->msg.nlmsg_len -= text;
	m->nlmsg_flags |= NLM_F_TEXT;
	if (word & CAPPED)
		cap(r, m, text);
}

/* Puts the messages that a carrier has in its place; they are from the kernel, to that socket. */
static u32 unpack(struct received *r, struct nlmsghdr *m)
{
	const struct nlmsgerr *e = (const void *)(m + 1);
	u8 *from = (u8 *)(e + 1), *end = (u8 *)m + NLMSG_ALIGN(m->nlmsg_len);
	u32 len = m->nlmsg_len - NLMSG_LENGTH(sizeof(*e)), at = 0, port = m->nlmsg_pid;

	len = e->msg.nlmsg_len < NLMSG_HDRLEN ? 0 : MIN(len, e->msg.nlmsg_len - NLMSG_HDRLEN);
	end = MIN(end, r->buf + r->n);
	memmove(m, from, len);
	memmove((u8 *)m + len, end, (size_t)(r->buf + r->n - end));
	r->n -= (size_t)(end - (u8 *)m) - len;
	while (at + NLMSG_HDRLEN <= len) {
		struct nlmsghdr *i = (void *)((u8 *)m + at);

		i->nlmsg_pid = port;
		if (i->nlmsg_len < NLMSG_HDRLEN)
			break;
		at += NLMSG_ALIGN(i->nlmsg_len);
	}
	return len;
}

static void cut(struct received *r, struct nlmsghdr *m, struct nlattr *a)
{
	u8 *from = (u8 *)a;
	u32 len = MIN((u32)NLA_ALIGN(a->nla_len), (u32)((u8 *)m + m->nlmsg_len - from));

	memmove(from, from + len, (size_t)(r->buf + r->n - from - len));
	m->nlmsg_len -= len;
	r->n -= len;
}

static void add(struct received *r, struct nlmsghdr *m, u8 *at, const void *bytes, u32 len)
{
	memmove(at + len, at, (size_t)(r->buf + r->n - at));
	memcpy(at, bytes, len);
	m->nlmsg_len += len;
	r->n += len;
}

struct xdp_told {
	struct nlattr nest, by_mode;
	u32 mode_id;
	struct nlattr attached;
	u32 how;
	struct nlattr prog;
	u32 id;
};

static void tell(struct xdp_told *t, const struct attach_entry *e)
{
	bool skb = e->flags == XDP_FLAGS_SKB_MODE;

	memset(t, 0, sizeof(*t));
	t->nest = (struct nlattr){ sizeof(*t), IFLA_XDP };
	t->by_mode = (struct nlattr){ NLA_HDRLEN + sizeof(u32),
				      skb ? IFLA_XDP_SKB_PROG_ID : IFLA_XDP_DRV_PROG_ID };
	t->mode_id = e->prog_id;
	t->attached = (struct nlattr){ NLA_HDRLEN + sizeof(u8), IFLA_XDP_ATTACHED };
	t->how = skb ? XDP_ATTACHED_SKB : XDP_ATTACHED_DRV;
	t->prog = (struct nlattr){ NLA_HDRLEN + sizeof(u32), IFLA_XDP_PROG_ID };
	t->id = e->prog_id;
}

/*
 * Puts what is attached here into the kernel's answer. Where the client's buffer has no room for it,
 * IFLA_MAP makes some: addresses of a card's memory, which are of no use to anybody.
 */
static void tell_xdp(struct bpf_caller *c, struct received *r, struct nlmsghdr *m)
{
	const struct ifinfomsg *i = (const void *)(m + 1);
	struct attach_key k = { .type = BPF_XDP, .ifindex = (u32)i->ifi_index };
	struct attach_list l;
	struct nlattr *old, *map;
	struct xdp_told t;
	u8 *at;

	k.target = target_own_netns(c);
	if (attach_list_of(&k, &l) || !l.nr)
		return;
	old = link_attr(m, IFLA_XDP);
	if (!old)
		return; /* an answer of another kind, like a bridge's */
	at = (u8 *)old;
	cut(r, m, old);
	map = link_attr(m, IFLA_MAP);
	if (r->room - r->n < sizeof(t) && map) {
		size_t before = r->n;

		cut(r, m, map);
		if ((u8 *)map < at)
			at -= before - r->n;
	}
	if (r->room - r->n < sizeof(t))
		return;
	tell(&t, &l.e[0]);
	add(r, m, at, &t, sizeof(t));
}

size_t netlink_from_kernel(struct bpf_caller *c, void *buf, size_t n, size_t room)
{
	struct received r = { buf, n, room };
	size_t at = 0;

	while (at + NLMSG_HDRLEN <= r.n) {
		struct nlmsghdr *m = (void *)(r.buf + at);

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > r.n - at)
			break;
		if (is_carrier(m)) {
			at += unpack(&r, m);
			if (at % NLMSG_ALIGNTO)
				break; /* nothing of ours ends so */
			continue;
		}
		if (is_marked(m))
			restore_ack(&r, m);
		else if (m->nlmsg_type == RTM_NEWLINK && m->nlmsg_len >= link_head)
			tell_xdp(c, &r, m);
		at += NLMSG_ALIGN(m->nlmsg_len);
	}
	return r.n;
}
