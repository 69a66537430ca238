// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cgroup links, and the rules of cgroup.h.
 */
#include "link/cgroup.h"
#include "link/link_types.h"
#include <string.h>
#include "util/str.h"

#define MODE       (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI)
#define LINK_FLAGS (BPF_F_ID | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_PREORDER | BPF_F_LINK)

static int find_prog(const struct attach_list *l, u32 prog_id)
{
	for (u32 i = 0; i < l->nr; i++)
		if (!l->e[i].link_id && l->e[i].prog_id == prog_id)
			return (int)i;
	return -ENOENT;
}

/* The entry that the new one replaces, or -ENOENT: it is one more. -EINVAL: it is there already. */
static int find_replaced(const struct cgroup_wish *w, const struct attach_list *l)
{
	int at;

	if (!(w->flags & BPF_F_ALLOW_MULTI))
		return l->nr ? 0 : -ENOENT;
	if (w->prog_id && !w->link_id && w->prog_id != w->old_prog && find_prog(l, w->prog_id) >= 0)
		return -EINVAL;
	if (!w->old_prog)
		return -ENOENT;
	at = find_prog(l, w->old_prog);
	return at < 0 ? -ESRCH : at;
}

static int find_anchor(const struct cgroup_wish *w, const struct attach_list *l)
{
	for (u32 i = 0; i < l->nr; i++) {
		const struct attach_entry *e = &l->e[i];

		if (w->rel_link ? e->link_id != w->rel_link : e->link_id || e->prog_id != w->rel_prog)
			continue;
		return (e->flags ^ w->flags) & BPF_F_PREORDER ? -EINVAL : (int)i;
	}
	return -ENOENT;
}

/* Index at which it is put. */
static int find_place(const struct cgroup_wish *w, const struct attach_list *l)
{
	u32 side = w->flags & (BPF_F_BEFORE | BPF_F_AFTER);
	int at;

	if (w->named ? !side || side == (BPF_F_BEFORE | BPF_F_AFTER)
		     : l->nr && side == (BPF_F_BEFORE | BPF_F_AFTER))
		return -EINVAL;
	/* Links stand beside links, programs beside programs. */
	if (w->named && !w->link_id != !(w->flags & BPF_F_LINK))
		return -EINVAL;
	if (!w->named)
		return side & BPF_F_BEFORE ? 0 : (int)l->nr;
	at = w->rel_err ? w->rel_err : find_anchor(w, l);
	return at < 0 || (side & BPF_F_BEFORE) ? at : at + 1;
}

int cgroup_place(const struct cgroup_wish *w, struct attach_list *l)
{
	struct attach_entry e = { .prog_id = w->prog_id, .link_id = w->link_id, .flags = w->flags };
	u32 mode = w->flags & MODE;
	int at;

	if (mode == MODE || ((w->flags & BPF_F_REPLACE) && !(mode & BPF_F_ALLOW_MULTI)) ||
	    ((w->flags & BPF_F_REPLACE) && (w->flags & (BPF_F_BEFORE | BPF_F_AFTER))) ||
	    !w->old_prog != !(w->flags & BPF_F_REPLACE))
		return -EINVAL;
	if (w->expected_revision && w->expected_revision != attach_shown(l))
		return -ESTALE;
	if (w->denied || (l->nr && l->flags != mode))
		return -EPERM;
	if (l->nr >= ATTACH_MAX)
		return -E2BIG;
	at = find_replaced(w, l);
	if (at == -ESRCH)
		return -ENOENT;
	if (at >= 0) {
		l->e[at] = e;
	} else if (at == -ENOENT) {
		at = find_place(w, l);
		if (at < 0)
			return at;
		attach_entry_insert(l, (u32)at, &e);
	} else {
		return at;
	}
	l->flags = mode;
	return 0;
}

int cgroup_remove(struct attach_list *l, u32 prog_id, u64 expected_revision)
{
	int at = 0;

	if (expected_revision && expected_revision != attach_shown(l))
		return -ESTALE;
	if (!(l->flags & BPF_F_ALLOW_MULTI) || !l->nr) {
		if (!l->nr)
			return -ENOENT;
	} else {
		if (!prog_id)
			return -EINVAL;
		at = find_prog(l, prog_id);
		if (at < 0)
			return at;
	}
	attach_entry_remove(l, (u32)at);
	return 0;
}

int cgroup_allows(const struct attach_list *l)
{
	if (!l->nr)
		return -1;
	return l->flags & MODE ? 1 : 0;
}

static int check(const struct link_req *r, struct link_hdr *h)
{
	return r->flags & ~(u32)LINK_FLAGS ? -EINVAL : 0;
}

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	const struct cgroup_wish w = {
		.prog_id = r->prog_id,
		.link_id = link_id,
		.flags = r->flags | BPF_F_ALLOW_MULTI,
		.rel_prog = r->rel_prog,
		.rel_link = r->rel_link,
		.rel_err = r->rel_err,
		.named = (u32)r->words[0] || (r->flags & (BPF_F_LINK | BPF_F_ID)),
		.denied = r->denied,
		.expected_revision = r->expected_revision,
	};

	return cgroup_place(&w, l);
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	u64 id = atomic_load(&h->detached) ? 0 : h->key.target;

	memcpy(by_type, &id, sizeof(id));
	memcpy(by_type + 8, &h->attach_type, sizeof(h->attach_type));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	u64 id = atomic_load(&h->detached) ? 0 : h->key.target;

	to = str_put(str_put_u64(str_put(to, "cgroup_id:\t"), id, 10), "\nattach_type:\t");
	return str_put(str_put_u64(to, h->attach_type, 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put_u64(str_put(to, "cgroup "), h->key.target, 10);
}

const struct link_ops cgroup_link_ops = {
	.type = BPF_LINK_TYPE_CGROUP,
	.name = "cgroup",
	.target = LINK_AT_CGROUP,
	.relative = true,
	.updates = true,
	.detaches = true,
	.same_counts = true,
	.check = check,
	.place = place,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
};
