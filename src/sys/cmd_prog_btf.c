// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_LOAD's look at BTF: func_info, line_info, and what a tracing program attaches to.
 *
 * Records come in the client's size; what is set beyond the fields that are
 * known is E2BIG. Both kinds are sorted by instruction. Each subprogram's first
 * instruction must have a line, if there are lines at all.
 */
#include <string.h>
#include "btf/btf_kernel.h"
#include "helper/kallsyms.h"
#include "sys/cmd_prog.h"
#include "util/str.h"

#define INFO_REC_MAX 252u

/* Records of func_info or line_info: their size, and nothing set beyond what is known. */
static int check_rec_size(struct load *l, const char *what, u32 size, u32 known)
{
	if (size >= known && size <= INFO_REC_MAX && size % sizeof(u32) == 0)
		return 0;
	vlog(&l->log, "invalid %s info rec size %u\n", what, size);
	return -EINVAL;
}

static int read_rec(struct load *l, u64 from, u32 size, const char *what, void *rec, u32 known)
{
	u8 buf[INFO_REC_MAX];
	int err = caller_in(l->x->c, buf, from, size);

	for (u32 i = known; !err && i < size; i++) {
		if (buf[i]) {
			vlog(&l->log, "nonzero tailing record in %s info", what);
			return -E2BIG;
		}
	}
	if (!err)
		memcpy(rec, buf, known);
	return err;
}

static int read_func_info(struct load *l)
{
	u32 n = l->u->prog_load.func_info_cnt, size = l->u->prog_load.func_info_rec_size;
	int err;

	if (!n)
		return 0;
	err = check_rec_size(l, "func", size, sizeof(struct bpf_func_info));
	for (u32 i = 0; !err && i < n && i < BPF_SUBPROGS_MAX; i++) {
		struct bpf_func_info *f = &l->func_info[i];

		err = read_rec(l, l->u->prog_load.func_info + (u64)i * size, size, "func", f, sizeof(*f));
		if (err)
			break;
		if (i ? f->insn_off <= f[-1].insn_off : f->insn_off) {
			vlog(&l->log,
			     i ? "same or smaller insn offset (%u) than previous func info record (%u)\n"
			       : "nonzero insn_off %u for the first func info record",
			     f->insn_off, i ? f[-1].insn_off : 0);
			err = -EINVAL;
		}
	}
	if (!err && n > BPF_SUBPROGS_MAX)
		err = -EINVAL;
	l->req.func_info = l->func_info;
	l->req.nr_func_info = n;
	return err;
}

static int check_line(struct load *l, u32 n, const struct bpf_line_info *r, u32 last)
{
	if ((n && r->insn_off <= last) || r->insn_off >= l->u->prog_load.insn_cnt) {
		vlog(&l->log, "Invalid line_info[%u].insn_off:%u (prev_offset:%u prog->len:%u)\n", n,
		     r->insn_off, last, l->u->prog_load.insn_cnt);
		return -EINVAL;
	}
	if (!l->insns[r->insn_off].code) {
		vlog(&l->log, "Invalid insn code at line_info[%u].insn_off\n", n);
		return -EINVAL;
	}
	if (r->line_off >= l->view.strs_len || r->file_name_off >= l->view.strs_len) {
		vlog(&l->log, "Invalid line_info[%u].line_off or .file_name_off\n", n);
		return -EINVAL;
	}
	return 0;
}

/* Where subprograms begin: up to BPF_SUBPROGS_MAX numbers, sorted, 0 first. More than fit are the verifier's
 * to refuse. */
static u32 find_subs(const struct load *l, u32 sub[BPF_SUBPROGS_MAX])
{
	u32 n = 1, cnt = l->u->prog_load.insn_cnt;

	sub[0] = 0;
	for (u32 i = 0; i < cnt; i++) {
		const struct bpf_insn *in = &l->insns[i];
		bool call = in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
		bool func = in->code == (BPF_LD | BPF_IMM | BPF_DW) && in->src_reg == BPF_PSEUDO_FUNC;
		u32 to = i + 1 + (u32)in->imm, at = n;

		if ((!call && !func) || to >= cnt)
			continue;
		while (at && sub[at - 1] > to)
			at--;
		if ((at && sub[at - 1] == to) || n == BPF_SUBPROGS_MAX)
			continue;
		memmove(&sub[at + 1], &sub[at], (n - at) * sizeof(*sub));
		sub[at] = to;
		n++;
	}
	return n;
}

static int read_lines(struct load *l, u32 n, u32 size)
{
	u32 sub[BPF_SUBPROGS_MAX], nr_subs = find_subs(l, sub), last = 0, at = 0;
	int err = 0;

	for (u32 i = 0; !err && i < n; i++) {
		struct bpf_line_info r;

		err = read_rec(l, l->u->prog_load.line_info + (u64)i * size, size, "line", &r, sizeof(r));
		if (!err)
			err = check_line(l, i, &r, last);
		if (err)
			return err;
		if (at < nr_subs && sub[at] == r.insn_off) {
			at++;
		} else if (at < nr_subs && sub[at] < r.insn_off) {
			vlog(&l->log, "missing bpf_line_info for func#%u\n", at);
			return -EINVAL;
		}
		l->line_info[i] = r; /* (sorted, so there are no more than instructions) */
		last = r.insn_off;
	}
	if (at == nr_subs)
		return 0;
	vlog(&l->log, "missing bpf_line_info for %u funcs starting from func#%u\n", nr_subs - at, at);
	return -EINVAL;
}

