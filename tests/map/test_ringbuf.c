// SPDX-License-Identifier: BSD-2-Clause
/* Ring buffers: records and their order, what is full, who is dead, and samples of hostile clients. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "map/map_ops.h"
#include "tests/lib/ringwork.h"
#include "tests/lib/tap.h"

#define SIZE 4096u

static struct maptest t;
static struct ring *r;

static void make(u32 type, u32 size)
{
	const struct map_attr a = { .map_type = type, .max_entries = size };
	bool user = type == BPF_MAP_TYPE_USER_RINGBUF;

	mt_free(&t);
	if (mt_make(&t, user ? &user_ringbuf_ops : &rw_ops, &a))
		exit(99);
	r = ring_of(&t.map);
}

static u64 used(void)
{
	return *r->prod - *r->cons;
}

static u32 drain(void)
{
	struct rw_record rec;
	u32 n = 0;

	while (rw_consume(&t, &rec, n & 1) == 1)
		n++;
	return n;
}

/* ---- an operation with open records ---- */

#define OPEN_MAX 8
static void *open_rec[OPEN_MAX];

static noinline u32 reserve_some(struct op *op, u32 n, u32 size)
{
	u32 i = 0;

	while (i < n && (open_rec[i] = ring_reserve(op, &t.map, size)))
		i++;
	return i;
}

static noinline void in_any_order(void)
{
	struct op *op = op_enter(&t.map, __builtin_frame_address(0));
	struct rw_record rec;

	ok(reserve_some(op, 4, 24) == 4 && op->owns == 4 && used() == 4 * 32, "four records are open");
	ok(rw_consume(&t, &rec, false) == -EBUSY, "none can be read");
	ring_commit(op, &t.map, open_rec[1], 0, true);
	ring_commit(op, &t.map, open_rec[3], 0, true);
	ok(rw_consume(&t, &rec, false) == -EBUSY, "as long as the first is open");
	ring_commit(op, &t.map, open_rec[0], 0, true);
	ok(drain() == 2 && used() == 64, "two can be read");
	ok(reserve_some(op, 4, 4056) == 0, "the window from the oldest busy one counts");
	*r->cons = *r->prod;
	ok(reserve_some(op, 4, 4056) == 0, "whatever the consumer says");
	*r->cons -= 64;
	ring_commit(op, &t.map, open_rec[2], 0, true);
	ok(drain() == 2 && !used(), "the others follow");
	ok(reserve_some(op, 4, 4056) == 1, "and there is room");
	ring_commit(op, &t.map, open_rec[0], 0, true);
	ok(!op->owns, "nothing is owned any more");
	op_leave(op);
	drain();
}

/* Memory of the second half is there before a record is. */
static void second_half(void)
{
	u64 before;

	make(BPF_MAP_TYPE_RINGBUF, 65536);
	before = r->backed;
	for (u32 i = 0; i < 1000; i++) {
		rw_produce(&t, 1, i, 200, false);
		drain();
	}
	ok(before == PAGE && r->backed == PAGE, "short records need one page of the second half");
	ok(!*mt_failures, "and are whole, read either way");
	make(BPF_MAP_TYPE_RINGBUF, 4 * SIZE);
	for (u32 i = 0; i < 3; i++) {
		struct op *op = op_enter(&t.map, __builtin_frame_address(0));
		void *p = ring_reserve(op, &t.map, 12000);

		if (p) {
			memset(p, 7, 12000);
			ring_commit(op, &t.map, p, 0, true);
		}
		op_leave(op);
		drain();
	}
	ok(r->backed > PAGE && r->backed <= 4 * SIZE && *r->prod == 3 * 12008, "a long one has more: %llu",
	   (unsigned long long)r->backed);
}

/* ---- a producer that is stopped before it has written its header ---- */

static void stopped_in_between(void)
{
	u32 owner = actor_self()->id, n = 0, i;
	struct rw_record rec;
	struct pair *s;

	make(BPF_MAP_TYPE_RINGBUF, 65536);
	for (i = 0; i < 10; i++)
		rw_produce(&t, 1, i, 16, false);
	drain();
	s = &r->ctl->slot[11];
	*s = (struct pair){ *r->prod, (u64)owner << 32 | 32 / 8 << 4 | 1 };
	while (n < 65536 && !rw_produce(&t, 2, n, 16, false))
		n++;
	ok(n >= SLOTS_MIN - 16 && n <= SLOTS_MAX, "%u more records go in behind it", n);
	ok(!used(), "the consumer sees none of them");
	*(u64 *)(r->data + (s->lo & r->mask)) = (u64)owner << 32 | BPF_RINGBUF_DISCARD_BIT | 24;
	s->hi++;
	ok(!rw_produce(&t, 2, n, 16, false), "it goes on: the next record goes in");
	for (i = 0; rw_consume(&t, &rec, i & 1) == 1; i++)
		if (i && rec.n != i - 1)
			mt_fail("record %llu at place %u", (unsigned long long)rec.n, i);
	ok(i == n + 2 && !*mt_failures, "and all come in order");
	/* The same, and then it dies: an id that nobody has. */
	i = (u32)(r->ctl->newest + 1) & r->slots;
	r->ctl->slot[i] = (struct pair){ *r->prod, 0x7fffffffull << 32 | 32 / 8 << 4 | 1 };
	for (n = 0; n < 20; n++)
		rw_produce(&t, 2, n, 16, false);
	rw_rescue(&t);
	ok(rw_consume(&t, &rec, false) == 1 && rec.discarded && rec.size == 24, "of a dead one: discarded");
	ok(drain() == 20, "and the others follow");
}

