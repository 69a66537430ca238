// SPDX-License-Identifier: BSD-2-Clause
/*
 * Slots for what is outside of the store: see outer_slots.h.
 */
#include "map/outer_slots.h"
#include "map/sock_live.h"
#include "store/ref.h"

/* Words of hdr->priv. */
enum { NEXT_NUMBER };

/* op->claim[] of a set or clear. */
enum { OF_MAP, AT_SLOT, NEW_WORD, OLD_WORD };

#define NUMBER_TRIES 1000
#define KIND_SHIFT   48
#define VER_SHIFT    51
#define VER_MASK     0x1fffu

int outer_alloc_check(struct map_attr *a)
{
	return !a->max_entries || a->key_size != 4 || (a->value_size != 4 && a->value_size != 8) ? -EINVAL
												 : 0;
}

int outer_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = (u64)a->max_entries * sizeof(struct pair);
	l->reserve = l->data_size;
	return 0;
}

int outer_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

int outer_open(struct bpf_map *m)
{
	return (uintptr_t)m->data % sizeof(struct pair) ? -EIO : 0;
}

u32 outer_number(struct bpf_map *m)
{
	u32 n;

	do
		n = (u32)__atomic_add_fetch(&m->hdr->priv[NEXT_NUMBER], 1, __ATOMIC_RELAXED);
	while (!n);
	return n;
}

struct pair outer_load(const struct bpf_map *m, u32 i)
{
	return pair_load(outer_at(m, i));
}

/* ---- programs that go with the elements ---- */

static void drop(const struct bpf_map *m, u64 word)
{
	if ((u32)word)
		ref_clear(OBJ_MAP, m->id, word >> 32, OBJ_PROG, (u32)word);
}

/* What an operation that was left had in hand: dropped, unless it stands in the slot. */
static void outer_recover(struct op *old, struct op *now)
{
	const struct bpf_map *m = (const struct bpf_map *)old->claim[OF_MAP];
	u64 there;

	if (!m)
		return;
	there = load64(&outer_at(m, (u32)old->claim[AT_SLOT])->lo);
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
	op->recover = outer_recover;
	barrier();
}

static void unclaim(struct op *op)
{
	barrier();
	op->claim[OF_MAP] = 0;
	op->recover = NULL;
}

/* Swaps a pair in and drops what was there: 1 if there was something. */
static int swap(struct op *op, struct bpf_map *m, u32 i, struct pair to)
{
	struct pair old = outer_load(m, i);

	do {
		op->claim[OLD_WORD] = old.lo;
		barrier();
	} while (!pair_cas(outer_at(m, i), &old, to));
	drop(m, old.lo);
	return old.lo || old.hi;
}

/* A reference on the program under a number of its own, which stands in the claim before it is made. */
static int hold(struct op *op, struct bpf_map *m, u32 prog_id)
{
	for (u32 tries = 0; tries < NUMBER_TRIES; tries++) {
		u64 word = (u64)outer_number(m) << 32 | prog_id;
		int err;

		op->claim[NEW_WORD] = word;
		barrier();
		err = prog_id ? ref_set(OBJ_MAP, m->id, word >> 32, OBJ_PROG, prog_id) : 0;
		if (!err)
			return 0;
		op->claim[NEW_WORD] = 0;
		if (err != -EEXIST) /* that: the counter has wrapped, or was damaged */
			return err == -ENOENT ? -EBADF : err;
	}
	return -EBUSY;
}

int outer_set(struct op *op, struct bpf_map *m, u32 i, const struct map_thing *t)
{
	int err;

	claim(op, m, i);
	err = hold(op, m, t->prog_id);
	if (!err)
		swap(op, m, i, (struct pair){ op->claim[NEW_WORD], (u64)t->prog_id << 32 | t->id });
	unclaim(op);
	return err;
}

int outer_clear(struct op *op, struct bpf_map *m, u32 i)
{
	int was;

	claim(op, m, i);
	was = swap(op, m, i, (struct pair){ 0, 0 });
	unclaim(op);
	return was;
}

void outer_each_ref(const struct bpf_map *m, void (*each)(void *arg, u64 slot, enum obj_type t, u32 id),
		    void *arg)
{
	for (u32 i = 0; i < m->max_entries; i++) {
		u64 word = load64(&outer_at(m, i)->lo);

		if ((u32)word)
			each(arg, word >> 32, OBJ_PROG, (u32)word);
	}
}

/* ---- sockets ---- */

struct pair outer_sock_pair(const struct map_thing *t, u32 number)
{
	return (struct pair){ (u64)(number & VER_MASK) << VER_SHIFT | (u64)t->sock << KIND_SHIFT |
				      (u64)t->netns << 32 | t->ino,
			      t->id };
}

bool outer_sock_swap(struct bpf_map *m, u32 i, struct pair was, const struct map_thing *t)
{
	struct pair to = t ? outer_sock_pair(t, outer_number(m)) : (struct pair){ 0, 0 };

	return pair_cas(outer_at(m, i), &was, to);
}

bool outer_sock_clear(struct bpf_map *m, u32 i)
{
	struct pair p;
	bool there;

	do {
		p = outer_load(m, i);
		there = outer_sock_there(p);
	} while (!outer_sock_swap(m, i, p, NULL));
	return there;
}

bool outer_sock_there(struct pair p)
{
	struct map_thing t = {
		.id = p.hi, .ino = (u32)p.lo, .netns = (u16)(p.lo >> 32), .sock = p.lo >> KIND_SHIFT & 7
	};

	return p.lo && sock_live(&t);
}
