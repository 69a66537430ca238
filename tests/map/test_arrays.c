// SPDX-License-Identifier: BSD-2-Clause
/* Arrays of values and of CPUs, bloom filters: rows, batches, threads, locks and their dead holders. */
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "store/store.h"
#include "tests/lib/maptest.h"
#include "tests/lib/tap.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct maptest t;

static int make(const struct map_ops *ops, u32 type, u32 value, u32 n)
{
	return mt_make(&t, ops,
		       &(struct map_attr){ .map_type = type,
					   .key_size = 4,
					   .value_size = value,
					   .max_entries = n,
					   .ncpu = possible_cpus() });
}

static void value_sizes(void)
{
	static const u32 sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 63, 64, 100, 4096 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 a[4096], b[4104];
		bool good = true;

		make(&array_ops, BPF_MAP_TYPE_ARRAY, sizes[i], 5);
		for (u32 k = 0; k < 5; k++) {
			memset(a, (int)(k + 1), sizes[i]);
			good &= !mt_update(&t, &k, a, BPF_ANY);
		}
		for (u32 k = 0; k < 5; k++) {
			memset(a, (int)(k + 1), sizes[i]);
			memset(b, 0xee, sizeof(b));
			good &= !mt_lookup(&t, &k, b) && !memcmp(a, b, sizes[i]) && b[sizes[i]] == 0xee;
		}
		ok(good, "values of %u bytes, and nothing behind them", sizes[i]);
		mt_free(&t);
	}
}

static void rows(const struct map_ops *ops, u32 type)
{
	u64 v[64] = { 0 };
	u32 k = 3, next = 99;

	make(ops, type, 8, 3);
	ok(mt_lookup(&t, &k, v) == -ENOENT && mt_update(&t, &k, v, 0) == -E2BIG &&
		   mt_update(&t, &k, v, BPF_NOEXIST) == -E2BIG,
	   "%s: index out of range", ops->name);
	k = 1;
	ok(mt_update(&t, &k, v, BPF_NOEXIST) == -EEXIST && mt_update(&t, &k, v, 3) == -EINVAL &&
		   mt_update(&t, &k, v, 8) == -EINVAL && !mt_update(&t, &k, v, BPF_EXIST),
	   "flags");
	ok(mt_delete(&t, &k) == -EINVAL && mt_take(&t, &k, v) == -ENOTSUPP, "nothing is deleted");
	ok(!mt_next(&t, NULL, &next) && next == 0 && !mt_next(&t, &next, &next) && next == 1,
	   "keys in order");
	k = 2;
	ok(mt_next(&t, &k, &next) == -ENOENT, "the last");
	k = 77;
	ok(!mt_next(&t, &k, &next) && next == 0, "an unknown one starts over");
	mt_free(&t);
}

static void batches(void)
{
	u32 keys[20], cursor, in;
	u64 values[20];
	struct map_batch b = { .out = &cursor, .keys = keys, .values = values, .count = 5 };

	make(&array_ops, BPF_MAP_TYPE_ARRAY, 8, 8);
	for (u32 i = 0; i < 8; i++) {
		keys[i] = i;
		values[i] = i * 10;
	}
	ok(!mt_batch(&t, map_generic_update_batch, &b) && b.count == 5, "five are written");
	b.count = 20;
	ok(mt_batch(&t, map_generic_lookup_batch, &b) == -ENOENT && b.count == 8 && values[4] == 40 &&
		   values[5] == 0 && cursor == 7,
	   "all eight are read, then ENOENT");
	b.count = 8;
	ok(!mt_batch(&t, map_generic_lookup_batch, &b) && b.count == 8, "exactly eight: no error yet");
	in = cursor;
	b.in = &in;
	b.count = 8;
	ok(mt_batch(&t, map_generic_lookup_batch, &b) == -ENOENT && b.count == 0, "but the next time");
	in = 1000;
	b.count = 4;
	ok(!mt_batch(&t, map_generic_lookup_batch, &b) && b.count == 4 && cursor == 3,
	   "a cursor out of range starts over");
	keys[2] = 99;
	b.count = 8;
	ok(mt_batch(&t, map_generic_update_batch, &b) == -E2BIG && b.count == 2, "stops at the bad one");
	b.elem_flags = BPF_NOEXIST;
	b.count = 8;
	ok(mt_batch(&t, map_generic_update_batch, &b) == -EINVAL && b.count == 8, "flags: count untouched");
	mt_free(&t);
}

