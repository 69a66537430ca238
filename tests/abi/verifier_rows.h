// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows for the verifier: a program, and whether it may be loaded.
 *
 *     ok - stack: never written: EACCES
 *     not ok - ...: EINVAL, expected EACCES
 *
 * The answer that a row expects is written in the row, and the kernel is asked, too, where
 * the same program of rows runs on one. With the argument `reasons` each row prints
 * the log's last line that is not the statistics instead. With -v NAME, one row with its log.
 *
 * funcs says what functions a program has for BTF, in their order: "main=g(c) f=s(ip)": g global or s
 * static; arguments i int, p pointer to int, P pointer to a struct of 16 bytes, c the context; v behind the
 * parentheses for void. Where there is none, there is no BTF.
 */
#ifndef PINFS_TESTS_VERIFIER_ROWS_H
#define PINFS_TESTS_VERIFIER_ROWS_H

#include "verifier_asm.h"

struct vrow {
	const char *name, *expect; /* "ok" or an errno's name */
	int type, attach;
	const char *text, *funcs, *license;
	uint32_t flags, quiet; /* quiet: the log has no room for all that is walked */
};

#define KIND(t, a) .type = BPF_PROG_TYPE_##t, .attach = (a)
#define SOCK       KIND(SOCKET_FILTER, 0)
#define XDP        KIND(XDP, 0)
#define TC         KIND(SCHED_CLS, 0)
#define CGRP       KIND(CGROUP_SKB, 0)
#define TP         KIND(TRACEPOINT, 0)
#define RTP        KIND(RAW_TRACEPOINT, 0)
#define KP         KIND(KPROBE, 0)
#define CSK        KIND(CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE)

/* Behind the text may stand .funcs, .license, .flags. */
#define ACCEPT(kind, what, ...)                                                                              \
	{                                                                                                    \
		.name = what, .expect = "ok", kind, .text = __VA_ARGS__                                      \
	}
#define REFUSE(kind, err, what, ...)                                                                         \
	{                                                                                                    \
		.name = what, .expect = #err, kind, .text = __VA_ARGS__                                      \
	}
#define RET0 "r0 = 0; exit"

static char vrow_log[1 << 20];

/* ------------------------------------------------------------ maps */

