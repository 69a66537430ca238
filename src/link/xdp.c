// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP links, and the rules of what may stand at an interface.
 *
 * One program in driver mode or in generic (skb) mode, never both; one that is offloaded beside it is not to
 * be had. Mode bits of an entry's flags are XDP_FLAGS_*.
 */
#include "link/xdp.h"
#include "link/link_types.h"
#include <linux/if_link.h>
#include <string.h>
#include "util/str.h"

static u32 mode_of(u32 flags, bool native)
{
	if (flags & XDP_FLAGS_MODES)
		return flags & XDP_FLAGS_MODES;
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

int xdp_check_modes(u32 flags)
{
	u32 modes = flags & XDP_FLAGS_MODES;

	return modes & (modes - 1) ? -EINVAL : 0;
}

/* The text that goes with an errno, in the kernel's words. */
static int refuse(struct xdp_wish *w, int err, const char *why)
{
	w->why = why;
	return err;
}

int xdp_place(struct xdp_wish *w, struct attach_list *l)
{
	u32 mode = mode_of(w->flags, w->native);
	const struct attach_entry *cur = l->nr && l->e[0].flags == mode ? &l->e[0] : NULL;
	struct attach_entry e = { .prog_id = w->prog_id, .link_id = w->link_id, .flags = mode };

	if (cur && cur->link_id)
		return refuse(w, -EBUSY, "Can't replace active BPF XDP link");
	if (cur && w->link_id)
		return -EBUSY;
	if ((w->flags & XDP_FLAGS_REPLACE) && (cur ? cur->prog_id : 0) != w->old_prog)
		return refuse(w, -EEXIST, "Active program does not match expected");
	if (!w->prog_id) {
		if (!cur)
			return 1;
		attach_entry_remove(l, 0);
		return 0;
	}
	if ((w->flags & XDP_FLAGS_UPDATE_IF_NOEXIST) && cur)
		return refuse(w, -EBUSY, "XDP program already attached");
	if (mode != XDP_FLAGS_HW_MODE && l->nr && !cur)
		return refuse(w, -EEXIST, "Native and generic XDP can't be active at the same time");
	if (w->expected_attach_type == BPF_XDP_DEVMAP)
		return refuse(w, -EINVAL, "BPF_XDP_DEVMAP programs can not be attached to a device");
	if (w->expected_attach_type == BPF_XDP_CPUMAP)
		return refuse(w, -EINVAL, "BPF_XDP_CPUMAP programs can not be attached to a device");
	if (cur && cur->prog_id == w->prog_id)
		return 1;
	if (mode == XDP_FLAGS_HW_MODE && w->native)
		return -EINVAL; /* such a driver is asked, and offloads nothing */
	if (mode == XDP_FLAGS_HW_MODE || (mode == XDP_FLAGS_DRV_MODE && !w->native))
		return refuse(w, -EOPNOTSUPP, "Underlying driver does not support XDP in native mode");
	if (cur)
		l->e[0] = e;
	else
		attach_entry_insert(l, 0, &e);
	return 0;
}

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	struct xdp_wish w = {
		.prog_id = r->prog_id,
		.link_id = link_id,
		.flags = r->flags,
		.native = r->native,
		.expected_attach_type = r->prog->expected_attach_type,
	};
	int err;

	if (r->flags & ~XDP_FLAGS_MODES)
		return -EINVAL;
	err = xdp_check_modes(r->flags);
	return err ? err : xdp_place(&w, l);
}

static int update(struct op *op, const struct link_hdr *h, const struct prog_hdr *next)
{
	return h->expected_attach_type == next->expected_attach_type ? 0 : -EINVAL;
}

static u32 shown_ifindex(const struct link_hdr *h)
{
	return atomic_load(&h->detached) ? 0 : h->key.ifindex;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	u32 ifindex = shown_ifindex(h);

	memcpy(by_type, &ifindex, sizeof(ifindex));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	return str_put(str_put_u64(str_put(to, "ifindex:\t"), shown_ifindex(h), 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put_u64(str_put(to, "interface "), h->key.ifindex, 10);
}

const struct link_ops xdp_link_ops = {
	.type = BPF_LINK_TYPE_XDP,
	.name = "xdp",
	.target = LINK_AT_DEVICE,
	.updates = true,
	.detaches = true,
	.place = place,
	.update = update,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
};
