// SPDX-License-Identifier: BSD-2-Clause
/* Work on ring buffers: see ringwork.h. */
#include "tests/lib/ringwork.h"
#include <string.h>
#include "map/map_ops.h"
#include "map/map_stubs.h"

struct head {
	u32 who, size;
	u64 n;
};

static u8 byte_of(const struct head *h, u32 i)
{
	return (u8)((h->n * 0x9e3779b97f4a7c15ull >> (i % 7 * 8)) + h->who * 17 + i);
}

/* By a copy that the sanitizer understands: others may look at what was a header there once, and then find
 * that they came late. */
static void fill(u8 *p, const struct head *h)
{
	u8 buf[RW_MAX];

	memcpy(buf, h, sizeof(*h));
	for (u32 i = sizeof(*h); i < h->size; i++)
		buf[i] = byte_of(h, i);
	shared_copy(p, buf, h->size);
}

static int produce(struct op *op, struct bpf_map *m, const struct head *h, bool discard)
{
	void *p = ring_reserve(op, m, h->size);

	if (!p)
		return -EAGAIN;
	fill(p, h);
	ring_commit(op, m, p, 0, discard);
	return 0;
}

static int enter_produce(struct op *op, struct maptest *t, const struct head *h, bool discard)
{
	int err = guard_set(&op->guard);

	if (err)
		op_disown(op);
	else
		err = produce(op, &t->map, h, discard);
	return err;
}

noinline int rw_produce(struct maptest *t, u32 who, u64 n, u32 size, bool discard)
{
	struct head h = { who, size, n };
	struct op *op = op_enter(&t->map, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = enter_produce(op, t, &h, discard);
	op_leave(op);
	return err;
}

noinline int rw_rescue(struct maptest *t)
{
	struct op *op = op_enter(&t->map, __builtin_frame_address(0));

	if (!op)
		return -EAGAIN;
	ring_rescue(op, &t->map);
	op_leave(op);
	return 0;
}

static void check(const u8 *copy, u32 len, struct rw_record *rec)
{
	struct head h;

	memcpy(&h, copy, sizeof(h));
	rec->who = h.who;
	rec->n = h.n;
	if (h.size != len) {
		mt_fail("a record of %u bytes says %u", len, h.size);
		return;
	}
	for (u32 i = sizeof(h); i < len; i++)
		if (copy[i] != byte_of(&h, i)) {
			mt_fail("record %llu of %u is torn at %u of %u", (unsigned long long)h.n, h.who, i,
				len);
			return;
		}
}

/* Counters and words of the ring as a client has them: by the layout alone. */
int rw_consume(struct maptest *t, struct rw_record *rec, bool round)
{
	_Atomic u64 *cons = (_Atomic u64 *)t->map.data, *prod = (_Atomic u64 *)(t->map.data + PAGE);
	u8 *data = t->map.data + 2 * PAGE, copy[RW_MAX];
	u64 size = t->map.max_entries, at = atomic_load(cons), off = at & (size - 1);
	u32 word, len;

	if (at == atomic_load(prod))
		return 0;
	word = __atomic_load_n((u32 *)(data + off), __ATOMIC_ACQUIRE);
	if (word & BPF_RINGBUF_BUSY_BIT)
		return -EBUSY;
	len = word & RING_LEN;
	rec->discarded = word & BPF_RINGBUF_DISCARD_BIT;
	rec->size = len;
	for (u32 i = 0; !rec->discarded && i < MIN(len, RW_MAX); i++)
		copy[i] = data[round ? (off + 8 + i) & (size - 1) : off + 8 + i];
	if (!atomic_compare_exchange_strong(cons, &at, at + ring_total(word)))
		return 0;
	if (!rec->discarded && (len < sizeof(struct head) || len > RW_MAX))
		mt_fail("a record of %u bytes", len);
	else if (!rec->discarded)
		check(copy, len, rec);
	return 1;
}

/* ---- as a map's operations, for single steps ---- */

static int step_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct head h = { 9, (u32)flags, 1 };

	return produce(op, m, &h, false);
}

static int step_delete(struct op *op, struct bpf_map *m, const void *key)
{
	struct head h = { 9, 40, 1 };

	return produce(op, m, &h, true);
}

const struct map_ops rw_ops = {
	.name = "ringbuf",
	.alloc_check = ring_alloc_check,
	.layout = ring_layout,
	.init = ring_init,
	.open = ring_open,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = step_update,
	.delete = step_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = map_no_next_ENOTSUPP,
	.obj_value = MAP_VALUE_PLAIN,
};
