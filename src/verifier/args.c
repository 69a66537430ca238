// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arguments of helpers, against their prototypes.
 *
 * First is the register's type one that the kind of argument may have, then what that type
 * demands: memory of some size, the map's key, a constant string ... Memory
 * whose size is the next argument is judged there.
 */
#include "verifier/env.h"

#define B(t) (1u << (t))

/* Memory in general. */
#define T_MEM                                                                                                \
	(B(PTR_TO_STACK) | B(PTR_TO_PACKET) | B(PTR_TO_PACKET_META) | B(PTR_TO_MAP_KEY) |                    \
	 B(PTR_TO_MAP_VALUE) | B(PTR_TO_MEM) | B(PTR_TO_BUF) | B(PTR_TO_BTF_ID))

struct kind {
	u32 types;
	const char *expected;
};

#define MEM_TEXT "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_"

static const struct kind kinds[] = {
	[ARG_CTX] = { B(PTR_TO_CTX), "ctx" },
	[ARG_MAP_PTR] = { B(CONST_PTR_TO_MAP), "map_ptr" },
	[ARG_MAP_KEY] = { T_MEM, MEM_TEXT },
	[ARG_MAP_VALUE] = { T_MEM, MEM_TEXT },
	[ARG_MEM] = { T_MEM, MEM_TEXT },
	[ARG_SIZE] = { B(SCALAR_VALUE), "scalar" },
	[ARG_SIZE_OR_ZERO] = { B(SCALAR_VALUE), "scalar" },
	[ARG_ALLOC_SIZE] = { B(SCALAR_VALUE), "scalar" },
	[ARG_ALLOC_MEM] = { B(PTR_TO_MEM), "ringbuf_mem" },
	[ARG_SPIN_LOCK] = { B(PTR_TO_MAP_VALUE), "map_value, ptr_" },
	[ARG_TIMER] = { B(PTR_TO_MAP_VALUE), "map_value" },
	[ARG_FUNC] = { B(PTR_TO_FUNC), "func" },
	[ARG_STACK_OR_NULL] = { B(PTR_TO_STACK), "fp" },
	[ARG_CONST_STR] = { B(PTR_TO_MAP_VALUE), "map_value" },
	[ARG_DYNPTR] = { B(PTR_TO_STACK) | B(CONST_PTR_TO_DYNPTR), "fp, dynptr_ptr" },
	[ARG_SOCK] = { B(PTR_TO_SOCK_COMMON) | B(PTR_TO_SOCKET) | B(PTR_TO_TCP_SOCK),
		       "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_" },
	[ARG_BTF_ID] = { B(PTR_TO_BTF_ID), "ptr_, trusted_ptr_, rcu_ptr_" },
	[ARG_KPTR] = { 0, "map_value, ptr_" },
};

static int wrong_type(struct env *e, u32 regno, const char *expected)
{
	vlog(e->log, "R%u type=%s expected=%s\n", regno, reg_text(e, cur_reg(e, regno)), expected);
	return -EACCES;
}

static bool null_ok(u32 arg)
{
	return arg & ARG_F_NULL || ARG_KIND(arg) == ARG_STACK_OR_NULL;
}

/* Socket pointers that are not described by BTF; pointers to what each CPU has. */
static const struct kind narrow_sock = { B(PTR_TO_SOCK_COMMON) | B(PTR_TO_SOCKET) | B(PTR_TO_TCP_SOCK),
					 "sock_common, sock, tcp_sock, xdp_sock" };
static const struct kind narrow_btf = { 0, "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_" };

