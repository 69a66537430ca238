// SPDX-License-Identifier: BSD-2-Clause
/*
 * A libbpf program: loads an object of maps and says what it got.
 *
 *     libbpf_maps load OBJECT PINDIR   maps pinned by name, then counts in them
 *     libbpf_maps data OBJECT          global data through its mappings
 *     libbpf_maps pin OBJECT DIR       bpf_map__pin and unpin
 *     libbpf_maps pin-all OBJECT DIR   bpf_object__pin_maps and unpin_maps
 *     libbpf_maps count PINDIR N       counts to N in the pinned map, while
 *     libbpf_maps watch PINDIR N       another reads it until it is N
 *
 * The output holds no ids, so it is the same on a kernel and under pinfs.
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
#include <time.h>
#include <unistd.h>

struct counter {
	__u64 packets, bytes;
};

static const char *error_name(int r)
{
	return r == 0 ? "ok" : strerrorname_np(r < 0 ? -r : errno);
}
static void say(const char *what, int r)
{
	printf("%s: %s\n", what, error_name(r));
}

/* libbpf's warnings are part of what a user sees, but hold fds: only that there was one is told. */
static int warnings;
static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (getenv("MAPS_VERBOSE"))
		fprintf(stderr, "%s", text);
	warnings++;
	return 0;
}

static struct bpf_object *open_object(const char *path, const char *pin_root)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pin_root);
	struct bpf_object *o = bpf_object__open_file(path, &opts);

	if (!o) {
		printf("cannot open %s: %s\n", path, error_name(-errno));
		exit(1);
	}
	return o;
}

static void about(const struct bpf_map *m)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(bpf_map__fd(m), &info, &len);

	printf("map %s: %s type=%u key=%u value=%u max=%u flags=%#x name=%s btf=%d pinned=%d\n",
	       bpf_map__name(m), error_name(r), info.type, info.key_size, info.value_size, info.max_entries,
	       info.map_flags, info.name, info.btf_id != 0, bpf_map__is_pinned(m));
}

static int load(const char *path, const char *pin_root)
{
	struct bpf_object *o = open_object(path, pin_root);
	struct bpf_map *m;
	struct counter c = { 0, 0 };
	__u32 key = 5;
	int r = bpf_object__load(o), fd;

	say("load", r);
	if (r) {
		printf("warnings: %s\n", warnings ? "some" : "none");
		bpf_object__close(o);
		return 1;
	}
	bpf_object__for_each_map(m, o) about(m);
	fd = bpf_map__fd(bpf_object__find_map_by_name(o, "counters"));
	say("lookup", bpf_map_lookup_elem(fd, &key, &c) ? -errno : 0);
	printf("packets before: %llu\n", c.packets);
	c.packets++;
	c.bytes += 100;
	say("update", bpf_map_update_elem(fd, &key, &c, BPF_ANY) ? -errno : 0);
	fd = bpf_map__fd(bpf_object__find_map_by_name(o, "outer"));
	for (key = 0; key < 3; key++) {
		__u32 id = 0;

		r = bpf_map_lookup_elem(fd, &key, &id);
		printf("outer[%u]: %s %s\n", key, error_name(r ? -errno : 0), id ? "a map" : "nothing");
	}
	bpf_object__close(o);
	return 0;
}

static struct bpf_map *data_map(struct bpf_object *o, const char *suffix)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o)
	{
		const char *dot = strrchr(bpf_map__name(m), '.');

		if (dot && !strcmp(dot, suffix))
			return m;
	}
	return NULL;
}

static void look(struct bpf_object *o, const char *suffix)
{
	struct bpf_map *m = data_map(o, suffix);
	__u32 key = 0;
	int buf[64] = { 0 }, *mem;
	size_t size = bpf_map__value_size(m);

	about(m);
	say("lookup", bpf_map_lookup_elem(bpf_map__fd(m), &key, buf) ? -errno : 0);
	mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bpf_map__fd(m), 0);
	printf("%s of %zu bytes: first word %d, mapped %s %d\n", suffix, size, buf[0],
	       mem == MAP_FAILED ? "no" : "yes", mem == MAP_FAILED ? -errno : *mem);
	buf[0] = 99;
	say("update", bpf_map_update_elem(bpf_map__fd(m), &key, buf, 0) ? -errno : 0);
	if (mem != MAP_FAILED) {
		printf("then mapped %d\n", *mem);
		munmap(mem, 4096);
	}
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);
	printf("mapped for writing: %s\n", error_name(mem == MAP_FAILED ? -errno : 0));
	if (mem == MAP_FAILED)
		return;
	*mem = 123;
	say("lookup", bpf_map_lookup_elem(bpf_map__fd(m), &key, buf) ? -errno : 0);
	printf("first word now %d\n", buf[0]);
	say("freeze while mapped", bpf_map_freeze(bpf_map__fd(m)) ? -errno : 0);
	munmap(mem, 4096);
	say("freeze after", bpf_map_freeze(bpf_map__fd(m)) ? -errno : 0);
}

