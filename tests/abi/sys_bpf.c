// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs that call bpf(2): bpf_sys_bpf and bpf_sys_close, row by row.
 */
#include "sys_bpf.h"

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

/* ------------------------------------------------------------ attributes that mean nothing */

static uint64_t seed;

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void random_attr(int cmd)
{
	static const uint32_t numbers[] = { 0, 1, 2, 3, 4, 8, 16, 64, 4096, ~0u, 0x7fffffff };

	for (unsigned i = pick(12); i--;)
		attr->w[pick(40)] = numbers[pick(ARRAY_SIZE(numbers))];
	if (cmd == BPF_MAP_CREATE) {
		map_attr(pick(35));
		attr->a.key_size = numbers[pick(8)];
		attr->a.value_size = numbers[pick(8)];
	} else if (cmd == BPF_PROG_LOAD) {
		prog_attr(1 + pick(32));
		attr->a.insn_cnt = pick(4);
	} else if (pick(2)) {
		attr->w[0] = (uint32_t)other_fd;
	}
	for (unsigned i = pick(5); i--;) {
		size_t field = 8 * pick(16);
		unsigned at = pick(3) ? DATA + 8 * pick(8) : pick(2) ? VALUE - pick(16) : 0;
		int where = (int)pick(7);

		if (cmd == BPF_PROG_LOAD)
			field = 8 * (1 + pick(15));
		place(field, where, where == ON_STACK ? at & ~7u & (VALUE - 8) : at, mine);
	}
}

/* Whatever stands in them, the run comes to its end, and what it makes can be closed. */
static void rows_random(void)
{
	static const int cmds[] = { BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM,  BPF_MAP_DELETE_ELEM,
				    BPF_PROG_LOAD,  BPF_MAP_GET_FD_BY_ID, BPF_RAW_TRACEPOINT_OPEN,
				    BPF_BTF_LOAD,   BPF_MAP_FREEZE,       BPF_LINK_CREATE };
	int low = dup(0), after;

	close(low);
	for (unsigned c = 0; c < ARRAY_SIZE(cmds); c++) {
		for (unsigned k = 0; k < 200; k++) {
			seed = c * 1000 + k + 1;
			begin();
			random_attr(cmds[c]);
			calls_bpf(cmds[c], pick(3) ? 168 : 8 * (1 + pick(40)));
			run_it();
			if ((int64_t)value.w[0] > 0)
				close((int)value.w[0]);
		}
		after = dup(0);
		close(after);
		printf("command %d with numbers at random: all is closed: %d\n", cmds[c], after == low);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_maps();
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
	rows_random();
	return 0;
}
