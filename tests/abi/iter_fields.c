// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every load from the kernel structs that iterators lead to: what the verifier finds there.
 *
 * A line is a struct, a size of loads and 64 offsets, a letter each:
 *
 *     .  a number          p  pointer to a struct       m  to anything else
 *     u  pointer to a struct that came out of a union   x, e  refused: EACCES, EINVAL
 *
 * That of a struct is as long as the struct, and a little longer.
 */
#include "iter_world.h"

struct way {
	const char *target;
	const char *name; /* the struct at its end */
	struct {
		const char *in, *member;
	} step[3]; /* from the context's second word (in NULL: from its first) */
};

static const struct way ways[] = {
	{ "bpf_map", "bpf_map", { { 0 } } },
	{ "bpf_map", "bpf_map_ops", { { "bpf_map", "ops" } } },
	{ "bpf_map", "btf", { { "bpf_map", "btf" } } },
	{ "bpf_prog", "bpf_prog", { { 0 } } },
	{ "bpf_prog", "bpf_prog_aux", { { "bpf_prog", "aux" } } },
	{ "bpf_prog", "user_struct", { { "bpf_prog", "aux" }, { "bpf_prog_aux", "user" } } },
	{ "bpf_prog", "module", { { "bpf_prog", "aux" }, { "bpf_prog_aux", "mod" } } },
	{ "bpf_prog", "bpf_trampoline", { { "bpf_prog", "aux" }, { "bpf_prog_aux", "dst_trampoline" } } },
	{ "bpf_link", "bpf_link", { { 0 } } },
	{ "bpf_link", "bpf_link_ops", { { "bpf_link", "ops" } } },
};

static char letter(const struct way *w, const int steps[3], int at, int size)
{
	static const unsigned char sizes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	struct bpf_insn in[16];
	unsigned n = 0;
	char what[32];
	const char *line;
	int fd;

	in[n++] = LD(7, 1, 8);
	in[n++] = JEQ(7, 0, 1);
	in[n++] = JA(2);
	in[n++] = MOV(0, 0);
	in[n++] = EXIT;
	for (int i = 0; i < 3 && w->step[i].in; i++)
		in[n++] = LD(7, 7, steps[i]);
	in[n++] = LDX(sizes[size], 2, 7, at);
	snprintf(what, sizeof(what), "\n%u: (", n - 1);
	in[n++] = MOV(0, 0);
	in[n++] = EXIT;
	fd = load(w->target, in, n, 0);
	if (fd < 0)
		return errno == EINVAL ? 'e' : 'x';
	close(fd);
	line = strstr(log_buf, what);
	line = line ? strstr(line, "; R2=") : NULL;
	if (!line)
		return '?';
	line += 5;
	return !strncmp(line, "scalar", 6)            ? '.'
	       : !strncmp(line, "untrusted_ptr_", 14) ? 'u'
	       : !strncmp(line, "rdonly_untr", 11)    ? 'm'
	       : !strncmp(line, "ptr_", 4)            ? 'p'
						      : '?';
}

static void show(const struct way *w, int size)
{
	unsigned id = find(w->name, BTF_KIND_STRUCT), end;
	int steps[3];

	if (!id)
		return;
	for (int i = 0; i < 3 && w->step[i].in; i++)
		steps[i] = off(w->step[i].in, w->step[i].member);
	end = type_of(id)->size + 24;
	for (unsigned from = 0; from < end; from += 64) {
		printf("%s %d %u: ", w->name, size, from);
		for (unsigned at = from; at < from + 64 && at < end; at++)
			putchar(letter(w, steps, (int)at, size));
		putchar('\n');
	}
}

int main(void)
{
	read_btf();
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++)
		for (int size = 1; size <= 8; size *= 2)
			show(&ways[i], size);
	return 0;
}
