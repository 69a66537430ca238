// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fd numbers of maps: every way to copy, close, replace and inherit them.
 */
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "abi/preload_client.h"

extern char **environ;

static void numbers(void)
{
	int low = open("/dev/null", O_RDONLY), a, b;

	close(low);
	a = new_array();
	b = new_array();
	ok(a == low && b == low + 1, "maps get the lowest free numbers");
	ok(fcntl(a, F_GETFD) == FD_CLOEXEC, "close-on-exec");
	ok((fcntl(a, F_GETFL) & O_ACCMODE) == O_RDWR, "opened for reading and writing");
	close(a);
	a = map_create(BPF_MAP_TYPE_ARRAY, 4, BPF_F_RDONLY);
	ok(a == low && (fcntl(a, F_GETFL) & O_ACCMODE) == O_RDONLY,
	   "a read-only map takes the number that was freed");
	ok(set(a, 0, 1) == -1 && errno == EPERM && get(a, 0) == 0, "it can be read, not written");
	close(a);
	a = map_create(BPF_MAP_TYPE_ARRAY, 4, BPF_F_WRONLY);
	ok(a == low && (fcntl(a, F_GETFL) & O_ACCMODE) == O_WRONLY && get(a, 0) == -EPERM &&
		   set(a, 0, 1) == 0,
	   "a write-only one the other way round");
	close(a);
	close(b);
}

static void bad_numbers(void)
{
	int null = open("/dev/null", O_RDWR), path = open("/dev/null", O_PATH), m = new_array();

	ok(get(-1, 0) == -EBADF && get(1 << 30, 0) == -EBADF, "no such number: EBADF");
	ok(get(null, 0) == -EINVAL, "another kind of file: EINVAL");
	ok(get(path, 0) == -EBADF, "O_PATH: EBADF");
	ok(set(m, 1, 11) == 0 && get(m, 1) == 11, "update and lookup");
	close(m);
	ok(get(m, 1) == -EBADF, "closed: EBADF");
	ok(close(m) == -1 && errno == EBADF, "closed twice: EBADF");
	ok(dup2(null, m) == m && get(m, 1) == -EINVAL, "the number in other use: EINVAL");
	close(m);
	close(null);
	close(path);
}

static void dup_family(void)
{
	int m = new_array(), d = dup(m), e, null = open("/dev/null", O_RDWR), other;
	uint32_t id = map_id(m);

	set(m, 0, 5);
	ok(get(d, 0) == 5, "dup");
	close(m);
	ok(get(d, 0) == 5 && lives(id), "the first closed, the second still there");
	e = fcntl(d, F_DUPFD, 50);
	ok(e == 50 && get(e, 0) == 5 && fcntl(e, F_GETFD) == 0, "F_DUPFD from 50 on");
	ok(fcntl(d, F_DUPFD_CLOEXEC, 50) == 51 && get(51, 0) == 5 && fcntl(51, F_GETFD) == FD_CLOEXEC,
	   "F_DUPFD_CLOEXEC");
	ok(dup3(d, 60, O_CLOEXEC) == 60 && get(60, 0) == 5, "dup3");
	ok(dup3(d, d, 0) == -1 && errno == EINVAL, "dup3 onto itself: EINVAL");
	ok(dup2(d, d) == d && get(d, 0) == 5, "dup2 onto itself does nothing");
	close(50);
	close(51);
	close(60);
	ok(dup2(d, 2000000000) == -1 && errno == EBADF, "dup2 beyond the limit: EBADF");
	ok(dup2(null, d) == d && get(d, 0) == -EINVAL && dies(id),
	   "dup2 of a file over the last fd: the map is gone");
	m = new_array();
	other = new_array();
	id = map_id(m);
	set(m, 0, 1);
	set(other, 0, 2);
	ok(get(m, 0) == 1 && dup2(other, m) == m && get(m, 0) == 2 && dies(id), "one map over another");
	close(m);
	ok(get(other, 0) == 2, "and the copy closed");
	close(other);
	close(d);
	close(null);
}

static void raw_calls(void)
{
	int m = new_array(), d = (int)syscall(SYS_dup, m), e;
	uint32_t id = map_id(m);

	set(m, 0, 9);
	ok(get(d, 0) == 9, "syscall(SYS_dup)");
	syscall(SYS_close, d);
	ok(get(d, 0) == -EBADF, "syscall(SYS_close)");
	e = (int)syscall(SYS_fcntl, m, F_DUPFD, 70);
	ok(e == 70 && get(e, 0) == 9 && syscall(SYS_dup2, 0, e) == e && get(e, 0) != 9,
	   "syscall(SYS_fcntl) and syscall(SYS_dup2)");
	close(e);
	ok(syscall(SYS_close_range, m, m, 0) == 0 && get(m, 0) == -EBADF && dies(id),
	   "syscall(SYS_close_range)");
	ok(syscall(SYS_getpid) == getpid() && syscall(999999) == -1 && errno == ENOSYS,
	   "other numbers go on");
}

