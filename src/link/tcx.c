// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcx links: programs for packets that come into or leave an interface.
 */
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "link/mprog.h"
#include "util/str.h"

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	const struct mprog_place w = {
		.flags = r->flags,
		.rel_prog = r->rel_prog,
		.rel_link = r->rel_link,
		.rel_err = r->rel_err,
		.expected_revision = r->expected_revision,
	};
	const struct attach_entry e = { .prog_id = r->prog_id, .link_id = link_id };

	return mprog_attach(l, &w, &e);
}

/* A program stands at a hook once. */
static int update(struct op *op, const struct link_hdr *h, const struct prog_hdr *next)
{
	struct attach_list l;
	int err = attach_beside(op, &h->key, h->o.id, &l);

	for (u32 i = 0; !err && i < l.nr; i++)
		if (l.e[i].prog_id == next->o.id && l.e[i].link_id != h->o.id)
			err = -EEXIST;
	return err;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	u32 w[2] = { atomic_load(&h->detached) ? 0 : h->key.ifindex, h->attach_type };

	memcpy(by_type, w, sizeof(w));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	u32 ifindex = atomic_load(&h->detached) ? 0 : h->key.ifindex;

	to = str_put(str_put_u64(str_put(to, "ifindex:\t"), ifindex, 10), "\nattach_type:\t");
	to = str_put_u64(to, h->attach_type, 10);
	return str_put(to, h->attach_type == BPF_TCX_INGRESS ? " (ingress)\n" : " (egress)\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	to = str_put_u64(str_put(to, "interface "), h->key.ifindex, 10);
	return str_put(to, h->attach_type == BPF_TCX_INGRESS ? " ingress" : " egress");
}

const struct link_ops tcx_link_ops = {
	.type = BPF_LINK_TYPE_TCX_,
	.name = "tcx",
	.target = LINK_AT_DEVICE,
	.relative = true,
	.updates = true,
	.detaches = true,
	.no_device = -ENODEV,
	.place = place,
	.update = update,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
};
