// SPDX-License-Identifier: BSD-2-Clause
/*
 * libbpf's perf_buffer: samples, losses, waiting, producers in other processes.
 *
 *     libbpf_perf         on CPU 0, so that what is lost is the same everywhere
 *     libbpf_perf killed N    producers killed at any time while another consumes
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/tap.h"

#define PAGES 8
#define WORD  4 /* bytes that a sample begins with, before the packet's */

static int map, prog, bad;
static unsigned long samples, lost, events, bytes, cpus;
static __u32 packet[64];

static struct bpf_insn xdp[] = {
	/* r6 = ctx; the stack's word is the sample's own; 64 bytes of the packet behind it */
	{ .code = 0xbf, .dst_reg = 6, .src_reg = 1 },
	{ .code = 0x62, .dst_reg = 10, .off = -8, .imm = 0x1234 },
	{ .code = 0x18, .dst_reg = 2, .src_reg = 1 },
	{ 0 },
	{ .code = 0x18, .dst_reg = 3, .imm = -1 },
	{ .imm = 64 },
	{ .code = 0xbf, .dst_reg = 4, .src_reg = 10 },
	{ .code = 0x07, .dst_reg = 4, .imm = -8 },
	{ .code = 0xb7, .dst_reg = 5, .imm = WORD },
	{ .code = 0x85, .imm = BPF_FUNC_perf_event_output },
	{ .code = 0x95 },
};

static void on_sample(void *ctx, int cpu, void *data, __u32 size)
{
	__u32 *w = data;

	samples++;
	bytes += size;
	cpus |= 1ul << cpu;
	bad += size < WORD + 64 || w[0] != 0x1234 || w[1] != w[2];
}

static void on_lost(void *ctx, int cpu, __u64 n)
{
	events++;
	lost += n;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* How many of n runs had room; each run's packet begins with its number, twice. */
static int produce(int n)
{
	int ok = 0;

	for (int i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, t, .data_in = packet, .data_size_in = sizeof(packet),
			    .repeat = 1);

		packet[0] = packet[1] = (__u32)i;
		if (!bpf_prog_test_run_opts(prog, &t))
			ok += t.retval == 0;
	}
	return ok;
}

static void setup(void)
{
	map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "events", 4, 4, 128, NULL);
	xdp[2].imm = map;
	prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "put_out", "GPL", xdp, sizeof(xdp) / sizeof(xdp[0]), NULL);
	ok(map >= 0 && prog >= 0, "a map and a program");
	if (map < 0 || prog < 0)
		exit(1);
}

static struct perf_buffer *reader(void)
{
	struct perf_buffer *b;

	samples = lost = events = bytes = cpus = 0;
	b = perf_buffer__new(map, PAGES, on_sample, on_lost, NULL, NULL);
	ok(b != NULL, "a perf buffer");
	if (!b)
		exit(1);
	return b;
}

static void plain(void)
{
	struct perf_buffer *b = reader();
	int n;

	n = produce(10);
	ok(n == 10, "10 runs put out %d", n);
	n = perf_buffer__poll(b, 1000);
	ok(n > 0 && samples == 10 && !lost && !bad, "poll: %lu samples, %lu lost, %d bad", samples, lost,
	   bad);
	ok(bytes == 10 * (4 + 64), "of %lu bytes", bytes);
	n = perf_buffer__poll(b, 0);
	ok(!n, "and then %d", n);
	n = perf_buffer__consume(b);
	ok(!n, "consume gives %d", n);
	perf_buffer__free(b);
}

static void overflow(void)
{
	struct perf_buffer *b = reader();
	int n = produce(1000), more;

	ok(n > 0 && n < 1000, "of 1000 runs without a reader %d had room", n);
	perf_buffer__poll(b, 1000);
	ok((int)samples == n && !lost, "%lu samples, %lu lost", samples, lost);
	more = produce(1);
	perf_buffer__poll(b, 1000);
	ok(more == 1 && (int)samples == n + 1 && events == 1 && (int)lost == 1000 - n,
	   "the next tells of %lu lost in %lu events, %lu samples", lost, events, samples);
	for (int i = 0; i < 100; i++) {
		produce(37);
		perf_buffer__poll(b, 0);
	}
	ok(!bad && (int)samples == n + 1 + 3700, "many times around: %lu samples, %d bad", samples, bad);
	perf_buffer__free(b);
}

