// SPDX-License-Identifier: BSD-2-Clause
/*
 * The order of the passes.
 *
 *   structure    subprograms, their jumps and ends, BTF's view of them    subprog.c
 *   maps         ld_imm64 of map fds; opcodes                             maps.c
 *   flow         reachability, order, live registers                      cfg.c, live_regs.c
 *   walk         the program, then each global function that it calls     walk.c
 *   stack        chains of calls fit                                      func.c
 *   fixup        dead code goes, the rest becomes movable                 fixup.c
 */
#include "verifier/verifier.h"
#include "verifier/env.h"

static int check_kind(struct env *e)
{
	bool sleeps = e->req->flags & BPF_F_SLEEPABLE;

	if (e->type->kind == PROG_SYSCALL)
		return sleeps ? 0 : bad(e, -EINVAL, "Syscall programs can only be sleepable");
	if (!sleeps || e->type->may_sleep)
		return 0;
	return bad(e, -EINVAL,
		   "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
}

static int structure(struct env *e)
{
	int err = func_info_types(e);

	if (!err)
		err = subprogs_find(e);
	if (!err)
		err = subprogs_check(e);
	if (!err)
		err = func_info_check(e);
	if (!err)
		err = maps_resolve(e);
	if (!err)
		err = cfg_check(e);
	if (!err)
		err = check_kind(e);
	if (!err)
		err = cfg_order(e);
	if (!err)
		err = live_regs_compute(e);
	return err;
}

/* Until no walk has called a function that was not walked. */
static int walk_functions(struct env *e)
{
	bool more = true;
	int err = 0;

	while (!err && more) {
		more = false;
		for (u32 s = 1; !err && s < e->nr_subs; s++) {
			if (!e->sub[s].global || !e->sub[s].called || e->sub[s].verified)
				continue;
			e->sub[s].verified = true;
			more = true;
			err = walk_global(e, s);
		}
	}
	return err;
}

static struct env *env_make(const struct verify_req *req, struct verify_result *res)
{
	struct env boot = { .req = req }, *e = vmem(&boot, sizeof(*e));

	if (!e)
		return NULL;
	*e = boot;
	e->res = res;
	e->log = req->log;
	e->type = req->type;
	e->insns = req->insns;
	e->cnt = req->cnt;
	e->strict = req->flags & BPF_F_STRICT_ALIGNMENT;
	e->explored_size = e->cnt;
	return e;
}

/* Room for as many subprograms as there can be, and the end. */
static u32 subs_room(const struct env *e)
{
	u32 n = 2;

	for (u32 at = 0; at < e->cnt && n < SUBPROGS_MAX + 2; at++)
		n += insn_is_call(&e->insns[at], BPF_PSEUDO_CALL) || insn_is_func(&e->insns[at]);
	return n;
}

static int prepare(struct env *e)
{
	e->aux = vmem(e, e->cnt * sizeof(*e->aux));
	e->sub = vmem(e, subs_room(e) * sizeof(*e->sub));
	e->explored = vmem(e, e->cnt * sizeof(*e->explored));
	return e->aux && e->sub && e->explored ? 0 : -ENOMEM;
}

/* How much stack the subprograms of a refused program were seen to use, for the log. */
static void tell_depths(const struct env *e, struct vprog *p)
{
	p->nr_subs = e->nr_subs;
	for (u32 s = 0; s < e->nr_subs; s++)
		p->sub[s].depth = (u16)e->sub[s].depth;
}

int verify(const struct verify_req *req, struct verify_result *res)
{
	struct env *e;
	int err;

	memset(res, 0, sizeof(*res));
	if (!req->cnt || req->cnt > VERIFIER_INSNS_LIMIT)
		return -E2BIG;
	e = env_make(req, res);
	if (!e)
		return -ENOMEM;
	err = prepare(e);
	if (!err)
		err = structure(e);
	if (!err)
		err = walk_main(e);
	if (!err)
		err = walk_functions(e);
	if (!err)
		err = stack_depth_check(e);
	res->processed = e->processed;
	if (!err)
		err = fixup(e);
	if (err)
		tell_depths(e, &res->prog);
	vmem_end(e);
	res->arena = e->chunks;
	res->arena_size = e->mem_total;
	return err;
}

void verify_free(struct verify_result *res)
{
	vmem_drop(res->arena);
	res->arena = NULL;
	res->arena_size = 0;
}
