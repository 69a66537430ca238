// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(map_lookup_elem, PKT, .ret = RET_MAP_VALUE | RET_F_NULL, .special = HELPER_LOOKUP, ARGS(MAP, KEY),
      .maps = MAPS_VALUES | MAPS_OF_MAPS | MAPS_DEVICES | MAPS_SOCKETS | T(XSKMAP));
PROTO(map_lookup_percpu_elem, PKT, .ret = RET_MAP_VALUE | RET_F_NULL, ARGS(MAP, KEY, ANY),
      .maps = MAPS_PERCPU);
PROTO(map_update_elem, PKT, INT, ARGS(MAP, KEY, VALUE, ANY), .maps = MAPS_VALUES | MAPS_SOCKETS);
PROTO(map_delete_elem, PKT, INT, ARGS(MAP, KEY), .maps = MAPS_VALUES | MAPS_SOCKETS);
PROTO(map_push_elem, PKT, INT, ARGS(MAP, VALUE, ANY), .maps = MAPS_QUEUES | T(BLOOM_FILTER));
PROTO(map_pop_elem, INT, ARGS(MAP, VALUE_OUT), .maps = MAPS_QUEUES);
PROTO(map_peek_elem, INT, ARGS(MAP, VALUE_OUT), .maps = MAPS_QUEUES | T(BLOOM_FILTER));
PROTO(for_each_map_elem, INT, .special = HELPER_FOR_EACH, ARGS(MAP, FUNC, STACK, ANY),
      .maps = MAPS_HASH | T(ARRAY) | T(PERCPU_ARRAY));
PROTO(tail_call, MOVES, .ret = RET_VOID, .special = HELPER_TAIL_CALL, ARGS(CTX, MAP, ANY),
      .maps = T(PROG_ARRAY));
PROTO(spin_lock, .ret = RET_VOID, .special = HELPER_SPIN_LOCK, ARGS(ARG_SPIN_LOCK));
PROTO(spin_unlock, .ret = RET_VOID, .special = HELPER_SPIN_UNLOCK, ARGS(ARG_SPIN_LOCK));
PROTO(timer_init, GPL, INT, ARGS(ARG_TIMER, MAP, ANY));
PROTO(timer_set_callback, GPL, INT, .special = HELPER_TIMER_CALLBACK, ARGS(ARG_TIMER, FUNC));
PROTO(timer_start, GPL, INT, ARGS(ARG_TIMER, ANY, ANY));
PROTO(timer_cancel, GPL, INT, ARGS(ARG_TIMER));
PROTO(loop, INT, .special = HELPER_LOOP, ARGS(ANY, FUNC, STACK, ANY));
