// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_ATTACH and PROG_DETACH.
 *
 * What the hook is decides what the target is and which rules hold; one row a kind of hook. Checks come in
 * the kernel's order: attach type, flags, program, whether the two go together, target.
 */
#include <string.h>
#include "link/mprog.h"
#include "link/sockmap.h"
#include "sys/cmd_attach.h"
#include "sys/targets.h"

#define BASE_FLAGS  (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI | BPF_F_REPLACE | BPF_F_PREORDER)
#define MPROG_FLAGS (BPF_F_REPLACE | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_ID | BPF_F_LINK)

static const enum attach_hook hooks[] = {
	[BPF_PROG_TYPE_CGROUP_SKB] = HOOK_CGROUP,       [BPF_PROG_TYPE_CGROUP_SOCK] = HOOK_CGROUP,
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = HOOK_CGROUP, [BPF_PROG_TYPE_CGROUP_SOCKOPT] = HOOK_CGROUP,
	[BPF_PROG_TYPE_CGROUP_DEVICE] = HOOK_CGROUP,    [BPF_PROG_TYPE_CGROUP_SYSCTL] = HOOK_CGROUP,
	[BPF_PROG_TYPE_SOCK_OPS] = HOOK_CGROUP,         [BPF_PROG_TYPE_SCHED_CLS] = HOOK_TCX,
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = HOOK_NETNS,    [BPF_PROG_TYPE_SK_LOOKUP] = HOOK_NETNS_LINKS,
	[BPF_PROG_TYPE_SK_MSG] = HOOK_SOCKMAP,          [BPF_PROG_TYPE_SK_SKB] = HOOK_SOCKMAP,
};

enum attach_hook attach_hook_of(u32 attach_type)
{
	u32 prog = attach_type_prog(attach_type);

	if (attach_type == BPF_NETKIT_PRIMARY || attach_type == BPF_NETKIT_PEER)
		return HOOK_NONE;
	return prog < ARRAY_SIZE(hooks) ? hooks[prog] : HOOK_NONE;
}

static int edit_point(struct cmd_ctx *x, const struct attach_key *k, attach_edit edit, void *arg)
{
	int err = attach_apply(x->op, k, ATTACH_MAKE, edit, arg);

	return err == -ENOENT ? -EBADF : err == -ENODATA ? -ENOENT : err;
}

/* A point that was never used has nothing to take out. edit's own -ENOENT is -ENODATA here, as in edit_point.
 */
static int edit_used(struct cmd_ctx *x, const struct attach_key *k, attach_edit edit, void *arg)
{
	int err = attach_apply(x->op, k, 0, edit, arg);

	return err == -ENODATA ? -ENOENT : err;
}

/* The program of a client's fd, which must be of that type; its id. */
static int prog_of_type(struct cmd_ctx *x, u32 fd, u32 type, u32 *id)
{
	struct link_prog p;
	int err = link_prog_get(x, (int)fd, &p);

	if (err)
		return err;
	*id = p.f.h->id;
	err = p.h.o.kind == type ? 0 : -EINVAL;
	link_prog_put(&p);
	return err;
}

/* ---- cgroups ---- */

static int cgroup_edit(void *arg, struct attach_list *l)
{
	int err = cgroup_place(arg, l);

	return err == -ENOENT ? -ENODATA : err;
}

static long cgroup_attach(struct cmd_ctx *x, const struct link_prog *p)
{
	const union bpf_attr_new *u = x->attr;
	struct attach_key k = { .type = u->prog_attach.attach_type };
	struct cgroup_wish w = {
		.prog_id = p->f.h->id,
		.flags = u->prog_attach.attach_flags,
		.expected_revision = u->prog_attach.expected_revision,
	};
	int err;

	err = target_cgroup_id(x->c, (int)u->prog_attach.target_fd, &k.target);
	if (err)
		return err;
	err = link_cgroup_denied(x, (int)u->prog_attach.target_fd, k.target, k.type);
	w.denied = err > 0;
	if (err >= 0 && (w.flags & BPF_F_REPLACE))
		err = prog_of_type(x, u->prog_attach.replace_bpf_fd, p->h.o.kind, &w.old_prog);
	w.named = u->prog_attach.relative_fd || (w.flags & (BPF_F_LINK | BPF_F_ID));
	w.rel_err = link_relative(x, w.flags, u->prog_attach.relative_fd, 0, &w.rel_prog, &w.rel_link);
	return err < 0 ? err : edit_point(x, &k, cgroup_edit, &w);
}

struct removal {
	struct mprog_place place;
	u32 prog_id;
	u64 revision;
};

static int cgroup_removal(void *arg, struct attach_list *l)
{
	const struct removal *r = arg;
	int err = cgroup_remove(l, r->prog_id, r->revision);

	return err == -ENOENT ? -ENODATA : err;
}

