// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct __sk_buff: what each program type sees of it.
 *
 * Fields that the kernel keeps in 16 bits take 16 bits of what is written.
 */
#include "progtype/ctx_fields.h"

#define SKB(m, kind_, access_, in_)                                                                          \
	{                                                                                                    \
		.off = offsetof(struct __sk_buff, m), .size = sizeof(((struct __sk_buff *)0)->m),            \
		.kind = (kind_), .access = (access_), .in_off = offsetof(struct run_skb, m),                 \
		.in_size = (in_)                                                                             \
	}
#define F(m, access)     SKB(m, CTX_SCALAR, access, 4)
#define F16(m, access)   SKB(m, CTX_SCALAR, access, 2)
#define F64(m, access)   SKB(m, CTX_SCALAR, access, 8)
#define POINTER(m, kind) SKB(m, kind, CTX_READ, 8)
#define FOUR(m, access)  F(m[0], access), F(m[1], access), F(m[2], access), F(m[3], access)
#define CB(access)                                                                                           \
	F(cb[0], (access) | CTX_WIDE), F(cb[1], access), F(cb[2], (access) | CTX_WIDE), F(cb[3], access),    \
		F(cb[4], access)
#define DATA POINTER(data, CTX_PACKET), POINTER(data_end, CTX_PACKET_END)
#define SK   POINTER(sk, CTX_SOCK)
#define RW   (R | W)

/* All see these; mark, queue_mapping, priority and tc_index differ. */
#define COMMON                                                                                               \
	F(len, R), F(pkt_type, R), F(protocol, R), F(vlan_present, R), F(vlan_tci, R), F(vlan_proto, R),     \
		F(ingress_ifindex, R), F(ifindex, R), F(hash, R), F(napi_id, R), F(gso_segs, R),             \
		F(gso_size, R), SK
#define CB_WRITTEN CB(RW | CTX_NARROW_WRITE)

const struct ctx_field ctx_socket_filter[] = {
	COMMON, F(mark, R), F(queue_mapping, R), F(priority, R), F(tc_index, R), CB_WRITTEN, END_OF_CTX,
};

const struct ctx_field ctx_sched_cls[] = {
	COMMON,
	F(mark, RW),
	F16(queue_mapping, RW),
	F(priority, RW),
	F16(tc_index, RW),
	F16(tc_classid, RW),
	F(wire_len, R),
	CB_WRITTEN,
	DATA,
	POINTER(data_meta, CTX_PACKET_META),
	F64(tstamp, RO | W),
	F64(hwtstamp, RO),
	{
		.off = offsetof(struct __sk_buff, gso_size) + 4, /* tstamp_type */
		.size = 1,
		.kind = CTX_SCALAR,
		.access = RO,
		.in_off = offsetof(struct run_skb, tstamp_type),
		.in_size = 1,
	},
	END_OF_CTX,
};

/* The addresses of the socket that a packet belongs to. */
#define SOCKET                                                                                               \
	F(family, R), F(remote_ip4, RO), F(local_ip4, RO), FOUR(remote_ip6, RO), FOUR(local_ip6, RO),        \
		F(remote_port, R), F(local_port, R)

const struct ctx_field ctx_cgroup_skb[] = {
	COMMON,     SOCKET, F(mark, RW),         F(queue_mapping, R), F(priority, RW), F(tc_index, R),
	CB_WRITTEN, DATA,   F64(tstamp, RO | W), F64(hwtstamp, RO),   END_OF_CTX,
};

const struct ctx_field ctx_lwt[] = {
	COMMON,     F(mark, RW), F(queue_mapping, R), F(priority, RW), F(tc_index, R),
	CB_WRITTEN, DATA,        END_OF_CTX,
};

const struct ctx_field ctx_sk_skb[] = {
	COMMON, SOCKET, F(queue_mapping, R), F(priority, RW), F16(tc_index, RW), CB(R), DATA, END_OF_CTX,
};

const struct ctx_field ctx_flow_dissector[] = {
	DATA,
	POINTER(flow_keys, CTX_FLOW_KEYS),
	END_OF_CTX,
};
