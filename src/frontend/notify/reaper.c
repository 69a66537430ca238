// SPDX-License-Identifier: BSD-2-Clause
/*
 * The supervisor's eye on dead objects.
 *
 * A process that dies drops its descriptions, and nobody of the run may look at
 * the object again: so the directories of the ids are watched, and an object
 * whose descriptions are closed is tried (obj_reap).
 *
 * Two facts shape it. The kernel reports a close before it drops the lock, so
 * the first try may come too early. And a try opens and closes the file itself,
 * which is reported too, merged with others' reports, and cannot be told apart.
 * So a reported object goes into a list of pending ones, is tried a few times
 * with growing pauses, and reports about a pending object change nothing:
 *
 *     report -> try after 8, 2, 16, 128 ms -> forgotten until the next report
 *     the same, pinned -> forgotten; objects that care for user references or closes are tried once more,
 *                         a program of which links may keep names without need like one that has none
 *
 * Who walks all ids, or gets and closes pins, makes a report each time, of objects that the store remembers
 * to be pinned (obj_marked). These wait in a ring of their own and are looked at by one system call, a few in
 * each round, so that the supervisor takes no part of the time of who works. What does not fit is found by
 * going through all ids, as slowly.
 *
 * A report also costs its client a tenth of what it does. So when a round brings hundreds of no use, of
 * pinned objects or of such as their clients have settled, the reaper dozes: no closes are reported for
 * DOZE_MS, and then all objects that are not marked count as reported. It does so only where these are few.
 *
 * Only closes of descriptions that could write are reported, and all of BTF,
 * which has no others: what looks and reaps opens for reading. A map of which
 * a killed process had nothing but read-only fds waits for the next look.
 *
 * The first try waits since most objects are settled by the client that closes
 * them, whose directory is better left alone. Deletions are reported only where this process keeps something
 * of objects, as for static clients.
 *
 * An object closed between its last try and that try's own report waits for the
 * next look by anyone.
 *
 * A process that changes objects has a description of STORE/actors until it ends. When
 * one is closed, maps that somebody waits for are looked at as often as an object is tried: a
 * reader of a ring buffer may sleep before a record whose producer will not come back.
 * The same when a run of this process was left with records open, as that of a static client that was killed.
 *
 * Input is read only once in REST_MS, so that a client
 * that opens and closes all the time does not wake this thread each time.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "frontend/notify/notify.h"
#include "shm/actor.h"
#include "store/store.h"
#include "sys/sys.h"

#define PENDING  16384 /* objects tried at once; more: all are swept */
#define TRIES    4
#define FIRST_MS 8 /* from a report to the first try */
#define REST_MS  8 /* between two looks at the reports */
#define MARKED   16384u
#define SLICE    256 /* marked ones in each round */
#define FLOOD    512 /* reports in a round that were of no use make the reaper doze */
#define DOZE_MS  64
#define FEW      256 /* unmarked objects that are looked at after a doze */

struct pending {
	struct pending *next; /* in the bucket */
	enum obj_type type;
	u32 id;
	u32 tries; /* done */
	u64 due;   /* ms */
};

#define BUCKETS 4096
static struct pending *buckets[BUCKETS];
static u32 npending;
static bool all_due; /* reports were lost */
static int watch_fd = -1;
static int watch_type[64]; /* by watch descriptor */
static int actors_watch = -1;
static u32 looks = TRIES; /* at maps that are waited for, done; TRIES: none is due */
static u64 look_due;      /* ms */
static u32 renewals;      /* actor_renewals, when it was read last */

static struct {
	struct {
		u32 type, id;
	} ring[MARKED];
	u32 in, out;
	bool lost;    /* some did not fit: go through all ids, from here */
	bool another; /* more since that was begun: once more after it */
	u32 type, id;
} marked;

static u32 settled; /* closes reported in this round that nobody needs to look at */

static u64 doze_end; /* ms; 0: awake */
static _Atomic bool deletes_wanted;

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static struct pending **pending_find(enum obj_type type, u32 id)
{
	struct pending **p = &buckets[(id * OBJ_TYPES + type) % BUCKETS];

	while (*p && ((*p)->type != type || (*p)->id != id))
		p = &(*p)->next;
	return p;
}

