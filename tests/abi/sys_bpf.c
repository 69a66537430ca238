// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs that call bpf(2): bpf_sys_bpf, bpf_sys_close and what else loaders of light skeletons call, row by
 * row.
 *
 * Each row is a program made for it, which finds what it needs in the value of an array:
 *
 *     0      results: r0 of each call, eight bytes each
 *     256    attributes
 *     1024   keys, values, instructions, text
 */
#include <stddef.h>
#include <sys/mman.h>
#include "rows.h"

#define I(c, d, s, o, i)                                                                                     \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}
#define MOV(d, i)    I(0xb7, d, 0, 0, i)
#define MOVR(d, s)   I(0xbf, d, s, 0, 0)
#define ADD(d, i)    I(0x07, d, 0, 0, i)
#define LDW(d, s, o) I(0x61, d, s, o, 0)
#define LDX(d, s, o) I(0x79, d, s, o, 0)
#define STW(d, s, o) I(0x63, d, s, o, 0)
#define STX(d, s, o) I(0x7b, d, s, o, 0)
#define CALL(n)      I(0x85, 0, 0, 0, n)
#define EXIT         I(0x95, 0, 0, 0, 0)

enum { FROM_USER = 148, SYS_BPF = 166, FIND = 167, SYS_CLOSE = 168, KALLSYMS = 179 };
#define F_SLEEPABLE  16u
#define TYPE_SYSCALL 31u
#define ATTR         256u
#define DATA         1024u
#define VALUE        8192u

static union {
	uint64_t w[VALUE / 8];
	unsigned char b[VALUE];
} value;
static union row_attr *const attr = (void *)(value.b + ATTR);
static struct bpf_insn insns[256];
static unsigned cnt, calls;
static int map_fd, other_fd;
static unsigned char mine[4096] __attribute__((aligned(4096))); /* the process's own */

#define EMIT(...)                                                                                            \
	do {                                                                                                 \
		const struct bpf_insn more_[] = { __VA_ARGS__ };                                             \
		memcpy(insns + cnt, more_, sizeof(more_));                                                   \
		cnt += ARRAY_SIZE(more_);                                                                    \
	} while (0)

/* r6: the context, r7: the value. */
static void begin(void)
{
	memset(&value, 0, sizeof(value));
	cnt = calls = 0;
	EMIT(MOVR(6, 1), I(0x18, 7, 6, 0, 0), I(0, 0, 0, 0, 0));
}

/* The attribute's word gets the address of what is in the value there. */
static void points(size_t field, unsigned to)
{
	EMIT(MOVR(1, 7), ADD(1, (int)to), STX(7, 1, (int)(ATTR + field)));
}

#define POINTS(field, to) points(offsetof(union bpf_attr, field), to)

/* The attribute's word gets the address of eight bytes on the stack, a copy of those. */
static void points_stack(size_t field, unsigned copy)
{
	EMIT(LDX(1, 7, (int)copy), STX(10, 1, -16), MOVR(1, 10), ADD(1, -16), STX(7, 1, (int)(ATTR + field)));
}

static void keep(void)
{
	EMIT(STX(7, 0, (int)(8 * calls++)));
}

static void calls_bpf(int cmd, unsigned size)
{
	EMIT(MOV(1, cmd), MOVR(2, 7), ADD(2, (int)ATTR), MOV(3, (int)size), CALL(SYS_BPF));
	keep();
}

/* An int of the attributes becomes what call number n gave. */
static void fd_from(size_t field, unsigned n)
{
	EMIT(LDX(1, 7, (int)(8 * n)), STW(7, 1, (int)(ATTR + field)));
}

#define FD_FROM(field, n) fd_from(offsetof(union bpf_attr, field), n)

static void closes(unsigned n)
{
	EMIT(LDX(1, 7, (int)(8 * n)), CALL(SYS_CLOSE));
	keep();
}

