// SPDX-License-Identifier: BSD-2-Clause
/*
 * The driver of packets: verdicts and their order, what is carried on, where
 * redirects lead, and that each frame is seen by exactly one version of a list that changes meanwhile.
 *
 * Programs are attached by bpf(2) to the loopback device, which every machine has; what the driver is told of
 * devices is the test's invention.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "link/attach.h"
#include "store/store.h"
#include "sys/drive.h"
#include "sys/uapi_new.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

#define LO 1u
/* Devices that only the test knows. */
enum { PLAIN = 1001, DOWN, SMALL, LOOP, PEER };

/* ---- programs ---- */

static struct bpf_insn code[64];
static u32 cnt;

static void emit(int c, int dst, int src, int off, int imm)
{
	code[cnt++] = (struct bpf_insn){ .code = (u8)c,
					 .dst_reg = (u8)(dst & 15),
					 .src_reg = (u8)(src & 15),
					 .off = (s16)off,
					 .imm = imm };
}

#define MOVI(d, v)     emit(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, v)
#define MOV(d, s)      emit(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALUI(op, d, v) emit(BPF_ALU64 | (op) | BPF_K, d, 0, 0, v)
#define LD32(d, s, o)  emit(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define LD8(d, s, o)   emit(BPF_LDX | BPF_MEM | BPF_B, d, s, o, 0)
#define ST8(d, s, o)   emit(BPF_STX | BPF_MEM | BPF_B, d, s, o, 0)
#define ST32(d, s, o)  emit(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define JGT(d, s, o)   emit(BPF_JMP | BPF_JGT | BPF_X, d, s, o, 0)
#define CALL(f)        emit(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT()         emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define SKB_DATA       76
#define SKB_END        80
#define SKB_META       140

static void ld_imm64(int dst, int src, int lo, int hi)
{
	emit(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, lo);
	emit(0, 0, 0, 0, hi);
}

/* Adds one to the 64-bit word `at` of an array map's first value. */
static void count_in(int map, int at)
{
	ld_imm64(1, BPF_PSEUDO_MAP_VALUE, map, at * 8);
	MOVI(2, 1);
	emit(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
}

static int load(u32 type, u32 attach)
{
	union bpf_attr_new a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_load.prog_type = type;
	a.prog_load.expected_attach_type = attach;
	a.prog_load.insns = ptr_to_u64(code);
	a.prog_load.insn_cnt = cnt;
	a.prog_load.license = ptr_to_u64("GPL");
	fd = (int)self_bpf(BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		diag("PROG_LOAD: %d", fd);
	cnt = 0;
	return fd;
}

static int xdp(void)
{
	return load(BPF_PROG_TYPE_XDP, 0);
}

static int tc(void)
{
	return load(BPF_PROG_TYPE_SCHED_CLS, 0);
}

static int xdp_says(int verdict)
{
	MOVI(0, verdict);
	EXIT();
	return xdp();
}

static int tc_says(int verdict)
{
	MOVI(0, verdict);
	EXIT();
	return tc();
}

/* Calls a helper of (r1 = a, r2 = b) and returns what that says. */
static int calls(int (*kind)(void), int helper, int a, int b)
{
	MOVI(1, a);
	MOVI(2, b);
	CALL(helper);
	EXIT();
	return kind();
}

/* The byte behind the header becomes 3 * byte + id. */
static int tc_marks(int id, int verdict)
{
	MOV(6, 1);
	LD32(2, 6, SKB_DATA);
	LD32(3, 6, SKB_END);
	MOV(4, 2);
	ALUI(BPF_ADD, 4, 15);
	JGT(4, 3, 4);
	LD8(5, 2, 14);
	ALUI(BPF_MUL, 5, 3);
	ALUI(BPF_ADD, 5, id);
	ST8(2, 5, 14);
	MOVI(0, verdict);
	EXIT();
	return tc();
}

static int map_new(u32 type, u32 value, u32 entries, u32 flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = 4;
	a.value_size = value;
	a.max_entries = entries;
	a.map_flags = flags;
	return (int)self_bpf(BPF_MAP_CREATE, &a, sizeof(a));
}

static void map_get(int map, void *value)
{
	union bpf_attr a;
	u32 key = 0;

	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)map;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(value);
	self_bpf(BPF_MAP_LOOKUP_ELEM, &a, sizeof(a));
}

static u32 id_of(int fd)
{
	u8 info[256] = { 0 };
	union bpf_attr a;
	u32 id;

	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (u32)fd;
	a.info.info_len = sizeof(info);
	a.info.info = ptr_to_u64(info);
	if (self_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)))
		return 0;
	memcpy(&id, info + 4, 4);
	return id;
}

