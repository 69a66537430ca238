// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash tables beside the kernel's bpf(2), in one run: ns an operation, best of 5.
 *
 * The map layer alone, with the operation's frame (op_enter, guard) but
 * without front end and store; the kernel's column is "-" where bpf(2) is not
 * allowed. Keys are 4 bytes, random ones of 10,000 entries.
 */
#include "map/map_ops.h"
#include "tests/lib/maptest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N     10000u
#define LOOPS (1u << 18)

struct side {
	struct maptest *t; /* NULL: the kernel */
	int fd;
};

enum op_kind { LOOKUP, UPDATE, DELETE };

static u32 *keys;
static u8 value[MT_VALUE_MAX];

static int kernel_map(u32 type, u32 value_size, u32 n, u32 flags)
{
	union bpf_attr a = { .map_type = type,
			     .key_size = 4,
			     .value_size = value_size,
			     .max_entries = n,
			     .map_flags = flags };

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static inline int act(const struct side *s, enum op_kind what, u32 key)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM };
	union bpf_attr a;

	if (s->t) {
		switch (what) {
		case LOOKUP: return mt_lookup(s->t, &key, value);
		case UPDATE: return mt_update(s->t, &key, value, 0);
		default: return mt_delete(s->t, &key);
		}
	}
	memset(&a, 0, 64);
	a.map_fd = (u32)s->fd;
	a.key = ptr_to_u64(&key);
	a.value = ptr_to_u64(value);
	return (int)syscall(SYS_bpf, cmds[what], &a, 64);
}

struct rates {
	double lookup, update, insert, full;
};

static double best(double a, double t0, u32 n)
{
	return MIN(a, (mt_now() - t0) / n * 1e9);
}

static struct rates measure(const struct side *s, u32 value_len)
{
	struct rates r = { 1e9, 1e9, 1e9, 1e9 };
	u32 loops = s->t ? LOOPS : LOOPS / 8;

	for (u32 k = 0; k < N - 100; k++)
		act(s, UPDATE, k);
	for (int rep = 0; rep < 5; rep++) {
		double t0 = mt_now();

		for (u32 i = 0; i < loops; i++)
			act(s, LOOKUP, keys[i]);
		r.lookup = best(r.lookup, t0, loops);
		t0 = mt_now();
		for (u32 i = 0; i < loops; i++)
			act(s, UPDATE, keys[i]);
		r.update = best(r.update, t0, loops);
		t0 = mt_now();
		for (u32 i = 0; i < loops; i++) {
			act(s, UPDATE, (1u << 21) + (i & 65535));
			act(s, DELETE, (1u << 21) + (i & 65535));
		}
		r.insert = best(r.insert, t0, loops);
	}
	for (u32 k = N - 100; k < N; k++)
		act(s, UPDATE, k);
	for (int rep = 0; rep < 5; rep++) {
		double t0 = mt_now();

		for (u32 i = 0; i < 20000; i++)
			act(s, UPDATE, 1u << 22);
		r.full = best(r.full, t0, 20000);
	}
	return r;
}

static void row(const char *what, double ours, double kernel)
{
	if (kernel < 1e9)
		printf("  %-16s %8.1f ns   kernel %8.1f ns   ratio %.3f\n", what, ours, kernel,
		       ours / kernel);
	else
		printf("  %-16s %8.1f ns   kernel -\n", what, ours);
}

static void bench(const struct map_ops *ops, u32 type, u32 value_size)
{
	struct maptest t;
	struct side us = { &t, -1 }, them = { NULL, kernel_map(type, value_size, N, 0) };
	struct rates a, b = { 1e9, 1e9, 1e9, 1e9 };

	mt_make(&t, ops,
		&(struct map_attr){
			.map_type = type, .key_size = 4, .value_size = value_size, .max_entries = N });
	a = measure(&us, value_size);
	if (them.fd >= 0)
		b = measure(&them, value_size);
	printf("%s, value %u\n", ops->name, value_size);
	row("lookup", a.lookup, b.lookup);
	row("overwrite", a.update, b.update);
	row("insert + delete", a.insert, b.insert);
	row("on a full map", a.full, b.full);
	fflush(stdout);
	close(them.fd);
	mt_free(&t);
}

/* Million operations a second of np processes that overwrite keys below `range`. */
static double together(const struct side *s, int np, u32 range)
{
	volatile u64 *c = mt_shared;
	pid_t pid[2];
	double t0;

	mt_shared_reset();
	for (int p = 0; p < np; p++) {
		pid[p] = fork();
		if (pid[p])
			continue;
		mt_seed += (u64)p * 77777;
		for (int i = 0; i < 50; i++)
			mt_rand();
		while (!c[2])
			;
		for (u64 n = 0; c[2] == 1; c[8 + 8 * p] = n)
			for (int i = 0; i < 64; i++, n++)
				act(s, UPDATE, (u32)(mt_rand() % range));
		_exit(0);
	}
	usleep(20000);
	t0 = mt_now();
	c[2] = 1;
	usleep(400000);
	c[2] = 2;
	t0 = mt_now() - t0;
	for (int p = 0; p < np; p++)
		waitpid(pid[p], NULL, 0);
	return (double)(c[8] + c[16]) / t0 / 1e6;
}

static void two(u32 value_size)
{
	struct maptest t;
	struct side s[2] = { { &t, -1 }, { NULL, kernel_map(BPF_MAP_TYPE_HASH, value_size, 65536, 0) } };

	mt_make(&t, &hashtab_ops,
		&(struct map_attr){ .map_type = BPF_MAP_TYPE_HASH,
				    .key_size = 4,
				    .value_size = value_size,
				    .max_entries = 65536 });
	for (int i = 0; i < 2 && (i == 0 || s[1].fd >= 0); i++) {
		for (u32 k = 0; k < 65536; k++)
			act(&s[i], UPDATE, k);
		for (u32 range = 65536; range; range = range > 1 ? 1 : 0) {
			double one = together(&s[i], 1, range), both = together(&s[i], 2, range);

			printf("%s, value %u, %u keys: one process %.2f M/s, two %.2f M/s, ratio %.2f\n",
			       i ? "kernel" : "pinfs", value_size, range, one, both, both / one);
			fflush(stdout);
		}
	}
	close(s[1].fd);
	mt_free(&t);
}

static void million(void)
{
	struct maptest t;
	double t0 = mt_now();
	u64 v = 1;

	mt_make(&t, &hashtab_ops,
		&(struct map_attr){ .map_type = BPF_MAP_TYPE_HASH,
				    .key_size = 8,
				    .value_size = 8,
				    .max_entries = 1000000 });
	for (u64 k = 0; k < 1000000; k++)
		mt_update(&t, &k, &v, 0);
	printf("1,000,000 entries of 8 + 8 bytes: %.1f MB, filled in %.0f ms\n", (double)t.size / 1e6,
	       (mt_now() - t0) * 1e3);
	mt_free(&t);
}

int main(void)
{
	static const u32 sizes[] = { 8, 64, 256 };

	keys = malloc(LOOPS * sizeof(*keys));
	for (u32 i = 0; i < LOOPS; i++)
		keys[i] = (u32)(mt_rand() % (N - 100));
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		bench(&hashtab_ops, BPF_MAP_TYPE_HASH, sizes[i]);
	bench(&hashtab_lru_ops, BPF_MAP_TYPE_LRU_HASH, 8);
	bench(&hashtab_percpu_ops, BPF_MAP_TYPE_PERCPU_HASH, 8);
	two(8);
	two(64);
	million();
	return 0;
}
