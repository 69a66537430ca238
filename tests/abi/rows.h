// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows: one raw bpf(2) call a row, one line of output a row.
 *
 *     TEXT: ok
 *     TEXT: EPERM
 *
 * A program made of rows prints the same on a kernel and under pinfs, so its
 * output holds nothing that differs between two runs: no ids, no addresses, no
 * times, no order that a map does not promise. The oracle is the kernel; a row
 * carries no expected answer.
 *
 * Text is built up by say() and ended by result(), so that what a row asks for
 * is printed from the data that asks for it.
 */
#ifndef PINFS_TESTS_ROWS_H
#define PINFS_TESTS_ROWS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENOTSUPP         524 /* the kernel's own number, which bpf(2) lets out */
#define ATTR_KNOWN       168 /* sizeof(union bpf_attr) in Linux 6.18 */
#define F_PATH_FD        0x4000u
#define F_TOKEN_FD       0x10000u
#define CMD_TOKEN_CREATE 36
#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))

/* An attr with room behind it: the tail may be as long as a page, and more. */
union row_attr {
	union bpf_attr a;
	uint32_t w[1056];
	uint8_t b[4224];
};

static inline uint64_t ptr(const void *p)
{
	return (uintptr_t)p;
}

static inline int raw_bpf(int cmd, const void *attr, uint32_t size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

__attribute__((format(printf, 1, 2))) static inline void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

static inline const char *errno_name(int e)
{
	const char *s = e == ENOTSUPP ? "ENOTSUPP" : strerrorname_np(e);

	return s ? s : "?";
}

/* Ends a row: what the call returned. errno is that of the call. */
static inline int result(int r)
{
	int e = errno;

	printf(": %s\n", r < 0 ? errno_name(e) : "ok");
	return r;
}

/* Ends a row with a call that returns an fd: closes it. */
static inline int result_fd(int r)
{
	result(r);
	if (r >= 0)
		close(r);
	return r;
}

/* What cannot be set up makes every later row worthless. */
static inline void must(int ok, const char *what)
{
	if (ok)
		return;
	printf("cannot set up: %s: %s\n", what, errno_name(errno));
	exit(99);
}

static inline const char *type_name(uint32_t t)
{
	static const char *const names[] = {
		[1] = "hash",
		[2] = "array",
		[3] = "prog_array",
		[4] = "perf_event_array",
		[5] = "percpu_hash",
		[6] = "percpu_array",
		[9] = "lru_hash",
		[10] = "lru_percpu_hash",
		[11] = "lpm_trie",
		[12] = "array_of_maps",
		[13] = "hash_of_maps",
		[22] = "queue",
		[23] = "stack",
		[30] = "bloom_filter",
		[8] = "cgroup_array",
		[14] = "devmap",
		[25] = "devmap_hash",
		[16] = "cpumap",
		[17] = "xskmap",
		[15] = "sockmap",
		[18] = "sockhash",
		[20] = "reuseport_sockarray",
		[19] = "cgroup_storage",
		[21] = "percpu_cgroup_storage",
		[27] = "ringbuf",
		[31] = "user_ringbuf",
	};

	return t < ARRAY_SIZE(names) && names[t] ? names[t] : "type";
}

#endif
