// SPDX-License-Identifier: BSD-2-Clause
/*
 * OBJ_PIN and OBJ_GET, PROG_LOAD and BTF_LOAD refusals, row by row.
 *
 * Pins live in a fresh bpffs directory, filled as setup[] says; `%` at the
 * start of a path stands for it. Pinning rows that succeed are unlinked at
 * once, so rows do not depend on each other.
 */
#include <pthread.h>
#include "abi/world.h"

#define HASH (FD_MAP + BPF_MAP_TYPE_HASH)
#define LONG_NAME_250                                                                                        \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjj" \
	"jj"                                                                                                 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjj" \
	"jj"                                                                                                 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

static char full[4300];

/* '%' becomes the world's directory. */
static const char *at(const char *path)
{
	if (!path || path[0] != '%')
		return path;
	snprintf(full, sizeof(full), "%s%s", world_dir, path + 1);
	return full;
}

struct pin_row {
	const char *path;
	uint32_t fd, flags, path_fd;
};

static const struct pin_row pins[] = {
	{ "%/new", HASH, 0, 0 },
	{ "%/new", FD_PROG, 0, 0 },
	{ "%/new", FD_BTF, 0, 0 },
	{ "%/new", FD_RDONLY, 0, 0 },
	{ "%/new", FD_WRONLY, 0, 0 },
	{ "%/new", FD_FROZEN, 0, 0 },
	{ "%/new", FD_CLOSED, 0, 0 },
	{ "%/new", 0xffffffff, 0, 0 },
	{ "%/new", FD_NULL, 0, 0 },
	{ "%/new", FD_DIR, 0, 0 },
	{ "%/map", HASH, 0, 0 },
	{ "%/map", FD_CLOSED, 0, 0 },
	{ "%/prog", HASH, 0, 0 },
	{ "%/dir", HASH, 0, 0 },
	{ "%/link", HASH, 0, 0 },
	{ "%/dangling", HASH, 0, 0 },
	{ "%", HASH, 0, 0 },
	{ "%/", HASH, 0, 0 },
	{ "%/.", HASH, 0, 0 },
	{ "%/..", HASH, 0, 0 },
	{ "/sys/fs/bpf", HASH, 0, 0 },
	{ "%/dir/new", HASH, 0, 0 },
	{ "%/dir//new", HASH, 0, 0 },
	{ "%/dir/./new", HASH, 0, 0 },
	{ "%/dir/../new", HASH, 0, 0 },
	{ "%/dirlink/new", HASH, 0, 0 },
	{ "%/none/new", HASH, 0, 0 },
	{ "%/map/new", HASH, 0, 0 },
	{ "%/dangling/new", HASH, 0, 0 },
	{ "%/loop/new", HASH, 0, 0 },
	{ "%/loop", HASH, 0, 0 },
	{ "%/new/", HASH, 0, 0 },
	{ "%/map/", HASH, 0, 0 },
	{ "%/a.b", HASH, 0, 0 },
	{ "%/.a", HASH, 0, 0 },
	{ "%/a.", HASH, 0, 0 },
	{ "%/...", HASH, 0, 0 },
	{ "%/a.b/new", HASH, 0, 0 },
	{ "%/a b-c:d\xc3\xa4\n", HASH, 0, 0 },
	{ "%/" LONG_NAME_250 "12345", HASH, 0, 0 },
	{ "%/" LONG_NAME_250 "123456", HASH, 0, 0 },
	{ "", HASH, 0, 0 },
	{ NULL, HASH, 0, 0 },
	{ "/new", HASH, 0, 0 },
	{ "/tmp/new", HASH, 0, 0 },
	{ "/dev/null", HASH, 0, 0 },
	{ "/dev/shm/new", HASH, 0, 0 },
	{ "/proc/new", HASH, 0, 0 },
	{ "/no/such/place", HASH, 0, 0 },
	{ "%/new", HASH, 8, 0 },
	{ "%/new", HASH, 0x10, 0 },
	{ "%/new", HASH, 1, 0 },
	{ "%/new", HASH, 0x80000000, 0 },
	{ "%/new", HASH, 0, FD_DIR },
	{ "%/new", HASH, F_PATH_FD, FD_CLOSED },
	{ "new", HASH, F_PATH_FD, FD_DIR },
	{ "new", HASH, F_PATH_FD, FD_DIR_PATH },
	{ "dir/new", HASH, F_PATH_FD, FD_DIR_PATH },
	{ "map", HASH, F_PATH_FD, FD_DIR },
	{ "new", HASH, F_PATH_FD, FD_NULL },
	{ "new", HASH, F_PATH_FD, FD_CLOSED },
	{ "new", HASH, F_PATH_FD, 0xffffffff },
	{ "new", HASH, F_PATH_FD, HASH },
	{ "new", HASH, F_PATH_FD, FD_TMP },
	{ "", HASH, F_PATH_FD, FD_DIR },
	{ ".", HASH, F_PATH_FD, FD_DIR },
	{ "new", HASH, F_PATH_FD | 8, FD_DIR },
};

