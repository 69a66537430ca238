// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of socket lookups: the client describes the packet that looks for a socket.
 */
#include <sys/socket.h>
#include "progtype/ctx_int.h"

#define CTX_SIZE ROUND_UP(sizeof(struct run_sk_lookup), 64)

typedef struct bpf_sk_lookup user_lookup;

static user_lookup *back_of(const struct run_frame *f)
{
	return (user_lookup *)((u8 *)f->mem + CTX_SIZE);
}

static int sk_lookup_check(const struct test_run_args *a)
{
	if (a->flags || a->cpu || a->batch_size)
		return -EINVAL;
	if (a->has_data_in || a->data_size_in || a->has_data_out || a->data_size_out)
		return -EINVAL;
	if (!a->has_ctx_in && !a->has_ctx_out)
		return -EINVAL;
	return a->has_ctx_in && a->ctx_size_in > CTX_IN_MAX ? -E2BIG : 0;
}

static size_t sk_lookup_mem_size(const struct test_run_args *a)
{
	return CTX_SIZE + ROUND_UP(sizeof(user_lookup), 64);
}

static int sk_lookup_setup(struct run_frame *f, const struct test_run_args *a)
{
	struct run_sk_lookup *c = f->mem;
	user_lookup *u = back_of(f);
	int err = ctx_take(a, u, sizeof(*u));

	f->ctx = c;
	if (err)
		return err;
	if (u->cookie || !BETWEEN_ZERO(u, END_OF(user_lookup, local_port), sizeof(*u)))
		return -EINVAL;
	if (u->local_port > 0xffff)
		return -ERANGE;
	c->family = (u16)u->family;
	c->protocol = (u16)u->protocol;
	c->remote_port = u->remote_port;
	c->local_port = u->local_port;
	switch (c->family) {
	case AF_INET:
		c->remote_ip4 = u->remote_ip4;
		c->local_ip4 = u->local_ip4;
		return 0;
	case AF_INET6:
		memcpy(c->remote_ip6, u->remote_ip6, 16);
		memcpy(c->local_ip6, u->local_ip6, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

static void sk_lookup_begin(struct run_frame *f)
{
	((struct run_sk_lookup *)f->ctx)->sk = NULL;
}

static void sk_lookup_finish(struct run_frame *f, struct test_run_out *out)
{
	*out = (struct test_run_out){ .ctx = back_of(f), .ctx_size = sizeof(user_lookup) };
}

const struct prog_run_ops sk_lookup_run_ops = {
	.check = sk_lookup_check,
	.mem_size = sk_lookup_mem_size,
	.setup = sk_lookup_setup,
	.begin = sk_lookup_begin,
	.end = run_end_plain,
	.finish = sk_lookup_finish,
};