static long cgroup_detach(struct cmd_ctx *x, u32 prog_type)
{
	const union bpf_attr_new *u = x->attr;
	struct attach_key k = { .type = u->prog_attach.attach_type };
	struct removal r = { .revision = u->prog_attach.expected_revision };
	int err;

	err = target_cgroup_id(x->c, (int)u->prog_attach.target_fd, &k.target);
	if (err)
		return err;
	/* With one program only, no fd of it is needed. */
	if (prog_of_type(x, u->prog_attach.attach_bpf_fd, prog_type, &r.prog_id))
		r.prog_id = 0;
	return edit_used(x, &k, cgroup_removal, &r);
}

/* ---- tcx ---- */

static int tcx_key(struct cmd_ctx *x, struct attach_key *k)
{
	struct target_device d;

	k->type = x->attr->prog_attach.attach_type;
	k->ifindex = x->attr->prog_attach.target_fd;
	k->target = target_own_netns(x->c);
	return target_device(x->c, k->ifindex, &d);
}

static void tcx_place(struct cmd_ctx *x, u32 prog_type, struct mprog_place *w)
{
	const union bpf_attr_new *u = x->attr;

	*w = (struct mprog_place){
		.flags = u->prog_attach.attach_flags,
		.expected_revision = u->prog_attach.expected_revision,
	};
	w->rel_err = link_relative(x, w->flags, u->prog_attach.relative_fd, prog_type, &w->rel_prog,
				   &w->rel_link);
}

struct tcx_wish {
	struct mprog_place place;
	struct attach_entry e;
};

static int tcx_edit(void *arg, struct attach_list *l)
{
	const struct tcx_wish *w = arg;
	int err = mprog_attach(l, &w->place, &w->e);

	return err == -ENOENT ? -ENODATA : err;
}

static long tcx_attach(struct cmd_ctx *x, const struct link_prog *p)
{
	const union bpf_attr_new *u = x->attr;
	struct tcx_wish w = { .e.prog_id = p->f.h->id };
	struct attach_key k;
	u32 old = 0;
	int err = tcx_key(x, &k);

	if (!err && (u->prog_attach.attach_flags & BPF_F_REPLACE))
		err = prog_of_type(x, u->prog_attach.replace_bpf_fd, p->h.o.kind, &old);
	tcx_place(x, p->h.o.kind, &w.place);
	w.place.old_prog = old;
	return err ? err : edit_point(x, &k, tcx_edit, &w);
}

static int tcx_removal(void *arg, struct attach_list *l)
{
	const struct removal *r = arg;
	int err = mprog_detach(l, &r->place, r->prog_id);

	return err == -ENOENT ? -ENODATA : err;
}

static long tcx_detach(struct cmd_ctx *x, u32 prog_id, u32 prog_type)
{
	struct removal r = { .prog_id = prog_id };
	struct attach_list l;
	struct attach_key k;
	int err = tcx_key(x, &k);

	if (!err)
		err = attach_list_of(&k, &l);
	if (!err && !l.nr)
		err = -ENOENT;
	tcx_place(x, prog_id ? prog_type : 0, &r.place);
	return err ? err : edit_used(x, &k, tcx_removal, &r);
}

/* ---- the client's network namespace: one flow dissector ---- */

static int one_edit(void *arg, struct attach_list *l)
{
	const u32 *prog_id = arg;
	const struct attach_entry e = { .prog_id = *prog_id };

	if (l->nr && l->e[0].link_id)
		return -EEXIST;
	if (l->nr && l->e[0].prog_id == *prog_id)
		return -EINVAL;
	if (l->nr)
		l->e[0] = e;
	else
		attach_entry_insert(l, 0, &e);
	return 0;
}

static int one_removal(void *arg, struct attach_list *l)
{
	const u32 *prog_id = arg;

	if (l->nr && l->e[0].link_id)
		return -EINVAL;
	if (!l->nr || l->e[0].prog_id != *prog_id)
		return -ENODATA;
	attach_entry_remove(l, 0);
	return 0;
}

static long netns_attach(struct cmd_ctx *x, const struct link_prog *p)
{
	const union bpf_attr_new *u = x->attr;
	struct attach_key k = { .type = u->prog_attach.attach_type };
	u32 id = p->f.h->id;

	if (u->prog_attach.target_fd || u->prog_attach.attach_flags || u->prog_attach.replace_bpf_fd)
		return -EINVAL;
	k.target = target_own_netns(x->c);
	return edit_point(x, &k, one_edit, &id);
}

static long netns_detach(struct cmd_ctx *x, u32 prog_type)
{
	const union bpf_attr_new *u = x->attr;
	struct attach_key k = { .type = u->prog_attach.attach_type };
	u32 id;
	int err;

	if (u->prog_attach.target_fd)
		return -EINVAL;
	err = prog_of_type(x, u->prog_attach.attach_bpf_fd, prog_type, &id);
	k.target = target_own_netns(x->c);
	return err ? err : edit_used(x, &k, one_removal, &id);
}

/* ---- maps of sockets ---- */

