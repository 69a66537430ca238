// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers that need maps, tasks and memory, called as a running program calls them.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "helper/helper.h"
#include "map/map_ops.h"
#include "shm/guard.h"
#include "shm/tagged.h"
#include "tests/lib/maptest.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

static char line[2048];
static u32 calls, stop_at;
static u64 seen_keys, seen_values;
static struct bpf_map *inner;

static void on_trace(struct run *r, const char *text, size_t n)
{
	memcpy(line, text, n);
	line[n] = 0;
}

/* Subprogram 1: sums keys and values up. Subprogram 2: counts. */
static u64 on_callback(struct run *r, u32 sub, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	calls++;
	if (sub == 1) {
		seen_keys += *(u32 *)u64_to_ptr(a2);
		seen_values += *(u64 *)u64_to_ptr(a3);
	}
	return calls == stop_at;
}

static struct bpf_map *on_inner(struct run *r, struct bpf_map *outer, u32 id)
{
	return inner && inner->id == id ? inner : NULL;
}

static const struct run_ops ops = { .callback = on_callback, .trace = on_trace, .inner_map = on_inner };

static u64 call(struct run *r, s32 id, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	return helper_get(id)->func(a, b, c, d, e, r);
}

#define P(p) ptr_to_u64(p)

/* ---- maps ---- */

static const struct {
	const char *name;
	const struct map_ops *ops;
	struct map_attr a;
	bool percpu, array;
} kinds[] = {
	{ "hash 4/8",
	  &hashtab_ops,
	  { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8 },
	  false,
	  false },
	{ "hash 4/40",
	  &hashtab_ops,
	  { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 40 },
	  false,
	  false },
	{ "hash 20/8",
	  &hashtab_ops,
	  { .map_type = BPF_MAP_TYPE_HASH, .key_size = 20, .value_size = 8 },
	  false,
	  false },
	{ "hash 4/8, not preallocated",
	  &hashtab_ops,
	  { .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .map_flags = BPF_F_NO_PREALLOC },
	  false,
	  false },
	{ "lru_hash 4/8",
	  &hashtab_lru_ops,
	  { .map_type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4, .value_size = 8 },
	  false,
	  false },
	{ "percpu_hash 4/8",
	  &hashtab_percpu_ops,
	  { .map_type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = 4, .value_size = 8 },
	  true,
	  false },
	{ "percpu_hash 20/12",
	  &hashtab_percpu_ops,
	  { .map_type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = 20, .value_size = 12 },
	  true,
	  false },
	{ "lru_percpu_hash 4/8",
	  &hashtab_lru_percpu_ops,
	  { .map_type = BPF_MAP_TYPE_LRU_PERCPU_HASH, .key_size = 4, .value_size = 8 },
	  true,
	  false },
	{ "array",
	  &array_ops,
	  { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8 },
	  false,
	  true },
	{ "percpu_array",
	  &percpu_array_ops,
	  { .map_type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 8 },
	  true,
	  true },
};

