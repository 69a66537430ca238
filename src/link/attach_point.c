// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach points as files: found by their key, made when first used, removed when nothing stands there. See
 * attach_int.h.
 *
 * Which keys have ever had a point is remembered in the store's super block, as bits of a hash, so that most
 * questions for points that there are not cost nothing. A bit is set before the key's name is made, and
 * stays.
 */
#include "link/attach_int.h"
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include "link/attach_gone.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/slab.h"
#include "util/str.h"

#define RECENT   8u
#define MAP_SIZE (OBJ_HDR_SIZE + ATTACH_DATA_SIZE)

static struct slab points = SLAB(struct attach_point);

/* "attach/k.46.2.4026531840" into buf (at least 80 bytes). */
static char *key_name(char *buf, const struct attach_key *k)
{
	char *p = str_put(str_put(buf, store_type(OBJ_ATTACH)->dir), "/k.");

	p = str_put_u64(p, k->type, 10);
	*p++ = '.';
	p = str_put_u64(p, k->ifindex, 10);
	*p++ = '.';
	str_put_u64(p, k->target, 16);
	return buf;
}

static bool key_parse(const char *s, struct attach_key *k)
{
	u64 type, ifindex, v = 0;

	if (!str_starts(s, "k."))
		return false;
	type = str_get_u64(s + 2, &s);
	if (*s != '.')
		return false;
	ifindex = str_get_u64(s + 1, &s);
	if (*s != '.' || type > 0xffffffffu || ifindex > 0xffffffffu)
		return false;
	for (s++; *s; s++) {
		int c = *s >= 'a' ? *s - 'a' + 10 : *s - '0';

		if (c < 0 || c > 15)
			return false;
		v = v << 4 | (u64)c;
	}
	*k = (struct attach_key){ .type = (u32)type, .ifindex = (u32)ifindex, .target = v };
	return true;
}

/* ---- opening ---- */

static u64 key_hash(const struct attach_key *k)
{
	return (k->target ^ (u64)k->ifindex << 32 ^ (u64)k->type << 48) * 0x9e3779b97f4a7c15ull;
}

static _Atomic u64 *made_word(const struct attach_key *k, u64 *bit)
{
	u64 n = key_hash(k) >> 48;

	*bit = 1ull << (n & 63);
	return &the_store.super->attach_made[n / 64 % ARRAY_SIZE(the_store.super->attach_made)];
}

static bool maybe_made(const struct attach_key *k)
{
	u64 bit;

	return atomic_load(made_word(k, &bit)) & bit;
}

static void set_made(const struct attach_key *k)
{
	u64 bit;
	_Atomic u64 *w = made_word(k, &bit);

	if (!(atomic_load(w) & bit))
		atomic_fetch_or(w, bit);
}

static bool key_same(const struct attach_key *a, const struct attach_key *b)
{
	return a->type == b->type && a->ifindex == b->ifindex && a->target == b->target;
}

