// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: a ring of blocks under one control pair.
 *
 *     ctl.lo = tag:32 | newest block:32      ctl.hi = bottom:32 | count:32
 *     cells[max_entries]: lo = counter, hi = block          blocks: a pool (shm/pool.h)
 *
 *          bottom                 bottom + count - 1 (mod max_entries)
 *            |                      |
 *     | . | c | c | c | c | c | c | ? | . | . |      c: the cell names the element's block
 *                                                    ?: the newest; its block stands in ctl
 *
 * Every push and pop is one 16-byte swap of ctl, so E2BIG, ENOENT and the
 * overwriting of the oldest are exact. The invariant: a cell in use names its
 * block, but for that of the newest element, which may lag. So whoever wants
 * to change ctl first writes the newest block into its cell (help), for
 * whoever was stopped before he did. A cell's counter makes a late helper's
 * swap fail; a cell that names the right block already needs none.
 *
 * A block is filled in private and published by the swap of ctl. Nothing else
 * is claimed, and nobody waits: a queue and a stack differ only in which end
 * is taken. A block that was popped and not freed (its popper died) is found
 * by the pool's sweep: no cell in use names it.
 */
#include "map/array_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "shm/pool.h"

#define VALUE_MAX (4u << 20)
#define SPARE_MIN 64u
#define SPARE_MAX 1024u
#define EAGER     4u /* spare blocks that have memory from the start */

/* In hdr->priv. */
struct qs_words {
	struct pair ctl;
	u32 backed;
};

/* In m->priv. */
struct qs {
	struct pool pool;
	struct pair *ctl, *cells;
	u32 n;
};
_Static_assert(sizeof(struct qs) <= sizeof(((struct bpf_map *)0)->priv), "fits");

struct qs_shape {
	u64 hints, blocks, end, reserve;
	u32 nblocks, eager, stride;
};

static struct qs *qs_of(const struct bpf_map *m)
{
	return (struct qs *)&m->priv;
}

static void shape_of(struct qs_shape *s, u32 max_entries, u32 value_size)
{
	u64 n = (u64)max_entries + MAX(SPARE_MIN, MIN(max_entries / 8, SPARE_MAX));

	s->nblocks = (u32)MIN(n, NIL - 1);
	s->eager = (u32)MIN((u64)max_entries + EAGER, s->nblocks);
	s->stride = ROUND_UP((u32)sizeof(struct block) + value_size, 16u);
	s->hints = (u64)max_entries * sizeof(struct pair);
	s->blocks = s->hints + ROUND_UP(hint_size(s->nblocks), 16);
	s->end = s->blocks + (u64)s->nblocks * s->stride;
	s->reserve = s->blocks + (u64)s->eager * s->stride;
}

static int qs_alloc_check(struct map_attr *a)
{
	if (!a->max_entries || !a->value_size || a->key_size)
		return -EINVAL;
	return a->value_size > VALUE_MAX ? -E2BIG : 0;
}

static int qs_layout(const struct map_attr *a, struct map_layout *l)
{
	struct qs_shape s;

	shape_of(&s, a->max_entries, a->value_size);
	l->data_size = s.end;
	l->reserve = s.reserve;
	return 0;
}

static struct pair ctl_make(struct pair old, u32 newest, u32 bottom, u32 count)
{
	return (struct pair){ ((old.lo >> 32) + 1) << 32 | newest, (u64)bottom << 32 | count };
}

#define NEWEST(c) ((u32)(c).lo)
#define BOTTOM(c) ((u32)((c).hi >> 32))
#define COUNT(c)  ((u32)(c).hi)

static int qs_init(struct bpf_map *m, const struct map_attr *a)
{
	struct qs_words *w = (struct qs_words *)m->hdr->priv;
	struct qs_shape s;

	shape_of(&s, a->max_entries, a->value_size);
	w->ctl = ctl_make((struct pair){ 0, 0 }, NIL, 0, 0);
	w->backed = s.eager;
	return 0;
}

/* The place of the i-th element from the bottom. */
static u32 place(const struct qs *q, struct pair c, u32 i)
{
	return (u32)(((u64)BOTTOM(c) + i) % q->n);
}

static bool ctl_valid(const struct qs *q, struct pair c)
{
	return BOTTOM(c) < q->n && COUNT(c) <= q->n && (!COUNT(c) || NEWEST(c) < q->pool.n);
}