/* ---- links ---- */

static int link_at(u32 type, int prog, u32 flags)
{
	union bpf_attr_new a;

	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (u32)prog;
	a.link_create.target_fd = LO;
	a.link_create.attach_type = type;
	a.link_create.flags = flags;
	return (int)self_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

static int link_update(int link, int prog)
{
	union bpf_attr_new a;

	memset(&a, 0, sizeof(a));
	a.link_update.link_fd = (u32)link;
	a.link_update.new_prog_fd = (u32)prog;
	return (int)self_bpf(BPF_LINK_UPDATE, &a, sizeof(a));
}

static void link_end(int link)
{
	u32 fd = (u32)link;

	self_bpf(BPF_LINK_DETACH, &fd, sizeof(fd));
	close(link);
}

/* ---- frames ---- */

static struct {
	u8 data[80000];
	u32 len, ifindex, times;
	enum drive_way way;
} last;

static void out(void *arg, enum drive_way way, u32 ifindex, const u8 *data, u32 len)
{
	last.times++;
	last.way = way;
	last.ifindex = ifindex;
	last.len = len;
	memcpy(last.data, data, MIN(len, sizeof(last.data)));
}

static int device(void *arg, u32 ifindex, struct drive_device *to)
{
	*to = (struct drive_device){ .up = ifindex != DOWN,
				     .mtu = ifindex == SMALL ? 100 : 1500,
				     .loopback = ifindex == LOOP,
				     .has_peer = ifindex == PEER,
				     .mac = { 2, 0, 0, 0, 0, 1 } };
	return ifindex == LO || (ifindex >= PLAIN && ifindex <= PEER) ? 0 : -ENODEV;
}

struct frames {
	const u8 *data;
	u32 len;
	u64 left;
};

static bool next(void *arg, const u8 **data, u32 *len)
{
	struct frames *f = arg;

	*data = f->data;
	*len = f->len;
	return f->left && f->left--;
}

static u8 packet[80000];
static struct drive *d;
static struct drive_totals was;

static int feed(u32 len, u64 n)
{
	struct frames f = { packet, len, n };

	was = *drive_totals(d);
	memset(&last, 0, sizeof(last));
	return drive_run(d, next, &f, 0);
}

static u64 ended(enum drive_end e)
{
	return drive_totals(d)->end[e] - was.end[e];
}

static void frame_reset(void)
{
	for (u32 i = 0; i < sizeof(packet); i++)
		packet[i] = (u8)(i * 7 + 1);
	memcpy(packet, "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5", 14);
}

/* One frame of 60 bytes ends as said. */
static void ends(const char *name, enum drive_end e)
{
	int err = feed(60, 1);

	ok(!err && ended(e) == 1, "%s: end %u is %llu of 1 (%d)", name, e, (unsigned long long)ended(e), err);
}

static int start(bool outs)
{
	struct drive_env env = { .device = device, .out = outs ? out : NULL };
	struct stat st;

	stat("/proc/self/ns/net", &st);
	env.netns = st.st_ino;
	d = drive_open(LO, &env);
	return IS_ERR(d) ? (int)PTR_ERR(d) : 0;
}

/* ---- what is tested ---- */

static void nothing(void)
{
	struct frames f = { packet, 60, 10 };
	struct drive_env env = { .device = device };

	ends("nothing attached", DRIVE_END_STACK);
	ok(last.way == DRIVE_TO_STACK && last.ifindex == LO && last.len == 60 &&
		   !memcmp(last.data, packet, 60),
	   "and the frame is as it was");
	feed(13, 1);
	ok(ended(DRIVE_END_SIZE) == 1 && !last.times, "13 bytes are no frame");
	feed(14, 1);
	ok(ended(DRIVE_END_STACK) == 1, "14 are");
	feed(DRIVE_FRAME_MAX + 1, 1);
	ok(ended(DRIVE_END_SIZE) == 1, "and there is a longest one");
	was = *drive_totals(d);
	ok(!drive_run(d, next, &f, 7) && f.left == 3 && ended(DRIVE_END_STACK) == 7,
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
		int prog = xdp_says(rows[i].verdict), link = link_at(BPF_XDP, prog, 0);

		snprintf(name, sizeof(name), "XDP verdict %d", rows[i].verdict);
		ends(name, rows[i].e);
		if (rows[i].verdict == XDP_TX)
			ok(last.way == DRIVE_BY_TX && last.ifindex == LO && last.len == 60, "sent back");
		link_end(link);
		close(prog);
	}
	ends("detached", DRIVE_END_STACK);
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
		u8 mark = packet[14];

		for (int n = 2; n >= 0; n--) { /* the later is put before */
			int prog = tc_marks(n + 1, rows[i].verdict[n]);

			link[n] = link_at(BPF_TCX_INGRESS, prog, n == 2 ? 0 : BPF_F_BEFORE);
			close(prog);
		}
		for (u32 n = 0; n < rows[i].ran; n++)
			mark = (u8)(mark * 3 + n + 1);
		feed(60, 1);
		ok(ended(rows[i].e) == 1, "chain %d %d %d", rows[i].verdict[0], rows[i].verdict[1],
		   rows[i].verdict[2]);
		if (rows[i].e == DRIVE_END_STACK)
			ok(last.data[14] == mark, "%u ran, in order: %u, wanted %u", rows[i].ran,
			   last.data[14], mark);
		for (int n = 0; n < 3; n++)
			link_end(link[n]);
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
	x = xdp();
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
	t = tc();
	lx = link_at(BPF_XDP, x, 0);
	lt = link_at(BPF_TCX_INGRESS, t, 0);
	ends("with meta data", DRIVE_END_STACK);
	ok(last.len == 60 && last.data[19] == 0x5c, "tc has what XDP put before the packet: %x",
	   last.data[19]);
	link_end(lx);
	link_end(lt);
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
		emit(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1, 0);
		MOVI(0, XDP_TX);
		EXIT();
		prog = xdp();
		link = link_at(BPF_XDP, prog, 0);
		feed(rows[i].in, 1);
		ok(ended(rows[i].ret ? DRIVE_END_TX : DRIVE_END_STACK) == 1 && last.len == rows[i].len,
		   "adjust by %d: %u bytes, wanted %u", rows[i].by, last.len, rows[i].len);
		link_end(link);
		close(prog);
	}
}

