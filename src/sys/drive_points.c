// SPDX-License-Identifier: BSD-2-Clause
/*
 * Devices, their attach points, and the programs there, ready to run.
 *
 * A list names programs by id. One of them may be gone when it is looked for:
 * then the list is about to change, and is read again.
 */
#include <linux/pkt_cls.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "link/clsact.h"
#include "progtype/prog_types.h"
#include "sys/drive_int.h"
#include "util/raw.h"
#include "util/uapi.h"

#define MS     1000000ull
#define FACTS  (100 * MS) /* how long what is known of a device counts */
#define TRIES  200u       /* times that a list is read whose programs are gone */
#define COUNTS 64u        /* at first */

/* What stands at a hook. */
static const struct {
	u32 attach;
	enum prog_run run;
} hooks[DRIVE_POINTS] = {
	[DRIVE_XDP] = { BPF_XDP, RUN_XDP },
	[DRIVE_TCX_INGRESS] = { BPF_TCX_INGRESS, RUN_SKB },
	[DRIVE_TCX_EGRESS] = { BPF_TCX_EGRESS, RUN_SKB },
	[DRIVE_CLS_INGRESS] = { HOOK_CLSACT, RUN_SKB },
	[DRIVE_CLS_EGRESS] = { HOOK_CLSACT, RUN_SKB },
};

static void *pages(size_t n)
{
	void *p = raw_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return IS_ERR(p) ? NULL : p;
}

/* ---- devices ---- */

static void ask(struct drive *d, struct device *dev)
{
	dev->err = d->env.device(d->env.arg, dev->ifindex, &dev->facts);
	dev->asked = d->now;
}

static struct device *device_new(struct drive *d, u32 ifindex)
{
	struct device *dev = pages(sizeof(*dev));

	if (!dev)
		return NULL;
	dev->ifindex = ifindex;
	for (u32 i = 0; i < DRIVE_POINTS; i++) {
		dev->point[i].hook = i;
		dev->point[i].ifindex = ifindex;
	}
	ask(d, dev);
	return dev;
}

struct device *drive_device(struct drive *d, u32 ifindex)
{
	struct device **to = &d->bucket[ifindex % BUCKETS], *dev;

	for (dev = *to; dev; dev = dev->next)
		if (dev->ifindex == ifindex)
			break;
	if (!dev) {
		dev = device_new(d, ifindex);
		if (!dev)
			return NULL;
		dev->next = *to;
		*to = dev;
	} else if (d->now - dev->asked > FACTS) {
		ask(d, dev);
	}
	return dev;
}

/* ---- chains ---- */

static void chain_drop(struct chain_prog *c, u32 n)
{
	while (n)
		handle_put(c[--n].h);
}

static int prog_ready(struct drive *d, const struct point *pt, const struct attach_entry *e,
		      struct chain_prog *to)
{
	struct handle *h = handle_by_id(OBJ_PROG, e->prog_id);
	struct prog_image *i;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	i = prog_image_get(d->op, h);
	err = IS_ERR(i) ? (int)PTR_ERR(i) : i->row->run != hooks[pt->hook].run ? -EIO : 0;
	if (err) {
		handle_put(h);
		return err;
	}
	*to = (struct chain_prog){ .h = h, .image = i, .id = e->prog_id, .flags = e->flags };
	return 0;
}

/*
 * Is it a filter that runs here? A clsact has those of both directions, and those of chains that packets only
 * come to by a jump, which filters of this kind cannot make. One that drivers alone are to run says nothing
 * here, either.
 */
static bool filter_runs(const struct point *pt, const struct attach_entry *e, struct clsact_filter *f)
{
	u32 dir = pt->hook == DRIVE_CLS_INGRESS ? CLSACT_INGRESS : CLSACT_EGRESS;

	return clsact_of_entry(e, f) && f->dir == dir && !f->chain && !(f->gen & TCA_CLS_FLAGS_SKIP_SW);
}

/* The programs of the list that run at the hook; how many, or an errno. */
static int chain_make(struct drive *d, const struct point *pt, const struct attach_list *l,
		      struct chain_prog *to)
{
	bool filters = hooks[pt->hook].attach == HOOK_CLSACT;
	struct clsact_filter f;
	u32 nr = 0;

	for (u32 n = 0; n < l->nr; n++) {
		int err;

		if (filters && !filter_runs(pt, &l->e[n], &f))
			continue;
		err = prog_ready(d, pt, &l->e[n], &to[nr]);
		if (err) {
			chain_drop(to, nr);
			return err;
		}
		if (filters) {
			to[nr].classid = f.classid;
			to[nr].proto = f.proto;
			to[nr].direct = f.flags & TCA_BPF_FLAG_ACT_DIRECT;
		}
		nr++;
	}
	return (int)nr;
}

