// SPDX-License-Identifier: BSD-2-Clause
/*
 * Program tags beside the kernel's, for programs of all lengths around the
 * hash's block; and what a program holds: its map lives as long as it does.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "prog/prog.h"
#include "store/ref.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define LONGEST 150

static long bpf(int here, int cmd, union bpf_attr *a)
{
	return here ? self_bpf(cmd, a, sizeof(*a)) : syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int load(int here, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };

	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	return (int)bpf(here, BPF_PROG_LOAD, &a);
}

static int info(int here, int fd, void *to, u32 len)
{
	union bpf_attr a = { .info = { .bpf_fd = (u32)fd, .info_len = len, .info = (uintptr_t)to } };

	return (int)bpf(here, BPF_OBJ_GET_INFO_BY_FD, &a);
}

static int make_map(int here)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};

	return (int)bpf(here, BPF_MAP_CREATE, &a);
}

/* n instructions, the first two naming a map where there is one. */
static u32 program(struct bpf_insn *p, u32 n, int map)
{
	for (u32 i = 0; i < n; i++)
		p[i] = (struct bpf_insn){ .code = 0xb7, .imm = (s32)(i * 77) };
	if (map >= 0) {
		p[0] = (struct bpf_insn){
			.code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map
		};
		p[1] = (struct bpf_insn){ .imm = 4 };
	}
	p[n++] = (struct bpf_insn){ .code = 0xb7 };
	p[n++] = (struct bpf_insn){ .code = 0x95 };
	return n;
}

static void tags(void)
{
	int maps[2] = { make_map(0), make_map(1) };
	u32 same = 0, n = 0;

	for (u32 len = 2; len < LONGEST; len++) {
		struct bpf_insn p[LONGEST + 2];
		struct bpf_prog_info i[2] = { 0 };

		for (int here = 0; here < 2; here++) {
			u32 cnt = program(p, len, len % 2 ? maps[here] : -1);
			int fd = load(here, p, cnt);

			info(here, fd, &i[here], sizeof(i[here]));
			close(fd);
		}
		n++;
		same += i[0].id && !memcmp(i[0].tag, i[1].tag, sizeof(i[0].tag));
	}
	ok(same == n, "%u of %u tags equal", same, n);
	close(maps[0]);
	close(maps[1]);
}

static void holds(void)
{
	int map = make_map(1), prog, fd;
	struct bpf_map_info m = { 0 };
	struct bpf_prog_info i = { 0 };
	struct bpf_insn p[8];
	union bpf_attr a = { 0 };

	info(1, map, &m, sizeof(m));
	prog = load(1, p, program(p, 2, map));
	info(1, prog, &i, sizeof(i));
	ok(prog >= 0 && i.nr_map_ids == 1, "a program with a map");
	obj_close(map, OBJ_MAP, m.id);
	a.map_id = m.id;
	fd = (int)self_bpf(BPF_MAP_GET_FD_BY_ID, &a, sizeof(a));
	ok(fd >= 0, "the map lives in the program");
	obj_close(fd, OBJ_MAP, m.id);
	ok(obj_close(prog, OBJ_PROG, i.id) == 1, "the program goes with its fd");
	ok(self_bpf(BPF_MAP_GET_FD_BY_ID, &a, sizeof(a)) == -ENOENT, "and the map with the program");
}

int main(void)
{
	static const struct bpf_insn zero[] = { { .code = 0xb7 }, { .code = 0x95 } };
	static const u8 known[8] = { 0x59, 0xf4, 0xa9, 0x31, 0x74, 0x4d, 0xcd, 0xc6 };
	u8 tag[8];
	int fd;

	prog_tag(tag, zero, 2);
	ok(!memcmp(tag, known, 8), "the tag of r0 = 0; exit");
	if (!ok(!self_open("prog-tag"), "a store"))
		return done();
	holds();
	fd = load(0, zero, 2);
	if (fd < 0) {
		skip("no PROG_LOAD by the kernel here");
	} else {
		close(fd);
		tags();
	}
	return done();
}