static void elements(u32 k)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r0 = { .ops = &ops, .op = op, .cpu = 0 }, r1 = { .ops = &ops, .op = op, .cpu = 1 };
	struct maptest t;
	struct map_attr a = kinds[k].a;
	u8 key[32] = { 0 };
	u64 value[8] = { 7 }, *p, *q;
	u32 good = 0;

	a.max_entries = 4;
	a.ncpu = 2;
	mt_make(&t, kinds[k].ops, &a);
	p = u64_to_ptr(call(&r0, BPF_FUNC_map_lookup_elem, P(&t.map), P(key), 0, 0, 0));
	good += kinds[k].array ? p && !*p : !p;
	key[0] = 3;
	good += call(&r0, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), BPF_ANY, 0) == 0;
	p = u64_to_ptr(call(&r0, BPF_FUNC_map_lookup_elem, P(&t.map), P(key), 0, 0, 0));
	q = u64_to_ptr(call(&r1, BPF_FUNC_map_lookup_elem, P(&t.map), P(key), 0, 0, 0));
	good += p && *p == 7;
	good += kinds[k].percpu ? q && q != p && *q == 0 : q == p;
	value[0] = 9;
	good += call(&r1, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), BPF_EXIST, 0) == 0;
	p = u64_to_ptr(call(&r0, BPF_FUNC_map_lookup_elem, P(&t.map), P(key), 0, 0, 0));
	good += p && *p == (kinds[k].percpu ? 7 : 9);
	good += (s64)call(&r0, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), BPF_NOEXIST, 0) ==
		-EEXIST;
	good += (s64)call(&r0, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), BPF_F_LOCK, 0) ==
		-EINVAL;
	good += (s64)call(&r0, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), 99, 0) == -EINVAL;
	/* A store through the address is seen by bpf(2), and by all others. */
	*p = 0x1234;
	memset(value, 0, sizeof(value));
	good += !mt_lookup(&t, key, value) && value[0] == 0x1234;
	if (kinds[k].percpu) {
		q = u64_to_ptr(call(&r0, BPF_FUNC_map_lookup_percpu_elem, P(&t.map), P(key), 1, 0, 0));
		good += q && *q == 9 && value[ROUND_UP(a.value_size, 8) / 8] == 9;
		good += !call(&r0, BPF_FUNC_map_lookup_percpu_elem, P(&t.map), P(key), 2, 0, 0);
	} else {
		good += 2;
	}
	/* The address stays memory of the map when the element has gone. */
	if (!kinds[k].array) {
		good += call(&r0, BPF_FUNC_map_delete_elem, P(&t.map), P(key), 0, 0, 0) == 0;
		good += (s64)call(&r0, BPF_FUNC_map_delete_elem, P(&t.map), P(key), 0, 0, 0) == -ENOENT;
		*p = 5;
		good += !call(&r0, BPF_FUNC_map_lookup_elem, P(&t.map), P(key), 0, 0, 0);
	} else {
		good += 2 + ((s64)call(&r0, BPF_FUNC_map_delete_elem, P(&t.map), P(key), 0, 0, 0) == -EINVAL);
	}
	good += op->recover == NULL && op->slot == NIL && op->taking == NIL;
	ok(good == 16, "%s: %u of 16 answers to a program", kinds[k].name, good);
	op_leave(op);
	mt_free(&t);
}

static void walks(u32 k)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op, .cpu = 1 };
	struct maptest t;
	struct map_attr a = kinds[k].a;
	u8 key[32] = { 0 };
	u64 value[8], n;

	a.max_entries = 4;
	a.ncpu = 2;
	mt_make(&t, kinds[k].ops, &a);
	for (u32 i = 0; i < 4; i++) {
		key[0] = (u8)i;
		value[0] = 100 + i;
		call(&r, BPF_FUNC_map_update_elem, P(&t.map), P(key), P(value), BPF_ANY, 0);
	}
	calls = stop_at = 0;
	seen_keys = seen_values = 0;
	n = call(&r, BPF_FUNC_for_each_map_elem, P(&t.map), 1, 0, 0, 0);
	ok(n == 4 && calls == 4 && seen_keys == 6 && seen_values == 406, "%s: a walk meets each element once",
	   kinds[k].name);
	calls = 0;
	stop_at = 2;
	n = call(&r, BPF_FUNC_for_each_map_elem, P(&t.map), 1, 0, 0, 0);
	ok(n == 2 && (s64)call(&r, BPF_FUNC_for_each_map_elem, P(&t.map), 1, 0, 1, 0) == -EINVAL,
	   "%s: a walk ends when the callback says so", kinds[k].name);
	op_leave(op);
	mt_free(&t);
}

