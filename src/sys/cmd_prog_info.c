// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_GET_INFO_BY_FD of a program.
 *
 * Of each pair (number, pointer) the number goes in as room and comes out as
 * the full count; what fits is copied, and nothing is looked at where there is
 * nothing to copy. Someone without privilege is told no instructions and
 * nothing that belongs to them.
 *
 * All is read from the program's file (prog/prog.h), which others may have
 * written: it is shown, not believed. Machine code is a process's own; that of
 * an image made for the purpose is shown, from the same file. It never runs.
 * Who asks for a program asks for lengths first and then for what they are of: so
 * the last image is kept. Its place is taken and given back by a swap of its
 * state; who finds it taken makes an image of his own, and one that is never
 * given back (a jump out of a handler) costs later ones that only.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_obj.h"
#include "exec/exec.h"
#include "prog/prog.h"
#include "sys/cmds.h"
#include "util/raw.h"

#define PIECE 256u /* records that are made at a time */

enum kept_state { KEPT_NONE, KEPT_ONE, KEPT_TAKEN };

static struct {
	_Atomic u32 state;
	u32 id;
	u64 ino;
	struct image im;
} kept;

struct telling {
	struct cmd_ctx *x;
	struct bpf_prog_info_new *i;
	struct prog_file f;
	struct image im; /* for show */
	u64 ino;
	const struct obj_view *view;
	struct bpf_line_info *lines; /* made once */
	size_t lines_size;
	u32 nr_lines;
};

/* Copies what fits of n things of that size; *room becomes n. */
static int put_array(struct telling *t, u64 to, u32 *room, const void *from, u32 n, u32 size)
{
	u32 fits = MIN(*room, n);

	*room = n;
	return caller_out_last(t->x->c, to, from, (size_t)fits * size);
}

/* The same for things that are made one by one. */
static int put_made(struct telling *t, u64 to, u32 *room, u32 n, u32 size,
		    void (*make)(const struct telling *t, u32 at, void *thing))
{
	u8 buf[PIECE * sizeof(struct bpf_insn)] __attribute__((aligned(8)));
	u32 fits = MIN(*room, n);
	int err = 0;

	*room = n;
	for (u32 at = 0; !err && at < fits; at += PIECE) {
		u32 some = MIN(PIECE, fits - at);

		for (u32 k = 0; k < some; k++)
			make(t, at + k, buf + (size_t)k * size);
		err = caller_out_last(t->x->c, to + (u64)at * size, buf, (size_t)some * size);
	}
	return err;
}

static void make_insn(const struct telling *t, u32 at, void *thing)
{
	prog_file_insn(&t->f, at, thing);
}

static void make_func(const struct telling *t, u32 at, void *thing)
{
	struct bpf_func_info *r = thing;

	*r = t->f.func_info[at];
	r->insn_off = at < t->f.h.nr_subs ? t->f.subs[at].start : prog_file_xlated_at(&t->f, r->insn_off);
}

static u64 code_at(const struct telling *t, u32 off)
{
	return ptr_to_u64(t->im.code) + off;
}

static void make_ksym(const struct telling *t, u32 at, void *thing)
{
	*(u64 *)thing = code_at(t, t->im.sub_off[at]);
}

static void make_func_len(const struct telling *t, u32 at, void *thing)
{
	*(u32 *)thing = t->im.sub_off[at + 1] - t->im.sub_off[at];
}

static void make_jited_line(const struct telling *t, u32 at, void *thing)
{
	u32 insn = t->lines[at].insn_off, off = t->im.code_off[insn];

	/* A function begins before what its first instruction became. */
	for (u32 s = 0; s < t->im.nr_subs; s++)
		if (t->im.sub[s].start == insn)
			off = t->im.sub_off[s];
	*(u64 *)thing = code_at(t, off);
}

