// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_LOAD, and what a program says of itself.
 *
 * The checks come in the kernel's order:
 *
 *   flags EINVAL, token, capability EPERM
 *   number of instructions E2BIG
 *   what to attach to, expected_attach_type EINVAL, ENOTSUPP
 *   instructions and license EFAULT
 *   device, type, name EINVAL
 *   log EINVAL; from here on the log's last line is told in any case
 *   BTF and func_info, then the verifier (prog/verifier.h)
 *   log too small ENOSPC
 */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "btf/btf_obj.h"
#include "map/map.h"
#include "prog/verifier.h"
#include "sys/cmds.h"
#include "util/raw.h"

#define PROG_FLAGS                                                                                           \
	(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_RND_HI32 | BPF_F_TEST_STATE_FREQ |        \
	 BPF_F_SLEEPABLE | BPF_F_XDP_HAS_FRAGS | BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_TEST_REG_INVARIANTS |      \
	 BPF_F_TOKEN_FD)

#define LICENSE_MAX  128
#define INFO_REC_MAX 252u

/* One load. Lies in one anonymous mapping with the instructions behind it. */
struct load {
	struct cmd_ctx *x;
	const union bpf_attr_new *u;
	const struct prog_type *type;
	u32 attach; /* expected_attach_type, 0 replaced */
	u32 btf_id;
	struct btf_blob blob;
	struct btf_view view;
	struct bpf_func_info func_info[SUBPROGS];
	struct vlog log;
	struct prog_desc desc;
	struct verifier v;
	size_t size;
	struct bpf_insn insns[];
};

/* What attach_prog_fd and attach_btf_id name, before anything else is looked at. */
static int check_attach(struct cmd_ctx *x, const union bpf_attr_new *u)
{
	const struct prog_type *t = prog_type_get(u->prog_load.prog_type);
	u32 fd = u->prog_load.attach_prog_fd, id = u->prog_load.attach_btf_id;
	bool attaches = t->kind == PROG_TRACING || t->kind == PROG_EXT;
	struct bpf_file f;
	bool is_prog;

	if (fd) {
		if (x->c->ops->get_fd(x->c, x->op, (int)fd, &f))
			return -EINVAL;
		is_prog = f.h->type == OBJ_PROG;
		if (!is_prog && (f.h->type != OBJ_BTF || f.h->id != BTF_ID_VMLINUX)) {
			bool btf = f.h->type == OBJ_BTF;

			put_fd(&f);
			return btf ? -ENOTSUPP : -EINVAL;
		}
		put_fd(&f);
		if (is_prog ? !attaches : !id)
			return -EINVAL;
	}
	if (id && (id > BTF_IDS_MAX || (!attaches && t->kind != PROG_STRUCT_OPS)))
		return -EINVAL;
	return 0;
}

static int check_attach_type(const union bpf_attr_new *u, u32 *attach)
{
	const struct prog_type *t = prog_type_get(u->prog_load.prog_type);

	*attach = u->prog_load.expected_attach_type;
	if (!*attach)
		*attach = t->default_attach;
	if (t->kind == PROG_EXT && *attach)
		return -EINVAL;
	return prog_attach_get(t, *attach) ? 0 : -EINVAL;
}

/* Before memory is taken. */
static int check_attr(struct cmd_ctx *x, const union bpf_attr_new *u, u32 *attach)
{
	int err;

	if (u->prog_load.prog_flags & ~(u32)PROG_FLAGS)
		return -EINVAL;
	if (u->prog_load.prog_flags & BPF_F_TOKEN_FD)
		return cmd_check_token(x, u->prog_load.prog_token_fd);
	err = cmd_need_cap(x);
	if (err)
		return err;
	if (!u->prog_load.insn_cnt || u->prog_load.insn_cnt > PROG_INSNS_MAX)
		return -E2BIG;
	err = check_attach(x, u);
	return err ? err : check_attach_type(u, attach);
}

