// SPDX-License-Identifier: BSD-2-Clause
/*
 * For rows that programs make: each is a program made for it, which finds what it needs in the value of an
 * array.
 *
 *     0      results: r0 of each call, eight bytes each
 *     256    attributes
 *     1024   keys, values, instructions, text
 */
#ifndef PINFS_TESTS_SYS_BPF_H
#define PINFS_TESTS_SYS_BPF_H

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
static inline void begin(void)
{
	memset(&value, 0, sizeof(value));
	cnt = calls = 0;
	EMIT(MOVR(6, 1), I(0x18, 7, 6, 0, 0), I(0, 0, 0, 0, 0));
}

/* The attribute's word gets the address of what is in the value there. */
static inline void points(size_t field, unsigned to)
{
	EMIT(MOVR(1, 7), ADD(1, (int)to), STX(7, 1, (int)(ATTR + field)));
}

#define POINTS(field, to) points(offsetof(union bpf_attr, field), to)

/* The attribute's word gets the address of eight bytes on the stack, a copy of those. */
static inline void points_stack(size_t field, unsigned copy)
{
	EMIT(LDX(1, 7, (int)copy), STX(10, 1, -16), MOVR(1, 10), ADD(1, -16), STX(7, 1, (int)(ATTR + field)));
}

static inline void keep(void)
{
	EMIT(STX(7, 0, (int)(8 * calls++)));
}

static inline void calls_bpf(int cmd, unsigned size)
{
	EMIT(MOV(1, cmd), MOVR(2, 7), ADD(2, (int)ATTR), MOV(3, (int)size), CALL(SYS_BPF));
	keep();
}

/* An int of the attributes becomes what call number n gave. */
static inline void fd_from(size_t field, unsigned n)
{
	EMIT(LDX(1, 7, (int)(8 * n)), STW(7, 1, (int)(ATTR + field)));
}

#define FD_FROM(field, n) fd_from(offsetof(union bpf_attr, field), n)

static inline void closes(unsigned n)
{
	EMIT(LDX(1, 7, (int)(8 * n)), CALL(SYS_CLOSE));
	keep();
}

static inline int load(void)
{
	union row_attr a = { .a = { .prog_type = TYPE_SYSCALL,
				    .insns = ptr(insns),
				    .insn_cnt = cnt,
				    .license = ptr("GPL"),
				    .fd_array = ptr(&map_fd),
				    .prog_flags = F_SLEEPABLE } };

	return raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
}

static inline void elem(int cmd)
{
	uint32_t key = 0;
	union row_attr a = { .a = { .map_fd = (uint32_t)map_fd, .key = ptr(&key), .value = ptr(&value) } };

	must(!raw_bpf(cmd, &a, ATTR_KNOWN), "the value");
}

/* Runs what was made; the results are in value.w then. */
static inline void run_it(void)
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
static inline void tell(const char *text, unsigned n)
{
	int64_t r = (int64_t)value.w[n];

	say("%s", text);
	errno = (int)-r;
	result(r < 0 ? -1 : 0);
}

static inline void tell_fd(const char *text, unsigned n)
{
	tell(text, n);
	if ((int64_t)value.w[n] > 0)
		must(!close((int)value.w[n]), "close");
}

static inline void map_attr(unsigned type)
{
	attr->a.map_type = type;
	attr->a.key_size = 4;
	attr->a.value_size = 8;
	attr->a.max_entries = 2;
	memcpy(attr->a.map_name, "by_prog", 8);
}

static inline int make_map(unsigned size, unsigned max)
{
	union row_attr a = {
		.a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = size, .max_entries = max }
	};

	return raw_bpf(BPF_MAP_CREATE, &a, ATTR_KNOWN);
}

static inline uint64_t look(int fd, uint32_t key)
{
	uint64_t v = 0;
	union row_attr a = { .a = { .map_fd = (uint32_t)fd, .key = ptr(&key), .value = ptr(&v) } };

	return raw_bpf(BPF_MAP_LOOKUP_ELEM, &a, ATTR_KNOWN) ? ~0ull : v;
}

enum { IN_VALUE, ON_STACK, IN_USER, NOWHERE, KERNEL, ZERO, BEHIND };
static const char *const places[] = { "in the value",    "on the stack", "in user memory", "nowhere",
				      "a kernel number", "NULL",         "behind all" };

static inline void place(size_t field, int where, unsigned at, const void *user)
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

static inline void make_maps(void)
{
	map_fd = make_map(VALUE, 1);
	other_fd = make_map(8, 2);
	must(map_fd >= 0 && other_fd >= 0, "maps");
}

#endif
