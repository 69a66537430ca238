// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making an object and mapping one: see object.h for the file's layout.
 *
 * Publish last. An object that fits a page is written whole by one pwrite(2)
 * into an empty file of its id's name, and an empty file is no object. A larger
 * one is made under a temporary name that starts with a dot and carries its
 * maker's actor id, is completed, locked, and only then renamed to its id. What
 * a maker that dies before leaves, gc recognises: a file that nobody has
 * locked, or the dead actor.
 */
#include "store/object.h"
#include "shm/actor.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

static size_t file_size(size_t data_size, bool header_last)
{
	return header_last ? ROUND_UP(data_size, PAGE) + OBJ_HDR_SIZE
			   : ROUND_UP(data_size + OBJ_HDR_SIZE, PAGE);
}

/* Points the view's parts into its base, whose size tells where the header is. */
static void view_split(struct obj_view *v)
{
	bool last = v->size % PAGE == OBJ_HDR_SIZE;

	v->hdr = (struct obj_hdr *)(last ? v->base + v->size - OBJ_HDR_SIZE : v->base);
	v->data = last ? v->base : v->base + OBJ_HDR_SIZE;
	v->data_size = v->size - OBJ_HDR_SIZE;
}

static int tmp_open(struct obj_new *n)
{
	static _Atomic u32 counter;
	struct actor *a = actor_self();
	char *p;
	int fd;

	if (!a || !a->id)
		return -EACCES;
	for (int tries = 0; tries < 64; tries++) {
		p = str_put(n->tmp, store_type(n->type)->dir);
		p = str_put(p, "/.tmp.");
		p = str_put_u64(p, a->id, 10);
		*p++ = '.';
		str_put_u64(p, atomic_fetch_add(&counter, 1), 10);
		fd = raw_openat(the_store.dirfd, n->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd != -EEXIST)
			return fd;
	}
	return -EAGAIN;
}

/*
 * A file larger than RLIMIT_FSIZE would kill the client by SIGXFSZ. EFBIG: a
 * front end whose process has another limit can do it.
 */
static int size_allowed(size_t size)
{
	struct rlimit lim;

	if (raw4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &lim) == 0 && size > lim.rlim_cur)
		return -EFBIG;
	return 0;
}

static int no_space(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EIO ? -ENOMEM : err;
}

/* Backs [from, from + len) of fd with memory, where the filesystem can promise that. */
static int reserve(int fd, size_t from, size_t len)
{
	int err = len ? raw_fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)len) : 0;

	return err == -EOPNOTSUPP ? 0 : no_space(err);
}

static int large_create(struct obj_new *n, size_t size, size_t backed, bool header_last)
{
	struct obj_view *v = &n->view;
	int err = size_allowed(size);

	if (!err)
		err = no_space(raw_ftruncate(n->fd, (off_t)size));
	if (!err)
		err = reserve(n->fd, 0, header_last ? backed : backed + OBJ_HDR_SIZE);
	if (!err && header_last)
		err = reserve(n->fd, size - OBJ_HDR_SIZE, OBJ_HDR_SIZE);
	if (err)
		return err;
	v->base = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, n->fd, 0);
	if (IS_ERR(v->base))
		return (int)PTR_ERR(v->base);
	return 0;
}

int obj_create(enum obj_type type, size_t data_size, size_t backed, bool header_last, struct obj_new *n)
{
	size_t size = file_size(data_size, header_last);
	int err = 0;

	if (data_size > (1ull << 40))
		return -ENOMEM;
	n->type = type;
	n->id = 0;
	n->small = size <= PAGE;
	n->view.size = size;
	n->view.writable = true;
	n->fd = -1;
	if (n->small) {
		memset(n->page, 0, size);
		n->view.base = n->page;
	} else {
		n->fd = tmp_open(n);
		if (n->fd < 0)
			return no_space(n->fd);
		err = large_create(n, size, MIN(backed, data_size), header_last);
	}
	if (err) {
		n->view.base = NULL;
		obj_discard(n);
		return err;
	}
	view_split(&n->view);
	n->view.hdr->magic = OBJ_MAGIC;
	n->view.hdr->stamp = STORE_STAMP;
	n->view.hdr->type = type;
	n->view.hdr->file_size = size;
	return 0;
}

