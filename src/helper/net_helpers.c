// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(redirect, INT, ARGS(ANY, ANY));
PROTO(redirect_peer, INT, ARGS(ANY, ANY));
PROTO(redirect_neigh, INT, ARGS(ANY, IN_OR_NULL, SIZE0, ANY));
PROTO(redirect_map, INT, ARGS(MAP, ANY, ANY), .maps = MAPS_DEVICES | T(CPUMAP) | T(XSKMAP));
PROTO(clone_redirect, MOVES, INT, ARGS(CTX, ANY, ANY));
PROTO(fib_lookup, GPL, INT, ARGS(CTX, INOUT, SIZE, ANY));
PROTO(check_mtu, GPL, INT, ARGS(CTX, ANY, ARG_MEM | ARG_F_FIXED | ARG_F_WRITE | ARG_F_ALIGNED, ANY, ANY),
      .arg_size = { 0, 0, 4 });
PROTO(xdp_adjust_head, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_adjust_meta, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_adjust_tail, MOVES, INT, ARGS(CTX, ANY));
PROTO(xdp_get_buff_len, INT, ARGS(CTX));
PROTO(xdp_load_bytes, INT, ARGS(CTX, ANY, OUT, SIZE));
PROTO(xdp_store_bytes, INT, ARGS(CTX, ANY, OUT, SIZE));
