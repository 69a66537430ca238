// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of syscall programs: the client's bytes are changed in place and go back where they came from.
 */
#include "progtype/ctx_int.h"

#define BYTES_MAX 65535u

static int syscall_check(const struct test_run_args *a)
{
	if (a->has_data_in || a->data_size_in || a->has_data_out || a->data_size_out || a->has_ctx_out ||
	    a->ctx_size_out || a->duration || a->repeat || a->flags || a->batch_size)
		return -EINVAL;
	if (a->ctx_size_in < a->max_ctx || a->ctx_size_in > BYTES_MAX)
		return -EINVAL;
	return 0;
}

static size_t syscall_mem_size(const struct test_run_args *a)
{
	return ROUND_UP(a->ctx_size_in + 16, 16);
}

static int syscall_setup(struct run_frame *f, const struct test_run_args *a)
{
	f->ctx = f->mem;
	f->ctx_size = a->ctx_size_in;
	if (a->ctx_size_in && !a->has_ctx_in)
		return -EFAULT;
	if (a->ctx_size_in)
		memcpy(f->ctx, a->ctx_in, a->ctx_size_in);
	return 0;
}

static void syscall_finish(struct run_frame *f, struct test_run_out *out)
{
	*out = (struct test_run_out){
		.no_data_out = true,
		.ctx = f->ctx_size ? f->ctx : NULL,
		.ctx_size = f->ctx_size,
		.ctx_to_in = true,
	};
}

const struct prog_run_ops syscall_run_ops = {
	.check = syscall_check,
	.mem_size = syscall_mem_size,
	.setup = syscall_setup,
	.begin = run_begin_nothing,
	.end = run_end_plain,
	.finish = syscall_finish,
};
