// SPDX-License-Identifier: BSD-2-Clause
/*
 * All verifier rows of tests/abi through verify() itself: verdict and errno as the rows say, and how many of
 * the reason lines are the kernel's.
 */
#define VROW_MAIN(rows)
#define rows rows_regs
#include "tests/abi/verifier_rows_regs.c"
#undef rows
#undef VALUE
#undef NUM
#undef BYTE
#undef READ
#undef WRITE
#define rows rows_mem
#include "tests/abi/verifier_rows_mem.c"
#undef rows
#undef VALUE
#undef NUM
#undef KEY
#undef NONE
#undef LOOK
#undef HKEY
#undef FROZEN
#define rows rows_packet
#include "tests/abi/verifier_rows_packet.c"
#undef rows
#undef XPKT
#undef TPKT
#undef END4
#undef GET
#undef OUT
#define rows rows_calls
#include "tests/abi/verifier_rows_calls.c"
#undef rows
#undef NONE
#undef KEY4
#undef KEY8
#undef LOCK
#undef TUPLE
#undef MAIN
#define rows rows_helpers
#include "tests/abi/verifier_rows_helpers.c"
#undef rows
#undef NONE
#undef XPKT
#undef MAIN
#undef STK
#undef ZERO
#undef DYN
#define rows rows_timer
#include "tests/abi/verifier_rows_timer.c"
#undef rows
#undef ARRAY_SIZE
#undef ENOTSUPP
#include "tests/lib/tap.h"
#include "tests/lib/verifytest.h"

static char mine_log[1 << 20];
static u32 reasons, same_reasons;

/* Fields of the kernel's struct bpf_map can be read there through a map's address: tests/abi/stricter. */
static const char *const stricter[] = { "map: read as memory", "maps: two maps at one insn" };

static bool is_stricter(const struct vrow *row)
{
	for (size_t i = 0; i < sizeof(stricter) / sizeof(stricter[0]); i++)
		if (!strcmp(stricter[i], row->name))
			return true;
	return false;
}

static int mine(const struct vrow *row)
{
	struct vt_prog p = { .type = row->type, .attach = row->attach, .flags = row->flags };

	vrow_make(row);
	p.insns = vrow_prog.insn;
	p.cnt = (u32)vrow_prog.cnt;
	p.gpl = !row->license || !strncmp(row->license, "GPL", 3) || !strncmp(row->license, "Dual", 4);
	p.log_level = row->quiet ? 4 : 1;
	if (row->funcs) {
		p.btf = vrow_btf_blob(&vrow_funcs, &p.btf_size);
		p.info = vrow_funcs.info;
		p.nr_info = vrow_funcs.funcs;
	}
	mine_log[0] = 0;
	return vt_verify(&p, mine_log, sizeof(mine_log));
}

static void compare_reasons(const struct vrow *row)
{
	static char kernel[1024];
	const char *m;

	snprintf(kernel, sizeof(kernel), "%s", vrow_reason(vrow_log));
	m = vrow_reason(mine_log);
	reasons++;
	if (!strcmp(kernel, m)) {
		same_reasons++;
		return;
	}
	diag("reason: %s", row->name);
	diag("  kernel: %s", kernel);
	diag("  here:   %s", m);
}

static void one_row(const char *file, const struct vrow *row)
{
	int fd = vrow_load(row), err, kernel = fd < 0 ? errno : 0;
	const char *got;

	if (fd >= 0)
		close(fd);
	err = -mine(row);
	got = err ? errno_name(err) : "ok";
	if (is_stricter(row)) {
		ok(!kernel && err == EACCES, "%s: %s: stricter: %s", file, row->name, got);
	} else if (!ok(!strcmp(got, row->expect), "%s: %s: %s", file, row->name, got)) {
		diag("the kernel: %s; %s", kernel ? errno_name(kernel) : "ok",
		     vrow_reason(kernel ? vrow_log : mine_log));
	} else if (err && err == kernel) {
		compare_reasons(row);
	}
}

static void rows_of(const char *file, const struct vrow *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		one_row(file, &rows[i]);
}

static const u64 frozen_value[8] = { 7, 1000, (u64)-1, 0x1122334455667788 };

int main(void)
{
	asm_map = vrow_map;
	vt_frozen.fd = vrow_map("frozen");
	vt_frozen.value = frozen_value;
	vt_inner_fd = vrow_map("array");
	rows_of("regs", rows_regs, sizeof(rows_regs) / sizeof(rows_regs[0]));
	rows_of("mem", rows_mem, sizeof(rows_mem) / sizeof(rows_mem[0]));
	rows_of("packet", rows_packet, sizeof(rows_packet) / sizeof(rows_packet[0]));
	rows_of("calls", rows_calls, sizeof(rows_calls) / sizeof(rows_calls[0]));
	rows_of("helpers", rows_helpers, sizeof(rows_helpers) / sizeof(rows_helpers[0]));
	rows_of("timer", rows_timer, sizeof(rows_timer) / sizeof(rows_timer[0]));
	diag("%u of %u reason lines are the kernel's", same_reasons, reasons);
	ok(same_reasons * 100 >= reasons * 95, "at least 95 of 100 reason lines are");
	return done();
}