static void pending_add(enum obj_type type, u32 id)
{
	struct pending **at = pending_find(type, id), *p;

	if (*at)
		return;
	p = npending < PENDING ? malloc(sizeof(*p)) : NULL;
	if (!p) {
		all_due = true;
		return;
	}
	*p = (struct pending){ .type = type, .id = id, .due = now_ms() + FIRST_MS };
	*at = p;
	npending++;
}

static void try_one(struct pending *p, u64 now)
{
	bool cares;

	/* Links beside the id: pins, or references of other objects. */
	if (!p->tries && store_hinted(p->type, p->id) && obj_linked(p->type, p->id, &cares)) {
		p->tries = cares ? TRIES - 1 : TRIES;
		p->due = now + REST_MS;
		return;
	}
	if (obj_reap(p->type, p->id) == 1)
		p->tries = TRIES;
	else
		p->tries++;
	p->due = now + (2u << (3 * (p->tries - 1)));
}

static void try_due(u64 now)
{
	for (u32 i = 0; i < BUCKETS && npending; i++)
		for (struct pending *p = buckets[i]; p; p = p->next)
			if (p->due <= now)
				try_one(p, now);
}

/* Only after the reports of the last tries have been read: they find it pending. */
static void drop_tried(void)
{
	for (u32 i = 0; i < BUCKETS && npending; i++)
		for (struct pending **at = &buckets[i], *p; (p = *at);) {
			if (p->tries < TRIES) {
				at = &p->next;
				continue;
			}
			*at = p->next;
			free(p);
			npending--;
		}
}

static void marked_lost(void)
{
	marked.another = marked.lost;
	if (!marked.lost)
		marked.type = marked.id = 0;
	marked.lost = true;
}

static void marked_add(enum obj_type type, u32 id)
{
	u32 last = (marked.in - 1) % MARKED;

	if (marked.in != marked.out && marked.ring[last].id == id && marked.ring[last].type == type)
		return;
	if (marked.in - marked.out == MARKED) {
		marked_lost();
		return;
	}
	marked.ring[marked.in % MARKED].type = type;
	marked.ring[marked.in % MARKED].id = id;
	marked.in++;
}

static void try_marked(void)
{
	bool cares;

	for (u32 n = 0; n < SLICE && marked.in != marked.out; n++) {
		enum obj_type type = (enum obj_type)marked.ring[marked.out % MARKED].type;
		u32 id = marked.ring[marked.out++ % MARKED].id;

		if (!obj_linked(type, id, &cares) || cares)
			pending_add(type, id);
	}
	/* A look at each is what obj_next_id does. */
	for (u32 n = 0; n < SLICE && marked.lost && marked.in == marked.out; n++) {
		if (!store_type(marked.type) ||
		    obj_next_id((enum obj_type)marked.type, marked.id, &marked.id)) {
			marked.id = 0;
			marked.type = (marked.type + 1) % OBJ_TYPES;
			marked.lost = marked.type || marked.another;
			marked.another &= marked.type != 0;
		}
	}
}

static void look_again(void)
{
	looks = 0;
	look_due = now_ms() + FIRST_MS;
}

static void look_at_waited(u64 now)
{
	if (renewals != actor_renewals) {
		renewals = actor_renewals;
		look_again();
	}
	if (looks == TRIES || look_due > now)
		return;
	sys_gc_waited();
	looks++;
	look_due = now + (2u << (3 * (looks - 1)));
}

static int parse_id(const char *name, u32 *id)
{
	char *end;

	if (*name < '1' || *name > '9')
		return -1;
	*id = (u32)strtoul(name, &end, 10);
	return *end ? -1 : 0;
}

static void event(const struct inotify_event *e)
{
	enum obj_type type;
	u32 id;

	if (e->mask & IN_Q_OVERFLOW) {
		all_due = true;
		look_again();
		return;
	}
	if (e->wd == actors_watch) {
		look_again();
		return;
	}
	if (e->wd < 0 || e->wd >= (int)ARRAY_SIZE(watch_type) || !e->len || parse_id(e->name, &id))
		return;
	type = (enum obj_type)watch_type[e->wd];
	if (e->mask & IN_DELETE) {
		target_forget(type, id);
		watch_forget(type, id);
		return;
	}
	if (obj_marked(type, id)) {
		settled++;
		marked_add(type, id);
	} else {
		/* Without its bit it is settled already, or its maker was killed just before he set it. */
		settled += !store_hinted(type, id);
		pending_add(type, id);
	}
}

