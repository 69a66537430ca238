// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads and stores, by the kind of memory that a pointer leads to.
 *
 * check_mem() is the one gate: every access of every instruction, and every byte
 * that a helper fills, goes through it. Per kind there is one rule; stack,
 * context and packet have files of their own.
 */
#include "verifier/env.h"

/* Where all goes through with its lowest and its highest offset: the memory is mem_size bytes. */
int mem_region(struct env *e, u32 regno, s64 off, u64 size, u64 mem_size, bool zero_ok)
{
	const struct reg *r = cur_reg(e, regno);
	bool size_ok = size > 0 || zero_ok;

	if (off >= 0 && size_ok && (u64)off + size <= mem_size)
		return 0;
	switch (r->type) {
	case PTR_TO_MAP_KEY:
		vlog(e->log, "invalid access to map key, key_size=%lu off=%ld size=%lu\n", mem_size, off,
		     size);
		break;
	case PTR_TO_MAP_VALUE:
		vlog(e->log, "invalid access to map value, value_size=%lu off=%ld size=%lu\n", mem_size, off,
		     size);
		break;
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
	case PTR_TO_PACKET_END:
		vlog(e->log, "invalid access to packet, off=%ld size=%lu, R%u(id=%u,off=%ld,r=%ld)\n", off,
		     size, regno, r->id, off, (s64)mem_size);
		break;
	default:
		vlog(e->log, "invalid access to memory, mem_size=%lu off=%ld size=%lu\n", mem_size, off,
		     size);
	}
	return -EACCES;
}

/* The same with the pointer's variable offset. */
int check_region_bounds(struct env *e, u32 regno, s32 off, u64 size, u64 mem_size, bool zero_ok)
{
	const struct reg *r = cur_reg(e, regno);
	int err;

	if (r->n.smin < 0 && (r->n.smin == INT64_MIN || off + r->n.smin != (s64)(s32)(off + r->n.smin) ||
			      r->n.smin + off < 0)) {
		vlog(e->log,
		     "R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n",
		     regno);
		return -EACCES;
	}
	err = mem_region(e, regno, r->n.smin + off, size, mem_size, zero_ok);
	if (err) {
		vlog(e->log, "R%u min value is outside of the allowed memory range\n", regno);
		return err;
	}
	if (r->n.umax >= OFF_LIMIT) {
		vlog(e->log, "R%u unbounded memory access, make sure to bounds check any such access\n",
		     regno);
		return -EACCES;
	}
	err = mem_region(e, regno, (s64)r->n.umax + off, size, mem_size, zero_ok);
	if (err)
		vlog(e->log, "R%u max value is outside of the allowed memory range\n", regno);
	return err;
}

static bool overlaps(const struct reg *r, s32 off, u64 size, s32 field, u32 field_size)
{
	s64 lo = r->n.smin + off, hi = (s64)r->n.umax + off + (s64)size;

	return field >= 0 && lo < (s64)field + field_size && field < hi;
}

int check_map_access(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok)
{
	const struct reg *r = cur_reg(e, regno);
	const struct verifier_map *m = reg_map(e, r);
	int err = check_region_bounds(e, regno, off, size, m->value_size, zero_ok);

	if (err)
		return err;
	if (overlaps(r, off, size, m->spin_lock_off, 4))
		return bad(e, -EACCES, "bpf_spin_lock cannot be accessed directly by load/store");
	if (overlaps(r, off, size, m->timer_off, 16))
		return bad(e, -EACCES, "bpf_timer cannot be accessed directly by load/store");
	return 0;
}

int check_map_flags(struct env *e, u32 regno, s32 off, u64 size, bool write)
{
	const struct verifier_map *m = reg_map(e, cur_reg(e, regno));

	if (!(m->map_flags & (write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG)))
		return 0;
	vlog(e->log, "%s map forbidden, value_size=%u off=%d size=%lu\n", write ? "write into" : "read from",
	     m->value_size, off, size);
	return -EACCES;
}

