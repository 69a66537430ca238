// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the fault tests share: one pinned map a type, random operations on them,
 * and the question whether a map is whole.
 *
 * A map is whole if a walk over it ends, every value that is found is one that
 * somebody wrote in one piece, and it can be emptied, filled to its last entry
 * (and no further, where the type says so) and emptied again.
 *
 * All of it are ordinary bpf(2) calls: the same programs pass on a kernel.
 */
#ifndef PINFS_TESTS_FAULTS_H
#define PINFS_TESTS_FAULTS_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "abi/world.h"
#include "lib/random.h"
#include "lib/tap.h"

#define MAX   16u /* entries of every map */
#define WORDS 8   /* 64-bit words of a value, all the same */
#define NCPU  64

struct victim {
	uint32_t type, key, words, flags;
	const char *name;
	int fd; /* the parent's, inherited by all children */
};

static struct victim victims[] = {
	{ BPF_MAP_TYPE_HASH, 8, WORDS, 0, "hash", -1 },
	{ BPF_MAP_TYPE_HASH, 8, 1, 0, "hash_small", -1 },
	{ BPF_MAP_TYPE_HASH, 8, WORDS, BPF_F_NO_PREALLOC, "hash_no_prealloc", -1 },
	{ BPF_MAP_TYPE_ARRAY, 4, WORDS, 0, "array", -1 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 8, 1, 0, "percpu_hash", -1 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 1, 0, "percpu_array", -1 },
	{ BPF_MAP_TYPE_LRU_HASH, 8, WORDS, 0, "lru_hash", -1 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 1, 0, "lru_percpu", -1 },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, WORDS, BPF_F_NO_PREALLOC, "lpm_trie", -1 },
	{ BPF_MAP_TYPE_QUEUE, 0, WORDS, 0, "queue", -1 },
	{ BPF_MAP_TYPE_STACK, 0, WORDS, 0, "stack", -1 },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, WORDS, 0, "bloom", -1 },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 0, 0, "array_of_maps", -1 },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 0, 0, "hash_of_maps", -1 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 0, 0, "prog_array", -1 },
};
#define NR_VICTIMS ARRAY_SIZE(victims)

static inline int holds_objects(const struct victim *v)
{
	return v->words == 0;
}

static inline int is_percpu(const struct victim *v)
{
	return v->type == BPF_MAP_TYPE_PERCPU_HASH || v->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       v->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static inline int is_array(const struct victim *v)
{
	return v->type == BPF_MAP_TYPE_ARRAY || v->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       v->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || v->type == BPF_MAP_TYPE_PROG_ARRAY;
}

static inline int is_lru(const struct victim *v)
{
	return v->type == BPF_MAP_TYPE_LRU_HASH || v->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* Keys 0..MAX+7; a trie gets prefixes that split each other. */
static inline uint64_t key_of(const struct victim *v, uint32_t i)
{
	return v->type == BPF_MAP_TYPE_LPM_TRIE ? (8 + i) | (uint64_t)(0x80 ^ (i * 0x11 & 0xff)) << 32 : i;
}

/* Anything that a lookup gives back, per-CPU values included. */
struct value {
	uint64_t w[NCPU * WORDS];
};

static inline void value_set(const struct victim *v, struct value *x, uint64_t to)
{
	if (holds_objects(v))
		to = v->type == BPF_MAP_TYPE_PROG_ARRAY ? FD_PROG : FD_INNER_A;
	for (uint32_t i = 0; i < (is_percpu(v) ? NCPU : WORDS); i++)
		x->w[i] = to;
}

/* cmd on key (NULL for the types without) and value. */
static inline int elem(int cmd, int fd, const uint64_t *key, void *value, uint64_t flags)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .value = ptr(value), .flags = flags } };

	return raw_bpf(cmd, &r, cmd == BPF_MAP_DELETE_ELEM ? 16 : cmd == BPF_MAP_GET_NEXT_KEY ? 24 : 32);
}

static inline int put(const struct victim *v, int fd, uint32_t i)
{
	uint64_t k = key_of(v, i);
	struct value x;

	value_set(v, &x, i * 0x0101010101010101ull);
	return elem(BPF_MAP_UPDATE_ELEM, fd, v->key ? &k : NULL, &x, BPF_ANY);
}

