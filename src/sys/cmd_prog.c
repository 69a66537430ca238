// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_LOAD.
 *
 * The checks come in the kernel's order:
 *
 *   flags EINVAL, token, capability EPERM
 *   number of instructions E2BIG
 *   what to attach to, expected_attach_type EINVAL, ENOTSUPP
 *   instructions and license EFAULT
 *   device, type, name EINVAL
 *   log EINVAL; from here on the log's last line is told in any case
 *   BTF and func_info, then the verifier (verifier/verifier.h)
 *   log too small ENOSPC
 *   program arrays must take programs like this one EINVAL
 */
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include "store/store.h"
#include "sys/cmd_prog.h"
#include "util/raw.h"
#include "util/slab.h"

#define PROG_FLAGS                                                                                           \
	(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_RND_HI32 | BPF_F_TEST_STATE_FREQ |        \
	 BPF_F_SLEEPABLE | BPF_F_XDP_HAS_FRAGS | BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_TEST_REG_INVARIANTS |      \
	 BPF_F_TOKEN_FD)

#define LICENSE_MAX 128

/* What attach_prog_fd and attach_btf_id name, before anything else is looked at. */
static int check_attach(struct cmd_ctx *x, const union bpf_attr_new *u, bool *vmlinux)
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
		*vmlinux = !is_prog;
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
static int check_attr(struct cmd_ctx *x, const union bpf_attr_new *u, u32 *attach, bool *vmlinux)
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
	err = check_attach(x, u, vmlinux);
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

static int map_by_fd(void *arg, s32 fd, struct verifier_map *m)
{
	struct load *l = arg;
	struct bpf_file f;
	int at = cmd_get_fd(l->x, fd, OBJ_MAP, &f);

	if (at)
		return at;
	at = prog_maps_add(&l->maps, f.h);
	put_fd(&f);
	if (at < 0)
		return at;
	*m = l->maps.map[at].facts;
	return 0;
}

static int fd_by_index(void *arg, u32 idx, s32 *fd)
{
	struct load *l = arg;

	if (!l->u->prog_load.fd_array)
		return -EPROTO;
	return caller_in(l->x->c, fd, l->u->prog_load.fd_array + (u64)idx * sizeof(*fd), sizeof(*fd));
}

/* With fd_array_cnt the whole array counts: each map in it is held, used or not. BTF objects may be there,
 * too. */
static int bind_fd_array(struct load *l)
{
	struct verifier_map m;
	struct bpf_file f;
	int err = 0;
	s32 fd;

	for (u32 i = 0; !err && i < l->u->prog_load.fd_array_cnt; i++) {
		err = fd_by_index(l, i, &fd);
		if (err)
			return err == -EPROTO ? -EFAULT : err;
		err = map_by_fd(l, fd, &m);
		if (err == -EINVAL && !cmd_get_fd(l->x, fd, OBJ_BTF, &f)) {
			put_fd(&f);
			err = 0;
		}
		if (err == -EINVAL || err == -EBADF)
			vlog(&l->log, "fd %d is not pointing to valid bpf_map or btf\n", fd);
	}
	return err;
}

static int check_kind(struct load *l)
{
	switch (l->type->kind) {
	case PROG_TRACING:
	case PROG_EXT: return load_target(l);
	case PROG_STRUCT_OPS:
		if (l->desc.gpl)
			return -ENOTSUPP;
		vlog(&l->log, "struct ops programs must have a GPL compatible license\n");
		return -EINVAL;
	default: return 0;
	}
}

static u64 now_us(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000u + (u64)ts.tv_nsec / 1000;
}

static void log_stats(struct load *l, u64 us)
{
	const struct verify_result *r = &l->res;

	if (l->log.level & VLOG_STATS) {
		vlog(&l->log, "verification time %lu usec\nstack depth ", us);
		for (u32 i = 0; i < MAX(r->prog.nr_subs, 1u); i++)
			vlog(&l->log, i ? "+%u" : "%u", r->prog.sub[i].depth);
		vlog(&l->log, "\n");
	}
	vlog(&l->log,
	     "processed %u insns (limit %u) max_states_per_insn %u total_states %u peak_states %u mark_read "
	     "%u\n",
	     r->processed, VERIFIER_INSNS_LIMIT, r->max_states, r->total_states, r->peak_states,
	     r->mark_read);
}

static int check_program(struct load *l)
{
	u64 start = l->log.level & VLOG_STATS ? now_us() : 0;
	int err = bind_fd_array(l);

	if (!err)
		err = load_btf(l);
	if (!err && l->u->prog_load.core_relo_cnt) {
		vlog(&l->log, "relocations by the loader (core_relos) are not supported yet\n");
		err = -EINVAL;
	}
	if (!err)
		err = check_kind(l);
	if (!err)
		err = verify(&l->req, &l->res);
	log_stats(l, start ? now_us() - start : 0);
	return err;
}

static void set_request(struct load *l)
{
	struct verify_req *r = &l->req;

	r->type = l->type;
	r->attach = prog_attach_get(l->type, l->attach);
	r->prog_type = l->u->prog_load.prog_type;
	r->expected_attach = l->attach;
	r->flags = l->u->prog_load.prog_flags;
	r->gpl = l->desc.gpl;
	r->insns = l->insns;
	r->cnt = l->u->prog_load.insn_cnt;
	r->log = &l->log;
	r->ncpu = the_store.ncpu;
	r->map_get = map_by_fd;
	r->fd_by_index = fd_by_index;
	r->kernel_var = load_kernel_var;
	r->arg = l;
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
	memcpy(l->kept, l->insns, (size_t)u->prog_load.insn_cnt * sizeof(*l->insns));
	d->insns = l->kept;
	d->insn_cnt = u->prog_load.insn_cnt;
	l->x->c->ops->fs_creds(l->x->c, &d->uid, NULL, NULL);
	prog_tag(d->tag, l->insns, d->insn_cnt);
	return 0;
}

