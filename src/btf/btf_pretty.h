// SPDX-License-Identifier: BSD-2-Clause
/*
 * A value as text with the names of members and types: bpf_seq_printf_btf and bpf_snprintf_btf.
 *
 *     (struct bpf_iter_meta){
 *      .seq = (union){ ...
 *      .session_id = (u64)7,
 *     }
 *
 * Members that are zero are left out, unless flags say otherwise (BTF_F_*). The memory may be anything: what
 * cannot be read is left out, too.
 */
#ifndef PINFS_BTF_BTF_PRETTY_H
#define PINFS_BTF_BTF_PRETTY_H

#include "btf/btf_kernel.h"
#include "btf/btf_show.h"

/* 0, or -EFAULT: some of it could not be read. v: as btf_kernel() gives it. hash: what stands for an address
 * that is not to be shown. */
int btf_pretty(const struct btf_view *v, u32 type_id, u64 addr, u64 flags, u64 (*hash)(u64 addr),
	       struct btf_sink *s);

#endif