static void lpm(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	struct map_attr a = { .map_type = BPF_MAP_TYPE_LPM_TRIE,
			      .key_size = 8,
			      .value_size = 8,
			      .max_entries = 4,
			      .map_flags = BPF_F_NO_PREALLOC };
	struct {
		u32 plen;
		u8 data[4];
	} key = { 8, { 10 } };
	u64 value = 5, *p;
	struct maptest t;

	mt_make(&t, &lpm_trie_ops, &a);
	call(&r, BPF_FUNC_map_update_elem, P(&t.map), P(&key), P(&value), BPF_ANY, 0);
	key.plen = 32;
	key.data[3] = 77;
	p = u64_to_ptr(call(&r, BPF_FUNC_map_lookup_elem, P(&t.map), P(&key), 0, 0, 0));
	ok(p && *p == 5, "lpm_trie: the longest prefix's value");
	if (p)
		++*p;
	ok(!mt_lookup(&t, &key, &value) && value == 6, "lpm_trie: a store is seen by bpf(2)");
	key.data[0] = 11;
	ok(!call(&r, BPF_FUNC_map_lookup_elem, P(&t.map), P(&key), 0, 0, 0), "lpm_trie: no prefix, no value");
	op_leave(op);
	mt_free(&t);
}

static void queues(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	struct map_attr a = { .map_type = BPF_MAP_TYPE_QUEUE, .value_size = 8, .max_entries = 2 };
	u64 v, got;
	struct maptest t;

	mt_make(&t, &queue_ops, &a);
	got = 1;
	ok((s64)call(&r, BPF_FUNC_map_pop_elem, P(&t.map), P(&got), 0, 0, 0) == -ENOENT && !got,
	   "queue: nothing to pop, and zeros in its place");
	for (v = 1; v < 3; v++)
		call(&r, BPF_FUNC_map_push_elem, P(&t.map), P(&v), BPF_ANY, 0, 0);
	ok((s64)call(&r, BPF_FUNC_map_push_elem, P(&t.map), P(&v), BPF_ANY, 0, 0) == -E2BIG, "queue: full");
	ok(!call(&r, BPF_FUNC_map_push_elem, P(&t.map), P(&v), BPF_EXIST, 0, 0), "queue: over the oldest");
	ok(!call(&r, BPF_FUNC_map_peek_elem, P(&t.map), P(&got), 0, 0, 0) && got == 2, "queue: peek");
	ok(!call(&r, BPF_FUNC_map_pop_elem, P(&t.map), P(&got), 0, 0, 0) && got == 2, "queue: pop");
	op_leave(op);
	mt_free(&t);
}

/* ---- the lock in a value ---- */

static struct maptest locked;
static volatile u32 inside;
static volatile bool met;

static void *locker(void *arg)
{
	struct op *op = op_enter(&locked, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	u32 key = 0;
	u8 *v = u64_to_ptr(call(&r, BPF_FUNC_map_lookup_elem, P(&locked.map), P(&key), 0, 0, 0));

	for (u32 i = 0; i < 20000; i++) {
		call(&r, BPF_FUNC_spin_lock, P(v), 0, 0, 0, 0);
		if (inside++)
			met = true;
		*(volatile u32 *)(v + 4) += 1;
		inside--;
		call(&r, BPF_FUNC_spin_unlock, P(v), 0, 0, 0, 0);
	}
	op_leave(op);
	return NULL;
}

static void locks(void)
{
	struct map_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = 8,
			      .max_entries = 1,
			      .record = { 0, -1 } };
	pthread_t th[3];
	u32 key = 0, value[2];

	mt_make(&locked, &array_ops, &a);
	locked.map.record = (struct map_record){ 0, -1 };
	for (u32 i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, locker, NULL);
	for (u32 i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	mt_lookup(&locked, &key, value);
	ok(!met && value[1] == 60000, "spin_lock: three threads, one at a time: %u", value[1]);
	mt_free(&locked);
}

/* ---- the task, memory, text ---- */

static void task(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op, .cpu = 3 };
	struct timespec ts;
	char name[20];
	u64 now;

	prctl(PR_SET_NAME, "fifteen-letters", 0, 0, 0);
	memset(name, 1, sizeof(name));
	ok(!call(&r, BPF_FUNC_get_current_comm, P(name), 20, 0, 0, 0) && !strcmp(name, "fifteen-letters") &&
		   !name[19],
	   "get_current_comm: the name, zeros behind");
	ok(!call(&r, BPF_FUNC_get_current_comm, P(name), 5, 0, 0, 0) && !strcmp(name, "fift"),
	   "get_current_comm: cut");
	ok(call(&r, BPF_FUNC_get_current_pid_tgid, 0, 0, 0, 0, 0) == ((u64)getpid() << 32 | (u32)gettid()),
	   "get_current_pid_tgid");
	ok(call(&r, BPF_FUNC_get_current_uid_gid, 0, 0, 0, 0, 0) == ((u64)getgid() << 32 | getuid()),
	   "get_current_uid_gid");
	ok(call(&r, BPF_FUNC_get_smp_processor_id, 0, 0, 0, 0, 0) == 3,
	   "get_smp_processor_id: the run's slot");
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
	ok(call(&r, BPF_FUNC_ktime_get_ns, 0, 0, 0, 0, 0) - now < 1000000000ull, "ktime_get_ns");
	ok(call(&r, 208, 0, 0, 0, 0, 0) > 1500000000ull * 1000000000ull, "ktime_get_tai_ns: this century");
	ok(call(&r, BPF_FUNC_jiffies64, 0, 0, 0, 0, 0) > 0xffff0000ull - 75000, "jiffies64");
	op_leave(op);
}

