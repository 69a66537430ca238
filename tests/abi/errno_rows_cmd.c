// SPDX-License-Identifier: BSD-2-Clause
/*
 * What all commands have in common, row by row: attr sizes and tails, bad fds,
 * bad pointers, fd modes, ids, info lengths, and callers without privilege.
 *
 * A base attr of each command works (or fails for a reason of its own); the
 * sweeps take it and cut it short, make it long, put a byte behind it, or swap
 * its fd. Whatever a call returns is closed again, so rows do not depend on
 * each other.
 */
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include "abi/world.h"

#define HASH (FD_MAP + BPF_MAP_TYPE_HASH)

/*
 * What calls point to, at an address that needs more than 32 bits however the
 * program is linked: a pointer that is cut off leads nowhere.
 */
static struct arena {
	uint64_t key, value[64], batch_keys[8], batch_values[64];
	uint32_t cursor;
	uint8_t info[512];
	char path_new[64], path_missing[64], license[8];
	struct bpf_insn insns[2];
	uint32_t btf[128];
} * arena;
#define ARENA 0x600000000000ull
#define P(x)  (ARENA + offsetof(struct arena, x))

static void arena_make(void)
{
	arena = mmap((void *)ARENA, sizeof(*arena), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(arena == (void *)ARENA, "memory at a fixed address");
	arena->key = 1;
	arena->batch_keys[7] = 77;
	strcpy(arena->path_new, "/sys/fs/bpf/no/such/directory");
	strcpy(arena->path_missing, "/sys/fs/bpf/no-such-name");
	strcpy(arena->license, "GPL");
	memcpy(arena->insns, prog_return_0, sizeof(prog_return_0));
	memcpy(arena->btf, btf_blob, sizeof(btf_blob));
}

static const struct base {
	const char *name;
	int cmd;
	uint32_t size; /* up to the end of its last field, as Linux 6.18 knows it */
	int fd_at;     /* word that is an fd, -1: none */
	union bpf_attr a;
} bases[] = {
	{ "map_create",
	  BPF_MAP_CREATE,
	  92,
	  -1,
	  { .map_type = 1, .key_size = 4, .value_size = 4, .max_entries = 1 } },
	{ "lookup", BPF_MAP_LOOKUP_ELEM, 32, 0, { .map_fd = HASH, .key = P(key), .value = P(value) } },
	{ "update", BPF_MAP_UPDATE_ELEM, 32, 0, { .map_fd = HASH, .key = P(key), .value = P(value) } },
	{ "delete", BPF_MAP_DELETE_ELEM, 16, 0, { .map_fd = HASH, .key = P(batch_keys[7]) } },
	{ "next_key", BPF_MAP_GET_NEXT_KEY, 24, 0, { .map_fd = HASH, .next_key = P(value) } },
	{ "lookup_and_delete",
	  BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	  32,
	  0,
	  { .map_fd = HASH, .key = P(batch_keys[7]), .value = P(value) } },
	{ "freeze", BPF_MAP_FREEZE, 4, 0, { .map_fd = FD_FROZEN } },
	{ "lookup_batch",
	  BPF_MAP_LOOKUP_BATCH,
	  56,
	  9,
	  { .batch = { .map_fd = HASH,
		       .count = 8,
		       .keys = P(batch_keys),
		       .values = P(batch_values),
		       .out_batch = P(cursor) } } },
	{ "lookup_and_delete_batch",
	  BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	  56,
	  9,
	  { .batch = { .map_fd = FD_LOCK_HASH,
		       .count = 8,
		       .keys = P(batch_keys),
		       .values = P(batch_values),
		       .out_batch = P(cursor) } } },
	{ "update_batch",
	  BPF_MAP_UPDATE_BATCH,
	  56,
	  9,
	  { .batch = { .map_fd = HASH, .count = 1, .keys = P(key), .values = P(batch_values) } } },
	{ "delete_batch",
	  BPF_MAP_DELETE_BATCH,
	  56,
	  9,
	  { .batch = { .map_fd = HASH, .count = 1, .keys = P(batch_keys[7]) } } },
	{ "prog_load",
	  BPF_PROG_LOAD,
	  168,
	  -1,
	  { .prog_type = 1, .insn_cnt = 2, .insns = P(insns), .license = P(license) } },
	{ "obj_pin", BPF_OBJ_PIN, 20, 2, { .pathname = P(path_new), .bpf_fd = HASH } },
	{ "obj_get", BPF_OBJ_GET, 20, -1, { .pathname = P(path_missing) } },
	{ "prog_get_next_id", BPF_PROG_GET_NEXT_ID, 8, -1, { .start_id = 0 } },
	{ "map_get_next_id", BPF_MAP_GET_NEXT_ID, 8, -1, { .start_id = 0 } },
	{ "btf_get_next_id", BPF_BTF_GET_NEXT_ID, 8, -1, { .start_id = 0 } },
	{ "prog_get_fd_by_id", BPF_PROG_GET_FD_BY_ID, 4, -1, { .prog_id = 0 } },
	{ "map_get_fd_by_id", BPF_MAP_GET_FD_BY_ID, 12, -1, { .map_id = 0 } },
	{ "btf_get_fd_by_id", BPF_BTF_GET_FD_BY_ID, 16, -1, { .btf_id = 0 } },
	{ "link_get_fd_by_id", BPF_LINK_GET_FD_BY_ID, 4, -1, { .link_id = 0 } },
	{ "get_info",
	  BPF_OBJ_GET_INFO_BY_FD,
	  16,
	  0,
	  { .info = { .bpf_fd = HASH, .info_len = 88, .info = P(info) } } },
	{ "btf_load", BPF_BTF_LOAD, 40, -1, { .btf = P(btf), .btf_size = 100 } },
	{ "token_create", CMD_TOKEN_CREATE, 8, 1, { .batch = { .in_batch = 0 } } },
	{ "link_create",
	  BPF_LINK_CREATE,
	  60,
	  0,
	  { .link_create = { .prog_fd = FD_PROG_XDP, .attach_type = BPF_XDP } } },
	{ "link_update",
	  BPF_LINK_UPDATE,
	  16,
	  0,
	  { .link_update = { .link_fd = FD_PROG, .new_prog_fd = FD_PROG } } },
	{ "link_detach", BPF_LINK_DETACH, 4, 0, { .link_detach = { .link_fd = FD_PROG } } },
	{ "prog_attach",
	  BPF_PROG_ATTACH,
	  32,
	  1,
	  { .target_fd = FD_NULL, .attach_bpf_fd = FD_PROG, .attach_type = BPF_CGROUP_INET_INGRESS } },
	{ "prog_detach",
	  BPF_PROG_DETACH,
	  32,
	  0,
	  { .target_fd = FD_NULL, .attach_bpf_fd = FD_PROG, .attach_type = BPF_CGROUP_INET_INGRESS } },
	{ "prog_query", BPF_PROG_QUERY, 64, 0, { .query = { .target_fd = FD_NULL } } },
	{ "raw_tracepoint_open",
	  BPF_RAW_TRACEPOINT_OPEN,
	  24,
	  2,
	  { .raw_tracepoint = { .name = P(license), .prog_fd = FD_PROG } } },
	{ "task_fd_query", BPF_TASK_FD_QUERY, 48, 1, { .task_fd_query = { .pid = 0, .fd = FD_PROG } } },
	{ "enable_stats", BPF_ENABLE_STATS, 4, -1, { .enable_stats = { .type = 5 } } },
};

static union row_attr of(const struct base *b)
{
	union row_attr r = { .a = b->a };

	if (b->cmd == BPF_BTF_LOAD)
		r.a.btf_size = btf_blob_size;
	if (b->cmd == CMD_TOKEN_CREATE)
		r.w[1] = FD_DIR;
	return r;
}

static int is_fd(int cmd)
{
	return cmd == BPF_MAP_CREATE || cmd == BPF_PROG_LOAD || cmd == BPF_OBJ_GET || cmd == BPF_BTF_LOAD ||
	       cmd == BPF_ENABLE_STATS || cmd == BPF_MAP_GET_FD_BY_ID || cmd == BPF_PROG_GET_FD_BY_ID ||
	       cmd == BPF_BTF_GET_FD_BY_ID || cmd == BPF_LINK_GET_FD_BY_ID || cmd == CMD_TOKEN_CREATE ||
	       cmd == BPF_LINK_CREATE || cmd == BPF_RAW_TRACEPOINT_OPEN;
}

static void make(const struct base *b, const void *attr, uint32_t size)
{
	int r;

	memset(arena->info, 0, sizeof(arena->info));
	r = raw_bpf(b->cmd, attr, size);
	if (is_fd(b->cmd))
		result_fd(r);
	else
		result(r);
}

/* Any length with zeros behind; and one byte that is not zero at every interesting place. */
static void sizes(const struct base *b)
{
	static const uint32_t sizes[] = { 0,   1,    3,    4,    8,    11,         12,        15,  16,
					  20,  24,   28,   32,   36,   40,         48,        56,  60,
					  64,  72,   76,   92,   120,  140,        144,       168, 169,
					  176, 4095, 4096, 4097, 8192, 0x7fffffff, 0xffffffff };
	uint32_t bytes[] = { b->size - 1,    b->size,    b->size + 1,    b->size + 4,
			     ATTR_KNOWN - 1, ATTR_KNOWN, ATTR_KNOWN + 1, 4095 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		union row_attr r = of(b);

		say("%s of %u bytes", b->name, sizes[i]);
		make(b, &r, sizes[i]);
	}
	for (size_t i = 1; i < ARRAY_SIZE(bytes); i++) {
		union row_attr r = of(b);

		r.b[bytes[i]] = 1;
		if (b->size == ATTR_KNOWN && bytes[i] < ATTR_KNOWN)
			continue;
		say("%s with byte %u set", b->name, bytes[i]);
		make(b, &r, 4096);
		if (bytes[i] < ATTR_KNOWN) {
			say("%s with byte %u set, but not sent", b->name, bytes[i]);
			make(b, &r, b->size);
		}
	}
	say("%s at NULL", b->name);
	make(b, NULL, b->size);
	say("%s at NULL of no bytes", b->name);
	make(b, NULL, 0);
	say("%s at a bad address", b->name);
	make(b, (void *)16, b->size);
	say("%s at a bad address of too many bytes", b->name);
	make(b, (void *)16, 5000);
}

static const struct {
	int fd;
	const char *what;
} wrong_fds[] = {
	{ FD_CLOSED, "closed" },
	{ -1, "-1" },
	{ 0x7fffffff, "the largest" },
	{ FD_NULL, "/dev/null" },
	{ FD_PROG, "a program" },
	{ FD_BTF, "a BTF" },
	{ HASH, "a map" },
	{ FD_DIR, "a directory" },
	{ FD_DIR_PATH, "an O_PATH directory" },
	{ FD_RDONLY, "a read-only map" },
	{ FD_WRONLY, "a write-only map" },
	{ FD_FROZEN, "a frozen map" },
};

static void fds(const struct base *b)
{
	for (size_t i = 0; b->fd_at >= 0 && i < ARRAY_SIZE(wrong_fds); i++) {
		union row_attr r = of(b);

		r.w[b->fd_at] = wrong_fds[i].fd;
		if (b->cmd == BPF_MAP_FREEZE && wrong_fds[i].fd == HASH)
			continue;
		say("%s on %s", b->name, wrong_fds[i].what);
		make(b, &r, b->size);
	}
}

/* Pointer fields of the element commands, by word; each NULL, bad, and at an unmapped end. */
static void pointers(void)
{
	static const struct {
		size_t base;
		int word;
	} ptrs[] = { { 1, 2 }, { 1, 4 },  { 2, 2 },  { 2, 4 },  { 3, 2 },  { 4, 2 },  { 4, 4 }, { 5, 2 },
		     { 5, 4 }, { 11, 2 }, { 11, 4 }, { 12, 0 }, { 13, 0 }, { 21, 2 }, { 22, 0 } };
	static const uint64_t to[] = { 0,
				       8,
				       0x00007ffffffff000ull,
				       0xffffffff80000000ull,
				       0xffffffffffffffffull,
				       0xdead000000000000ull };

	for (size_t i = 0; i < ARRAY_SIZE(ptrs); i++)
		for (size_t j = 0; j < ARRAY_SIZE(to); j++) {
			const struct base *b = &bases[ptrs[i].base];
			union row_attr r = of(b);

			r.w[ptrs[i].word] = (uint32_t)to[j];
			r.w[ptrs[i].word + 1] = to[j] >> 32;
			say("%s with pointer %d to %#llx", b->name, ptrs[i].word * 4,
			    (unsigned long long)to[j]);
			make(b, &r, b->size);
		}
}

/* Modes and freezing, in order, on a map of every type. */
static void freezing(void)
{
	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++) {
		const struct world_map *w = &world_maps[t];
		int fd = world_map_of(w);
		union row_attr e = { .a = { .map_fd = fd, .key = w->key ? P(key) : 0, .value = P(value) } };
		union row_attr f = { .a = { .map_fd = fd } };
		union row_attr d = { .a.batch = { .map_fd = fd,
						  .keys = P(batch_keys),
						  .values = P(batch_values),
						  .out_batch = P(cursor) } };
		static const int cmds[] = { BPF_MAP_FREEZE,
					    BPF_MAP_FREEZE,
					    BPF_MAP_LOOKUP_ELEM,
					    BPF_MAP_UPDATE_ELEM,
					    BPF_MAP_DELETE_ELEM,
					    BPF_MAP_GET_NEXT_KEY,
					    BPF_MAP_LOOKUP_AND_DELETE_ELEM };
		static const int batches[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH,
					       BPF_MAP_DELETE_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH };

		for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
			say("frozen %s, command %d", type_name(w->type), cmds[i]);
			result(raw_bpf(cmds[i], i < 2 ? &f : &e,
				       i < 2                            ? 4
				       : cmds[i] == BPF_MAP_DELETE_ELEM ? 16
									: 24));
		}
		for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
			say("frozen %s, batch command %d", type_name(w->type), batches[i]);
			result(raw_bpf(batches[i], &d, 56));
		}
		close(fd);
	}
}

