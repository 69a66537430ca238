// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batch commands.
 *
 * A lookup works on whole arrays of keys and values: the client's own for a
 * direct caller, copies otherwise. Updates and deletes go element by element;
 * those of others than direct callers are brought over some at a time.
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

/* Runs a lookup on arrays of this process, of which `room` elements fit, and sends them to the client. */
static int lookup_by_copy(struct cmd_ctx *x, struct bpf_map *m, batch_fn fn, struct map_batch *b)
{
	/* One more than there can be, so that a full map is seen to end. */
	u32 room = (u32)MIN((u64)b->count, (u64)m->max_entries + 1);
	int ret, err;

	b->count = room;
	b->keys = x->c->ops->scratch(x->c, (size_t)room * m->key_size);
	b->values = x->c->ops->scratch(x->c, (size_t)room * m->value_len);
	if (!b->keys || !b->values)
		return -ENOMEM;
	ret = fn(x->op, m, b);
	if (ret && ret != -ENOENT)
		return ret;
	err = caller_out(x->c, x->attr->batch.keys, b->keys, (size_t)b->count * m->key_size);
	if (!err)
		err = caller_out(x->c, x->attr->batch.values, b->values, (size_t)b->count * m->value_len);
	return err ? err : ret;
}

static int put_count(struct cmd_ctx *x, u32 count)
{
	return cmd_put_u32_last(x, BPF_ATTR_OFF(batch.count), count);
}

/* The cursor and the count, in the order in which the kernel's two kinds write them. */
static int put_progress(struct cmd_ctx *x, struct bpf_map *m, const struct map_batch *b)
{
	u32 n = cursor_size(m);
	int err;

	if (!b->out)
		return 0;
	if (map_type_get(m->map_type)->bucket_cursor) {
		err = caller_out_last(x->c, x->attr->batch.out_batch, b->out, n);
		return err ? err : put_count(x, b->count);
	}
	err = put_count(x, b->count);
	if (!err && b->count)
		err = caller_out_last(x->c, x->attr->batch.out_batch, b->out, n);
	return err;
}

static int run_lookup(struct cmd_ctx *x, struct bpf_map *m, batch_fn fn, struct map_batch *b)
{
	u8 cursor[MAP_KEY_MAX] = { 0 };
	int err = 0, ret;

	/* Until it is known better. */
	err = cmd_put_u32(x, BPF_ATTR_OFF(batch.count), 0);
	if (!err && x->attr->batch.in_batch)
		err = map_bring_in(x, x->attr->batch.in_batch, cursor_size(m), &b->in);
	if (err)
		return err;
	b->out = cursor;
	if (x->c->direct) {
		b->keys = u64_to_ptr(x->attr->batch.keys);
		b->values = u64_to_ptr(x->attr->batch.values);
		ret = fn(x->op, m, b);
	} else {
		ret = lookup_by_copy(x, m, fn, b);
	}
	if (ret == -EFAULT)
		return ret;
	err = put_progress(x, m, b);
	return err ? err : ret;
}

#define WINDOW_BYTES (64u << 10)

/* Elements first to first + n - 1 of a caller whose memory is not ours; max 0: one by one. */
struct window {
	u8 *keys, *values;
	u32 first, n, max;
};

static void window_init(struct cmd_ctx *x, const struct bpf_map *m, bool update, u32 count, struct window *w)
{
	u32 each = m->key_size + (update ? m->value_len : 0);

	if (x->c->direct || count < 2 || each > WINDOW_BYTES / 2)
		return;
	w->max = MIN(count, WINDOW_BYTES / each);
	w->keys = x->c->ops->scratch(x->c, (size_t)w->max * each);
	if (!w->keys)
		w->max = 0;
	else
		w->values = w->keys + (size_t)w->max * m->key_size;
}

/* Is element i here, or can it be brought? Not if others near it cannot be read: it may still be good by
 * itself. */
static bool window_has(struct cmd_ctx *x, const struct bpf_map *m, bool update, u32 i, u32 count,
		       struct window *w)
{
	if (!w->max)
		return false;
	if (i - w->first < w->n)
		return true;
	w->first = i;
	w->n = MIN(w->max, count - i);
	if (!caller_in(x->c, w->keys, x->attr->batch.keys + (u64)i * m->key_size,
		       (size_t)w->n * m->key_size) &&
	    (!update || !caller_in(x->c, w->values, x->attr->batch.values + (u64)i * m->value_len,
				   (size_t)w->n * m->value_len)))
		return true;
	w->max = 0;
	return false;
}

/* A byte of each page that n bytes of a direct caller lie in. */
static int readable(u64 at, u32 n)
{
	u64 last = at + n - 1;
	u8 probe;
	int err;

	for (err = 0; !err && at < last; at += PAGE)
		err = guard_copy(&probe, u64_to_ptr(at), 1);
	return err ? err : guard_copy(&probe, u64_to_ptr(last), 1);
}

/* One element of an update or a delete; a fault is an answer here, since the count has to be told. */
static int change_one(struct cmd_ctx *x, struct bpf_map *m, bool update, u32 i, u64 flags)
{
	u64 at = x->attr->batch.keys + (u64)i * m->key_size,
	    value_at = x->attr->batch.values + (u64)i * m->value_len;
	const void *key, *value = NULL;
	int err = 0;

	if (x->c->direct) {
		err = readable(at, m->key_size);
		if (!err && update)
			err = readable(value_at, m->value_len);
	}
	if (!err)
		err = map_bring_in(x, at, m->key_size, &key);
	if (!err && update)
		err = map_bring_in(x, value_at, m->value_len, &value);
	if (err)
		return err;
	return update ? map_update_one(x, m, key, value, flags) : m->ops->delete (x->op, m, key);
}

static int change_in(struct cmd_ctx *x, struct bpf_map *m, bool update, u32 i, u64 flags,
		     const struct window *w)
{
	const u8 *key = w->keys + (size_t)(i - w->first) * m->key_size;

	if (!update)
		return m->ops->delete (x->op, m, key);
	return map_update_one(x, m, key, w->values + (size_t)(i - w->first) * m->value_len, flags);
}

/* Updates and deletes go element by element: the first failure ends them, and its index is the count. */
static int run_change(struct cmd_ctx *x, struct bpf_map *m, bool update, struct map_batch *b)
{
	int err = cmd_put_u32(x, BPF_ATTR_OFF(batch.count), 0), out;
	struct window w = { 0 };
	u32 i = 0;

	window_init(x, m, update, b->count, &w);
	while (!err && i < b->count) {
		if (window_has(x, m, update, i, b->count, &w))
			err = change_in(x, m, update, i, b->elem_flags, &w);
		else
			err = change_one(x, m, update, i, b->elem_flags);
		i += !err;
	}
	out = put_count(x, i);
	return out ? out : err;
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
	int err;

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
	err = lookup ? run_lookup(x, r.m, fn, &b) : run_change(x, r.m, fn == r.m->ops->update_batch, &b);
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