static int map_point(struct attach_point *p, const struct attach_key *k, int fd)
{
	struct attach_hdr h;
	struct stat st;

	if (raw_fstat(fd, &st) || st.st_size < (off_t)MAP_SIZE ||
	    raw_pread(fd, &h, sizeof(h), 0) != sizeof(h) || !obj_header_of(&h.o, OBJ_ATTACH, h.o.id) ||
	    !key_same(&h.key, k))
		return -EIO;
	p->id = h.o.id;
	p->ino = st.st_ino;
	p->key = *k;
	p->page = raw_mmap(NULL, MAP_SIZE, PROT_READ | (p->writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
	return IS_ERR(p->page) ? (int)PTR_ERR(p->page) : 0;
}

static int open_name(const struct attach_key *k, bool *writable)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW;
	char name[80];
	int fd;

	key_name(name, k);
	*writable = true;
	fd = raw_openat(the_store.dirfd, name, O_RDWR | flags, 0);
	if (fd == -EACCES || fd == -EROFS) {
		*writable = false;
		fd = raw_openat(the_store.dirfd, name, O_RDONLY | flags, 0);
	}
	return fd;
}

static struct attach_point *find_once(const struct attach_key *k)
{
	struct attach_point *p;
	bool writable;
	int fd, err;

	fd = open_name(k, &writable);
	if (fd < 0)
		return ERR_PTR(fd);
	p = slab_get(&points);
	if (!p) {
		raw_close(fd);
		return ERR_PTR(-ENOMEM);
	}
	p->writable = writable;
	p->fd = -1;
	err = map_point(p, k, fd);
	raw_close(fd);
	if (!err)
		return p;
	slab_put(&points, p);
	return ERR_PTR(err);
}

/*
 * The points that this process had open last, one a slot. Who takes one out has it for himself; an operation
 * that is left loses it.
 */
static struct attach_point *_Atomic recent[RECENT];

static struct attach_point *_Atomic *recent_slot(const struct attach_key *k)
{
	return &recent[key_hash(k) >> 61];
}

static void destroy(struct attach_point *p)
{
	raw_munmap(p->page, MAP_SIZE);
	if (p->fd >= 0)
		raw_close(p->fd);
	slab_put(&points, p);
}

/* Takes the names of a point away that this actor has closed. */
static void unname(const struct attach_point *p)
{
	struct stat named;
	char name[80];

	if (!raw_fstatat(the_store.dirfd, key_name(name, &p->key), &named, AT_SYMLINK_NOFOLLOW) &&
	    named.st_ino == p->ino)
		raw_unlinkat(the_store.dirfd, name, 0);
	obj_reap(OBJ_ATTACH, p->id);
}

/* Goes on where a dead one has stopped. */
static void take_over(struct attach_point *p)
{
	u64 head = atomic_load(&p->page->h.head), mine = (u64)actor_self()->id << 8 | ATTACH_CLOSED;

	if ((head & 255) == ATTACH_CLOSED && p->writable && actor_self()->id &&
	    !actor_alive((u32)(head >> 8)) && atomic_compare_exchange_strong(&p->page->h.head, &head, mine))
		unname(p);
}

struct attach_point *attach_point_find(const struct attach_key *k)
{
	const struct timespec ms = { 0, 1000000 };
	struct attach_point *p = atomic_exchange(recent_slot(k), NULL);

	if (p && key_same(&p->key, k) && !attach_is_closed(p))
		return p;
	if (p)
		destroy(p);
	if (!maybe_made(k))
		return ERR_PTR(-ENOENT);
	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		p = find_once(k);
		if (IS_ERR(p) || !attach_is_closed(p))
			return p;
		take_over(p);
		destroy(p);
		if (tries)
			raw2(SYS_nanosleep, &ms, 0);
	}
	return ERR_PTR(-EAGAIN);
}

static struct attach_point *find_guarded(struct op *op, const struct attach_key *k)
{
	if (!guard_set(&op->guard))
		return attach_point_find(k);
	op_fault(op);
	return ERR_PTR(-EIO);
}

struct attach_point *attach_find(const struct attach_key *k)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	struct attach_point *p;

	if (!op)
		return ERR_PTR(-EAGAIN);
	p = find_guarded(op, k);
	op_leave(op);
	return p;
}

int attach_point_renew(struct attach_point *p)
{
	struct attach_point *next = attach_open(&p->key), old = *p;

	if (IS_ERR(next))
		return (int)PTR_ERR(next);
	*p = *next;
	*next = old;
	destroy(next);
	return old.fd >= 0 ? attach_drive(p) : 0;
}

void attach_close(struct attach_point *p)
{
	struct attach_point *old = NULL;

	if (p->fd >= 0 || !atomic_compare_exchange_strong(recent_slot(&p->key), &old, p))
		destroy(p);
}