static void cpus(void)
{
	u32 n = possible_cpus(), k = 1;
	u64 v[256], got[256];

	make(&percpu_array_ops, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 3);
	for (u32 i = 0; i < n; i++)
		v[i] = 0x1122334455667700ull + i;
	ok(!mt_update(&t, &k, v, 0) && !mt_lookup(&t, &k, got) && !memcmp(v, got, n * 8),
	   "padding comes back as it was given");
	k = 0;
	memset(got, 1, sizeof(got));
	ok(!mt_lookup(&t, &k, got) && got[0] == 0 && got[n - 1] == 0 && got[n] == 0x0101010101010101ull,
	   "a neighbour is 0, and nothing behind it is written");
	mt_free(&t);
	mt_make(&t, &percpu_array_ops,
		&(struct map_attr){ .map_type = BPF_MAP_TYPE_PERCPU_ARRAY,
				    .key_size = 4,
				    .value_size = 8,
				    .max_entries = 1,
				    .ncpu = n + 3 });
	ok(!mt_update(&t, &k, v, 0) && !mt_lookup(&t, &k, got) && !memcmp(v, got, n * 8) &&
		   got[n] == 0x0101010101010101ull,
	   "a map of more CPUs shows those that are here");
	mt_free(&t);
}

static void bloom(void)
{
	u32 n = 1000, wrong = 0, missing = 0;

	mt_make(&t, &bloom_filter_ops,
		&(struct map_attr){
			.map_type = BPF_MAP_TYPE_BLOOM_FILTER, .value_size = 8, .max_entries = n });
	for (u64 v = 0; v < n; v++)
		if (mt_update(&t, NULL, &v, BPF_ANY))
			mt_fail("push");
	for (u64 v = 0; v < 100 * n; v++) {
		int ret = mt_lookup(&t, NULL, &v);

		missing += v < n && ret;
		wrong += v >= n && !ret;
	}
	ok(!missing && wrong < 5 * n, "bloom: none missing, %u of %u wrongly there", wrong, 99 * n);
	ok(mt_update(&t, NULL, &n, BPF_EXIST) == -EINVAL && mt_delete(&t, NULL) == -EOPNOTSUPP &&
		   mt_next(&t, NULL, NULL) == -EOPNOTSUPP,
	   "what it does not have");
	mt_free(&t);
}

/* ---- locks ---- */

#define WORDS 32

static void make_locked(u32 off)
{
	mt_make(&t, &array_ops,
		&(struct map_attr){ .map_type = BPF_MAP_TYPE_ARRAY,
				    .key_size = 4,
				    .value_size = WORDS * 8,
				    .max_entries = 2,
				    .record = { (s32)off, -1 } });
}

static u32 *lock_word(void)
{
	return (u32 *)(t.map.data + t.map.record.spin_lock_off);
}

/* All words but the one with the lock say the same. */
static bool whole(const u64 *v)
{
	for (u32 i = 2; i < WORDS; i++)
		if (v[i] != v[0])
			return false;
	return (u32)v[1] == (u32)v[0] && !(v[1] >> 32);
}

static int locked(u64 n, bool write)
{
	u64 v[WORDS];
	u32 k = 0;
	int ret;

	for (u32 i = 0; i < WORDS; i++)
		v[i] = n << 32 | n;
	if (write)
		return mt_update(&t, &k, v, BPF_F_LOCK);
	ret = mt_lookup_flags(&t, &k, v, BPF_F_LOCK);
	if (!ret && !whole(v))
		mt_fail("torn: %llx %llx", (unsigned long long)v[0], (unsigned long long)v[5]);
	return ret;
}

static long rounds;

static void *lock_work(void *arg)
{
	for (long i = 0; i < rounds; i++)
		if (locked((u64)i, i % 3))
			mt_fail("locked operation");
	return NULL;
}

