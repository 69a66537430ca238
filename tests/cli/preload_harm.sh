#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a host program, or somebody else, may do to the library's ground: close
# its fds by raw system calls, truncate the file of a map under a mapping.

cd "$(dirname "$0")/../.." || exit 1
. tests/lib/cli.sh

cat >"$WORK/lost.c" <<'EOF'
#include "abi/preload_client.h"

static void raw_close(long fd)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(SYS_close), "D"(fd) : "rcx", "r11", "memory");
}

static void *deep(const char *name)
{
	char path[600];
	char *run = strdup(getenv("PINFS_RUN"));

	*strstr(run, "/runs/") = 0;
	snprintf(path, sizeof(path), "%s/bpf-map/%s", run, name);
	return strdup(path);
}

int main(void)
{
	int m = new_array(), n;
	uint32_t id = map_id(m);
	char name[16];
	char *p;

	set(m, 0, 5);
	for (long fd = 100; fd < 5000; fd++)
		raw_close(fd);
	ok(get(m, 0) == 5 && lives(id), "the library's fds closed by raw calls: maps are found");
	n = new_array();
	ok(n >= 0 && set(n, 0, 6) == 0 && get(n, 0) == 6 && set(m, 0, 7) == 0, "made and changed");
	ok(dup2(m, 4080) == 4080 && dup2(m, 4081) == 4081 && new_array() >= 0 && get(4081, 0) == 7,
	   "the numbers where they stand can be had");

	m = map_create(BPF_MAP_TYPE_ARRAY, 1000, BPF_F_MMAPABLE);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	p[0] = 1;
	p[5000] = 2;
	snprintf(name, sizeof(name), "%u", map_id(m));
	ok(truncate(deep(name), 4096) == 0, "the file of a mapped map is truncated");
	ok(p[0] == 1 && p[5000] == 0, "what is cut off reads as zeros");
	p[5000] = 3;
	ok(p[5000] == 3, "and can be written");
	ok(get(m, 0) == 1 && get(m, 900) == -EIO, "lookup of an element there: EIO");
	ok(set(m, 900, 1) == -1 && errno == EIO, "update: EIO");
	m = new_array();
	snprintf(name, sizeof(name), "%u", map_id(m));
	get(m, 0);
	ok(truncate(deep(name), 0) == 0 && get(m, 0) == -EIO && set(m, 0, 1) == -1 && errno == EIO,
	   "a map without a file: EIO");
	ok(get(n, 0) == 6, "the others are as before");
	return done();
}
EOF
if ! gcc -Wall -D_GNU_SOURCE -Itests -o "$WORK/lost" "$WORK/lost.c"; then
	not_ok "the client compiles"
	done_testing
fi
world root "$WORK/lost" 2>&1