/* info_len: how much is copied and what is written back; the tail must be zero. */
static void infos(void)
{
	static const struct {
		const char *what;
		int fd;
		uint32_t known;
	} kinds[] = { { "map", HASH, 104 }, { "program", FD_PROG, 232 }, { "BTF", FD_BTF, 32 } };
	static const uint32_t lens[] = { 0,   1,   4,   24,  31,  32,  33,  64,  80,   88,   96,        103,
					 104, 105, 128, 200, 231, 232, 233, 500, 4096, 4097, 0xffffffff };
	static uint8_t buf[4200];

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
			for (int dirty = 0; dirty < 2; dirty++) {
				union row_attr r = { .a.info = { .bpf_fd = kinds[k].fd,
								 .info_len = lens[i],
								 .info = ptr(buf) } };
				int ret, e;

				memset(buf, 0, sizeof(buf));
				if (dirty && lens[i] > kinds[k].known && lens[i] <= 4096)
					buf[lens[i] - 1] = 1;
				else if (dirty)
					continue;
				ret = raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16);
				e = errno;
				say("info of a %s, %u bytes%s, then %u", kinds[k].what, lens[i],
				    dirty ? " with a tail" : "", r.a.info.info_len);
				errno = e;
				result(ret);
			}
}

/* What info says of the world's maps, ids left out; and of the program. */
static void info_contents(void)
{
	for (int fd = FD_MAP; fd <= FD_PROG_XDP; fd++) {
		struct bpf_map_info m = { 0 };
		union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = sizeof(m), .info = ptr(&m) } };

		if (fd >= FD_BTF || raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16))
			continue;
		say("fd %d is type=%u id=%d key=%u value=%u max=%u flags=%#x ifindex=%u vmlinux=%u "
		    "btf=%d,%u,%u\n",
		    fd, m.type, m.id != 0, m.key_size, m.value_size, m.max_entries, m.map_flags, m.ifindex,
		    m.btf_vmlinux_value_type_id, m.btf_id != 0, m.btf_key_type_id, m.btf_value_type_id);
	}
	for (int fd = FD_PROG; fd <= FD_PROG_XDP; fd++) {
		struct bpf_prog_info p = { 0 };
		union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = sizeof(p), .info = ptr(&p) } };

		say("program %d", fd);
		result(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16));
		say("  type=%u id=%d tag=%02x%02x%02x%02x maps=%u uid=%u gpl=%u name=%s btf=%u\n", p.type,
		    p.id != 0, p.tag[0], p.tag[1], p.tag[2], p.tag[3], p.nr_map_ids, p.created_by_uid,
		    p.gpl_compatible, p.name, p.btf_id);
	}
}

