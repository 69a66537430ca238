// SPDX-License-Identifier: BSD-2-Clause
/*
 * The world that rows and random calls are made in: fixed fd numbers, one map a type.
 *
 * Every fd sits at a number of its own, so that tables can name it as a
 * constant and two runs make the very same calls:
 *
 *     100 + type   a map of that type, as in world_maps[]
 *     140 ...      maps with something special, and what is no map
 *     FD_CLOSED    never open
 *
 * Sizes are fixed per type too: world_maps[] is also what "a good map of that
 * type" means to the rows.
 */
#ifndef PINFS_TESTS_WORLD_H
#define PINFS_TESTS_WORLD_H

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "rows.h"

enum {
	FD_MAP = 100, /* + map type */
	FD_LOCK_HASH = 140,
	FD_LOCK_ARRAY,
	FD_RDONLY,
	FD_WRONLY,
	FD_FROZEN,
	FD_INNER_A,   /* array 4/4/2: the template of the outer maps */
	FD_INNER_B,   /* like A */
	FD_INNER_BIG, /* array 4/4/3 */
	FD_INNER_HASH,
	FD_BTF = 150,
	FD_PROG,
	FD_PROG_XDP,
	FD_NULL,
	FD_DIR,      /* a bpffs directory, for reading */
	FD_DIR_PATH, /* the same, O_PATH */
	FD_TMP,      /* a directory that is not bpffs */
	FD_PERF,
	FD_CLOSED = 199,
};

/* Types in btf_blob. */
enum { BTF_INT = 1, BTF_SPIN, BTF_LOCKED, BTF_VAR, BTF_DATASEC, BTF_PAIR, BTF_LONG };

struct world_map {
	uint32_t type, key, value, max, flags;
};

static const struct world_map world_maps[] = {
	{ BPF_MAP_TYPE_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0 },
	{ BPF_MAP_TYPE_STACK, 0, 8, 4, 0 },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4, 0 },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_CPUMAP, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0 },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_SOCKHASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0, 0 },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 8, 8, 0, 0 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0 },
};

/* A BTF of the kinds that maps ask for: header, seven types, strings. */
static const char btf_strings[] = "\0int\0bpf_spin_lock\0val\0locked\0lock\0cnt\0var\0.data\0pair\0long";
static uint32_t btf_blob[128];
static uint32_t btf_blob_size;

static inline uint32_t btf_str(const char *s)
{
	for (uint32_t i = 1; i < sizeof(btf_strings); i += strlen(btf_strings + i) + 1)
		if (!strcmp(btf_strings + i, s))
			return i;
	return 0;
}

#define BTF_INFO(kind, vlen) ((uint32_t)(kind) << 24 | (vlen))

static inline void btf_make(void)
{
	const uint32_t types[] = {
		btf_str("int"),
		BTF_INFO(1, 0),
		4,
		0x01000020, /* signed, 32 bits */
		btf_str("bpf_spin_lock"),
		BTF_INFO(4, 1),
		4,
		btf_str("val"),
		BTF_INT,
		0,
		btf_str("locked"),
		BTF_INFO(4, 2),
		8,
		btf_str("lock"),
		BTF_SPIN,
		0,
		btf_str("cnt"),
		BTF_INT,
		32,
		btf_str("var"),
		BTF_INFO(14, 0),
		BTF_INT,
		1,
		btf_str(".data"),
		BTF_INFO(15, 1),
		4,
		BTF_VAR,
		0,
		4,
		btf_str("pair"),
		BTF_INFO(4, 2),
		8,
		btf_str("val"),
		BTF_INT,
		0,
		btf_str("cnt"),
		BTF_INT,
		32,
		btf_str("long"),
		BTF_INFO(1, 0),
		8,
		0x01000040,
	};
	const uint32_t hdr[] = { 0x0001eb9f, 24, 0, sizeof(types), sizeof(types), sizeof(btf_strings) };

	memcpy(btf_blob, hdr, sizeof(hdr));
	memcpy(btf_blob + 6, types, sizeof(types));
	memcpy((char *)btf_blob + sizeof(hdr) + sizeof(types), btf_strings, sizeof(btf_strings));
	btf_blob_size = sizeof(hdr) + sizeof(types) + sizeof(btf_strings);
}

static inline int world_btf(void)
{
	union row_attr r = { .a = { .btf = ptr(btf_blob), .btf_size = btf_blob_size } };

	return raw_bpf(BPF_BTF_LOAD, &r, 32);
}

static const struct bpf_insn prog_return_0[] = {
	{ .code = 0xb7, .dst_reg = 0, .imm = 0 }, /* r0 = 0 */
	{ .code = 0x95 },                         /* exit */
};