/* Longer than a page: only for programs that take fragments. */
static void fragments(void)
{
	union bpf_attr_new a;
	int prog = xdp_says(XDP_PASS), link = link_at(BPF_XDP, prog, 0), t = tc_marks(1, 0), lt;
	u8 mark = (u8)(packet[14] * 3 + 1);

	feed(3521, 1);
	ok(ended(DRIVE_END_SIZE) == 1, "too long for a program without fragments");
	feed(3520, 1);
	ok(ended(DRIVE_END_STACK) == 1 && last.len == 3520, "the longest that fits");
	link_end(link);
	close(prog);
	MOVI(0, XDP_PASS);
	EXIT();
	memset(&a, 0, sizeof(a));
	a.prog_load.prog_type = BPF_PROG_TYPE_XDP;
	a.prog_load.insns = ptr_to_u64(code);
	a.prog_load.insn_cnt = cnt;
	a.prog_load.license = ptr_to_u64("GPL");
	a.prog_load.prog_flags = BPF_F_XDP_HAS_FRAGS;
	prog = (int)self_bpf(BPF_PROG_LOAD, &a, sizeof(a));
	cnt = 0;
	link = link_at(BPF_XDP, prog, 0);
	feed(70000, 1);
	ok(ended(DRIVE_END_STACK) == 1 && last.len == 70000 && !memcmp(last.data, packet, 70000),
	   "70000 bytes for one with: all of them come out");
	lt = link_at(BPF_TCX_INGRESS, t, 0);
	feed(70000, 1);
	ok(last.len == 70000 && last.data[14] == mark && !memcmp(last.data + 15, packet + 15, 69985),
	   "and through tc, in one piece");
	link_end(link);
	link_end(lt);
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
		{ "XDP to a loopback device", 0, BPF_FUNC_redirect, LOOP, 0, 60, DRIVE_END_FAILED, 0 },
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
		int prog = calls(rows[i].tc ? tc : xdp, rows[i].helper, rows[i].to, rows[i].flags);
		int link = link_at(rows[i].tc ? BPF_TCX_INGRESS : BPF_XDP, prog, 0);

		feed(rows[i].len, 1);
		ok(ended(rows[i].e) == 1, "%s: %llu of 1", rows[i].name,
		   (unsigned long long)ended(rows[i].e));
		if (rows[i].way || rows[i].e == DRIVE_END_STACK)
			ok(last.times == 1 && last.way == rows[i].way && last.ifindex == (u32)rows[i].to &&
				   last.len == rows[i].len,
			   "and comes out there");
		else
			ok(!last.times, "and comes out nowhere");
		link_end(link);
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
	ld_imm64(1, BPF_PSEUDO_MAP_FD, map, 0);
	MOVI(2, 0);
	MOVI(3, flags);
	CALL(BPF_FUNC_redirect_map);
	EXIT();
	return xdp();
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
	return load(BPF_PROG_TYPE_XDP, attach);
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
	int map = map_new(BPF_MAP_TYPE_DEVMAP, 8, 4, 0), prog, link, err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int p = slot_prog(BPF_XDP_DEVMAP, 20, rows[i].verdict); /* egress_ifindex */

		err |= slot_set(map, 0, LO, p);
		close(p);
		prog = to_map(map, 0);
		link = link_at(BPF_XDP, prog, 0);
		ends("the program of a device's slot", rows[i].e);
		if (rows[i].verdict == XDP_PASS)
			ok(last.times == 1 && last.way == DRIVE_BY_XDP && last.data[19] == LO,
			   "knows where the frame goes, and it goes: %u", last.data[19]);
		else
			ok(!last.times, "verdict %d sends nothing", rows[i].verdict);
		link_end(link);
		close(prog);
	}
	prog = slot_prog(BPF_XDP_DEVMAP, 20, XDP_PASS);
	err |= slot_set(map, 0, LO, prog) | slot_set(map, 2, LO, -1);
	close(prog);
	ok(!err, "slots are filled");
	prog = to_map(map, BPF_F_BROADCAST);
	link = link_at(BPF_XDP, prog, 0);
	ends("to all devices of a map", DRIVE_END_REDIRECT);
	ok(last.times == 2 && last.data[19] == packet[19],
	   "two copies, and the second is as the frame was: %u", last.data[19]);
	link_end(link);
	close(prog);
	prog = to_map(map, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	link = link_at(BPF_XDP, prog, 0);
	ends("but not to where it came from", DRIVE_END_FAILED);
	ok(!last.times, "which is all of them");
	link_end(link);
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
	int map = map_new(BPF_MAP_TYPE_CPUMAP, 8, 1, 0), t = tc_marks(1, 0),
	    lt = link_at(BPF_TCX_INGRESS, t, 0), err = 0;
	u8 mark = (u8)(packet[14] * 3 + 1);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int p = slot_prog(BPF_XDP_CPUMAP, 12, rows[i].verdict), prog, link; /* ingress_ifindex */

		err |= slot_set(map, 0, 64, p);
		close(p);
		prog = to_map(map, 0);
		link = link_at(BPF_XDP, prog, 0);
		ends("the program of a CPU's slot", rows[i].e);
		if (rows[i].verdict == XDP_PASS)
			ok(last.data[19] == LO && last.data[14] == mark, "and tc is behind it");
		link_end(link);
		close(prog);
	}
	ok(!err && drive_totals(d)->to_cpu == ARRAY_SIZE(rows), "slots are filled, and frames sent to CPUs");
	link_end(lt);
	close(t);
	close(map);
}