static int check_type(struct env *e, u32 regno, u32 arg, u32 size)
{
	const struct reg *r = cur_reg(e, regno);
	const struct kind *k = &kinds[ARG_KIND(arg)];

	if (size == ARG_NARROW && ARG_KIND(arg) == ARG_SOCK)
		k = &narrow_sock;
	if (size == ARG_NARROW && ARG_KIND(arg) == ARG_BTF_ID)
		k = &narrow_btf;

	if (!(k->types >> r->type & 1))
		return wrong_type(e, regno, k->expected);
	if (r->flags & PTR_MAYBE_NULL && !null_ok(arg))
		return wrong_type(e, regno, k->expected);
	if (r->flags & PTR_UNTRUSTED)
		return wrong_type(e, regno, k->expected);
	/* Of kernel structs only those that are there for certain count as memory, and may only be read. */
	if (r->type == PTR_TO_BTF_ID && B(PTR_TO_STACK) & k->types && !(r->flags & PTR_TRUSTED))
		return wrong_type(e, regno, k->expected);
	if (r->flags & MEM_RINGBUF && ARG_KIND(arg) == ARG_ALLOC_MEM)
		return 0;
	if (ARG_KIND(arg) == ARG_ALLOC_MEM)
		return wrong_type(e, regno, k->expected);
	if (r->flags & MEM_RDONLY && !(arg & ARG_F_RDONLY))
		return wrong_type(e, regno, k->expected);
	if (r->type == PTR_TO_BTF_ID && size == ARG_SEQ_FILE)
		return check_struct_arg(e, regno, "seq_file");
	return 0;
}

/* Which offsets the pointer itself may have. */
static int check_offset(struct env *e, u32 regno, u32 arg)
{
	const struct reg *r = cur_reg(e, regno);

	/* A dynptr lies anywhere in the stack, whatever it refers to. */
	if (arg & ARG_F_RELEASE && !(ARG_KIND(arg) == ARG_DYNPTR && r->type == PTR_TO_STACK)) {
		if (r->off) {
			vlog(e->log,
			     "R%u must have zero offset when passed to release func or trusted arg to "
			     "kfunc\n",
			     regno);
			return -EINVAL;
		}
		return check_fixed_offset(e, r, regno, false);
	}
	switch (r->type) {
	case PTR_TO_STACK:
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case CONST_PTR_TO_DYNPTR:
	case SCALAR_VALUE: return 0;
	case PTR_TO_BTF_ID: return check_fixed_offset(e, r, regno, true);
	default: return check_fixed_offset(e, r, regno, false);
	}
}

int check_mem_arg(struct env *e, u32 regno, u64 size, bool zero_ok, bool write, bool uninit,
		  const struct bpf_func_proto *h)
{
	struct reg *r = cur_reg(e, regno);
	int err = 0;

	switch (r->type) {
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		if (write && !may_access_packet(e, true, h))
			return bad(e, -EACCES, "cannot write into packet");
		return check_packet(e, regno, r->off, size, zero_ok);
	case PTR_TO_MAP_KEY:
		if (write) {
			vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, r));
			return -EACCES;
		}
		return check_region_bounds(e, regno, r->off, size, reg_map(e, r)->key_size, zero_ok);
	case PTR_TO_MAP_VALUE:
		err = check_map_flags(e, regno, r->off, size, write);
		return err ? err : check_map_access(e, regno, r->off, size, zero_ok);
	case PTR_TO_MEM:
		if (write && r->flags & MEM_RDONLY) {
			vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, r));
			return -EACCES;
		}
		return check_region_bounds(e, regno, r->off, size, r->mem_size, zero_ok);
	case PTR_TO_BUF: return access_buf(e, regno, r->off, size, write, -1);
	case PTR_TO_BTF_ID: return access_btf(e, regno, r->off, (u32)size, write, -1);
	case PTR_TO_STACK: return stack_range(e, regno, r->off, size, zero_ok, write, uninit);
	default:
		if (zero_ok && !size && reg_is_null(r))
			return 0;
		vlog(e->log, "R%u type=%s expected=fp\n", regno, reg_text(e, r));
		return -EACCES;
	}
}

