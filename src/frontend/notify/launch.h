// SPDX-License-Identifier: BSD-2-Clause
/*
 * Starting a run: see launch.c.
 */
#ifndef PINFS_NOTIFY_LAUNCH_H
#define PINFS_NOTIFY_LAUNCH_H

#include "frontend/notify/world.h"

#define RUN_EXIT_FAILED    125 /* the run could not be set up */
#define RUN_EXIT_NOT_EXEC  126 /* CMD is there but cannot be executed */
#define RUN_EXIT_NOT_FOUND 127

/* Runs o->cmd to its end; returns its exit code, or ends by the signal that ended it. */
int launch(const struct run_opts *o);

#endif