static void loops(void)
{
	int prog = calls(tc, BPF_FUNC_redirect, LO, 0), in = link_at(BPF_TCX_INGRESS, prog, 0),
	    eg = link_at(BPF_TCX_EGRESS, prog, 0);

	ends("from egress to egress for ever", DRIVE_END_LOOP);
	link_end(eg);
	ends("only once", DRIVE_END_REDIRECT);
	link_end(in);
	close(prog);
	prog = calls(tc, BPF_FUNC_redirect, LO, BPF_F_INGRESS);
	in = link_at(BPF_TCX_INGRESS, prog, 0);
	ends("into the same device for ever", DRIVE_END_LOOP);
	link_end(in);
	close(prog);
	prog = tc_says(2);
	eg = link_at(BPF_TCX_EGRESS, prog, 0);
	close(prog);
	prog = calls(tc, BPF_FUNC_redirect, LO, 0);
	in = link_at(BPF_TCX_INGRESS, prog, 0);
	ends("dropped on its way out", DRIVE_END_DROP);
	link_end(in);
	link_end(eg);
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
	first = tc();
	second = tc_says(7);
	l1 = link_at(BPF_TCX_INGRESS, first, 0);
	l2 = link_at(BPF_TCX_INGRESS, second, 0);
	ends("what one notes another sends", DRIVE_END_REDIRECT);
	link_end(l1);
	ends("but not for the next frame", DRIVE_END_FAILED);
	link_end(l2);
	close(first);
	close(second);
}

