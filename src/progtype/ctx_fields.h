// SPDX-License-Identifier: BSD-2-Clause
/*
 * How the tables of context fields are written, and their names.
 *
 * What may be accessed was found by loading a program for each offset, size and
 * direction; tests/unit/test_progtype_kernel.c repeats that.
 */
#ifndef PINFS_PROGTYPE_CTX_FIELDS_H
#define PINFS_PROGTYPE_CTX_FIELDS_H

#include "helper/run_ctx.h"
#include "progtype/prog_types.h"
#include "util/uapi.h"

#define R  (CTX_READ | CTX_NARROW) /* whole or in part */
#define RO CTX_READ                /* whole only */
#define W  CTX_WRITE
#define RF (CTX_READ | CTX_NARROW_FIRST)

/* A context that no program runs with here: it lies as programs see it. */
#define AT(off_, size_, kind_, access_)                                                                      \
	{                                                                                                    \
		.off = (off_), .size = (size_), .kind = (kind_), .access = (access_), .in_off = (off_),      \
		.in_size = (size_)                                                                           \
	}
#define WORD(off, access)   AT(off, 4, CTX_SCALAR, access)
#define WORDS2(off, access) WORD(off, access), WORD((off) + 4, access)
#define WORDS4(off, access) WORDS2(off, access), WORDS2((off) + 8, access)
#define WORDS8(off, access) WORDS4(off, access), WORDS4((off) + 16, access)
#define QUAD(off, access)   AT(off, 8, CTX_SCALAR, access)
#define PTR(off, kind)      AT(off, 8, kind, CTX_READ)
#define BUFFER(from, to, rw)                                                                                 \
	{                                                                                                    \
		.off = (from), .size = (to) - (from), .kind = CTX_BUFFER, .access = (rw), .in_off = (from)   \
	}
#define END_OF_CTX                                                                                           \
	{                                                                                                    \
		.size = 0                                                                                    \
	}

extern const struct ctx_field ctx_socket_filter[], ctx_sched_cls[], ctx_cgroup_skb[], ctx_lwt[], ctx_sk_skb[],
	ctx_flow_dissector[], ctx_xdp[], ctx_xdp_devmap[], ctx_raw_tp[], ctx_raw_tp_writable[], ctx_kprobe[],
	ctx_tracepoint[], ctx_perf_event[], ctx_syscall[], ctx_sock[], ctx_sock_create[], ctx_sock_bind4[],
	ctx_sock_bind6[], ctx_addr[], ctx_addr4[], ctx_addr6[], ctx_addr4_msg[], ctx_addr6_msg[],
	ctx_sockopt[], ctx_getsockopt[], ctx_setsockopt[], ctx_sysctl[], ctx_device[], ctx_sock_ops[],
	ctx_sk_msg[], ctx_sk_lookup[], ctx_sk_reuseport[], ctx_netfilter[];

#endif
