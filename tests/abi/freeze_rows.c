// SPDX-License-Identifier: BSD-2-Clause
/*
 * MAP_FREEZE and mappings that can be written through: which keep it from being done, and for how long.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include "abi/rows.h"

static int new_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = 4,
				.value_size = 4096,
				.max_entries = 2,
				.map_flags = BPF_F_MMAPABLE };
	int fd = raw_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd < 0)
		exit(99);
	return fd;
}

static int by_id(int fd)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = ptr(&info) }
	};

	raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	attr = (union bpf_attr){ .map_id = info.id };
	return raw_bpf(BPF_MAP_GET_FD_BY_ID, &attr, sizeof(attr));
}

static void freeze(const char *text, int fd)
{
	union bpf_attr attr = { .map_fd = (uint32_t)fd };

	say("%s: freeze", text);
	result(raw_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr)));
}

static char *map(const char *text, int fd, int prot)
{
	char *p = mmap(NULL, 8192, prot, MAP_SHARED, fd, 0);

	say("%s: mmap %s", text, prot & PROT_WRITE ? "for writing" : "for reading");
	result(p == MAP_FAILED ? -1 : 0);
	return p;
}

static void one_process(void)
{
	int fd = new_map(), other = by_id(fd);
	char *p = map("a map", fd, PROT_READ | PROT_WRITE);

	freeze("mapped", fd);
	freeze("mapped, by another fd", other);
	munmap(p, 4096);
	freeze("half of it", fd);
	munmap(p + 4096, 4096);
	freeze("none of it", fd);
	freeze("again", fd);
	map("frozen", fd, PROT_READ | PROT_WRITE);
	p = map("frozen", fd, PROT_READ);
	say("first byte %d\n", p[0]);
	close(fd);
	close(other);
}

static void for_reading(void)
{
	int fd = new_map();

	map("another", fd, PROT_READ);
	freeze("for reading", fd);
	close(fd);
}

/* The mapping outlives the fd that it was made by. */
static void without_fd(void)
{
	int fd = new_map(), other = by_id(fd);
	char *p = map("a third", fd, PROT_READ | PROT_WRITE);

	close(fd);
	freeze("mapped, its fd closed", other);
	munmap(p, 8192);
	freeze("unmapped", other);
	close(other);
}

static void two_processes(void)
{
	int fd = new_map(), go[2], mapped[2];
	char byte;
	pid_t pid;

	if (pipe(go) || pipe(mapped))
		exit(99);
	pid = fork();
	if (!pid) {
		int own = by_id(fd);
		char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);

		p[0] = 1;
		_exit(write(mapped[1], p, 1) != 1 || read(go[0], &byte, 1) != 1);
	}
	say("a child maps");
	result(read(mapped[0], &byte, 1) == 1 ? 0 : -1);
	freeze("mapped by a child", fd);
	say("it ends");
	result(write(go[1], "", 1) == 1 && waitpid(pid, NULL, 0) == pid ? 0 : -1);
	freeze("after it", fd);
}

int main(void)
{
	one_process();
	for_reading();
	without_fd();
	two_processes();
	return 0;
}