static void tail_call(void)
{
	int map = map_new(BPF_MAP_TYPE_PROG_ARRAY, 4, 1, 0), prog, link, to = xdp_says(XDP_DROP);
	union bpf_attr a;
	u32 key = 0;

	ld_imm64(2, BPF_PSEUDO_MAP_FD, map, 0);
	MOVI(3, 0);
	CALL(BPF_FUNC_tail_call);
	MOVI(0, XDP_TX);
	EXIT();
	prog = xdp();
	link = link_at(BPF_XDP, prog, 0);
	ends("a tail call to nothing", DRIVE_END_TX);
	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)map;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(&to);
	ok(!self_bpf(BPF_MAP_UPDATE_ELEM, &a, sizeof(a)), "the slot is filled");
	ends("a tail call", DRIVE_END_DROP);
	link_end(link);
	close(prog);
	close(to);
	close(map);
}

/* Somebody cuts off the file of a map: the program faults, the frame is over, the next one is driven. */
static void faults(void)
{
	int map = map_new(BPF_MAP_TYPE_ARRAY, 8192, 1, BPF_F_MMAPABLE), prog, link;
	const struct drive_count *c;
	char path[600];
	u32 n;

	ld_imm64(1, BPF_PSEUDO_MAP_VALUE, map, 8000);
	MOVI(0, XDP_DROP);
	MOVI(2, 1);
	emit(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
	EXIT();
	prog = xdp();
	link = link_at(BPF_XDP, prog, 0);
	ends("before the damage", DRIVE_END_DROP);
	snprintf(path, sizeof(path), "%s/bpf-map/%u", the_store.path, id_of(map));
	ok(!truncate(path, 0), "%s is cut off", path);
	ok(!feed(60, 1000) && ended(DRIVE_END_ABORTED) == 1000, "each frame is aborted: %llu",
	   (unsigned long long)ended(DRIVE_END_ABORTED));
	c = drive_counts(d, &n);
	for (u32 i = 0; i < n; i++)
		if (c[i].prog_id == id_of(prog))
			ok(c[i].faults == 1000 && c[i].runs == 1001, "and counted: %llu",
			   (unsigned long long)c[i].faults);
	link_end(link);
	ends("without it all is well again", DRIVE_END_STACK);
	close(prog);
	close(map);
}

static void counted_runs(void)
{
	union bpf_attr a;
	u8 info[256] = { 0 };
	int prog = xdp_says(XDP_PASS), link = link_at(BPF_XDP, prog, 0), stats;
	u64 runs;

	feed(60, 10);
	memset(&a, 0, sizeof(a));
	stats = (int)self_bpf(BPF_ENABLE_STATS, &a, sizeof(a));
	feed(60, 77);
	close(stats);
	feed(60, 10);
	a.info.bpf_fd = (u32)prog;
	a.info.info_len = sizeof(info);
	a.info.info = ptr_to_u64(info);
	self_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a));
	memcpy(&runs, info + 200, 8);
	ok(stats >= 0 && runs == 77, "runs are counted while somebody wants it: %llu",
	   (unsigned long long)runs);
	link_end(link);
	close(prog);
}

