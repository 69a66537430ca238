// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf(2) between processes and threads: fds that travel, credentials, signals, death.
 *
 * Makes raw system calls only, so that a static build of it sees no library.
 * Ids are asked for after every step: an object is there exactly as long as
 * someone holds it. Death may be seen a moment later, never is life missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/tap.h"

static int bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int create(unsigned type, unsigned entries)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = entries;
	snprintf(a.map_name, sizeof(a.map_name), "np_%d", (int)getpid());
	return bpf(BPF_MAP_CREATE, &a);
}

static int elem(int cmd, int fd, const void *key, const void *value, unsigned long flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)fd;
	a.key = (unsigned long)key;
	a.value = (unsigned long)value;
	a.flags = flags;
	return bpf(cmd, &a);
}

static unsigned id_of(int fd)
{
	struct bpf_map_info info;
	union bpf_attr a;

	memset(&info, 0, sizeof(info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (unsigned)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (unsigned long)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a) ? 0 : info.id;
}

static int by_id(unsigned id)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_id = id;
	return bpf(BPF_MAP_GET_FD_BY_ID, &a);
}

static int there(unsigned id)
{
	int fd = by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Within a second. */
static int gone(unsigned id)
{
	struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < 1000; i++) {
		if (!there(id))
			return errno == ENOENT;
		nanosleep(&ms, NULL);
	}
	return 0;
}

static void test_fds(void)
{
	int hole = open("/dev/null", O_RDONLY), above = dup(hole), fd;
	unsigned key = 1;
	unsigned long value = 5, got = 0;

	close(hole);
	fd = create(BPF_MAP_TYPE_HASH, 16);
	ok(fd == hole, "a map takes the lowest free number (%d, got %d)", hole, fd);
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is close-on-exec");
	ok((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR, "and for reading and writing");
	ok(!elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value, 0), "update");
	ok(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &got, 0) && got == 5, "lookup");
	ok(elem(BPF_MAP_LOOKUP_ELEM, above, &key, &got, 0) && errno == EINVAL,
	   "another kind of file: EINVAL");
	close(above);
	ok(elem(BPF_MAP_LOOKUP_ELEM, above, &key, &got, 0) && errno == EBADF, "a closed number: EBADF");
	ok(elem(BPF_MAP_LOOKUP_ELEM, -1, &key, &got, 0) && errno == EBADF, "-1: EBADF");
	ok(elem(BPF_MAP_LOOKUP_ELEM, fd, (void *)8, &got, 0) && errno == EFAULT, "a bad key: EFAULT");
	ok(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, (void *)8, 0) && errno == EFAULT, "a bad value: EFAULT");
	ok(syscall(SYS_bpf, BPF_MAP_CREATE, 8, 64) < 0 && errno == EFAULT, "bad attributes: EFAULT");
	close(fd);
}

/* Values on the last bytes before a page that cannot be read. */
static void test_page_end(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = create(BPF_MAP_TYPE_ARRAY, 2);
	unsigned *key = (unsigned *)(page + 4096 - 4);
	unsigned long value = 7;

	mprotect(page + 4096, 4096, PROT_NONE);
	*key = 1;
	ok(!elem(BPF_MAP_UPDATE_ELEM, fd, key, &value, 0), "a key at the end of memory");
	ok(!elem(BPF_MAP_LOOKUP_ELEM, fd, key, page + 4096 - 16, 0), "a value near it");
	ok(elem(BPF_MAP_LOOKUP_ELEM, fd, key, page + 4096 - 4, 0) && errno == EFAULT,
	   "one across it: EFAULT");
	munmap(page, 8192);
	close(fd);
}

#define THREADS 8
#define KEYS    200

struct worker {
	pthread_t t;
	int fd;
	unsigned first, bad;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < KEYS; i++) {
		unsigned key = w->first + i;
		unsigned long value = key * 3ul, got = 0;

		w->bad += elem(BPF_MAP_UPDATE_ELEM, w->fd, &key, &value, BPF_NOEXIST) != 0;
		w->bad += elem(BPF_MAP_LOOKUP_ELEM, w->fd, &key, &got, 0) != 0 || got != value;
	}
	return NULL;
}

