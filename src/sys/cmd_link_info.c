// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_GET_INFO_BY_FD of a link.
 *
 * A name goes into the client's buffer: none is asked for (pointer and length 0), or as much as fits, NUL
 * included; what is cut is ENOSPC. The length comes back as that of the whole name.
 */
#include <string.h>
#include "sys/cmd_link.h"

static int put_name(struct cmd_ctx *x, struct bpf_link_info_new *i, const char *name)
{
	u32 room, n = (u32)strlen(name) + 1;
	u64 to;
	int err;

	memcpy(&to, i->by_type, sizeof(to));
	memcpy(&room, i->by_type + 8, sizeof(room));
	if (!to != !room)
		return -EINVAL;
	memcpy(i->by_type + 8, &n, sizeof(n));
	if (!to)
		return 0;
	err = caller_out(x->c, to, name, MIN(room, n) - 1);
	if (!err)
		err = caller_out(x->c, to + MIN(room, n) - 1, "", 1);
	return err ? err : room < n ? -ENOSPC : 0;
}

long link_info(struct cmd_ctx *x, struct bpf_file *f)
{
	struct bpf_link_info_new info;
	const struct link_ops *ops;
	u8 names[12] = { 0 };
	struct link_hdr h;
	u32 len;
	int err;

	err = link_read(f->h, &h);
	if (!err)
		err = cmd_info_begin(x, &info, sizeof(info), &len);
	if (err)
		return err;
	ops = link_ops_get(h.o.kind);
	if (!ops)
		return -EIO;
	memcpy(names, info.by_type, sizeof(names));
	memset(&info, 0, sizeof(info));
	info.type = h.o.kind;
	info.id = f->h->id;
	info.prog_id = atomic_load(&h.prog_id);
	if (ops->text) {
		memcpy(info.by_type, names, sizeof(names));
		err = put_name(x, &info, ops->text(&h));
		if (err)
			return err;
	}
	if (ops->info)
		ops->info(&h, info.by_type);
	return cmd_info_end(x, &info, len);
}
