// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on sockets.
 *
 * A socket is the kernel's. The one that a program meets here is that which the
 * packet of a test run says it comes from: open, of no protocol, in no table. Those
 * helpers that can say something of it do, as the kernel of its own test runs';
 * lookups find nothing. The rest has a prototype only: programs that could be run
 * here cannot call it (verifier/call.c).
 */
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "util/err.h"

#define INT .ret = RET_INTEGER

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

/* No such socket; or nothing to be done. */
HELPER(none)
{
	return 0;
}

HELPER(itself)
{
	return r1;
}

/* It is no listening TCP socket. */
HELPER(no_listener)
{
	return (u64)-EINVAL;
}

/* ---- looking up, holding, changing the kind of pointer ---- */

PROTO(sk_lookup_tcp, .func = none, PKT, .ret = RET_SOCK | RET_F_NULL, ARGS(CTX, IN, SIZE, ANY, ANY));
PROTO(sk_lookup_udp, .func = none, PKT, .ret = RET_SOCK | RET_F_NULL, ARGS(CTX, IN, SIZE, ANY, ANY));
PROTO(skc_lookup_tcp, .func = none, PKT, .ret = RET_SOCK | RET_F_NULL, ARGS(CTX, IN, SIZE, ANY, ANY));
PROTO(sk_release, .func = none, INT, ARGS(SOCK_RELEASE));
PROTO(sk_fullsock, .func = itself, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK), .arg_size = { ARG_NARROW });
PROTO(tcp_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK), .arg_size = { ARG_NARROW });
PROTO(get_listener_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK),
      .arg_size = { ARG_NARROW });
PROTO(skc_to_tcp6_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_tcp_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_tcp_timewait_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_tcp_request_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_udp6_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_unix_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK));
PROTO(skc_to_mptcp_sock, .func = none, .ret = RET_BTF_ID | RET_F_NULL, ARGS(SOCK),
      .arg_size = { ARG_NARROW });
PROTO(sock_from_file, .ret = RET_BTF_ID | RET_F_NULL, ARGS(BTF));

/* ---- options and addresses ---- */

PROTO(setsockopt, INT, ARGS(CTX, ANY, ANY, IN, SIZE));
PROTO(getsockopt, INT, ARGS(CTX, ANY, ANY, OUT, SIZE));
/* Programs on socket options, and those that choose a socket, have it as such. */
const struct bpf_func_proto bpf_sk_setsockopt_proto = {
	.name = "bpf_setsockopt",
	INT,
	ARGS(SOCK, ANY, ANY, IN, SIZE),
};
const struct bpf_func_proto bpf_sk_getsockopt_proto = {
	.name = "bpf_getsockopt",
	INT,
	ARGS(SOCK, ANY, ANY, OUT, SIZE),
};
const struct bpf_func_proto bpf_sk_cookie_proto = { .name = "bpf_get_socket_cookie", INT, ARGS(SOCK) };
PROTO(bind, INT, ARGS(CTX, IN, SIZE));
PROTO(sock_ops_cb_flags_set, INT, ARGS(CTX, ANY));
PROTO(load_hdr_opt, INT, ARGS(CTX, INOUT, SIZE, ANY));
PROTO(store_hdr_opt, MOVES, INT, ARGS(CTX, IN, SIZE, ANY));
PROTO(reserve_hdr_opt, INT, ARGS(CTX, ANY, ANY));

/* ---- steering: maps of sockets, reuseport groups, lookups ---- */

PROTO(sk_redirect_map, INT, ARGS(CTX, MAP, ANY, ANY), .maps = T(SOCKMAP));
PROTO(sk_redirect_hash, INT, ARGS(CTX, MAP, KEY, ANY), .maps = T(SOCKHASH));
PROTO(msg_redirect_map, INT, ARGS(CTX, MAP, ANY, ANY), .maps = T(SOCKMAP));
PROTO(msg_redirect_hash, INT, ARGS(CTX, MAP, KEY, ANY), .maps = T(SOCKHASH));
PROTO(sock_map_update, PKT, INT, ARGS(CTX, MAP, KEY, ANY), .maps = T(SOCKMAP));
PROTO(sock_hash_update, PKT, INT, ARGS(CTX, MAP, KEY, ANY), .maps = T(SOCKHASH));
PROTO(sk_select_reuseport, INT, ARGS(CTX, MAP, KEY, ANY), .maps = T(REUSEPORT_SOCKARRAY) | MAPS_SOCKETS);
/* A packet of a test run has not come in from a device. */
HELPER(sk_assign)
{
	return r3 ? (u64)-EINVAL : (u64)-EOPNOTSUPP;
}

PROTO(sk_assign, .func = sk_assign, INT, ARGS(CTX, SOCK, ANY));
/* A program at the lookup itself may also take a choice back; there is no socket to choose. */
HELPER(sk_lookup_assign)
{
	if (r3 & ~(u64)(BPF_SK_LOOKUP_F_REPLACE | BPF_SK_LOOKUP_F_NO_REUSEPORT))
		return (u64)-EINVAL;
	if (r2)
		return (u64)-ESOCKTNOSUPPORT;
	((struct run_sk_lookup *)u64_to_ptr(r1))->sk = NULL;
	return 0;
}

const struct bpf_func_proto bpf_sk_lookup_assign_proto = {
	.name = "bpf_sk_assign",
	.func = sk_lookup_assign,
	INT,
	ARGS(CTX, SOCK | ARG_F_NULL, ANY),
};

/* ---- TCP ---- */

PROTO(tcp_check_syncookie, .func = no_listener, GPL, PKT, INT, ARGS(SOCK, IN, SIZE, IN, SIZE));
PROTO(tcp_gen_syncookie, .func = no_listener, GPL, PKT, INT, ARGS(SOCK, IN, SIZE, IN, SIZE));
PROTO(tcp_send_ack, INT, ARGS(BTF, ANY));
PROTO(tcp_raw_gen_syncookie_ipv4, GPL, PKT, INT, ARGS(FIXED_IN, IN, SIZE0), .arg_size = { 20 });
PROTO(tcp_raw_gen_syncookie_ipv6, GPL, PKT, INT, ARGS(FIXED_IN, IN, SIZE0), .arg_size = { 40 });
PROTO(tcp_raw_check_syncookie_ipv4, GPL, PKT, INT, ARGS(FIXED_IN, FIXED_IN), .arg_size = { 20, 20 });
PROTO(tcp_raw_check_syncookie_ipv6, GPL, PKT, INT, ARGS(FIXED_IN, FIXED_IN), .arg_size = { 40, 20 });

/* ---- messages of a socket ---- */

PROTO(msg_apply_bytes, INT, ARGS(CTX, ANY));
PROTO(msg_cork_bytes, INT, ARGS(CTX, ANY));
PROTO(msg_pull_data, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));
PROTO(msg_push_data, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));
PROTO(msg_pop_data, MOVES, INT, ARGS(CTX, ANY, ANY, ANY));
