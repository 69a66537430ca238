// SPDX-License-Identifier: BSD-2-Clause
/*
 * Life and death of objects: open by id, find out what an fd is, reap.
 *
 * Rules of flock here, each one learnt:
 *  - LOCK_EX is only tried on a fresh description, and given back at once if
 *    st_nlink is above 1. Granted with st_nlink 1 it proves death for good: nobody holds an fd, so nobody can
 * pin, and nobody can get one, since every opener needs LOCK_SH first. (Who holds no fd any more, since
 * another thread has closed it, and makes a link in refs/ by the id, asks: obj_hold_end.)
 *  - So an opener whose LOCK_SH is refused while st_nlink is 1 answers ENOENT
 *    at once: it waits for nobody, even if that reaper is stopped.
 *  - A description counts as closed only after its lock is dropped, which may
 *    be a moment after close(2) is seen by inotify: reapers in a supervisor try again.
 */
#include "store/object.h"
#include "store/ref.h"
#include "store/store.h"
#include "store/wake.h"
#include "util/raw.h"
#include "util/str.h"
#include <stdatomic.h>
#include <sched.h>
#include <sys/file.h>
#include <time.h>

static int open_id(enum obj_type type, u32 id, int oflags)
{
	char name[32];

	return raw_openat(the_store.dirfd, store_id_name(name, type, id), oflags | O_CLOEXEC | O_NOFOLLOW, 0);
}

static off_t header_offset(off_t size)
{
	return size % PAGE == OBJ_HDR_SIZE ? size - OBJ_HDR_SIZE : 0;
}

static u32 header_flags(int fd, const struct stat *st)
{
	struct obj_hdr h;

	if (raw_pread(fd, &h, sizeof(h), header_offset(st->st_size)) != sizeof(h) || h.magic != OBJ_MAGIC)
		return 0;
	return h.flags;
}

/*
 * Hint word, at the inode's slot; 0: nothing is known.
 *
 *     63      48 47      41 40       35 34   32 31      0
 *     +---------+----------+-----------+-------+---------+
 *     | ino tag | changes  | LINKED, 5 | type  |   id    |
 *     |         |  (count) | OBJ_F_*   |       |         |
 *     +---------+----------+-----------+-------+---------+
 *
 * Slot and tag are the whole of an inode number below 2^32. Flags that an object gets later
 * (obj_add_hint) stand in its header before they stand here, and stay; who fills
 * the slot from a header that he has read does so by compare-and-swap from the word that he had found before.
 *
 * LINKED: links beside the id were seen, so that a description may be closed
 * without a look. Who sees that there are none left clears it and counts; who has
 * seen some sets it by compare-and-swap from the word that he had read before he
 * looked, so he is not late. A mark that stays too long (a pin removed by a
 * program of another world) leaves a dead object that holds nothing until the next look. Its id may be named
 * by obj_next_id_hinted till then; who opens it by that id looks, so nobody gets it.
 */
#define HINT_FLAGS(w)    ((u32)((w) >> 35) & 31)
#define HINT_LINKED      (1ull << 40)
#define HINT_UNLINKED    (1ull << 41)
#define HINT_COUNT       (127ull << 41)
#define HINT_NAME        0x7ffffffffull /* type and id */
#define HINT_LOOK_ALWAYS (31ull << 35)

/* Of these a look is due even if there are links. */
#define LOOK_LINKED (OBJ_F_UREF | OBJ_F_CLOSED | OBJ_F_SPARE)

_Static_assert(OBJ_TYPES <= 8 && OBJ_F_SPARE == 16, "three and five bits");

static _Atomic u64 *hint_slot(u64 ino)
{
	return &the_store.super->by_ino[ino % STORE_INO_HINTS];
}

static inline u64 hint_tag(u64 ino)
{
	u64 high = ino / STORE_INO_HINTS;

	return (high ^ high >> 16 ^ high >> 32) << 48;
}

static inline u64 hint_word(u64 ino, enum obj_type type, u32 id)
{
	return hint_tag(ino) | (u64)type << 32 | id;
}

