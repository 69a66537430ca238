// SPDX-License-Identifier: BSD-2-Clause
/*
 * Iterators, row by row: what their programs may do with what they are given, what they can
 * be attached to, and what descriptor a session is. What they write is seen by
 * tests/cli/iters.sh.
 *
 * Offsets come from the machine's BTF. With a refused program the log's last line is
 * printed, with an accepted one what its loads were found to give.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "iter_world.h"

/* The reason of a refusal. */
static void say_reason(void)
{
	char *last = NULL, *before = NULL;

	for (char *line = strtok(log_buf, "\n"); line; line = strtok(NULL, "\n")) {
		before = last;
		last = line;
	}
	if (last && !strncmp(last, "processed", 9) && before)
		last = before;
	say("  %s\n", last ? last : "");
}

/* What each 64-bit load gave. */
static void say_loads(void)
{
	for (char *line = strtok(log_buf, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, ": (79) ") && strstr(line, "; R"))
			say("  %s\n", line);
}

static void row(const char *text, const char *target, unsigned flags, const struct bpf_insn *insns,
		unsigned n)
{
	int fd = load(target, insns, n, flags);

	say("%s: %s", target, text);
	result(fd);
	if (fd < 0)
		say_reason();
	else
		say_loads();
	if (fd >= 0)
		close(fd);
}

#define ROW(text, target, ...)                                                                               \
	row(text, target, 0, (struct bpf_insn[]){ __VA_ARGS__ },                                             \
	    sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn))

static void ctx_rows(void)
{
	ROW("third word", "bpf_map", LD(6, 1, 16), END);
	ROW("unaligned", "bpf_map", LD(6, 1, 4), END);
	ROW("half a word", "bpf_map", LDX(BPF_W, 6, 1, 0), END);
	ROW("its other half", "bpf_map", LDX(BPF_W, 6, 1, 4), END);
	ROW("a byte", "bpf_map", LDX(BPF_B, 6, 1, 3), END);
	ROW("before", "bpf_map", LD(6, 1, -8), END);
	ROW("far behind", "bpf_map", LD(6, 1, 104), END);
	ROW("written", "bpf_map", MOV(2, 0), ST(1, 2, 0), END);
	ROW("fifth word", "bpf_map_elem", LD(6, 1, 32), END);
	ROW("all of it", "bpf_map_elem", LD(6, 1, 0), LD(7, 1, 8), LD(8, 1, 16), LD(9, 1, 24), END);
	ROW("all of it", "bpf_prog", LD(6, 1, 0), LD(7, 1, 8), END);
	ROW("all of it", "bpf_link", LD(6, 1, 0), LD(7, 1, 8), END);
	ROW("moved", "bpf_map", ADD(1, 8), LD(6, 1, 0), END);
	for (int r = -1; r < 3; r++)
		ROW("result", "bpf_map", MOV(0, r), EXIT);
	ROW("a pointer as result", "bpf_map", LD(0, 1, 0), EXIT);
	ROW("no result", "bpf_map", EXIT);
}

