// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cookie that marks our own system calls: see raw.h. Set once, by run_attach().
 */
#include "util/raw.h"

u64 raw_cookie;