/* Licenses that count as GPL compatible. */
static bool license_is_gpl(const char *s)
{
	static const char *const gpl[] = { "GPL",          "GPL v2",       "GPL and additional rights",
					   "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL" };

	for (u32 i = 0; i < ARRAY_SIZE(gpl); i++)
		if (!strcmp(s, gpl[i]))
			return true;
	return false;
}

/* A NUL-terminated string of at most 127 characters; a longer one is cut. */
static int copy_license(struct cmd_ctx *x, char *buf)
{
	u64 from = x->attr->prog_load.license;

	for (u32 n = 0; n < LICENSE_MAX - 1; n++) {
		if (caller_in(x->c, buf + n, from + n, 1))
			return -EFAULT;
		if (!buf[n])
			return 0;
	}
	buf[LICENSE_MAX - 1] = 0;
	return 0;
}

bool cmd_device_exists(u32 ifindex)
{
	int fd = (int)raw3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq r = { .ifr_ifindex = (int)ifindex };

	if (fd < 0)
		return false;
	err = (int)raw3(SYS_ioctl, fd, SIOCGIFNAME, &r);
	raw_close(fd);
	return !err;
}

/* No device offloads anything here. */
static int check_device(const union bpf_attr_new *u)
{
	u32 type = u->prog_load.prog_type, flags = u->prog_load.prog_flags;

	if (!u->prog_load.prog_ifindex)
		return 0;
	if (type != BPF_PROG_TYPE_XDP && type != BPF_PROG_TYPE_SCHED_CLS)
		return -EINVAL;
	if (flags & ~(u32)(BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_XDP_HAS_FRAGS))
		return -EINVAL;
	if (type != BPF_PROG_TYPE_XDP && flags & BPF_F_XDP_DEV_BOUND_ONLY)
		return -EINVAL;
	return cmd_device_exists(u->prog_load.prog_ifindex) ? -EOPNOTSUPP : -EINVAL;
}

static int map_by_fd(void *arg, s32 fd, struct prog_map *m)
{
	struct load *l = arg;
	const struct opened *o;
	struct bpf_file f;
	int err = cmd_get_fd(l->x, fd, OBJ_MAP, &f);

	if (err)
		return err;
	o = handle_open(f.h);
	err = IS_ERR(o) ? (int)PTR_ERR(o) : 0;
	if (!err)
		*m = (struct prog_map){
			.id = f.h->id,
			.map_type = o->map.map_type,
			.key_size = o->map.key_size,
			.value_size = o->map.value_size,
			.max_entries = o->map.max_entries,
			.map_flags = o->map.map_flags,
			.spin_lock_off = o->map.record.spin_lock_off,
			.timer_off = o->map.record.timer_off,
			.direct_value = map_type_get(o->map.map_type)->direct_value,
		};
	put_fd(&f);
	return err;
}

static int fd_by_index(void *arg, u32 idx, s32 *fd)
{
	struct load *l = arg;

	if (!l->u->prog_load.fd_array)
		return -EPROTO;
	return caller_in(l->x->c, fd, l->u->prog_load.fd_array + (u64)idx * sizeof(*fd), sizeof(*fd));
}

/* Records of func_info or line_info: their size, and nothing set beyond what is known. */
static int check_rec_size(struct load *l, const char *what, u32 size, u32 known)
{
	if (size >= known && size <= INFO_REC_MAX && size % sizeof(u32) == 0)
		return 0;
	vlog(&l->log, "invalid %s info rec size %u\n", what, size);
	return -EINVAL;
}

