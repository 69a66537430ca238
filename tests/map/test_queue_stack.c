// SPDX-License-Identifier: BSD-2-Clause
/* Queues and stacks: order, exact fullness, many hands at once. */
#include "map/map_ops.h"
#include "tests/lib/maptest.h"
#include "tests/lib/tap.h"
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct maptest t;

static void make(const struct map_ops *ops, u32 value, u32 n)
{
	int err = mt_make(
		&t, ops,
		&(struct map_attr){ .map_type = ops == &queue_ops ? BPF_MAP_TYPE_QUEUE : BPF_MAP_TYPE_STACK,
				    .value_size = value,
				    .max_entries = n });

	if (err)
		ok(0, "make: %d", err);
}

static int push(u64 v, u64 flags)
{
	u8 buf[MT_VALUE_MAX];

	for (u32 i = 0; i < t.attr.value_size; i++)
		buf[i] = (u8)(v >> (i % 8 * 8));
	return mt_update(&t, NULL, buf, flags);
}

/* What is on offer, or a negative errno. */
static s64 get(bool take)
{
	u8 buf[MT_VALUE_MAX];
	u64 v = 0;
	int err = take ? mt_take(&t, NULL, buf) : mt_lookup(&t, NULL, buf);

	if (err)
		return err;
	memcpy(&v, buf, MIN(t.attr.value_size, 8u));
	for (u32 i = 8; i < t.attr.value_size; i++)
		if (buf[i] != buf[i % 8])
			return -EILSEQ;
	return (s64)v;
}

static void rows(const struct map_ops *ops, u32 value)
{
	bool lifo = ops == &stack_ops;

	make(ops, value, 3);
	ok(get(false) == -ENOENT && get(true) == -ENOENT, "%s/%u: empty", ops->name, value);
	ok(!push(1, 0) && !push(2, 0) && !push(3, 0), "three pushed");
	ok(push(4, 0) == -E2BIG, "a fourth is too many");
	ok(push(4, BPF_NOEXIST) == -EINVAL && push(4, 3) == -EINVAL && push(4, 8) == -EINVAL, "flags");
	ok(get(false) == (lifo ? 3 : 1), "peek");
	ok(!push(4, BPF_EXIST), "over the oldest");
	ok(get(true) == (lifo ? 4 : 2) && get(true) == 3 && get(true) == (lifo ? 2 : 4), "order");
	ok(get(true) == -ENOENT, "empty again");
	for (u64 i = 0; i < 100000; i++)
		if (push(i, BPF_EXIST))
			mt_fail("push %llu", (unsigned long long)i);
	ok(get(true) == (lifo ? 99999 : 99997), "after a hundred thousand");
	ok(mt_delete(&t, NULL) == -EINVAL && mt_next(&t, NULL, NULL) == -EINVAL, "no keys");
	mt_free(&t);
	make(ops, value, 1);
	ok(!push(1, 0) && push(2, 0) == -E2BIG && !push(2, BPF_EXIST) && get(true) == 2 &&
		   get(true) == -ENOENT,
	   "one place");
	mt_free(&t);
}

/* Each side pushes numbers of its own in order; each number is popped once, and a queue keeps each side's
 * order. */
#define SIDES 3
static long each;

static void *worker(void *arg)
{
	u64 me = (u64)arg, last[SIDES] = { 0 };
	long pushed = 0, popped = 0;

	while (pushed < each || popped < each) {
		s64 v;

		if (pushed < each && !push((me << 32) | (u64)(pushed + 1), 0))
			pushed++;
		if (popped >= each)
			continue;
		v = get(true);
		if (v == -ENOENT)
			continue;
		if (v < 0 || (u64)v >> 32 >= SIDES) {
			mt_fail("popped %lld", (long long)v);
			continue;
		}
		popped++;
		__atomic_fetch_add((u64 *)&mt_shared[1], (u64)v, __ATOMIC_RELAXED);
		if (t.ops == &queue_ops && (u32)v <= last[v >> 32])
			mt_fail("order of %lld", (long long)v >> 32);
		last[v >> 32] = (u32)v;
	}
	return NULL;
}

static void many(const struct map_ops *ops, u32 value, u32 n, bool threads)
{
	pthread_t th[SIDES];
	u64 want = 0;

	make(ops, value, n);
	mt_shared_reset();
	*mt_failures = 0;
	each = test_scale(1000000) / 4;
	for (u64 s = 0; s < SIDES; s++) {
		want += (s << 32) * (u64)each + (u64)each * ((u64)each + 1) / 2;
		if (threads)
			pthread_create(&th[s], NULL, worker, (void *)s);
		else if (!fork()) {
			worker((void *)s);
			_exit(0);
		}
	}
	for (u64 s = 0; s < SIDES; s++)
		if (threads)
			pthread_join(th[s], NULL);
		else
			wait(NULL);
	ok(!*mt_failures && mt_shared[1] == want && get(true) == -ENOENT,
	   "%s/%u of %u: %d %s, %ld elements each, all popped once", ops->name, value, n, SIDES,
	   threads ? "threads" : "processes", each);
	mt_free(&t);
}

static void speed(const struct map_ops *ops, u32 value)
{
	double t0;
	long n = 1000000;

	make(ops, value, 1000);
	t0 = mt_now();
	for (long i = 0; i < n; i++) {
		push((u64)i, 0);
		get(true);
	}
	diag("%s/%u: push and pop %.0f ns", ops->name, value, (mt_now() - t0) / (double)n * 1e9);
	mt_free(&t);
}

int main(void)
{
	const struct map_ops *both[] = { &queue_ops, &stack_ops };

	for (int i = 0; i < 2; i++) {
		rows(both[i], 8);
		rows(both[i], 100);
		many(both[i], 8, 16, true);
		many(both[i], 64, 2, false);
		many(both[i], 256, 1000, false);
		speed(both[i], 8);
	}
	return done();
}
