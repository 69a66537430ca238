// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that come again and again with the same addresses, and what then changes there.
 *
 * Who answers from outside of the process may have learnt where a loop's key
 * and value are. Each call must still see what is there when it is made: another
 * value, nothing, another page's end; and what it writes last must be
 * there, or be missed with EFAULT.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/tap.h"

#define PAGE  4096
#define TIMES 20

static union bpf_attr attr; /* one for all calls: its address is a part of the habit */
static char *pages;         /* three; the third is not there */

static int bpf(int cmd)
{
	return syscall(SYS_bpf, cmd, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int create(unsigned key, unsigned value)
{
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = 256;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int elem(int cmd, int fd, const void *key, void *value)
{
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (unsigned)fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return bpf(cmd);
}

/* So that whoever learns has learnt. */
static int habit(int cmd, int fd, const void *key, void *value)
{
	int bad = 0;

	for (int i = 0; i < TIMES; i++)
		bad |= elem(cmd, fd, key, value);
	return bad;
}

static void contents_change(int fd)
{
	static uint32_t key;
	static uint64_t value, got;
	int bad = 0;

	for (uint32_t i = 0; i < 200; i++) {
		key = i % 100;
		value = i * 3;
		got = 0;
		bad |= elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value);
		value = 0;
		bad |= elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &got) || got != i * 3;
	}
	ok(!bad, "the same addresses, other contents each time");
	key = 5;
	bad = habit(BPF_MAP_LOOKUP_ELEM, fd, &key, &got);
	key = 250;
	ok(!bad && elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &got) == -ENOENT, "a key that became another one");
}

/* Keys and values of an array, to the last bytes before memory ends, and the other way round. */
static void a_row(int fd, int step)
{
	uint32_t *keys = (uint32_t *)(pages + 2 * PAGE) - 300;
	int bad = 0;

	for (int i = 0; i < 300; i++) {
		uint32_t *key = step > 0 ? keys + i : keys + 299 - i;
		uint64_t value = (uint64_t)i, got = ~0ull;

		*key = (uint32_t)(i % 100);
		bad |= elem(BPF_MAP_UPDATE_ELEM, fd, key, &value);
		bad |= elem(BPF_MAP_LOOKUP_ELEM, fd, key, &got) || got != (uint64_t)i;
	}
	ok(!bad, "a row of keys up to the end of memory, %s", step > 0 ? "upwards" : "downwards");
}

static void memory_goes(int fd)
{
	char *key = pages + PAGE - 2, *value = pages + 2 * PAGE - 8;
	uint64_t got;
	int bad;

	memset(key, 0, 4);
	bad = habit(BPF_MAP_UPDATE_ELEM, fd, key, value);
	ok(!bad, "a key on two pages");
	mprotect(pages + PAGE, PAGE, PROT_NONE);
	ok(elem(BPF_MAP_UPDATE_ELEM, fd, key, value) == -EFAULT, "its second page cannot be read any more");
	mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
	ok(!elem(BPF_MAP_UPDATE_ELEM, fd, key, value), "and can again");
	bad = habit(BPF_MAP_LOOKUP_ELEM, fd, key, &got);
	ok(!bad && elem(BPF_MAP_LOOKUP_ELEM, -1, key, &got) == -EBADF, "another descriptor");
	mprotect(pages + PAGE, PAGE, PROT_NONE);
	ok(elem(BPF_MAP_LOOKUP_ELEM, -1, key, &got) == -EBADF, "a bad descriptor counts before a bad key");
	mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
	bad = habit(BPF_MAP_LOOKUP_ELEM, fd, pages, value);
	mprotect(pages + PAGE, PAGE, PROT_READ);
	ok(!bad && elem(BPF_MAP_LOOKUP_ELEM, fd, pages, value) == -EFAULT,
	   "a value that cannot be written any more");
	mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
	munmap(pages, PAGE);
	ok(elem(BPF_MAP_LOOKUP_ELEM, fd, pages, value) == -EFAULT, "a key that is not there any more");
	mmap(pages, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ok(!elem(BPF_MAP_LOOKUP_ELEM, fd, pages, value), "and is there again");
}

static void in_a_child(int fd)
{
	static uint32_t key;
	static uint64_t value, got;
	int status = -1;

	key = 1;
	value = 11;
	habit(BPF_MAP_UPDATE_ELEM, fd, &key, &value);
	habit(BPF_MAP_LOOKUP_ELEM, fd, &key, &got);
	if (!fork()) {
		key = 2;
		value = 22;
		_exit(elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value) ||
		      elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &got) || got != 22);
	}
	wait(&status);
	got = 0;
	ok(!status && !elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &got) && got == 11,
	   "a child has the same addresses, and its own contents");
}

/* Two fields and more are written at the end of these calls. */
static void last_writes(int fd)
{
	struct bpf_map_info *info = (void *)(pages + PAGE);
	uint32_t *len;
	int err;

	memset(info, 0, sizeof(*info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (unsigned)fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t)info;
	err = bpf(BPF_OBJ_GET_INFO_BY_FD);
	ok(!err && info->max_entries == 256 && attr.info.info_len >= 80, "what a map is, and its length");
	mprotect(pages + PAGE, PAGE, PROT_READ);
	attr.info.info_len = sizeof(*info);
	ok(bpf(BPF_OBJ_GET_INFO_BY_FD) == -EFAULT, "what a map is, where nothing can be written");
	mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);

	/* The attributes themselves: the field is the last that is written. */
	memset(info, 0, sizeof(*info));
	memcpy(pages, &attr, sizeof(attr));
	len = (uint32_t *)(pages + 4);
	*len = sizeof(*info);
	mprotect(pages, PAGE, PROT_READ);
	err = syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, pages, 16) < 0 ? -errno : 0;
	ok(err == -EFAULT && info->max_entries == 256, "the info is there, its length cannot be written");
	mprotect(pages, PAGE, PROT_READ | PROT_WRITE);
}

static void batch_end(int fd)
{
	static uint32_t keys[256], out[4];
	static uint64_t values[256];
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.batch.out_batch = (uintptr_t)out;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	attr.batch.count = 256;
	attr.batch.map_fd = (unsigned)fd;
	err = bpf(BPF_MAP_LOOKUP_BATCH);
	ok(err == -ENOENT && attr.batch.count == 100, "a batch: %u elements", attr.batch.count);
	attr.batch.count = 256;
	attr.batch.out_batch = 8;
	ok(bpf(BPF_MAP_LOOKUP_BATCH) == -EFAULT, "a batch whose cursor cannot be written");
}

int main(void)
{
	int fd = create(4, 8);

	pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(pages + 2 * PAGE, PAGE);
	contents_change(fd);
	a_row(fd, 1);
	a_row(fd, -1);
	batch_end(fd);
	memory_goes(fd);
	in_a_child(fd);
	last_writes(fd);
	return done();
}
