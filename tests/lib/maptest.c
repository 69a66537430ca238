// SPDX-License-Identifier: BSD-2-Clause
/* Maps without a store: see maptest.h. */
#include "tests/lib/maptest.h"
#include "util/raw.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

__thread u64 mt_seed = 88172645463325252ull;
volatile u64 *mt_shared, *mt_failures;

static int actors_fd = -1;

static void die(const char *what)
{
	perror(what);
	exit(99);
}

/* A new description of the actors file: OFD locks belong to descriptions. */
static int open_actors(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", actors_fd);
	return raw_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
}

static __attribute__((constructor)) void setup(void)
{
	u8 *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap");
	actors_fd = memfd_create("actors", MFD_CLOEXEC);
	if (actors_fd < 0)
		die("memfd_create");
	mt_shared = (u64 *)page;
	mt_failures = mt_shared + MT_SHARED;
	actor_bind(open_actors, (_Atomic u64 *)(page + PAGE));
	*(u64 *)(page + PAGE) = 1;
}

void mt_shared_reset(void)
{
	memset((void *)mt_shared, 0, MT_SHARED * sizeof(u64));
}

void mt_failed(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	if (__atomic_fetch_add((u64 *)mt_failures, 1, __ATOMIC_RELAXED) >= 20)
		return;
	n = snprintf(line, sizeof(line), "# [%d] ", getpid());
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 2, fmt, ap);
	va_end(ap);
	n = MIN(n, (int)sizeof(line) - 2);
	line[n++] = '\n';
	n = (int)write(1, line, (size_t)n);
}

static bool is_percpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static void fill_header(struct maptest *t, size_t data_size)
{
	struct map_hdr *h = (struct map_hdr *)(t->base + t->hdr);
	const struct map_attr *a = &t->attr;

	h->o = (struct obj_hdr){ .magic = OBJ_MAGIC, .type = OBJ_MAP, .id = 1, .kind = a->map_type };
	h->o.file_size = t->size;
	h->key_size = a->key_size;
	h->value_size = a->value_size;
	h->max_entries = a->max_entries;
	h->map_flags = a->map_flags;
	h->map_extra = a->map_extra;
	h->ncpu = a->ncpu;
	h->record = a->record;
	t->map.view.data_size = data_size;
}

static void fill_map(struct maptest *t)
{
	struct bpf_map *m = &t->map;
	const struct map_attr *a = &t->attr;
	size_t data_size = m->view.data_size;

	*m = (struct bpf_map){
		.ops = t->ops,
		.hdr = (struct map_hdr *)(t->base + t->hdr),
		.data = t->hdr ? t->base : t->base + OBJ_HDR_SIZE,
		.id = 1,
		.map_type = a->map_type,
		.key_size = a->key_size,
		.value_size = a->value_size,
		.max_entries = a->max_entries,
		.map_flags = a->map_flags,
		.map_extra = a->map_extra,
		.ncpu = a->ncpu,
		.record = a->record,
	};
	m->value_len = is_percpu(a->map_type) ? a->ncpu * (u32)ROUND_UP(a->value_size, 8) : a->value_size;
	m->view = (struct obj_view){
		.hdr = &m->hdr->o,
		.data = m->data,
		.data_size = data_size,
		.base = t->base,
		.size = t->size,
		.writable = true,
	};
}

int mt_make(struct maptest *t, const struct map_ops *ops, const struct map_attr *attr)
{
	struct map_layout l = { 0 };
	int err;

	*t = (struct maptest){ .ops = ops, .attr = *attr, .fd = -1 };
	if (!t->attr.ncpu)
		t->attr.ncpu = 2;
	if (!t->attr.record.spin_lock_off)
		t->attr.record = (struct map_record){ -1, -1 };
	err = ops->alloc_check(&t->attr);
	if (!err)
		err = ops->layout(&t->attr, &l);
	if (err)
		return err;
	t->size = l.header_last ? l.data_size + OBJ_HDR_SIZE : ROUND_UP(OBJ_HDR_SIZE + l.data_size, PAGE);
	t->hdr = l.header_last ? l.data_size : 0;
	t->fd = memfd_create("map", MFD_CLOEXEC);
	if (t->fd < 0 || ftruncate(t->fd, (off_t)t->size))
		die("map file");
	t->base = mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	if (t->base == MAP_FAILED)
		die("mmap");
	fill_header(t, t->size - OBJ_HDR_SIZE);
	fill_map(t);
	err = ops->init(&t->map, &t->attr);
	return err ? err : ops->open(&t->map);
}