static inline int world_prog(uint32_t type)
{
	union row_attr r = {
		.a = { .prog_type = type, .insns = ptr(prog_return_0), .insn_cnt = 2, .license = ptr("GPL") }
	};

	return raw_bpf(BPF_PROG_LOAD, &r, 72);
}

static inline int world_map(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .map_flags = flags } };

	if (type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS)
		r.a.inner_map_fd = FD_INNER_A;
	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

/* A map of the type as in world_maps[]. */
static inline int world_map_of(const struct world_map *m)
{
	return world_map(m->type, m->key, m->value, m->max, m->flags);
}

static inline int world_lock_map(uint32_t type)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = 4,
				    .value_size = 8,
				    .max_entries = 4,
				    .btf_fd = FD_BTF,
				    .btf_key_type_id = BTF_INT,
				    .btf_value_type_id = BTF_LOCKED } };

	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static inline int world_perf(void)
{
	struct perf_event_attr pe = { .type = PERF_TYPE_SOFTWARE,
				      .size = sizeof(pe),
				      .config = 10, /* BPF_OUTPUT */
				      .sample_type = PERF_SAMPLE_RAW,
				      .wakeup_events = 1 };

	return syscall(SYS_perf_event_open, &pe, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Moves fd to its number. */
static inline void place(int fd, int number, const char *what)
{
	must(fd >= 0 && dup3(fd, number, O_CLOEXEC) == number, what);
	close(fd);
}

static inline int is_bpffs(const char *path)
{
	struct statfs s;

	return statfs(path, &s) == 0 && (uint32_t)s.f_type == 0xcafe4a11u;
}

/*
 * A fresh bpffs directory for this process: below /sys/fs/bpf where that is a
 * bpffs, else in a private mount namespace. The path; made_dir is what
 * world_leave removes.
 */
static char world_dir[128];

static inline const char *world_bpffs(void)
{
	if (!is_bpffs("/sys/fs/bpf")) {
		must(unshare(CLONE_NEWNS) == 0, "a mount namespace");
		must(mount("", "/", "none", MS_PRIVATE | MS_REC, NULL) == 0, "private mounts");
		must(mount("bpffs", "/sys/fs/bpf", "bpf", 0, NULL) == 0, "a bpffs");
	}
	snprintf(world_dir, sizeof(world_dir), "/sys/fs/bpf/world-%d", (int)getpid());
	must(mkdir(world_dir, 0755) == 0, "a bpffs directory");
	return world_dir;
}

static inline void world_leave(void)
{
	if (world_dir[0])
		rmdir(world_dir);
}

static inline void world_freeze(int fd)
{
	union row_attr r = { .a = { .map_fd = fd } };

	must(raw_bpf(BPF_MAP_FREEZE, &r, 4) == 0, "a frozen map");
}

static inline void world_inners(void)
{
	place(world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0), FD_INNER_A, "inner map a");
	place(world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0), FD_INNER_B, "inner map b");
	place(world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 3, 0), FD_INNER_BIG, "inner map with more entries");
	place(world_map(BPF_MAP_TYPE_HASH, 4, 4, 2, 0), FD_INNER_HASH, "inner hash map");
}

/* All maps of the world, new; those at their numbers before are closed. */
static inline void world_maps_make(void)
{
	world_inners();
	for (size_t i = 0; i < ARRAY_SIZE(world_maps); i++)
		place(world_map_of(&world_maps[i]), FD_MAP + world_maps[i].type,
		      type_name(world_maps[i].type));
	place(world_lock_map(BPF_MAP_TYPE_HASH), FD_LOCK_HASH, "a hash map with a lock");
	place(world_lock_map(BPF_MAP_TYPE_ARRAY), FD_LOCK_ARRAY, "an array with a lock");
	place(world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_RDONLY), FD_RDONLY, "a read-only fd");
	place(world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_WRONLY), FD_WRONLY, "a write-only fd");
	place(world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0), FD_FROZEN, "a frozen map");
	world_freeze(FD_FROZEN);
}

/* Standard descriptors are /dev/null where closed: fd 0 is then always open, and no object. */
static inline void world_enter(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	must(null >= 0 && dup2(null, 0) == 0, "/dev/null");
	place(null, FD_NULL, "/dev/null");
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	umask(022);
	btf_make();
	place(world_btf(), FD_BTF, "BTF");
	world_maps_make();
	place(world_prog(BPF_PROG_TYPE_SOCKET_FILTER), FD_PROG, "a socket filter");
	place(world_prog(BPF_PROG_TYPE_XDP), FD_PROG_XDP, "an xdp program");
}

#endif
