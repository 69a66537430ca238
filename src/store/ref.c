// SPDX-License-Identifier: BSD-2-Clause
/*
 * References of objects on objects: see ref.h.
 */
#include "store/ref.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"

/* "refs/bpf-map.25.1a" into buf (at least 64 bytes). */
static char *ref_name(char *buf, enum obj_type holder, u32 id, u64 slot)
{
	char *p = str_put(str_put(buf, "refs/"), store_type(holder)->dir);

	*p++ = '.';
	p = str_put_u64(p, id, 10);
	*p++ = '.';
	str_put_u64(p, slot, 16);
	return buf;
}

int ref_set(enum obj_type holder, u32 holder_id, u64 slot, enum obj_type target, u32 target_id)
{
	char name[64], id[32];
	u32 seen = obj_hold_begin(target_id);
	int err = raw_linkat(the_store.dirfd, store_id_name(id, target, target_id), the_store.dirfd,
			     ref_name(name, holder, holder_id, slot), 0);

	if (!err && unlikely(!obj_hold_end(target, target_id, seen))) {
		ref_clear(holder, holder_id, slot, target, target_id);
		err = -ENOENT;
	}
	return err;
}

bool (*obj_open_here)(enum obj_type type, u32 id);
bool (*obj_here_get)(enum obj_type type, u32 id, struct obj_here *h);
bool (*obj_here_put)(struct obj_here *h);

void ref_clear(enum obj_type holder, u32 holder_id, u64 slot, enum obj_type target, u32 target_id)
{
	char name[64];

	if (!raw_unlinkat(the_store.dirfd, ref_name(name, holder, holder_id, slot), 0) &&
	    !(obj_open_here && obj_open_here(target, target_id)))
		obj_reap(target, target_id);
}

void ref_unname(enum obj_type holder, u32 holder_id, u64 slot)
{
	char name[64];

	raw_unlinkat(the_store.dirfd, ref_name(name, holder, holder_id, slot), 0);
}

int ref_count(u64 ino)
{
	const struct dirscan_entry *e;
	struct dirscan d;
	int n = 0;

	if (dirscan_open(&d, "refs"))
		return 0;
	while ((e = dirscan_next(&d)))
		n += e->ino == ino;
	dirscan_close(&d);
	return n;
}

bool ref_is_spare(enum obj_type holder, u32 holder_id, u64 slot)
{
	union {
		struct obj_hdr h;
		u64 room[OBJ_HDR_SIZE / 8];
	} u;

	return store_type(holder)->is_spare && !obj_read_header(holder, holder_id, &u.h, sizeof(u)) &&
	       store_type(holder)->is_spare(&u.h, slot);
}

bool ref_parse(const char *name, enum obj_type *holder, u32 *id, u64 *slot)
{
	for (u32 t = 0; t < OBJ_TYPES; t++) {
		size_t l = strlen(store_type(t)->dir);
		const char *p = name + l;
		u64 n, v = 0;

		if (strncmp(name, store_type(t)->dir, l) || *p != '.')
			continue;
		n = str_get_u64(p + 1, &p);
		if (*p != '.' || n > 0xffffffffu)
			return false;
		for (p++; *p; p++) {
			int c = *p >= 'a' ? *p - 'a' + 10 : *p - '0';

			if (c < 0 || c > 15)
				return false;
			v = v << 4 | (u64)c;
		}
		*holder = t;
		*id = (u32)n;
		*slot = v;
		return true;
	}
	return false;
}
