// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kprobes (the registers), tracepoints (the record) and perf events.
 */
#include "progtype/ctx_fields.h"

#define REGS_SIZE   168  /* struct pt_regs of x86-64 */
#define RECORD_SIZE 8192 /* longest record of a tracepoint; its first word is hidden */

const struct ctx_field ctx_kprobe[] = { BUFFER(0, REGS_SIZE, CTX_READ), END_OF_CTX };
const struct ctx_field ctx_tracepoint[] = { BUFFER(8, RECORD_SIZE, CTX_READ), END_OF_CTX };

#define REG3(n) QUAD((n)*8, RO), QUAD((n)*8 + 8, RO), QUAD((n)*8 + 16, RO)

const struct ctx_field ctx_perf_event[] = {
	REG3(0),
	REG3(3),
	REG3(6),
	REG3(9),
	REG3(12),
	REG3(15),
	REG3(18),
	QUAD(REGS_SIZE, R),
	QUAD(REGS_SIZE + 8, R),
	END_OF_CTX,
};
