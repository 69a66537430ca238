// SPDX-License-Identifier: BSD-2-Clause
/*
 * The third front end: calls that an outer seccomp filter answers first.
 *
 * A verdict of ERRNO outranks USER_NOTIF, so where Docker's profile says EPERM
 * to bpf(2) the run's listener never hears of a static program's. But TRAP
 * outranks ERRNO. There the run's filter traps these calls, and a thread of the
 * supervisor, which traces all processes of the run, meets the signal:
 *
 *     client                        tracer                     supervisor's threads
 *     bpf(2), trapped: SIGSYS  -->  stop: number := NR_CARRIER
 *     the same instruction again <- on, without the signal
 *     NR_CARRIER, notified     ------------------------------> sys_bpf(), ADDFD, reply
 *
 * The arguments stay where they are; only the number differs, and which one it
 * was is remembered by thread (trace_take). So all that is true of a notified
 * call is true of this one: nobody waits for anybody, the fd arrives as ever,
 * and a signal that comes in between finds a thread that is about to make a
 * system call, which it then makes after the handler.
 *
 * Carriers are numbers that containers' profiles let pass and that this
 * architecture never had a call for.
 */
#ifndef PINFS_TRACE_TRACE_H
#define PINFS_TRACE_TRACE_H

#include <sys/types.h>
#include "util/types.h"

/* epoll_ctl_old: ENOSYS in every kernel of x86-64. */
#define NR_CARRIER 214

/* The calls that are trapped when a run is traced. */
extern const int trace_calls[];
extern const u32 trace_calls_nr;
bool trace_hides(int nr);

/*
 * Starts the tracer's thread, which attaches to cmd, a child of this process,
 * and from then on waits for all children in this process's stead. Returns a
 * descriptor that becomes readable when a child has ended, or -errno: then
 * nothing is traced. deliver, if not NULL: also the calls of which a listener would
 * hear; a path that names of sockets begin with, kept.
 */
int trace_start(pid_t cmd, const char *deliver);

/* Notified calls come by stops, since there is no listener: see deliver.h. Set by trace_start. */
extern bool trace_delivers;

/* Whether a child is left; *status is set once cmd has ended. After trace_start. */
bool trace_children(int *status);

/* Which call the thread wanted that made NR_CARRIER; 0: that very one. Tells it once. */
int trace_take(pid_t tid);

/*
 * For the tracer, and for the probe: attaches to a child, and answers one stop
 * of it. `status` is what waitpid(2) gave. May only be called by the thread that attached.
 */
int trace_attach(pid_t tid, bool deliver);
void trace_stop(pid_t tid, int status);

#endif
