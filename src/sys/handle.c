// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handles: see handle.h.
 *
 *     cache[hash(ino)] -> handle        weak: holds no reference (unless kept)
 *     handle->opened   -> struct opened made in private, installed by one CAS
 *
 * Handles are type-stable (util/slab.h), so the cache can look at one that is
 * being freed: a reference is only taken from a count above zero, and what the
 * handle stands for is compared after that.
 */
#include "sys/handle.h"
#include "sys/prog_image.h"
#include "store/dirscan.h"
#include "store/own_fd.h"
#include "store/store.h"
#include "store/wake.h"
#include "util/raw.h"
#include "util/slab.h"
#include "util/str.h"
#include <stdatomic.h>

#define CACHE 4096u

static struct slab handles = SLAB(struct handle);
static struct slab openeds = SLAB(struct opened);
static struct handle *_Atomic cache[CACHE];
static struct handle *_Atomic waiting;
static bool keep;

static struct handle *_Atomic *cache_slot(u64 ino)
{
	return &cache[(ino * 0x9e3779b97f4a7c15ull) >> 52];
}

void handle_ref(struct handle *h)
{
	atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
}

bool handle_try_ref(struct handle *h)
{
	u32 n = atomic_load(&h->refs);

	while (n)
		if (atomic_compare_exchange_weak(&h->refs, &n, n + 1))
			return true;
	return false;
}

struct handle *handle_by_ino(u64 ino)
{
	struct handle *h = atomic_load(cache_slot(ino));

	if (!h || !handle_try_ref(h))
		return NULL;
	if (h->ino == ino)
		return h;
	handle_put(h);
	return NULL;
}

bool handle_known(u64 ino)
{
	const struct handle *h = atomic_load(cache_slot(ino));

	return h && atomic_load(&h->refs) && h->ino == ino;
}

struct handle *handle_get(enum obj_type type, u32 id, u64 ino)
{
	struct handle *_Atomic *slot = cache_slot(ino);
	struct handle *h = handle_by_ino(ino), *old;

	if (h && h->type == type && h->id == id)
		return h;
	if (h)
		handle_put(h); /* the inode number was used again */
	h = slab_get(&handles);
	if (!h)
		return ERR_PTR(-ENOMEM);
	h->type = type;
	h->id = id;
	h->ino = ino;
	atomic_store_explicit(&h->opened, NULL, memory_order_relaxed);
	/* From here on one who has a stale pointer may count himself in, and then looks at the above. */
	atomic_store_explicit(&h->refs, keep ? 2 : 1, memory_order_release);
	old = atomic_exchange(slot, h);
	if (old && keep)
		handle_put(old);
	return h;
}

static int kept_wake_fd(struct opened *o)
{
	int fd = atomic_load_explicit(&o->wake_fd, memory_order_acquire) - 1;
	struct stat st;

	if (fd < 0 || raw_fstat(fd, &st) || !S_ISFIFO(st.st_mode) || st.st_dev != the_store.dev ||
	    st.st_ino != atomic_load_explicit(&o->wake_ino, memory_order_relaxed))
		return -EBADF;
	return fd;
}

int opened_wake_fd(struct opened *o, enum obj_type type, u32 id)
{
	s32 was = atomic_load(&o->wake_fd);
	int fd = kept_wake_fd(o);
	struct stat st;

	if (fd >= 0)
		return fd;
	fd = own_fd_take(wake_open(type, id));
	if (fd < 0)
		return fd;
	if (raw_fstat(fd, &st)) {
		own_fd_close(fd);
		return -EBADF;
	}
	atomic_store(&o->wake_ino, st.st_ino);
	if (atomic_compare_exchange_strong(&o->wake_fd, &was, fd + 1))
		return fd;
	own_fd_close(fd); /* another thread, or a handler in this one, was first */
	return kept_wake_fd(o);
}

static void drop_wake_fd(struct opened *o)
{
	int fd = kept_wake_fd(o);

	if (fd >= 0)
		own_fd_close(fd);
}

static void destroy(struct handle *h)
{
	struct opened *o = atomic_load(&h->opened) ? atomic_exchange(&h->opened, NULL) : NULL;

	if (o) {
		drop_wake_fd(o);
		prog_image_free(atomic_exchange(&o->image, NULL));
		if (h->type == OBJ_MAP && o->map.ops->close)
			o->map.ops->close(&o->map);
		obj_unmap(&o->view);
		slab_put(&openeds, o);
	}
	slab_put(&handles, h);
}

static void wait_unused(struct handle *h)
{
	h->next = atomic_load(&waiting);
	while (!atomic_compare_exchange_weak(&waiting, &h->next, h))
		;
}

/* Unmaps what nobody is in an operation on; the rest waits for the next call. */
static void sweep_waiting(void)
{
	struct handle *h = atomic_exchange(&waiting, NULL), *next;

	for (; h; h = next) {
		next = h->next;
		if (op_in_use(h))
			wait_unused(h);
		else
			destroy(h);
	}
}

void handle_put(struct handle *h)
{
	struct handle *mine = h;

	if (atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	atomic_compare_exchange_strong(cache_slot(h->ino), &mine, NULL);
	if (op_in_use(h))
		wait_unused(h);
	else
		destroy(h);
	if (atomic_load(&waiting))
		sweep_waiting();
}

void handle_keep(bool on)
{
	keep = on;
}

void handle_forget(enum obj_type type, u32 id)
{
	for (u32 i = 0; i < CACHE; i++) {
		struct handle *h = atomic_load(&cache[i]);

		if (!h || h->type != type || h->id != id)
			continue;
		if (atomic_compare_exchange_strong(&cache[i], &h, NULL) && keep)
			handle_put(h);
	}
}

/*
 * This process may not open the file any more, or never could, but whoever has
 * an fd may use the object: an fd of it is looked for among those open here.
 * The mapping is dropped with the handle, when the last of them is closed.
 */
static int map_held(struct handle *h, struct obj_view *v)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	struct stat st;
	int err = -EACCES;

	if (dirscan_open(&d, "/proc/self/fd"))
		return err;
	while (err == -EACCES && (e = dirscan_next(&d))) {
		int fd = (int)str_get_u64(e->name, NULL);

		if (!raw_fstat(fd, &st) && st.st_ino == h->ino && st.st_dev == the_store.dev)
			err = obj_map_fd(fd, h->type, h->id, v);
	}
	dirscan_close(&d);
	return err;
}

struct opened *handle_open(struct handle *h)
{
	struct opened *o = atomic_load_explicit(&h->opened, memory_order_acquire), *none = NULL;
	int err;

	if (likely(o))
		return o;
	o = slab_get(&openeds);
	if (!o)
		return ERR_PTR(-ENOMEM);
	atomic_store(&o->image, NULL);
	atomic_store(&o->wake_fd, 0);
	o->map.plain = false; /* as long as it is no map: sys/elem.h looks at nothing else */
	err = obj_map(h->type, h->id, true, &o->view);
	if (err == -EACCES || err == -EROFS)
		err = obj_map(h->type, h->id, false, &o->view);
	if (err == -EACCES)
		err = map_held(h, &o->view);
	if (!err && h->type == OBJ_MAP) {
		err = map_open(&o->map, &o->view);
		if (err)
			obj_unmap(&o->view);
	}
	if (err) {
		slab_put(&openeds, o);
		return ERR_PTR(err);
	}
	if (!atomic_compare_exchange_strong(&h->opened, &none, o)) {
		obj_unmap(&o->view); /* another thread, or a handler in this one, was first */
		slab_put(&openeds, o);
		o = none;
	}
	return o;
}
