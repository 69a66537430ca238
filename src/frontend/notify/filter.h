// SPDX-License-Identifier: BSD-2-Clause
/*
 * The seccomp filter of a run: which calls the supervisor gets to see.
 *
 * It is generated from the rows of sys_fs() and the few numbers of this
 * directory, sorted into a search tree, so that a call that is not served costs
 * a handful of comparisons (and nothing where the kernel keeps its bitmap of
 * calls that are always allowed).
 */
#ifndef PINFS_NOTIFY_FILTER_H
#define PINFS_NOTIFY_FILTER_H

#include <linux/filter.h>
#include "util/types.h"

#define FILTER_INSNS 1024

struct filter {
	struct sock_filter insn[FILTER_INSNS];
	u32 len;
};

/* How calls reach the supervisor; all but the first by the tracer (frontend/trace). */
enum filter_how {
	FILTER_NOTIFY,   /* by the listener */
	FILTER_TRAP,     /* what an outer filter hides is trapped */
	FILTER_STOP,     /* by stops: no listener can be had */
	FILTER_STOP_TRAP /* both */
};

static inline bool filter_stops(enum filter_how how)
{
	return how >= FILTER_STOP;
}

/* Calls that carry cookie in their sixth argument pass. 0, or -E2BIG. */
int filter_build(struct filter *f, u64 cookie, enum filter_how how);

/*
 * Installs it in this thread and returns the listener's fd, O_CLOEXEC. Sets
 * no_new_privs where the kernel asks for it (*nnp tells). *killable: a notified
 * call can only be interrupted by a fatal signal. -EBUSY: a listener is there.
 */
int filter_install(const struct filter *f, bool *killable, bool *nnp);
/* Without a listener: 0 or -errno. */
int filter_install_plain(const struct filter *f, bool *nnp);

#endif
