// SPDX-License-Identifier: BSD-2-Clause
/*
 * ld_imm64: which map an instruction names, and where into it; and opcodes that are none.
 *
 * Each map is taken once, however often it is named. In the instructions the
 * fd gives way to the map's index, and the loads become those of the movable
 * form (isa/vprog.h).
 */
#include "isa/insn_valid.h"
#include "verifier/env.h"

#define DIRECT_OFF_MAX (1u << 29)

#define T(type) (1ull << BPF_MAP_TYPE_##type)

/* What a map's contents demand of a program, and sleeping of its maps. */
static int map_allowed(struct env *e, const struct verifier_map *m)
{
	static const u64 for_sleepers = T(HASH) | T(LRU_HASH) | T(ARRAY) | T(PERCPU_HASH) | T(PERCPU_ARRAY) |
					T(LRU_PERCPU_HASH) | T(ARRAY_OF_MAPS) | T(HASH_OF_MAPS) | T(RINGBUF) |
					T(USER_RINGBUF) | T(INODE_STORAGE) | T(SK_STORAGE) | T(TASK_STORAGE) |
					1ull << BPF_MAP_TYPE_CGRP_STORAGE | T(QUEUE) | T(STACK) |
					1ull << BPF_MAP_TYPE_ARENA;
	u32 type = e->req->prog_type;
	bool tracing = type == BPF_PROG_TYPE_KPROBE || type == BPF_PROG_TYPE_TRACEPOINT ||
		       type == BPF_PROG_TYPE_PERF_EVENT || type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
		       type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;

	/* The words of a kernel that cannot either. */
	if (m->map_type == BPF_MAP_TYPE_ARENA)
		return bad(e, -EOPNOTSUPP, "JIT is required to use arena");
	if (m->spin_lock_off >= 0 && type == BPF_PROG_TYPE_SOCKET_FILTER)
		return bad(e, -EINVAL, "socket filter progs cannot use bpf_spin_lock yet");
	if (m->spin_lock_off >= 0 && tracing)
		return bad(e, -EINVAL, "tracing progs cannot use bpf_spin_lock yet");
	if (m->timer_off >= 0 && tracing)
		return bad(e, -EINVAL, "tracing progs cannot use bpf_timer yet");
	if (e->req->flags & BPF_F_SLEEPABLE && !(m->map_type < 64 && for_sleepers >> m->map_type & 1))
		return bad(e, -EINVAL,
			   "Sleepable programs can only use array, hash, ringbuf and local storage maps");
	return 0;
}

static int take_map(struct env *e, s32 fd, u32 *index)
{
	struct verify_result *res = e->res;
	struct verifier_map m;
	int err;

	memset(&m, 0, sizeof(m));
	err = e->req->map_get(e->req->arg, fd, &m);
	if (err) {
		vlog(e->log, "fd %d is not pointing to valid bpf_map\n", fd);
		return err;
	}
	for (*index = 0; *index < res->nr_maps; ++*index)
		if (res->maps[*index].id == m.id)
			return 0;
	if (res->nr_maps == VERIFIER_MAPS_MAX) {
		vlog(e->log, "The total number of maps per program has reached the limit of %u\n",
		     VERIFIER_MAPS_MAX);
		return -E2BIG;
	}
	err = map_allowed(e, &m);
	if (!err)
		res->maps[res->nr_maps++] = m;
	return err;
}

static int by_index(struct env *e, u32 idx, s32 *fd)
{
	int err = e->req->fd_by_index ? e->req->fd_by_index(e->req->arg, idx, fd) : -EPROTO;

	if (err == -EPROTO)
		vlog(e->log, "fd_idx without fd_array is invalid\n");
	return err;
}