static int load(void)
{
	union row_attr a = { .a = { .prog_type = TYPE_SYSCALL,
				    .insns = ptr(insns),
				    .insn_cnt = cnt,
				    .license = ptr("GPL"),
				    .fd_array = ptr(&map_fd),
				    .prog_flags = F_SLEEPABLE } };

	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

static void elem(int cmd)
{
	uint32_t key = 0;
	union row_attr a = { .a = { .map_fd = (uint32_t)map_fd, .key = ptr(&key), .value = ptr(&value) } };

	must(!raw_bpf(cmd, &a, ATTR_KNOWN), "the value");
}

/* Runs what was made; the results are in value.w then. */
static void run_it(void)
{
	union row_attr a = { .w = { 0 } };
	int fd;

	EMIT(MOV(0, 0), EXIT);
	fd = load();
	must(fd >= 0, "the program");
	elem(BPF_MAP_UPDATE_ELEM);
	a.a.test.prog_fd = (uint32_t)fd;
	must(!raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN), "the run");
	elem(BPF_MAP_LOOKUP_ELEM);
	close(fd);
}

/* An fd counts as ok, and is closed. */
static void tell(const char *text, unsigned n)
{
	int64_t r = (int64_t)value.w[n];

	say("%s", text);
	errno = (int)-r;
	result(r < 0 ? -1 : 0);
}

static void tell_fd(const char *text, unsigned n)
{
	tell(text, n);
	if ((int64_t)value.w[n] > 0)
		must(!close((int)value.w[n]), "close");
}

static void map_attr(unsigned type)
{
	attr->a.map_type = type;
	attr->a.key_size = 4;
	attr->a.value_size = 8;
	attr->a.max_entries = 2;
	memcpy(attr->a.map_name, "by_prog", 8);
}

static int make_map(unsigned size, unsigned max)
{
	union row_attr a = {
		.a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = size, .max_entries = max }
	};

	return raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
}

static uint64_t look(int fd, uint32_t key)
{
	uint64_t v = 0;
	union row_attr a = { .a = { .map_fd = (uint32_t)fd, .key = ptr(&key), .value = ptr(&v) } };

	return raw_bpf(BPF_MAP_LOOKUP_ELEM, &a, ATTR_KNOWN) ? ~0ull : v;
}

/* Which commands there are: with attributes that mean little, an allowed one has an errno of its own. */
static void rows_commands(void)
{
	char text[64];

	for (int cmd = 0; cmd < 42; cmd++) {
		begin();
		attr->w[0] = 1u << 30;
		attr->w[4] = 8; /* no BTF is that short */
		calls_bpf(cmd, 128);
		run_it();
		snprintf(text, sizeof(text), "command %d", cmd);
		tell_fd(text, 0);
	}
	begin();
	calls_bpf(-1, 128);
	EMIT(I(0x18, 1, 0, 0, BPF_MAP_CREATE), I(0, 0, 0, 0, 1));
	map_attr(BPF_MAP_TYPE_HASH);
	EMIT(MOVR(2, 7), ADD(2, (int)ATTR), MOV(3, 72), CALL(SYS_BPF));
	keep();
	run_it();
	tell("command -1", 0);
	tell_fd("a command with something above its 32 bits", 1);
}

static void rows_attr_size(void)
{
	static const unsigned sizes[] = { 1, 4, 20, 72, 168, 176, 4096, 4104 };
	char text[64];

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int tail = 0; tail < 2; tail++) {
			begin();
			map_attr(BPF_MAP_TYPE_HASH);
			if (tail)
				value.b[ATTR + sizes[i] - 1] = 1;
			calls_bpf(BPF_MAP_CREATE, sizes[i]);
			run_it();
			snprintf(text, sizeof(text), "MAP_CREATE, %u bytes, the last %d", sizes[i], tail);
			tell_fd(text, 0);
		}
}

