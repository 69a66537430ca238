// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf events for BPF output: perf_event_open, mmap, ioctl.
 */
#include "perf_rows.h"

#define IOC_MODIFY 0x4008240bu

struct long_attr {
	struct perf_event_attr a;
	u8 more[5000];
};

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
	must(map_pages(fd, 3, PROT_READ | PROT_WRITE) != NULL, "a ring");
	say("open, output to an event's ring");
	result_fd(perf_open(&a, -1, 0, fd, PERF_FLAG_FD_OUTPUT));
	say("open, output alone");
	result_fd(perf_open(&a, -1, 0, fd, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
	say("open, output to no event");
	result_fd(perf_open(&a, -1, 0, other, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
	a.write_backward = 1;
	say("open, output the other way");
	result_fd(perf_open(&a, -1, 0, fd, PERF_FLAG_FD_OUTPUT));
	a = good();
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

/* Which events may share a ring. */
static void set_output_rows(void)
{
	static const struct {
		const char *what;
		int pid, cpu, backward, clock;
	} kinds[] = {
		{ "as usual", -1, 0, 0, -1 },        { "of another cpu", -1, 1, 0, -1 },
		{ "of a task", 0, -1, 0, -1 },       { "of a task and cpu", 0, 0, 0, -1 },
		{ "backward", -1, 0, 1, -1 },        { "of another clock", -1, 0, 0, 1 },
		{ "of a third clock", -1, 0, 0, 7 },
	};
	int fd[2][ARRAY_SIZE(kinds)];

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		unsigned k = i / 2;
		struct perf_event_attr a = good();

		a.write_backward = kinds[k].backward != 0;
		a.use_clockid = kinds[k].clock >= 0;
		a.clockid = kinds[k].clock >= 0 ? kinds[k].clock : 0;
		fd[i % 2][k] = perf_open(&a, kinds[k].pid, kinds[k].cpu, -1, 0);
		must(fd[i % 2][k] >= 0 || kinds[k].cpu == 1, "an event");
	}
	for (unsigned ring = 0; ring < 2; ring++) {
		for (unsigned to = 0; ring && to < ARRAY_SIZE(kinds); to++)
			must(fd[1][to] < 0 || map_pages(fd[1][to], 2, PROT_READ | PROT_WRITE), "a ring");
		for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
			for (unsigned to = 0; to < ARRAY_SIZE(kinds); to++) {
				if (fd[0][k] < 0 || fd[1][to] < 0)
					continue;
				say("ring %u, %s to %s", ring, kinds[k].what, kinds[to].what);
				ioctl_row("SET_OUTPUT", fd[0][k], PERF_EVENT_IOC_SET_OUTPUT,
					  (unsigned long)fd[1][to]);
			}
	}
	ioctl_row("SET_OUTPUT of one with a ring", fd[1][0], PERF_EVENT_IOC_SET_OUTPUT,
		  (unsigned long)fd[1][0]);
	ioctl_row("SET_OUTPUT none, of one with a ring", fd[1][0], PERF_EVENT_IOC_SET_OUTPUT, -1ul);
	ioctl_row("SET_OUTPUT none", fd[0][0], PERF_EVENT_IOC_SET_OUTPUT, -1ul);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(kinds); i++)
		close(fd[i % 2][i / 2]);
}

int main(void)
{
	perf_rows_begin();
	set_output_rows();
	open_sizes();
	open_who();
	open_flags();
	open_fields();
	descriptor();
	mmap_rows();
	mmap_again();
	ioctl_rows();
	return 0;
}
