// SPDX-License-Identifier: BSD-2-Clause
/*
 * The supervisor process of a run, and what it tells the launcher: see supervise.c.
 */
#ifndef PINFS_NOTIFY_SUPERVISE_H
#define PINFS_NOTIFY_SUPERVISE_H

#include <signal.h>
#include "frontend/notify/launch.h"

enum {
	RUN_MSG_PID,
	RUN_MSG_STATUS, /* CMD has ended, others of the run have not */
	RUN_MSG_END,    /* CMD has ended and the run is over: the supervisor ends now */
};

struct run_msg {
	int kind, value;
};

/* The life of the supervisor; returns its exit code. mask: the signal mask that CMD is to have. */
int supervise(const struct run_opts *o, int tell, const sigset_t *mask);

#endif