static uint32_t id_of(int fd)
{
	uint32_t w[26] = { 0 };
	union row_attr r = {
		.a.info = { .bpf_fd = fd, .info_len = fd == FD_BTF ? 0 : sizeof(w), .info = ptr(w) }
	};

	if (fd == FD_BTF)
		r.a.info.info_len = 32;
	return raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) ? 0 : w[fd == FD_BTF ? 3 : 1];
}

/* By id: words 1 and 2 of the attr (next_id, open_flags) and what the fd may do then. */
static void by_id(void)
{
	static const struct {
		const char *what;
		int cmd, fd;
	} kinds[] = { { "map", BPF_MAP_GET_FD_BY_ID, HASH },
		      { "program", BPF_PROG_GET_FD_BY_ID, FD_PROG },
		      { "BTF", BPF_BTF_GET_FD_BY_ID, FD_BTF } };
	static const uint32_t flags[][2] = { { 0, 0 },    { 1, 0 }, { 0, 8 },      { 0, 0x10 },
					     { 0, 0x18 }, { 0, 1 }, { 0, 0x4000 }, { 0, 0x80000000 } };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			union row_attr r = { .w = { id_of(kinds[k].fd), flags[i][0], flags[i][1] } };
			int fd = raw_bpf(kinds[k].cmd, &r, 12), e = errno;

			say("%s by id, next_id=%u open_flags=%#x", kinds[k].what, flags[i][0], flags[i][1]);
			if (fd >= 0)
				say(" access=%d cloexec=%d", fcntl(fd, F_GETFL) & O_ACCMODE,
				    fcntl(fd, F_GETFD));
			errno = e;
			result_fd(fd);
		}
		for (uint64_t id = 0xfffffff0; id <= 0xffffffff; id += 15) {
			union row_attr r = { .w = { id } };

			say("%s by id %#llx", kinds[k].what, (unsigned long long)id);
			result_fd(raw_bpf(kinds[k].cmd, &r, 4));
		}
	}
}

