// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening an iterator link for its text.
 */
#ifndef PINFS_SYS_CMD_ITER_H
#define PINFS_SYS_CMD_ITER_H

#include "sys/caller.h"

/* A new session of that link: as iter_session (sys/iter_run.h). -EIO also: it is no iterator. */
int iter_open_link(struct bpf_caller *c, struct op *op, u64 client_word, u32 link_id, const char *name);

#endif
