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
#include "util/carrier.h"
#include "util/types.h"

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
/* The thread is about to make it, and means nr. For its tracer, whoever that is. */
void trace_mark(pid_t tid, int nr);

/*
 * Debuggers (loose.c), for the threads that answer, where calls are trapped.
 *
 * The thread is let go of, so that another may trace it. self: it is the thread that waits in the call being
 * answered, so that it can be let go of only after the answer, which then has to be
 * TRACE_AGAIN. 0; -ESRCH: it has another tracer or none; -ETIMEDOUT: it cannot be stopped, and stays ours.
 */
int trace_let_go(pid_t tid, bool self);
/* The thread may have no tracer: when this returns it has one. */
void trace_adopt(pid_t tid);
/* The thread, which has another tracer, will be let go of in front of a call of the carrier's: -ENOMEM. */
int trace_expect(pid_t tid, const struct carrier_back *back);
/* As trace_let_go, but it makes a call of the carrier's then: 0 and what it was; 1: it goes on without. */
int trace_hold(pid_t tid, struct carrier_back *back);
/* Another has attached to it, and sets it to what it was. */
void trace_held(pid_t tid);
/* It is in such a call. True: the call will be answered (0) by trace_answer, when it has a tracer. */
bool trace_arrived(pid_t tid, u64 id);
extern void (*trace_answer)(u64 id);
/* Its tracer may let go of it about now: then it becomes ours again. */
void trace_look(pid_t tid);
/* Was anything ever let go of? Else every process has this tracer. */
bool trace_debugged(void);
/* ERESTARTNOINTR: the kernel makes the call again, after the thread's stop. */
#define TRACE_AGAIN (-513l)

/*
 * For the tracer, and for the probe: attaches to a child, and answers one stop
 * of it. `status` is what waitpid(2) gave. May only be called by the thread that attached.
 */
int trace_attach(pid_t tid, bool deliver);
void trace_stop(pid_t tid, int status);
/* At a stop of the thread for SIGSYS: true if its call will be made again, without the signal. */
bool trace_redirect(pid_t tid);

/* For the tracer's thread, of loose.c. */
int loose_setup(void);
void loose_work(void); /* its waiting was interrupted, or loose_rung */
/* Work came while it was not waiting. */
bool loose_rung(void);
/* A thread has ended. */
void loose_gone(pid_t tid);
/* The thread's stop was used to let go of it. */
bool loose_stop(pid_t tid, int status);

#endif
