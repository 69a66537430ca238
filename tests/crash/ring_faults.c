// SPDX-License-Identifier: BSD-2-Clause
/* Ring buffers whose producers are killed, stopped, interrupted or jump away, at random and at every
 * instruction; and whose words are nonsense. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/lib/crash.h"
#include "tests/lib/ringwork.h"
#include "tests/lib/tap.h"

#define SIZE 4096u

static struct maptest ring;

static u32 some_size(void)
{
	return 16 + (u32)(mt_rand() % (mt_rand() % 8 ? 60 : RW_MAX - 16));
}

static void one(struct maptest *t)
{
	struct rw_record rec;
	int ret;

	if (mt_rand() % 2) {
		ret = rw_produce(t, 1, mt_rand(), some_size(), mt_rand() % 8 == 0);
		if (ret && ret != -EAGAIN)
			mt_fail("produce: %d", ret);
		return;
	}
	for (u32 i = mt_rand() % 8; i; i--) {
		ret = rw_consume(t, &rec, i & 1);
		if (ret == -EBUSY && mt_rand() % 16 == 0)
			rw_rescue(t);
		if (ret != 1)
			return;
	}
}

static u32 drain(struct maptest *t)
{
	struct rw_record rec;
	u32 n = 0;

	while (rw_consume(t, &rec, n & 1) == 1)
		n++;
	return n;
}

static u64 left_over(const struct maptest *t)
{
	const struct ring *r = ring_of(&t->map);

	return *r->prod - *r->cons;
}

/* Nobody else is at work: whatever others have left, the ring can be emptied and filled. */
static void check(struct maptest *t)
{
	u32 n = 0, got;

	rw_rescue(t);
	drain(t);
	if (left_over(t))
		mt_fail("%llu bytes cannot be consumed", (unsigned long long)left_over(t));
	while (n < SIZE && !rw_produce(t, 2, n, 24, false))
		n++;
	if (n != (SIZE - 1) / 32)
		mt_fail("%u records fit", n);
	got = drain(t);
	if (got != n)
		mt_fail("%u of %u records came out", got, n);
}

static void reset(struct maptest *t, const struct crash_step *s)
{
	const struct ring *r = ring_of(&t->map);

	rw_rescue(t);
	drain(t);
	if (left_over(t))
		mt_fail("cannot be emptied");
	if (strstr(s->name, "end"))
		for (u32 i = 0; (*r->prod & (SIZE - 1)) != SIZE - 32 && i < 4 * SIZE; i++) {
			rw_produce(t, 2, i, 16 + i % 8, false);
			drain(t);
		}
	if (strstr(s->name, "full"))
		while (!rw_produce(t, 2, 1, 24, false))
			;
}

/* A stopped producer delays none: there is room, so every record goes in. */
static void peer(struct maptest *t, const struct crash_step *s)
{
	bool full = strstr(s->name, "full");

	for (u32 i = 0; i < 20; i++) {
		if (rw_produce(t, 3, i, 16 + i * 4, false) && !full)
			mt_fail("the peer's record does not go in");
		if (i % 4 == 0)
			drain(t);
	}
}

static const struct crash_step steps[] = {
	{ "submit", STEP_UPDATE, 0, 40 },
	{ "submit over the end", STEP_UPDATE, 0, 100 },
	{ "submit to a full one", STEP_UPDATE, 0, 40 },
	{ "discard", STEP_DELETE, 0, 0 },
};

static const struct crash_case ring_case = {
	.name = "ringbuf",
	.ops = &rw_ops,
	.attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = SIZE },
	.one = one,
	.check = check,
	.reset = reset,
	.peer = peer,
	.steps = steps,
	.steps_nr = ARRAY_SIZE(steps),
};

/* ---- a consumer that counts, while producers come and go ---- */

static pid_t producer(u32 who, volatile u64 *from)
{
	pid_t pid = fork();
	u64 n = *from;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mt_seed += who * 7919;
	for (;;) {
		bool discard = who != 1 && mt_rand() % 16 == 0;

		if (rw_produce(&ring, who, n + 1, some_size(), discard))
			continue;
		n += !discard;
		*from = n;
	}
}

/* Numbers of each producer come in order, and of those that are not killed (1 to whole) none is missing. */
static u32 whole;

static void take(u64 *last, bool rescue)
{
	struct rw_record rec;
	int ret = rw_consume(&ring, &rec, last[1] & 1);

	if (ret == -EBUSY && rescue)
		rw_rescue(&ring);
	if (ret != 1 || rec.discarded)
		return;
	if (rec.who > 2 || rec.n <= last[rec.who] || (rec.who <= whole && rec.n != last[rec.who] + 1))
		mt_fail("record %llu of %u behind %llu", (unsigned long long)rec.n, rec.who,
			(unsigned long long)last[rec.who & 3]);
	last[rec.who & 3] = rec.n;
}

