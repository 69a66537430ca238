// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_ARENA: pages that user space maps, all at one address.
 *
 *     data: max_entries pages at offset 0, sparse; the header stands behind them
 *
 * The first mapping, or map_extra, says where the arena lies in every process:
 * later ones must be at the same address and of the same length, so that pointers
 * in the pages mean the same everywhere. What it said is one pair in the header:
 *
 *     hdr->priv[0], [1]:  start, end      0, 0 until the first mapping
 *
 * Pages come when they are touched. Programs cannot be loaded with an arena
 * (verifier/maps.c): their half of it, pointers of 32 bits, is not there.
 */
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "shm/tagged.h"
#include "util/uapi.h"

#define SIZE_4G (1ull << 32)

static int arena_alloc_check(struct map_attr *a)
{
	u64 size = (u64)a->max_entries * PAGE;

	if (a->key_size || a->value_size || !a->max_entries || !(a->map_flags & BPF_F_MMAPABLE) ||
	    a->map_extra % PAGE)
		return -EINVAL;
	if (size > SIZE_4G)
		return -E2BIG;
	/* All of it has one upper half of addresses. */
	return a->map_extra >> 32 != (a->map_extra + size - 1) >> 32 ? -ERANGE : 0;
}

static int arena_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = (u64)a->max_entries * PAGE;
	l->reserve = 0;
	l->header_last = true;
	return 0;
}

static struct pair *place_of(const struct bpf_map *m)
{
	return (struct pair *)m->hdr->priv;
}

static int arena_init(struct bpf_map *m, const struct map_attr *a)
{
	if (a->map_extra)
		*place_of(m) = (struct pair){ a->map_extra, a->map_extra + (u64)a->max_entries * PAGE };
	return 0;
}

static int arena_open(struct bpf_map *m)
{
	return 0;
}

static u64 arena_memlock(const struct map_attr *a)
{
	return 0;
}

static size_t arena_mmap_size(const struct bpf_map *m)
{
	return (size_t)m->max_entries * PAGE;
}

static int arena_mmap_place(const struct bpf_map *m, u64 at, size_t len, u64 off)
{
	struct pair p = pair_load(place_of(m));

	if (off)
		return -EINVAL;
	if (len > SIZE_4G)
		return -E2BIG;
	len = ROUND_UP(len, PAGE);
	if (!p.lo)
		return len > arena_mmap_size(m) ? -EINVAL : 1;
	if (len > p.hi - p.lo)
		return -E2BIG;
	if (len != p.hi - p.lo || at != p.lo)
		return -EINVAL;
	return 0;
}

static int arena_mmap_settle(struct bpf_map *m, u64 at, size_t len)
{
	struct pair none = { 0, 0 }, mine = { at, at + ROUND_UP(len, PAGE) };

	if (!m->view.writable || pair_cas(place_of(m), &none, mine))
		return 0;
	return none.lo == mine.lo && none.hi == mine.hi ? 0 : -EBUSY;
}

const struct map_ops arena_ops = {
	.name = "arena",
	.alloc_check = arena_alloc_check,
	.layout = arena_layout,
	.init = arena_init,
	.open = arena_open,
	.lookup = map_no_lookup_EINVAL,
	.update = map_no_update_EOPNOTSUPP,
	.delete = map_no_delete_EOPNOTSUPP,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_EOPNOTSUPP,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.mmap_size = arena_mmap_size,
	.mmap_place = arena_mmap_place,
	.mmap_settle = arena_mmap_settle,
	.memlock = arena_memlock,
};
