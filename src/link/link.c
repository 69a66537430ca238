// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link object: made whole, changed by one swap, undone by who sees it dead. See link.h.
 *
 *   link.c        making, describing, undoing
 *   link_names.c  which program it runs, and the names that it holds programs by
 */
#include "link/link.h"
#include <fcntl.h>
#include <string.h>
#include "store/ref.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"

static u32 prog_of(u64 word)
{
	return (u32)word;
}

static u32 map_of(const struct link_ops *ops, const struct link_hdr *h)
{
	return ops && ops->map ? ops->map(h) : 0;
}

int link_make(const struct link_ops *ops, const struct link_hdr *want, u32 prog_id, u32 uid, u32 *id,
	      struct stat *st)
{
	struct link_hdr *h, held;
	struct obj_new n;
	u32 map;
	int err;

	err = obj_create(OBJ_LINK, 0, 0, false, &n);
	if (err)
		return err;
	h = (struct link_hdr *)n.view.hdr;
	memcpy((u8 *)h + sizeof(h->o), (const u8 *)want + sizeof(h->o), sizeof(*h) - sizeof(h->o));
	obj_fill_header(&n, ops->type, uid, "", OBJ_F_HOLDS);
	*id = obj_take_id(&n);
	map = map_of(ops, want);
	err = link_hold_first(h, prog_id);
	held = *h;
	if (!err && map)
		err = ref_set(OBJ_LINK, *id, LINK_SLOT_MAP, OBJ_MAP, map) ? -EBADF : 0;
	if (err) {
		obj_discard(&n);
	} else {
		err = obj_publish(&n, O_RDONLY);
		*st = n.st;
	}
	if (err < 0) {
		link_let_go(&held);
		if (map)
			ref_clear(OBJ_LINK, *id, LINK_SLOT_MAP, OBJ_MAP, map);
	}
	return err;
}

/* What is in its reaper's hands is gone, though its name and its entry are still there. */
bool link_stands(u32 id, u32 *prog_id)
{
	struct link_hdr h;
	int err = obj_look(OBJ_LINK, id, &h.o, sizeof(h));

	if (err)
		return err != -ENOENT && err != -EIO; /* -EACCES, -EMFILE: as far as we can know */
	if (atomic_load(&h.detached) || !prog_of(atomic_load(&h.prog)))
		return false;
	*prog_id = prog_of(atomic_load(&h.prog));
	return true;
}

bool link_describe(const struct obj_hdr *hdr, size_t file_size, char *to)
{
	struct link_hdr h = *(const struct link_hdr *)hdr;
	const struct link_ops *ops = link_ops_get(h.o.kind);

	if (!ops)
		return false;
	((char *)h.w)[sizeof(h.w) - 1] = 0;
	to = str_put_u64(str_put(to, "prog "), prog_of(atomic_load(&h.prog)), 10);
	if (atomic_load(&h.detached))
		str_put(to, ", detached");
	else if (ops->where)
		ops->where(&h, str_put(to, " at "));
	return true;
}

bool attach_of_link(u32 link_id, struct attach_key *k)
{
	const struct link_ops *ops;
	struct link_hdr h;

	if (obj_read_header(OBJ_LINK, link_id, &h.o, sizeof(h)))
		return false;
	ops = link_ops_get(h.o.kind);
	if (!ops || !ops->place || atomic_load(&h.detached))
		return false;
	*k = h.key;
	return true;
}

void link_release(const struct obj_hdr *hdr, size_t file_size)
{
	const struct link_hdr *h = (const struct link_hdr *)hdr;
	const struct link_ops *ops = link_ops_get(hdr->kind);

	if (ops && ops->place)
		attach_drop_link(&h->key, hdr->id);
}

void link_each_ref(const struct obj_hdr *hdr, size_t file_size,
		   void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	const struct link_hdr *h = (const struct link_hdr *)hdr;
	u32 map = map_of(link_ops_get(hdr->kind), h);

	for (u32 i = 0; i < LINK_NAMES; i++) {
		u64 word = atomic_load(&h->names[i]);

		if (word)
			each(arg, word, OBJ_PROG, prog_of(word));
	}
	if (map)
		each(arg, LINK_SLOT_MAP, OBJ_MAP, map);
}
