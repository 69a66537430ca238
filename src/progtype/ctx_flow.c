// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of flow dissectors: the data that goes back are the keys that the program has found.
 *
 * Each run begins with fresh keys: behind the Ethernet header, with the client's
 * flags. What the program says of offsets is brought back into the packet.
 */
#include "progtype/ctx_int.h"

#define SKB_SIZE  ROUND_UP(sizeof(struct run_skb), 64)
#define BACK_SIZE ROUND_UP(sizeof(struct bpf_flow_keys), 64)

static struct bpf_flow_keys *user_keys(const struct run_frame *f)
{
	return (struct bpf_flow_keys *)((u8 *)f->mem + SKB_SIZE);
}

static int flow_check(const struct test_run_args *a)
{
	if (a->flags || a->cpu || a->batch_size)
		return -EINVAL;
	if (a->data_size_in < RUN_ETH_LEN || a->data_size_in > PAGE)
		return -EINVAL;
	return 0;
}

static size_t flow_mem_size(const struct test_run_args *a)
{
	return SKB_SIZE + BACK_SIZE + PAGE;
}

static int flow_setup(struct run_frame *f, const struct test_run_args *a)
{
	struct bpf_flow_keys *u = user_keys(f);
	struct run_skb *skb = f->mem;
	int err = ctx_take(a, u, sizeof(*u));

	f->ctx = skb;
	if (err)
		return err;
	if (!BETWEEN_ZERO(u, 0, offsetof(struct bpf_flow_keys, flags)) ||
	    !BETWEEN_ZERO(u, END_OF(struct bpf_flow_keys, flags), sizeof(*u)))
		return -EINVAL;
	f->keep = a->has_ctx_in || a->has_ctx_out;
	skb->kind = RUN_CTX_SKB;
	skb->head = skb->mac = skb->data = skb->data_meta = (u8 *)f->mem + SKB_SIZE + BACK_SIZE;
	skb->net = skb->mac + RUN_ETH_LEN;
	skb->data_end = skb->end = skb->data + a->data_size_in;
	memcpy(skb->data, a->data_in, a->data_size_in);
	skb_sync(skb);
	skb->flow_keys = &skb->keys;
	return 0;
}

static void flow_begin(struct run_frame *f)
{
	struct run_skb *skb = f->ctx;

	memset(&skb->keys, 0, sizeof(skb->keys));
	skb->keys.nhoff = skb->keys.thoff = RUN_ETH_LEN;
	skb->keys.flags = user_keys(f)->flags;
	memcpy(&skb->keys.n_proto, skb->mac + 12, 2);
}

static u16 clamp(u16 v, u32 lo, u32 hi)
{
	return (u16)(v < lo ? lo : v > hi ? hi : v);
}

static u32 flow_end(struct run_frame *f, u64 r0)
{
	struct run_skb *skb = f->ctx;

	skb->keys.nhoff = clamp(skb->keys.nhoff, RUN_ETH_LEN, skb->len);
	skb->keys.thoff = clamp(skb->keys.thoff, skb->keys.nhoff, skb->len);
	return (u32)r0;
}

static void flow_finish(struct run_frame *f, struct test_run_out *out)
{
	const struct run_skb *skb = f->ctx;

	*out = (struct test_run_out){ .data = &skb->keys, .size = sizeof(skb->keys) };
	if (!f->keep)
		return;
	out->ctx = user_keys(f);
	out->ctx_size = sizeof(struct bpf_flow_keys);
}

const struct prog_run_ops flow_run_ops = {
	.check = flow_check,
	.ctx_max = CTX_IN_MAX,
	.mem_size = flow_mem_size,
	.setup = flow_setup,
	.begin = flow_begin,
	.end = flow_end,
	.finish = flow_finish,
};
