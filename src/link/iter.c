// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links of iterators: what they tell of themselves.
 */
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "util/str.h"

static int check(const struct link_req *r, struct link_hdr *h)
{
	return -EINVAL;
}

static const char *text(const struct link_hdr *h)
{
	return h->iter.target;
}

static u32 map(const struct link_hdr *h)
{
	return h->iter.map_id;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	memcpy(by_type + 12, &h->iter.map_id, sizeof(h->iter.map_id));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	to = str_put(str_put(str_put(to, "target_name:\t"), h->iter.target), "\n");
	if (h->iter.map_id)
		to = str_put(str_put_u64(str_put(to, "map_id:\t"), h->iter.map_id, 10), "\n");
	return to;
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put(str_put(to, "iterator of "), h->iter.target);
}

const struct link_ops iter_link_ops = {
	.type = BPF_LINK_TYPE_ITER,
	.name = "iter",
	.target = LINK_AT_NOTHING,
	.check = check,
	.updates = true,
	.text = text,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
	.map = map,
};
