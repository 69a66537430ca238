// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where redirects lead: interfaces, slots of maps, CPUs.
 *
 * What a helper noted in the run is taken once. A program that says REDIRECT without having called one
 * names interface 0, which there is not.
 */
#include <linux/bpf.h>
#include <string.h>
#include "map/map.h"
#include "sys/drive_int.h"

#define VLAN_LEN 4u

struct target {
	u64 index, flags;
	struct bpf_map *map;
};

static struct target take(struct drive *d)
{
	struct run *r = &d->run.r;
	struct target t = { r->redirect_index, r->redirect_flags, r->redirect_to };

	prog_run_no_redirect(r);
	return t;
}

/* ---- XDP: out of an interface ---- */

static u32 xdp_len(const struct run_xdp *xdp)
{
	return (u32)(xdp->data_end - xdp->data) + xdp->frag_len;
}

/* Interfaces that the frame can be sent by; the loopback device sends no XDP frames, but packets of the
 * stack. */
static struct device *sender(struct drive *d, u32 ifindex)
{
	struct device *dev = drive_device(d, ifindex);

	if (!dev || dev->err || !dev->facts.up || (dev->facts.loopback && !d->skb_mode))
		return NULL;
	return xdp_len(&d->xdp) <= dev->facts.mtu + RUN_ETH_LEN + VLAN_LEN ? dev : NULL;
}

/* A program of a slot; -1: there is none that can run. */
static s64 slot_prog(struct drive *d, u32 id, enum drive_hook hook, u32 ifindex, enum prog_run run)
{
	struct held *e = prog_run_find(&d->run, id);

	if (!e || e->image->row->run != run)
		return -1;
	return drive_prog(d, e->image, drive_count_of(d, hook, ifindex, id, e->h), &d->xdp, e->h);
}

/* How a sending ended, of those that a frame can come to. */
static enum drive_end send(struct drive *d, u32 ifindex, u32 prog_id)
{
	struct device *dev = sender(d, ifindex);
	s64 act = XDP_PASS;

	if (!dev)
		return DRIVE_END_FAILED;
	if (prog_id) {
		d->xdp.egress_ifindex = ifindex;
		act = slot_prog(d, prog_id, DRIVE_DEVMAP, ifindex, RUN_XDP);
	}
	if (act == XDP_PASS) {
		drive_out(d, DRIVE_BY_XDP, ifindex);
		return DRIVE_END_REDIRECT;
	}
	return act == XDP_DROP ? DRIVE_END_DROP : DRIVE_END_ABORTED;
}

/* ---- device maps ---- */

struct saved {
	struct run_xdp xdp;
	u32 n;
};

/* A program of a slot changes its own copy: what all get is put aside meanwhile. */
static void save(struct drive *d, struct saved *s)
{
	s->xdp = d->xdp;
	s->n = (u32)(d->xdp.end - d->room);
	memcpy(d->aside, d->room, s->n);
	memcpy(d->aside + s->n, d->xdp.frag, d->xdp.frag_len);
}

static void restore(struct drive *d, const struct saved *s)
{
	d->xdp = s->xdp;
	memcpy(d->room, d->aside, s->n);
	memcpy(d->xdp.frag, d->aside + s->n, d->xdp.frag_len);
}

static enum stage broadcast(struct drive *d, struct bpf_map *m, u64 flags)
{
	struct saved s = { .n = 0 };
	struct map_target to;
	u32 key, next;
	bool sent = false, more = !m->ops->next_key(d->op, m, NULL, &next);

	for (u32 i = 0; more && i < m->max_entries; i++) {
		key = next;
		more = !m->ops->next_key(d->op, m, &key, &next);
		if (m->ops->redirect(d->op, m, key, &to))
			continue;
		if (flags & BPF_F_EXCLUDE_INGRESS && to.ifindex == d->xdp.ingress_ifindex)
			continue;
		if (to.prog_id)
			save(d, &s);
		if (send(d, to.ifindex, to.prog_id) == DRIVE_END_REDIRECT)
			sent = true;
		if (to.prog_id)
			restore(d, &s);
	}
	return drive_end(d, sent ? DRIVE_END_REDIRECT : DRIVE_END_FAILED);
}

static enum stage to_devmap(struct drive *d, const struct target *t)
{
	struct map_target to;

	if (t->flags & BPF_F_BROADCAST)
		return broadcast(d, t->map, t->flags);
	if (t->map->ops->redirect(d->op, t->map, (u32)t->index, &to))
		return drive_end(d, DRIVE_END_FAILED);
	return drive_end(d, send(d, to.ifindex, to.prog_id));
}

/* The program works as the CPU that we are, not as the one that is meant. */
static enum stage to_cpumap(struct drive *d, const struct target *t)
{
	struct map_target to;
	s64 act = XDP_PASS;

	if (t->map->ops->redirect(d->op, t->map, (u32)t->index, &to))
		return drive_end(d, DRIVE_END_FAILED);
	d->totals.to_cpu++;
	if (d->skb_mode) {
		d->xdp.data_meta = d->xdp.data;
		d->redirected = true;
	}
	if (to.prog_id) {
		d->xdp.rx_queue_index = 0;
		act = slot_prog(d, to.prog_id, DRIVE_CPUMAP, d->xdp.ingress_ifindex, RUN_XDP);
	}
	switch (act) {
	case XDP_PASS: return STAGE_STACK;
	case XDP_REDIRECT: return STAGE_XDP_REDIRECT;
	case XDP_DROP: return drive_end(d, DRIVE_END_DROP);
	default: return drive_end(d, DRIVE_END_ABORTED);
	}
}

/* Maps of interfaces and CPUs, which have ops->redirect. A socket of an XSKMAP is a queue's of a real device:
 * what is sent there is lost. */
static const struct {
	u32 map_type;
	enum stage (*go)(struct drive *d, const struct target *t);
} by_map[] = {
	{ BPF_MAP_TYPE_DEVMAP, to_devmap },
	{ BPF_MAP_TYPE_DEVMAP_HASH, to_devmap },
	{ BPF_MAP_TYPE_CPUMAP, to_cpumap },
};

enum stage drive_xdp_redirect(struct drive *d)
{
	struct target t = take(d);

	if (!t.map)
		return drive_end(d, send(d, (u32)t.index, 0));
	for (u32 i = 0; i < ARRAY_SIZE(by_map); i++)
		if (by_map[i].map_type == t.map->map_type)
			return by_map[i].go(d, &t);
	return drive_end(d, DRIVE_END_FAILED);
}

/* ---- tc ---- */

enum stage drive_tc_redirect(struct drive *d)
{
	struct target t = take(d);
	struct device *dev = drive_device(d, (u32)t.index);

	/* Whose hardware address would be the neighbour's nobody knows here. */
	if (!dev || dev->err || !dev->facts.up || t.flags & RUN_REDIRECT_NEIGH ||
	    d->skb.data_end - d->skb.data < (long)RUN_ETH_LEN)
		return drive_end(d, DRIVE_END_FAILED);
	if (t.flags & RUN_REDIRECT_PEER) {
		if (!d->ingress || !dev->facts.has_peer)
			return drive_end(d, DRIVE_END_FAILED);
		drive_out(d, DRIVE_TO_PEER, dev->ifindex);
		return drive_end(d, DRIVE_END_REDIRECT);
	}
	d->at = dev;
	if (t.flags & BPF_F_INGRESS) {
		skb_scrub(&d->skb);
		return STAGE_GENERIC;
	}
	d->skb.tstamp = 0;
	return STAGE_EGRESS;
}
