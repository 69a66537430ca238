// SPDX-License-Identifier: BSD-2-Clause
/*
 * ld_imm64: which map an instruction names, and where into it.
 *
 * Each map is taken once, however often it is named. In the instructions the
 * fd gives way to the map's id, which is what a dump shows.
 */
#include "prog/verifier.h"

#define OFF_MAX (1u << 29)

static int take_map(struct verifier *v, s32 fd, u32 *index)
{
	struct prog_map m;
	int err = v->map_by_fd(v->arg, fd, &m);

	if (err) {
		vlog(v->log, "fd %d is not pointing to valid bpf_map\n", fd);
		return err;
	}
	for (*index = 0; *index < v->nr_maps; ++*index)
		if (v->maps[*index].id == m.id)
			return 0;
	if (v->nr_maps == PROG_MAPS_MAX) {
		vlog(v->log, "The total number of maps per program has reached the limit of %u\n",
		     PROG_MAPS_MAX);
		return -E2BIG;
	}
	v->maps[v->nr_maps++] = m;
	return 0;
}

static int by_index(struct verifier *v, u32 idx, s32 *fd)
{
	int err = v->fd_by_index(v->arg, idx, fd);

	if (err == -EPROTO)
		vlog(v->log, "fd_idx without fd_array is invalid\n");
	return err;
}

static int check_value(struct verifier *v, const struct prog_map *m, u32 off)
{
	if (!m->direct_value) {
		vlog(v->log, "no direct value access support for this map type\n");
		return -EINVAL;
	}
	if (off >= OFF_MAX) {
		vlog(v->log, "direct value offset of %u is not allowed\n", off);
		return -EINVAL;
	}
	if (m->max_entries == 1 && off < m->value_size)
		return 0;
	vlog(v->log, "invalid access to map value pointer, value_size=%u off=%u\n", m->value_size, off);
	return m->max_entries == 1 ? -EINVAL : -ENOTSUPP;
}

static int check_map(struct verifier *v, u32 at)
{
	struct bpf_insn *i = &v->insns[at];
	bool value = i->src_reg == BPF_PSEUDO_MAP_VALUE || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
	s32 fd = i[0].imm;
	u32 index;
	int err = 0;

	if (!value && i[1].imm) {
		vlog(v->log, "unrecognized bpf_ld_imm64 insn\n");
		return -EINVAL;
	}
	if (i->src_reg == BPF_PSEUDO_MAP_IDX || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
		err = by_index(v, (u32)i->imm, &fd);
	if (!err)
		err = take_map(v, fd, &index);
	if (!err && value)
		err = check_value(v, &v->maps[index], (u32)i[1].imm);
	if (err)
		return err;
	v->map_of[at] = index;
	i[0].src_reg = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
	i[0].imm = (s32)v->maps[index].id;
	return 0;
}

/* Both halves of a ld_imm64 that are no map: 0, or an errno. */
static int check_other(struct verifier *v, const struct bpf_insn *i)
{
	switch (i->src_reg) {
	case 0: return 0;
	case BPF_PSEUDO_BTF_ID:
	case BPF_PSEUDO_FUNC:
		vlog(v->log, "ld_imm64 of kernel variables and functions is not supported yet\n");
		break;
	default: vlog(v->log, "unrecognized bpf_ld_imm64 insn\n");
	}
	return -EINVAL;
}

static bool second_half_ok(const struct verifier *v, u32 at)
{
	const struct bpf_insn *i = &v->insns[at];

	return at + 1 < v->cnt && !i[1].code && !i[1].dst_reg && !i[1].src_reg && !i[1].off && !i[0].off;
}

int verify_maps(struct verifier *v)
{
	for (u32 at = 0; at < v->cnt; at++) {
		const struct bpf_insn *i = &v->insns[at];
		int err = 0;

		v->map_of[at] = ~0u;
		if (BPF_CLASS(i->code) == BPF_LDX &&
		    ((BPF_MODE(i->code) != BPF_MEM && BPF_MODE(i->code) != 0x80) || i->imm)) {
			vlog(v->log, "BPF_LDX uses reserved fields\n");
			return -EINVAL;
		}
		if (i->code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (!second_half_ok(v, at)) {
			vlog(v->log, "invalid bpf_ld_imm64 insn\n");
			return -EINVAL;
		}
		if (i->src_reg == BPF_PSEUDO_MAP_FD || i->src_reg == BPF_PSEUDO_MAP_VALUE ||
		    i->src_reg == BPF_PSEUDO_MAP_IDX || i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
			err = check_map(v, at);
		else
			err = check_other(v, i);
		if (err)
			return err;
		v->map_of[++at] = ~0u;
	}
	return 0;
}