/* Number that a frozen map holds for ever. */
static bool constant_of(struct env *e, const struct reg *r, s32 off, u32 size, bool sx, u64 *v)
{
	const struct verifier_map *m = reg_map(e, r);
	s64 at = off + (s64)r->n.var.value;

	if (!m->frozen || !m->value || !(m->map_flags & BPF_F_RDONLY_PROG) || !tnum_is_const(r->n.var))
		return false;
	if (at < 0 || (u64)at + size > m->value_size)
		return false;
	*v = 0;
	memcpy(v, (const u8 *)m->value + at, size);
	if (sx)
		*v = size == 1 ? (u64)(s64)(s8)*v : size == 2 ? (u64)(s64)(s16)*v : (u64)(s64)(s32)*v;
	return true;
}

static int access_map(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val, bool sx)
{
	struct reg *r = cur_reg(e, regno);
	u64 v;
	int err = check_map_flags(e, regno, off, size, write);

	if (!err)
		err = check_map_access(e, regno, off, size, false);
	if (err || write || val < 0)
		return err;
	if (constant_of(e, r, off, size, sx, &v))
		mark_const(e, (u32)val, v);
	else
		mark_unknown(e, (u32)val);
	return 0;
}

/* Only context-free memory: sizes known, maybe read-only. */
static int access_mem(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	struct reg *r = cur_reg(e, regno);
	int err;

	if (r->flags & PTR_MAYBE_NULL) {
		vlog(e->log, "R%u invalid mem access '%s'\n", regno, reg_text(e, r));
		return -EACCES;
	}
	if (write && r->flags & MEM_RDONLY) {
		vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, r));
		return -EACCES;
	}
	err = check_region_bounds(e, regno, off, size, r->mem_size, false);
	if (!err && !write && val >= 0)
		mark_unknown(e, (u32)val);
	return err;
}

/* One of struct bpf_sock's words, or a part of one that may be read in parts. */
static bool sock_field(u32 off, u32 size)
{
	static const struct {
		u8 from, to, width;
	} parts[] = { { 4, 16, 4 }, { 24, 48, 4 }, { 48, 52, 2 }, { 52, 80, 4 } };
	bool padding = off > 48 && off < 52;

	if (off + size > sizeof(struct bpf_sock) || off % size || padding)
		return false;
	if (size == 4)
		return true;
	for (u32 n = 0; n < ARRAY_SIZE(parts); n++)
		if (off >= parts[n].from && off < parts[n].to)
			return size <= parts[n].width;
	return false;
}

static bool sock_readable(u8 type, s32 off, u32 size)
{
	if (off < 0)
		return false;
	if (type == PTR_TO_TCP_SOCK) {
		bool wide = off == offsetof(struct bpf_tcp_sock, bytes_received) ||
			    off == offsetof(struct bpf_tcp_sock, bytes_acked);

		return (u32)off + size <= sizeof(struct bpf_tcp_sock) && !(off % (s32)size) &&
		       size == (wide ? 8 : 4);
	}
	/* Of a request or time-wait socket only what all kinds have. */
	if (type == PTR_TO_SOCK_COMMON && off >= 8 && off < 24)
		return false;
	return sock_field((u32)off, size);
}

/* Sockets: read-only, and by loads that give 0 where nothing is mapped. */
static int access_sock(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	struct reg *r = cur_reg(e, regno);

	if (write) {
		vlog(e->log, "R%u cannot write into %s\n", regno, reg_text(e, r));
		return -EACCES;
	}
	if (r->n.smin < 0) {
		vlog(e->log,
		     "R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n",
		     regno);
		return -EACCES;
	}
	if (!tnum_equals(r->n.var, 0) || !sock_readable(r->type, off, size)) {
		vlog(e->log, "R%u invalid %s access off=%d size=%u\n", regno, reg_text(e, r), off, size);
		return -EACCES;
	}
	if (val >= 0)
		mark_unknown(e, (u32)val);
	return 0;
}

static int access_key(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	int err;

	if (write) {
		vlog(e->log, "write to change key R%u not allowed\n", regno);
		return -EACCES;
	}
	err = check_region_bounds(e, regno, off, size, reg_map(e, cur_reg(e, regno))->key_size, false);
	if (!err && val >= 0)
		mark_unknown(e, (u32)val);
	return err;
}