/*
 * The other way: an id's slot has the inode that was last seen under such an id.
 * It need not be this one's, for the word at the inode's slot names its object.
 */
static _Atomic u32 *ino_slot(enum obj_type type, u32 id)
{
	return &the_store.super->ino_of[type][id % STORE_ID_HINTS];
}

static void set_ino(enum obj_type type, u32 id, u64 ino)
{
	_Atomic u32 *slot = ino_slot(type, id);

	/* An inode above 2^32 is left out: then there is a look each time. */
	if (!(ino >> 32) && atomic_load_explicit(slot, memory_order_relaxed) != (u32)ino)
		atomic_store_explicit(slot, (u32)ino, memory_order_relaxed);
}

/* What is known of that inode, or 0. */
static inline u64 hint_by_ino(u64 ino)
{
	u64 w = atomic_load_explicit(hint_slot(ino), memory_order_relaxed);

	return (w ^ hint_tag(ino)) >> 48 ? 0 : w;
}

/* Of that object, or 0. */
static inline u64 hint_of(u64 ino, enum obj_type type, u32 id)
{
	u64 w = hint_by_ino(ino);

	return (w ^ ((u64)type << 32 | id)) & HINT_NAME ? 0 : w;
}

bool obj_hint(const struct stat *st, enum obj_type *type, u32 *id)
{
	u64 w = hint_by_ino(st->st_ino);

	*type = (enum obj_type)(w >> 32 & 7);
	*id = (u32)w;
	return *id && *type < OBJ_TYPES && S_ISREG(st->st_mode) && st->st_dev == the_store.dev;
}

u32 obj_hint_flags(const struct stat *st)
{
	return HINT_FLAGS(hint_by_ino(st->st_ino));
}

void obj_set_hint(const struct stat *st, enum obj_type type, u32 id, u32 flags)
{
	atomic_store_explicit(hint_slot(st->st_ino),
			      hint_word(st->st_ino, type, id) | (u64)(flags & 31) << 35,
			      memory_order_relaxed);
	set_ino(type, id, st->st_ino);
}

/* From a header that was read after the slot held `before`. */
static void fill_hint(u64 ino, enum obj_type type, u32 id, u32 flags, u64 before)
{
	u64 to = hint_word(ino, type, id) | (u64)(flags & 31) << 35 | ((before + HINT_UNLINKED) & HINT_COUNT);

	atomic_compare_exchange_strong(hint_slot(ino), &before, to);
	set_ino(type, id, ino);
}

void obj_add_hint(u64 ino, enum obj_type type, u32 id, u32 flags)
{
	u64 w = atomic_load(hint_slot(ino)), to;

	do {
		to = hint_of(ino, type, id) == w ? w : hint_word(ino, type, id);
		to = (to & ~HINT_COUNT) | (u64)(flags & 31) << 35 | ((w + HINT_UNLINKED) & HINT_COUNT);
	} while (!atomic_compare_exchange_weak(hint_slot(ino), &w, to));
	set_ino(type, id, ino);
}

u64 obj_links_begin(u64 ino, enum obj_type type, u32 id)
{
	return hint_of(ino, type, id);
}

void obj_links_seen(u64 ino, u64 before)
{
	if (before && !(before & HINT_LINKED))
		atomic_compare_exchange_strong(hint_slot(ino), &before, before | HINT_LINKED);
}

void obj_links_gone(u64 ino, enum obj_type type, u32 id)
{
	u64 w = hint_of(ino, type, id), to;

	while (w) {
		to = (w & ~(HINT_LINKED | HINT_COUNT)) | ((w + HINT_UNLINKED) & HINT_COUNT);
		if (atomic_compare_exchange_weak(hint_slot(ino), &w, to))
			break;
		w = hint_of(ino, type, id);
	}
}

/* The object's OBJ_F_* flags: from the hint if that is the object's own, else from its header. */
static u32 object_flags(int fd, const struct stat *st, enum obj_type type, u32 id)
{
	u64 w = hint_of(st->st_ino, type, id), before;
	u32 flags;

	if (w)
		return HINT_FLAGS(w);
	before = atomic_load(hint_slot(st->st_ino));
	flags = header_flags(fd, st);
	fill_hint(st->st_ino, type, id, flags, before);
	return flags;
}