static void struct_rows(void)
{
	int id = off("bpf_map", "id"), name = off("bpf_map", "name"), ops = off("bpf_map", "ops"),
	    inner = off("bpf_map", "inner_map_meta"), aux = off("bpf_prog", "aux");

	ROW("a number", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LDX(BPF_W, 2, 7, id), END);
	ROW("the session", "bpf_map", LD(7, 1, 0), LD(2, 7, 0), LD(3, 7, 8), LD(4, 7, 16), END);
	ROW("behind the session", "bpf_map", LD(7, 1, 0), LD(2, 7, 24), END);
	ROW("its stream", "bpf_map", LD(7, 1, 0), LD(7, 7, 0), LD(2, 7, 8), LD(3, 7, 0),
	    LDX(BPF_B, 3, 3, 100), END);
	ROW("not checked", "bpf_map", LD(7, 1, 8), LD(2, 7, 8), END);
	ROW("behind it", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, 10000), END);
	ROW("before it", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, -8), END);
	ROW("two members", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, off("bpf_map", "map_flags")), END);
	ROW("a pointer", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, ops), END);
	ROW("half a pointer", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LDX(BPF_W, 2, 7, ops), END);
	ROW("its other half", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LDX(BPF_W, 2, 7, ops + 4), END);
	ROW("through a pointer", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), LD(2, 7, inner), LD(3, 2, name), END);
	ROW("a function's code", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 3), LD(2, 7, ops), LD(3, 2, 0),
	    LD(4, 3, 64), END);
	ROW("and written", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 3), LD(2, 7, ops), LD(3, 2, 0), ST(3, 3, 0),
	    END);
	ROW("characters", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), LD(2, 7, name), LDX(BPF_B, 3, 7, name + 5),
	    END);
	ROW("more than there are", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, name + 12), END);
	ROW("a struct's inside", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1),
	    LD(2, 7, off("bpf_map", "freeze_mutex")), END);
	ROW("a counter", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), LD(2, 7, off("bpf_map", "refcnt")),
	    LDX(BPF_W, 2, 7, off("bpf_map", "refcnt") + 4), END);
	ROW("a union", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), LD(2, 7, off("bpf_map", "writecnt") - 24),
	    LD(3, 2, 0), END);
	ROW("bit fields", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 1), LDX(BPF_H, 2, 7, 2), END);
	ROW("one byte of them", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 1), LDX(BPF_B, 2, 7, 2), END);
	ROW("instructions", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, 800), END);
	ROW("a tag", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 1), LD(2, 7, off("bpf_prog", "type") + 16), END);
	ROW("in a circle", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 3), LD(2, 7, aux),
	    LD(3, 2, off("bpf_prog_aux", "prog")), LD(4, 3, aux), END);
	ROW("a text", "bpf_prog", LD(7, 1, 8), JEQ(7, 0, 3), LD(2, 7, aux),
	    LD(3, 2, off("bpf_prog_aux", "attach_func_name")), LDX(BPF_B, 4, 3, 0), END);
	ROW("of a link", "bpf_link", LD(7, 1, 8), JEQ(7, 0, 2), LD(2, 7, off("bpf_link", "prog")),
	    LD(3, 2, aux), END);
	ROW("written", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1), ST(7, 1, 8), END);
	ROW("written by a constant", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 1),
	    I(BPF_ST | BPF_MEM | BPF_W, 7, 0, id, 5), END);
	ROW("added to", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), MOV(2, 1),
	    I(BPF_STX | BPF_ATOMIC | BPF_DW, 7, 2, off("bpf_map", "refcnt"), BPF_ADD), END);
	ROW("moved", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 2), ADD(7, id), LDX(BPF_W, 2, 7, 0), END);
	ROW("moved unchecked", "bpf_map", LD(7, 1, 8), ADD(7, id), END);
	ROW("moved by a number", "bpf_map", LD(7, 1, 8), JEQ(7, 0, 4), LD(2, 7, name), AND(2, 7), ADDR(7, 2),
	    LD(3, 7, 0), END);
	ROW("compared", "bpf_map", LD(7, 1, 0), LD(2, 1, 8), I(0x1d, 7, 2, 0, 0), END);
	ROW("spilled", "bpf_map", LD(7, 1, 8), ST(10, 7, -8), LD(6, 10, -8), JEQ(6, 0, 1),
	    LDX(BPF_W, 2, 6, id), END);
	ROW("in a subprogram", "bpf_map", LD(1, 1, 8), JEQ(1, 0, 1), CALLP(2), END, LDX(BPF_W, 0, 1, id),
	    EXIT);
	ROW("one load, two structs", "bpf_link", LD(7, 1, 8), JEQ(7, 0, 4), LD(2, 7, off("bpf_link", "prog")),
	    JEQ(2, 0, 1), MOVR(7, 2), LDX(BPF_W, 3, 7, 8), END);
	ROW("one load, struct or stack", "bpf_map", MOV(2, 0), ST(10, 2, -8), LD(7, 1, 8), MOVR(8, 10),
	    ADD(8, -8), JEQ(7, 0, 1), MOVR(8, 7), LDX(BPF_W, 3, 8, 0), END);
}

