// SPDX-License-Identifier: BSD-2-Clause
/*
 * What iterators write: text and bytes into the stream of the running session; and values with their names.
 *
 * The stream is the run's own (struct run_seq), whatever seq_file the program
 * names: there is one a run. What does not fit leaves it full, as it is in the
 * kernel: the piece is lost, this call and each later one say EOVERFLOW, and who runs
 * the iterator drops all that the object wrote.
 */
#include "btf/btf_pretty.h"
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
	n = format_text(run, s->buf + s->len, s->full ? 0 : s->room - s->len, (const char *)fmt,
			(u32)fmt_size, args, (u32)(data_size / 8));
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

/* ---- values by their types in the machine's BTF ---- */

#define PRETTY_FLAGS (BTF_F_COMPACT | BTF_F_NONAME | BTF_F_PTR_RAW | BTF_F_ZERO)

/* 0, or why there is nothing to show. */
static int pretty_check(const struct btf_ptr *p, u64 size, u64 flags, const struct btf_view **v)
{
	if (flags & ~(u64)PRETTY_FLAGS || (u32)size != sizeof(*p))
		return -EINVAL;
	*v = btf_kernel();
	if (!*v || !p->type_id)
		return -EINVAL;
	return btf_type(*v, p->type_id) ? 0 : -ENOENT;
}

static void to_seq(struct btf_sink *s, const char *text, size_t n)
{
	put(s->arg, text, (u32)n);
}

static u64 seq_printf_btf(u64 seq, u64 ptr, u64 size, u64 flags, u64 r5, struct run *run)
{
	struct btf_sink sink = { .put = to_seq, .arg = run->seq };
	const struct btf_view *v;
	struct btf_ptr p = { 0 };
	int err;

	memcpy(&p, (const void *)ptr, MIN((u32)size, sizeof(p)));
	err = run->seq ? pretty_check(&p, size, flags, &v) : -EINVAL;
	if (err)
		return (u64)(s64)err;
	return (u64)(s64)btf_pretty(v, p.type_id, ptr_to_u64(p.ptr), flags, format_hashed, &sink);
}
PROTO(seq_printf_btf, .func = seq_printf_btf, GPL, INT, ARGS(BTF, IN, SIZE0, ANY),
      .arg_size = { ARG_SEQ_FILE });

struct text {
	char *buf;
	u32 room;
	u64 len; /* what there would be */
};

static void to_text(struct btf_sink *s, const char *from, size_t n)
{
	struct text *t = s->arg;

	for (; n; n--, from++, t->len++)
		if (t->len + 1 < t->room)
			t->buf[t->len] = *from;
}

static bool readable(struct run *run, const struct btf_view *v, const struct btf_ptr *p)
{
	u32 elem, nr, n = btf_kernel_size(v, p->type_id, &elem, &nr);

	s64 own = run->ops->own ? run->ops->own(run, ptr_to_u64(p->ptr), n) : -1;

	return own < 0 || own == n;
}

static u64 snprintf_btf(u64 buf, u64 room, u64 ptr, u64 size, u64 flags, struct run *run)
{
	struct text t = { .buf = (char *)buf, .room = (u32)room };
	struct btf_sink sink = { .put = to_text, .arg = &t };
	const struct btf_view *v;
	struct btf_ptr p = { 0 };
	int err;

	memcpy(&p, (const void *)ptr, MIN((u32)size, sizeof(p)));
	err = pretty_check(&p, size, flags, &v);
	if (!err && !readable(run, v, &p))
		err = -EFAULT;
	if (err)
		return (u64)(s64)err;
	err = btf_pretty(v, p.type_id, ptr_to_u64(p.ptr), flags, format_hashed, &sink);
	if (t.room)
		t.buf[MIN(t.len, t.room - 1)] = 0;
	return err ? (u64)(s64)err : t.len;
}
PROTO(snprintf_btf, .func = snprintf_btf, INT, ARGS(INOUT, SIZE, IN, SIZE, ANY));
