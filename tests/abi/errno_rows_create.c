// SPDX-License-Identifier: BSD-2-Clause
/*
 * MAP_CREATE, row by row: sizes, flags, map_extra, names, NUMA nodes, BTF, inner maps.
 *
 * Two kinds of rows. The sweeps take the good map of each type (world_maps[])
 * and vary one field over a list, so that no type is forgotten. The tables
 * below them hold the cases that belong to one type or to several fields. A
 * row that succeeds also prints what the kernel says of the map afterwards.
 */
#include "abi/world.h"

/* One creation: the row's text is the fields that are not zero. */
static void create(const union row_attr *r, uint32_t size)
{
	const union bpf_attr *a = &r->a;
	struct bpf_map_info info = { 0 };
	union row_attr q = { 0 };
	int fd = raw_bpf(BPF_MAP_CREATE, r, size), e = errno;

	say("create %s(%u) key=%u value=%u max=%u flags=%#x", type_name(a->map_type), a->map_type,
	    a->key_size, a->value_size, a->max_entries, a->map_flags);
	for (uint32_t i = 5; i < 23; i++)
		if (r->w[i])
			say(" [%u]=%#x", i * 4, r->w[i]);
	if (size != 92)
		say(" size=%u", size);
	errno = e;
	if (fd < 0) {
		result(fd);
		return;
	}
	q.a.info.bpf_fd = fd;
	q.a.info.info_len = sizeof(info);
	q.a.info.info = ptr(&info);
	must(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, 16) == 0, "info of a new map");
	printf(": ok type=%u key=%u value=%u max=%u flags=%#x name=%.16s extra=%llu access=%d\n", info.type,
	       info.key_size, info.value_size, info.max_entries, info.map_flags, info.name, info.map_extra,
	       fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

static union row_attr good(const struct world_map *m)
{
	union row_attr r = { .a = { .map_type = m->type,
				    .key_size = m->key,
				    .value_size = m->value,
				    .max_entries = m->max,
				    .map_flags = m->flags } };

	if (m->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || m->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		r.a.inner_map_fd = FD_INNER_A;
	return r;
}

/* Fields to vary, as word numbers of the attr, and the values to try. */
static const struct sweep {
	const char *what;
	uint32_t word;
	uint32_t n;
	uint32_t v[16];
} sweeps[] = {
	{ "key size", 1, 12, { 0, 1, 3, 4, 5, 8, 12, 64, 260, 261, 512, 0xffffffff } },
	{ "value size", 2, 11, { 0, 1, 4, 7, 8, 12, 4096, 32768, 32769, 0x80000000, 0xffffffff } },
	{ "entries", 3, 4, { 0, 1, 3, 100 } },
	{ "extra low", 16, 5, { 1, 5, 15, 16, 0x80000000 } },
	{ "extra high", 17, 1, { 1 } },
	{ "ifindex", 11, 1, { 1 } },
	{ "numa node without its flag", 6, 2, { 1, 4096 } },
	{ "inner map", 5, 5, { FD_NULL, FD_CLOSED, FD_BTF, FD_PROG, FD_INNER_A } },
	{ "vmlinux value", 15, 1, { 1 } },
	{ "object fd without its flag", 18, 1, { FD_CLOSED } },
	{ "token without its flag", 19, 1, { FD_CLOSED } },
};

static void sweep_all(void)
{
	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++)
		for (size_t s = 0; s < ARRAY_SIZE(sweeps); s++)
			for (uint32_t i = 0; i < sweeps[s].n; i++) {
				union row_attr r = good(&world_maps[t]);

				r.w[sweeps[s].word] = sweeps[s].v[i];
				create(&r, 92);
			}
}

/* Every flag bit alone, added to or taken from what the type needs; and pairs that contradict. */
static void sweep_flags(void)
{
	static const uint32_t pairs[] = { BPF_F_RDONLY | BPF_F_WRONLY, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG,
					  BPF_F_RDONLY | BPF_F_RDONLY_PROG,
					  BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED,
					  BPF_F_NO_COMMON_LRU | BPF_F_ZERO_SEED };

	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++) {
		for (int bit = 0; bit < 32; bit++) {
			union row_attr r = good(&world_maps[t]);

			r.a.map_flags ^= 1u << bit;
			create(&r, 92);
		}
		for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
			union row_attr r = good(&world_maps[t]);

			r.a.map_flags |= pairs[i];
			create(&r, 92);
		}
	}
}