static int check_value(struct env *e, const struct verifier_map *m, u32 off)
{
	if (!m->direct_value)
		return bad(e, -EINVAL, "no direct value access support for this map type");
	if (off >= DIRECT_OFF_MAX) {
		vlog(e->log, "direct value offset of %u is not allowed\n", off);
		return -EINVAL;
	}
	if (m->max_entries == 1 && off < m->value_size)
		return 0;
	vlog(e->log, "invalid access to map value pointer, value_size=%u off=%u\n", m->value_size, off);
	return m->max_entries == 1 ? -EINVAL : -ENOTSUPP;
}

static int resolve(struct env *e, u32 at)
{
	struct bpf_insn *i = &e->insns[at];
	bool value = i->src_reg == BPF_PSEUDO_MAP_VALUE || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	s32 fd = i[0].imm;
	u32 index;
	int err = 0;

	if (!value && i[1].imm)
		return bad(e, -EINVAL, "unrecognized bpf_ld_imm64 insn");
	if (i->src_reg == BPF_PSEUDO_MAP_IDX || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
		err = by_index(e, (u32)i->imm, &fd);
	if (!err)
		err = take_map(e, fd, &index);
	if (!err && value)
		err = check_value(e, &e->res->maps[index], (u32)i[1].imm);
	if (err)
		return err;
	e->aux[at].map = index;
	i[0].src_reg = value ? BPF_PSEUDO_MAP_IDX_VALUE : BPF_PSEUDO_MAP_IDX;
	i[0].imm = (s32)index;
	return 0;
}

/* The address of a variable of the kernel, by its BTF: none is to be had here, but there are several reasons.
 */
static int refuse_kernel_var(struct env *e, const struct bpf_insn *i)
{
	char name[VERIFIER_NAME_MAX];
	bool found = true;
	int err = -EINVAL;

	if (e->req->kernel_var)
		err = e->req->kernel_var(e->req->arg, i[1].imm, (u32)i->imm, name, &found);
	if (err == -EBADF)
		return bad(e, -EINVAL, "invalid module BTF object FD specified.");
	if (err == -ENOENT) {
		vlog(e->log, "ldimm64 insn specifies invalid btf_id %d.\n", i->imm);
		return err;
	}
	if (!found) {
		vlog(e->log, "ldimm64 failed to find the address for kernel symbol '%s'.\n", name);
		return -ENOENT;
	}
	if (err && err != -EINVAL)
		return err;
	vlog(e->log,
	     err ? "pseudo btf_id %d in ldimm64 isn't KIND_VAR or KIND_FUNC\n"
		 : "variable %d of the kernel's cannot be had here\n",
	     i->imm);
	return -EINVAL;
}

static int check_ld64(struct env *e, u32 at)
{
	const struct bpf_insn *i = &e->insns[at];

	if (at + 1 >= e->cnt || i[1].code || i[1].dst_reg || i[1].src_reg || i[1].off)
		return bad(e, -EINVAL, "invalid bpf_ld_imm64 insn");
	switch (i->src_reg) {
	case 0: return 0;
	case BPF_PSEUDO_FUNC: return 0;
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX:
	case BPF_PSEUDO_MAP_IDX_VALUE: return resolve(e, at);
	case BPF_PSEUDO_BTF_ID: return refuse_kernel_var(e, i);
	default: return bad(e, -EINVAL, "unrecognized bpf_ld_imm64 insn");
	}
}

int maps_resolve(struct env *e)
{
	for (u32 at = 0; at < e->cnt; at++) {
		const struct bpf_insn *i = &e->insns[at];
		u8 mode = BPF_MODE(i->code);
		int err;

		if (BPF_CLASS(i->code) == BPF_LDX && ((mode != BPF_MEM && mode != 0x80) || i->imm))
			return bad(e, -EINVAL, "BPF_LDX uses reserved fields");
		if (insn_is_ld64(i)) {
			err = check_ld64(e, at++);
			if (err)
				return err;
			continue;
		}
		if (!insn_known(i->code)) {
			vlog(e->log, "unknown opcode %x%x\n", i->code >> 4, i->code & 15);
			return -EINVAL;
		}
	}
	return 0;
}