/* The size of the memory in register `mem`. */
int check_size_arg(struct env *e, u32 regno, u32 mem, bool zero_ok, bool write, bool uninit,
		   const struct bpf_func_proto *h)
{
	const struct reg *r = cur_reg(e, regno);
	int err;

	if (r->n.smin < 0) {
		vlog(e->log, "R%u min value is negative, either use unsigned or 'var &= const'\n", regno);
		return -EACCES;
	}
	if (!r->n.umin && !zero_ok) {
		vlog(e->log, "R%u invalid zero-sized read: u64=[%ld,%ld]\n", regno, (s64)r->n.umin,
		     (s64)r->n.umax);
		return -EACCES;
	}
	if (r->n.umax >= OFF_LIMIT) {
		vlog(e->log, "R%u unbounded memory access, use 'var &= const' or 'if (var < const)'\n",
		     regno);
		return -EACCES;
	}
	/* Of unknown size: what is beyond the least need not be written by the helper. */
	err = check_mem_arg(e, mem, r->n.umax, zero_ok, write, uninit && tnum_is_const(r->n.var), h);
	return err ? err : mark_precise(e, regno);
}

static int map_arg(struct env *e, struct call_meta *m, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);

	if (m->has_map && m->h->arg[0] != ARG_MAP_PTR && m->timer_map != NIL) {
		/* A timer belongs to the map that it lies in. */
		if (m->timer_map != (r->map << 1 | r->inner) || m->timer_uid != r->map_uid) {
			vlog(e->log,
			     "timer pointer in R1 map_uid=%u doesn't match map pointer in R%u map_uid=%u\n",
			     m->timer_uid, regno, r->map_uid);
			return -EINVAL;
		}
	}
	m->has_map = true;
	m->map_reg = *r;
	m->map = reg_map(e, r);
	return 0;
}

static int timer_arg(struct env *e, struct call_meta *m, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	const struct verifier_map *map = reg_map(e, r);
	s64 off = r->off + (s64)r->n.var.value;

	if (!tnum_is_const(r->n.var)) {
		vlog(e->log, "R%u doesn't have constant offset. bpf_timer has to be at the constant offset\n",
		     regno);
		return -EINVAL;
	}
	if (!map->btf_id)
		return bad(e, -EINVAL, "map '' has to have BTF in order to use bpf_timer");
	if (map->timer_off < 0)
		return bad(e, -EINVAL, "map '' has no valid bpf_timer");
	if (off != map->timer_off) {
		vlog(e->log, "off %ld doesn't point to 'struct bpf_timer' that is at %d\n", off,
		     map->timer_off);
		return -EINVAL;
	}
	m->has_map = true;
	m->map_reg = *r;
	m->map = map;
	m->timer_map = r->map << 1 | r->inner;
	m->timer_uid = r->map_uid;
	return 0;
}

/* A string in a map whose contents are constants, with its NUL. */
static int const_str_arg(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	const struct verifier_map *m = reg_map(e, r);
	s64 off = r->off + (s64)r->n.var.value;

	if (!(m->map_flags & BPF_F_RDONLY_PROG) || !m->frozen) {
		vlog(e->log, "R%u does not point to a readonly map'\n", regno);
		return -EACCES;
	}
	if (!tnum_is_const(r->n.var)) {
		vlog(e->log, "R%u is not a constant address'\n", regno);
		return -EACCES;
	}
	if (!m->direct_value || !m->value)
		return bad(e, -EACCES, "no direct value access support for this map type");
	if (off < 0 || off >= m->value_size ||
	    check_map_access(e, regno, r->off, m->value_size - (u64)off, false))
		return -EACCES;
	if (!memchr((const u8 *)m->value + off, 0, m->value_size - (u64)off))
		return bad(e, -EINVAL, "string is not zero-terminated");
	return 0;
}