static inline int take(const struct victim *v, int fd, uint32_t i)
{
	uint64_t k = key_of(v, i);
	struct value x;

	if (v->type == BPF_MAP_TYPE_QUEUE || v->type == BPF_MAP_TYPE_STACK)
		return elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, &x, 0);
	return elem(BPF_MAP_DELETE_ELEM, fd, v->key ? &k : NULL, NULL, 0);
}

/* -1: not found; 0: a value torn into pieces; 1: found and in one piece (or of a type that may tear). */
static inline int look(const struct victim *v, int fd, uint64_t key)
{
	struct value x;

	value_set(v, &x, 0);
	if (elem(BPF_MAP_LOOKUP_ELEM, fd, v->key ? &key : NULL, &x, 0))
		return -1;
	for (uint32_t i = 1; i < v->words; i++)
		if (x.w[i] != x.w[0] && !is_array(v) && v->type != BPF_MAP_TYPE_BLOOM_FILTER)
			return 0;
	return 1;
}

/* One operation by chance. 0, or the errno if it is one that no such operation may give. */
static inline int operate(const struct victim *v, int fd, uint32_t r)
{
	uint32_t i = r >> 8 & 31;
	uint64_t k = key_of(v, i), next;
	struct value x;
	int ret;

	switch (r & 7) {
	case 0:
	case 1:
	case 2: ret = put(v, fd, i); break;
	case 3:
	case 4: ret = take(v, fd, i); break;
	case 5: ret = v->key ? elem(BPF_MAP_GET_NEXT_KEY, fd, &k, &next, 0) : 0; break;
	case 6: ret = look(v, fd, k) == 0 ? (errno = EILSEQ, -1) : 0; break;
	default: ret = elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, v->key ? &k : NULL, &x, 0); break;
	}
	if (ret == 0 || errno == ENOENT || errno == E2BIG || errno == ENOSPC || errno == EINVAL ||
	    errno == EOPNOTSUPP || errno == ENOTSUPP)
		return 0;
	return errno;
}

static inline int victim_pin(int fd, const char *path)
{
	union row_attr r = { .a = { .pathname = ptr(path), .bpf_fd = fd } };

	return raw_bpf(BPF_OBJ_PIN, &r, 12);
}

static inline int victim_get(const char *path)
{
	union row_attr r = { .a = { .pathname = ptr(path) } };

	return raw_bpf(BPF_OBJ_GET, &r, 12);
}

static inline int victim_make(const struct victim *v, const char *name)
{
	union row_attr r = { .a = { .map_type = v->type,
				    .key_size = v->key,
				    .value_size = v->words ? v->words * 8 : 4,
				    .max_entries = MAX,
				    .map_flags = v->flags } };

	if (v->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || v->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		r.a.inner_map_fd = FD_INNER_A;
	strncpy(r.a.map_name, name, sizeof(r.a.map_name) - 1);
	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static inline const char *victim_path(const struct victim *v)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", world_dir, v->name);
	return path;
}

/* All victims made and pinned in a fresh directory, and what goes into them. */
static inline void victims_make(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	place(world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0), FD_INNER_A, "an inner map");
	place(world_prog(BPF_PROG_TYPE_SOCKET_FILTER), FD_PROG, "a program");
	world_bpffs();
	for (size_t i = 0; i < NR_VICTIMS; i++) {
		victims[i].fd = victim_make(&victims[i], victims[i].name);
		must(victims[i].fd >= 0, victims[i].name);
		must(victim_pin(victims[i].fd, victim_path(&victims[i])) == 0, "a pin");
	}
}

static inline void victims_unmake(void)
{
	for (size_t i = 0; i < NR_VICTIMS; i++) {
		unlink(victim_path(&victims[i]));
		close(victims[i].fd);
	}
	world_leave();
}

/* Takes out everything: what a walk finds, or until there is nothing. */
static inline int empty(const struct victim *v, int fd)
{
	uint64_t k = 0;

	for (uint32_t n = 0; n < 10 * MAX; n++) {
		if (!v->key) {
			if (take(v, fd, 0))
				return 0;
		} else if (elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &k, 0)) {
			return errno == ENOENT ? 0 : -errno;
		} else if (elem(BPF_MAP_DELETE_ELEM, fd, &k, NULL, 0)) {
			return -errno;
		}
	}
	return -ELOOP;
}