static const struct pin_row gets[] = {
	{ "%/map", 0, 0, 0 },
	{ "%/map", 0, 8, 0 },
	{ "%/map", 0, 0x10, 0 },
	{ "%/map", 0, 0x18, 0 },
	{ "%/map", 0, 1, 0 },
	{ "%/map", 0, 0x80000000, 0 },
	{ "%/map", 1, 0, 0 },
	{ "%/map", HASH, 0, 0 },
	{ "%/map", 0, 0, FD_DIR },
	{ "%/prog", 0, 0, 0 },
	{ "%/prog", 0, 8, 0 },
	{ "%/prog", 0, 0x10, 0 },
	{ "%/prog", 0, 0x18, 0 },
	{ "%/hard", 0, 0, 0 },
	{ "%/link", 0, 0, 0 },
	{ "%/link", 0, 8, 0 },
	{ "%/dangling", 0, 0, 0 },
	{ "%/loop", 0, 0, 0 },
	{ "%/dirlink/inside", 0, 0, 0 },
	{ "%/dir/../map", 0, 0, 0 },
	{ "%/./map", 0, 0, 0 },
	{ "%//map", 0, 0, 0 },
	{ "%/none", 0, 0, 0 },
	{ "%/none", 0, 8, 0 },
	{ "%/none/map", 0, 0, 0 },
	{ "%/map/", 0, 0, 0 },
	{ "%/map/x", 0, 0, 0 },
	{ "%/map/.", 0, 0, 0 },
	{ "%/dir", 0, 0, 0 },
	{ "%/dir", 0, 8, 0 },
	{ "%/dir/", 0, 0, 0 },
	{ "%", 0, 0, 0 },
	{ "%/", 0, 0, 0 },
	{ "%/.", 0, 0, 0 },
	{ "/sys/fs/bpf", 0, 0, 0 },
	{ "%/a.b", 0, 0, 0 },
	{ "%/.map", 0, 0, 0 },
	{ "%/a.b/map", 0, 0, 0 },
	{ "%/" LONG_NAME_250 "12345", 0, 0, 0 },
	{ "%/" LONG_NAME_250 "123456", 0, 0, 0 },
	{ "", 0, 0, 0 },
	{ NULL, 0, 0, 0 },
	{ "/etc/passwd", 0, 0, 0 },
	{ "/tmp", 0, 0, 0 },
	{ "/dev/null", 0, 0, 0 },
	{ "/proc/self/stat", 0, 0, 0 },
	{ "/no/such/place", 0, 0, 0 },
	{ "map", 0, F_PATH_FD, FD_DIR },
	{ "map", 0, F_PATH_FD, FD_DIR_PATH },
	{ "map", 0, F_PATH_FD | 8, FD_DIR },
	{ "map", 0, F_PATH_FD | 0x18, FD_DIR },
	{ "dir/inside", 0, F_PATH_FD, FD_DIR },
	{ "none", 0, F_PATH_FD, FD_DIR },
	{ "%/map", 0, F_PATH_FD, FD_CLOSED },
	{ "map", 0, F_PATH_FD, FD_CLOSED },
	{ "map", 0, F_PATH_FD, FD_NULL },
	{ "map", 0, F_PATH_FD, HASH },
	{ "map", 0, F_PATH_FD, FD_TMP },
	{ "", 0, F_PATH_FD, FD_DIR },
	{ "..", 0, F_PATH_FD, FD_DIR },
};

