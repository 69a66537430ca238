// SPDX-License-Identifier: BSD-2-Clause
/*
 * Local storages of sockets, inodes, tasks and cgroups: the hash table by identity.
 *
 * bpf(2) passes an fd as key; the commands make of it a struct map_owner, which
 * never stands for two objects (sys/map_values.c), and that is the key of a hash
 * table whose memory comes as it is needed. A kernel keeps the value at the object
 * and frees both together. Here the value outlives its object, unseen, until the
 * map goes; OWNERS_MAX of them have room.
 *
 * max_entries is 0 and key_size 4 for everybody else: the table is opened with its own.
 */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "util/uapi.h"

#define OWNERS_MAX    65536u
#define VALUE_MAX     65407u
#define MEMLOCK       448u
#define BUCKET        16u
#define BUCKETS_LEAST 2u

static int ls_alloc_check(struct map_attr *a)
{
	if (!(a->map_flags & BPF_F_NO_PREALLOC) || a->max_entries || a->key_size != sizeof(u32) ||
	    !a->value_size || !a->btf_key_type_id || !a->btf_value_type_id)
		return -EINVAL;
	return a->value_size > VALUE_MAX ? -E2BIG : 0;
}

static struct map_attr table_attr(const struct map_attr *a)
{
	struct map_attr t = *a;

	t.key_size = sizeof(struct map_owner);
	t.max_entries = OWNERS_MAX;
	return t;
}

static int ls_layout(const struct map_attr *a, struct map_layout *l)
{
	struct map_attr t = table_attr(a);

	return htab_layout(&t, a->value_size, l);
}

static int ls_init(struct bpf_map *m, const struct map_attr *a)
{
	struct map_attr t = table_attr(a);

	return htab_init(m, &t, a->value_size);
}

static int ls_open(struct bpf_map *m)
{
	u32 key_size = m->key_size, max = m->max_entries;
	int err;

	m->key_size = sizeof(struct map_owner);
	m->max_entries = OWNERS_MAX;
	err = htab_open(m, m->value_size);
	m->key_size = key_size;
	m->max_entries = max;
	return err;
}

static u64 ls_memlock(const struct map_attr *a)
{
	u32 n = a->ncpu < 2 ? 1 : 1u << (32 - __builtin_clz(a->ncpu - 1));

	return MEMLOCK + (u64)BUCKET * MAX(n, BUCKETS_LEAST);
}

static int ls_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	int err;

	if ((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST)
		return -EINVAL;
	err = htab_update(op, m, key, value, flags & ~(u64)BPF_F_LOCK);
	return err == -E2BIG ? -ENOMEM : err;
}

#define STORAGE(object_, key_)                                                                               \
	const struct map_ops object_##_storage_ops = {                                                       \
		.name = #object_ "_storage",                                                                 \
		.alloc_check = ls_alloc_check,                                                               \
		.layout = ls_layout,                                                                         \
		.init = ls_init,                                                                             \
		.open = ls_open,                                                                             \
		.lookup = htab_lookup,                                                                       \
		.update = ls_update,                                                                         \
		.delete = htab_delete,                                                                       \
		.lookup_and_delete = map_no_lookup_ENOTSUPP,                                                 \
		.next_key = map_no_next_ENOTSUPP,                                                            \
		.lookup_batch = map_no_batch_ENOTSUPP,                                                       \
		.lookup_and_delete_batch = map_no_batch_ENOTSUPP,                                            \
		.update_batch = map_no_batch_ENOTSUPP,                                                       \
		.delete_batch = map_no_batch_ENOTSUPP,                                                       \
		.obj_value = MAP_VALUE_PLAIN,                                                                \
		.key_kind = key_,                                                                            \
		.memlock = ls_memlock,                                                                       \
	}

STORAGE(sk, MAP_KEY_SOCK);
STORAGE(inode, MAP_KEY_INODE);
STORAGE(task, MAP_KEY_TASK);
STORAGE(cgrp, MAP_KEY_CGROUP);
