// SPDX-License-Identifier: BSD-2-Clause
/*
 * LINK_CREATE, LINK_UPDATE, LINK_DETACH and RAW_TRACEPOINT_OPEN.
 *
 * The checks come in the kernel's order: the program's fd, whether a program of its type goes there (attach
 * type), what its link type asks for, the target, and then the place in the list.
 *
 * The link is made first and belongs to the client's fd-to-be; then it is placed. If that fails, or we are
 * killed before it is done, the fd goes and the link with it.
 */
#include <fcntl.h>
#include <string.h>
#include "sys/cmd_link.h"
#include "store/store.h"
#include "sys/targets.h"
#include "util/raw.h"

int link_read(struct handle *h, struct link_hdr *to)
{
	int err = obj_read_header(OBJ_LINK, h->id, &to->o, sizeof(*to));
	struct opened *o;

	if (err == -EACCES) {
		/* Not this user's file, but an fd that it was given. */
		o = handle_open(h);
		err = IS_ERR(o) ? (int)PTR_ERR(o) : 0;
		if (!err)
			memcpy(to, o->view.hdr, sizeof(*to));
	}
	if (!err)
		((char *)to->w)[sizeof(to->w) - 1] = 0;
	return err;
}

int link_prog_get(struct cmd_ctx *x, int fd, struct link_prog *p)
{
	struct opened *o;
	int err = cmd_get_fd(x, fd, OBJ_PROG, &p->f);

	if (err)
		return err;
	/* Mapped once for all calls on this fd: links are made of it, and updated to it. */
	o = handle_open(p->f.h);
	if (IS_ERR(o)) {
		err = (int)PTR_ERR(o);
		if (err == -ENOENT)
			err = -EBADF; /* closed meanwhile, and that was its end */
	} else {
		x->op->guard.lo = o->view.base;
		x->op->guard.hi = o->view.base + o->view.size;
		memcpy(&p->h, o->view.hdr, sizeof(p->h));
	}
	if (err)
		put_fd(&p->f);
	return err;
}

void link_prog_put(struct link_prog *p)
{
	put_fd(&p->f);
}

int link_sockmap(struct cmd_ctx *x, int fd, int other, u64 *id)
{
	struct bpf_file f;
	struct obj_hdr h;
	int err = cmd_get_fd(x, fd, OBJ_MAP, &f);

	if (err)
		return err;
	*id = f.h->id;
	err = obj_read_header(OBJ_MAP, f.h->id, &h, sizeof(h));
	put_fd(&f);
	if (err)
		return err;
	return h.kind == BPF_MAP_TYPE_SOCKMAP || h.kind == BPF_MAP_TYPE_SOCKHASH ? 0 : other;
}

/* ---- LINK_CREATE ---- */

static int req_copy_in(const struct link_req *r, void *dst, u64 src, size_t n)
{
	struct cmd_ctx *x = r->arg;

	return caller_in(x->c, dst, src, n);
}

static int req_object(const struct link_req *r, int fd, enum obj_type type, u32 *id)
{
	struct cmd_ctx *x = r->arg;
	struct bpf_file f;
	int err = cmd_get_fd(x, fd, type, &f);

	if (err)
		return err;
	*id = f.h->id;
	put_fd(&f);
	return 0;
}

/* What stands at that cgroup: as cgroup_allows, but -ENOENT: nothing. */
static int allowed_by(const struct attach_key *k)
{
	struct attach_list l;
	int err = attach_list_of(k, &l), allows;

	if (err)
		return err;
	allows = cgroup_allows(&l);
	return allows < 0 ? -ENOENT : allows;
}

int link_cgroup_denied(struct cmd_ctx *x, int fd, u64 id, u32 attach_type)
{
	struct attach_key k = { .type = attach_type, .target = id };
	int allows = -ENOENT, dir, err;

	while (allows == -ENOENT && !(err = target_cgroup_above(k.target, &k.target)))
		allows = allowed_by(&k);
	/* The way up is not known to its end: it is walked. */
	if (allows == -ENOENT && err == -EAGAIN) {
		err = target_cgroup(x->c, fd, &k.target, &dir);
		if (err)
			return err;
		while (allows == -ENOENT && !(err = target_cgroup_up(&dir, &k.target)))
			allows = allowed_by(&k);
		if (!err)
			raw_close(dir);
	}
	return allows >= 0 ? !allows : allows == -ENOENT ? 0 : allows;
}

