// SPDX-License-Identifier: BSD-2-Clause
/*
 * Raw tracepoints: up to twelve words, the arguments of the tracepoint.
 *
 * The first one of a writable tracepoint points at a buffer of the kernel: a number here.
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_raw_tp[] = { BUFFER(0, 96, CTX_READ), END_OF_CTX };

const struct ctx_field ctx_raw_tp_writable[] = {
	PTR(0, CTX_POINTER),
	BUFFER(1, 96, CTX_READ), /* the kernel lets its other bytes be read alone */
	END_OF_CTX,
};
