// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client of iterators: attaches those of bpf/iters.c and shows what they write.
 *
 *     libbpf_iters OBJECT [run|pin]
 *
 * run: everything. pin: leaves pins in /sys/fs/bpf/iters, for others to read.
 * The output holds no ids and addresses, so it is the same on a kernel and under pinfs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct data {
	__u64 calls, ends, again;
	int change;
};

static struct bpf_object *obj;
static struct data *data;
static char text[1 << 22];

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && getenv("ITERS_VERBOSE") ? vfprintf(stderr, fmt, ap) : 0;
}

static const char *error_name(int e)
{
	return e ? strerrorname_np(e < 0 ? -e : e) : "ok";
}

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static struct bpf_link *attach(const char *prog, const char *map)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, o, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link;

	info.map.map_fd = map ? (__u32)map_fd(map) : 0;
	link = bpf_program__attach_iter(bpf_object__find_program_by_name(obj, prog), map ? &o : NULL);
	if (libbpf_get_error(link)) {
		printf("%s on %s: cannot attach: %s\n", prog, map ? map : "all", error_name(errno));
		return NULL;
	}
	return link;
}

/* All that there is to read; an error of the session, wherever it shows, or of reading. */
static int slurp(int fd, size_t *n)
{
	ssize_t r;

	if (fd < 0)
		return errno;
	for (*n = 0; *n < sizeof(text) && (r = read(fd, text + *n, sizeof(text) - *n)) > 0;)
		*n += (size_t)r;
	r = r < 0 ? errno : 0;
	close(fd);
	return (int)r;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Hash maps promise no order. */
static void show_lines(size_t n, int sorted)
{
	char *lines[4096], *save = NULL;
	size_t nr = 0;

	text[n < sizeof(text) ? n : sizeof(text) - 1] = 0;
	for (char *l = strtok_r(text, "\n", &save); l && nr < 4096; l = strtok_r(NULL, "\n", &save))
		lines[nr++] = l;
	if (sorted)
		qsort(lines, nr, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < nr; i++)
		printf("  %s\n", lines[i]);
}

static void show(const char *prog, const char *map, int sorted)
{
	struct bpf_link *link = attach(prog, map);
	size_t n = 0;
	int err;

	if (!link)
		return;
	err = slurp(bpf_iter_create(bpf_link__fd(link)), &n);
	printf("%s on %s: %s\n", prog, map ? map : "all", error_name(err));
	if (!err)
		show_lines(n, sorted);
	bpf_link__destroy(link);
}

static void fill(void)
{
	__u64 percpu[256];

	for (__u32 k = 0; k < 5; k++) {
		struct {
			__s32 x, y;
		} p = { (int)k * 10, -(int)k };
		__u64 wide = 1000 + k, key = k;

		bpf_map_update_elem(map_fd("it_hash"), &k, &p, BPF_ANY);
		bpf_map_update_elem(map_fd("it_lru"), &key, &wide, BPF_ANY);
		if (k < 3)
			bpf_map_update_elem(map_fd("it_array"), &k, &wide, BPF_ANY);
		for (int c = 0; c < 256; c++)
			percpu[c] = 100 * k + 7;
		if (k < 2)
			bpf_map_update_elem(map_fd("it_percpu"), &k, percpu, BPF_ANY);
	}
}

static void show_changes(void)
{
	__u64 v[256];
	__u32 k = 1;

	data->change = 5;
	show("dump_hash", "it_hash", 1);
	show("dump_u64", "it_array", 0);
	show("dump_u64", "it_percpu", 0);
	data->change = 0;
	show("dump_hash", "it_hash", 1);
	show("dump_u64", "it_array", 0);
	/* Of a per-CPU value the program has a copy. */
	bpf_map_lookup_elem(map_fd("it_percpu"), &k, v);
	printf("per-CPU value afterwards: %llu\n", (unsigned long long)v[0]);
}

static void show_raw(void)
{
	struct bpf_link *link = attach("dump_raw", "it_array");
	size_t n = 0;
	int err;

	if (!link)
		return;
	err = slurp(bpf_iter_create(bpf_link__fd(link)), &n);
	printf("raw: %s, %zu bytes:", error_name(err), n);
	for (size_t i = 0; i < n; i++)
		printf(" %02x", (unsigned char)text[i]);
	printf("\n");
	bpf_link__destroy(link);
}

static void show_sizes(void)
{
	struct bpf_link *link;
	size_t n = 0, bad = 0;
	int err;

	data->calls = 0;
	show("dump_much", "it_array", 0);
	printf("what the call said: %s\n", error_name((int)data->calls));
	link = attach("dump_large", "it_lru");
	if (!link)
		return;
	err = slurp(bpf_iter_create(bpf_link__fd(link)), &n);
	for (size_t i = 0; i < n; i++)
		bad += text[i] != (i % 65 == 64 ? '\n' : '.');
	printf("large: %s, %zu bytes, %zu wrong\n", error_name(err), n, bad);
	bpf_link__destroy(link);
}

static void show_again(void)
{
	data->calls = 0;
	data->again = 1;
	show("dump_again", "it_array", 0);
	printf("calls %llu\n", (unsigned long long)data->calls);
	data->again = 1000;
	data->calls = 0;
	show("dump_again", "it_percpu", 0);
	data->again = 0;
	show("dump_again", "it_percpu", 0);
}

/* What the descriptor holds stays readable, whatever becomes of link and map. */
static void show_orphans(void)
{
	struct bpf_link *link = attach("dump_u64", "it_array");
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1, same;
	size_t n = 0;
	int err;

	bpf_link__destroy(link);
	err = slurp(fd, &n);
	printf("link gone: %s\n", error_name(err));
	show_lines(n, 0);
	/* Two sessions of one link do not disturb each other. */
	link = attach("dump_u64", "it_array");
	if (!link)
		return;
	fd = bpf_iter_create(bpf_link__fd(link));
	same = bpf_iter_create(bpf_link__fd(link));
	err = slurp(fd, &n);
	printf("first: %s %zu\n", error_name(err), n);
	err = slurp(same, &n);
	printf("second: %s %zu\n", error_name(err), n);
	bpf_link__destroy(link);
}

static void show_info(void)
{
	struct bpf_link *link = attach("dump_hash", "it_hash");
	struct bpf_link_info i = { 0 };
	struct bpf_map_info m = { 0 };
	__u32 len = sizeof(i), mlen = sizeof(m);
	char name[32] = "";
	int err;

	if (!link)
		return;
	i.iter.target_name = (uintptr_t)name;
	i.iter.target_name_len = sizeof(name);
	err = bpf_obj_get_info_by_fd(bpf_link__fd(link), &i, &len);
	bpf_obj_get_info_by_fd(map_fd("it_hash"), &m, &mlen);
	printf("info: %s type %u %s length %u its map %d\n", error_name(err ? errno : 0), i.type, name,
	       i.iter.target_name_len, i.iter.map.map_id == m.id);
	bpf_link__destroy(link);
}

static void read_pin(const char *path, const char *what)
{
	size_t n = 0;
	int err = slurp(open(path, O_RDONLY), &n);

	printf("%s: %s\n", what, error_name(err));
	show_lines(n, 0);
}

static void show_pin(void)
{
	static const char path[] = "/sys/fs/bpf/iters-pin";
	struct bpf_link *link = attach("dump_u64", "it_array");
	__u32 k = 1;
	__u64 v = 77;
	struct stat st;

	if (!link)
		return;
	printf("pin: %s\n", error_name(bpf_link__pin(link, path)));
	printf("stat: %s %o %lld\n", error_name(stat(path, &st) ? errno : 0), st.st_mode,
	       (long long)st.st_size);
	read_pin(path, "pin");
	bpf_map_update_elem(map_fd("it_array"), &k, &v, BPF_ANY);
	read_pin(path, "pin, a value changed");
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	read_pin(path, "pin alone");
	printf("unlink: %s\n", error_name(unlink(path) ? errno : 0));
}

static void run(void)
{
	show("dump_maps", NULL, 0);
	printf("maps seen %llu, ends %llu\n", (unsigned long long)data->calls,
	       (unsigned long long)data->ends);
	show("dump_progs", NULL, 0);
	show("dump_links", NULL, 0);
	show("dump_hash", "it_hash", 1);
	show("dump_u64", "it_array", 0);
	show("dump_u64", "it_percpu", 0);
	show("dump_plain", "it_lru", 1);
	show("dump_hash", "it_array", 0);
	show_changes();
	show_raw();
	show_sizes();
	show_again();
	show("dump_helpers", "it_array", 0);
	show("dump_formats", NULL, 0);
	printf("unknown format: %s\n", error_name((int)data->again));
	show_orphans();
	show_info();
	show_pin();
}

static void leave_pins(void)
{
	static const char *const progs[] = { "dump_maps", "dump_progs", "dump_links", "dump_u64" };

	mkdir("/sys/fs/bpf/iters", 0755);
	for (size_t i = 0; i < sizeof(progs) / sizeof(*progs); i++) {
		struct bpf_link *link = attach(progs[i], i == 3 ? "it_array" : NULL);
		char path[64];

		snprintf(path, sizeof(path), "/sys/fs/bpf/iters/%s", progs[i]);
		printf("%s: %s\n", progs[i], link ? error_name(bpf_link__pin(link, path)) : "none");
	}
}

int main(int argc, char **argv)
{
	struct bpf_map *globals;

	if (argc < 2)
		return 2;
	libbpf_set_print(quiet);
	obj = bpf_object__open_file(argv[1], NULL);
	if (libbpf_get_error(obj) || bpf_object__load(obj)) {
		printf("cannot load: %s\n", error_name(errno));
		return 1;
	}
	globals = bpf_object__find_map_by_name(obj, ".bss");
	data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, globals ? bpf_map__fd(globals) : -1, 0);
	if (data == MAP_FAILED)
		return 1;
	fill();
	if (argc > 2 && !strcmp(argv[2], "pin"))
		leave_pins();
	else
		run();
	return 0;
}