static void locks(void)
{
	pthread_t th[3];
	pid_t pid;
	u32 k = 0;

	make_locked(12);
	*mt_failures = 0;
	rounds = test_scale(300000);
	pid = fork();
	if (!pid) {
		lock_work(NULL);
		_exit(0);
	}
	for (u32 i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, lock_work, NULL);
	for (u32 i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	waitpid(pid, NULL, 0);
	ok(!*mt_failures && !*lock_word(), "3 threads and a process, %ld locked operations each, none torn",
	   rounds);
	*lock_word() = 4000000000u;
	ok(!locked(7, true) && !locked(0, false) && !*lock_word(), "taken from a holder that is no more");
	*lock_word() = 4000000000u;
	ok(!mt_update(&t, &k, (u64[WORDS]){ 1 }, 0), "nobody else waits for it");
	ok(*lock_word() == 4000000000u, "or touches it");
	*lock_word() = 0;
	mt_free(&t);
}

static volatile long handled;

static void on_alarm(int sig)
{
	handled++;
	if (locked((u64)handled, handled % 2))
		mt_fail("in a handler");
}

/* A handler does locked operations on the same element. */
static void lock_handlers(void)
{
	double t0 = mt_now();
	long n = 0;

	make_locked(12);
	*mt_failures = 0;
	signal(SIGALRM, on_alarm);
	ualarm(200, 200);
	for (; mt_now() - t0 < 0.3; n++)
		if (locked((u64)n, n % 3))
			mt_fail("locked operation");
	ualarm(0, 0);
	ok(!*mt_failures && handled > 10 && !*lock_word(),
	   "%ld locked operations, %ld in a handler, none torn", n, handled);
	mt_free(&t);
}

/* Holders are killed in the middle: the lock is had all the same. */
static void killed_holders(void)
{
	long kills = test_scale(5000) / 10, stuck = 0;

	make_locked(12);
	rounds = 1l << 40;
	for (long i = 0; i < kills; i++) {
		pid_t pid = fork();
		double t0;

		if (!pid)
			lock_work(NULL);
		usleep((useconds_t)(mt_rand() % 400 + 100));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		t0 = mt_now();
		stuck += locked(1, true) || locked(1, false) || mt_now() - t0 > 1;
	}
	ok(!stuck && !*lock_word(), "%ld holders killed, none holds for ever", kills);
	mt_free(&t);
}

static void *tear(void *arg)
{
	u32 k = 0;

	for (u64 i = 0; i < (u64)rounds; i++) {
		u64 v = (i & 0xffffffff) << 32 | (i & 0xffffffff), got = 0;

		if (i % 2 ? mt_update(&t, &k, &v, 0) : mt_lookup(&t, &k, &got))
			mt_fail("operation");
		if (got >> 32 != (u32)got)
			mt_fail("torn %llx", (unsigned long long)got);
	}
	return NULL;
}

static void words(void)
{
	pthread_t th[4];

	make(&array_ops, BPF_MAP_TYPE_ARRAY, 8, 1);
	*mt_failures = 0;
	rounds = test_scale(1000000);
	for (u32 i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, tear, NULL);
	for (u32 i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	ok(!*mt_failures, "8 bytes change at once: 4 threads, %ld operations each", rounds);
	mt_free(&t);
}

static void speed(u32 size)
{
	u8 v[64] = { 0 };
	double t0;
	u32 n = 1000000;

	make(&array_ops, BPF_MAP_TYPE_ARRAY, size, 1000);
	t0 = mt_now();
	for (u32 i = 0; i < n; i++)
		mt_lookup(&t, &(u32){ i % 1000 }, v);
	diag("array of %u: lookup %.1f ns with the operation around it", size, (mt_now() - t0) / n * 1e9);
	mt_free(&t);
}

int main(void)
{
	value_sizes();
	rows(&array_ops, BPF_MAP_TYPE_ARRAY);
	rows(&percpu_array_ops, BPF_MAP_TYPE_PERCPU_ARRAY);
	batches();
	cpus();
	bloom();
	words();
	locks();
	lock_handlers();
	killed_holders();
	speed(4);
	speed(8);
	speed(64);
	return done();
}
