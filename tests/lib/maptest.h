// SPDX-License-Identifier: BSD-2-Clause
/*
 * A map without a store, for tests of the map layer.
 *
 * The map's file is an anonymous one, shared with the children that a test
 * forks; so is the file by which actors prove that they live. The calls enter
 * and leave an operation as sys/cmd_map.c does.
 *
 *     struct maptest t;
 *     mt_make(&t, &hashtab_ops, &(struct map_attr){ .map_type = ..., ... });
 *     mt_update(&t, &key, &value, BPF_ANY);
 *
 * Test keys and values are numbers: mt_key makes the key bytes of a number,
 * mt_value a value that belongs to it and is different each time, mt_check
 * tells whether a value was written whole for that key.
 */
#ifndef PINFS_TESTS_MAPTEST_H
#define PINFS_TESTS_MAPTEST_H

#include "map/map.h"

struct maptest {
	const struct map_ops *ops;
	struct map_attr attr;
	struct bpf_map map;
	u8 *base; /* header, then data; or the other way round */
	size_t size, hdr;
	int fd;
};

/* 0, or the errno of the type's alloc_check or layout. Dies when the test itself is broken. */
int mt_make(struct maptest *t, const struct map_ops *ops, const struct map_attr *attr);
/* Opens the same memory anew, as another process would: 0, or what ops->open says. */
int mt_reopen(struct maptest *t);
void mt_free(struct maptest *t);

int mt_lookup(struct maptest *t, const void *key, void *value);
int mt_lookup_flags(struct maptest *t, const void *key, void *value, u64 flags);
int mt_update(struct maptest *t, const void *key, const void *value, u64 flags);
int mt_delete(struct maptest *t, const void *key);
int mt_take(struct maptest *t, const void *key, void *value); /* lookup_and_delete */
int mt_next(struct maptest *t, const void *key, void *next);
int mt_batch(struct maptest *t, int (*batch)(struct op *, struct bpf_map *, struct map_batch *),
	     struct map_batch *b);

#define MT_KEY_MAX   4096
#define MT_VALUE_MAX 8192

void mt_key(const struct maptest *t, u64 n, void *key);
u64 mt_key_number(const struct maptest *t, const void *key);
void mt_value(const struct maptest *t, u64 n, void *value);
bool mt_check(const struct maptest *t, u64 n, const void *value);

/* A small generator of numbers, one a thread. */
extern __thread u64 mt_seed;
u64 mt_rand(void);
double mt_now(void);

/* Shared with children: counters of a test. Zeroed by mt_shared_reset. */
extern volatile u64 *mt_shared;
#define MT_SHARED 64
void mt_shared_reset(void);

/* A failure seen inside a workload: counted, the first ones printed as diagnostics. */
#define mt_fail(...) mt_failed(__VA_ARGS__)
void mt_failed(const char *fmt, ...) PRINTF(1, 2);
extern volatile u64 *mt_failures; /* shared */

#endif
