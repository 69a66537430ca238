// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_TEST_RUN, PROG_BIND_MAP, program arrays and run statistics, row by row.
 */
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
#define F_FRAGS        32u
#define F_SLEEPABLE    16u

static unsigned char data[1 << 17], out[1 << 17];
static const struct bpf_insn one[] = { MOV(0, 1), EXIT };

static int load_as(unsigned type, unsigned attach, unsigned flags, const struct bpf_insn *insns, unsigned n)
{
	union row_attr a = { .a = { .prog_type = type,
				    .insns = ptr(insns),
				    .insn_cnt = n,
				    .license = ptr("GPL"),
				    .expected_attach_type = attach,
				    .prog_flags = flags } };

	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

static int load(unsigned type, const struct bpf_insn *insns, unsigned n)
{
	return load_as(type, 0, 0, insns, n);
}

static int make_map(unsigned type, unsigned value, unsigned max)
{
	union row_attr a = {
		.a = { .map_type = type, .key_size = 4, .value_size = value, .max_entries = max }
	};

	return raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
}

static int put(int map, unsigned key, int fd)
{
	union row_attr a = { .a = { .map_fd = map, .key = ptr(&key), .value = ptr(&fd) } };

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &a, ATTR_KNOWN);
}

static void get(int map, unsigned key, void *value)
{
	union row_attr a = { .a = { .map_fd = map, .key = ptr(&key), .value = ptr(value) } };

	raw_bpf(BPF_MAP_LOOKUP_ELEM, &a, ATTR_KNOWN);
}

/* The run, and all that it writes. */
static int run(union row_attr *a)
{
	int r = raw_bpf(BPF_PROG_TEST_RUN, a, ATTR_KNOWN), e = errno;

	say(" [retval %u data %u ctx %u]", a->a.test.retval, a->a.test.data_size_out, a->a.test.ctx_size_out);
	errno = e;
	return result(r);
}

static union row_attr with(int fd, unsigned size)
{
	union row_attr a = { .a = { .test = { .prog_fd = fd, .data_in = ptr(data), .data_size_in = size } } };

	return a;
}

static void fill_packet(void)
{
	static const unsigned char head[] = { 2,  0, 0, 0, 0, 1,  2,  0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
					      50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2 };

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	memcpy(data, head, sizeof(head));
}

static void types(void)
{
	static const unsigned char attach[33] = { [18] = 8, [25] = 21, [30] = 36, [32] = 45 };

	for (unsigned type = 0; type < 34; type++) {
		unsigned flags = type == 31 ? F_SLEEPABLE : 0;
		int fd = load_as(type, type < 33 ? attach[type] : 0, flags, one, 2);
		union row_attr a = with(fd, 64);

		if (fd < 0)
			continue;
		say("type %u, a packet", type);
		run(&a);
		memset(&a, 0, sizeof(a));
		a.a.test.prog_fd = fd;
		say("type %u, nothing", type);
		run(&a);
		a.a.test.ctx_in = ptr(data);
		a.a.test.ctx_size_in = 16;
		say("type %u, a context", type);
		run(&a);
		close(fd);
	}
}

static void sizes(void)
{
	static const unsigned types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
					  BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_FLOW_DISSECTOR };
	static const unsigned n[] = { 0,    1,    13,   14,   15,   33,    34,    60,
				      64,   1500, 3000, 3400, 3520, 3521,  3600,  3712,
				      3713, 3800, 4096, 5000, 9000, 65535, 65536, 100000 };

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
		for (unsigned frags = 0; frags < 1 + (types[t] == BPF_PROG_TYPE_XDP); frags++) {
			int fd = load_as(types[t], 0, frags ? F_FRAGS : 0, one, 2);

			for (unsigned i = 0; i < ARRAY_SIZE(n); i++) {
				union row_attr a = with(fd, n[i]);

				memset(out, 0, sizeof(out));
				a.a.test.data_out = ptr(out);
				a.a.test.data_size_out = sizeof(out);
				say("type %u%s, %u bytes", types[t], frags ? " frags" : "", n[i]);
				if (!run(&a) && types[t] != BPF_PROG_TYPE_FLOW_DISSECTOR)
					say("  the packet is %s\n",
					    memcmp(data, out, n[i]) ? "changed" : "the same");
			}
			close(fd);
		}
	}
}