static void clear_one(void *arg, u64 slot, enum obj_type type, u32 id)
{
	const struct obj_hdr *h = arg;

	ref_clear(h->type, h->id, slot, type, id);
}

static void release(const struct obj_hdr *h, size_t size)
{
	const struct obj_type_ops *row = store_type(h->type);
	struct obj_hdr copy = *h;

	if (row->release)
		row->release(h, size);
	row->each_ref(h, size, clear_one, &copy);
}

/* A mapping costs more than all the rest, so it is made only where the header does not tell. */
static void release_by(int fd, enum obj_type type, u32 id, off_t size)
{
	struct obj_view v;
	union {
		struct obj_hdr h;
		u64 room[OBJ_HDR_SIZE / 8];
	} u;

	if (store_type(type)->header_tells && !header_offset(size) &&
	    raw_pread(fd, &u, sizeof(u), 0) == sizeof(u)) {
		if (obj_header_of(&u.h, type, id) && u.h.file_size == (u64)size)
			release(&u.h, (size_t)size);
		return;
	}
	if (obj_map(type, id, false, &v))
		return;
	release(v.hdr, v.size);
	obj_unmap(&v);
}

/*
 * Removes a file that is proven dead. First what it held, then its name: who
 * is killed in between leaves a dead object that still names its references,
 * and the next observer goes on.
 */
static void bury(int fd, enum obj_type type, u32 id, u32 flags, const struct stat *st)
{
	char name[32];

	if ((flags & OBJ_F_HOLDS) && store_type(type)->each_ref)
		release_by(fd, type, id, st->st_size);
	/* Before the name goes, and before the lock does: see obj_open_pinned. */
	store_hint(type, id, false);
	raw_unlinkat(the_store.dirfd, store_id_name(name, type, id), 0);
	if (flags & OBJ_F_WAKE)
		wake_drop(type, id); /* after the name: see wake_open */
}

/*
 * Who has LOCK_EX says so before he looks at the links, and again when the object is buried or not. Links in
 * refs/ are made by the id alone, by somebody who has a descriptor; but another thread of his may close it.
 * So he who makes one looks whether a decision may have been made at the same time, and if so asks for the
 * locks.
 */
static void reaping_begin(u32 id)
{
	atomic_fetch_add(&the_store.super->reaping[id % STORE_REAPING].begun, 1);
}

static void reaping_end(u32 id)
{
	atomic_fetch_add(&the_store.super->reaping[id % STORE_REAPING].ended, 1);
}

u32 obj_hold_begin(u32 id)
{
	return atomic_load(&the_store.super->reaping[id % STORE_REAPING].ended);
}

/* Has it a description, or other links? Not, and it is dead, or will be. */
static bool holdable(enum obj_type type, u32 id)
{
	int fd = open_id(type, id, O_RDONLY);
	struct stat st;
	bool yes = false;

	if (fd < 0)
		return fd != -ENOENT; /* -EACCES, -EMFILE: as far as we can know */
	for (int tries = 0; tries < 100; tries++) {
		if (!raw_flock(fd, LOCK_EX | LOCK_NB)) {
			yes = !raw_fstat(fd, &st) && st.st_nlink > 2;
			break;
		}
		/* The id's name goes before the lock of who buries it does. */
		if (!raw_flock(fd, LOCK_SH | LOCK_NB)) {
			yes = !raw_fstat(fd, &st) && st.st_nlink > 1;
			break;
		}
		raw0(SYS_sched_yield);
	}
	raw_close(fd);
	return yes;
}

bool obj_hold_end(enum obj_type type, u32 id, u32 ended)
{
	return atomic_load(&the_store.super->reaping[id % STORE_REAPING].begun) == ended ||
	       holdable(type, id);
}

/* No fd is left (LOCK_EX was granted) but links are: if none of them is a pin, the last user reference is
 * gone. */
