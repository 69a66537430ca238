// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach points: see attach.h. One object file a point, with room for many lists.
 *
 *     attach/7          the file; it is never given to clients
 *     attach/k.46.2.ab  another name of it: hook, ifindex, target. Who makes this name first has made the
 * point
 *
 *     +---------------+ 0
 *     | header 512    |  key, head, counter of holds
 *     +---------------+ 512
 *     | owner[SLOTS]  |  who writes that slot now, 0: nobody
 *     +---------------+ PAGE
 *     | slot 0        |  struct attach_list
 *     | slot 1 ...    |  sparse
 *     +---------------+
 *
 *     head = revision << 8 | slot that is valid
 *
 * A change claims a slot that is not the head's (owner: actor and level, taken from the dead), writes the new
 * list there, and publishes it by one compare-and-swap of head; then it gives its claim back, and the old
 * slot is free by itself. Nobody writes the head's slot: who has claimed one looks at head once more. A
 * reader copies the head's slot and looks whether head is the same: the revision in it never comes back.
 *
 * A point where nothing stands is removed by gc: it makes head CLOSED, with its actor's id, by the same swap,
 * and then takes the names away. Only that actor may do that, or who has put himself in the place of a dead
 * one; so nobody takes a newer point's name away. Who meets a closed point looks for the new one, and waits a
 * little if there is none yet.
 *
 * Killed before the swap: a claim of the dead, and maybe a reference that no list names (gc). Killed after
 * it: a claim of the dead, and references of entries that went (gc).
 *
 * An entry whose link is gone or detached counts as not there, and one that names another program than its
 * link does counts as if it named the link's. Whoever reads such a list publishes the right one.
 */
#include "link/attach.h"
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include "link/attach_gone.h"
#include "link/clsact.h"
#include "link/link.h"
#include "shm/actor.h"
#include "store/dirscan.h"
#include "store/ref.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/slab.h"
#include "util/str.h"

#define SLOTS  128u
#define CLOSED 255u /* in place of a slot; above it the actor that removes the point */
#define BACKED 2u   /* slots with memory from the start */
#define RECENT 8u
#define TRIES  1000

struct attach_hdr {
	struct obj_hdr o;
	struct attach_key key;
	_Atomic u64 head;
	_Atomic u64 next_hold;
};
_Static_assert(sizeof(struct attach_hdr) <= OBJ_HDR_SIZE, "header of an attach point fits");

struct first_page {
	union {
		struct attach_hdr h;
		u8 room[OBJ_HDR_SIZE];
	};
	_Atomic u64 owner[SLOTS];
};
_Static_assert(sizeof(struct first_page) <= PAGE, "what is mapped is a page");

#define SLOT_SIZE ROUND_UP(sizeof(struct attach_list), 64)
#define DATA_SIZE (PAGE - OBJ_HDR_SIZE + SLOTS * SLOT_SIZE)
#define MAP_SIZE  (OBJ_HDR_SIZE + DATA_SIZE)

struct attach_point {
	void *slab_link;
	struct attach_key key;
	struct first_page *page;
	u64 ino;
	u32 id;
	int fd; /* of who drives it, with the lock; else -1 */
	bool writable;
};

static struct slab points = SLAB(struct attach_point);

static off_t slot_at(u32 slot)
{
	return (off_t)(PAGE + slot * SLOT_SIZE);
}

static struct attach_list *slot_of(const struct attach_point *p, u32 slot)
{
	return (struct attach_list *)((u8 *)p->page + slot_at(slot));
}

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
	u64 h = (k->target ^ (u64)k->ifindex << 32 ^ (u64)k->type << 48) * 0x9e3779b97f4a7c15ull;

	return &recent[h >> 61];
}

static void destroy(struct attach_point *p)
{
	raw_munmap(p->page, MAP_SIZE);
	if (p->fd >= 0)
		raw_close(p->fd);
	slab_put(&points, p);
}

static bool is_closed(const struct attach_point *p)
{
	return (atomic_load(&p->page->h.head) & 255) == CLOSED;
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
	u64 head = atomic_load(&p->page->h.head), mine = (u64)actor_self()->id << 8 | CLOSED;

	if ((head & 255) == CLOSED && p->writable && actor_self()->id && !actor_alive((u32)(head >> 8)) &&
	    atomic_compare_exchange_strong(&p->page->h.head, &head, mine))
		unname(p);
}

static struct attach_point *find_point(const struct attach_key *k)
{
	const struct timespec ms = { 0, 1000000 };
	struct attach_point *p = atomic_exchange(recent_slot(k), NULL);

