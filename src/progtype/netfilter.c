// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct bpf_nf_ctx: two pointers into the kernel, numbers here.
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_netfilter[] = { PTR(0, CTX_POINTER), PTR(8, CTX_POINTER), END_OF_CTX };
