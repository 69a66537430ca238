// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows of tests/abi/btf_rows.c on the kernel and in this process, without a front end.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define syscall(nr, cmd, attr, size) rows_bpf(cmd, (void *)(attr), size)
#define main                         btf_rows
int btf_rows(void);
#include "tests/abi/btf_rows.c"
#undef main
#undef syscall

int main(void)
{
	struct blob b;
	int fd;

	blob_make(&b, simple);
	fd = load(&b);
	if (fd < 0) {
		skip("no BTF_LOAD by the kernel here");
		return done();
	}
	close(fd);
	if (ok(!self_open("btf-rows"), "a store"))
		rows_compare("btf_rows", btf_rows);
	return done();
}
