// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long objects live: each story says after each step whether its objects can be found by id.
 *
 *     STORY
 *       STEP: map alive, program gone
 *
 * A kernel drops what another object held only after a grace period, so each
 * look waits for a few of them. To look, an id is opened and closed at once.
 */
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "abi/world.h"

#define GRACE_PERIODS 4
#define LATE_PERIODS  14 /* what a program held: on a busy machine the kernel takes its time */

enum kind { MAP, PROG, BTF };
static const int by_id[] = { BPF_MAP_GET_FD_BY_ID, BPF_PROG_GET_FD_BY_ID, BPF_BTF_GET_FD_BY_ID };

/* The objects of the running story. */
static struct obj {
	const char *name;
	enum kind kind;
	uint32_t id;
} objs[8];
static int nr_objs;

static int found(const struct obj *o)
{
	union row_attr r = { .w = { o->id } };
	int fd = raw_bpf(by_id[o->kind], &r, 12);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void settle(int periods)
{
	for (int i = 0; i < periods; i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		usleep(10000);
	}
}

static void step_after(const char *what, int periods)
{
	settle(periods);
	say("  %s:", what);
	for (int i = 0; i < nr_objs; i++)
		say("%s %s %s", i ? "," : "", objs[i].name, found(&objs[i]) ? "alive" : "gone");
	say("\n");
	fflush(stdout);
}

static void step(const char *what)
{
	step_after(what, GRACE_PERIODS);
}

static void late(const char *what)
{
	step_after(what, LATE_PERIODS);
}

static void story(const char *what)
{
	nr_objs = 0;
	say("%s\n", what);
	fflush(stdout);
}

static uint32_t id_of(int fd, enum kind kind)
{
	uint32_t w[26] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = fd, .info_len = kind == BTF ? 32 : 88, .info = ptr(w) } };

	must(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) == 0, "info");
	return w[kind == BTF ? 3 : 1];
}

/* Puts an object into the story. */
static int track(const char *name, enum kind kind, int fd)
{
	must(fd >= 0, name);
	objs[nr_objs++] = (struct obj){ name, kind, id_of(fd, kind) };
	return fd;
}

static int new_map(void)
{
	return world_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0);
}
static int map(const char *name)
{
	return track(name, MAP, new_map());
}

static int pin(int fd, const char *name)
{
	char path[200];
	union row_attr r = { .a = { .pathname = ptr(path), .bpf_fd = fd } };

	snprintf(path, sizeof(path), "%s/%s", world_dir, name);
	must(raw_bpf(BPF_OBJ_PIN, &r, 12) == 0, "a pin");
	return fd;
}

static const char *at(const char *name)
{
	static char path[2][200];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", world_dir, name);
	return path[i];
}

static int set(int map_fd, uint32_t key, uint32_t value)
{
	union row_attr r = { .a = { .map_fd = map_fd, .key = ptr(&key), .value = ptr(&value) } };

	return raw_bpf(BPF_MAP_UPDATE_ELEM, &r, 32);
}

static int del(int map_fd, uint32_t key)
{
	union row_attr r = { .a = { .map_fd = map_fd, .key = ptr(&key) } };

	return raw_bpf(BPF_MAP_DELETE_ELEM, &r, 16);
}

static int slot_filled(int map_fd, uint32_t key)
{
	uint32_t value = 0;
	union row_attr r = { .a = { .map_fd = map_fd, .key = ptr(&key), .value = ptr(&value) } };

	return raw_bpf(BPF_MAP_LOOKUP_ELEM, &r, 32) == 0 && value;
}

/* A program that holds a map: r1 = map; r0 = 0; exit. */
static int prog_using(int map_fd)
{
	struct bpf_insn insns[] = {
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map_fd },
		{ 0 },
		{ .code = 0xb7, .dst_reg = 0, .imm = 0 },
		{ .code = 0x95 },
	};
	union row_attr r = { .a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				    .insns = ptr(insns),
				    .insn_cnt = ARRAY_SIZE(insns),
				    .license = ptr("GPL") } };

	return raw_bpf(BPF_PROG_LOAD, &r, 72);
}

/* Children: they make something, tell by a byte that they are there, and wait for a byte or their end. */
struct child {
	pid_t pid;
	int to, from;
};

static void child_ready(int from)
{
	must(write(from, "r", 1) == 1, "a pipe");
}
static void child_wait(int to)
{
	char c;

	while (read(to, &c, 1) < 0 && errno == EINTR)
		;
}