static void next_ids(void)
{
	static const int cmds[] = { BPF_MAP_GET_NEXT_ID, BPF_PROG_GET_NEXT_ID, BPF_BTF_GET_NEXT_ID };
	static const uint32_t start[] = { 0, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff };

	for (size_t c = 0; c < ARRAY_SIZE(cmds); c++)
		for (size_t i = 0; i < ARRAY_SIZE(start); i++)
			for (uint32_t flags = 0; flags < 2; flags++) {
				union row_attr r = { .w = { start[i], 0, flags } };

				say("command %d from %#x flags=%u", cmds[c], start[i], flags);
				result(raw_bpf(cmds[c], &r, 12));
			}
}

/* Commands that no kernel of this age knows, and those cut off by their number. */
static void unknown(void)
{
	static const int cmds[] = { 39, 40, 1000, -1, 0x7fffffff, 0x10005, 0x10000 };
	union row_attr r = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		say("command %#x", cmds[i]);
		result(raw_bpf(cmds[i], &r, 16));
		say("command %#x of 5000 bytes", cmds[i]);
		result(raw_bpf(cmds[i], &r, 5000));
	}
}

/* The calls of a thread that gave its privilege away by a raw system call: only that thread is refused. */
static void *unprivileged(void *arg)
{
	must(syscall(SYS_setresuid, 65534, 65534, 65534) == 0, "another uid");
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		union row_attr r = of(&bases[i]);

		say("unprivileged %s", bases[i].name);
		make(&bases[i], &r, bases[i].size);
	}
	for (size_t t = 0; t < ARRAY_SIZE(world_maps); t++) {
		say("unprivileged map_create %s", type_name(world_maps[t].type));
		result_fd(world_map_of(&world_maps[t]));
	}
	say("unprivileged map_create of no type");
	result_fd(world_map(1000, 4, 4, 1, 0));
	say("unprivileged map_create without a key");
	result_fd(world_map(BPF_MAP_TYPE_HASH, 0, 4, 1, 0));
	say("unprivileged map_create of too large values");
	result_fd(world_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 40000, 1, 0));
	by_id();
	next_ids();
	unknown();
	return NULL;
}

