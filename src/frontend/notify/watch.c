// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll on objects, for clients that have no library in them: static programs, raw system calls.
 *
 * The supervisor takes a copy of the client's epoll instance for the length of
 * epoll_ctl and registers there, under the client's data word, a description of its own, EPOLLET:
 *
 *     FIFO    of the object (store/wake.h): the producer wakes the client, and
 *             nobody is in between. One event at ADD and MOD that may say nothing.
 *     gate    a pipe of one page that the watcher opens and shuts. For EPOLLONESHOT,
 *             which an event that says nothing would use up, and for what is written to (EPOLLOUT).
 *     broken  a pipe without a reader: EPOLLERR for ever, as maps have it that cannot be waited for
 *
 * What nobody sees here is the client's reading, on which the kernel's
 * level-triggered answers depend. So a thread, the watcher, has the FIFOs of all
 * watched objects in an instance of its own. After an event it looks, and as long as the object
 * is still ready, it sends one more event: after 5 ms, then twice as late each time, up to half a second.
 * Who reads until nothing is left, as all known readers do, is not concerned;
 * who leaves something is told again.
 *
 *     objects[]  what is watched: handle, FIFO in the watcher's instance, when to look next
 *     watches[]  one registration: object, the client's number, our description
 *
 * Which of our descriptions are in an instance is asked of the kernel
 * (/proc/self/fdinfo of the copy), so that copies, forks and passed descriptors need no account.
 * A registration ends by DEL, with the instance (our description then stands in
 * nothing, until a sweep finds that), or with the object.
 *
 * One mutex over the tables. Nothing is done under it that could wait for a client.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "frontend/notify/notify.h"
#include "store/wake.h"
#include "sys/ready.h"
#include "sys/sys.h"
#include "util/raw.h"

#define FIRST_MS 5
#define LAST_MS  512
#define REST_US  2000
#define SWEEP_AT 64 /* registrations from which on ADD looks for those that stand in nothing */

enum kind { FIFO, GATE_IN, GATE_OUT, BROKEN };

struct object {
	struct handle *h; /* NULL: free */
	int fifo;         /* in the watcher's instance */
	int count;        /* bytes in it when the gates were told last */
	u32 users;        /* watches */
	u32 pause;        /* ms; 0: nothing to look for */
	u64 due;
};

