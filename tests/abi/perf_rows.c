// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf events for BPF output: perf_event_open, mmap, ioctl, what programs put into the ring, byte by byte.
 *
 * The program stays on CPU 0, so that its runs are of that CPU. Times and ids
 * are not printed, only whether they are what they can be.
 */
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

#define PAGE          4096u
#define CURRENT_CPU   0xffffffffull
#define IOC_MODIFY    0x4008240bu
#define ATTR_SIZE_618 136u

typedef unsigned char u8;
typedef uint32_t u32;
typedef uint64_t u64;

struct long_attr {
	struct perf_event_attr a;
	u8 more[5000];
};

static struct perf_event_attr good(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_BPF_OUTPUT,
				     .sample_type = PERF_SAMPLE_RAW,
				     .sample_period = 1,
				     .wakeup_events = 1 };

	return a;
}

static int perf_open(const void *a, int pid, int cpu, int group, unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, a, pid, cpu, group, flags);
}

static int event(const struct perf_event_attr *a)
{
	int fd = perf_open(a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	must(fd >= 0, "an event");
	return fd;
}

static struct perf_event_mmap_page *map_pages(int fd, unsigned n, int prot)
{
	void *p = mmap(NULL, n * PAGE, prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- perf_event_open ---- */

static void open_sizes(void)
{
	static const u32 sizes[] = { 0, 1, 63, 64, 71, 72, 96, 104, 112, 120, 128, 136, 144, 4096, 4097 };
	static struct long_attr l;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(&l, 0, sizeof(l));
		l.a = good();
		l.a.size = sizes[i];
		say("open, size %u", sizes[i]);
		result_fd(perf_open(&l, -1, 0, -1, 0));
		say("  size is then %u\n", l.a.size);
	}
	memset(&l, 0, sizeof(l));
	l.a = good();
	l.a.size = 200;
	((u8 *)&l)[199] = 1;
	say("open, size 200 with a byte set");
	result_fd(perf_open(&l, -1, 0, -1, 0));
	say("  size is then %u\n", l.a.size);
}

static void open_who(void)
{
	static const int pids[] = { -1, 0, 1 << 30, -2 }, cpus[] = { -1, 0, 1, 4095, 1 << 20, -2 };
	struct perf_event_attr a = good();

	for (unsigned p = 0; p < ARRAY_SIZE(pids); p++)
		for (unsigned c = 0; c < ARRAY_SIZE(cpus); c++) {
			say("open, pid %d cpu %d", pids[p], cpus[c]);
			result_fd(perf_open(&a, pids[p], cpus[c], -1, 0));
		}
}

static void open_flags(void)
{
	struct perf_event_attr a = good();
	int fd, other = open("/dev/null", O_RDONLY);

	for (unsigned bit = 0; bit < 8; bit++) {
		say("open, flag %u", 1u << bit);
		fd = perf_open(&a, -1, 0, -1, 1ul << bit);
		result(fd);
		if (fd >= 0)
			say("  cloexec %d\n", fcntl(fd, F_GETFD));
		close(fd);
	}
	say("open, group -2");
	result_fd(perf_open(&a, -1, 0, -2, 0));
	say("open, group closed");
	result_fd(perf_open(&a, -1, 0, 198, 0));
	say("open, group not an event");
	result_fd(perf_open(&a, -1, 0, other, 0));
	fd = event(&a);
	say("open, group an event");
	result_fd(perf_open(&a, -1, 0, fd, 0));
	say("open, group an event of another cpu");
	result_fd(perf_open(&a, -1, 1, fd, 0));
	say("open, output to an event");
	result_fd(perf_open(&a, -1, 0, fd, PERF_FLAG_FD_OUTPUT));
	close(fd);
	close(other);
	say("open, no attr");
	result_fd(perf_open(NULL, -1, 0, -1, 0));
	say("open, bad attr");
	result_fd(perf_open((void *)8, -1, 0, -1, 0));
}

static void open_fields(void)
{
	struct perf_event_attr a;

	for (unsigned bit = 0; bit < 64; bit++) {
		a = good();
		a.sample_type |= 1ull << bit;
		/* What has no meaning here (docs/ABI.md), or is a question of the CPU. */
		if (bit == 4 || bit == 5 || bit == 17 || bit == 11 || bit == 12 || bit == 13 || bit == 18 ||
		    (bit >= 14 && bit <= 15) || (bit > 18 && bit < 25))
			continue;
		say("open, sample_type bit %u", bit);
		result_fd(perf_open(&a, -1, 0, -1, 0));
	}
	for (unsigned bit = 0; bit < 8; bit++) {
		a = good();
		a.read_format = 1ull << bit;
		say("open, read_format bit %u", bit);
		result_fd(perf_open(&a, -1, 0, -1, 0));
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		a = good();
		((u64 *)&a)[5] |= 1ull << bit;
		if (bit == 26) /* namespaces: wants a capability */
			continue;
		say("open, attribute bit %u", bit);
		result_fd(perf_open(&a, -1, 0, -1, 0));
	}
	a = good();
	a.sample_period = 1ull << 63;
	say("open, a period too large");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.freq = 1;
	a.sample_freq = 1ull << 40;
	say("open, a frequency too high");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.__reserved_2 = 1;
	say("open, reserved 2");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.__reserved_3 = 1;
	say("open, reserved 3");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.bp_type = 1;
	say("open, bp_type");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.clockid = 99;
	say("open, clockid unused");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a.use_clockid = 1;
	say("open, clockid 99");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	for (int c = 0; c < 12; c++) {
		a.clockid = c;
		say("open, clockid %d", c);
		result_fd(perf_open(&a, -1, 0, -1, 0));
	}
	a = good();
	a.sample_max_stack = 10000;
	say("open, sample_max_stack");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.aux_watermark = 5;
	say("open, aux_watermark");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.branch_sample_type = 5;
	say("open, branch_sample_type");
	result_fd(perf_open(&a, -1, 0, -1, 0));
	a = good();
	a.config1 = 5;
	a.config2 = 6;
	say("open, config1 and 2");
	result_fd(perf_open(&a, -1, 0, -1, 0));
}

/* ---- the descriptor ---- */

static void descriptor(void)
{
	struct perf_event_attr a = good();
	int fd = event(&a), map, key = 0;
	char text[64] = "", link[64];
	union row_attr b;
	u64 v[8] = { 0 };
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, text, sizeof(text) - 1);
	say("the text is %.*s\n", (int)n, text);
	memset(&b, 0, sizeof(b));
	b.a.pathname = ptr("/sys/fs/bpf/perf_rows_pin");
	b.a.bpf_fd = (u32)fd;
	say("pin");
	result(raw_bpf(BPF_OBJ_PIN, &b, ATTR_KNOWN));
	memset(&b, 0, sizeof(b));
	b.a.info.bpf_fd = (u32)fd;
	b.a.info.info = ptr(v);
	b.a.info.info_len = 32;
	say("info");
	result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &b, ATTR_KNOWN));
	memset(&b, 0, sizeof(b));
	b.a.map_fd = (u32)fd;
	b.a.key = ptr(&key);
	b.a.value = ptr(v);
	say("lookup in it");
	result(raw_bpf(BPF_MAP_LOOKUP_ELEM, &b, ATTR_KNOWN));
	memset(&b, 0, sizeof(b));
	b.a.map_type = BPF_MAP_TYPE_PROG_ARRAY;
	b.a.key_size = b.a.value_size = 4;
	b.a.max_entries = 1;
	map = raw_bpf(BPF_MAP_CREATE, &b, ATTR_KNOWN);
	memset(&b, 0, sizeof(b));
	b.a.map_fd = (u32)map;
	b.a.key = ptr(&key);
	b.a.value = ptr(&fd);
	say("into a program array");
	result(raw_bpf(BPF_MAP_UPDATE_ELEM, &b, ATTR_KNOWN));
	close(map);
	close(fd);
}

