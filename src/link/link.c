// SPDX-License-Identifier: BSD-2-Clause
/*
 * The link object: made whole, changed by one swap, undone by who sees it dead. See link.h.
 *
 * A reference on the program is set before the word that names it is stored, and cleared after the word was
 * replaced; its slot is the word itself, in which a random half keeps two updates to one program apart.
 */
#include "link/link.h"
#include <fcntl.h>
#include <string.h>
#include "store/ref.h"
#include "store/store.h"
#include "util/random.h"
#include "util/raw.h"
#include "util/str.h"

static u32 prog_of(u64 word)
{
	return (u32)word;
}

static u64 new_word(u32 prog_id)
{
	u32 r = (u32)(random_u64() >> 32) & 0x7fffffff;

	/* Never a slot with a fixed meaning, whose upper half is all ones. */
	return (u64)(r | 1) << 32 | prog_id;
}

/* Holds the program under a new word in the link's name. */
static int hold(u32 link_id, u32 prog_id, u64 *word)
{
	int err;

	do {
		*word = new_word(prog_id);
		err = ref_set(OBJ_LINK, link_id, *word, OBJ_PROG, prog_id);
	} while (err == -EEXIST);
	if (err == -ENOSPC || err == -EDQUOT)
		return -ENOMEM;
	return err == -ENOENT ? -EBADF : err;
}

static u32 map_of(const struct link_ops *ops, const struct link_hdr *h)
{
	return ops && ops->map ? ops->map(h) : 0;
}

int link_make(const struct link_ops *ops, const struct link_hdr *want, u32 prog_id, u32 uid, u32 *id,
	      struct stat *st)
{
	struct link_hdr *h;
	struct obj_new n;
	u32 map;
	u64 word;
	int err;

	err = obj_create(OBJ_LINK, 0, 0, false, &n);
	if (err)
		return err;
	h = (struct link_hdr *)n.view.hdr;
	memcpy((u8 *)h + sizeof(h->o), (const u8 *)want + sizeof(h->o), sizeof(*h) - sizeof(h->o));
	obj_fill_header(&n, ops->type, uid, "", OBJ_F_HOLDS);
	*id = obj_take_id(&n);
	map = map_of(ops, want);
	err = hold(*id, prog_id, &word);
	if (!err && map)
		err = ref_set(OBJ_LINK, *id, LINK_SLOT_MAP, OBJ_MAP, map) ? -EBADF : 0;
	if (err) {
		obj_discard(&n);
	} else {
		atomic_store(&h->prog, word);
		err = obj_publish(&n, O_RDONLY);
		*st = n.st;
	}
	if (err < 0) {
		ref_clear(OBJ_LINK, *id, word, OBJ_PROG, prog_id);
		if (map)
			ref_clear(OBJ_LINK, *id, LINK_SLOT_MAP, OBJ_MAP, map);
	}
	return err;
}

int link_swap_prog(struct link_hdr *h, u32 next, u32 must)
{
	u64 seen = atomic_load(&h->prog), word;
	u32 id = h->o.id;
	int err = 0;

	if (atomic_load(&h->detached))
		return -ENOLINK;
	if (must && prog_of(seen) != must)
		return -EPERM;
	if (prog_of(seen) == next)
		return 0;
	err = hold(id, next, &word);
	if (err)
		return err;
	while (!atomic_compare_exchange_strong(&h->prog, &seen, word))
		if (must && prog_of(seen) != must) {
			ref_clear(OBJ_LINK, id, word, OBJ_PROG, next);
			return -EPERM;
		}
	ref_clear(OBJ_LINK, id, seen, OBJ_PROG, prog_of(seen));
	return 0;
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
	u64 word = atomic_load(&h->prog);
	u32 map = map_of(link_ops_get(hdr->kind), h);

	if (word)
		each(arg, word, OBJ_PROG, prog_of(word));
	if (map)
		each(arg, LINK_SLOT_MAP, OBJ_MAP, map);
}
