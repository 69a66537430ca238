// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a record in a perf buffer costs: an ordinary program, run on the kernel and under pinfs in turn.
 *
 *     perf_ops ANYTHING perf
 *
 * Prints "NAME NANOSECONDS" a line: of a BPF_PROG_TEST_RUN by the clock, over the
 * records that went in. `alone`: the reader takes all by one store, outside of the time, and asks to be woken
 * rarely. `read`: a process consumes meanwhile. `epoll`: one that waits in epoll, to be woken by each record.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define REPEAT 100000u
#define PG     4096ul
#define PAGES  256ul

#define INSN(c, d, s, o, i)                                                                                  \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define ST_DW(d, o)   INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, 7)
#define CALL(id)      INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define EXIT          INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static union bpf_attr attr;
static int map, event;
static struct perf_event_mmap_page *page;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static long bpf(int cmd, unsigned size)
{
	return syscall(SYS_bpf, cmd, &attr, size);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void stay(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void open_ring(unsigned watermark, unsigned events)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_BPF_OUTPUT,
				     .sample_type = PERF_SAMPLE_RAW,
				     .sample_period = 1,
				     .watermark = watermark != 0,
				     .wakeup_events = watermark ? watermark : events };
	uint32_t key = 0;

	event = (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		die("perf_event_open");
	page = mmap(NULL, (1 + PAGES) * PG, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (page == MAP_FAILED)
		die("mmap");
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&event;
	if (bpf(BPF_MAP_UPDATE_ELEM, 32))
		die("MAP_UPDATE");
}

static void close_ring(void)
{
	munmap(page, (1 + PAGES) * PG);
	close(event);
}

static int load(int size)
{
	struct bpf_insn p[32];
	unsigned n = 0;
	long fd;

	p[n++] = MOV_REG(6, 1);
	for (int at = -64; at < 0; at += 8)
		p[n++] = ST_DW(10, at);
	p[n++] = MOV_REG(1, 6);
	p[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, map);
	p[n++] = INSN(0, 0, 0, 0, 0);
	p[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 3, 0, 0, -1);
	p[n++] = INSN(0, 0, 0, 0, 0);
	p[n++] = MOV_REG(4, 10);
	p[n++] = ADD_IMM(4, -64);
	p[n++] = MOV_IMM(5, size);
	p[n++] = CALL(BPF_FUNC_perf_event_output);
	p[n++] = EXIT;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)p;
	attr.insn_cnt = n;
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

static void alone(const char *name, int size)
{
	int fd = load(size);
	unsigned n = PAGES * PG / 128;
	double best = 1e18;

	open_ring(PAGES * PG, 0);
	for (int r = 0; r < 20 * ROUNDS; r++) {
		double t;

		page->data_tail = page->data_head;
		t = run(fd, n) / n;
		best = t < best ? t : best;
	}
	printf("%s %.3f\n", name, best);
	fflush(stdout);
	close_ring();
	close(fd);
}

static void consume(int waits, volatile uint64_t *got)
{
	struct epoll_event ev = { .events = EPOLLIN };
	const unsigned char *data;
	int ep = epoll_create1(0);

	/* A ring is not inherited. */
	page = mmap(NULL, (1 + PAGES) * PG, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (page == MAP_FAILED)
		die("mmap");
	data = (const unsigned char *)page + PG;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, event, &ev))
		die("epoll_ctl");
	for (;;) {
		uint64_t head, tail = page->data_tail, sum = 0;

		if (waits)
			epoll_wait(ep, &ev, 1, 100);
		head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
		while (tail < head) {
			const struct perf_event_header *h = (const void *)(data + tail % (PAGES * PG));

			sum += data[(tail + 12) % (PAGES * PG)];
			*got += h->type == PERF_RECORD_SAMPLE;
			tail += h->size;
		}
		__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
		if (sum == 1)
			puts("");
	}
}

static void measure(const char *name, int waits)
{
	uint64_t *got = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = load(64);
	double best = 1e18;
	pid_t pid;

	open_ring(waits ? 0 : PAGES * PG / 2, 1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay(1);
		consume(waits, got);
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
	close_ring();
	close(fd);
	munmap(got, PG);
}

int main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[2], "perf")) {
		fprintf(stderr, "usage: perf_ops ANYTHING perf\n");
		return 2;
	}
	stay(0);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_PERF_EVENT_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 2;
	map = (int)bpf(BPF_MAP_CREATE, 72);
	if (map < 0)
		die("MAP_CREATE");
	alone("perf_output_8_alone", 8);
	alone("perf_output_64_alone", 64);
	measure("perf_output_64_read", 0);
	measure("perf_output_64_epoll", 1);
	return 0;
}