/* ---- mmap ---- */

static void mmap_row(const char *text, int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	say("mmap, %s", text);
	result(p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED)
		munmap(p, len);
}

static void mmap_rows(void)
{
	static const unsigned n[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 33, 65 };
	struct perf_event_attr a = good();
	int fd;

	for (unsigned i = 0; i < ARRAY_SIZE(n); i++) {
		char text[32];

		fd = event(&a);
		snprintf(text, sizeof(text), "%u pages", n[i]);
		mmap_row(text, fd, n[i] * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
		close(fd);
	}
	fd = event(&a);
	mmap_row("no bytes", fd, 0, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("100 bytes", fd, 100, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	close(fd);
	fd = event(&a);
	mmap_row("two pages and a byte", fd, 2 * PAGE + 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	close(fd);
	fd = event(&a);
	mmap_row("write only", fd, 3 * PAGE, PROT_WRITE, MAP_SHARED, 0);
	mmap_row("nothing", fd, 3 * PAGE, PROT_NONE, MAP_SHARED, 0);
	mmap_row("executable", fd, 3 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	mmap_row("validate", fd, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE, 0);
	close(fd);
}

static void mmap_again(void)
{
	struct perf_event_attr a = good();
	int fd = event(&a);
	void *p = map_pages(fd, 3, PROT_READ | PROT_WRITE);

	must(p != NULL, "a ring");
	mmap_row("again, as large", fd, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("again, smaller", fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("again, larger", fd, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("again, one page", fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("again, for reading", fd, 3 * PAGE, PROT_READ, MAP_SHARED, 0);
	close(fd);
	fd = event(&a);
	p = map_pages(fd, 3, PROT_READ);
	must(p != NULL, "a ring for reading");
	say("mprotect of one for reading");
	result(mprotect(p, 3 * PAGE, PROT_READ | PROT_WRITE));
	mmap_row("of one for reading, for writing", fd, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	close(fd);
}

static void show_page(const char *text, const struct perf_event_mmap_page *p)
{
	say("%s: version %u compat %u lock odd %u index %u offset %ld size %u\n", text, p->version,
	    p->compat_version, p->lock & 1, p->index, (long)p->offset, p->size);
	say("  head %lu tail %lu data offset %lu size %lu aux %lu %lu %lu %lu\n", (u64)p->data_head,
	    (u64)p->data_tail, (u64)p->data_offset, (u64)p->data_size, (u64)p->aux_head, (u64)p->aux_tail,
	    (u64)p->aux_offset, (u64)p->aux_size);
}

/* ---- ioctl ---- */

static void ioctl_row(const char *text, int fd, unsigned long req, unsigned long arg)
{
	say("ioctl %s", text);
	result(ioctl(fd, req, arg));
}

static void ioctl_rows(void)
{
	struct perf_event_attr a = good();
	int fd = event(&a), other = event(&a), null = open("/dev/null", O_RDONLY);
	u64 id = 0, id2 = 0, period = 5;
	u32 query[8] = { 4 };

	ioctl_row("ENABLE", fd, PERF_EVENT_IOC_ENABLE, 0);
	ioctl_row("ENABLE, group", fd, PERF_EVENT_IOC_ENABLE, 1);
	ioctl_row("ENABLE, any argument", fd, PERF_EVENT_IOC_ENABLE, 77);
	ioctl_row("DISABLE", fd, PERF_EVENT_IOC_DISABLE, 0);
	ioctl_row("DISABLE again", fd, PERF_EVENT_IOC_DISABLE, 0);
	ioctl_row("RESET", fd, PERF_EVENT_IOC_RESET, 0);
	ioctl_row("REFRESH", fd, PERF_EVENT_IOC_REFRESH, 1);
	ioctl_row("PERIOD", fd, PERF_EVENT_IOC_PERIOD, (unsigned long)&period);
	period = 0;
	ioctl_row("PERIOD 0", fd, PERF_EVENT_IOC_PERIOD, (unsigned long)&period);
	ioctl_row("PERIOD, bad pointer", fd, PERF_EVENT_IOC_PERIOD, 8);
	ioctl_row("ID", fd, PERF_EVENT_IOC_ID, (unsigned long)&id);
	ioctl(other, PERF_EVENT_IOC_ID, &id2);
	say("  ids are there %d, differ %d\n", id && id2, id != id2);
	ioctl_row("ID, bad pointer", fd, PERF_EVENT_IOC_ID, 8);
	ioctl_row("SET_OUTPUT none", fd, PERF_EVENT_IOC_SET_OUTPUT, -1ul);
	ioctl_row("SET_OUTPUT closed", fd, PERF_EVENT_IOC_SET_OUTPUT, 198);
	ioctl_row("SET_OUTPUT not an event", fd, PERF_EVENT_IOC_SET_OUTPUT, (unsigned long)null);
	ioctl_row("SET_OUTPUT itself", fd, PERF_EVENT_IOC_SET_OUTPUT, (unsigned long)fd);
	ioctl_row("SET_FILTER", fd, PERF_EVENT_IOC_SET_FILTER, (unsigned long)"x");
	ioctl_row("SET_BPF closed", fd, PERF_EVENT_IOC_SET_BPF, 198);
	ioctl_row("SET_BPF not a program", fd, PERF_EVENT_IOC_SET_BPF, (unsigned long)null);
	ioctl_row("PAUSE_OUTPUT without a ring", fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	ioctl_row("QUERY_BPF", fd, PERF_EVENT_IOC_QUERY_BPF, (unsigned long)query);
	ioctl_row("MODIFY_ATTRIBUTES", fd, IOC_MODIFY, (unsigned long)&a);
	ioctl_row("number 12", fd, _IO('$', 12), 0);
	ioctl_row("number 12 of another kind", fd, _IO('%', 12), 0);
	ioctl_row("ENABLE of no event", null, PERF_EVENT_IOC_ENABLE, 0);
	ioctl_row("ENABLE of nothing", 198, PERF_EVENT_IOC_ENABLE, 0);
	must(map_pages(fd, 3, PROT_READ | PROT_WRITE) != NULL, "a ring");
	ioctl_row("PAUSE_OUTPUT", fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	ioctl_row("PAUSE_OUTPUT 0", fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
	close(fd);
	close(other);
	close(null);
}

/* ---- output ---- */

static int out_map; /* 4 slots */
static u8 packet[256];

static int make_map(u32 type, u32 max, u32 flags)
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

static int put(int map, u32 key, int fd, u64 flags)
{
	union row_attr a = {
		.a = { .map_fd = (u32)map, .key = ptr(&key), .value = ptr(&fd), .flags = flags }
	};

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &a, ATTR_KNOWN);
}

static int del(int map, u32 key)
{
	union row_attr a = { .a = { .map_fd = (u32)map, .key = ptr(&key) } };

	return raw_bpf(BPF_MAP_DELETE_ELEM, &a, ATTR_KNOWN);
}

/* A program that puts size bytes of its stack out, with these flags. */
static int output_prog(u32 type, int map, u64 flags, u32 size)
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
static int run_prog(int prog, u32 type, u32 repeat)
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

static void say_result(int r)
{
	if (r < 0)
		say(": %s\n", errno_name(-r));
	else
		say(": %d\n", r);
}

static int output(u32 type, u64 flags, u32 size)
{
	int prog = output_prog(type, out_map, flags, size), r = run_prog(prog, type, 1);

	close(prog);
	return r;
}

/* Prints the records between two positions; times and ids only as there or not. */
static void show_bytes(const struct perf_event_mmap_page *p, u64 from, u64 to, unsigned max)
{
	const u8 *data = (const u8 *)p + p->data_offset;

	for (u64 i = from; i < to && i < from + max; i++)
		say("%s%02x", (i - from) % 8 ? "" : " ", data[i % p->data_size]);
	say("%s\n", to - from > max ? " ..." : "");
}

static int pads; /* bytes that a record ends with, and that mean nothing */

static void show_record(const struct perf_event_mmap_page *p, u64 at, unsigned max)
{
	const u8 *data = (const u8 *)p + p->data_offset;
	const struct perf_event_header *h = (const void *)(data + at % p->data_size);
	u32 pad = h->size >= 16 ? (u32)pads : 0;

	say("  record type %u misc %u size %u:", h->type, h->misc, h->size);
	show_bytes(p, at + 8, at + h->size - pad, max);
}

static void show_ring(struct perf_event_mmap_page *p, unsigned max)
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

static void consume(struct perf_event_mmap_page *p)
{
	__atomic_store_n(&p->data_tail, __atomic_load_n(&p->data_head, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static void results(void)
{
	struct perf_event_attr a = good(), other = good(), counter = good();
	int fd = event(&a), off, far, real;

	say("output, empty slot");
	say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 8));
	say("output, index 4");
	say_result(output(BPF_PROG_TYPE_XDP, 4, 8));
	say("output, index 3");
	say_result(output(BPF_PROG_TYPE_XDP, 3, 8));
	say("put");
	result(put(out_map, 0, fd, 0));
	say("output, no ring");
	say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 8));
	must(map_pages(fd, 2, PROT_READ | PROT_WRITE) != NULL, "a ring");
	say("output, a ring");
	say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 8));
	say("output, index 0");
	say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
	for (unsigned bit = 32; bit < 64; bit++) {
		say("output, xdp, flag bit %u", bit);
		say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU | 1ull << bit, 8));
		say("output, skb, flag bit %u", bit);
		say_result(output(BPF_PROG_TYPE_SCHED_CLS, CURRENT_CPU | 1ull << bit, 8));
		say("output, raw tp, flag bit %u", bit);
		say_result(output(BPF_PROG_TYPE_RAW_TRACEPOINT, CURRENT_CPU | 1ull << bit, 8));
	}
	say("output, no bytes");
	say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 0));
	other.disabled = 1;
	off = event(&other);
	put(out_map, 1, off, 0);
	must(map_pages(off, 2, PROT_READ | PROT_WRITE) != NULL, "a ring");
	say("output, disabled");
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	say("output, enabled");
	ioctl(off, PERF_EVENT_IOC_ENABLE, 0);
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	ioctl(off, PERF_EVENT_IOC_DISABLE, 0);
	say("output, disabled again");
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	far = perf_open(&a, -1, 1, -1, 0);
	if (far >= 0)
		put(out_map, 2, far, 0);
	say("output, of another cpu");
	say_result(output(BPF_PROG_TYPE_XDP, 2, 8));
	counter.config = PERF_COUNT_SW_DUMMY;
	real = perf_open(&counter, 0, -1, -1, 0);
	if (real >= 0) {
		say("put, another event");
		result(put(out_map, 3, real, 0));
		say("output, another event");
		say_result(output(BPF_PROG_TYPE_XDP, 3, 8));
		say("delete, another event");
		result(del(out_map, 3));
	}
	close(fd);
	say("output, the event closed, its ring mapped");
	say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
	for (u32 i = 0; i < 4; i++) {
		say("delete %u", i);
		result(del(out_map, i));
	}
	say("delete 4");
	result(del(out_map, 4));
	say("output, deleted");
	say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
	close(off);
	close(far);
	close(real);
}

/* The event of the running task. */
static void own_task(void)
{
	struct perf_event_attr a = good();
	static const int cpus[] = { -1, 0, 1 };
	int child;

	for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
		int fd = perf_open(&a, 0, cpus[i], -1, 0);

		must(fd >= 0, "an event of this task");
		put(out_map, 0, fd, 0);
		say("own task, cpu %d, mmap", cpus[i]);
		result(map_pages(fd, 2, PROT_READ | PROT_WRITE) ? 0 : -1);
		say("own task, cpu %d, output", cpus[i]);
		say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
		fflush(stdout);
		child = fork();
		if (!child) {
			say("another task, cpu %d, output", cpus[i]);
			say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
			fflush(stdout);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		close(fd);
	}
	del(out_map, 0);
}

static struct perf_event_mmap_page *ring(const struct perf_event_attr *a, unsigned pages, int prot, int *fd)
{
	struct perf_event_mmap_page *p;

	*fd = event(a);
	p = map_pages(*fd, pages, prot);
	must(p && !put(out_map, 0, *fd, 0), "a ring in the map");
	return p;
}

static void records(void)
{
	static const u32 types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				     BPF_PROG_TYPE_RAW_TRACEPOINT };
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	int fd;

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		p = ring(&a, 3, PROT_READ | PROT_WRITE, &fd);
		say("records of type %u\n", types[t]);
		show_page("  page", p);
		for (u32 n = 0; n < 20; n++)
			output(types[t], CURRENT_CPU, n);
		show_ring(p, 64);
		consume(p);
		if (t < 2) {
			output(types[t], CURRENT_CPU | 20ull << 32, 8);
			output(types[t], CURRENT_CPU | 1ull << 32, 0);
			output(types[t], CURRENT_CPU | 100ull << 32, 3);
			say("with 101 of the packet");
			say_result(output(types[t], CURRENT_CPU | 101ull << 32, 3));
			show_ring(p, 120);
		}
		show_page("  page", p);
		close(fd);
	}
}

static void sample_types(void)
{
	static const u64 types[] = { PERF_SAMPLE_RAW | PERF_SAMPLE_IP,
				     PERF_SAMPLE_RAW | PERF_SAMPLE_ADDR,
				     PERF_SAMPLE_RAW | PERF_SAMPLE_CPU,
				     PERF_SAMPLE_RAW | PERF_SAMPLE_PERIOD,
				     0,
				     PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD };
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	u64 w[8], id = 0;
	int fd;

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		a.sample_type = types[i];
		p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
		say("sample_type %lx", types[i]);
		say_result(output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 8));
		if (types[i] & PERF_SAMPLE_IP) {
			const struct perf_event_header *h = (const void *)((u8 *)p + PAGE);

			say("  record type %u size %u\n", h->type, h->size);
		} else {
			show_ring(p, 64);
		}
		close(fd);
	}
	a.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_RAW;
	p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
	ioctl(fd, PERF_EVENT_IOC_ID, &id);
	output(BPF_PROG_TYPE_XDP, CURRENT_CPU, 8);
	memcpy(w, (u8 *)p + PAGE, sizeof(w));
	say("all of them: head %lu, identifier %d tid %d time %d id %d stream %d raw %lx\n",
	    (u64)p->data_head, w[1] == id, w[2] == ((u64)gettid() << 32 | (u32)getpid()), w[3] != 0,
	    w[4] == id, w[5] == id, w[6]);
	close(fd);
}

static void fill_until(struct perf_event_mmap_page *p, int prog, int want)
{
	int r = 0, n = 0;

	while (n < 1000 && (r = run_prog(prog, BPF_PROG_TYPE_XDP, 1)) == want)
		n++;
	say("  %d of them are %d, then", n, want);
	say_result(r);
	say("  head %lu tail %lu\n", (u64)p->data_head, (u64)p->data_tail);
}

static void losses(void)
{
	static const u32 sizes[] = { 0, 4, 8, 100, 252 };
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	int fd, prog;

	for (unsigned all = 0; all < 2; all++) {
		a.sample_id_all = all;
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
			prog = output_prog(BPF_PROG_TYPE_XDP, out_map, CURRENT_CPU, sizes[i]);
			pads = (int)((sizes[i] + 11) / 8 * 8 - 4 - sizes[i]);
			say("filling with %u bytes, id_all %u\n", sizes[i], all);
			fill_until(p, prog, 0);
			run_prog(prog, BPF_PROG_TYPE_XDP, 5);
			consume(p);
			say("  after that");
			say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
			show_ring(p, 16);
			consume(p);
			fill_until(p, prog, 0);
			/* Room for a record, not for the word of the lost ones. */
			p->data_tail += 40;
			say("  little room");
			say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
			close(prog);
			close(fd);
		}
	}
	pads = 0;
}