static void buf_rows(void)
{
	ROW("key and value", "bpf_map_elem", LD(6, 1, 16), LD(7, 1, 24), JEQ(6, 0, 3), JEQ(7, 0, 2),
	    LDX(BPF_W, 2, 6, 0), ST(7, 2, 8), END);
	ROW("key not checked", "bpf_map_elem", LD(6, 1, 16), LD(2, 6, 0), END);
	ROW("key written", "bpf_map_elem", LD(6, 1, 16), JEQ(6, 0, 2), MOV(2, 0), ST(6, 2, 8), END);
	ROW("before the key", "bpf_map_elem", LD(6, 1, 16), JEQ(6, 0, 1), LD(2, 6, -8), END);
	ROW("key at a number", "bpf_map_elem", LD(6, 1, 16), JEQ(6, 0, 4), LD(2, 6, 0), AND(2, 7), ADDR(6, 2),
	    LD(3, 6, 0), END);
	ROW("key moved", "bpf_map_elem", LD(6, 1, 16), JEQ(6, 0, 2), ADD(6, 4), LDX(BPF_W, 2, 6, 0), END);
	ROW("value at a number", "bpf_map_elem", LD(6, 1, 24), JEQ(6, 0, 4), LD(2, 6, 0), AND(2, 7),
	    ADDR(6, 2), ST(6, 2, 0), END);
	ROW("value added to", "bpf_map_elem", LD(7, 1, 24), JEQ(7, 0, 2), MOV(2, 1),
	    I(BPF_STX | BPF_ATOMIC | BPF_DW, 7, 2, 0, BPF_ADD), END);
	ROW("key added to", "bpf_map_elem", LD(7, 1, 16), JEQ(7, 0, 2), MOV(2, 1),
	    I(BPF_STX | BPF_ATOMIC | BPF_DW, 7, 2, 0, BPF_ADD), END);
	ROW("a pointer into the value", "bpf_map_elem", LD(7, 1, 24), JEQ(7, 0, 1), ST(7, 7, 0), END);
}

static void helper_rows(int map)
{
	int name = off("bpf_map", "name"), aux = off("bpf_prog", "aux"),
	    aux_name = off("bpf_prog_aux", "name");

	ROW("seq_printf", "bpf_map", LD(7, 1, 0), LD(1, 7, 0), ZERO_FMT, MOV(3, 8), MOV(4, 0), MOV(5, 0),
	    CALL(BPF_FUNC_seq_printf), END);
	ROW("seq_printf to a map", "bpf_map", LD(1, 1, 8), JEQ(1, 0, 8), ZERO_FMT, MOV(3, 8), MOV(4, 0),
	    MOV(5, 0), CALL(BPF_FUNC_seq_printf), END);
	ROW("seq_write to a number", "bpf_map", MOV(1, 0), ZERO_FMT, MOV(3, 8), CALL(BPF_FUNC_seq_write),
	    END);
	ROW("seq_write to the stack", "bpf_map", MOVR(1, 10), ZERO_FMT, MOV(3, 8), CALL(BPF_FUNC_seq_write),
	    END);
	ROW("seq_write to the context", "bpf_map", ZERO_FMT, MOV(3, 8), CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write moved", "bpf_map", LD(7, 1, 0), LD(1, 7, 0), ADD(1, 8), ZERO_FMT, MOV(3, 8),
	    CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write of a key", "bpf_map_elem", LD(7, 1, 0), LD(2, 1, 16), JEQ(2, 0, 3), LD(1, 7, 0),
	    MOV(3, 8), CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write of an unchecked key", "bpf_map_elem", LD(7, 1, 0), LD(2, 1, 16), LD(1, 7, 0),
	    MOV(3, 8), CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write of a name", "bpf_map", LD(7, 1, 0), LD(2, 1, 8), JEQ(2, 0, 4), LD(1, 7, 0),
	    ADD(2, name), MOV(3, 16), CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write beyond a name", "bpf_map", LD(7, 1, 0), LD(2, 1, 8), JEQ(2, 0, 4), LD(1, 7, 0),
	    ADD(2, name), MOV(3, 17), CALL(BPF_FUNC_seq_write), END);
	ROW("seq_write of a program's name", "bpf_prog", LD(7, 1, 0), LD(2, 1, 8), JEQ(2, 0, 5), LD(1, 7, 0),
	    LD(2, 2, aux), ADD(2, aux_name), MOV(3, 16), CALL(BPF_FUNC_seq_write), END);
	ROW("probe_read", "bpf_map", LD(3, 1, 8), MOVR(1, 10), ADD(1, -8), MOV(2, 8),
	    CALL(BPF_FUNC_probe_read_kernel), END);
	ROW("probe_read to the value", "bpf_map_elem", LD(3, 1, 8), LD(1, 1, 24), JEQ(1, 0, 2), MOV(2, 8),
	    CALL(BPF_FUNC_probe_read_kernel), END);
	ROW("probe_read to the key", "bpf_map_elem", LD(3, 1, 8), LD(1, 1, 16), JEQ(1, 0, 2), MOV(2, 8),
	    CALL(BPF_FUNC_probe_read_kernel), END);
	ROW("lookup by the key", "bpf_map_elem", LD(2, 1, 16), JEQ(2, 0, 3), MAPFD(1, map),
	    CALL(BPF_FUNC_map_lookup_elem), END);
	ROW("lookup by the value", "bpf_map_elem", LD(2, 1, 24), JEQ(2, 0, 3), MAPFD(1, map),
	    CALL(BPF_FUNC_map_lookup_elem), END);
	ROW("update by the value", "bpf_map_elem", LD(2, 1, 24), JEQ(2, 0, 5), MOVR(3, 2), MAPFD(1, map),
	    MOV(4, 0), CALL(BPF_FUNC_map_update_elem), END);
	ROW("an unknown helper", "bpf_map", CALL(211 + 500), END);
	ROW("one of packets", "bpf_map", CALL(BPF_FUNC_skb_load_bytes), END);
}