void obj_fill_header(struct obj_new *n, u32 kind, u32 uid, const char *name, u32 flags)
{
	struct obj_hdr *h = n->view.hdr;
	struct timespec ts;

	h->kind = kind;
	h->uid = uid;
	h->flags = flags;
	for (int i = 0; i < OBJ_NAME_LEN - 1 && name[i]; i++)
		h->name[i] = name[i];
	clock_gettime(CLOCK_BOOTTIME, &ts); /* async-signal-safe, and no system call */
	h->created = (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static void drop_view(struct obj_new *n)
{
	if (!n->small && n->view.base)
		raw_munmap(n->view.base, n->view.size);
	n->view.base = NULL;
	n->view.hdr = NULL;
}

void obj_discard(struct obj_new *n)
{
	drop_view(n);
	if (n->fd < 0)
		return;
	raw_unlinkat(the_store.dirfd, n->tmp, 0);
	raw_close(n->fd);
	n->fd = -1;
}

u32 obj_take_id(struct obj_new *n)
{
	if (!n->id)
		n->id = n->view.hdr->id = atomic_fetch_add(&the_store.super->next_id[n->type], 1);
	return n->id;
}

/*
 * The fd handed out must have the access mode that F_GETFL is to show. Locked
 * before the first description, and its lock, goes.
 */
static int reopen(struct obj_new *n, const char *name, int oflags)
{
	int fd, err;

	if ((oflags & O_ACCMODE) == O_RDWR)
		return 0;
	fd = raw_openat(the_store.dirfd, name, oflags | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	err = raw_flock(fd, LOCK_SH | LOCK_NB);
	/* At the first one's number: that was the lowest free. */
	if (!err)
		err = (int)raw3(SYS_dup3, fd, n->fd, O_CLOEXEC);
	raw_close(fd);
	return err < 0 ? err : 0;
}

/* A short write is a full filesystem, or a limit in the middle of the page: then no signal has been sent. */
static int write_through(int fd, const struct obj_new *n)
{
	long done = raw_pwrite(fd, n->page, n->view.size, 0);
	int err;

	if (done == (long)n->view.size)
		return 0;
	if (done < 0)
		return no_space((int)done);
	err = size_allowed(n->view.size);
	return err ? err : -ENOMEM;
}

/* The client's description may be for reading only: then one more, for this write. */
static int write_small(const struct obj_new *n, const char *name, int oflags)
{
	int fd, err;

	if ((oflags & O_ACCMODE) != O_RDONLY)
		return write_through(n->fd, n);
	fd = raw_openat(the_store.dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	err = write_through(fd, n);
	raw_close(fd);
	return err;
}

/* The fd that a link was made with has another text than later ones: told apart by O_NOFOLLOW. */
static int first_flags(enum obj_type type, int oflags)
{
	int follow = type == OBJ_LINK || (oflags & O_ACCMODE) == O_RDWR ? 0 : O_NOFOLLOW;

	return (oflags & O_ACCMODE) | O_CREAT | O_EXCL | O_CLOEXEC | follow;
}

/*
 * One page: made under its id at once. As long as the file is empty it is no
 * object, for anybody; the one write makes it whole and visible. Before the
 * lock a gc may take it for a dead maker's and remove it: then the next id.
 */
static int publish_small(struct obj_new *n, int oflags)
{
	char name[32];
	int err;

	store_id_name(name, n->type, n->id);
	n->fd = raw_openat(the_store.dirfd, name, first_flags(n->type, oflags), 0600);
	if (n->fd < 0)
		return no_space(n->fd);
	err = raw_flock(n->fd, LOCK_SH | LOCK_NB);
	if (!err)
		err = write_small(n, name, oflags);
	if (!err)
		err = raw_fstat(n->fd, &n->st);
	if (!err && !n->st.st_nlink)
		err = -EEXIST;
	if (!err)
		return 0;
	if (err != -EEXIST)
		raw_unlinkat(the_store.dirfd, name, 0);
	raw_close(n->fd);
	n->fd = -1;
	return err == -EWOULDBLOCK ? -EEXIST : err;
}

/* More than a page: made under a temporary name, renamed when it is whole. */
static int publish_large(struct obj_new *n, int oflags)
{
	char name[32];
	int err;

	err = reopen(n, n->tmp, oflags);
	if (!err)
		err = raw_flock(n->fd, LOCK_SH | LOCK_NB);
	if (!err)
		err = raw_fstat(n->fd, &n->st);
	if (!err)
		err = raw_renameat2(the_store.dirfd, n->tmp, the_store.dirfd,
				    store_id_name(name, n->type, n->id), 1 /* RENAME_NOREPLACE */);
	return err;
}

int obj_publish(struct obj_new *n, int oflags)
{
	u32 flags = n->view.hdr->flags;
	bool own_id = !n->id;
	int err = -EEXIST;

	/* An id that is taken means a damaged counter: the next one, unless references bear this one already.
	 */
	for (int tries = 0; err == -EEXIST && tries < 64; tries++) {
		if (own_id)
			n->id = 0;
		obj_take_id(n);
		err = n->small ? publish_small(n, oflags) : publish_large(n, oflags);
		if (!own_id)
			break;
	}
	if (err) {
		obj_discard(n);
		return err == -EEXIST ? -EAGAIN : err;
	}
	store_hint(n->type, n->id, true);
	obj_set_hint(&n->st, n->type, n->id, flags);
	drop_view(n);
	return n->fd;
}

/* Is this the header that belongs to type and id, of a file of this size? */
bool obj_header_of(const struct obj_hdr *h, enum obj_type type, u32 id)
{
	return h->magic == OBJ_MAGIC && h->stamp == STORE_STAMP && h->type == type && h->id == id;
}

static bool header_valid(const struct obj_hdr *h, enum obj_type type, u32 id, size_t size)
{
	return obj_header_of(h, type, id) && h->file_size == size;
}

static bool size_valid(off_t size)
{
	return size >= (off_t)PAGE && size < (off_t)1 << 41 &&
	       (size % PAGE == 0 || size % PAGE == OBJ_HDR_SIZE);
}

static int map_description(int fd, enum obj_type type, u32 id, bool writable, struct obj_view *v)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	struct obj_hdr h;
	struct stat st;

	if (raw_fstat(fd, &st) || !size_valid(st.st_size))
		return -EIO;
	v->size = (size_t)st.st_size;
	v->writable = writable;
	v->base = raw_mmap(NULL, v->size, prot, MAP_SHARED, fd, 0);
	if (IS_ERR(v->base))
		return (int)PTR_ERR(v->base);
	view_split(v);
	/* Read, not touched through the mapping: the file may shrink at any time. */
	if (raw_pread(fd, &h, sizeof(h), (off_t)((u8 *)v->hdr - v->base)) == sizeof(h) &&
	    header_valid(&h, type, id, v->size))
		return 0;
	obj_unmap(v);
	return -EIO;
}

int obj_map(enum obj_type type, u32 id, bool writable, struct obj_view *v)
{
	char name[32];
	int fd, err;

	fd = raw_openat(the_store.dirfd, store_id_name(name, type, id),
			(writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	err = map_description(fd, type, id, writable, v);
	raw_close(fd);
	return err;
}

int obj_map_fd(int fd, enum obj_type type, u32 id, struct obj_view *v)
{
	int flags = raw_fcntl(fd, F_GETFL, 0);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	return map_description(fd, type, id, (flags & O_ACCMODE) == O_RDWR, v);
}

int obj_read_header(enum obj_type type, u32 id, struct obj_hdr *h, size_t size)
{
	struct stat st;
	char name[32];
	int fd, err = -EIO;
	off_t at;

	fd = raw_openat(the_store.dirfd, store_id_name(name, type, id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (!raw_fstat(fd, &st) && size_valid(st.st_size)) {
		at = st.st_size % PAGE == OBJ_HDR_SIZE ? st.st_size - (off_t)OBJ_HDR_SIZE : 0;
		if (raw_pread(fd, h, size, at) == (long)size && header_valid(h, type, id, (size_t)st.st_size))
			err = 0;
	}
	raw_close(fd);
	return err;
}

void obj_unmap(struct obj_view *v)
{
	if (v->base)
		raw_munmap(v->base, v->size);
	*v = (struct obj_view){ 0 };
}

int obj_reserve(const struct obj_view *v, size_t upto)
{
	char name[32];
	int fd, err;

	fd = raw_openat(the_store.dirfd, store_id_name(name, v->hdr->type, v->hdr->id),
			O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	err = reserve(fd, 0, (size_t)(v->data - v->base) + MIN(upto, v->data_size));
	raw_close(fd);
	return err;
}
