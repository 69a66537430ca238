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

#define DEPTH_MAX 4096u

/* Of /proc/TID/status. The tracer is a thread. */
struct thread {
	int tgid, parent, tracer;
};

/* False: it is gone. */
static bool thread_read(pid_t tid, struct thread *t)
{
	char path[40], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	*t = (struct thread){ 0 };
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Tgid: %d", &t->tgid);
		sscanf(line, "PPid: %d", &t->parent);
		if (sscanf(line, "TracerPid: %d", &t->tracer) == 1)
			break;
	}
	if (f)
		fclose(f);
	return t->tgid;
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
	struct thread own;

	if (trace_debugged() && thread_read(t->c.tid, &own) && !own.tracer)
		trace_adopt(t->c.tid);
	return SYS_CONTINUE;
}

long debuggers_back(struct target *t)
{
	t->answered = trace_arrived(t->c.tid, t->id);
	return 0;
}

static int process_of(pid_t tid)
{
	struct thread t;

	return tid && thread_read(tid, &t) ? t.tgid : 0;
}

/* It descends from this process. */
static bool of_run(pid_t tgid)
{
	struct thread t;

	for (u32 i = 0; i < DEPTH_MAX && tgid > 1; i++, tgid = t.parent) {
		if (tgid == getpid())
			return true;
		if (!thread_read(tgid, &t))
			return false;
	}
	return false;
}

static long hold(struct target *t, pid_t tid, u64 to)
{
	struct carrier_back back;
	int ret = could_trace(t, tid) ? trace_hold(tid, &back) : -EPERM;

	return !ret && caller_out(&t->c, to, &back, sizeof(back)) ? -EFAULT : ret;
}

static long expect(struct target *t, pid_t tid, u64 from)
{
	struct carrier_back back;

	if (caller_in(&t->c, &back, from, sizeof(back)))
		return -EFAULT;
	back.noted = (u16)trace_take(tid);
	trace_mark(tid, SYS_ptrace);
	return trace_expect(tid, &back);
}

long debuggers_word(struct target *t, const u64 args[6])
{
	pid_t tid = (pid_t)args[1];
	struct thread other;
	int tracer;

	if (tid <= 0 || !same_numbers(t) || !thread_read(tid, &other) || !of_run(other.tgid))
		return -ESRCH;
	tracer = process_of(other.tracer);
	if (args[0] == CARRIER_HOLD)
		return tracer == getpid() ? hold(t, tid, args[2]) : -ESRCH;
	if (tracer != process_of(t->c.tid))
		return -ESRCH;
	switch (args[0]) {
	case CARRIER_NOTE:
		if (!carrier_hides((long)args[2]))
			return -EPERM;
		trace_mark(tid, (int)args[2]);
		return 0;
	case CARRIER_BACK: return expect(t, tid, args[2]);
	case CARRIER_HELD: trace_held(tid); return 0;
	}
	return -EINVAL;
}
