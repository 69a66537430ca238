// SPDX-License-Identifier: BSD-2-Clause
/*
 * The trace pipe: see trace.h.
 *
 *             name-123     [001] .....   415.123456: bpf_trace_printk: text
 */
#include "prog/trace.h"
#include <string.h>
#include <time.h>
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"

int trace_open(int oflags)
{
	struct stat st;
	int fd, err;

	fd = raw_openat(the_store.dirfd, TRACE_FILE, oflags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd == -ENOENT) {
		err = (int)raw4(SYS_mknodat, the_store.dirfd, TRACE_FILE, S_IFIFO | 0600, 0);
		if (err && err != -EEXIST)
			return err;
		fd = raw_openat(the_store.dirfd, TRACE_FILE, oflags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	}
	if (fd < 0)
		return fd;
	err = raw_fstat(fd, &st);
	if (!err && S_ISFIFO(st.st_mode))
		return fd;
	raw_close(fd); /* somebody has put another file there */
	return err ? err : -EIO;
}

/* Digits, right-aligned in `width`, filled up with `fill`. */
static char *put_wide(char *to, u64 v, u32 width, char fill)
{
	char digits[24];
	u32 n = (u32)(str_put_u64(digits, v, 10) - digits);

	for (; width > n; width--)
		*to++ = fill;
	return str_put(to, digits);
}

size_t trace_line(char line[TRACE_LINE_MAX], const char *comm, int tid, u32 cpu, const char *text, size_t n)
{
	struct timespec ts = { 0, 0 };
	char *p = line, *number;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	for (size_t w = strlen(comm); w < 16; w++)
		*p++ = ' ';
	p = str_put(p, comm);
	*p++ = '-';
	number = p;
	for (p = str_put_u64(p, (u64)tid, 10); p < number + 7;)
		*p++ = ' ';
	p = str_put(p, " [");
	p = put_wide(p, cpu, 3, '0');
	p = str_put(p, "] ..... ");
	p = put_wide(p, (u64)ts.tv_sec, 5, ' ');
	*p++ = '.';
	p = put_wide(p, (u64)ts.tv_nsec / 1000, 6, '0');
	p = str_put(p, ": bpf_trace_printk: ");
	n = MIN(n, TRACE_LINE_MAX - 1 - (size_t)(p - line));
	memcpy(p, text, n);
	p += n;
	if (!n || p[-1] != '\n')
		*p++ = '\n';
	return (size_t)(p - line);
}
