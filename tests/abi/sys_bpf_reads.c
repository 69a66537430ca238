// SPDX-License-Identifier: BSD-2-Clause
/*
 * What loaders look up and read: types and symbols by their names, and memory by any number; row by row.
 */
#include <sys/mman.h>
#include "sys_bpf.h"

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

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_maps();
	rows_find();
	rows_kallsyms();
	rows_from_user();
	rows_probe();
	return 0;
}
