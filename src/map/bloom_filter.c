// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_BLOOM_FILTER: bits that only ever get set.
 *
 *     header words: seed, number of hashes, mask      data: bits, a power of two
 *
 * A value sets (or is asked about) as many bits as there are hash functions:
 * map_extra, or 5. Each bit is set by an atomic OR, so there is no order to
 * keep and nothing to take back: an update that was cut short has added
 * nothing, at worst some bits that make a false "maybe" likelier.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "shm/tagged.h"
#include "util/random.h"

#define HASHES_DEFAULT 5u
#define HASHES_MAX     15u
#define VALUE_MAX      (4u << 20)
#define MASK_MAX       0xffffffffu

enum { SEED, HASHES, MASK }; /* words of hdr->priv, and of m->priv */

static u32 hashes_of(u64 map_extra)
{
	return map_extra ? (u32)map_extra : HASHES_DEFAULT;
}

/*
 * As many bits as give the least false answers: entries * hashes / ln 2,
 * rounded up to a power of two. 7/5 is near enough to 1/ln 2.
 */
static u64 mask_of(const struct map_attr *a)
{
	u64 bits = (u64)a->max_entries * hashes_of(a->map_extra) * 7 / 5, p = 64;

	while (p < bits && p <= MASK_MAX)
		p *= 2;
	return p > MASK_MAX ? MASK_MAX : p - 1;
}

static int bloom_alloc_check(struct map_attr *a)
{
	if (a->key_size || !a->value_size || !a->max_entries || a->map_extra > HASHES_MAX)
		return -EINVAL;
	return a->value_size > VALUE_MAX ? -E2BIG : 0;
}

static int bloom_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = (mask_of(a) + 1) / 8;
	l->reserve = l->data_size;
	return 0;
}

static int bloom_init(struct bpf_map *m, const struct map_attr *a)
{
	u64 *w = m->hdr->priv;

	w[SEED] = a->map_flags & BPF_F_ZERO_SEED ? 0 : random_u64();
	return 0;
}

static int bloom_open(struct bpf_map *m)
{
	struct map_attr a = { .max_entries = m->max_entries, .map_extra = m->map_extra };

	m->priv.w[SEED] = m->hdr->priv[SEED];
	m->priv.w[HASHES] = hashes_of(m->map_extra);
	m->priv.w[MASK] = mask_of(&a);
	return 0;
}

static inline u64 mix(u64 h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

/* Two halves of one good hash give all the functions: bit i is a + i * b. */
static void bloom_hash(const struct bpf_map *m, const u8 *v, u32 *a, u32 *b)
{
	u64 h = m->priv.w[SEED] ^ m->value_size, w;
	u32 n = m->value_size;

	for (; n >= 8; n -= 8, v += 8) {
		memcpy(&w, v, 8);
		h = mix(h ^ w);
	}
	if (n) {
		w = 0;
		memcpy(&w, v, n);
		h = mix(h ^ w);
	}
	h = mix(h);
	*a = (u32)h;
	*b = (u32)(h >> 32) | 1;
}

static int bloom_peek(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	const u64 *bits = (const u64 *)m->data;
	u32 a, b;

	if (flags)
		return -EINVAL;
	bloom_hash(m, value, &a, &b);
	for (u32 i = 0; i < m->priv.w[HASHES]; i++, a += b) {
		u32 bit = a & (u32)m->priv.w[MASK];

		if (!(load64(&bits[bit / 64]) & 1ull << (bit % 64)))
			return -ENOENT;
	}
	return 0;
}

static int bloom_push(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u64 *bits = (u64 *)m->data;
	u32 a, b;

	if (flags != BPF_ANY)
		return -EINVAL;
	bloom_hash(m, value, &a, &b);
	for (u32 i = 0; i < m->priv.w[HASHES]; i++, a += b) {
		u32 bit = a & (u32)m->priv.w[MASK];

		__atomic_fetch_or(&bits[bit / 64], 1ull << (bit % 64), __ATOMIC_RELEASE);
	}
	return 0;
}

static u64 bloom_memlock(const struct map_attr *a)
{
	return ARRAY_MEMLOCK + (mask_of(a) + 1) / 8;
}

const struct map_ops bloom_filter_ops = {
	.name = "bloom_filter",
	.alloc_check = bloom_alloc_check,
	.layout = bloom_layout,
	.init = bloom_init,
	.open = bloom_open,
	.lookup = bloom_peek,
	.update = bloom_push,
	.delete = map_no_delete_EOPNOTSUPP,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_EOPNOTSUPP,
	.lookup_batch = map_no_batch_ENOTSUPP,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_no_batch_ENOTSUPP,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.memlock = bloom_memlock,
};