/* Numbers, lives and names of what is made. */
static void rows_fds(void)
{
	int low = dup(0), text_len;
	char link[64], text[64];

	close(low);
	begin();
	map_attr(BPF_MAP_TYPE_ARRAY);
	for (int i = 0; i < 3; i++)
		calls_bpf(BPF_MAP_CREATE, 72);
	closes(1);
	calls_bpf(BPF_MAP_CREATE, 72);
	closes(0);
	closes(0);
	EMIT(MOV(1, -1), CALL(SYS_CLOSE));
	keep();
	EMIT(MOV(1, 700), CALL(SYS_CLOSE));
	keep();
	run_it();
	low++; /* the program has one */
	for (int i = 0; i < 3; i++)
		printf("map %d has number low + %d\n", i, (int)value.w[i] - low);
	tell("close of the second", 3);
	printf("the next has number low + %d\n", (int)value.w[4] - low);
	tell("close of the first", 5);
	tell("once more", 6);
	tell("close of -1", 7);
	tell("close of 700", 8);
	for (int i = 0; i < 3; i++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", low + i);
		text_len = (int)readlink(link, text, sizeof(text) - 1);
		text[text_len > 0 ? text_len : 0] = 0;
		printf("low + %d is %s, flags %d\n", i, text_len > 0 ? text : "closed",
		       fcntl(low + i, F_GETFD));
		if (text_len > 0)
			printf("value %d\n", (int)look(low + i, 1));
		close(low + i);
	}
	begin();
	map_attr(BPF_MAP_TYPE_ARRAY);
	for (int i = 0; i < 3; i++)
		calls_bpf(BPF_MAP_CREATE, 72);
	for (unsigned i = 0; i < 3; i++)
		closes(i);
	run_it();
	low = dup(0);
	printf("all are closed: %d\n", (int)value.w[0] == low + 1);
	close(low);
}

/* An fd of the process, closed by the program. */
static void row_close_mine(void)
{
	int fd = dup(map_fd);

	begin();
	EMIT(MOV(1, fd), CALL(SYS_CLOSE));
	keep();
	run_it();
	tell("close of the process's own", 0);
	say("and it is closed");
	result(close(fd));
}

enum { IN_VALUE, ON_STACK, IN_USER, NOWHERE, KERNEL, ZERO, BEHIND };
static const char *const places[] = { "in the value",    "on the stack", "in user memory", "nowhere",
				      "a kernel number", "NULL",         "behind all" };

static void place(size_t field, int where, unsigned at, const void *user)
{
	uint64_t *word = (void *)(value.b + ATTR + field);

	switch (where) {
	case IN_VALUE: points(field, at); break;
	case ON_STACK: points_stack(field, at); break;
	case IN_USER: *word = ptr(user); break;
	case NOWHERE: *word = 4096; break;
	case KERNEL: *word = 0xffffffffff600000ull; break;
	case BEHIND: *word = 0x7fffffffefffull; break;
	}
}

static void rows_elem(void)
{
	static const uint64_t user_key = 1, user_value = 0x99;
	char text[128];

	for (int key = 0; key < 7; key++)
		for (int val = 0; val < 7; val++) {
			if (key && val && key != val)
				continue;
			begin();
			attr->a.map_fd = (uint32_t)other_fd;
			value.w[DATA / 8] = 1;
			value.w[DATA / 8 + 1] = 0x77;
			/* Both on the stack: one place, whose bytes are the key and the value. */
			place(offsetof(union bpf_attr, value), val, DATA + 8, &user_value);
			place(offsetof(union bpf_attr, key), key, DATA, &user_key);
			calls_bpf(BPF_MAP_UPDATE_ELEM, 32);
			run_it();
			snprintf(text, sizeof(text), "UPDATE: key %s, value %s", places[key], places[val]);
			tell(text, 0);
		}
	printf("the element: %llx\n", (unsigned long long)look(other_fd, 1));
	begin();
	attr->a.map_fd = (uint32_t)other_fd;
	POINTS(key, DATA);
	calls_bpf(BPF_MAP_DELETE_ELEM, 32);
	attr->a.map_fd = (uint32_t)other_fd;
	run_it();
	tell("DELETE in an array", 0);
}

