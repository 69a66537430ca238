// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows of one element, one object: what kinds_rows.c and arena_rows.c share.
 */
#ifndef PINFS_TESTS_KINDS_ROWS_H
#define PINFS_TESTS_KINDS_ROWS_H

#include "world.h"

#define ARENA 33u

static inline int lookup(int fd, const void *key, void *value, uint64_t flags)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .value = ptr(value), .flags = flags } };

	return raw_bpf(BPF_MAP_LOOKUP_ELEM, &r, 32);
}

static inline int update(int fd, const void *key, const void *value, uint64_t flags)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .value = ptr(value), .flags = flags } };

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &r, 32);
}

static inline int delete (int fd, const void *key)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key) } };

	return raw_bpf(BPF_MAP_DELETE_ELEM, &r, 32);
}

static inline int next_key(int fd, const void *key, void *next)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .next_key = ptr(next) } };

	return raw_bpf(BPF_MAP_GET_NEXT_KEY, &r, 32);
}

static inline int take(int fd, const void *key, void *value)
{
	union row_attr r = { .a = { .map_fd = fd, .key = ptr(key), .value = ptr(value) } };

	return raw_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &r, 32);
}

static inline void put_row(const char *what, int fd, uint32_t key, const void *value, uint64_t flags)
{
	say("%s key %u flags %llu", what, key, (unsigned long long)flags);
	result(update(fd, &key, value, flags));
}

static inline void del_row(const char *what, int fd, uint32_t key)
{
	say("%s delete %u", what, key);
	result(delete (fd, &key));
}

static inline void take_row(const char *what, int fd, uint32_t key)
{
	uint64_t v[64];

	say("%s take %u", what, key);
	result(take(fd, &key, v));
}

static inline void next_row(const char *what, int fd, const uint32_t *key)
{
	uint32_t next = 77;

	say("%s next", what);
	if (key)
		say(" of %u", *key);
	if (next_key(fd, key, &next) == 0)
		say(" is %u: ok\n", next);
	else
		result(-1);
}

/* A lookup whose words are shown: value_size 4 or 8. */
static inline void get_row(const char *what, int fd, uint32_t key, int words, uint64_t flags)
{
	uint32_t v[4] = { 0xaaaaaaaa, 0xaaaaaaaa, 0xaaaaaaaa, 0xaaaaaaaa };

	say("%s lookup %u flags %llu", what, key, (unsigned long long)flags);
	if (lookup(fd, &key, v, flags) < 0) {
		result(-1);
		say("%s buffer %x %x\n", what, v[0], v[1]);
		return;
	}
	for (int i = 0; i < words; i++)
		say(" %u", v[i]);
	say(": ok\n");
}

static inline void batch_rows(const char *what, int fd)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH,
				    BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH };
	uint64_t keys[64], values[64], out[8];

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		union row_attr r = { .a.batch = { .out_batch = ptr(out),
						  .keys = ptr(keys),
						  .values = ptr(values),
						  .count = 2,
						  .map_fd = fd } };

		memset(keys, 0, sizeof(keys));
		memset(values, 0xff, sizeof(values));
		say("%s batch %d", what, cmds[i]);
		result(raw_bpf(cmds[i], &r, 56));
		say("%s batch %d count %u\n", what, cmds[i], r.a.batch.count);
	}
}

struct map_info {
	uint32_t type, id, key_size, value_size, max_entries, map_flags;
};

static inline void info_row(const char *what, int fd)
{
	struct map_info i = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = sizeof(i), .info = ptr(&i) } };
	char path[64], buf[1024], *p;
	int n, f;

	say("%s info", what);
	if (raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16)) {
		result(-1);
		return;
	}
	say(" type %u key %u value %u max %u flags %#x: ok\n", i.type, i.key_size, i.value_size,
	    i.max_entries, i.map_flags);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = open(path, O_RDONLY);
	n = f < 0 ? 0 : (int)read(f, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = 0;
	close(f);
	for (p = strtok(buf, "\n"); p; p = strtok(NULL, "\n"))
		if (!strncmp(p, "map_", 4) ? strncmp(p, "map_id", 6)
					   : !strncmp(p, "memlock", 7) || !strncmp(p, "frozen", 6))
			say("%s fdinfo %s\n", what, p);
}

static inline void freeze_row(const char *what, int fd)
{
	union row_attr r = { .a = { .map_fd = fd } };

	say("%s freeze", what);
	result(raw_bpf(BPF_MAP_FREEZE, &r, 4));
}

/* What comes of an array of such maps. */
static inline void inner_row(const char *what, int fd)
{
	union row_attr r = { .a = { .map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
				    .key_size = 4,
				    .value_size = 4,
				    .max_entries = 1,
				    .inner_map_fd = (uint32_t)fd } };

	say("%s inside an array of maps", what);
	result_fd(raw_bpf(BPF_MAP_CREATE, &r, 72));
}

#endif