struct watch {
	struct object *o; /* NULL: free */
	enum kind kind;
	int fd;      /* the client's number */
	int pid, ep; /* the process that has made it, and through which number */
	int ours;    /* in the client's instance */
	int far;     /* a gate's other end, or -1 */
	u32 events;  /* the client's */
	u64 ino;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct object **objects;
static struct watch **watches;
static u32 nobjects, nwatches, live, sweep_at = SWEEP_AT, gates;
static int hub = -1;

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* Gates. */

static void gate_open(const struct watch *w)
{
	char page[PAGE];

	if (w->kind == GATE_IN)
		raw3(SYS_write, w->far, "", 1);
	else
		raw_read(w->far, page, sizeof(page));
}

static void gate_shut(const struct watch *w)
{
	char page[PAGE] = { 0 };

	if (w->kind == GATE_IN)
		raw_read(w->ours, page, sizeof(page));
	else
		raw3(SYS_write, w->ours, page, sizeof(page));
}

static bool is_gate(const struct watch *w)
{
	return w->kind == GATE_IN || w->kind == GATE_OUT;
}

static bool wants(const struct watch *w, int bits)
{
	return bits & (int)(w->events | EPOLLERR | EPOLLHUP);
}

/* The watcher. */

/* Has a producer sent something since the gates were told? ADD and MOD are events, too. */
static bool woken(struct object *o)
{
	int was = o->count;

	return !ioctl(o->fifo, FIONREAD, &o->count) && o->count != was;
}

/* Tells the gates, if woken; true: somebody is to be told again who leaves something. */
static bool tell(struct object *o)
{
	bool again = false, gate = gates && woken(o);
	int bits;

	/* What is told once is told to who asks first: not to us, if it need not be. */
	if (!gate && !ready_stays(o->h))
		return false;
	bits = sys_poll_events(o->h);
	for (u32 i = 0; i < nwatches; i++) {
		const struct watch *w = watches[i];

		if (w->o != o || !wants(w, bits))
			continue;
		if (gate && is_gate(w)) {
			gate_shut(w);
			gate_open(w);
		}
		again |= !(w->events & (EPOLLET | EPOLLONESHOT));
	}
	return again && ready_stays(o->h);
}

/* Our own event comes back as one of a producer's: while there is a pause it changes nothing. */
static void on_event(struct object *o, u64 now)
{
	if (o->pause && !gates)
		return;
	if (!tell(o) || o->pause)
		return;
	o->pause = FIRST_MS;
	o->due = now + FIRST_MS;
}

static void on_time(struct object *o, u64 now)
{
	if (!tell(o)) {
		o->pause = 0;
		return;
	}
	wake_send(o->fifo);
	o->pause = MIN(o->pause * 2, LAST_MS);
	o->due = now + o->pause;
}

/* How long to wait, in ms. */
static int work(const struct epoll_event *ev, int n)
{
	u64 now = now_ms(), next = ~0ull;

	for (int i = 0; i < n; i++)
		if (objects[ev[i].data.u32]->h)
			on_event(objects[ev[i].data.u32], now);
	for (u32 i = 0; i < nobjects; i++) {
		struct object *o = objects[i];

		if (o->h && o->pause && o->due <= now)
			on_time(o, now);
		if (o->h && o->pause)
			next = MIN(next, o->due);
	}
	return next == ~0ull ? -1 : (int)(next - MIN(now, next));
}

static void *watcher(void *arg)
{
	struct epoll_event ev[64];
	int wait = -1, n;
	bool rest;

	for (;;) {
		n = epoll_wait(hub, ev, 64, wait);
		pthread_mutex_lock(&lock);
		wait = work(ev, MAX(n, 0));
		rest = !gates;
		pthread_mutex_unlock(&lock);
		/* What is only to be told again has time: a producer in a hurry does not wake us for each
		 * record. */
		if (rest)
			usleep(REST_US);
	}
	return NULL;
}

static bool watcher_start(void)
{
	pthread_attr_t attr;
	pthread_t t;
	bool ok;

	if (hub >= 0)
		return true;
	hub = epoll_create1(EPOLL_CLOEXEC);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ok = hub >= 0 && !pthread_create(&t, &attr, watcher, NULL);
	pthread_attr_destroy(&attr);
	if (!ok && hub >= 0) {
		close(hub);
		hub = -1;
	}
	return ok;
}

/* Tables. Elements keep their addresses, and are used again. */

static void *grown(void *table, u32 *n, u32 want, size_t size)
{
	void **t = realloc(*(void ***)table, want * sizeof(*t));

	if (!t)
		return NULL;
	*(void ***)table = t;
	t[*n] = calloc(1, size);
	return t[*n] ? t[(*n)++] : NULL;
}

static bool same(const struct handle *a, const struct handle *b)
{
	return a && a->type == b->type && a->id == b->id;
}

static void object_put(struct object *o)
{
	if (--o->users)
		return;
	raw_close(o->fifo);
	handle_put(o->h);
	o->h = NULL;
	o->pause = 0;
}

static struct object *object_get(struct handle *h, bool wakes)
{
	struct epoll_event ev = { .events = READY_HEAR };
	struct object *o = NULL;
	u32 i;

