// SPDX-License-Identifier: BSD-2-Clause
/*
 * Values as text, beside the kernel's: an array map of each type with seeded
 * values is pinned on a bpffs of the test's own and read, and each line must be
 * what btf_show makes of the same bytes. Pointers are not compared: the kernel
 * hides them with a secret.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "btf/btf_show.h"
#include "tests/abi/btf_blobs.h"
#include "tests/lib/tap.h"

#define DIR     "/dev/shm/pinfs-btf-show"
#define ENTRIES 64

enum {
	T_INT = 1,
	T_U32,
	T_S8,
	T_U8,
	T_CHAR,
	T_BOOL,
	T_U64,
	T_S64,
	T_U16,
	T_S16,
	T_ENUM,
	T_SENUM,
	T_ENUM64,
	T_ENUM1,
	T_STRUCT,
	T_UNION,
	T_BITS,
	T_CHARS,
	T_INTS,
	T_NEST,
	T_ARRS,
	T_TYPEDEF,
	T_CONST,
	T_U128,
	T_STRUCTS,
	T_BYTES,
	T_OLDBITS,
	T_BIT31,
	T_FLOAT,
	T_FSTRUCT,
	T_STRS,
	T_NONE,
	T_EMPTY,
	T_END
};

static const w32 words[] = {
	INT32,
	INT(N_int, 4, 32),
	INT(N_int, 1, 0x01000008),
	INT(N_int, 1, 8),
	INT(N_char, 1, 0x02000008),
	INT(N_A, 1, 0x04000008),
	INT(N_int, 8, 64),
	INT(N_int, 8, 0x01000040),
	INT(N_int, 2, 16),
	INT(N_int, 2, 0x01000010),
	TYPE(N_T, K_ENUM, 2, 4),
	N_b,
	0,
	N_c,
	1,
	KTYPE(N_T, K_ENUM, 2, 4),
	N_b,
	0,
	N_c,
	-1,
	TYPE(N_T, K_ENUM64, 2, 8),
	N_b,
	0,
	0,
	N_c,
	1,
	0,
	TYPE(N_T, K_ENUM, 2, 1),
	N_b,
	0,
	N_c,
	1,
	TYPE(N_A, K_STRUCT, 3, 8),
	MEMBER(N_b, T_INT, 0),
	MEMBER(N_c, T_S16, 32),
	MEMBER(N_f, T_U8, 48),
	TYPE(N_A, K_UNION, 2, 8),
	MEMBER(N_b, T_U64, 0),
	MEMBER(N_c, T_S8, 0),
	KTYPE(N_A, K_STRUCT, 4, 8),
	MEMBER(N_b, T_INT, BITS(5, 0)),
	MEMBER(N_c, T_U32, BITS(13, 5)),
	MEMBER(N_f, T_ENUM, BITS(2, 18)),
	MEMBER(N_A, T_U32, BITS(0, 32)),
	ARRAY(T_CHAR, T_INT, 8),
	ARRAY(T_INT, T_INT, 3),
	TYPE(N_A, K_STRUCT, 3, 24),
	MEMBER(N_b, T_STRUCT, 0),
	MEMBER(N_c, T_CHARS, 64),
	MEMBER(N_f, T_UNION, 128),
	ARRAY(T_INTS, T_INT, 2),
	TYPE(N_T, K_TYPEDEF, 0, T_NEST),
	TYPE(0, K_CONST, 0, T_TYPEDEF),
	INT(N_int, 16, 128),
	ARRAY(T_STRUCT, T_INT, 2),
	ARRAY(T_U8, T_INT, 8),
	TYPE(N_A, K_STRUCT, 2, 4),
	MEMBER(N_b, T_BIT31, 0),
	MEMBER(N_c, T_BIT31, 13),
	INT(N_int, 4, 7),
	TYPE(N_f, K_FLOAT, 0, 4),
	TYPE(N_A, K_STRUCT, 2, 8),
	MEMBER(N_b, T_FLOAT, 0),
	MEMBER(N_c, T_INT, 32),
	ARRAY(T_CHARS, T_INT, 2),
	ARRAY(T_INT, T_INT, 0),
	TYPE(N_A, K_STRUCT, 2, 4),
	MEMBER(N_b, T_NONE, 0),
	MEMBER(N_c, T_INT, 0),
	BLOB_END,
};

static struct blob blob;
static struct btf_view view;
static char text[1 << 16];
static size_t len;

static void put(struct btf_sink *s, const char *p, size_t n)
{
	if (len + n < sizeof(text))
		memcpy(text + len, p, n);
	len += n;
}

static int sys(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int load_btf(void)
{
	union bpf_attr a = { .btf = (uintptr_t)blob.b, .btf_size = blob.size };

	return sys(BPF_BTF_LOAD, &a);
}

static int make_map(int btf, u32 id, u32 size)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = size };

	a.max_entries = ENTRIES;
	a.btf_fd = (u32)btf;
	a.btf_key_type_id = T_INT;
	a.btf_value_type_id = id;
	return sys(BPF_MAP_CREATE, &a);
}

static void set(int map, u32 key, const void *value)
{
	union bpf_attr a = { .map_fd = (u32)map };

	a.key = (uintptr_t)&key;
	a.value = (uintptr_t)value;
	sys(BPF_MAP_UPDATE_ELEM, &a);
}

/* Bytes that make all branches likely: small numbers, letters, NULs, anything. */
static void fill(u8 *p, u32 n, uint64_t *seed)
{
	u32 how = blob_rand(seed) % 4;

	for (u32 i = 0; i < n; i++)
		p[i] = (u8)(how == 0   ? 0
			    : how == 1 ? !(i % 4)
			    : how == 2 ? 'a' + blob_rand(seed) % 26
				       : blob_rand(seed));
	if (how == 2 && blob_rand(seed) % 2)
		p[blob_rand(seed) % n] = 0;
}

