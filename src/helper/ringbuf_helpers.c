// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on ring buffers, of both directions: prototypes.
 */
#include "helper/helper_ids.h"

#define INT .ret = RET_INTEGER
#define RB  .maps = T(RINGBUF)

PROTO(ringbuf_output, INT, ARGS(MAP, IN, SIZE0, ANY), RB);
PROTO(ringbuf_reserve, .ret = RET_ALLOC_MEM | RET_F_NULL, ARGS(MAP, ARG_ALLOC_SIZE, ANY), RB);
PROTO(ringbuf_submit, .ret = RET_VOID, .special = HELPER_RINGBUF_COMMIT,
      ARGS(ARG_ALLOC_MEM | ARG_F_RELEASE, ANY));
PROTO(ringbuf_discard, .ret = RET_VOID, .special = HELPER_RINGBUF_COMMIT,
      ARGS(ARG_ALLOC_MEM | ARG_F_RELEASE, ANY));
PROTO(ringbuf_query, INT, ARGS(MAP, ANY), RB);
PROTO(ringbuf_reserve_dynptr, INT, ARGS(MAP, ANY, ANY, ARG_DYNPTR | ARG_F_UNINIT), RB,
      .arg_size = { 0, 0, 0, DYNPTR_RINGBUF });
PROTO(ringbuf_submit_dynptr, .ret = RET_VOID, ARGS(ARG_DYNPTR | ARG_F_RELEASE, ANY),
      .arg_size = { DYNPTR_RINGBUF });
PROTO(ringbuf_discard_dynptr, .ret = RET_VOID, ARGS(ARG_DYNPTR | ARG_F_RELEASE, ANY),
      .arg_size = { DYNPTR_RINGBUF });
PROTO(user_ringbuf_drain, INT, .special = HELPER_USER_RINGBUF_DRAIN, ARGS(MAP, FUNC, STACK, ANY),
      .maps = T(USER_RINGBUF));
