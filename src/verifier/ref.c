// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a path holds and must give back: references from helpers, and the one spin lock.
 */
#include "verifier/env.h"

static int push(struct env *e, const struct ref *r)
{
	struct vstate *st = e->cur;

	if (st->nr_refs == st->cap_refs) {
		u32 cap = st->cap_refs + 4;
		struct ref *refs = vmem_get(e, cap * sizeof(*refs));

		if (!refs)
			return -ENOMEM;
		if (st->nr_refs)
			memcpy(refs, st->refs, st->nr_refs * sizeof(*refs));
		vmem_put(e, st->refs, st->cap_refs * sizeof(*refs));
		st->refs = refs;
		st->cap_refs = cap;
	}
	st->refs[st->nr_refs++] = *r;
	return 0;
}

/* The new reference's id, or an errno. */
int ref_acquire(struct env *e, u32 insn)
{
	struct ref r = { .id = ++e->id_gen, .insn = insn };
	int err = push(e, &r);

	return err ? err : (int)r.id;
}

static bool drop(struct vstate *st, u32 id, bool lock)
{
	for (u32 n = 0; n < st->nr_refs; n++) {
		if (st->refs[n].id != id || st->refs[n].lock != lock)
			continue;
		memmove(&st->refs[n], &st->refs[n + 1], (st->nr_refs - n - 1) * sizeof(struct ref));
		st->nr_refs--;
		return true;
	}
	return false;
}

/* The reference is gone, and with it whatever was reached through it. */
int ref_release(struct env *e, u32 id)
{
	struct reg_iter it = { .st = e->cur };
	struct reg *r;

	if (!drop(e->cur, id, false))
		return -EINVAL;
	for (r = reg_next(&it); r; r = reg_next(&it))
		if (r->ref_obj_id == id && r->type != CONST_PTR_TO_DYNPTR)
			reg_unknown(r);
	return 0;
}

/* What is held from there on must be nothing. */
int ref_check_leak(struct env *e, const char *what)
{
	const struct frame *f = cur_frame(e);
	int err = 0;

	for (u32 n = f->callback ? f->refs_before : 0; n < e->cur->nr_refs; n++) {
		if (e->cur->refs[n].lock)
			continue;
		vlog(e->log, "Unreleased reference id=%u alloc_insn=%u\n", e->cur->refs[n].id,
		     e->cur->refs[n].insn);
		err = -EINVAL;
	}
	if (err)
		vlog(e->log, "%s would lead to reference leak\n", what);
	return err;
}

/* Something that ends the program's say over what happens next. */
int resource_check(struct env *e, const char *what)
{
	int err = 0;

	for (u32 n = 0; n < e->cur->nr_refs; n++) {
		if (e->cur->refs[n].lock)
			continue;
		vlog(e->log, "Unreleased reference id=%u alloc_insn=%u\n", e->cur->refs[n].id,
		     e->cur->refs[n].insn);
		err = -EINVAL;
	}
	if (err) {
		vlog(e->log, "%s would lead to reference leak\n", what);
		return err;
	}
	if (e->cur->active_locks) {
		vlog(e->log, "%s cannot be used inside bpf_spin_lock-ed region\n", what);
		return -EINVAL;
	}
	return 0;
}

static int lock_target(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	const struct verifier_map *m;
	s64 off;

	if (r->type != PTR_TO_MAP_VALUE || r->flags & PTR_MAYBE_NULL) {
		vlog(e->log, "R%u type=%s expected=map_value\n", regno, reg_text(e, r));
		return -EACCES;
	}
	m = reg_map(e, r);
	if (!tnum_is_const(r->n.var)) {
		vlog(e->log,
		     "R%u doesn't have constant offset. bpf_spin_lock has to be at the constant offset\n",
		     regno);
		return -EINVAL;
	}
	if (!m->btf_id) {
		vlog(e->log, "map '' has to have BTF in order to use bpf_spin_lock\n");
		return -EINVAL;
	}
	if (m->spin_lock_off < 0) {
		vlog(e->log, "map '' has no valid bpf_spin_lock\n");
		return -EINVAL;
	}
	off = r->off + (s64)r->n.var.value;
	if (off != m->spin_lock_off) {
		vlog(e->log, "off %ld doesn't point to 'struct bpf_spin_lock' that is at %d\n", off,
		     m->spin_lock_off);
		return -EINVAL;
	}
	return 0;
}

int lock_acquire(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	struct ref held = { .id = r->id, .insn = e->insn, .lock = true };
	int err = lock_target(e, regno);

	if (err)
		return err;
	if (e->cur->active_locks)
		return bad(e, -EINVAL, "Locking two bpf_spin_locks are not allowed");
	e->cur->active_locks = 1;
	e->cur->lock_id = r->id;
	e->cur->lock_map = r->map << 1 | r->inner;
	return push(e, &held);
}

int lock_release(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	int err = lock_target(e, regno);

	if (err)
		return err;
	if (!e->cur->active_locks)
		return bad(e, -EINVAL, "bpf_spin_unlock without taking a lock");
	if (e->cur->lock_id != r->id || e->cur->lock_map != (r->map << 1 | r->inner))
		return bad(e, -EINVAL, "bpf_spin_unlock of different lock");
	drop(e->cur, e->cur->lock_id, true);
	e->cur->active_locks = 0;
	e->cur->lock_id = e->cur->lock_map = 0;
	return 0;
}
