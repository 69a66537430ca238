// SPDX-License-Identifier: BSD-2-Clause
/*
 * verify() on a program whose maps are the kernel's: see verifytest.h.
 */
#include "tests/lib/verifytest.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct vt_frozen vt_frozen = { -1, NULL };
int vt_inner_fd = -1;

static int info_of(int fd, struct bpf_map_info *info)
{
	union bpf_attr a = {
		.info = { .bpf_fd = (u32)fd, .info_len = sizeof(*info), .info = (uintptr_t)info }
	};

	memset(info, 0, sizeof(*info));
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) ? -errno : 0;
}

static int map_get(void *arg, s32 fd, struct verifier_map *m)
{
	static struct verifier_map inner;
	struct bpf_map_info i;

	(void)arg;
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	if (info_of(fd, &i))
		return -EINVAL;
	m->id = i.id;
	m->map_type = i.type;
	m->key_size = i.key_size;
	m->value_size = i.value_size;
	m->max_entries = i.max_entries;
	m->map_flags = i.map_flags;
	m->spin_lock_off = i.btf_value_type_id == 3 ? 4 : -1;
	m->timer_off = i.btf_value_type_id == 5 ? 0 : -1;
	m->btf_id = i.btf_id;
	m->btf_value_type_id = i.btf_value_type_id;
	m->direct_value = i.type == BPF_MAP_TYPE_ARRAY;
	if (fd == vt_frozen.fd) {
		m->frozen = true;
		m->value = vt_frozen.value;
	}
	if (i.type == BPF_MAP_TYPE_ARRAY_OF_MAPS || i.type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		map_get(NULL, vt_inner_fd, &inner);
		m->inner = &inner;
	}
	return 0;
}

static int checked_btf(struct verify_req *req, struct btf_view *view, const struct vt_prog *p)
{
	int err = p->btf ? btf_check(view, p->btf, p->btf_size, NULL) : 0;

	if (err || !p->btf)
		return err;
	req->btf = view;
	req->func_info = p->info;
	req->nr_func_info = p->nr_info;
	return 0;
}

int vt_verify(const struct vt_prog *p, char *text, u32 size)
{
	static struct verify_result res;
	int err = vt_verify_to(p, text, size, &res);

	verify_free(&res);
	return err;
}

int vt_verify_to(const struct vt_prog *p, char *text, u32 size, struct verify_result *res)
{
	struct bpf_insn *insns = malloc((p->cnt + 1) * sizeof(*insns));
	struct btf_view view;
	struct vlog log;
	struct verify_req req = { .prog_type = (u32)p->type,
				  .expected_attach = (u32)p->attach,
				  .flags = p->flags,
				  .gpl = p->gpl,
				  .insns = insns,
				  .cnt = p->cnt,
				  .log = &log,
				  .any_helper = true,
				  .ncpu = (u32)sysconf(_SC_NPROCESSORS_CONF),
				  .map_get = map_get };
	u32 n = 0, true_size = 0;
	int err;

	memcpy(insns, p->insns, p->cnt * sizeof(*insns));
	memset(res, 0, sizeof(*res));
	req.type = prog_type_get((u32)p->type);
	req.attach = prog_attach_get(req.type, p->attach ? (u32)p->attach : req.type->default_attach);
	err = vlog_init(&log, p->log_level, (uintptr_t)text, size);
	if (!err)
		err = checked_btf(&req, &view, p);
	if (!err) {
		err = verify(&req, res);
		vlog_finish(&log, &n, &true_size);
		memcpy(text, log.buf, n < size ? n : size);
		text[n < size ? n : size - 1] = 0;
		vlog_free(&log);
	}
	if (req.btf)
		btf_drop(&view);
	free(insns);
	return err;
}