/* fork: 0 in the child. In the child .to is to be read and .from to be written. */
static int child(struct child *c)
{
	int down[2], up[2];

	fflush(stdout);
	must(pipe(down) == 0 && pipe(up) == 0, "pipes");
	c->pid = fork();
	must(c->pid >= 0, "fork");
	c->to = c->pid ? down[1] : down[0];
	c->from = c->pid ? up[0] : up[1];
	close(c->pid ? down[0] : down[1]);
	close(c->pid ? up[1] : up[0]);
	return c->pid;
}

static void child_await(struct child *c)
{
	char b;

	must(read(c->from, &b, 1) == 1, "a child");
}

static void child_end(struct child *c, int sig)
{
	if (sig)
		kill(c->pid, sig);
	close(c->to);
	close(c->from);
	waitpid(c->pid, NULL, 0);
}

static void closing(void)
{
	story("close");
	int fd = map("map"), copy;

	step("made");
	copy = dup(fd);
	close(fd);
	step("one of two descriptors closed");
	fd = fcntl(copy, F_DUPFD_CLOEXEC, 50);
	dup2(0, copy);
	step("the other replaced by dup2");
	close_range(fd, fd, 0);
	step("the last closed by close_range");
	close(copy);
}

static void by_id_holds(void)
{
	story("an fd by id");
	int fd = map("map");
	union row_attr r = { .w = { objs[0].id } };
	int second = raw_bpf(BPF_MAP_GET_FD_BY_ID, &r, 12);

	close(fd);
	step("first fd closed");
	close(second);
	step("second fd closed");
}

/* A child inherits the fd and ends in different ways. */
static void ends(const char *what, int sig)
{
	struct child c;

	story(what);
	int fd = map("map");

	if (child(&c) == 0) {
		child_ready(c.from);
		child_wait(c.to);
		_exit(0);
	}
	child_await(&c);
	close(fd);
	step("parent closed it");
	child_end(&c, sig);
	step("child ended");
}

static void exec_self(int fd, struct child *c, int keep)
{
	char n[3][16];

	fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
	snprintf(n[0], 16, "%d", c->from);
	snprintf(n[1], 16, "%d", c->to);
	execl("/proc/self/exe", "lifetime", "hold", n[0], n[1], NULL);
	_exit(1);
}

static void execs(const char *what, int keep)
{
	struct child c;

	story(what);
	int fd = map("map");

	if (child(&c) == 0)
		exec_self(fd, &c, keep);
	child_await(&c);
	close(fd);
	step("parent closed it");
	child_end(&c, SIGKILL);
	step("child killed");
}

static void send_fd(int sock, int fd)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {
		.h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }
	};
	struct iovec iov = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u.buf)
	};

	memcpy(CMSG_DATA(&u.h), &fd, sizeof(fd));
	must(sendmsg(sock, &m, 0) == 1, "sendmsg");
}

static int recv_fd(int sock)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = { 0 };
	char b;
	struct iovec iov = { &b, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u.buf)
	};
	int fd = -1;

	must(recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
	memcpy(&fd, CMSG_DATA(&u.h), sizeof(fd));
	return fd;
}

static void sockets(void)
{
	int s[2], fd;

	story("an fd over a socket");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "sockets");
	fd = map("map");
	send_fd(s[0], fd);
	close(fd);
	step("sent and closed, in flight");
	fd = recv_fd(s[1]);
	step("received");
	must(set(fd, 1, 1) == 0, "update through a received fd");
	close(fd);
	step("closed");
	story("an fd that nobody received");
	fd = map("map");
	send_fd(s[0], fd);
	close(fd);
	step("in flight");
	close(s[0]);
	step("the sender's end closed");
	close(s[1]);
	step("both ends closed");
}

static void sockets_killed(void)
{
	struct child c;
	int s[2], fd;

	story("an fd sent by a child that is killed");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "sockets");
	if (child(&c) == 0) {
		send_fd(s[0], new_map());
		child_ready(c.from);
		child_wait(c.to);
	}
	child_await(&c);
	close(s[0]);
	child_end(&c, SIGKILL);
	fd = track("map", MAP, recv_fd(s[1]));
	close(s[1]);
	step("received after its maker's death");
	close(fd);
	step("closed");
}