#define ROW(t, k, v, m, f, ...)                                                                              \
	{                                                                                                    \
		.a = {.map_type = BPF_MAP_TYPE_##t,                                                          \
		      .key_size = k,                                                                         \
		      .value_size = v,                                                                       \
		      .max_entries = m,                                                                      \
		      .map_flags = f,                                                                        \
		      ##__VA_ARGS__ }                                                                        \
	}
#define BTF(k, v) .btf_fd = FD_BTF, .btf_key_type_id = k, .btf_value_type_id = v

/* (union bpf_attr alone: a table of row_attr would be large.) */
static const struct {
	union bpf_attr a;
} rows[] = {
	{ .a = { .map_type = 0, .key_size = 4, .value_size = 4, .max_entries = 1 } },
	{ .a = { .map_type = 1000, .key_size = 4, .value_size = 4, .max_entries = 1 } },
	{ .a = { .map_type = 0xffffffff, .key_size = 4, .value_size = 4, .max_entries = 1 } },
	/* Names. */
	ROW(HASH, 4, 4, 1, 0, .map_name = "a"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "abcdefghijklmno"),
	ROW(HASH, 4, 4, 1, 0,
	    .map_name = { 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p' }),
	ROW(HASH, 4, 4, 1, 0, .map_name = "a_b.C9"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "a-b"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "a b"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "a/b"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "a:b"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "\xc3\xa4"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "\x7f"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "\n"),
	ROW(HASH, 4, 4, 1, 0, .map_name = { 'a', 0, '-', '/' }),
	ROW(HASH, 4, 4, 1, 0, .map_name = { 0, 'a' }),
	ROW(ARRAY, 4, 4, 1, 0, .map_name = "."),
	ROW(QUEUE, 0, 4, 1, 0, .map_name = "q?"),
	/* NUMA nodes with their flag. */
	ROW(HASH, 4, 4, 1, BPF_F_NUMA_NODE, .numa_node = 0),
	ROW(HASH, 4, 4, 1, BPF_F_NUMA_NODE, .numa_node = 1023),
	ROW(HASH, 4, 4, 1, BPF_F_NUMA_NODE, .numa_node = 0xffffffff),
	ROW(ARRAY, 4, 4, 1, BPF_F_NUMA_NODE, .numa_node = 5000),
	ROW(LRU_HASH, 4, 4, 4, BPF_F_NUMA_NODE | BPF_F_NO_COMMON_LRU, .numa_node = 0),
	ROW(LPM_TRIE, 8, 4, 1, BPF_F_NUMA_NODE | BPF_F_NO_PREALLOC, .numa_node = 0),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, BPF_F_NUMA_NODE, .inner_map_fd = FD_INNER_A),
	/* Limits of sizes. */
	ROW(HASH, 4, 0x3ffff0, 1, BPF_F_NO_PREALLOC),
	ROW(HASH, 4, 0x400000, 1, BPF_F_NO_PREALLOC),
	ROW(HASH, 513, 8, 1, 0),
	ROW(HASH, 4096, 8, 1, 0),
	ROW(HASH, 0x400000, 8, 1, BPF_F_NO_PREALLOC),
	ROW(PERCPU_HASH, 4, 32768, 1, 0),
	ROW(PERCPU_HASH, 4, 32760, 1, 0),
	ROW(LRU_PERCPU_HASH, 4, 32769, 1, 0),
	ROW(HASH, 4, 4, 0x80000001, 0),
	ROW(HASH, 4, 4, 0xffffffff, 0),
	ROW(LRU_HASH, 4, 4, 0xffffffff, 0),
	ROW(ARRAY, 4, 0x7fffffff, 1, 0),
	ROW(ARRAY, 4, 0x80000000, 1, 0),
	ROW(PERCPU_ARRAY, 4, 32768, 1, 0),
	ROW(QUEUE, 0, 0x3fffff, 1, 0),
	ROW(QUEUE, 0, 0x400001, 1, 0),
	ROW(STACK, 0, 0x400001, 1, 0),
	ROW(BLOOM_FILTER, 0, 0x400001, 1, 0),
	ROW(LPM_TRIE, 4, 4, 1, BPF_F_NO_PREALLOC),
	ROW(LPM_TRIE, 5, 1, 1, BPF_F_NO_PREALLOC),
	ROW(LPM_TRIE, 260, 4, 1, BPF_F_NO_PREALLOC),
	ROW(LPM_TRIE, 261, 4, 1, BPF_F_NO_PREALLOC),
	ROW(LPM_TRIE, 8, 4, 1, 0),
	ROW(LPM_TRIE, 8, 4, 1, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED),
	ROW(LRU_HASH, 4, 4, 1, 0),
	ROW(LRU_HASH, 4, 4, 3, BPF_F_NO_COMMON_LRU),
	ROW(LRU_HASH, 4, 4, 1, BPF_F_NO_COMMON_LRU),
	ROW(LRU_PERCPU_HASH, 4, 4, 5, BPF_F_NO_COMMON_LRU),
	ROW(LRU_HASH, 4, 4, 8, BPF_F_NO_PREALLOC),
	ROW(ARRAY, 4, 8, 1, BPF_F_MMAPABLE),
	ROW(ARRAY, 4, 8, 1000, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG),
	ROW(ARRAY, 4, 8, 1, BPF_F_MMAPABLE | BPF_F_INNER_MAP),
	ROW(BLOOM_FILTER, 0, 8, 4, 0, .map_extra = 15),
	ROW(BLOOM_FILTER, 0, 8, 4, 0, .map_extra = 16),
	ROW(BLOOM_FILTER, 0, 8, 0, 0, .map_extra = 1),
	/* BTF. */
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(HASH, 8, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, 0)),
	ROW(HASH, 4, 4, 1, 0, BTF(0, BTF_INT)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, 100)),
	ROW(HASH, 4, 4, 1, 0, BTF(100, BTF_INT)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, 0xffffffff)),
	ROW(HASH, 4, 4, 1, 0, .btf_fd = FD_CLOSED),
	ROW(HASH, 4, 4, 1, 0, .btf_fd = FD_CLOSED, .btf_key_type_id = 1, .btf_value_type_id = 1),
	ROW(HASH, 4, 4, 1, 0, .btf_fd = FD_NULL, .btf_key_type_id = 1, .btf_value_type_id = 1),
	ROW(HASH, 4, 4, 1, 0, .btf_fd = FD_PROG, .btf_key_type_id = 1, .btf_value_type_id = 1),
	ROW(HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_PAIR)),
	ROW(HASH, 8, 8, 1, 0, BTF(BTF_PAIR, BTF_PAIR)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, BTF_VAR)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, BTF_DATASEC)),
	ROW(ARRAY, 4, 4, 1, 0, BTF(0, BTF_DATASEC)),
	ROW(ARRAY, 4, 4, 2, 0, BTF(0, BTF_DATASEC)),
	ROW(ARRAY, 4, 8, 1, 0, BTF(0, BTF_DATASEC)),
	ROW(ARRAY, 4, 4, 1, BPF_F_MMAPABLE, BTF(0, BTF_DATASEC)),
	ROW(ARRAY, 4, 4, 1, 0, BTF(0, BTF_INT)),
	ROW(ARRAY, 4, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(ARRAY, 4, 4, 1, 0, BTF(BTF_LONG, BTF_INT)),
	ROW(ARRAY, 4, 8, 1, 0, BTF(BTF_INT, BTF_LONG)),
	ROW(PROG_ARRAY, 4, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(PERF_EVENT_ARRAY, 4, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(PERCPU_HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_LONG)),
	ROW(PERCPU_ARRAY, 4, 8, 1, 0, BTF(BTF_INT, BTF_LONG)),
	ROW(LRU_HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_PAIR)),
	ROW(LRU_PERCPU_HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_PAIR)),
	ROW(LPM_TRIE, 8, 8, 1, BPF_F_NO_PREALLOC, BTF(BTF_PAIR, BTF_PAIR)),
	ROW(LPM_TRIE, 8, 8, 1, BPF_F_NO_PREALLOC, BTF(BTF_LONG, BTF_PAIR)),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_INNER_A, BTF(BTF_INT, BTF_INT)),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_INNER_A, BTF(BTF_INT, BTF_INT)),
	ROW(QUEUE, 0, 8, 1, 0, BTF(0, BTF_PAIR)),
	ROW(QUEUE, 0, 4, 1, 0, BTF(BTF_INT, BTF_INT)),
	ROW(STACK, 0, 8, 1, 0, BTF(0, BTF_PAIR)),
	ROW(BLOOM_FILTER, 0, 8, 1, 0, BTF(0, BTF_PAIR)),
	ROW(BLOOM_FILTER, 0, 8, 1, 0, BTF(0, BTF_INT)),
	/* Values with a lock. */
	ROW(HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_LOCKED)),
	ROW(HASH, 4, 4, 1, 0, BTF(BTF_INT, BTF_SPIN)),
	ROW(HASH, 4, 8, 1, BPF_F_RDONLY_PROG, BTF(BTF_INT, BTF_LOCKED)),
	ROW(HASH, 4, 8, 1, BPF_F_WRONLY_PROG, BTF(BTF_INT, BTF_LOCKED)),
	ROW(ARRAY, 4, 8, 1, 0, BTF(BTF_INT, BTF_LOCKED)),
	ROW(ARRAY, 4, 8, 1, BPF_F_MMAPABLE, BTF(BTF_INT, BTF_LOCKED)),
	ROW(LRU_HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_LOCKED)),
	ROW(PERCPU_HASH, 4, 8, 1, 0, BTF(BTF_INT, BTF_LOCKED)),
	ROW(PERCPU_ARRAY, 4, 8, 1, 0, BTF(BTF_INT, BTF_LOCKED)),
	ROW(LPM_TRIE, 8, 8, 1, BPF_F_NO_PREALLOC, BTF(BTF_PAIR, BTF_LOCKED)),
	ROW(QUEUE, 0, 8, 1, 0, BTF(0, BTF_LOCKED)),
	/* Templates of outer maps. */
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_HASH),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_PROG_ARRAY),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_PERF_EVENT_ARRAY),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_PERCPU_HASH),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_PERCPU_ARRAY),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_LRU_HASH),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_LPM_TRIE),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_ARRAY_OF_MAPS),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_HASH_OF_MAPS),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_QUEUE),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_STACK),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_MAP + BPF_MAP_TYPE_BLOOM_FILTER),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_LOCK_HASH),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_LOCK_ARRAY),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_FROZEN),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_RDONLY),
	ROW(HASH_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_WRONLY),
	ROW(HASH_OF_MAPS, 16, 4, 1, BPF_F_NO_PREALLOC, .inner_map_fd = FD_INNER_A),
	ROW(HASH_OF_MAPS, 4, 8, 1, 0, .inner_map_fd = FD_INNER_A),
	/* A token that is none. */
	ROW(HASH, 4, 4, 1, F_TOKEN_FD),
	/* Several wrongs: which one is answered? */
	ROW(HASH, 0, 0, 0, 0x80000000, .map_name = "-"),
	ROW(HASH, 4, 4, 1, BPF_F_RDONLY | BPF_F_WRONLY, .map_extra = 1, .map_name = "-"),
	ROW(HASH, 4, 4, 1, 0, .map_name = "-", .btf_fd = FD_CLOSED, .btf_key_type_id = 1,
	    .btf_value_type_id = 1),
	ROW(HASH, 4, 0x400000, 1, 0, .map_name = "-"),
	ROW(ARRAY, 4, 0x80000000, 1, 0, .map_name = "-"),
	ROW(ARRAY_OF_MAPS, 4, 4, 0, 0, .inner_map_fd = FD_CLOSED),
	ROW(ARRAY_OF_MAPS, 4, 4, 1, 0, .inner_map_fd = FD_CLOSED, .map_name = "-"),
	ROW(HASH_OF_MAPS, 0, 4, 1, 0, .inner_map_fd = FD_CLOSED),
	/* too large, and for a device that is not there */
	ROW(SOCKHASH, 600, 4, 4, 0, .map_ifindex = 0x4800),
	ROW(CPUMAP, 4, 4, 1 << 30, 0, .map_ifindex = 0x4800),
	ROW(CGROUP_STORAGE, 16, 1 << 20, 0, 0, .map_ifindex = 0x4800),
	ROW(PERCPU_CGROUP_STORAGE, 16, 1 << 20, 0, 0, .map_ifindex = 0x4800),
	ROW(QUEUE, 0, 8 << 20, 4, 0, .map_ifindex = 0x4800),
	ROW(HASH, 4, 8 << 20, 4, 0, .map_ifindex = 0x4800),
	ROW(ARRAY, 4, 0x7fffffff, 4, 0, .map_ifindex = 0x4800),
	ROW(STACK_TRACE, 4, 8, 0xf0000000, 0, .map_ifindex = 0x4800),
	ROW(LPM_TRIE, 8, 8 << 20, 4, 1, .map_ifindex = 0x4800),
	ROW(DEVMAP, 4, 4, 0xf0000000, 0, .map_ifindex = 0x4800),
};

/* Old clients send a short attr. */
static void sizes(void)
{
	static const uint32_t n[] = { 0, 4, 12, 15, 16, 20, 28, 44, 48, 60, 64, 72, 88, 92, 96, 120, 168 };

	for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
		union row_attr r = good(&world_maps[0]);

		create(&r, n[i]);
	}
}

int main(void)
{
	world_enter();
	sweep_all();
	sweep_flags();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union row_attr r = { .a = rows[i].a };

		create(&r, 92);
	}
	sizes();
	return 0;
}