static void say_row(const char *what, const struct pin_row *p)
{
	size_t len = p->path ? strlen(p->path) : 0;

	say("%s %.*s%s fd=%d flags=%#x path_fd=%d", what,
	    p->path && p->path[0] && p->path[len - 1] == '\n' ? (int)len - 1 : 60, p->path ? p->path : "NULL",
	    len > 60 ? "..." : "", (int)p->fd, p->flags, (int)p->path_fd);
}

static int obj(int cmd, const struct pin_row *p)
{
	const char *path = at(p->path);
	union row_attr r = { .a = { .pathname = ptr(path), .bpf_fd = p->fd, .file_flags = p->flags } };

	r.w[4] = p->path_fd;
	return raw_bpf(cmd, &r, 20);
}

static void pin(const struct pin_row *p)
{
	struct stat st;
	int r = obj(BPF_OBJ_PIN, p);

	say_row("pin", p);
	if (result(r) < 0)
		return;
	must(fstatat(p->path[0] == '%' ? AT_FDCWD : (int)p->path_fd, at(p->path), &st, AT_SYMLINK_NOFOLLOW) ==
		     0,
	     "stat of a pin");
	say("  mode=%o size=%d uid=%d\n", st.st_mode, (int)st.st_size, (int)st.st_uid);
	must(unlinkat(p->path[0] == '%' ? AT_FDCWD : (int)p->path_fd, at(p->path), 0) == 0,
	     "unlink of a pin");
}

static void get(const struct pin_row *p)
{
	int fd = obj(BPF_OBJ_GET, p), e = errno;

	say_row("get", p);
	if (fd >= 0)
		say(" access=%d cloexec=%d", fcntl(fd, F_GETFL) & O_ACCMODE, fcntl(fd, F_GETFD));
	errno = e;
	result_fd(fd);
}

/* What an fd got with RDONLY or WRONLY may do. */
static void modes(void)
{
	static const struct {
		int cmd;
		const char *name;
		uint32_t size;
	} ops[] = { { BPF_MAP_LOOKUP_ELEM, "lookup", 32 },
		    { BPF_MAP_UPDATE_ELEM, "update", 32 },
		    { BPF_MAP_DELETE_ELEM, "delete", 16 },
		    { BPF_MAP_GET_NEXT_KEY, "next_key", 24 },
		    { BPF_MAP_LOOKUP_AND_DELETE_ELEM, "lookup_and_delete", 32 } };
	static uint64_t key = 1, value[64];

	for (uint32_t flags = 0; flags <= 0x10; flags += 8) {
		struct pin_row p = { "%/map", 0, flags, 0 };
		int fd = obj(BPF_OBJ_GET, &p);
		union row_attr r = { .a = { .map_fd = fd, .key = ptr(&key), .value = ptr(value) } };
		union row_attr b = { .a.batch = { .map_fd = fd,
						  .keys = ptr(value),
						  .values = ptr(value),
						  .out_batch = ptr(value) } };
		struct pin_row again = { "%/again", fd, 0, 0 };

		for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
			say("got with %#x: %s", flags, ops[i].name);
			result(raw_bpf(ops[i].cmd, &r, ops[i].size));
		}
		for (int cmd = BPF_MAP_LOOKUP_BATCH; cmd <= BPF_MAP_DELETE_BATCH; cmd++) {
			say("got with %#x: batch command %d", flags, cmd);
			result(raw_bpf(cmd, &b, 56));
		}
		if (flags == 8) {
			say("got with %#x: freeze", flags);
			result(raw_bpf(BPF_MAP_FREEZE, &r, 4));
		}
		say("got with %#x: pinned again", flags);
		result(obj(BPF_OBJ_PIN, &again));
		unlink(at("%/again"));
		close(fd);
	}
}