static void rooms(void)
{
	int xdp = load(BPF_PROG_TYPE_XDP, one, 2), tc = load(BPF_PROG_TYPE_SCHED_CLS, one, 2);

	for (unsigned i = 0; i < 8; i++) {
		static const unsigned room[] = { 0, 1, 63, 64, 65, 1000, 0, 64 };
		union row_attr a = with(i & 1 ? tc : xdp, 64);

		a.a.test.data_out = i == 6 ? 0 : i == 7 ? 8 : ptr(out);
		a.a.test.data_size_out = room[i];
		say("room %u at %s", room[i], i == 6 ? "NULL" : i == 7 ? "nowhere" : "a buffer");
		run(&a);
	}
	for (unsigned i = 0; i < 6; i++) {
		static const unsigned size[] = { 8, 24, 25, 192, 193, 4096 };
		union row_attr a = with(i & 1 ? xdp : tc, 64);

		a.a.test.ctx_out = ptr(out);
		a.a.test.ctx_size_out = size[i];
		say("context room %u, none in", size[i]);
		run(&a);
		memset(out, 0, sizeof(out));
		a = with(i & 1 ? xdp : tc, 64);
		a.a.test.ctx_in = ptr(out);
		a.a.test.ctx_size_in = size[i];
		say("context %u zeros in", size[i]);
		run(&a);
		out[size[i] - 1] = 1;
		say("context %u, the last byte 1", size[i]);
		run(&a);
	}
	for (unsigned i = 0; i < 8; i++) {
		union row_attr a = with(i & 1 ? xdp : tc, 64);

		a.a.test.ctx_in = ptr(out);
		a.a.test.ctx_size_in = i & 2 ? UINT32_MAX : 4097;
		if (i & 4)
			a.a.test.data_in = 64;
		say("context %u%s", a.a.test.ctx_size_in, i & 4 ? ", data nowhere" : "");
		run(&a);
	}
	close(xdp);
	close(tc);
}

static void words(void)
{
	int fd = load(BPF_PROG_TYPE_XDP, one, 2), map = make_map(BPF_MAP_TYPE_ARRAY, 4, 1);

	for (unsigned w = 0; w < 22; w++) {
		static const unsigned values[] = { 1, 2, 0x80000000u };

		for (unsigned v = 0; v < 3; v++) {
			union row_attr a = with(fd, 64);

			if (w == 8 || w == 4 || w == 5 || w == 0 || w == 2 || (w >= 11 && w < 16))
				continue; /* repeat, pointers, sizes: elsewhere */
			a.w[w] = values[v];
			say("word %u = %#x", w, values[v]);
			run(&a);
		}
	}
	for (unsigned size = 4; size <= 80; size += 4) {
		union row_attr a = with(fd, 64);

		say("attr of %u bytes", size);
		result(raw_bpf(BPF_PROG_TEST_RUN, &a, size));
	}
	for (unsigned i = 0; i < 3; i++) {
		union row_attr a = with(i == 0 ? 999 : i == 1 ? map : 0, 64);

		if (i == 2)
			continue;
		say("fd of %s", i ? "a map" : "nothing");
		run(&a);
	}
	close(fd);
	close(map);
}

static void repeats(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, 8, 1);
	const struct bpf_insn count[] = { LDMAP(1, BPF_PSEUDO_MAP_VALUE, map), MOV(2, 1), I(0xdb, 1, 2, 0, 1),
					  MOVR(0, 2), EXIT };
	int fd = load(BPF_PROG_TYPE_XDP, count, 6);
	static const unsigned n[] = { 0, 1, 2, 1000, 100000 };

	for (unsigned i = 0; i < ARRAY_SIZE(n); i++) {
		union row_attr a = with(fd, 64);
		unsigned long long value = 0;

		a.a.test.repeat = n[i];
		say("repeat %u", n[i]);
		run(&a);
		get(map, 0, &value);
		say("  the last saw %u, the map says %llu\n", a.a.test.retval, value);
	}
	close(fd);
	close(map);
}

