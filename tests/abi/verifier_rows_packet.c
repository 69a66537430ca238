// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verifier rows: packets. What may be read after which comparison of which pointers.
 *
 * See verifier_rows.h. r2 is data, r3 data_end, r4 data + 14, r5 what is read.
 */
#include "verifier_rows.h"

#define XPKT "r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); "
#define TPKT "r2 = *(u32 *)(r1 + 76); r3 = *(u32 *)(r1 + 80); "
#define END4 "r4 = r2; r4 += 14; "
#define GET  "r5 = *(u8 *)(r2 + 13); "
#define OUT  "out: r0 = 0; exit"

static const struct vrow rows[] = {
	REFUSE(XDP, EACCES, "pkt: not checked", XPKT "r5 = *(u8 *)(r2 + 0); " RET0),
	/* data + 14 against data_end, in all forms: read of the last byte */
	ACCEPT(XDP, "pkt: d+14 > end leaves", XPKT END4 "if r4 > r3 goto out; " GET OUT),
	ACCEPT(XDP, "pkt: d+14 <= end goes on", XPKT END4 "if r4 <= r3 goto a; goto out; a: " GET OUT),
	ACCEPT(XDP, "pkt: end < d+14 leaves", XPKT END4 "if r3 < r4 goto out; " GET OUT),
	ACCEPT(XDP, "pkt: end >= d+14 goes on", XPKT END4 "if r3 >= r4 goto a; goto out; a: " GET OUT),
	ACCEPT(XDP, "pkt: d+14 >= end leaves", XPKT END4 "if r4 >= r3 goto out; " GET OUT),
	ACCEPT(XDP, "pkt: d+14 < end goes on", XPKT END4 "if r4 < r3 goto a; goto out; a: " GET OUT),
	ACCEPT(XDP, "pkt: end <= d+14 leaves", XPKT END4 "if r3 <= r4 goto out; " GET OUT),
	ACCEPT(XDP, "pkt: end > d+14 goes on", XPKT END4 "if r3 > r4 goto a; goto out; a: " GET OUT),
	/* the wrong side */
	REFUSE(XDP, EACCES, "pkt: d+14 > end goes on", XPKT END4 "if r4 > r3 goto a; goto out; a: " GET OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 <= end leaves", XPKT END4 "if r4 <= r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: end < d+14 goes on", XPKT END4 "if r3 < r4 goto a; goto out; a: " GET OUT),
	REFUSE(XDP, EACCES, "pkt: end >= d+14 leaves", XPKT END4 "if r3 >= r4 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 >= end goes on",
	       XPKT END4 "if r4 >= r3 goto a; goto out; a: " GET OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 < end leaves", XPKT END4 "if r4 < r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: end <= d+14 goes on",
	       XPKT END4 "if r3 <= r4 goto a; goto out; a: " GET OUT),
	REFUSE(XDP, EACCES, "pkt: end > d+14 leaves", XPKT END4 "if r3 > r4 goto out; " GET OUT),
	/* one byte more: only what excludes equality */
	REFUSE(XDP, EACCES, "pkt: d+14 > end leaves, 14",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 14); " OUT),
	ACCEPT(XDP, "pkt: d+14 >= end leaves, 14",
	       XPKT END4 "if r4 >= r3 goto out; r5 = *(u8 *)(r2 + 14); " OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 >= end leaves, 15",
	       XPKT END4 "if r4 >= r3 goto out; r5 = *(u8 *)(r2 + 15); " OUT),
	ACCEPT(XDP, "pkt: d+14 < end goes on, 14",
	       XPKT END4 "if r4 < r3 goto a; goto out; a: r5 = *(u8 *)(r2 + 14); " OUT),
	ACCEPT(XDP, "pkt: end <= d+14 leaves, 14",
	       XPKT END4 "if r3 <= r4 goto out; r5 = *(u8 *)(r2 + 14); " OUT),
	ACCEPT(XDP, "pkt: end > d+14 goes on, 14",
	       XPKT END4 "if r3 > r4 goto a; goto out; a: r5 = *(u8 *)(r2 + 14); " OUT),
	REFUSE(XDP, EACCES, "pkt: end >= d+14 goes on, 14",
	       XPKT END4 "if r3 >= r4 goto a; goto out; a: r5 = *(u8 *)(r2 + 14); " OUT),
	REFUSE(XDP, EACCES, "pkt: end < d+14 leaves, 14",
	       XPKT END4 "if r3 < r4 goto out; r5 = *(u8 *)(r2 + 14); " OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 <= end goes on, 14",
	       XPKT END4 "if r4 <= r3 goto a; goto out; a: r5 = *(u8 *)(r2 + 14); " OUT),
	/* comparisons that tell nothing */
	REFUSE(XDP, EACCES, "pkt: d+14 == end goes on",
	       XPKT END4 "if r4 == r3 goto a; goto out; a: " GET OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 != end leaves", XPKT END4 "if r4 != r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: d+14 s> end leaves", XPKT END4 "if r4 s> r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: 32-bit comparison", XPKT END4 "if w4 > w3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: against data", XPKT END4 "if r4 > r2 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: against a number", XPKT END4 "if r4 > 100 goto out; " GET OUT),
	/* access widths and places */
	ACCEPT(XDP, "pkt: 2 at 12", XPKT END4 "if r4 > r3 goto out; r5 = *(u16 *)(r2 + 12); " OUT),
	REFUSE(XDP, EACCES, "pkt: 2 at 13", XPKT END4 "if r4 > r3 goto out; r5 = *(u16 *)(r2 + 13); " OUT),
	ACCEPT(XDP, "pkt: 8 at 6", XPKT END4 "if r4 > r3 goto out; r5 = *(u64 *)(r2 + 6); " OUT),
	REFUSE(XDP, EACCES, "pkt: 8 at 7", XPKT END4 "if r4 > r3 goto out; r5 = *(u64 *)(r2 + 7); " OUT),
	REFUSE(XDP, EACCES, "pkt: before", XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 - 1); " OUT),
	ACCEPT(XDP, "pkt: written", XPKT END4 "if r4 > r3 goto out; *(u16 *)(r2 + 12) = 8; " OUT),
	REFUSE(XDP, EACCES, "pkt: written behind",
	       XPKT END4 "if r4 > r3 goto out; *(u16 *)(r2 + 13) = 8; " OUT),
	ACCEPT(XDP, "pkt: by the end pointer", XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r4 - 1); " OUT),
	REFUSE(XDP, EACCES, "pkt: at the end pointer",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r4 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt: data_end read", XPKT "r5 = *(u8 *)(r3 - 1); " RET0),
	REFUSE(XDP, EACCES, "pkt: data_end minus 1", XPKT "r3 -= 1; " RET0),
	REFUSE(XDP, EACCES, "pkt: data_end plus 1", XPKT "r3 += 1; if r2 > r3 goto out; " OUT),
	REFUSE(XDP, EACCES, "pkt: pointer written into the packet",
	       XPKT END4 "if r4 > r3 goto out; *(u64 *)(r2 + 0) = r2; r0 = r9; " OUT),
	REFUSE(XDP, EACCES, "pkt: atomic",
	       XPKT END4 "if r4 > r3 goto out; r5 = 1; lock *(u64 *)(r2 + 0) += r5; " OUT),
	/* arithmetic of packet pointers */
	ACCEPT(XDP, "pkt: data_end minus data", XPKT "r0 = r3; r0 -= r2; r0 = 0; exit"),
	ACCEPT(XDP, "pkt: plus 4 minus 4", XPKT "r2 += 4; r2 -= 4; " END4 "if r4 > r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: and", XPKT "r2 &= 7; " RET0),
	REFUSE(XDP, EACCES, "pkt: 32-bit plus", XPKT "w2 += 4; " RET0),
	REFUSE(XDP, EACCES, "pkt: plus data", XPKT "r2 += r2; " RET0),
	ACCEPT(XDP, "pkt: number plus data", XPKT "r4 = 14; r4 += r2; if r4 > r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: plus 65535 and more",
	       XPKT "r4 = r2; r4 += 70000; if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r0 = r9; " OUT),
	ACCEPT(XDP, "pkt: plus 65535",
	       XPKT "r4 = r2; r4 += 65535; if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt: minus 8, read there",
	       XPKT "r4 = r2; r4 += -8; if r4 > r3 goto out; r5 = *(u8 *)(r4 + 0); " OUT),
	/* variable offsets */
	ACCEPT(XDP, "pkt var: header length",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r5 &= 15; r5 <<= 2; r4 += r5; r6 = r4; "
			 "r6 += 4; if r6 > r3 goto out; r7 = *(u32 *)(r4 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: not checked again",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r4 += r5; r7 = *(u32 *)(r4 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: another variable",
	       XPKT END4
	       "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r7 = *(u8 *)(r2 + 1); r6 = r2; r6 += r5; r8 = r2; "
	       "r8 += r7; r4 = r6; r4 += 8; if r4 > r3 goto out; r0 = *(u8 *)(r8 + 0); " OUT),
	ACCEPT(XDP, "pkt var: the same, copied",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r6 = r2; r6 += r5; r8 = r6; r4 = r6; r4 "
			 "+= 8; if r4 > r3 goto out; r0 = *(u8 *)(r8 + 7); " OUT),
	REFUSE(XDP, EINVAL, "pkt var: unbounded",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u64 *)(r2 + 0); r2 += r5; r4 = r2; r4 += 8; if r4 > r3 "
			 "goto out; r0 = *(u8 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: of 32 bits",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u32 *)(r2 + 0); r2 += r5; r4 = r2; r4 += 8; if r4 > r3 "
			 "goto out; r0 = *(u8 *)(r2 + 0); " OUT),
	ACCEPT(XDP, "pkt var: of 16 bits, halved",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u16 *)(r2 + 0); r5 >>= 1; r2 += r5; r4 = r2; r4 += 8; "
			 "if r4 > r3 goto out; r0 = *(u8 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: of 16 bits",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u16 *)(r2 + 0); r2 += r5; r4 = r2; r4 += 8; if r4 > r3 "
			 "goto out; r0 = *(u8 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: negative",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(s8 *)(r2 + 0); r2 += r5; r4 = r2; r4 += 8; if r4 > r3 "
			 "goto out; r0 = *(u8 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt var: minus",
	       XPKT END4 "if r4 > r3 goto out; r5 = *(u8 *)(r2 + 0); r4 -= r5; r0 = *(u8 *)(r4 + 0); " OUT),
	ACCEPT(XDP, "pkt var: loop over 16 bytes",
	       XPKT "r4 = r2; r4 += 16; if r4 > r3 goto out; r6 = 0; a: r7 = r2; r7 += r6; r8 = *(u8 *)(r7 + "
		    "0); r6 += 1; if r6 < 16 goto a; " OUT),
	ACCEPT(XDP, "pkt var: loop checked each time",
	       XPKT "r6 = 0; a: r7 = r2; r7 += 1; if r7 > r3 goto out; r8 = *(u8 *)(r2 + 0); r2 = r7; r6 += "
		    "1; if r6 < 20 goto a; " OUT),
	/* copies, spills, joins */
	ACCEPT(XDP, "pkt: a copy of data is read",
	       XPKT "r7 = r2; " END4 "if r4 > r3 goto out; r5 = *(u8 *)(r7 + 13); " OUT),
	ACCEPT(XDP, "pkt: spilled, checked, filled",
	       XPKT "*(u64 *)(r10 - 8) = r2; " END4
		    "if r4 > r3 goto out; r7 = *(u64 *)(r10 - 8); r5 = *(u8 *)(r7 + 13); " OUT),
	ACCEPT(XDP, "pkt: data loaded again after the check",
	       XPKT "r6 = r1; " END4
		    "if r4 > r3 goto out; r7 = *(u32 *)(r6 + 0); r5 = *(u8 *)(r2 + 13); " OUT),
	REFUSE(XDP, EACCES, "pkt: loaded again, read by the new one",
	       XPKT "r6 = r1; " END4
		    "if r4 > r3 goto out; r7 = *(u32 *)(r6 + 0); r5 = *(u8 *)(r7 + 13); r0 = r9; " OUT),
	ACCEPT(XDP, "pkt: the larger of two checks",
	       XPKT END4
	       "if r4 > r3 goto out; r4 = r2; r4 += 20; if r4 > r3 goto out; r5 = *(u8 *)(r2 + 19); " OUT),
	ACCEPT(XDP, "pkt: a smaller check after a larger",
	       XPKT END4
	       "if r4 > r3 goto out; r4 = r2; r4 += 4; if r4 > r3 goto out; r5 = *(u8 *)(r2 + 13); " OUT),
	REFUSE(XDP, EACCES, "pkt: checked on one path",
	       XPKT END4 "r6 = *(u32 *)(r1 + 12); if r6 == 1 goto a; if r4 > r3 goto out; a: " GET OUT),
	ACCEPT(XDP, "pkt: checked on both paths, differently",
	       XPKT END4 "r6 = *(u32 *)(r1 + 12); if r6 == 1 goto b; if r4 > r3 goto out; goto a; b: r7 = "
			 "r2; r7 += 20; if r7 > r3 goto out; a: " GET OUT),
	ACCEPT(XDP, "pkt: helper's memory",
	       XPKT END4 "if r4 > r3 goto out; r1 = map tiny; r2 = r2; "
			 "r1 = r2; r2 = 0; r3 = 0; r0 = 0; exit; " OUT),
	ACCEPT(XDP, "pkt: key of a lookup", XPKT END4 "if r4 > r3 goto out; r1 = map hash; call 1; " OUT),
	REFUSE(XDP, EACCES, "pkt: key of a lookup, too short",
	       XPKT "r4 = r2; r4 += 7; if r4 > r3 goto out; r1 = map hash; call 1; " OUT),
	ACCEPT(XDP, "pkt: key of a lookup at 6",
	       XPKT END4 "if r4 > r3 goto out; r1 = map hash; r2 += 6; call 1; " OUT),
	/* what moves the packet */
	REFUSE(XDP, EACCES, "pkt: after adjust_head",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; call 44; r5 = *(u8 *)(r6 + 0); " OUT),
	ACCEPT(XDP, "pkt: after adjust_head, loaded and checked again",
	       XPKT END4 "if r4 > r3 goto out; r6 = r1; r2 = 0; call 44; r2 = *(u32 *)(r6 + 0); r3 = *(u32 "
			 "*)(r6 + 4); " END4 "if r4 > r3 goto out; " GET OUT),
	REFUSE(XDP, EACCES, "pkt: after adjust_tail",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; call 65; r5 = *(u8 *)(r6 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt: after adjust_meta",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; call 54; r5 = *(u8 *)(r6 + 0); " OUT),
	ACCEPT(XDP, "pkt: after a helper that does not move it",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; call 7; r5 = *(u8 *)(r6 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt: spilled, after adjust_head",
	       XPKT END4 "if r4 > r3 goto out; *(u64 *)(r10 - 8) = r2; r2 = 0; call 44; r6 = *(u64 *)(r10 - "
			 "8); r5 = *(u8 *)(r6 + 0); " OUT),
	REFUSE(XDP, EACCES, "pkt: moved in a subprogram",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; call :f; r5 = *(u8 *)(r6 + 0); " OUT
			 "; f: r2 = 0; call 44; r0 = 0; exit"),
	ACCEPT(XDP, "pkt: not moved in a subprogram",
	       XPKT END4 "if r4 > r3 goto out; r6 = r2; call :f; r5 = *(u8 *)(r6 + 0); " OUT
			 "; f: r2 = 0; call 7; r0 = 0; exit"),
	ACCEPT(XDP, "pkt: checked in the caller, read in a subprogram",
	       XPKT END4 "if r4 > r3 goto out; r1 = r2; call :f; " OUT "; f: r0 = *(u8 *)(r1 + 13); exit"),
	REFUSE(XDP, EACCES, "pkt: read in a subprogram, not checked",
	       XPKT "r1 = r2; call :f; " OUT "; f: r0 = *(u8 *)(r1 + 13); exit"),
	/* meta */
	ACCEPT(XDP, "meta: checked against data",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 8; if r4 > r3 goto out; r5 = "
	       "*(u64 *)(r2 + 0); " OUT),
	REFUSE(XDP, EACCES, "meta: not checked", "r2 = *(u32 *)(r1 + 8); r5 = *(u64 *)(r2 + 0); " RET0),
	REFUSE(XDP, EACCES, "meta: checked, read behind",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 8; if r4 > r3 goto out; r5 = "
	       "*(u64 *)(r2 + 1); " OUT),
	REFUSE(XDP, EACCES, "meta: checked against data_end",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 4); r4 = r2; r4 += 8; if r4 > r3 goto out; r5 = "
	       "*(u64 *)(r2 + 0); " OUT),
	ACCEPT(XDP, "meta: data > meta + 8",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 8; if r3 > r4 goto a; goto out; "
	       "a: r5 = *(u64 *)(r2 + 0); " OUT),
	ACCEPT(XDP, "meta: data < meta + 8 leaves",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 8; if r3 < r4 goto out; r5 = "
	       "*(u64 *)(r2 + 0); " OUT),
	ACCEPT(XDP, "meta: written",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 4; if r4 > r3 goto out; *(u32 "
	       "*)(r2 + 0) = 1; " OUT),
	REFUSE(XDP, EACCES, "meta: against data that has moved",
	       "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r3 += 8; r4 = r2; r4 += 4; if r4 > r3 goto "
	       "out; *(u32 *)(r2 + 0) = 1; " OUT),
	REFUSE(XDP, EACCES, "meta: after adjust_meta",
	       "r6 = r1; r2 = *(u32 *)(r1 + 8); r7 = r2; r3 = *(u32 *)(r1 + 0); r4 = r2; r4 += 4; if r4 > r3 "
	       "goto out; r2 = -4; call 54; r0 = *(u8 *)(r7 + 0); " OUT),
	/* tc */
	ACCEPT(TC, "tc: d+14 > end leaves", TPKT END4 "if r4 > r3 goto out; " GET OUT),
	ACCEPT(TC, "tc: d+14 <= end goes on", TPKT END4 "if r4 <= r3 goto a; goto out; a: " GET OUT),
	ACCEPT(TC, "tc: end < d+14 leaves", TPKT END4 "if r3 < r4 goto out; " GET OUT),
	ACCEPT(TC, "tc: end >= d+14 goes on", TPKT END4 "if r3 >= r4 goto a; goto out; a: " GET OUT),
	REFUSE(TC, EACCES, "tc: end > d+14 leaves", TPKT END4 "if r3 > r4 goto out; " GET OUT),
	REFUSE(TC, EACCES, "tc: not checked", TPKT GET RET0),
	ACCEPT(TC, "tc: written", TPKT END4 "if r4 > r3 goto out; *(u8 *)(r2 + 0) = 1; " OUT),
	REFUSE(TC, EACCES, "tc: after pull_data",
	       TPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; call 39; r0 = *(u8 *)(r6 + 0); " OUT),
	REFUSE(TC, EACCES, "tc: after store_bytes",
	       TPKT END4 "if r4 > r3 goto out; r6 = r2; *(u64 *)(r10 - 8) = 0; r2 = 0; r3 = r10; r3 += -8; "
			 "r4 = 8; r5 = 0; call 9; r0 = *(u8 *)(r6 + 0); " OUT),
	ACCEPT(TC, "tc: after load_bytes",
	       TPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 26; r0 = "
			 "*(u8 *)(r6 + 0); r0 = 0; exit; " OUT),
	REFUSE(TC, EACCES, "tc: after change_tail",
	       TPKT END4
	       "if r4 > r3 goto out; r6 = r2; r2 = 64; r3 = 0; call 38; r0 = *(u8 *)(r6 + 0); " OUT),
	REFUSE(TC, EACCES, "tc: after vlan_push",
	       TPKT END4 "if r4 > r3 goto out; r6 = r2; r2 = 0; r3 = 0; call 18; r0 = *(u8 *)(r6 + 0); " OUT),
	ACCEPT(TC, "tc: meta",
	       "r2 = *(u32 *)(r1 + 140); r3 = *(u32 *)(r1 + 76); r4 = r2; r4 += 8; if r4 > r3 goto out; r5 = "
	       "*(u64 *)(r2 + 0); " OUT),
	ACCEPT(CGRP, "cgroup_skb: read", TPKT END4 "if r4 > r3 goto out; " GET "out: r0 = 1; exit"),
	REFUSE(CGRP, EACCES, "cgroup_skb: written",
	       TPKT END4 "if r4 > r3 goto out; *(u8 *)(r2 + 0) = 1; out: r0 = 1; exit"),
	/* legacy loads */
	ACCEPT(SOCK, "ld_abs: byte", "r6 = r1; ldabs u8 0; exit"),
	ACCEPT(SOCK, "ld_abs: word", "r6 = r1; ldabs u32 26; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: 8 bytes", "r6 = r1; ldabs u64 0; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: r6 is a number", "r6 = 0; ldabs u8 0; exit"),
	REFUSE(SOCK, EACCES, "ld_abs: r6 not set", "ldabs u8 0; exit"),
	REFUSE(SOCK, EACCES, "ld_abs: r1 afterwards", "r6 = r1; ldabs u8 0; r0 = *(u32 *)(r1 + 0); exit"),
	ACCEPT(SOCK, "ld_abs: r7 afterwards", "r6 = r1; r7 = 1; ldabs u8 0; r0 = r7; exit"),
	ACCEPT(SOCK, "ld_ind: half", "r6 = r1; r7 = 12; ldind u16 r7 2; exit"),
	REFUSE(SOCK, EACCES, "ld_ind: register not set", "r6 = r1; ldind u16 r7 2; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: with a dst", "r6 = r1; raw 0x30 1 0 0 0; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: with an off", "r6 = r1; raw 0x30 0 0 4 0; exit"),
	REFUSE(XDP, EINVAL, "ld_abs: xdp, 8 bytes", "r6 = r1; ldabs u64 0; exit"),
	REFUSE(XDP, EINVAL, "ld_abs: xdp, with a register", "r6 = r1; raw 0x20 1 0 0 0; exit"),
	REFUSE(XDP, EINVAL, "ld_abs: xdp, r6 not set", "ldabs u8 0; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: with a register, r6 not set", "raw 0x20 0 1 0 0; exit"),
	REFUSE(XDP, EINVAL, "ld_abs: xdp", "r6 = r1; ldabs u8 0; exit"),
	ACCEPT(TC, "ld_abs: tc", "r6 = r1; ldabs u8 0; r0 = 0; exit"),
	REFUSE(CGRP, EINVAL, "ld_abs: cgroup_skb", "r6 = r1; ldabs u8 0; r0 = 1; exit"),
	REFUSE(KP, EINVAL, "ld_abs: kprobe", "r6 = r1; ldabs u8 0; r0 = 0; exit"),
	REFUSE(SOCK, EINVAL, "ld_abs: in a subprogram", "call :f; exit; f: r6 = r1; ldabs u8 0; exit"),
	ACCEPT(SOCK, "ld_abs: in a subprogram with BTF", "call :f; exit; f: r6 = r1; ldabs u8 0; exit",
	       .funcs = "main=g(c) f=s(c)"),
	REFUSE(SOCK, EINVAL, "ld_abs: in a subprogram that returns nothing",
	       "call :f; r0 = 0; exit; f: r6 = r1; ldabs u8 0; exit", .funcs = "main=g(c) f=s(c)v"),
};

VROW_MAIN(rows)
