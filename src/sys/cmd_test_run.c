// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_TEST_RUN: a program on the client's data, in this process.
 *
 * The program type makes the context and takes it apart (progtype/ctx.h); here
 * is what is common: the client's memory, the order of the errnos, the counts.
 *
 *     one block:  struct test | data in | context in | the type's own memory
 *
 * Blocks of the usual size are kept for the next call: a run of a small program
 * takes less time than mapping memory for it.
 */
#include <string.h>
#include <sys/mman.h>
#include "prog/stats.h"
#include "store/store.h"
#include "sys/cmds.h"
#include "sys/prog_run.h"
#include "util/raw.h"
#include "util/str.h"
#include "util/slab.h"

#define DATA_MAX (1u << 20) /* what the type's check lets through is far below */
#define BLOCK    16384u

struct test {
	struct cmd_ctx *x;
	const union bpf_attr_new *u;
	struct handle *h;
	struct test_run_args args;
	struct test_run_out out;
	struct running run;
	bool long_ctx; /* longer than the type takes: not read, but told only after the data */
	size_t size;
	u8 mem[] __attribute__((aligned(64)));
};

static int device_exists(u32 ifindex)
{
	return cmd_device_exists(ifindex);
}

static void fill_args(struct test_run_args *a, const union bpf_attr_new *u, const struct prog_hdr *h)
{
	*a = (struct test_run_args){
		.prog_type = h->o.kind,
		.attach = h->expected_attach_type,
		.xdp_frags = h->prog_flags & BPF_F_XDP_HAS_FRAGS,
		.has_data_in = u->test_run.data_in,
		.has_data_out = u->test_run.data_out,
		.has_ctx_in = u->test_run.ctx_in,
		.has_ctx_out = u->test_run.ctx_out,
		.data_size_in = u->test_run.data_size_in,
		.data_size_out = u->test_run.data_size_out,
		.ctx_size_in = u->test_run.ctx_size_in,
		.ctx_size_out = u->test_run.ctx_size_out,
		.repeat = u->test_run.repeat,
		.duration = u->test_run.duration,
		.flags = u->test_run.flags,
		.cpu = u->test_run.cpu,
		.batch_size = u->test_run.batch_size,
		.ifindex_valid = device_exists,
	};
}

static int bring_in(struct test *t)
{
	struct test_run_args *a = &t->args;
	u8 *data = t->mem, *ctx = data + ROUND_UP(a->data_size_in, 64);
	int err = 0;

	t->run.frame.mem = ctx + ROUND_UP(a->ctx_size_in, 64);
	if (a->has_data_in) {
		err = caller_in(t->x->c, data, t->u->test_run.data_in, a->data_size_in);
		a->data_in = data;
	}
	if (!err && t->long_ctx)
		return -E2BIG;
	if (!err && a->has_ctx_in) {
		err = caller_in(t->x->c, ctx, t->u->test_run.ctx_in, a->ctx_size_in);
		a->ctx_in = ctx;
	}
	return err;
}

/*
 * What goes back. Room that is too small is ENOSPC, and then also where the
 * client's memory is none: so it is with the kernel.
 */
static bool data_cut(const struct test *t)
{
	u32 room = t->args.data_size_out;

	return !t->out.no_data_out && room && t->out.size + t->out.more_size > room;
}

/* Where the room is short the answer is ENOSPC, whatever else can be written. */
static int put(struct test *t, u64 to, const void *from, size_t n)
{
	bool cut = data_cut(t) || t->out.ctx_size > t->args.ctx_size_out;

	return cut ? caller_out(t->x->c, to, from, n) : caller_out_last(t->x->c, to, from, n);
}

static int put_u32(struct test *t, u32 offset, u32 value)
{
	return put(t, t->x->uattr + offset, &value, sizeof(value));
}