static void test_threads(void)
{
	int fd = create(BPF_MAP_TYPE_HASH, THREADS * KEYS);
	struct worker w[THREADS];
	unsigned bad = 0, key = 0, n = 0;
	int err;

	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .fd = fd, .first = i * KEYS };
		pthread_create(&w[i].t, NULL, work, &w[i]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(w[i].t, NULL);
		bad += w[i].bad;
	}
	ok(!bad, "%d threads on one map: %u calls went wrong", THREADS, bad);
	for (err = elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &key, 0); !err && n < 2 * THREADS * KEYS; n++)
		err = elem(BPF_MAP_GET_NEXT_KEY, fd, &key, &key, 0);
	ok(n == THREADS * KEYS, "all %d elements are there: %u", THREADS * KEYS, n);
	close(fd);
}

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	ticks++;
}

/*
 * Each key is new: a call that was begun twice says EEXIST. A handler without
 * SA_RESTART may find a call interrupted before anybody took it up; then
 * nothing of it has been done.
 */
static void test_signals(int flags, const char *kind)
{
	struct sigaction sa = { .sa_handler = tick, .sa_flags = flags }, old;
	struct itimerval on = { { 0, 200 }, { 0, 200 } }, off = { { 0, 0 }, { 0, 0 } };
	const unsigned n = (unsigned)test_scale(100000);
	int fd = create(BPF_MAP_TYPE_HASH, n), err;
	unsigned bad = 0, fds = 0, interrupted = 0, id = id_of(fd);

	ticks = 0;
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &on, NULL);
	for (unsigned key = 0; key < n; key++) {
		unsigned long value = key;

		while ((err = elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value, BPF_NOEXIST)) && errno == EINTR)
			interrupted++;
		bad += err != 0;
		if (key % 16)
			continue;
		while ((err = by_id(id)) < 0 && errno == EINTR)
			interrupted++;
		fds += err != fd + 1;
		if (err >= 0)
			close(err);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	ok(!bad, "%u updates under a timer's signals%s: %u went wrong", n, kind, bad);
	ok(!fds, "%u fds under a timer's signals%s: %u got another number", n / 16, kind, fds);
	if (flags & SA_RESTART)
		ok(!interrupted, "and none was interrupted");
	fprintf(stderr, "# %d signals, %u calls interrupted\n", (int)ticks, interrupted);
	close(fd);
}

static int send_fd(int sock, int fd)
{
	char c = 0;
	struct iovec iov = { &c, 1 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf };

	memset(&u, 0, sizeof(u));
	msg.msg_controllen = sizeof(u.buf);
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) < 0;
}

static int recv_fd(int sock)
{
	char c;
	struct iovec iov = { &c, 1 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf };
	int fd = -1;

	msg.msg_controllen = sizeof(u.buf);
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void test_lives(void)
{
	int fd = create(BPF_MAP_TYPE_HASH, 4), copy, sock[2];
	unsigned id = id_of(fd);

	ok(id && there(id), "a map has an id");
	copy = dup(fd);
	close(fd);
	ok(there(id) && id_of(copy) == id, "a dup keeps it");
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock);
	send_fd(sock[0], copy);
	close(copy);
	ok(there(id), "an fd in flight keeps it");
	copy = recv_fd(sock[1]);
	ok(id_of(copy) == id, "and works when it has arrived");
	send_fd(sock[0], copy);
	close(copy);
	close(sock[0]);
	close(sock[1]);
	ok(gone(id), "it dies with the socket");
}

static void wait_for(pid_t pid, int want, const char *text)
{
	int status = -1;

	waitpid(pid, &status, 0);
	ok(status == want, "%s (status %#x)", text, (unsigned)status);
}

