// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs of cgroups: sockets, addresses, socket options, sysctl, devices.
 *
 * The attach type decides which half of an address is there, and whether a
 * socket may be changed. The lists without a number are what all have in common.
 */
#include "progtype/ctx_fields.h"

/* ---- struct bpf_sock ---- */

/* The port of the other side has 16 bits, and nothing behind them is read in part. */
#define PEER WORD(48, RF), AT(49, 1, CTX_SCALAR, RO), WORD(52, R), WORDS4(56, R), WORD(72, RF), WORD(76, RF)
#define KIND WORD(4, RF), WORD(8, RF), WORD(12, RF)

const struct ctx_field ctx_sock[] = { KIND, PEER, END_OF_CTX };
const struct ctx_field ctx_sock_create[] = {
	WORD(0, RO | W), KIND, WORDS2(16, RO | W), PEER, END_OF_CTX,
};
const struct ctx_field ctx_sock_bind4[] = { KIND, WORD(24, R), WORD(44, RF), PEER, END_OF_CTX };
const struct ctx_field ctx_sock_bind6[] = { KIND, WORDS4(28, R), WORD(44, RF), PEER, END_OF_CTX };

/* ---- struct bpf_sock_addr ---- */

#define RW   (R | W)
#define ADDR WORD(0, RO), WORD(24, RW), WORD(28, RO), WORD(32, RO), WORD(36, RO), PTR(64, CTX_SOCK)
#define IP6(off)                                                                                             \
	WORD(off, RW | CTX_WIDE), WORD((off) + 4, RW), WORD((off) + 8, RW | CTX_WIDE), WORD((off) + 12, RW)

/* Only its middle is aligned for eight bytes. */
#define MSG_IP6 WORD(44, RW), WORD(48, RW | CTX_WIDE), WORD(52, RW), WORD(56, RW)

const struct ctx_field ctx_addr[] = { ADDR, END_OF_CTX };
const struct ctx_field ctx_addr4[] = { ADDR, WORD(4, RW), END_OF_CTX };
const struct ctx_field ctx_addr6[] = { ADDR, IP6(8), END_OF_CTX };
const struct ctx_field ctx_addr4_msg[] = { ADDR, WORD(4, RW), WORD(40, RW), END_OF_CTX };
const struct ctx_field ctx_addr6_msg[] = { ADDR, IP6(8), MSG_IP6, END_OF_CTX };

/* ---- struct bpf_sockopt ---- */

#define OPTION PTR(0, CTX_SOCK), PTR(8, CTX_PACKET), PTR(16, CTX_PACKET_END)

const struct ctx_field ctx_sockopt[] = { OPTION, WORDS2(24, RO), WORD(32, RO | W), END_OF_CTX };
const struct ctx_field ctx_getsockopt[] = { OPTION, WORDS2(24, RO), WORDS2(32, RO | W), END_OF_CTX };
const struct ctx_field ctx_setsockopt[] = { OPTION, WORDS2(24, RO | W), WORD(32, RO | W), END_OF_CTX };

/* ---- struct bpf_sysctl, struct bpf_cgroup_dev_ctx ---- */

const struct ctx_field ctx_sysctl[] = { WORD(0, R), WORD(4, RW), END_OF_CTX };
const struct ctx_field ctx_device[] = { WORD(0, R), WORDS2(4, RO), END_OF_CTX };