/* Each subprogram has a tag in the kernel; here all have the program's. */
static void make_tag(const struct telling *t, u32 at, void *thing)
{
	memcpy(thing, t->f.h.tag, sizeof(t->f.h.tag));
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
	i->run_time_ns = h->run_time_ns;
	i->run_cnt = h->run_cnt;
	i->recursion_misses = 0;
	i->verified_insns = h->verified_insns;
	i->attach_btf_obj_id = h->attach_btf_id ? BTF_ID_VMLINUX : 0;
	i->attach_btf_id = h->attach_btf_id;
}

/* Nothing that shows instructions; how many things there would be is not told either. */
static void hide_code(struct bpf_prog_info_new *i)
{
	i->jited_prog_len = i->xlated_prog_len = 0;
	i->nr_jited_ksyms = i->nr_jited_func_lens = 0;
	i->nr_func_info = i->nr_line_info = i->nr_jited_line_info = 0;
}

/* Copies of what the image is made of: the file may change meanwhile. */
static int copy_vprog(const struct prog_file *f, struct vprog *p, void **mem, size_t *size)
{
	size_t n = (size_t)f->h.xlated_cnt * sizeof(*p->insns);

	*size = n + (size_t)f->h.xlated_cnt * sizeof(*p->orig);
	*mem = raw_mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(*mem))
		return -ENOMEM;
	p->insns = *mem;
	p->orig = (u32 *)((u8 *)*mem + n);
	p->cnt = f->h.xlated_cnt;
	p->nr_subs = f->h.nr_subs;
	memcpy(p->insns, f->xlated, n);
	memcpy(p->orig, f->orig, (size_t)p->cnt * sizeof(*p->orig));
	memcpy(p->sub, f->subs, p->nr_subs * sizeof(*p->sub));
	return 0;
}

/* The JIT's work on the file's xlated, where there is one; without, the program counts as interpreted. */
static void make_image(struct telling *t)
{
	static u64 somewhere[8];
	struct bpf_map *maps[PROG_MAPS_MAX];
	void *values[PROG_MAPS_MAX], *mem;
	struct vprog p;
	size_t size;

	for (u32 i = 0; i < PROG_MAPS_MAX; i++) {
		maps[i] = (struct bpf_map *)somewhere;
		values[i] = somewhere;
	}
	if (!jit_available() || copy_vprog(&t->f, &p, &mem, &size))
		return;
	if (image_make(&t->im, &p, maps, values, t->f.nr_maps, true))
		memset(&t->im, 0, sizeof(t->im));
	raw_munmap(mem, size);
}

static bool kept_swap(u32 from, u32 to)
{
	return atomic_compare_exchange_strong(&kept.state, &from, to);
}

static bool take_kept(struct telling *t)
{
	bool mine;

	if (!kept_swap(KEPT_ONE, KEPT_TAKEN))
		return false;
	mine = kept.id == t->f.h.o.id && kept.ino == t->ino;
	if (mine)
		t->im = kept.im;
	atomic_store(&kept.state, mine ? KEPT_NONE : KEPT_ONE);
	return mine;
}

static void keep(struct telling *t)
{
	struct image old = { 0 };

	if (kept_swap(KEPT_ONE, KEPT_TAKEN)) {
		old = kept.im;
	} else if (!kept_swap(KEPT_NONE, KEPT_TAKEN)) {
		image_free(&t->im);
		return;
	}
	kept.im = t->im;
	kept.id = t->f.h.o.id;
	kept.ino = t->ino;
	atomic_store(&kept.state, KEPT_ONE);
	if (old.insns)
		image_free(&old);
}

static int make_lines(struct telling *t)
{
	u32 room = t->f.h.nr_line;
	void *mem;

	if (!room)
		return 0;
	mem = raw_mmap(NULL, (size_t)room * sizeof(*t->lines), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(mem))
		return -ENOMEM;
	t->lines = mem;
	t->lines_size = (size_t)room * sizeof(*t->lines);
	t->nr_lines = prog_file_lines(&t->f, t->lines, room);
	return 0;
}