static void in_thread(void *(*f)(void *))
{
	pthread_t t;

	fflush(stdout);
	must(pthread_create(&t, NULL, f, NULL) == 0, "a thread");
	pthread_join(t, NULL);
	say("the other thread keeps its privilege");
	result_fd(world_map(BPF_MAP_TYPE_HASH, 4, 4, 1, 0));
}

/* TOKEN_CREATE wants a bpffs root and a user namespace of its own. */
static void tokens(void)
{
	static const int fds[] = { FD_DIR, FD_DIR_PATH, FD_NULL, FD_CLOSED, HASH, -1 };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		for (uint32_t flags = 0; flags < 2; flags++) {
			union row_attr r = { .w = { flags, fds[i] } };

			say("token_create on fd %d flags=%u", fds[i], flags);
			result_fd(raw_bpf(CMD_TOKEN_CREATE, &r, 8));
		}
	for (uint32_t type = 0; type < 3; type++) {
		union row_attr r = { .w = { type } };

		say("enable_stats of type %u", type);
		result_fd(raw_bpf(BPF_ENABLE_STATS, &r, 4));
	}
}

int main(void)
{
	world_enter();
	place(open(world_bpffs(), O_RDONLY | O_DIRECTORY), FD_DIR, "a bpffs directory");
	place(open(world_dir, O_PATH), FD_DIR_PATH, "a bpffs directory");
	world_leave();
	arena_make();
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		sizes(&bases[i]);
		fds(&bases[i]);
	}
	pointers();
	freezing();
	infos();
	info_contents();
	by_id();
	next_ids();
	unknown();
	tokens();
	in_thread(unprivileged);
	return 0;
}
