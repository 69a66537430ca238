// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of XDP programs.
 *
 *     | frame's own | headroom                | packet, up to 3520 | tailroom |   page
 *     | 40 bytes    | meta data ends at data  |                    |          |
 *
 * What does not fit into the page lies in up to seventeen further ones, which
 * the program reaches by helpers only. In the client's context, data is how many
 * of the first bytes are meta data, and data_end how many lie in the first page.
 */
#include "progtype/ctx_int.h"

#define XDP_ROOM   XDP_PACKET_HEADROOM
#define TAIL       320u /* at the end of a page */
#define FRAME_OWN  40u
#define LINEAR_MAX (PAGE - XDP_ROOM - TAIL)
#define FRAGS      17u
#define META_MAX   252u
#define XDP_SIZE   ROUND_UP(sizeof(struct run_xdp), 64)
#define BACK_SIZE  64u
#define BATCH_MAX  256u

static struct xdp_md *back_of(const struct run_frame *f)
{
	return (struct xdp_md *)((u8 *)f->mem + XDP_SIZE);
}

static int xdp_check(const struct test_run_args *a)
{
	if (a->attach == BPF_XDP_DEVMAP || a->attach == BPF_XDP_CPUMAP)
		return -EINVAL;
	/* Live frames leave by a device. */
	if (a->flags || a->batch_size)
		return -EINVAL;
	if (a->data_size_in < RUN_ETH_LEN)
		return -EINVAL;
	if (a->data_size_in > LINEAR_MAX + META_MAX + FRAGS * PAGE)
		return -ENOMEM;
	return a->has_ctx_in && a->ctx_size_in > CTX_IN_MAX ? -E2BIG : 0;
}

static size_t xdp_mem_size(const struct test_run_args *a)
{
	return XDP_SIZE + BACK_SIZE + PAGE + ROUND_UP(a->data_size_in, PAGE);
}

/* How much of the data is meta data, and where the packet is said to come from. */
static int facts_in(struct run_xdp *xdp, const struct xdp_md *u, const struct test_run_args *a)
{
	if (u->data_meta || u->data_end > a->data_size_in || u->data > u->data_end || u->data % 4 ||
	    u->data > META_MAX || u->data > XDP_ROOM - FRAME_OWN)
		return -EINVAL;
	if (a->data_size_in - u->data < RUN_ETH_LEN)
		return -EINVAL;
	if (u->egress_ifindex || (!u->ingress_ifindex && u->rx_queue_index))
		return -EINVAL;
	if (!u->ingress_ifindex)
		return 0;
	if (ifindex_check(a, u->ingress_ifindex))
		return -ENODEV;
	if (u->rx_queue_index)
		return -EINVAL; /* one queue is what every device has */
	xdp->ingress_ifindex = u->ingress_ifindex;
	return 0;
}

static int xdp_setup(struct run_frame *f, const struct test_run_args *a)
{
	u8 *page = (u8 *)f->mem + XDP_SIZE + BACK_SIZE;
	struct run_xdp *xdp = f->mem;
	struct xdp_md *u = back_of(f);
	u32 first, meta;
	int err;

	f->ctx = xdp;
	f->keep = a->has_ctx_in || a->has_ctx_out;
	err = ctx_take(a, u, sizeof(*u));
	if (err)
		return err;
	xdp->kind = RUN_CTX_XDP;
	xdp->ingress_ifindex = LOOPBACK;
	if (f->keep)
		err = facts_in(xdp, u, a);
	if (err)
		return err;
	meta = u->data;
	first = MIN(f->keep ? u->data_end : a->data_size_in, LINEAR_MAX + meta);
	if (a->data_size_in - first > FRAGS * PAGE)
		return -ENOMEM;
	xdp->head = page + FRAME_OWN;
	xdp->end = page + PAGE - TAIL;
	xdp->data = page + XDP_ROOM;
	xdp->data_meta = xdp->data - meta;
	xdp->data_end = xdp->data_meta + first;
	memcpy(xdp->data_meta, a->data_in, first);
	xdp->frag = page + PAGE;
	xdp->frag_len = a->data_size_in - first;
	if (xdp->frag_len)
		memcpy(xdp->frag, (const u8 *)a->data_in + first, xdp->frag_len);
	return 0;
}

static void xdp_finish(struct run_frame *f, struct test_run_out *out)
{
	const struct run_xdp *xdp = f->ctx;
	struct xdp_md *u = back_of(f);

	*out = (struct test_run_out){
		.data = xdp->data_meta,
		.size = (u32)(xdp->data_end - xdp->data_meta),
		.more = xdp->frag,
		.more_size = xdp->frag_len,
	};
	if (!f->keep)
		return;
	u->data = (u32)(xdp->data - xdp->data_meta);
	u->data_end = (u32)(xdp->data_end - xdp->data_meta);
	out->ctx = u;
	out->ctx_size = sizeof(*u);
}

const struct prog_run_ops xdp_run_ops = {
	.check = xdp_check,
	.mem_size = xdp_mem_size,
	.setup = xdp_setup,
	.begin = run_begin_nothing,
	.end = run_end_plain,
	.finish = xdp_finish,
};