/* What the process itself may not touch, and the program may not either. */
static void rows_protected(void)
{
	unsigned char *none = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(none != MAP_FAILED && !mprotect(none + 4096, 4096, PROT_NONE), "mmap");
	for (int i = 0; i < 3; i++) {
		begin();
		attr->a.map_fd = (uint32_t)other_fd;
		POINTS(key, DATA);
		attr->a.value = ptr(none + 4096 * (i / 2) + (i % 2) * 4092);
		calls_bpf(BPF_MAP_UPDATE_ELEM, 32);
		run_it();
		tell(i == 2 ? "UPDATE: a value that nobody may read"
		     : i    ? "UPDATE: a value at the end of a page"
			    : "UPDATE: a value of a read-only page",
		     0);
	}
	munmap(none, 8192);
}

static void rows_made_map(void)
{
	begin();
	map_attr(BPF_MAP_TYPE_ARRAY);
	attr->a.map_flags = BPF_F_RDONLY_PROG;
	calls_bpf(BPF_MAP_CREATE, 72);
	/* The same bytes as attributes of an element. */
	EMIT(MOV(1, 0));
	for (int i = 0; i < 72; i += 8)
		EMIT(STX(7, 1, (int)ATTR + i));
	FD_FROM(map_fd, 0);
	value.w[DATA / 8] = 1;
	value.w[DATA / 8 + 1] = 0x1234;
	POINTS(key, DATA);
	POINTS(value, DATA + 8);
	calls_bpf(BPF_MAP_UPDATE_ELEM, 32);
	EMIT(MOV(1, 0));
	for (int i = 0; i < 72; i += 8)
		EMIT(STX(7, 1, (int)ATTR + i));
	FD_FROM(map_fd, 0);
	calls_bpf(BPF_MAP_FREEZE, 4);
	calls_bpf(BPF_MAP_FREEZE, 4);
	run_it();
	tell("MAP_CREATE", 0);
	tell("UPDATE of it", 1);
	tell("FREEZE of it", 2);
	tell("FREEZE once more", 3);
	printf("its element, seen from outside: %llx\n", (unsigned long long)look((int)value.w[0], 1));
	close((int)value.w[0]);
}

static void row_by_id(void)
{
	struct bpf_map_info info = { 0 };
	union row_attr a = { .a = { .info = { (uint32_t)other_fd, sizeof(info), ptr(&info) } } };

	must(!raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, ATTR_KNOWN), "info");
	begin();
	attr->a.map_id = info.id;
	calls_bpf(BPF_MAP_GET_FD_BY_ID, 16);
	run_it();
	tell("MAP_GET_FD_BY_ID", 0);
	printf("it is that map: %d\n", look((int)value.w[0], 1) == look(other_fd, 1));
	close((int)value.w[0]);
	begin();
	attr->a.map_id = ~0u;
	calls_bpf(BPF_MAP_GET_FD_BY_ID, 16);
	run_it();
	tell("MAP_GET_FD_BY_ID of none", 0);
}

static const struct bpf_insn child[] = { { .code = 0xb7, .imm = 2 }, { .code = 0x95 } };
static char log_buf[4096];

static void prog_attr(unsigned type)
{
	attr->a.prog_type = type;
	attr->a.insn_cnt = 2;
	memcpy(attr->a.prog_name, "child", 6);
	memcpy(value.b + DATA, child, sizeof(child));
	memcpy(value.b + DATA + 64, "GPL", 4);
}

