// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client pays for bpf(2): an ordinary program, run on the kernel and under pinfs in turn.
 *
 *     bpf_ops DIR GROUP      DIR: a bpffs directory; GROUP: elem life path many pair memory
 *                            or a tmpfs one; GROUP: bare bare_many
 *
 * Prints "NAME NANOSECONDS" a line (or another unit that the name says); the
 * driver pairs the lines of both sides. Each figure is the best of several
 * rounds: the least disturbed one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7

static const char *dir;
static union bpf_attr attr;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static long bpf(int cmd, unsigned size)
{
	return syscall(SYS_bpf, cmd, &attr, size);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int create(int type, unsigned key, unsigned value, unsigned entries)
{
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	fd = bpf(BPF_MAP_CREATE, 72);
	if (fd < 0)
		die("MAP_CREATE");
	return (int)fd;
}

static long elem(int cmd, int fd, const void *key, void *value, unsigned long flags)
{
	memset(&attr, 0, 32);
	attr.map_fd = fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	attr.flags = flags;
	return bpf(cmd, 32);
}

/* ns per call of `body` over n calls, best of ROUNDS. */
#define BEST(name, n, body)                                                                                  \
	do {                                                                                                 \
		double best_ = 1e18;                                                                         \
		for (int r_ = 0; r_ < ROUNDS; r_++) {                                                        \
			double t_ = now();                                                                   \
			for (int i = 0; i < (n); i++) {                                                      \
				body;                                                                        \
			}                                                                                    \
			t_ = (now() - t_) / (n);                                                             \
			best_ = t_ < best_ ? t_ : best_;                                                     \
		}                                                                                            \
		printf("%s %.2f\n", name, best_);                                                            \
		fflush(stdout);                                                                              \
	} while (0)

#define KEYS 10000
#define OPS  100000

static uint32_t keys[OPS];

static void fill(int fd, unsigned n)
{
	char value[256] = { 1 };

	for (uint32_t k = 0; k < n; k++)
		if (elem(BPF_MAP_UPDATE_ELEM, fd, &k, value, BPF_ANY))
			die("fill");
}

static void group_elem(void)
{
	static char batch_values[KEYS * 64], batch_keys[KEYS * 4];
	char value[4096];
	uint32_t extra = KEYS + 1, cursor;
	int hash = create(BPF_MAP_TYPE_HASH, 4, 8, KEYS), hash64 = create(BPF_MAP_TYPE_HASH, 4, 64, KEYS);
	int array = create(BPF_MAP_TYPE_ARRAY, 4, 8, KEYS),
	    pcpu = create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, KEYS);

	srand(1);
	for (int i = 0; i < OPS; i++)
		keys[i] = (uint32_t)rand() % KEYS;
	fill(hash, KEYS);
	fill(hash64, KEYS);
	fill(array, KEYS);
	BEST("hash_lookup", OPS, elem(BPF_MAP_LOOKUP_ELEM, hash, &keys[i], value, 0));
	BEST("array_lookup", OPS, elem(BPF_MAP_LOOKUP_ELEM, array, &keys[i], value, 0));
	BEST("percpu_array_lookup", OPS, elem(BPF_MAP_LOOKUP_ELEM, pcpu, &keys[i], value, 0));
	BEST("hash_update_8", OPS, elem(BPF_MAP_UPDATE_ELEM, hash, &keys[i], value, BPF_ANY));
	BEST("array_update_8", OPS, elem(BPF_MAP_UPDATE_ELEM, array, &keys[i], value, BPF_ANY));
	BEST("hash_update_64", OPS, elem(BPF_MAP_UPDATE_ELEM, hash64, &keys[i], value, BPF_ANY));
	BEST("hash_e2big", OPS / 10, elem(BPF_MAP_UPDATE_ELEM, hash, &extra, value, BPF_ANY));
	BEST("hash_lookup_batch_10000_keys", 10, {
		memset(&attr, 0, sizeof(attr));
		attr.batch.out_batch = (uintptr_t)&cursor;
		attr.batch.keys = (uintptr_t)batch_keys;
		attr.batch.values = (uintptr_t)batch_values;
		attr.batch.count = KEYS;
		attr.batch.map_fd = hash;
		bpf(BPF_MAP_LOOKUP_BATCH, 56);
		if (attr.batch.count != KEYS)
			die("batch");
	});
}

static long obj(int cmd, const char *path, int fd)
{
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = fd;
	return bpf(cmd, 16);
}

/* In a function with N, t and best[]. */
#define TAKE(at)                                                                                             \
	do {                                                                                                 \
		t = (now() - t) / N;                                                                         \
		best[at] = t < best[at] ? t : best[at];                                                      \
	} while (0)

