// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verifier rows: one helper after the other, with what is right for it and what is nearly right.
 *
 * See verifier_rows.h. The number of a helper stands in its rows' names.
 */
#include "verifier_rows.h"

#define STK(reg, off) #reg " = r10; " #reg " += -" #off "; "
#define ZERO          "*(u64 *)(r10 - 8) = 0; *(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 24) = 0; "
#define NONE          "none: r0 = 0; exit"
#define XPKT          "r7 = *(u32 *)(r1 + 0); r8 = *(u32 *)(r1 + 4); r9 = r7; r9 += 32; if r9 > r8 goto none; "
#define DYN           "r1 = value one; r2 = 64; r3 = 0; " STK(r4, 16) "call 197; "
#define MAIN          "main=g(c) "

static const struct vrow rows[] = {
	/* without arguments */
	ACCEPT(SOCK, "5 ktime_get_ns", "call 5; " RET0),
	ACCEPT(SOCK, "7 get_prandom_u32", "call 7; " RET0),
	ACCEPT(SOCK, "8 get_smp_processor_id", "call 8; " RET0),
	ACCEPT(SOCK, "42 get_numa_node_id", "call 42; " RET0),
	ACCEPT(SOCK, "118 jiffies64", "call 118; " RET0),
	ACCEPT(SOCK, "125 ktime_get_boot_ns", "call 125; " RET0),
	ACCEPT(SOCK, "160 ktime_get_coarse_ns", "call 160; " RET0),
	ACCEPT(SOCK, "208 ktime_get_tai_ns", "call 208; " RET0),
	ACCEPT(KP, "14 get_current_pid_tgid", "call 14; " RET0),
	ACCEPT(KP, "15 get_current_uid_gid", "call 15; " RET0),
	ACCEPT(KP, "35 get_current_task", "call 35; " RET0),
	REFUSE(KP, EACCES, "35 get_current_task, read as memory", "call 35; r0 = *(u64 *)(r0 + 0); " RET0),
	ACCEPT(SOCK, "7 its result, cut, as an index",
	       "call 7; r1 = value one; r0 &= 63; r1 += r0; r0 = *(u8 *)(r1 + 0); exit"),
	REFUSE(SOCK, EINVAL, "7 its result as an index",
	       "call 7; r1 = value one; r1 += r0; r0 = *(u8 *)(r1 + 0); exit"),
	/* skb: 9 store_bytes 10 l3_csum_replace 11 l4_csum_replace 26 load_bytes 40 csum_update 68
	   load_bytes_relative */
	ACCEPT(TC, "9 skb_store_bytes", ZERO "r2 = 0; " STK(r3, 8) "r4 = 8; r5 = 0; call 9; " RET0),
	REFUSE(TC, EINVAL, "9 skb_store_bytes, 32 of 24",
	       ZERO "r2 = 0; " STK(r3, 24) "r4 = 32; r5 = 0; call 9; " RET0),
	REFUSE(SOCK, EINVAL, "9 skb_store_bytes in a socket filter",
	       ZERO "r2 = 0; " STK(r3, 8) "r4 = 8; r5 = 0; call 9; " RET0),
	REFUSE(TC, EACCES, "9 skb_store_bytes without flags",
	       ZERO "r2 = 0; " STK(r3, 8) "r4 = 8; call 9; " RET0),
	ACCEPT(TC, "10 l3_csum_replace", "r2 = 24; r3 = 0; r4 = 1; r5 = 2; call 10; " RET0),
	ACCEPT(TC, "11 l4_csum_replace", "r2 = 36; r3 = 0; r4 = 1; r5 = 2; call 11; " RET0),
	REFUSE(TC, EACCES, "11 l4_csum_replace, number for the context",
	       "r1 = 1; r2 = 36; r3 = 0; r4 = 1; r5 = 2; call 11; " RET0),
	ACCEPT(TC, "18 skb_vlan_push", "r2 = 129; r3 = 5; call 18; " RET0),
	ACCEPT(TC, "19 skb_vlan_pop", "call 19; " RET0),
	ACCEPT(TC, "23 redirect", "r1 = 1; r2 = 0; call 23; exit"),
	ACCEPT(XDP, "23 redirect in xdp", "r1 = 1; r2 = 0; call 23; exit"),
	REFUSE(SOCK, EINVAL, "23 redirect in a socket filter", "r1 = 1; r2 = 0; call 23; exit"),
	ACCEPT(TC, "13 clone_redirect", "r2 = 1; r3 = 0; call 13; " RET0),
	ACCEPT(TC, "34 get_hash_recalc", "call 34; " RET0),
	ACCEPT(TC, "39 skb_pull_data", "r2 = 34; call 39; " RET0),
	ACCEPT(TC, "40 csum_update", "r2 = 1; call 40; " RET0),
	ACCEPT(TC, "43 skb_change_head", "r2 = 8; r3 = 0; call 43; " RET0),
	ACCEPT(TC, "50 skb_adjust_room", "r2 = 8; r3 = 0; r4 = 0; call 50; " RET0),
	ACCEPT(TC, "31 skb_change_proto", "r2 = 8; r3 = 0; call 31; " RET0),
	ACCEPT(TC, "68 skb_load_bytes_relative", "r2 = 0; " STK(r3, 8) "r4 = 8; r5 = 1; call 68; " RET0),
	ACCEPT(SOCK, "46 get_socket_cookie", "call 46; " RET0),
	ACCEPT(SOCK, "47 get_socket_uid", "call 47; " RET0),
	REFUSE(SOCK, EACCES, "46 get_socket_cookie of a number", "r1 = 1; call 46; " RET0),
	/* xdp: 44 adjust_head 54 adjust_meta 65 adjust_tail 51 redirect_map 69 fib_lookup 188.. load/store
	   bytes */
	ACCEPT(XDP, "44 xdp_adjust_head", "r2 = -8; call 44; " RET0),
	REFUSE(XDP, EACCES, "44 xdp_adjust_head without a delta", "call 44; " RET0),
	ACCEPT(XDP, "54 xdp_adjust_meta", "r2 = -8; call 54; " RET0),
	ACCEPT(XDP, "65 xdp_adjust_tail", "r2 = -8; call 65; " RET0),
	ACCEPT(XDP, "188 xdp_get_buff_len", "call 188; " RET0),
	ACCEPT(XDP, "189 xdp_load_bytes", "r2 = 0; " STK(r3, 8) "r4 = 8; call 189; " RET0),
	REFUSE(XDP, EINVAL, "189 xdp_load_bytes, 16 into 8",
	       "r2 = 0; " STK(r3, 8) "r4 = 16; call 189; " RET0),
	REFUSE(XDP, EACCES, "189 xdp_load_bytes into a read-only value",
	       "r2 = 0; r3 = value ro; r4 = 16; call 189; " RET0),
	ACCEPT(XDP, "190 xdp_store_bytes", ZERO "r2 = 0; " STK(r3, 8) "r4 = 8; call 190; " RET0),
	ACCEPT(XDP, "190 xdp_store_bytes from a read-only value",
	       "r2 = 0; r3 = value ro; r4 = 8; call 190; " RET0),
	ACCEPT(XDP, "190 xdp_store_bytes, then the packet",
	       XPKT ZERO "r2 = 0; " STK(r3, 8) "r4 = 8; call 190; r0 = *(u8 *)(r7 + 0); " NONE),
	REFUSE(XDP, EINVAL, "51 redirect_map of a hash", "r1 = map hash; r2 = 0; r3 = 0; call 51; exit"),
	ACCEPT(XDP, "28 csum_diff of the packet",
	       XPKT "r1 = r7; r2 = 32; r3 = 0; r4 = 0; r5 = 0; call 28; " NONE),
	REFUSE(XDP, EACCES, "28 csum_diff of the packet, too long",
	       XPKT "r1 = r7; r2 = 36; r3 = 0; r4 = 0; r5 = 0; call 28; " NONE),
	ACCEPT(XDP, "2 map_update_elem from the packet",
	       XPKT "r1 = map hash; r2 = r7; r3 = value one; r4 = 0; call 2; " NONE),
	REFUSE(XDP, EACCES, "2 map_update_elem, value of the packet too short",
	       XPKT "r1 = map hash; r2 = r7; r3 = r7; r4 = 0; call 2; " NONE),
	ACCEPT(XDP, "25 perf_event_output",
	       ZERO "r2 = map perf; r3 = -1; " STK(r4, 8) "r5 = 8; call 25; " RET0),
	REFUSE(XDP, EACCES, "25 perf_event_output of a number",
	       ZERO "r1 = 0; r2 = map perf; r3 = -1; " STK(r4, 8) "r5 = 8; call 25; " RET0),
	REFUSE(XDP, EACCES, "25 perf_event_output of the packet",
	       XPKT "r2 = map perf; r3 = -1; r4 = r7; r5 = 32; call 25; " NONE),
	/* maps: 195 map_lookup_percpu_elem */
	ACCEPT(SOCK, "195 map_lookup_percpu_elem",
	       ZERO "r1 = map percpu; " STK(
		       r2, 8) "r3 = 0; call 195; if r0 == 0 goto none; r0 = *(u64 *)(r0 + 56); " NONE),
	REFUSE(SOCK, EACCES, "195 map_lookup_percpu_elem, not checked",
	       ZERO "r1 = map percpu; " STK(r2, 8) "r3 = 0; call 195; r0 = *(u64 *)(r0 + 56); " NONE),
	REFUSE(SOCK, EINVAL, "195 map_lookup_percpu_elem of an array",
	       ZERO "r1 = map array; " STK(r2, 8) "r3 = 0; call 195; " RET0),
	ACCEPT(SOCK, "195 map_lookup_percpu_elem of a per-CPU hash",
	       ZERO "r1 = map pchash; " STK(
		       r2, 8) "r3 = 0; call 195; if r0 == 0 goto none; *(u64 *)(r0 + 0) = 1; " NONE),
	/* probe_read: 4 old, 112 user 113 kernel 114 user_str 115 kernel_str 45 str */
	ACCEPT(KP, "4 probe_read", STK(r1, 8) "r2 = 8; r3 = 0; call 4; " RET0),
	ACCEPT(KP, "112 probe_read_user",
	       STK(r1, 8) "r2 = 8; r3 = 0; call 112; r0 = *(u64 *)(r10 - 8); " RET0),
	ACCEPT(KP, "114 probe_read_user_str", STK(r1, 8) "r2 = 8; r3 = 0; call 114; " RET0),
	ACCEPT(KP, "114 probe_read_user_str, its length as an index",
	       "r1 = value one; r2 = 32; r3 = 0; call 114; if r0 s< 0 goto none; r1 = value one; if r0 > 63 "
	       "goto none; r1 += r0; *(u8 *)(r1 + 0) = 0; " NONE),
	REFUSE(KP, EACCES, "112 probe_read_user into the context", "r2 = 8; r3 = 0; call 112; " RET0),
	REFUSE(SOCK, EINVAL, "112 probe_read_user, 9 into 8", STK(r1, 8) "r2 = 9; r3 = 0; call 112; " RET0),
	REFUSE(SOCK, EINVAL, "36 probe_write_user in a socket filter",
	       ZERO "r1 = 0; " STK(r2, 8) "r3 = 8; call 36; " RET0),
	/* text: 105 strtol 106 strtoul 165 snprintf 182 strncmp 177 trace_vprintk */
	ACCEPT(SOCK, "105 strtol", ZERO STK(r1, 8) "r2 = 8; r3 = 0; " STK(r4, 16) "call 105; " RET0),
	REFUSE(SOCK, EINVAL, "105 strtol, result over the top",
	       ZERO STK(r1, 8) "r2 = 8; r3 = 0; " STK(r4, 4) "call 105; " RET0),
	REFUSE(SOCK, EACCES, "105 strtol, result into a read-only value",
	       ZERO STK(r1, 8) "r2 = 8; r3 = 0; r4 = value ro; call 105; " RET0),
	REFUSE(SOCK, EACCES, "105 strtol, result misaligned",
	       ZERO STK(r1, 8) "r2 = 8; r3 = 0; " STK(r4, 20) "call 105; " RET0),
	ACCEPT(SOCK, "106 strtoul",
	       ZERO STK(r1, 8) "r2 = 8; r3 = 10; " STK(r4, 16) "call 106; r0 = *(u64 *)(r10 - 16); exit"),
	ACCEPT(SOCK, "182 strncmp", ZERO STK(r1, 8) "r2 = 8; r3 = value frozen; call 182; " RET0),
	REFUSE(SOCK, EACCES, "182 strncmp with a writable string",
	       ZERO STK(r1, 8) "r2 = 8; r3 = value one; call 182; " RET0),
	REFUSE(SOCK, EACCES, "182 strncmp with the stack",
	       ZERO STK(r1, 8) "r2 = 8; " STK(r3, 16) "call 182; " RET0),
	REFUSE(SOCK, EINVAL, "165 snprintf, a control character in the format",
	       ZERO STK(r1, 24) "r2 = 8; r3 = value frozen; r4 = 0; r5 = 0; call 165; " RET0),
	ACCEPT(SOCK, "165 snprintf, an empty format",
	       ZERO STK(r1, 24) "r2 = 8; r3 = value frozen + 32; r4 = 0; r5 = 0; call 165; " RET0),
	REFUSE(SOCK, EACCES, "165 snprintf, format not constant",
	       ZERO STK(r1, 24) "r2 = 8; r3 = value ro; r4 = 0; r5 = 0; call 165; " RET0),
	ACCEPT(SOCK, "177 trace_vprintk", ZERO "r1 = value frozen; r2 = 8; r3 = 0; r4 = 0; call 177; " RET0),
	ACCEPT(SOCK, "177 trace_vprintk with data",
	       ZERO "r1 = value frozen; r2 = 8; " STK(r3, 8) "r4 = 8; call 177; " RET0),
	/* dynptr: 197 from_mem 201 read 202 write 203 data */
	ACCEPT(SOCK, "197 dynptr_from_mem", DYN RET0),
	REFUSE(SOCK, EACCES, "197 dynptr_from_mem, too long",
	       "r1 = value one; r2 = 65; r3 = 0; " STK(r4, 16) "call 197; " RET0),
	REFUSE(SOCK, EACCES, "197 dynptr_from_mem of the stack",
	       ZERO STK(r1, 24) "r2 = 8; r3 = 0; " STK(r4, 16) "call 197; " RET0),
	REFUSE(SOCK, EINVAL, "197 dynptr_from_mem, over the top",
	       "r1 = value one; r2 = 64; r3 = 0; " STK(r4, 8) "call 197; " RET0),
	ACCEPT(SOCK, "201 dynptr_read", DYN ZERO "r0 = 0; exit"),
	ACCEPT(SOCK, "201 dynptr_read of 8",
	       DYN STK(r1, 24) "r2 = 8; " STK(r3, 16) "r4 = 0; r5 = 0; call 201; " RET0),
	REFUSE(SOCK, EINVAL, "201 dynptr_read of none",
	       STK(r1, 24) "r2 = 8; " STK(r3, 16) "r4 = 0; r5 = 0; call 201; " RET0),
	REFUSE(SOCK, EINVAL, "201 dynptr_read of a half overwritten one",
	       DYN "*(u64 *)(r10 - 16) = 0; " STK(r1, 24) "r2 = 8; " STK(
		       r3, 16) "r4 = 0; r5 = 0; call 201; " RET0),
	ACCEPT(SOCK, "202 dynptr_write",
	       DYN "*(u64 *)(r10 - 24) = 1; " STK(r1, 16) "r2 = 0; " STK(
		       r3, 24) "r4 = 8; r5 = 0; call 202; " RET0),
	ACCEPT(SOCK, "203 dynptr_data",
	       DYN STK(r1, 16) "r2 = 0; r3 = 8; call 203; if r0 == 0 goto none; *(u64 *)(r0 + 0) = 1; " NONE),
	REFUSE(SOCK, EACCES, "203 dynptr_data, not checked",
	       DYN STK(r1, 16) "r2 = 0; r3 = 8; call 203; *(u64 *)(r0 + 0) = 1; " NONE),
	REFUSE(SOCK, EACCES, "203 dynptr_data, behind",
	       DYN STK(r1, 16) "r2 = 0; r3 = 8; call 203; if r0 == 0 goto none; *(u64 *)(r0 + 8) = 1; " NONE),
	REFUSE(SOCK, EACCES, "203 dynptr_data, unknown length",
	       "r6 = *(u32 *)(r1 + 0); " DYN STK(r1, 16) "r2 = 0; r3 = r6; call 203; " NONE),
	REFUSE(SOCK, EACCES, "197 dynptr read as memory",
	       DYN "r0 = *(u64 *)(r10 - 16); r0 = *(u8 *)(r0 + 0); " RET0),
	/* helpers of other types, licences */
	REFUSE(SOCK, EINVAL, "27 get_stackid in a socket filter", "r2 = map hash; r3 = 0; call 27; " RET0),
	REFUSE(KP, EINVAL, "27 get_stackid with a hash", "r2 = map hash; r3 = 0; call 27; " RET0),
	REFUSE(KP, EINVAL, "58 override_return", "r2 = 0; call 58; " RET0, .license = "BSD"),
	REFUSE(SOCK, EINVAL, "64 sock_ops' helper", "r2 = 0; call 64; " RET0),
	REFUSE(KP, EINVAL, "9 skb_store_bytes in a kprobe", "r2 = 0; r3 = r1; r4 = 8; r5 = 0; call 9; " RET0),
	ACCEPT(KP, "109 send_signal", "r1 = 0; call 109; " RET0),
	ACCEPT(KP, "80 get_current_cgroup_id", "call 80; " RET0),
	ACCEPT(CGRP, "80 get_current_cgroup_id, cgroup_skb", "call 80; r0 = 1; exit"),
	ACCEPT(CGRP, "79 skb_cgroup_id", "call 79; r0 = 1; exit"),
	REFUSE(SOCK, EINVAL, "79 skb_cgroup_id, socket filter", "call 79; " RET0),
	/* callbacks that do more */
	ACCEPT(SOCK, "181 loop: unknown count",
	       "r1 = *(u32 *)(r1 + 0); r2 = func :f; r3 = 0; r4 = 0; call 181; r0 = 0; exit; f: r0 = 0; exit",
	       .funcs = MAIN "f=s(ip)"),
	ACCEPT(SOCK, "181 loop: in a loop's callback",
	       "r1 = 4; r2 = func :f; r3 = 0; r4 = 0; call 181; r0 = 0; exit; f: r1 = 4; r2 = func :g; r3 = "
	       "0; r4 = 0; call 181; r0 = 0; exit; g: r0 = 0; exit",
	       .funcs = MAIN "f=s(ip) g=s(ip)"),
	ACCEPT(SOCK, "181 loop: flags are a pointer",
	       "r1 = 4; r2 = func :f; r3 = 0; r4 = r10; call 181; r0 = 0; exit; f: r0 = 0; exit",
	       .funcs = MAIN "f=s(ip)"),
	REFUSE(TC, EINVAL, "181 loop: while a lock is held",
	       "r1 = map lock; *(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; call 1; if r0 == 0 goto none; r6 = "
	       "r0; r1 = r0; r1 += 4; call 93; r1 = 4; r2 = func :f; r3 = 0; r4 = 0; call 181; r1 = r6; r1 "
	       "+= 4; call 94; none: r0 = 0; exit; f: r0 = 0; exit",
	       .funcs = MAIN "f=s(ip)"),
	REFUSE(TC, EINVAL, "181 loop: a reference taken in the callback",
	       "r6 = r1; r1 = 4; r2 = func :f; r3 = 0; r4 = 0; call 181; r0 = 0; exit; f: r1 = r2; r0 = 0; "
	       "call 7; r0 = 2; exit",
	       .funcs = MAIN "f=s(ip)"),
	ACCEPT(SOCK, "164 for_each: stops at 1",
	       "r1 = map array; r2 = func :f; r3 = 0; r4 = 0; call 164; exit; f: r0 = 1; exit",
	       .funcs = MAIN "f=s(pppp)"),
	ACCEPT(SOCK, "164 for_each: per-CPU array",
	       "r1 = map percpu; r2 = func :f; r3 = 0; r4 = 0; call 164; exit; f: r0 = *(u64 *)(r3 + 0); r0 "
	       "= 0; exit",
	       .funcs = MAIN "f=s(pppp)"),
	ACCEPT(SOCK, "164 for_each: deletes what it stands on",
	       "r1 = map hash; r2 = func :f; r3 = 0; r4 = 0; call 164; exit; f: call 3; r0 = 0; exit",
	       .funcs = MAIN "f=s(pppp)"),
	REFUSE(SOCK, EACCES, "164 for_each: map read as memory in the callback, written",
	       "r1 = map hash; r2 = func :f; r3 = 0; r4 = 0; call 164; exit; f: *(u64 *)(r1 + 0) = 0; r0 = "
	       "0; exit",
	       .funcs = MAIN "f=s(pppp)"),
};

int main(int argc, char **argv)
{
	return vrow_main(argc, argv, rows, ARRAY_SIZE(rows));
}