static void rows_prog_load(void)
{
	char text[128];

	for (int where = 0; where < 7; where++)
		for (int lic = 0; lic < 2; lic++) {
			begin();
			prog_attr(BPF_PROG_TYPE_SOCKET_FILTER);
			if (where == ON_STACK)
				EMIT(LDX(1, 7, (int)DATA + 8), STX(10, 1, -8));
			place(offsetof(union bpf_attr, insns), lic ? IN_VALUE : where, DATA, child);
			place(offsetof(union bpf_attr, license), lic && where != ON_STACK ? where : IN_VALUE,
			      DATA + 64, "GPL");
			calls_bpf(BPF_PROG_LOAD, 128);
			run_it();
			snprintf(text, sizeof(text), "PROG_LOAD: %s %s", lic ? "license" : "instructions",
				 places[where]);
			tell_fd(text, 0);
		}
	for (int where = 0; where < 3; where++) {
		if (where == ON_STACK)
			continue;
		begin();
		prog_attr(BPF_PROG_TYPE_SOCKET_FILTER);
		POINTS(insns, DATA);
		POINTS(license, DATA + 64);
		attr->a.log_level = 1;
		attr->a.log_size = sizeof(log_buf);
		place(offsetof(union bpf_attr, log_buf), where, DATA + 512, log_buf);
		memset(log_buf, 0, sizeof(log_buf));
		calls_bpf(BPF_PROG_LOAD, 168);
		run_it();
		snprintf(text, sizeof(text), "PROG_LOAD: log %s", places[where]);
		tell_fd(text, 0);
		printf("the log: %.9s, its size is told: %d\n", log_buf, value.b[ATTR + 140] > 0);
	}
}

static void rows_fd_array(void)
{
	char text[128];

	for (int where = 0; where < 7; where++) {
		const struct bpf_insn uses[] = { I(0x18, 1, 5, 0, 1), I(0, 0, 0, 0, 0), MOV(0, 0), EXIT };
		int fds[2] = { -1, other_fd };

		begin();
		prog_attr(BPF_PROG_TYPE_SOCKET_FILTER);
		attr->a.insn_cnt = 4;
		memcpy(value.b + DATA, uses, sizeof(uses));
		memcpy(value.b + DATA + 72, fds, sizeof(fds));
		POINTS(insns, DATA);
		POINTS(license, DATA + 64);
		place(offsetof(union bpf_attr, fd_array), where, DATA + 72, fds);
		calls_bpf(BPF_PROG_LOAD, 128);
		run_it();
		snprintf(text, sizeof(text), "PROG_LOAD: fd_array %s", places[where]);
		tell_fd(text, 0);
	}
}

/* A map made by the program, in a program made by it. */
static void row_fd_array_made(void)
{
	const struct bpf_insn uses[] = { I(0x18, 1, 6, 0, 0), I(0, 0, 0, 0, 0), LDX(0, 1, 0), EXIT };

	begin();
	map_attr(BPF_MAP_TYPE_ARRAY);
	attr->a.max_entries = 1;
	calls_bpf(BPF_MAP_CREATE, 72);
	EMIT(MOV(1, 0));
	for (int i = 0; i < 72; i += 8)
		EMIT(STX(7, 1, (int)ATTR + i));
	memcpy(value.b + DATA, uses, sizeof(uses));
	memcpy(value.b + DATA + 64, "GPL", 4);
	EMIT(MOV(1, BPF_PROG_TYPE_SOCKET_FILTER), STW(7, 1, (int)ATTR), MOV(1, 4), STW(7, 1, (int)ATTR + 4));
	EMIT(LDX(1, 7, 0), STW(7, 1, (int)DATA + 72));
	POINTS(insns, DATA);
	POINTS(license, DATA + 64);
	POINTS(fd_array, DATA + 72);
	calls_bpf(BPF_PROG_LOAD, 128);
	closes(0);
	run_it();
	tell("a map", 0);
	tell("a program that uses it", 1);
	tell("close of the map", 2);
	close((int)value.w[1]);
}

/* An int of BTF. */
static const uint32_t blob[] = { 1, 0x01000000, 4, 0x01000020 };

static void rows_btf(void)
{
	static unsigned char raw[24 + 16 + 5];
	uint32_t head[6] = { 0x0001eb9f, 24, 0, 16, 16, 5 };
	char text[128];

	memcpy(raw, head, 24);
	memcpy(raw + 24, blob, 16);
	memcpy(raw + 40, "\0int", 5);
	for (int where = 0; where < 7; where++) {
		if (where == ON_STACK)
			continue;
		begin();
		memcpy(value.b + DATA, raw, sizeof(raw));
		attr->a.btf_size = sizeof(raw);
		place(offsetof(union bpf_attr, btf), where, DATA, raw);
		calls_bpf(BPF_BTF_LOAD, 32);
		run_it();
		snprintf(text, sizeof(text), "BTF_LOAD: %s", places[where]);
		tell_fd(text, 0);
	}
	begin();
	memcpy(value.b + DATA, raw, sizeof(raw));
	value.b[DATA] = 0;
	attr->a.btf_size = sizeof(raw);
	attr->a.btf_log_level = 1;
	attr->a.btf_log_size = sizeof(log_buf);
	attr->a.btf_log_buf = ptr(log_buf);
	log_buf[0] = 0;
	POINTS(btf, DATA);
	calls_bpf(BPF_BTF_LOAD, 40);
	run_it();
	tell("BTF_LOAD, damaged", 0);
	printf("the log: %s", log_buf);
}

