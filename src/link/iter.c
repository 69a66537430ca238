// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links of iterators: what they go over, and what they tell of themselves.
 *
 * They stand at no attach point: ITER_CREATE or opening a pin makes a session of one (sys/iter_run.h).
 */
#include <string.h>
#include "btf/btf_kernel.h"
#include "link/link.h"
#include "link/link_types.h"
#include "map/map.h"
#include "progtype/iter.h"
#include "util/str.h"

/* union bpf_iter_link_info: of our targets only map elements look into it. */
static int read_info(const struct link_req *r, u32 info[LINK_ITER_INFO / 4])
{
	u64 from = r->words[0];
	u32 len = (u32)r->words[1], known = LINK_ITER_INFO;
	u8 more;

	if (!from != !len)
		return -EINVAL;
	if (len > PAGE)
		return -E2BIG;
	for (u32 at = known; at < len; at++) {
		if (r->copy_in(r, &more, from + at, 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return len && r->copy_in(r, info, from, MIN(len, known)) ? -EFAULT : 0;
}

/* A map of elements, of which the program does not touch more than there is. */
static int check_map(const struct link_req *r, u32 id)
{
	struct obj_view v;
	struct bpf_map m;
	int err = obj_map(OBJ_MAP, id, false, &v);

	if (err)
		return err == -ENOENT ? -EBADF : err;
	err = map_open(&m, &v);
	if (!err && !m.ops->next_elem)
		err = -EINVAL;
	if (!err && (r->prog->iter_rdonly > m.key_size || r->prog->iter_rdwr > m.value_len))
		err = -EACCES;
	obj_unmap(&v);
	return err;
}

static int check_elems(const struct link_req *r, u32 map_fd, struct link_hdr *h)
{
	int err;

	if (!map_fd)
		return -EBADF;
	err = r->object(r, (int)map_fd, OBJ_MAP, &h->iter.map_id);
	return err ? err : check_map(r, h->iter.map_id);
}

static int check(const struct link_req *r, struct link_hdr *h)
{
	const struct btf_view *kernel;
	const struct iter_target *t;
	u32 info[LINK_ITER_INFO / 4] = { 0 };
	const char *name;
	int err;

	if (r->target || r->flags)
		return -EINVAL;
	err = read_info(r, info);
	if (err)
		return err;
	kernel = btf_kernel();
	t = kernel ? iter_target_of(kernel, r->prog->attach_btf_id, &name) : NULL;
	if (!t)
		return -ENOENT;
	/* None of the targets lets its objects sleep. */
	if (r->prog->prog_flags & BPF_F_SLEEPABLE)
		return -EINVAL;
	str_put(h->iter.target, t->name);
	return t->needs_map ? check_elems(r, info[0], h) : 0;
}

/* Whatever is visited must stay the same. */
static int update(struct op *op, const struct link_hdr *h, const struct prog_hdr *next)
{
	return h->expected_attach_type == next->expected_attach_type &&
			       h->attach_btf_id == next->attach_btf_id
		       ? 0
		       : -EINVAL;
}

static const char *text(const struct link_hdr *h)
{
	return h->iter.target;
}

static u32 map(const struct link_hdr *h)
{
	return h->iter.map_id;
}

static void info(const struct link_hdr *h, u8 by_type[48])
{
	memcpy(by_type + 12, &h->iter.map_id, sizeof(h->iter.map_id));
}

static char *fdinfo(const struct link_hdr *h, char *to)
{
	to = str_put(str_put(str_put(to, "target_name:\t"), h->iter.target), "\n");
	if (h->iter.map_id)
		to = str_put(str_put_u64(str_put(to, "map_id:\t"), h->iter.map_id, 10), "\n");
	return to;
}

static char *where(const struct link_hdr *h, char *to)
{
	return str_put(str_put(to, "iterator of "), h->iter.target);
}

const struct link_ops iter_link_ops = {
	.type = BPF_LINK_TYPE_ITER,
	.name = "iter",
	.target = LINK_AT_NOTHING,
	.check = check,
	.update = update,
	.updates = true,
	.text = text,
	.info = info,
	.fdinfo = fdinfo,
	.where = where,
	.map = map,
};
