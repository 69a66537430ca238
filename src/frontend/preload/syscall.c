// SPDX-License-Identifier: BSD-2-Clause
/*
 * syscall(): a leaf that goes straight on to the kernel, but for a few numbers.
 *
 * Written in assembler since a call made through it may return twice, on the
 * same stack (fork, vfork, clone), or with other registers (rt_sigreturn): no
 * frame of ours may lie in between. Arguments arrive as in C, the number in
 * rdi, the sixth argument on the stack, so a served number is a jump to a C
 * function of the same shape.
 *
 *     number -> bit in `served` -> pre_syscall()
 *            -> else            -> the kernel
 *
 * Calls that may make a child in the same memory (vfork, clone with CLONE_VM)
 * go to the kernel, too, but leave a mark first: pre_shared. vfork() itself is
 * a jump for the same reason as syscall(). Not seen are those that a program
 * makes by an instruction of its own, whose child then calls bpf(2) through
 * the C library.
 */
#include <sched.h>
#include <stdarg.h>
#include "frontend/preload/preload.h"

#define BIT(nr) (1ull << ((nr) % 64))
#define W(nr)   ((nr) / 64)

u32 pre_shared __attribute__((visibility("hidden")));

/* Numbers whose call changes what this library must know, beside SYS_bpf itself. */
const u64 pre_served[8] __attribute__((visibility("hidden"))) = {
	[W(SYS_close)] = BIT(SYS_close) | BIT(SYS_mmap) | BIT(SYS_rt_sigaction) | BIT(SYS_rt_sigprocmask) |
			 BIT(SYS_dup) | BIT(SYS_dup2) | BIT(SYS_execve) | BIT(SYS_clone) | BIT(SYS_vfork) |
			 BIT(SYS_poll) | BIT(SYS_select) | BIT(SYS_ioctl) | BIT(SYS_setsockopt),
	[W(SYS_fcntl)] = BIT(SYS_fcntl) | BIT(SYS_umask),
	[W(SYS_mount)] = BIT(SYS_mount) | BIT(SYS_umount2),
	[W(SYS_epoll_wait)] = BIT(SYS_epoll_wait) | BIT(SYS_epoll_ctl),
	[W(SYS_unshare)] = BIT(SYS_unshare) | BIT(SYS_dup3) | BIT(SYS_ppoll) | BIT(SYS_pselect6) |
			   BIT(SYS_epoll_pwait) | BIT(SYS_perf_event_open),
	[W(SYS_bpf)] = BIT(SYS_bpf) | BIT(SYS_execveat),
	[W(SYS_close_range)] = BIT(SYS_close_range) | BIT(SYS_clone3) | BIT(SYS_epoll_pwait2),
};

_Static_assert(W(SYS_close) == W(SYS_execve) && W(SYS_close) == W(SYS_clone) &&
		       W(SYS_close) == W(SYS_vfork) && W(SYS_close_range) == W(SYS_clone3) &&
		       W(SYS_fcntl) == W(SYS_umask) && W(SYS_mount) == W(SYS_umount2) &&
		       W(SYS_unshare) == W(SYS_dup3) && W(SYS_bpf) == W(SYS_execveat) &&
		       W(SYS_close) == W(SYS_poll) && W(SYS_close) == W(SYS_select) &&
		       W(SYS_epoll_wait) == W(SYS_epoll_ctl) && W(SYS_unshare) == W(SYS_ppoll) &&
		       W(SYS_unshare) == W(SYS_pselect6) && W(SYS_unshare) == W(SYS_epoll_pwait) &&
		       W(SYS_close_range) == W(SYS_epoll_pwait2) &&
		       W(SYS_unshare) == W(SYS_perf_event_open) && W(SYS_close) == W(SYS_ioctl) &&
		       W(SYS_close) == W(SYS_setsockopt),
	       "one row a word");

__asm__(".text\n"
	".globl syscall\n"
	".type syscall, @function\n"
	".p2align 4\n"
	"syscall:\n"
	"	cmp $321, %rdi\n"
	"	je pre_syscall_bpf\n"
	"	cmp $512, %rdi\n"
	"	jae 1f\n"
	"	lea pre_served(%rip), %rax\n"
	"	mov %edi, %r11d\n"
	"	shr $6, %r11d\n"
	"	mov (%rax,%r11,8), %rax\n"
	"	bt %rdi, %rax\n"
	"	jc 2f\n"
	"1:	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"	cmp $-4095, %rax\n"
	"	jae pre_syscall_failed\n"
	"	ret\n"
	"2:	cmp $56, %rdi\n" /* clone */
	"	je 3f\n"
	"	cmp $58, %rdi\n" /* vfork */
	"	je 3f\n"
	"	cmp $435, %rdi\n" /* clone3 */
	"	jne pre_syscall\n"
	"3:	movl $1, pre_shared(%rip)\n"
	"	jmp 1b\n"
	".size syscall, . - syscall\n");

