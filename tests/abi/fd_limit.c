// SPDX-License-Identifier: BSD-2-Clause
/*
 * At the limit of open files: every command that returns an fd says EMFILE,
 * leaves nothing behind, and works again when one number is free.
 */
#include "abi/world.h"

#define LIMIT 400

static char path[160];
static uint32_t map_id, prog_id, btf_id;

static uint32_t id_of(int fd, uint32_t len, int word)
{
	uint32_t w[26] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = len, .info = ptr(w) } };

	must(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) == 0, "info");
	return w[word];
}

static int create(void)
{
	return world_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0);
}
static int create_array(void)
{
	return world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4, BPF_F_MMAPABLE);
}
static int load(void)
{
	return world_prog(BPF_PROG_TYPE_SOCKET_FILTER);
}

static int by_id(int cmd, uint32_t id)
{
	union row_attr r = { .w = { id } };

	return raw_bpf(cmd, &r, 12);
}

static int map_by_id(void)
{
	return by_id(BPF_MAP_GET_FD_BY_ID, map_id);
}
static int prog_by_id(void)
{
	return by_id(BPF_PROG_GET_FD_BY_ID, prog_id);
}
static int btf_by_id(void)
{
	return by_id(BPF_BTF_GET_FD_BY_ID, btf_id);
}
static int no_map_by_id(void)
{
	return by_id(BPF_MAP_GET_FD_BY_ID, 0x7ffffff0);
}

static int get(void)
{
	union row_attr r = { .a = { .pathname = ptr(path) } };

	return raw_bpf(BPF_OBJ_GET, &r, 12);
}

static int update(void)
{
	uint32_t key = 1;
	uint64_t value = 5;
	union row_attr r = {
		.a = { .map_fd = FD_MAP + BPF_MAP_TYPE_HASH, .key = ptr(&key), .value = ptr(&value) }
	};

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &r, 32);
}

/* What returns no fd works at the limit. */
static const struct {
	const char *name;
	int (*call)(void);
	int fd;
} calls[] = {
	{ "create a hash", create, 1 },
	{ "create an array", create_array, 1 },
	{ "load a program", load, 1 },
	{ "load BTF", world_btf, 1 },
	{ "map by id", map_by_id, 1 },
	{ "program by id", prog_by_id, 1 },
	{ "BTF by id", btf_by_id, 1 },
	{ "get a pin", get, 1 },
	{ "a map that is not there", no_map_by_id, 1 },
	{ "update an element", update, 0 },
};

/* The id of the newest map: nothing may be made by calls that fail. */
static int maps_since(uint32_t start)
{
	union row_attr r = { .w = { start } };
	int n = 0;

	while (raw_bpf(BPF_MAP_GET_NEXT_ID, &r, 8) == 0) {
		int fd = by_id(BPF_MAP_GET_FD_BY_ID, r.w[1]);
		struct bpf_map_info info = { 0 };
		union row_attr q = { .a.info = {
					     .bpf_fd = fd, .info_len = sizeof(info), .info = ptr(&info) } };

		if (fd >= 0)
			n += raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &q, 16) == 0 && info.max_entries == 4 &&
			     info.key_size == 4 && info.value_size == 4 &&
			     (info.type == BPF_MAP_TYPE_HASH || info.type == BPF_MAP_TYPE_ARRAY) &&
			     !info.name[0];
		close(fd);
		r = (union row_attr){ .w = { r.w[1] } };
	}
	return n;
}

int main(void)
{
	struct rlimit lim = { LIMIT, LIMIT };
	int filled[LIMIT], n = 0, before, fd;

	world_enter();
	snprintf(path, sizeof(path), "%s/map", world_bpffs());
	union row_attr r = { .a = { .pathname = ptr(path), .bpf_fd = FD_MAP + BPF_MAP_TYPE_HASH } };

	must(raw_bpf(BPF_OBJ_PIN, &r, 12) == 0, "a pin");
	map_id = id_of(FD_MAP + BPF_MAP_TYPE_HASH, 88, 1);
	prog_id = id_of(FD_PROG, 88, 1);
	btf_id = id_of(FD_BTF, 32, 3);
	before = maps_since(map_id);
	must(setrlimit(RLIMIT_NOFILE, &lim) == 0, "a limit");
	while ((fd = dup(0)) >= 0)
		filled[n++] = fd;
	for (int round = 0; round < 2; round++) {
		say("%s\n", round ? "one number free" : "no number free");
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			if (round)
				close(filled[n - 1]);
			say("  %s", calls[i].name);
			fd = result(calls[i].call());
			if (fd >= 0 && calls[i].fd)
				close(fd);
			if (round)
				filled[n - 1] = dup(0);
		}
	}
	for (int i = 0; i < n; i++)
		close(filled[i]);
	say("left: %d\n", maps_since(map_id) - before);
	unlink(path);
	world_leave();
	return 0;
}
