// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links of raw tracepoints: nothing here is traced, so the link stands for itself.
 */
#include <string.h>
#include "link/link.h"
#include "link/link_types.h"
#include "util/str.h"

static void info(const struct link_hdr *h, u8 by_type[48])
{
	memcpy(by_type + 16, &h->cookie, sizeof(h->cookie));
}

static const char *text(const struct link_hdr *h)
{
	return h->raw_tp.name;
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	to = str_put(str_put(to, "tp_name:\t"), h->raw_tp.name);
	return str_put(str_put_u64(str_put(to, "\ncookie:\t"), h->cookie, 10), "\n");
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put(str_put(to, "tracepoint "), h->raw_tp.name);
}

const struct link_ops raw_tp_link_ops = {
	.type = BPF_LINK_TYPE_RAW_TRACEPOINT,
	.name = "raw_tracepoint",
	.target = LINK_AT_NOTHING,
	.info = info,
	.text = text,
	.fdinfo = fdinfo,
	.where = where,
};
