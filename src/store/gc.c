// SPDX-License-Identifier: BSD-2-Clause
/*
 * What killed processes leave: temporaries, dead objects, references nobody names.
 *
 * Nothing here is needed for the answers of bpf(2): dead objects are settled
 * by whoever looks. gc looks at everything, and also rebuilds the hint bitmap
 * from the directories, which are the truth.
 */
#include "shm/actor.h"
#include "store/dirscan.h"
#include "store/ref.h"
#include "store/store.h"
#include "store/wake.h"
#include "util/raw.h"
#include "util/str.h"

/* ".tmp.ACTOR.N": its maker is dead. */
static bool dead_temp(const char *name)
{
	if (!str_starts(name, ".tmp."))
		return false;
	return !actor_alive((u32)str_get_u64(name + 5, NULL));
}

static void gc_type(enum obj_type t, struct gc_result *r)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	const char *end;
	char path[300];

	if (store_type(t)->gc)
		store_type(t)->gc(r);
	if (dirscan_open(&d, store_type(t)->dir))
		return;
	while ((e = dirscan_next(&d))) {
		u64 id = str_get_u64(e->name, &end);

		if (dead_temp(e->name)) {
			char *p = str_put(path, store_type(t)->dir);

			*p++ = '/';
			str_put(p, e->name);
			r->temps += !raw_unlinkat(the_store.dirfd, path, 0);
		} else if (!*end && end != e->name && id <= 0xffffffffu) {
			/* Again if it went meanwhile: the hint must not outlive the object. */
			store_hint(t, (u32)id, true);
			if (obj_reap(t, (u32)id) > 0) {
				store_hint(t, (u32)id, false);
				r->objects++;
			}
		}
	}
	dirscan_close(&d);
}

struct find_slot {
	u64 slot;
	bool found;
};

static void match_slot(void *arg, u64 slot, enum obj_type type, u32 id)
{
	struct find_slot *f = arg;

	f->found |= f->slot == slot;
}

/* Does a living holder name this slot? */
static bool slot_named(enum obj_type holder, u32 id, u64 slot)
{
	struct find_slot f = { .slot = slot };
	struct obj_view v;
	int err;

	if (slot == REF_SLOT_KEEP)
		return true;
	err = obj_map(holder, id, false, &v);
	if (err)
		return err != -ENOENT; /* a damaged holder keeps what it has */
	if (store_type(holder)->each_ref)
		store_type(holder)->each_ref(v.hdr, v.size, match_slot, &f);
	obj_unmap(&v);
	return f.found;
}

static void reap_inode(u64 ino)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	for (u32 t = 0; t < OBJ_TYPES; t++) {
		if (dirscan_open(&d, store_type(t)->dir))
			continue;
		while ((e = dirscan_next(&d)))
			if (e->ino == ino && e->name[0] != '.')
				obj_reap(t, (u32)str_get_u64(e->name, NULL));
		dirscan_close(&d);
	}
}

/*
 * A reference is set link first, so one that no slot names may be in the
 * making. It is looked at twice, with a pause in between, before it goes.
 */
static void gc_refs(struct gc_result *r)
{
	const struct timespec pause = { 0, 2000000 };
	const struct dirscan_entry *e;
	enum obj_type holder;
	struct dirscan d;
	char path[300];
	u64 slot;
	u32 id;

	if (dirscan_open(&d, "refs"))
		return;
	while ((e = dirscan_next(&d))) {
		if (!ref_parse(e->name, &holder, &id, &slot) || slot_named(holder, id, slot))
			continue;
		raw2(SYS_nanosleep, &pause, 0);
		if (slot_named(holder, id, slot))
			continue;
		str_put(str_put(path, "refs/"), e->name);
		if (!raw_unlinkat(the_store.dirfd, path, 0)) {
			r->refs++;
			reap_inode(e->ino);
		}
	}
	dirscan_close(&d);
}

int store_gc(struct gc_result *r)
{
	*r = (struct gc_result){ 0 };
	gc_refs(r);
	for (u32 t = 0; t < OBJ_TYPES; t++)
		gc_type(t, r);
	r->temps += wake_gc();
	return 0;
}
