// SPDX-License-Identifier: BSD-2-Clause
/*
 * Special fields in values: locks, timers and the like, found by the names of their types.
 *
 * The kernel knows a field by its struct's name ("bpf_spin_lock"), at any depth
 * of structs and arrays below the value, and wants it aligned and whole. It
 * asks twice: for every struct that holds one when BTF is loaded, and for the
 * value of a map.
 *
 * Of what is found only the lock and the timer are kept; fields that programs
 * alone use are checked and forgotten.
 */
#ifndef PINFS_BTF_BTF_RECORD_H
#define PINFS_BTF_BTF_RECORD_H

#include "btf/btf.h"

enum btf_field_type {
	BTF_FIELD_SPIN_LOCK = 1 << 0,
	BTF_FIELD_RES_SPIN_LOCK = 1 << 1,
	BTF_FIELD_TIMER = 1 << 2,
	BTF_FIELD_WORKQUEUE = 1 << 3,
	BTF_FIELD_TASK_WORK = 1 << 4,
	BTF_FIELD_LIST_HEAD = 1 << 5,
	BTF_FIELD_LIST_NODE = 1 << 6,
	BTF_FIELD_RB_ROOT = 1 << 7,
	BTF_FIELD_RB_NODE = 1 << 8,
	BTF_FIELD_REFCOUNT = 1 << 9,
	BTF_FIELD_KPTR = 1 << 10,
	BTF_FIELD_UPTR = 1 << 11,
};

#define BTF_FIELDS_MAX 11

struct btf_record {
	u32 mask; /* of enum btf_field_type */
	u32 cnt;
	struct {
		u32 type, off, size;
	} field[BTF_FIELDS_MAX];
};

/* Fields of those types in a struct or section. 0 (then perhaps none: cnt 0), -E2BIG, -EEXIST, -EINVAL. */
int btf_find_fields(const struct btf_view *v, const struct btf_type *t, u32 mask, struct btf_record *r);

/* The load-time look at every struct that holds a special field. 0 or the errno of BTF_LOAD. */
int btf_check_structs(const struct btf_view *v);

/* Offset of the one field of that type, -1: none. */
s32 btf_field_off(const struct btf_record *r, u32 type);

/*
 * MAP_CREATE: do the types fit? key_id 0: no key type. Fills *key and *value
 * with what the ids stand for (void for 0), and the record. -EINVAL.
 */
int btf_map_types(const struct btf_view *v, u32 key_id, u32 value_id, u32 key_size, u32 value_size,
		  const struct btf_type **key, const struct btf_type **value, struct btf_record *r);

#endif
