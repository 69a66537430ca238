// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads: many at once on one map, fds that come and go under others' calls,
 * threads that end or are cancelled in the middle.
 */
#include <pthread.h>
#include "abi/preload_client.h"

#define THREADS 4

static int m;
static volatile int stop;

static void *count(void *arg)
{
	uint32_t key = (uint32_t)(long)arg;
	long bad = 0, n = test_scale(200000);

	for (long i = 1; i <= n; i++) {
		bad += set(m, key, (uint64_t)i) != 0;
		bad += get(m, key) != i;
	}
	return (void *)bad;
}

static void together(void)
{
	pthread_t t[THREADS];
	long bad = 0;

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, count, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		bad += (long)ret;
	}
	ok(!bad, "threads, each on its own key: every one reads what it wrote");
}

/* One number, closed and opened again by one thread while others use it. */
static void *use(void *arg)
{
	int fd = *(int *)arg;
	long bad = 0;

	while (!stop) {
		long v = get(fd, 0);

		bad += v != 0 && v != 11 && v != 22 && v != -EBADF && v != -EINVAL;
	}
	return (void *)bad;
}

static void come_and_go(void)
{
	pthread_t t[2];
	int a = new_array(), b = new_array(), fd = 300;
	long bad = 0;

	set(a, 0, 11);
	set(b, 0, 22);
	dup2(a, fd);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, use, &fd);
	for (long i = 0; i < test_scale(20000); i++) {
		int c;

		dup2(i & 1 ? a : b, fd);
		bad += get(fd, 0) != (i & 1 ? 11 : 22);
		close(fd);
		c = new_array();
		dup2(c, fd);
		close(c);
	}
	stop = 1;
	for (int i = 0; i < 2; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		bad += (long)ret;
	}
	ok(!bad, "an fd replaced under other threads' lookups: always one of the maps, or none");
	close(fd);
	close(a);
	close(b);
}

static void *call_forever(void *arg)
{
	int old;

	if (arg)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	for (long i = 0;; i++) {
		set(m, 5, (uint64_t)i);
		get(m, 5);
		if (!arg)
			pthread_testcancel();
	}
	return NULL;
}

static void cancelled(void *async)
{
	long bad = 0;

	for (long i = 0; i < test_scale(1000); i++) {
		pthread_t t;
		void *ret;

		pthread_create(&t, NULL, call_forever, async);
		usleep((unsigned)(i % 50));
		pthread_cancel(t);
		pthread_join(t, &ret);
		bad += ret != PTHREAD_CANCELED || set(m, 6, (uint64_t)i) || get(m, 6) != i;
	}
	ok(!bad, "threads cancelled %s: the map goes on", async ? "at any instant" : "between calls");
}

static void *one_call(void *arg)
{
	return (void *)(long)set(m, 7, 7);
}

static void many(void)
{
	long bad = 0;

	for (long i = 0; i < test_scale(5000); i++) {
		pthread_t t;
		void *ret;

		pthread_create(&t, NULL, one_call, NULL);
		pthread_join(t, &ret);
		bad += ret != NULL;
	}
	ok(!bad && get(m, 7) == 7, "a call each from many threads that end");
}

static void *fork_there(void *arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(set(m, 8, 8) == 0 && get(m, 8) == 8 ? 7 : 1);
	return (void *)(long)status_of(pid);
}

static void forks(void)
{
	pthread_t t, busy;
	void *ret;
	long bad = 0;

	pthread_create(&busy, NULL, call_forever, NULL);
	for (long i = 0; i < test_scale(500); i++) {
		pthread_create(&t, NULL, fork_there, NULL);
		pthread_join(t, &ret);
		bad += (long)ret != 7;
	}
	pthread_cancel(busy);
	pthread_join(busy, NULL);
	ok(!bad && get(m, 8) == 8, "forks in one thread while another is in calls");
}

int main(void)
{
	m = new_array();
	together();
	come_and_go();
	cancelled(NULL);
	cancelled(&m);
	many();
	forks();
	return done();
}