static int alloc_size_arg(struct env *e, struct call_meta *m, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);

	if (!tnum_is_const(r->n.var)) {
		vlog(e->log, "R%u is not a known constant'\n", regno);
		return -EACCES;
	}
	/* Its lower half bounds what the program may touch; with more there is never any memory
	 * (ring_reserve). */
	m->alloc_size = (u32)r->n.var.value;
	return mark_precise(e, regno);
}

static int value_arg(struct env *e, struct call_meta *m, u32 regno, u32 arg)
{
	bool uninit = arg & ARG_F_UNINIT;
	int err;

	if (!m->has_map) {
		vlog(e->log, "invalid map_ptr to access map->value\n");
		return -EACCES;
	}
	if (arg & ARG_F_NULL && reg_is_null(cur_reg(e, regno)))
		return 0;
	err = check_mem_arg(e, regno, m->map->value_size, false, uninit, uninit, m->h);
	if (!err && uninit) {
		m->uninit_reg = regno;
		m->uninit_size = m->map->value_size;
	}
	return err;
}

/* The index of an array, if the stack has a known number there. */
static int const_key(struct env *e, struct call_meta *m, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);
	u32 size = m->map->key_size, n = 0, at;
	const struct frame *f;
	const struct slot *s;
	u8 kind;

	if (m->map->map_type != BPF_MAP_TYPE_ARRAY && m->map->map_type != BPF_MAP_TYPE_PERCPU_ARRAY)
		return 0;
	/* The maps that come in its place may be shorter. */
	if (m->map_reg.inner && m->map->map_flags & BPF_F_INNER_MAP)
		return 0;
	if (r->type != PTR_TO_STACK || !tnum_is_const(r->n.var))
		return 0;
	f = e->cur->frame[r->frameno];
	at = (u32)(-(r->off + (s64)r->n.var.value) - 1);
	s = &f->stack[at / 8];
	kind = s->type[at % 8];
	while (n <= at % 8 && s->type[at % 8 - n] == kind)
		n++;
	if (kind == STACK_ZERO && n >= size) {
		m->const_key = 0;
		return 0;
	}
	if (kind != STACK_SPILL || !slot_is_scalar(s) || n != size || !tnum_is_const(s->r.n.var))
		return 0;
	m->const_key = size == 4 ? (s64)(u32)s->r.n.var.value : -1;
	return mark_slot_precise(e, f->frameno, at / 8);
}

static int key_arg(struct env *e, struct call_meta *m, u32 regno)
{
	int err;

	if (!m->has_map) {
		vlog(e->log, "invalid map_ptr to access map->key\n");
		return -EACCES;
	}
	err = check_mem_arg(e, regno, m->map->key_size, false, false, false, m->h);
	return err ? err : const_key(e, m, regno);
}

static int mem_arg(struct env *e, struct call_meta *m, u32 n)
{
	u32 arg = m->h->arg[n], size = m->h->arg_size[n];
	bool write = arg & (ARG_F_UNINIT | ARG_F_WRITE), uninit = arg & ARG_F_UNINIT;
	struct reg *r = cur_reg(e, n + 1);
	int err;

	if (!(arg & ARG_F_FIXED))
		return 0;
	err = check_mem_arg(e, n + 1, size, false, write, uninit, m->h);
	if (!err && arg & ARG_F_ALIGNED && size && size <= 8 &&
	    !tnum_aligned(tnum_add(r->n.var, tnum_const((u64)(s64)r->off)), size)) {
		vlog(e->log, "misaligned %saccess off ", mem_text(e, r));
		say_tnum(e, r->n.var);
		vlog(e->log, "+%d+0 size %u\n", r->off, size);
		return -EACCES;
	}
	if (!err && uninit && r->type == PTR_TO_STACK) {
		m->uninit_reg = n + 1;
		m->uninit_size = size;
	}
	return err;
}