static int read_line_info(struct load *l)
{
	u32 n = l->u->prog_load.line_info_cnt, size = l->u->prog_load.line_info_rec_size;
	int err;

	if (!n)
		return 0;
	if (n > INT32_MAX / sizeof(struct bpf_line_info))
		return -EINVAL;
	err = check_rec_size(l, "line", size, sizeof(struct bpf_line_info));
	if (!err)
		err = read_lines(l, n, size);
	l->req.line_info = l->line_info;
	l->req.nr_line_info = n;
	return err;
}

int load_btf(struct load *l)
{
	const union bpf_attr_new *u = l->u;
	struct bpf_file f;
	int err;

	if (!u->prog_load.func_info_cnt && !u->prog_load.line_info_cnt)
		return 0;
	err = cmd_get_fd(l->x, (int)u->prog_load.prog_btf_fd, OBJ_BTF, &f);
	if (err)
		return err;
	l->btf_id = f.h->id;
	err = btf_obj_read(f.h->id, BTF_SIZE_MAX, &l->blob);
	put_fd(&f);
	if (!err && l->blob.kernel)
		err = -EACCES;
	if (!err && btf_check(&l->view, l->blob.raw, l->blob.read, NULL))
		err = -EIO;
	l->req.btf = &l->view;
	if (!err)
		err = read_func_info(l);
	return err ? err : read_line_info(l);
}

static int no_attach(struct load *l, const char *msg)
{
	vlog(&l->log, msg, l->u->prog_load.attach_btf_id);
	return -EINVAL;
}

static int var_of(const struct btf_view *v, u32 id, char name[VERIFIER_NAME_MAX], bool *found)
{
	const struct btf_type *t = id < v->nr ? btf_type(v, id) : NULL;
	const char *s;
	u64 addr;
	size_t n;

	if (!t)
		return -ENOENT;
	if (!btf_is(t, BTF_K(VAR) | BTF_K(FUNC)))
		return -EINVAL;
	s = btf_str(v, t->name_off);
	n = MIN(strlen(s), VERIFIER_NAME_MAX - 1);
	memcpy(name, s, n);
	name[n] = 0;
	*found = kallsyms_find(name, &addr) != -ENOENT;
	return 0;
}

int load_kernel_var(void *arg, s32 fd, u32 id, char name[VERIFIER_NAME_MAX], bool *found)
{
	const struct btf_view *kernel = fd ? NULL : btf_kernel();
	struct load *l = arg;
	struct btf_blob blob;
	struct btf_view v;
	struct bpf_file f;
	int err;

	if (!fd)
		return kernel ? var_of(kernel, id, name, found) : -EINVAL;
	if (cmd_get_fd(l->x, fd, OBJ_BTF, &f))
		return -EBADF;
	if (f.h->id == BTF_ID_VMLINUX)
		kernel = btf_kernel();
	err = kernel ? 0 : btf_obj_read(f.h->id, BTF_SIZE_MAX, &blob);
	put_fd(&f);
	if (err || kernel)
		return err ? err : var_of(kernel, id, name, found);
	err = btf_check(&v, blob.raw, blob.read, NULL) ? -EIO : 0;
	if (!err) {
		err = var_of(&v, id, name, found);
		btf_drop(&v);
	}
	btf_blob_drop(&blob);
	return err;
}

/* A function that is an iterator, or would be one. */
static int load_iter(struct load *l, const struct btf_view *kernel)
{
	const char *name;

	l->req.iter = iter_target_of(kernel, l->u->prog_load.attach_btf_id, &name);
	if (!l->req.iter) {
		if (str_starts(name, "bpf_iter_"))
			vlog(&l->log, "iterators by %s are not supported\n", name);
		return -EINVAL;
	}
	l->req.kernel = kernel;
	l->desc.iter_target = (u32)l->req.iter->over + 1;
	l->req.attach_btf_id = l->desc.attach_btf_id = l->u->prog_load.attach_btf_id;
	return 0;
}

/*
 * The kernel function that a tracing program names: only those of iterators will do.
 * A question about any other is answered by that alone, and not by what is wrong with the id: by
 * such an answer clients find out what there is.
 */
int load_target(struct load *l)
{
	u32 id = l->u->prog_load.attach_btf_id;
	const struct btf_view *kernel;
	const struct btf_type *t;

	if (!id)
		return no_attach(l, "Tracing programs must provide btf_id\n");
	if (l->u->prog_load.attach_prog_fd && !l->by_vmlinux)
		return no_attach(l, "attaching to programs and modules is not supported yet\n");
	if (l->type->kind == PROG_EXT)
		return no_attach(l, "replacing functions of programs is not supported\n");
	if (!l->type->iter_attach || l->attach != l->type->iter_attach)
		return no_attach(l, "attaching to kernel functions is not supported\n");
	kernel = btf_kernel();
	if (!kernel)
		return no_attach(
			l,
			"FENTRY/FEXIT program can only be attached to another program annotated with BTF\n");
	t = btf_type(kernel, id);
	if (!t)
		return no_attach(l, "attach_btf_id %u is invalid\n");
	if (!btf_is(t, BTF_K(FUNC)))
		return no_attach(l, "attach_btf_id %u is not a function\n");
	return load_iter(l, kernel);
}