static void group_life(void)
{
	enum { N = 400 };
	static char names[N][128];
	double best[6] = { 1e18, 1e18, 1e18, 1e18, 1e18, 1e18 }, t;
	int fds[N], fd;

	for (int i = 0; i < N; i++)
		snprintf(names[i], sizeof(names[i]), "%s/bench_%d", dir, i);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < N; i++)
			fds[i] = create(BPF_MAP_TYPE_HASH, 4, 4, 10);
		t = now();
		for (int i = 0; i < N; i++)
			if (obj(BPF_OBJ_PIN, names[i], fds[i]))
				die("OBJ_PIN");
		TAKE(0);
		t = now();
		for (int i = 0; i < N; i++) {
			fd = (int)obj(BPF_OBJ_GET, names[i], 0);
			if (fd < 0)
				die("OBJ_GET");
			close(fd);
		}
		TAKE(1);
		t = now();
		for (int i = 0; i < N; i++)
			unlink(names[i]);
		TAKE(2);
		for (int i = 0; i < N; i++) {
			obj(BPF_OBJ_PIN, names[i], fds[i]);
			close(fds[i]);
		}
		t = now();
		for (int i = 0; i < N; i++)
			unlink(names[i]);
		TAKE(3);
		t = now();
		for (int i = 0; i < N; i++)
			close(create(BPF_MAP_TYPE_HASH, 4, 4, 10));
		TAKE(4);
		t = now();
		for (int i = 0; i < N; i++)
			close(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
		TAKE(5);
	}
	printf("pin %.0f\nget_close %.0f\nunpin_alive %.0f\nunpin_dies %.0f\ncreate_close_hash %.0f\n"
	       "create_close_array %.0f\n",
	       best[0], best[1], best[2], best[3], best[4], best[5]);
}

/*
 * The system calls alone that an object as a file of a tmpfs cannot do without,
 * of the same number of files in the same order: what no library, filter or
 * supervisor costs anything in.
 */
static int dirfd_bare;
static struct stat bare_st;

static void bare_init(void)
{
	dirfd_bare = open(dir, O_PATH | O_DIRECTORY);
	mkdirat(dirfd_bare, "ids", 0700);
	mkdirat(dirfd_bare, "fs", 0700);
	mkdirat(dirfd_bare, "fs/1", 0700);
}

static int bare_create(const char *id)
{
	static char page[4096];
	int fd = openat(dirfd_bare, id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		die("creat");
	flock(fd, LOCK_SH | LOCK_NB);
	if (pwrite(fd, page, sizeof(page), 0) != sizeof(page) || fstat(fd, &bare_st))
		die("pwrite");
	return fd;
}

static void bare_reap(const char *id)
{
	int fd = openat(dirfd_bare, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &bare_st) || bare_st.st_nlink != 1)
		die("reap");
	unlinkat(dirfd_bare, id, 0);
	close(fd);
}

static int bare_open(const char *id)
{
	int fd = openat(dirfd_bare, id, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	flock(fd, LOCK_SH | LOCK_NB);
	return fd;
}

static void bare_unpin(const char *pin)
{
	fstatat(dirfd_bare, pin, &bare_st, AT_SYMLINK_NOFOLLOW);
	unlinkat(dirfd_bare, pin, 0);
}

static void group_bare(void)
{
	enum { N = 400 };
	static char pins[N][32], ids[N][32];
	double best[5] = { 1e18, 1e18, 1e18, 1e18, 1e18 }, t;
	static unsigned last_id;
	int fds[N];

	bare_init();
	for (int i = 0; i < N; i++)
		snprintf(pins[i], sizeof(pins[i]), "fs/1/bench_%d", i);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < N; i++) {
			snprintf(ids[i], sizeof(ids[i]), "ids/%u", ++last_id);
			fds[i] = bare_create(ids[i]);
		}
		t = now();
		for (int i = 0; i < N; i++)
			if (linkat(dirfd_bare, ids[i], dirfd_bare, pins[i], 0))
				die("link");
		TAKE(0);
		t = now();
		for (int i = 0; i < N; i++) {
			fstatat(dirfd_bare, pins[i], &bare_st, AT_SYMLINK_NOFOLLOW);
			close(bare_open(ids[i]));
		}
		TAKE(1);
		t = now();
		for (int i = 0; i < N; i++)
			bare_unpin(pins[i]);
		TAKE(2);
		for (int i = 0; i < N; i++) {
			linkat(dirfd_bare, ids[i], dirfd_bare, pins[i], 0);
			close(fds[i]);
		}
		t = now();
		for (int i = 0; i < N; i++) {
			bare_unpin(pins[i]);
			bare_reap(ids[i]);
		}
		TAKE(3);
		t = now();
		for (int i = 0; i < N; i++) {
			close(bare_create(ids[i]));
			bare_reap(ids[i]);
		}
		TAKE(4);
	}
	printf("pin_bare %.0f\nget_close_bare %.0f\nunpin_alive_bare %.0f\nunpin_dies_bare %.0f\n"
	       "create_close_hash_bare %.0f\ncreate_close_array_bare %.0f\n",
	       best[0], best[1], best[2], best[3], best[4], best[4]);
}

static unsigned how_many(void)
{
	return getenv("BENCH_MAPS") ? (unsigned)atoi(getenv("BENCH_MAPS")) : 20000;
}

