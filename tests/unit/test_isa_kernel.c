// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions beside the kernel: which opcodes there are, what may stand in
 * their fields, and the words of the log for both.
 *
 * Each instruction is put into a small program that is loaded with log_level 2.
 * The log prints an instruction before it judges it, so that even those that are
 * refused show their text.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "isa/disasm.h"
#include "isa/insn.h"
#include "isa/insn_valid.h"
#include "tests/lib/tap.h"

#define AT 12 /* where the instruction under test stands */

static char kernel_log[1 << 16];
static u64 seed = 7;

static u32 r(u32 n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % n;
}

/* 0, or the errno; the log is in kernel_log. */
static int load(struct bpf_insn in, struct bpf_insn second)
{
	struct bpf_insn p[32];
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };
	u32 n = 0;
	int fd;

	p[n++] = (struct bpf_insn){ .code = 0xbf, .dst_reg = 6, .src_reg = 1 };
	for (u8 i = 0; i < 10; i++)
		p[n++] = (struct bpf_insn){ .code = 0xb7, .dst_reg = i == 6 ? 0 : i, .imm = 1 };
	/* What follows can be reached whatever the instruction does. */
	p[n++] = (struct bpf_insn){ .code = 0x15, .imm = 5, .off = insn_is_wide(in.code) ? 2 : 1 };
	p[n++] = in;
	if (insn_is_wide(in.code))
		p[n++] = second;
	for (u32 i = 0; i < 4; i++)
		p[n++] = (struct bpf_insn){ .code = 0xb7 };
	p[n++] = (struct bpf_insn){ .code = 0x95 };
	if (in.code == (BPF_JMP | BPF_CALL) && in.src_reg == BPF_PSEUDO_CALL) {
		p[n++] = (struct bpf_insn){ .code = 0xb7 };
		p[n++] = (struct bpf_insn){ .code = 0x95 };
	}
	a.insns = (u64)(uintptr_t)p;
	a.insn_cnt = n;
	a.license = (u64)(uintptr_t) "GPL";
	a.log_level = 2;
	a.log_buf = (u64)(uintptr_t)kernel_log;
	a.log_size = sizeof(kernel_log);
	kernel_log[0] = 0;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static const char *helper_name(void *arg, s32 id)
{
	return id == 7 ? "bpf_get_prandom_u32" : NULL;
}

static const struct insn_names names = { .helper = helper_name };

/* The line of the log that shows the instruction under test; NULL: it came to no such line. */
static const char *shown(void)
{
	static char line[512];
	char head[8];
	const char *at;
	size_t n;

	snprintf(head, sizeof(head), "\n%d: (", AT);
	at = strstr(kernel_log, head);
	if (!at)
		return NULL;
	at += strlen(head) - 1;
	n = strcspn(at, "\n");
	snprintf(line, sizeof(line), "%.*s", (int)MIN(n, sizeof(line) - 1), at);
	if (strstr(line, " ; "))
		*strstr(line, " ; ") = 0;
	for (n = strlen(line); n && line[n - 1] == ' '; n--)
		line[n - 1] = 0;
	return line;
}

static int texts_seen, texts_bad;

static void compare_text(struct bpf_insn in, struct bpf_insn second)
{
	struct bpf_insn both[2] = { in, second };
	char ours[INSN_TEXT_MAX];
	const char *theirs;

	load(in, second);
	theirs = shown();
	if (!theirs || strstr(theirs, "(null)")) /* a form without a name in the kernel */
		return;
	insn_print(ours, both, &names);
	texts_seen++;
	if (!strcmp(ours, theirs))
		return;
	if (texts_bad++ < 10)
		diag("kernel \"%s\", here \"%s\"", theirs, ours);
}

static const s32 imms[] = { 0,    1,    2,     -1,   7,          16,
			    31,   32,   63,    64,   0x7fffffff, -2147483647 - 1,
			    0x40, 0x50, 0xa0,  0x41, 0x51,       0xa1,
			    0xe1, 0xf1, 0x100, 0x110 };
static const s16 offs[] = { 0, 0, 0, 1, 2, 8, 16, 32, -1, -8, 32767 };

/* A jump may not lead out of the program. */
static s16 some_off(u8 code)
{
	if (BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32)
		return (s16)r(3);
	return offs[r(ARRAY_SIZE(offs))];
}

static struct bpf_insn some_insn(u8 code)
{
	struct bpf_insn in = { .code = code, .dst_reg = r(3) ? r(11) : 0, .src_reg = r(3) ? r(11) : 0 };

