// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_ARRAY: values side by side, all there from the start.
 *
 *     data: | value 0 | pad to 8 | value 1 | pad to 8 | ...
 *
 * Values of up to 8 bytes change as one word. Larger ones may be seen half
 * old, half new while they are written, as on the kernel; who wants them whole
 * keeps a bpf_spin_lock in them and says BPF_F_LOCK.
 *
 * With BPF_F_MMAPABLE clients map the data from offset 0, so the header stands
 * behind it. Nothing here is ever claimed but that lock.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/spin_lock.h"
#include "shm/tagged.h"
#include <limits.h>

#define STRIDE(m) ((m)->priv.w[0])

static int array_alloc_check(struct map_attr *a)
{
	if (!a->max_entries || a->key_size != 4 || !a->value_size)
		return -EINVAL;
	return a->value_size > INT_MAX ? -E2BIG : 0;
}

static u64 array_bytes(u32 value_size, u32 max_entries)
{
	return (u64)max_entries * ROUND_UP((u64)value_size, 8);
}

static int array_layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = array_bytes(a->value_size, a->max_entries);
	l->header_last = a->map_flags & BPF_F_MMAPABLE;
	if (l->header_last)
		l->data_size = ROUND_UP(l->data_size, (u64)PAGE);
	l->reserve = l->data_size;
	return 0;
}

static int array_init(struct bpf_map *m, const struct map_attr *a)
{
	return 0;
}

/* map_open has compared the layout with the file's size. */
static int array_open(struct bpf_map *m)
{
	STRIDE(m) = ROUND_UP((u64)m->value_size, 8);
	return 0;
}

static u8 *array_value(const struct bpf_map *m, u32 i)
{
	return m->data + (u64)i * STRIDE(m);
}

static noinline int array_lookup_locked(struct op *op, struct bpf_map *m, u8 *v, void *value)
{
	u32 *word = (u32 *)(v + m->record.spin_lock_off);
	int err;

	if (!m->view.writable)
		return value_load_unlocked(op, value, v, m->value_size, m->record.spin_lock_off);
	err = value_lock(op, word);
	if (err)
		return err;
	value_load(value, v, m->value_size, m->record.spin_lock_off);
	value_unlock(op, word);
	return 0;
}

static int array_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	u32 i = array_index(key);
	u8 *v;
	u64 w;

	if (unlikely(i >= m->max_entries))
		return -ENOENT;
	v = array_value(m, i);
	if (unlikely(flags & BPF_F_LOCK))
		return array_lookup_locked(op, m, v, value);
	if (unlikely(m->record.spin_lock_off >= 0)) {
		value_load(value, v, m->value_size, m->record.spin_lock_off);
	} else if (m->value_size == 8) {
		w = load64((const u64 *)v);
		memcpy(value, &w, 8);
	} else if (m->value_size == 4) {
		u32 w4 = load32((const u32 *)v);

		memcpy(value, &w4, 4);
	} else if (m->value_size < 8) {
		w = load64((const u64 *)v);
		memcpy(value, &w, m->value_size);
	} else {
		shared_copy(value, v, m->value_size);
	}
	return 0;
}

static noinline int array_update_locked(struct op *op, struct bpf_map *m, u8 *v, const void *value)
{
	u32 *word = (u32 *)(v + m->record.spin_lock_off);
	int err = value_lock(op, word);

	if (err)
		return err;
	value_store(v, value, m->value_size, m->record.spin_lock_off);
	value_unlock(op, word);
	return 0;
}

static int array_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u32 i = array_index(key);
	int err = array_update_ok(m, i, flags);
	u64 w = 0;
	u8 *v;

	if (unlikely(err))
		return err;
	v = array_value(m, i);
	if (unlikely(flags & BPF_F_LOCK))
		return array_update_locked(op, m, v, value);
	if (unlikely(m->record.spin_lock_off >= 0)) {
		value_store(v, value, m->value_size, m->record.spin_lock_off);
	} else if (m->value_size == 4) {
		memcpy(&w, value, 4);
		__atomic_store_n((u32 *)v, (u32)w, __ATOMIC_RELEASE);
	} else if (m->value_size <= 8) {
		/* What lies behind a shorter value, to the next multiple of 8, is nobody's and reads as 0. */
		memcpy(&w, value, m->value_size);
		__atomic_store_n((u64 *)v, w, __ATOMIC_RELEASE);
	} else {
		shared_copy(v, value, m->value_size);
	}
	return 0;
}

static void *array_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	u32 i = array_index(key);

	return likely(i < m->max_entries) ? array_value(m, i) : NULL;
}

static int array_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e)
{
	if (*at >= m->max_entries)
		return 0;
	e->word = *at;
	e->key = &e->word;
	e->value = array_value(m, (*at)++);
	return 1;
}

static size_t array_mmap_size(const struct bpf_map *m)
{
	if (!(m->map_flags & BPF_F_MMAPABLE))
		return 0;
	return ROUND_UP(array_bytes(m->value_size, m->max_entries), (u64)PAGE);
}

static u64 array_memlock(const struct map_attr *a)
{
	u64 bytes = array_bytes(a->value_size, a->max_entries);

	if (a->map_flags & BPF_F_MMAPABLE)
		return PAGE + ROUND_UP(bytes, (u64)PAGE);
	return ARRAY_MEMLOCK + bytes;
}

const struct map_ops array_ops = {
	.name = "array",
	.alloc_check = array_alloc_check,
	.layout = array_layout,
	.init = array_init,
	.open = array_open,
	.lookup = array_lookup,
	.update = array_update,
	.delete = map_no_delete_EINVAL,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = array_next_key,
	.lookup_batch = map_generic_lookup_batch,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_no_batch_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
	.value_ptr = array_value_ptr,
	.next_elem = array_next_elem,
	.mmap_size = array_mmap_size,
	.memlock = array_memlock,
};
