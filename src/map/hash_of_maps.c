// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash of maps: the hash table whose values are references on other maps.
 *
 * A stored value is one word, (number << 32 | inner map's id). The number is
 * taken from a counter of the map and names the reference in refs/
 * (store/ref.h), so that two entries, or an old and a new value of one entry,
 * never share a name:
 *
 *     update: take a number, ref_set, publish the word; ref_clear of the word it replaced
 *     delete: make the entry DEAD; ref_clear of its word
 *
 * Both words of an update are in op->claim before the swap: an operation that
 * was left is settled by looking for them in the table (hashtab.c). A process
 * killed between two steps leaves a reference too many, never one too few; gc
 * drops it, since each_ref does not name it. bpf(2) sees the id alone.
 */
#include "map/hashtab_int.h"
#include "map/map_in_map.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "store/ref.h"

#define WORD_LEN 8u

static u32 word_id(u64 word)
{
	return (u32)word;
}

static u64 word_slot(u64 word)
{
	return word >> 32;
}

static void drop_ref(struct bpf_map *m, u64 word)
{
	if (word)
		ref_clear(OBJ_MAP, m->id, word_slot(word), OBJ_MAP, word_id(word));
}

/* A reference under a number of its own; its word is in the claim before it is made. */
static int take_ref(struct op *op, struct bpf_map *m, u32 id)
{
	u64 *next = &htab_of(m)->words->next_ref;

	for (u32 t = 0; t < 1000; t++) {
		u32 slot = (u32)__atomic_add_fetch(next, 1, __ATOMIC_RELAXED);
		int err;

		if (!slot)
			continue;
		op->claim[3] = (u64)slot << 32 | id;
		barrier();
		err = ref_set(OBJ_MAP, m->id, slot, OBJ_MAP, id);
		if (!err)
			return 0;
		op->claim[3] = 0;
		if (err != -EEXIST) /* that: the counter has wrapped, or was damaged */
			return err == -ENOENT ? -EBADF : err;
	}
	return -EBUSY;
}

static int hom_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u64 word;
	u32 id;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	memcpy(&id, value, sizeof(id));
	htab_begin(op, m);
	err = take_ref(op, m, id);
	if (err)
		return err;
	word = op->claim[3];
	err = htab_put(op, m, key, &word, flags);
	if (err)
		drop_ref(m, word);
	op->claim[3] = 0;
	return err;
}

static void hom_each_ref(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
			 void *arg)
{
	struct htab *h = htab_of((struct bpf_map *)m);
	u32 n = MIN(load32(&h->words->ents_backed), h->n);
	u64 word;

	for (u32 i = 0; i < n; i++)
		if (htab_peek(h, i, &word) && word)
			each(arg, word_slot(word), OBJ_MAP, word_id(word));
}

static int hom_alloc_check(struct map_attr *a)
{
	return a->value_size == sizeof(u32) ? htab_alloc_check(a) : -EINVAL;
}

static int hom_layout(const struct map_attr *a, struct map_layout *l)
{
	return htab_layout(a, WORD_LEN, l);
}

static int hom_init(struct bpf_map *m, const struct map_attr *a)
{
	map_in_map_init(m, a);
	return htab_init(m, a, WORD_LEN);
}

static int hom_open(struct bpf_map *m)
{
	int err = htab_open(m, WORD_LEN);

	if (err)
		return err;
	htab_of(m)->vout = sizeof(u32);
	htab_of(m)->dropped = drop_ref;
	htab_choose_path(htab_of(m));
	return 0;
}

const struct map_ops hash_of_maps_ops = {
	.name = "hash_of_maps",
	.alloc_check = hom_alloc_check,
	.layout = hom_layout,
	.init = hom_init,
	.open = hom_open,
	.lookup = htab_lookup,
	.update = hom_update,
	.delete = htab_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = htab_next_key,
	.lookup_batch = htab_lookup_batch,
	.lookup_and_delete_batch = htab_lookup_and_delete_batch,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_generic_delete_batch,
	.obj_value = OBJ_MAP,
	.obj_check = map_in_map_check,
	.each_ref = hom_each_ref,
	.gc = htab_gc,
	.memlock = htab_memlock,
};