/*
 * File modes decide for a thread without privilege. (That it pins an fd it has inherited is left out: this
 * wants the right to link to a stranger's file, which differs by design.)
 */
static void *as_nobody(void *arg)
{
	static const mode_t of_file[] = { 0600, 0644, 0622, 0666, 0444, 0222, 0 };

	must(syscall(SYS_setresuid, 65534, 65534, 65534) == 0, "another uid");
	for (size_t i = 0; i < ARRAY_SIZE(of_file); i++)
		for (uint32_t flags = 0; flags <= 0x10; flags += 8) {
			char name[32];
			struct pin_row p = { name, 0, flags, 0 };

			snprintf(name, sizeof(name), "%%/mode%o", of_file[i]);
			say("unprivileged ");
			get(&p);
		}
	for (size_t i = 0; i < ARRAY_SIZE(gets); i += 3) {
		say("unprivileged ");
		get(&gets[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pins); i += 2) {
		say("unprivileged ");
		pin(&pins[i]);
	}
	static const struct pin_row shut[] = { { "%/shut/inside", 0, 0, 0 }, { "%/shut", 0, 0, 0 } };

	say("unprivileged ");
	get(&shut[0]);
	say("unprivileged ");
	get(&shut[1]);
	return NULL;
}

static void nobody(void)
{
	static const mode_t of_file[] = { 0600, 0644, 0622, 0666, 0444, 0222, 0 };
	char name[32];
	pthread_t t;

	for (size_t i = 0; i < ARRAY_SIZE(of_file); i++) {
		struct pin_row p = { name, world_map(BPF_MAP_TYPE_HASH, 4, 8, 4, 0), 0, 0 };

		snprintf(name, sizeof(name), "%%/mode%o", of_file[i]);
		must(obj(BPF_OBJ_PIN, &p) == 0 && chmod(at(name), of_file[i]) == 0, "a pin with a mode");
		close(p.fd);
	}
	must(mkdir(at("%/shut"), 0700) == 0, "a closed directory");
	fflush(stdout);
	must(pthread_create(&t, NULL, as_nobody, NULL) == 0, "a thread");
	pthread_join(t, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(of_file); i++) {
		snprintf(name, sizeof(name), "%%/mode%o", of_file[i]);
		unlink(at(name));
	}
	rmdir(at("%/shut"));
}

/* PROG_LOAD: arguments that are refused before a program is looked at. */
static void prog_loads(void)
{
	static const char license[] = "GPL";
	static char log[4096];
#define LOAD(...)                                                                                            \
	{                                                                                                    \
		.prog_type = 1, .insn_cnt = 2, .insns = (uintptr_t)prog_return_0,                            \
		.license = (uintptr_t)license, ##__VA_ARGS__                                                 \
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
	static const struct {
		union bpf_attr a;
	} rows[] = {
		{ LOAD() },
		{ LOAD(.insn_cnt = 0) },
		{ LOAD(.insn_cnt = 1000001) },
		{ LOAD(.insns = 0) },
		{ LOAD(.insns = 8) },
		{ LOAD(.license = 0) },
		{ LOAD(.license = 8) },
		{ LOAD(.prog_type = 0) },
		{ LOAD(.prog_type = 33) },
		{ LOAD(.prog_type = 1000) },
		{ LOAD(.prog_flags = 0x80000000) },
		{ LOAD(.prog_flags = 0x100) },
		{ LOAD(.prog_flags = 1) },
		{ LOAD(.prog_flags = 16) },
		{ LOAD(.prog_name = "name") },
		{ LOAD(.prog_name = "a-b") },
		{ LOAD(.prog_name = "a.b_c") },
		{ LOAD(.log_level = 1) },
		{ LOAD(.log_level = 0, .log_size = 100) },
		{ LOAD(.log_level = 0, .log_buf = (uintptr_t)log) },
		{ LOAD(.log_level = 1, .log_size = 100) },
		{ LOAD(.log_level = 1, .log_size = 4096, .log_buf = (uintptr_t)log) },
		{ LOAD(.log_level = 16, .log_size = 4096, .log_buf = (uintptr_t)log) },
		{ LOAD(.kern_version = 12345) },
		{ LOAD(.prog_btf_fd = FD_CLOSED) },
		{ LOAD(.prog_btf_fd = FD_CLOSED, .func_info_cnt = 1, .func_info_rec_size = 8,
		       .func_info = (uintptr_t)log) },
		{ LOAD(.attach_btf_id = 1) },
		{ LOAD(.attach_prog_fd = 1) },
		{ LOAD(.prog_type = 6) },
		{ LOAD(.prog_type = 2) },
		{ LOAD(.prog_type = 5) },
	};
#pragma GCC diagnostic pop

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union row_attr r = { .a = rows[i].a };

		say("prog_load row %zu type=%u", i, r.a.prog_type);
		result_fd(raw_bpf(BPF_PROG_LOAD, &r, 144));
	}
}

/* BTF_LOAD: each word of the header wrong in turn, and the blob cut at each length. */
static void btf_loads(void)
{
	static uint32_t copy[128];
	static const uint32_t words[] = {
		0, 1, 4, 0x7fffffff, 0xffffffff, 0x0002eb9f, 0x0101eb9f, 0x0001eb9e
	};

	for (uint32_t w = 0; w < 6; w++)
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			union row_attr r = { .a = { .btf = ptr(copy), .btf_size = btf_blob_size } };

			memcpy(copy, btf_blob, sizeof(copy));
			copy[w] = words[i];
			say("btf_load with header word %u = %#x", w, words[i]);
			result_fd(raw_bpf(BPF_BTF_LOAD, &r, 40));
		}
	for (uint32_t n = 0; n <= btf_blob_size + 4; n += 4) {
		union row_attr r = { .a = { .btf = ptr(btf_blob), .btf_size = n } };

		say("btf_load cut to %u bytes", n);
		result_fd(raw_bpf(BPF_BTF_LOAD, &r, 40));
	}
	for (uint32_t w = 6; w * 4 < btf_blob_size - sizeof(btf_strings); w++) {
		union row_attr r = { .a = { .btf = ptr(copy), .btf_size = btf_blob_size } };

		memcpy(copy, btf_blob, sizeof(copy));
		copy[w] ^= 0x01010101;
		say("btf_load with type word %u changed", w - 6);
		result_fd(raw_bpf(BPF_BTF_LOAD, &r, 40));
	}
}

