// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signals: the guard's handler stays in front, and the host does not notice.
 *
 * From the first bpf(2) on the kernel knows our handler for SIGSEGV and
 * SIGBUS. What the host has set, or sets later, is remembered and is what it
 * gets when it asks. A fault that is not ours is the host's:
 *
 *     handler          called with the same arguments, its mask and flags:
 *                      the kernel is told them with our handler, but for
 *                      the two signals themselves, which are added before
 *                      the call (a handler of another signal may come while
 *                      ours has just begun, and call bpf(2))
 *     SIG_IGN, sent    nothing
 *     SIG_DFL, or a    the default is set, and the instruction faults again or
 *     fault ignored    the signal is sent again: dead as without us
 *
 * Remembered actions lie in a ring; what is current is one index, replaced by
 * one exchange, so no reader meets half an action and no writer waits.
 *
 * Masks: a thread that blocks the two signals really blocks them; bpf(2)
 * borrows them (bpf.c). Whatever can change a mask makes the thread look
 * anew. The two are left out of the masks of handlers (sa_mask) and of waits
 * (sigsuspend, ppoll, pselect, epoll_pwait), so that a handler can call
 * bpf(2); a host sees the difference only if one is sent to it meanwhile. Not
 * covered: masks changed inside the C library with no name of ours
 * (setcontext, swapcontext).
 */
#include <string.h>
#include "frontend/preload/preload.h"

#define RING 64u

/* [0] SIGSEGV, [1] SIGBUS */
static struct {
	struct sigaction ring[RING];
	_Atomic u32 next;    /* slots taken */
	_Atomic u32 current; /* index in ring */
} host[2];
static _Atomic bool in_front;
static _Atomic u8 stripped[65]; /* bit i: the host wanted signal i of the two in this action's mask */

static int which(int sig)
{
	return sig == SIGSEGV ? 0 : sig == SIGBUS ? 1 : -1;
}

static int number(int i)
{
	return i ? SIGBUS : SIGSEGV;
}

static struct sigaction host_get(int i)
{
	return host[i].ring[atomic_load(&host[i].current)];
}

/* Returns what was there before. */
static struct sigaction host_set(int i, const struct sigaction *sa)
{
	u32 slot = (atomic_fetch_add(&host[i].next, 1) + 1) % RING;

	host[i].ring[slot] = *sa;
	return host[i].ring[atomic_exchange(&host[i].current, slot)];
}

static bool is_default(const struct sigaction *sa)
{
	return sa->sa_handler == SIG_DFL || sa->sa_handler == SIG_IGN;
}

static void on_signal(int sig, siginfo_t *info, void *uc);

static void strip(sigset_t *set)
{
	sigdelset(set, SIGSEGV);
	sigdelset(set, SIGBUS);
}

/* The host's action with our handler in it. */
static struct sigaction front_action(const struct sigaction *h)
{
	struct sigaction sa = *h;

	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO | SA_NODEFER | (h->sa_flags & (SA_ONSTACK | SA_RESTART));
	if (is_default(h))
		sa.sa_flags |= SA_ONSTACK | SA_RESTART;
	strip(&sa.sa_mask);
	return sa;
}

static int tell_kernel(int i, const struct sigaction *h, struct sigaction *old)
{
	struct sigaction sa = front_action(h);

	return NEXT(sigaction)(number(i), &sa, old);
}

/* Default action, by dying of it. */
static void die(int sig, const siginfo_t *info)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	NEXT(sigaction)(sig, &dfl, NULL);
	if (info->si_code <= 0) /* no instruction that would fault again */
		raw3(SYS_tgkill, raw0(SYS_getpid), raw0(SYS_gettid), sig);
}

/* What the host's handler wants blocked of the two. */
static void block_for_host(int i, const struct sigaction *h)
{
	u64 set = 0;

	for (int j = 0; j < 2; j++)
		if (sigismember(&h->sa_mask, number(j)) == 1 || (j == i && !(h->sa_flags & SA_NODEFER)))
			set |= 1ull << (number(j) - 1);
	if (set)
		raw4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
}