int mt_reopen(struct maptest *t)
{
	fill_map(t);
	return t->ops->open(&t->map);
}

void mt_free(struct maptest *t)
{
	if (!t->base)
		return;
	munmap(t->base, t->size);
	close(t->fd);
	t->base = NULL;
}

/* ---- operations ---- */

/* Out of line: gcc takes its inlined variables for clobbered by the guard. */
static noinline struct op *enter(struct maptest *t, const void *fp)
{
	return op_enter(&t->map, fp);
}

/* A macro, so that the operation's frame is that of the function that calls it. */
#define CALL(t, call)                                                                                        \
	do {                                                                                                 \
		struct op *const op = enter((t), __builtin_frame_address(0));                                \
		int err_;                                                                                    \
                                                                                                             \
		if (!op)                                                                                     \
			return -EAGAIN;                                                                      \
		op->guard.lo = (t)->base;                                                                    \
		op->guard.hi = (t)->base + (t)->size;                                                        \
		err_ = guard_set(&op->guard);                                                                \
		if (!err_)                                                                                   \
			err_ = (call);                                                                       \
		else                                                                                         \
			op_fault(op);                                                                        \
		op_leave(op);                                                                                \
		return err_;                                                                                 \
	} while (0)

noinline int mt_lookup_flags(struct maptest *t, const void *key, void *value, u64 flags)
{
	CALL(t, t->ops->lookup(op, &t->map, key, value, flags));
}

int mt_lookup(struct maptest *t, const void *key, void *value)
{
	return mt_lookup_flags(t, key, value, 0);
}

noinline int mt_update(struct maptest *t, const void *key, const void *value, u64 flags)
{
	CALL(t, t->ops->update(op, &t->map, key, value, flags));
}

noinline int mt_delete(struct maptest *t, const void *key)
{
	CALL(t, t->ops->delete (op, &t->map, key));
}

noinline int mt_take(struct maptest *t, const void *key, void *value)
{
	CALL(t, t->ops->lookup_and_delete(op, &t->map, key, value, 0));
}

noinline int mt_next(struct maptest *t, const void *key, void *next)
{
	CALL(t, t->ops->next_key(op, &t->map, key, next));
}

noinline int mt_batch(struct maptest *t, int (*batch)(struct op *, struct bpf_map *, struct map_batch *),
		      struct map_batch *b)
{
	CALL(t, batch(op, &t->map, b));
}

/* ---- keys and values ---- */

void mt_key(const struct maptest *t, u64 n, void *key)
{
	u8 *k = key;
	u32 size = t->map.key_size;

	memset(k, 0, size);
	memcpy(k, &n, MIN(size, 8));
	for (u32 i = 8; i < size; i++)
		k[i] = (u8)(n * 31 + i);
}

u64 mt_key_number(const struct maptest *t, const void *key)
{
	u64 n = 0;

	memcpy(&n, key, MIN(t->map.key_size, 8));
	return n;
}

/* First the key's number and a count, then words that follow from what is before. */
void mt_value(const struct maptest *t, u64 n, void *value)
{
	static __thread u32 count;
	u32 len = t->map.value_len;
	u64 w = n << 32 | ++count;

	if (len == 4)
		w = n << 16 | (count & 0xffff);
	for (u32 at = 0; at < len; at += 8) {
		memcpy((u8 *)value + at, &w, MIN(len - at, 8));
		w = w * 6364136223846793005ull + n + 1;
	}
}

bool mt_check(const struct maptest *t, u64 n, const void *value)
{
	u32 len = t->map.value_len;
	u64 w = 0;

	memcpy(&w, value, MIN(len, 8));
	if (len == 4)
		return (u32)w >> 16 == (n & 0xffff);
	if (len >= 8 && w >> 32 != (u32)n)
		return false;
	for (u32 at = 0; at < len; at += 8) {
		if (memcmp((const u8 *)value + at, &w, MIN(len - at, 8)))
			return false;
		w = w * 6364136223846793005ull + n + 1;
	}
	return true;
}

u64 mt_rand(void)
{
	mt_seed ^= mt_seed << 13;
	mt_seed ^= mt_seed >> 7;
	mt_seed ^= mt_seed << 17;
	return mt_seed;
}

double mt_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
