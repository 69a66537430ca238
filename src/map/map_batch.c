// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batch commands made of single operations: arrays and tries.
 *
 * The cursor is the last key that was delivered. b->count says at every moment
 * what has been done, so that it is right when a client's pointer faults in
 * the middle: an update or delete reports the index it has reached, a lookup 0.
 *
 * A lookup that comes to the end answers ENOENT with what it delivered; one
 * that exactly fills the room answers 0, and ENOENT the next time. Elements
 * that vanish under the walk, and empty slots, are passed over.
 */
#include "map/map_stubs.h"
#include <string.h>

/* Common to all batch commands: is this asked for in a way that the kernel takes? */
static int batch_check(const struct bpf_map *m, const struct map_batch *b)
{
	if (b->elem_flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	return (b->elem_flags & BPF_F_LOCK) && m->record.spin_lock_off < 0 ? -EINVAL : 0;
}

/* Puts the next element behind *key at place i of the client's arrays, its key into *key as well. */
static int deliver(struct op *op, struct bpf_map *m, const struct map_batch *b, u32 i, u8 *key, bool *begun)
{
	u8 *keys = b->keys, *values = b->values;
	u8 next[MAP_KEY_MAX];
	int err;

	do {
		err = m->ops->next_key(op, m, *begun ? key : NULL, next);
		if (err)
			return err;
		err = m->ops->lookup(op, m, next, values + (size_t)i * m->value_len, b->elem_flags);
		memcpy(key, next, m->key_size);
		*begun = true;
	} while (err == -ENOENT);
	if (!err)
		memcpy(keys + (size_t)i * m->key_size, key, m->key_size);
	return err;
}

int map_generic_lookup_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	u8 key[MAP_KEY_MAX];
	u32 room = b->count, done = 0;
	bool begun = b->in;
	int err = batch_check(m, b);

	if (err || !room || m->key_size > MAP_KEY_MAX)
		return err;
	b->count = 0;
	barrier();
	if (b->in)
		memcpy(key, b->in, m->key_size);
	while (done < room && !err) {
		err = deliver(op, m, b, done, key, &begun);
		done += !err;
	}
	if (err && err != -ENOENT)
		return err;
	b->count = done;
	if (done && guard_copy(b->out, key, m->key_size))
		return -EFAULT;
	return err;
}

int map_generic_update_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	const u8 *keys = b->keys, *values = b->values;
	u32 want = b->count;
	int err = batch_check(m, b);

	if (err || !want)
		return err;
	for (b->count = 0; b->count < want; b->count++) {
		barrier();
		err = m->ops->update(op, m, keys + (size_t)b->count * m->key_size,
				     values + (size_t)b->count * m->value_len, b->elem_flags);
		if (err)
			return err;
	}
	return 0;
}

int map_generic_delete_batch(struct op *op, struct bpf_map *m, struct map_batch *b)
{
	const u8 *keys = b->keys;
	u32 want = b->count;
	int err = batch_check(m, b);

	if (err || !want)
		return err;
	for (b->count = 0; b->count < want; b->count++) {
		barrier();
		err = m->ops->delete (op, m, keys + (size_t)b->count * m->key_size);
		if (err)
			return err;
	}
	return 0;
}
