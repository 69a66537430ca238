// SPDX-License-Identifier: BSD-2-Clause
/* Queues and stacks whose users are killed, stopped, interrupted or jump away, at random and at every
 * instruction. */
#include "map/map_ops.h"
#include "shm/pool.h"
#include "tests/lib/crash.h"
#include "tests/lib/tap.h"
#include <string.h>

#define N 8u

static int push(struct maptest *t, u64 flags)
{
	u8 v[MT_VALUE_MAX];

	mt_value(t, mt_rand() % 1000, v);
	return mt_update(t, NULL, v, flags);
}

static int get(struct maptest *t, bool take)
{
	u8 v[MT_VALUE_MAX];
	int ret = take ? mt_take(t, NULL, v) : mt_lookup(t, NULL, v);
	u32 n;

	memcpy(&n, v + 4, 4);
	if (!ret && !mt_check(t, n, v))
		mt_fail("an element of %u is torn", n);
	return ret;
}

static void one(struct maptest *t)
{
	u64 what = mt_rand() % 8;
	int ret;

	if (what < 3)
		ret = push(t, BPF_ANY);
	else if (what < 4)
		ret = push(t, BPF_EXIST);
	else
		ret = get(t, what < 7);
	if (ret && ret != -E2BIG && ret != -ENOENT)
		mt_fail("operation %d answered %d", (int)what, ret);
}

/* The pool stands first in the type's own part of struct bpf_map. */
static u32 blocks_free(struct maptest *t)
{
	const struct pool *p = (const struct pool *)&t->map.priv;
	static struct pool_mine mine[2048];
	struct op *op = op_enter(t, __builtin_frame_address(0));
	u32 n = 0;

	op->budget = 1l << 40;
	while (n < ARRAY_SIZE(mine) && !pool_get(op, p, 0, &mine[n]))
		n++;
	for (u32 i = 0; i < n; i++)
		pool_put(op, p, &mine[i]);
	op_leave(op);
	return n;
}

/* Takes all out and puts as many in again: exactly N fit, and no block is lost. */
static void check(struct maptest *t)
{
	const struct pool *p = (const struct pool *)&t->map.priv;
	u32 held = 0, n = 0, lost;

	while (held <= N && !get(t, true))
		held++;
	while (n <= N && !push(t, BPF_ANY))
		n++;
	if (held > N || n != N)
		mt_fail("%u elements, room for %u", held, n);
	lost = p->n - N - blocks_free(t);
	if (lost)
		mt_fail("%u blocks lost", lost);
	while (n-- > held)
		get(t, true);
}

static void reset(struct maptest *t, const struct crash_step *s)
{
	u32 fill = strstr(s->name, "full") ? N : strstr(s->name, "one") ? 1 : N / 2;

	for (u32 i = 0; !get(t, true); i++)
		if (i > N)
			mt_fail("cannot be emptied");
	while (fill--)
		if (push(t, BPF_ANY))
			mt_fail("cannot be filled");
}

static void peer(struct maptest *t, const struct crash_step *s)
{
	for (u32 r = 0; r < 20; r++) {
		int ret = get(t, true);

		/* The one element may have been taken already. */
		if (ret && !(ret == -ENOENT && s->what == STEP_TAKE && strstr(s->name, "one")))
			mt_fail("peer's pop: %d", ret);
		if (!ret && (ret = push(t, BPF_ANY)) && !(ret == -E2BIG && strstr(s->name, "full")))
			mt_fail("peer's push: %d", ret);
		ret = push(t, BPF_EXIST);
		if (ret)
			mt_fail("peer's push over: %d", ret);
		ret = get(t, true);
		if (ret)
			mt_fail("peer's second pop: %d", ret);
	}
}

static const struct crash_step steps[] = {
	{ "push", STEP_UPDATE, 5, BPF_ANY },
	{ "push over a full one", STEP_UPDATE, 5, BPF_EXIST },
	{ "pop", STEP_TAKE, 0, 0 },
	{ "pop of the only one", STEP_TAKE, 0, 0 },
};

#define CASE(ops_, type_, v)                                                                                 \
	{                                                                                                    \
		.name = #type_ " " #v, .ops = &ops_,                                                         \
		.attr = { .map_type = BPF_MAP_TYPE_##type_, .value_size = v, .max_entries = N }, .one = one, \
		.check = check, .reset = reset, .peer = peer, .steps = steps, .steps_nr = ARRAY_SIZE(steps), \
	}

static const struct crash_case cases[] = {
	CASE(queue_ops, QUEUE, 8),
	CASE(queue_ops, QUEUE, 256),
	CASE(stack_ops, STACK, 64),
};

int main(void)
{
	u32 stride = 2 * (1000 / (u32)test_scale(1000)) - 1; /* 1 at full count */

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct crash_case *c = &cases[i];

		crash_kill(c, test_scale(5000) / 4);
		crash_stop(c, test_scale(1000) / 4);
		crash_signal(c, 0.05 * (double)test_scale(100), false);
		crash_signal(c, 0.05 * (double)test_scale(100), true);
		crash_damage(c, test_scale(1000));
		crash_step(c, END_KILL, stride);
		crash_step(c, END_JUMP, stride);
		crash_step(c, END_RESUME, stride);
	}
	return done();
}
