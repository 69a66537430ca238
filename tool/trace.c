// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs trace: the lines that programs print, as they come.
 *
 * As with the kernel's trace_pipe, a line goes to one reader. Without a run there is
 * nobody to keep lines, so those before are gone; the verb keeps the pipe open itself while it reads.
 */
#include <errno.h>
#include <unistd.h>
#include "prog/trace.h"
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/where.h"
#include "util/raw.h"

static int copy(int fd)
{
	char buf[4096];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return out_error(errno, "%s/" TRACE_FILE, the_store.path);
		if (!n)
			return 0;
		for (ssize_t at = 0; at < n;) {
			ssize_t w = write(STDOUT_FILENO, buf + at, (size_t)(n - at));

			if (w < 0)
				return errno == EPIPE ? 0 : out_error(errno, "standard output");
			at += w;
		}
	}
}

int cmd_trace(int argc, char **argv)
{
	int fd, err = where_open(STORE_CREATE);

	if (err)
		return 1;
	fd = trace_open(O_RDWR);
	if (fd < 0)
		return out_error(fd, "%s/" TRACE_FILE, the_store.path);
	fcntl(fd, F_SETFL, O_RDWR);
	return copy(fd);
}
