// SPDX-License-Identifier: BSD-2-Clause
/*
 * What iterators write: text and bytes into the stream of the running session.
 *
 * The stream is the run's own (struct run_seq), whatever seq_file the program
 * names: there is one a run. What does not fit leaves it full, as it is in the
 * kernel: the piece is lost, this call and each later one say EOVERFLOW, and who runs
 * the iterator drops all that the object wrote.
 */
#include "helper/format.h"
#include "helper/helper_ids.h"
#include "util/err.h"
#include <string.h>

#define INT .ret = RET_INTEGER

static u64 put(struct run_seq *s, const void *data, u32 n)
{
	/* The last byte is never used: so a full buffer can be told from one that overflowed. */
	if (s->full || n >= s->room - s->len) {
		s->full = true;
		return (u64)-EOVERFLOW;
	}
	memcpy(s->buf + s->len, data, n);
	s->len += n;
	return 0;
}

static u64 seq_write(u64 seq, u64 data, u64 size, u64 r4, u64 r5, struct run *run)
{
	if (!run->seq)
		return (u64)-EINVAL;
	return put(run->seq, (const void *)data, (u32)size);
}
PROTO(seq_write, .func = seq_write, GPL, INT, ARGS(BTF, IN, SIZE0), .arg_size = { ARG_SEQ_FILE });

/* Formatted where it goes, if there is room for it. */
static u64 seq_printf(u64 seq, u64 fmt, u64 fmt_size, u64 data, u64 data_size, struct run *run)
{
	struct run_seq *s = run->seq;
	u64 args[FORMAT_ARGS_MAX] = { 0 };
	int n;

	if (!s || data_size % 8 || data_size / 8 > FORMAT_ARGS_MAX || (data_size && !data))
		return (u64)-EINVAL;
	if (data_size)
		memcpy(args, (const void *)data, data_size);
	n = format_text(s->buf + s->len, s->full ? 0 : s->room - s->len, (const char *)fmt, (u32)fmt_size,
			args, (u32)(data_size / 8));
	if (n < 0)
		return (u64)(s64)n;
	if (s->full || (u32)n >= s->room - s->len) {
		s->full = true;
		return (u64)-EOVERFLOW;
	}
	s->len += (u32)n;
	return 0;
}
PROTO(seq_printf, .func = seq_printf, GPL, INT, ARGS(BTF, IN, SIZE, IN_OR_NULL, SIZE0),
      .arg_size = { ARG_SEQ_FILE });
