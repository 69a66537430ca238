// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of an attach point: read whole, put right, changed by one swap. See attach_int.h.
 */
#include "link/attach_int.h"
#include <string.h>
#include "link/clsact.h"
#include "link/link.h"
#include "store/ref.h"
#include "util/raw.h"

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

/* As much as there is of it. */
static void copy_list(struct attach_list *to, const struct attach_list *from)
{
	size_t head = offsetof(struct attach_list, e);
	u32 nr;

	memcpy(to, from, head);
	nr = MIN(to->nr, ATTACH_MAX);
	memcpy((u8 *)to + head, (const u8 *)from + head, nr * sizeof(to->e[0]));
}

int attach_read(struct attach_point *p, struct attach_list *l, u64 *head)
{
	bool valid = true;

	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		u64 h = atomic_load(&p->page->h.head);

		if ((h & 255) == ATTACH_CLOSED)
			return -EOWNERDEAD;
		if ((h & 255) >= ATTACH_SLOTS)
			return -EIO;
		copy_list(l, attach_slot(p, (u32)(h & 255)));
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
		.data_size = ATTACH_DATA_SIZE,
	};

	return obj_reserve(&v, (size_t)attach_slot_at(slot + 1) - OBJ_HDR_SIZE);
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
	for (u32 i = 0; i < 2 * ATTACH_SLOTS; i++) {
		_Atomic u64 *owner = &p->page->owner[i % ATTACH_SLOTS];
		u64 seen = atomic_load(owner);

		/* First those that are free, then those of the dead. */
		if ((seen && (i < ATTACH_SLOTS || !is_stale(op, seen))) ||
		    (atomic_load(&p->page->h.head) & 255) == i % ATTACH_SLOTS)
			continue;
		op->held_word = word_of(op);
		op->held = owner;
		barrier();
		if (atomic_compare_exchange_strong(owner, &seen, op->held_word)) {
			if ((atomic_load(&p->page->h.head) & 255) != i % ATTACH_SLOTS)
				return (int)(i % ATTACH_SLOTS);
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
	err = (u32)slot < ATTACH_BACKED ? 0 : reserve(p, (u32)slot);
	if (!err)
		copy_list(attach_slot(p, (u32)slot), l);
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

/* Puts right what the links, but for that one, say otherwise. Was there anything? */
static bool scrub(struct attach_list *l, u32 but)
{
	bool changed = false;

	for (u32 i = 0; i < l->nr;) {
		struct attach_entry *e = &l->e[i];
		u32 prog = e->prog_id;

		if (e->link_id && e->link_id != but && !link_stands(e->link_id, &prog)) {
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
static int read_clean(struct op *op, struct attach_point *p, u32 beside, struct attach_list *l, u64 *head)
{
	int err;

	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		err = attach_read(p, l, head);
		if (err || !scrub(l, beside))
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

static int change_once(struct op *op, struct attach_point *p, u32 how, attach_edit edit, void *arg)
{
	struct attach_list l, old;
	bool scrubbed;
	u64 head;
	int err = attach_read(p, &l, &head);

	if (err)
		return err;
	copy_list(&old, &l);
	scrubbed = !(how & ATTACH_BLIND) && scrub(&l, 0);
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
	const struct attach_key *key;
	struct attach_point *p; /* NULL: still to be found */
	attach_edit edit;       /* NULL: it is only read */
	void *arg;
	struct attach_list *l; /* where it is read to */
	u32 how, beside;
};

static int run_once(struct op *op, struct change *c)
{
	u64 head;
	int err;

	if (c->edit)
		err = change_once(op, c->p, c->how, c->edit, c->arg);
	else
		err = read_clean(op, c->p, c->beside, c->l, &head);
	if (err != -EOWNERDEAD)
		return err;
	/* Removed meanwhile, as nothing stood there. */
	return c->how & ATTACH_MAKE ? attach_point_renew(c->p) ?: -EAGAIN : -ENOENT;
}

static int run(struct op *op, struct change *c)
{
	int err = guard_set(&op->guard);
	struct attach_point *p;

	if (err) {
		op_fault(op);
		return -EIO;
	}
	if (!c->p) {
		p = attach_point_find(c->key);
		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		c->p = p;
	}
	err = -EAGAIN;
	for (int tries = 0; err == -EAGAIN && tries < ATTACH_TRIES; tries++)
		err = run_once(op, c);
	return err;
}

static noinline int begin(struct op *outer, struct change *c)
{
	struct op *op = op_enter_in(outer, NULL, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = run(op, c);
	op_leave(op);
	return err;
}

int attach_change(struct attach_point *p, attach_edit edit, void *arg)
{
	struct change c = { .p = p, .edit = edit, .arg = arg, .how = ATTACH_MAKE };

	return begin(NULL, &c);
}

int attach_list(struct attach_point *p, struct attach_list *l)
{
	struct change c = { .p = p, .l = l, .how = ATTACH_MAKE };

	return begin(NULL, &c);
}

int attach_apply(struct op *op, const struct attach_key *k, u32 how, attach_edit edit, void *arg)
{
	struct change c = { .key = k, .edit = edit, .arg = arg, .how = how };
	int err;

	/* gc may remove a point that has nothing yet, between any two steps. */
	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		err = begin(op, &c);
		if (c.p) {
			attach_close(c.p);
			return err;
		}
		if (err != -ENOENT || !(how & ATTACH_MAKE))
			return err;
		err = attach_point_make(k);
		if (err && err != -ENOENT)
			return err;
	}
	return -EAGAIN;
}

int attach_beside(struct op *op, const struct attach_key *k, u32 link_id, struct attach_list *l)
{
	struct change c = { .key = k, .l = l, .beside = link_id };
	int err = begin(op, &c);

	if (c.p)
		attach_close(c.p);
	if (!err)
		return 0;
	l->revision = l->since = 1;
	l->flags = l->nr = 0;
	return err == -ENOENT ? 0 : err;
}

int attach_list_of(const struct attach_key *k, struct attach_list *l)
{
	return attach_beside(NULL, k, 0, l);
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
int attach_drop_link(const struct attach_key *k, u32 link_id)
{
	int err = attach_apply(NULL, k, ATTACH_BLIND, drop_edit, &link_id);

	return err == -ENOENT ? 0 : err;
}

/* ---- for the store ---- */

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
	if ((head & 255) >= ATTACH_SLOTS || file_size < ATTACH_DATA_SIZE + OBJ_HDR_SIZE)
		return;
	l = (const struct attach_list *)((const u8 *)hdr + attach_slot_at((u32)(head & 255)));
	for (u32 i = 0; i < MIN(l->nr, ATTACH_MAX); i++)
		if (held_by(&l->e[i], &type, &id) && l->e[i].hold)
			each(arg, l->e[i].hold, type, id);
}