	if (p && key_same(&p->key, k) && !is_closed(p))
		return p;
	if (p)
		destroy(p);
	for (int tries = 0; tries < TRIES; tries++) {
		p = find_once(k);
		if (IS_ERR(p) || !is_closed(p))
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
		return find_point(k);
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

/* The point was removed: the one that has its place now, made if need be. */
static int renew(struct attach_point *p)
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

/* Makes the file and gives it the key's name; 0 also when somebody else was first. */
static int make_point(const struct attach_key *k)
{
	struct attach_list *l;
	struct attach_hdr *h;
	struct obj_new n;
	char key[80], id[32];
	int fd, err;

	err = obj_create(OBJ_ATTACH, DATA_SIZE, PAGE - OBJ_HDR_SIZE + BACKED * SLOT_SIZE, false, &n);
	if (err)
		return err;
	obj_fill_header(&n, k->type, 0, "", OBJ_F_HOLDS);
	h = (struct attach_hdr *)n.view.hdr;
	h->key = *k;
	atomic_store(&h->head, 1ull << 8);
	l = (struct attach_list *)(n.view.base + slot_at(0));
	l->revision = l->since = 1;
	fd = obj_publish(&n, O_RDWR);
	if (fd < 0)
		return fd;
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
	for (int tries = 0; tries < TRIES; tries++) {
		struct attach_point *p = attach_find(k);
		int err;

		if (PTR_ERR(p) != -ENOENT)
			return p;
		err = make_point(k);
		if (err && err != -ENOENT)
			return ERR_PTR(err);
	}
	return ERR_PTR(-EAGAIN);
}

/* ---- the list ---- */

u64 attach_revision(struct attach_point *p)
{
	return atomic_load_explicit(&p->page->h.head, memory_order_acquire) >> 8;
}

static bool list_valid(const struct attach_list *l, u64 head)
{
	if (l->revision != head >> 8 || l->since > l->revision || l->nr > ATTACH_MAX)
		return false;
	for (u32 i = 0; i < l->nr; i++)
		if (!l->e[i].prog_id && !(l->e[i].flags & ATTACH_BARE))
			return false;
	return true;
}

/* The list as it stands there, and the head that it was read under. */
static int read_list(struct attach_point *p, struct attach_list *l, u64 *head)
{
	bool valid = true;

	for (int tries = 0; tries < TRIES; tries++) {
		u64 h = atomic_load(&p->page->h.head);

		if ((h & 255) == CLOSED)
			return -EOWNERDEAD;
		if ((h & 255) >= SLOTS)
			return -EIO;
		memcpy(l, slot_of(p, (u32)(h & 255)), sizeof(*l));
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load(&p->page->h.head) != h)
			continue;
		valid = list_valid(l, h);
		if (valid) {
			*head = h;
			return 0;
		}
		break;
	}
	return valid ? -EAGAIN : -EIO;
}

/* Memory for a slot that was not used before: a full filesystem is an errno here, and a fault at the write.
 */
static int reserve(struct attach_point *p, u32 slot)
{
	struct obj_view v = {
		.hdr = &p->page->h.o,
		.base = (u8 *)p->page,
		.data = (u8 *)p->page + OBJ_HDR_SIZE,
		.data_size = DATA_SIZE,
	};

	return obj_reserve(&v, (size_t)slot_at(slot + 1) - OBJ_HDR_SIZE);
}

static u64 word_of(const struct op *op)
{
	return (u64)op->actor->id << 8 | (op->level + 1);
}

/* May a claim be taken over? Our own at this level or above is of an operation that was left. */
static bool is_stale(const struct op *op, u64 w)
{
	u32 owner = (u32)(w >> 8);

	return owner == op->actor->id ? (w & 255) > op->level : !actor_alive(owner);
}

/* A slot that is ours to write, and not the head's. -EAGAIN: all are being written. */
static int claim_slot(struct op *op, struct attach_point *p)
{
	for (u32 i = 0; i < 2 * SLOTS; i++) {
		_Atomic u64 *owner = &p->page->owner[i % SLOTS];
		u64 seen = atomic_load(owner);

		/* First those that are free, then those of the dead. */
		if ((seen && (i < SLOTS || !is_stale(op, seen))) ||
		    (atomic_load(&p->page->h.head) & 255) == i % SLOTS)
			continue;
		op->held_word = word_of(op);
		op->held = owner;
		barrier();
		if (atomic_compare_exchange_strong(owner, &seen, op->held_word)) {
			if ((atomic_load(&p->page->h.head) & 255) != i % SLOTS)
				return (int)(i % SLOTS);
			op_let_go(op);
		}
		op->held = NULL;
	}
	return -EAGAIN;
}

/* Publishes l in place of the list that was read under head. -EAGAIN: there is a newer one. */
static int publish(struct op *op, struct attach_point *p, struct attach_list *l, u64 head)
{
	int slot, err;

	if (!p->writable || !op->actor->id)
		return -EACCES;
	slot = claim_slot(op, p);
	if (slot < 0)
		return slot;
	l->revision = (head >> 8) + 1;
	err = (u32)slot < BACKED ? 0 : reserve(p, (u32)slot);
	if (!err)
		memcpy(slot_of(p, (u32)slot), l, sizeof(*l));
	if (err)
		err = -ENOMEM;
	else if (!atomic_compare_exchange_strong(&p->page->h.head, &head, l->revision << 8 | (u32)slot))
		err = -EAGAIN;
	op_let_go(op);
	return err;
}

/* ---- entries ---- */

void attach_entry_remove(struct attach_list *l, u32 at)
{
	l->nr--;
	for (u32 i = at; i < l->nr; i++)
		l->e[i] = l->e[i + 1];
	l->e[l->nr] = (struct attach_entry){ 0 };
	if (l->nr)
		return;
	if (l->flags & ATTACH_COUNTS_ANEW)
		l->since = l->revision + 1;
	l->flags = 0;
}

void attach_entry_insert(struct attach_list *l, u32 to, const struct attach_entry *e)
{
	for (u32 i = l->nr; i > to; i--)
		l->e[i] = l->e[i - 1];
	l->e[to] = *e;
	l->nr++;
}

/* Puts right what the links say otherwise. Was there anything? */
static bool scrub(struct attach_list *l)
{
	bool changed = false;

	for (u32 i = 0; i < l->nr;) {
		struct attach_entry *e = &l->e[i];
		u32 prog = e->prog_id;

		if (e->link_id && !link_stands(e->link_id, &prog)) {
			attach_entry_remove(l, i);
			changed = true;
			continue;
		}
		changed |= prog != e->prog_id;
		e->prog_id = prog;
		i++;
	}
	return changed;
}

/* The list, put right, as it now stands in the file if we may write there. */
static int read_clean(struct op *op, struct attach_point *p, struct attach_list *l, u64 *head)
{
	int err;

	for (int tries = 0; tries < TRIES; tries++) {
		err = read_list(p, l, head);
		if (err || !scrub(l))
			return err;
		err = publish(op, p, l, *head);
		if (err != -EAGAIN && err)
			return 0; /* cannot be written: the copy is right all the same */
	}
	return -EAGAIN;
}

/* What the point itself has to hold for an entry; false: nothing. */
static bool held_by(const struct attach_entry *e, enum obj_type *type, u32 *id)
{
	*type = e->object ? OBJ_ATTACH : OBJ_PROG;
	*id = e->object ? e->object : e->prog_id;
	return !e->link_id && !(e->flags & ATTACH_BARE);
}

static bool holds(const struct attach_list *l, u64 hold)
{
	for (u32 i = 0; i < l->nr; i++)
		if (!l->e[i].link_id && l->e[i].hold == hold)
			return true;
	return false;
}

/* Lets go what `from` holds and `keep` does not. */
static void let_go(const struct attach_point *p, const struct attach_list *from,
		   const struct attach_list *keep)
{
	for (u32 i = 0; i < from->nr; i++) {
		const struct attach_entry *e = &from->e[i];
		enum obj_type type;
		u32 id;

		if (held_by(e, &type, &id) && e->hold && !holds(keep, e->hold))
			ref_clear(OBJ_ATTACH, p->id, e->hold, type, id);
	}
}

/* Holds the programs of new entries; what fails is left to let_go. */
static int hold_new(struct attach_point *p, struct attach_list *l)
{
	int err = 0;

	for (u32 i = 0; !err && i < l->nr; i++) {
		struct attach_entry *e = &l->e[i];
		enum obj_type type;
		u32 id;

		if (!held_by(e, &type, &id) || e->hold)
			continue;
		do {
			e->hold = atomic_fetch_add(&p->page->h.next_hold, 1) + 1;
			err = ref_set(OBJ_ATTACH, p->id, e->hold, type, id);
		} while (err == -EEXIST);
		if (err)
			e->hold = 0;
	}
	return err == -ENOSPC || err == -EDQUOT ? -ENOMEM : err;
}

static int change_once(struct op *op, struct attach_point *p, attach_edit edit, void *arg)
{
	struct attach_list l, old;
	bool scrubbed;
	u64 head;
	int err = read_list(p, &l, &head);

	if (err)
		return err;
	old = l;
	scrubbed = scrub(&l);
	err = edit(arg, &l);
	if (err && (err < 0 || !scrubbed))
		return MIN(err, 0);
	err = hold_new(p, &l);
	if (!err)
		err = publish(op, p, &l, head);
	if (err)
		let_go(p, &l, &old);
	else
		let_go(p, &old, &l);
	return err;
}

/* ---- each call is an operation: a fault of the page is EIO ---- */

struct change {
	struct attach_point *p;
	attach_edit edit;
	void *arg;
	struct attach_list *l; /* only read */
};

static int run(struct op *op, struct change *c)
{
	int err = guard_set(&op->guard);
	u64 head;

	if (err) {
		op_fault(op);
		return -EIO;
	}
	for (int tries = 0; tries < TRIES; tries++) {
		if (c->l)
			err = read_clean(op, c->p, c->l, &head);
		else
			err = change_once(op, c->p, c->edit, c->arg);
		if (err == -EOWNERDEAD)
			err = renew(c->p) ?: -EAGAIN;
		if (err != -EAGAIN)
			return err;
	}
	return err;
}

static noinline int begin(struct change *c)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = run(op, c);
	op_leave(op);
	return err;
}