static int put_data(struct test *t)
{
	const struct test_run_out *o = &t->out;
	u32 size = o->size + o->more_size, n = data_cut(t) ? t->args.data_size_out : size,
	    first = MIN(n, o->size);
	u64 to = t->u->test_run.data_out;
	int err = 0;

	if (o->no_data_out)
		return 0;
	if (to) {
		err = put(t, to, o->data, first);
		if (!err)
			err = put(t, to + first, o->more, n - first);
	}
	return err ? err : put_u32(t, BPF_ATTR_OFF(test_run.data_size_out), size);
}

static int put_ctx(struct test *t)
{
	const struct test_run_out *o = &t->out;
	u32 room = t->args.ctx_size_out;
	u64 to = t->u->test_run.ctx_out;
	int err;

	if (!o->ctx)
		return 0;
	if (o->ctx_to_in)
		return put(t, t->u->test_run.ctx_in, o->ctx, o->ctx_size);
	if (!to)
		return 0;
	err = put(t, to, o->ctx, MIN(o->ctx_size, room));
	if (!err)
		err = put_u32(t, BPF_ATTR_OFF(test_run.ctx_size_out), o->ctx_size);
	return o->ctx_size > room ? -ENOSPC : err;
}

static int put_out(struct test *t)
{
	u64 ns = t->run.ns / t->run.repeat;
	int err = put_data(t);

	if (!err)
		err = put_u32(t, BPF_ATTR_OFF(test_run.retval), t->run.retval);
	if (!err && !t->out.no_data_out)
		err = put_u32(t, BPF_ATTR_OFF(test_run.duration), (u32)MIN(ns, UINT32_MAX));
	if (data_cut(t))
		return -ENOSPC;
	return err ? err : put_ctx(t);
}

static void count(struct test *t)
{
	struct opened *o = handle_open(t->h);
	struct prog_hdr *h = IS_ERR(o) ? NULL : (struct prog_hdr *)o->view.hdr;

	if (!h || !o->view.writable || !t->run.done)
		return;
	atomic_fetch_add(&h->run_cnt, t->run.done);
	atomic_fetch_add(&h->run_time_ns, t->run.ns);
}

static int run_test(struct test *t)
{
	bool counted = stats_wanted();
	int err = bring_in(t);

	if (!err)
		err = t->run.ops->setup(&t->run.frame, &t->args);
	if (!err && t->run.prefer_cpu >= (int)possible_cpus())
		err = -ENXIO;
	if (err)
		return err;
	err = prog_run(&t->run, t->x->op);
	if (counted)
		count(t);
	if (err)
		return err;
	t->run.ops->finish(&t->run.frame, &t->out);
	return put_out(t);
}

static struct slab blocks = { .size = BLOCK };

static struct test *test_alloc(const struct test_run_args *a, const struct prog_run_ops *ops)
{
	size_t mem = ops->mem_size(a),
	       in = ROUND_UP((size_t)a->data_size_in, 64) + ROUND_UP((size_t)a->ctx_size_in, 64);
	size_t size = sizeof(struct test) + in + mem;
	struct test *t;

	if (a->data_size_in > DATA_MAX || a->ctx_size_in > DATA_MAX)
		return NULL;
	if (size <= BLOCK) {
		t = slab_get(&blocks);
		if (!t)
			return NULL;
		memset(t, 0, sizeof(*t));
		memset(t->mem + in, 0, mem);
	} else {
		t = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (IS_ERR(t))
			return NULL;
	}
	t->size = size;
	t->args = *a;
	t->run.ops = ops;
	t->run.frame.size = mem;
	return t;
}

static void test_free(struct test *t)
{
	if (t->size <= BLOCK)
		slab_put(&blocks, t);
	else
		raw_munmap(t, t->size);
}

/*
 * The CPU that a client of another process is on, for programs that show it: which
 * perf event is put out to depends on it. -1: any will do.
 */