static int put_code(struct telling *t)
{
	struct bpf_prog_info_new *i = t->i;
	bool jited = t->im.code && t->im.nr_subs == t->f.h.nr_subs && t->im.cnt == t->f.h.xlated_cnt;
	u32 subs = jited ? t->im.nr_subs : 0;
	int err;

	i->xlated_prog_len /= (u32)sizeof(struct bpf_insn);
	err = put_made(t, i->xlated_prog_insns, &i->xlated_prog_len, t->f.h.xlated_cnt,
		       sizeof(struct bpf_insn), make_insn);
	i->xlated_prog_len *= (u32)sizeof(struct bpf_insn);
	if (!err)
		err = put_array(t, i->jited_prog_insns, &i->jited_prog_len, t->im.code,
				jited ? (u32)t->im.code_size : 0, 1);
	if (!err)
		err = put_made(t, i->jited_ksyms, &i->nr_jited_ksyms, subs, sizeof(u64), make_ksym);
	if (!err)
		err = put_made(t, i->jited_func_lens, &i->nr_jited_func_lens, subs, sizeof(u32),
			       make_func_len);
	if (!err)
		err = put_made(t, i->func_info, &i->nr_func_info, t->f.h.nr_func,
			       sizeof(struct bpf_func_info), make_func);
	if (!err)
		err = put_array(t, i->line_info, &i->nr_line_info, t->lines, t->nr_lines, sizeof(*t->lines));
	if (!err)
		err = put_made(t, i->jited_line_info, &i->nr_jited_line_info, jited ? t->nr_lines : 0,
			       sizeof(u64), make_jited_line);
	return err;
}

/* The parts of variable size. */
static int put_parts(struct telling *t)
{
	struct bpf_prog_info_new *i = t->i;
	int err = put_array(t, i->map_ids, &i->nr_map_ids, (const void *)t->f.h.map_ids, t->f.nr_maps,
			    sizeof(u32));

	if (!err)
		err = put_made(t, i->prog_tags, &i->nr_prog_tags, t->f.h.nr_subs, BPF_TAG_SIZE, make_tag);
	if (err)
		return err;
	if (!t->x->c->ops->privileged(t->x->c)) {
		hide_code(i);
		return 0;
	}
	err = make_lines(t);
	if (err)
		return err;
	if (!take_kept(t))
		make_image(t);
	return put_code(t);
}

/* Under a guard: the file is read where it lies. */
static int tell(void *arg)
{
	return put_parts(arg);
}

static int open_file(void *arg)
{
	struct telling *t = arg;

	return prog_file_open(&t->f, t->view);
}

static long info(struct telling *t, const struct opened *o, u32 id)
{
	struct op *op = t->x->op;
	const void *end = o->view.base + o->view.size;
	u32 len;
	int err;

	t->view = &o->view;
	err = op_guarded(op, o->view.base, end, open_file, t);
	if (!err)
		err = cmd_info_begin(t->x, t->i, sizeof(*t->i), &len);
	if (!err && t->i->pad)
		err = -E2BIG; /* for the kernel the struct ends before its padding */
	if (err)
		return err;
	fill(t->i, &t->f.h, id);
	err = op_guarded(op, o->view.base, end, tell, t);
	return err ? err : cmd_info_end(t->x, t->i, len);
}

long prog_info(struct cmd_ctx *x, struct bpf_file *f)
{
	const struct opened *o = handle_open(f->h);
	struct bpf_prog_info_new i;
	struct telling t = { .x = x, .i = &i, .ino = f->h->ino };
	long ret;

	if (IS_ERR(o))
		return PTR_ERR(o);
	ret = info(&t, o, f->h->id);
	if (t.im.insns)
		keep(&t);
	if (t.lines)
		raw_munmap(t.lines, t.lines_size);
	return ret;
}