int attach_change(struct attach_point *p, attach_edit edit, void *arg)
{
	struct change c = { .p = p, .edit = edit, .arg = arg };

	return begin(&c);
}

int attach_list(struct attach_point *p, struct attach_list *l)
{
	struct change c = { .p = p, .l = l };

	return begin(&c);
}

int attach_list_of(const struct attach_key *k, struct attach_list *l)
{
	struct attach_point *p = attach_find(k);
	int err;

	if (IS_ERR(p)) {
		memset(l, 0, sizeof(*l));
		l->revision = l->since = 1;
		return PTR_ERR(p) == -ENOENT ? 0 : (int)PTR_ERR(p);
	}
	err = attach_list(p, l);
	attach_close(p);
	return err;
}

/* ---- links that go ---- */

static int drop_edit(void *arg, struct attach_list *l)
{
	const u32 *link_id = arg;

	for (u32 i = 0; i < l->nr; i++)
		if (l->e[i].link_id == *link_id) {
			attach_entry_remove(l, i);
			return 0;
		}
	return 1;
}

/* Without a look at the others: this is called when a link is buried, maybe by somebody who does look. */
static int drop_link(struct op *op, struct attach_point *p, u32 link_id)
{
	struct attach_list l;
	u64 head;
	int err = guard_set(&op->guard);

	if (err) {
		op_fault(op);
		return -EIO;
	}
	for (int tries = 0; tries < TRIES; tries++) {
		err = read_list(p, &l, &head);
		if (err)
			return err == -EOWNERDEAD ? 0 : err;
		if (drop_edit(&link_id, &l))
			return 0;
		err = publish(op, p, &l, head);
		if (err != -EAGAIN)
			return err;
	}
	return err;
}