static void setup(void)
{
	static const struct pin_row first[] = { { "%/map", HASH, 0, 0 },
						{ "%/prog", FD_PROG, 0, 0 },
						{ "%/dir/inside", HASH, 0, 0 } };

	must(mkdir(at("%/dir"), 0755) == 0, "a directory");
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		must(obj(BPF_OBJ_PIN, &first[i]) == 0, "a pin");
	must(symlink("map", at("%/link")) == 0 && symlink("nothing", at("%/dangling")) == 0 &&
		     symlink("loop", at("%/loop")) == 0 && symlink("dir", at("%/dirlink")) == 0,
	     "symlinks");
	must(linkat(FD_DIR, "map", FD_DIR, "hard", 0) == 0, "a hard link");
}

static void teardown(void)
{
	static const char *const files[] = { "%/map",      "%/prog", "%/dir/inside", "%/link",
					     "%/dangling", "%/loop", "%/dirlink",    "%/hard" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		must(unlink(at(files[i])) == 0, files[i]);
	must(rmdir(at("%/dir")) == 0, "rmdir");
	world_leave();
}

int main(void)
{
	world_enter();
	place(open(world_bpffs(), O_RDONLY | O_DIRECTORY), FD_DIR, "a bpffs directory");
	place(open(world_dir, O_PATH), FD_DIR_PATH, "a bpffs directory");
	place(open("/tmp", O_RDONLY | O_DIRECTORY), FD_TMP, "another directory");
	setup();
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++)
		pin(&pins[i]);
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++)
		get(&gets[i]);
	modes();
	nobody();
	teardown();
	prog_loads();
	btf_loads();
	return 0;
}
