// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf rings whose producers are killed, stopped, interrupted or jump away, at
 * random and at every instruction; and whose words are nonsense.
 *
 * Two rings, one of each CPU number, lie in the data of a made-up map type whose
 * update is a run that puts one record out: it takes a CPU number, as runs do.
 *
 *     data: ring 0 | ring 1        a ring: mmap_page, one page of records, perf_hdr
 *
 * Only the test itself consumes, and counts. Nothing may be missing: what was
 * ever tried has come, or was told lost, or is still to be told.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "map/perf_ring.h"
#include "prog/prog_slots.h"
#include "store/store.h"
#include "tests/lib/crash.h"
#include "tests/lib/tap.h"

#define RINGS 2u
#define ROOM  (3 * PAGE) /* of one ring */
#define SIZE  PAGE

struct head {
	u32 size, pad;
	u64 n;
};

static u32 ncpu = RINGS;
static pid_t consumer;
static u32 last_cpu; /* of this process's last run */
static u64 samples[RINGS], lost[RINGS];

static struct obj_view ring_of(const struct bpf_map *m, u32 cpu)
{
	u8 *base = m->data + cpu * ROOM;

	return (struct obj_view){
		.hdr = (struct obj_hdr *)(base + 2 * PAGE),
		.data = base,
		.data_size = 2 * PAGE,
		.base = base,
		.size = 3 * PAGE,
		.writable = true,
	};
}

static struct perf_hdr *hdr_of(const struct bpf_map *m, u32 cpu)
{
	return (struct perf_hdr *)ring_of(m, cpu).hdr;
}

static struct perf_event_mmap_page *page_of(const struct bpf_map *m, u32 cpu)
{
	return (struct perf_event_mmap_page *)(m->data + cpu * ROOM);
}

/* ---- the made-up type ---- */

static int alloc_check(struct map_attr *a)
{
	return 0;
}

static int layout(const struct map_attr *a, struct map_layout *l)
{
	l->data_size = l->reserve = RINGS * ROOM;
	return 0;
}

static int init(struct bpf_map *m, const struct map_attr *a)
{
	for (u32 i = 0; i < RINGS; i++) {
		struct perf_event_mmap_page *p = page_of(m, i);
		struct perf_hdr *h = hdr_of(m, i);

		h->o.id = i + 1;
		h->cpu = (s32)i;
		h->tid = -1;
		h->sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_IDENTIFIER;
		h->wakeup = 1;
		h->on = 1;
		h->ring = 1u << 8 | PERF_RING_THERE;
		p->data_offset = p->data_size = PAGE;
	}
	memset(samples, 0, sizeof(samples));
	memset(lost, 0, sizeof(lost));
	return 0;
}

static int open_it(struct bpf_map *m)
{
	return 0;
}

static u8 byte_of(const struct head *h, u32 i)
{
	return (u8)(h->n * 31 + i * 7);
}

/* One run: the key's number says how large the record is. */
static int put_out(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	u8 bytes[512];
	struct head h = { .n = mt_rand() };
	struct perf_piece piece[2];
	struct perf_from from = { .op = op, .pid = 1, .tid = 1 };
	bool wake = false;
	struct obj_view v;
	int cpu, err;
	u64 n;

	memcpy(&n, key, sizeof(n));
	h.size = 16 + (u32)(n % 400);
	for (u32 i = 0; i < h.size - 16; i++)
		bytes[i] = byte_of(&h, i);
	piece[0] = (struct perf_piece){ &h, sizeof(h) };
	piece[1] = (struct perf_piece){ bytes, h.size - 16 };
	cpu = prog_slot_take(op, ncpu, 0);
	if (cpu < 0)
		return cpu;
	from.cpu = last_cpu = (u32)cpu;
	v = ring_of(m, from.cpu);
	err = perf_output(&v, &v, &from, piece, 2, &wake);
	prog_slot_give(op);
	return err;
}

static const struct map_ops put_out_ops = {
	.name = "perf ring",
	.alloc_check = alloc_check,
	.layout = layout,
	.init = init,
	.open = open_it,
	.lookup = map_no_lookup_ENOTSUPP,
	.update = put_out,
	.obj_value = MAP_VALUE_PLAIN,
};

static int produce(struct maptest *t, u64 n)
{
	u64 value = 0;

	return mt_update(t, &n, &value, BPF_ANY);
}

/* ---- the consumer ---- */

static void bytes_at(const struct perf_event_mmap_page *p, u64 at, void *to, u32 n)
{
	const u8 *data = (const u8 *)p + PAGE;

	for (u32 i = 0; i < n; i++)
		((u8 *)to)[i] = data[(at + i) % SIZE];
}