/* Is block b the element at place `at`? (The pool's question.) */
static bool qs_in_use(struct op *op, const struct pool *p, u32 b, u32 at, bool abandoned)
{
	const struct qs *q = container_of((struct pool *)p, struct qs, pool);

	for (u32 tries = 0; tries < 1000; tries++) {
		struct pair c = pair_load(q->ctl);
		bool used = false;

		if (!ctl_valid(q, c) || (COUNT(c) && NEWEST(c) == b))
			return true;
		if (at < q->n && COUNT(c)) {
			u32 i = at >= BOTTOM(c) ? at - BOTTOM(c) : at + q->n - BOTTOM(c);

			used = i < COUNT(c) - 1 && (u32)load64(&q->cells[at].hi) == b;
		}
		if (load64(&q->ctl->lo) == c.lo)
			return used;
	}
	return true; /* when in doubt */
}

static s64 qs_back(const struct pool *p, u32 n)
{
	struct qs *q = container_of((struct pool *)p, struct qs, pool);
	struct bpf_map *m = container_of((void *)q, struct bpf_map, priv);
	u32 have = MIN(load32(p->backed), p->n);

	n = (u32)MIN((u64)n + 16, p->n);
	return map_back(m, pool_block(p, have), pool_block(p, n)) ? -ENOMEM : (s64)n;
}

static int qs_open(struct bpf_map *m)
{
	struct qs_words *w = (struct qs_words *)m->hdr->priv;
	struct qs *q = qs_of(m);
	struct qs_shape s;

	shape_of(&s, m->max_entries, m->value_size);
	if (s.end > m->view.data_size)
		return -EIO;
	*q = (struct qs){
		.pool = {
			.base = m->data + s.blocks,
			.hints = (u64 *)(m->data + s.hints),
			.backed = &w->backed,
			.n = s.nblocks,
			.stride = s.stride,
			.eager = s.eager,
			.in_use = qs_in_use,
			.back = qs_back,
		},
		.ctl = &w->ctl,
		.cells = (struct pair *)m->data,
		.n = m->max_entries,
	};
	return 0;
}

static void qs_recover(struct op *old, struct op *now)
{
	struct qs *q = (struct qs *)old->claim[0];

	now->budget = 20l * q->pool.n + 200000;
	pool_recover(old, now, &q->pool);
}

static void qs_begin(struct op *op, struct qs *q)
{
	op->budget = 20l * q->pool.n + 200000;
	op->claim[0] = (u64)q;
	barrier();
	op->recover = qs_recover;
	barrier();
}

/* Writes the newest element's block into its cell. False: ctl has moved on. */
static bool qs_help(struct qs *q, struct pair c)
{
	struct pair *cell, x;

	if (!COUNT(c))
		return true;
	cell = &q->cells[place(q, c, COUNT(c) - 1)];
	x = pair_load(cell);
	if ((u32)x.hi == NEWEST(c))
		return true;
	if (load64(&q->ctl->lo) != c.lo)
		return false;
	return pair_cas(cell, &x, (struct pair){ x.lo + 1, NEWEST(c) });
}

/* A moment of ctl whose newest element is in its cell: 0, or -EIO. */
static int qs_look(struct op *op, struct qs *q, struct pair *c)
{
	do {
		if (--op->budget < 0)
			return -EIO;
		*c = pair_load(q->ctl);
		if (!ctl_valid(q, *c))
			return -EIO;
	} while (!qs_help(q, *c));
	return 0;
}

static u32 block_at(const struct qs *q, u32 at)
{
	return (u32)load64(&q->cells[at].hi);
}

/* One try to put the filled block on top of c, over the oldest if there is no room: 1 done, 0 again. */
static int push_once(struct op *op, struct qs *q, struct pair c, struct pool_mine *mine)
{
	bool full = COUNT(c) == q->n;
	u32 at = place(q, c, COUNT(c)), oldest = NIL;
	struct pair seen = { 0, 0 };

	if (!pool_hold(op, &q->pool, mine, at)) {
		mine->b = NIL;
		op->slot = NIL;
		return 0;
	}
	if (full) {
		oldest = block_at(q, BOTTOM(c));
		seen = pool_owner(&q->pool, oldest);
	}
	if (!pair_cas(q->ctl, &c,
		      full ? ctl_make(c, mine->b, place(q, c, 1), COUNT(c))
			   : ctl_make(c, mine->b, BOTTOM(c), COUNT(c) + 1)))
		return 0;
	pool_publish(op, &q->pool, mine);
	if (full)
		pool_take(op, &q->pool, oldest, at, seen);
	return 1;
}