/* ---- changes meanwhile ---- */

static volatile sig_atomic_t over;

static void stop(int sig)
{
	over = 1;
}

/* What a process does until it is told to stop, over and over. */
static pid_t meanwhile(void (*fn)(const int *fd), const int *fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGTERM, stop);
	while (!over)
		fn(fd);
	_exit(0);
}

static void swap(const int *fd)
{
	static int n;

	if (link_update(fd[0], fd[1 + ++n % 2]))
		_exit(1);
}

static void come_and_go(const int *fd)
{
	int link = link_at(BPF_TCX_INGRESS, fd[0], BPF_F_BEFORE);

	if (link < 0)
		_exit(-link);
	link_end(link);
}

static bool ended_well(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		diag("it ended with status %x", status);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static int counter(int map, int at, int (*kind)(void), int verdict)
{
	count_in(map, at);
	MOVI(0, verdict);
	EXIT();
	return kind();
}

/* Frames until both versions have seen some, but no fewer than n. */
static u64 feed_both(int map, u64 n)
{
	u64 fed = 0, seen[2];

	for (int i = 0; i < 2000; i++) {
		if (feed(60, n))
			return 0;
		fed += n;
		map_get(map, seen);
		if (seen[0] && seen[1])
			break;
	}
	return fed;
}

static void updates(void)
{
	int map = map_new(BPF_MAP_TYPE_ARRAY, 16, 1, 0);
	int fd[3] = { -1, counter(map, 0, xdp, XDP_DROP), counter(map, 1, xdp, XDP_DROP) };
	u64 seen[2], lists = drive_totals(d)->lists, fed;
	pid_t pid;

	fd[0] = link_at(BPF_XDP, fd[1], 0);
	pid = meanwhile(swap, fd);
	fed = feed_both(map, (u64)test_scale(2000000));
	ok(ended_well(pid), "LINK_UPDATE worked all the while");
	map_get(map, seen);
	ok(fed && seen[0] + seen[1] == fed, "each of %llu frames was seen by one version: %llu + %llu",
	   (unsigned long long)fed, (unsigned long long)seen[0], (unsigned long long)seen[1]);
	ok(seen[0] && seen[1], "by both versions");
	diag("%llu lists were taken", (unsigned long long)(drive_totals(d)->lists - lists));
	link_end(fd[0]);
	for (int i = 1; i < 3; i++)
		close(fd[i]);
	close(map);
}

/* One stays, one comes and goes: the one that stays sees every frame. */
static void attaches(void)
{
	int map = map_new(BPF_MAP_TYPE_ARRAY, 16, 1, 0);
	int fd[2] = { counter(map, 1, tc, -1), counter(map, 0, tc, 0) };
	int link = link_at(BPF_TCX_INGRESS, fd[1], 0);
	pid_t pid = meanwhile(come_and_go, fd);
	u64 seen[2], fed = feed_both(map, (u64)test_scale(2000000));

	ok(ended_well(pid), "links came and went all the while");
	map_get(map, seen);
	ok(fed && seen[0] == fed, "the one that stays has seen all %llu: %llu", (unsigned long long)fed,
	   (unsigned long long)seen[0]);
	ok(seen[1] && seen[1] < fed, "the other one some: %llu", (unsigned long long)seen[1]);
	link_end(link);
	close(fd[0]);
	close(fd[1]);
	ends("when all are gone", DRIVE_END_STACK);
	close(map);
}

int main(void)
{
	if (!ok(!self_open("drive"), "a store"))
		return done();
	frame_reset();
	if (!ok(!start(true), "a driver"))
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
	faults();
	counted_runs();
	drive_close(d);
	if (!ok(!start(false), "a driver that hands nothing out"))
		return done();
	updates();
	attaches();
	drive_close(d);
	return done();
}
