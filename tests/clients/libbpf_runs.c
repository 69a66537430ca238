// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs of a program at the same time, and runs that do not end well.
 *
 *     libbpf_runs OBJECT together   processes that run it at once: every way of counting agrees
 *     libbpf_runs OBJECT killed     runners killed at any time: others go on, nothing stays locked
 *     libbpf_runs OBJECT stopped    one stopped in the middle: another goes on
 *     libbpf_runs OBJECT endless    says "running", then runs as long as it can
 *     libbpf_runs OBJECT jumped     siglongjmp out of runs by a handler; a handler that runs it, too
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/tap.h"

#define WORKERS 5

struct locked {
	__u32 lock, pad;
	__u64 a, b;
};

static struct bpf_object *o;
static int prog, last;
static unsigned char packet[64];

static int map(const char *name)
{
	return bpf_object__find_map_fd_by_name(o, name);
}

static int run_of(int fd, int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, t, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);
	int r = bpf_prog_test_run_opts(fd, &t);

	return r ? r : (int)t.retval;
}

static int run(int repeat)
{
	return run_of(prog, repeat);
}

static __u64 sum_of(const char *name)
{
	int n = libbpf_num_possible_cpus();
	__u64 v[n], sum = 0;
	__u32 key = 0;

	memset(v, 0, sizeof(v));
	bpf_map_lookup_elem(map(name), &key, v);
	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

static struct locked locked(void)
{
	struct locked l = { 0 };
	__u32 key = 0;

	bpf_map_lookup_elem_flags(map("guarded"), &key, &l, BPF_F_LOCK);
	return l;
}

static void bss(__u64 v[2])
{
	__u32 key = 0;

	bpf_map_lookup_elem(map("work.bss"), &key, v);
}

static int open_all(const char *path)
{
	__u32 key = 0;

	o = bpf_object__open_file(path, NULL);
	if (!o || bpf_object__load(o))
		return 0;
	prog = bpf_program__fd(bpf_object__find_program_by_name(o, "work"));
	last = bpf_program__fd(bpf_object__find_program_by_name(o, "last"));
	return !bpf_map_update_elem(map("next"), &key, &last, 0);
}

static void together(void)
{
	long calls = test_scale(2000), repeat = 50;
	__u64 want = (__u64)calls * repeat * WORKERS, v[2];
	struct locked l;
	int bad = 0, status;

	for (int w = 0; w < WORKERS; w++) {
		if (fork())
			continue;
		for (long i = 0; i < calls; i++)
			if (run((int)repeat) != 2)
				_exit(1);
		_exit(0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	ok(!bad, "%d processes run it at once", WORKERS);
	l = locked();
	bss(v);
	ok(sum_of("own") == want, "per-CPU array: %llu of %llu", sum_of("own"), want);
	ok(sum_of("own_hash") <= want && sum_of("own_hash") >= want - WORKERS,
	   "per-CPU hash: %llu of %llu (but for the runs that made it)", sum_of("own_hash"), want);
	ok(l.a == want && l.b == want, "under the lock: %llu %llu", l.a, l.b);
	ok(v[0] == want && v[1] == want, "atomics: %llu, after the tail call %llu", v[0], v[1]);
}

static pid_t runner(int repeat)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			run(repeat);
	return pid;
}

static void killed(void)
{
	long n = test_scale(1000);
	__u64 before, after[2];
	struct locked l;
	int bad = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid[3];
		int status;

		for (int k = 0; k < 3; k++)
			pid[k] = runner(k ? 1000 : 1);
		usleep(500 + (unsigned)(i % 40) * 50);
		for (int k = 0; k < 3; k++)
			kill(pid[k], SIGKILL);
		while (wait(&status) > 0)
			;
		bad += run(1) != 2;
	}
	ok(!bad, "after each of %ld rounds of three killed runners it runs (%d times not)", n, bad);
	l = locked();
	ok(l.a - l.b <= (__u64)n * 3, "the lock can be had: %llu %llu", l.a, l.b);
	/* A supervisor may be in the last runs of who was killed for a moment longer. */
	do {
		bss(after);
		before = after[0];
		usleep(250000);
		bss(after);
	} while (after[0] != before && ++bad < 40);
	ok(run(1000) == 2, "a thousand more");
	bss(after);
	ok(after[0] == before + 1000, "are a thousand: %llu", after[0] - before);
}

static void stopped(void)
{
	long n = test_scale(200);
	int bad = 0, status;

	for (long i = 0; i < n; i++) {
		pid_t pid = runner(100000);

		usleep(1000 + (unsigned)(i % 17) * 100);
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		/* (It may hold the value's lock; another program does not want that.) */
		bad += run_of(last, 1) != 2;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		bad += run(1) != 2;
	}
	ok(!bad, "beside each of %ld stopped runners it runs (%d times not)", n, bad);
}

static sigjmp_buf out;
static volatile sig_atomic_t may_jump, nested;

static void on_signal(int sig)
{
	if (nested)
		nested += run(3) == 2;
	if (may_jump) {
		may_jump = 0;
		siglongjmp(out, 1);
	}
}

static void jumped(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval t = { { 0, 700 }, { 0, 700 } }, off = { { 0, 0 }, { 0, 0 } };
	volatile long jumps = 0;
	long n = test_scale(5000);
	time_t end = time(NULL) + 60;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	while (jumps < n && time(NULL) < end) {
		if (sigsetjmp(out, 1)) {
			jumps++;
			continue;
		}
		may_jump = 1;
		run(200000);
	}
	may_jump = 0;
	ok(jumps == n, "left %ld times by siglongjmp", jumps);
	nested = 1;
	for (int i = 0; i < 200 && nested < 50; i++)
		run(200000);
	ok(nested > 1, "a handler that runs it in the middle of a run: %d times", (int)nested - 1);
	nested = 0;
	setitimer(ITIMER_REAL, &off, NULL);
	ok(run(10) == 2, "it still runs");
	ok(locked().a > 0, "and the lock can be had");
}

static void endless(void)
{
	printf("running\n");
	fflush(stdout);
	printf("ended: %s\n", strerrorname_np(-run(0x7fffffff)));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*f)(void);
	} ways[] = { { "together", together },
		     { "killed", killed },
		     { "stopped", stopped },
		     { "jumped", jumped },
		     { "endless", endless } };

	if (argc != 3 || !ok(open_all(argv[1]), "loaded"))
		return 2;
	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[2], ways[i].name))
			ways[i].f();
	return done();
}