static int target_of(struct cmd_ctx *x, const struct link_ops *ops, struct link_req *r)
{
	struct target_device d;
	int err = 0;

	r->key.type = r->attach_type;
	switch (ops->target) {
	case LINK_AT_NOTHING: return 0;
	case LINK_AT_DEVICE:
		err = target_device(x->c, r->target, &d);
		if (err)
			return ops->no_device ? ops->no_device : -EINVAL;
		r->native = d.native;
		r->key.ifindex = r->target;
		r->key.target = target_own_netns(x->c);
		return 0;
	case LINK_AT_CGROUP:
		err = target_cgroup_id(x->c, (int)r->target, &r->key.target);
		if (err)
			return err;
		err = link_cgroup_denied(x, (int)r->target, r->key.target, r->attach_type);
		r->denied = err > 0;
		return MIN(err, 0);
	case LINK_AT_NETNS: return target_netns_fd(x->c, (int)r->target, &r->key.target);
	case LINK_AT_SOCKMAP: return link_sockmap(x, (int)r->target, -EINVAL, &r->key.target);
	case LINK_AT_OWN_NS: r->key.target = target_own_netns(x->c); return 0;
	}
	return -EINVAL;
}

struct placing {
	const struct link_ops *ops;
	const struct link_req *r;
	u32 link_id;
};

static int place_edit(void *arg, struct attach_list *l)
{
	const struct placing *p = arg;

	return p->ops->place(p->r, p->link_id, l);
}

static int attach(const struct link_ops *ops, const struct link_req *r, u32 link_id)
{
	struct placing pl = { ops, r, link_id };

	return ops->place ? attach_apply(r->op, &r->key, ATTACH_MAKE, place_edit, &pl) : 0;
}

long link_install(struct cmd_ctx *x, const struct link_ops *ops, const struct link_req *r,
		  const struct link_hdr *h)
{
	struct stat st;
	u32 uid = 0, id;
	int fd, err;

	x->c->ops->fs_creds(x->c, &uid, NULL, NULL);
	fd = link_make(ops, h, r->prog_id, uid, &id, &st);
	if (fd < 0)
		return fd;
	err = attach(ops, r, id);
	if (err) {
		obj_close(fd, OBJ_LINK, id);
		return err;
	}
	return cmd_install(x, fd, O_RDONLY, OBJ_LINK, id, &st);
}

int link_relative(struct cmd_ctx *x, u32 flags, u32 named, u32 prog_type, u32 *prog, u32 *link)
{
	enum obj_type type = flags & BPF_F_LINK ? OBJ_LINK : OBJ_PROG;
	union {
		struct obj_hdr o;
		struct link_hdr l;
		struct prog_hdr p;
	} h;
	struct bpf_file f;
	u32 id = named;
	int err;

	*prog = *link = 0;
	if (!(flags & (BPF_F_LINK | BPF_F_ID)) && !named)
		return 0;
	if (!(flags & BPF_F_ID)) {
		err = cmd_get_fd(x, (int)named, type, &f);
		if (err)
			return err;
		id = f.h->id;
		put_fd(&f);
	}
	err = obj_read_header(type, id, &h.o, type == OBJ_LINK ? sizeof(h.l) : sizeof(h.p));
	if (err)
		return err;
	if (type == OBJ_LINK) {
		*link = id;
		*prog = atomic_load(&h.l.prog_id);
		err = obj_read_header(OBJ_PROG, *prog, &h.o, sizeof(h.p));
		if (err)
			return err;
	} else {
		*prog = id;
	}
	return prog_type && h.o.kind != prog_type ? -EINVAL : 0;
}

static long create(struct cmd_ctx *x, const struct link_ops *ops, struct link_req *r)
{
	struct link_hdr h = {
		.attach_type = r->attach_type,
		.flags = r->flags,
		.prog_kind = r->prog->o.kind,
		.expected_attach_type = r->prog->expected_attach_type,
		.attach_btf_id = r->prog->attach_btf_id,
	};
	int err = ops->check ? ops->check(r, &h) : 0;

	if (!err)
		err = target_of(x, ops, r);
	if (!err && ops->relative)
		r->rel_err = link_relative(x, r->flags, (u32)r->words[0], r->prog->o.kind, &r->rel_prog,
					   &r->rel_link);
	if (err)
		return err;
	h.key = r->key;
	return link_install(x, ops, r, &h);
}

long cmd_link_create(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	struct link_req r = {
		.op = x->op,
		.attach_type = u->link_create.attach_type,
		.flags = u->link_create.flags,
		.target = u->link_create.target_fd,
		.copy_in = req_copy_in,
		.object = req_object,
		.arg = x,
	};
	const struct link_ops *ops;
	struct link_prog p;
	long ret;

	if (r.attach_type == BPF_STRUCT_OPS)
		return link_struct_ops(x);
	memcpy(r.words, u->link_create.by_type, sizeof(r.words));
	r.expected_revision = r.words[1];
	ret = link_prog_get(x, (int)u->link_create.prog_fd, &p);
	if (ret)
		return ret;
	r.prog = &p.h;
	r.prog_id = p.f.h->id;
	ret = attach_type_check(x, &p.h, r.attach_type);
	if (!ret) {
		ops = link_ops_for(p.h.o.kind, r.attach_type);
		ret = ops ? create(x, ops, &r) : link_refused(x, &r);
	}
	link_prog_put(&p);
	return ret;
}

