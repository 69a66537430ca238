// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf(2) that programs call: bpf_sys_bpf and bpf_sys_close of a run (struct run_ops).
 *
 * A command that a program makes is an ordinary one with another caller. Its pointers are to memory of the
 * program's, its descriptors are those of who asked for the run:
 *
 *     running -> prog_sys { struct bpf_caller } -> sys_bpf()
 *                       \
 *                        the run's own caller: descriptors, credentials, user memory
 *
 * The program may write any number where a pointer belongs. What is not memory of its own (its stack, its
 * context, values of its maps) is EFAULT; so nothing of the process that runs it is read. Only words of
 * the attributes are written, which the verifier has seen. A few pointers are the user's, as on a kernel:
 * logs, and the name of a raw tracepoint.
 *
 * Where the caller is another process, descriptors can be given to it but not taken back. So the run keeps
 * what it makes, under the numbers that the caller would give, and hands over at its end what the program has
 * not closed. That is sound as long as nobody else takes numbers meanwhile (next_fd of struct
 * bpf_caller_ops).
 */
#ifndef PINFS_SYS_PROG_SYS_H
#define PINFS_SYS_PROG_SYS_H

#include "helper/run.h"

struct running;

/* For struct run_ops. */
long prog_sys_bpf(struct run *r, u32 cmd, u64 attr, u32 size);
long prog_sys_close(struct run *r, u32 fd);
s64 prog_sys_own(struct run *r, u64 at, u32 n);

/* The run has come to its end: what it keeps goes to the caller. 0, or an errno: then some of it did not. */
int prog_sys_settle(struct running *p);
/* Gives up what is kept still, and the memory. Under no guard. */
void prog_sys_free(struct running *p);

#endif