	for (i = 0; i < nobjects; i++) {
		if (same(objects[i]->h, h) && (objects[i]->fifo >= 0) == wakes) {
			objects[i]->users++;
			return objects[i];
		}
		if (!objects[i]->h)
			o = objects[i];
	}
	if (!o)
		o = grown(&objects, &nobjects, nobjects + 1, sizeof(*o));
	if (!o)
		return NULL;
	o->fifo = wakes ? ready_fd(h, false) : -1;
	if (wakes && o->fifo < 0)
		return NULL;
	for (i = 0; objects[i] != o;)
		i++;
	handle_ref(h);
	o->h = h;
	o->users = 1;
	o->pause = o->count = 0;
	ev.data.u32 = i;
	if (wakes)
		epoll_ctl(hub, EPOLL_CTL_ADD, o->fifo, &ev);
	return o;
}

static void watch_drop(struct watch *w)
{
	raw_close(w->ours);
	if (w->far >= 0)
		raw_close(w->far);
	gates -= is_gate(w);
	object_put(w->o);
	w->o = NULL;
	live--;
}

void watch_forget(enum obj_type type, u32 id)
{
	pthread_mutex_lock(&lock);
	for (u32 i = 0; i < nwatches; i++)
		if (watches[i]->o && watches[i]->o->h->type == type && watches[i]->o->h->id == id)
			watch_drop(watches[i]);
	pthread_mutex_unlock(&lock);
}

/* What the kernel has in an instance. */

static bool line_is(const char *line, const struct watch *w)
{
	unsigned long ino;
	int tfd;

	return sscanf(line, "tfd: %d events: %*x data: %*x pos:%*d ino:%lx", &tfd, &ino) == 2 &&
	       tfd == w->ours && ino == w->ino;
}

/* The registration of that object under that number, or any of ours if h is NULL. */
static struct watch *watch_in(int ep, int fd, const struct handle *h, const struct watch *only)
{
	char path[40], line[256];
	struct watch *found = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		for (u32 i = 0; i < nwatches && !found; i++) {
			struct watch *w = watches[i];

			if (w->o && (only ? w == only : w->fd == fd && same(w->o->h, h)) && line_is(line, w))
				found = w;
		}
	if (f)
		fclose(f);
	return found;
}

/* Those whose process is gone, or has closed the instance. (A child that has inherited it is not looked for.)
 */
static bool stands_in_nothing(const struct watch *w)
{
	int ep = pidfd_copy(w->pid, w->ep);
	bool none;

	if (ep < 0)
		return ep == -ESRCH || ep == -EBADF;
	none = !watch_in(ep, 0, NULL, w);
	raw_close(ep);
	return none;
}

static void sweep(void)
{
	for (u32 i = 0; i < nwatches; i++)
		if (watches[i]->o && stands_in_nothing(watches[i]))
			watch_drop(watches[i]);
	sweep_at = MAX(SWEEP_AT, 2 * live);
}

/* Registering. */

static int gate_make(struct watch *w)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	raw_fcntl(ends[1], F_SETPIPE_SZ, PAGE);
	w->ours = w->kind == GATE_IN ? ends[0] : ends[1];
	w->far = w->kind == GATE_IN ? ends[1] : ends[0];
	gate_shut(w);
	return 0;
}

static int broken_make(struct watch *w)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	raw_close(ends[0]);
	w->ours = ends[1];
	return 0;
}

static int ours_make(struct watch *w, struct handle *h)
{
	struct stat st;
	int err = 0;

	w->far = -1;
	if (w->kind == FIFO)
		w->ours = err = ready_fd(h, false);
	else
		err = w->kind == BROKEN ? broken_make(w) : gate_make(w);
	if (err < 0)
		return err;
	w->ino = raw_fstat(w->ours, &st) ? 0 : st.st_ino;
	return 0;
}

static enum kind kind_for(int bits, u32 events)
{
	if (bits == EPOLLERR)
		return BROKEN;
	if (bits & EPOLLOUT)
		return GATE_OUT;
	return events & EPOLLONESHOT ? GATE_IN : FIFO;
}

/* What the kernel is to look at: the bits that the object has, and what the client says of how. */
static u32 kernel_events(const struct watch *w, int bits)
{
	const u32 how = EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;

	if (w->kind == BROKEN)
		return w->events & how;
	return (w->events & (u32)bits) | (w->events & how) | EPOLLET;
}

static long tell_kernel(const struct watch *w, int ep, int op, int bits, u64 data)
{
	struct epoll_event ev = { .events = kernel_events(w, bits), .data.u64 = data };

	return epoll_ctl(ep, op, w->ours, &ev) ? -errno : 0;
}

/* As the kernel finds it: an event at once if it is ready. In any case the watcher has a look. */
static void begin(const struct watch *w)
{
	const struct object *o = w->o;
	struct epoll_event ev = { .events = READY_HEAR };

	if (is_gate(w) && wants(w, sys_poll_events(o->h)))
		gate_open(w);
	while (objects[ev.data.u32] != o)
		ev.data.u32++;
	if (w->kind == FIFO)
		epoll_ctl(hub, EPOLL_CTL_MOD, o->fifo, &ev);
}