static int client_cpu(const struct bpf_caller *c, const struct prog_image *image)
{
	bool asks = false;
	char text[512];
	const char *p = NULL;
	long n = 0;
	int fd;

	for (u32 i = 0; i < image->maps.nr; i++)
		asks |= image->maps.map[i].m->map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
	if (c->direct || !asks)
		return -1;
	str_put(str_put_u64(str_put(text, "/proc/"), (u64)c->tid, 10), "/stat");
	fd = raw_openat(AT_FDCWD, text, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		n = raw_read(fd, text, sizeof(text) - 1);
		raw_close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	for (const char *q = text; *q; q++)
		if (*q == ')')
			p = q; /* behind the name, whatever is in it */
	for (int field = 2; p && field < 39; field++) {
		while (*p && *p != ' ')
			p++;
		p = *p ? p + 1 : NULL;
	}
	return p ? (int)str_get_u64(p, NULL) : -1;
}

static long test(struct cmd_ctx *x, struct handle *h)
{
	const union bpf_attr_new *u = x->attr;
	const struct opened *o = handle_open(h);
	const struct prog_run_ops *ops;
	struct test_run_args args;
	struct prog_image *image;
	struct test *t;
	bool long_ctx;
	long ret;

	if (IS_ERR(o))
		return PTR_ERR(o);
	x->op->guard.lo = o->view.base;
	x->op->guard.hi = o->view.base + o->view.size;
	fill_args(&args, u, (const struct prog_hdr *)o->view.hdr);
	ops = prog_run_ops_get(prog_type_get(args.prog_type)->run);
	if (!ops)
		return -ENOTSUPP;
	image = prog_image_get(x->op, h);
	if (IS_ERR(image))
		return PTR_ERR(image);
	/* From here on only what was verified counts, whatever the file says meanwhile. */
	ops = prog_run_ops_get(image->row->run);
	if (!ops)
		return -EIO;
	args.prog_type = image->type;
	args.attach = image->attach;
	args.xdp_frags = image->prog_flags & BPF_F_XDP_HAS_FRAGS;
	args.max_ctx = image->max_ctx;
	ret = ops->check(&args);
	if (ret)
		return ret;
	long_ctx = ops->ctx_max && args.has_ctx_in && args.ctx_size_in > ops->ctx_max;
	if (long_ctx)
		args.ctx_size_in = 0;
	t = test_alloc(&args, ops);
	if (!t)
		return -ENOMEM;
	t->long_ctx = long_ctx;
	t->x = x;
	t->u = u;
	t->h = h;
	t->run.c = x->c;
	t->run.client_word = x->uattr;
	t->run.image = image;
	t->run.ctx_size = image->row->max_ctx ? args.ctx_size_in : UINT32_MAX;
	t->run.repeat = MAX(u->test_run.repeat, 1u);
	/* A CPU that there is; whether the run then really has it is another matter. */
	t->run.prefer_cpu = ops->cpu_asked && u->test_run.flags & BPF_F_TEST_RUN_ON_CPU
				    ? (int)u->test_run.cpu
				    : client_cpu(x->c, image);
	ret = run_test(t);
	test_free(t);
	return ret;
}

long cmd_prog_test_run(struct cmd_ctx *x)
{
	const union bpf_attr_new *u = x->attr;
	struct bpf_file f;
	struct handle *h;
	long ret;

	if (!u->test_run.ctx_size_in != !u->test_run.ctx_in ||
	    !u->test_run.ctx_size_out != !u->test_run.ctx_out)
		return -EINVAL;
	ret = cmd_get_fd(x, (int)u->test_run.prog_fd, OBJ_PROG, &f);
	if (ret)
		return ret;
	/* A reference: helpers use the operation's hazard for maps. */
	h = f.h;
	if (!handle_try_ref(h)) {
		put_fd(&f);
		return -EBADF;
	}
	put_fd(&f);
	x->op->obj = NULL;
	ret = test(x, h);
	handle_put(h);
	return ret;
}
