// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the rows on perf events share: events and rings, programs that put something out, records as text.
 *
 * The program stays on CPU 0, so that its runs are of that CPU. Times and ids
 * are not printed, only whether they are what they can be.
 */
#ifndef PINFS_TESTS_PERF_ROWS_H
#define PINFS_TESTS_PERF_ROWS_H

#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "rows.h"

#define I(c, d, s, o, i)                                                                                     \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}
#define MOV(d, i)      I(0xb7, d, 0, 0, i)
#define MOVR(d, s)     I(0xbf, d, s, 0, 0)
#define CALL(n)        I(0x85, 0, 0, 0, n)
#define EXIT           I(0x95, 0, 0, 0, 0)
#define LDMAP(d, s, f) I(0x18, d, s, 0, f), I(0, 0, 0, 0, 0)
#define LD64(d, v)     I(0x18, d, 0, 0, (int)(v)), I(0, 0, 0, 0, (int)((unsigned long long)(v) >> 32))

#define PAGE        4096u
#define CURRENT_CPU 0xffffffffull

typedef unsigned char u8;
typedef uint32_t u32;
typedef uint64_t u64;

static inline struct perf_event_attr good(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_BPF_OUTPUT,
				     .sample_type = PERF_SAMPLE_RAW,
				     .sample_period = 1,
				     .wakeup_events = 1 };

	return a;
}

static inline int perf_open(const void *a, int pid, int cpu, int group, unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, a, pid, cpu, group, flags);
}

static inline int event(const struct perf_event_attr *a)
{
	int fd = perf_open(a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	must(fd >= 0, "an event");
	return fd;
}

static inline struct perf_event_mmap_page *map_pages(int fd, unsigned n, int prot)
{
	void *p = mmap(NULL, n * PAGE, prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void show_page(const char *text, const struct perf_event_mmap_page *p)
{
	say("%s: version %u compat %u lock odd %u index %u offset %ld size %u\n", text, p->version,
	    p->compat_version, p->lock & 1, p->index, (long)p->offset, p->size);
	say("  head %lu tail %lu data offset %lu size %lu aux %lu %lu %lu %lu\n", (u64)p->data_head,
	    (u64)p->data_tail, (u64)p->data_offset, (u64)p->data_size, (u64)p->aux_head, (u64)p->aux_tail,
	    (u64)p->aux_offset, (u64)p->aux_size);
}

/* ---- output ---- */

static int out_map; /* 4 slots */
static u8 packet[256];

static inline int make_map(u32 type, u32 max, u32 flags)
{
	union row_attr a = { .a = { .map_type = type,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = max,
				    .map_flags = flags } };
	int fd = raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);

	must(fd >= 0, "a map");
	return fd;
}

static inline int put(int map, u32 key, int fd, u64 flags)
{
	union row_attr a = {
		.a = { .map_fd = (u32)map, .key = ptr(&key), .value = ptr(&fd), .flags = flags }
	};

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &a, ATTR_KNOWN);
}

static inline int del(int map, u32 key)
{
	union row_attr a = { .a = { .map_fd = (u32)map, .key = ptr(&key) } };

	return raw_bpf(BPF_MAP_DELETE_ELEM, &a, ATTR_KNOWN);
}

/* A program that puts size bytes of its stack out, with these flags. */
static inline int output_prog(u32 type, int map, u64 flags, u32 size)
{
	struct bpf_insn p[80], *q = p;
	const struct bpf_insn head[] = { MOVR(6, 1) }, tail[] = {
		MOVR(1, 6),        LDMAP(2, 1, map), LD64(3, flags), MOVR(4, 10), I(0x07, 4, 0, 0, -256),
		MOV(5, (int)size), CALL(25),         EXIT,
	};
	union row_attr a;
	int fd;

	memcpy(q, head, sizeof(head));
	q += ARRAY_SIZE(head);
	for (int i = 0; i < 32; i++)
		*q++ = (struct bpf_insn)I(0x7a, 10, 0, (short)(-256 + 8 * i), 0x01010101 * (i + 1));
	memcpy(q, tail, sizeof(tail));
	q += ARRAY_SIZE(tail);
	memset(&a, 0, sizeof(a));
	a.a.prog_type = type;
	a.a.insns = ptr(p);
	a.a.insn_cnt = (u32)(q - p);
	a.a.license = ptr("GPL");
	fd = raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
	must(fd >= 0, "a program");
	return fd;
}

/* What the program returned, as a signed number; 999999: it did not run. */
static inline int run_prog(int prog, u32 type, u32 repeat)
{
	union row_attr a;
	u64 args[2] = { 0 };

	memset(&a, 0, sizeof(a));
	a.a.test.prog_fd = (u32)prog;
	a.a.test.repeat = repeat;
	if (type == BPF_PROG_TYPE_RAW_TRACEPOINT) {
		a.a.test.ctx_in = ptr(args);
		a.a.test.ctx_size_in = sizeof(args);
		a.a.test.repeat = 0;
	} else {
		a.a.test.data_in = ptr(packet);
		a.a.test.data_size_in = 100;
	}
	return raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN) ? 999999 : (int)a.a.test.retval;
}

