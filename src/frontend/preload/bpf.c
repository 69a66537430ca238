// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf(2) in the client: the hot path, and what comes before a thread's first call.
 *
 * The guard lives on SIGSEGV and SIGBUS. A thread that blocks them would be
 * killed by a bad pointer, so for the length of a call they are borrowed:
 * unblocked, and blocked again after. A signal that somebody has sent and that
 * the mask had held back may then arrive too early; it is kept and sent again
 * to the thread when the mask is back (sig_chain in wrap_sig.c keeps it).
 *
 * At the fd limit the kernel's map operations still work, and ours may want an
 * fd for a moment: then the soft limit is lifted for a second try. What the
 * client gets stays below its own limit (install_fd in caller.c).
 *
 * Whether a thread has its signals open is asked once (a system call) and again after
 * everything that can change a mask, so a call in the usual state pays one
 * comparison.
 */
#include <sys/resource.h>
#include "frontend/preload/preload.h"
#include "store/store.h"
#include "sys/elem.h"

#define SIGBIT(s) (1ull << ((s)-1))

__thread struct pre_thread pre_self;

static const u64 guard_signals = SIGBIT(SIGSEGV) | SIGBIT(SIGBUS);
static const int guard_signal[2] = { SIGSEGV, SIGBUS };

/* One thread at a time: a second would take the lifted limit for the client's. */
static _Atomic bool lifted;

void pre_limit_back(struct pre_thread *t)
{
	if (!t->limit[1])
		return;
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, t->limit, 0);
	t->limit[1] = 0;
	atomic_store(&lifted, false);
}

static bool lift_limit(struct pre_thread *t)
{
	u64 lim[2], more[2];

	if (t->limit[1])
		return false; /* this very thread, in a call that a handler has interrupted */
	for (int tries = 0; atomic_exchange(&lifted, true); tries++) {
		if (tries == 100)
			return false;
		raw0(SYS_sched_yield);
	}
	if (raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, lim) || lim[0] >= lim[1])
		goto out;
	more[0] = MIN(lim[1], lim[0] + 64);
	more[1] = lim[1];
	t->limit[0] = lim[0];
	barrier();
	t->limit[1] = lim[1];
	if (!raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, more, 0))
		return true;
	t->limit[1] = 0;
out:
	atomic_store(&lifted, false);
	return false;
}

static noinline long serve_above_limit(struct pre_thread *t, long cmd, u64 attr, long size)
{
	long ret;

	/* The hard limit is reached, too: who has numbers of its own can still answer. */
	if (!lift_limit(t)) {
		ret = the_run && the_run->notify ? raw6(SYS_bpf, cmd, (long)attr, size, 0, 0, 0) : -EMFILE;
		return ret == -EPERM ? -EMFILE : ret;
	}
	ret = sys_bpf(&t->c, (int)cmd, attr, (u32)size);
	pre_limit_back(t);
	return ret;
}

/*
 * A host that closes by raw system calls may have closed the store under us.
 * Then it is opened anew, and so are the locks that prove our actors alive:
 * under new ids, since the old ones count as dead from that moment on.
 */
