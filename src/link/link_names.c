// SPDX-License-Identifier: BSD-2-Clause
/*
 * The names in refs/ by which a link holds programs, and which of them it runs.
 *
 *     prog     63      38 37    34 33   32 31        0
 *              +---------+--------+-------+-----------+
 *              | version | valid  | place | program   |
 *              |         | 4 bits | of it |           |
 *              +---------+--------+-------+-----------+
 *     names[4]  the slot of a reference each (store/ref.h): program's id, and a random half above it
 *
 *     name   valid
 *     0      0      free
 *     w      1      refs/ has that name, for sure
 *     w      0      maybe: it is in the making, or leaving
 *
 * The version counts changes of `valid`: as long as it stays, a name that was valid is, and is the same.
 *
 * An update to a program that has a valid name is one compare-and-swap of prog. Else
 *
 *     names[free] = w   ->   link refs/...w   ->   prog: the program, its place, valid
 *
 * and a name leaves by
 *
 *     prog: not valid   ->   unlink           ->   names[i] = 0
 *
 * so that the program that is run always has a name. Killed, stopped or jumped out of anywhere: a name
 * that is not valid stands in names[], and whoever needs the place, gc, or the link's end remove it. He who
 * does moves the version first; a maker who was only slow finds it moved, and begins again. (If his place was
 * taken before he had made the name, and he is killed when he has, nobody tells that name: gc finds it.)
 *
 * Spare names. The name of the program that was replaced stays valid for the way back, if the process has a
 * descriptor of it. Such a name must not keep the program alive. So who lets it stay has first
 *
 *   1. flagged the program OBJ_F_SPARE, in its header and in the hints: from now on every close of it looks,
 *      and so does every opener, walker and reaper;
 *   2. noted the link in the program's spare_links;
 *   3. asked the kernel that he has a descriptor still
 *
 * and when the link is noted already, he asks nobody; after his swap he sees that it is noted still. Who
 * finds that nobody has a descriptor of a flagged program makes each note CLEANING, removes the link's spare
 * names of it, and then the note. So a note says that nobody has found the program without a descriptor since
 * it was made, and a name that was left beside a note is removed by who takes the note. A descriptor that was
 * closed behind the front end's back is reported to the supervisor, and the note goes.
 */
#include "link/link.h"
#include <string.h>
#include "shm/actor.h"
#include "store/ref.h"
#include "store/store.h"
#include "util/random.h"

#define PLACE(head)   ((u32)((head) >> 32) & 3)
#define VALID(head)   ((u32)((head) >> 34) & 15)
#define VERSION(head) ((head) >> 38)
#define CLEANING      (1u << 31) /* of a note */
#define TRIES         1000

_Static_assert(LINK_NAMES == 4, "two and four bits");

static u32 prog_of(u64 word)
{
	return (u32)word;
}

static u64 new_head(u64 from, u32 prog, u32 place, u32 valid)
{
	u64 version = VERSION(from) + (valid != VALID(from));

	return version << 38 | (u64)valid << 34 | (u64)place << 32 | prog;
}

static bool is_valid(u64 head, u32 i)
{
	return VALID(head) >> i & 1;
}

static bool runs(u64 head, u32 i)
{
	return PLACE(head) == i && is_valid(head, i);
}

static u64 new_word(u32 prog)
{
	u32 r = (u32)(random_u64() >> 32) & 0x7fffffff;

	/* Never a slot with a fixed meaning, whose upper half is all ones. */
	return (u64)(r | 1) << 32 | prog;
}

static int hold(u32 link_id, u64 word)
{
	int err = ref_set(OBJ_LINK, link_id, word, OBJ_PROG, prog_of(word));

	if (err == -ENOSPC || err == -EDQUOT)
		return -ENOMEM;
	return err == -ENOENT ? -EBADF : err;
}

int link_hold_first(struct link_hdr *h, u32 prog_id)
{
	u64 word;
	int err;

	do {
		word = new_word(prog_id);
		err = hold(h->o.id, word);
	} while (err == -EEXIST);
	for (u32 i = 0; i < LINK_NAMES; i++)
		atomic_store(&h->names[i], i || err ? 0 : word);
	atomic_store(&h->prog, new_head(0, prog_id, 0, 1));
	return err;
}

void link_let_go(const struct link_hdr *h)
{
	for (u32 i = 0; i < LINK_NAMES; i++) {
		u64 word = atomic_load(&h->names[i]);

		if (word)
			ref_clear(OBJ_LINK, h->o.id, word, OBJ_PROG, prog_of(word));
	}
}