static int process_of(int tid)
{
	char path[40], line[128];
	int pid = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "Tgid: %d", &pid) != 1)
		;
	if (f)
		fclose(f);
	return pid;
}

static struct watch *watch_free(void)
{
	for (u32 i = 0; i < nwatches; i++)
		if (!watches[i]->o)
			return watches[i];
	return grown(&watches, &nwatches, nwatches + 1, sizeof(struct watch));
}

static long add(const struct bpf_caller *c, int epfd, int ep, int fd, struct handle *h, u32 events, u64 data)
{
	int bits = ready_bits(h);
	struct object *o;
	struct watch *w;
	long err;

	if (!watcher_start())
		return -ENOMEM;
	if (live >= sweep_at)
		sweep();
	w = watch_free();
	if (!w)
		return -ENOMEM;
	*w = (struct watch){ .fd = fd,
			     .pid = process_of(c->tid),
			     .ep = epfd,
			     .events = events,
			     .kind = kind_for(bits, events) };
	err = ours_make(w, h);
	if (err)
		return err;
	o = object_get(h, w->kind != BROKEN);
	if (!o) {
		raw_close(w->ours);
		return -ENOMEM;
	}
	live++;
	gates += is_gate(w);
	if (is_gate(w))
		tell(o); /* the gates that were there: what comes from now on is news to this one, too */
	reaper_want_deletes();
	w->o = o;
	err = tell_kernel(w, ep, EPOLL_CTL_ADD, bits, data);
	if (err)
		watch_drop(w);
	else
		begin(w);
	return err;
}

/* A registration of another kind takes its place. */
static long change(const struct bpf_caller *c, struct watch *w, int epfd, int ep, u32 events, u64 data)
{
	struct handle *h = w->o->h;
	int bits = ready_bits(h), fd = w->fd;
	long err;

	if (kind_for(bits, events) != w->kind) {
		handle_ref(h);
		epoll_ctl(ep, EPOLL_CTL_DEL, w->ours, NULL);
		watch_drop(w);
		err = add(c, epfd, ep, fd, h, events, data);
		handle_put(h);
		return err;
	}
	if (is_gate(w)) {
		tell(w->o);
		gate_shut(w);
	}
	w->events = events;
	err = tell_kernel(w, ep, EPOLL_CTL_MOD, bits, data);
	if (!err)
		begin(w);
	return err;
}

#define EXCLUSIVE_MAY (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* With a copy of the client's instance. */
static long ctl_in(const struct bpf_caller *c, int epfd, int ep, int op, int fd, struct handle *h, u32 events,
		   u64 data)
{
	struct watch *w = watch_in(ep, fd, h, NULL);
	long err;

	if (events & EPOLLEXCLUSIVE &&
	    (op == EPOLL_CTL_MOD || (op == EPOLL_CTL_ADD && events & ~(u32)EXCLUSIVE_MAY)))
		return -EINVAL;
	switch (op) {
	case EPOLL_CTL_ADD: return w ? -EEXIST : add(c, epfd, ep, fd, h, events, data);
	case EPOLL_CTL_MOD:
		if (!w)
			return -ENOENT;
		return w->events & EPOLLEXCLUSIVE ? -EINVAL : change(c, w, epfd, ep, events, data);
	case EPOLL_CTL_DEL:
		if (!w)
			return -ENOENT;
		err = epoll_ctl(ep, EPOLL_CTL_DEL, w->ours, NULL) ? -errno : 0;
		watch_drop(w);
		return err;
	}
	return -EINVAL;
}

static bool is_epoll(int fd)
{
	char path[40], text[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	return !strcmp(text, "anon_inode:[eventpoll]");
}

long target_epoll_ctl(struct bpf_caller *c, int epfd, int op, int fd, struct handle *h, u32 events, u64 data)
{
	int ep = epfd < 0 ? -EBADF : pidfd_copy(c->tid, epfd);
	long ret = -EINVAL;

	if (ep < 0)
		return ep == -EBADF ? ep : SYS_CONTINUE;
	if (is_epoll(ep)) {
		pthread_mutex_lock(&lock);
		ret = ctl_in(c, epfd, ep, op, fd, h, events, data);
		pthread_mutex_unlock(&lock);
	}
	raw_close(ep);
	return ret;
}
