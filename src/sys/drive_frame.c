// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way of a frame: from stage to stage until it has come to its end.
 *
 * Each stage looks at where the frame is (d->at) and what it is (XDP or socket buffer), and names the
 * next one. Only a redirect leads back, so a bound on the stages is one on redirects.
 */
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include "prog/prog.h"
#include "sys/drive_int.h"
#include "util/uapi.h"

#define TCX_NEXT     (-1)
#define TCX_PASS     0
#define TCX_DROP     2
#define TCX_REDIRECT 7

/* ---- one run ---- */

static void count_run(struct handle *h, u64 ns)
{
	struct opened *o = handle_open(h);
	struct prog_hdr *hdr = IS_ERR(o) ? NULL : (struct prog_hdr *)o->view.hdr;

	if (!hdr || !o->view.writable)
		return;
	atomic_fetch_add(&hdr->run_cnt, 1);
	atomic_fetch_add(&hdr->run_time_ns, ns);
}

static noinline u64 run_timed(struct drive *d, struct prog_image *i, void *ctx, struct handle *h)
{
	u64 began = drive_now(), r0 = prog_run_once(&d->run, i, ctx);

	count_run(h, drive_now() - began);
	return r0;
}

u32 drive_prog(struct drive *d, struct prog_image *i, u32 count, void *ctx, struct handle *h)
{
	struct drive_count *c;
	u32 r0, at;

	d->running = count;
	r0 = (u32)(likely(!d->timed) ? prog_run_once(&d->run, i, ctx) : run_timed(d, i, ctx, h));
	d->running = NO_COUNT;
	if (unlikely(count >= d->nr_counts))
		return r0;
	c = &d->counts[count];
	at = r0 + 1;
	c->runs++;
	c->verdict[MIN(at, DRIVE_VERDICTS - 1)]++;
	return r0;
}

/* ---- ends ---- */

enum stage drive_end(struct drive *d, enum drive_end e)
{
	if (d->cloned)
		d->clone_end = e;
	else
		d->totals.end[e]++;
	return STAGE_DONE;
}

static void out(struct drive *d, enum drive_way way, u32 ifindex, const u8 *data, u32 len)
{
	d->totals.out[way]++;
	if (d->env.out)
		d->env.out(d->env.arg, way, ifindex, data, len);
}

void drive_out(struct drive *d, enum drive_way way, u32 ifindex)
{
	const u8 *data = NULL;
	u32 len = 0;

	if (d->env.out)
		data = frame_bytes(d, &len);
	out(d, way, ifindex, data, len);
}

/* ---- XDP ---- */

static enum stage xdp_verdict(struct drive *d, u32 act)
{
	switch (act) {
	case XDP_PASS: return STAGE_STACK;
	case XDP_DROP: return drive_end(d, DRIVE_END_DROP);
	case XDP_REDIRECT: return STAGE_XDP_REDIRECT;
	case XDP_TX: drive_out(d, DRIVE_BY_TX, d->at->ifindex); return drive_end(d, DRIVE_END_TX);
	default: return drive_end(d, DRIVE_END_ABORTED);
	}
}

static enum stage xdp_run(struct drive *d, const struct chain_prog *p)
{
	return xdp_verdict(d, drive_prog(d, p->image, p->count, &d->xdp, p->h));
}

/* A frame from the device. Where nothing looks at it, it is not even copied. */
static enum stage stage_wire(struct drive *d)
{
	const struct point *xdp = &d->at->point[DRIVE_XDP], *tcx = &d->at->point[DRIVE_TCX_INGRESS],
			   *cls = &d->at->point[DRIVE_CLS_INGRESS];