/* ---- names that leave ---- */

/* It is not valid, and its maker, if he is still at it, will find that out. */
static void remove_name(struct link_hdr *h, u32 i, u64 word, bool look)
{
	if (look)
		ref_clear(OBJ_LINK, h->o.id, word, OBJ_PROG, prog_of(word));
	else
		ref_unname(OBJ_LINK, h->o.id, word);
	atomic_compare_exchange_strong(&h->names[i], &word, 0);
}

/* Takes a name away, valid or not, unless the link runs its program by it. look: at the program, too. */
static bool drop(struct link_hdr *h, u32 i, u64 word, bool look)
{
	u64 head = atomic_load(&h->prog), to;

	do {
		if (atomic_load(&h->names[i]) != word || runs(head, i))
			return false;
		to = (head & ~(1ull << (34 + i))) + (1ull << 38);
	} while (!atomic_compare_exchange_strong(&h->prog, &head, to));
	remove_name(h, i, word, look);
	return true;
}

/*
 * Makes room. Spare names go first; of those that are not valid some may be of the dead, so that there are
 * not to be many of them.
 */
static void evict(struct link_hdr *h)
{
	u64 head = atomic_load(&h->prog);
	bool valid = __builtin_popcount(VALID(head)) > 2;

	for (u32 n = 0; n < LINK_NAMES; n++) {
		u32 i = (u32)(VERSION(head) + n) % LINK_NAMES;
		u64 word = atomic_load(&h->names[i]);

		if (word && !runs(head, i) && is_valid(head, i) == valid) {
			drop(h, i, word, true);
			return;
		}
	}
}

/* ---- spare names ---- */

static bool noted(const struct prog_hdr *p, u32 link)
{
	for (u32 i = 0; i < PROG_SPARE_LINKS; i++)
		if (atomic_load(&p->spare_links[i]) == link)
			return true;
	return false;
}

/* A place for the note: its own, a free one, or that of a link that is gone. */
static _Atomic u32 *note_place(struct prog_hdr *p, u32 link, u32 *seen)
{
	_Atomic u32 *free = NULL;

	for (u32 i = 0; i < PROG_SPARE_LINKS; i++) {
		u32 w = atomic_load(&p->spare_links[i]);

		if ((w & ~CLEANING) == link) {
			*seen = w;
			return &p->spare_links[i];
		}
		if (!w && !free) {
			*seen = w;
			free = &p->spare_links[i];
		}
	}
	for (u32 i = 0; i < PROG_SPARE_LINKS && !free; i++) {
		*seen = atomic_load(&p->spare_links[i]);
		if (!store_hinted(OBJ_LINK, *seen & ~CLEANING))
			free = &p->spare_links[i];
	}
	return free;
}

static bool note(struct prog_hdr *p, u32 link)
{
	for (int tries = 0; tries < TRIES; tries++) {
		u32 seen;
		_Atomic u32 *at = note_place(p, link, &seen);

		if (!at)
			return false;
		if (atomic_compare_exchange_strong(at, &seen, link))
			return true;
	}
	return false;
}

struct cleaning {
	struct link_hdr *h;
	u32 prog; /* 0: gc, all that is of no use */
	u32 dropped;
};

/* Is a spare name of a program to stay, as far as gc can tell? */
static bool noted_by(u32 prog, u32 link)
{
	struct prog_hdr p;

	return !obj_read_header(OBJ_PROG, prog, &p.o, sizeof(p)) && noted(&p, link);
}

static void clean_names(void *arg)
{
	struct cleaning *c = arg;
	struct link_hdr *h = c->h;

	for (u32 i = 0; i < LINK_NAMES; i++) {
		u64 word = atomic_load(&h->names[i]), head = atomic_load(&h->prog);

		if (!word || runs(head, i) || (c->prog && prog_of(word) != c->prog) ||
		    (!c->prog && is_valid(head, i) && noted_by(prog_of(word), h->o.id)))
			continue;
		c->dropped += drop(h, i, word, !c->prog);
	}
}

static noinline bool run_guarded(struct op *op, void (*fn)(void *arg), void *arg)
{
	if (!guard_set(&op->guard)) {
		fn(arg);
		return true;
	}
	op_fault(op);
	return false;
}

/* As an operation of its own: a mapped file may be shorter by now. False: not done to the end. */
static noinline bool guarded(void (*fn)(void *arg), void *arg)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	bool done;

	if (!op)
		return false;
	done = run_guarded(op, fn, arg);
	op_leave(op);
	return done;
}

