// SPDX-License-Identifier: BSD-2-Clause
/*
 * The programs of fuzz/prog_gen.h through verify() and the kernel's verifier: verdict and errno are the
 * same, and never is anything accepted here that is refused there.
 *
 * PINFS_SEED repeats a run, -v shows each difference with its reason lines.
 */
#include <inttypes.h>
#include "fuzz/prog_gen.h"
#undef ARRAY_SIZE
#undef ENOTSUPP
#include "tests/lib/tap.h"
#include "tests/lib/verifytest.h"

static char kernel_log[1 << 20], mine_log[1 << 20];
static struct gen prog;
static u64 unsafe, stricter, other_errno, accepted, reasons, same_reasons, as_documented, by_owner, shown;

static int map_make(u32 type, u32 key, u32 value, u32 max, u32 inner, int btf)
{
	union row_attr r = { .a = { .map_type = type,
				    .key_size = key,
				    .value_size = value,
				    .max_entries = max,
				    .inner_map_fd = inner } };

	if (btf >= 0) {
		r.a.btf_fd = (u32)btf;
		r.a.btf_key_type_id = 1;
		r.a.btf_value_type_id = 3;
	}
	return raw_bpf(BPF_MAP_CREATE, &r, 72);
}

static void place(int fd, int number)
{
	must(fd >= 0 && dup3(fd, number, O_CLOEXEC) == number, "a map");
	close(fd);
}

static int lock_btf(void)
{
	static const char strs[] = "\0int\0bpf_spin_lock\0val\0locked\0a\0lock\0b\0c";
	static const u32 types[] = { 1,  1u << 24, 4,  0x01000020,   5,  4u << 24 | 1, 4,  19,
				     1,  0,        23, 4u << 24 | 4, 16, 30,           1,  0,
				     32, 2,        32, 37,           1,  64,           39, 1,
				     96 };
	const u32 hdr[6] = { 0x0001eb9f, 24, 0, sizeof(types), sizeof(types), sizeof(strs) };
	char blob[24 + sizeof(types) + sizeof(strs)];
	union row_attr r = { .a = { .btf = ptr(blob), .btf_size = sizeof(blob) } };

	memcpy(blob, hdr, 24);
	memcpy(blob + 24, types, sizeof(types));
	memcpy(blob + 24 + sizeof(types), strs, sizeof(strs));
	return raw_bpf(BPF_BTF_LOAD, &r, 32);
}

static void world(void)
{
	static const int types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				     BPF_PROG_TYPE_SOCKET_FILTER };

	place(map_make(BPF_MAP_TYPE_ARRAY, 4, 64, 1, 0, -1), M_ARRAY);
	place(map_make(BPF_MAP_TYPE_HASH, 8, 64, 4, 0, -1), M_HASH);
	place(map_make(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 64, 2, 0, -1), M_PERCPU);
	place(map_make(BPF_MAP_TYPE_QUEUE, 0, 16, 4, 0, -1), M_QUEUE);
	place(map_make(BPF_MAP_TYPE_STACK, 0, 16, 4, 0, -1), M_STACK);
	place(map_make(BPF_MAP_TYPE_ARRAY, 4, 64, 2, 0, -1), M_INNER);
	place(map_make(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, M_INNER, -1), M_OUTER);
	place(map_make(BPF_MAP_TYPE_LRU_HASH, 8, 64, 64, 0, -1), M_LRU);
	place(map_make(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, -1), M_RING);
	place(map_make(BPF_MAP_TYPE_ARRAY, 4, 16, 2, 0, lock_btf()), M_LOCK);
	for (u32 i = 0; i < 3; i++)
		place(map_make(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, -1), M_PROG + types[i]);
	vt_inner_fd = M_INNER;
}

