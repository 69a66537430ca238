// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_GET_INFO_BY_FD: which kind the fd is, and what a map says of itself.
 */
#include "sys/cmds.h"
#include "map/map.h"
#include "util/raw.h"
#include <fcntl.h>
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

/* As much of the header as info is made of and map_header_valid looks at: two cache lines of a page, not
 * five. */
#define INFO_SIZE offsetof(struct map_hdr, owner_prog_type)

/*
 * A copy of the map's header. Who only asks what a map is, as all that walk the
 * ids do, need not map it: a direct caller's own fd is read in one call.
 */
static int read_header(struct cmd_ctx *x, struct bpf_file *f, struct map_hdr *h)
{
	const struct opened *o = atomic_load_explicit(&f->h->opened, memory_order_acquire);
	int err = 0;

	if (o)
		memcpy(h, o->map.hdr, INFO_SIZE);
	else if (!x->c->direct || f->acc == O_WRONLY ||
		 raw_pread((int)x->attr->info.bpf_fd, h, INFO_SIZE, 0) != INFO_SIZE ||
		 !obj_header_of(&h->o, OBJ_MAP, f->h->id))
		err = obj_read_header(OBJ_MAP, f->h->id, &h->o, INFO_SIZE);
	if (err == -EACCES) {
		/* Not this user's file, but an fd that it was given. */
		o = handle_open(f->h);
		err = IS_ERR(o) ? (int)PTR_ERR(o) : 0;
		if (!err)
			memcpy(h, o->map.hdr, INFO_SIZE);
	}
	return err ? err : map_header_valid(h) ? 0 : -EIO;
}

long map_info(struct cmd_ctx *x, struct bpf_file *f)
{
	struct map_info_out info;
	struct map_hdr h;
	u32 len;
	int err;

	err = read_header(x, f, &h);
	if (!err)
		err = cmd_info_begin(x, &info, sizeof(info), &len);
	if (!err && info.pad)
		err = -E2BIG; /* for the kernel the struct ends before its padding */
	if (!err && (info.hash || info.hash_size))
		err = -EINVAL; /* no map tells a digest of its content */
	if (err)
		return err;
	info = (struct map_info_out){
		.type = h.o.kind,
		.id = f->h->id,
		.key_size = h.key_size,
		.value_size = h.value_size,
		.max_entries = h.max_entries,
		.map_flags = h.map_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY),
		.btf_id = h.btf_id,
		.btf_key_type_id = h.btf_key_type_id,
		.btf_value_type_id = h.btf_value_type_id,
		.map_extra = h.map_extra,
	};
	memcpy(info.name, h.o.name, OBJ_NAME_LEN - 1);
	return cmd_info_end(x, &info, len);
}

long cmd_info_by_fd(struct cmd_ctx *x)
{
	static long (*const by_type[OBJ_TYPES])(struct cmd_ctx *, struct bpf_file *) = {
		[OBJ_MAP] = map_info,
		[OBJ_PROG] = prog_info,
		[OBJ_BTF] = btf_info,
		[OBJ_LINK] = link_info,
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
