// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct bpf_sock_ops
 */
#include "progtype/ctx_fields.h"

const struct ctx_field ctx_sock_ops[] = {
	WORD(0, RO),
	WORD(4, RO | W),
	WORDS8(8, RO),
	WORDS8(40, RO),
	WORDS8(72, RO),
	WORDS8(104, RO),
	WORDS4(136, RO),
	WORDS2(152, RO),
	WORD(160, RO),
	WORD(164, RO | W), /* the reply, and the hash of what is sent, may be set */
	QUAD(168, RO),
	QUAD(176, RO),
	PTR(184, CTX_SOCK),
	PTR(192, CTX_PACKET),
	PTR(200, CTX_PACKET_END),
	WORD(208, RO),
	WORD(212, RF),
	QUAD(216, RO),
	END_OF_CTX,
};
