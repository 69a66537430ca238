// SPDX-License-Identifier: BSD-2-Clause
/*
 * The log that BTF_LOAD and PROG_LOAD write for the client.
 *
 * Text goes into private memory of the size the client gave and is copied out
 * once, at the end. The rules are the kernel's:
 *
 *  - level 0: nothing is written and no buffer may be given;
 *  - a text longer than the buffer makes the whole load fail with ENOSPC. The
 *    buffer then holds the text's tail (a ring, turned round at the end), or,
 *    with VLOG_FIXED, its head;
 *  - the true size (text and NUL) is told in any case, also without a buffer.
 *
 * vlog_mark and vlog_reset take text back: the verifier forgets the account of
 * a path that went well.
 */
#ifndef PINFS_BTF_VLOG_H
#define PINFS_BTF_VLOG_H

#include "util/types.h"

#define VLOG_LEVEL1 1u
#define VLOG_LEVEL2 2u
#define VLOG_STATS  4u
#define VLOG_FIXED  8u
#define VLOG_LEVELS 15u

struct vlog {
	u32 level;
	u32 size;  /* of the client's buffer, 0: none */
	u64 len;   /* bytes of text now */
	u64 max;   /* most that it ever was, NUL included */
	char *buf; /* size bytes; text byte n lies at n % size */
};

/* -EINVAL: level, buffer and size do not go together; -ENOMEM. */
int vlog_init(struct vlog *l, u32 level, u64 ubuf, u32 size);

/* %s %c %u %d %x %lu %ld %lx %% and no widths. */
void vlog(struct vlog *l, const char *fmt, ...) PRINTF(2, 3);

static inline u64 vlog_mark(const struct vlog *l)
{
	return l->len;
}

void vlog_reset(struct vlog *l, u64 mark);

/*
 * Puts the text in order, NUL-terminated, from l->buf on; *n bytes of it are
 * to be copied to the client. 0 or -ENOSPC; *true_size in both cases.
 */
int vlog_finish(struct vlog *l, u32 *n, u32 *true_size);
void vlog_free(struct vlog *l);

#endif
