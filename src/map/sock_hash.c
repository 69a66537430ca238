// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_SOCKHASH: sockets by any key, in the hash table (hashtab_int.h).
 *
 * A stored value is the pair of outer_slots.h: which socket, and its cookie. An
 * element whose socket has been closed is none: it is passed over by whoever
 * looks, and removed by whoever may write and meets it, so that it takes no room.
 */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/outer_slots.h"

#define SHTAB_MEMLOCK 384u
#define BUCKETS_MAX   (1u << 27)

static int sh_alloc_check(struct map_attr *a)
{
	if (!a->max_entries || !a->key_size || (a->value_size != 4 && a->value_size != 8))
		return -EINVAL;
	if (a->key_size > MAP_KEY_MAX)
		return -E2BIG;
	return a->max_entries > BUCKETS_MAX ? -EINVAL : 0;
}

static u64 sh_memlock(const struct map_attr *a)
{
	u32 n = a->max_entries;

	return SHTAB_MEMLOCK + (n < 2 ? 16 : 16ull << (32 - __builtin_clz(n - 1)));
}

/* Elements get memory when they are needed. */
static struct map_attr sparse(const struct map_attr *a)
{
	struct map_attr s = *a;

	s.map_flags |= BPF_F_NO_PREALLOC;
	return s;
}

static int sh_layout(const struct map_attr *a, struct map_layout *l)
{
	struct map_attr s = sparse(a);

	return htab_layout(&s, sizeof(struct pair), l);
}

static int sh_init(struct bpf_map *m, const struct map_attr *a)
{
	struct map_attr s = sparse(a);

	return htab_init(m, &s, sizeof(struct pair));
}

static int sh_open(struct bpf_map *m)
{
	return htab_open(m, sizeof(struct pair));
}

/* The element of the key, if its socket is there. */
static int find(struct op *op, struct bpf_map *m, const void *key, struct pair *p)
{
	int err = htab_lookup(op, m, key, p, 0);

	return err ? err : outer_sock_there(*p) ? 0 : -ENOENT;
}

static int sh_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	struct pair p;
	int err;

	if (m->value_size != sizeof(u64))
		return -ENOSPC;
	err = find(op, m, key, &p);
	if (!err)
		memcpy(value, &p.hi, sizeof(p.hi));
	return err;
}

static int sh_delete(struct op *op, struct bpf_map *m, const void *key)
{
	struct pair p;
	int err = find(op, m, key, &p), gone = htab_delete(op, m, key);

	return err ? err : gone;
}

/* Removes what was left by sockets that are closed. */
static void sweep(struct op *op, struct bpf_map *m)
{
	u8 key[MAP_KEY_MAX], next[MAP_KEY_MAX];
	bool begun = false;
	struct pair p;

	for (u32 n = 0; n < m->max_entries && !htab_next_key(op, m, begun ? key : NULL, next); n++) {
		if (begun && find(op, m, key, &p) == -ENOENT)
			htab_delete(op, m, key);
		memcpy(key, next, m->key_size);
		begun = true;
	}
	if (begun && find(op, m, key, &p) == -ENOENT)
		htab_delete(op, m, key);
}

static int put(struct op *op, struct bpf_map *m, const void *key, const struct pair *p)
{
	htab_begin(op, m);
	return htab_put(op, m, key, p, BPF_ANY);
}

static int sh_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	struct pair p;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (t->refused)
		return t->refused;
	if (flags != BPF_ANY) {
		err = find(op, m, key, &p);
		if (flags == BPF_EXIST && err)
			return err;
		if (flags == BPF_NOEXIST && !err)
			return -EEXIST;
	}
	p = outer_sock_pair(t, 1);
	err = put(op, m, key, &p);
	if (err != -E2BIG)
		return err;
	sweep(op, m);
	return put(op, m, key, &p);
}

static int sh_next_key(struct op *op, struct bpf_map *m, const void *key, void *next)
{
	u8 at[MAP_KEY_MAX];
	struct pair p;
	int err = htab_next_key(op, m, key, at);

	while (!err && find(op, m, at, &p) == -ENOENT) {
		u8 dead[MAP_KEY_MAX];

		memcpy(dead, at, m->key_size);
		err = htab_next_key(op, m, dead, at);
	}
	if (!err)
		memcpy(next, at, m->key_size);
	return err;
}

const struct map_ops sock_hash_ops = {
	.name = "sockhash",
	.alloc_check = sh_alloc_check,
	.layout = sh_layout,
	.init = sh_init,
	.open = sh_open,
	.lookup = sh_lookup,
	.update = sh_update,
	.delete = sh_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = sh_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_SOCK,
	.memlock = sh_memlock,
};
