// SPDX-License-Identifier: BSD-2-Clause
/*
 * MAP_CREATE: the checks in the kernel's order, then the map layer makes it.
 *
 *   fields that contradict each other   EINVAL
 *   the type and its own rules          EINVAL, E2BIG, ENOTSUPP
 *   capability                          EPERM
 *   the inner map's template            EBADF, EINVAL, ENOTSUPP
 *   name                                EINVAL
 *   BTF                                 EBADF, EINVAL, EOPNOTSUPP, ENOTSUPP
 */
#include "map/map.h"
#include "store/ref.h"
#include "store/store.h"
#include "sys/cmds.h"
#include <fcntl.h>
#include <string.h>

/* Fields that only some types take, or that go only together. */
static int check_fields(const union bpf_attr_new *u)
{
	u32 type = u->map_create.map_type;

	if (u->map_create.btf_vmlinux_value_type_id) {
		if (type != BPF_MAP_TYPE_STRUCT_OPS || u->map_create.btf_key_type_id ||
		    u->map_create.btf_value_type_id)
			return -EINVAL;
	} else if (u->map_create.btf_key_type_id && !u->map_create.btf_value_type_id) {
		return -EINVAL;
	}
	if (u->map_create.map_extra && type != BPF_MAP_TYPE_BLOOM_FILTER && type != BPF_MAP_TYPE_ARENA)
		return -EINVAL;
	if (map_flags_to_oflags(u->map_create.map_flags) < 0)
		return -EINVAL;
	/* One node is all that a store knows. */
	if ((u->map_create.map_flags & BPF_F_NUMA_NODE) && u->map_create.numa_node &&
	    u->map_create.numa_node != ~0u)
		return -EINVAL;
	return 0;
}

static void fill_attr(const union bpf_attr_new *u, struct map_attr *a)
{
	*a = (struct map_attr){
		.map_type = u->map_create.map_type,
		.key_size = u->map_create.key_size,
		.value_size = u->map_create.value_size,
		.max_entries = u->map_create.max_entries,
		.map_flags = u->map_create.map_flags & ~BPF_F_TOKEN_FD,
		.numa_node = u->map_create.numa_node,
		.map_extra = u->map_create.map_extra,
		.btf_key_type_id = u->map_create.btf_key_type_id,
		.btf_value_type_id = u->map_create.btf_value_type_id,
		.btf_vmlinux_value_type_id = u->map_create.btf_vmlinux_value_type_id,
		.record = { -1, -1 },
		.ncpu = possible_cpus(),
	};
}

/* The template of a map of maps; f is the caller's to put. */
static int resolve_inner(struct cmd_ctx *x, struct map_attr *a, struct bpf_file *f)
{
	struct opened *o;
	int err;

	f->counted = false;
	if (map_type_get(a->map_type)->ops->obj_value != OBJ_MAP)
		return 0;
	err = cmd_get_fd(x, (int)x->attr->map_create.inner_map_fd, OBJ_MAP, f);
	if (err)
		return err;
	o = handle_open(f->h);
	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	a->inner = o->map.hdr;
	a->inner_id = f->h->id;
	return 0;
}

static int resolve_btf(struct cmd_ctx *x, struct map_attr *a, struct bpf_file *f)
{
	int err;

	f->counted = false;
	if (!a->btf_key_type_id && !a->btf_value_type_id)
		return 0;
	err = cmd_get_fd(x, (int)x->attr->map_create.btf_fd, OBJ_BTF, f);
	if (err)
		return err;
	a->btf_id = f->h->id;
	return btf_for_map(f->h, a);
}

/* Makes the object and gives it to the client. Its BTF is held from before it is visible. */
static long make(struct cmd_ctx *x, struct map_attr *a)
{
	int oflags = map_flags_to_oflags(a->map_flags), err, fd;
	struct obj_new n;
	u64 memlock;

	err = map_create(a, &n, &memlock);
	if (err)
		return err;
	obj_take_id(&n);
	if (a->btf_id) {
		err = ref_set(OBJ_MAP, n.id, REF_SLOT_BTF, OBJ_BTF, a->btf_id);
		if (err) {
			obj_discard(&n);
			return err == -ENOENT ? -EBADF : err;
		}
	}
	fd = obj_publish(&n, oflags);
	if (fd < 0) {
		if (a->btf_id)
			ref_clear(OBJ_MAP, n.id, REF_SLOT_BTF, OBJ_BTF, a->btf_id);
		return fd;
	}
	return cmd_install(x, fd, oflags, OBJ_MAP, n.id, &n.st);
}

/* The digest of the one program that may use the map: read, but nothing here could tell such a program. */
static int check_excl(struct cmd_ctx *x)
{
	u64 at = x->attr->map_create.excl_prog_hash;
	u8 digest[32];

	if (!at)
		return x->attr->map_create.excl_prog_hash_size ? -EINVAL : 0;
	if (x->attr->map_create.excl_prog_hash_size != sizeof(digest))
		return -EINVAL;
	return caller_in(x->c, digest, at, sizeof(digest));
}

long cmd_map_create(struct cmd_ctx *x)
{
	struct bpf_file inner = { .counted = false }, btf = { .counted = false };
	union bpf_attr_new *u = x->attr;
	struct map_attr a;
	long ret;
	int len;

	ret = check_fields(u);
	if (ret)
		return ret;
	fill_attr(u, &a);
	ret = map_check(&a);
	if (u->map_create.map_ifindex && (!ret || (ret == -E2BIG && map_type_get(a.map_type)->late_size)))
		ret = map_type_get(a.map_type)->offload && cmd_device_exists(u->map_create.map_ifindex)
			      ? -EOPNOTSUPP
			      : -EINVAL;
	if (!ret && (u->map_create.map_flags & BPF_F_TOKEN_FD))
		ret = cmd_check_token(x, u->map_create.map_token_fd);
	if (!ret)
		ret = cmd_need_cap(x);
	if (!ret)
		ret = resolve_inner(x, &a, &inner);
	if (!ret) {
		len = cmd_check_name(u->map_create.map_name);
		if (len < 0)
			ret = len;
		else
			memcpy(a.name, u->map_create.map_name, (size_t)len);
	}
	if (!ret)
		ret = resolve_btf(x, &a, &btf);
	if (!ret)
		ret = check_excl(x);
	if (!ret)
		ret = make(x, &a);
	put_fd(&inner);
	put_fd(&btf);
	return ret;
}