/* A walk that ends, and meets no torn value. Number of keys or a negative errno. */
static inline int walk(const struct victim *v, int fd)
{
	uint64_t k = 0, next = 0;
	int n = 0;

	while (v->key && elem(BPF_MAP_GET_NEXT_KEY, fd, n ? &k : NULL, &next, 0) == 0) {
		k = next;
		if (look(v, fd, k) == 0)
			return -EILSEQ;
		if (++n > 10 * (int)MAX)
			return -ELOOP;
	}
	return v->key && errno != ENOENT ? -errno : n;
}

static inline int fill(const struct victim *v, int fd)
{
	for (uint32_t i = 0; i < MAX; i++)
		if (put(v, fd, i))
			return -errno;
	for (uint32_t i = 0; i < MAX && v->key && !is_lru(v); i++)
		if (look(v, fd, key_of(v, i)) != 1)
			return -ENODATA;
	if (v->type == BPF_MAP_TYPE_BLOOM_FILTER || is_lru(v))
		return 0;
	if (put(v, fd, MAX + 1) == 0 || (errno != E2BIG && errno != ENOSPC))
		return -EOVERFLOW;
	return 0;
}

/* 0, or what is wrong: printed, with the step it came from. Leaves the map empty. */
static inline int not_whole(const struct victim *v, int fd)
{
	int n = walk(v, fd), r;

	if (n < 0 || (is_array(v) && n != (int)MAX) || n > (int)MAX) {
		diag("%s: a walk gives %d", v->name, n);
		return 1;
	}
	r = is_array(v) || v->type == BPF_MAP_TYPE_BLOOM_FILTER ? 0 : empty(v, fd);
	if (r == 0)
		r = fill(v, fd);
	if (r)
		diag("%s: emptied and filled: %s", v->name, errno_name(-r));
	if (r == 0 && !is_array(v) && v->type != BPF_MAP_TYPE_BLOOM_FILTER && (r = empty(v, fd)))
		diag("%s: emptied again: %s", v->name, errno_name(-r));
	return r != 0;
}

static inline void all_whole(const char *after)
{
	for (size_t i = 0; i < NR_VICTIMS; i++)
		ok(!not_whole(&victims[i], victims[i].fd), "%s is whole after %s", victims[i].name, after);
}

/* A name of this run's own: other programs on the machine may have maps, too. */
static inline const char *own_name(const char *what)
{
	static char name[16];

	snprintf(name, sizeof(name), "%.5s%d", what, (int)getpgrp());
	return name;
}

/* How many maps of that name exist, by walking all ids. */
static inline int maps_named(const char *name)
{
	union row_attr r = { 0 };
	int n = 0;

	while (raw_bpf(BPF_MAP_GET_NEXT_ID, &r, 8) == 0) {
		uint32_t id = r.w[1];
		union row_attr g = { .w = { id } };
		struct bpf_map_info info = { 0 };
		int fd = raw_bpf(BPF_MAP_GET_FD_BY_ID, &g, 12);
		union row_attr q = { .a.info = {
					     .bpf_fd = fd, .info_len = sizeof(info), .info = ptr(&info) } };

		if (fd >= 0) {
			n += raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, 16) == 0 && !strcmp(info.name, name);
			close(fd);
		}
		r = (union row_attr){ .w = { id } };
	}
	return n;
}

/*
 * The same, when what should be gone had some time to go. (To look at once is
 * no good: a kernel loses a prog_array whose last fd is closed again while its
 * clearing is still queued.)
 */
static inline int maps_left(const char *name)
{
	int n = 0;

	for (int i = 0; i < 15; i++) {
		usleep(200000);
		n = maps_named(name);
		if (!n)
			break;
	}
	return n;
}

static inline void spin_us(uint32_t us)
{
	for (uint64_t end = now_us() + us; now_us() < end;)
		;
}

static inline void *shared_page(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "shared memory");
	return p;
}

#endif