static void read_events(void)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t n;

	while (watch_fd >= 0 && (n = read(watch_fd, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;
		     p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len)
			event((struct inotify_event *)p);
}

/* Which reports are wanted; descriptors of BTF and links are for reading. */
static bool watch_ids(bool closes)
{
	bool deletes = deletes_wanted;
	char path[PATH_MAX];

	for (unsigned t = 0; t < OBJ_TYPES; t++) {
		u32 close_mask = t == OBJ_BTF || t == OBJ_LINK ? IN_CLOSE : IN_CLOSE_WRITE;
		int wd;

		if (!store_type(t))
			continue;
		snprintf(path, sizeof(path), "%s/%s", the_store.path, store_type(t)->dir);
		/* A mask must not be empty; the directory itself never goes. */
		wd = inotify_add_watch(watch_fd, path,
				       IN_DELETE_SELF | (deletes ? IN_DELETE : 0) |
					       (closes ? close_mask : 0));
		if (wd < 0 || wd >= (int)ARRAY_SIZE(watch_type))
			return false;
		watch_type[wd] = (int)t;
	}
	/* Another thread may have added to what was replaced here. */
	return deletes == deletes_wanted || watch_ids(closes);
}

void reaper_want_deletes(void)
{
	char path[PATH_MAX];

	if (deletes_wanted || watch_fd < 0)
		return;
	deletes_wanted = true;
	for (unsigned t = 0; t < OBJ_TYPES; t++) {
		if (!store_type(t))
			continue;
		snprintf(path, sizeof(path), "%s/%s", the_store.path, store_type(t)->dir);
		inotify_add_watch(watch_fd, path, IN_DELETE | IN_MASK_ADD);
	}
}

static bool few_unmarked(void)
{
	u32 n = 0;

	for (unsigned t = 0; t < OBJ_TYPES; t++)
		for (u32 id = 0; store_type(t) && n <= FEW && !obj_next_unmarked(t, id, &id);)
			n++;
	return n <= FEW;
}

static void doze(u64 now)
{
	if (settled >= FLOOD && !doze_end && few_unmarked() && watch_ids(false))
		doze_end = now + DOZE_MS;
	settled = 0;
}

/* First the reports are on again, then what they would have said is made up for. */
static void wake(void)
{
	doze_end = 0;
	if (!watch_ids(true))
		all_due = true;
	for (unsigned t = 0; t < OBJ_TYPES; t++)
		for (u32 id = 0; store_type(t) && !all_due && !obj_next_unmarked(t, id, &id);)
			pending_add(t, id);
	marked_lost();
}

int reaper_run(void)
{
	static u64 rested;
	u64 now = now_ms();

	if (now < rested)
		return (int)(rested - now);
	if (doze_end && now >= doze_end)
		wake();
	read_events();
	doze(now);
	try_marked();
	try_due(now);
	look_at_waited(now);
	if (all_due) {
		all_due = false;
		reaper_sweep();
	}
	read_events();
	drop_tried();
	rested = now_ms() + REST_MS;
	return npending || looks < TRIES || marked.in != marked.out || marked.lost || doze_end ? REST_MS : -1;
}

void reaper_sweep(void)
{
	bool cares;

	for (unsigned t = 0; t < OBJ_TYPES; t++)
		for (u32 id = 0; store_type(t) && !obj_next_id(t, id, &id);)
			if (!obj_linked(t, id, &cares) || cares)
				obj_reap(t, id);
}

void reaper_last(void)
{
	read_events();
	while (marked.in != marked.out)
		try_marked();
	for (u32 i = 0; i < BUCKETS; i++)
		for (struct pending *p = buckets[i]; p; p = p->next)
			obj_reap(p->type, p->id);
	if (all_due || marked.lost || doze_end || watch_fd < 0)
		reaper_sweep();
}

/* The file is made by the first process that needs it: we are one. */
static void watch_actors(void)
{
	char path[PATH_MAX];

	actor_self();
	snprintf(path, sizeof(path), "%s/actors", the_store.path);
	actors_watch = inotify_add_watch(watch_fd, path, IN_CLOSE_WRITE);
}

int reaper_open(void)
{
	watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch_fd >= 0 && !watch_ids(true)) {
		close(watch_fd);
		watch_fd = -1;
	}
	if (watch_fd >= 0)
		watch_actors();
	return watch_fd;
}
