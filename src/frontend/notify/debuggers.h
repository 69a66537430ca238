// SPDX-License-Identifier: BSD-2-Clause
/*
 * Debuggers inside a run whose calls are trapped: see frontend/trace/loose.c. Each answers one notified call.
 */
#ifndef PINFS_NOTIFY_DEBUGGERS_H
#define PINFS_NOTIFY_DEBUGGERS_H

#include "frontend/notify/notify.h"

/* ptrace(2) of the requests that begin or end a tracing. */
long debuggers_ptrace(struct target *t, const u64 args[6]);
/* execve(2): what is executed has to have a tracer. */
long debuggers_exec(struct target *t);
/* A thread that its debugger has let go of: it has a tracer from now on. */
long debuggers_back(struct target *t);
/* What a debugger's preload library has to say (enum carrier_word). */
long debuggers_word(struct target *t, const u64 args[6]);

#endif
