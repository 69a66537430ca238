// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on maps: elements, walks, locks in values, tail calls, loops.
 *
 * A change runs in the run's own operation, as a command of bpf(2) does in
 * its own: the type notes in op->claim what it is about to claim, and whoever
 * abandons the run (a fault, a jump) gives it back by op->recover. So each call
 * leaves the operation clean, for the next one may be of another type.
 *
 * What bpf(2) asks before it calls a map is asked here, too: only maps that
 * have a lock take BPF_F_LOCK.
 */
#include "helper/helper_ids.h"
#include "map/array_int.h"
#include "map/map.h"
#include "map/map_stubs.h"
#include "map/spin_lock.h"
#include "util/err.h"
#include <string.h>

#define INT .ret = RET_INTEGER

#define LOOPS_MAX (8u << 20) /* calls of a bpf_loop */
#define STEPS     1000000    /* of a map without a budget of its own */
#define RET_STOP  1          /* what a callback returns to end the walk */

static struct bpf_map *map_arg(u64 r)
{
	return u64_to_ptr(r);
}

static void change_begin(struct run *run)
{
	run->op->budget = STEPS;
}

static u64 change_end(struct run *run, int err)
{
	run->op->recover = NULL;
	return (u64)(s64)err;
}

/*
 * A long key stays what it was while it is used: the program's may lie in a
 * value that others write. Beyond MAP_KEY_MAX the type looks after that itself.
 */
static inline const void *stable_key(const struct bpf_map *m, u64 key, u8 copy[MAP_KEY_MAX])
{
	const void *p = u64_to_ptr(key);

	if (likely(m->key_size <= 8 || m->key_size > MAP_KEY_MAX))
		return p;
	return memcpy(copy, p, m->key_size);
}

/* ---- elements ---- */

static noinline u64 lookup_inner(struct run *run, struct bpf_map *m, const void *key)
{
	u32 id;

	if (m->ops->obj_value != OBJ_MAP || m->ops->lookup(run->op, m, key, &id, 0))
		return 0;
	return ptr_to_u64(run->ops->inner_map(run, m, id));
}

static u64 map_lookup_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);

	if (likely(m->ops->value_ptr))
		return ptr_to_u64(m->ops->value_ptr(run->op, m, u64_to_ptr(r2), run->cpu));
	return lookup_inner(run, m, u64_to_ptr(r2));
}

static u64 map_lookup_percpu_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);

	if ((u32)r3 >= m->ncpu || !m->ops->value_ptr)
		return 0;
	return ptr_to_u64(m->ops->value_ptr(run->op, m, u64_to_ptr(r2), (u32)r3));
}

/* BPF_F_LOCK where there is no lock. Arrays, which are those without a delete, look at the index first. */
static int no_lock(const struct bpf_map *m, const void *key, u64 flags)
{
	int err = m->ops->delete == map_no_delete_EINVAL ? array_update_ok(m, array_index(key), flags) : 0;

	return err ? err : -EINVAL;
}

static u64 map_update_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);
	u8 copy[MAP_KEY_MAX];
	const void *key;
	int err;

	if (unlikely(m->ops->obj_value != MAP_VALUE_PLAIN))
		return (u64)-EOPNOTSUPP;
	if (unlikely((r4 & BPF_F_LOCK) && m->record.spin_lock_off < 0))
		return (u64)(s64)no_lock(m, u64_to_ptr(r2), r4);
	key = stable_key(m, r2, copy);
	change_begin(run);
	if (unlikely(m->ops->update_cpu))
		err = m->ops->update_cpu(run->op, m, key, u64_to_ptr(r3), r4, run->cpu);
	else
		err = m->ops->update(run->op, m, key, u64_to_ptr(r3), r4);
	return change_end(run, err);
}

static u64 map_delete_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);
	u8 copy[MAP_KEY_MAX];

	change_begin(run);
	return change_end(run, m->ops->delete (run->op, m, stable_key(m, r2, copy)));
}

PROTO(map_lookup_elem, .func = map_lookup_elem, PKT, .ret = RET_MAP_VALUE | RET_F_NULL,
      .special = HELPER_LOOKUP, ARGS(MAP, KEY),
      .maps = MAPS_VALUES | MAPS_OF_MAPS | MAPS_DEVICES | MAPS_SOCKETS | T(XSKMAP));
PROTO(map_lookup_percpu_elem, .func = map_lookup_percpu_elem, PKT, .ret = RET_MAP_VALUE | RET_F_NULL,
      ARGS(MAP, KEY, ANY), .maps = MAPS_PERCPU);