static void ld_abs(void)
{
	static const int offs[] = { 0,
				    1,
				    12,
				    13,
				    14,
				    40,
				    60,
				    61,
				    62,
				    63,
				    64,
				    65,
				    1000,
				    -1,
				    -0x1000,
				    -0x100000,
				    -0x100000 + 9,
				    -0x100000 + 60,
				    -0x200000,
				    -0x200000 + 12,
				    -0x200001,
				    -0x7fffffff };
	static const unsigned types[] = { BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_CLS,
					  BPF_PROG_TYPE_CGROUP_SKB };
	static const unsigned char sizes[] = { 0x00, 0x08, 0x10 };

	for (unsigned t = 0; t < 3; t++)
		for (unsigned s = 0; s < 3; s++)
			for (unsigned i = 0; i < ARRAY_SIZE(offs); i++)
				for (unsigned ind = 0; ind < 2; ind++) {
					const struct bpf_insn abs[] = { MOVR(6, 1), MOV(7, 3),
									I((ind ? 0x40 : 0x20) | sizes[s], 0,
									  ind ? 7 : 0, 0,
									  ind ? offs[i] - 3 : offs[i]),
									I(0x77, 0, 0, 0, 1), EXIT };
					int fd = load_as(types[t], 0, 0, abs, 5);
					union row_attr a = with(fd, 64);

					say("type %u %s size %#x at %d", types[t], ind ? "ind" : "abs",
					    sizes[s], offs[i]);
					if (fd < 0)
						result(fd);
					else
						run(&a);
					close(fd);
				}
}

/* A program that counts in a map and calls what stands in the array; behind it, 1000. */
static int caller(unsigned type, unsigned attach, unsigned flags, int array, int map, int index)
{
	const struct bpf_insn insns[] = { MOVR(6, 1),    LDMAP(1, BPF_PSEUDO_MAP_VALUE, map),
					  MOV(2, 1),     I(0xdb, 1, 2, 0, 0),
					  MOVR(1, 6),    LDMAP(2, BPF_PSEUDO_MAP_FD, array),
					  MOV(3, index), CALL(12),
					  MOV(0, 1),     EXIT };

	return load_as(type, attach, flags, insns, 12);
}

static void tail_calls(void)
{
	int array = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 3), map = make_map(BPF_MAP_TYPE_ARRAY, 8, 1);
	int fd = caller(BPF_PROG_TYPE_XDP, 0, 0, array, map, 0), other, end = load(BPF_PROG_TYPE_XDP, one, 2);
	unsigned long long value = 0;
	union row_attr a = with(fd, 64);

	say("empty slot");
	run(&a);
	say("itself in it");
	result(put(array, 0, fd));
	a = with(fd, 64);
	say("it calls itself");
	run(&a);
	get(map, 0, &value);
	say("  entered %llu times\n", value);
	say("another in it");
	result(put(array, 0, end));
	a = with(fd, 64);
	a.a.test.repeat = 10;
	say("it calls that one");
	run(&a);
	get(map, 0, &value);
	say("  entered %llu times\n", value);
	for (int index = -1; index < 5; index += 2) {
		other = caller(BPF_PROG_TYPE_XDP, 0, 0, array, map, index);
		a = with(other, 64);
		say("index %d", index);
		run(&a);
		close(other);
	}
	other = load(BPF_PROG_TYPE_SCHED_CLS, one, 2);
	say("another type into the array");
	result(put(array, 1, other));
	close(other);
	other = load_as(BPF_PROG_TYPE_XDP, 0, F_FRAGS, one, 2);
	say("frags into the array");
	result(put(array, 1, other));
	close(other);
	other = load_as(BPF_PROG_TYPE_XDP, 35 /* BPF_XDP_DEVMAP */, 0, one, 2);
	say("another attach type into the array");
	result(put(array, 1, other));
	close(other);
	other = caller(BPF_PROG_TYPE_SCHED_CLS, 0, 0, array, map, 0);
	say("another type uses the array");
	result_fd(other);
	other = caller(BPF_PROG_TYPE_XDP, 0, F_FRAGS, array, map, 0);
	say("frags uses the array");
	result_fd(other);
	other = caller(BPF_PROG_TYPE_XDP, 35, 0, array, map, 0);
	say("another attach type uses the array");
	result_fd(other);
	other = caller(BPF_PROG_TYPE_XDP, 0, 0, array, map, 0);
	say("the same uses the array");
	result_fd(other);
	close(end);
	a = with(fd, 64);
	say("its target's fd is closed");
	run(&a);
	close(fd);
	close(array);
	close(map);
}