static inline void say_result(int r)
{
	if (r < 0)
		say(": %s\n", errno_name(-r));
	else
		say(": %d\n", r);
}

static inline int output(u32 type, u64 flags, u32 size)
{
	int prog = output_prog(type, out_map, flags, size), r = run_prog(prog, type, 1);

	close(prog);
	return r;
}

/* Prints the records between two positions; times and ids only as there or not. */
static inline void show_bytes(const struct perf_event_mmap_page *p, u64 from, u64 to, unsigned max)
{
	const u8 *data = (const u8 *)p + p->data_offset;

	for (u64 i = from; i < to && i < from + max; i++)
		say("%s%02x", (i - from) % 8 ? "" : " ", data[i % p->data_size]);
	say("%s\n", to - from > max ? " ..." : "");
}

static int pads; /* bytes that a record ends with, and that mean nothing */

static inline void show_record(const struct perf_event_mmap_page *p, u64 at, unsigned max)
{
	const u8 *data = (const u8 *)p + p->data_offset;
	const struct perf_event_header *h = (const void *)(data + at % p->data_size);
	u32 pad = h->size >= 16 ? (u32)pads : 0;

	say("  record type %u misc %u size %u:", h->type, h->misc, h->size);
	show_bytes(p, at + 8, at + h->size - pad, max);
}

static inline void show_ring(struct perf_event_mmap_page *p, unsigned max)
{
	u64 head = __atomic_load_n(&p->data_head, __ATOMIC_ACQUIRE), at = p->data_tail;
	const u8 *data = (const u8 *)p + p->data_offset;
	int n = 0;

	say("  head %lu tail %lu\n", head, at);
	while (at < head && n++ < 200) {
		const struct perf_event_header *h = (const void *)(data + at % p->data_size);

		if (h->size < 8)
			break;
		if (h->type == PERF_RECORD_LOST) {
			u64 w[2];

			for (unsigned i = 0; i < 16; i++)
				((u8 *)w)[i] = data[(at + 8 + i) % p->data_size];
			say("  lost, size %u misc %u: id there %d, %lu lost\n", h->size, h->misc, w[0] != 0,
			    w[1]);
		} else {
			show_record(p, at, max);
		}
		at += h->size;
	}
}

static inline void consume(struct perf_event_mmap_page *p)
{
	__atomic_store_n(&p->data_tail, __atomic_load_n(&p->data_head, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static inline struct perf_event_mmap_page *ring(const struct perf_event_attr *a, unsigned pages, int prot,
						int *fd)
{
	struct perf_event_mmap_page *p;

	*fd = event(a);
	p = map_pages(*fd, pages, prot);
	must(p && !put(out_map, 0, *fd, 0), "a ring in the map");
	return p;
}

/* Every program begins with this. */
static inline void perf_rows_begin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (u8)(0x80 + i);
}

#endif
