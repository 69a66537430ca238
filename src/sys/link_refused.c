// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kinds of links that there are not: what a kernel built without them answers.
 *
 * Clients probe for them: a perf link with no perf event must give EBADF, and so on.
 */
#include <string.h>
#include "sys/cmd_link.h"

/* struct of uprobe_multi within the union: path, offsets, ref_ctr_offsets, cookies, cnt, flags, pid. */
static long uprobe_multi(struct cmd_ctx *x, const struct link_req *r)
{
	u32 cnt = (u32)r->words[4], flags = (u32)(r->words[4] >> 32);
	s32 pid = (s32)(u32)r->words[5];
	char first;

	if (r->flags || (flags & ~1u) || !r->words[0] || !r->words[1] || !cnt || pid < 0)
		return -EINVAL;
	if (cnt > 1u << 20)
		return -E2BIG;
	if (caller_in(x->c, &first, r->words[0], 1))
		return -EFAULT;
	/* Only a file of code could have probes. */
	return -EBADF;
}

static long perf_event(struct cmd_ctx *x, const struct link_req *r)
{
	char text[64];
	int n;

	if (r->flags)
		return -EINVAL;
	n = x->c->ops->fd_text(x->c, (int)r->target, text, sizeof(text));
	return n < 0 || !memmem(text, (size_t)n, "perf_event", 10) ? -EBADF : -EOPNOTSUPP;
}

long link_refused(struct cmd_ctx *x, const struct link_req *r)
{
	switch (r->attach_type) {
	case BPF_PERF_EVENT: return perf_event(x, r);
	case BPF_TRACE_UPROBE_MULTI:
	case BPF_TRACE_UPROBE_SESSION: return uprobe_multi(x, r);
	case BPF_TRACE_KPROBE_MULTI:
	case BPF_TRACE_KPROBE_SESSION: return -EOPNOTSUPP;
	default: return -EINVAL;
	}
}

/* prog_fd is a map's there; a map that is no struct_ops with a link is refused. */
long link_struct_ops(struct cmd_ctx *x)
{
	struct bpf_file f;
	int err = cmd_get_fd(x, (int)x->attr->link_create.prog_fd, OBJ_MAP, &f);

	if (err)
		return err;
	put_fd(&f);
	return -EINVAL;
}
