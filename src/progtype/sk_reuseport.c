// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct sk_reuseport_md
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_sk_reuseport[] = {
	PTR(0, CTX_PACKET),
	PTR(8, CTX_PACKET_END),
	WORD(16, R),
	WORD(20, RO), /* the protocol's number has 16 bits: as such or as a word */
	AT(20, 2, CTX_SCALAR, RO),
	AT(22, 2, CTX_SCALAR, RO),
	WORDS2(24, R),
	WORD(32, RO),
	PTR(40, CTX_SOCK),
	PTR(48, CTX_SOCK),
	END_OF_CTX,
};
