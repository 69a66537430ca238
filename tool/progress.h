// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bar that a terminal shows while packets are worked on.
 *
 *     [=====>                   ]  45%  1234567 packets  250000/s
 */
#ifndef PINFS_TOOL_PROGRESS_H
#define PINFS_TOOL_PROGRESS_H

#include "util/types.h"

struct progress {
	bool on;
	double began, shown; /* seconds; 0: not yet */
};

/* Seconds of a clock that only goes on. */
double seconds_now(void);

/* On where standard error is a terminal, and JSON is not asked for. */
void progress_begin(struct progress *p);
/* Is it time to show it again? Cheap where it is off. */
bool progress_due(struct progress *p);
/* done: from 0 to 1, negative: nobody knows. */
void progress_show(struct progress *p, double done, s64 packets);
void progress_clear(const struct progress *p);

#endif
