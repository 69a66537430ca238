// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows of tests/abi/prog_rows.c on the kernel and in this process, without a front end.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define syscall(nr, cmd, attr, size) rows_bpf(cmd, (void *)(attr), size)
#define main                         prog_rows
int prog_rows(void);
#include "tests/abi/prog_rows.c"
#undef main
#undef syscall

int main(void)
{
	union row_attr a = attr_of(SOCK, zero, 2);
	int fd = load(&a);

	if (fd < 0) {
		skip("no PROG_LOAD by the kernel here");
		return done();
	}
	close(fd);
	if (ok(!self_open("prog-rows"), "a store"))
		rows_compare("prog_rows", prog_rows);
	return done();
}