/* struct bpf_map as the kernel shows it to programs is not there. */
static int access_packet(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	int err;

	if (write && !may_access_packet(e, true, NULL))
		return bad(e, -EACCES, "cannot write into packet");
	err = check_packet(e, regno, off, size, false);
	if (!err && !write && val >= 0)
		mark_unknown(e, (u32)val);
	return err;
}

static int access_flow_keys(struct env *e, u32 regno, s32 off, u32 size, bool write, s32 val)
{
	if (off < 0 || (u64)off + size > 56 /* struct bpf_flow_keys */) {
		vlog(e->log, "invalid access to flow keys off=%d size=%u\n", off, size);
		return -EACCES;
	}
	if (!write && val >= 0)
		mark_unknown(e, (u32)val);
	return 0;
}

const char *mem_text(struct env *e, const struct reg *r)
{
	if (r->flags & PTR_MAYBE_NULL)
		return "";
	switch (r->type) {
	case PTR_TO_FLOW_KEYS: return "flow keys ";
	case PTR_TO_MAP_KEY: return "key ";
	case PTR_TO_MAP_VALUE: return "value ";
	case PTR_TO_CTX: return "context ";
	case PTR_TO_STACK: return "stack ";
	case PTR_TO_SOCKET: return "sock ";
	case PTR_TO_SOCK_COMMON: return "sock_common ";
	case PTR_TO_TCP_SOCK: return "tcp_sock ";
	default: return "";
	}
}

static int check_aligned(struct env *e, const struct reg *r, s32 off, u32 size, bool strict_once)
{
	bool strict = e->strict || strict_once;
	struct tnum at;

	if (is_packet(r)) {
		s64 ip = 2; /* as if the packet began at an address that makes IP headers aligned */

		if (!strict || size == 1)
			return 0;
		at = tnum_add(r->n.var, tnum_const((u64)(ip + r->off + off)));
		if (tnum_aligned(at, size))
			return 0;
		vlog(e->log, "misaligned packet access off %ld+", ip);
		say_tnum(e, r->n.var);
		vlog(e->log, "+%d+%d size %u\n", r->off, off, size);
		return -EACCES;
	}
	if (r->type == PTR_TO_STACK)
		strict = true;
	if (!strict || size == 1)
		return 0;
	at = tnum_add(r->n.var, tnum_const((u64)(s64)(r->off + off)));
	if (tnum_aligned(at, size))
		return 0;
	vlog(e->log, "misaligned %saccess off ", mem_text(e, r));
	say_tnum(e, r->n.var);
	vlog(e->log, "+%d+%d size %u\n", r->off, off, size);
	return -EACCES;
}

