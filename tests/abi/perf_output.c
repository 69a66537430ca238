// SPDX-License-Identifier: BSD-2-Clause
/*
 * PERF_EVENT_ARRAY, and what programs put out: results, records byte by byte, losses.
 */
#include "perf_rows.h"

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

static void results(void)
{
	struct perf_event_attr a = good(), other = good(), counter = good();
	int fd = event(&a), off, far, real;
	void *p;

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
	usleep(100000);
	say("output, the event closed, its ring mapped");
	say_result(output(BPF_PROG_TYPE_XDP, 0, 8));
	fd = event(&a);
	put(out_map, 0, fd, 0);
	p = map_pages(fd, 2, PROT_READ | PROT_WRITE);
	munmap(p, 2 * PAGE);
	close(fd);
	usleep(100000);
	say("output, the event closed and its ring unmapped");
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
	say("PAUSE_OUTPUT 0 of no data pages");
	result(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
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

/* ---- large records ---- */

static int large_prog(int values, u32 size)
{
	const struct bpf_insn p[] = {
		MOVR(6, 1),
		LDMAP(1, 1, values),
		I(0x62, 10, 0, -4, 0),
		MOVR(2, 10),
		I(0x07, 2, 0, 0, -4),
		CALL(1),
		I(0x55, 0, 0, 1, 0),
		EXIT,
		MOVR(1, 6),
		LDMAP(2, 1, out_map),
		LD64(3, CURRENT_CPU),
		MOVR(4, 0),
		MOV(5, (int)size),
		CALL(25),
		EXIT,
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_XDP,
				    .insns = ptr(p),
				    .insn_cnt = ARRAY_SIZE(p),
				    .license = ptr("GPL") } };

	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

static void large(void)
{
	static const u32 sizes[] = { 4000, 65000, 65512, 65516, 65517, 100000 };
	union row_attr m = {
		.a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 100000, .max_entries = 1 }
	};
	int values = raw_bpf(BPF_MAP_CREATE, &m, ATTR_KNOWN), fd, prog;
	struct perf_event_attr a = good();
	struct perf_event_mmap_page *p;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = ring(&a, 33, PROT_READ | PROT_WRITE, &fd);
		prog = large_prog(values, sizes[i]);
		must(prog >= 0, "a program with much to say");
		say("output of %u bytes", sizes[i]);
		say_result(run_prog(prog, BPF_PROG_TYPE_XDP, 1));
		if (sizes[i] <= 65516)
			show_ring(p, 16);
		close(prog);
		close(fd);
		munmap(p, 33 * PAGE);
	}
	close(values);
}

/* ---- counters ---- */

static int reader(int helper, u64 flags, u32 size)
{
	const struct bpf_insn p[] = {
		LDMAP(1, 1, out_map), LD64(2, flags), MOVR(3, 10), I(0x07, 3, 0, 0, -32),
		MOV(4, (int)size),    CALL(helper),   EXIT,
	};
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				    .insns = ptr(p),
				    .insn_cnt = ARRAY_SIZE(p),
				    .license = ptr("GPL") } };
	int fd = raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN), r;

	must(fd >= 0, "a program that reads");
	r = run_prog(fd, BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
	close(fd);
	return r;
}

static void reads(void)
{
	static const u64 flags[] = { 0, 1, 2, 3, 4, CURRENT_CPU, CURRENT_CPU + 1, 1ull << 40 };
	struct perf_event_attr a = good();
	int fd[3];

	fd[0] = event(&a);
	a.inherit = 1;
	fd[1] = event(&a);
	a.inherit = 0;
	a.disabled = 1;
	fd[2] = event(&a);
	for (u32 i = 0; i < 3; i++) {
		say("read, put %u", i);
		result(put(out_map, i, fd[i], 0));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		say("read, flags %lx", flags[i]);
		say_result(reader(22, flags[i], 0));
		say("read of the value, flags %lx", flags[i]);
		say_result(reader(55, flags[i], 24));
		say("read of a value too short, flags %lx", flags[i]);
		say_result(reader(55, flags[i], 16));
	}
	for (u32 i = 0; i < 3; i++) {
		del(out_map, i);
		close(fd[i]);
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

/* Records of one event in the ring of another. */
static void redirected(void)
{
	struct perf_event_attr a = good(), b = good(), c = good();
	struct perf_event_mmap_page *p, *q;
	int fd[3];

	b.sample_type |= PERF_SAMPLE_CPU;
	c.wakeup_events = 2;
	fd[0] = event(&a);
	fd[1] = event(&b);
	fd[2] = event(&c);
	p = map_pages(fd[0], 2, PROT_READ | PROT_WRITE);
	must(p != NULL, "a ring");
	for (u32 i = 0; i < 3; i++)
		put(out_map, i, fd[i], 0);
	say("output, to no ring");
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	say("SET_OUTPUT");
	result(ioctl(fd[1], PERF_EVENT_IOC_SET_OUTPUT, fd[0]));
	say("SET_OUTPUT to one that has it from another");
	result(ioctl(fd[2], PERF_EVENT_IOC_SET_OUTPUT, fd[1]));
	for (u32 i = 0; i < 6; i++) {
		say("output, event %u", i % 3);
		say_result(output(BPF_PROG_TYPE_XDP, i % 3, 8 + 8 * i));
	}
	show_ring(p, 96);
	say("output, the second");
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	show_ring(p, 96);
	say("PAUSE_OUTPUT of the second");
	result(ioctl(fd[1], PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	for (u32 i = 0; i < 3; i++) {
		say("output, paused, event %u", i);
		say_result(output(BPF_PROG_TYPE_XDP, i, 8));
	}
	result(ioctl(fd[0], PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	say("output, what was lost");
	say_result(output(BPF_PROG_TYPE_XDP, 1, 8));
	show_ring(p, 96);
	say("SET_OUTPUT none");
	result(ioctl(fd[2], PERF_EVENT_IOC_SET_OUTPUT, -1ul));
	say("output, none");
	say_result(output(BPF_PROG_TYPE_XDP, 2, 8));
	q = map_pages(fd[2], 2, PROT_READ | PROT_WRITE);
	say("a ring of its own: %d", q != NULL);
	say_result(output(BPF_PROG_TYPE_XDP, 2, 8));
	if (q)
		show_ring(q, 96);
	for (u32 i = 0; i < 3; i++) {
		del(out_map, i);
		close(fd[i]);
	}
}

int main(void)
{
	perf_rows_begin();
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
	large();
	reads();
	owners();
	redirected();
	return 0;
}