static void uref_gone(enum obj_type type, u32 id, const struct stat *st)
{
	struct obj_view v;

	if (!store_type(type)->release_uref || (int)st->st_nlink - 1 > ref_count(st->st_ino))
		return;
	if (obj_map(type, id, true, &v))
		return;
	store_type(type)->release_uref(v.hdr, v.size);
	obj_unmap(&v);
}

/* May all its links be names that count for nothing? */
static bool maybe_spare(u64 ino, enum obj_type type, u32 id)
{
	u64 w = hint_of(ino, type, id);

	return store_type(type)->drop_spares && (!w || HINT_FLAGS(w) & OBJ_F_SPARE);
}

/*
 * LOCK_EX was granted on fd: names that count for nothing go, without the lock, since who wants to open an
 * object that has names would wait for it. False: it is not ours any more.
 */
static bool alone_without_spares(int fd, enum obj_type type, u32 id, u32 flags, struct stat *st)
{
	bool (*drop)(struct obj_hdr * hdr, size_t file_size, bool writable) = store_type(type)->drop_spares;
	struct obj_view v;
	bool again = true;

	if (!(flags & OBJ_F_SPARE) || st->st_nlink <= 1 || !drop)
		return true;
	raw_flock(fd, LOCK_UN);
	for (int writable = 0; writable < 2 && again; writable++) {
		if (obj_map(type, id, writable, &v))
			return false;
		again = drop(v.hdr, v.size, writable);
		obj_unmap(&v);
	}
	return !raw_flock(fd, LOCK_EX | LOCK_NB) && !raw_fstat(fd, st);
}

/* A look costs no description that could write: that one's close would call for the next look. */
static void see_closed(enum obj_type type, u32 id, int fd)
{
	bool again = store_type(type)->closed;
	struct obj_view v;

	for (int writable = 0; writable < 2 && again; writable++) {
		if (obj_map(type, id, writable, &v))
			return;
		again = store_type(type)->closed(v.hdr, v.size, fd, writable);
		obj_unmap(&v);
	}
}

