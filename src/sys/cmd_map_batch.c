// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batch commands.
 *
 * A lookup works on whole arrays of keys and values: the client's own for a
 * direct caller, copies otherwise. Updates and deletes of others than direct
 * callers, and those whose values are fds, go element by element.
 */
#include "map/map_stubs.h"
#include "sys/cmd_map.h"
#include <string.h>

typedef int (*batch_fn)(struct op *op, struct bpf_map *m, struct map_batch *b);

/* Bytes of a cursor: the hash family counts buckets in a u32, the others keep the last key. */
static u32 cursor_size(const struct bpf_map *m)
{
	return map_type_get(m->map_type)->bucket_cursor ? (u32)sizeof(u32) : m->key_size;
}

/* Brings keys, values and cursors of a lookup within reach, runs it, and sends them back. */
static int run_lookup(struct cmd_ctx *x, struct bpf_map *m, batch_fn fn, struct map_batch *b)
{
	u64 keys = x->attr->batch.keys, values = x->attr->batch.values;
	u64 in = x->attr->batch.in_batch, out = x->attr->batch.out_batch;
	u32 room = MIN(b->count, m->max_entries);
	int err = 0, ret;

	if (x->c->direct) {
		b->in = u64_to_ptr(in);
		b->out = u64_to_ptr(out);
		b->keys = u64_to_ptr(keys);
		b->values = u64_to_ptr(values);
		return fn(x->op, m, b);
	}
	b->count = room;
	if (in)
		err = map_bring_in(x, in, cursor_size(m), &b->in);
	b->out = x->c->ops->scratch(x->c, MAX(cursor_size(m), 4u));
	b->keys = x->c->ops->scratch(x->c, (size_t)room * m->key_size);
	b->values = x->c->ops->scratch(x->c, (size_t)room * m->value_len);
	if (!err && (!b->out || !b->keys || !b->values))
		err = -ENOMEM;
	if (err)
		return err;
	memset(b->out, 0, cursor_size(m));
	ret = fn(x->op, m, b);
	if (ret && ret != -ENOENT)
		return ret;
	err = caller_out(x->c, keys, b->keys, (size_t)b->count * m->key_size);
	if (!err)
		err = caller_out(x->c, values, b->values, (size_t)b->count * m->value_len);
	if (!err && b->count)
		err = caller_out(x->c, out, b->out, cursor_size(m));
	return err ? err : ret;
}

/* Updates and deletes go element by element: the first failure ends them, and its index is the count. */
static int run_change(struct cmd_ctx *x, struct bpf_map *m, batch_fn fn, struct map_batch *b)
{
	bool update = fn == m->ops->update_batch;
	u32 want = b->count, i;
	u64 keys = x->attr->batch.keys, values = x->attr->batch.values;
	int err = 0;

	if (x->c->direct && m->ops->obj_value == MAP_VALUE_PLAIN) {
		b->keys = u64_to_ptr(keys);
		b->values = u64_to_ptr(values);
		return fn(x->op, m, b);
	}
	for (i = 0; i < want && !err; i++) {
		const void *key, *value;

		err = map_bring_in(x, keys + (u64)i * m->key_size, m->key_size, &key);
		if (!err && update)
			err = map_bring_in(x, values + (u64)i * m->value_len, m->value_len, &value);
		if (!err)
			err = update ? map_update_one(x, m, key, value, b->elem_flags)
				     : m->ops->delete (x->op, m, key);
		if (err)
			break;
	}
	b->count = i;
	return err;
}

static bool is_stub(batch_fn fn)
{
	return fn == map_no_batch_ENOTSUPP || fn == map_no_batch_EOPNOTSUPP || fn == map_no_batch_EINVAL;
}

static long batch(struct cmd_ctx *x, int want, batch_fn (*pick)(const struct map_ops *ops), bool lookup)
{
	struct map_batch b = {
		.count = x->attr->batch.count,
		.elem_flags = x->attr->batch.elem_flags,
		.flags = x->attr->batch.flags,
	};
	struct map_ref r;
	batch_fn fn;
	int err, out;

	err = map_ref_get(x, x->attr->batch.map_fd, want, &r);
	if (err)
		return err;
	fn = pick(r.m->ops);
	if (is_stub(fn)) {
		err = fn(x->op, r.m, &b);
		goto put;
	}
	err = -EINVAL;
	if ((b.elem_flags & ~(u64)BPF_F_LOCK) || map_lock_missing(r.m, b.elem_flags))
		goto put;
	if (lookup && b.flags && map_type_get(r.m->map_type)->bucket_cursor)
		goto put;
	err = 0;
	if (!b.count)
		goto put;
	/* The count is 0 for whoever looks while the batch runs, and after a fault. */
	err = lookup ? cmd_put_u32(x, BPF_ATTR_OFF(batch.count), 0) : 0;
	if (err)
		goto put;
	err = lookup ? run_lookup(x, r.m, fn, &b) : run_change(x, r.m, fn, &b);
	out = err == -EFAULT ? 0 : cmd_put_u32(x, BPF_ATTR_OFF(batch.count), b.count);
	err = out ? out : err;
put:
	put_fd(&r.f);
	return err;
}

static batch_fn pick_lookup(const struct map_ops *o)
{
	return o->lookup_batch;
}

static batch_fn pick_lookup_and_delete(const struct map_ops *o)
{
	return o->lookup_and_delete_batch;
}

static batch_fn pick_update(const struct map_ops *o)
{
	return o->update_batch;
}

static batch_fn pick_delete(const struct map_ops *o)
{
	return o->delete_batch;
}

long cmd_map_lookup_batch(struct cmd_ctx *x)
{
	return batch(x, READS, pick_lookup, true);
}

long cmd_map_lookup_and_delete_batch(struct cmd_ctx *x)
{
	return batch(x, READS | WRITES, pick_lookup_and_delete, true);
}

long cmd_map_update_batch(struct cmd_ctx *x)
{
	return batch(x, WRITES, pick_update, false);
}

long cmd_map_delete_batch(struct cmd_ctx *x)
{
	return batch(x, WRITES, pick_delete, false);
}