	if (xdp->nr) {
		d->skb_mode = xdp->prog[0].flags & XDP_FLAGS_SKB_MODE;
		if (!xdp_set(d, d->data, d->len, xdp->prog[0].image->prog_flags & BPF_F_XDP_HAS_FRAGS))
			return drive_end(d, DRIVE_END_SIZE);
		return xdp_run(d, &xdp->prog[0]);
	}
	if (!tcx->nr && !cls->nr) {
		out(d, DRIVE_TO_STACK, d->at->ifindex, d->data, d->len);
		return drive_end(d, DRIVE_END_STACK);
	}
	skb_set(d, d->data, d->len);
	return STAGE_STACK;
}

/* A packet of the stack arrives at another device: only a program in generic mode sees it. */
static enum stage stage_generic(struct drive *d)
{
	struct point *pt = &d->at->point[DRIVE_XDP];

	if (point_now(d, pt))
		return drive_end(d, DRIVE_END_FAILED);
	if (!pt->nr || !(pt->prog[0].flags & XDP_FLAGS_SKB_MODE) || d->redirected)
		return STAGE_STACK;
	d->skb_mode = true;
	xdp_from_skb(d);
	return xdp_run(d, &pt->prog[0]);
}

/* ---- tc ---- */

/* The verdict of the first program that does not say "next"; what is none ends the chain as "next" does. */
static s32 chain_run(struct drive *d, const struct point *pt)
{
	s32 ret = TCX_NEXT;

	for (u32 i = 0; i < pt->nr && ret == TCX_NEXT; i++) {
		const struct chain_prog *p = &pt->prog[i];

		ret = (s32)drive_prog(d, p->image, p->count, &d->skb, p->h);
	}
	if (ret == TCX_PASS)
		d->skb.tc_index = d->skb.tc_classid;
	return ret == TCX_PASS || ret == TCX_DROP || ret == TCX_REDIRECT ? ret : TCX_NEXT;
}

/* What a filter makes of what its program returned; -1: it does not concern it. */
static s32 filter_verdict(struct drive *d, const struct chain_prog *p, s32 ret, u32 *classid)
{
	if (!p->direct) {
		/* It names a class, and does nothing with the packet. */
		*classid = ret == -1 ? p->classid : (u32)ret;
		return ret ? TC_ACT_OK : TC_ACT_UNSPEC;
	}
	*classid = (p->classid & TC_H_MAJ_MASK) | d->skb.tc_classid;
	switch (ret) {
	case TC_ACT_OK:
	case TC_ACT_SHOT:
	case TC_ACT_STOLEN:
	case TC_ACT_REDIRECT:
	case TC_ACT_TRAP: return ret;
	default: return TC_ACT_UNSPEC;
	}
}

/* The filters of a clsact: the first verdict counts. */
static s32 filters_run(struct drive *d, const struct point *pt)
{
	u32 proto = d->skb.vlan_present ? d->skb.vlan_proto : d->skb.protocol, classid = 0;
	s32 ret = TC_ACT_UNSPEC;

	for (u32 i = 0; i < pt->nr && ret == TC_ACT_UNSPEC; i++) {
		const struct chain_prog *p = &pt->prog[i];

		if (p->proto != proto && p->proto != __builtin_bswap16(ETH_P_ALL))
			continue;
		d->skb.tc_classid = p->classid;
		ret = (s32)drive_prog(d, p->image, p->count, &d->skb, p->h);
		ret = filter_verdict(d, p, ret, &classid);
	}
	if (ret == TC_ACT_OK)
		d->skb.tc_index = (u16)classid;
	return ret;
}

/* First tcx, then the clsact. */
static s32 tc_run(struct drive *d, const struct point *tcx, const struct point *cls)
{
	s32 ret = chain_run(d, tcx);

	return ret == TCX_NEXT && cls->nr ? filters_run(d, cls) : ret;
}

static bool is_gone(s32 verdict)
{
	return verdict == TC_ACT_SHOT || verdict == TC_ACT_STOLEN || verdict == TC_ACT_TRAP;
}

static enum stage stage_stack(struct drive *d)
{
	struct point *tcx = &d->at->point[DRIVE_TCX_INGRESS], *cls = &d->at->point[DRIVE_CLS_INGRESS];
	s32 ret;

