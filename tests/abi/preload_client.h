// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the preload_*.c clients share: bpf(2) by number, and the questions they ask of it.
 *
 * They are ordinary programs: on a kernel and under pinfs they print the same.
 */
#ifndef PINFS_TESTS_PRELOAD_CLIENT_H
#define PINFS_TESTS_PRELOAD_CLIENT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/tap.h"

#define BAD_PTR ((void *)0x10)

static inline long bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

static inline int map_create(uint32_t type, uint32_t entries, uint32_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = entries;
	a.map_flags = flags;
	return (int)bpf(BPF_MAP_CREATE, &a, sizeof(a));
}

static inline int new_array(void)
{
	return map_create(BPF_MAP_TYPE_ARRAY, 16, 0);
}

static inline long elem(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	a.flags = flags;
	return bpf(cmd, &a, sizeof(a));
}

static inline int set(int fd, uint32_t key, uint64_t value)
{
	return (int)elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value, 0);
}

/* The value, or -errno. */
static inline long get(int fd, uint32_t key)
{
	uint64_t value = 0;

	return elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value, 0) ? -errno : (long)value;
}

static inline uint32_t map_id(int fd)
{
	struct bpf_map_info info;
	union bpf_attr a;

	memset(&info, 0, sizeof(info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uintptr_t)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16) ? 0 : info.id;
}

static inline int map_by_id(uint32_t id)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_id = id;
	return (int)bpf(BPF_MAP_GET_FD_BY_ID, &a, 12);
}

/* 1: there is a map with that id. Gone objects may take a moment on a kernel. */
static inline int lives(uint32_t id)
{
	int fd = map_by_id(id);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static inline int dies(uint32_t id)
{
	for (int i = 0; i < 200; i++) {
		if (!lives(id))
			return 1;
		usleep(5000);
	}
	return 0;
}

/* Exit status of a child, or 1000 + signal. */
static inline int status_of(pid_t pid)
{
	int st = -1;

	while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(st) ? 1000 + WTERMSIG(st) : WEXITSTATUS(st);
}

#endif