static int read_rec(struct load *l, u64 from, u32 size, void *rec, u32 known)
{
	u8 buf[INFO_REC_MAX];
	int err = caller_in(l->x->c, buf, from, size);

	for (u32 i = known; !err && i < size; i++) {
		if (buf[i]) {
			vlog(&l->log, "nonzero tailing record in func info");
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
	for (u32 i = 0; !err && i < n && i < SUBPROGS; i++) {
		struct bpf_func_info *f = &l->func_info[i];

		err = read_rec(l, l->u->prog_load.func_info + (u64)i * size, size, f, sizeof(*f));
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
	if (!err && n > SUBPROGS)
		err = -EINVAL;
	l->v.func_info = l->func_info;
	l->v.nr_func_info = n;
	return err;
}

static int check_line(struct load *l, u32 n, const struct bpf_line_info *r, u32 last)
{
	if ((n && r->insn_off <= last) || r->insn_off >= l->v.cnt) {
		vlog(&l->log, "Invalid line_info[%u].insn_off:%u (prev_offset:%u prog->len:%u)\n", n,
		     r->insn_off, last, l->v.cnt);
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

static int check_line_info(struct load *l)
{
	u32 n = l->u->prog_load.line_info_cnt, size = l->u->prog_load.line_info_rec_size, last = 0;
	struct bpf_line_info r;
	int err;

	if (!n)
		return 0;
	err = check_rec_size(l, "line", size, sizeof(r));
	for (u32 i = 0; !err && i < n; i++) {
		err = read_rec(l, l->u->prog_load.line_info + (u64)i * size, size, &r, sizeof(r));
		if (!err)
			err = check_line(l, i, &r, last);
		if (!err && !i && r.insn_off) {
			vlog(&l->log, "missing bpf_line_info for func#0\n");
			err = -EINVAL;
		}
		last = r.insn_off;
	}
	return err;
}

static int check_btf(struct load *l)
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
	l->v.btf = &l->view;
	if (!err)
		err = read_func_info(l);
	return err ? err : check_line_info(l);
}

static int no_attach(struct load *l, const char *msg)
{
	vlog(&l->log, msg, l->u->prog_load.attach_btf_id);
	return -EINVAL;
}

/* The kernel function that a tracing program names. */
static int check_target(struct load *l)
{
	u32 id = l->u->prog_load.attach_btf_id;
	struct btf_blob b;
	struct btf_type t;
	const char *name;
	int err;

	if (!id)
		return no_attach(l, "Tracing programs must provide btf_id\n");
	if (l->u->prog_load.attach_prog_fd)
		return no_attach(l, "attaching to programs and modules is not supported yet\n");
	err = btf_obj_read(BTF_ID_VMLINUX, BTF_SIZE_MAX, &b);
	if (err)
		return no_attach(
			l,
			"FENTRY/FEXIT program can only be attached to another program annotated with BTF\n");
	err = btf_peek(b.raw, b.read, id, &t, &name);
	if (err)
		no_attach(l, "attach_btf_id %u is invalid\n");
	else if (!*name)
		no_attach(l, "attach_btf_id %u doesn't have a name\n");
	else if (l->type->kind == PROG_EXT)
		no_attach(l, "Cannot replace kernel functions\n");
	else if (l->attach == BPF_TRACE_RAW_TP && !btf_is(&t, BTF_K(TYPEDEF)))
		no_attach(l, "attach_btf_id %u is not a typedef\n");
	else if (l->attach != BPF_TRACE_RAW_TP && !btf_is(&t, BTF_K(FUNC)))
		no_attach(l, "attach_btf_id %u is not a function\n");
	else
		no_attach(l, "attaching to kernel functions is not supported yet\n");
	btf_blob_drop(&b);
	return -EINVAL;
}

static int check_kind(struct load *l)
{
	switch (l->type->kind) {
	case PROG_TRACING:
	case PROG_EXT: return check_target(l);
	case PROG_STRUCT_OPS: return -ENOTSUPP;
	default: return 0;
	}
}

static int check_program(struct load *l)
{
	int err = check_btf(l);

	if (!err && l->u->prog_load.core_relo_cnt) {
		vlog(&l->log, "relocations by the loader (core_relos) are not supported yet\n");
		err = -EINVAL;
	}
	if (!err)
		err = check_kind(l);
	if (!err)
		err = verify(&l->v);
	if (l->log.level & VLOG_STATS)
		vlog(&l->log, "verification time 0 usec\nstack depth %u\n", l->v.depth_of[0]);
	vlog(&l->log,
	     "processed %u insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 "
	     "mark_read 0\n",
	     l->v.processed);
	return err;
}

static void set_verifier(struct load *l)
{
	struct verifier *v = &l->v;

	v->type = l->type;
	v->attach = prog_attach_get(l->type, l->attach);
	v->prog_type = l->u->prog_load.prog_type;
	v->flags = l->u->prog_load.prog_flags;
	v->strict = v->flags & BPF_F_STRICT_ALIGNMENT;
	v->gpl = l->desc.gpl;
	v->insns = l->insns;
	v->cnt = l->u->prog_load.insn_cnt;
	v->map_of = (u32 *)(l->insns + v->cnt);
	v->log = &l->log;
	v->map_by_fd = map_by_fd;
	v->fd_by_index = fd_by_index;
	v->arg = l;
}

/* Instructions, license, type, name: into the description. */
static int fill_desc(struct load *l)
{
	const union bpf_attr_new *u = l->u;
	struct prog_desc *d = &l->desc;
	char license[LICENSE_MAX];
	int len;

	if (caller_in(l->x->c, l->insns, u->prog_load.insns,
		      (size_t)u->prog_load.insn_cnt * sizeof(*l->insns)))
		return -EFAULT;
	if (copy_license(l->x, license))
		return -EFAULT;
	len = check_device(u);
	if (len)
		return len;
	if (l->type->kind == PROG_ABSENT)
		return -EINVAL;
	len = cmd_check_name(u->prog_load.prog_name);
	if (len < 0)
		return len;
	memcpy(d->name, u->prog_load.prog_name, (size_t)len);
	d->type = u->prog_load.prog_type;
	d->expected_attach_type = l->attach;
	d->prog_flags = u->prog_load.prog_flags;
	d->gpl = license_is_gpl(license);
	d->insns = l->insns;
	d->insn_cnt = u->prog_load.insn_cnt;
	l->x->c->ops->fs_creds(l->x->c, &d->uid, NULL, NULL);
	prog_tag(d->tag, l->insns, d->insn_cnt);
	return 0;
}

static long publish(struct load *l)
{
	struct prog_desc *d = &l->desc;
	struct stat st;
	u32 id;
	int fd;

	d->verified_insns = l->v.processed;
	d->btf_id = l->btf_id;
	d->nr_maps = l->v.nr_maps;
	for (u32 i = 0; i < d->nr_maps; i++)
		d->map_ids[i] = l->v.maps[i].id;
	fd = prog_make(d, &id, &st);
	return fd < 0 ? fd : cmd_install(l->x, fd, O_RDWR, OBJ_PROG, id, &st);
}

static long load(struct load *l)
{
	const union bpf_attr_new *u = l->u;
	int err, ret;

	ret = fill_desc(l);
	if (!ret)
		ret = vlog_init(&l->log, u->prog_load.log_level, u->prog_load.log_buf, u->prog_load.log_size);
	if (ret)
		return ret;
	set_verifier(l);
	ret = check_program(l);
	err = cmd_log_end(l->x, &l->log, u->prog_load.log_buf, BPF_ATTR_OFF(prog_load.log_true_size));
	if (err)
		ret = err;
	return ret ? ret : publish(l);
}

long cmd_prog_load(struct cmd_ctx *x)
{
	u32 attach = 0, cnt = x->attr->prog_load.insn_cnt;
	struct load *l;
	size_t size;
	long ret;

	ret = check_attr(x, x->attr, &attach);
	if (ret)
		return ret;
	size = sizeof(*l) + cnt * (sizeof(struct bpf_insn) + sizeof(u32));
	l = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(l))
		return -ENOMEM;
	l->x = x;
	l->u = x->attr;
	l->type = prog_type_get(x->attr->prog_load.prog_type);
	l->attach = attach;
	l->size = size;
	ret = load(l);
	btf_drop(&l->view);
	btf_blob_drop(&l->blob);
	raw_munmap(l, size);
	return ret;
}