static void memory(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = pages + PAGE;
	u8 to[16];
	u64 bad[] = { 0, 1, 0xffffffffffffffffull, 0xffff888000000000ull, 0x800000000000ull, P(end) };
	u32 good = 0;

	munmap(end, PAGE);
	memcpy(end - 4, "abc", 4);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(to, 1, sizeof(to));
		good += (s64)call(&r, BPF_FUNC_probe_read_kernel, P(to), 16, bad[i], 0, 0) == -EFAULT &&
			!to[0] && !to[15];
		memset(to, 1, sizeof(to));
		good += (s64)call(&r, BPF_FUNC_probe_read_user_str, P(to), 16, bad[i], 0, 0) == -EFAULT &&
			!to[0];
	}
	ok(good == 2 * ARRAY_SIZE(bad), "probe_read: bad addresses fault and leave zeros");
	memset(to, 1, sizeof(to));
	ok((s64)call(&r, BPF_FUNC_probe_read_user, P(to), 16, P(end - 8), 0, 0) == -EFAULT && !to[0],
	   "probe_read: half of it is not there");
	ok(call(&r, BPF_FUNC_probe_read_user, P(to), 4, P(end - 4), 0, 0) == 0 && !memcmp(to, "abc", 4),
	   "probe_read: it is there");
	ok(call(&r, BPF_FUNC_probe_read_str, P(to), 16, P(end - 4), 0, 0) == 4 && !strcmp((char *)to, "abc"),
	   "probe_read_str: a string that ends where memory ends");
	ok(call(&r, BPF_FUNC_probe_read_str, P(to), 3, P(end - 4), 0, 0) == 3 && !strcmp((char *)to, "ab"),
	   "probe_read_str: cut");
	ok(call(&r, BPF_FUNC_probe_read_str, P(to), 0, 0, 0, 0) == 0, "probe_read_str: nothing asked");
	munmap(pages, PAGE);
	op_leave(op);
}