static void chain_take(struct drive *d, struct point *pt, const struct attach_list *l,
		       const struct chain_prog *chain, u32 nr)
{
	chain_drop(pt->prog, pt->nr);
	memcpy(pt->prog, chain, nr * sizeof(*chain));
	d->totals.lists += pt->taken != l->revision;
	pt->nr = nr;
	pt->revision = pt->taken = l->revision;
	for (u32 n = 0; n < pt->nr; n++) {
		struct chain_prog *c = &pt->prog[n];

		c->count = drive_count_of(d, pt->hook, pt->ifindex, c->id, c->h);
		d->ncpu = MIN(d->ncpu, c->image->ncpu);
	}
}

static int point_open(struct drive *d, struct point *pt)
{
	struct attach_key k = { hooks[pt->hook].attach, pt->ifindex, d->env.netns };
	struct attach_point *p;

	if (pt->p)
		return 0;
	p = attach_open(&k);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	pt->p = p;
	attach_drive(p); /* for people (pinfs ls): a store that is read-only can do without */
	return 0;
}

static void nap(void)
{
	struct timespec ts = { 0, MS };

	raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, 0);
}

/*
 * The end of a link whose holder was killed makes no new list: it is missed by who reads the list next. So
 * the driver's own points are looked at now and then, changed or not.
 */
void drive_points_stale(struct drive *d)
{
	d->own->point[DRIVE_XDP].revision = 0;
	d->own->point[DRIVE_TCX_INGRESS].revision = 0;
	d->own->point[DRIVE_CLS_INGRESS].revision = 0;
}

int point_take(struct drive *d, struct point *pt)
{
	struct chain_prog chain[ATTACH_MAX];
	struct attach_list l;
	int err = point_open(d, pt), nr = 0;

	for (u32 tries = 0; !err; tries++) {
		err = attach_list(pt->p, &l);
		if (!err && l.nr > ATTACH_MAX)
			err = -EIO;
		if (err)
			break;
		nr = chain_make(d, pt, &l, chain);
		if (nr >= 0)
			break;
		err = nr;
		if (err == -ENOENT && tries < TRIES) {
			err = 0;
			nap();
		}
	}
	if (!err)
		chain_take(d, pt, &l, chain, (u32)nr);
	return err;
}

int point_now(struct drive *d, struct point *pt)
{
	int err = pt->frame == d->totals.frames ? 0 : point_sync(d, pt);

	if (!err)
		pt->frame = d->totals.frames;
	return err;
}

void drive_devices_drop(struct drive *d)
{
	for (u32 b = 0; b < BUCKETS; b++) {
		while (d->bucket[b]) {
			struct device *dev = d->bucket[b];

			d->bucket[b] = dev->next;
			for (u32 i = 0; i < DRIVE_POINTS; i++) {
				chain_drop(dev->point[i].prog, dev->point[i].nr);
				if (dev->point[i].p)
					attach_close(dev->point[i].p);
			}
			raw_munmap(dev, sizeof(*dev));
		}
	}
}

/* ---- counts ---- */

static bool counts_grow(struct drive *d)
{
	u32 room = d->room_counts ? d->room_counts * 2 : COUNTS;
	struct drive_count *more = pages(room * sizeof(*more));

	if (!more)
		return false;
	if (d->counts) {
		memcpy(more, d->counts, d->nr_counts * sizeof(*more));
		raw_munmap(d->counts, d->room_counts * sizeof(*more));
	}
	d->counts = more;
	d->room_counts = room;
	return true;
}

u32 drive_count_of(struct drive *d, enum drive_hook hook, u32 ifindex, u32 prog_id, struct handle *h)
{
	struct drive_count *c = d->counts;
	struct opened *o;

	for (u32 i = 0; i < d->nr_counts; i++)
		if (c[i].prog_id == prog_id && c[i].hook == hook && c[i].ifindex == ifindex)
			return i;
	if (d->nr_counts == d->room_counts && !counts_grow(d))
		return NO_COUNT;
	c = &d->counts[d->nr_counts];
	*c = (struct drive_count){ .hook = hook, .ifindex = ifindex, .prog_id = prog_id };
	o = handle_open(h);
	if (!IS_ERR(o))
		memcpy(c->name, o->view.hdr->name, sizeof(c->name) - 1);
	return d->nr_counts++;
}