static noinline int drop_begin(struct attach_point *p, u32 link_id)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = drop_link(op, p, link_id);
	op_leave(op);
	return err;
}

int attach_drop_link(const struct attach_key *k, u32 link_id)
{
	struct attach_point *p = attach_find(k);
	int err;

	if (IS_ERR(p))
		return PTR_ERR(p) == -ENOENT ? 0 : (int)PTR_ERR(p);
	err = drop_begin(p, link_id);
	attach_close(p);
	return err;
}

/* ---- for people, drivers and the store ---- */

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
	    !read_list(p, &l, &head) && !l.nr && !raw_flock(fd, LOCK_EX | LOCK_NB)) {
		u64 mine = (u64)actor_self()->id << 8 | CLOSED;

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

u32 attach_gc(void)
{
	const struct dirscan_entry *e;
	struct attach_key k;
	struct dirscan d;
	u32 n = 0;

	if (dirscan_open(&d, store_type(OBJ_ATTACH)->dir))
		return 0;
	while ((e = dirscan_next(&d)))
		n += key_parse(e->name, &k) && close_empty(&k);
	dirscan_close(&d);
	return n;
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
	for (int tries = 0; err == -EWOULDBLOCK && tries < TRIES; tries++) {
		err = raw_flock(fd, LOCK_SH | LOCK_NB);
		if (err)
			raw0(SYS_sched_yield);
	}
	if (!err && (raw_fstat(fd, &st) || st.st_ino != p->ino || is_closed(p)))
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

void attach_each_ref(const struct obj_hdr *hdr, size_t file_size,
		     void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	const struct attach_hdr *h = (const struct attach_hdr *)hdr;
	u64 head = atomic_load(&h->head);
	const struct attach_list *l;
	enum obj_type type;
	u32 id;

	if (hdr->kind == HOOK_FILTER) {
		clsact_each_ref(hdr, each, arg);
		return;
	}
	if ((head & 255) >= SLOTS || file_size < DATA_SIZE + OBJ_HDR_SIZE)
		return;
	l = (const struct attach_list *)((const u8 *)hdr + slot_at((u32)(head & 255)));
	for (u32 i = 0; i < MIN(l->nr, ATTACH_MAX); i++)
		if (held_by(&l->e[i], &type, &id) && l->e[i].hold)
			each(arg, l->e[i].hold, type, id);
}