/* One look. -EAGAIN: links went while our lock kept away who had taken them. */
static int reap_once(enum obj_type type, u32 id)
{
	u64 ino = atomic_load_explicit(ino_slot(type, id), memory_order_relaxed);
	u64 before = obj_links_begin(ino, type, id);
	struct stat st;
	int fd, dead = 0;
	bool alone, counted;
	u32 flags;

	fd = open_id(type, id, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT;
	/* Refused: somebody has an fd. Granted for a moment to an object with links: its openers try again.
	 */
	alone = counted = !raw_flock(fd, LOCK_EX | LOCK_NB);
	if (counted)
		reaping_begin(id);
	if (raw_fstat(fd, &st))
		goto out;
	flags = object_flags(fd, &st, type, id);
	alone = alone && alone_without_spares(fd, type, id, flags, &st);
	dead = alone && st.st_nlink <= 1;
	if (dead) {
		bury(fd, type, id, flags, &st);
		goto out;
	}
	if (st.st_nlink <= 1)
		obj_links_gone(st.st_ino, type, id);
	else if (st.st_ino == ino)
		obj_links_seen(ino, before);
	if (alone)
		raw_flock(fd, LOCK_UN);
	if (flags & OBJ_F_CLOSED && st.st_nlink)
		see_closed(type, id, fd);
	if (alone && flags & OBJ_F_UREF)
		uref_gone(type, id, &st);
	if (alone && !raw_fstat(fd, &st))
		dead = st.st_nlink == 1 ? -EAGAIN : !st.st_nlink;
out:
	if (counted)
		reaping_end(id);
	raw_close(fd);
	return dead;
}

int obj_reap(enum obj_type type, u32 id)
{
	int dead;

	do
		dead = reap_once(type, id);
	while (dead == -EAGAIN);
	return dead;
}

/* ino: the object's, or 0 if the caller does not know it. */
static int close_looking(int fd, enum obj_type type, u32 id, u64 ino)
{
	u64 before = ino ? obj_links_begin(ino, type, id) : 0;
	struct stat st;
	bool last = true;
	int err;

	/* Pinned objects need no more than the close, unless they care for user references. */
	if (!raw_fstat(fd, &st) && st.st_nlink > 1) {
		last = object_flags(fd, &st, type, id) & LOOK_LINKED;
		if (st.st_ino == ino)
			obj_links_seen(ino, before);
	}
	err = raw_close(fd);
	if (err)
		return err;
	return last ? obj_reap(type, id) : 0;
}

int obj_close(int fd, enum obj_type type, u32 id)
{
	return close_looking(fd, type, id, 0);
}

int obj_close_known(int fd, enum obj_type type, u32 id, u64 ino)
{
	u64 w = hint_of(ino, type, id);
	int err;

	if (!w || w & HINT_LOOK_ALWAYS)
		return close_looking(fd, type, id, ino);
	err = raw_close(fd);
	if (err)
		return err;
	/*
	 * If the last link went meanwhile, he who took it found our lock. Without a mark there are no links,
	 * as a rule: then one look after the close does; should there be some, it leaves the mark.
	 */
	return hint_of(ino, type, id) & HINT_LINKED ? 0 : obj_reap(type, id);
}

/* Takes LOCK_SH on a fresh description of an object that may be in its reaper's hands. */
static int lock_shared(int fd, struct stat *st)
{
	struct timespec ms = { 0, 1000000 };
	int err;

	for (int tries = 0; tries < 100; tries++) {
		err = raw_flock(fd, LOCK_SH | LOCK_NB);
		if (raw_fstat(fd, st))
			return -EIO;
		if (err != -EWOULDBLOCK)
			return err ? err : st->st_nlink ? 0 : -ENOENT;
		if (st->st_nlink <= 1)
			return -ENOENT;
		/* Someone looks for user references of an object that lives: a matter of microseconds. */
		if (tries < 50)
			raw0(SYS_sched_yield);
		else
			raw2(SYS_nanosleep, &ms, 0);
	}
	return -EAGAIN;
}

/*
 * The object may be a leftover that nobody holds: then LOCK_EX is granted. A
 * maker locks before it publishes, so this is no object in the making.
 */
static int settle(int fd, enum obj_type type, u32 id)
{
	struct stat st;
	bool dead;
	u32 flags;

	do {
		/* Gives our own lock up, whatever comes of it. */
		if (raw_flock(fd, LOCK_EX | LOCK_NB))
			return 0; /* held by another */
		reaping_begin(id);
		dead = !raw_fstat(fd, &st) && (st.st_nlink == 1 || maybe_spare(st.st_ino, type, id));
		if (dead) {
			flags = object_flags(fd, &st, type, id);
			dead = alone_without_spares(fd, type, id, flags, &st) && st.st_nlink == 1;
		}
		if (dead)
			bury(fd, type, id, flags, &st);
		reaping_end(id);
		if (dead)
			return -ENOENT;
		raw_flock(fd, LOCK_UN);
		/* Did links go while our lock kept away who had taken them? */
	} while (!raw_fstat(fd, &st) && st.st_nlink == 1);
	return 0;
}

/* Ids that nobody has got yet are not looked up: a page of the bitmap would be made for each. */
static bool live(enum obj_type type, u32 id)
{
	return id < STORE_HINT_IDS && id < atomic_load(&the_store.super->next_id[type]) &&
	       atomic_load(&the_store.super->live[type][id / 64]) >> (id % 64) & 1;
}

int obj_open(enum obj_type type, u32 id, int oflags, struct stat *st)
{
	bool listed = live(type, id);
	int fd, err;

	fd = open_id(type, id, oflags);
	if (fd == -EPERM && oflags & O_NOATIME) /* somebody else's file */
		fd = open_id(type, id, oflags & ~O_NOATIME);
	/* A name is there before its bit is, and never comes back. */
	if (fd == -ENOENT && listed)
		store_hint(type, id, false);
	if (fd < 0)
		return fd;
	err = lock_shared(fd, st);
	if (!err && !st->st_size)
		err = -ENOENT; /* in the making */
	if (!err && (st->st_nlink == 1 || maybe_spare(st->st_ino, type, id))) {
		err = settle(fd, type, id);
		if (!err)
			err = lock_shared(fd, st);
	}
	if (err) {
		raw_close(fd);
		return err;
	}
	set_ino(type, id, st->st_ino);
	return fd;
}

/*
 * A shared lock tells what is in its reaper's hands, and trying the exclusive one what nobody has. That
 * also makes up for a reaper that our own lock has kept away.
 */
int obj_look(enum obj_type type, u32 id, struct obj_hdr *h, size_t size)
{
	struct stat st;
	int fd = open_id(type, id, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = lock_shared(fd, &st);
	if (!err)
		err = st.st_size ? settle(fd, type, id) : -ENOENT;
	if (!err && (raw_pread(fd, h, size, header_offset(st.st_size)) != (long)size ||
		     !obj_header_of(h, type, id) || h->file_size != (u64)st.st_size))
		err = -EIO;
	raw_close(fd);
	return err;
}

int obj_open_pinned(enum obj_type type, u32 id, int oflags, const struct stat *pin)
{
	struct stat st;
	int fd;

	if (pin->st_ino >> 32 || pin->st_nlink < 2 || !pin->st_size)
		goto look;
	fd = open_id(type, id, oflags);
	if (fd < 0)
		return fd;
	if (!raw_flock(fd, LOCK_SH | LOCK_NB) && live(type, id))
		return fd;
	raw_close(fd);
look:
	fd = obj_open(type, id, oflags, &st);
	if (fd < 0 || (st.st_ino == pin->st_ino && st.st_dev == pin->st_dev))
		return fd;
	obj_close(fd, type, id);
	return -ENOENT;
}

/* "...bpf-map/25" at the end of a path, NUL behind it: type and id. */
static bool parse_id_path(const char *path, size_t len, enum obj_type *type, u32 *id)
{
	const char *p = path + len, *end;
	u64 n;

	while (p > path && p[-1] >= '0' && p[-1] <= '9')
		p--;
	n = str_get_u64(p, &end);
	if (p == path + len || n > 0xffffffffu || p <= path || p[-1] != '/')
		return false;
	p--;
	for (u32 t = 0; t < OBJ_TYPES; t++) {
		size_t l = strlen(store_type(t)->dir);

		if ((size_t)(p - path) > l && p[-(long)l - 1] == '/' &&
		    !memcmp(p - l, store_type(t)->dir, l)) {
			*type = t;
			*id = (u32)n;
			return true;
		}
	}
	return false;
}

/* Does the id name lead to the file of st? A path text can say anything. */
static bool is_object(enum obj_type type, u32 id, const struct stat *st)
{
	struct stat named;
	char name[32];

	return !raw_fstatat(the_store.dirfd, store_id_name(name, type, id), &named, AT_SYMLINK_NOFOLLOW) &&
	       named.st_ino == st->st_ino && named.st_dev == st->st_dev;
}

/* What the description that had that stat is; the fd may lead elsewhere by now. */
static int identify_once(int fd, const struct stat *st, enum obj_type *type, u32 *id)
{
	char link[40], text[600];
	long n;

	/* Empty: an object in the making, of another thread that was given a number just closed. */
	if (!S_ISREG(st->st_mode) || st->st_dev != the_store.dev || !st->st_size)
		return -EINVAL;
	/* The store remembers by inode; else the text of the fd tells. */
	if (obj_hint(st, type, id) && is_object(*type, *id, st))
		return 0;
	str_put_u64(str_put(link, "/proc/self/fd/"), (u64)fd, 10);
	n = raw_readlinkat(AT_FDCWD, link, text, sizeof(text) - 1);
	if (n <= 0)
		return -EINVAL;
	text[n] = 0;
	return parse_id_path(text, (size_t)n, type, id) && is_object(*type, *id, st) ? 0 : -EINVAL;
}

int obj_identify(int fd, enum obj_type *type, u32 *id, struct stat *st)
{
	struct stat again;

	/* Another thread may put something else under the number between two looks: then once more. */
	for (int tries = 0; tries < 64; tries++) {
		int err = raw_fstat(fd, st);

		if (err)
			return err;
		if (!identify_once(fd, st, type, id))
			return 0;
		if (raw_fstat(fd, &again) || (again.st_ino == st->st_ino && again.st_dev == st->st_dev))
			break;
	}
	return -EINVAL;
}

int obj_identify_path(int dirfd, const char *name, enum obj_type *type, u32 *id, struct stat *st)
{
	struct obj_hdr h;
	int fd, err;
	u64 before;

	err = raw_fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	if (err)
		return err;
	if (!S_ISREG(st->st_mode) || st->st_nlink < 2)
		return -EINVAL;
	fd = raw_openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	err = -EINVAL;
	before = atomic_load(hint_slot(st->st_ino));
	if (raw_pread(fd, &h, sizeof(h), header_offset(st->st_size)) == sizeof(h) && h.magic == OBJ_MAGIC &&
	    h.type < OBJ_TYPES && is_object(h.type, h.id, st)) {
		*type = h.type;
		*id = h.id;
		fill_hint(st->st_ino, h.type, h.id, h.flags, before);
		err = 0;
	}
	raw_close(fd);
	return err;
}

bool obj_linked(enum obj_type type, u32 id, bool *cares)
{
	struct stat st;
	char name[32];
	u64 w;

	if (raw_fstatat(the_store.dirfd, store_id_name(name, type, id), &st, AT_SYMLINK_NOFOLLOW) ||
	    st.st_nlink <= 1 || maybe_spare(st.st_ino, type, id))
		return false;
	w = hint_of(st.st_ino, type, id);
	*cares = !w || HINT_FLAGS(w) & LOOK_LINKED;
	return true;
}

/* Alive as far as a look tells; settles what nobody holds. */
static bool id_alive(enum obj_type type, u32 id)
{
	struct stat st;
	char name[32];
	int err;

	err = raw_fstatat(the_store.dirfd, store_id_name(name, type, id), &st, AT_SYMLINK_NOFOLLOW);
	if (err == -ENOENT)
		store_hint(type, id, false);
	if (err)
		return false;
	return (st.st_nlink > 1 && !maybe_spare(st.st_ino, type, id)) || !obj_reap(type, id);
}

/* Only of objects that hold nothing the mark is believed, as when one is closed. */
bool obj_marked(enum obj_type type, u32 id)
{
	u64 w = hint_of(atomic_load_explicit(ino_slot(type, id), memory_order_relaxed), type, id);

	return (w & (HINT_LINKED | HINT_LOOK_ALWAYS)) == HINT_LINKED;
}

static bool marked_or_alive(enum obj_type type, u32 id)
{
	return obj_marked(type, id) || id_alive(type, id);
}

static inline int next_id(enum obj_type type, u32 start, u32 *next, bool (*alive)(enum obj_type type, u32 id))
{
	u32 end = atomic_load(&the_store.super->next_id[type]);
	u64 id = (u64)start + 1;

	if (end > STORE_HINT_IDS)
		end = STORE_HINT_IDS;
	while (id < end) {
		u64 w = atomic_load(&the_store.super->live[type][id / 64]) >> (id % 64);

		if (!w) {
			id = ROUND_UP(id + 1, 64);
			continue;
		}
		id += (u64)__builtin_ctzll(w);
		if (id < end && alive(type, (u32)id)) {
			*next = (u32)id;
			return 0;
		}
		id++;
	}
	return -ENOENT;
}

int obj_next_id(enum obj_type type, u32 start, u32 *next)
{
	return next_id(type, start, next, id_alive);
}

int obj_next_id_hinted(enum obj_type type, u32 start, u32 *next)
{
	return next_id(type, start, next, marked_or_alive);
}

static bool unmarked(enum obj_type type, u32 id)
{
	return !obj_marked(type, id);
}

int obj_next_unmarked(enum obj_type type, u32 start, u32 *next)
{
	return next_id(type, start, next, unmarked);
}