/* In what is kept, ids stand where the client had fds or indices of its array. */
static int put_ids(struct load *l)
{
	for (u32 i = 0; i < l->desc.insn_cnt; i++) {
		struct bpf_insn *k = &l->kept[i];
		u32 map = (u32)l->insns[i].imm;
		bool value = k->src_reg == BPF_PSEUDO_MAP_VALUE || k->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;

		if (k->code != (BPF_LD | BPF_IMM | BPF_DW) ||
		    (!value && k->src_reg != BPF_PSEUDO_MAP_FD && k->src_reg != BPF_PSEUDO_MAP_IDX))
			continue;
		if (map >= l->res.nr_maps)
			return -EINVAL;
		k->src_reg = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
		k->imm = (s32)l->res.maps[map].id;
	}
	return 0;
}

/* Those that the code names first, in its order; then what only the array of fds has. */
static int put_maps(struct load *l)
{
	struct prog_desc *d = &l->desc;

	for (u32 i = 0; i < l->res.nr_maps; i++)
		d->map_ids[d->nr_maps++] = l->res.maps[i].id;
	for (u32 i = 0; i < l->maps.nr; i++) {
		u32 id = l->maps.map[i].h->id, n = 0;

		while (n < d->nr_maps && d->map_ids[n] != id)
			n++;
		if (n < d->nr_maps)
			continue;
		if (n == PROG_MAPS_MAX)
			return -E2BIG;
		d->map_ids[d->nr_maps++] = id;
	}
	return 0;
}

/* A program array takes programs of one kind: those that call into it, and those that stand in it. */
static int join_arrays(struct load *l)
{
	struct obj_hdr like = {
		.kind = l->desc.type,
		.flags = prog_compat(l->desc.prog_flags, l->desc.expected_attach_type, l->desc.iter_target)
			 << OBJ_F_OWN_SHIFT,
	};
	int err = 0;

	for (u32 i = 0; !err && i < l->maps.nr; i++) {
		struct bpf_map *m = l->maps.map[i].m;

		if (m->map_type == BPF_MAP_TYPE_PROG_ARRAY)
			err = m->ops->obj_check(m, &like);
	}
	return err;
}

static long publish(struct load *l)
{
	struct prog_desc *d = &l->desc;
	struct stat st;
	int fd, err;
	u32 id;

	d->verified_insns = l->res.processed;
	d->btf_id = l->btf_id;
	d->func_info = l->func_info;
	d->nr_func = l->req.nr_func_info;
	d->line_info = l->line_info;
	d->nr_line = l->req.nr_line_info;
	d->xlated = &l->res.prog;
	d->iter_rdonly = l->res.max_rdonly;
	d->iter_rdwr = l->res.max_rdwr;
	err = join_arrays(l);
	if (!err)
		err = put_ids(l);
	if (!err)
		err = put_maps(l);
	if (err)
		return err;
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
	set_request(l);
	ret = check_program(l);
	err = cmd_log_end(l->x, &l->log, u->prog_load.log_buf, BPF_ATTR_OFF(prog_load.log_true_size));
	if (err)
		ret = err;
	return ret ? ret : publish(l);
}

/* Loads of the usual size reuse their memory: mapping it would take longer than what is done in it. */
#define BLOCK (64u * 1024)
static struct slab blocks = { .size = BLOCK };

static struct load *load_alloc(const union bpf_attr_new *u)
{
	u32 cnt = u->prog_load.insn_cnt, lines = MIN(u->prog_load.line_info_cnt, cnt);
	size_t size = sizeof(struct load) + (size_t)cnt * 2 * sizeof(struct bpf_insn) +
		      (size_t)lines * sizeof(struct bpf_line_info);
	struct load *l;

	if (size <= BLOCK) {
		l = slab_get(&blocks);
		if (!l)
			return NULL;
		memset(l, 0, sizeof(*l));
	} else {
		l = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (IS_ERR(l))
			return NULL;
	}
	l->u = u;
	l->size = size;
	l->kept = l->insns + cnt;
	l->line_info = (struct bpf_line_info *)(l->kept + cnt);
	return l;
}

static void load_free(struct load *l)
{
	if (l->size <= BLOCK)
		slab_put(&blocks, l);
	else
		raw_munmap(l, l->size);
}

long cmd_prog_load(struct cmd_ctx *x)
{
	bool vmlinux = false;
	u32 attach = 0;
	struct load *l;
	long ret;

	ret = check_attr(x, x->attr, &attach, &vmlinux);
	if (ret)
		return ret;
	l = load_alloc(x->attr);
	if (!l)
		return -ENOMEM;
	l->x = x;
	l->type = prog_type_get(x->attr->prog_load.prog_type);
	l->attach = attach;
	l->by_vmlinux = vmlinux;
	ret = load(l);
	verify_free(&l->res);
	prog_maps_drop(&l->maps);
	btf_drop(&l->view);
	btf_blob_drop(&l->blob);
	load_free(l);
	return ret;
}