static void tails(void)
{
	static const u64 at[] = { 1, 7, 4095, 4096, 4097, 1ull << 40, ~0ull, ~0ull - 4095, 1ull << 63 };
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	int fd, prog;

	p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
	prog = output_prog(BPF_PROG_TYPE_XDP, out_map, CURRENT_CPU, 20);
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		p->data_tail = at[i];
		say("tail %lx\n", at[i]);
		fill_until(p, prog, 0);
	}
	close(prog);
	close(fd);
}

static void pausing(void)
{
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	int fd, prog;

	p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
	prog = output_prog(BPF_PROG_TYPE_XDP, out_map, CURRENT_CPU, 20);
	ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	say("paused");
	say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
	ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
	say("goes on");
	say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
	show_ring(p, 16);
	close(fd);
	/* One page and no data. */
	p = ring(&a, 1, PROT_READ | PROT_WRITE, &fd);
	say("no data pages");
	say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
	ioctl_row("PAUSE_OUTPUT 0 of no data pages", fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
	show_page("  page", p);
	close(fd);
	close(prog);
}

static void backwards(void)
{
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;
	int fd, prog;

	for (unsigned back = 0; back < 2; back++)
		for (unsigned rw = 0; rw < 2; rw++) {
			a.write_backward = back;
			p = ring(&a, 2, rw ? PROT_READ | PROT_WRITE : PROT_READ, &fd);
			prog = output_prog(BPF_PROG_TYPE_XDP, out_map, CURRENT_CPU, 20);
			say("backward %u, writable %u", back, rw);
			say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 3));
			say("  head %ld\n", (long)p->data_head);
			show_record(p, back ? p->data_head : 0, 32);
			say("  after 200 more");
			say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 200));
			say("  head %ld\n", (long)p->data_head);
			close(prog);
			close(fd);
		}
}

