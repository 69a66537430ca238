// SPDX-License-Identifier: BSD-2-Clause
/*
 * One client is in a call that takes long, another one works: does the second get on meanwhile?
 *
 *     slow_peer KIND...     exit 0: in each case 300 calls were made while the slow one was still in its
 * call
 *
 *     run        BPF_PROG_TEST_RUN, repeated for ever
 *     load       BPF_PROG_LOAD of a million instructions
 *     batch      BPF_MAP_UPDATE_BATCH of half a million elements
 *     stopped    as run, and the client is stopped in it by SIGSTOP
 *     stopload   as load, and so; it goes on afterwards, with its descriptor
 *     page       a lookup whose key is on a page that never comes (userfaultfd)
 *     pages      a hundred of those
 *
 * No time is measured. A slow call that was over too early is waited for again:
 * where one client waits for the other, no number of tries helps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS    300
#define TRIES    100
#define ELEMENTS 500000u
#define INSNS    1000000u
#define PEERS    100

/* What a slow client says of itself: it is in a call while begun is more than ended. */
static struct peer {
	_Atomic unsigned begun, ended;
	_Atomic int error;
	pid_t pid;
} * peers;

static long bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int map_create(unsigned entries)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_HASH;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = entries;
	return (int)bpf(BPF_MAP_CREATE, &a);
}

static long elem(int cmd, int fd, const void *key, uint64_t *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	return bpf(cmd, &a);
}

