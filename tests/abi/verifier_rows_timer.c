// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verifier rows: timers in a map's values. 169 timer_init, 170 timer_set_callback, 171 timer_start, 172
 * timer_cancel.
 *
 * See verifier_rows.h.
 */
#include "verifier_rows.h"

#define LOOK                                                                                                 \
	"*(u32 *)(r10 - 4) = 0; r1 = map timer; r2 = r10; r2 += -4; call 1; if r0 == 0 goto none; r6 = r0; "
#define NONE "none: r0 = 0; exit"
#define CB   "; f: r0 = 0; exit"
#define FN   .funcs = "main=g(c) f=s(ppp)"

static const struct vrow rows[] = {
	ACCEPT(SOCK, "timer: init", LOOK "r1 = r6; r2 = map timer; r3 = 1; call 169; " NONE),
	REFUSE(SOCK, EINVAL, "timer: init with another map",
	       LOOK "r1 = r6; r2 = map array; r3 = 1; call 169; " NONE),
	REFUSE(SOCK, EINVAL, "timer: init beside it",
	       LOOK "r1 = r6; r1 += 8; r2 = map timer; r3 = 1; call 169; " NONE),
	REFUSE(SOCK, EACCES, "timer: init on the stack",
	       "r1 = r10; r1 += -16; r2 = map timer; r3 = 1; call 169; " RET0),
	REFUSE(SOCK, EACCES, "timer: read as memory", LOOK "r0 = *(u64 *)(r6 + 0); " NONE),
	REFUSE(SOCK, EACCES, "timer: written over", LOOK "*(u64 *)(r6 + 8) = 0; " NONE),
	ACCEPT(SOCK, "timer: beside it", LOOK "*(u32 *)(r6 + 16) = 1; " NONE),
	ACCEPT(SOCK, "timer: start", LOOK "r1 = r6; r2 = 1000; r3 = 0; call 171; " NONE),
	ACCEPT(SOCK, "timer: cancel", LOOK "r1 = r6; call 172; " NONE),
	ACCEPT(SOCK, "timer: callback", LOOK "r1 = r6; r2 = func :f; call 170; " NONE CB, FN),
	REFUSE(SOCK, EINVAL, "timer: callback returns 1",
	       LOOK "r1 = r6; r2 = func :f; call 170; " NONE "; f: r0 = 1; exit", FN),
	ACCEPT(SOCK, "timer: callback touches the value",
	       LOOK "r1 = r6; r2 = func :f; call 170; " NONE "; f: *(u32 *)(r3 + 16) = 1; r0 = 0; exit", FN),
	REFUSE(SOCK, EACCES, "timer: callback touches the timer",
	       LOOK "r1 = r6; r2 = func :f; call 170; " NONE "; f: *(u64 *)(r3 + 0) = 1; r0 = 0; exit", FN),
	REFUSE(KP, EINVAL, "timer: in a kprobe", LOOK "r1 = r6; r2 = map timer; r3 = 1; call 169; " NONE),
};

VROW_MAIN(rows)