/* The kernel's struct bpf_map is not there to be read; what it would say of writing is known. */
static int access_map_ptr(struct env *e, u32 regno, bool write)
{
	static const char *const structs[] = {
		[BPF_MAP_TYPE_HASH] = "bpf_htab",
		[BPF_MAP_TYPE_PERCPU_HASH] = "bpf_htab",
		[BPF_MAP_TYPE_LRU_HASH] = "bpf_htab",
		[BPF_MAP_TYPE_LRU_PERCPU_HASH] = "bpf_htab",
		[BPF_MAP_TYPE_HASH_OF_MAPS] = "bpf_htab",
		[BPF_MAP_TYPE_ARRAY] = "bpf_array",
		[BPF_MAP_TYPE_PERCPU_ARRAY] = "bpf_array",
		[BPF_MAP_TYPE_PROG_ARRAY] = "bpf_array",
		[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = "bpf_array",
		[BPF_MAP_TYPE_CGROUP_ARRAY] = "bpf_array",
		[BPF_MAP_TYPE_ARRAY_OF_MAPS] = "bpf_array",
		[BPF_MAP_TYPE_LPM_TRIE] = "lpm_trie",
		[BPF_MAP_TYPE_QUEUE] = "bpf_queue_stack",
		[BPF_MAP_TYPE_STACK] = "bpf_queue_stack",
		[BPF_MAP_TYPE_RINGBUF] = "bpf_ringbuf_map",
		[BPF_MAP_TYPE_BLOOM_FILTER] = "bpf_bloom_filter",
		[BPF_MAP_TYPE_STACK_TRACE] = "bpf_stack_map",
	};
	const struct reg *r = cur_reg(e, regno);
	u32 type = reg_map(e, r)->map_type;

	if (write && type < ARRAY_SIZE(structs) && structs[type])
		vlog(e->log, "only read from %s is supported\n", structs[type]);
	else
		vlog(e->log, "R%u invalid mem access '%s'\n", regno, reg_text(e, r));
	return -EACCES;
}

/* off is the instruction's; val: register that is stored or loaded, -1: none. */
static int dispatch(struct env *e, u32 insn, u32 regno, s32 off, u32 size, bool write, s32 val, bool sx)
{
	struct reg *r = cur_reg(e, regno);
	u8 type = r->flags & PTR_MAYBE_NULL ? NOT_INIT : r->type;

	off += r->off;
	switch (type) {
	case PTR_TO_MAP_KEY: return access_key(e, regno, off, size, write, val);
	case PTR_TO_MAP_VALUE: return access_map(e, regno, off, size, write, val, sx);
	case PTR_TO_MEM: return access_mem(e, regno, off, size, write, val);
	case PTR_TO_CTX: return check_ctx(e, insn, regno, off, size, write, val);
	case PTR_TO_STACK:
		return write ? stack_write(e, regno, off, size, val) : stack_read(e, regno, off, size, val);
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META: return access_packet(e, regno, off, size, write, val);
	case CONST_PTR_TO_MAP: return access_map_ptr(e, regno, write);
	case PTR_TO_FLOW_KEYS: return access_flow_keys(e, regno, off, size, write, val);
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK: return access_sock(e, regno, off, size, write, val);
	case PTR_TO_BTF_ID: return access_btf(e, regno, off, size, write, val);
	case PTR_TO_UNTRUSTED_MEM: return access_untrusted(e, regno, write, val);
	case PTR_TO_BUF: return access_buf(e, regno, off, size, write, val);
	default: vlog(e->log, "R%u invalid mem access '%s'\n", regno, reg_text(e, r)); return -EACCES;
	}
}

int check_mem(struct env *e, u32 insn, u32 regno, s32 off, u32 size, bool write, s32 val, bool strict,
	      bool sx)
{
	u8 type = cur_reg(e, regno)->type;
	bool was_scalar_load;
	int err = check_aligned(e, cur_reg(e, regno), off, size, strict);

	if (!err)
		err = dispatch(e, insn, regno, off, size, write, val, sx);
	if (err || write || val < 0)
		return err;
	was_scalar_load = is_scalar(cur_reg(e, (u32)val));
	if (!was_scalar_load || size >= 8)
		return 0;
	/* What a fill or a constant brought is as wide already, or cut by itself. */
	if (sx && (type != PTR_TO_MAP_VALUE || !tnum_is_const(cur_reg(e, (u32)val)->n.var)))
		scalar_sext(&cur_reg(e, (u32)val)->n, (u8)size, false);
	else if (!sx)
		scalar_zext(&cur_reg(e, (u32)val)->n, (u8)size);
	return 0;
}

static bool is_guarded(u8 type)
{
	return type == PTR_TO_BTF_ID || type == PTR_TO_UNTRUSTED_MEM;
}

/* An instruction is rewritten by the kind of its pointer, so the kind must be the same on every path. */
static int same_kind(struct env *e, u8 type)
{
	struct insn_aux *a = &e->aux[e->insn];
	bool special = type == PTR_TO_CTX || is_guarded(type) || is_sock(&(struct reg){ .type = type });
	bool was = a->ptr == PTR_TO_CTX || is_guarded(a->ptr) || is_sock(&(struct reg){ .type = a->ptr });

	/* Loads of kernel memory are the same, whatever is known of it. */
	if (is_guarded(type) && is_guarded(a->ptr))
		return 0;
	if (!a->ptr || a->ptr == type || (!special && !was)) {
		a->ptr = type;
		return 0;
	}
	return bad(e, -EINVAL, "same insn cannot be used with different pointers");
}

int do_load(struct env *e, const struct bpf_insn *i)
{
	bool sx = BPF_MODE(i->code) == 0x80;
	u8 type;
	int err = reg_readable(e, i->src_reg);

	if (!err)
		err = reg_writable(e, i->dst_reg);
	if (err)
		return err;
	type = cur_reg(e, i->src_reg)->type;
	err = check_mem(e, e->insn, i->src_reg, i->off, size_of(i->code), false, i->dst_reg, false, sx);
	return err ? err : same_kind(e, type);
}

int do_store(struct env *e, const struct bpf_insn *i)
{
	bool x = BPF_CLASS(i->code) == BPF_STX;
	u8 type;
	int err = x ? reg_readable(e, i->src_reg) : 0;

	if (!err)
		err = reg_readable(e, i->dst_reg);
	if (err)
		return err;
	type = cur_reg(e, i->dst_reg)->type;
	err = check_mem(e, e->insn, i->dst_reg, i->off, size_of(i->code), true, x ? i->src_reg : -1, false,
			false);
	return err ? err : same_kind(e, type);
}

static int atomic_target(struct env *e, u32 regno)
{
	const struct reg *r = cur_reg(e, regno);

	if (r->type != PTR_TO_CTX && !is_packet(r) && r->type != PTR_TO_FLOW_KEYS && !is_sock(r))
		return 0;
	vlog(e->log, "BPF_ATOMIC stores into R%u %s is not allowed\n", regno, reg_text(e, r));
	return -EACCES;
}

/* Load-acquire and store-release: a load and a store of the same kinds of memory. */
static int ordered(struct env *e, const struct bpf_insn *i, bool load)
{
	u32 size = size_of(i->code), ptr = load ? i->src_reg : i->dst_reg;
	u8 type;
	int err = reg_readable(e, i->src_reg);

	if (!err)
		err = load ? reg_writable(e, i->dst_reg) : reg_readable(e, i->dst_reg);
	if (!err)
		err = atomic_target(e, ptr);
	if (err)
		return err;
	type = cur_reg(e, ptr)->type;
	err = check_mem(e, e->insn, ptr, i->off, size, !load, load ? i->dst_reg : i->src_reg, true, false);
	return err ? err : same_kind(e, type);
}

/* Read, compute and write: the old value goes into a register if BPF_FETCH says so. */
static int rmw(struct env *e, const struct bpf_insn *i)
{
	u32 size = size_of(i->code);
	bool fetch = i->imm & BPF_FETCH, cmp = i->imm == BPF_CMPXCHG;
	s32 load = fetch ? (cmp ? 0 : i->src_reg) : -1;
	u8 type;
	int err = reg_readable(e, i->src_reg);

	if (!err)
		err = reg_readable(e, i->dst_reg);
	if (!err && cmp)
		err = reg_readable(e, 0);
	if (!err)
		err = atomic_target(e, i->dst_reg);
	if (!err && load >= 0)
		err = reg_writable(e, (u32)load);
	if (err)
		return err;
	/* A pointer that is replaced by what it points to is none any more. */
	if (load >= 0)
		mark_unknown(e, (u32)load);
	type = cur_reg(e, i->dst_reg)->type;
	/* First as a read, which must be of initialized memory, then as a write of something unknown. */
	err = check_mem(e, e->insn, i->dst_reg, i->off, size, false, -1, true, false);
	if (!err && load >= 0)
		err = check_mem(e, e->insn, i->dst_reg, i->off, size, false, load, true, false);
	if (!err)
		err = check_mem(e, e->insn, i->dst_reg, i->off, size, true, -1, true, false);
	return err ? err : same_kind(e, type);
}

int do_atomic(struct env *e, const struct bpf_insn *i)
{
	if (i->imm == 0x100)
		return ordered(e, i, true);
	if (i->imm == 0x110)
		return ordered(e, i, false);
	return rmw(e, i);
}