	if (point_now(d, tcx) || point_now(d, cls))
		return drive_end(d, DRIVE_END_FAILED);
	if (tcx->nr || cls->nr) {
		if (!d->is_skb)
			skb_from_xdp(d);
		if (!skb_receive(d))
			return drive_end(d, DRIVE_END_SIZE);
		ret = tc_run(d, tcx, cls);
		if (is_gone(ret))
			return drive_end(d, DRIVE_END_DROP);
		d->ingress = true;
		if (ret == TC_ACT_REDIRECT)
			return STAGE_TC_REDIRECT;
	}
	drive_out(d, DRIVE_TO_STACK, d->at->ifindex);
	return drive_end(d, DRIVE_END_STACK);
}

static enum stage stage_egress(struct drive *d)
{
	struct point *tcx = &d->at->point[DRIVE_TCX_EGRESS], *cls = &d->at->point[DRIVE_CLS_EGRESS];
	s32 ret;

	if (d->depth++ > RECURSION)
		return drive_end(d, DRIVE_END_LOOP);
	if (point_now(d, tcx) || point_now(d, cls))
		return drive_end(d, DRIVE_END_FAILED);
	d->skb.ifindex = d->at->ifindex;
	d->skb.wire_len = d->skb.len;
	ret = tc_run(d, tcx, cls);
	if (is_gone(ret))
		return drive_end(d, DRIVE_END_DROP);
	d->ingress = false;
	if (ret == TC_ACT_REDIRECT)
		return STAGE_TC_REDIRECT;
	/* A device without a queue sends no deeper than that. */
	if (d->depth > RECURSION)
		return drive_end(d, DRIVE_END_LOOP);
	drive_out(d, DRIVE_BY_TC, d->at->ifindex);
	return drive_end(d, DRIVE_END_REDIRECT);
}

/* ---- all of it ---- */

static enum stage (*const stages[])(struct drive *d) = {
	[STAGE_WIRE] = stage_wire,
	[STAGE_XDP_REDIRECT] = drive_xdp_redirect,
	[STAGE_GENERIC] = stage_generic,
	[STAGE_STACK] = stage_stack,
	[STAGE_TC_REDIRECT] = drive_tc_redirect,
	[STAGE_EGRESS] = stage_egress,
};

void drive_walk(struct drive *d, enum stage s)
{
	for (u32 rounds = 0; s != STAGE_DONE; rounds++)
		s = rounds < ROUNDS ? stages[s](d) : drive_end(d, DRIVE_END_LOOP);
}

int drive_frame(struct drive *d)
{
	struct device *dev = d->own;
	int err = point_sync(d, &dev->point[DRIVE_XDP]);

	if (!err)
		err = point_sync(d, &dev->point[DRIVE_TCX_INGRESS]);
	if (!err)
		err = point_sync(d, &dev->point[DRIVE_CLS_INGRESS]);
	/* A program may want fewer CPU numbers than the one we are. */
	if (!err && unlikely(d->run.r.cpu >= d->ncpu))
		err = drive_new_cpu(d);
	if (unlikely(err))
		return err;
	d->in_frame = true;
	d->totals.frames++;
	d->totals.bytes += d->len;
	dev->point[DRIVE_XDP].frame = dev->point[DRIVE_TCX_INGRESS].frame =
		dev->point[DRIVE_CLS_INGRESS].frame = d->totals.frames;
	d->at = dev;
	d->depth = 0;
	d->is_skb = d->generic = d->skb_mode = d->redirected = false;
	d->skb.vlan_present = 0;
	prog_run_no_redirect(&d->run.r);
	if (unlikely(d->len < DRIVE_FRAME_MIN || d->len > DRIVE_FRAME_MAX))
		drive_end(d, DRIVE_END_SIZE);
	else
		drive_walk(d, STAGE_WIRE);
	if (unlikely(d->clones))
		drive_clones(d);
	d->in_frame = false;
	return 0;
}
