// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct sk_msg_md
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_sk_msg[] = {
	PTR(0, CTX_PACKET), PTR(8, CTX_PACKET_END), WORDS8(16, RO), WORDS4(48, RO),
	WORDS2(64, RO),     PTR(72, CTX_SOCK),      END_OF_CTX,
};
