// SPDX-License-Identifier: BSD-2-Clause
/*
 * Types of the machine's BTF over bytes by chance, as bpf/iter_typed.c shows them.
 *
 *     libbpf_typed OBJECT [EVERY [TYPE]]
 *
 * A line is a type and flags: what the helpers said, the length and a sum of the text. EVERY: of how many
 * types one is shown. TYPE: the text itself, of that type alone. The same on a kernel and under pinfs.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VALUE 4096

static struct {
	__u64 flags;
	__u32 type_id, size;
	__s64 result;
} * ask;

static int map_fd, typed_link, text_link;
static char text[1 << 17];

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && getenv("TYPED_VERBOSE") ? vfprintf(stderr, fmt, ap) : 0;
}

static int attach(struct bpf_object *obj, const char *prog)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)map_fd };
	LIBBPF_OPTS(bpf_link_create_opts, o, .iter_info = &info, .iter_info_len = sizeof(info));

	return bpf_link_create(bpf_program__fd(bpf_object__find_program_by_name(obj, prog)), 0,
			       BPF_TRACE_ITER, &o);
}

/* Errors of the session wherever they show. */
static ssize_t session(int link)
{
	int fd = bpf_iter_create(link);
	ssize_t n = 0, r;

	if (fd < 0)
		return -errno;
	while ((r = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += r;
	if (r < 0)
		n = -errno;
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n;
}

static unsigned sum(ssize_t n)
{
	unsigned h = 2166136261u;

	for (ssize_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;
	return h;
}

static unsigned long long seed;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

/* Zeros, small numbers, letters, and anything. */
static void fill(unsigned id)
{
	static unsigned char bytes[VALUE];
	unsigned key = 0;

	seed = id * 2654435761u + 12345;
	for (unsigned at = 0; at < VALUE; at += 8) {
		unsigned kind = rnd(5);

		for (unsigned i = 0; i < 8; i++)
			bytes[at + i] = kind < 2    ? 0
					: kind == 2 ? (i ? 0 : rnd(4))
					: kind == 3 ? 'a' + rnd(26)
						    : rnd(256);
	}
	bpf_map_update_elem(map_fd, &key, bytes, BPF_ANY);
}

static void show(const struct btf *btf, unsigned id, unsigned flags, int whole)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	ssize_t n, m;

	fill(id);
	ask->type_id = id;
	ask->flags = flags;
	ask->size = 16;
	ask->result = 0;
	n = session(typed_link);
	printf("%u %s flags %x: %lld, %zd bytes, sum %08x", id, btf__name_by_offset(btf, t->name_off), flags,
	       (long long)ask->result, n, sum(n));
	if (whole)
		printf("\n%s\n", text);
	ask->result = 0;
	m = session(text_link);
	printf("; text: %lld, sum %08x\n", (long long)ask->result, sum(m));
}

static void refused(unsigned id, unsigned size, unsigned flags)
{
	ask->type_id = id;
	ask->flags = flags;
	ask->size = size;
	ask->result = 0;
	session(typed_link);
	printf("type %d size %u flags %x: %lld", (int)id, size, flags, (long long)ask->result);
	ask->result = 0;
	session(text_link);
	printf(", text %lld\n", (long long)ask->result);
}

int main(int argc, char **argv)
{
	static const unsigned flags[] = { BTF_F_PTR_RAW, BTF_F_PTR_RAW | BTF_F_ZERO,
					  BTF_F_PTR_RAW | BTF_F_COMPACT | BTF_F_NONAME,
					  BTF_F_PTR_RAW | BTF_F_COMPACT | BTF_F_ZERO };
	unsigned every = argc > 2 ? (unsigned)atoi(argv[2]) : 400,
		 one = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	struct bpf_object *obj;
	struct btf *btf;

	if (argc < 2)
		return 2;
	libbpf_set_print(quiet);
	obj = bpf_object__open_file(argv[1], NULL);
	btf = btf__load_vmlinux_btf();
	if (libbpf_get_error(obj) || libbpf_get_error(btf) || bpf_object__load(obj)) {
		printf("cannot load: %s\n", strerrorname_np(errno));
		return 1;
	}
	map_fd = bpf_object__find_map_fd_by_name(obj, "bytes");
	ask = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_object__find_map_fd_by_name(obj, ".bss"), 0);
	typed_link = attach(obj, "typed");
	text_link = attach(obj, "text");
	if (ask == MAP_FAILED || typed_link < 0 || text_link < 0) {
		printf("cannot attach: %s\n", strerrorname_np(errno));
		return 1;
	}
	for (unsigned id = one ? one : 1; id < btf__type_cnt(btf); id += one ? btf__type_cnt(btf) : every) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		long long size = btf__resolve_size(btf, id);

		/* Functions have no values; and 6.18 follows a null pointer when asked for a const void. */
		if (btf_is_func(t) || btf_is_func_proto(t) || btf_is_datasec(t) || btf_is_var(t) ||
		    size <= 0 || size > VALUE - 64)
			continue;
		for (unsigned f = 0; f < sizeof(flags) / sizeof(*flags); f++)
			show(btf, id, flags[f], one);
	}
	if (one)
		return 0;
	refused(0, 16, 0);
	refused((unsigned)-1, 16, 0);
	refused(0x7fffffff, 16, 0);
	refused(1, 15, 0);
	refused(1, 16, 16);
	return 0;
}
