// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verifier rows: records of ring buffers, their dynptrs, and callbacks for samples.
 *
 * See verifier_rows.h. The number of a helper stands in its rows' names.
 */
#include "verifier_rows.h"

#define STK(reg, off) #reg " = r10; " #reg " += -" #off "; "
#define ZERO          "*(u64 *)(r10 - 8) = 0; *(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 24) = 0; "
#define NONE          "none: r0 = 0; exit"
#define GET(n)        "r1 = map ring; r2 = " #n "; r3 = 0; call 131; if r0 == 0 goto none; r6 = r0; "
#define SUBMIT        "r1 = r6; r2 = 0; call 132; "
#define DISCARD       "r1 = r6; r2 = 0; call 133; "
#define DYN(n)        "r1 = map ring; r2 = " #n "; r3 = 0; " STK(r4, 16) "call 198; "
#define LOCAL(at)     "r1 = value one; r2 = 64; r3 = 0; " STK(r4, at) "call 197; "
#define END(n)        STK(r1, 16) "r2 = 0; call " #n "; "
#define MAIN          "main=g(c) cb=s(ii) "
#define DRAIN         "r1 = map uring; r2 = func :cb; r3 = 0; r4 = 0; call 209; r0 = 0; exit; cb: "
/* With two references, a branch for each that may fail. */
#define TWO     GET(8) "r1 = map ring; r2 = 16; r3 = 0; call 131; if r0 == 0 goto one; r7 = r0; "
#define TWO_END "r0 = 0; exit; one: " SUBMIT NONE

