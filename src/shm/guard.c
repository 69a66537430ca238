// SPDX-License-Identifier: BSD-2-Clause
/*
 * Faults in our own text become errnos: see guard.h.
 *
 * guard_set stores the registers that a callee must keep, the stack pointer
 * of its caller and its return address. guard_fault writes them back into the
 * signal context, with the errno in rax: the thread goes on as if guard_set
 * had returned a second time, and the kernel restores the signal mask.
 */
#include "shm/guard.h"
#include "shm/actor.h"
#include "util/err.h"
#include "util/raw.h"
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

_Static_assert(offsetof(struct guard, regs) == 0 && offsetof(struct guard, armed) == 80,
	       "known to guard_set");

__asm__(".text\n"
	".globl guard_set\n"
	".hidden guard_set\n"
	".type guard_set, @function\n"
	"guard_set:\n"
	"	mov %rbx, 0(%rdi)\n"
	"	mov %rbp, 8(%rdi)\n"
	"	mov %r12, 16(%rdi)\n"
	"	mov %r13, 24(%rdi)\n"
	"	mov %r14, 32(%rdi)\n"
	"	mov %r15, 40(%rdi)\n"
	"	lea 8(%rsp), %rax\n"
	"	mov %rax, 48(%rdi)\n"
	"	mov (%rsp), %rax\n"
	"	mov %rax, 56(%rdi)\n"
	"	movl $1, 80(%rdi)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	".size guard_set, . - guard_set\n");

/* Where this object (the preload library, or the whole command) has its text. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

/* hi is stored last: a range is seen whole or not at all. */
static const char *_Atomic code_lo, *_Atomic code_hi;
static bool (*_Atomic probe_hook)(const void *rip, struct guard_resume *to);

void guard_code_range(const void *lo, const void *hi)
{
	code_lo = lo;
	code_hi = hi;
}

void guard_probe_hook(bool (*hook)(const void *rip, struct guard_resume *to))
{
	probe_hook = hook;
}

static bool in_own_text(greg_t rip)
{
	const char *at = (const char *)rip;

	return (at >= __ehdr_start && at < etext) || (at < code_hi && at >= code_lo);
}

/* A load that may fault: its register becomes 0 and the thread goes on. */
static bool probed(greg_t *r)
{
	static const u8 place[16] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15
	};
	struct guard_resume to = { NULL, -1 };

	if (!probe_hook || !probe_hook((const void *)r[REG_RIP], &to))
		return false;
	r[REG_RIP] = (greg_t)to.at;
	if (to.zero >= 0)
		r[place[to.zero & 15]] = 0;
	return true;
}

static void resume(struct guard *g, greg_t *r, long err)
{
	r[REG_RBX] = (greg_t)g->regs[0];
	r[REG_RBP] = (greg_t)g->regs[1];
	r[REG_R12] = (greg_t)g->regs[2];
	r[REG_R13] = (greg_t)g->regs[3];
	r[REG_R14] = (greg_t)g->regs[4];
	r[REG_R15] = (greg_t)g->regs[5];
	r[REG_RSP] = (greg_t)g->regs[6];
	r[REG_RIP] = (greg_t)g->regs[7];
	r[REG_RAX] = err;
	r[REG_EFL] &= ~(1 << 10); /* direction flag, in case a string copy ran backwards */
}

/* The frames that are left never end, so that a sanitizer would go on guarding their variables. */
static void forget_frames(const struct guard *g, greg_t rsp)
{
#ifdef __SANITIZE_ADDRESS__
	extern void __asan_unpoison_memory_region(const volatile void *at, size_t n);

	__asan_unpoison_memory_region((void *)rsp, (size_t)g->regs[6] - (size_t)rsp);
#endif
}

int guard_fault(int sig, const siginfo_t *info, void *ucontext)
{
	greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
	struct guard *g = actor_guard();
	const char *at = info->si_addr;

	/* si_code <= 0: sent by kill(2) and the like, no fault at all. */
	if (info->si_code <= 0 || !in_own_text(r[REG_RIP]))
		return 0;
	if (probed(r))
		return 1;
	if (!g || !g->armed)
		return 0;
	g->armed = 0;
	forget_frames(g, r[REG_RSP]);
	resume(g, r, at >= (const char *)g->lo && at < (const char *)g->hi ? -EIO : -EFAULT);
	return 1;
}

/*
 * A client's memory is not this program's: a sanitizer, whose checks come
 * before the copy, has no say in what may be read or written there.
 */
static inline void client_copy(void *dst, const void *src, size_t n)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
#else
	memcpy(dst, src, n);
#endif
}

int guard_copy(void *dst, const void *src, size_t n)
{
	struct guard *g = actor_guard(), outer;
	int err;

	if ((uintptr_t)dst < PAGE || (uintptr_t)src < PAGE)
		return -EFAULT; /* nothing is ever mapped there */
	if (!g) {
		client_copy(dst, src, n);
		return 0;
	}
	outer = *g;
	err = guard_set(g);
	if (!err)
		client_copy(dst, src, n);
	*actor_guard() = outer;
	return err;
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	if (guard_fault(sig, info, uc))
		return;
	/* Not ours: die of it, as without a handler, at the instruction that faulted. */
	sigaction(sig, &dfl, NULL);
}

int guard_install(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(SIGSEGV, &sa, NULL) || sigaction(SIGBUS, &sa, NULL))
		return -errno;
	return 0;
}