static int ready(int fd)
{
	struct pollfd f = { .fd = fd, .events = POLLIN };

	return poll(&f, 1, 0) == 1 ? f.revents : 0;
}

static void wakeups(void)
{
	static const struct {
		u32 watermark, value;
	} rows[] = { { 0, 0 }, { 0, 1 },   { 0, 2 },    { 0, 3 },     { 1, 0 },
		     { 1, 1 }, { 1, 100 }, { 1, 4096 }, { 1, 100000 } };
	struct perf_event_attr a;
	struct perf_event_mmap_page *p;
	int fd, prog;

	a = good();
	fd = event(&a);
	say("poll without a ring: %x\n", ready(fd));
	close(fd);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		a = good();
		a.watermark = rows[i].watermark;
		a.wakeup_events = rows[i].value;
		p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd);
		prog = output_prog(BPF_PROG_TYPE_XDP, out_map, CURRENT_CPU, 20);
		say("watermark %u of %u: poll %x, then", rows[i].watermark, rows[i].value, ready(fd));
		for (unsigned n = 0; n < 140; n++) {
			int r = run_prog(prog, BPF_PROG_TYPE_XDP, 1);
			int x = ready(fd);

			if (x)
				say(" %u:%x%s", n, x, ready(fd) ? "!" : "");
			if (r || (n && n % 60 == 0))
				consume(p);
		}
		say("\n");
		close(prog);
		close(fd);
	}
}

