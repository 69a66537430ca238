// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links of maps of sockets: one program at each hook of a map.
 */
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "link/sockmap.h"
#include "util/str.h"

int sockmap_rival(const struct attach_key *k)
{
	struct attach_key other = *k;
	struct attach_list l;
	int err;

	if (k->type == BPF_SK_SKB_VERDICT)
		other.type = BPF_SK_SKB_STREAM_VERDICT;
	else if (k->type == BPF_SK_SKB_STREAM_VERDICT)
		other.type = BPF_SK_SKB_VERDICT;
	else
		return 0;
	err = attach_list_of(&other, &l);
	return err ? err : l.nr ? -EBUSY : 0;
}

static int check(const struct link_req *r, struct link_hdr *h)
{
	return r->flags ? -EINVAL : 0;
}

static int place(const struct link_req *r, u32 link_id, struct attach_list *l)
{
	const struct attach_entry e = { .prog_id = r->prog_id, .link_id = link_id };

	int err = sockmap_rival(&r->key);

	if (err || (l->nr && l->e[0].link_id))
		return err ? err : -EBUSY;
	/* What PROG_ATTACH put there gives way. */
	if (l->nr)
		l->e[0] = e;
	else
		attach_entry_insert(l, 0, &e);
	return 0;
}

static u32 shown_map(const struct link_hdr *h)
{
	return atomic_load(&h->detached) ? 0 : (u32)h->key.target;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	u32 w[2] = { shown_map(h), h->attach_type };

	memcpy(by_type, w, sizeof(w));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	to = str_put(str_put_u64(str_put(to, "map_id:\t"), shown_map(h), 10), "\nattach_type:\t");
	return str_put(str_put_u64(to, h->attach_type, 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put_u64(str_put(to, "map "), h->key.target, 10);
}

static u32 map(const struct link_hdr *h)
{
	return (u32)h->key.target;
}

const struct link_ops sockmap_link_ops = {
	.type = BPF_LINK_TYPE_SOCKMAP_,
	.name = "sockmap",
	.target = LINK_AT_SOCKMAP,
	.updates = true,
	.detaches = true,
	.check = check,
	.place = place,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
	.map = map,
};