static void texts(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	const char fmt[] = "n %d s %s\n";
	u8 ip4[4] = { 10, 0, 200, 1 }, ip6[16] = { 0x20, 1, 13, 0xb8, [15] = 1 };
	u64 args[3] = { P("text"), P(ip4), P(ip6) };
	const char fmt2[] = "%s %pI4 %pi4 %pI6";
	u64 args2[4] = { args[0], args[1], args[1], args[2] };
	u64 ret = call(&r, BPF_FUNC_trace_printk, P(fmt), sizeof(fmt), (u64)-5, args[0], 0);

	ok(ret == 12 && !strcmp(line, "n -5 s text\n\n"), "trace_printk: the line, %d", (int)ret);
	ok((s64)call(&r, BPF_FUNC_trace_printk, P(fmt), 4, 0, 0, 0) == -EINVAL, "trace_printk: no end");
	call(&r, BPF_FUNC_trace_vprintk, P(fmt2), sizeof(fmt2), P(args2), 32, 0);
	ok(!strcmp(line, "text 10.0.200.1 010.000.200.001 2001:0db8:0000:0000:0000:0000:0000:0001\n"),
	   "trace_vprintk: words, text and addresses");
	ok((s64)call(&r, BPF_FUNC_trace_vprintk, P(fmt2), sizeof(fmt2), P(args2), 31, 0) == -EINVAL &&
		   (s64)call(&r, BPF_FUNC_trace_vprintk, P(fmt2), sizeof(fmt2), P(args2), 104, 0) == -EINVAL,
	   "trace_vprintk: arguments are words, twelve at most");
	ok(call(&r, BPF_FUNC_strncmp, P("abc"), 3, P("abd"), 0, 0) == (u64)-1 &&
		   !call(&r, BPF_FUNC_strncmp, P("abc"), 2, P("abd"), 0, 0) &&
		   call(&r, BPF_FUNC_strncmp, P("b"), 2, P("abd"), 0, 0) == 1,
	   "strncmp");
	op_leave(op);
}

static void dynptrs(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };
	u8 value[32] = "0123456789", to[8] = "";
	u64 d[2];

	ok(!call(&r, BPF_FUNC_dynptr_from_mem, P(value), 32, 0, P(d), 0), "dynptr_from_mem");
	ok(!call(&r, BPF_FUNC_dynptr_read, P(to), 4, P(d), 3, 0) && !memcmp(to, "3456", 4), "dynptr_read");
	ok((s64)call(&r, BPF_FUNC_dynptr_read, P(to), 4, P(d), 29, 0) == -E2BIG &&
		   (s64)call(&r, BPF_FUNC_dynptr_read, P(to), 4, P(d), (u64)-2, 0) == -E2BIG,
	   "dynptr_read: outside");
	ok(!call(&r, BPF_FUNC_dynptr_write, P(d), 1, P("xy"), 2, 0) && !memcmp(value, "0xy3", 4),
	   "dynptr_write");
	ok(call(&r, BPF_FUNC_dynptr_data, P(d), 8, 24, 0, 0) == P(value + 8) &&
		   !call(&r, BPF_FUNC_dynptr_data, P(d), 8, 25, 0, 0),
	   "dynptr_data");
	ok((s64)call(&r, BPF_FUNC_dynptr_from_mem, P(value), 32, 1, P(d), 0) == -EINVAL &&
		   (s64)call(&r, BPF_FUNC_dynptr_read, P(to), 1, P(d), 0, 0) == -EINVAL,
	   "a dynptr that could not be made is none");
	op_leave(op);
}

static void loops(void)
{
	struct op *op = op_enter(&kinds, __builtin_frame_address(0));
	struct run r = { .ops = &ops, .op = op };

	calls = stop_at = 0;
	ok(call(&r, BPF_FUNC_loop, 100, 2, 0, 0, 0) == 100 && calls == 100, "loop");
	calls = 0;
	stop_at = 7;
	ok(call(&r, BPF_FUNC_loop, 100, 2, 0, 0, 0) == 7, "loop: ended by the callback");
	ok((s64)call(&r, BPF_FUNC_loop, (8u << 20) + 1, 2, 0, 0, 0) == -E2BIG &&
		   (s64)call(&r, BPF_FUNC_loop, 1, 2, 0, 1, 0) == -EINVAL,
	   "loop: too many, flags");
	op_leave(op);
}

int main(void)
{
	guard_install();
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		elements(k);
		walks(k);
	}
	lpm();
	queues();
	locks();
	task();
	memory();
	texts();
	dynptrs();
	loops();
	return done();
}
