// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fd table: from a number of the client's to a handle, without a system call.
 *
 *     fdtab[fd / 1024] -> page[fd % 1024] = handle | access mode
 *
 * A cache and nothing more: a number without a word is identified by
 * system calls when bpf(2) meets it, so a word may be dropped at any time. Only
 * a word that stays too long is wrong, so every way to close or replace a
 * number drops its word (wrap_fd.c). What is no object is not remembered: the
 * answer is an error anyway, and may take its time.
 *
 * An empty word carries a stamp, new each time a number is closed or replaced.
 * Who identifies a number takes the stamp first and puts the handle in its
 * place by compare-and-swap: if another thread has closed the number meanwhile,
 * nothing is remembered.
 *
 *     > 0   handle | access mode
 *     <= 0  empty: bit 63 and a stamp, or 0 at first
 *
 * A word owns one reference of its handle. Who reads a word makes it the
 * hazard of his operation and reads it again; who drops it leaves the handle
 * to handle_put, which looks at the hazards.
 *
 * A vfork child shares this memory but has numbers of its own: it drops words
 * and never makes any, so its parent identifies a few fds once more.
 *
 * Not seen: closes by raw system calls of other languages' runtimes, io_uring,
 * those that the C library makes inside itself (but for fclose
 * and freopen), and processes that share memory but not fds (clone with CLONE_VM
 * and without CLONE_FILES) other than vfork children. Wrappers that answer
 * instead of the kernel (wrap_io.c) therefore make sure by fstat first.
 */
#include "frontend/preload/watch.h"
#include "store/own_fd.h"
#include "store/ref.h"
#include "store/store.h"

u64 *_Atomic fdtab[FDTAB_SIZE];
static _Atomic bool off;

