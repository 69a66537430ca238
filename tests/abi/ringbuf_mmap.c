// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which part of a ring buffer may be mapped, and how: rows. (What a static program maps nobody sees.)
 */
#include <sys/mman.h>
#include "rows.h"

#define PG 4096u

static void map_as(int fd, int prot, int flags, unsigned long pages, unsigned long at)
{
	void *p = mmap(NULL, pages * PG, prot, flags, fd, (off_t)(at * PG));

	say("  prot %d flags %d, %lu pages at %lu", prot, flags, pages, at);
	if (p == MAP_FAILED) {
		result(-1);
		return;
	}
	if (!(prot & PROT_WRITE)) {
		int r = mprotect(p, pages * PG, prot | PROT_WRITE);

		say(", then writable %s", r ? errno_name(errno) : "ok");
	}
	munmap(p, pages * PG);
	result(0);
}

static void mappings(uint32_t t)
{
	static const unsigned char at[][2] = { { 1, 0 }, { 2, 0 }, { 6, 0 }, { 7, 0 }, { 1, 1 },
					       { 5, 1 }, { 6, 1 }, { 4, 2 }, { 1, 2 }, { 1, 5 },
					       { 2, 5 }, { 1, 6 }, { 1, 7 }, { 1, 9 } };
	union row_attr a = { .a = { .map_type = t, .max_entries = 2 * PG } };
	int fd = raw_bpf(BPF_MAP_CREATE, &a, 72);
	union row_attr f = { .a = { .map_fd = (uint32_t)fd } };
	void *p;

	say("mappings of %u\n", t);
	for (int prot = 0; prot < 4; prot++)
		for (size_t i = 0; i < ARRAY_SIZE(at); i++)
			map_as(fd, prot, MAP_SHARED, at[i][0], at[i][1]);
	map_as(fd, PROT_READ, MAP_PRIVATE, 1, 0);
	map_as(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 1, 0);
	map_as(fd, PROT_READ | PROT_EXEC, MAP_SHARED, 1, 0);
	p = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, t == BPF_MAP_TYPE_RINGBUF ? 0 : PG);
	say("freeze while it can be written");
	result(raw_bpf(BPF_MAP_FREEZE, &f, 4));
	munmap(p, PG);
	say("freeze");
	result(raw_bpf(BPF_MAP_FREEZE, &f, 4));
	for (size_t i = 0; i < 5; i++) {
		map_as(fd, PROT_READ, MAP_SHARED, at[i][0], at[i][1]);
		map_as(fd, PROT_READ | PROT_WRITE, MAP_SHARED, at[i][0], at[i][1]);
	}
	close(fd);
}

int main(void)
{
	mappings(BPF_MAP_TYPE_RINGBUF);
	mappings(BPF_MAP_TYPE_USER_RINGBUF);
	return 0;
}
