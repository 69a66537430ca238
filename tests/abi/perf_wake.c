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

int main(void)
{
	perf_rows_begin();
	out_map = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 0);
	wakeups();
	return 0;
}
