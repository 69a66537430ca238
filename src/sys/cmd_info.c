// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_GET_INFO_BY_FD: which kind the fd is, and what a map says of itself.
 */
#include "sys/cmds.h"
#include "map/map.h"
#include <string.h>

/* struct bpf_map_info of 6.18. */
struct map_info_out {
	u32 type, id, key_size, value_size, max_entries, map_flags;
	char name[OBJ_NAME_LEN];
	u32 ifindex, btf_vmlinux_value_type_id;
	u64 netns_dev, netns_ino;
	u32 btf_id, btf_key_type_id, btf_value_type_id, btf_vmlinux_id;
	u64 map_extra;
	u64 hash;
	u32 hash_size, pad;
};
_Static_assert(sizeof(struct map_info_out) == 104, "struct bpf_map_info of 6.18");

long map_info(struct cmd_ctx *x, struct bpf_file *f)
{
	const struct opened *o = handle_open(f->h);
	struct map_info_out info;
	const struct map_hdr *h;
	u32 len;
	int err;

	if (IS_ERR(o))
		return PTR_ERR(o);
	err = cmd_info_begin(x, &info, sizeof(info), &len);
	if (!err && info.pad)
		err = -E2BIG; /* for the kernel the struct ends before its padding */
	if (!err && (info.hash || info.hash_size))
		err = -EINVAL; /* no map tells a digest of its content */
	if (err)
		return err;
	h = o->map.hdr;
	info = (struct map_info_out){
		.type = o->map.map_type,
		.id = f->h->id,
		.key_size = o->map.key_size,
		.value_size = o->map.value_size,
		.max_entries = o->map.max_entries,
		.map_flags = o->map.map_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY),
		.btf_id = h->btf_id,
		.btf_key_type_id = h->btf_key_type_id,
		.btf_value_type_id = h->btf_value_type_id,
		.map_extra = o->map.map_extra,
	};
	memcpy(info.name, h->o.name, OBJ_NAME_LEN - 1);
	return cmd_info_end(x, &info, len);
}

long cmd_info_by_fd(struct cmd_ctx *x)
{
	static long (*const by_type[OBJ_TYPES])(struct cmd_ctx *, struct bpf_file *) = {
		[OBJ_MAP] = map_info,
		[OBJ_PROG] = prog_info,
		[OBJ_BTF] = btf_info,
	};
	struct bpf_file f;
	long ret;
	int err;

	err = x->c->ops->get_fd(x->c, x->op, (int)x->attr->info.bpf_fd, &f);
	if (err)
		return err == -EBADF ? -EBADFD : err;
	ret = by_type[f.h->type] ? by_type[f.h->type](x, &f) : -EINVAL;
	put_fd(&f);
	return ret;
}
