// SPDX-License-Identifier: BSD-2-Clause
/*
 * The BTF object: its file in the store, and the machine's own BTF.
 *
 *     +-------------+ 0
 *     | header 512  |  size of the blob
 *     +-------------+ 512
 *     | blob        |  as the client loaded it; none for vmlinux
 *     +-------------+
 *
 * The file is written once, before it is visible. Reading copies it into
 * private memory, since others could change it under the reader; what was read
 * is checked again by whoever uses more than its bytes.
 *
 * Id 1 is the kernel's BTF where the machine has it. Its object holds no bytes,
 * only the word that they are to be read from /sys/kernel/btf/vmlinux, and
 * holds itself, so that it is never reaped.
 */
#ifndef PINFS_BTF_BTF_OBJ_H
#define PINFS_BTF_BTF_OBJ_H

#include "btf/btf.h"
#include "store/object.h"

#define BTF_ID_VMLINUX 1u

/* In the object's header; untrusted when read back. */
struct btf_hdr {
	struct obj_hdr o;
	u32 size;   /* of the blob */
	u32 kernel; /* 1: the machine's own */
};

/* A private copy. */
struct btf_blob {
	u8 *raw;
	u32 size; /* of the object's BTF */
	u32 read; /* bytes at raw, perhaps fewer */
	u32 kernel;
};

/* Publishes a checked blob: an fd (O_RDONLY), its id and what fstat(2) says, or an errno. */
int btf_obj_make(const void *raw, u32 size, u32 uid, u32 *id, struct stat *st);

/* Reads at most `want` bytes of the object's BTF. -ENOENT, -EIO, -ENOMEM. To be dropped. */
int btf_obj_read(u32 id, u32 want, struct btf_blob *b);
void btf_blob_drop(struct btf_blob *b);

/* The machine's own BTF, whole, whether or not there is a store. -ENOENT, -EIO, -ENOMEM. To be dropped. */
int btf_vmlinux_read(struct btf_blob *b);

/* Anonymous memory for a blob that is still to come. -ENOMEM. */
int btf_blob_alloc(struct btf_blob *b, u32 size);

/* Makes object 1 if the machine has BTF and the store lacks it. Idempotent. 0 or an errno that can be lived
 * with. */
int btf_vmlinux_ensure(void);

/* What a BTF object holds: vmlinux itself. For the store. */
void btf_each_ref(const struct obj_hdr *hdr, size_t file_size,
		  void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg);

#endif
