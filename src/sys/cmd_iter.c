// SPDX-License-Identifier: BSD-2-Clause
/*
 * ITER_CREATE: a session of an iterator link (sys/iter_run.h), and that of its pin.
 */
#include "sys/cmd_iter.h"
#include <fcntl.h>
#include <string.h>
#include "sys/cmd_link.h"
#include "sys/iter_run.h"

static int session_of(struct bpf_caller *c, struct op *op, u64 client_word, const struct link_hdr *h,
		      const char *name)
{
	char target[sizeof(h->iter.target) + 1] = { 0 };
	struct iter_spec s = { .target = target };

	memcpy(target, h->iter.target, sizeof(h->iter.target));
	s.prog_id = atomic_load(&h->prog_id);
	s.map_id = h->iter.map_id;
	return iter_session(c, op, client_word, &s, name);
}

int iter_open_link(struct bpf_caller *c, struct op *op, u64 client_word, u32 link_id, const char *name)
{
	struct link_hdr h;
	int err = obj_read_header(OBJ_LINK, link_id, &h.o, sizeof(h));

	if (err || h.o.kind != BPF_LINK_TYPE_ITER)
		return -EIO;
	return session_of(c, op, client_word, &h, name);
}

long cmd_iter_create(struct cmd_ctx *x)
{
	struct link_hdr h;
	struct bpf_file f;
	int err, fd;

	if (x->attr->iter_create.flags)
		return -EINVAL;
	err = cmd_get_fd(x, (int)x->attr->iter_create.link_fd, OBJ_LINK, &f);
	if (err)
		return err;
	err = link_read(f.h, &h);
	if (!err && h.o.kind != BPF_LINK_TYPE_ITER)
		err = -EINVAL;
	put_fd(&f);
	if (err)
		return err;
	x->op->obj = NULL; /* helpers use the operation's hazard for maps */
	fd = session_of(x->c, x->op, x->uattr, &h, ITER_TEXT_NAME);
	return fd < 0 ? fd : x->c->ops->install_fd(x->c, fd, NULL, O_RDONLY | O_CLOEXEC);
}
