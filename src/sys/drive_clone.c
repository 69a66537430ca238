// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copies of packets that bpf_clone_redirect sends elsewhere.
 *
 * One that leaves by an interface does so at once, in the middle of the program
 * that made it, as on the kernel: what the program's run and the frame's way know is put aside meanwhile. One
 * that another interface receives waits until the frame has come to its end.
 *
 * A copy has memory of its own, which becomes d->room while it is on its way.
 */
#include <string.h>
#include <sys/mman.h>
#include "sys/drive_int.h"
#include "util/raw.h"

#define CLONES 64u /* of one frame, and of what they make */

struct clone {
	struct clone *next;
	struct device *at; /* that receives it; NULL: it has gone its way */
	struct run_skb skb;
	u8 room[] __attribute__((aligned(64)));
};

#define SIZE (sizeof(struct clone) + ROOM)

/* Pointers into one room, made into another. */
static void rebase(struct run_skb *skb, const u8 *from, u8 *to)
{
	u8 **p[] = {
		&skb->head, &skb->end, &skb->data, &skb->data_end, &skb->data_meta, &skb->mac, &skb->net
	};

	for (u32 i = 0; i < ARRAY_SIZE(p); i++)
		*p[i] = to + (*p[i] - from);
}

static struct clone *clone_new(struct drive *d)
{
	struct clone *c;

	if (d->nr_clones == CLONES)
		return NULL;
	c = raw_mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(c))
		return NULL;
	c->next = d->clones;
	d->clones = c;
	d->nr_clones++;
	c->skb = d->skb;
	memcpy(c->room, d->room, (size_t)(d->skb.data_end - d->room));
	rebase(&c->skb, d->room, c->room);
	d->skb.data_meta = d->skb.data; /* the copy has the meta data now */
	return c;
}

/* The copy's way out, from here to its end. */
static enum drive_end clone_out(struct drive *d, struct clone *c, struct device *dev)
{
	struct run run = d->run.r;
	struct prog_image *image = d->run.image;
	struct run_skb skb = d->skb;
	struct device *at = d->at;
	u32 depth = d->depth, running = d->running;
	bool ingress = d->ingress, cloned = d->cloned;
	u8 *room = d->room;

	d->room = c->room;
	d->skb = c->skb;
	d->at = dev;
	d->cloned = true;
	prog_run_no_redirect(&d->run.r);
	memset(d->run.r.ring, 0, sizeof(d->run.r.ring));
	drive_walk(d, STAGE_EGRESS);
	d->run.r = run;
	d->run.image = image;
	d->skb = skb;
	d->is_skb = true;
	d->at = at;
	d->depth = depth;
	d->running = running;
	d->ingress = ingress;
	d->cloned = cloned;
	d->room = room;
	return d->clone_end;
}

int drive_clone(struct running *p, void *ctx, u32 ifindex, u64 flags)
{
	struct drive *d = container_of(p, struct drive, run);
	struct device *dev = drive_device(d, ifindex);
	struct clone *c;

	if (ctx != &d->skb || !dev || dev->err)
		return -EINVAL;
	if (!dev->facts.up)
		return flags & BPF_F_INGRESS ? -ENOBUFS : -ENETDOWN;
	c = clone_new(d);
	if (!c)
		return -ENOMEM;
	if (flags & BPF_F_INGRESS) {
		c->at = dev;
		return 0;
	}
	switch (clone_out(d, c, dev)) {
	case DRIVE_END_DROP: return -ENOBUFS;
	case DRIVE_END_LOOP: return -ENETDOWN;
	default: return 0;
	}
}

/* The oldest that waits. */
static struct clone *waiting(const struct drive *d)
{
	struct clone *found = NULL;

	for (struct clone *c = d->clones; c; c = c->next)
		if (c->at)
			found = c;
	return found;
}

void drive_clones(struct drive *d)
{
	struct clone *c;

	d->cloned = true;
	while ((c = waiting(d))) {
		d->room = c->room;
		d->skb = c->skb;
		d->is_skb = true;
		d->generic = d->redirected = false;
		d->at = c->at;
		d->depth = 0;
		c->at = NULL;
		prog_run_no_redirect(&d->run.r);
		skb_scrub(&d->skb);
		drive_walk(d, STAGE_GENERIC);
	}
	drive_clones_drop(d);
}

void drive_clones_drop(struct drive *d)
{
	while (d->clones) {
		struct clone *c = d->clones;

		d->clones = c->next;
		raw_munmap(c, SIZE);
	}
	d->nr_clones = 0;
	d->cloned = false;
	d->room = d->base;
}
