// SPDX-License-Identifier: BSD-2-Clause
/*
 * The two entries of the object model: all that front ends and the command see.
 */
#ifndef PINFS_SYS_SYS_H
#define PINFS_SYS_SYS_H

#include "sys/caller.h"

/* sys_fs(): not a bpffs matter; let the kernel do the call. */
#define SYS_CONTINUE (-0x7fffffffl)

/*
 * bpf(2), as Linux 6.18 answers it: result >= 0 or negative errno. attr is an
 * address in the client. Async-signal-safe for direct callers.
 */
long sys_bpf(struct bpf_caller *c, int cmd, u64 attr, u32 size);

/*
 * Another system call that must see a bpffs, by number and arguments: result,
 * negative errno, or SYS_CONTINUE. Never called for direct callers: uses malloc.
 */
long sys_fs(struct bpf_caller *c, int nr, const u64 args[6]);

/* The system call numbers sys_fs has rows for, for the filter: count, and each. */
u32 sys_fs_calls(void);
int sys_fs_call(u32 i);

/* Sets the tables of the layers below; once per process, before anything else. */
void sys_init(void);

/*
 * Looks at all maps for what dead processes hold in them and give back only when somebody
 * meets it; how many things that were. For `pinfs gc`; not async-signal-safe.
 */
u32 sys_gc(void);

/* The same of maps that somebody has ever waited for: who sleeps there meets nothing by itself, and is woken.
 */
u32 sys_gc_waited(void);

#endif
