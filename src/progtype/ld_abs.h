// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_LD | BPF_ABS and BPF_IND: the loads of classic filters, from the packet of a socket buffer.
 *
 *     offset     0 and up         from where the packet's data begin
 *                -0x100000 + n    n bytes behind the network header
 *                -0x200000 + n    n bytes behind the Ethernet header
 */
#ifndef PINFS_PROGTYPE_LD_ABS_H
#define PINFS_PROGTYPE_LD_ABS_H

#include "helper/run_ctx.h"

/* size bytes (1, 2, 4) in host order; negative: they are not in the packet. */
s64 skb_ld_abs(const struct run_skb *skb, s32 offset, u32 size);

#endif