static int bind_row(int prog, int map, unsigned flags)
{
	union row_attr a = { 0 };

	a.w[0] = (unsigned)prog;
	a.w[1] = (unsigned)map;
	a.w[2] = flags;
	return result(raw_bpf(35 /* BPF_PROG_BIND_MAP */, &a, 12));
}

static unsigned count_maps(int prog, unsigned *ids)
{
	struct bpf_prog_info i = { .nr_map_ids = 8, .map_ids = ptr(ids) };
	union row_attr a = { .a = { .info = { .bpf_fd = prog, .info_len = sizeof(i), .info = ptr(&i) } } };

	raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, ATTR_KNOWN);
	return i.nr_map_ids;
}

static int map_lives(unsigned id)
{
	union row_attr a = { .a = { .map_id = id } };
	int fd = raw_bpf(BPF_MAP_GET_FD_BY_ID, &a, ATTR_KNOWN);

	close(fd);
	return fd >= 0;
}

static void bind(void)
{
	int fd = load(BPF_PROG_TYPE_XDP, one, 2), map = make_map(BPF_MAP_TYPE_ARRAY, 4, 1),
	    hash = make_map(BPF_MAP_TYPE_HASH, 4, 1);
	unsigned ids[8] = { 0 };

	say("bind");
	bind_row(fd, map, 0);
	say("again");
	bind_row(fd, map, 0);
	say("a hash");
	bind_row(fd, hash, 0);
	say("flags");
	bind_row(fd, map, 1);
	say("no program");
	bind_row(999, map, 0);
	say("no map");
	bind_row(fd, 999, 0);
	say("a map for the program");
	bind_row(map, map, 0);
	say("a program for the map");
	bind_row(fd, fd, 0);
	say("holds %u maps\n", count_maps(fd, ids));
	close(map);
	say("its fd closed, the map %s\n", map_lives(ids[0]) ? "lives" : "is gone");
	close(fd);
	usleep(100000);
	say("the program closed, the map %s\n", map_lives(ids[0]) ? "lives" : "is gone");
	close(hash);
}

static unsigned long long runs_of(int fd, int *some_time)
{
	struct bpf_prog_info i = { 0 };
	union row_attr a = { .a = { .info = { .bpf_fd = fd, .info_len = sizeof(i), .info = ptr(&i) } } };

	raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, ATTR_KNOWN);
	*some_time = i.run_time_ns > 0;
	return i.run_cnt;
}

static void stats(void)
{
	int fd = load(BPF_PROG_TYPE_XDP, one, 2), on, again, time;
	union row_attr a = with(fd, 64), e = { 0 };
	unsigned long long n;

	a.a.test.repeat = 100;
	raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN);
	n = runs_of(fd, &time);
	say("off: %llu runs, time %d\n", n, time);
	e.w[0] = 1;
	say("stats of type 1");
	result_fd(raw_bpf(32 /* BPF_ENABLE_STATS */, &e, 4));
	e.w[0] = 0;
	on = raw_bpf(32, &e, 4);
	again = dup(on);
	raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN);
	n = runs_of(fd, &time);
	say("on: %llu runs, time %d\n", n, time);
	close(on);
	raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN);
	n = runs_of(fd, &time);
	say("a copy is open: %llu runs\n", n);
	close(again);
	raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN);
	n = runs_of(fd, &time);
	say("off again: %llu runs\n", n);
	close(fd);
}

static void fdinfo(void)
{
	const struct bpf_insn few[] = { MOV(0, 1), MOV(1, 2), MOV(2, 3), EXIT };
	int fd = load(BPF_PROG_TYPE_SOCKET_FILTER, few, 4);
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "mnt_id", 6) && strncmp(line, "ino", 3) && strncmp(line, "prog_id", 7))
			say("fdinfo %s", line);
	if (f)
		fclose(f);
	close(fd);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	fill_packet();
	types();
	sizes();
	rooms();
	words();
	repeats();
	ld_abs();
	tail_calls();
	bind();
	stats();
	fdinfo();
	return 0;
}