static u64 *page_of(u32 fd, bool make)
{
	u64 *page, *none = NULL;

	if (fd >= FDTAB_SIZE * FDTAB_SIZE)
		return NULL;
	page = atomic_load(&fdtab[fd / FDTAB_SIZE]);
	if (page || !make)
		return page;
	page = raw_mmap(NULL, FDTAB_SIZE * sizeof(u64), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (IS_ERR(page))
		return NULL;
	if (atomic_compare_exchange_strong(&fdtab[fd / FDTAB_SIZE], &none, page))
		return page;
	raw_munmap(page, FDTAB_SIZE * sizeof(u64));
	return none;
}

s64 fdtab_look(int fd)
{
	u64 *page = page_of((u32)fd, true);

	return page ? (s64)__atomic_load_n(&page[(u32)fd % FDTAB_SIZE], __ATOMIC_SEQ_CST) : 1;
}

/* Where an object was last put, by type and id: a place to look at, no more. */
static _Atomic int last_put[OBJ_TYPES][256];

static _Atomic int *put_slot(enum obj_type type, u32 id)
{
	return &last_put[type][id % ARRAY_SIZE(last_put[0])];
}

bool fdtab_set(int fd, struct handle *h, u32 acc, s64 seen)
{
	u64 *page = page_of((u32)fd, false), empty = (u64)seen;

	if (seen > 0 || atomic_load(&off) || !pre_owner())
		return false;
	atomic_store_explicit(put_slot(h->type, h->id), fd, memory_order_relaxed);
	return page && __atomic_compare_exchange_n(&page[(u32)fd % FDTAB_SIZE], &empty, (u64)h | acc, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void fdtab_put(int fd, struct handle *h, u32 acc)
{
	u64 *page = page_of((u32)fd, true);
	s64 was;

	if (!page || atomic_load(&off) || !pre_owner()) {
		fdtab_drop(fd);
		return;
	}
	atomic_store_explicit(put_slot(h->type, h->id), fd, memory_order_relaxed);
	handle_ref(h);
	was = (s64)__atomic_exchange_n(&page[(u32)fd % FDTAB_SIZE], (u64)h | acc, __ATOMIC_SEQ_CST);
	if (unlikely(was > 0)) /* closed behind our back */
		handle_put(word_handle((u64)was));
}

/*
 * obj_open_here (store/ref.h). Every close drops the word first, then looks at the object, or at what the
 * store remembers of its links. That is taken back here; a word that is there after it has its look before
 * it. The number is asked, too, for closes behind our back.
 */
static bool open_here(enum obj_type type, u32 id)
{
	int fd = atomic_load_explicit(put_slot(type, id), memory_order_relaxed);
	struct handle *h = word_handle(fdtab_word(fd));
	struct stat st;
	u64 ino;

	/* Handles are type-stable: one may be looked at even if it is gone. */
	if (!h || h->type != type || h->id != id || !pre_owner())
		return false;
	ino = h->ino;
	obj_links_gone(ino, type, id);
	return word_handle(fdtab_word(fd)) == h && !raw_fstat(fd, &st) && st.st_ino == ino &&
	       st.st_dev == the_store.dev;
}

/* obj_here_get and obj_here_put: the same without a question. */
static bool here_get(enum obj_type type, u32 id, struct obj_here *t)
{
	int fd = atomic_load_explicit(put_slot(type, id), memory_order_relaxed);
	u64 word = fdtab_word(fd);
	struct handle *h = word_handle(word);
	struct opened *o;

	if (!h || !pre_owner() || !handle_try_ref(h))
		return false;
	o = fdtab_word(fd) == word && h->type == type && h->id == id ? handle_open(h) : ERR_PTR(-EBADF);
	if (IS_ERR(o) || !o->view.writable) {
		handle_put(h);
		return false;
	}
	*t = (struct obj_here){ .hdr = o->view.hdr, .ino = h->ino, .owner = h, .word = word, .fd = fd };
	return true;
}

static bool here_put(struct obj_here *t)
{
	bool still = fdtab_word(t->fd) == t->word;

	handle_put(t->owner);
	return still;
}

void fdtab_init(void)
{
	obj_open_here = open_here;
	obj_here_get = here_get;
	obj_here_put = here_put;
}

static u64 new_stamp(void)
{
	static _Atomic u64 stamp;

	return 1ull << 63 | (atomic_fetch_add_explicit(&stamp, 1, memory_order_relaxed) + 1);
}

void fdtab_drop(int fd)
{
	u64 *page = page_of((u32)fd, false);
	s64 word;

	if (!page)
		return;
	word = (s64)__atomic_exchange_n(&page[(u32)fd % FDTAB_SIZE], new_stamp(), __ATOMIC_SEQ_CST);
	if (word > 0)
		handle_put(word_handle((u64)word));
}

void fdtab_drop_range(u32 lo, u32 hi, bool reap)
{
	u32 last = MIN(hi, FDTAB_SIZE * FDTAB_SIZE - 1);

	for (u64 fd = lo; fd <= last; fd++) {
		u64 word;

		if (!page_of((u32)fd, false)) {
			fd |= FDTAB_SIZE - 1;
			continue;
		}
		word = fdtab_word((int)fd);
		if (word && reap)
			obj_reap(word_handle(word)->type, word_handle(word)->id);
		fdtab_drop((int)fd);
	}
}

void fdtab_off(void)
{
	atomic_store(&off, true);
	fdtab_drop_range(0, ~0u, false);
}

bool fd_is_ours(int fd)
{
	return pre_attached && fd >= 0 && (fd == the_store.dirfd || fd == actor_fd() || own_fd(fd));
}

void fd_ours_away(int fd)
{
	int other = raw_fcntl(fd, F_DUPFD_CLOEXEC, fd > 64 ? fd - 64 : fd / 2);

	if (other < 0)
		return;
	if (fd == the_store.dirfd)
		the_store.dirfd = other;
	else if (fd == actor_fd())
		actor_set_fd(other);
	else
		watch_moving(fd, other);
}

/* By system calls: what the number stands for now. A counted handle. */
static struct handle *identify(int fd, u32 *acc)
{
	enum obj_type type;
	struct stat st;
	int flags, err;
	u32 id;

	flags = fd_is_ours(fd) ? -EBADF : raw_fcntl(fd, F_GETFL, 0);
	if (flags < 0 || (flags & O_PATH))
		return ERR_PTR(-EBADF);
	err = obj_identify(fd, &type, &id, &st);
	if (err)
		return ERR_PTR(err == -EBADF ? err : -EINVAL);
	*acc = (u32)flags & O_ACCMODE;
	return handle_get(type, id, st.st_ino);
}

static noinline int get_unknown(int fd, struct bpf_file *f)
{
	s64 seen = fdtab_look(fd);
	struct handle *h = identify(fd, &f->acc);

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	f->h = h;
	f->counted = true;
	handle_ref(h);
	if (!fdtab_set(fd, h, f->acc, seen))
		handle_put(h);
	return 0;
}

/* A second fd of the same call. Handles are type-stable: one may be looked at even if it is gone. */
static noinline int get_counted(int fd, u64 word, struct bpf_file *f)
{
	f->h = handle_by_ino(word_handle(word)->ino);
	if (f->h == word_handle(word) && fdtab_word(fd) == word) {
		f->counted = true;
		return 0;
	}
	if (f->h)
		handle_put(f->h);
	return get_unknown(fd, f);
}

int pre_get_fd(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f)
{
	s64 word = fdtab_raw(fd);

	if (unlikely(word <= 0))
		return get_unknown(fd, f);
	f->acc = (u32)(word & 3);
	if (unlikely(op->obj))
		return get_counted(fd, (u64)word, f);
	__atomic_store_n(&op->obj, word_handle((u64)word), __ATOMIC_RELAXED);
	barrier();
	if (unlikely(fdtab_raw(fd) != word)) {
		op->obj = NULL;
		return get_unknown(fd, f);
	}
	f->h = word_handle((u64)word);
	f->counted = false;
	return 0;
}

struct handle *fd_object(int fd, u32 *acc)
{
	u64 word = fdtab_word(fd);
	struct handle *h;
	struct stat st;

	if (likely(!word))
		return NULL;
	if (raw_fstat(fd, &st) || st.st_dev != the_store.dev || st.st_ino != word_handle(word)->ino) {
		fdtab_drop(fd); /* closed behind our back */
		return NULL;
	}
	h = handle_by_ino(st.st_ino);
	if (h && acc)
		*acc = (u32)(word & 3);
	return h;
}

struct handle *fd_look(int fd, u32 *acc)
{
	struct handle *h = fdtab_word(fd) ? fd_object(fd, acc) : NULL;

	if (h)
		return h;
	h = identify(fd, acc);
	return IS_ERR(h) ? NULL : h;
}
