// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helper calls: may this program call it, do the arguments fit (args.c), and what comes back.
 */
#include "helper/format.h"
#include "verifier/env.h"

/*
 * A program of a type that can be run here may only call what can be done here:
 * who asks for features by loading a program is told so. Two are no calls of a function.
 */
static bool is_absent(const struct env *e, s32 id, const struct bpf_func_proto *h)
{
	return !h->func && e->type->run != RUN_NONE && !e->req->any_helper &&
	       h->special != HELPER_TAIL_CALL && id != BPF_FUNC_get_func_ip;
}

static int may_call(struct env *e, s32 id, const struct bpf_func_proto **h)
{
	const struct bpf_func_proto *any = helper_get(id);

	*h = prog_helper_at(e->type, e->req->attach, id);
	if (*h && is_absent(e, id, *h))
		*h = NULL;
	if (!any) {
		vlog(e->log, "invalid func unknown#%d\n", id);
		return -EINVAL;
	}
	if (!*h) {
		vlog(e->log, "program of this type cannot use helper %s#%d\n", any->name, id);
		return -EINVAL;
	}
	if ((*h)->gpl_only && !e->req->gpl)
		return bad(e, -EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
	if ((*h)->sleeps && !e->cur->in_sleepable)
		return bad(e, -EINVAL, "helper call might sleep in a non-sleepable prog");
	return 0;
}

/* The map argument is of a type that the helper serves. */
static int map_fits(struct env *e, const struct call_meta *m)
{
	if (!m->has_map || !m->h->maps || (m->map->map_type < 64 && m->h->maps >> m->map->map_type & 1))
		return 0;
	vlog(e->log, "cannot pass map_type %u into func %s#%d\n", m->map->map_type, m->h->name, m->id);
	return -EINVAL;
}

/* Helpers that write where programs may only read; a tail call through something else. */
static int map_usable(struct env *e, const struct call_meta *m)
{
	bool writes = m->id == BPF_FUNC_map_update_elem || m->id == BPF_FUNC_map_delete_elem ||
		      m->id == BPF_FUNC_map_push_elem || m->id == BPF_FUNC_map_pop_elem;

	if (m->has_map && writes && m->map->map_flags & BPF_F_RDONLY_PROG)
		return bad(e, -EACCES, "write into map forbidden");
	if (m->h->special == HELPER_TAIL_CALL && m->map->map_type != BPF_MAP_TYPE_PROG_ARRAY) {
		vlog(e->log, "expected prog array map for tail call");
		return -EINVAL;
	}
	return 0;
}

/* Which maps come here: with only one, calls can be bound to it. */
static void note_map(struct env *e, const struct call_meta *m)
{
	struct insn_aux *a = &e->aux[e->insn];
	u32 index = m->has_map && !m->map_reg.inner ? m->map_reg.map + 1 : 0;

	if (!a->map && !a->map_bad)
		a->map = index;
	if (a->map != index || !index)
		a->map_bad = 1;
}

static int fill_memory(struct env *e, const struct call_meta *m)
{
	int err = 0;

	/* The stack is marked byte by byte; other memory has been judged as a whole. */
	if (!m->uninit_reg || cur_reg(e, m->uninit_reg)->type != PTR_TO_STACK)
		return 0;
	for (u32 n = 0; !err && n < m->uninit_size; n++)
		err = check_mem(e, e->insn, m->uninit_reg, (s32)n, 1, true, -1, false, false);
	return err;
}

static int release(struct env *e, const struct call_meta *m)
{
	int err;

	if (!m->release)
		return 0;
	if (!m->ref_obj_id) {
		vlog(e->log, "arg %u is an unacquired reference\n", m->release);
		return -EINVAL;
	}
	err = m->dynptr_release ? dynptr_release(e, m->release, m->ref_obj_id)
				: ref_release(e, m->ref_obj_id);
	if (err)
		vlog(e->log, "func %s#%d reference has not been acquired before\n", m->h->name, m->id);
	return err;
}

/* bpf_snprintf's format, which is constant, and the words that are there for it. */
static int check_format(struct env *e, const struct call_meta *m)
{
	const struct reg *fmt = cur_reg(e, 3), *len = cur_reg(e, 5);
	const struct verifier_map *map = reg_map(e, fmt);
	u64 off = (u64)fmt->off + fmt->n.var.value;

	if (!tnum_is_const(len->n.var) || len->n.var.value % 8 || off >= map->value_size)
		return -EINVAL;
	if (format_check((const char *)map->value + off, map->value_size - (u32)off,
			 (u32)(len->n.var.value / 8)))
		return bad(e, -EINVAL, "Invalid format string");
	return 0;
}

static int special(struct env *e, const struct bpf_insn *i, struct call_meta *m)
{
	struct frame *f = cur_frame(e);
	int err;

	switch (m->h->special) {
	case HELPER_TAIL_CALL: return resource_check(e, "tail_call");
	case HELPER_SPIN_LOCK: return lock_acquire(e, 1);
	case HELPER_SPIN_UNLOCK: return lock_release(e, 1);
	case HELPER_GET_LOCAL_STORAGE:
		if (reg_is_null(cur_reg(e, 2)))
			return 0;
		return bad(e, -EINVAL, "get_local_storage() doesn't support non-zero flags");
	case HELPER_LOOP:
		/* Whether there is another round depends on the number of rounds. */
		err = mark_precise(e, 1);
		if (err)
			return err;
		if (f->callback_depth >= cur_reg(e, 1)->n.umax) {
			f->callback_depth = 0;
			if (VERBOSE2(e))
				vlog(e->log, "frame%u bpf_loop iteration limit reached\n", f->frameno);
			return 0;
		}
		return push_callback(e, i, m);
	case HELPER_FOR_EACH:
		if (m->h->maps && !(m->h->maps >> m->map->map_type & 1))
			return bad(e, -ENOTSUPP, "callback function not allowed for map");
		return push_callback(e, i, m);
	case HELPER_SNPRINTF: return check_format(e, m);
	case HELPER_TIMER_CALLBACK:
	case HELPER_USER_RINGBUF_DRAIN:
	case HELPER_FIND_VMA: return push_callback(e, i, m);
	default: break;
	}
	if (m->id == BPF_FUNC_dynptr_from_mem && cur_reg(e, 1)->type != PTR_TO_MAP_VALUE) {
		vlog(e->log, "Unsupported reg type %s for bpf_dynptr_from_mem data\n",
		     reg_text(e, cur_reg(e, 1)));
		return -EACCES;
	}
	return 0;
}

static void pointer(struct env *e, struct reg *r, u8 type, bool null)
{
	reg_clear(r);
	reg_zero_offset(r);
	r->type = type;
	if (null) {
		r->flags |= PTR_MAYBE_NULL;
		r->id = ++e->id_gen;
	}
}

static int acquired(struct env *e, struct reg *r)
{
	int id = ref_acquire(e, e->insn);

	if (id < 0)
		return id;
	r->id = r->ref_obj_id = (u32)id;
	return 0;
}

static int result_memory(struct env *e, const struct call_meta *m, struct reg *r, bool null)
{
	switch (RET_KIND(m->h->ret)) {
	case RET_MEM:
		pointer(e, r, PTR_TO_MEM, null);
		r->mem_size = m->h->ret_size;
		return 0;
	case RET_ALLOC_MEM:
		pointer(e, r, PTR_TO_MEM, null);
		r->flags |= MEM_RINGBUF;
		r->mem_size = (u32)m->alloc_size;
		return acquired(e, r);
	default: /* RET_DYNPTR_MEM */
		pointer(e, r, PTR_TO_MEM, null);
		r->mem_size = (u32)m->alloc_size;
		r->flags |= MEM_DYNPTR;
		r->ref_obj_id = m->ref_obj_id;
		r->dynptr_id = m->dynptr_id;
		return 0;
	}
}

/* r0, as the prototype says. */
static int set_result(struct env *e, const struct call_meta *m)
{
	struct reg *r = cur_reg(e, 0);
	bool null = m->h->ret & RET_F_NULL;

	switch (RET_KIND(m->h->ret)) {
	case RET_VOID: mark_not_init(e, 0); return 0;
	case RET_INTEGER:
		reg_unknown(r);
		if (m->h->special == HELPER_CPU_NUMBER) {
			r->n.umin = 0;
			r->n.umax = e->req->ncpu ? e->req->ncpu - 1 : 0;
			r->n.smin = 0;
			r->n.smax = (s64)r->n.umax;
			r->n.u32_min = 0;
			r->n.u32_max = (u32)r->n.umax;
			r->n.s32_min = 0;
			r->n.s32_max = (s32)r->n.umax;
			scalar_sync(&r->n);
		}
		return 0;
	case RET_MAP_VALUE:
		if (!m->has_map)
			return bad(e, -EINVAL, "kernel subsystem misconfigured verifier");
		/* An element that is there for certain. */
		if (m->h->special == HELPER_LOOKUP && m->const_key >= 0 && m->const_key < m->map->max_entries)
			null = false;
		pointer(e, r, PTR_TO_MAP_VALUE, null);
		r->map = m->map_reg.map;
		r->inner = m->map_reg.inner;
		r->map_uid = m->map_reg.map_uid;
		if (!null && m->map->spin_lock_off >= 0)
			r->id = ++e->id_gen;
		return 0;
	case RET_SOCK:
		pointer(e, r, m->ret_sock ? m->ret_sock : PTR_TO_SOCKET, null);
		return m->borrowed ? 0 : acquired(e, r);
	case RET_BTF_ID:
		pointer(e, r, PTR_TO_BTF_ID, null);
		r->flags |= PTR_TRUSTED;
		return 0;
	default: return result_memory(e, m, r, null);
	}
}

static int call_helper(struct env *e, const struct bpf_insn *i, u32 *next)
{
	struct call_meta m = { .id = i->imm };
	int err = may_call(e, i->imm, &m.h);

	if (!err)
		err = check_args(e, &m);
	if (err)
		return err;
	note_map(e, &m);
	err = map_usable(e, &m);
	if (!err)
		err = fill_memory(e, &m);
	if (!err)
		err = dynptr_finish(e, &m);
	if (!err)
		err = release(e, &m);
	if (!err)
		err = special(e, i, &m);
	if (err)
		return err;
	clear_caller_saved(e);
	scratched_reg(e, 0);
	err = set_result(e, &m);
	if (!err)
		err = map_fits(e, &m);
	if (!err && m.id == BPF_FUNC_get_func_ip && e->req->prog_type != BPF_PROG_TYPE_KPROBE) {
		vlog(e->log, "func %s#%d not supported for program type %u\n", m.h->name, m.id,
		     e->req->prog_type);
		return -ENOTSUPP;
	}
	if (err || !m.h->moves_packet)
		return err;
	if (m.h->special != HELPER_TAIL_CALL) {
		clear_packet_pointers(e);
		return 0;
	}
	/* Out of the program there is no way back; a subprogram's caller goes on after the other program. */
	return e->cur->curframe ? leave_early(e, true, next) : 0;
}

int do_call(struct env *e, const struct bpf_insn *i, u32 *next)
{
	if (e->cur->active_locks && i->src_reg != BPF_PSEUDO_CALL &&
	    (i->src_reg || i->imm != BPF_FUNC_spin_unlock))
		return bad(e, -EINVAL, "function calls are not allowed while holding a lock");
	if (i->src_reg == BPF_PSEUDO_CALL)
		return call_subprog(e, i, next);
	if (i->src_reg)
		return bad(e, -EINVAL, "invalid kernel function call not eliminated in verifier pass");
	return call_helper(e, i, next);
}