static void rows_raw_tp(void)
{
	static const struct bpf_insn prog[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				    .insns = ptr(prog),
				    .insn_cnt = 2,
				    .license = ptr("GPL") } };
	int fd = raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
	char text[128];

	must(fd >= 0, "a program");
	for (int where = 0; where < 5; where++) {
		if (where == ON_STACK)
			continue;
		begin();
		memcpy(value.b + DATA, "sys_enter", 10);
		attr->a.raw_tracepoint.prog_fd = (uint32_t)fd;
		place(offsetof(union bpf_attr, raw_tracepoint.name), where, DATA, "sys_enter");
		calls_bpf(BPF_RAW_TRACEPOINT_OPEN, 16);
		run_it();
		snprintf(text, sizeof(text), "RAW_TRACEPOINT_OPEN: name %s", places[where]);
		tell_fd(text, 0);
	}
	close(fd);
}

/* A link made, and closed by the program: nothing is attached then. */
static void rows_link(void)
{
	union row_attr a = { .a = { .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
				    .insns = ptr(child),
				    .insn_cnt = 2,
				    .license = ptr("GPL"),
				    .expected_attach_type = BPF_SK_LOOKUP } };
	struct bpf_insn one[] = { MOV(0, 1), EXIT };
	int fd, ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	a.a.insns = ptr(one);
	fd = raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
	must(fd >= 0 && ns >= 0, "a program");
	begin();
	attr->a.link_create.prog_fd = (uint32_t)fd;
	attr->a.link_create.target_fd = (uint32_t)ns;
	attr->a.link_create.attach_type = BPF_SK_LOOKUP;
	calls_bpf(BPF_LINK_CREATE, 48);
	calls_bpf(BPF_LINK_CREATE, 48);
	closes(0);
	closes(1);
	calls_bpf(BPF_LINK_CREATE, 48);
	run_it();
	tell("LINK_CREATE", 0);
	tell("another one", 1);
	tell("close", 2);
	tell("close", 3);
	tell_fd("LINK_CREATE after that", 4);
	close(fd);
	close(ns);
}

static void rows_find(void)
{
	static const struct {
		const char *text;
		const char *name;
		unsigned size, kind, flags;
	} rows[] = {
		{ "a struct", "task_struct", 12, 4, 0 },        { "an int", "int", 4, 1, 0 },
		{ "of another kind", "task_struct", 12, 5, 0 }, { "of no kind", "task_struct", 12, 77, 0 },
		{ "without its NUL", "task_struct", 11, 4, 0 }, { "with flags", "task_struct", 12, 4, 1 },
		{ "nothing", "no_such_struct", 15, 4, 0 },      { "one byte", "", 1, 4, 0 },
		{ "with more behind it", "int\0x", 6, 1, 0 },
	};
	char text[64];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		begin();
		memcpy(value.b + DATA, rows[i].name, rows[i].size - 1);
		if (rows[i].size == 11)
			value.b[DATA + 10] = 'c';
		EMIT(MOVR(1, 7), ADD(1, (int)DATA), MOV(2, (int)rows[i].size), MOV(3, (int)rows[i].kind),
		     MOV(4, (int)rows[i].flags), CALL(FIND));
		keep();
		run_it();
		snprintf(text, sizeof(text), "find %s", rows[i].text);
		tell(text, 0);
	}
}