static void waiting(void)
{
	struct perf_buffer *b = reader();
	struct timespec t = { 0, 100000000 }, begin, end;
	int child, n;

	child = fork();
	if (!child) {
		nanosleep(&t, NULL);
		_exit(produce(3) != 3);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (n = 0; n < 10 && samples < 3; n++)
		perf_buffer__poll(b, 20000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ok(samples == 3, "a reader that waits is woken: %lu samples", samples);
	ok(end.tv_sec - begin.tv_sec < 15, "at once");
	waitpid(child, &n, 0);
	ok(!n, "the producer is content");
	perf_buffer__free(b);
}

/* nr processes, each on its CPU, and a reader meanwhile. How many failed. */
static int kids(int nr, int runs, struct perf_buffer *b)
{
	int alive = nr, status, failed = 0;

	for (int i = 0; i < nr; i++) {
		if (fork())
			continue;
		stay_on(i % 2);
		produce(runs);
		_exit(0);
	}
	while (alive) {
		perf_buffer__poll(b, 5);
		while (alive && waitpid(-1, &status, WNOHANG) > 0) {
			failed += status != 0;
			alive--;
		}
	}
	return failed;
}

static void processes(void)
{
	struct perf_buffer *b;
	int n;

	b = reader();
	n = kids(4, 500, b);
	perf_buffer__poll(b, 100);
	/* What the last of each CPU lost is told by the next: one more of each. */
	for (int cpu = 0; cpu < 2; cpu++) {
		stay_on(cpu);
		produce(1);
	}
	stay_on(0);
	perf_buffer__poll(b, 100);
	perf_buffer__consume(b);
	ok(!n && samples + lost == 2002, "four producers: nothing is missing, told or got: %d failed%s", n,
	   samples + lost == 2002 ? "" : " (wrong)");
	if (samples + lost != 2002)
		printf("# %lu samples, %lu lost\n", samples, lost);
	ok(!bad, "and all are whole");
	perf_buffer__free(b);
}

static void freed(void)
{
	struct perf_buffer *b = reader();
	int n;

	perf_buffer__free(b);
	n = produce(1);
	ok(n == 0, "without a reader there is no event: %d", n);
	b = reader();
	n = produce(2);
	perf_buffer__poll(b, 1000);
	ok(n == 2 && samples == 2, "a new one begins at its own start: %lu", samples);
	perf_buffer__free(b);
}

/* Killed at any time: what comes is whole, and the ring goes on. */
static void killed(int rounds)
{
	struct perf_buffer *b = reader();
	unsigned long before;

	for (int i = 0; i < rounds; i++) {
		int pid = fork(), status;
		struct timespec t = { 0, 200000 + rand() % 3000000 };

		if (!pid) {
			stay_on(i % 2);
			for (;;)
				produce(1000);
		}
		nanosleep(&t, NULL);
		perf_buffer__poll(b, 0);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		perf_buffer__poll(b, 0);
	}
	ok(samples > 0 && !bad, "%d producers killed: all samples are whole (%d bad)", rounds, bad);
	for (int cpu = 0; cpu < 2; cpu++) {
		stay_on(cpu);
		perf_buffer__consume(b);
		before = samples;
		ok(produce(5) == 5, "CPU %d goes on", cpu);
		perf_buffer__consume(b);
		ok(samples == before + 5, "and all of it comes");
	}
	printf("# %lu samples, %lu lost\n", samples, lost);
	perf_buffer__free(b);
}

int main(int argc, char **argv)
{

	setvbuf(stdout, NULL, _IOLBF, 0);
	setup();
	if (argc > 2 && !strcmp(argv[1], "killed")) {
		killed(atoi(argv[2]));
		return done();
	}
	stay_on(0);
	plain();
	overflow();
	waiting();
	processes();
	freed();
	return done();
}