static void pins(void)
{
	story("a pin");
	int fd = pin(map("map"), "a");

	close(fd);
	step("pinned and closed");
	unlink(at("a"));
	step("unlinked");
	story("unlink with an open fd");
	fd = pin(map("map"), "a");
	unlink(at("a"));
	step("unlinked");
	close(fd);
	step("closed");
	story("two names of one pin");
	close(pin(map("map"), "a"));
	must(link(at("a"), at("b")) == 0, "link");
	unlink(at("a"));
	step("first name gone");
	unlink(at("b"));
	step("second name gone");
	story("two pins of one map");
	fd = pin(map("map"), "a");
	close(pin(fd, "b"));
	unlink(at("b"));
	step("second pin gone");
	unlink(at("a"));
	step("first pin gone");
}

static void renames(void)
{
	story("rename over a pin");
	close(pin(map("first"), "a"));
	close(pin(map("second"), "b"));
	step("two pins");
	must(rename(at("a"), at("b")) == 0, "rename");
	step("first renamed over second");
	unlink(at("b"));
	step("unlinked");
	story("rename over a pin whose map is open");
	int fd;

	close(pin(map("first"), "a"));
	fd = pin(map("second"), "b");
	must(rename(at("a"), at("b")) == 0, "rename");
	step("renamed");
	close(fd);
	step("second closed");
	unlink(at("b"));
	step("unlinked");
	story("rename into another directory");
	mkdir(at("d"), 0755);
	close(pin(map("map"), "a"));
	must(rename(at("a"), at("d/b")) == 0, "rename");
	step("moved");
	unlink(at("d/b"));
	rmdir(at("d"));
	step("unlinked there");
}

static void outers(uint32_t type)
{
	int outer, inner;

	story(type_name(type));
	inner = map("template");
	place(inner, FD_INNER_A, "a template");
	outer = track("outer", MAP, world_map(type, 4, 4, 4, 0));
	close(FD_INNER_A);
	step("template closed");
	inner = map("inner");
	must(set(outer, 1, inner) == 0, "an inner map");
	close(inner);
	step("inner map closed");
	inner = map("other");
	must(set(outer, 1, inner) == 0, "another inner map");
	close(inner);
	step("replaced by another");
	must(del(outer, 1) == 0, "delete");
	step("deleted");
	inner = map("last");
	must(set(outer, 2, inner) == 0 && set(outer, 3, inner) == 0, "one inner map twice");
	close(inner);
	del(outer, 2);
	step("held twice, deleted once");
	pin(outer, "outer");
	close(outer);
	step("outer pinned and closed");
	unlink(at("outer"));
	step("outer removed");
}

static void *map_it(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

static void mappings(void)
{
	struct child c;
	int fd;
	uint32_t *p;

	story("a mapping");
	fd = track("map", MAP, world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4, BPF_F_MMAPABLE));
	p = map_it(fd);
	close(fd);
	step("closed, but mapped");
	*p = 5;
	munmap(p, 4096);
	step("unmapped");
	story("a mapping that a child inherits");
	fd = track("map", MAP, world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4, BPF_F_MMAPABLE));
	p = map_it(fd);
	close(fd);
	if (child(&c) == 0) {
		child_ready(c.from);
		child_wait(c.to);
		_exit(0);
	}
	child_await(&c);
	munmap(p, 4096);
	step("parent unmapped it");
	child_end(&c, SIGKILL);
	step("child killed");
	story("a mapping replaced by another");
	fd = track("map", MAP, world_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4, BPF_F_MMAPABLE));
	p = map_it(fd);
	close(fd);
	mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	step("mapped over");
	munmap(p, 4096);
}

static void programs(void)
{
	int m, p;

	story("a program that uses a map");
	m = map("map");
	p = track("program", PROG, prog_using(m));
	close(m);
	late("map closed");
	pin(p, "p");
	close(p);
	late("program pinned and closed");
	unlink(at("p"));
	late("unlinked");
	story("a map with BTF");
	track("BTF", BTF, FD_BTF);
	m = track("map", MAP, world_lock_map(BPF_MAP_TYPE_HASH));
	close(FD_BTF);
	late("BTF closed");
	close(m);
	late("map closed");
}

