// SPDX-License-Identifier: BSD-2-Clause
/* The same maps by the same names, but one has other sizes: it must not be reused. */
#define COUNTERS_MAX 32
#include "maps.c"
