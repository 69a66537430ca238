// SPDX-License-Identifier: BSD-2-Clause
/*
 * For tests of the driver of packets: programs of a few instructions, links to
 * the loopback device, which every machine has, and frames through a driver
 * that is told of devices which only the test knows.
 *
 * Instructions are gathered (dt_emit and its short forms) until a program is loaded of them.
 */
#ifndef PINFS_TESTS_DRIVETEST_H
#define PINFS_TESTS_DRIVETEST_H

#include <linux/bpf.h>
#include "sys/drive.h"

#define DT_LEN 80000u
#define LO     1u
/* Devices that are not there: an ordinary one, one that is down, with an MTU of 100, a loopback device, an
 * end of a pair. */
enum { PLAIN = 1001, DOWN, SMALL, LOOP, PEER };

#define MOVI(d, v)     dt_emit(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, v)
#define MOV(d, s)      dt_emit(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALUI(op, d, v) dt_emit(BPF_ALU64 | (op) | BPF_K, d, 0, 0, v)
#define LD32(d, s, o)  dt_emit(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define LD8(d, s, o)   dt_emit(BPF_LDX | BPF_MEM | BPF_B, d, s, o, 0)
#define ST8(d, s, o)   dt_emit(BPF_STX | BPF_MEM | BPF_B, d, s, o, 0)
#define ST32(d, s, o)  dt_emit(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define JGT(d, s, o)   dt_emit(BPF_JMP | BPF_JGT | BPF_X, d, s, o, 0)
#define CALL(f)        dt_emit(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT()         dt_emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define SKB_DATA       76
#define SKB_END        80
#define SKB_META       140

void dt_emit(int c, int dst, int src, int off, int imm);
void dt_ld_imm64(int dst, int src, int lo, int hi);
/* Adds one to the 64-bit word `at` of an array map's first value. */
void dt_count_in(int map, int at);
/* Loads what was emitted: an fd, or a negative errno. */
int dt_load_flags(u32 type, u32 attach, u32 flags);
int dt_load(u32 type, u32 attach);
/* ... as a program of XDP, of tc: an fd. */
int dt_xdp(void);
int dt_tc(void);
/* Programs that return a verdict; that return what a helper says to (a, b); that make 3 * byte + id of the
 * byte behind the Ethernet header. */
int dt_xdp_says(int verdict);
int dt_tc_says(int verdict);
int dt_calls(int (*kind)(void), int helper, int a, int b);
int dt_tc_marks(int id, int verdict);
int dt_map_new(u32 type, u32 value, u32 entries, u32 flags);
void dt_map_get(int map, void *value);
u32 dt_id_of(int fd);
/* At the loopback device. */
int dt_link_at(u32 type, int prog, u32 flags);
int dt_link_update(int link, int prog);
void dt_link_end(int link);
/* For drive_env. */
int dt_device(void *arg, u32 ifindex, struct drive_device *to);
/* For drive_run: arg is a struct dt_frames. */
bool dt_next(void *arg, const u8 **data, u32 *len);
/* n frames of dt_packet: what drive_run says. */
int dt_feed(u32 len, u64 n);
/* How many of the last dt_feed ended so. */
u64 dt_ended(enum drive_end e);
void dt_frame_reset(void);
/* A check: one frame of 60 bytes ends so. */
void dt_ends(const char *name, enum drive_end e);
/* Makes dt; outs: dt_last is filled. 0 or -errno. */
int dt_start(bool outs);

extern struct drive *dt;
extern u8 dt_packet[DT_LEN];       /* what is fed */
extern struct drive_totals dt_was; /* before it was */
extern struct dt_last {            /* what came out of it last */
	u8 data[DT_LEN];
	u32 len, ifindex, times;
	enum drive_way way;
} dt_last;

struct dt_frames {
	const u8 *data;
	u32 len;
	u64 left;
};

#endif