static void check_sample(const struct perf_event_mmap_page *p, u64 at, u32 size, u32 cpu)
{
	u8 body[1024];
	struct head h;
	u64 id;
	u32 raw;

	if (size < 8 + 8 + 4 + sizeof(h) || size > sizeof(body)) {
		mt_fail("a sample of %u bytes", size);
		return;
	}
	bytes_at(p, at, body, size);
	memcpy(&id, body + 8, 8);
	memcpy(&raw, body + 16, 4);
	memcpy(&h, body + 20, sizeof(h));
	if (id != cpu + 1 || raw != size - 20 || h.size > raw || raw - h.size > 7) {
		mt_fail("a sample of %u bytes says %u, %u of event %llu", size, raw, h.size,
			(unsigned long long)id);
		return;
	}
	for (u32 i = 0; i < h.size - 16; i++)
		if (body[36 + i] != byte_of(&h, i)) {
			mt_fail("byte %u of %u is wrong", i, h.size);
			return;
		}
}

static u32 consume(struct maptest *t, u32 cpu)
{
	struct perf_event_mmap_page *p = page_of(&t->map, cpu);
	u64 head = __atomic_load_n(&p->data_head, __ATOMIC_ACQUIRE), at = p->data_tail, w[2];
	struct perf_event_header h;
	u32 n = 0;

	if (head - at > SIZE)
		mt_fail("head %llu, tail %llu", (unsigned long long)head, (unsigned long long)at);
	while (at < head) {
		bytes_at(p, at, &h, sizeof(h));
		if (h.size < 8 || h.size % 8 || h.size > head - at) {
			mt_fail("a record of %u bytes, %llu are there", h.size,
				(unsigned long long)(head - at));
			break;
		}
		if (h.type == PERF_RECORD_LOST && h.size == 24) {
			bytes_at(p, at + 8, w, sizeof(w));
			lost[cpu] += w[1];
		} else if (h.type == PERF_RECORD_SAMPLE) {
			check_sample(p, at, h.size, cpu);
			samples[cpu]++;
		} else {
			mt_fail("a record of type %u, %u bytes", h.type, h.size);
		}
		at += h.size;
		n++;
	}
	__atomic_store_n(&p->data_tail, head, __ATOMIC_RELEASE);
	return n;
}

/* Not to be interrupted, or jumped out of: it counts. */
static void consume_all(struct maptest *t)
{
	sigset_t alarm, before;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &before);
	for (u32 cpu = 0; cpu < RINGS; cpu++)
		consume(t, cpu);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void one(struct maptest *t)
{
	int ret = produce(t, mt_rand());

	if (ret && ret != -ENOSPC && ret != -EAGAIN)
		mt_fail("produce: %d", ret);
	if (getpid() == consumer)
		consume_all(t);
}

/* Nobody else is at work. What a dead one has left of CPU numbers may still be taken. */
static void check(struct maptest *t)
{
	u32 n = 0, got;

	for (u32 cpu = 0; cpu < RINGS; cpu++) {
		struct perf_hdr *h = hdr_of(&t->map, cpu);
		u64 told = h->tried - h->shown.hi;

		/* Killed between the two: the next producer does this. */
		page_of(&t->map, cpu)->data_head = h->shown.lo;
		consume(t, cpu);
		if (samples[cpu] + lost[cpu] + told != h->tried)
			mt_fail("CPU %u: %llu tried, %llu came, %llu lost, %llu to be told", cpu,
				(unsigned long long)h->tried, (unsigned long long)samples[cpu],
				(unsigned long long)lost[cpu], (unsigned long long)told);
	}
	if (produce(t, 8))
		mt_fail("nothing goes into an empty ring");
	consume_all(t);
	while (n < SIZE && !produce(t, 8))
		n++;
	if (n != (SIZE - 1) / 48)
		mt_fail("%u records fit", n);
	got = consume(t, last_cpu);
	if (got != n)
		mt_fail("%u records of %u came", got, n);
	/* The one that found no room. */
	if (produce(t, 8) || consume(t, last_cpu) != 2)
		mt_fail("the lost one is not told");
}

static void reset(struct maptest *t, const struct crash_step *s)
{
	consume_all(t);
	produce(t, 8);
	if (strstr(s->name, "lost"))
		while (!produce(t, 300))
			;
	consume_all(t);
	if (strstr(s->name, "end"))
		for (u32 i = 0; page_of(&t->map, last_cpu)->data_head % SIZE < SIZE - 48 && i < 2 * SIZE;
		     i++) {
			produce(t, 8);
			consume_all(t);
		}
	if (strstr(s->name, "full"))
		while (!produce(t, 8))
			;
}

