// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_DEVMAP_HASH: interfaces by any number, in the hash table (hashtab_int.h).
 *
 * A stored value is two words, as in outer_slots.h:
 *
 *     number:32 | program's id:32        program's id:32 | ifindex:32
 *
 * The first is what the table knows as a reference, taken and dropped as in
 * hash_of_maps.c; the second is the value that clients and programs see.
 */
#include "map/devmap.h"
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "store/ref.h"

#define WORDS        2u
#define DTAB_MEMLOCK 344u
#define ENTRIES_MAX  (1u << 31)
#define NUMBER_TRIES 1000

static void drop_prog(struct bpf_map *m, u64 word)
{
	if ((u32)word)
		ref_clear(OBJ_MAP, m->id, word >> 32, OBJ_PROG, (u32)word);
}

/* A reference under a number of its own; its word is in the claim before it is made. */
static int take_prog(struct op *op, struct bpf_map *m, u32 prog_id)
{
	u64 *next = &htab_of(m)->words->next_ref;

	for (u32 t = 0; t < NUMBER_TRIES; t++) {
		u64 number = (u32)__atomic_add_fetch(next, 1, __ATOMIC_RELAXED);
		int err;

		if (!number)
			continue;
		op->claim[3] = number << 32 | prog_id;
		barrier();
		err = prog_id ? ref_set(OBJ_MAP, m->id, number, OBJ_PROG, prog_id) : 0;
		if (!err)
			return 0;
		op->claim[3] = 0;
		if (err != -EEXIST)
			return err == -ENOENT ? -EBADF : err;
	}
	return -EBUSY;
}

static int dh_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u64 words[WORDS];
	int err = htab_lookup(op, m, key, words, 0);

	if (!err)
		memcpy(value, &words[1], m->value_size);
	return err;
}

static int dh_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return flags == BPF_NOEXIST && htab_lookup_ptr(NULL, (struct bpf_map *)m, key) ? -EEXIST : 0;
}

/* BPF_EXIST asks for nothing, as on the kernel. */
static int dh_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	const struct map_thing *t = value;
	u64 words[WORDS];
	int err;

	if (!t->id)
		return -EINVAL;
	htab_begin(op, m);
	err = take_prog(op, m, t->prog_id);
	if (err)
		return err;
	words[0] = op->claim[3];
	words[1] = (u64)t->prog_id << 32 | t->id;
	err = htab_put(op, m, key, words, flags == BPF_EXIST ? BPF_ANY : flags);
	if (err)
		drop_prog(m, words[0]);
	op->claim[3] = 0;
	return err;
}

static void dh_each_ref(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
			void *arg)
{
	struct htab *h = htab_of((struct bpf_map *)m);
	u32 n = MIN(load32(&h->words->ents_backed), h->n);
	u64 word;

	for (u32 i = 0; i < n; i++)
		if (htab_peek(h, i, &word) && (u32)word)
			each(arg, word >> 32, OBJ_PROG, (u32)word);
}

static void *dh_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	u64 *words = htab_lookup_ptr(op, m, key);

	return words ? &words[1] : NULL;
}

static int dh_redirect(struct op *op, struct bpf_map *m, u32 key, struct map_target *t)
{
	u64 words[WORDS];
	int err = htab_lookup(op, m, &key, words, 0);

	if (!err)
		*t = (struct map_target){ .ifindex = (u32)words[1], .prog_id = (u32)(words[1] >> 32) };
	return err ? -ENOENT : 0;
}

static int dh_alloc_check(struct map_attr *a)
{
	if (outer_alloc_check(a) || a->max_entries > ENTRIES_MAX)
		return -EINVAL;
	return 0;
}

/* Elements get memory when they are needed, whatever the flags say. */
static struct map_attr sparse(const struct map_attr *a)
{
	struct map_attr s = *a;

	s.map_flags |= BPF_F_NO_PREALLOC;
	return s;
}

static int dh_layout(const struct map_attr *a, struct map_layout *l)
{
	struct map_attr s = sparse(a);
	int err = htab_layout(&s, WORDS * sizeof(u64), l);

	return err == -E2BIG ? -ENOMEM : err;
}

static int dh_init(struct bpf_map *m, const struct map_attr *a)
{
	struct map_attr s = sparse(a);

	return htab_init(m, &s, WORDS * sizeof(u64));
}

static int dh_open(struct bpf_map *m)
{
	int err = htab_open(m, WORDS * sizeof(u64));

	if (err)
		return err;
	htab_of(m)->dropped = drop_prog;
	return 0;
}

static u64 dh_memlock(const struct map_attr *a)
{
	u32 n = a->max_entries;

	return DTAB_MEMLOCK + (n < 2 ? 8 : 8ull << (32 - __builtin_clz(n - 1)));
}

const struct map_ops dev_map_hash_ops = {
	.name = "devmap_hash",
	.alloc_check = dh_alloc_check,
	.layout = dh_layout,
	.init = dh_init,
	.open = dh_open,
	.lookup = dh_lookup,
	.update = dh_update,
	.delete = htab_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = htab_next_key,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_DEV,
	.obj_check = dev_prog_check,
	.update_check = dh_update_check,
	.each_ref = dh_each_ref,
	.gc = htab_gc,
	.value_ptr = dh_value_ptr,
	.redirect = dh_redirect,
	.redirect_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS,
	.memlock = dh_memlock,
};