static void rows_kallsyms(void)
{
	static const struct {
		const char *text;
		const char *name;
		unsigned size, flags;
	} rows[] = {
		{ "a symbol", "jiffies", 8, 0 },
		{ "a function", "vfs_read", 9, 0 },
		{ "nothing", "no_such_symbol_ever", 20, 0 },
		{ "without its NUL", "jiffies", 7, 0 },
		{ "with flags", "jiffies", 8, 1 },
		{ "one byte", "", 1, 0 },
	};
	unsigned long long addr = 0, at;
	char text[64], line[256];
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %63s", &at, text) == 2 && !strcmp(text, "vfs_read") && !addr)
			addr = at;
	if (f)
		fclose(f);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		begin();
		memcpy(value.b + DATA, rows[i].name, rows[i].size);
		EMIT(MOV(1, -1), STX(10, 1, -8), MOVR(1, 7), ADD(1, (int)DATA), MOV(2, (int)rows[i].size),
		     MOV(3, (int)rows[i].flags), MOVR(4, 10), ADD(4, -8), CALL(KALLSYMS));
		keep();
		EMIT(LDX(1, 10, -8), STX(7, 1, 16));
		run_it();
		snprintf(text, sizeof(text), "kallsyms %s", rows[i].text);
		tell(text, 0);
		if (i == 1)
			printf("its address is /proc/kallsyms's: %d\n", value.w[2] == addr);
		else if (i)
			printf("its address: %llx\n", (unsigned long long)value.w[2]);
	}
}

static void rows_from_user(void)
{
	static const char *const names[] = { "good", "NULL", "kernel", "across the end" };
	uint64_t from[4];
	char text[64], *end = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(end != MAP_FAILED && !mprotect(end + 4096, 4096, PROT_NONE), "mmap");
	memset(end, 'x', 4096);
	memcpy(mine, "in user memory", 15);
	from[0] = ptr(mine);
	from[1] = 0;
	from[2] = 0xffffffff81000000ull;
	from[3] = ptr(end + 4088);
	for (unsigned i = 0; i < 4; i++) {
		begin();
		memset(value.b + DATA, 'o', 16);
		value.w[8] = from[i];
		EMIT(MOVR(1, 7), ADD(1, (int)DATA), MOV(2, 16), LDX(3, 7, 64), CALL(FROM_USER));
		keep();
		run_it();
		snprintf(text, sizeof(text), "copy_from_user %s", names[i]);
		tell(text, 0);
		if (i < 3)
			printf("what came: %.16s\n", value.b + DATA);
		else
			printf("all or nothing: %d\n", !memchr(value.b + DATA, 'o', 16));
	}
	munmap(end, 8192);
}

enum { PROBE = 4, PROBE_USER = 112, PROBE_KERNEL = 113, PROBE_USER_STR, PROBE_KERNEL_STR };

/* Which memory the helpers read that take any number. */
static void rows_probe(void)
{
	static const int helpers[] = { PROBE, PROBE_USER, PROBE_KERNEL, PROBE_USER_STR, PROBE_KERNEL_STR };
	static const int at[] = { IN_VALUE, ON_STACK, IN_USER, NOWHERE, KERNEL, ZERO };
	char text[64];

	memcpy(mine, "in user memory", 15);
	for (unsigned h = 0; h < ARRAY_SIZE(helpers); h++)
		for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
			begin();
			memcpy(value.b + DATA, "in own memory", 14);
			memset(value.b + DATA + 64, 'o', 8);
			place(0, at[i], DATA, mine);
			EMIT(LDX(3, 7, (int)ATTR), MOVR(1, 7), ADD(1, (int)DATA + 64), MOV(2, 8),
			     CALL(helpers[h]));
			keep();
			run_it();
			snprintf(text, sizeof(text), "helper %d reads %s", helpers[h], places[at[i]]);
			if ((int64_t)value.w[0] > 0)
				say("%lld bytes by ", (long long)value.w[0]);
			tell(text, 0);
			if (!value.w[0])
				printf("what came: %.8s\n", value.b + DATA + 64);
		}
}

