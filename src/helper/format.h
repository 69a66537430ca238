// SPDX-License-Identifier: BSD-2-Clause
/*
 * Formats of bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf and bpf_seq_printf.
 *
 *   % [0 + - space]* [width]   d i u x X   with l or ll
 *                              c   s   p   px pK ps pS pB   pks pus   pI4 pi4 pI6 pi6
 *   %%
 *
 * All arguments are 64-bit words. Text that a word points to is read as
 * helper/text.h says, as far as there is some.
 */
#ifndef PINFS_HELPER_FORMAT_H
#define PINFS_HELPER_FORMAT_H

#include "helper/run.h"

#define FORMAT_ARGS_MAX 12u
#define FORMAT_TEXT_MAX 1024u /* of a traced line */

/*
 * Would that format do with n arguments? 0, or -EINVAL: no NUL within size
 * bytes, a control character, an unknown conversion, more
 * conversions than arguments. For the verifier, too.
 */
int format_check(const char *fmt, u32 size, u32 n);

/*
 * The text into buf, cut to room - 1 bytes and a NUL (room 0: nothing is
 * written). Its whole length, or -EINVAL as above, or -ENOSPC: the texts that
 * the arguments point to are longer than 512 bytes together.
 */
int format_text(struct run *run, char *buf, u32 room, const char *fmt, u32 size, const u64 *args, u32 n);

/* What is shown for an address (%p): the same for the same one, in a process. */
u64 format_hashed(u64 addr);

#endif