/* ---- links and sessions ---- */

static int link_create(int prog, int target, unsigned type, unsigned flags, const void *info, unsigned len)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.link_create.prog_fd = (unsigned)prog;
	a.a.link_create.target_fd = (unsigned)target;
	a.a.link_create.attach_type = type;
	a.a.link_create.flags = flags;
	a.a.link_create.iter_info = ptr(info);
	a.a.link_create.iter_info_len = len;
	return raw_bpf(BPF_LINK_CREATE, &a, ATTR_KNOWN);
}

static int iter_create(int link, unsigned flags)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.iter_create.link_fd = (unsigned)link;
	a.a.iter_create.flags = flags;
	return raw_bpf(BPF_ITER_CREATE, &a, ATTR_KNOWN);
}

static int over_map(int prog, int map)
{
	unsigned info[4] = { (unsigned)map };

	return link_create(prog, 0, BPF_TRACE_ITER, 0, info, sizeof(info));
}

static int make_map(unsigned type, unsigned key, unsigned value, unsigned max, unsigned flags, int inner)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.map_type = type;
	a.a.key_size = key;
	a.a.value_size = value;
	a.a.max_entries = max;
	a.a.map_flags = flags;
	a.a.inner_map_fd = (unsigned)inner;
	return raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
}

static int trivial(const char *target, unsigned flags)
{
	int fd = load(target, (struct bpf_insn[]){ END }, 2, flags);

	must(fd >= 0, target);
	return fd;
}

/* Reads the byte at those places of key and value. */
static int reaching(int key, int value)
{
	const struct bpf_insn insns[] = { LD(6, 1, 16), LD(7, 1, 24),          JEQ(6, 0, 3),
					  JEQ(7, 0, 2), LDX(BPF_B, 2, 6, key), LDX(BPF_B, 2, 7, value),
					  END };
	int fd = load("bpf_map_elem", insns, ARRAY_SIZE(insns), 0);

	must(fd >= 0, "elements");
	return fd;
}

#define LINK(text, call) (say("link: " text), result_fd(call))

