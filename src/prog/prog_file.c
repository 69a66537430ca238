// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a program's file: see prog.h for its sections.
 *
 * Nothing here is trusted beyond its size: numbers are bounded where they are
 * used, and what is read serves to be shown.
 */
#include "prog/prog.h"
#include <string.h>

int prog_file_open(struct prog_file *f, const struct obj_view *v)
{
	const struct prog_hdr *h = &f->h;
	const u8 *at = v->data;
	u64 need;

	memcpy(&f->h, v->hdr, sizeof(f->h));
	f->shared = (struct prog_hdr *)v->hdr;
	if (!h->insn_cnt || h->insn_cnt > PROG_INSNS_MAX || h->nr_func > BPF_SUBPROGS_MAX ||
	    h->nr_line > h->insn_cnt || !h->xlated_cnt || h->xlated_cnt > PROG_XLATED_MAX || !h->nr_subs ||
	    h->nr_subs > BPF_SUBPROGS_MAX)
		return -EIO;
	need = (u64)h->insn_cnt * sizeof(*f->insns) + h->nr_func * sizeof(*f->func_info) +
	       (u64)h->nr_line * sizeof(*f->line_info) +
	       (u64)h->xlated_cnt * (sizeof(*f->xlated) + sizeof(u32)) + h->nr_subs * sizeof(*f->subs);
	if (need > v->data_size)
		return -EIO;
	f->insns = (const struct bpf_insn *)at;
	f->func_info = (const struct bpf_func_info *)(f->insns + h->insn_cnt);
	f->line_info = (const struct bpf_line_info *)(f->func_info + h->nr_func);
	f->xlated = (const struct bpf_insn *)(f->line_info + h->nr_line);
	f->subs = (const struct vprog_sub *)(f->xlated + h->xlated_cnt);
	f->orig = (const u32 *)(f->subs + h->nr_subs);
	for (f->nr_maps = 0; f->nr_maps < PROG_MAPS_MAX && h->map_ids[f->nr_maps]; f->nr_maps++)
		;
	return 0;
}

u32 prog_file_xlated_at(const struct prog_file *f, u32 insn)
{
	u32 lo = 0, hi = f->h.xlated_cnt;

	/* orig only grows. */
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (f->orig[mid] < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

u32 prog_file_lines(const struct prog_file *f, struct bpf_line_info *to, u32 room)
{
	u32 n = 0;

	for (u32 i = 0; i < f->h.nr_line; i++) {
		struct bpf_line_info l = f->line_info[i];
		u32 end = i + 1 < f->h.nr_line ? f->line_info[i + 1].insn_off : f->h.insn_cnt;

		l.insn_off = prog_file_xlated_at(f, l.insn_off);
		if (l.insn_off >= f->h.xlated_cnt || f->orig[l.insn_off] >= end)
			continue;
		if (n < room)
			to[n] = l;
		n++;
	}
	return n;
}

/* The subprogram that begins there, as a number; 0 when none does. */
static u32 sub_at(const struct prog_file *f, u32 insn)
{
	u32 lo = 0, hi = f->h.nr_subs;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (f->subs[mid].start < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->h.nr_subs && f->subs[lo].start == insn ? lo : 0;
}

static u32 map_id_at(const struct prog_file *f, s32 index)
{
	return (u32)index < f->nr_maps ? f->h.map_ids[index] : 0;
}

/* The address of a subprogram: the kernel tells its distance, and its number in the second half. */
static void show_func(const struct prog_file *f, u32 at, struct bpf_insn *to, bool second)
{
	u32 sub = (u32)f->xlated[second ? at - 1 : at].imm;

	if (second)
		to->imm = (s32)sub;
	else
		to->imm = sub < f->h.nr_subs ? (s32)(f->subs[sub].start - at - 1) : 0;
}

void prog_file_insn(const struct prog_file *f, u32 at, struct bpf_insn *to)
{
	const struct bpf_insn *prev = at ? &f->xlated[at - 1] : NULL;

	*to = f->xlated[at];
	if (!to->code && prev && prev->code == (BPF_LD | BPF_IMM | BPF_DW)) {
		if (prev->src_reg == BPF_PSEUDO_MAP_IDX)
			to->imm = 0;
		else if (prev->src_reg == BPF_PSEUDO_FUNC)
			show_func(f, at, to, true);
		return;
	}
	switch (to->code) {
	case BPF_LD | BPF_IMM | BPF_DW:
		if (to->src_reg == BPF_PSEUDO_MAP_IDX || to->src_reg == BPF_PSEUDO_MAP_IDX_VALUE) {
			to->imm = (s32)map_id_at(f, to->imm);
			to->src_reg = to->src_reg == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD
									: BPF_PSEUDO_MAP_VALUE;
		} else if (to->src_reg == BPF_PSEUDO_FUNC) {
			show_func(f, at, to, false);
		}
		break;
	case BPF_JMP | BPF_CALL:
		if (to->src_reg == BPF_PSEUDO_CALL) {
			u32 target = at + 1 + (u32)to->imm;

			to->off = (s16)to->imm;
			to->imm = (s32)sub_at(f, target);
		}
		break;
	case BPF_JMP | BPF_TAIL_CALL:
		to->code = BPF_JMP | BPF_CALL;
		to->imm = BPF_FUNC_tail_call;
		break;
	default:
		if (BPF_CLASS(to->code) == BPF_LDX && BPF_MODE(to->code) == BPF_PROBE_MEM)
			to->code = BPF_LDX | BPF_MEM | BPF_SIZE(to->code);
		else if (BPF_CLASS(to->code) == BPF_LDX && BPF_MODE(to->code) == BPF_PROBE_MEMSX)
			to->code = BPF_LDX | 0x80 /* BPF_MEMSX */ | BPF_SIZE(to->code);
	}
}