static int prog_load(unsigned insns)
{
	struct bpf_insn *insn = calloc(insns, sizeof(*insn));
	union bpf_attr a;
	int fd;

	for (unsigned i = 0; i < insns; i++)
		insn[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	insn[insns - 1].code = BPF_JMP | BPF_EXIT;
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insn_cnt = insns;
	a.insns = (uintptr_t)insn;
	a.license = (uintptr_t) "GPL";
	fd = (int)bpf(BPF_PROG_LOAD, &a);
	free(insn);
	return fd;
}

/* The slow calls: 0 or -1. What they need is made once. A kernel gives some up when a signal comes. */

static long unless_interrupted(long ret)
{
	return ret < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

static long slow_run(void)
{
	static char packet[64];
	static int prog = -1;
	union bpf_attr a;

	if (prog < 0)
		prog = prog_load(2);
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (unsigned)prog;
	a.test.repeat = 0x7fffffff;
	a.test.data_in = (uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	return unless_interrupted(bpf(BPF_PROG_TEST_RUN, &a));
}

static long slow_load(void)
{
	int fd = prog_load(INSNS);

	return fd < 0 ? unless_interrupted(fd) : close(fd);
}

static long slow_batch(void)
{
	static uint32_t *keys;
	static uint64_t *values;
	static int map = -1;
	union bpf_attr a;

	if (map < 0) {
		map = map_create(ELEMENTS);
		keys = calloc(ELEMENTS, sizeof(*keys));
		values = calloc(ELEMENTS, sizeof(*values));
		for (uint32_t i = 0; i < ELEMENTS; i++)
			keys[i] = i;
	}
	memset(&a, 0, sizeof(a));
	a.batch.keys = (uintptr_t)keys;
	a.batch.values = (uintptr_t)values;
	a.batch.count = ELEMENTS;
	a.batch.map_fd = (unsigned)map;
	return bpf(BPF_MAP_UPDATE_BATCH, &a);
}

static bool page_prepared(void **page)
{
	const long size = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	*page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = (struct uffdio_register){ .range = { (uintptr_t)*page, (unsigned long)size },
				      .mode = UFFDIO_REGISTER_MODE_MISSING };
	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &r);
}

static long slow_page(void)
{
	int map = map_create(1);
	uint64_t value;
	void *page;

	return page_prepared(&page) ? elem(BPF_MAP_LOOKUP_ELEM, map, page, &value) : -1;
}

static const struct kind {
	const char *name;
	long (*call)(void);
	unsigned peers;
	bool stop, resume;
} kinds[] = {
	{ .name = "run", .call = slow_run, .peers = 1 },
	{ .name = "load", .call = slow_load, .peers = 1 },
	{ .name = "batch", .call = slow_batch, .peers = 1 },
	{ .name = "stopped", .call = slow_run, .peers = 1, .stop = true },
	{ .name = "stopload", .call = slow_load, .peers = 1, .stop = true, .resume = true },
	{ .name = "page", .call = slow_page, .peers = 1 },
	{ .name = "pages", .call = slow_page, .peers = PEERS },
};

static void slow_client(const struct kind *k, struct peer *p)
{
	for (;;) {
		p->begun++;
		if (k->call()) {
			p->error = errno ? errno : EIO;
			_exit(1);
		}
		p->ended++;
	}
}

static bool in_call(const struct peer *p, unsigned n)
{
	return p->begun == n && p->ended == n - 1 && !p->error;
}

/* Until it is in a call; which one, 0: never again. */
static unsigned await_call(const struct peer *p)
{
	while (!p->error) {
		unsigned n = p->begun;

		usleep(3000);
		if (n && in_call(p, n))
			return n;
	}
	return 0;
}

/* All kinds of calls, each rightly answered. */
static void work(int map)
{
	struct stat st;

	for (uint64_t i = 0; i < CALLS; i++) {
		uint32_t key = (uint32_t)i % 8;
		uint64_t got = 0;
		int fd;

		if (i % 10 == 9) {
			fd = map_create(1);
			if (fd < 0 || close(fd))
				die("another map");
		} else if (i % 10 == 5) {
			if (!stat("/sys/fs/bpf/no_such_pin", &st) || errno != ENOENT)
				die("stat");
		} else if (elem(BPF_MAP_UPDATE_ELEM, map, &key, &i) ||
			   elem(BPF_MAP_LOOKUP_ELEM, map, &key, &got) || got != i) {
			die("element");
		}
	}
}

static bool all_in(const struct kind *k, const unsigned *call)
{
	for (unsigned i = 0; i < k->peers; i++)
		if (!call[i] || !in_call(&peers[i], call[i]))
			return false;
	return true;
}

static bool meanwhile(const struct kind *k, int map)
{
	unsigned call[PEERS];
	bool done = false;

	for (int t = 0; t < TRIES && !done; t++) {
		for (unsigned i = 0; i < k->peers; i++) {
			call[i] = await_call(&peers[i]);
			if (call[i] && k->stop)
				kill(peers[i].pid, SIGSTOP);
		}
		work(map);
		done = all_in(k, call);
		for (unsigned i = 0; i < k->peers && k->stop; i++)
			kill(peers[i].pid, SIGCONT);
		if (peers[0].error)
			break;
	}
	/* What was stopped goes on, and its next call too. */
	while (done && k->resume && !peers[0].error && peers[0].ended < call[0] + 1)
		usleep(1000);
	return done && !peers[0].error;
}

static bool try_kind(const struct kind *k, int map)
{
	bool done;
	int error;

	memset(peers, 0, PEERS * sizeof(*peers));
	for (unsigned i = 0; i < k->peers; i++) {
		pid_t pid = fork();

		if (!pid)
			slow_client(k, &peers[i]);
		if (pid < 0)
			die("fork");
		peers[i].pid = pid;
	}
	done = meanwhile(k, map);
	error = peers[0].error;
	for (unsigned i = 0; i < k->peers; i++)
		kill(peers[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	work(map); /* nothing is left of them */
	if (error)
		printf("%s: the slow call: %s\n", k->name, strerror(error));
	else
		printf("%s: %s\n", k->name, done ? "300 calls meanwhile" : "never 300 calls meanwhile");
	return done;
}

int main(int argc, char **argv)
{
	bool good = true;
	int map;

	setvbuf(stdout, NULL, _IONBF, 0);
	peers = mmap(NULL, PEERS * sizeof(*peers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map = map_create(64);
	if (map < 0)
		die("a map");
	for (int i = 1; i < argc; i++)
		for (unsigned j = 0; j < sizeof(kinds) / sizeof(kinds[0]); j++)
			if (!strcmp(argv[i], kinds[j].name))
				good &= try_kind(&kinds[j], map);
	return good ? 0 : 1;
}