/* ---- two threads produce, one consumes ---- */

static long each;

static void *producer(void *arg)
{
	u32 who = (u32)(uintptr_t)arg;

	mt_seed += who * 7919;
	for (u64 n = 1; n <= (u64)each;)
		if (!rw_produce(&t, who, n, 16 + (u32)(mt_rand() % 100), false))
			n++;
	return NULL;
}

static void two_producers(void)
{
	u64 last[3] = { 0 };
	struct rw_record rec;
	double end = mt_now() + 60;
	pthread_t th[2];

	each = test_scale(300000);
	make(BPF_MAP_TYPE_RINGBUF, SIZE);
	for (u32 i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, producer, (void *)(uintptr_t)(i + 1));
	while ((last[1] < (u64)each || last[2] < (u64)each) && mt_now() < end) {
		if (rw_consume(&t, &rec, last[1] & 1) != 1)
			continue;
		if (rec.who < 1 || rec.who > 2 || rec.n != last[rec.who] + 1) {
			mt_fail("record %llu of %u", (unsigned long long)rec.n, rec.who);
			break;
		}
		last[rec.who] = rec.n;
	}
	ok(last[1] == (u64)each && last[2] == (u64)each && !*mt_failures,
	   "two threads: %ld records of each, in order", each);
	for (u32 i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
}

/* ---- samples ---- */

static noinline int drain_samples(u32 *sum)
{
	struct op *op = op_enter(&t.map, __builtin_frame_address(0));
	struct ring_sample s;
	int err = user_ring_begin(op, &t.map);

	*sum = 0;
	if (!err) {
		for (int n = 0; n < 1000; n++) {
			err = user_ring_peek(&t.map, &s);
			if (err == -EAGAIN)
				continue;
			if (err)
				break;
			for (u32 i = 0; i < s.size; i++)
				*sum += ((const volatile u8 *)s.data)[i];
			user_ring_release(&t.map, &s);
		}
		user_ring_end(op, &t.map);
	}
	op_leave(op);
	return err;
}

static void put_sample(u32 word, u8 fill)
{
	u64 at = *r->prod & r->mask;

	*(u64 *)(r->data + at) = word;
	memset(r->data + ((at + 8) & r->mask), fill, word & RING_LEN);
	*r->prod += ring_total(word);
}

/* Begins to drain and does not come back. */
static void leave_drain(void)
{
	struct op *op = op_enter(&t.map, __builtin_frame_address(0));

	mt_shared[0] = (u64)user_ring_begin(op, &t.map) + 1;
}

static void samples(void)
{
	struct op *op;
	pid_t pid;
	u32 sum;

	make(BPF_MAP_TYPE_USER_RINGBUF, SIZE);
	ok(drain_samples(&sum) == -ENODATA, "no samples");
	for (u32 i = 0; i < 1000; i++) {
		put_sample(5 + i % 90, 2);
		if (drain_samples(&sum) != -ENODATA || sum != 2 * (5 + i % 90) || used())
			mt_fail("sample %u: %u", i, sum);
	}
	ok(!*mt_failures, "a thousand samples, round the end");
	op = op_enter(&t, __builtin_frame_address(0));
	ok(!user_ring_begin(op, &t.map) && user_ring_begin(op, &t.map) == -EBUSY, "one drains at a time");
	user_ring_end(op, &t.map);
	ok(!op->owns && !user_ring_begin(op, &t.map), "and then another");
	user_ring_end(op, &t.map);
	op_leave(op);
	pid = fork();
	if (!pid) {
		leave_drain();
		pause();
	}
	while (!mt_shared[0])
		usleep(100);
	ok(mt_shared[0] == 1 && drain_samples(&sum) == -EBUSY, "a process drains");
	kill(pid, SIGSTOP);
	ok(drain_samples(&sum) == -EBUSY, "it is stopped");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(drain_samples(&sum) == -ENODATA, "it is dead: its drain is over");
	leave_drain();
	ok(drain_samples(&sum) == -ENODATA, "one of this thread that was left is over, too");
}

/* A client that writes anything anywhere, while another process drains and is killed now and then. */
static void hostile_client(double seconds)
{
	u64 *words = (u64 *)t.map.data, n = t.map.view.data_size / 8;
	double end = mt_now() + seconds;
	u32 sum, kills = 0;
	int st = 0;

	make(BPF_MAP_TYPE_USER_RINGBUF, SIZE);
	words = (u64 *)t.map.data;
	mt_shared_reset();
	while (mt_now() < end) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) {
				drain_samples(&sum);
				mt_shared[1]++;
			}
		}
		for (u32 i = 0; i < 3000; i++) {
			u64 v = mt_rand();

			if (i % 4)
				words[PAGE / 8] = *r->cons + v % 80 * 8;
			else
				words[mt_rand() % (i % 64 ? 2048 : n)] = v % 3 ? v % 200 : v;
		}
		if (waitpid(pid, &st, WNOHANG))
			mt_fail("the drain ended: %x", st);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		kills++;
	}
	memset(words, 0, n * 8);
	put_sample(8, 1);
	ok(!*mt_failures && drain_samples(&sum) == -ENODATA && sum == 8,
	   "a hostile client: %llu drains, %u killed", (unsigned long long)mt_shared[1], kills);
}

int main(void)
{
	make(BPF_MAP_TYPE_RINGBUF, SIZE);
	*mt_failures = 0;
	in_any_order();
	second_half();
	stopped_in_between();
	two_producers();
	samples();
	hostile_client(0.02 * (double)test_scale(100));
	mt_free(&t);
	return done();
}
