// SPDX-License-Identifier: BSD-2-Clause
/*
 * The trace pipe: lines that programs print, on their way to who reads them.
 *
 * STORE/trace_pipe is a FIFO. Each supervisor keeps it open both ways, so that
 * lines wait in it for a reader as long as some run is there, and a writer
 * never meets a closed pipe. A line is one write of at most PIPE_BUF bytes, so
 * lines never mix. When the pipe is full, or when nobody has it open, the line is lost.
 */
#ifndef PINFS_PROG_TRACE_H
#define PINFS_PROG_TRACE_H

#include "util/types.h"

#define TRACE_FILE     "trace_pipe"
#define TRACE_LINE_MAX 1200u

/* The FIFO, made if need be, opened with those flags (O_NONBLOCK for the open itself). An fd or an errno. */
int trace_open(int oflags);

/*
 * A line as the kernel's trace_pipe has it: who, where, when, and the text of n
 * bytes, whose newline is added if it has none. Returns its length.
 */
size_t trace_line(char line[TRACE_LINE_MAX], const char *comm, int tid, u32 cpu, const char *text, size_t n);

#endif