static void to_host(int i, siginfo_t *info, void *uc)
{
	struct sigaction h = host_get(i), dfl = { .sa_handler = SIG_DFL };

	if (h.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	if (is_default(&h)) {
		die(number(i), info);
		return;
	}
	if (h.sa_flags & (int)SA_RESETHAND)
		host_set(i, &dfl);
	block_for_host(i, &h);
	pre_self.state = THREAD_NEW; /* its bpf(2) meets that mask */
	h.sa_sigaction(number(i), info, uc);
	pre_self.state = THREAD_NEW;
}

static void on_signal(int sig, siginfo_t *info, void *uc)
{
	struct pre_thread *t = &pre_self;
	int i = which(sig), saved = errno;

	if (guard_fault(sig, info, uc))
		return;
	if (t->borrowed && info->si_code <= 0) {
		/* Sent while the host had it blocked: for later. */
		t->kept[i] = *info;
		t->put_off |= (u8)(1 << i);
		return;
	}
	if (sig == SIGBUS && info->si_code == BUS_ADRERR && map_zero_page(info->si_addr))
		return;
	errno = saved;
	to_host(i, info, uc);
}

void sig_stand_in_front(void)
{
	if (likely(atomic_load_explicit(&in_front, memory_order_acquire)))
		return;
	/* The handlers of a vfork child are its own, but this memory is not. */
	if (!pre_owner())
		return;
	for (int i = 0; i < 2; i++) {
		struct sigaction old, now;

		if (NEXT(sigaction)(number(i), NULL, &old))
			return;
		host_set(i, &old);
		if (tell_kernel(i, &old, &now))
			return;
		/* Changed in between, by another thread: that is what the host wants. Or we were there
		 * already. */
		if (now.sa_handler != old.sa_handler && now.sa_sigaction != on_signal)
			host_set(i, &now);
	}
	atomic_store_explicit(&in_front, true, memory_order_release);
}

static int action_other(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction sa;
	u8 want = 0, had = 0;
	int ret;

	if (sig > 0 && sig < 65)
		had = atomic_load(&stripped[sig]);
	if (act) {
		sa = *act;
		want = (u8)((sigismember(&sa.sa_mask, SIGSEGV) == 1) | (sigismember(&sa.sa_mask, SIGBUS) == 1)
									       << 1);
		strip(&sa.sa_mask);
	}
	ret = NEXT(sigaction)(sig, act ? &sa : NULL, old);
	if (ret || sig <= 0 || sig >= 65)
		return ret;
	if (act)
		atomic_store(&stripped[sig], want);
	for (int i = 0; old && i < 2; i++)
		if (had & 1 << i)
			sigaddset(&old->sa_mask, number(i));
	return 0;
}

static int action_guarded(int i, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction prev = host_get(i);

	if (act) {
		struct sigaction sa = *act;

		prev = host_set(i, &sa);
		if (tell_kernel(i, &sa, NULL))
			return -1;
	}
	if (old)
		*old = prev;
	return 0;
}

EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	int i = which(sig), ret;

	if (i < 0)
		return pre_attached ? action_other(sig, act, old) : NEXT(sigaction)(sig, act, old);
	if (atomic_load(&in_front))
		return action_guarded(i, act, old);
	ret = NEXT(sigaction)(sig, act, old);
	/* Another thread's first bpf(2) may have come in between. */
	if (!ret && act && atomic_load(&in_front))
		action_guarded(i, act, NULL);
	return ret;
}

static __sighandler_t set_handler(int sig, __sighandler_t handler, int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags }, old;

	if (!(flags & SA_NODEFER))
		sigaddset(&sa.sa_mask, sig);
	return sigaction(sig, &sa, &old) ? SIG_ERR : old.sa_handler;
}

EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
	/* For the others the original, which knows what siginterrupt(3) has said. */
	if (which(sig) < 0 || handler == SIG_ERR)
		return NEXT(signal)(sig, handler);
	return set_handler(sig, handler, SA_RESTART);
}

EXPORT __sighandler_t bsd_signal(int sig, __sighandler_t handler)
	__attribute__((alias("signal"), copy(signal)));
