// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT        .ret = RET_INTEGER
#define ANY_DYNPTR (DYNPTR_LOCAL | DYNPTR_RINGBUF | DYNPTR_SKB | DYNPTR_XDP)
PROTO(dynptr_from_mem, INT, ARGS(OUT, SIZE0, ANY, ARG_DYNPTR | ARG_F_UNINIT),
      .arg_size = { 0, 0, 0, DYNPTR_LOCAL });
PROTO(dynptr_read, INT, ARGS(OUT, SIZE0, ARG_DYNPTR | ARG_F_RDONLY, ANY, ANY),
      .arg_size = { 0, 0, ANY_DYNPTR });
PROTO(dynptr_write, INT, ARGS(ARG_DYNPTR, ANY, IN, SIZE0, ANY), .arg_size = { ANY_DYNPTR });
PROTO(dynptr_data, .ret = RET_DYNPTR_MEM | RET_F_NULL, .special = HELPER_DYNPTR_DATA,
      ARGS(ARG_DYNPTR, ANY, ARG_ALLOC_SIZE), .arg_size = { ANY_DYNPTR });
