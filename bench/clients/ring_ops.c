// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records through a ring buffer, from programs to another process: an ordinary
 * program, run on the kernel and under pinfs in turn.
 *
 *     ring_ops ANYTHING ring
 *
 * Prints "NAME NANOSECONDS" a line: the time of a BPF_PROG_TEST_RUN of many repeats over the
 * records that the consumer has got, the best of several rounds. The consumer
 * reads the ring by libbpf's ring_buffer__consume, without a pause. "alone"
 * is without a consumer: records into a ring that has room for all.
 *
 * "wakeup" is the time from the call that puts a record to a consumer that has slept
 * in epoll_wait or poll and has read it: the median of many, one by one.
 */
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define REPEAT 1000000u
#define PG     4096ul

#define INSN(c, d, s, o, i)                                                                                  \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(d, i)    INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)    INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)    INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define JEQ_IMM(d, i, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define ST_DW(d, o, i)   INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define CALL(id)         INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define EXIT             INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD_MAP(d, fd)    INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

static union bpf_attr attr;
static int ring;
static uint32_t ring_size;
static volatile uint64_t *got; /* records, counted by the consumer */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long bpf(int cmd, unsigned size)
{
	return syscall(SYS_bpf, cmd, &attr, size);
}

static void make_ring(uint32_t size)
{
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = ring_size = size;
	ring = (int)bpf(BPF_MAP_CREATE, 72);
	if (ring < 0)
		die("MAP_CREATE");
}

static int load(const struct bpf_insn *insns, unsigned cnt)
{
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = cnt;
	attr.license = (uintptr_t) "Dual BSD/GPL";
	fd = bpf(BPF_PROG_LOAD, 128);
	if (fd < 0)
		die("PROG_LOAD");
	return (int)fd;
}

static double run(int fd, unsigned repeat)
{
	static unsigned char packet[64];
	double t = now();

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = repeat;
	if (bpf(BPF_PROG_TEST_RUN, 80))
		die("TEST_RUN");
	return now() - t;
}

static int on_record(void *ctx, void *data, size_t size)
{
	*(volatile uint64_t *)ctx += *(uint64_t *)data;
	++*got;
	return 0;
}

static void consume(void)
{
	uint64_t sum = 0;
	struct ring_buffer *rb = ring_buffer__new(ring, on_record, &sum, NULL);

	if (!rb)
		die("ring_buffer__new");
	*got = 0;
	for (;;)
		ring_buffer__consume(rb);
}

static void measure(const char *name, int fd)
{
	double best = 1e18;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		consume();
	}
	usleep(20000);
	run(fd, 1000);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t before = *got;
		double t = run(fd, REPEAT);

		t /= (double)(*got - before);
		best = t < best ? t : best;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("%s %.3f\n", name, best);
	fflush(stdout);
	close(fd);
	close(ring);
}

/* The consumer takes all by one store, outside of the time. */
static void alone(const char *name, int fd)
{
	volatile uint64_t *cons = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	volatile uint64_t *prod = mmap(NULL, PG, PROT_READ, MAP_SHARED, ring, PG);
	unsigned n = ring_size / 80;
	double best = 1e18;

	for (int r = 0; r < 20 * ROUNDS; r++) {
		double t;

		*cons = *prod;
		t = run(fd, n) / n;
		best = t < best ? t : best;
	}
	printf("%s %.3f\n", name, best);
	fflush(stdout);
	munmap((void *)cons, PG);
	munmap((void *)prod, PG);
	close(fd);
	close(ring);
}

/* got[1]: when the last one was read. */
static void consume_woken(int by_poll)
{
	volatile uint64_t *cons = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	volatile uint64_t *prod = mmap(NULL, PG, PROT_READ, MAP_SHARED, ring, PG);
	struct epoll_event ev = { .events = EPOLLIN };
	struct pollfd p = { .fd = ring, .events = POLLIN };
	int ep = epoll_create1(0);

	if (cons == MAP_FAILED || prod == MAP_FAILED || epoll_ctl(ep, EPOLL_CTL_ADD, ring, &ev))
		die("consumer");
	for (;;) {
		int n = by_poll ? poll(&p, 1, -1) : epoll_wait(ep, &ev, 1, -1);
		uint64_t end = __atomic_load_n(prod, __ATOMIC_ACQUIRE);

		if (n != 1 || *cons == end)
			continue;
		got[1] = (uint64_t)now();
		__atomic_store_n(cons, end, __ATOMIC_RELEASE);
		__atomic_store_n(got, *got + 1, __ATOMIC_RELEASE);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

#define WAKEUPS 2000

static void woken(const char *name, int fd, int by_poll)
{
	static double took[WAKEUPS];
	pid_t pid;

	*got = 0;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		consume_woken(by_poll);
	}
	usleep(20000);
	for (int i = 0; i < WAKEUPS; i++) {
		uint64_t before = *got, start;

		usleep(100);
		start = (uint64_t)now();
		run(fd, 1);
		while (__atomic_load_n(got, __ATOMIC_ACQUIRE) == before)
			__builtin_ia32_pause();
		took[i] = (double)(got[1] - start);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	qsort(took, WAKEUPS, sizeof(took[0]), by_size);
	printf("%s %.3f\n", name, took[WAKEUPS / 2]);
	fflush(stdout);
	close(fd);
	close(ring);
}

#define LOAD(...)                                                                                            \
	({                                                                                                   \
		struct bpf_insn insns_[] = { __VA_ARGS__ };                                                  \
		load(insns_, sizeof(insns_) / sizeof(insns_[0]));                                            \
	})
#define RESERVE(flags)                                                                                       \
	LOAD(LD_MAP(1, ring), MOV_IMM(2, 64), MOV_IMM(3, 0), CALL(BPF_FUNC_ringbuf_reserve),                 \
	     JEQ_IMM(0, 0, 6), ST_DW(0, 0, 7), ST_DW(0, 32, 7), ST_DW(0, 56, 7), MOV_REG(1, 0),              \
	     MOV_IMM(2, flags), CALL(BPF_FUNC_ringbuf_submit), MOV_IMM(0, 1), EXIT)
#define OUTPUT                                                                                               \
	LOAD(ST_DW(10, -64, 7), ST_DW(10, -56, 7), ST_DW(10, -48, 7), ST_DW(10, -40, 7), ST_DW(10, -32, 7),  \
	     ST_DW(10, -24, 7), ST_DW(10, -16, 7), ST_DW(10, -8, 7), LD_MAP(1, ring), MOV_REG(2, 10),        \
	     ADD_IMM(2, -64), MOV_IMM(3, 64), MOV_IMM(4, 0), CALL(BPF_FUNC_ringbuf_output), MOV_IMM(0, 1),   \
	     EXIT)

int main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[2], "ring")) {
		fprintf(stderr, "usage: ring_ops ANYTHING ring\n");
		return 2;
	}
	got = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_ring(1 << 20);
	measure("ring_reserve_submit_64", RESERVE(0));
	make_ring(1 << 20);
	measure("ring_submit_64_no_wakeup", RESERVE(BPF_RB_NO_WAKEUP));
	make_ring(1 << 20);
	measure("ring_output_64", OUTPUT);
	make_ring(1 << 20);
	alone("ring_reserve_submit_64_alone", RESERVE(0));
	make_ring(1 << 20);
	alone("ring_output_64_alone", OUTPUT);
	make_ring(1 << 20);
	woken("ring_wakeup_epoll", RESERVE(0), 0);
	make_ring(1 << 20);
	woken("ring_wakeup_poll", RESERVE(0), 1);
	return 0;
}
