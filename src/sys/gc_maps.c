// SPDX-License-Identifier: BSD-2-Clause
/*
 * What dead processes hold inside maps, for `pinfs gc`.
 *
 * Users of a map give it back themselves, when they meet it (map_ops.gc says
 * what that is); a map that nobody uses at the moment is looked at here.
 */
#include "map/map.h"
#include "store/wake.h"
#include "sys/sys.h"

static u32 gc_guarded(struct op *op, struct bpf_map *m)
{
	int err = guard_set(&op->guard);
	u32 n = 0;

	if (!err)
		n = m->ops->gc(op, m);
	else
		op_fault(op);
	return n;
}

static noinline u32 gc_map(struct bpf_map *m)
{
	struct op *op = op_enter(m, __builtin_frame_address(0));
	u32 n = 0;

	if (!op)
		return 0;
	op->guard.lo = m->view.base;
	op->guard.hi = m->view.base + m->view.size;
	n = gc_guarded(op, m);
	op_leave(op);
	return n;
}

/* The header tells whether there is a reason to map it. */
static bool has_gc(u32 id)
{
	const struct map_type *t;
	struct obj_hdr h;

	if (obj_read_header(OBJ_MAP, id, &h, sizeof(h)))
		return false;
	t = map_type_get(h.kind);
	return t && t->ops->gc;
}

static u32 gc_id(u32 id)
{
	struct obj_view v;
	struct bpf_map m;
	u32 n = 0;

	if (!has_gc(id) || obj_map(OBJ_MAP, id, true, &v))
		return 0;
	if (!map_open(&m, &v) && m.ops->gc) {
		n = gc_map(&m);
		if (m.ops->close)
			m.ops->close(&m);
	}
	obj_unmap(&v);
	return n;
}

u32 sys_gc(void)
{
	u32 id = 0, n = 0;

	while (!obj_next_id(OBJ_MAP, id, &id))
		n += gc_id(id);
	return n;
}

static u32 gc_waited(enum obj_type type, u32 id)
{
	return type == OBJ_MAP ? gc_id(id) : 0;
}

u32 sys_gc_waited(void)
{
	return wake_each(gc_waited);
}
