// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP by netlink: see net_xdp.h. The same attach point and the same rules as links (link/xdp.h).
 */
#include "sys/net_xdp.h"
#include <linux/if_link.h>
#include <string.h>
#include "link/xdp.h"
#include "sys/cmd_link.h"
#include "sys/targets.h"

static int place(void *arg, struct attach_list *l)
{
	return xdp_place(arg, l);
}

/* An XDP program of the client's; 0: fd is none, by being below 0. */
static int prog_of(struct cmd_ctx *x, s32 fd, u32 *id, u32 *expected)
{
	struct link_prog p;
	int err;

	*id = 0;
	if (fd < 0)
		return 0;
	err = link_prog_get(x, fd, &p);
	if (err)
		return err;
	*id = p.f.h->id;
	*expected = p.h.expected_attach_type;
	err = p.h.o.kind == BPF_PROG_TYPE_XDP ? 0 : -EINVAL;
	link_prog_put(&p);
	return err;
}

static int key_of(struct bpf_caller *c, u32 ifindex, struct attach_key *k, bool *native)
{
	struct target_device d;
	int err = target_device(c, ifindex, &d);

	*k = (struct attach_key){ .type = BPF_XDP, .ifindex = ifindex };
	if (err)
		return err;
	k->target = target_own_netns(c);
	*native = d.native;
	return 0;
}

static int set(struct cmd_ctx *x, const struct xdp_request *r, const char **why)
{
	struct xdp_wish w = { .flags = r->flags };
	struct attach_point *p;
	struct attach_key k;
	u32 other;
	int err;

	if (!x->c->ops->privileged(x->c))
		return -EPERM;
	err = key_of(x->c, r->ifindex, &k, &w.native);
	if (!err && ((r->flags & ~XDP_FLAGS_MASK) || ((r->flags & XDP_FLAGS_REPLACE) && !r->has_expected)))
		err = -EINVAL;
	if (!err)
		err = xdp_check_modes(r->flags);
	if (!err)
		err = prog_of(x, r->fd, &w.prog_id, &w.expected_attach_type);
	if (!err && (r->flags & XDP_FLAGS_REPLACE))
		err = prog_of(x, r->expected_fd, &w.old_prog, &other);
	if (err)
		return err;
	p = attach_open(&k);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	err = attach_change(p, place, &w);
	*why = err ? w.why : NULL;
	attach_close(p);
	return err;
}

static noinline int set_guarded(struct bpf_caller *c, struct op *op, const struct xdp_request *r,
				const char **why)
{
	union bpf_attr_new attr;
	struct cmd_ctx x = { c, op, &attr, 0, 0 };
	long err = guard_set(&op->guard);

	if (err) {
		op_fault(op);
		return (int)err;
	}
	return set(&x, r, why);
}

int sys_xdp_set(struct bpf_caller *c, const struct xdp_request *r, const char **why)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int ret;

	*why = NULL;
	if (!op)
		return -EAGAIN;
	ret = set_guarded(c, op, r, why);
	op_leave(op);
	return ret;
}

u32 sys_xdp_get(struct bpf_caller *c, u32 ifindex, u32 *attached)
{
	struct attach_key k = { .type = BPF_XDP, .ifindex = ifindex, .target = target_own_netns(c) };
	struct attach_list l;

	if (attach_list_of(&k, &l) || !l.nr)
		return 0;
	*attached = l.e[0].flags & XDP_FLAGS_DRV_MODE ? XDP_ATTACHED_DRV : XDP_ATTACHED_SKB;
	return l.e[0].prog_id;
}

static int count(void *arg, const struct attach_key *k, const struct attach_list *l)
{
	*(u32 *)arg += k->type == BPF_XDP;
	return 0;
}

u32 sys_xdp_count(void)
{
	u32 n = 0;

	attach_each(count, &n);
	return n;
}