static void test_children(const char *self)
{
	int fd = create(BPF_MAP_TYPE_HASH, 4), sync[2];
	unsigned id = id_of(fd), key = 1;
	unsigned long value = 9;
	char num[2][16];
	pid_t pid;

	ok(!elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value, 0), "update before fork");
	pid = fork();
	if (!pid)
		_exit(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value, 0) || value != 9);
	wait_for(pid, 0, "a child reads through the inherited fd");
	fcntl(fd, F_SETFD, 0);
	snprintf(num[0], sizeof(num[0]), "%d", fd);
	pid = vfork();
	if (!pid) {
		execl(self, self, "reads", num[0], NULL);
		_exit(99);
	}
	wait_for(pid, 0, "so does a program executed by vfork");
	if (pipe2(sync, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid) {
		close(sync[0]);
		if (write(sync[1], "x", 1) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(sync[0], num[1], 1) < 0)
		diag("no word from the child");
	close(fd);
	ok(there(id), "it lives in the child when we have closed it");
	kill(pid, SIGKILL);
	wait_for(pid, SIGKILL, "the child is killed");
	ok(gone(id), "and the map with it");
	close(sync[0]);
	close(sync[1]);
}

/* Maps that this process has made and that are there. */
static int count_own(void)
{
	char name[BPF_OBJ_NAME_LEN];
	struct bpf_map_info info;
	union bpf_attr a;
	unsigned id = 0;
	int n = 0, fd;

	snprintf(name, sizeof(name), "np_%d", (int)getpid());
	for (;;) {
		memset(&a, 0, sizeof(a));
		a.start_id = id;
		if (bpf(BPF_MAP_GET_NEXT_ID, &a))
			return n;
		id = a.next_id;
		fd = by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		memset(&a, 0, sizeof(a));
		a.info.bpf_fd = (unsigned)fd;
		a.info.info_len = sizeof(info);
		a.info.info = (unsigned long)&info;
		n += !bpf(BPF_OBJ_GET_INFO_BY_FD, &a) && !strcmp(info.name, name);
		close(fd);
	}
}

static void test_limit(void)
{
	int fd = create(BPF_MAP_TYPE_ARRAY, 1), n = 0;
	struct rlimit old, none;
	unsigned id = id_of(fd);

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	ok(create(BPF_MAP_TYPE_ARRAY, 1) < 0 && errno == EMFILE, "no number left: EMFILE");
	ok(by_id(id) < 0 && errno == EMFILE, "for an old one too");
	setrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < 200 && (n = count_own()) != 1; i++)
		usleep(1000);
	ok(n == 1, "and nothing is left behind: %d", n);
	close(fd);
}

static int caps_dropped(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	return syscall(SYS_capset, &h, none) == 0;
}

/* In a thread, by raw calls: the rest of the process keeps its uid. */
static void *other_uid(void *arg)
{
	int *res = arg;

	if (syscall(SYS_setresuid, 1000, 1000, 1000))
		res[0] = 0;
	else
		res[0] = create(BPF_MAP_TYPE_ARRAY, 1) < 0 ? errno : 0;
	return NULL;
}

static void in_child(int (*change)(void), const char *text)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		if (!change())
			_exit(77);
		_exit(create(BPF_MAP_TYPE_ARRAY, 1) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("not allowed here");
	else
		ok(WIFEXITED(status) && WEXITSTATUS(status) == EPERM, "%s (%#x)", text, (unsigned)status);
}

static int own_user_ns(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static int group_only(void)
{
	return syscall(SYS_setresgid, 1000, 1000, 1000) == 0 && syscall(SYS_setresuid, 1000, 1000, 1000) == 0;
}

static void test_credentials(void)
{
	pthread_t t;
	int res[1] = { -1 };

	if (geteuid()) {
		skip("credentials: not root");
		return;
	}
	pthread_create(&t, NULL, other_uid, res);
	pthread_join(t, NULL);
	if (res[0])
		ok(res[0] == EPERM, "a thread with another uid may not create: EPERM (%d)", res[0]);
	else
		skip("no other uid here");
	int fd = create(BPF_MAP_TYPE_ARRAY, 1);

	ok(fd >= 0, "while the process may");
	close(fd);
	in_child(caps_dropped, "nor one without capabilities");
	in_child(own_user_ns, "nor one in a user namespace of its own");
	in_child(group_only, "nor one that has become somebody else");
}

int main(int argc, char **argv)
{
	unsigned key = 1;
	unsigned long value = 0;

	if (argc > 2)
		return elem(BPF_MAP_LOOKUP_ELEM, atoi(argv[2]), &key, &value, 0) || value != 9;
	test_fds();
	test_page_end();
	test_threads();
	test_signals(SA_RESTART, "");
	test_signals(0, " that do not restart");
	test_lives();
	test_children("/proc/self/exe");
	test_limit();
	test_credentials();
	return done();
}
