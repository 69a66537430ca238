// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows: arenas, which are all in where they are mapped.
 *
 * Not for static programs, whose mmap nobody sees.
 */
#include <sys/mman.h>
#include "kinds_rows.h"

static int arena(uint32_t pages, uint32_t flags, uint64_t extra)
{
	union row_attr r = { .a = { .map_type = ARENA,
				    .max_entries = pages,
				    .map_flags = 0x400 | flags,
				    .map_extra = extra } };

	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static void map_row(const char *what, int fd, void *at, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(at, len, prot, flags, fd, off);

	say("%s mmap %zu prot %d flags %#x off %ld", what, len, prot, flags, (long)off);
	result(p == MAP_FAILED ? -1 : 0);
	if (p == MAP_FAILED)
		return;
	say("%s lower half at %s\n", what,
	    at && p == at               ? "the hint"
	    : (uintptr_t)p & 0xffffffff ? "other"
					: "zero");
	munmap(p, len);
}

static void arena_rows(void)
{
	void *at = (void *)0x100000000000, *odd = (void *)0x1000fffff000;
	uint32_t key = 0, *p, *q;
	uint64_t v = 0;
	int m;

	static const uint64_t extras[] = {
		1, 4096, 0x100000000000, 0x1000fffff000, 0x7ffffffff000, 0xffff800000000000
	};

	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		say("arena extra %#llx", (unsigned long long)extras[i]);
		result_fd(arena(2, 0, extras[i]));
	}
	m = arena(4, 0, 0);
	must(m >= 0, "an arena");
	info_row("arena", m);
	say("arena lookup");
	result(lookup(m, &key, &v, 0));
	say("arena lookup without key");
	result(lookup(m, NULL, &v, 0));
	say("arena update");
	result(update(m, &key, &v, 0));
	say("arena update without key");
	result(update(m, NULL, &v, 0));
	say("arena delete");
	result(delete (m, &key));
	say("arena delete without key");
	result(delete (m, NULL));
	say("arena next");
	result(next_key(m, NULL, &key));
	say("arena next of");
	result(next_key(m, &key, &key));
	say("arena take");
	result(take(m, NULL, &v));
	batch_rows("arena", m);
	inner_row("arena", m);
	map_row("arena", m, NULL, 4096, PROT_READ, MAP_SHARED, 4096);
	map_row("arena", m, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	map_row("arena", m, NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	map_row("arena", m, odd, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, 0);
	map_row("arena", m, NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	close(m);
	m = arena(4, 0, 0);
	map_row("arena again", m, NULL, 4096, PROT_READ, MAP_SHARED, 0);
	map_row("arena again", m, NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	close(m);
	m = arena(4, 0, 0);
	p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	say("arena real");
	result(p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED) {
		p[0] = 1;
		p[1024] = 2;
		say("arena holds %u %u %u\n", p[0], p[1024], p[2048]);
		map_row("arena second", m, NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
		map_row("arena second", m, (void *)p, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
		say("arena freeze while mapped");
		freeze_row("", m);
		munmap(p, 4 * 4096);
		q = mmap(p, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
		say("arena mapped once more at the same place %d\n", q == p);
		if (q != MAP_FAILED)
			say("arena still holds %u %u %u\n", q[0], q[1024], q[2048]);
		if (q != MAP_FAILED)
			munmap(q, 4 * 4096);
	}
	close(m);
	m = arena(4, 0, (uint64_t)(uintptr_t)at);
	must(m >= 0, "an arena with an address");
	info_row("arena fixed", m);
	map_row("arena fixed", m, NULL, 4096, PROT_READ, MAP_SHARED, 0);
	map_row("arena fixed", m, at, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	map_row("arena fixed", m, (char *)at + 4096, 4096, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED_NOREPLACE, 0);
	close(m);
}

int main(void)
{
	world_enter();
	arena_rows();
	return 0;
}
