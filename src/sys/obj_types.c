// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row an object type: its directory and what it holds; handed to the store at start.
 */
#include "btf/btf_obj.h"
#include "link/link.h"
#include "map/map.h"
#include "prog/prog.h"
#include "store/ref.h"
#include "store/store.h"
#include "sys/perf_event.h"
#include "sys/sys.h"

/* What a map holds: its BTF, and what is in its slots. */
static void map_each_ref(const struct obj_hdr *hdr, size_t file_size,
			 void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	bool last = file_size % PAGE == OBJ_HDR_SIZE;
	u8 *base = (u8 *)hdr - (last ? file_size - OBJ_HDR_SIZE : 0);
	struct obj_view v = {
		.hdr = (struct obj_hdr *)hdr,
		.base = base,
		.data = last ? base : base + OBJ_HDR_SIZE,
		.data_size = file_size - OBJ_HDR_SIZE,
		.size = file_size,
	};
	const struct map_hdr *mh = (const struct map_hdr *)hdr;
	struct bpf_map m;

	if (mh->btf_id)
		each(arg, REF_SLOT_BTF, OBJ_BTF, mh->btf_id);
	if (!map_open(&m, &v) && m.ops->each_ref)
		m.ops->each_ref(&m, each, arg);
}

static void map_release_uref(struct obj_hdr *hdr, size_t file_size)
{
	struct obj_view v = {
		.hdr = hdr,
		.base = (u8 *)hdr,
		.data = (u8 *)hdr + OBJ_HDR_SIZE,
		.data_size = file_size - OBJ_HDR_SIZE,
		.size = file_size,
		.writable = true,
	};
	struct bpf_map m;

	if (!map_open(&m, &v) && m.ops->release_uref)
		m.ops->release_uref(&m);
}

static bool map_closed(struct obj_hdr *hdr, size_t file_size, int fd, bool writable)
{
	struct obj_view v = {
		.hdr = hdr,
		.base = (u8 *)hdr,
		.data = (u8 *)hdr + OBJ_HDR_SIZE,
		.data_size = file_size - OBJ_HDR_SIZE,
		.size = file_size,
		.writable = writable,
	};
	struct bpf_map m;

	return !map_open(&m, &v) && m.ops->closed && m.ops->closed(&m, fd, writable);
}

static const char *map_kind_name(u32 kind)
{
	const struct map_type *t = map_type_get(kind);

	return t ? t->ops->name : NULL;
}

static const struct obj_type_ops map_type_ops = {
	.dir = "bpf-map",
	.kind_name = map_kind_name,
	.release_uref = map_release_uref,
	.closed = map_closed,
	.each_ref = map_each_ref,
};

static const struct obj_type_ops prog_type_ops = {
	.dir = "bpf-prog",
	.header_tells = true,
	.kind_name = prog_kind_name,
	.each_ref = prog_each_ref,
	.drop_spares = link_drop_spares,
};

static const struct obj_type_ops link_type_ops = {
	.dir = "bpf_link",
	.header_tells = true,
	.kind_name = link_kind_name,
	.describe = link_describe,
	.release = link_release,
	.each_ref = link_each_ref,
	.is_spare = link_is_spare,
	.gc = link_gc,
};

static const struct obj_type_ops btf_type_ops = {
	.dir = "btf",
	.each_ref = btf_each_ref,
};

static const struct obj_type_ops perf_type_ops = {
	.dir = "perf_event",
	.closed = perf_closed,
};

static const struct obj_type_ops attach_type_ops = {
	.dir = "attach",
	.each_ref = attach_each_ref,
	.gc = attach_gc,
};

static const struct obj_type_ops *const table[OBJ_TYPES] = {
	[OBJ_MAP] = &map_type_ops, [OBJ_PROG] = &prog_type_ops, [OBJ_LINK] = &link_type_ops,
	[OBJ_BTF] = &btf_type_ops, [OBJ_PERF] = &perf_type_ops, [OBJ_ATTACH] = &attach_type_ops,
};

void sys_init(void)
{
	store_set_types(table);
}
