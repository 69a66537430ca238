// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct bpf_sk_lookup
 */
#include "progtype/ctx_fields.h"

#define LOOKUP(off_, m)                                                                                      \
	{                                                                                                    \
		.off = (off_), .size = 4, .kind = CTX_SCALAR, .access = R,                                   \
		.in_off = offsetof(struct run_sk_lookup, m), .in_size = 4                                    \
	}
#define FOUR(off, m)                                                                                         \
	LOOKUP(off, m[0]), LOOKUP((off) + 4, m[1]), LOOKUP((off) + 8, m[2]), LOOKUP((off) + 12, m[3])

const struct ctx_field ctx_sk_lookup[] = {
	{ .size = 8,
	  .kind = CTX_SOCK,
	  .access = CTX_READ,
	  .in_off = offsetof(struct run_sk_lookup, sk),
	  .in_size = 8 },
	LOOKUP(8, family),
	LOOKUP(12, protocol),
	LOOKUP(16, remote_ip4),
	FOUR(20, remote_ip6),
	LOOKUP(36, remote_port),
	LOOKUP(40, local_ip4),
	FOUR(44, local_ip6),
	LOOKUP(60, local_port),
	LOOKUP(64, ingress_ifindex),
	END_OF_CTX,
};