EXPORT __sighandler_t ssignal(int sig, __sighandler_t handler) __attribute__((alias("signal"), copy(signal)));

EXPORT __sighandler_t sysv_signal(int sig, __sighandler_t handler)
{
	return set_handler(sig, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

EXPORT __sighandler_t __sysv_signal(int sig, __sighandler_t handler) __attribute__((alias("sysv_signal")));

/* As the kernel's struct sigaction, for syscall(SYS_rt_sigaction). */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	u64 mask;
};

long sig_raw_action(int sig, const void *act, void *old, size_t size)
{
	const struct kernel_sigaction *in = act;
	struct kernel_sigaction *out = old;
	struct sigaction sa = { 0 }, was;
	int i = which(sig);

	if (i < 0 || size != 8 || !atomic_load(&in_front))
		return raw6(SYS_rt_sigaction, sig, (long)act, (long)old, (long)size, 0, 0);
	if (in) {
		sa.sa_sigaction = (void (*)(int, siginfo_t *, void *))in->handler;
		sa.sa_flags = (int)in->flags & ~0x04000000; /* SA_RESTORER: the C library brings its own */
		memcpy(&sa.sa_mask, &in->mask, 8);
	}
	if (action_guarded(i, in ? &sa : NULL, &was))
		return -errno;
	if (out) {
		*out = (struct kernel_sigaction){ .handler = (void *)was.sa_sigaction,
						  .flags = (unsigned long)was.sa_flags | 0x04000000,
						  .restorer = (void *)was.sa_restorer };
		memcpy(&out->mask, &was.sa_mask, 8);
	}
	return 0;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	pre_self.state = THREAD_NEW;
	return NEXT(sigprocmask)(how, set, old);
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	pre_self.state = THREAD_NEW;
	return NEXT(pthread_sigmask)(how, set, old);
}

/* The old calls: one word of signals 1..32, or one signal. */
static int change_word(int how, int word)
{
	u64 set = (u32)word, old = 0;
	long ret;

	pre_self.state = THREAD_NEW;
	ret = raw4(SYS_rt_sigprocmask, how, &set, &old, 8);
	return ret ? (int)ret_errno(ret) : (int)(u32)old;
}

EXPORT int sigblock(int mask)
{
	return change_word(SIG_BLOCK, mask);
}

EXPORT int sigsetmask(int mask)
{
	return change_word(SIG_SETMASK, mask);
}

static int change_one(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	return sigaddset(&set, sig) ? -1 : sigprocmask(how, &set, NULL);
}

EXPORT int sighold(int sig)
{
	return change_one(SIG_BLOCK, sig);
}

EXPORT int sigrelse(int sig)
{
	return change_one(SIG_UNBLOCK, sig);
}

const sigset_t *wait_mask(const sigset_t *mask, sigset_t *copy)
{
	if (!mask || !atomic_load_explicit(&in_front, memory_order_relaxed))
		return mask;
	*copy = *mask;
	strip(copy);
	return copy;
}

EXPORT int sigsuspend(const sigset_t *mask)
{
	sigset_t copy;

	return NEXT(sigsuspend)(wait_mask(mask, &copy));
}

/* A jump may restore a mask, and may leave a call that had borrowed the signals. */
static void before_jump(void)
{
	pre_self.state = THREAD_NEW;
	pre_borrowed_back(&pre_self);
	pre_limit_back(&pre_self);
}

EXPORT void longjmp(jmp_buf env, int value)
{
	before_jump();
	NEXT(longjmp)(env, value);
	__builtin_unreachable();
}

EXPORT void _longjmp(jmp_buf env, int value)
{
	before_jump();
	NEXT(_longjmp)(env, value);
	__builtin_unreachable();
}

EXPORT void siglongjmp(sigjmp_buf env, int value)
{
	before_jump();
	NEXT(siglongjmp)(env, value);
	__builtin_unreachable();
}

__attribute__((noreturn)) void __longjmp_chk(jmp_buf env, int value);
EXPORT void __longjmp_chk(jmp_buf env, int value)
{
	before_jump();
	NEXT(__longjmp_chk)(env, value);
	__builtin_unreachable();
}
