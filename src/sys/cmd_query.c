// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_QUERY: what stands at a hook.
 *
 * The count is told in any case; of the arrays that the client gave, what fits in prog_cnt is filled, and
 * ENOSPC says that more is there.
 */
#include <string.h>
#include "link/sockmap.h"
#include "sys/cmd_attach.h"
#include "sys/targets.h"
#include "util/raw.h"

#define EFFECTIVE_MAX 512u /* programs that apply to one cgroup */

struct answer {
	u32 nr;
	u32 attach_flags;
	u64 revision;
	bool has_revision, has_links;
	bool any_size; /* the revision is written, whatever size the attr has */
	struct {
		u32 prog_id, link_id, flags;
	} e[EFFECTIVE_MAX];
};

static void add(struct answer *a, const struct attach_entry *e, u32 flags)
{
	if (a->nr == EFFECTIVE_MAX)
		return;
	a->e[a->nr].prog_id = e->prog_id;
	a->e[a->nr].link_id = e->link_id;
	a->e[a->nr].flags = flags;
	a->nr++;
}

static void add_all(struct answer *a, const struct attach_list *l, u32 flags)
{
	for (u32 i = 0; i < l->nr; i++)
		add(a, &l->e[i], flags);
}

/* One word of each entry: of byte `off` there. */
static int put_column(struct cmd_ctx *x, u64 to, const struct answer *a, u32 n, u32 off)
{
	int err = 0;

	for (u32 i = 0; to && !err && i < n; i++)
		err = caller_out(x->c, to + 4ull * i, (const u8 *)&a->e[i] + off, 4);
	return err;
}

static long put_answer(struct cmd_ctx *x, const struct answer *a)
{
	const union bpf_attr_new *u = x->attr;
	u32 room = u->prog_query.prog_cnt, n = MIN(room, a->nr);
	int err;

	err = cmd_put_u32(x, BPF_ATTR_OFF(prog_query.attach_flags), a->attach_flags);
	if (!err && a->has_revision && (a->any_size || x->size >= BPF_ATTR_BEHIND(prog_query.revision)))
		err = caller_out(x->c, x->uattr + BPF_ATTR_OFF(prog_query.revision), &a->revision,
				 sizeof(a->revision));
	if (!err)
		err = cmd_put_u32(x, BPF_ATTR_OFF(prog_query.prog_cnt), a->nr);
	if (err || !room || !u->prog_query.prog_ids || !a->nr)
		return err;
	err = put_column(x, u->prog_query.prog_ids, a, n, 0);
	if (!err)
		err = put_column(x, u->prog_query.prog_attach_flags, a, n, 8);
	if (!err && a->has_links)
		err = put_column(x, u->prog_query.link_ids, a, n, 4);
	return err ? err : room < a->nr ? -ENOSPC : 0;
}

/*
 * What applies to a cgroup: its own programs, then those of the cgroups above that are in MULTI mode; of the
 * others only if there is none so far. Those with PREORDER come first, from the top down.
 */
static int effective(struct cmd_ctx *x, struct attach_key *k, struct answer *a)
{
	struct attach_list l;
	u32 first;
	int dir, err;

	err = target_cgroup(x->c, (int)x->attr->prog_query.target_fd, &k->target, &dir);
	if (err)
		return err;
	do {
		err = attach_list_of(k, &l);
		if (err) {
			raw_close(dir);
			return err;
		}
		if (a->nr && !(l.flags & BPF_F_ALLOW_MULTI))
			continue;
		first = 0;
		for (u32 i = 0; i < l.nr; i++) {
			if (!(l.e[i].flags & BPF_F_PREORDER)) {
				add(a, &l.e[i], 0);
			} else if (a->nr < EFFECTIVE_MAX) {
				memmove(&a->e[first + 1], &a->e[first], (a->nr - first) * sizeof(a->e[0]));
				a->e[first].prog_id = l.e[i].prog_id;
				a->e[first].link_id = l.e[i].link_id;
				a->e[first].flags = 0;
				a->nr++;
				first++;
			}
		}
	} while (!target_cgroup_up(&dir, &k->target));
	return 0;
}

