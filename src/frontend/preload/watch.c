// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of registrations: see watch.h.
 *
 *     watch   FREE --claim--> BUSY --publish--> LIVE --drop--> BUSY --> FREE
 *
 * Only who made the change to BUSY by compare-and-swap writes the other fields.
 * A reader takes a reference of the handle from a count above zero and looks at the
 * state again; handles are type-stable (sys/handle.h).
 *
 * A word of eptab is 0 (not known), NO_EP (looked up, has none of ours; dropped
 * when some instance gets its first), or a struct ep, which counts its numbers.
 */
#include "frontend/preload/watch.h"
#include "store/dirscan.h"
#include "store/own_fd.h"
#include "store/store.h"
#include "sys/ready.h"
#include "util/slab.h"
#include "util/str.h"

struct ep {
	void *slab_link;
	_Atomic u32 names; /* words of eptab */
};

#define NO_EP 1ull

_Atomic u32 watch_count;
static struct watch *_Atomic watches;
static struct slab watch_slab = SLAB(struct watch);
static struct slab ep_slab = SLAB(struct ep);
static _Atomic u64 *_Atomic eptab[FDTAB_SIZE];

/* Numbers. */

static _Atomic u64 *ep_word(int fd, bool make)
{
	_Atomic u64 *page, *none = NULL;
	u32 n = (u32)fd;

	if (n >= FDTAB_SIZE * FDTAB_SIZE)
		return NULL;
	page = atomic_load(&eptab[n / FDTAB_SIZE]);
	if (!page && make) {
		page = raw_mmap(NULL, FDTAB_SIZE * sizeof(u64), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (IS_ERR(page))
			return NULL;
		if (!atomic_compare_exchange_strong(&eptab[n / FDTAB_SIZE], &none, page)) {
			raw_munmap(page, FDTAB_SIZE * sizeof(u64));
			page = none;
		}
	}
	return page ? &page[n % FDTAB_SIZE] : NULL;
}

static void forget_none(void)
{
	for (u32 i = 0; i < FDTAB_SIZE; i++) {
		_Atomic u64 *page = atomic_load(&eptab[i]);

		for (u32 j = 0; page && j < FDTAB_SIZE; j++) {
			u64 none = NO_EP;

			atomic_compare_exchange_strong(&page[j], &none, 0);
		}
	}
}

static void watch_drop(struct watch *w);

static void ep_put(struct ep *ep)
{
	if (atomic_fetch_sub(&ep->names, 1) != 1)
		return;
	for (struct watch *w = NULL; (w = watch_next(w, ep));)
		watch_drop(w);
	slab_put(&ep_slab, ep);
}

static void name_drop(int fd)
{
	_Atomic u64 *word = ep_word(fd, false);
	u64 old = word ? atomic_exchange(word, 0) : 0;

	if (old <= NO_EP)
		return;
	ep_put((struct ep *)old);
	atomic_fetch_sub(&watch_count, 1);
}

/* In a number that is not known, or known to have none of ours. */
static bool name_set(int fd, struct ep *ep)
{
	_Atomic u64 *word = ep_word(fd, true);
	u64 old = word ? atomic_load(word) : 0;

	if (!word)
		return false;
	atomic_fetch_add(&ep->names, 1);
	atomic_fetch_add(&watch_count, 1);
	while (old <= NO_EP)
		if (atomic_compare_exchange_weak(word, &old, (u64)ep))
			return true;
	atomic_fetch_sub(&watch_count, 1);
	atomic_fetch_sub(&ep->names, 1);
	return old == (u64)ep;
}

/* What the kernel says: "tfd:  7 events: ... ino:1234 sdev:..." a line, for each item of the instance. */

static u64 get_hex(const char **p)
{
	u64 v = 0;

	for (; (**p >= '0' && **p <= '9') || (**p >= 'a' && **p <= 'f'); (*p)++)
		v = v * 16 + (u64)(**p <= '9' ? **p - '0' : **p - 'a' + 10);
	return v;
}

static struct watch *item_watch(const char *line)
{
	const char *end, *ino = strstr(line, "ino:");
	u64 tfd, n;

	while (*line == ' ')
		line++;
	tfd = str_get_u64(line, &end);
	if (end == line || !ino)
		return NULL;
	ino += 4;
	n = get_hex(&ino);
	for (struct watch *w = atomic_load(&watches); w; w = w->next)
		if (atomic_load(&w->state) == WATCH_LIVE && w->wake == (int)tfd && w->wake_ino == n)
			return w;
	return NULL;
}

/* Calls fn for each line of a file of /proc, as far as LINE goes, until it says true. */
#define LINE 160
static bool any_line(const char *path, bool (*fn)(const char *line, void *arg), void *arg)
{
	char buf[1024], line[LINE];
	bool found = false;
	u32 len = 0;
	long n;
	int fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return false;
	while (!found && (n = raw_read(fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n && !found; i++) {
			if (buf[i] != '\n') {
				if (len < LINE - 1)
					line[len++] = buf[i];
				continue;
			}
			line[len] = 0;
			len = 0;
			found = fn(line, arg);
		}
	raw_close(fd);
	return found;
}

static bool line_watch(const char *line, void *arg)
{
	struct watch **w = arg;

	*w = str_starts(line, "tfd:") ? item_watch(line + 4) : NULL;
	return *w;
}

/* Some watch among the items of an instance, or NULL. */
static struct watch *kernel_watch(int epfd)
{
	struct watch *w = NULL;
	char path[40];

	str_put_u64(str_put(path, "/proc/self/fdinfo/"), (u32)epfd, 10);
	any_line(path, line_watch, &w);
	return w;
}

static noinline struct ep *ep_ask(int epfd, _Atomic u64 *word)
{
	struct watch *w = kernel_watch(epfd);
	struct ep *ep = w ? w->ep : NULL;
	u64 none = 0;

	if (ep && name_set(epfd, ep))
		return ep;
	if (!ep)
		atomic_compare_exchange_strong(word, &none, NO_EP);
	return ep;
}

struct ep *watch_ep(int epfd)
{
	_Atomic u64 *word = ep_word(epfd, true);
	u64 v = word ? atomic_load(word) : NO_EP;

	if (likely(v))
		return v == NO_EP ? NULL : (struct ep *)v;
	return ep_ask(epfd, word);
}

/* Before something is changed: closed and opened anew behind our back, a number is another instance's. */
static struct ep *ep_sure(int epfd)
{
	struct ep *ep = watch_ep(epfd);
	struct watch *w;

	if (!ep || !watch_next(NULL, ep))
		return ep;
	w = kernel_watch(epfd);
	if (w && w->ep == ep)
		return ep;
	name_drop(epfd);
	return watch_ep(epfd);
}

static struct ep *ep_new(int epfd)
{
	struct ep *ep = slab_get(&ep_slab);

	if (!ep)
		return NULL;
	atomic_store(&ep->names, 0);
	if (name_set(epfd, ep)) {
		forget_none();
		return ep;
	}
	slab_put(&ep_slab, ep);
	return NULL;
}

/* Watches. */

struct watch *watch_next(struct watch *w, const struct ep *ep)
{
	for (w = w ? w->next : atomic_load(&watches); w; w = w->next)
		if (atomic_load(&w->state) == WATCH_LIVE && w->ep == ep)
			return w;
	return NULL;
}

struct watch *watch_find(const struct ep *ep, int fd, const struct handle *h)
{
	for (struct watch *w = NULL; ep && (w = watch_next(w, ep));)
		if (w->fd == fd && w->h->type == h->type && w->h->id == h->id)
			return w;
	return NULL;
}

static struct watch *watch_claim(void)
{
	struct watch *w;

	for (w = atomic_load(&watches); w; w = w->next) {
		u32 free = WATCH_FREE;

		if (atomic_compare_exchange_strong(&w->state, &free, WATCH_BUSY))
			return w;
	}
	w = slab_get(&watch_slab);
	if (!w)
		return NULL;
	atomic_store(&w->state, WATCH_BUSY);
	w->next = atomic_load(&watches);
	while (!atomic_compare_exchange_weak(&watches, &w->next, w))
		;
	return w;
}

static void watch_drop(struct watch *w)
{
	u32 live = WATCH_LIVE;

	if (!atomic_compare_exchange_strong(&w->state, &live, WATCH_BUSY))
		return;
	own_fd_close(w->wake); /* the kernel's item goes with the last copy of the description */
	handle_put(w->h);
	atomic_fetch_sub(&watch_count, 1);
	atomic_store(&w->state, WATCH_FREE);
}

static long tell_kernel(int epfd, int op, const struct watch *w)
{
	struct epoll_event ev = { .events = READY_HEAR, .data.u64 = w->data };

	return raw4(SYS_epoll_ctl, epfd, op, w->wake, &ev);
}

void watch_again(int epfd, const struct watch *w)
{
	tell_kernel(epfd, EPOLL_CTL_MOD, w);
}

static void fill(struct watch *w, struct ep *ep, int fd, struct handle *h, const struct epoll_event *ev)
{
	w->ep = ep;
	w->pid = pre_process->pid;
	w->fd = fd;
	w->h = h;
	w->data = ev->data.u64;
	atomic_store(&w->holder, fd);
	atomic_store(&w->events, ev->events);
	atomic_store(&w->off, false);
}

/* The description to register. */
static int open_wake(struct watch *w, struct handle *h)
{
	struct stat st;

	w->wake = own_fd_take(ready_fd(h, true));
	if (w->wake < 0)
		return w->wake;
	if (raw_fstat(w->wake, &st))
		st.st_ino = 0;
	w->wake_ino = st.st_ino;
	return 0;
}

/* Live before the kernel has it, for another thread may get the first event. */
static long publish(int epfd, struct watch *w)
{
	struct handle *h = w->h;
	long err;

	handle_ref(h);
	atomic_fetch_add(&watch_count, 1);
	atomic_store(&w->state, WATCH_LIVE);
	err = tell_kernel(epfd, EPOLL_CTL_ADD, w);
	if (err)
		watch_drop(w);
	else
		handle_put(h);
	return err;
}

long watch_add(int epfd, int fd, struct handle *h, const struct epoll_event *ev)
{
	struct ep *ep = atomic_load(&watch_count) ? ep_sure(epfd) : NULL, *made = NULL;
	struct watch *w;
	long err;

	if (watch_find(ep, fd, h))
		return -EEXIST;
	w = watch_claim();
	if (!w)
		return -ENOMEM;
	err = open_wake(w, h);
	if (!err && !ep)
		ep = made = ep_new(epfd);
	if (!err && !ep) {
		own_fd_close(w->wake);
		err = -ENOMEM;
	}
	if (err) {
		atomic_store(&w->state, WATCH_FREE);
		return err;
	}
	fill(w, ep, fd, h, ev);
	err = publish(epfd, w);
	if (err && made)
		name_drop(epfd);
	return err;
}

long watch_mod(int epfd, struct watch *w, const struct epoll_event *ev)
{
	w->data = ev->data.u64;
	atomic_store(&w->events, ev->events);
	atomic_store(&w->off, false);
	return tell_kernel(epfd, EPOLL_CTL_MOD, w);
}

long watch_del(int epfd, struct watch *w)
{
	long err = tell_kernel(epfd, EPOLL_CTL_DEL, w);

	watch_drop(w);
	return err;
}

/* Closing. */

/* Is it another number of the description? Asked of the kernel, where it tells. */
static bool same_description(int a, int b)
{
	long pid = raw0(SYS_getpid);

	return raw5(SYS_kcmp, pid, pid, 0, a, b) == 0; /* KCMP_FILE */
}

/* Outside of [lo, hi], which is about to be closed. */
static int other_holder(int fd, u32 lo, u32 hi, const struct handle *h)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	struct stat st;
	int found = -1;

	if (dirscan_open(&d, "/proc/self/fd"))
		return -1;
	while (found < 0 && (e = dirscan_next(&d))) {
		u32 other = (u32)str_get_u64(e->name, NULL);

		if (e->name[0] != '.' && (other < lo || other > hi) && !raw_fstat((int)other, &st) &&
		    st.st_ino == h->ino && st.st_dev == the_store.dev && same_description(fd, (int)other))
			found = (int)other;
	}
	dirscan_close(&d);
	return found;
}

/* Numbers that the client has mapped an object through. */
static _Atomic u64 mapped[FDTAB_SIZE * FDTAB_SIZE / 64];

static bool mapped_look(int fd)
{
	return (u32)fd < FDTAB_SIZE * FDTAB_SIZE && atomic_load(&mapped[fd / 64]) >> (fd % 64) & 1;
}

void watch_mapped(int fd, bool now)
{
	u64 bit = 1ull << ((u32)fd % 64);

	if ((u32)fd >= FDTAB_SIZE * FDTAB_SIZE)
		return;
	if (now)
		atomic_fetch_or(&mapped[fd / 64], bit);
	else if (mapped_look(fd))
		atomic_fetch_and(&mapped[fd / 64], ~bit);
}

struct mapping {
	u64 ino;
	const u8 *ours; /* the library's own mapping, which keeps nothing */
};

/* "7f00-7f01 rw-s 00000000 00:1b 12 /path" */
static bool line_maps(const char *line, void *arg)
{
	const struct mapping *m = arg;
	u64 lo = get_hex(&line);

	for (int i = 0; i < 4 && *line; i++)
		while (*line && *line++ != ' ')
			;
	return str_get_u64(line, NULL) == m->ino && lo != (u64)m->ours;
}

/*
 * A mapping of the client's keeps the description that it was made through, and
 * so the registration. After a fork, so may another process: one that
 * is inherited stays as long as the instance.
 */
static bool held_elsewhere(const struct watch *w, int closing)
{
	struct opened *o = atomic_load(&w->h->opened);
	struct mapping m = { w->h->ino, o ? o->view.base : NULL };

	return w->pid != pre_process->pid ||
	       (mapped_look(closing) && any_line("/proc/self/maps", line_maps, &m));
}

#define NO_HOLDER (-1)

/* Whose holder lies in the range look for another one, or go. */
static void holders_closing(u32 lo, u32 hi)
{
	for (struct watch *w = atomic_load(&watches); w; w = w->next) {
		int holder = atomic_load(&w->holder), other;

		if (atomic_load(&w->state) != WATCH_LIVE || (u32)holder < lo || (u32)holder > hi ||
		    holder == NO_HOLDER)
			continue;
		other = other_holder(holder, lo, hi, w->h);
		if (other >= 0) {
			atomic_store(&w->holder, other);
			watch_mapped(other, mapped_look(holder) || mapped_look(other));
		} else if (held_elsewhere(w, holder)) {
			atomic_store(&w->holder, NO_HOLDER);
		} else {
			watch_drop(w);
		}
	}
}

void watch_closing(int fd)
{
	/* A vfork child's numbers are its own, but this memory is not. */
	if (fd < 0 || !pre_owner())
		return;
	name_drop(fd);
	holders_closing((u32)fd, (u32)fd);
}

void watch_closing_range(u32 lo, u32 hi)
{
	u32 last = MIN(hi, FDTAB_SIZE * FDTAB_SIZE - 1);

	if (!pre_owner())
		return;
	for (u64 fd = lo; fd <= last; fd++) {
		if (!atomic_load(&eptab[fd / FDTAB_SIZE]))
			fd |= FDTAB_SIZE - 1;
		else
			name_drop((int)fd);
	}
	holders_closing(lo, hi);
}

void watch_copied(int from, int to)
{
	_Atomic u64 *word = ep_word(from, false);
	u64 v = word ? atomic_load(word) : 0;

	if (v > NO_EP && from != to && pre_owner())
		name_set(to, (struct ep *)v);
}

/* Some number of the instance. */
static int ep_name(const struct ep *ep)
{
	for (u32 i = 0; i < FDTAB_SIZE; i++) {
		_Atomic u64 *page = atomic_load(&eptab[i]);

		for (u32 j = 0; page && j < FDTAB_SIZE; j++)
			if (atomic_load(&page[j]) == (u64)ep)
				return (int)(i * FDTAB_SIZE + j);
	}
	return -1;
}

void watch_moving(int fd, int to)
{
	bool used;

	to = own_fd_take(to);
	own_fd_forget(fd);
	used = poll_moving(fd, to);
	for (struct watch *w = atomic_load(&watches); w; w = w->next) {
		int name;

		if (atomic_load(&w->state) != WATCH_LIVE || w->wake != fd)
			continue;
		/* The number is part of what the kernel knows the item by. */
		name = ep_name(w->ep);
		w->wake = to;
		tell_kernel(name, EPOLL_CTL_ADD, w);
		raw4(SYS_epoll_ctl, name, EPOLL_CTL_DEL, fd, NULL);
		used = true;
	}
	/* A ring's, for its producers: they open it anew. */
	if (!used)
		own_fd_close(to);
}
