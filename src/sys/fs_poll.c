// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll_ctl(2) on an object's descriptor.
 *
 * An object is a file here, and the kernel lets no file into an epoll instance.
 * So what the client registers is answered by the front end, which puts
 * something else there. All other descriptors are the kernel's: one look at what the number stands for.
 *
 * poll(2), select(2) and epoll_wait(2) are not served here: they wait.
 */
#include <sys/epoll.h>
#include "sys/fscalls.h"
#include "sys/ready.h"

static long on_object(struct fs_ctx *x, struct handle *h)
{
	int ep = (int)x->a[0], op = (int)x->a[1], fd = (int)x->a[2];
	struct epoll_event ev = { 0 };

	if (!x->c->ops->epoll_ctl || ready_bits(h) < 0)
		return SYS_CONTINUE;
	/* The kernel copies it for any operation but one. */
	if (op != EPOLL_CTL_DEL && caller_in(x->c, &ev, x->a[3], sizeof(ev)))
		return -EFAULT;
	return x->c->ops->epoll_ctl(x->c, ep, op, fd, h, ev.events, ev.data.u64);
}

long fs_epoll_ctl(struct fs_ctx *x)
{
	struct bpf_file f;
	long ret;

	if (x->c->ops->get_fd(x->c, NULL, (int)x->a[2], &f))
		return SYS_CONTINUE;
	ret = on_object(x, f.h);
	put_fd(&f);
	return ret;
}