int attach_point_make(const struct attach_key *k)
{
	struct attach_list *l;
	struct attach_hdr *h;
	struct obj_new n;
	char key[80], id[32];
	int fd, err;

	err = obj_create(OBJ_ATTACH, ATTACH_DATA_SIZE, PAGE - OBJ_HDR_SIZE + ATTACH_BACKED * ATTACH_SLOT_SIZE,
			 false, &n);
	if (err)
		return err;
	obj_fill_header(&n, k->type, 0, "", OBJ_F_HOLDS);
	h = (struct attach_hdr *)n.view.hdr;
	h->key = *k;
	atomic_store(&h->head, 1ull << 8);
	l = (struct attach_list *)(n.view.base + attach_slot_at(0));
	l->revision = l->since = 1;
	fd = obj_publish(&n, O_RDWR);
	if (fd < 0)
		return fd;
	set_made(k);
	err = raw_linkat(the_store.dirfd, store_id_name(id, OBJ_ATTACH, n.id), the_store.dirfd,
			 key_name(key, k), 0);
	obj_close(fd, OBJ_ATTACH, n.id);
	if (err == -ENOSPC || err == -EDQUOT)
		return -ENOMEM;
	return err == -EEXIST ? 0 : err;
}

struct attach_point *attach_open(const struct attach_key *k)
{
	/* gc may remove a point that has nothing yet, between any two steps. */
	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		struct attach_point *p = attach_find(k);
		int err;

		if (PTR_ERR(p) != -ENOENT)
			return p;
		err = attach_point_make(k);
		if (err && err != -ENOENT)
			return ERR_PTR(err);
	}
	return ERR_PTR(-EAGAIN);
}

int attach_each(int (*each)(void *arg, const struct attach_key *k, const struct attach_list *l), void *arg)
{
	const struct dirscan_entry *e;
	struct attach_list l;
	struct attach_key k;
	struct dirscan d;
	int ret = 0;

	if (dirscan_open(&d, store_type(OBJ_ATTACH)->dir))
		return 0;
	while (!ret && (e = dirscan_next(&d)))
		if (key_parse(e->name, &k) && !attach_list_of(&k, &l) && l.nr)
			ret = each(arg, &k, &l);
	dirscan_close(&d);
	return ret;
}

/* Closes the point if nothing stands there and nobody has it open to drive it. */
static bool close_empty(const struct attach_key *k)
{
	struct attach_point *p = find_once(k);
	struct attach_list l;
	bool closed = false, writable;
	u64 head;
	int fd;

	if (IS_ERR(p))
		return false;
	take_over(p);
	if (!attach_list(p, &l) && l.nr && attach_target_gone(k))
		attach_change(p, attach_empty, NULL);
	fd = open_name(k, &writable);
	if (fd >= 0 && p->writable && actor_self()->id && !attach_list(p, &l) && !l.nr &&
	    !attach_read(p, &l, &head) && !l.nr && !raw_flock(fd, LOCK_EX | LOCK_NB)) {
		u64 mine = (u64)actor_self()->id << 8 | ATTACH_CLOSED;

		closed = atomic_compare_exchange_strong(&p->page->h.head, &head, mine);
		raw_flock(fd, LOCK_UN);
		if (closed)
			unname(p);
	}
	if (fd >= 0)
		raw_close(fd);
	destroy(p);
	return closed;
}

void attach_gc(struct gc_result *r)
{
	const struct dirscan_entry *e;
	struct attach_key k;
	struct dirscan d;

	if (dirscan_open(&d, store_type(OBJ_ATTACH)->dir))
		return;
	while ((e = dirscan_next(&d)))
		if (key_parse(e->name, &k)) {
			set_made(&k); /* the names are the truth */
			r->objects += close_empty(&k);
		}
	dirscan_close(&d);
}

int attach_drive(struct attach_point *p)
{
	int err = -EWOULDBLOCK, fd;
	struct stat st;
	bool writable;

	fd = open_name(&p->key, &writable);
	if (fd < 0)
		return fd;
	/* Refused only for the moment in which gc looks whether there is a driver. */
	for (int tries = 0; err == -EWOULDBLOCK && tries < ATTACH_TRIES; tries++) {
		err = raw_flock(fd, LOCK_SH | LOCK_NB);
		if (err)
			raw0(SYS_sched_yield);
	}
	if (!err && (raw_fstat(fd, &st) || st.st_ino != p->ino || attach_is_closed(p)))
		err = -EAGAIN;
	if (err)
		raw_close(fd);
	else
		p->fd = fd;
	return err;
}

u64 attach_inode(const struct attach_key *k)
{
	struct stat st;
	char name[80];

	return raw_fstatat(the_store.dirfd, key_name(name, k), &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_ino;
}