/* Array and program hold each other: the array is emptied when its last user reference goes. */
static void cycles(void)
{
	int a, p;

	story("a prog_array and a program that hold each other");
	a = track("array", MAP, world_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0));
	p = track("program", PROG, prog_using(a));
	must(set(a, 0, p) == 0, "a program in its array");
	close(p);
	late("program closed");
	close(a);
	late("array closed");
	story("the same, the array pinned");
	a = track("array", MAP, world_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0));
	p = track("program", PROG, prog_using(a));
	must(set(a, 0, p) == 0, "a program in its array");
	pin(a, "a");
	close(a);
	close(p);
	late("both closed");
	unlink(at("a"));
	late("array unpinned");
	story("the same, the program open");
	a = track("array", MAP, world_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0));
	p = track("program", PROG, prog_using(a));
	must(set(a, 0, p) == 0, "a program in its array");
	close(a);
	late("array closed");
	union row_attr r = { .w = { objs[0].id } };

	/* A kernel loses a prog_array that is let go of again while its clearing is still queued. */
	settle(GRACE_PERIODS);
	a = raw_bpf(BPF_MAP_GET_FD_BY_ID, &r, 12);
	say("  the array by id: slot %s\n", a < 0 ? "unknown" : slot_filled(a, 0) ? "filled" : "empty");
	close(a);
	settle(GRACE_PERIODS);
	close(p);
	late("program closed");
	story("a prog_array that a program does not use");
	a = track("array", MAP, world_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0));
	p = track("program", PROG, world_prog(BPF_PROG_TYPE_SOCKET_FILTER));
	must(set(a, 0, p) == 0, "a program in an array");
	close(p);
	late("program closed");
	must(del(a, 0) == 0, "delete");
	late("slot emptied");
	close(a);
	late("array closed");
}

/* The maker of such a cycle is killed after each of its steps. */
static void cycles_killed(void)
{
	for (int n = 1; n <= 6; n++) {
		struct child c;
		uint32_t ids[2] = { 0, 0 };
		int pipe_ids[2];

		story("the maker of a cycle killed");
		say("  after %d steps\n", n);
		must(pipe(pipe_ids) == 0, "a pipe");
		if (child(&c) == 0) {
			int a = world_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0), p = -1;

			ids[0] = id_of(a, MAP);
			if (n > 1)
				ids[1] = id_of(p = prog_using(a), PROG);
			if (n > 2)
				set(a, 0, p);
			if (n > 3)
				pin(a, "a");
			if (n > 4)
				close(p);
			if (n > 5)
				unlink(at("a"));
			must(write(pipe_ids[1], ids, sizeof(ids)) == sizeof(ids), "a pipe");
			child_ready(c.from);
			child_wait(c.to);
		}
		child_await(&c);
		must(read(pipe_ids[0], ids, sizeof(ids)) == sizeof(ids), "ids");
		objs[nr_objs++] = (struct obj){ "array", MAP, ids[0] };
		if (ids[1])
			objs[nr_objs++] = (struct obj){ "program", PROG, ids[1] };
		late("before");
		child_end(&c, SIGKILL);
		late("killed");
		if (unlink(at("a")) == 0)
			late("unlinked");
		close(pipe_ids[0]);
		close(pipe_ids[1]);
	}
}

static void *thread_makes(void *arg)
{
	*(int *)arg = map("map");
	return NULL;
}

static void threads(void)
{
	pthread_t t;
	int fd = -1;

	story("a thread that made a map and ended");
	must(pthread_create(&t, NULL, thread_makes, &fd) == 0, "a thread");
	pthread_join(t, NULL);
	step("thread ended");
	close(fd);
	step("closed");
}

/* An fd that waits in a child's vfork window, and one closed there: the parent's stays. */
static void vforks(void)
{
	story("a child of vfork that closes the fd");
	int fd = map("map");
	pid_t pid = vfork();

	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	step("child ended");
	say("  update: %s\n", set(fd, 1, 1) == 0 ? "ok" : errno_name(errno));
	close(fd);
	step("closed");
}

/* What exec runs: says that it is there, and waits to be ended. */
static int hold(char **argv)
{
	child_ready(atoi(argv[2]));
	child_wait(atoi(argv[3]));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "hold"))
		return hold(argv);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	btf_make();
	place(world_btf(), FD_BTF, "BTF");
	world_bpffs();
	closing();
	by_id_holds();
	ends("exit", 0);
	ends("abort", SIGABRT);
	ends("kill -9", SIGKILL);
	execs("exec without close-on-exec", 1);
	execs("exec with close-on-exec", 0);
	sockets();
	sockets_killed();
	pins();
	renames();
	outers(BPF_MAP_TYPE_ARRAY_OF_MAPS);
	outers(BPF_MAP_TYPE_HASH_OF_MAPS);
	mappings();
	cycles();
	cycles_killed();
	threads();
	vforks();
	programs();
	world_leave();
	return 0;
}
