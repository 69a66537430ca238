// SPDX-License-Identifier: BSD-2-Clause
/*
 * Slots that hold references on objects: see ref_slots.h.
 */
#include "map/ref_slots.h"
#include "map/array_int.h"
#include "shm/tagged.h"
#include "store/ref.h"

/* Words of hdr->priv. */
enum { NEXT_NUMBER };

/* op->claim[] of an update or delete. */
enum { OF_MAP, AT_SLOT, NEW_WORD, OLD_WORD };

#define NUMBER_TRIES 1000

int ref_slots_alloc_check(struct map_attr *a)
{
	return !a->max_entries || a->key_size != 4 || a->value_size != 4 ? -EINVAL : 0;
}

int ref_slots_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = (u64)a->max_entries * sizeof(u64);
	l->reserve = l->data_size;
	return 0;
}

int ref_slots_open(struct bpf_map *m)
{
	return 0;
}

u64 ref_slots_memlock(const struct map_attr *a)
{
	return ARRAY_MEMLOCK + (u64)a->max_entries * sizeof(u64);
}

static u64 *slot_at(const struct bpf_map *m, u32 i)
{
	return (u64 *)m->data + i;
}

static void drop(const struct bpf_map *m, u64 word)
{
	if (word && (u32)word != REF_FOREIGN)
		ref_clear(OBJ_MAP, m->id, word >> 32, m->ops->obj_value, (u32)word);
}

/* What an operation that was left had in hand: dropped, unless it stands in the slot. */
static void slots_recover(struct op *old, struct op *now)
{
	const struct bpf_map *m = (const struct bpf_map *)old->claim[OF_MAP];
	u64 there;

	if (!m)
		return;
	there = load64(slot_at(m, (u32)old->claim[AT_SLOT]));
	if (old->claim[NEW_WORD] != there)
		drop(m, old->claim[NEW_WORD]);
	if (old->claim[OLD_WORD] != there)
		drop(m, old->claim[OLD_WORD]);
	old->claim[OF_MAP] = 0;
}

static void claim(struct op *op, const struct bpf_map *m, u32 i)
{
	op->claim[NEW_WORD] = op->claim[OLD_WORD] = 0;
	op->claim[AT_SLOT] = i;
	op->claim[OF_MAP] = (u64)m;
	barrier();
	op->recover = slots_recover;
	barrier();
}

static void unclaim(struct op *op)
{
	barrier();
	op->claim[OF_MAP] = 0;
	op->recover = NULL;
}

/* Swaps word into slot i and drops what it held: 1 if there was something. */
static int swap(struct op *op, struct bpf_map *m, u32 i, u64 word)
{
	u64 *slot = slot_at(m, i), old = load64(slot);

	do {
		op->claim[OLD_WORD] = old;
		barrier();
	} while (!__atomic_compare_exchange_n(slot, &old, word, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	drop(m, old);
	return old != 0;
}

/* A reference on object id under a number of its own, with mark in it; its word is in the claim before it is
 * made. */
static int hold(struct op *op, struct bpf_map *m, u32 id, u32 mark)
{
	u64 *next = &m->hdr->priv[NEXT_NUMBER];

	for (u32 tries = 0; tries < NUMBER_TRIES; tries++) {
		u32 number = (u32)__atomic_add_fetch(next, 1, __ATOMIC_RELAXED) & ~REF_MARK;
		int err;

		if (!number)
			continue;
		number |= mark;
		op->claim[NEW_WORD] = (u64)number << 32 | id;
		barrier();
		err = id == REF_FOREIGN ? 0 : ref_set(OBJ_MAP, m->id, number, m->ops->obj_value, id);
		if (!err)
			return 0;
		op->claim[NEW_WORD] = 0;
		if (err != -EEXIST) /* that: the counter has wrapped, or was damaged */
			return err == -ENOENT ? -EBADF : err;
	}
	return -EBUSY;
}

int ref_slots_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u32 i = array_index(key), id;

	if (i >= m->max_entries)
		return -ENOENT;
	id = (u32)load64(slot_at(m, i));
	if (!id)
		return -ENOENT;
	memcpy(value, &id, sizeof(id));
	return 0;
}

int ref_slots_update_check(const struct bpf_map *m, const void *key, u64 flags)
{
	if (flags != BPF_ANY)
		return -EINVAL;
	return array_index(key) >= m->max_entries ? -E2BIG : 0;
}

int ref_slots_put(struct op *op, struct bpf_map *m, u32 i, u32 id, u32 mark,
		  int (*before)(void *arg, u32 number), void *arg)
{
	int err;

	claim(op, m, i);
	err = hold(op, m, id, mark);
	if (!err && before)
		err = before(arg, (u32)(op->claim[NEW_WORD] >> 32));
	if (!err)
		swap(op, m, i, op->claim[NEW_WORD]);
	else
		drop(m, op->claim[NEW_WORD]);
	unclaim(op);
	return err;
}

int ref_slots_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	int err = ref_slots_update_check(m, key, flags);
	u32 i = array_index(key), id;

	if (err || i >= m->max_entries) /* (the client may change its key meanwhile) */
		return err ? err : -E2BIG;
	memcpy(&id, value, sizeof(id));
	return ref_slots_put(op, m, i, id, 0, NULL, NULL);
}

bool ref_slots_word(const struct bpf_map *m, u32 i, u64 *word)
{
	*word = i < m->max_entries ? load64(slot_at(m, i)) : 0;
	return *word;
}

void ref_slots_take(struct bpf_map *m, u32 i, u64 word)
{
	u64 seen = word;

	if (__atomic_compare_exchange_n(slot_at(m, i), &seen, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		drop(m, word);
}

int ref_slots_delete(struct op *op, struct bpf_map *m, const void *key)
{
	u32 i = array_index(key);
	int was;

	if (i >= m->max_entries)
		return -E2BIG;
	claim(op, m, i);
	was = swap(op, m, i, 0);
	unclaim(op);
	return was ? 0 : -ENOENT;
}

void ref_slots_each(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
		    void *arg)
{
	for (u32 i = 0; i < m->max_entries; i++) {
		u64 word = load64(slot_at(m, i));

		if (word && (u32)word != REF_FOREIGN)
			each(arg, word >> 32, m->ops->obj_value, (u32)word);
	}
}

void ref_slots_clear(struct bpf_map *m)
{
	for (u32 i = 0; i < m->max_entries; i++)
		if (load64(slot_at(m, i)))
			drop(m, __atomic_exchange_n(slot_at(m, i), 0, __ATOMIC_ACQ_REL));
}
