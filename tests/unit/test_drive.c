// SPDX-License-Identifier: BSD-2-Clause
/*
 * The driver of packets: verdicts and their order, what is carried on from XDP
 * to tc, sizes, where redirects lead, programs of slots, tail calls.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "tests/lib/drivetest.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

/* ---- what is tested ---- */

static void nothing(void)
{
	struct dt_frames f = { dt_packet, 60, 10 };
	struct drive_env env = { .device = dt_device };

	dt_ends("nothing attached", DRIVE_END_STACK);
	ok(dt_last.way == DRIVE_TO_STACK && dt_last.ifindex == LO && dt_last.len == 60 &&
		   !memcmp(dt_last.data, dt_packet, 60),
	   "and the frame is as it was");
	dt_feed(13, 1);
	ok(dt_ended(DRIVE_END_SIZE) == 1 && !dt_last.times, "13 bytes are no frame");
	dt_feed(14, 1);
	ok(dt_ended(DRIVE_END_STACK) == 1, "14 are");
	dt_feed(DRIVE_FRAME_MAX + 1, 1);
	ok(dt_ended(DRIVE_END_SIZE) == 1, "and there is a longest one");
	dt_was = *drive_totals(dt);
	ok(!drive_run(dt, dt_next, &f, 7) && f.left == 3 && dt_ended(DRIVE_END_STACK) == 7,
	   "no more than asked for");
	ok(PTR_ERR(drive_open(77777, &env)) == -ENODEV, "no such device");
}

static void xdp_verdicts(void)
{
	static const struct {
		int verdict;
		enum drive_end e;
	} rows[] = {
		{ XDP_ABORTED, DRIVE_END_ABORTED }, { XDP_DROP, DRIVE_END_DROP },
		{ XDP_PASS, DRIVE_END_STACK },      { XDP_TX, DRIVE_END_TX },
		{ XDP_REDIRECT, DRIVE_END_FAILED }, { 5, DRIVE_END_ABORTED },
		{ -1, DRIVE_END_ABORTED },
	};
	char name[32];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int prog = dt_xdp_says(rows[i].verdict), link = dt_link_at(BPF_XDP, prog, 0);

		snprintf(name, sizeof(name), "XDP verdict %d", rows[i].verdict);
		dt_ends(name, rows[i].e);
		if (rows[i].verdict == XDP_TX)
			ok(dt_last.way == DRIVE_BY_TX && dt_last.ifindex == LO && dt_last.len == 60,
			   "sent back");
		dt_link_end(link);
		close(prog);
	}
	dt_ends("detached", DRIVE_END_STACK);
}