/* False: the link cannot be changed by us. */
static bool clean_link(u32 link, u32 prog, u32 *dropped)
{
	struct cleaning c = { .prog = prog };
	struct obj_view v;
	int err = obj_map(OBJ_LINK, link, true, &v);
	bool done;

	if (err)
		return err == -ENOENT;
	c.h = (struct link_hdr *)v.hdr;
	done = guarded(clean_names, &c);
	obj_unmap(&v);
	if (dropped)
		*dropped += c.dropped;
	return done;
}

/* Takes a note back, and first what it stands for. Whoever is killed in between leaves it to the next. */
static void clean_note(struct prog_hdr *p, _Atomic u32 *at, u32 seen)
{
	u32 link = seen & ~CLEANING, cleaning = link | CLEANING;

	if ((seen == cleaning || atomic_compare_exchange_strong(at, &seen, cleaning)) &&
	    clean_link(link, p->o.id, NULL))
		atomic_compare_exchange_strong(at, &cleaning, 0);
}

static void unnote(struct prog_hdr *p, u32 link)
{
	for (u32 i = 0; i < PROG_SPARE_LINKS; i++) {
		u32 seen = atomic_load(&p->spare_links[i]);

		if ((seen & ~CLEANING) == link)
			clean_note(p, &p->spare_links[i], seen);
	}
}

/* A program that a link leaves, if this process has it open. */
struct leaving {
	struct obj_here here;
	u32 link, prog;
	bool open, stays;
};

/* May its name stay, so far as can be said before the swap? */
static int may_stay(void *arg)
{
	struct leaving *l = arg;
	struct prog_hdr *p = (struct prog_hdr *)l->here.hdr;

	l->stays = noted(p, l->link);
	if (likely(l->stays))
		return 0;
	__atomic_fetch_or(&p->o.flags, OBJ_F_SPARE, __ATOMIC_SEQ_CST);
	obj_add_hint(l->here.ino, OBJ_PROG, l->prog, p->o.flags);
	if (!note(p, l->link))
		return 0;
	l->stays = obj_open_here && obj_open_here(OBJ_PROG, l->prog);
	if (!l->stays)
		unnote(p, l->link);
	return 0;
}

/* And after it? */
static int stays_still(void *arg)
{
	struct leaving *l = arg;

	l->stays = noted((const struct prog_hdr *)l->here.hdr, l->link);
	return 0;
}

/* The program's file may be damaged: that is no reason not to leave it. */
static void ask(struct op *op, struct leaving *l, int (*fn)(void *arg))
{
	const u8 *at = (const u8 *)l->here.hdr;

	if (op ? op_guarded(op, at, at + OBJ_HDR_SIZE, fn, l) : fn(l))
		l->stays = false;
}

static void leave_begin(struct op *op, struct leaving *l, u32 link, u32 prog)
{
	l->link = link;
	l->prog = prog;
	l->stays = false;
	l->open = link && !(link & CLEANING) && obj_here_get && obj_here_get(OBJ_PROG, prog, &l->here);
	if (l->open)
		ask(op, l, may_stay);
}

/* Does its name stay? */
static bool leave_end(struct op *op, struct leaving *l)
{
	if (!l->open)
		return false;
	if (l->stays)
		ask(op, l, stays_still);
	return obj_here_put(&l->here) && l->stays;
}

/* ---- LINK_UPDATE ---- */

static int find(const struct link_hdr *h, u64 head, u32 prog)
{
	for (u32 i = 0; i < LINK_NAMES; i++)
		if (is_valid(head, i) && i != PLACE(head) && prog_of(atomic_load(&h->names[i])) == prog)
			return (int)i;
	return -1;
}

/* One try to make the program with the name at i the one that is run. -EAGAIN: somebody was faster. */
static int switch_to(struct op *op, struct link_hdr *h, u64 head, u32 i, u32 next)
{
	u32 cur = PLACE(head), valid = VALID(head) | 1u << i;
	u64 word = atomic_load(&h->names[cur]);
	struct leaving old;
	bool swapped;

	leave_begin(op, &old, h->o.id, prog_of(head));
	old.stays = old.stays && prog_of(word) == prog_of(head);
	if (!old.stays)
		valid &= ~(1u << cur);
	swapped = atomic_compare_exchange_strong(&h->prog, &head, new_head(head, next, i, valid));
	if (likely(leave_end(op, &old)) || !word)
		return swapped ? 0 : -EAGAIN;
	if (!swapped)
		return -EAGAIN;
	if (valid >> cur & 1)
		drop(h, cur, word, true);
	else
		remove_name(h, cur, word, true);
	return 0;
}

