// SPDX-License-Identifier: BSD-2-Clause
/*
 * LRU hash and LRU per-CPU hash: the hash table that never is full.
 *
 * There is no list to keep in order. Each entry has a reference bit, stored
 * only when it is not set yet, by overwrites and by lookups of programs (not
 * of bpf(2): looking at a map from outside does not keep its entries). When no
 * entry is free, a hand goes round over the entries, as a clock's: a set bit
 * is cleared, the first entry without one is evicted and claimed in place.
 *
 * Entries are first taken in the order in which the hand will meet them, so
 * without overwrites the oldest goes first.
 *
 * The word `full` only says here that a search for free entries was in vain;
 * whoever frees one clears it. The hand finds what such a hint misses.
 */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"

/* Is entry i to go? Clears its reference bit. */
static bool evictable(struct htab *h, u32 i, struct pair s)
{
	struct ent *e = &h->ents[i];

	if (STATE(s.lo) != ENT_LIVE)
		return false;
	if (!load64(&e->ref))
		return true;
	__atomic_store_n(&e->ref, 0, __ATOMIC_RELAXED);
	return false;
}

int htab_evict(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c)
{
	int ret = 0;

	op->claim[2] = 1; /* what is freed here is claimed here, not offered */
	for (u64 t = 0; t < 4ull * h->n + 64 && !ret; t++) {
		u32 i = (u32)(__atomic_fetch_add(&h->words->hand, 1, __ATOMIC_RELAXED) % h->n);
		struct pair s = pair_load(&h->ents[i].s);

		if (--op->budget < 0)
			ret = -EIO;
		if (evictable(h, i, s) && htab_kill(h, i, s))
			htab_reclaim(op, h, i);
		else if (STATE(s.lo) == ENT_DEAD || (STATE(s.lo) == ENT_CLAIMED && t > 2ull * h->n))
			htab_reclaim(op, h, i);
		else if (STATE(s.lo) != ENT_FREE)
			continue;
		if (!ret)
			ret = htab_try_claim(op, h, i, hi, mine, c);
	}
	op->claim[2] = 0;
	if (!ret)
		return -ENOMEM; /* as the kernel, when all are on their way in or out */
	return ret < 0 ? ret : 0;
}

/* ---- the types ---- */

static u64 lru_stored_len(const struct map_attr *a)
{
	return a->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH ? ROUND_UP((u64)a->value_size, 8) * a->ncpu
							   : a->value_size;
}

/* With lists of their own, each CPU gets the same number of entries. */
static int lru_alloc_check(struct map_attr *a)
{
	int err = htab_alloc_check(a);
	u64 n = ROUND_UP((u64)a->max_entries, a->ncpu);

	if (err || !(a->map_flags & BPF_F_NO_COMMON_LRU))
		return err;
	a->max_entries = (u32)(n <= ~0u ? n : n - a->ncpu);
	return 0;
}

static int lru_layout(const struct map_attr *a, struct map_layout *l)
{
	return htab_layout(a, (u32)lru_stored_len(a), l);
}

static int lru_init(struct bpf_map *m, const struct map_attr *a)
{
	return htab_init(m, a, (u32)lru_stored_len(a));
}

static int lru_open(struct bpf_map *m)
{
	int err = htab_open(m, m->value_len);

	if (err)
		return err;
	htab_of(m)->lru = true;
	if (m->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH)
		htab_show_cpus(m);
	return err;
}

#define LRU_OPS                                                                                              \
	.alloc_check = lru_alloc_check, .layout = lru_layout, .init = lru_init, .open = lru_open,            \
	.lookup = htab_lookup, .update = htab_update, .delete = htab_delete,                                 \
	.lookup_and_delete = htab_lookup_and_delete, .next_key = htab_next_key,                              \
	.lookup_batch = htab_lookup_batch, .lookup_and_delete_batch = htab_lookup_and_delete_batch,          \
	.update_batch = map_generic_update_batch, .delete_batch = map_generic_delete_batch,                  \
	.obj_value = MAP_VALUE_PLAIN, .gc = htab_gc, .memlock = htab_memlock

const struct map_ops hashtab_lru_ops = {
	.name = "lru_hash",
	LRU_OPS,
	.value_ptr = htab_value_ptr,
	.next_elem = htab_next_elem,
};
const struct map_ops hashtab_lru_percpu_ops = {
	.name = "lru_percpu_hash",
	LRU_OPS,
	.value_ptr = htab_percpu_value_ptr,
	.next_elem = htab_percpu_next_elem,
	.update_cpu = htab_update_cpu,
};