/* Chains of three: each marks the byte, so that it tells who ran, in which order. */
static void tcx_chain(void)
{
	static const struct {
		int verdict[3];
		enum drive_end e;
		u32 ran;
	} rows[] = {
		{ { -1, -1, -1 }, DRIVE_END_STACK, 3 }, { { -1, -1, 0 }, DRIVE_END_STACK, 3 },
		{ { -1, 0, 2 }, DRIVE_END_STACK, 2 },   { { 0, 2, 2 }, DRIVE_END_STACK, 1 },
		{ { -1, 2, 0 }, DRIVE_END_DROP, 2 },    { { 2, 0, 0 }, DRIVE_END_DROP, 1 },
		{ { 5, 2, 2 }, DRIVE_END_STACK, 1 },    { { -1, 7, 0 }, DRIVE_END_FAILED, 2 },
		{ { -1, -1, 99 }, DRIVE_END_STACK, 3 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int link[3];
		u8 mark = dt_packet[14];

		for (int n = 2; n >= 0; n--) { /* the later is put before */
			int prog = dt_tc_marks(n + 1, rows[i].verdict[n]);

			link[n] = dt_link_at(BPF_TCX_INGRESS, prog, n == 2 ? 0 : BPF_F_BEFORE);
			close(prog);
		}
		for (u32 n = 0; n < rows[i].ran; n++)
			mark = (u8)(mark * 3 + n + 1);
		dt_feed(60, 1);
		ok(dt_ended(rows[i].e) == 1, "chain %d %d %d", rows[i].verdict[0], rows[i].verdict[1],
		   rows[i].verdict[2]);
		if (rows[i].e == DRIVE_END_STACK)
			ok(dt_last.data[14] == mark, "%u ran, in order: %u, wanted %u", rows[i].ran,
			   dt_last.data[14], mark);
		for (int n = 0; n < 3; n++)
			dt_link_end(link[n]);
	}
}

/* XDP puts four bytes before the packet; tc finds them and says so in the packet. */
static void carried(void)
{
	int x, t, lx, lt;

	MOV(6, 1);
	MOVI(2, -4);
	CALL(BPF_FUNC_xdp_adjust_meta);
	LD32(2, 6, 8); /* data_meta */
	LD32(3, 6, 0);
	MOV(4, 2);
	ALUI(BPF_ADD, 4, 4);
	JGT(4, 3, 4);
	MOVI(5, 0x5a5b5c5d);
	ST32(2, 5, 0);
	MOVI(0, XDP_PASS);
	EXIT();
	MOVI(0, XDP_ABORTED);
	EXIT();
	x = dt_xdp();
	MOV(6, 1);
	LD32(2, 6, SKB_META);
	LD32(3, 6, SKB_DATA);
	MOV(4, 2);
	ALUI(BPF_ADD, 4, 4);
	JGT(4, 3, 7);
	LD8(5, 2, 1);
	LD32(4, 6, SKB_END);
	MOV(2, 3);
	ALUI(BPF_ADD, 2, 20);
	JGT(2, 4, 2);
	ST8(3, 5, 19);
	MOVI(0, 0);
	MOVI(0, 0);
	EXIT();
	t = dt_tc();
	lx = dt_link_at(BPF_XDP, x, 0);
	lt = dt_link_at(BPF_TCX_INGRESS, t, 0);
	dt_ends("with meta data", DRIVE_END_STACK);
	ok(dt_last.len == 60 && dt_last.data[19] == 0x5c, "tc has what XDP put before the packet: %x",
	   dt_last.data[19]);
	dt_link_end(lx);
	dt_link_end(lt);
	close(x);
	close(t);
}

static void adjusted(void)
{
	static const struct {
		int helper, by;
		u32 in, len;
		int ret;
	} rows[] = {
		{ BPF_FUNC_xdp_adjust_head, -20, 60, 80, 0 },
		{ BPF_FUNC_xdp_adjust_head, 20, 60, 40, 0 },
		{ BPF_FUNC_xdp_adjust_head, -217, 60, 60, 1 },
		{ BPF_FUNC_xdp_adjust_head, -216, 60, 276, 0 },
		{ BPF_FUNC_xdp_adjust_head, 47, 60, 60, 1 },
		{ BPF_FUNC_xdp_adjust_tail, 16, 60, 76, 0 },
		{ BPF_FUNC_xdp_adjust_tail, -46, 60, 14, 0 },
		{ BPF_FUNC_xdp_adjust_tail, -47, 60, 60, 1 },
		{ BPF_FUNC_xdp_adjust_tail, 3460, 60, 3520, 0 },
		{ BPF_FUNC_xdp_adjust_tail, 3461, 60, 60, 1 },
		{ BPF_FUNC_xdp_adjust_tail, 0, 3520, 3520, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int prog, link;

		MOVI(2, rows[i].by);
		CALL(rows[i].helper);
		MOV(6, 0);
		MOVI(0, XDP_PASS); /* refused: sent back */
		dt_emit(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1, 0);
		MOVI(0, XDP_TX);
		EXIT();
		prog = dt_xdp();
		link = dt_link_at(BPF_XDP, prog, 0);
		dt_feed(rows[i].in, 1);
		ok(dt_ended(rows[i].ret ? DRIVE_END_TX : DRIVE_END_STACK) == 1 && dt_last.len == rows[i].len,
		   "adjust by %d: %u bytes, wanted %u", rows[i].by, dt_last.len, rows[i].len);
		dt_link_end(link);
		close(prog);
	}
}

/* Longer than a page: only for programs that take fragments. */
static void fragments(void)
{
	int prog = dt_xdp_says(XDP_PASS), link = dt_link_at(BPF_XDP, prog, 0), t = dt_tc_marks(1, 0), lt;
	u8 mark = (u8)(dt_packet[14] * 3 + 1);

	dt_feed(3521, 1);
	ok(dt_ended(DRIVE_END_SIZE) == 1, "too long for a program without fragments");
	dt_feed(3520, 1);
	ok(dt_ended(DRIVE_END_STACK) == 1 && dt_last.len == 3520, "the longest that fits");
	dt_link_end(link);
	close(prog);
	MOVI(0, XDP_PASS);
	EXIT();
	prog = dt_load_flags(BPF_PROG_TYPE_XDP, 0, BPF_F_XDP_HAS_FRAGS);
	link = dt_link_at(BPF_XDP, prog, 0);
	dt_feed(70000, 1);
	ok(dt_ended(DRIVE_END_STACK) == 1 && dt_last.len == 70000 && !memcmp(dt_last.data, dt_packet, 70000),
	   "70000 bytes for one with: all of them come out");
	lt = dt_link_at(BPF_TCX_INGRESS, t, 0);
	dt_feed(70000, 1);
	ok(dt_last.len == 70000 && dt_last.data[14] == mark &&
		   !memcmp(dt_last.data + 15, dt_packet + 15, 69985),
	   "and through tc, in one piece");
	dt_link_end(link);
	dt_link_end(lt);
	close(prog);
	close(t);
}

static void redirects(void)
{
	static const struct {
		const char *name;
		bool tc;
		int helper, to, flags;
		u32 len;
		enum drive_end e;
		enum drive_way way;
	} rows[] = {
		{ "XDP to a device", 0, BPF_FUNC_redirect, PLAIN, 0, 60, DRIVE_END_REDIRECT, DRIVE_BY_XDP },
		{ "XDP to none", 0, BPF_FUNC_redirect, 9999, 0, 60, DRIVE_END_FAILED, 0 },
		{ "XDP to one that is down", 0, BPF_FUNC_redirect, DOWN, 0, 60, DRIVE_END_FAILED, 0 },
		{ "XDP in generic mode, as on loopback, to another one", 0, BPF_FUNC_redirect, LOOP, 0, 60,
		  DRIVE_END_REDIRECT, DRIVE_BY_XDP },
		{ "XDP, the longest", 0, BPF_FUNC_redirect, SMALL, 0, 118, DRIVE_END_REDIRECT, DRIVE_BY_XDP },
		{ "XDP, longer", 0, BPF_FUNC_redirect, SMALL, 0, 119, DRIVE_END_FAILED, 0 },
		{ "XDP with flags", 0, BPF_FUNC_redirect, PLAIN, 1, 60, DRIVE_END_ABORTED, 0 },
		{ "tc to a device", 1, BPF_FUNC_redirect, PLAIN, 0, 60, DRIVE_END_REDIRECT, DRIVE_BY_TC },
		{ "tc to none", 1, BPF_FUNC_redirect, 9999, 0, 60, DRIVE_END_FAILED, 0 },
		{ "tc to one that is down", 1, BPF_FUNC_redirect, DOWN, 0, 60, DRIVE_END_FAILED, 0 },
		{ "tc into a device", 1, BPF_FUNC_redirect, PLAIN, BPF_F_INGRESS, 60, DRIVE_END_STACK,
		  DRIVE_TO_STACK },
		{ "tc with other flags", 1, BPF_FUNC_redirect, PLAIN, 2, 60, DRIVE_END_DROP, 0 },
		{ "tc to a peer", 1, BPF_FUNC_redirect_peer, PEER, 0, 60, DRIVE_END_REDIRECT, DRIVE_TO_PEER },
		{ "tc to no peer", 1, BPF_FUNC_redirect_peer, PLAIN, 0, 60, DRIVE_END_FAILED, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int prog = dt_calls(rows[i].tc ? dt_tc : dt_xdp, rows[i].helper, rows[i].to, rows[i].flags);
		int link = dt_link_at(rows[i].tc ? BPF_TCX_INGRESS : BPF_XDP, prog, 0);

		dt_feed(rows[i].len, 1);
		ok(dt_ended(rows[i].e) == 1, "%s: %llu of 1", rows[i].name,
		   (unsigned long long)dt_ended(rows[i].e));
		if (rows[i].way || rows[i].e == DRIVE_END_STACK)
			ok(dt_last.times == 1 && dt_last.way == rows[i].way &&
				   dt_last.ifindex == (u32)rows[i].to && dt_last.len == rows[i].len,
			   "and comes out there");
		else
			ok(!dt_last.times, "and comes out nowhere");
		dt_link_end(link);
		close(prog);
	}
}

static int slot_set(int map, u32 key, u32 word, int prog)
{
	u32 value[2] = { word, (u32)prog };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)map;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(value);
	return (int)self_bpf(BPF_MAP_UPDATE_ELEM, &a, sizeof(a));
}

/* redirect_map of slot 0. */
static int to_map(int map, int flags)
{
	dt_ld_imm64(1, BPF_PSEUDO_MAP_FD, map, 0);
	MOVI(2, 0);
	MOVI(3, flags);
	CALL(BPF_FUNC_redirect_map);
	EXIT();
	return dt_xdp();
}

/* A program of a slot: writes into the packet what it sees at `off` of its context. */
static int slot_prog(u32 attach, int off, int verdict)
{
	MOV(6, 1);
	LD32(2, 6, 0);
	LD32(3, 6, 4);
	LD32(5, 6, off);
	MOV(4, 2);
	ALUI(BPF_ADD, 4, 20);
	JGT(4, 3, 1);
	ST8(2, 5, 19);
	MOVI(0, verdict);
	EXIT();
	return dt_load(BPF_PROG_TYPE_XDP, attach);
}

static void slots_of_devices(void)
{
	static const struct {
		int verdict;
		enum drive_end e;
	} rows[] = {
		{ XDP_PASS, DRIVE_END_REDIRECT },    { XDP_DROP, DRIVE_END_DROP },
		{ XDP_ABORTED, DRIVE_END_ABORTED },  { XDP_TX, DRIVE_END_ABORTED },
		{ XDP_REDIRECT, DRIVE_END_ABORTED },
	};
	int map = dt_map_new(BPF_MAP_TYPE_DEVMAP, 8, 4, 0), prog, link, err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int p = slot_prog(BPF_XDP_DEVMAP, 20, rows[i].verdict); /* egress_ifindex */

		err |= slot_set(map, 0, LO, p);
		close(p);
		prog = to_map(map, 0);
		link = dt_link_at(BPF_XDP, prog, 0);
		dt_ends("the program of a device's slot", rows[i].e);
		if (rows[i].verdict == XDP_PASS)
			ok(dt_last.times == 1 && dt_last.way == DRIVE_BY_XDP && dt_last.data[19] == LO,
			   "knows where the frame goes, and it goes: %u", dt_last.data[19]);
		else
			ok(!dt_last.times, "verdict %d sends nothing", rows[i].verdict);
		dt_link_end(link);
		close(prog);
	}
	prog = slot_prog(BPF_XDP_DEVMAP, 20, XDP_PASS);
	err |= slot_set(map, 0, LO, prog) | slot_set(map, 2, LO, -1);
	close(prog);
	ok(!err, "slots are filled");
	prog = to_map(map, BPF_F_BROADCAST);
	link = dt_link_at(BPF_XDP, prog, 0);
	dt_ends("to all devices of a map", DRIVE_END_REDIRECT);
	ok(dt_last.times == 2 && dt_last.data[19] == dt_packet[19],
	   "two copies, and the second is as the frame was: %u", dt_last.data[19]);
	dt_link_end(link);
	close(prog);
	prog = to_map(map, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	link = dt_link_at(BPF_XDP, prog, 0);
	dt_ends("but not to where it came from", DRIVE_END_FAILED);
	ok(!dt_last.times, "which is all of them");
	dt_link_end(link);
	close(prog);
	close(map);
}

static void slots_of_cpus(void)
{
	static const struct {
		int verdict;
		enum drive_end e;
	} rows[] = {
		{ XDP_PASS, DRIVE_END_STACK },      { XDP_DROP, DRIVE_END_DROP },
		{ XDP_ABORTED, DRIVE_END_ABORTED }, { XDP_TX, DRIVE_END_ABORTED },
		{ XDP_REDIRECT, DRIVE_END_FAILED },
	};
	int map = dt_map_new(BPF_MAP_TYPE_CPUMAP, 8, 1, 0), t = dt_tc_marks(1, 0),
	    lt = dt_link_at(BPF_TCX_INGRESS, t, 0), err = 0;
	u8 mark = (u8)(dt_packet[14] * 3 + 1);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int p = slot_prog(BPF_XDP_CPUMAP, 12, rows[i].verdict), prog, link; /* ingress_ifindex */

		err |= slot_set(map, 0, 64, p);
		close(p);
		prog = to_map(map, 0);
		link = dt_link_at(BPF_XDP, prog, 0);
		dt_ends("the program of a CPU's slot", rows[i].e);
		if (rows[i].verdict == XDP_PASS)
			ok(dt_last.data[19] == LO && dt_last.data[14] == mark, "and tc is behind it");
		dt_link_end(link);
		close(prog);
	}
	ok(!err && drive_totals(dt)->to_cpu == ARRAY_SIZE(rows), "slots are filled, and frames sent to CPUs");
	dt_link_end(lt);
	close(t);
	close(map);
}

static void loops(void)
{
	int prog = dt_calls(dt_tc, BPF_FUNC_redirect, LO, 0), in = dt_link_at(BPF_TCX_INGRESS, prog, 0),
	    eg = dt_link_at(BPF_TCX_EGRESS, prog, 0);

	dt_ends("from egress to egress for ever", DRIVE_END_LOOP);
	dt_link_end(eg);
	dt_ends("only once", DRIVE_END_REDIRECT);
	dt_link_end(in);
	close(prog);
	prog = dt_calls(dt_tc, BPF_FUNC_redirect, LO, BPF_F_INGRESS);
	in = dt_link_at(BPF_TCX_INGRESS, prog, 0);
	dt_ends("into the same device for ever", DRIVE_END_LOOP);
	dt_link_end(in);
	close(prog);
	prog = dt_tc_says(2);
	eg = dt_link_at(BPF_TCX_EGRESS, prog, 0);
	close(prog);
	prog = dt_calls(dt_tc, BPF_FUNC_redirect, LO, 0);
	in = dt_link_at(BPF_TCX_INGRESS, prog, 0);
	dt_ends("dropped on its way out", DRIVE_END_DROP);
	dt_link_end(in);
	dt_link_end(eg);
	close(prog);
}

/* A program notes a target and says "next"; the one behind it says "redirect". */
static void noted_before(void)
{
	int first, second, l1, l2;

	MOVI(1, PLAIN);
	MOVI(2, 0);
	CALL(BPF_FUNC_redirect);
	MOVI(0, -1);
	EXIT();
	first = dt_tc();
	second = dt_tc_says(7);
	l1 = dt_link_at(BPF_TCX_INGRESS, first, 0);
	l2 = dt_link_at(BPF_TCX_INGRESS, second, 0);
	dt_ends("what one notes another sends", DRIVE_END_REDIRECT);
	dt_link_end(l1);
	dt_ends("but not for the next frame", DRIVE_END_FAILED);
	dt_link_end(l2);
	close(first);
	close(second);
}

static void tail_call(void)
{
	int map = dt_map_new(BPF_MAP_TYPE_PROG_ARRAY, 4, 1, 0), prog, link, to = dt_xdp_says(XDP_DROP);
	union bpf_attr a;
	u32 key = 0;

	dt_ld_imm64(2, BPF_PSEUDO_MAP_FD, map, 0);
	MOVI(3, 0);
	CALL(BPF_FUNC_tail_call);
	MOVI(0, XDP_TX);
	EXIT();
	prog = dt_xdp();
	link = dt_link_at(BPF_XDP, prog, 0);
	dt_ends("a tail call to nothing", DRIVE_END_TX);
	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)map;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(&to);
	ok(!self_bpf(BPF_MAP_UPDATE_ELEM, &a, sizeof(a)), "the slot is filled");
	dt_ends("a tail call", DRIVE_END_DROP);
	dt_link_end(link);
	close(prog);
	close(to);
	close(map);
}

int main(void)
{
	if (!ok(!self_open("drive"), "a store"))
		return done();
	dt_frame_reset();
	if (!ok(!dt_start(true), "a driver"))
		return done();
	nothing();
	xdp_verdicts();
	tcx_chain();
	carried();
	adjusted();
	fragments();
	redirects();
	slots_of_devices();
	slots_of_cpus();
	loops();
	noted_before();
	tail_call();
	drive_close(dt);
	return done();
}
