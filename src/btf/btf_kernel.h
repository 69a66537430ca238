// SPDX-License-Identifier: BSD-2-Clause
/*
 * The machine's own BTF, for reading: types by id, and what lies at an offset of a struct.
 *
 * One view a process, made when it is first asked for and never dropped. It is
 * not checked as a client's BTF is, which takes long for something that large:
 * each type lies inside the section, and whoever follows ids asks btf_type and bounds
 * the steps. Of the view's tables only `off` is there: btf_id_size and
 * btf_id_resolve may not be asked, btf_kernel_size does what the first would.
 */
#ifndef PINFS_BTF_BTF_KERNEL_H
#define PINFS_BTF_BTF_KERNEL_H

#include "btf/btf.h"

/* NULL: this machine has none, or no memory. Async-signal-safe. */
const struct btf_view *btf_kernel(void);

/* Bytes of a type, modifiers passed over; an array's are those of all its elements. 0: it has none. *elem,
 * *nr: what the innermost elements are and how many; the type itself and 1 where it is no array. */
u32 btf_kernel_size(const struct btf_view *v, u32 id, u32 *elem, u32 *nr);

/* Where a member is, members of members without a name included: its type, its offset in bits. False: none.
 */
struct btf_place {
	u32 type_id;
	u32 bit, bits; /* bits: of a bit field, else 0 */
};
bool btf_kernel_member(const struct btf_view *v, u32 struct_id, const char *name, struct btf_place *p);

/* What a load of size bytes at off of a struct gives, by the kernel's rules. */
enum btf_load { BTF_LOAD_NUMBER, BTF_LOAD_STRUCT_PTR, BTF_LOAD_MEM_PTR };
struct btf_found {
	enum btf_load kind;
	u32 id;            /* of the struct that is pointed to */
	const char *field; /* the member's name */
	bool in_union;     /* one of several members that lie there */
};

/* 0; -EACCES, -EINVAL, -EFAULT: no such member, the log told. */
int btf_kernel_load(const struct btf_view *v, u32 struct_id, u32 off, u32 size, struct vlog *log,
		    struct btf_found *f);

#endif