/* The same for walking ids: a description, whether it lives, what of its header is told, close. */
static void group_bare_many(void)
{
	unsigned n = how_many();
	char id[32], pin[32], header[112];
	double t, best = 1e18;

	bare_init();
	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "ids/%u", i);
		snprintf(pin, sizeof(pin), "fs/1/many_%u", i);
		close(bare_create(id));
		linkat(dirfd_bare, id, dirfd_bare, pin, 0);
	}
	for (int r = 0; r < 2; r++) {
		t = now();
		for (unsigned i = 0; i < n; i++) {
			int fd;

			snprintf(id, sizeof(id), "ids/%u", i);
			fd = bare_open(id);
			fstat(fd, &bare_st);
			if (pread(fd, header, sizeof(header), 0) != sizeof(header))
				die("pread");
			close(fd);
		}
		t = (now() - t) / n;
		best = t < best ? t : best;
	}
	printf("many_walk_per_id_bare %.0f\n", best);
}

static void group_path(void)
{
	struct stat st;

	BEST("open_close_outside", 2000, close(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
	BEST("stat_outside", 2000, stat("/etc/passwd", &st));
}

/* Many small pinned maps: making them, walking all ids. */
static void group_many(void)
{
	unsigned n = how_many(), seen = 0;
	double t, half = 0;
	char name[128];
	uint32_t id = 0;
	char info[128];

	t = now();
	for (unsigned i = 0; i < n; i++) {
		int fd = create(BPF_MAP_TYPE_HASH, 4, 4, 10);

		snprintf(name, sizeof(name), "%s/many_%u", dir, i);
		if (obj(BPF_OBJ_PIN, name, fd))
			die("OBJ_PIN");
		close(fd);
		if (i == n / 2)
			half = now() - t;
	}
	t = now() - t;
	printf("many_create_pin %.0f\nmany_second_half_to_first_percent %.0f\n", t / n,
	       (t - half) / half * 100);
	t = now();
	for (;;) {
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (bpf(BPF_MAP_GET_NEXT_ID, 8))
			break;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.map_id = id;
		fd = (int)bpf(BPF_MAP_GET_FD_BY_ID, 12);
		if (fd < 0)
			continue;
		memset(&attr, 0, sizeof(attr));
		memset(info, 0, sizeof(info));
		attr.info.bpf_fd = fd;
		attr.info.info_len = 88;
		attr.info.info = (uintptr_t)info;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, 16))
			die("info");
		close(fd);
		seen++;
	}
	printf("many_walk_per_id %.0f\n", (now() - t) / seen);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/many_%u", dir, i);
		unlink(name);
	}
}

/* Overwrites by one and by two processes: operations per microsecond. */
static double overwrite_rate(int fd, int procs, unsigned range, volatile uint64_t *shared)
{
	double t;

	memset((void *)shared, 0, 64);
	for (int p = 0; p < procs; p++) {
		if (fork())
			continue;
		uint32_t x = 88172645u + (uint32_t)p * 7919, k;
		uint64_t n = 0, value = 0;

		while (!shared[0])
			;
		while (shared[0] == 1) {
			for (int i = 0; i < 64; i++) {
				x ^= x << 13;
				x ^= x >> 17;
				x ^= x << 5;
				k = x % range;
				value++;
				elem(BPF_MAP_UPDATE_ELEM, fd, &k, &value, BPF_ANY);
			}
			n += 64;
		}
		shared[1 + p] = n;
		_exit(0);
	}
	usleep(50000);
	shared[0] = 1;
	t = now();
	usleep(700000);
	shared[0] = 2;
	t = now() - t;
	while (wait(NULL) > 0)
		;
	return (double)(shared[1] + shared[2]) / t * 1000;
}

static void group_pair(void)
{
	volatile uint64_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
					 0);
	int fd = create(BPF_MAP_TYPE_HASH, 4, 8, 65536);
	double one, two;

	fill(fd, 65536);
	one = overwrite_rate(fd, 1, 65536, shared);
	two = overwrite_rate(fd, 2, 65536, shared);
	printf("pair_one_process_ops_per_us %.3f\npair_two_to_one_percent %.0f\n", one, two / one * 100);
	one = overwrite_rate(fd, 1, 1, shared);
	two = overwrite_rate(fd, 2, 1, shared);
	printf("hot_key_two_to_one_percent %.0f\n", two / one * 100);
}

/* Memory that a map of a million entries takes, by the system's own account. */
static long available_kib(void)
{
	char line[128];
	long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void group_memory(void)
{
	enum { N = 1000000 };
	long before = available_kib();
	int fd = create(BPF_MAP_TYPE_HASH, 8, 8, N);
	uint64_t v = 1;

	for (uint64_t k = 0; k < N; k++)
		if (elem(BPF_MAP_UPDATE_ELEM, fd, &k, &v, BPF_ANY))
			die("fill");
	printf("memory_million_entries_kib %ld\n", before - available_kib());
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} groups[] = {
		{ "elem", group_elem }, { "life", group_life },           { "path", group_path },
		{ "many", group_many }, { "pair", group_pair },           { "memory", group_memory },
		{ "bare", group_bare }, { "bare_many", group_bare_many },
	};

	if (argc < 3)
		return 2;
	dir = argv[1];
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!strcmp(argv[2], groups[i].name)) {
			groups[i].run();
			return 0;
		}
	return 2;
}