/* Returns twice to its caller: no frame here. */
__asm__(".text\n"
	".globl vfork\n"
	".globl __vfork\n"
	".type vfork, @function\n"
	".type __vfork, @function\n"
	".p2align 4\n"
	"vfork:\n"
	"__vfork:\n"
	"	movl $1, pre_shared(%rip)\n"
	"	mov next_vfork(%rip), %rax\n"
	"	test %rax, %rax\n"
	"	jnz 1f\n"
	"	sub $8, %rsp\n"
	"	call next_resolve\n"
	"	add $8, %rsp\n"
	"	mov next_vfork(%rip), %rax\n"
	"1:	jmp *%rax\n"
	".size vfork, . - vfork\n"
	".size __vfork, . - __vfork\n");

EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	void *more[3];
	va_list ap;

	va_start(ap, arg);
	for (int i = 0; i < 3; i++)
		more[i] = va_arg(ap, void *);
	va_end(ap);
	if ((flags & (CLONE_VM | CLONE_THREAD)) == CLONE_VM)
		pre_shared = 1;
	return NEXT(clone)(fn, stack, flags, arg, more[0], more[1], more[2]);
}

long pre_syscall_failed(void);
long pre_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* Reached by a jump with a negative errno in rax. */
__asm__(".text\n"
	".globl pre_syscall_failed\n"
	".hidden pre_syscall_failed\n"
	".type pre_syscall_failed, @function\n"
	"pre_syscall_failed:\n"
	"	mov %rax, %rdi\n"
	"	jmp pre_set_errno\n"
	".size pre_syscall_failed, . - pre_syscall_failed\n");

long pre_set_errno(long err);
long pre_set_errno(long err)
{
	errno = (int)-err;
	return -1;
}

static long changed(long result)
{
	/* The mask may now block what the guard needs. */
	pre_self.state = THREAD_NEW;
	return result;
}

static long do_unshare(long flags)
{
	if (flags & CLONE_FILES)
		fdtab_off();
	return raw6(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

static long do_umask(long mask)
{
	long old = raw6(SYS_umask, mask, 0, 0, 0, 0, 0);

	umask_changed((int)mask);
	return old;
}

long pre_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	switch (nr) {
	case SYS_close: return ret_errno(fd_close((int)a));
	case SYS_close_range: return ret_errno(fd_close_range((u32)a, (u32)b, (int)c));
	case SYS_dup: return ret_errno(fd_dup((int)a));
	case SYS_dup2:
	case SYS_dup3: return ret_errno(fd_dup2((int)a, (int)b, (int)c, nr == SYS_dup3));
	case SYS_fcntl: return ret_errno(fd_fcntl((int)a, (int)b, c));
	case SYS_setsockopt:
		return ret_errno(sock_setsockopt((int)a, (int)b, (int)c, (void *)d, (socklen_t)e));
	case SYS_mmap: return ret_errno(map_mmap((void *)a, (size_t)b, (int)c, (int)d, (int)e, f));
	case SYS_perf_event_open: return ret_errno(perf_open(a, b, c, d, e));
	case SYS_ioctl: return ret_errno(fd_ioctl((int)a, (unsigned long)b, c));
	case SYS_mount: return ret_errno(hidden_mount(a, b, c, d, e));
	case SYS_umount2: return ret_errno(hidden_umount(a, b));
	case SYS_execve: return ret_errno(exec_path(AT_FDCWD, (void *)a, (void *)b, (void *)c, 0));
	case SYS_execveat: return ret_errno(exec_path((int)a, (void *)b, (void *)c, (void *)d, (int)e));
	case SYS_rt_sigaction: return ret_errno(sig_raw_action((int)a, (void *)b, (void *)c, (size_t)d));
	case SYS_rt_sigprocmask: return ret_errno(changed(raw6(nr, a, b, c, d, e, f)));
	case SYS_epoll_ctl: return ret_errno(ep_raw_ctl((int)a, (int)b, (int)c, (void *)d));
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2: return ret_errno(ep_raw_wait(nr, (int)a, b, (int)c, d, (void *)e, (size_t)f));
	case SYS_poll: return ret_errno(poll_raw((void *)a, (nfds_t)b, (int)c));
	case SYS_ppoll: return ret_errno(ppoll_raw((void *)a, (nfds_t)b, (void *)c, (void *)d, (size_t)e));
	case SYS_select: return ret_errno(select_raw((int)a, (void *)b, (void *)c, (void *)d, (void *)e));
	case SYS_pselect6:
		return ret_errno(pselect_raw((int)a, (void *)b, (void *)c, (void *)d, (void *)e, f));
	case SYS_unshare: return ret_errno(do_unshare(a));
	case SYS_umask: return do_umask(a);
	}
	return ret_errno(raw6(nr, a, b, c, d, e, f));
}

EXPORT int unshare(int flags)
{
	return (int)ret_errno(do_unshare(flags));
}

EXPORT mode_t umask(mode_t mask)
{
	return (mode_t)do_umask((long)mask);
}
