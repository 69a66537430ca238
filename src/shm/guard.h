// SPDX-License-Identifier: BSD-2-Clause
/*
 * Faults on memory that is not ours to trust become errnos.
 *
 * Two kinds of memory can vanish under an operation: the client's own (a bad
 * pointer in union bpf_attr: EFAULT) and the pages of a store file that
 * someone has truncated, or that a full filesystem does not give (EIO). Both
 * cost nothing as long as they do not happen:
 *
 *     struct op *op = op_enter(obj, __builtin_frame_address(0));
 *     int err = guard_set(&op->guard);   // 0 now; comes back here with
 *     if (!err)                          // -EFAULT or -EIO after a fault
 *             err = work(op);
 *     op_leave(op);
 *
 * guard_fault() is called by the process's SIGSEGV and SIGBUS handler. It
 * takes a fault only when the faulting instruction is in this library's own
 * text and the thread is in a guarded operation; all others belong to the
 * host program. It then makes the thread go on at guard_set. The library's
 * copies are its own (util/mem.c), so that they lie in its text.
 *
 * What an operation had claimed when it faulted is recovered like that of an
 * abandoned one.
 */
#ifndef PINFS_SHM_GUARD_H
#define PINFS_SHM_GUARD_H

#include <signal.h>
#include <stddef.h>
#include "util/types.h"

struct guard {
	u64 regs[8];         /* rbx rbp r12 r13 r14 r15 rsp rip, see guard.S part of guard.c */
	const void *lo, *hi; /* the mapping of the object: a fault there is EIO */
	volatile int armed;
};

/* Returns 0 when set, and a second time with a negative errno after a fault. */
int guard_set(struct guard *g) __attribute__((returns_twice));

/*
 * Copies n bytes of which one side may be a client's bad pointer: 0 or
 * -EFAULT. For use inside an operation, whose own guard stays as it is.
 */
int guard_copy(void *dst, const void *src, size_t n);

/* 1: the fault was ours and the context has been changed to go on; 0: the host's. Async-signal-safe. */
int guard_fault(int sig, const siginfo_t *info, void *ucontext);

/* Text that is made at run time: a fault in [lo, hi) is ours like one in our own text. One range, once. */
void guard_code_range(const void *lo, const void *hi);

/*
 * Loads that may fault and then give 0. The hook gets the address of an
 * instruction of ours that has faulted: true, where to go on, and which register
 * (its number in the instruction encoding, 0..15) is to be zero; -1: none.
 * Needs no guard that is set. Once; called in a signal handler.
 */
struct guard_resume {
	const void *at;
	int zero;
};
void guard_probe_hook(bool (*hook)(const void *rip, struct guard_resume *to));

/* Installs a handler for SIGSEGV and SIGBUS that calls guard_fault and else dies as by default (for pinfs's
 * own processes). */
int guard_install(void);

#endif