static int sockmap_key(struct cmd_ctx *x, struct attach_key *k)
{
	k->type = x->attr->prog_attach.attach_type;
	k->ifindex = 0;
	return link_sockmap(x, (int)x->attr->prog_attach.target_fd, -EOPNOTSUPP, &k->target);
}

static int sockmap_edit(void *arg, struct attach_list *l)
{
	const u32 *prog_id = arg;
	const struct attach_entry e = { .prog_id = *prog_id };

	if (l->nr && l->e[0].link_id)
		return -EBUSY;
	if (l->nr)
		l->e[0] = e;
	else
		attach_entry_insert(l, 0, &e);
	return 0;
}

static int sockmap_removal(void *arg, struct attach_list *l)
{
	const u32 *prog_id = arg;

	if (l->nr && l->e[0].link_id)
		return -EBUSY;
	if (!l->nr || l->e[0].prog_id != *prog_id)
		return -ENODATA;
	attach_entry_remove(l, 0);
	return 0;
}

static long sockmap_attach(struct cmd_ctx *x, const struct link_prog *p)
{
	struct attach_key k;
	u32 id = p->f.h->id;
	int err;

	if (x->attr->prog_attach.attach_flags || x->attr->prog_attach.replace_bpf_fd)
		return -EINVAL;
	err = sockmap_key(x, &k);
	if (!err)
		err = sockmap_rival(&k);
	return err ? err : edit_point(x, &k, sockmap_edit, &id);
}

static long sockmap_detach(struct cmd_ctx *x, u32 prog_type)
{
	struct attach_key k;
	u32 id;
	int err;

	if (x->attr->prog_attach.attach_flags || x->attr->prog_attach.replace_bpf_fd)
		return -EINVAL;
	err = sockmap_key(x, &k);
	if (!err)
		err = prog_of_type(x, x->attr->prog_attach.attach_bpf_fd, prog_type, &id);
	if (!err)
		err = sockmap_rival(&k);
	return err ? err : edit_used(x, &k, sockmap_removal, &id);
}

/* ---- the commands ---- */

static int attach_flags_check(const union bpf_attr_new *u, enum attach_hook hook)
{
	u32 flags = u->prog_attach.attach_flags;

	switch (hook) {
	case HOOK_TCX: return flags & ~(u32)MPROG_FLAGS ? -EINVAL : 0;
	case HOOK_CGROUP: return flags & ~(u32)(BASE_FLAGS | MPROG_FLAGS) ? -EINVAL : 0;
	default:
		return (flags & ~(u32)BASE_FLAGS) || u->prog_attach.relative_fd ||
				       u->prog_attach.expected_revision
			       ? -EINVAL
			       : 0;
	}
}

static long attach_at(struct cmd_ctx *x, enum attach_hook hook, const struct link_prog *p)
{
	switch (hook) {
	case HOOK_CGROUP: return cgroup_attach(x, p);
	case HOOK_TCX: return tcx_attach(x, p);
	case HOOK_NETNS: return netns_attach(x, p);
	case HOOK_SOCKMAP: return sockmap_attach(x, p);
	default: return -EINVAL;
	}
}

long cmd_prog_attach(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	u32 at = u->prog_attach.attach_type, type = attach_type_prog(at);
	enum attach_hook hook = attach_hook_of(at);
	struct link_prog p;
	long ret;

	if (!type)
		return -EINVAL;
	ret = attach_flags_check(u, type == BPF_PROG_TYPE_SCHED_CLS ? HOOK_TCX : hook);
	if (!ret)
		ret = link_prog_get(x, (int)u->prog_attach.attach_bpf_fd, &p);
	if (ret)
		return ret;
	ret = p.h.o.kind == type ? attach_type_check(x, &p.h, at) : -EINVAL;
	if (!ret)
		ret = attach_at(x, hook, &p);
	link_prog_put(&p);
	return ret;
}

long cmd_prog_detach(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	u32 at = u->prog_attach.attach_type, type = attach_type_prog(at), id = 0;
	u32 flags = u->prog_attach.attach_flags;
	enum attach_hook hook = attach_hook_of(at);
	int err = 0;

	if (type == BPF_PROG_TYPE_SCHED_CLS) {
		err = flags & ~(u32)MPROG_FLAGS ? -EINVAL : 0;
		if (!err && u->prog_attach.attach_bpf_fd)
			err = prog_of_type(x, u->prog_attach.attach_bpf_fd, type, &id);
	} else if (hook == HOOK_CGROUP) {
		err = flags || u->prog_attach.relative_fd ? -EINVAL : 0;
	} else if (flags || u->prog_attach.relative_fd || u->prog_attach.expected_revision) {
		err = -EINVAL;
	}
	if (err)
		return err;
	switch (hook) {
	case HOOK_CGROUP: return cgroup_detach(x, type);
	case HOOK_TCX: return tcx_detach(x, id, type);
	case HOOK_NETNS: return netns_detach(x, type);
	case HOOK_SOCKMAP: return sockmap_detach(x, type);
	default: return -EINVAL;
	}
}
