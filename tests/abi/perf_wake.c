// SPDX-License-Identifier: BSD-2-Clause
/*
 * When a perf event is ready to poll(2): by count, by watermark, once a wake-up.
 */
#include "perf_rows.h"

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

/* Of several events with one ring. */
static void shared(void)
{
	struct perf_event_attr a = good(), c = good();
	struct perf_event_mmap_page *p;
	int fd[3], progs[3];

	c.wakeup_events = 2;
	p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd[0]);
	fd[1] = event(&a);
	fd[2] = event(&c);
	for (unsigned i = 0; i < 3; i++) {
		must(!put(out_map, i, fd[i], 0), "an event in the map");
		progs[i] = output_prog(BPF_PROG_TYPE_XDP, out_map, i, 20);
	}
	say("without a ring: %x\n", ready(fd[1]));
	for (unsigned i = 1; i < 3; i++)
		must(!ioctl(fd[i], PERF_EVENT_IOC_SET_OUTPUT, fd[0]), "one ring");
	say("with one: %x %x %x\n", ready(fd[0]), ready(fd[1]), ready(fd[2]));
	for (unsigned i = 0; i < 24; i++) {
		int r = run_prog(progs[i * 7 / 5 % 3], BPF_PROG_TYPE_XDP, 1);

		say("%u: %d, ready %x", i * 7 / 5 % 3, r, ready(fd[i % 3]));
		say(" %x\n", ready(fd[(i + 1) % 3]));
	}
	say("mapped by another's number");
	result(map_pages(fd[1], 2, PROT_READ | PROT_WRITE) ? 0 : -1);
	say("in another size");
	result(map_pages(fd[1], 3, PROT_READ | PROT_WRITE) ? 0 : -1);
	say("and again by its own");
	result(p && map_pages(fd[0], 2, PROT_READ | PROT_WRITE) == NULL ? -1 : 0);
	close(fd[0]);
	close(fd[1]);
	close(fd[2]);
	/* Another ring of the same event is not the one that they were sent to. */
	p = ring(&a, 2, PROT_READ | PROT_WRITE, &fd[0]);
	fd[1] = event(&a);
	put(out_map, 1, fd[1], 0);
	must(!ioctl(fd[1], PERF_EVENT_IOC_SET_OUTPUT, fd[0]), "one ring");
	say("sent there: %d\n", run_prog(progs[1], BPF_PROG_TYPE_XDP, 1));
	munmap(p, 2 * PAGE);
	p = map_pages(fd[0], 2, PROT_READ | PROT_WRITE);
	say("another ring: %d %d\n", p != NULL, run_prog(progs[1], BPF_PROG_TYPE_XDP, 1));
	say("one of its own");
	result(map_pages(fd[1], 3, PROT_READ | PROT_WRITE) ? 0 : -1);
	say("sent to that: %d\n", run_prog(progs[1], BPF_PROG_TYPE_XDP, 1));
	for (unsigned i = 0; i < 3; i++)
		close(progs[i]);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	perf_rows_begin();
	out_map = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 0);
	wakeups();
	shared();
	return 0;
}
