// SPDX-License-Identifier: BSD-2-Clause
/*
 * Batches of thousands of elements whose arrays end before the count does: how many were done.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM (64u << 10)
#define KEYS 5000u

static union bpf_attr attr;

static long bpf(int cmd)
{
	return syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

static char *memory(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void change(int cmd, int fd, const void *keys, const void *values, unsigned count)
{
	long ret;

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (unsigned)fd;
	attr.batch.keys = (unsigned long)keys;
	attr.batch.values = (unsigned long)values;
	attr.batch.count = count;
	ret = bpf(cmd);
	printf("  %s of %u: %s, %u done\n", cmd == BPF_MAP_UPDATE_BATCH ? "update" : "delete", count,
	       ret ? strerror(errno) : "ok", attr.batch.count);
}

/* n numbers that end at `end`. */
static char *numbers(char *end, unsigned n)
{
	char *at = end - n * sizeof(n);

	for (unsigned i = 0; i < n; i++)
		memcpy(at + i * sizeof(i), &i, sizeof(i));
	return at;
}

static void one_type(unsigned type)
{
	static const unsigned counts[] = { KEYS - 1, KEYS, KEYS + 1, 2 * KEYS };
	char *end = memory(ROOM + 4096) + ROOM, *values = memory(256u << 10);
	int fd;

	munmap(end, 4096);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 4 * KEYS;
	fd = (int)bpf(BPF_MAP_CREATE);
	for (unsigned off = 0; off < 5; off++) {
		char *keys = numbers(end - off, KEYS);

		printf("type %u, keys end %u bytes before\n", type, off);
		for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			change(BPF_MAP_UPDATE_BATCH, fd, keys, values, counts[i]);
			change(BPF_MAP_DELETE_BATCH, fd, keys, NULL, counts[i]);
		}
		printf("type %u, values end %u bytes before\n", type, off);
		numbers(values + 4 * KEYS, KEYS);
		change(BPF_MAP_UPDATE_BATCH, fd, values, end - 8 * 3000 - off, 3500);
	}
	close(fd);
}

int main(void)
{
	one_type(BPF_MAP_TYPE_HASH);
	one_type(BPF_MAP_TYPE_ARRAY);
	one_type(BPF_MAP_TYPE_LRU_HASH);
	return 0;
}
