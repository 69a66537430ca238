// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs cost: loading them, and running them by TEST_RUN, same bytecode on the kernel and here.
 *
 *     prog_ops DIR GROUP     groups: load run
 *
 * A line a figure: name and value, in ns.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define I(c, d, s, o, i)                                                                                     \
	(struct bpf_insn)                                                                                    \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}

static struct bpf_insn insns[8192];
static unsigned cnt;
static unsigned char packet[64];

static void emit(struct bpf_insn i)
{
	insns[cnt++] = i;
}

static int bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int map(unsigned type, unsigned max)
{
	union bpf_attr a = { .map_type = type, .key_size = 4, .value_size = 8, .max_entries = max };

	return bpf(BPF_MAP_CREATE, &a);
}

static int load(void)
{
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_XDP,
			     .insns = (uintptr_t)insns,
			     .insn_cnt = cnt,
			     .license = (uintptr_t) "GPL" };

	return bpf(BPF_PROG_LOAD, &a);
}

static void run(const char *name, unsigned repeat)
{
	int fd = load();
	double best = 1e18;

	for (int i = 0; i < 7; i++) {
		union bpf_attr a = { .test = { .prog_fd = (unsigned)fd,
					       .data_in = (uintptr_t)packet,
					       .data_size_in = sizeof(packet),
					       .repeat = repeat } };
		double t = now();

		if (bpf(BPF_PROG_TEST_RUN, &a))
			return;
		t = (now() - t) / repeat;
		best = t < best ? t : best;
	}
	printf("%s %.2f\n", name, best);
	close(fd);
}

static void two(void)
{
	cnt = 0;
	emit(I(0xb7, 0, 0, 0, 1));
	emit(I(0x95, 0, 0, 0, 0));
}

static void twenty(void)
{
	cnt = 0;
	emit(I(0xb7, 0, 0, 0, 1));
	for (int i = 0; i < 18; i++)
		emit(I(i % 2 ? 0x07 : 0xa7, 0, 0, 0, i + 3));
	emit(I(0x95, 0, 0, 0, 0));
}

static void loop(void)
{
	cnt = 0;
	emit(I(0xb7, 0, 0, 0, 0));
	emit(I(0xb7, 6, 0, 0, 0));
	emit(I(0x0f, 0, 6, 0, 0));
	emit(I(0xa7, 0, 0, 0, 0x55));
	emit(I(0x07, 6, 0, 0, 1));
	emit(I(0xa5, 6, 0, -4, 1000));
	emit(I(0xb7, 0, 0, 0, 1));
	emit(I(0x95, 0, 0, 0, 0));
}

static void lookup(int fd)
{
	cnt = 0;
	emit(I(0x62, 10, 0, -4, 3));
	emit(I(0xbf, 2, 10, 0, 0));
	emit(I(0x07, 2, 0, 0, -4));
	emit(I(0x18, 1, 1, 0, fd));
	emit(I(0, 0, 0, 0, 0));
	emit(I(0x85, 0, 0, 0, 1));
	emit(I(0x15, 0, 0, 2, 0));
	emit(I(0xb7, 1, 0, 0, 1));
	emit(I(0xdb, 0, 1, 0, 0));
	emit(I(0xb7, 0, 0, 0, 1));
	emit(I(0x95, 0, 0, 0, 0));
}

/* Branches, stack and arithmetic, as compilers make them. */
static void many(unsigned n)
{
	cnt = 0;
	emit(I(0x85, 0, 0, 0, 7));
	emit(I(0xbf, 6, 0, 0, 0));
	while (cnt + 8 < n) {
		emit(I(0x7b, 10, 6, -8 - (int)(cnt % 32) * 8, 0));
		emit(I(0x79, 7, 10, -8 - (int)((cnt - 1) % 32) * 8, 0));
		emit(I(0x57, 7, 0, 0, 0xff));
		emit(I(0x25, 7, 0, 1, 100));
		emit(I(0x0f, 6, 7, 0, 0));
	}
	emit(I(0xb7, 0, 0, 0, 1));
	emit(I(0x95, 0, 0, 0, 0));
}

static void time_load(const char *name, int n)
{
	double best = 1e18;

	for (int k = 0; k < 5; k++) {
		double t = now();

		for (int i = 0; i < n; i++) {
			int fd = load();

			if (fd < 0)
				return;
			close(fd);
		}
		t = (now() - t) / n;
		best = t < best ? t : best;
	}
	printf("%s %.0f\n", name, best);
}

int main(int argc, char **argv)
{
	uint32_t key = 3;
	uint64_t value = 0;
	int fd;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[2], "load")) {
		two();
		time_load("prog_load_close", 2000);
		many(4000);
		time_load("prog_load_4000_insns", 20);
		return 0;
	}
	two();
	run("run_2_insns", 1000000);
	twenty();
	run("run_20_insns", 1000000);
	loop();
	run("run_loop_1000", 10000);
	fd = map(BPF_MAP_TYPE_ARRAY, 16);
	lookup(fd);
	run("run_array_increment", 1000000);
	fd = map(BPF_MAP_TYPE_HASH, 1024);
	{
		union bpf_attr a = { .map_fd = (unsigned)fd,
				     .key = (uintptr_t)&key,
				     .value = (uintptr_t)&value };

		bpf(BPF_MAP_UPDATE_ELEM, &a);
	}
	lookup(fd);
	run("run_hash_lookup", 1000000);
	two();
	run("test_run_call", 1);
	return 0;
}