static void ranges(void)
{
	int m[4];
	uint32_t id[4];

	for (int i = 0; i < 4; i++) {
		int fd = new_array();

		m[i] = 80 + i;
		dup2(fd, m[i]);
		close(fd);
		id[i] = map_id(m[i]);
		set(m[i], 0, 100 + (unsigned)i);
	}
	ok(close_range(81, 82, 0) == 0 && get(81, 0) == -EBADF && get(82, 0) == -EBADF, "close_range");
	ok(get(80, 0) == 100 && get(83, 0) == 103 && dies(id[1]) && dies(id[2]), "only the range is closed");
	ok(close_range(80, 80, 4 /* CLOEXEC */) == 0 && get(80, 0) == 100 && fcntl(80, F_GETFD) == FD_CLOEXEC,
	   "CLOSE_RANGE_CLOEXEC closes nothing");
	ok(close_range(9, 8, 0) == -1 && errno == EINVAL, "close_range the wrong way round: EINVAL");
	if (!fork()) {
		int fd;

		closefrom(80);
		fd = new_array();
		_exit(get(80, 0) == -EBADF && get(83, 0) == -EBADF && fd >= 0 && set(fd, 1, 1) == 0 ? 7 : 1);
	}
	ok(status_of(-1) == 7, "closefrom in a child, which can make maps after it");
	ok(get(80, 0) == 100 && get(83, 0) == 103, "the parent's are still there");
	close_range(3, ~0u, 0);
	ok(get(80, 0) == -EBADF && get(83, 0) == -EBADF && dies(id[0]) && dies(id[3]), "close_range of all");
	m[0] = new_array();
	ok(m[0] == 3 && set(m[0], 0, 1) == 0, "and life goes on at 3");
	for (int fd = 3; fd < 5000; fd++)
		close(fd);
	m[0] = new_array();
	ok(m[0] == 3 && set(m[0], 0, 1) == 0, "the same after 5000 closes");
	close(m[0]);
}

static void streams(void)
{
	int m = new_array();
	uint32_t id = map_id(m);
	FILE *f = fdopen(m, "r+");

	ok(f && get(m, 0) == 0, "a stream on a map");
	fclose(f);
	ok(get(m, 0) == -EBADF && dies(id), "fclose closes the map");
}

static void forks(void)
{
	int m = new_array();
	uint32_t id = map_id(m);
	pid_t pid;

	set(m, 0, 1);
	pid = fork();
	if (!pid) {
		set(m, 0, 2);
		close(m);
		_exit(get(m, 0) == -EBADF && lives(id) ? 7 : 1);
	}
	ok(status_of(pid) == 7 && get(m, 0) == 2,
	   "a fork child changes the map, closes its fd, the parent's stays");
	pid = (pid_t)syscall(SYS_fork);
	if (!pid)
		_exit(set(m, 0, 3) == 0 ? 7 : 1);
	ok(status_of(pid) == 7 && get(m, 0) == 3, "the same by a raw fork");
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	close(m);
	ok(lives(id), "the parent's closed, the child's keeps it");
	kill(pid, SIGKILL);
	status_of(pid);
	ok(dies(id), "gone with the child by -9");
}

static void vforks(void)
{
	volatile int m = new_array(), null = open("/dev/null", O_RDWR), bad = 0;
	uint32_t id = map_id(m);
	pid_t pid;

	set(m, 0, 4);
	pid = vfork();
	if (!pid) {
		close(m);
		_exit(0);
	}
	status_of(pid);
	ok(get(m, 0) == 4, "a vfork child closes the map: the parent's stays");
	pid = vfork();
	if (!pid) {
		dup2(null, m);
		if (get(m, 0) != -EINVAL)
			bad = 1;
		close(m);
		_exit(0);
	}
	status_of(pid);
	ok(!bad && get(m, 0) == 4, "a vfork child puts a file over it: EINVAL there, the map here");
	pid = vfork();
	if (!pid) {
		close_range(3, ~0u, 0);
		_exit(0);
	}
	status_of(pid);
	ok(get(m, 0) == 4 && lives(id), "a vfork child closes all");
	close(null);
	close(m);
	ok(dies(id), "and then it is gone");
}

static volatile int made;

static int make_map(void *arg)
{
	made = new_array();
	if (set(made, 0, 3) || get(made, 0) != 3)
		made = -1;
	_exit(0);
}