PROTO(map_update_elem, .func = map_update_elem, PKT, INT, ARGS(MAP, KEY, VALUE, ANY),
      .maps = MAPS_VALUES | MAPS_SOCKETS);
PROTO(map_delete_elem, .func = map_delete_elem, PKT, INT, ARGS(MAP, KEY), .maps = MAPS_VALUES | MAPS_SOCKETS);

/* ---- queues, stacks, filters: a value and no key ---- */

static u64 map_push_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);

	change_begin(run);
	return change_end(run, m->ops->update(run->op, m, NULL, u64_to_ptr(r2), r3));
}

/* Where there is nothing the buffer reads as zeros, as on the kernel; a filter's buffer is the question. */
static u64 taken(struct run *run, struct bpf_map *m, u64 value, int err)
{
	if (err && !map_type_get(m->map_type)->value_asks)
		memset(u64_to_ptr(value), 0, m->value_size);
	return change_end(run, err);
}

static u64 map_pop_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);

	change_begin(run);
	return taken(run, m, r2, m->ops->lookup_and_delete(run->op, m, NULL, u64_to_ptr(r2), 0));
}

static u64 map_peek_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);

	change_begin(run);
	return taken(run, m, r2, m->ops->lookup(run->op, m, NULL, u64_to_ptr(r2), 0));
}

PROTO(map_push_elem, .func = map_push_elem, PKT, INT, ARGS(MAP, VALUE, ANY),
      .maps = MAPS_QUEUES | T(BLOOM_FILTER));
PROTO(map_pop_elem, .func = map_pop_elem, INT, ARGS(MAP, VALUE_OUT), .maps = MAPS_QUEUES);
PROTO(map_peek_elem, .func = map_peek_elem, INT, ARGS(MAP, VALUE_OUT), .maps = MAPS_QUEUES | T(BLOOM_FILTER));

/* ---- walks and loops ---- */

static u64 for_each_map_elem(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	struct bpf_map *m = map_arg(r1);
	struct map_elem e;
	u32 at = 0, n = 0;

	if (r4)
		return (u64)-EINVAL;
	if (!m->ops->next_elem)
		return (u64)-EOPNOTSUPP;
	while (m->ops->next_elem(run->op, m, &at, run->cpu, &e)) {
		n++;
		if (run->ops->callback(run, (u32)r2, r1, ptr_to_u64(e.key), ptr_to_u64(e.value), r3, 0) ==
		    RET_STOP)
			break;
	}
	return n;
}

static u64 loop(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	u32 n = (u32)r1, i = 0;

	if (r4)
		return (u64)-EINVAL;
	if (n > LOOPS_MAX)
		return (u64)-E2BIG;
	while (i < n)
		if (run->ops->callback(run, (u32)r2, i++, r3, 0, 0, 0))
			break;
	return i;
}

PROTO(for_each_map_elem, .func = for_each_map_elem, INT, .special = HELPER_FOR_EACH,
      ARGS(MAP, FUNC, STACK, ANY), .maps = MAPS_HASH | T(ARRAY) | T(PERCPU_ARRAY));
PROTO(loop, .func = loop, INT, .special = HELPER_LOOP, ARGS(ANY, FUNC, STACK, ANY));

/* An instruction of its own in movable form (isa/vprog.h): it does not come back. */
PROTO(tail_call, MOVES, .ret = RET_VOID, .special = HELPER_TAIL_CALL, ARGS(CTX, MAP, ANY),
      .maps = T(PROG_ARRAY));

/* ---- locks ---- */

/* -EAGAIN: a damaged word, which nobody gives back. The program goes on without the lock, memory-safe. */
static u64 spin_lock(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	value_lock(run->op, u64_to_ptr(r1));
	return 0;
}

static u64 spin_unlock(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)
{
	if (run->op->recover)
		value_unlock(run->op, u64_to_ptr(r1));
	return 0;
}

PROTO(spin_lock, .func = spin_lock, .ret = RET_VOID, .special = HELPER_SPIN_LOCK, ARGS(ARG_SPIN_LOCK));
PROTO(spin_unlock, .func = spin_unlock, .ret = RET_VOID, .special = HELPER_SPIN_UNLOCK, ARGS(ARG_SPIN_LOCK));

/* Nobody would be there to call back when the client has gone: no functions. */
PROTO(timer_init, GPL, INT, ARGS(ARG_TIMER, MAP, ANY));
PROTO(timer_set_callback, GPL, INT, .special = HELPER_TIMER_CALLBACK, ARGS(ARG_TIMER, FUNC));
PROTO(timer_start, GPL, INT, ARGS(ARG_TIMER, ANY, ANY));
PROTO(timer_cancel, GPL, INT, ARGS(ARG_TIMER));