static int query_cgroup(struct cmd_ctx *x, struct attach_key *k, struct answer *a)
{
	const union bpf_attr_new *u = x->attr;
	bool all = u->prog_query.query_flags & BPF_F_QUERY_EFFECTIVE;
	struct attach_list l;
	int err;

	err = target_cgroup_id(x->c, (int)u->prog_query.target_fd, &k->target);
	if (err)
		return err;
	if (all && u->prog_query.prog_attach_flags)
		return -EINVAL;
	if (all)
		return effective(x, k, a);
	err = attach_list_of(k, &l);
	if (err)
		return err;
	a->attach_flags = l.flags;
	a->revision = attach_shown(&l);
	a->has_revision = true;
	add_all(a, &l, l.flags);
	return 0;
}

static int query_tcx(struct cmd_ctx *x, struct attach_key *k, struct answer *a)
{
	const union bpf_attr_new *u = x->attr;
	struct target_device d;
	struct attach_list l;
	int err;

	k->ifindex = u->prog_query.target_fd;
	k->target = target_own_netns(x->c);
	err = target_device(x->c, k->ifindex, &d);
	if (err)
		return err;
	if (u->prog_query.query_flags || u->prog_query.attach_flags)
		return -EINVAL;
	err = attach_list_of(k, &l);
	if (err)
		return err;
	a->revision = attach_shown(&l);
	a->has_revision = a->has_links = a->any_size = true;
	add_all(a, &l, 0);
	return 0;
}

static int query_netns(struct cmd_ctx *x, struct attach_key *k, struct answer *a)
{
	struct attach_list l;
	int err;

	if (x->attr->prog_query.query_flags)
		return -EINVAL;
	err = target_netns_fd(x->c, (int)x->attr->prog_query.target_fd, &k->target);
	if (!err)
		err = attach_list_of(k, &l);
	if (!err)
		add_all(a, &l, 0);
	return err;
}

static int query_sockmap(struct cmd_ctx *x, struct attach_key *k, struct answer *a)
{
	struct attach_list l;
	int err;

	if (x->attr->prog_query.query_flags)
		return -EINVAL;
	err = link_sockmap(x, (int)x->attr->prog_query.target_fd, -EOPNOTSUPP, &k->target);
	if (!err)
		err = sockmap_rival(k);
	/* Told even so. */
	if (err == -EOPNOTSUPP || err == -EBUSY) {
		put_answer(x, a);
		return err;
	}
	if (!err)
		err = attach_list_of(k, &l);
	if (!err)
		add_all(a, &l, 0);
	return err;
}

static long query_lsm(struct cmd_ctx *x, const struct answer *a)
{
	u64 id;
	int err;

	err = target_cgroup_id(x->c, (int)x->attr->prog_query.target_fd, &id);
	return err ? err : put_answer(x, a);
}

long cmd_prog_query(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	struct attach_key k = { .type = u->prog_query.attach_type };
	struct answer a;
	int err = cmd_need_cap(x);

	if (err)
		return err;
	if (u->prog_query.query_flags & ~(u32)BPF_F_QUERY_EFFECTIVE)
		return -EINVAL;
	a.nr = a.attach_flags = 0;
	a.revision = 0;
	a.has_revision = a.has_links = a.any_size = false;
	/* No program of that type can be loaded: there is nothing at any cgroup. */
	if (k.type == BPF_LSM_CGROUP)
		return query_lsm(x, &a);
	switch (attach_hook_of(k.type)) {
	case HOOK_CGROUP: err = query_cgroup(x, &k, &a); break;
	case HOOK_TCX: err = query_tcx(x, &k, &a); break;
	case HOOK_NETNS:
	case HOOK_NETNS_LINKS: err = query_netns(x, &k, &a); break;
	case HOOK_SOCKMAP: err = query_sockmap(x, &k, &a); break;
	default: return -EINVAL;
	}
	return err ? err : put_answer(x, &a);
}