static void link_rows(int hash, int array)
{
	int maps = trivial("bpf_map", 0), elems = trivial("bpf_map_elem", 0);
	unsigned char info[64] = { 0 };

	LINK("maps", link_create(maps, 0, BPF_TRACE_ITER, 0, NULL, 0));
	LINK("flags", link_create(maps, 0, BPF_TRACE_ITER, 1, NULL, 0));
	LINK("target fd", link_create(maps, hash, BPF_TRACE_ITER, 0, NULL, 0));
	LINK("maps, with a map", over_map(maps, hash));
	LINK("attach type fentry", link_create(maps, 0, BPF_TRACE_FENTRY, 0, NULL, 0));
	LINK("attach type 0", link_create(maps, 0, 0, 0, NULL, 0));
	LINK("attach type xdp", link_create(maps, 0, BPF_XDP, 0, NULL, 0));
	LINK("attach type unknown", link_create(maps, 0, 9999, 0, NULL, 0));
	LINK("length alone", link_create(maps, 0, BPF_TRACE_ITER, 0, NULL, 4));
	LINK("pointer alone", link_create(maps, 0, BPF_TRACE_ITER, 0, info, 0));
	LINK("bad pointer", link_create(maps, 0, BPF_TRACE_ITER, 0, (void *)1, 4));
	LINK("no program", link_create(999, 0, BPF_TRACE_ITER, 0, NULL, 0));
	LINK("a map as program", link_create(hash, 0, BPF_TRACE_ITER, 0, NULL, 0));
	memcpy(info, &hash, sizeof(hash));
	for (unsigned n = 1; n <= 16; n++)
		LINK("info of some bytes", link_create(elems, 0, BPF_TRACE_ITER, 0, info, n));
	LINK("info with zeros", link_create(elems, 0, BPF_TRACE_ITER, 0, info, sizeof(info)));
	LINK("info too long", link_create(elems, 0, BPF_TRACE_ITER, 0, info, 5000));
	info[40] = 1;
	LINK("info with more", link_create(elems, 0, BPF_TRACE_ITER, 0, info, sizeof(info)));
	LINK("elements of nothing", link_create(elems, 0, BPF_TRACE_ITER, 0, NULL, 0));
	LINK("elements of fd 0", over_map(elems, 0));
	LINK("elements of a closed fd", over_map(elems, 999));
	LINK("elements of a program", over_map(elems, maps));
	LINK("sleepable", link_create(trivial("bpf_map", F_SLEEPABLE), 0, BPF_TRACE_ITER, 0, NULL, 0));
	LINK("sleepable elements", over_map(trivial("bpf_map_elem", F_SLEEPABLE), hash));
	for (int k = 3; k < 5; k++)
		LINK("to the end of keys", over_map(reaching(k, 0), hash));
	for (int v = 7; v < 9; v++)
		LINK("to the end of values", over_map(reaching(0, v), hash));
	for (int v = 11; v < 13; v++)
		LINK("to the end of an array's values", over_map(reaching(0, v), array));
}

