// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clsact of an interface: see clsact.h.
 *
 * An edit first reads what the list's filters are (struct known), decides by that alone, and makes the object
 * of a new filter, since its priority and handle may follow from the list. If the list has moved meanwhile
 * the edit runs anew, and makes another one. A filter that cannot be read any more has gone with its list:
 * try again.
 */
#include "link/clsact.h"
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include "store/ref.h"
#include "store/store.h"
#include "util/err.h"
#include "util/str.h"

#define PROG_SLOT 1u

#define AUTO_FROM   0x8000u /* priorities that are given, from there on */
#define AUTO_FIRST  0xc000u
#define HANDLES_END 0x80000000u

/* ---- objects of filters ---- */

static int read_filter(u32 id, struct clsact_filter *f)
{
	struct clsact_hdr h;
	int err = obj_read_header(OBJ_ATTACH, id, &h.o, sizeof(h));

	if (err)
		return err;
	if (h.o.kind != HOOK_FILTER || !h.f.prog_id || h.f.dir > CLSACT_EGRESS)
		return -EIO;
	h.f.name[CLSACT_NAME_MAX - 1] = 0;
	*f = h.f;
	return 0;
}

bool clsact_of_entry(const struct attach_entry *e, struct clsact_filter *f)
{
	return e->object && !read_filter(e->object, f);
}

void clsact_each_ref(const struct obj_hdr *hdr, void (*each)(void *arg, u64 slot, enum obj_type type, u32 id),
		     void *arg)
{
	const struct clsact_hdr *h = (const struct clsact_hdr *)hdr;

	each(arg, PROG_SLOT, OBJ_PROG, h->f.prog_id);
}

static void drop_made(struct clsact_wish *w)
{
	if (w->fd >= 0)
		obj_close(w->fd, OBJ_ATTACH, w->id);
	w->fd = -1;
}

/* The object of w->f, held by w->fd. -EBADF: the program is gone. */
static int make_filter(struct clsact_wish *w)
{
	struct clsact_hdr *h;
	struct obj_new n;
	int err;

	drop_made(w);
	err = obj_create(OBJ_ATTACH, 0, 0, false, &n);
	if (err)
		return err;
	h = (struct clsact_hdr *)n.view.hdr;
	h->f = w->f;
	obj_fill_header(&n, HOOK_FILTER, w->uid, "", OBJ_F_HOLDS);
	w->id = obj_take_id(&n);
	err = ref_set(OBJ_ATTACH, w->id, PROG_SLOT, OBJ_PROG, w->f.prog_id);
	if (err) {
		obj_discard(&n);
		return err == -ENOENT ? -EBADF : err == -ENOSPC || err == -EDQUOT ? -ENOMEM : err;
	}
	w->fd = obj_publish(&n, O_RDONLY);
	if (w->fd >= 0)
		return 0;
	ref_clear(OBJ_ATTACH, w->id, PROG_SLOT, OBJ_PROG, w->f.prog_id);
	return w->fd;
}

/* ---- what the list has ---- */

/* Of one filter, what places and names go by. */
struct known {
	u32 dir, chain, handle;
	u16 prio, proto;
};

struct view {
	struct known f[ATTACH_MAX]; /* of entry i; 0 is the qdisc */
	u32 from, to;               /* entries of the chain that is meant; from == to: there is none */
};

static bool there(const struct attach_list *l)
{
	return l->nr && l->e[0].flags & ATTACH_BARE;
}

static int look(const struct attach_list *l, const struct clsact_filter *f, struct view *v)
{
	struct clsact_filter of;

	v->from = v->to = l->nr;
	for (u32 i = 1; i < l->nr; i++) {
		int err = read_filter(l->e[i].object, &of);

		if (err)
			return err == -ENOENT ? -EAGAIN : err;
		v->f[i] = (struct known){ of.dir, of.chain, of.handle, of.prio, of.proto };
		if (of.dir != f->dir || of.chain != f->chain)
			continue;
		v->from = MIN(v->from, i);
		v->to = i + 1;
	}
	return 0;
}

/* The first entry of the chain with that priority or a later one. */
static u32 first_of(const struct view *v, u32 prio)
{
	u32 i = v->from;

	while (i < v->to && v->f[i].prio < prio)
		i++;
	return i;
}

static bool prio_at(const struct view *v, u32 at, u32 prio)
{
	return at < v->to && v->f[at].prio == prio;
}

/* The entry with that handle among those of the priority that begin at `at`; 0: none. */
static u32 with_handle(const struct view *v, u32 at, u32 handle)
{
	for (u32 prio = v->f[at].prio; prio_at(v, at, prio); at++)
		if (v->f[at].handle == handle)
			return at;
	return 0;
}

