// SPDX-License-Identifier: BSD-2-Clause
/*
 * Driving packets: see drive.h.
 *
 * One operation, one guard and one CPU number serve many frames. The clock is
 * looked at now and then only: whether somebody waits for a CPU number, and how old the facts of devices are.
 *
 * A fault ends the frame that met it. Then the guard is set anew, and the next frame follows.
 */
#include "sys/drive.h"
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "prog/prog_slots.h"
#include "prog/stats.h"
#include "store/store.h"
#include "sys/drive_int.h"
#include "util/raw.h"

#define MS    1000000ull
#define TURN  (10 * MS)  /* as long as a CPU number is kept while others wait */
#define FRESH (100 * MS) /* from one look at lists that have not moved to the next */
#define LOOK  64u        /* frames between two looks at the clock */

u64 drive_now(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

/* ---- the CPU number ---- */

static int cpu_taken(struct drive *d, int cpu)
{
	if (cpu < 0)
		return cpu;
	d->run.r.cpu = (u32)cpu;
	d->turn = d->now = drive_now();
	return 0;
}

int drive_new_cpu(struct drive *d)
{
	prog_slot_give(d->op);
	return cpu_taken(d, prog_slot_take(d->op, d->ncpu, -1));
}

static int look_up(struct drive *d)
{
	d->now = drive_now();
	if (d->now - d->fresh > FRESH) {
		d->fresh = d->now;
		drive_points_stale(d);
	}
	if (d->now - d->turn <= TURN || !prog_slot_wanted())
		return 0;
	return cpu_taken(d, prog_slot_yield(d->op, d->ncpu, -1));
}

/* ---- frames ---- */

static int drive_some(void *arg)
{
	struct drive *d = arg;
	int err = 0;

	while (!err && d->left) {
		if (!d->data && !d->next(d->arg, &d->data, &d->len)) {
			d->data = NULL;
			break;
		}
		err = drive_frame(d);
		if (err)
			break;
		d->data = NULL;
		d->left--;
		if (!(d->totals.frames % LOOK))
			err = look_up(d);
	}
	return err;
}

/*
 * What is left of a frame whose program has faulted. Records of ring buffers that
 * it had reserved go to the dead, by giving up our own name; that the CPU number is held by.
 */
static int frame_faulted(struct drive *d)
{
	if (d->running < d->nr_counts) {
		d->counts[d->running].runs++;
		d->counts[d->running].faults++;
	}
	d->running = NO_COUNT;
	d->in_frame = false;
	d->totals.end[DRIVE_END_ABORTED]++;
	d->data = NULL;
	d->left--;
	drive_clones_drop(d);
	memset(d->run.r.ring, 0, sizeof(d->run.r.ring));
	prog_slot_give(d->op);
	op_disown(d->op);
	return cpu_taken(d, prog_slot_take(d->op, d->ncpu, -1));
}

static int drive_all(struct drive *d)
{
	int err;

	for (;;) {
		err = op_guarded(d->op, NULL, NULL, drive_some, d);
		if (err != -EFAULT)
			return err;
		if (!d->in_frame) /* a list, or the header of a program */
			return -EIO;
		err = frame_faulted(d);
		if (err)
			return err;
	}
}

int drive_run(struct drive *d, bool (*next)(void *arg, const u8 **data, u32 *len), void *arg, u64 max)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	d->op = op;
	d->next = next;
	d->arg = arg;
	d->left = max ? max : UINT64_MAX;
	d->timed = stats_wanted();
	d->running = NO_COUNT;
	d->in_frame = false;
	err = cpu_taken(d, prog_slot_take(op, d->ncpu, -1));
	if (!err)
		err = look_up(d);
	if (!err) {
		prog_run_open(&d->run, op, d->run.r.cpu);
		err = drive_all(d);
		prog_slot_give(op);
		prog_run_close(&d->run);
	}
	op_leave(op);
	return err;
}

/* ---- from open to close ---- */

#define AREA (3u * ROOM) /* room, spare, aside */

struct drive *drive_open(u32 ifindex, const struct drive_env *env)
{
	size_t own = ROUND_UP(sizeof(struct drive), PAGE);
	u8 *mem = raw_mmap(NULL, own + AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct drive *d = (struct drive *)mem;
	int err;

	if (IS_ERR(mem))
		return ERR_PTR(-ENOMEM);
	d->env = *env;
	d->room = d->base = mem + own;
	d->spare = d->base + ROOM;
	d->aside = d->spare + ROOM;
	d->ncpu = possible_cpus();
	d->caller.pid = d->caller.tid = (int)raw0(SYS_getpid);
	d->run.c = &d->caller;
	d->run.clone = drive_clone;
	d->run.ctx_size = UINT32_MAX;
	d->now = drive_now();
	d->own = drive_device(d, ifindex);
	err = d->own ? d->own->err : -ENOMEM;
	if (err) {
		drive_close(d);
		return ERR_PTR(err);
	}
	return d;
}

void drive_close(struct drive *d)
{
	drive_clones_drop(d);
	drive_devices_drop(d);
	if (d->counts)
		raw_munmap(d->counts, d->room_counts * sizeof(*d->counts));
	raw_munmap(d, ROUND_UP(sizeof(*d), PAGE) + AREA);
}

const struct drive_totals *drive_totals(const struct drive *d)
{
	return &d->totals;
}

const struct drive_count *drive_counts(const struct drive *d, u32 *n)
{
	*n = d->nr_counts;
	return d->counts;
}