/* The first child that shares the memory of this process makes a map: its number means nothing here. */
static int clones(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	status_of(clone(make_map, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	return made >= 0 && get(made, 0) == -EBADF;
}

static int first_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		make_map(NULL);
	status_of(pid);
	return made >= 0 && get(made, 0) == -EBADF;
}

/* What the program does when it is started again: is fd the map with that value? */
static int again(const char *fd, const char *value)
{
	if (*fd == 'c')
		return clones() ? 7 : 1;
	if (*fd == 'v')
		return first_vfork() ? 7 : 1;
	return get(atoi(fd), 0) == atol(value) ? 7 : 1;
}

static pid_t start(int fd, long value, posix_spawn_file_actions_t *acts)
{
	char fd_text[16], value_text[16];
	char *argv[] = { (char *)"again", fd_text, value_text, NULL };
	pid_t pid = -1;

	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	snprintf(value_text, sizeof(value_text), "%ld", value);
	if (acts)
		return posix_spawn(&pid, "/proc/self/exe", acts, NULL, argv, environ) ? -1 : pid;
	pid = fork();
	if (!pid) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	return pid;
}

/* In a program that has made no child before. */
static pid_t start_shared(const char *how)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/proc/self/exe", "again", how, "0", NULL);
		_exit(127);
	}
	return pid;
}

static void execs(void)
{
	int m = new_array(), d;
	posix_spawn_file_actions_t acts;

	set(m, 0, 6);
	ok(status_of(start(m, -EBADF, NULL)) == 7, "exec closes a map's fd");
	d = dup(m);
	ok(status_of(start(d, 6, NULL)) == 7, "a copy without close-on-exec is the map in the new program");
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, m, 90);
	ok(status_of(start(90, 6, &acts)) == 7, "posix_spawn with a dup2");
	posix_spawn_file_actions_addclose(&acts, d);
	ok(status_of(start(d, -EBADF, &acts)) == 7 && get(d, 0) == 6,
	   "posix_spawn with a close: the parent's stays");
	posix_spawn_file_actions_destroy(&acts);
	close(m);
	close(d);
	ok(status_of(start_shared("vfork")) == 7, "a map that a vfork child makes is its own");
	ok(status_of(start_shared("clone")) == 7, "and one that a child made by clone(CLONE_VM) does");
}

static void pass(int sock, int fd)
{
	char byte = 'x', space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sock, &msg, 0);
}

static int take(int sock)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
	};
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == 1)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void sockets(void)
{
	int sv[2], m = new_array(), r;
	uint32_t id = map_id(m);

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	set(m, 0, 8);
	pass(sv[0], m);
	close(m);
	ok(lives(id), "in flight, held by nobody else");
	r = take(sv[1]);
	ok(get(r, 0) == 8, "received, at whatever number");
	pass(sv[0], r);
	close(r);
	ok(lives(id), "in flight again");
	close(sv[0]);
	close(sv[1]);
	ok(dies(id), "gone with the sockets");
}

static void limits(void)
{
	struct rlimit old, lim;
	int m = new_array(), fd, n = 0, last = -1;

	getrlimit(RLIMIT_NOFILE, &old);
	lim = old;
	lim.rlim_cur = 32;
	setrlimit(RLIMIT_NOFILE, &lim);
	while ((fd = new_array()) >= 0 && n++ < 100)
		last = fd;
	ok(last == 31 && errno == EMFILE, "maps up to the limit, then EMFILE (last %d, errno %d)", last,
	   errno);
	ok(set(m, 0, 1) == 0 && get(m, 0) == 1 && set(last, 0, 1) == 0, "operations go on at the limit");
	ok(map_id(last) != 0, "info too");
	ok(dup(m) == -1 && errno == EMFILE, "dup: EMFILE");
	close(last);
	ok(new_array() == last, "one closed, one made");
	close_range((unsigned)m + 1, ~0u, 0);
	setrlimit(RLIMIT_NOFILE, &old);
	close(m);
}

static void errno_kept(void)
{
	int m, d;

	errno = 77;
	m = new_array();
	set(m, 0, 1);
	get(m, 0);
	d = dup(m);
	dup2(m, d);
	fcntl(d, F_GETFL);
	close(d);
	close(m);
	ok(errno == 77, "calls that succeed leave errno alone, got %d", errno);
	ok(bpf(BPF_MAP_LOOKUP_ELEM, BAD_PTR, 32) == -1 && errno == EFAULT, "those that fail set it");
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return again(argv[1], argv[2]);
	numbers();
	bad_numbers();
	dup_family();
	raw_calls();
	streams();
	forks();
	vforks();
	execs();
	sockets();
	limits();
	errno_kept();
	ranges();
	return done();
}