/* Entries go with the descriptor of the map that has put them in, unless the map keeps them. */
static void owners(void)
{
	struct perf_event_attr a = good();

	for (unsigned keep = 0; keep < 2; keep++) {
		int map = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 2, keep ? BPF_F_PRESERVE_ELEMS : 0);
		union row_attr b = { .a = { .bpf_fd = (u32)map,
					    .pathname = ptr("/sys/fs/bpf/perf_rows_map") } };
		int fd = event(&a), again, copy, prog;

		must(map_pages(fd, 2, PROT_READ | PROT_WRITE) != NULL, "a ring");
		must(!raw_bpf(BPF_OBJ_PIN, &b, ATTR_KNOWN), "a pin");
		prog = output_prog(BPF_PROG_TYPE_XDP, map, CURRENT_CPU, 8);
		say("keep %u, put", keep);
		result(put(map, 0, fd, 0));
		say("  output");
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		copy = dup(map);
		close(map);
		say("  output, a copy is left");
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		close(copy);
		usleep(100000);
		say("  output, all are closed");
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		memset(&b, 0, sizeof(b));
		b.a.pathname = ptr("/sys/fs/bpf/perf_rows_map");
		again = raw_bpf(BPF_OBJ_GET, &b, ATTR_KNOWN);
		say("  delete");
		result(del(again, 0));
		say("  put by another");
		result(put(again, 0, fd, 0));
		say("  output");
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		close(fd);
		say("  output, the event is closed");
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		close(again);
		close(prog);
		unlink("/sys/fs/bpf/perf_rows_map");
	}
}

static void puts_rows(void)
{
	struct perf_event_attr a = good();
	int fd = event(&a), null = open("/dev/null", O_RDONLY), map = make_map(BPF_MAP_TYPE_ARRAY, 1, 0);

	for (u64 f = 0; f < 6; f++) {
		say("put, flags %lu", f);
		result(put(out_map, 0, fd, f));
	}
	say("put over it");
	result(put(out_map, 0, fd, 0));
	say("put at 4");
	result(put(out_map, 4, fd, 0));
	say("put, closed");
	result(put(out_map, 0, 198, 0));
	say("put, no event");
	result(put(out_map, 0, null, 0));
	say("put, a map");
	result(put(out_map, 0, map, 0));
	say("delete");
	result(del(out_map, 0));
	say("delete again");
	result(del(out_map, 0));
	close(fd);
	close(null);
	close(map);
}

int main(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (u8)(0x80 + i);
	open_sizes();
	open_who();
	open_flags();
	open_fields();
	descriptor();
	mmap_rows();
	mmap_again();
	ioctl_rows();
	out_map = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 0);
	puts_rows();
	results();
	own_task();
	records();
	sample_types();
	losses();
	tails();
	pausing();
	backwards();
	wakeups();
	owners();
	return 0;
}
