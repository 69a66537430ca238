// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of raw tracepoints: the client gives the tracepoint's words, nothing goes back but the result.
 */
#include "progtype/ctx_int.h"

#define WORDS_SIZE 96u

static int raw_tp_check(const struct test_run_args *a)
{
	if (a->has_data_in || a->data_size_in || a->has_data_out || a->data_size_out || a->has_ctx_out ||
	    a->ctx_size_out || a->duration || a->repeat || a->batch_size)
		return -EINVAL;
	if (a->ctx_size_in < a->max_ctx || a->ctx_size_in > WORDS_SIZE)
		return -EINVAL;
	if (!(a->flags & BPF_F_TEST_RUN_ON_CPU) && a->cpu)
		return -EINVAL;
	return 0;
}

static size_t raw_tp_mem_size(const struct test_run_args *a)
{
	return 128;
}

static int raw_tp_setup(struct run_frame *f, const struct test_run_args *a)
{
	f->ctx = f->mem;
	if (a->ctx_size_in && !a->has_ctx_in)
		return -EFAULT;
	if (a->ctx_size_in)
		memcpy(f->ctx, a->ctx_in, a->ctx_size_in);
	return 0;
}

static void raw_tp_finish(struct run_frame *f, struct test_run_out *out)
{
	*out = (struct test_run_out){ .no_data_out = true };
}

const struct prog_run_ops raw_tp_run_ops = {
	.check = raw_tp_check,
	.mem_size = raw_tp_mem_size,
	.setup = raw_tp_setup,
	.begin = run_begin_nothing,
	.end = run_end_plain,
	.finish = raw_tp_finish,
	.cpu_asked = true,
};
