// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program's file after somebody has changed it: what runs is verified, what
 * is shown does no harm, what makes no sense is EIO.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "prog/prog.h"
#include "store/store.h"
#include "sys/uapi_new.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"

#define INSNS 7

static int map, prog;
static u32 prog_id;
static char path[600];
static u8 whole[1 << 16];
static long whole_size;
static u64 seed = 1;

static u32 r(u32 n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % n;
}

static long call(int cmd, union bpf_attr_new *a)
{
	return self_bpf(cmd, a, sizeof(*a));
}

static int make_map(void)
{
	union bpf_attr_new a = { .map_create = { .map_type = BPF_MAP_TYPE_ARRAY,
						 .key_size = 4,
						 .value_size = 8,
						 .max_entries = 1 } };

	return (int)call(BPF_MAP_CREATE, &a);
}

/* The map's value grows by one; 5 is returned. */
static void fill(struct bpf_insn *p, int fd)
{
	const struct bpf_insn insns[INSNS] = {
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = fd },
		{ 0 },
		{ .code = 0x79, .dst_reg = 2, .src_reg = 1 },
		{ .code = 0x07, .dst_reg = 2, .imm = 1 },
		{ .code = 0x7b, .dst_reg = 1, .src_reg = 2 },
		{ .code = 0xb7, .imm = 5 },
		{ .code = 0x95 },
	};

	memcpy(p, insns, sizeof(insns));
}

static int make_prog(void)
{
	struct bpf_insn insns[INSNS];
	union bpf_attr_new a = { .prog_load = { .prog_type = BPF_PROG_TYPE_XDP,
						.insn_cnt = INSNS,
						.insns = ptr_to_u64(insns),
						.license = ptr_to_u64("GPL") } };

	fill(insns, map);
	return (int)call(BPF_PROG_LOAD, &a);
}

static long run(u32 *ret)
{
	static u8 data[64];
	union bpf_attr_new a = { .test_run = { .prog_fd = (u32)prog,
					       .data_size_in = sizeof(data),
					       .data_in = ptr_to_u64(data) } };
	long err = call(BPF_PROG_TEST_RUN, &a);

	*ret = a.test_run.retval;
	return err;
}

static u64 value(void)
{
	u32 key = 0;
	u64 v = 0;
	union bpf_attr_new a = {
		.elem = { .map_fd = (u32)map, .key = ptr_to_u64(&key), .value = ptr_to_u64(&v) }
	};

	call(BPF_MAP_LOOKUP_ELEM, &a);
	return v;
}

/* Everything that a program can be asked about, twice. */
static long info(struct bpf_prog_info_new *i)
{
	static u8 buf[10][1 << 14];
	union bpf_attr_new a = {
		.info = { .bpf_fd = (u32)prog, .info_len = sizeof(*i), .info = ptr_to_u64(i) }
	};
	long err;

	memset(i, 0, sizeof(*i));
	err = call(BPF_OBJ_GET_INFO_BY_FD, &a);
	if (err)
		return err;
	i->jited_prog_insns = ptr_to_u64(buf[0]);
	i->xlated_prog_insns = ptr_to_u64(buf[1]);
	i->map_ids = ptr_to_u64(buf[2]);
	i->jited_ksyms = ptr_to_u64(buf[3]);
	i->jited_func_lens = ptr_to_u64(buf[4]);
	i->func_info = ptr_to_u64(buf[5]);
	i->line_info = ptr_to_u64(buf[6]);
	i->jited_line_info = ptr_to_u64(buf[7]);
	i->prog_tags = ptr_to_u64(buf[8]);
	i->jited_prog_len = i->xlated_prog_len = 1 << 14;
	i->nr_map_ids = i->nr_jited_ksyms = i->nr_jited_func_lens = i->nr_func_info = i->nr_line_info =
		i->nr_jited_line_info = i->nr_prog_tags = 512;
	a.info.info_len = sizeof(*i);
	return call(BPF_OBJ_GET_INFO_BY_FD, &a);
}

static void put_back(void)
{
	int fd = open(path, O_RDWR);

	if (ftruncate(fd, whole_size) || pwrite(fd, whole, (size_t)whole_size, 0) != whole_size)
		diag("cannot restore %s", path);
	close(fd);
}

static void change(long at, const void *with, size_t n)
{
	int fd = open(path, O_RDWR);

	if (pwrite(fd, with, n, at) != (ssize_t)n)
		diag("cannot change %s", path);
	close(fd);
}

static long insns_at(void)
{
	return OBJ_HDR_SIZE;
}

static long xlated_at(void)
{
	const struct prog_hdr *h = (const struct prog_hdr *)whole;

	return OBJ_HDR_SIZE + h->insn_cnt * 8 + h->nr_func * 8 + h->nr_line * 16;
}