static char *read_pin(int map)
{
	static char buf[1 << 16];
	union bpf_attr a = { .pathname = (uintptr_t)DIR "/m", .bpf_fd = (u32)map };
	ssize_t n, at = 0;
	int fd;

	buf[0] = 0;
	if (sys(BPF_OBJ_PIN, &a))
		return buf;
	fd = open(DIR "/m", O_RDONLY);
	while (fd >= 0 && (n = read(fd, buf + at, sizeof(buf) - 1 - (size_t)at)) > 0)
		at += n;
	buf[at] = 0;
	close(fd);
	unlink(DIR "/m");
	return buf;
}

static void one_type(int btf, u32 id, uint64_t *seed)
{
	struct btf_sink sink = { .put = put };
	u8 values[ENTRIES][32];
	u32 size = 0, at = id, bad = 0, n = 0;
	char *line, *save;
	int map;

	btf_id_size(&view, &at, &size);
	map = make_map(btf, id, size);
	for (u32 i = 0; i < ENTRIES; i++) {
		fill(values[i], size, seed);
		set(map, i, values[i]);
	}
	line = strtok_r(read_pin(map), "\n", &save);
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (*line == '#')
			continue;
		len = 0;
		btf_show(&view, id, values[n++ % ENTRIES], size, &sink);
		text[len] = 0;
		if (value && strcmp(value + 1, text) && bad++ < 3)
			diag("kernel %s here %s", line, text);
	}
	ok(!bad && n == ENTRIES, "type %u: %u of %u values equal", id, n - bad, n);
	close(map);
}

static const char *own_bpffs(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "no mount namespace";
	mkdir(DIR, 0700);
	return mount("bpffs", DIR, "bpf", 0, NULL) ? "no bpffs" : NULL;
}

int main(void)
{
	uint64_t seed = 7;
	const char *why;
	int btf;

	blob_make(&blob, words);
	if (!ok(!btf_check(&view, blob.b, blob.size, NULL), "types"))
		return done();
	why = own_bpffs();
	btf = load_btf();
	if (why || btf < 0)
		skip(why ? why : "no BTF_LOAD by the kernel here");
	for (u32 id = 1; !why && btf >= 0 && id < T_END; id++)
		if (id != T_NONE)
			one_type(btf, id, &seed);
	umount2(DIR, MNT_DETACH);
	rmdir(DIR);
	return done();
}