static const struct vrow rows[] = {
	/* output */
	ACCEPT(SOCK, "130 output", ZERO "r1 = map ring; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	ACCEPT(XDP, "130 output in xdp", ZERO "r1 = map ring; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	ACCEPT(KP, "130 output in a kprobe",
	       ZERO "r1 = map ring; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	ACCEPT(CGRP, "130 output in cgroup",
	       ZERO "r1 = map ring; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	REFUSE(SOCK, EACCES, "130 output of none at null",
	       "r1 = map ring; r2 = 0; r3 = 0; r4 = 0; call 130; " RET0),
	ACCEPT(SOCK, "130 output of a value",
	       "r1 = map ring; r2 = value one; r3 = 64; r4 = 0; call 130; " RET0),
	ACCEPT(SOCK, "130 output of a read-only value",
	       "r1 = map ring; r2 = value ro; r3 = 64; r4 = 0; call 130; " RET0),
	ACCEPT(SOCK, "130 output, length from a range",
	       ZERO "call 7; r3 = r0; r3 &= 15; r1 = map ring; " STK(r2, 16) "r4 = 0; call 130; " RET0),
	ACCEPT(SOCK, "130 output of a record into the ring",
	       GET(16) "*(u64 *)(r6 + 0) = 0; *(u64 *)(r6 + 8) = 0; r1 = map ring; r2 = r6; r3 = 16; r4 = 0; "
		       "call "
		       "130; " SUBMIT NONE),
	REFUSE(SOCK, EINVAL, "130 output, 16 of 8",
	       ZERO "r1 = map ring; " STK(r2, 8) "r3 = 16; r4 = 0; call 130; " RET0),
	REFUSE(SOCK, EACCES, "130 output, length without bound",
	       ZERO "call 7; r3 = r0; r1 = map ring; " STK(r2, 8) "r4 = 0; call 130; " RET0),
	REFUSE(SOCK, EINVAL, "130 output to an array",
	       ZERO "r1 = map array; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	REFUSE(SOCK, EINVAL, "130 output to a user ring",
	       ZERO "r1 = map uring; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	REFUSE(SOCK, EACCES, "130 output to a number",
	       ZERO "r1 = 5; " STK(r2, 8) "r3 = 8; r4 = 0; call 130; " RET0),
	ACCEPT(SOCK, "131 reserve of nearly 4 GiB",
	       "r1 = map ring; r2 = -2; w2 = w2; r3 = 0; call 131; if r0 == 0 goto none; r6 = r0; "
	       "*(u64 *)(r6 + 1000000) = 0; " SUBMIT NONE),
	REFUSE(SOCK, EACCES, "131 reserve of 4 GiB and 8 bytes, written behind 8",
	       "r1 = map ring; r2 = 0x100000008 ll; r3 = 0; call 131; if r0 == 0 goto none; r6 = r0; "
	       "*(u64 *)(r6 + 8) = 0; " SUBMIT NONE),
	/* other helpers on a ring */
	REFUSE(SOCK, EACCES, "1 lookup in a ring", ZERO "r1 = map ring; " STK(r2, 8) "call 1; " RET0),
	REFUSE(SOCK, EACCES, "2 update of a ring",
	       ZERO "r1 = map ring; " STK(r2, 8) STK(r3, 8) "r4 = 0; call 2; " RET0),
	REFUSE(SOCK, EACCES, "3 delete in a ring", ZERO "r1 = map ring; " STK(r2, 8) "call 3; " RET0),
	REFUSE(SOCK, EACCES, "87 push to a ring", ZERO "r1 = map ring; " STK(r2, 8) "r3 = 0; call 87; " RET0),
	REFUSE(SOCK, EACCES, "87 push to a user ring",
	       ZERO "r1 = map uring; " STK(r2, 8) "r3 = 0; call 87; " RET0),
	REFUSE(SOCK, EINVAL, "value of a ring", "r1 = value ring; " RET0),
	/* query */
	ACCEPT(SOCK, "134 query", "r1 = map ring; r2 = 0; call 134; exit"),
	ACCEPT(SOCK, "134 query of what is unknown", "call 7; r2 = r0; r1 = map ring; call 134; exit"),
	REFUSE(SOCK, EINVAL, "134 query of a hash", "r1 = map hash; r2 = 0; call 134; exit"),
	REFUSE(SOCK, EACCES, "134 query without a question", "r1 = map ring; call 134; exit"),
	/* reserve */
	ACCEPT(SOCK, "131 reserve, submit", GET(8) "*(u64 *)(r6 + 0) = 1; " SUBMIT NONE),
	ACCEPT(SOCK, "131 reserve, discard", GET(8) DISCARD NONE),
	ACCEPT(SOCK, "131 reserve of none", GET(0) SUBMIT NONE),
	ACCEPT(SOCK, "131 read before it is written", GET(8) "r0 = *(u64 *)(r6 + 0); r7 = r0; " SUBMIT NONE),
	ACCEPT(SOCK, "131 the last byte", GET(8) "*(u8 *)(r6 + 7) = 1; " SUBMIT NONE),
	ACCEPT(SOCK, "131 an index within",
	       GET(16) "call 7; r0 &= 15; r7 = r6; r7 += r0; *(u8 *)(r7 + 0) = 1; " SUBMIT NONE),
	ACCEPT(SOCK, "131 atomic",
	       GET(8) "*(u64 *)(r6 + 0) = 0; r1 = 1; lock *(u64 *)(r6 + 0) += r1; " SUBMIT NONE),
	ACCEPT(SOCK, "131 spilled",
	       GET(8) "*(u64 *)(r10 - 8) = r6; r1 = *(u64 *)(r10 - 8); r2 = 0; call 132; " NONE),
	ACCEPT(SOCK, "131 two", TWO "r1 = r7; r2 = 0; call 132; " SUBMIT TWO_END),
	ACCEPT(SOCK, "131 two, in the other order", TWO SUBMIT "r1 = r7; r2 = 0; call 133; " TWO_END),
	ACCEPT(SOCK, "131 as a key",
	       GET(8) "*(u64 *)(r6 + 0) = 0; r1 = map hash; r2 = r6; call 1; " SUBMIT NONE),
	ACCEPT(SOCK, "131 as a helper's buffer", GET(16) "r1 = r6; r2 = 16; call 16; " SUBMIT NONE),
	ACCEPT(SOCK, "131 flags that are not 0",
	       "r1 = map ring; r2 = 8; r3 = 7; call 131; if r0 == 0 goto none; r1 = r0; r2 = 0; call "
	       "132; " NONE),
	ACCEPT(SOCK, "132 flags from a range", GET(8) "call 7; r1 = r6; r2 = r0; call 132; " NONE),
	REFUSE(SOCK, EACCES, "131 not checked",
	       "r1 = map ring; r2 = 8; r3 = 0; call 131; *(u64 *)(r0 + 0) = 1; " RET0),
	REFUSE(SOCK, EINVAL, "131 not ended", GET(8) NONE),
	REFUSE(SOCK, EINVAL, "131 one of two not ended", TWO "r1 = r7; r2 = 0; call 132; " TWO_END),
	REFUSE(SOCK, EACCES, "131 behind", GET(8) "*(u64 *)(r6 + 1) = 1; " SUBMIT NONE),
	REFUSE(SOCK, EACCES, "131 before", GET(8) "*(u64 *)(r6 - 8) = 1; " SUBMIT NONE),
	REFUSE(SOCK, EACCES, "131 index beyond",
	       GET(16) "call 7; r0 &= 31; r7 = r6; r7 += r0; *(u8 *)(r7 + 0) = 1; " SUBMIT NONE),
	REFUSE(SOCK, EACCES, "131 length not constant",
	       "call 7; r2 = r0; r2 &= 8; r1 = map ring; r3 = 0; call 131; if r0 == 0 goto none; r1 = r0; r2 "
	       "= 0; call "
	       "132; " NONE),
	REFUSE(SOCK, EINVAL, "131 of an array",
	       "r1 = map array; r2 = 8; r3 = 0; call 131; if r0 == 0 goto none; r1 = r0; r2 = 0; call "
	       "132; " NONE),
	REFUSE(SOCK, EACCES, "132 used after it", GET(8) SUBMIT "*(u64 *)(r6 + 0) = 1; " NONE),
	REFUSE(SOCK, EACCES, "133 used after it", GET(8) DISCARD "r0 = *(u64 *)(r6 + 0); " NONE),
	REFUSE(SOCK, EACCES, "132 twice", GET(8) SUBMIT SUBMIT NONE),
	REFUSE(SOCK, EINVAL, "132 inside", GET(16) "r1 = r6; r1 += 8; r2 = 0; call 132; " NONE),
	REFUSE(SOCK, EACCES, "132 at an unknown place",
	       GET(16) "call 7; r0 &= 8; r1 = r6; r1 += r0; r2 = 0; call 132; " NONE),
	REFUSE(SOCK, EACCES, "132 of the stack", ZERO STK(r1, 8) "r2 = 0; call 132; " RET0),
	REFUSE(SOCK, EACCES, "132 of a value", "r1 = value one; r2 = 0; call 132; " RET0),
	REFUSE(SOCK, EACCES, "132 not checked for null",
	       "r1 = map ring; r2 = 8; r3 = 0; call 131; r1 = r0; r2 = 0; call 132; " RET0),
	REFUSE(SOCK, EACCES, "132 without flags", GET(8) "r1 = r6; call 132; " NONE),
	ACCEPT(SOCK, "131 a pointer in it", GET(8) "*(u64 *)(r6 + 0) = r10; " SUBMIT NONE),
	REFUSE(SOCK, EINVAL, "131 tail call while open",
	       "r9 = r1; " GET(8) "r1 = r9; r2 = map prog; r3 = 0; call 12; " SUBMIT NONE),
	/* dynptrs */
	ACCEPT(SOCK, "198 dynptr, submit", DYN(8) END(199) RET0),
	ACCEPT(SOCK, "198 dynptr, discard", DYN(8) END(200) RET0),
	ACCEPT(SOCK, "198 dynptr of a range",
	       "call 7; r2 = r0; r1 = map ring; r3 = 0; " STK(r4, 16) "call 198; " END(200) RET0),
	ACCEPT(SOCK, "198 dynptr, the result looked at",
	       DYN(8) "if r0 == 0 goto fine; " END(200) "r0 = 0; exit; fine: " END(199) RET0),
	ACCEPT(SOCK, "198 dynptr, data",
	       DYN(16) STK(r1, 16) "r2 = 0; r3 = 16; call 203; if r0 == 0 goto out; *(u64 *)(r0 + 8) = 1; "
				   "out: " END(199) RET0),
	ACCEPT(SOCK, "198 dynptr, write",
	       "*(u64 *)(r10 - 32) = 1; " DYN(16)
		       STK(r1, 16) "r2 = 0; " STK(r3, 32) "r4 = 8; r5 = 0; call 202; " END(199) RET0),
	ACCEPT(SOCK, "198 dynptr, read",
	       "*(u64 *)(r10 - 32) = 1; " DYN(16)
		       STK(r1, 32) "r2 = 8; " STK(r3, 16) "r4 = 0; r5 = 0; call 201; " END(199) RET0),
	ACCEPT(SOCK, "198 dynptr, made again after its end", DYN(8) END(199) DYN(8) END(200) RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr not ended", DYN(8) RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr not ended where it failed",
	       DYN(8) "if r0 != 0 goto out; " END(199) "out: " RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr over another", DYN(8) DYN(8) END(199) RET0),
	ACCEPT(SOCK, "197 dynptr over another", LOCAL(16) LOCAL(16) RET0),
	ACCEPT(SOCK, "197 dynptr over half of another", LOCAL(16) LOCAL(24) RET0),
	ACCEPT(SOCK, "198 dynptr over a local one", LOCAL(16) DYN(8) END(199) RET0),
	ACCEPT(SOCK, "198 dynptr over half of a local one", LOCAL(24) DYN(8) END(199) RET0),
	REFUSE(SOCK, EINVAL, "197 dynptr over half of another, which is read",
	       LOCAL(16) LOCAL(24) STK(r1, 16) "r2 = 0; r3 = 8; call 203; " RET0),
	REFUSE(SOCK, EACCES, "197 dynptr over another, whose data is read",
	       LOCAL(16) STK(r1, 16) "r2 = 0; r3 = 8; call 203; if r0 == 0 goto none; r6 = r0; " LOCAL(
		       16) "r0 = *(u64 *)(r6 + 0); " NONE),
	REFUSE(SOCK, EINVAL, "197 dynptr over a ring's", DYN(8) LOCAL(16) END(199) RET0),
	REFUSE(SOCK, EINVAL, "197 dynptr over half of a ring's", DYN(8) LOCAL(24) END(199) RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr overwritten", DYN(8) "*(u64 *)(r10 - 8) = 0; " END(199) RET0),
	REFUSE(SOCK, EINVAL, "199 twice", DYN(8) END(199) END(199) RET0),
	REFUSE(SOCK, EINVAL, "199 of a local one",
	       "r1 = value one; r2 = 64; r3 = 0; " STK(r4, 16) "call 197; " END(199) RET0),
	REFUSE(SOCK, EINVAL, "199 of nothing", ZERO END(199) RET0),
	REFUSE(SOCK, EACCES, "198 dynptr, data after its end",
	       DYN(16) STK(r1, 16) "r2 = 0; r3 = 16; call 203; r6 = r0; " END(
		       199) "if r6 == 0 goto out; *(u64 *)(r6 + 0) = "
			    "1; out: " RET0),
	REFUSE(SOCK, EACCES, "132 of a dynptr's data",
	       DYN(16) STK(r1, 16) "r2 = 0; r3 = 16; call 203; if r0 == 0 goto out; r1 = r0; r2 = 0; call "
				   "132; out: " END(199) RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr in a user ring",
	       "r1 = map uring; r2 = 8; r3 = 0; " STK(r4, 16) "call 198; " END(199) RET0),
	REFUSE(SOCK, EINVAL, "198 dynptr at an odd place",
	       "r1 = map ring; r2 = 8; r3 = 0; " STK(r4, 12) "call 198; " RET0),
	/* drain */
	ACCEPT(SOCK, "209 drain", DRAIN "r0 = 0; exit", .funcs = MAIN),
	ACCEPT(XDP, "209 drain in xdp", DRAIN "r0 = 1; exit", .funcs = MAIN),
	ACCEPT(SOCK, "209 drain, read",
	       DRAIN "r7 = r1; " ZERO STK(r1, 8) "r2 = 8; r3 = r7; r4 = 0; r5 = 0; call 201; r0 = 0; exit",
	       .funcs = MAIN),
	ACCEPT(SOCK, "209 drain, data",
	       DRAIN
	       "r2 = 0; r3 = 8; call 203; if r0 == 0 goto out; r1 = *(u64 *)(r0 + 0); out: r0 = 0; exit",
	       .funcs = MAIN),
	ACCEPT(SOCK, "209 drain, data written",
	       DRAIN "r2 = 0; r3 = 8; call 203; if r0 == 0 goto out; *(u64 *)(r0 + 0) = 1; out: r0 = 0; exit",
	       .funcs = MAIN),
	ACCEPT(SOCK, "209 drain, write",
	       DRAIN
	       "*(u64 *)(r10 - 8) = 0; r2 = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0; call 202; r0 = 0; exit",
	       .funcs = MAIN),
	ACCEPT(SOCK, "209 drain with a context",
	       "*(u64 *)(r10 - 8) = 5; r1 = map uring; r2 = func :cb; " STK(
		       r3, 8) "r4 = 0; call 209; r0 = *(u64 *)(r10 - "
			      "8); exit; cb: *(u64 *)(r2 + 0) = 9; r0 = 0; "
			      "exit",
	       .funcs = MAIN),
	ACCEPT(SOCK, "209 a record inside the callback", DRAIN GET(8) SUBMIT NONE, .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 callback returns 2", DRAIN "r0 = 2; exit", .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 callback returns anything", DRAIN "call 7; exit", .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 drain of a ring",
	       "r1 = map ring; r2 = func :cb; r3 = 0; r4 = 0; call 209; r0 = 0; exit; cb: r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EACCES, "209 the dynptr read as memory", DRAIN "r0 = *(u64 *)(r1 + 0); r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EACCES, "209 the dynptr written as memory", DRAIN "*(u64 *)(r1 + 0) = 0; r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 submit of the sample", DRAIN "r2 = 0; call 199; r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 discard of the sample", DRAIN "r2 = 0; call 200; r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 a dynptr made over the sample's",
	       DRAIN "r4 = r1; r1 = map ring; r2 = 8; r3 = 0; call 198; r0 = 0; exit", .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 not ended inside the callback",
	       DRAIN "r1 = map ring; r2 = 8; r3 = 0; call 131; r0 = 0; exit", .funcs = MAIN),
	REFUSE(SOCK, EINVAL, "209 ended inside the callback",
	       GET(8) "*(u64 *)(r10 - 8) = r6; r1 = map uring; r2 = func :cb; " STK(
		       r3, 8) "r4 = 0; call 209; none: r0 = 0; exit; cb: r1 = *(u64 *)(r2 + 0); r2 = 0; call "
			      "132; r0 = 0; exit",
	       .funcs = MAIN),
	REFUSE(SOCK, EACCES, "209 without a context",
	       "r1 = map uring; r2 = func :cb; r4 = 0; call 209; r0 = 0; exit; cb: r0 = 0; exit",
	       .funcs = MAIN),
};

VROW_MAIN(rows)
