// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links of network namespaces: one flow dissector, many socket lookups.
 */
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "util/netns.h"
#include "util/str.h"

static int check(const struct link_req *r, struct link_hdr *h)
{
	return r->flags ? -EINVAL : 0;
}

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	const struct attach_entry e = { .prog_id = r->prog_id, .link_id = link_id };

	/* What PROG_ATTACH put there stands in the way of links. */
	if (l->nr && !l->e[0].link_id)
		return -EEXIST;
	if (r->attach_type == BPF_FLOW_DISSECTOR ? l->nr : l->nr == ATTACH_MAX)
		return -E2BIG;
	attach_entry_insert(l, l->nr, &e);
	return 0;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	u32 w[2] = { atomic_load(&h->detached) ? 0 : netns_inode(h->key.target), h->attach_type };

	memcpy(by_type, w, sizeof(w));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	u32 ino = atomic_load(&h->detached) ? 0 : netns_inode(h->key.target);

	to = str_put(str_put_u64(str_put(to, "netns_ino:\t"), ino, 10), "\nattach_type:\t");
	return str_put(str_put_u64(to, h->attach_type, 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put_u64(str_put(to, "netns "), netns_inode(h->key.target), 10);
}

const struct link_ops netns_link_ops = {
	.type = BPF_LINK_TYPE_NETNS,
	.name = "netns",
	.target = LINK_AT_NETNS,
	.updates = true,
	.detaches = true,
	.check = check,
	.place = place,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
};