static int data(const char *path, const char *pin_root)
{
	struct bpf_object *o = open_object(path, pin_root);
	size_t size = 0;
	int r = bpf_object__load(o);
	const void *p;

	say("load", r);
	if (r)
		return 1;
	p = bpf_map__initial_value(data_map(o, ".data"), &size);
	printf("initial value: %s, %zu bytes, %d\n", p ? "there" : "none", size, p ? *(const int *)p : -1);
	look(o, ".data");
	look(o, ".bss");
	look(o, ".rodata");
	bpf_object__close(o);
	return 0;
}

static int there(const char *dir, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0;
}

static int pin(const char *path, const char *dir)
{
	struct bpf_object *o = open_object(path, dir);
	struct bpf_map *routes;
	char at[256];

	say("load", bpf_object__load(o));
	routes = bpf_object__find_map_by_name(o, "routes");
	snprintf(at, sizeof(at), "%s/by_hand", dir);
	say("pin", bpf_map__pin(routes, at));
	printf("there: %d, pinned: %d\n", there(dir, "by_hand"), bpf_map__is_pinned(routes));
	say("pin again", bpf_map__pin(routes, at));
	snprintf(at, sizeof(at), "%s/elsewhere", dir);
	say("pin elsewhere", bpf_map__pin(routes, at));
	say("unpin", bpf_map__unpin(routes, NULL));
	printf("there: %d, pinned: %d\n", there(dir, "by_hand"), bpf_map__is_pinned(routes));
	say("unpin again", bpf_map__unpin(routes, NULL));
	say("pin into /tmp", bpf_map__pin(routes, "/tmp/maps-libbpf-test"));
	bpf_object__close(o);
	return 0;
}

static void list(struct bpf_object *o, const char *dir)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, o) if (!strchr(bpf_map__name(m), '.'))
		printf("%s: %d\n", bpf_map__name(m), there(dir, bpf_map__name(m)));
}

static int pin_all(const char *path, const char *dir)
{
	struct bpf_object *o = open_object(path, dir);
	char other[256];

	say("load", bpf_object__load(o));
	snprintf(other, sizeof(other), "%s/other", dir);
	say("pin all elsewhere", bpf_object__pin_maps(o, other));
	rmdir(other);
	say("pin all", bpf_object__pin_maps(o, dir));
	list(o, dir);
	say("unpin all", bpf_object__unpin_maps(o, dir));
	list(o, dir);
	bpf_object__close(o);
	return 0;
}

/* The pinned map of `counters`, as soon as it is there. */
static int counters(const char *dir)
{
	char path[256];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/counters", dir);
	for (int i = 0; i < 1000 && fd < 0; i++) {
		fd = bpf_obj_get(path);
		if (fd < 0)
			usleep(10000);
	}
	return fd;
}

static int count(const char *dir, __u64 n)
{
	int fd = counters(dir);
	__u32 key = 9;

	for (__u64 i = 1; i <= n; i++) {
		struct counter c = { i, i * 100 };

		if (bpf_map_update_elem(fd, &key, &c, BPF_ANY)) {
			say("count", -errno);
			return 1;
		}
	}
	printf("counted to %llu\n", n);
	return 0;
}

/*
 * Values never go back, and both words of a value belong together. The kernel
 * promises neither without BPF_F_LOCK, and under load does not keep it: there
 * ($TORN_OK) only the end counts.
 */
static int watch(const char *dir, __u64 n)
{
	int fd = counters(dir);
	struct counter c = { 0, 0 };
	__u32 key = 9;
	__u64 last = 0;
	time_t end = time(NULL) + 30;

	while (c.packets < n && time(NULL) < end) {
		if (bpf_map_lookup_elem(fd, &key, &c) && errno != ENOENT) {
			say("watch", -errno);
			return 1;
		}
		if (!getenv("TORN_OK") && (c.packets < last || c.bytes != c.packets * 100)) {
			printf("torn or old: %llu %llu after %llu\n", c.packets, c.bytes, last);
			return 1;
		}
		last = c.packets;
	}
	printf("saw %llu\n", c.packets);
	return 0;
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	if (argc == 4 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "data"))
		return data(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "pin"))
		return pin(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "pin-all"))
		return pin_all(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "count"))
		return count(argv[2], strtoull(argv[3], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "watch"))
		return watch(argv[2], strtoull(argv[3], NULL, 0));
	fprintf(stderr, "libbpf_maps load|data|pin|pin-all OBJECT DIR, libbpf_maps count|watch DIR N\n");
	return 2;
}
