// SPDX-License-Identifier: BSD-2-Clause
/*
 * Delivery without a listener: where another's is there already (EBUSY), calls
 * come by the tracer's stops, and are answered through the client's registers.
 *
 *     tracer                                   a worker of the supervisor
 *     stop of a call (RET_TRACE): hold it  --> trace_receive
 *                                              sys_bpf(), sys_fs()
 *     the client makes calls of ours       <-- trace_give: an fd
 *     registers: the result, or go on      <-- trace_reply
 *
 * Only the tracer's thread may touch a client, so what workers want of one is
 * written into the record of the held call, and the tracer woken.
 */
#ifndef PINFS_TRACE_DELIVER_H
#define PINFS_TRACE_DELIVER_H

#include <linux/seccomp.h>
#include <sys/types.h>
#include "util/types.h"

/* For workers. */
/* Waits for the next call. False: there will be none. */
bool trace_receive(struct seccomp_notif *req);
/* The call's end. go_on: the kernel does it; else `ret` is its result. */
void trace_reply(u64 id, bool go_on, long ret);
/* The client gets a number for the description fd of this process: that, or -errno. */
int trace_give(u64 id, int fd, bool cloexec);
/* The client still waits in this call. */
bool trace_valid(u64 id);

/* For the tracer. */
/* wake: an eventfd that tells the tracer of something to do. base: what names of sockets begin with; kept. */
void deliver_setup(int wake, const char *base);
/* A stop of the thread that is about a held call, or is to be one. False: no matter of ours. */
bool deliver_stop(pid_t tid, int status);
/* The thread has ended. */
void deliver_gone(pid_t tid);
/* What workers have asked for. */
void deliver_work(void);
/* No thread is left. */
void deliver_end(void);
/* Answers the call that the thread is stopped at. */
void deliver_result(pid_t tid, long ret);

#endif
