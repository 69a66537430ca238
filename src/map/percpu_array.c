// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_PERCPU_ARRAY: an array for each possible CPU.
 *
 *     data: | CPU 0: value 0, value 1, ... | to a cache line | CPU 1: ... |
 *
 * The areas of two CPUs share no cache line. bpf(2) moves the values of all
 * CPUs of an element side by side, each padded to 8 bytes; the padding is kept
 * as the client gave it. A CPU that the map does not have reads as 0. The element as a whole has no moment:
 * each 8-byte word changes at once.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "shm/tagged.h"
#include "store/store.h"

#define STRIDE(m) ((m)->priv.w[0]) /* of a value */
#define AREA(m)   ((m)->priv.w[1]) /* of a CPU */

#define VALUE_MAX  32768u /* what the kernel can allocate per CPU */
#define CACHE_LINE 64u

static int percpu_array_alloc_check(struct map_attr *a)
{
	if (!a->max_entries || a->key_size != 4 || !a->value_size)
		return -EINVAL;
	return a->value_size > VALUE_MAX ? -E2BIG : 0;
}

static u64 stride_of(u32 value_size)
{
	return ROUND_UP((u64)value_size, 8);
}

static u64 area_of(u32 value_size, u32 max_entries)
{
	return ROUND_UP(stride_of(value_size) * max_entries, (u64)CACHE_LINE);
}

static int percpu_array_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = area_of(a->value_size, a->max_entries) * a->ncpu;
	l->reserve = l->data_size;
	return 0;
}

static int percpu_array_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

static int percpu_array_open(struct bpf_map *m)
{
	STRIDE(m) = stride_of(m->value_size);
	AREA(m) = area_of(m->value_size, m->max_entries);
	/* Clients move values of the CPUs that they see, whatever machine the map was made on. */
	m->value_len = (u32)STRIDE(m) * possible_cpus();
	return 0;
}

static u64 *percpu_value(const struct bpf_map *m, u32 i, u32 cpu)
{
	return (u64 *)(m->data + AREA(m) * cpu + STRIDE(m) * i);
}

/* CPUs that both the map and this machine have. */
static u32 common_cpus(const struct bpf_map *m)
{
	return MIN(m->ncpu, m->value_len / (u32)STRIDE(m));
}

static int percpu_array_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u32 i = array_index(key), n = common_cpus(m);
	u8 *to = value;

	if (unlikely(i >= m->max_entries))
		return -ENOENT;
	for (u32 cpu = 0; cpu < n; cpu++, to += STRIDE(m)) {
		const u64 *v = percpu_value(m, i, cpu);

		for (u32 w = 0; w < STRIDE(m) / 8; w++) {
			u64 x = load64(v + w);

			memcpy(to + w * 8, &x, 8);
		}
	}
	if (unlikely(STRIDE(m) * n < m->value_len))
		memset(to, 0, m->value_len - STRIDE(m) * n);
	return 0;
}

static int percpu_array_update(struct op *op, struct bpf_map *m, const void *key, const void *value,
			       u64 flags)
{
	u32 i = array_index(key), n = common_cpus(m);
	int err = array_update_ok(m, i, flags);
	const u8 *from = value;

	if (unlikely(err))
		return err;
	for (u32 cpu = 0; cpu < n; cpu++, from += STRIDE(m)) {
		u64 *v = percpu_value(m, i, cpu), x;

		for (u32 w = 0; w < STRIDE(m) / 8; w++) {
			memcpy(&x, from + w * 8, 8);
			__atomic_store_n(v + w, x, __ATOMIC_RELEASE);
		}
	}
	return 0;
}

/* A run on a CPU that the map was not made for shares the slot of another. */
static void *percpu_array_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	u32 i = array_index(key);

	return likely(i < m->max_entries) ? percpu_value(m, i, cpu % m->ncpu) : NULL;
}

static int percpu_array_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e)
{
	if (*at >= m->max_entries)
		return 0;
	e->word = *at;
	e->key = &e->word;
	e->value = percpu_value(m, (*at)++, cpu % m->ncpu);
	return 1;
}

static int percpu_array_update_cpu(struct op *op, struct bpf_map *m, const void *key, const void *value,
				   u64 flags, u32 cpu)
{
	u32 i = array_index(key);
	int err = array_update_ok(m, i, flags);

	if (!err)
		shared_copy(percpu_value(m, i, cpu % m->ncpu), value, m->value_size);
	return err;
}

static u64 percpu_array_memlock(const struct map_attr *a)
{
	return ARRAY_MEMLOCK + (u64)a->max_entries * (8 + a->ncpu * stride_of(a->value_size));
}

const struct map_ops percpu_array_ops = {
	.name = "percpu_array",
	.alloc_check = percpu_array_alloc_check,
	.layout = percpu_array_layout,
	.init = percpu_array_init,
	.open = percpu_array_open,
	.lookup = percpu_array_lookup,
	.update = percpu_array_update,
	.delete = map_no_delete_EINVAL,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_generic_lookup_batch,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.value_ptr = percpu_array_value_ptr,
	.next_elem = percpu_array_next_elem,
	.update_cpu = percpu_array_update_cpu,
	.memlock = percpu_array_memlock,
};
