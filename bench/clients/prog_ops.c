// SPDX-License-Identifier: BSD-2-Clause
/*
 * What loading and running a program costs: an ordinary program, run on the kernel and under pinfs in turn.
 *
 *     prog_ops OBJECT GROUP      OBJECT: bench/clients/bpf/big.c, compiled; GROUP: run load
 *
 * Prints "NAME NANOSECONDS" a line. A run's figure is the whole BPF_PROG_TEST_RUN
 * by the clock, over its repeats; each is the best of several rounds.
 */
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7

#define INSN(c, d, s, o, i)                                                                                  \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(d, i)        INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)        INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALU_IMM(op, d, i)    INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALU_REG(op, d, s)    INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define JMP_IMM(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define ST_W(d, o, i)        INSN(BPF_ST | BPF_MEM | BPF_W, d, 0, o, i)
#define LDX_DW(d, s, o)      INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STX_DW(d, s, o)      INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define CALL(id)             INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define EXIT                 INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD_MAP(d, fd)        INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

static union bpf_attr attr;

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

static int create(int type, unsigned entries)
{
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = entries;
	fd = bpf(BPF_MAP_CREATE, 72);
	if (fd < 0)
		die("MAP_CREATE");
	return (int)fd;
}

static void fill(int fd, unsigned n)
{
	uint64_t value = 0;

	for (uint32_t k = 0; k < n; k++) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = fd;
		attr.key = (uintptr_t)&k;
		attr.value = (uintptr_t)&value;
		if (bpf(BPF_MAP_UPDATE_ELEM, 32))
			die("fill");
	}
}

static int load(int type, const struct bpf_insn *insns, unsigned cnt)
{
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = cnt;
	attr.license = (uintptr_t) "Dual BSD/GPL";
	fd = bpf(BPF_PROG_LOAD, 128);
	if (fd < 0)
		die("PROG_LOAD");
	return (int)fd;
}

static void run(const char *name, int fd, unsigned repeat)
{
	static unsigned char packet[64];
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double t = now();

		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = fd;
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		attr.test.repeat = repeat;
		if (bpf(BPF_PROG_TEST_RUN, 80))
			die(name);
		t = (now() - t) / repeat;
		best = t < best ? t : best;
	}
	printf("%s %.3f\n", name, best);
	fflush(stdout);
	close(fd);
}

#define RUN(name, repeat, ...)                                                                               \
	do {                                                                                                 \
		struct bpf_insn insns_[] = { __VA_ARGS__ };                                                  \
		run(name, load(BPF_PROG_TYPE_XDP, insns_, sizeof(insns_) / sizeof(insns_[0])), repeat);      \
	} while (0)

#define LOOKUP(map, key)                                                                                     \
	ST_W(10, -4, key), LD_MAP(1, map), MOV_REG(2, 10), ALU_IMM(BPF_ADD, 2, -4),                          \
		CALL(BPF_FUNC_map_lookup_elem)

static void group_run(void)
{
	int array = create(BPF_MAP_TYPE_ARRAY, 16), hash = create(BPF_MAP_TYPE_HASH, 10000);

	fill(hash, 10000);
	RUN("run_2_insns", 1000000, MOV_IMM(0, 1), EXIT);
	RUN("run_20_insns", 1000000, MOV_IMM(0, 7), MOV_IMM(2, 3), ALU_REG(BPF_ADD, 0, 2),
	    ALU_IMM(BPF_LSH, 0, 3), MOV_REG(3, 0), ALU_REG(BPF_XOR, 3, 2), STX_DW(10, 3, -8),
	    ALU_IMM(BPF_RSH, 3, 2), LDX_DW(4, 10, -8), ALU_REG(BPF_ADD, 4, 3), ALU_IMM(BPF_AND, 4, 255),
	    JMP_IMM(BPF_JGT, 4, 300, 2), ALU_REG(BPF_OR, 0, 4), ALU_IMM(BPF_SUB, 0, 5), MOV_REG(5, 0),
	    ALU_IMM(BPF_ARSH, 5, 1), ALU_REG(BPF_ADD, 0, 5), ALU_IMM(BPF_XOR, 0, 19), ALU_IMM(BPF_AND, 0, 1),
	    EXIT);
	RUN("run_loop_1000", 20000, MOV_IMM(0, 0), MOV_IMM(1, 1000), ALU_REG(BPF_ADD, 0, 1),
	    ALU_IMM(BPF_XOR, 0, 5), ALU_IMM(BPF_SUB, 1, 1), JMP_IMM(BPF_JNE, 1, 0, -4),
	    ALU_IMM(BPF_AND, 0, 1), EXIT);
	RUN("run_array_increment", 1000000, LOOKUP(array, 3), JMP_IMM(BPF_JEQ, 0, 0, 3), LDX_DW(1, 0, 0),
	    ALU_IMM(BPF_ADD, 1, 1), STX_DW(0, 1, 0), MOV_IMM(0, 1), EXIT);
	RUN("run_hash_lookup", 1000000, LOOKUP(hash, 4711), JMP_IMM(BPF_JEQ, 0, 0, 1), LDX_DW(0, 0, 0),
	    MOV_IMM(0, 1), EXIT);
}

static void timed_load(const char *name, int type, const struct bpf_insn *insns, unsigned cnt, int times)
{
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double t = now();

		for (int i = 0; i < times; i++)
			close(load(type, insns, cnt));
		t = (now() - t) / times;
		best = t < best ? t : best;
	}
	printf("%s %.0f\n", name, best);
	fflush(stdout);
}

static void group_load(const char *object)
{
	const struct bpf_insn trivial[] = { MOV_IMM(0, 1), EXIT };
	/* Every turn has another r6, so nothing is cut short: 3 insns each. */
	const struct bpf_insn turns[] = { MOV_IMM(6, 0),
					  MOV_IMM(0, 0),
					  ALU_IMM(BPF_ADD, 6, 1),
					  ALU_REG(BPF_XOR, 0, 6),
					  JMP_IMM(BPF_JLT, 6, 330000, -3),
					  ALU_IMM(BPF_AND, 0, 1),
					  EXIT };
	struct bpf_object *obj = bpf_object__open(object);
	struct bpf_program *prog = obj ? bpf_object__next_program(obj, NULL) : NULL;

	if (!prog)
		die(object);
	timed_load("load_close_trivial", BPF_PROG_TYPE_SOCKET_FILTER, trivial, 2, 100);
	timed_load("load_4000_insns", BPF_PROG_TYPE_XDP, bpf_program__insns(prog),
		   (unsigned)bpf_program__insn_cnt(prog), 1);
	timed_load("load_million_processed", BPF_PROG_TYPE_XDP, turns, sizeof(turns) / sizeof(turns[0]), 1);
	bpf_object__close(obj);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[2], "run"))
		group_run();
	else if (argc == 3 && !strcmp(argv[2], "load"))
		group_load(argv[1]);
	else
		return 2;
	return 0;
}