static void map_rows(int hash, int array)
{
	int elems = trivial("bpf_map_elem", 0), per = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 3, 0, 0), ro,
	    n = (int)sysconf(_SC_NPROCESSORS_CONF);
	static const struct {
		const char *text;
		unsigned type, key, value, flags;
	} maps[] = {
		{ "percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 0 },
		{ "lru_hash", BPF_MAP_TYPE_LRU_HASH, 4, 8, 0 },
		{ "lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 0 },
		{ "lpm_trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, BPF_F_NO_PREALLOC },
		{ "queue", BPF_MAP_TYPE_QUEUE, 0, 8, 0 },
		{ "stack", BPF_MAP_TYPE_STACK, 0, 8, 0 },
		{ "bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 0 },
		{ "prog_array", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 0 },
		{ "perf_event_array", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0 },
		{ "array_of_maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 0 },
		{ "hash_of_maps", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 0 },
		{ "array that programs may only read", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_RDONLY_PROG },
		{ "array that programs may only write", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_WRONLY_PROG },
		{ "array read only", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_RDONLY },
		{ "array write only", BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_WRONLY },
	};

	LINK("hash", over_map(elems, hash));
	LINK("array", over_map(elems, array));
	LINK("percpu_array", over_map(elems, per));
	for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
		int fd = make_map(maps[i].type, maps[i].key, maps[i].value, 8, maps[i].flags, array);

		must(fd >= 0, maps[i].text);
		say("link: elements of %s", maps[i].text);
		result_fd(over_map(elems, fd));
		close(fd);
	}
	for (int v = 16 * n - 1; v <= 16 * n; v++)
		LINK("to the end of all CPUs' values", over_map(reaching(0, v), per));
	ro = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 8, BPF_F_RDONLY_PROG, 0);
	LINK("values of a read-only map", over_map(reaching(0, 0), ro));
}

static void session_rows(int hash)
{
	int prog = trivial("bpf_map", 0), link = link_create(prog, 0, BPF_TRACE_ITER, 0, NULL, 0), fd, ep;
	struct epoll_event ev = { .events = EPOLLIN };
	struct bpf_map_info mi;
	union row_attr a;
	struct stat st;
	char buf[64], path[64];

	must(link >= 0, "link");
	say("session: flags"), result_fd(iter_create(link, 1));
	say("session: closed fd"), result_fd(iter_create(999, 0));
	say("session: of a map"), result_fd(iter_create(hash, 0));
	say("session: of a program"), result_fd(iter_create(prog, 0));
	fd = iter_create(link, 0);
	say("session"), result(fd);
	must(fd >= 0, "session");
	say("session: fd flags %d", fcntl(fd, F_GETFD)), result(0);
	say("session: access mode %d", fcntl(fd, F_GETFL) & O_ACCMODE), result(0);
	say("session: read %zd", read(fd, buf, sizeof(buf))), result(0);
	say("session: read again %zd", read(fd, buf, sizeof(buf))), result(0);
	say("session: write"), result((int)write(fd, buf, 1));
	say("session: lseek"), result((int)lseek(fd, 0, SEEK_SET));
	say("session: pread"), result((int)pread(fd, buf, 1, 0));
	say("session: mmap"), result(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	say("session: fstat"), result(fstat(fd, &st));
	say("session: mode %o size %lld", st.st_mode, (long long)st.st_size), result(0);
	ep = epoll_create1(0);
	say("session: epoll"), result(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	memset(&a, 0, sizeof(a));
	a.a.info.bpf_fd = (unsigned)fd;
	a.a.info.info_len = sizeof(mi);
	a.a.info.info = ptr(&mi);
	say("session: info"), result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, ATTR_KNOWN));
	memset(&a, 0, sizeof(a));
	a.a.bpf_fd = (unsigned)fd;
	a.a.pathname = ptr("/sys/fs/bpf/session");
	say("session: pin"), result(raw_bpf(BPF_OBJ_PIN, &a, ATTR_KNOWN));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(buf, 0, sizeof(buf));
	say("session: text"), result((int)readlink(path, buf, sizeof(buf) - 1));
	say("  %s\n", buf);
	close(fd);
	memset(&a, 0, sizeof(a));
	a.a.link_detach.link_fd = (unsigned)link;
	say("link: detach"), result(raw_bpf(BPF_LINK_DETACH, &a, ATTR_KNOWN));
	close(link);
}

static int update(int link, int prog, int old)
{
	union row_attr a;

	memset(&a, 0, sizeof(a));
	a.a.link_update.link_fd = (unsigned)link;
	a.a.link_update.new_prog_fd = (unsigned)prog;
	a.a.link_update.flags = old >= 0 ? 4 : 0;
	a.a.link_update.old_prog_fd = old >= 0 ? (unsigned)old : 0;
	return raw_bpf(BPF_LINK_UPDATE, &a, ATTR_KNOWN);
}

static void update_rows(int hash)
{
	int first = trivial("bpf_map", 0), second = trivial("bpf_map", 0), other = trivial("bpf_prog", 0),
	    link = link_create(first, 0, BPF_TRACE_ITER, 0, NULL, 0), elems = trivial("bpf_map_elem", 0);

	must(link >= 0, "link");
	say("update: the same"), result(update(link, first, -1));
	say("update: another target"), result(update(link, other, -1));
	say("update: another program"), result(update(link, second, -1));
	say("update: in place of what it is not"), result(update(link, first, first));
	say("update: in place of what it is"), result(update(link, first, second));
	say("update: sleepable"), result(update(link, trivial("bpf_map", F_SLEEPABLE), -1));
	say("update: a map"), result(update(link, hash, -1));
	close(link);
	link = over_map(elems, hash);
	must(link >= 0, "link");
	say("update: other elements"), result(update(link, trivial("bpf_map_elem", 0), -1));
	close(link);
}

static void pin_rows(void)
{
	static const struct {
		const char *text;
		int flags;
	} opens[] = {
		{ "read", O_RDONLY },
		{ "write", O_WRONLY },
		{ "both", O_RDWR },
		{ "truncated", O_RDONLY | O_TRUNC },
		{ "appended to", O_RDWR | O_APPEND },
		{ "direct", O_RDONLY | O_DIRECT },
		{ "made anew", O_RDONLY | O_CREAT | O_EXCL },
		{ "as a directory", O_RDONLY | O_DIRECTORY },
		{ "as a path", O_PATH },
	};
	int prog = trivial("bpf_map", 0), link = link_create(prog, 0, BPF_TRACE_ITER, 0, NULL, 0);
	static const char path[] = "/sys/fs/bpf/pinned-iter";
	struct stat st;
	union row_attr a;
	char buf[8];

	must(link >= 0, "link");
	memset(&a, 0, sizeof(a));
	a.a.bpf_fd = (unsigned)link;
	a.a.pathname = ptr(path);
	say("pin"), result(raw_bpf(BPF_OBJ_PIN, &a, ATTR_KNOWN));
	stat(path, &st);
	say("pin: mode %o size %lld", st.st_mode, (long long)st.st_size), result(0);
	for (unsigned i = 0; i < ARRAY_SIZE(opens); i++) {
		int fd = open(path, opens[i].flags, 0600);

		say("pin opened: %s", opens[i].text), result(fd);
		if (fd < 0 || opens[i].flags == O_PATH) {
			close(fd);
			continue;
		}
		say("pin opened: %s: read", opens[i].text), result((int)read(fd, buf, sizeof(buf)));
		say("pin opened: %s: write", opens[i].text), result((int)write(fd, buf, 1));
		close(fd);
	}
	unlink(path);
	close(link);
}

/* Other ways to run such a program, and where it may stand. */
static void other_rows(void)
{
	int prog = trivial("bpf_map", 0), same = trivial("bpf_map", 0), other = trivial("bpf_prog", 0),
	    array = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, 0), zero = 0;
	static char data[64];
	union row_attr a;

	must(array >= 0, "program array");
	for (int i = 0; i < 5; i++) {
		memset(&a, 0, sizeof(a));
		a.a.test.prog_fd = (unsigned)prog;
		a.a.test.flags = i == 1;
		a.a.test.cpu = i == 2;
		a.a.test.repeat = i == 3;
		a.a.test.ctx_in = i == 4 ? ptr(data) : 0;
		a.a.test.ctx_size_in = i == 4 ? 16 : 0;
		say("test run %d", i), result(raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN));
	}
	for (int i = 0; i < 3; i++) {
		int *const value[] = { &prog, &same, &other };

		memset(&a, 0, sizeof(a));
		a.a.map_fd = (unsigned)array;
		a.a.key = ptr(&zero);
		a.a.value = ptr(value[i]);
		say("program array %d", i), result(raw_bpf(BPF_MAP_UPDATE_ELEM, &a, ATTR_KNOWN));
	}
	memset(&a, 0, sizeof(a));
	a.a.attach_bpf_fd = (unsigned)prog;
	a.a.attach_type = BPF_TRACE_ITER;
	say("attached without a link"), result(raw_bpf(BPF_PROG_ATTACH, &a, ATTR_KNOWN));
}