/* One that is stopped in the middle delays none: they work as the other CPU. */
static void peer(struct maptest *t, const struct crash_step *s)
{
	for (u32 i = 0; i < 20; i++) {
		int ret = produce(t, i * 4);

		if (ret && !(ret == -ENOSPC && strstr(s->name, "full")))
			mt_fail("the peer's record does not go in: %d", ret);
		if (i % 4 == 0)
			consume_all(t);
	}
}

static const struct crash_step steps[] = {
	{ "output", STEP_UPDATE, 24, 0 },
	{ "output over the end", STEP_UPDATE, 200, 0 },
	{ "output that tells what was lost", STEP_UPDATE, 24, 0 },
	{ "output to a full one", STEP_UPDATE, 24, 0 },
};

static struct crash_case ring_case = {
	.name = "perf ring",
	.ops = &put_out_ops,
	.attr = { .map_type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8, .max_entries = 1 },
	.one = one,
	.check = check,
	.reset = reset,
	.peer = peer,
	.steps = steps,
	.steps_nr = ARRAY_SIZE(steps),
};

/* ---- a client that writes nonsense into its pages while producers are at work ---- */

static void hostile(long rounds)
{
	static const u32 words[] = { 1024 / 8, 1032 / 8, 1040 / 8, 1048 / 8, 0, 1 };
	struct maptest t;
	pid_t pid[2];
	u8 *before, *at;

	if (mt_make(&t, &put_out_ops, &ring_case.attr))
		exit(99);
	*mt_failures = 0;
	mt_shared_reset();
	/* Behind the last ring's records: nothing may be written there. */
	before = t.map.data + ROOM + 2 * PAGE + sizeof(struct perf_hdr);
	memset(before, 0x5a, PAGE - sizeof(struct perf_hdr));
	for (u32 i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		mt_seed += i * 7919;
		for (;;) {
			int ret = produce(&t, mt_rand());

			if (ret && ret != -ENOSPC && ret != -EAGAIN)
				mt_fail("produce: %d", ret);
			mt_shared[i]++;
		}
	}
	for (long r = 0; r < rounds; r++) {
		u64 *page = (u64 *)page_of(&t.map, (u32)(mt_rand() % RINGS));
		u64 v = mt_rand() % 4 ? mt_rand() : (u64)-8 + mt_rand() % 16;

		page[words[mt_rand() % ARRAY_SIZE(words)]] = v;
		page[PAGE / 8 + mt_rand() % (PAGE / 8)] = mt_rand();
		if (r % 64 == 0)
			usleep(100);
	}
	for (u32 i = 0; i < 2; i++) {
		u64 was = mt_shared[i];

		for (u32 n = 0; n < 100 && mt_shared[i] == was; n++)
			usleep(20000);
		if (mt_shared[i] == was)
			mt_fail("a producer stands still");
	}
	for (u32 i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	for (at = before; at < before + PAGE - sizeof(struct perf_hdr); at++)
		if (*at != 0x5a) {
			mt_fail("written behind the ring");
			break;
		}
	/* The client comes to its senses. */
	for (u32 cpu = 0; cpu < RINGS; cpu++)
		page_of(&t.map, cpu)->data_tail = page_of(&t.map, cpu)->data_head =
			hdr_of(&t.map, cpu)->shown.lo;
	if (produce(&t, 1) || page_of(&t.map, last_cpu)->data_head == page_of(&t.map, last_cpu)->data_tail)
		mt_fail("the ring does not go on");
	ok(!*mt_failures, "%ld words of nonsense from the client: %llu outputs, none outside the ring",
	   rounds, (unsigned long long)(mt_shared[0] + mt_shared[1]));
	mt_free(&t);
}

int main(void)
{
	u32 stride = 4 * (1000 / (u32)test_scale(1000)) - 3; /* 1 at full count */

	the_store.super = mmap(NULL, sizeof(*the_store.super), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (the_store.super == MAP_FAILED)
		return 99;
	consumer = getpid();
	crash_kill(&ring_case, test_scale(2000));
	crash_stop(&ring_case, test_scale(1000));
	crash_signal(&ring_case, 0.05 * (double)test_scale(100), false);
	crash_signal(&ring_case, 0.05 * (double)test_scale(100), true);
	/* With one number for all, a handler's run is inside the one that it interrupts. */
	ncpu = 1;
	crash_signal(&ring_case, 0.05 * (double)test_scale(100), false);
	crash_signal(&ring_case, 0.05 * (double)test_scale(100), true);
	ncpu = RINGS;
	crash_step(&ring_case, END_KILL, stride);
	crash_step(&ring_case, END_JUMP, stride);
	crash_step(&ring_case, END_RESUME, stride);
	crash_damage(&ring_case, test_scale(1000));
	hostile(test_scale(1000000));
	return done();
}
