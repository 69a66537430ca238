// SPDX-License-Identifier: BSD-2-Clause
/*
 * Syscall programs: bytes of the caller's, read and written.
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_syscall[] = { BUFFER(0, 65535, CTX_READ | CTX_WRITE), END_OF_CTX };