/* What else attach_btf_id may be. */
static void target_rows(void)
{
	const struct {
		const char *text;
		unsigned id, type, attach;
	} rows[] = {
		{ "no id", 0, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER },
		{ "a type", find("bpf_map", BTF_KIND_STRUCT), BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER },
		{ "one without a name", 3, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER },
		{ "none that there is", 999999, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER },
		{ "none that could be", 0x7fffffff, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER },
		{ "of a packet program", find("bpf_iter_bpf_map", BTF_KIND_FUNC), BPF_PROG_TYPE_XDP, 0 },
	};
	struct bpf_insn insns[] = { END };
	union row_attr a;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&a, 0, sizeof(a));
		a.a.prog_type = rows[i].type;
		a.a.expected_attach_type = rows[i].attach;
		a.a.attach_btf_id = rows[i].id;
		a.a.insns = ptr(insns);
		a.a.insn_cnt = 2;
		a.a.license = ptr("GPL");
		say("attached to %s", rows[i].text), result_fd(raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN));
	}
}

int main(void)
{
	int hash, array;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_btf();
	hash = make_map(BPF_MAP_TYPE_HASH, 4, 8, 8, 0, 0);
	array = make_map(BPF_MAP_TYPE_ARRAY, 4, 12, 3, 0, 0);
	must(hash >= 0 && array >= 0, "maps");
	ctx_rows();
	struct_rows();
	buf_rows();
	helper_rows(hash);
	link_rows(hash, array);
	map_rows(hash, array);
	session_rows(hash);
	update_rows(hash);
	pin_rows();
	other_rows();
	target_rows();
	return 0;
}
