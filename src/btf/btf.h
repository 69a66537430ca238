// SPDX-License-Identifier: BSD-2-Clause
/*
 * BTF: a view over the bytes that a client loaded.
 *
 *     +--------+-----------------------+---------------------+
 *     | header | types, id 1, 2, 3 ... | strings, 0 at both  |
 *     +--------+-----------------------+ ends                |
 *                                      +---------------------+
 *
 * A view is made by btf_check (btf_check.c), and only by it: whoever holds one
 * can rely on every id, offset, name and vlen having been looked at, and on the
 * absence of cycles that have no size. The bytes must be private memory, for
 * a store file may change under the reader.
 *
 * Per type the check leaves, as resolution found it:
 *
 *     off       where it lies in the type section
 *     res_id    what modifiers, pointers and variables lead to
 *     res_size  bytes of an array
 *
 * They live in one anonymous mapping (no malloc here), freed by btf_drop.
 */
#ifndef PINFS_BTF_BTF_H
#define PINFS_BTF_BTF_H

#include <linux/btf.h>
#include "btf/vlog.h"
#include "util/err.h"

#define BTF_SIZE_MAX  (16u << 20)
#define BTF_IDS_MAX   0xfffffu  /* ids a type may name */
#define BTF_NAMES_MAX 0xffffffu /* bytes of strings that can be named */
#define BTF_KINDS     (BTF_KIND_ENUM64 + 1)

struct btf_view {
	const u8 *raw;
	u32 raw_size;
	const u8 *types;
	u32 types_len;
	const char *strs;
	u32 strs_len;
	u32 nr; /* ids 0 (void) to nr - 1 */
	u32 *off, *res_id, *res_size;
	u8 *state;
	void *arena;
	size_t arena_size;
};

/*
 * Validates size bytes at raw with the kernel's rules, errnos and log text,
 * and makes *v. raw must stay as it is as long as v is used. log may be NULL.
 */
int btf_check(struct btf_view *v, const void *raw, u32 size, struct vlog *log);
void btf_drop(struct btf_view *v);

/* NULL when there is no such id. Id 0 is void. */
const struct btf_type *btf_type(const struct btf_view *v, u32 id);

/* "" when it has none. */
const char *btf_str(const struct btf_view *v, u32 off);

/* Follows modifiers and variables to what they stand for. NULL: nothing with a size. *id and *size may be
 * changed. */
const struct btf_type *btf_id_size(const struct btf_view *v, u32 *id, u32 *size);

/* One step of what resolution found. */
const struct btf_type *btf_id_resolve(const struct btf_view *v, u32 *id);

/* The type behind typedefs, qualifiers and type tags; *id becomes its id. */
const struct btf_type *btf_skip_mods(const struct btf_view *v, u32 *id);

/* First type of that name and kind, 0 if none. */
u32 btf_find(const struct btf_view *v, const char *name, u32 kind);

/*
 * Type id of BTF that has not been checked (the kernel's own, which is large):
 * found by a walk over the type section. -EINVAL: no such type. *name lies in raw.
 */
int btf_peek(const void *raw, u32 size, u32 id, struct btf_type *t, const char **name);

/* Bytes of a type with what belongs to its kind; of an unknown kind those of struct btf_type. */
u32 btf_len(const struct btf_type *t);

static inline u32 btf_kind(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info);
}

static inline u32 btf_vlen(const struct btf_type *t)
{
	return BTF_INFO_VLEN(t->info);
}

static inline bool btf_kflag(const struct btf_type *t)
{
	return BTF_INFO_KFLAG(t->info);
}

/* The kind's data behind struct btf_type: members, enumerators, parameters ... */
static inline const void *btf_tail(const struct btf_type *t)
{
	return t + 1;
}

static inline u32 btf_int(const struct btf_type *t)
{
	return *(const u32 *)btf_tail(t);
}

static inline u32 btf_member_off(const struct btf_type *t, const struct btf_member *m)
{
	return btf_kflag(t) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

static inline u32 btf_member_bits(const struct btf_type *t, const struct btf_member *m)
{
	return btf_kflag(t) ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
}

/* Sets of kinds. */
#define BTF_K(kind)   (1u << BTF_KIND_##kind)
#define BTF_MODIFIERS (BTF_K(TYPEDEF) | BTF_K(VOLATILE) | BTF_K(CONST) | BTF_K(RESTRICT) | BTF_K(TYPE_TAG))
#define BTF_STRUCTS   (BTF_K(STRUCT) | BTF_K(UNION))
#define BTF_SIZED     (BTF_K(INT) | BTF_STRUCTS | BTF_K(ENUM) | BTF_K(DATASEC) | BTF_K(FLOAT) | BTF_K(ENUM64))
#define BTF_SIZELESS  (BTF_K(UNKN) | BTF_K(FWD) | BTF_K(FUNC) | BTF_K(FUNC_PROTO) | BTF_K(DECL_TAG))

static inline bool btf_is(const struct btf_type *t, u32 kinds)
{
	return kinds >> btf_kind(t) & 1;
}

/* An integer that fills its bytes: no bit offset, 1, 2, 4, 8 or 16 bytes. */
bool btf_int_regular(const struct btf_type *t);

#endif