/* ---- LINK_UPDATE ---- */

/* Drivers of the hook are to see the new program: the list is published with it. */
static int touch(void *arg, struct attach_list *l)
{
	const struct link_hdr *h = arg;

	for (u32 i = 0; i < l->nr; i++)
		if (l->e[i].link_id == h->o.id) {
			l->e[i].prog_id = atomic_load(&h->prog_id);
			return 0;
		}
	return 1;
}

static int tell(struct cmd_ctx *x, const struct link_ops *ops, struct link_hdr *h)
{
	int err = ops->place ? attach_apply(x->op, &h->key, ATTACH_BLIND, touch, h) : 0;

	return err == -EIO ? err : 0;
}

/* May one stand in for the other, so far as the hook is concerned? */
static int compatible(struct cmd_ctx *x, const struct link_ops *ops, const struct link_hdr *h,
		      const struct prog_hdr *next)
{
	if (h->prog_kind != next->o.kind)
		return -EINVAL;
	return ops->update ? ops->update(x->op, h, next) : 0;
}

static long update_to(struct cmd_ctx *x, struct handle *link, const struct link_prog *next, u32 must)
{
	struct opened *o = handle_open(link);
	const struct link_ops *ops;
	struct link_hdr *h;
	bool same;
	int err;

	if (IS_ERR(o))
		return PTR_ERR(o);
	if (!o->view.writable)
		return -EACCES;
	x->op->guard.lo = o->view.base;
	x->op->guard.hi = o->view.base + o->view.size;
	h = (struct link_hdr *)o->view.hdr;
	ops = link_ops_get(h->o.kind);
	if (!ops)
		return -EIO;
	if (!ops->updates)
		return -EINVAL;
	if (atomic_load(&h->detached))
		return -ENOLINK;
	if (must && atomic_load(&h->prog_id) != must)
		return -EPERM;
	same = atomic_load(&h->prog_id) == next->f.h->id;
	err = compatible(x, ops, h, &next->h);
	if (!err)
		err = link_swap_prog(x->op, h, next->f.h->id, must);
	return err || (same && !ops->same_counts) ? err : tell(x, ops, h);
}

static long update(struct cmd_ctx *x, struct handle *link)
{
	const union bpf_attr_new *u = x->attr;
	struct link_prog next, old;
	u32 must = 0;
	long ret;

	ret = link_prog_get(x, (int)u->link_update.new_prog_fd, &next);
	if (ret)
		return ret;
	if (u->link_update.flags & BPF_F_REPLACE) {
		ret = link_prog_get(x, (int)u->link_update.old_prog_fd, &old);
		if (!ret) {
			must = old.f.h->id;
			link_prog_put(&old);
		}
	} else if (u->link_update.old_prog_fd) {
		ret = -EINVAL;
	}
	if (!ret)
		ret = update_to(x, link, &next, must);
	link_prog_put(&next);
	return ret;
}

long cmd_link_update(struct cmd_ctx *x)
{
	struct bpf_file f;
	long ret;

	if (x->attr->link_update.flags & ~(u32)BPF_F_REPLACE)
		return -EINVAL;
	ret = cmd_get_fd(x, (int)x->attr->link_update.link_fd, OBJ_LINK, &f);
	if (ret)
		return ret;
	ret = update(x, f.h);
	put_fd(&f);
	return ret;
}

/* ---- LINK_DETACH ---- */

static long detach(struct cmd_ctx *x, struct handle *link)
{
	struct opened *o = handle_open(link);
	const struct link_ops *ops;
	struct link_hdr *h;

	if (IS_ERR(o))
		return PTR_ERR(o);
	h = (struct link_hdr *)o->view.hdr;
	x->op->guard.lo = o->view.base;
	x->op->guard.hi = o->view.base + o->view.size;
	ops = link_ops_get(h->o.kind);
	if (!ops)
		return -EIO;
	if (!ops->detaches)
		return -EOPNOTSUPP;
	if (!o->view.writable)
		return -EACCES;
	/* From here on the entry counts as not there, whoever takes it out. */
	atomic_store(&h->detached, 1);
	return ops->place ? attach_drop_link(&h->key, link->id) : 0;
}

long cmd_link_detach(struct cmd_ctx *x)
{
	struct bpf_file f;
	long ret = cmd_get_fd(x, (int)x->attr->link_detach.link_fd, OBJ_LINK, &f);

	if (ret)
		return ret;
	ret = detach(x, f.h);
	put_fd(&f);
	return ret;
}
