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

/*
 * guard_copy(dst, src, n): a leaf, so that a fault in it needs no guard of its
 * own: guard_fault makes it return the errno. Up to 256 bytes go by moves of 16, 8, 4 or 1; four
 * are one store. It is no code that a sanitizer looks into, as a client's memory asks.
 */
__asm__(".text\n"
	".globl guard_copy\n"
	".hidden guard_copy\n"
	".type guard_copy, @function\n"
	".p2align 4\n"
	"guard_copy:\n"
	"	mov $-14, %eax\n" /* EFAULT: nothing is ever mapped in the first page */
	"	cmp $4096, %rdi\n"
	"	jb 9f\n"
	"	cmp $4096, %rsi\n"
	"	jb 9f\n"
	"guard_copy_moves:\n"
	"	cmp $16, %rdx\n"
	"	jb 2f\n"
	"	cmp $256, %rdx\n"
	"	ja 6f\n"
	"	movups -16(%rsi,%rdx), %xmm1\n" /* the last 16, which may overlap those before */
	"	lea -16(%rdi,%rdx), %rdx\n"
	"1:	movups (%rsi), %xmm0\n"
	"	movups %xmm0, (%rdi)\n"
	"	add $16, %rsi\n"
	"	add $16, %rdi\n"
	"	cmp %rdx, %rdi\n"
	"	jb 1b\n"
	"	movups %xmm1, (%rdx)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"2:	cmp $8, %rdx\n"
	"	jb 3f\n"
	"	mov (%rsi), %rcx\n"
	"	mov -8(%rsi,%rdx), %r8\n"
	"	mov %rcx, (%rdi)\n"
	"	mov %r8, -8(%rdi,%rdx)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"3:	cmp $4, %rdx\n"
	"	jne 5f\n"
	"	mov (%rsi), %ecx\n"
	"	mov %ecx, (%rdi)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"4:	movzbl -1(%rsi,%rdx), %ecx\n"
	"	mov %cl, -1(%rdi,%rdx)\n"
	"	dec %rdx\n"
	"5:	test %rdx, %rdx\n"
	"	jnz 4b\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"6:	mov %rdx, %rcx\n"
	"	rep movsb\n"
	"	xor %eax, %eax\n"
	"guard_copy_end:\n"
	"9:	ret\n"
	".size guard_copy, . - guard_copy\n");

extern const char guard_copy_moves[] __attribute__((visibility("hidden")));
extern const char guard_copy_end[] __attribute__((visibility("hidden")));

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

static bool in_copy(greg_t rip)
{
	return (const char *)rip >= guard_copy_moves && (const char *)rip < guard_copy_end;
}

int guard_fault(int sig, const siginfo_t *info, void *ucontext)
{
	greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
	struct guard *g = actor_guard();
	const char *at = info->si_addr;
	long err;

	/* si_code <= 0: sent by kill(2) and the like, no fault at all. */
	if (info->si_code <= 0 || !in_own_text(r[REG_RIP]))
		return 0;
	if (probed(r))
		return 1;
	err = g && at >= (const char *)g->lo && at < (const char *)g->hi ? -EIO : -EFAULT;
	if (in_copy(r[REG_RIP])) {
		r[REG_RAX] = err;
		r[REG_RIP] = (greg_t)guard_copy_end;
		return 1;
	}
	if (!g || !g->armed)
		return 0;
	g->armed = 0;
	forget_frames(g, r[REG_RSP]);
	resume(g, r, err);
	return 1;
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