static int size_arg(struct env *e, struct call_meta *m, u32 n)
{
	u32 mem = n ? m->h->arg[n - 1] : 0;
	bool write = mem & (ARG_F_UNINIT | ARG_F_WRITE), uninit = mem & ARG_F_UNINIT;
	const struct reg *r = cur_reg(e, n + 1);
	int err;

	if (ARG_KIND(mem) != ARG_MEM)
		return bad(e, -EINVAL, "kernel subsystem misconfigured verifier");
	err = check_size_arg(e, n + 1, n, ARG_KIND(m->h->arg[n]) == ARG_SIZE_OR_ZERO, write, uninit, m->h);
	if (!err && uninit && tnum_is_const(r->n.var) && cur_reg(e, n)->type == PTR_TO_STACK) {
		m->uninit_reg = n;
		m->uninit_size = (u32)r->n.var.value;
	}
	return err;
}

static int ref_arg(struct env *e, struct call_meta *m, u32 regno, u32 arg)
{
	const struct reg *r = cur_reg(e, regno);

	if (arg & ARG_F_RELEASE) {
		if (ARG_KIND(arg) == ARG_DYNPTR) {
			m->dynptr_release = true;
		} else if (!r->ref_obj_id && !reg_is_null(r)) {
			vlog(e->log, "R%u must be referenced when passed to release function\n", regno);
			return -EINVAL;
		}
		m->release = regno;
	}
	if (r->ref_obj_id && !is_scalar(r) && r->type != PTR_TO_STACK)
		m->ref_obj_id = r->ref_obj_id;
	return 0;
}

static int by_kind(struct env *e, struct call_meta *m, u32 n)
{
	u32 arg = m->h->arg[n], regno = n + 1;

	switch (ARG_KIND(arg)) {
	case ARG_MAP_PTR: return map_arg(e, m, regno);
	case ARG_MAP_KEY: return key_arg(e, m, regno);
	case ARG_MAP_VALUE: return value_arg(e, m, regno, arg);
	case ARG_MEM: return mem_arg(e, m, n);
	case ARG_SIZE:
	case ARG_SIZE_OR_ZERO: return size_arg(e, m, n);
	case ARG_ALLOC_SIZE: return alloc_size_arg(e, m, regno);
	case ARG_TIMER: return timer_arg(e, m, regno);
	case ARG_FUNC: m->sub = cur_reg(e, regno)->sub; return 0;
	case ARG_CONST_STR: return const_str_arg(e, regno);
	case ARG_DYNPTR: return dynptr_arg(e, regno, arg, m->h->arg_size[n], m);
	default: return 0;
	}
}

static int check_arg(struct env *e, struct call_meta *m, u32 n)
{
	u32 arg = m->h->arg[n], regno = n + 1;
	const struct reg *r;
	int err = reg_readable(e, regno);

	if (err || ARG_KIND(arg) == ARG_ANYTHING)
		return err;
	r = cur_reg(e, regno);
	if (is_packet(r) && !may_access_packet(e, false, m->h))
		return bad(e, -EACCES, "helper access to the packet is not allowed");
	/* NULL where it may be. */
	if (null_ok(arg) && reg_is_null(r))
		return 0;
	/* Where the context is no plain struct, a helper of it alone wants a kernel object. */
	if (ARG_KIND(arg) == ARG_CTX && e->type->btf_ctx && ARG_KIND(m->h->arg[1]) == ARG_NONE &&
	    m->id != BPF_FUNC_get_func_ip)
		return wrong_type(e, regno, "trusted_ptr_");
	err = check_type(e, regno, arg, m->h->arg_size[n]);
	if (!err)
		err = check_offset(e, regno, arg);
	if (!err)
		err = ref_arg(e, m, regno, arg);
	return err ? err : by_kind(e, m, n);
}

int check_args(struct env *e, struct call_meta *m)
{
	int err = 0;

	m->timer_map = NIL;
	m->const_key = -1;
	for (u32 n = 0; !err && n < 5 && ARG_KIND(m->h->arg[n]) != ARG_NONE; n++)
		err = check_arg(e, m, n);
	return err;
}