static const struct vrow_map {
	const char *name;
	uint32_t type, key, value, max, flags;
} vrow_maps[] = {
	{ "array", BPF_MAP_TYPE_ARRAY, 4, 64, 4, 0 },
	{ "one", BPF_MAP_TYPE_ARRAY, 4, 64, 1, 0 },
	{ "hash", BPF_MAP_TYPE_HASH, 8, 64, 4, 0 },
	{ "odd", BPF_MAP_TYPE_HASH, 3, 13, 4, 0 },
	{ "tiny", BPF_MAP_TYPE_ARRAY, 4, 1, 1, 0 },
	{ "ro", BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG },
	{ "wo", BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_WRONLY_PROG },
	{ "rohash", BPF_MAP_TYPE_HASH, 8, 64, 4, BPF_F_RDONLY_PROG },
	{ "wohash", BPF_MAP_TYPE_HASH, 8, 64, 4, BPF_F_WRONLY_PROG },
	{ "frozen", BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG },
	{ "percpu", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 64, 1, 0 },
	{ "pchash", BPF_MAP_TYPE_PERCPU_HASH, 8, 64, 4, 0 },
	{ "lru", BPF_MAP_TYPE_LRU_HASH, 8, 64, 4, 0 },
	{ "lpm", BPF_MAP_TYPE_LPM_TRIE, 8, 64, 4, BPF_F_NO_PREALLOC },
	{ "prog", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
	{ "perf", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
	{ "queue", BPF_MAP_TYPE_QUEUE, 0, 16, 4, 0 },
	{ "stack", BPF_MAP_TYPE_STACK, 0, 16, 4, 0 },
	{ "bloom", BPF_MAP_TYPE_BLOOM_FILTER, 0, 16, 4, 0 },
	{ "amaps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0 },
	{ "hmaps", BPF_MAP_TYPE_HASH_OF_MAPS, 8, 4, 4, 0 },
	{ "lock", BPF_MAP_TYPE_ARRAY, 4, 16, 2, 0 },
	{ "timer", BPF_MAP_TYPE_ARRAY, 4, 24, 2, 0 },
	{ "hlock", BPF_MAP_TYPE_HASH, 4, 16, 2, 0 },
	{ "ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
	{ "uring", BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0 },
};

static int vrow_map_fds[ARRAY_SIZE(vrow_maps)];

/* BTF of maps' values: 3 { int; bpf_spin_lock at 4; int at 8 }, 5 { bpf_timer at 0; int at 16 }. */
static inline int vrow_value_btf(void)
{
	static const char strs[] = "\0int\0bpf_spin_lock\0val\0locked\0a\0lock\0b\0bpf_timer\0timed\0long";
	enum {
		s_int = 1,
		s_spin = 5,
		s_val = 19,
		s_locked = 23,
		s_a = 30,
		s_lock = 32,
		s_b = 37,
		s_timer = 39,
		s_timed = 49,
		s_long = 55
	};
	const uint32_t types[] = {
		s_int,    1u << 24,     4,  0x01000020,                                   /* 1 */
		s_spin,   4u << 24 | 1, 4,  s_val,      1, 0,                             /* 2 */
		s_locked, 4u << 24 | 3, 16, s_a,        1, 0, s_lock, 2, 32,  s_b, 1, 64, /* 3 */
		s_timer,  4u << 24 | 2, 16, s_a,        6, 0, s_b,    6, 64,              /* 4 */
		s_timed,  4u << 24 | 2, 24, s_a,        4, 0, s_b,    1, 128,             /* 5 */
		s_long,   1u << 24,     8,  0x00000040,                                   /* 6 */
	};
	struct {
		uint32_t hdr[6], types[ARRAY_SIZE(types)];
		char strs[sizeof(strs)];
	} blob = { .hdr = { 0x0001eb9f, 24, 0, sizeof(types), sizeof(types), sizeof(strs) } };
	union row_attr r = { .a = { .btf = ptr(&blob),
				    .btf_size = sizeof(blob.hdr) + sizeof(types) + sizeof(strs) } };

	memcpy(blob.types, types, sizeof(types));
	memcpy(blob.strs, strs, sizeof(strs));
	return raw_bpf(BPF_BTF_LOAD, &r, 32);
}

static inline int vrow_map_make(const struct vrow_map *m)
{
	union row_attr r = { .a = { .map_type = m->type,
				    .key_size = m->key,
				    .value_size = m->value,
				    .max_entries = m->max,
				    .map_flags = m->flags } };
	int fd;

	if (m->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || m->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		r.a.inner_map_fd = (uint32_t)asm_map("array");
	if (strstr(m->name, "lock") || strstr(m->name, "timer")) {
		r.a.btf_fd = (uint32_t)vrow_value_btf();
		r.a.btf_key_type_id = 1;
		r.a.btf_value_type_id = strstr(m->name, "lock") ? 3 : 5;
	}
	fd = raw_bpf(BPF_MAP_CREATE, &r, 72);
	must(fd >= 0, m->name);
	if (!strcmp(m->name, "frozen")) {
		union row_attr f = { .a = { .map_fd = (uint32_t)fd } };
		uint64_t value[8] = { 7, 1000, (uint64_t)-1, 0x1122334455667788 };
		uint32_t key = 0;
		union row_attr u = { .a = { .map_fd = (uint32_t)fd, .key = ptr(&key), .value = ptr(value) } };

		must(raw_bpf(BPF_MAP_UPDATE_ELEM, &u, 32) == 0, "frozen values");
		must(raw_bpf(BPF_MAP_FREEZE, &f, 4) == 0, "a frozen map");
	}
	return fd;
}

static int vrow_map(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vrow_maps); i++) {
		if (strcmp(name, vrow_maps[i].name))
			continue;
		if (!vrow_map_fds[i])
			vrow_map_fds[i] = vrow_map_make(&vrow_maps[i]);
		return vrow_map_fds[i];
	}
	if (!strcmp(name, "none"))
		return 999;
	if (!strcmp(name, "file"))
		return 1;
	asm_bad("map");
	return -1;
}

/* ------------------------------------------------------------ BTF of functions */

struct vrow_btf {
	uint32_t words[512], n, types;
	char strs[512];
	uint32_t strs_len;
	struct bpf_func_info info[32];
	uint32_t funcs;
};

static inline uint32_t vrow_str(struct vrow_btf *b, const char *s)
{
	uint32_t at = b->strs_len;

	strcpy(b->strs + at, s);
	b->strs_len += (uint32_t)strlen(s) + 1;
	return at;
}

static inline uint32_t vrow_type(struct vrow_btf *b, uint32_t name, uint32_t info, uint32_t size)
{
	b->words[b->n++] = name;
	b->words[b->n++] = info;
	b->words[b->n++] = size;
	return ++b->types;
}

/* Types 1 int, 2 its pointer, 3 struct of 16 bytes, 4 its pointer, 5 and 6 the context's. */
static inline void vrow_btf_begin(struct vrow_btf *b, int type)
{
	static const char *const ctx[] = { [BPF_PROG_TYPE_SOCKET_FILTER] = "__sk_buff",
					   [BPF_PROG_TYPE_SCHED_CLS] = "__sk_buff",
					   [BPF_PROG_TYPE_XDP] = "xdp_md",
					   [BPF_PROG_TYPE_CGROUP_SKB] = "__sk_buff" };

	memset(b, 0, sizeof(*b));
	b->strs_len = 1;
	vrow_type(b, vrow_str(b, "int"), 1u << 24, 4);
	b->words[b->n++] = 0x01000020;
	vrow_type(b, 0, 2u << 24, 1);
	vrow_type(b, vrow_str(b, "quad"), 4u << 24 | 4, 16);
	for (uint32_t i = 0; i < 4; i++) {
		char name[2] = { (char)('a' + i), 0 };

		b->words[b->n++] = vrow_str(b, name);
		b->words[b->n++] = 1;
		b->words[b->n++] = i * 32;
	}
	vrow_type(b, 0, 2u << 24, 3);
	vrow_type(b, vrow_str(b, type < (int)ARRAY_SIZE(ctx) && ctx[type] ? ctx[type] : "other"), 4u << 24,
		  0);
	vrow_type(b, 0, 2u << 24, 5);
}

/* "f=s(ip)": a prototype and a function. */
static inline const char *vrow_func(struct vrow_btf *b, const char *at, const struct asm_prog *p)
{
	static const char kinds[] = "?ip?P?c";
	char name[16], args[16];
	uint32_t nargs = 0, linkage, proto, str;
	int n = 0, start;

	while (*at != '=')
		name[n++] = *at++;
	name[n] = 0;
	linkage = at[1] == 'g';
	for (at += 3; *at != ')'; at++)
		args[nargs++] = *at;
	at++;
	proto = vrow_type(b, 0, 13u << 24 | nargs, *at == 'v' ? 0 : 1);
	at += *at == 'v';
	for (uint32_t i = 0; i < nargs; i++) {
		char arg[2] = { (char)('p' + i), 0 };

		b->words[b->n++] = vrow_str(b, arg);
		b->words[b->n++] = (uint32_t)(strchr(kinds, args[i]) - kinds);
	}
	str = vrow_str(b, name);
	start = asm_label_at(p, name);
	b->info[b->funcs].insn_off = start < 0 ? 0 : (uint32_t)start;
	b->info[b->funcs++].type_id = vrow_type(b, str, 12u << 24 | linkage, proto);
	while (*at == ' ')
		at++;
	return at;
}

/* The bytes that BTF_LOAD takes. */
static inline char *vrow_btf_blob(const struct vrow_btf *b, uint32_t *size)
{
	static char blob[4096];
	uint32_t hdr[6] = { 0x0001eb9f, 24, 0, b->n * 4, b->n * 4, b->strs_len };

	memcpy(blob, hdr, 24);
	memcpy(blob + 24, b->words, b->n * 4);
	memcpy(blob + 24 + b->n * 4, b->strs, b->strs_len);
	*size = 24 + b->n * 4 + b->strs_len;
	return blob;
}

static inline int vrow_btf_load(const struct vrow_btf *b)
{
	uint32_t size;
	char *blob = vrow_btf_blob(b, &size);
	union row_attr r = { .a = { .btf = ptr(blob), .btf_size = size } };

	return raw_bpf(BPF_BTF_LOAD, &r, 32);
}

/* ------------------------------------------------------------ rows */

static struct asm_prog vrow_prog;
static struct vrow_btf vrow_funcs;

/* Makes vrow_prog and, if it has any, vrow_funcs. */
static inline void vrow_make(const struct vrow *row)
{
	asm_map = vrow_map;
	assemble(&vrow_prog, row->text);
	vrow_btf_begin(&vrow_funcs, row->type);
	for (const char *at = row->funcs; at && *at;)
		at = vrow_func(&vrow_funcs, at, &vrow_prog);
}

static inline int vrow_load(const struct vrow *row)
{
	int btf_fd = -1, fd, e;
	union row_attr a;

	vrow_make(row);
	memset(&a, 0, sizeof(a));
	a.a.prog_type = (uint32_t)row->type;
	a.a.expected_attach_type = (uint32_t)row->attach;
	a.a.insns = ptr(vrow_prog.insn);
	a.a.insn_cnt = (uint32_t)vrow_prog.cnt;
	a.a.license = ptr(row->license ? row->license : "GPL");
	a.a.prog_flags = row->flags;
	a.a.log_level = row->quiet ? 4 : 1;
	a.a.log_buf = ptr(vrow_log);
	a.a.log_size = sizeof(vrow_log);
	vrow_log[0] = 0;
	if (row->funcs) {
		btf_fd = vrow_btf_load(&vrow_funcs);
		must(btf_fd >= 0, "BTF");
		a.a.prog_btf_fd = (uint32_t)btf_fd;
		a.a.func_info = ptr(vrow_funcs.info);
		a.a.func_info_cnt = vrow_funcs.funcs;
		a.a.func_info_rec_size = sizeof(vrow_funcs.info[0]);
	}
	fd = raw_bpf(BPF_PROG_LOAD, &a, ATTR_KNOWN);
	e = errno;
	if (row->funcs)
		close(btf_fd);
	errno = e;
	return fd;
}

/* The last line that is not the statistics. */
static inline const char *vrow_reason(char *log)
{
	static const char *const stats[] = { "processed ", "verification time ", "stack depth " };
	const char *last = "";

	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		size_t i = 0;

		while (i < ARRAY_SIZE(stats) && strncmp(line, stats[i], strlen(stats[i])))
			i++;
		if (i == ARRAY_SIZE(stats))
			last = line;
	}
	return last;
}

static inline void vrow_run(const struct vrow *row, int reasons)
{
	int fd = vrow_load(row);
	const char *got = fd < 0 ? errno_name(errno) : "ok";

	if (fd >= 0)
		close(fd);
	if (reasons) {
		if (fd < 0)
			printf("%s: %s\n", row->name, vrow_reason(vrow_log));
		return;
	}
	if (strcmp(got, row->expect))
		printf("not ok - %s: %s, expected %s\n", row->name, got, row->expect);
	else
		printf("ok - %s: %s\n", row->name, got);
}

static inline int vrow_main(int argc, char **argv, const struct vrow *rows, size_t n)
{
	int reasons = argc > 1 && !strcmp(argv[1], "reasons");

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < n; i++) {
		if (argc > 2) {
			if (strstr(rows[i].name, argv[2])) {
				errno = 0;
				printf("%s: %d\n", rows[i].name, vrow_load(&rows[i]) < 0 ? errno : 0);
				puts(vrow_log);
			}
			continue;
		}
		vrow_run(&rows[i], reasons);
	}
	if (!reasons && argc <= 2)
		printf("1..%zu\n", n);
	return 0;
}

/* Whoever wants the rows alone defines it before. */
#ifndef VROW_MAIN
#define VROW_MAIN(rows)                                                                                      \
	int main(int argc, char **argv)                                                                      \
	{                                                                                                    \
		return vrow_main(argc, argv, rows, ARRAY_SIZE(rows));                                        \
	}
#endif

#endif