static u32 free_handle(const struct view *v, u32 at, bool first)
{
	u32 handle = 1;

	while (!first && handle < HANDLES_END && with_handle(v, at, handle))
		handle++;
	return handle;
}

static int refuse(struct clsact_wish *w, int err, const char *why)
{
	w->why = why;
	return err;
}

/* ---- the qdisc ---- */

static int add_edit(void *arg, struct attach_list *l)
{
	const struct attach_entry e = { .flags = ATTACH_BARE };
	const bool *again = arg;

	if (there(l) && !*again)
		return -EEXIST;
	while (l->nr)
		attach_entry_remove(l, l->nr - 1);
	attach_entry_insert(l, 0, &e);
	return 0;
}

static int del_edit(void *arg, struct attach_list *l)
{
	if (!there(l))
		return -ENOENT;
	while (l->nr)
		attach_entry_remove(l, l->nr - 1);
	return 0;
}

int clsact_add(const struct attach_key *k, bool again)
{
	struct attach_point *p = attach_open(k);
	int err;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	err = attach_change(p, add_edit, &again);
	attach_close(p);
	return err;
}

static int change(const struct attach_key *k, attach_edit edit, void *arg)
{
	struct attach_point *p = attach_find(k);
	int err;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	err = attach_change(p, edit, arg);
	attach_close(p);
	return err;
}

int clsact_del(const struct attach_key *k)
{
	return change(k, del_edit, NULL);
}

int clsact_there(const struct attach_key *k)
{
	struct attach_point *p = attach_find(k);
	struct attach_list l;
	int err;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	err = attach_list(p, &l);
	attach_close(p);
	if (err)
		return err;
	/* A driver makes points, to wait for what may come. */
	return there(&l) ? 1 : l.revision > 1 ? 0 : -ENOENT;
}

/* ---- filters ---- */

#define OTHER_PROTOCOL "Protocol mismatch for filter with specified priority"
#define NEED_CREATE    "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter"
#define OTHER_KIND     "Specified filter kind does not match existing one"

/* May a filter be made at entry `at`, where that priority begins, or is to begin? */
static int check_new(struct clsact_wish *w, const struct view *v, u32 at, bool first, u32 *old)
{
	if (!first && w->f.proto && v->f[at].proto != w->f.proto)
		return refuse(w, -EINVAL, OTHER_PROTOCOL);
	if (first && (!w->has_kind || !w->f.proto))
		return refuse(w, -EINVAL, "Filter kind and protocol must be specified");
	if (first && !w->create)
		return refuse(w, -ENOENT, NEED_CREATE);
	if (w->has_kind && !w->is_bpf)
		return first ? refuse(w, -ENOENT, "TC classifier not found") : refuse(w, -EINVAL, OTHER_KIND);
	*old = first || !w->f.handle ? 0 : with_handle(v, at, w->f.handle);
	if (!*old && !w->create)
		return refuse(w, -ENOENT, NEED_CREATE);
	if (*old && w->excl)
		return refuse(w, -EEXIST, "Filter already exists");
	return w->err;
}

/* The flags for drivers say the same before and after. */
static int check_replaced(const struct clsact_wish *w, const struct attach_entry *e)
{
	const u32 asked = TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW;
	struct clsact_filter f;

	return !clsact_of_entry(e, &f) ? -EAGAIN : (f.gen ^ w->f.gen) & asked ? -EINVAL : 0;
}

static int put_entry(struct clsact_wish *w, struct attach_list *l, u32 at, u32 old)
{
	struct attach_entry e = { .prog_id = w->f.prog_id, .flags = w->f.dir };
	int err;

	if (!old && l->nr >= ATTACH_MAX)
		return -ENOSPC;
	err = make_filter(w);
	if (err)
		return err;
	e.object = w->id;
	if (old)
		l->e[old] = e;
	else
		attach_entry_insert(l, at, &e);
	return 0;
}

/* What the client has asked for, apart from what is made of it: an edit may run more than once. */
struct asked {
	struct clsact_wish *w;
	struct clsact_filter f;
};

static int new_edit(void *arg, struct attach_list *l)
{
	struct asked *a = arg;
	struct clsact_wish *w = a->w;
	u32 at, old;
	struct view v;
	bool first;
	int err;

	w->f = a->f;
	if (!there(l))
		return refuse(w, -EINVAL, "Parent Qdisc doesn't exists");
	err = look(l, &w->f, &v);
	if (err)
		return err;
	at = first_of(&v, w->f.prio ? w->f.prio : AUTO_FROM);
	first = !w->f.prio || !prio_at(&v, at, w->f.prio);
	err = check_new(w, &v, at, first, &old);
	if (!err && old)
		err = check_replaced(w, &l->e[old]);
	if (!err && w->f.gen & TCA_CLS_FLAGS_SKIP_SW)
		err = -EOPNOTSUPP; /* no driver takes it */
	if (err)
		return err;
	if (!w->f.prio)
		w->f.prio = (u16)(at < v.to ? v.f[at].prio - 1u : AUTO_FIRST);
	if (!first)
		w->f.proto = v.f[at].proto;
	if (!w->f.handle)
		w->f.handle = free_handle(&v, at, first);
	w->f.gen |= TCA_CLS_FLAGS_NOT_IN_HW;
	return put_entry(w, l, at, old);
}

