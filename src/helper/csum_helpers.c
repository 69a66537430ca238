// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(csum_diff, PKT, INT, ARGS(IN_OR_NULL, SIZE0, IN_OR_NULL, SIZE0, ANY));
PROTO(csum_update, INT, ARGS(CTX, ANY));
PROTO(csum_level, INT, ARGS(CTX, ANY));
PROTO(l3_csum_replace, MOVES, INT, ARGS(CTX, ANY, ANY, ANY, ANY));
PROTO(l4_csum_replace, MOVES, INT, ARGS(CTX, ANY, ANY, ANY, ANY));