/* Every other round only the producers themselves can find what the dead one has left. */
static void killed_producers(long kills)
{
	u64 last[4] = { 0 }, goal;
	pid_t survivor, victim;

	*mt_failures = 0;
	mt_shared_reset();
	whole = 1;
	survivor = producer(1, &mt_shared[1]);
	for (long i = 0; i < kills && *mt_failures < 20; i++) {
		double t0 = mt_now(), end;
		u64 before = mt_shared[2];

		victim = producer(2, &mt_shared[2]);
		while (mt_shared[2] == before && mt_now() < t0 + 1)
			take(last, false);
		end = mt_now() + (double)(mt_rand() % 500) * 1e-6;
		while (mt_now() < end)
			take(last, false);
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
		mt_shared[2] += 2; /* its last number may be in the ring, uncounted */
		goal = last[1] + SIZE / 24;
		for (t0 = mt_now(); last[1] < goal && mt_now() < t0 + 5;)
			take(last, i & 1);
		if (last[1] < goal)
			mt_fail("nothing comes after kill %ld", i);
	}
	kill(survivor, SIGKILL);
	waitpid(survivor, NULL, 0);
	check(&ring);
	ok(!*mt_failures, "%ld producers killed: %llu records of the survivor, none lost; %llu of the others",
	   kills, (unsigned long long)last[1], (unsigned long long)mt_shared[2]);
}

/* A stopped producer: the other goes on until the ring is full; then on after it has been continued, in
 * order. */
static void stopped_producers(long stops)
{
	u64 last[4] = { 0 };
	pid_t pid[2];
	int st;

	*mt_failures = 0;
	mt_shared_reset();
	whole = 2;
	pid[0] = producer(1, &mt_shared[1]);
	pid[1] = producer(2, &mt_shared[2]);
	for (long i = 0; i < stops && *mt_failures < 20; i++) {
		double t0 = mt_now(), end = t0 + (double)(mt_rand() % 500) * 1e-6;
		u64 goal;

		while (mt_now() < end)
			take(last, true);
		kill(pid[i & 1], SIGSTOP);
		waitpid(pid[i & 1], &st, WUNTRACED);
		for (end = mt_now() + 0.0005; mt_now() < end;)
			take(last, true);
		kill(pid[i & 1], SIGCONT);
		goal = last[1 + (i & 1)] + 10;
		for (t0 = mt_now(); last[1 + (i & 1)] < goal && mt_now() < t0 + 5;)
			take(last, true);
		if (last[1 + (i & 1)] < goal)
			mt_fail("nothing comes after stop %ld", i);
	}
	for (u32 i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	check(&ring);
	ok(!*mt_failures, "%ld stops: %llu and %llu records in order", stops, (unsigned long long)last[1],
	   (unsigned long long)last[2]);
}

/* The consumer writes nonsense into its page, and into what is not its own, while producers run. */
static void hostile_consumer(double seconds, bool all)
{
	u64 *words = (u64 *)ring.map.data, n = ring.map.view.data_size / 8, before;
	double end = mt_now() + seconds;
	pid_t pid[2];
	int st;

	*mt_failures = 0;
	mt_shared_reset();
	pid[0] = producer(1, &mt_shared[1]);
	pid[1] = producer(2, &mt_shared[2]);
	while (mt_now() < end) {
		u64 v = mt_rand();

		if (!all) {
			words[0] = mt_rand() % 2 ? v : words[PAGE / 8] + v % 64 * 8 - 256;
			continue;
		}
		/* An empty ring again and again, and then words here and there. */
		memset(words, 0, n * 8);
		usleep(50);
		for (u32 i = 0; i < 20; i++)
			words[mt_rand() % n] = i & 1 ? v : words[mt_rand() % n];
		usleep(50);
	}
	for (u32 i = 0; i < 2; i++) {
		if (waitpid(pid[i], &st, WNOHANG))
			mt_fail("a producer ended: %x", st);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	before = *mt_failures;
	if (!all) { /* with sense again, all is well */
		*ring_of(&ring.map)->cons = *ring_of(&ring.map)->prod;
		check(&ring);
	}
	ok(!before && !*mt_failures, "nonsense in %s: %llu and %llu records were written",
	   all ? "all words" : "consumer_pos", (unsigned long long)mt_shared[1],
	   (unsigned long long)mt_shared[2]);
}

static void make(void)
{
	const struct map_attr a = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = SIZE };

	mt_free(&ring);
	if (mt_make(&ring, &rw_ops, &a))
		exit(99);
}

int main(void)
{
	const struct crash_case *c = &ring_case;
	u32 stride = 2 * (1000 / (u32)test_scale(1000)) - 1; /* 1 at full count */

	make();
	killed_producers(test_scale(2000));
	stopped_producers(test_scale(2000));
	hostile_consumer(0.02 * (double)test_scale(100), false);
	make();
	hostile_consumer(0.02 * (double)test_scale(100), true);
	crash_kill(c, test_scale(2000));
	crash_stop(c, test_scale(1000) / 4);
	crash_signal(c, 0.05 * (double)test_scale(100), false);
	crash_signal(c, 0.05 * (double)test_scale(100), true);
	crash_damage(c, test_scale(1000));
	crash_step(c, END_KILL, stride);
	crash_step(c, END_JUMP, stride);
	crash_step(c, END_RESUME, stride);
	return done();
}