static int may_update(const struct link_hdr *h, u64 head, u32 next, u32 must)
{
	if (atomic_load(&h->detached))
		return -ENOLINK;
	if (must && prog_of(head) != must)
		return -EPERM;
	return prog_of(head) == next;
}

/* A place for a name, and the name in it; -EAGAIN: there is none just now. */
static int take_place(struct link_hdr *h, u64 word)
{
	for (u32 i = 0; i < LINK_NAMES; i++)
		if (atomic_load(&h->names[i]) == word)
			return -EAGAIN;
	for (u32 i = 0; i < LINK_NAMES; i++) {
		u64 none = 0;

		if (atomic_compare_exchange_strong(&h->names[i], &none, word))
			return (int)i;
	}
	return -EAGAIN;
}

/* With a name of its own, made for it. */
static noinline int switch_new(struct op *op, struct link_hdr *h, u64 first, u32 next, u32 must)
{
	u64 word = new_word(next), head = first;
	struct leaving old;
	int i, err;

	/* What may be long is done before anything is made: then a killed one leaves less. */
	leave_begin(op, &old, h->o.id, prog_of(first));
	leave_end(op, &old);
	i = take_place(h, word);
	if (i < 0) {
		evict(h);
		return -EAGAIN;
	}
	err = hold(h->o.id, word);
	if (err == -EEXIST) {
		atomic_compare_exchange_strong(&h->names[i], &word, 0);
		return -EAGAIN;
	}
	while (!err && VERSION(head) == VERSION(first)) {
		err = may_update(h, head, next, must);
		if (err)
			break;
		if (!switch_to(op, h, head, (u32)i, next))
			return 0;
		head = atomic_load(&h->prog);
	}
	remove_name(h, (u32)i, word, err != -EBADF);
	return err ? err : -EAGAIN;
}

int link_swap_prog(struct op *op, struct link_hdr *h, u32 next, u32 must)
{
	int err = -EAGAIN;

	for (int tries = 0; err == -EAGAIN && tries < TRIES; tries++) {
		u64 head = atomic_load(&h->prog);
		int i;

		err = may_update(h, head, next, must);
		if (err)
			break;
		i = find(h, head, next);
		err = i < 0 ? switch_new(op, h, head, next, must) : switch_to(op, h, head, (u32)i, next);
	}
	return MIN(err, 0);
}

/* ---- for the store ---- */

struct notes {
	struct prog_hdr *of;
	bool any;
};

static void drop_noted(void *arg)
{
	struct prog_hdr *p = ((struct notes *)arg)->of;

	for (u32 i = 0; i < PROG_SPARE_LINKS; i++) {
		u32 seen = atomic_load(&p->spare_links[i]);

		if (seen)
			clean_note(p, &p->spare_links[i], seen);
	}
}

static void look_for_notes(void *arg)
{
	struct notes *n = arg;

	for (u32 i = 0; i < PROG_SPARE_LINKS; i++)
		n->any |= atomic_load(&n->of->spare_links[i]) != 0;
}

bool link_drop_spares(struct obj_hdr *prog, size_t file_size, bool writable)
{
	struct notes n = { .of = (struct prog_hdr *)prog };

	guarded(writable ? drop_noted : look_for_notes, &n);
	return n.any;
}

bool link_is_spare(const struct obj_hdr *hdr, u64 slot)
{
	const struct link_hdr *h = (const struct link_hdr *)hdr;

	for (u32 i = 0; i < LINK_NAMES; i++)
		if (atomic_load(&h->names[i]) == slot)
			return !runs(atomic_load(&h->prog), i);
	return false;
}

u32 link_spares_of(const struct prog_hdr *p)
{
	struct link_hdr h;
	u32 n = 0;

	for (u32 i = 0; i < PROG_SPARE_LINKS; i++) {
		u32 link = atomic_load(&p->spare_links[i]) & ~CLEANING;
		u64 head;

		if (!link || obj_read_header(OBJ_LINK, link, &h.o, sizeof(h)))
			continue;
		head = atomic_load(&h.prog);
		for (u32 k = 0; k < LINK_NAMES; k++)
			n += is_valid(head, k) && !runs(head, k) && prog_of(h.names[k]) == p->o.id;
	}
	return n;
}

void link_gc(struct gc_result *r)
{
	u32 id = 0;

	while (!obj_next_id(OBJ_LINK, id, &id))
		clean_link(id, 0, &r->refs);
}