int clsact_new_filter(const struct attach_key *k, struct clsact_wish *w)
{
	struct asked a = { w, w->f };
	int err;

	w->fd = -1;
	err = change(k, new_edit, &a);
	drop_made(w);
	return err == -ENOENT && !w->why ? -EBADF : err;
}

/* The priority that is meant, as DEL and GET look for it: its first entry. */
static int find_prio(struct clsact_wish *w, const struct view *v, int no_chain, u32 *at)
{
	if (v->from == v->to)
		return refuse(w, no_chain, "Cannot find specified filter chain");
	*at = first_of(v, w->f.prio);
	if (!prio_at(v, *at, w->f.prio))
		return refuse(w, -ENOENT, "Filter with specified priority/protocol not found");
	if (w->f.proto && v->f[*at].proto != w->f.proto)
		return refuse(w, -EINVAL, OTHER_PROTOCOL);
	if (w->has_kind && !w->is_bpf)
		return refuse(w, -EINVAL, OTHER_KIND);
	return 0;
}

static void note_gone(struct clsact_wish *w, const struct known *k)
{
	w->gone[w->nr_gone++] = (struct clsact_place){ k->chain, k->prio, k->proto };
}

/* Takes entries away: of the chain all (prio 0), or those of a priority. */
static void remove_whole(struct clsact_wish *w, const struct view *v, struct attach_list *l)
{
	w->whole = true;
	for (u32 i = v->from; i < v->to; i++)
		if ((!w->f.prio || v->f[i].prio == w->f.prio) &&
		    (!w->nr_gone || w->gone[w->nr_gone - 1].prio != v->f[i].prio))
			note_gone(w, &v->f[i]);
	for (u32 i = v->to; i-- > v->from;)
		if (!w->f.prio || v->f[i].prio == w->f.prio)
			attach_entry_remove(l, i);
}

static int remove_edit(void *arg, struct attach_list *l)
{
	struct asked *a = arg;
	struct clsact_wish *w = a->w;
	struct view v;
	u32 at;
	int err;

	w->f = a->f;
	w->nr_gone = 0;
	w->whole = false;
	if (!there(l))
		return refuse(w, -EINVAL, "Parent Qdisc doesn't exists");
	err = look(l, &w->f, &v);
	if (!err && w->f.prio)
		err = find_prio(w, &v, -ENOENT, &at);
	if (err)
		return err;
	if (!w->f.prio || !w->f.handle) {
		remove_whole(w, &v, l);
		return w->nr_gone ? 0 : 1;
	}
	at = with_handle(&v, at, w->f.handle);
	if (!at)
		return refuse(w, -ENOENT, "Specified filter handle not found");
	if (!clsact_of_entry(&l->e[at], &w->f))
		return -EAGAIN;
	attach_entry_remove(l, at);
	return 0;
}

int clsact_del_filter(const struct attach_key *k, struct clsact_wish *w)
{
	struct asked a = { w, w->f };

	return change(k, remove_edit, &a);
}

static int get_edit(void *arg, struct attach_list *l)
{
	struct asked *a = arg;
	struct clsact_wish *w = a->w;
	struct view v;
	u32 at = 0;
	int err;

	w->f = a->f;
	if (!there(l))
		return refuse(w, -EINVAL, "Parent Qdisc doesn't exists");
	err = look(l, &w->f, &v);
	if (!err)
		err = find_prio(w, &v, -EINVAL, &at);
	if (err)
		return err;
	at = w->f.handle ? with_handle(&v, at, w->f.handle) : 0;
	if (!at)
		return refuse(w, -ENOENT, "Specified filter handle not found");
	return clsact_of_entry(&l->e[at], &w->f) ? 1 : -EAGAIN;
}

int clsact_get_filter(const struct attach_key *k, struct clsact_wish *w)
{
	struct asked a = { w, w->f };

	return change(k, get_edit, &a);
}

int clsact_each(const struct attach_key *k, int (*each)(void *arg, const struct clsact_filter *f), void *arg)
{
	struct clsact_filter f;
	struct attach_list l;
	int ret = attach_list_of(k, &l);

	for (u32 i = 1; !ret && i < l.nr; i++)
		if (clsact_of_entry(&l.e[i], &f))
			ret = each(arg, &f);
	return ret;
}
