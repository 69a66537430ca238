// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_GET_INFO_BY_FD of a program.
 *
 * Of each pair (number, pointer) the number goes in as room and comes out as
 * the full count; what fits is copied, and nothing is looked at where there is
 * nothing to copy. Someone without privilege is told no instructions.
 */
#include <string.h>
#include "prog/prog.h"
#include "sys/cmds.h"

/* Copies what fits of n things of that size; *room becomes n. */
static int put_array(struct cmd_ctx *x, u64 to, u32 *room, const void *from, u32 n, u32 size)
{
	u32 fits = MIN(*room, n);

	*room = n;
	return caller_out(x->c, to, from, (size_t)fits * size);
}

static void fill(struct bpf_prog_info_new *i, const struct prog_hdr *h, u32 id)
{
	i->type = h->o.kind;
	i->id = id;
	memcpy(i->tag, h->tag, sizeof(i->tag));
	i->load_time = h->o.created;
	i->created_by_uid = h->o.uid;
	memcpy(i->name, h->o.name, sizeof(i->name));
	i->name[sizeof(i->name) - 1] = 0;
	i->gpl_compatible = h->gpl & 1;
	i->ifindex = 0;
	i->netns_dev = i->netns_ino = 0;
	i->btf_id = h->btf_id;
	i->func_info_rec_size = sizeof(struct bpf_func_info);
	i->line_info_rec_size = sizeof(struct bpf_line_info);
	i->jited_line_info_rec_size = sizeof(u64);
	i->nr_func_info = i->nr_line_info = i->nr_jited_line_info = 0;
	i->nr_jited_ksyms = i->nr_jited_func_lens = 1;
	i->run_time_ns = i->run_cnt = i->recursion_misses = 0;
	i->verified_insns = h->verified_insns;
	i->attach_btf_obj_id = i->attach_btf_id = 0;
	i->jited_prog_len = 0;
}

/* The parts of variable size. insns: as many as the file really has. */
static int put_parts(struct cmd_ctx *x, struct bpf_prog_info_new *i, const struct prog_hdr *h,
		     const struct bpf_insn *insns, u32 cnt)
{
	u32 maps = MIN(h->nr_maps, PROG_MAPS_MAX);
	int err = put_array(x, i->map_ids, &i->nr_map_ids, h->map_ids, maps, sizeof(u32));

	if (!err)
		err = put_array(x, i->prog_tags, &i->nr_prog_tags, h->tag, 1, sizeof(h->tag));
	if (err)
		return err;
	if (!x->c->ops->privileged(x->c)) {
		i->xlated_prog_len = 0;
		return 0;
	}
	return put_array(x, i->xlated_prog_insns, &i->xlated_prog_len, insns, cnt * (u32)sizeof(*insns), 1);
}

long prog_info(struct cmd_ctx *x, struct bpf_file *f)
{
	const struct opened *o = handle_open(f->h);
	struct bpf_prog_info_new info;
	struct prog_hdr h;
	u32 len, cnt;
	int err;

	if (IS_ERR(o))
		return PTR_ERR(o);
	err = cmd_info_begin(x, &info, sizeof(info), &len);
	if (err)
		return err;
	h = *(const struct prog_hdr *)o->view.hdr;
	cnt = (u32)MIN((u64)h.insn_cnt, o->view.data_size / sizeof(struct bpf_insn));
	fill(&info, &h, f->h->id);
	err = put_parts(x, &info, &h, (const struct bpf_insn *)o->view.data, cnt);
	return err ? err : cmd_info_end(x, &info, len);
}