static int qs_push(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct pool_mine mine = { .b = NIL };
	struct qs *q = qs_of(m);
	struct pair c;
	int err;

	if ((flags & BPF_NOEXIST) || flags > BPF_EXIST)
		return -EINVAL;
	qs_begin(op, q);
	for (;;) {
		err = qs_look(op, q, &c);
		if (!err && COUNT(c) == q->n && !flags)
			err = -E2BIG;
		if (err)
			break;
		if (mine.b == NIL) {
			err = pool_get(op, &q->pool, place(q, c, COUNT(c)), &mine);
			if (err)
				break;
			shared_copy(pool_block(&q->pool, mine.b)->data, value, m->value_size);
			write_order();
		}
		if (push_once(op, q, c, &mine))
			return 0;
	}
	if (mine.b != NIL)
		pool_put(op, &q->pool, &mine);
	return err;
}

/* Copies block b out while c holds: 0; 1: look again; -EIO. */
static int copy_out(struct bpf_map *m, const struct qs *q, struct pair c, u32 b, void *value)
{
	struct pair own;

	if (b >= q->pool.n)
		return load64(&q->ctl->lo) == c.lo ? -EIO : 1;
	own = pool_owner(&q->pool, b);
	if (load64(&q->ctl->lo) != c.lo)
		return 1;
	shared_copy(value, pool_block(&q->pool, b)->data, m->value_size);
	read_order();
	/* Either nothing has changed, or at least the block is still what it was at that moment. */
	return load64(&q->ctl->lo) == c.lo || load64(&pool_block(&q->pool, b)->own.lo) == own.lo ? 0 : 1;
}

/* Takes the element at place `at`, whose block is b; `newest` is the block on top afterwards. */
static int pop(struct op *op, struct bpf_map *m, void *value, bool stack)
{
	struct qs *q = qs_of(m);

	qs_begin(op, q);
	for (;;) {
		u32 at, b, newest;
		struct pair c, seen;
		int err = qs_look(op, q, &c);

		if (!err && !COUNT(c))
			err = -ENOENT;
		if (err)
			return err;
		at = place(q, c, stack ? COUNT(c) - 1 : 0);
		b = block_at(q, at);
		newest = COUNT(c) == 1 ? NIL : stack ? block_at(q, place(q, c, COUNT(c) - 2)) : NEWEST(c);
		seen = pool_owner(&q->pool, b);
		err = copy_out(m, q, c, b, value);
		if (err < 0)
			return err;
		if (err || !pair_cas(q->ctl, &c,
				     ctl_make(c, newest, stack ? BOTTOM(c) : place(q, c, 1), COUNT(c) - 1)))
			continue;
		pool_take(op, &q->pool, b, at, seen);
		return 0;
	}
}

/* Reads only: the newest element is looked for in ctl, not in its cell. */
static int peek(struct op *op, struct bpf_map *m, void *value, bool stack)
{
	const struct qs *q = qs_of(m);

	for (u32 tries = 0; tries < 1000000; tries++) {
		struct pair c = pair_load(q->ctl);
		int err;

		if (!ctl_valid(q, c))
			return -EIO;
		if (!COUNT(c))
			return -ENOENT;
		err = copy_out(m, q, c, stack || COUNT(c) == 1 ? NEWEST(c) : block_at(q, BOTTOM(c)), value);
		if (err <= 0)
			return err;
	}
	return -EIO;
}

static int queue_peek(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	return flags ? -EINVAL : peek(op, m, value, false);
}

static int stack_peek(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	return flags ? -EINVAL : peek(op, m, value, true);
}

static int queue_pop(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	return flags ? -EINVAL : pop(op, m, value, false);
}

static int stack_pop(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	return flags ? -EINVAL : pop(op, m, value, true);
}

static u64 qs_memlock(const struct map_attr *a)
{
	return ARRAY_MEMLOCK + ((u64)a->max_entries + 1) * a->value_size;
}

#define QS_COMMON                                                                                            \
	.alloc_check = qs_alloc_check, .layout = qs_layout, .init = qs_init, .open = qs_open,                \
	.update = qs_push, .delete = map_no_delete_EINVAL, .next_key = map_no_next_EINVAL,                   \
	.lookup_batch = map_no_batch_ENOTSUPP, .lookup_and_delete_batch = map_no_batch_ENOTSUPP,             \
	.update_batch = map_no_batch_ENOTSUPP, .delete_batch = map_no_batch_ENOTSUPP,                        \
	.obj_value = MAP_VALUE_PLAIN, .memlock = qs_memlock

const struct map_ops queue_ops = {
	.name = "queue",
	.lookup = queue_peek,
	.lookup_and_delete = queue_pop,
	QS_COMMON,
};

const struct map_ops stack_ops = {
	.name = "stack",
	.lookup = stack_peek,
	.lookup_and_delete = stack_pop,
	QS_COMMON,
};