static void other_code(void)
{
	const struct bpf_insn wild[INSNS] = { { .code = 0xb7, .dst_reg = 1, .imm = 8 },
					      { .code = 0x79, .src_reg = 1 },
					      { .code = 0x95 },
					      { .code = 0x95 },
					      { .code = 0x95 },
					      { .code = 0x95 },
					      { .code = 0x95 } };
	struct bpf_insn good[INSNS];
	struct bpf_prog_info_new i;
	u64 before;
	u32 ret;
	long err;

	before = value();
	change(xlated_at(), wild, sizeof(wild));
	err = run(&ret);
	ok(!err && ret == 5 && value() == before + 1, "what stands in xlated does not run: %ld, returned %u",
	   err, ret);
	put_back();

	change(insns_at(), wild, sizeof(wild));
	err = run(&ret);
	ok(err == -EIO, "instructions that the verifier refuses: %ld", err);
	ok(!info(&i) && i.xlated_prog_len == INSNS * 8, "the program can still be looked at");
	put_back();

	memcpy(good, whole + insns_at(), sizeof(good));
	good[5].imm = 9;
	change(insns_at(), good, sizeof(good));
	err = run(&ret);
	ok(!err && ret == 9, "others that it accepts run as what they are: %ld, returned %u", err, ret);
	good[0].imm = 9999;
	change(insns_at(), good, sizeof(good));
	err = run(&ret);
	ok(err == -ENOENT, "a map that is not there: %ld", err);
	put_back();
}

static void bad_sizes(void)
{
	static const size_t fields[] = {
		offsetof(struct prog_hdr, insn_cnt), offsetof(struct prog_hdr, nr_func),
		offsetof(struct prog_hdr, nr_line),  offsetof(struct prog_hdr, xlated_cnt),
		offsetof(struct prog_hdr, nr_subs),  offsetof(struct prog_hdr, btf_id),
		offsetof(struct prog_hdr, o.kind),   offsetof(struct prog_hdr, expected_attach_type)
	};
	static const u32 values[] = { 0, 1, 0x7fffffff, 0xffffffff, 1000000, 257 };
	struct bpf_prog_info_new i;
	int strange = 0;
	u32 ret;

	for (u32 f = 0; f < ARRAY_SIZE(fields); f++) {
		for (u32 v = 0; v < ARRAY_SIZE(values); v++) {
			long a, b;

			change((long)fields[f], &values[v], 4);
			a = run(&ret);
			b = info(&i);
			if ((a && a != -EIO && a != -ENOMEM && a != -ENOTSUPP && a != -EINVAL &&
			     a != -ENOENT) ||
			    (b && b != -EIO)) {
				diag("field at %zu = %#x: run %ld, info %ld", fields[f], values[v], a, b);
				strange++;
			}
			put_back();
		}
	}
	ok(!strange, "numbers of the header changed: an errno each time");
	ok(!run(&ret) && ret == 5, "whole again, it runs");
}

static void cut(void)
{
	struct bpf_prog_info_new i;
	long a, b;
	u32 ret;

	if (truncate(path, 100))
		diag("cannot cut %s", path);
	a = run(&ret);
	b = info(&i);
	ok(a < 0 && b < 0, "cut short: run %ld, info %ld", a, b);
	put_back();
	ok(!run(&ret) && ret == 5, "whole again, it runs");
}

static void random_bytes(void)
{
	long n = test_scale(20000), ran = 0, refused = 0, lost = 0;
	struct bpf_prog_info_new i;

	for (long k = 0; k < n; k++) {
		u32 ret;
		long err;

		for (u32 c = 1 + r(3); c; c--) {
			long at = r(4) ? OBJ_HDR_SIZE + r((u32)xlated_at() + 100 - OBJ_HDR_SIZE)
				       : 64 + r(OBJ_HDR_SIZE - 64);
			u8 byte = (u8)r(256);

			change(at, &byte, 1);
		}
		err = run(&ret);
		info(&i);
		if (!err)
			ran++;
		else if (err == -ENOENT || err == -EBADF)
			lost++;
		else
			refused++;
		put_back();
	}
	ok(ran && refused, "%ld damaged files: %ld ran as verified, %ld refused, %ld without their map", n,
	   ran, refused, lost);
}

int main(void)
{
	struct bpf_prog_info_new i;
	struct stat st;
	int fd;
	u32 ret;

	if (!ok(!self_open("prog-file"), "a store"))
		return done();
	map = make_map();
	prog = make_prog();
	if (!ok(map >= 0 && prog >= 0, "a map and a program: %d %d", map, prog))
		return done();
	ok(!run(&ret) && ret == 5 && value() == 1, "it runs");
	ok(!info(&i) && i.nr_map_ids == 1 && i.xlated_prog_len == INSNS * 8 && i.jited_prog_len,
	   "and tells of itself");
	prog_id = i.id;
	snprintf(path, sizeof(path), "%s/bpf-prog/%u", the_store.path, prog_id);
	fd = open(path, O_RDONLY);
	if (!ok(!fstat(fd, &st) && st.st_size < (off_t)sizeof(whole), "its file"))
		return done();
	whole_size = read(fd, whole, sizeof(whole));
	close(fd);
	other_code();
	bad_sizes();
	cut();
	random_bytes();
	return done();
}