	in.off = some_off(code);
	in.imm = imms[r(ARRAY_SIZE(imms))];
	if (r(3) == 0)
		in.imm = 0;
	if (code == (BPF_JMP32 | BPF_JA))
		in.imm = (s32)r(3);
	if (code == (BPF_JMP | BPF_CALL) && in.src_reg == BPF_PSEUDO_CALL)
		in.imm = 5;
	else if (code == (BPF_JMP | BPF_CALL))
		in.imm = r(2) ? 7 : 0x7fffffff;
	return in;
}

/* Each opcode of the list, shown by the kernel at least once. */
static void test_texts(void)
{
	int missing = 0;

	for (u32 code = 0; code < 256; code++) {
		int before = texts_seen;

		if (!insn_known((u8)code))
			continue;
		for (int i = 0; i < 60; i++) {
			struct bpf_insn in = some_insn((u8)code), second = { .imm = (s32)r(3) - 1 };

			if (insn_is_wide(in.code))
				in.src_reg = 0;
			compare_text(in, second);
		}
		if (texts_seen == before) {
			diag("opcode %02x: the kernel never showed it", code);
			missing++;
		}
	}
	ok(!missing, "every opcode was shown by the kernel");
	ok(!texts_bad, "%d texts are the kernel's", texts_seen);
}

static void test_known(void)
{
	int bad = 0, known = 0;

	for (u32 code = 0; code < 256; code++) {
		char words[32];
		bool theirs;

		load((struct bpf_insn){ .code = (u8)code }, (struct bpf_insn){ 0 });
		snprintf(words, sizeof(words), "unknown opcode %02x\n", code);
		theirs = !strstr(kernel_log, words);
		/* A load of a mode that there is not is told from other unknown codes by its text. */
		if (BPF_CLASS(code) == BPF_LDX && BPF_MODE(code) != BPF_MEM && BPF_MODE(code) != BPF_MEMSX)
			theirs = false;
		known += theirs;
		if (theirs != insn_known((u8)code) && bad++ < 10)
			diag("opcode %02x: known %s", code, theirs ? "to the kernel only" : "here only");
	}
	ok(!bad && known > 100, "the same %d opcodes are known", known);
}

/* What the kernel says about fields, out of all that it may say. */
static bool about_fields(const char *log)
{
	return strstr(log, "reserved fields\n") || strstr(log, "atomic o") || strstr(log, "invalid shift") ||
	       strstr(log, "div by zero") || strstr(log, "may_goto imm") ||
	       strstr(log, "addr_space_cast insn") || strstr(log, "unknown opcode");
}

static void test_fields(void)
{
	int bad = 0, wrong = 0, n = (int)test_scale(60000), loads = 0;

	for (int i = 0; i < n; i++) {
		struct bpf_insn in = some_insn((u8)r(256));
		const char *ours = insn_invalid(&in), *late = insn_imm_invalid(&in);
		char words[128] = "", more[128] = "";

		if (insn_is_wide(in.code) || !insn_known(in.code))
			continue;
		load(in, (struct bpf_insn){ 0 });
		loads++;
		/* The words of a program that was refused for its form, before any instruction was judged. */
		if (strstr(kernel_log, "jump out of range") || strstr(kernel_log, "kernel function") ||
		    strstr(kernel_log, "kernel btf_id"))
			continue;
		if (!ours && late)
			ours = late;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-security"
		if (ours)
			snprintf(words, sizeof(words), ours, in.imm);
#pragma GCC diagnostic pop
		snprintf(more, sizeof(more), "%s\n", words);
		wrong += !!ours;
		if (ours ? !!strstr(kernel_log, more) : !about_fields(kernel_log))
			continue;
		/* Registers are looked at first where both are wrong. */
		if (ours && ours == late && strstr(kernel_log, "cannot write"))
			continue;
		if (bad++ < 25)
			diag("%02x dst %u src %u off %d imm %d: here \"%s\", kernel: %s", in.code, in.dst_reg,
			     in.src_reg, in.off, in.imm, words,
			     strstr(kernel_log, shown() ? shown() : "unk") ?: kernel_log);
	}
	ok(!bad && wrong > loads / 4, "fields of %d instructions, %d of them wrong: the same words", loads,
	   wrong);
}

int main(void)
{
	union bpf_attr none = { 0 };

	if (syscall(SYS_bpf, BPF_PROG_LOAD, &none, sizeof(none)) < 0 && (errno == EPERM || errno == ENOSYS)) {
		skip("no kernel BPF here");
		return done();
	}
	test_known();
	test_texts();
	test_fields();
	return done();
}
