// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames, programs and links for tests of the driver: see drivetest.h.
 */
#include "tests/lib/drivetest.h"
#include <fcntl.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include "store/store.h"
#include "sys/uapi_new.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/netns.h"
#include "util/uapi.h"

/* ---- programs ---- */

static struct bpf_insn code[64];
static u32 cnt;

void dt_emit(int c, int dst, int src, int off, int imm)
{
	code[cnt++] = (struct bpf_insn){ .code = (u8)c,
					 .dst_reg = (u8)(dst & 15),
					 .src_reg = (u8)(src & 15),
					 .off = (s16)off,
					 .imm = imm };
}

void dt_ld_imm64(int dst, int src, int lo, int hi)
{
	dt_emit(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, lo);
	dt_emit(0, 0, 0, 0, hi);
}

/* Adds one to the 64-bit word `at` of an array map's first value. */
void dt_count_in(int map, int at)
{
	dt_ld_imm64(1, BPF_PSEUDO_MAP_VALUE, map, at * 8);
	MOVI(2, 1);
	dt_emit(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
}

int dt_load_flags(u32 type, u32 attach, u32 flags)
{
	union bpf_attr_new a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_load.prog_type = type;
	a.prog_load.expected_attach_type = attach;
	a.prog_load.prog_flags = flags;
	a.prog_load.insns = ptr_to_u64(code);
	a.prog_load.insn_cnt = cnt;
	a.prog_load.license = ptr_to_u64("GPL");
	fd = (int)self_bpf(BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		diag("PROG_LOAD: %d", fd);
	cnt = 0;
	return fd;
}

int dt_load(u32 type, u32 attach)
{
	return dt_load_flags(type, attach, 0);
}

int dt_xdp(void)
{
	return dt_load(BPF_PROG_TYPE_XDP, 0);
}

int dt_tc(void)
{
	return dt_load(BPF_PROG_TYPE_SCHED_CLS, 0);
}

int dt_xdp_says(int verdict)
{
	MOVI(0, verdict);
	EXIT();
	return dt_xdp();
}

int dt_tc_says(int verdict)
{
	MOVI(0, verdict);
	EXIT();
	return dt_tc();
}

/* Calls a helper of (r1 = a, r2 = b) and returns what that says. */
int dt_calls(int (*kind)(void), int helper, int a, int b)
{
	MOVI(1, a);
	MOVI(2, b);
	CALL(helper);
	EXIT();
	return kind();
}

/* The byte behind the header becomes 3 * byte + id. */
int dt_tc_marks(int id, int verdict)
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
	return dt_tc();
}

int dt_map_new(u32 type, u32 value, u32 entries, u32 flags)
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

void dt_map_get(int map, void *value)
{
	union bpf_attr a;
	u32 key = 0;

	memset(&a, 0, sizeof(a));
	a.map_fd = (u32)map;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(value);
	self_bpf(BPF_MAP_LOOKUP_ELEM, &a, sizeof(a));
}

u32 dt_id_of(int fd)
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

int dt_link_at(u32 type, int prog, u32 flags)
{
	union bpf_attr_new a;

	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (u32)prog;
	a.link_create.target_fd = LO;
	a.link_create.attach_type = type;
	a.link_create.flags = flags;
	return (int)self_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

int dt_link_update(int link, int prog)
{
	union bpf_attr_new a;

	memset(&a, 0, sizeof(a));
	a.link_update.link_fd = (u32)link;
	a.link_update.new_prog_fd = (u32)prog;
	return (int)self_bpf(BPF_LINK_UPDATE, &a, sizeof(a));
}

void dt_link_end(int link)
{
	u32 fd = (u32)link;

	self_bpf(BPF_LINK_DETACH, &fd, sizeof(fd));
	close(link);
}

/* ---- frames ---- */

struct dt_last dt_last;

static void out(void *arg, enum drive_way way, u32 ifindex, const u8 *data, u32 len)
{
	dt_last.times++;
	dt_last.way = way;
	dt_last.ifindex = ifindex;
	dt_last.len = len;
	memcpy(dt_last.data, data, MIN(len, sizeof(dt_last.data)));
}

int dt_device(void *arg, u32 ifindex, struct drive_device *to)
{
	*to = (struct drive_device){ .up = ifindex != DOWN,
				     .mtu = ifindex == SMALL ? 100 : 1500,
				     .loopback = ifindex == LOOP,
				     .has_peer = ifindex == PEER,
				     .mac = { 2, 0, 0, 0, 0, 1 } };
	return ifindex == LO || (ifindex >= PLAIN && ifindex <= PEER) ? 0 : -ENODEV;
}

bool dt_next(void *arg, const u8 **data, u32 *len)
{
	struct dt_frames *f = arg;

	*data = f->data;
	*len = f->len;
	return f->left && f->left--;
}

u8 dt_packet[DT_LEN];
struct drive *dt;
struct drive_totals dt_was;

int dt_feed(u32 len, u64 n)
{
	struct dt_frames f = { dt_packet, len, n };

	dt_was = *drive_totals(dt);
	memset(&dt_last, 0, sizeof(dt_last));
	return drive_run(dt, dt_next, &f, 0);
}

u64 dt_ended(enum drive_end e)
{
	return drive_totals(dt)->end[e] - dt_was.end[e];
}

void dt_frame_reset(void)
{
	for (u32 i = 0; i < sizeof(dt_packet); i++)
		dt_packet[i] = (u8)(i * 7 + 1);
	memcpy(dt_packet, "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5", 14);
}

/* One frame of 60 bytes ends as said. */
void dt_ends(const char *name, enum drive_end e)
{
	int err = dt_feed(60, 1);

	ok(!err && dt_ended(e) == 1, "%s: end %u is %llu of 1 (%d)", name, e, (unsigned long long)dt_ended(e),
	   err);
}

int dt_start(bool outs)
{
	struct drive_env env = { .device = dt_device, .out = outs ? out : NULL };
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	env.netns = netns_of(fd);
	close(fd);
	dt = drive_open(LO, &env);
	return IS_ERR(dt) ? (int)PTR_ERR(dt) : 0;
}
