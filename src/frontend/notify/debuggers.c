// SPDX-License-Identifier: BSD-2-Clause
/*
 * What debuggers inside a run ask of its tracer: see debuggers.h.
 *
 * None of this makes a decision in the kernel's place. Who may trace whom it judges itself, afterwards;
 * but a thread is let go of only for one that could pass: of the thread's user, or privileged. One that the
 * kernel refuses all the same finds the thread without a tracer for a moment.
 */
#include "frontend/notify/debuggers.h"
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>
#include "frontend/trace/trace.h"
#include "sys/sys.h"
#include "util/raw.h"

/* Fields of /proc/TID/status; false: the thread is gone. */
static bool thread_status(pid_t tid, int *tgid, int *tracer)
{
	char path[40], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	*tgid = *tracer = 0;
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Tgid: %d", tgid);
		if (sscanf(line, "TracerPid: %d", tracer) == 1)
			break;
	}
	if (f)
		fclose(f);
	return *tgid;
}

/* The numbers that the client says are those that we see. */
static bool same_numbers(const struct target *t)
{
	struct stat own, other;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", t->c.tid);
	return !stat("/proc/self/ns/pid", &own) && !stat(path, &other) && own.st_ino == other.st_ino;
}

static bool could_trace(struct target *t, pid_t tid)
{
	struct stat st;
	char path[40];
	u32 uid;

	if (t->c.ops->privileged(&t->c) > 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d", (int)tid);
	return !stat(path, &st) && !t->c.ops->fs_creds(&t->c, &uid, NULL, NULL) && st.st_uid == uid;
}

long debuggers_ptrace(struct target *t, const u64 args[6])
{
	pid_t tid = (pid_t)args[1];

	if (!same_numbers(t))
		return SYS_CONTINUE;
	switch (args[0]) {
	case PTRACE_TRACEME: return trace_let_go(t->c.tid, true) ? SYS_CONTINUE : TRACE_AGAIN;
	case PTRACE_DETACH: trace_look(tid); break;
	default:
		if (tid > 0 && could_trace(t, tid))
			trace_let_go(tid, false);
	}
	return SYS_CONTINUE;
}

long debuggers_exec(struct target *t)
{
	int tgid, tracer;

	if (trace_debugged() && thread_status(t->c.tid, &tgid, &tracer) && !tracer)
		trace_adopt(t->c.tid);
	return SYS_CONTINUE;
}

long debuggers_newborn(struct target *t)
{
	trace_adopt(t->c.tid);
	return 0;
}

long debuggers_word(struct target *t, const u64 args[6])
{
	int own, tgid, tracer, none;
	pid_t tid = (pid_t)args[1];

	if (tid <= 0 || !same_numbers(t) || !thread_status(t->c.tid, &own, &none) ||
	    !thread_status(tid, &tgid, &tracer))
		return -ESRCH;
	switch (args[0]) {
	case CARRIER_NOTE:
		if (tracer != own || (!carrier_hides((long)args[2]) && args[2] != SYS_clone))
			return -EPERM;
		trace_mark(tid, (int)args[2]);
		return 0;
	case CARRIER_BORN:
		if (!tracer && could_trace(t, tid))
			trace_adopt(tid);
		return 0;
	}
	return -EINVAL;
}
