// SPDX-License-Identifier: BSD-2-Clause
#include "helper/helper_ids.h"
#define INT .ret = RET_INTEGER
PROTO(strtol, INT, ARGS(IN, SIZE, ANY, FIXED_OUT), .arg_size = { 0, 0, 0, 8 });
PROTO(strtoul, INT, ARGS(IN, SIZE, ANY, FIXED_OUT), .arg_size = { 0, 0, 0, 8 });
PROTO(strncmp, INT, ARGS(IN, SIZE, ARG_CONST_STR));
PROTO(snprintf, GPL, INT, .special = HELPER_SNPRINTF,
      ARGS(INOUT_OR_NULL, SIZE0, ARG_CONST_STR, IN_OR_NULL, SIZE0));
PROTO(trace_printk, GPL, INT, .special = HELPER_TRACE_PRINTK, ARGS(IN, SIZE));
PROTO(trace_vprintk, GPL, INT, .special = HELPER_TRACE_PRINTK, ARGS(IN, SIZE, IN_OR_NULL, SIZE0));
