// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test runs of netfilter programs: hook and packet are the kernel's own structs,
 * of which programs here see no more than that there are some.
 */
#include <linux/if_ether.h>
#include "progtype/ctx_int.h"

#define FRAME_MAX 3712u
#define IP4_LEN   20u
#define PF_IP4    2u
#define PF_IP6    10u
#define HOOKS     5u

/* The kernel's struct nf_hook_state, as clients give it: all pointers must be NULL. */
struct user_hook {
	u8 hook, pf;
	u64 in, out, sk, net, okfn;
};

struct nf_frame {
	u64 state, skb; /* struct bpf_nf_ctx: numbers */
	struct user_hook hook;
};

static int nf_check(const struct test_run_args *a)
{
	if (a->flags || a->cpu || a->batch_size)
		return -EINVAL;
	if (a->data_size_in < IP4_LEN || a->data_size_in > FRAME_MAX)
		return -EINVAL;
	return 0;
}

static size_t nf_mem_size(const struct test_run_args *a)
{
	return ROUND_UP(sizeof(struct nf_frame), 64);
}

static int hook_check(const struct user_hook *h)
{
	if (h->in || h->out || h->sk || h->net || h->okfn)
		return -EINVAL;
	return (h->pf == PF_IP4 || h->pf == PF_IP6) && h->hook < HOOKS ? 0 : -EINVAL;
}

/* The hook's family must be one that such a packet can come by. */
static int family_check(const struct test_run_args *a, u8 pf)
{
	u16 proto;

	memcpy(&proto, (const u8 *)a->data_in + 2 * ETH_ALEN, 2);
	if (proto == __builtin_bswap16(ETH_P_IP))
		return 0;
	if (proto == __builtin_bswap16(ETH_P_IPV6))
		return pf == PF_IP6 ? 0 : -EINVAL;
	return -EPROTO;
}

static int nf_setup(struct run_frame *f, const struct test_run_args *a)
{
	struct nf_frame *nf = f->mem;
	int err = ctx_take(a, &nf->hook, sizeof(nf->hook));

	f->ctx = nf;
	if (err)
		return err;
	if (!a->has_ctx_in && !a->has_ctx_out)
		return 0; /* any packet passes some hook */
	err = hook_check(&nf->hook);
	return err ? err : family_check(a, nf->hook.pf);
}

static void nf_finish(struct run_frame *f, struct test_run_out *out)
{
	*out = (struct test_run_out){ 0 };
}

const struct prog_run_ops netfilter_run_ops = {
	.check = nf_check,
	.ctx_max = CTX_IN_MAX,
	.mem_size = nf_mem_size,
	.setup = nf_setup,
	.begin = run_begin_nothing,
	.end = run_end_plain,
	.finish = nf_finish,
};
