// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is a state one that is covered by another, from which everything has been walked?
 *
 *   NOT_EXACT     numbers that were never relied on may differ
 *   RANGE_WITHIN  every number lies in the old one's range
 *   EXACT         the same, ids apart: the path has come back to where it was
 *
 * Ids are compared by what is linked, not by number: a map from old ids to new
 * ones is built up, one to one.
 */
#include "verifier/env.h"

#define IDS_MAX (11u * FRAMES_MAX + SLOTS_MAX * FRAMES_MAX)

/* Ids that have met. In the arena, for it is large. */
struct idmap {
	u32 n, tmp;
	struct {
		u32 old, now;
	} e[IDS_MAX];
};

static bool same_id(struct idmap *m, u32 old, u32 now)
{
	if (!!old != !!now)
		return false;
	if (!old)
		return true;
	for (u32 n = 0; n < m->n; n++) {
		if (m->e[n].old == old)
			return m->e[n].now == now;
		if (m->e[n].now == now)
			return false;
	}
	if (m->n == IDS_MAX)
		return false;
	m->e[m->n].old = old;
	m->e[m->n++].now = now;
	return true;
}

/* Numbers: no link counts as a link with nothing else. */
static bool same_number_id(struct idmap *m, u32 old, u32 now)
{
	old = old ? old : ++m->tmp;
	now = now ? now : ++m->tmp;
	return same_id(m, old, now);
}

static bool same_bytes(const struct reg *a, const struct reg *b, struct idmap *m)
{
	return a->type == b->type && a->flags == b->flags && a->off == b->off && a->map == b->map &&
	       a->inner == b->inner && a->frameno == b->frameno && !memcmp(&a->n, &b->n, sizeof(a->n)) &&
	       same_id(m, a->id, b->id) && same_id(m, a->ref_obj_id, b->ref_obj_id);
}

static bool scalar_covers(const struct reg *a, const struct reg *b, struct idmap *m, enum exact exact)
{
	if (exact == EXACT)
		return !memcmp(&a->n, &b->n, sizeof(a->n)) && a->off == b->off && same_id(m, a->id, b->id);
	if (!a->precise && exact == NOT_EXACT)
		return true;
	if ((a->id & ADD_CONST) != (b->id & ADD_CONST) || ((a->id & ADD_CONST) && a->off != b->off))
		return false;
	return same_number_id(m, a->id & ~ADD_CONST, b->id & ~ADD_CONST) && scalar_within(&a->n, &b->n);
}

static bool pointer_covers(const struct reg *a, const struct reg *b, struct idmap *m)
{
	switch (a->type) {
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
		return a->off == b->off && a->map == b->map && a->inner == b->inner &&
		       a->map_uid == b->map_uid && scalar_within(&a->n, &b->n) && same_id(m, a->id, b->id) &&
		       same_id(m, a->ref_obj_id, b->ref_obj_id);
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		if (a->range < 0 || b->range < 0) {
			if (a->range != b->range)
				return false;
		} else if (a->range > b->range) {
			return false;
		}
		return a->off == b->off && same_id(m, a->id, b->id) && scalar_within(&a->n, &b->n);
	case PTR_TO_STACK: return same_bytes(a, b, m) && a->frameno == b->frameno;
	default: return same_bytes(a, b, m);
	}
}

static bool reg_covers(const struct reg *a, const struct reg *b, struct idmap *m, enum exact exact)
{
	if (exact == EXACT && a->type != SCALAR_VALUE)
		return same_bytes(a, b, m);
	if (a->type == NOT_INIT)
		return true;
	/* An unknown number that nobody relied on is like anything that can be read. */
	if (a->type != b->type || a->flags != b->flags)
		return false;
	return a->type == SCALAR_VALUE ? scalar_covers(a, b, m, exact) : pointer_covers(a, b, m);
}

static bool misc_only(const struct slot *s)
{
	for (u32 k = 0; k < 8; k++)
		if (s->type[k] != STACK_MISC && s->type[k] != STACK_INVALID)
			return false;
	return true;
}