static bool store_lost(void)
{
	struct stat st;
	int fd;

	if (!raw_fstat(the_store.dirfd, &st) && S_ISDIR(st.st_mode) && st.st_dev == the_store.dev)
		return false;
	fd = store_high_fd(
		raw_openat(AT_FDCWD, the_store.path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
	if (fd < 0)
		return false;
	the_store.dirfd = fd;
	actor_set_fd(-1);
	actor_after_fork();
	return true;
}

/* What a call leaves to do that did not just work. */
static noinline long settle(struct pre_thread *t, u32 mem, long ret, long cmd, u64 attr, long size)
{
	if (ret == -EMFILE)
		ret = serve_above_limit(t, cmd, attr, size);
	if (ret == -EBADF && store_lost())
		ret = sys_bpf(&t->c, (int)cmd, attr, (u32)size);
	/* The object's file would break RLIMIT_FSIZE, with SIGXFSZ: the supervisor has its own limits. */
	if (ret == -EFBIG)
		ret = raw6(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	if (t->mem_count != mem)
		pre_scratch_free(t, mem);
	return ret;
}

static inline long serve(struct pre_thread *t, long cmd, u64 attr, long size)
{
	u32 mem = t->mem_count;
	long ret;

	ret = sys_bpf(&t->c, (int)cmd, attr, (u32)size);
	if (unlikely(ret == -EMFILE || ret == -EBADF || ret == -EFBIG || t->mem_count != mem))
		ret = settle(t, mem, ret, cmd, attr, size);
	return ret;
}

/*
 * The hot path: one element of a map whose fd the table knows. What is not
 * usual is left to serve().
 */
static noinline long elem_guarded(struct op *op, long cmd, const u64 *attr, long size)
{
	long err = guard_set(&op->guard);
	struct handle *h;
	s64 word;
	u32 fd;

	if (unlikely(err)) {
		op_fault(op);
		return err;
	}
	fd = *(const volatile u32 *)attr; /* as the client has stored it: four bytes */
	word = fdtab_raw((int)fd);
	h = word_handle((u64)word);
	if (unlikely(word <= 0))
		return ELEM_ELSEWHERE;
	__atomic_store_n(&op->obj, h, __ATOMIC_RELAXED);
	barrier();
	if (unlikely(fdtab_raw((int)fd) != word))
		return ELEM_ELSEWHERE;
	return elem_run(op, h, (u32)word & 3, (u32)cmd, attr, (u32)size);
}

/* Sends the thread what was kept from it; the mask holds it back again. */
static void send_again(struct pre_thread *t)
{
	for (int i = 0; i < 2; i++) {
		if (!(t->put_off & 1 << i))
			continue;
		t->put_off &= (u8) ~(1 << i);
		raw4(SYS_rt_tgsigqueueinfo, t->c.pid, t->c.tid, guard_signal[i], &t->kept[i]);
	}
}

void pre_borrowed_back(struct pre_thread *t)
{
	if (!t->borrowed)
		return;
	t->borrowed = false;
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &guard_signals, 0, 8);
}

static long serve_borrowed(struct pre_thread *t, long cmd, u64 attr, long size, u64 mask)
{
	long ret;

	t->borrowed = true;
	if (raw4(SYS_rt_sigprocmask, SIG_UNBLOCK, &guard_signals, 0, 8)) {
		t->borrowed = false;
		return raw6(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	}
	ret = serve(t, cmd, attr, size);
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
	t->borrowed = false;
	if (unlikely(t->put_off))
		send_again(t);
	return ret;
}

static void know_thread(struct pre_thread *t)
{
	if (!pre_process->pid)
		pre_forked();
	t->c.ops = &pre_caller_ops;
	t->c.direct = true;
	t->c.root_prefix = "";
	t->c.pid = (int)raw0(SYS_getpid);
	t->c.tid = (int)raw0(SYS_gettid);
	t->identity = 0;
	sig_stand_in_front();
}

struct bpf_caller *pre_enter(u64 *borrowed)
{
	struct bpf_caller *c = &pre_self.c;

	if (pre_self.state != THREAD_READY || !pre_process->pid)
		know_thread(&pre_self);
	if (raw4(SYS_rt_sigprocmask, SIG_BLOCK, 0, borrowed, 8) || !(*borrowed & guard_signals)) {
		*borrowed = 0;
		return c;
	}
	pre_self.borrowed = true;
	raw4(SYS_rt_sigprocmask, SIG_UNBLOCK, &guard_signals, 0, 8);
	return c;
}

void pre_leave(u64 borrowed)
{
	if (!borrowed)
		return;
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &borrowed, 0, 8);
	pre_self.borrowed = false;
	if (unlikely(pre_self.put_off))
		send_again(&pre_self);
}

/* A call that is not bpf(2): signals are looked at each time. */
long pre_call(long (*fn)(struct bpf_caller *c, void *arg), void *arg)
{
	struct pre_thread *t = &pre_self;
	u32 mem = t->mem_count;
	u64 borrowed;
	long ret;

	pre_enter(&borrowed);
	ret = fn(&t->c, arg);
	if (unlikely(ret == -EMFILE) && lift_limit(t)) {
		ret = fn(&t->c, arg);
		pre_limit_back(t);
	}
	pre_leave(borrowed);
	if (unlikely(t->mem_count != mem))
		pre_scratch_free(t, mem);
	return ret;
}

static noinline long serve_new(struct pre_thread *t, long cmd, u64 attr, long size)
{
	u64 mask;

	know_thread(t);
	if (raw4(SYS_rt_sigprocmask, SIG_BLOCK, 0, &mask, 8))
		return raw6(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	if (mask & guard_signals)
		return serve_borrowed(t, cmd, attr, size, mask);
	t->borrowed = false; /* a call that was jumped out of */
	t->state = THREAD_READY;
	return serve(t, cmd, attr, size);
}

static noinline long serve_any(long cmd, long attr, long size, long d, long e, long f)
{
	struct pre_thread *t = &pre_self;
	long ret;

	/* A thread is only ever ready in a process that has joined a run. */
	if (likely(t->state == THREAD_READY && pre_process->pid))
		ret = serve(t, cmd, (u64)attr, size);
	else if (pre_attached)
		ret = serve_new(t, cmd, (u64)attr, size);
	else
		ret = raw6(SYS_bpf, cmd, attr, size, d, e, f);
	return ret_errno(ret);
}

/*
 * Where syscall() jumps for SYS_bpf; the same arguments. Of the usual case this
 * function keeps nothing in registers while the element's operation runs, so
 * that it has none to save: the actor is looked up again. A child of fork is
 * not idle.
 */
long pre_syscall_bpf(long nr, long cmd, long attr, long size, long d, long e, long f)
{
	struct actor *a = actor_tls;
	volatile long kept[3];
	struct op *op;
	long ret;

	if (unlikely(!elem_usual(cmd, size) || pre_self.state != THREAD_READY || !actor_idle(a)))
		return serve_any(cmd, attr, size, d, e, f);
	kept[0] = cmd;
	kept[1] = attr;
	kept[2] = size;
	op = op_begin(a, 0, NULL, __builtin_frame_address(0));
	ret = elem_guarded(op, cmd, u64_to_ptr((u64)attr), size);
	op_leave(&actor_tls->op[0]);
	if (unlikely(ret == ELEM_ELSEWHERE || ret == -EFBIG))
		return serve_any(kept[0], kept[1], kept[2], 0, 0, 0);
	return ret_errno(ret);
}
