// SPDX-License-Identifier: BSD-2-Clause
/* Hash of maps in a store: as many references as values, whatever happens to updates. */
#include "map/hashtab_int.h"
#include "map/map_ops.h"
#include "store/ref.h"
#include "store/store.h"
#include "sys/sys.h"
#include "tests/lib/maptest.h"
#include "tests/lib/tap.h"
#include "util/raw.h"
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define INNERS 3

static struct obj_view inner_view[INNERS];
static int inner_fd[INNERS];
static u32 inner_id[INNERS];
static struct maptest outer;

static int publish(struct map_attr *a, u32 *id)
{
	static struct obj_new n;
	u64 memlock;
	int err;

	a->ncpu = 2;
	a->record = (struct map_record){ -1, -1 };
	err = map_create(a, &n, &memlock);
	if (err)
		return err;
	*id = obj_take_id(&n);
	return obj_publish(&n, O_RDWR);
}

static int refs_of(int inner)
{
	struct stat st;

	fstat(inner_fd[inner], &st);
	return ref_count(st.st_ino);
}

static int refs(void)
{
	return refs_of(0) + refs_of(1) + refs_of(2);
}

static void make_inners(void)
{
	for (u32 i = 0; i < INNERS; i++) {
		struct map_attr a = {
			.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 4
		};

		inner_fd[i] = publish(&a, &inner_id[i]);
		if (inner_fd[i] < 0 || obj_map(OBJ_MAP, inner_id[i], false, &inner_view[i]))
			exit(99);
	}
}

static int make_outer(u32 key_size, u32 *id)
{
	struct map_attr a = { .map_type = BPF_MAP_TYPE_HASH_OF_MAPS,
			      .key_size = key_size,
			      .value_size = 4,
			      .max_entries = 16,
			      .inner = (struct map_hdr *)inner_view[0].hdr };
	struct obj_view v;
	int fd;

	a.inner_id = inner_id[0];
	fd = publish(&a, id);
	if (fd < 0 || obj_map(OBJ_MAP, *id, true, &v) || map_open(&outer.map, &v))
		return -1;
	outer.ops = outer.map.ops;
	outer.base = v.base;
	outer.size = v.size;
	return fd;
}

static int put(u64 n, int inner, u64 flags)
{
	u8 key[64];

	mt_key(&outer, n, key);
	return mt_update(&outer, key, &inner_id[inner], flags);
}

static int get(u64 n, u32 *id)
{
	u8 key[64];

	mt_key(&outer, n, key);
	return mt_lookup(&outer, key, id);
}

static int del(u64 n)
{
	u8 key[64];

	mt_key(&outer, n, key);
	return mt_delete(&outer, key);
}

static u32 values(void)
{
	u8 key[64];
	u32 n = 0;

	for (int ret = mt_next(&outer, NULL, key); !ret; ret = mt_next(&outer, key, key))
		n++;
	return n;
}

static void test_rules(u32 key_size)
{
	u32 id = 0, taken[16], cursor;
	u8 keys[16 * 64];
	struct map_batch b = { .out = &cursor, .keys = keys, .values = taken, .count = 16 };
	int ret;

	ok(!put(1, 0, 0) && !get(1, &id) && id == inner_id[0] && refs_of(0) == 1,
	   "key %u: an id goes in and comes out, with one reference", key_size);
	ok(!put(2, 0, BPF_NOEXIST) && refs_of(0) == 2, "key %u: the same map at two keys: two references",
	   key_size);
	ok(!put(1, 1, BPF_EXIST) && refs_of(0) == 1 && refs_of(1) == 1, "key %u: overwrite moves it",
	   key_size);
	ok(put(1, 2, BPF_NOEXIST) == -EEXIST && put(9, 2, BPF_EXIST) == -ENOENT && put(1, 2, 3) == -EINVAL &&
		   !refs_of(2),
	   "key %u: a refused update leaves no reference", key_size);
	ok(!del(1) && refs_of(1) == 0 && del(1) == -ENOENT, "key %u: delete drops it", key_size);
	for (u32 i = 3; i < 18; i++)
		put(i, i % 3, 0);
	ok(put(99, 0, 0) == -E2BIG && values() == 16 && refs() == 16, "key %u: full", key_size);
	ret = mt_batch(&outer, outer.ops->lookup_and_delete_batch, &b);
	ok(ret == -ENOENT && b.count == 16 && refs() == 0 && taken[0] >= inner_id[0],
	   "key %u: taken in a batch: %u values, %d references", key_size, b.count, refs());
}

static sigjmp_buf out;
static volatile long jumps;

static void on_alarm(int sig)
{
	jumps++;
	siglongjmp(out, 1);
}

/* Jumps out of updates and deletes at random moments. */
static void test_jumps(u32 key_size)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval it = { { 0, 150 }, { 0, 150 } }, none = { 0 };
	volatile double t0 = mt_now();
	volatile long n = 0;

	jumps = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	sigsetjmp(out, 1);
	while (mt_now() - t0 < 0.05 * (double)test_scale(100)) {
		u64 k = mt_rand() % 24;

		if (mt_rand() % 3)
			put(k, (int)(mt_rand() % 3), 0);
		else
			del(k);
		n++;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	get(0, &(u32){ 0 }); /* settles the last one */
	ok(refs() == (int)values() && jumps > 0,
	   "key %u: %ld operations, %ld jumps: %u values, %d references", key_size, n, jumps, values(),
	   refs());
}

static void test_outer(u32 key_size)
{
	u32 id = 0;
	int fd = make_outer(key_size, &id);

	ok(fd >= 0, "key %u: made", key_size);
	test_rules(key_size);
	test_jumps(key_size);
	obj_unmap(&outer.map.view);
	obj_close(fd, OBJ_MAP, id);
	ok(refs() == 0, "key %u: the outer map's end drops all", key_size);
}

int main(void)
{
	char dir[64], cmd[96];

	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-test-hom.%d", getpid());
	sys_init();
	if (store_open(dir, STORE_CREATE))
		return 99;
	make_inners();
	test_outer(4);
	test_outer(20);
	for (u32 i = 0; i < INNERS; i++) {
		obj_unmap(&inner_view[i]);
		obj_close(inner_fd[i], OBJ_MAP, inner_id[i]);
	}
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done();
}