static struct reg *as_number(struct slot *s, struct reg *any)
{
	if (slot_is_scalar64(s))
		return &s->r;
	return misc_only(s) ? any : NULL;
}

static bool types_cover(const struct slot *a, const struct slot *b, enum exact exact)
{
	for (u32 k = 0; k < 8; k++) {
		u8 t = a->type[k];

		if (exact == EXACT ? t == b->type[k] : t == STACK_INVALID)
			continue;
		if (t == STACK_MISC && exact != EXACT && b->type[k] != STACK_DYNPTR)
			continue;
		if (t != b->type[k])
			return false;
	}
	return true;
}

static bool empty(const struct slot *s)
{
	for (u32 k = 0; k < 8; k++)
		if (s->type[k] != STACK_INVALID)
			return false;
	return true;
}

static bool slot_covers(struct slot *a, struct slot *b, struct idmap *m, enum exact exact)
{
	static const struct slot none;
	struct slot nothing = none;
	struct reg any, *x, *y;

	if (!b) {
		b = &nothing;
		reg_clear(&b->r);
	}
	if (exact != EXACT && empty(a))
		return true;
	reg_unknown(&any);
	if (exact != EXACT) {
		/* A slot of some bytes is like one of any number. */
		x = as_number(a, &any);
		y = as_number(b, &any);
		if (x && y)
			return reg_covers(x, y, m, exact);
	}
	if (!types_cover(a, b, exact))
		return false;
	if (a->type[7] == STACK_SPILL)
		return b->type[7] == STACK_SPILL && reg_covers(&a->r, &b->r, m, exact);
	if (a->type[7] == STACK_DYNPTR)
		return a->r.dynptr == b->r.dynptr && same_id(m, a->r.id, b->r.id) &&
		       same_id(m, a->r.ref_obj_id, b->r.ref_obj_id);
	return true;
}

static bool frame_covers(struct env *e, struct frame *a, struct frame *b, struct idmap *m, u32 insn,
			 enum exact exact)
{
	u32 live = e->aux[insn].live;

	if (a->callback_depth > b->callback_depth || a->live != b->live)
		return false;
	for (u32 r = 0; r < REG_FP; r++)
		if (live >> r & 1 && !reg_covers(&a->reg[r], &b->reg[r], m, exact))
			return false;
	for (u32 n = 0; n < a->nr_slots; n++)
		if (!slot_covers(&a->stack[n], n < b->nr_slots ? &b->stack[n] : NULL, m, exact))
			return false;
	if (exact == EXACT)
		for (u32 n = a->nr_slots; n < b->nr_slots; n++)
			if (!empty(&b->stack[n]))
				return false;
	return true;
}

static bool held_equal(const struct vstate *a, const struct vstate *b, struct idmap *m)
{
	if (a->nr_refs != b->nr_refs || a->active_locks != b->active_locks)
		return false;
	for (u32 n = 0; n < a->nr_refs; n++)
		if (a->refs[n].lock != b->refs[n].lock || !same_id(m, a->refs[n].id, b->refs[n].id))
			return false;
	return !a->active_locks || (a->lock_map == b->lock_map && same_id(m, a->lock_id, b->lock_id));
}

bool states_equal(struct env *e, struct vstate *old, struct vstate *now, enum exact exact)
{
	struct idmap *m;

	if (!e->idmap)
		e->idmap = vmem_get(e, sizeof(*e->idmap));
	m = e->idmap;
	/* Without memory nothing is equal: the walk will fail by itself. */
	if (!m)
		return false;
	if (old->curframe != now->curframe || old->in_sleepable != now->in_sleepable)
		return false;
	m->n = 0;
	m->tmp = e->id_gen;
	if (!held_equal(old, now, m))
		return false;
	for (u32 f = 0; f <= old->curframe; f++) {
		u32 insn = f == old->curframe ? old->insn : old->frame[f + 1]->callsite;

		if (old->frame[f]->callsite != now->frame[f]->callsite ||
		    old->frame[f]->sub != now->frame[f]->sub)
			return false;
		if (!frame_covers(e, old->frame[f], now->frame[f], m, insn, exact))
			return false;
	}
	return true;
}