static int kernel(void)
{
	union row_attr r = { .a = { .prog_type = (u32)prog.type,
				    .insns = ptr(prog.insn),
				    .insn_cnt = prog.cnt,
				    .license = ptr("GPL"),
				    .log_level = 4,
				    .log_buf = ptr(kernel_log),
				    .log_size = sizeof(kernel_log) } };
	int fd;

	kernel_log[0] = 0;
	fd = raw_bpf(BPF_PROG_LOAD, &r, 120);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static const char *reason(char *log)
{
	static const char *const stats[] = { "processed ", "verification time ", "stack depth " };
	const char *last = "";

	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		size_t i = 0;

		while (i < 3 && strncmp(line, stats[i], strlen(stats[i])))
			i++;
		if (i == 3)
			last = line;
	}
	return last;
}

static void differ(u64 n, const char *how, int theirs, int ours, const char *k, const char *m)
{
	if (shown++ >= 40)
		return;
	diag("%s: program %" PRIu64 ": kernel %s, here %s", how, n, theirs ? errno_name(-theirs) : "ok",
	     ours ? errno_name(-ours) : "ok");
	diag("  kernel: %s", k);
	diag("  here:   %s", m);
}

/* Through a map's address the kernel's own struct may be read there: tests/abi/stricter. */
static bool documented(const char *reason_here)
{
	return strstr(reason_here, "invalid mem access 'map_ptr'");
}

/*
 * Does it name the program array of another type? The kernel's verifier has nothing against that and gives no
 * reason; whoever loads it compares the types then, here in the command, which prog_gen runs.
 */
static bool refused_by_owner(const char *reason_there)
{
	if (*reason_there)
		return false;
	for (u32 i = 0; i < prog.cnt; i++)
		if (prog.insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    prog.insn[i].src_reg == BPF_PSEUDO_MAP_FD && prog.insn[i].imm > M_PROG &&
		    prog.insn[i].imm != M_PROG + prog.type)
			return true;
	return false;
}

static void one(u64 seed, u64 n, int verbose)
{
	struct vt_prog p = { .gpl = true, .log_level = 4 };
	const char *k, *m;
	int theirs, ours;

	gen_program(&prog, seed, n);
	p.insns = prog.insn;
	p.cnt = prog.cnt;
	p.type = prog.type;
	theirs = kernel();
	mine_log[0] = 0;
	ours = vt_verify(&p, mine_log, sizeof(mine_log));
	k = reason(kernel_log);
	m = reason(mine_log);
	accepted += !theirs;
	if (theirs == -EINVAL && !ours && refused_by_owner(k)) {
		by_owner++;
	} else if (theirs && !ours) {
		unsafe++;
		differ(n, "UNSAFE", theirs, ours, k, m);
	} else if (theirs != ours && documented(m)) {
		as_documented++;
	} else if (!theirs && ours) {
		stricter++;
		differ(n, "stricter", theirs, ours, k, m);
	} else if (theirs != ours) {
		other_errno++;
		differ(n, "other errno", theirs, ours, k, m);
	} else if (theirs) {
		reasons++;
		same_reasons += !strcmp(k, m);
		if (verbose && strcmp(k, m))
			differ(n, "other reason", theirs, ours, k, m);
	}
}

int main(int argc, char **argv)
{
	const char *env = getenv("PINFS_SEED");
	u64 seed = env ? strtoull(env, NULL, 0) : 1;
	long n = test_scale(20000);

	world();
	if (argc > 2) {
		one(seed, strtoull(argv[2], NULL, 0), 1);
		puts(mine_log);
		return 0;
	}
	diag("%ld programs from seed %" PRIu64, n, seed);
	for (long i = 0; i < n; i++)
		one(seed, (u64)i, argc > 1);
	diag("accepted by the kernel: %" PRIu64 ", stricter as documented: %" PRIu64
	     ", with an array of another type: %" PRIu64,
	     accepted, as_documented, by_owner);
	ok(!unsafe, "accepted here and refused there: %" PRIu64, unsafe);
	ok(!stricter, "refused here and accepted there: %" PRIu64, stricter);
	ok(!other_errno, "refused with another errno: %" PRIu64, other_errno);
	ok(same_reasons * 100 >= reasons * 90, "reason lines: %" PRIu64 " of %" PRIu64 " are the kernel's",
	   same_reasons, reasons);
	return done();
}
