// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct xdp_md. Only programs that run behind a device map see where a packet goes.
 */
#include "progtype/ctx_fields.h"

#define XDP(m, kind_, in_)                                                                                   \
	{                                                                                                    \
		.off = offsetof(struct xdp_md, m), .size = 4, .kind = (kind_), .access = RO,                 \
		.in_off = offsetof(struct run_xdp, m), .in_size = (in_)                                      \
	}
#define COMMON                                                                                               \
	XDP(data, CTX_PACKET, 8), XDP(data_end, CTX_PACKET_END, 8), XDP(data_meta, CTX_PACKET_META, 8),      \
		XDP(ingress_ifindex, CTX_SCALAR, 4), XDP(rx_queue_index, CTX_SCALAR, 4)

const struct ctx_field ctx_xdp[] = { COMMON, END_OF_CTX };
const struct ctx_field ctx_xdp_devmap[] = { COMMON, XDP(egress_ifindex, CTX_SCALAR, 4), END_OF_CTX };