/* The context goes in and comes back; an fd in it is good. */
static void row_context(void)
{
	uint32_t ctx[4] = { 7, 0, 0, 0 };
	union row_attr a = { .w = { 0 } };
	int fd, made;

	begin();
	map_attr(BPF_MAP_TYPE_ARRAY);
	calls_bpf(BPF_MAP_CREATE, 72);
	EMIT(STW(6, 0, 4), LDW(1, 6, 0), ADD(1, 1), STW(6, 1, 8), MOV(0, 5), EXIT);
	fd = load();
	must(fd >= 0, "the program");
	elem(BPF_MAP_UPDATE_ELEM);
	a.a.test.prog_fd = (uint32_t)fd;
	a.a.test.ctx_in = ptr(ctx);
	a.a.test.ctx_size_in = sizeof(ctx);
	say("a run with a context");
	result(raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN));
	made = (int)ctx[1];
	printf("retval %u, %u, an fd: %d\n", a.a.test.retval, ctx[2], look(made, 0) == 0);
	close(made);
	/* Where the context cannot be written back, what was made stays. */
	a.a.test.ctx_in = ptr(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	say("a context that cannot be written");
	result(raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN));
	elem(BPF_MAP_LOOKUP_ELEM);
	printf("but the map is there: %d\n", look((int)value.w[0], 0) == 0);
	close((int)value.w[0]);
	close(fd);
}

static int load_calling(unsigned type, unsigned flags, int helper)
{
	struct bpf_insn p[] = { MOV(0, 0), STX(10, 0, -8), MOV(1, 1),    MOVR(2, 10), ADD(2, -8),
				MOV(3, 8), MOV(4, 0),      CALL(helper), MOV(0, 0),   EXIT };
	union row_attr a = { .a = { .prog_type = type,
				    .insns = ptr(p),
				    .insn_cnt = ARRAY_SIZE(p),
				    .license = ptr("GPL"),
				    .prog_flags = flags } };

	if (helper == FIND) {
		p[2] = (struct bpf_insn)MOVR(1, 10);
		p[3] = (struct bpf_insn)ADD(1, -8);
		p[4] = (struct bpf_insn)MOV(2, 8);
	} else if (helper == KALLSYMS) {
		p[2] = (struct bpf_insn)MOVR(1, 10);
		p[3] = (struct bpf_insn)ADD(1, -8);
		p[4] = (struct bpf_insn)MOVR(4, 1);
		p[5] = (struct bpf_insn)MOV(2, 8);
		p[6] = (struct bpf_insn)MOV(3, 0);
	}
	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

/* Who may call them. */
static void rows_types(void)
{
	static const int helpers[] = { SYS_BPF, FIND, SYS_CLOSE, KALLSYMS };
	static const unsigned types[] = {
		BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_CLS,      BPF_PROG_TYPE_XDP,
		BPF_PROG_TYPE_KPROBE,        BPF_PROG_TYPE_RAW_TRACEPOINT, TYPE_SYSCALL
	};

	for (unsigned h = 0; h < ARRAY_SIZE(helpers); h++)
		for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
			say("type %u calls %d", types[t], helpers[h]);
			result_fd(load_calling(types[t], types[t] == TYPE_SYSCALL ? F_SLEEPABLE : 0,
					       helpers[h]));
		}
	say("a syscall program that does not sleep");
	result_fd(load_calling(TYPE_SYSCALL, 0, SYS_BPF));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	map_fd = make_map(VALUE, 1);
	other_fd = make_map(8, 2);
	must(map_fd >= 0 && other_fd >= 0, "maps");
	rows_types();
	row_context();
	rows_commands();
	rows_attr_size();
	rows_fds();
	row_close_mine();
	rows_elem();
	rows_protected();
	rows_made_map();
	row_by_id();
	rows_prog_load();
	rows_fd_array();
	row_fd_array_made();
	rows_btf();
	rows_raw_tp();
	rows_link();
	rows_find();
	rows_kallsyms();
	rows_from_user();
	rows_probe();
	return 0;
}
