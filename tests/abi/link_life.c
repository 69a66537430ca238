// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long the programs of links live: each story says after each step which of them can be found by id.
 *
 *     STORY
 *       STEP: A gone, B alive; maps: gone, alive
 *
 * Each program has a map, which is looked for first: a look at a dead program's id would remove it.
 * A kernel drops what a link held only after a grace period, so a look waits until as many as expected are
 * left, but not for ever; and a moment in any case, in which what must stay could go.
 */
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include "abi/world.h"

#define PERIODS_MIN 2
#define PERIODS_MAX 60
#define NPROGS      10

static struct {
	int fd;
	uint32_t id, map;
} prog[NPROGS];

static int netns;

static int found(int cmd, uint32_t id)
{
	union row_attr r = { .w = { id } };
	int fd = raw_bpf(cmd, &r, 12);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int living(void)
{
	int n = 0;

	for (int i = 0; i < NPROGS; i++)
		n += prog[i].id && found(BPF_MAP_GET_FD_BY_ID, prog[i].map);
	return n;
}

/* So many of them are to be there afterwards. */
static void step(const char *what, int expected)
{
	int maps[NPROGS];

	for (int i = 0; i < PERIODS_MAX && (i < PERIODS_MIN || living() != expected); i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		usleep(10000);
	}
	say("  %s:", what);
	for (int i = 0; i < NPROGS; i++)
		maps[i] = found(BPF_MAP_GET_FD_BY_ID, prog[i].map);
	for (int i = 0; i < NPROGS; i++)
		if (prog[i].id)
			say("%s %c %s", i ? "," : "", 'A' + i,
			    found(BPF_PROG_GET_FD_BY_ID, prog[i].id) ? "alive" : "gone");
	say("; maps:");
	for (int i = 0; i < NPROGS; i++)
		if (prog[i].id)
			say("%s %s", i ? "," : "", maps[i] ? "alive" : "gone");
	say("\n");
	fflush(stdout);
}

/* r1 = map; r0 = 1; exit */
static int load_with(int map)
{
	struct bpf_insn insns[] = {
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = 0xb7, .imm = 1 },
		{ .code = 0x95 },
	};
	union row_attr r = { .a = { .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
				    .insns = ptr(insns),
				    .insn_cnt = ARRAY_SIZE(insns),
				    .license = ptr("GPL"),
				    .expected_attach_type = BPF_SK_LOOKUP } };
	int fd = raw_bpf(BPF_PROG_LOAD, &r, 72);

	must(fd >= 0, "a program");
	return fd;
}

static uint32_t id_of(int fd)
{
	uint32_t w[20] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(w), .info = ptr(w) } };

	must(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) == 0, "info");
	return w[1];
}

static void load(int p)
{
	int map = world_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0);

	must(map >= 0, "a map");
	prog[p].fd = load_with(map);
	prog[p].id = id_of(prog[p].fd);
	prog[p].map = id_of(map);
	close(map);
}

/* A story with so many programs. */
static void story(const char *what, int n)
{
	say("%s\n", what);
	fflush(stdout);
	for (int i = 0; i < NPROGS; i++) {
		prog[i].fd = -1;
		prog[i].id = prog[i].map = 0;
		if (i < n)
			load(i);
	}
}

static int link_to(int p)
{
	union row_attr a = { .w = { (uint32_t)prog[p].fd, (uint32_t)netns, BPF_SK_LOOKUP } };
	int fd = raw_bpf(BPF_LINK_CREATE, &a, 64);

	must(fd >= 0, "a link");
	return fd;
}

static void update(int link, int p)
{
	union row_attr a = { .w = { (uint32_t)link, (uint32_t)prog[p].fd } };

	must(raw_bpf(BPF_LINK_UPDATE, &a, 16) == 0, "an update");
}

static void drop(int p)
{
	close(prog[p].fd);
	prog[p].fd = -1;
}

/* An update when whoever watches for closed descriptors has looked, and looks no more. */
static void update_later(int link, int p)
{
	usleep(100000);
	update(link, p);
}

/* Not seen by whoever replaces functions of the C library. */
static void raw_close(int fd)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(SYS_close), "D"((long)fd) : "rcx", "r11", "memory");
	must(ret == 0, "a raw close");
}

static void end(int link, int alive)
{
	close(link);
	step("link closed", alive);
	for (int i = 0; i < NPROGS; i++)
		if (prog[i].fd >= 0)
			drop(i);
	step("all closed", 0);
}

static void orders(void)
{
	int link;

	story("updated away, then closed", 2);
	link = link_to(0);
	update(link, 1);
	step("updated", 2);
	drop(0);
	step("A closed", 1);
	end(link, 1);
	story("closed, then updated away", 2);
	link = link_to(0);
	drop(0);
	step("A closed", 2);
	update_later(link, 1);
	step("updated", 1);
	drop(1);
	step("B closed", 1);
	end(link, 0);
	story("to and fro", 2);
	link = link_to(0);
	for (int i = 0; i < 101; i++)
		update(link, !(i & 1));
	step("updated 101 times", 2);
	drop(0);
	step("A closed", 1);
	drop(1);
	step("B closed", 1);
	end(link, 0);
	story("a link that is closed first", 1);
	link = link_to(0);
	close(link);
	step("link closed", 1);
	end(-1, 1);
}

/* Other numbers and other ways to close. */
static void numbers(void)
{
	int link, copy;

	story("a copy of the descriptor", 2);
	link = link_to(0);
	copy = dup(prog[0].fd);
	drop(0);
	step("A's first one closed", 2);
	update(link, 1);
	step("updated", 2);
	close(copy);
	step("the copy closed", 1);
	end(link, 1);
	story("replaced by dup2", 2);
	link = link_to(0);
	update(link, 1);
	dup2(netns, prog[0].fd);
	step("A replaced", 1);
	end(link, 1);
	story("closed by close_range", 2);
	link = link_to(0);
	close_range((unsigned)prog[0].fd, (unsigned)prog[0].fd, 0);
	prog[0].fd = -1;
	update_later(link, 1);
	step("updated", 1);
	end(link, 1);
	story("closed by a raw system call", 2);
	link = link_to(0);
	raw_close(prog[0].fd);
	prog[0].fd = -1;
	update_later(link, 1);
	step("updated", 1);
	end(link, 1);
	story("its number is another file's", 2);
	link = link_to(0);
	raw_close(prog[0].fd);
	must(dup3(netns, prog[0].fd, 0) == prog[0].fd, "dup3");
	update_later(link, 1);
	step("updated", 1);
	end(link, 1);
}

static void two_links(void)
{
	int a, b;

	story("two links of one program", 2);
	a = link_to(0);
	b = link_to(0);
	drop(0);
	update(a, 1);
	step("one updated", 2);
	update_later(b, 1);
	step("both updated", 1);
	close(b);
	end(a, 1);
	story("by id while it is held by a link alone", 2);
	a = link_to(0);
	drop(0);
	{
		union row_attr r = { .w = { prog[0].id } };

		prog[0].fd = raw_bpf(BPF_PROG_GET_FD_BY_ID, &r, 12);
	}
	update(a, 1);
	step("updated", 2);
	drop(0);
	step("A closed", 1);
	end(a, 1);
}

static pid_t child(int to[2])
{
	pid_t pid;

	must(pipe(to) == 0, "a pipe");
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	close(to[pid ? 0 : 1]);
	return pid;
}

static void child_wait(const int to[2])
{
	char c;

	while (read(to[0], &c, 1) < 0 && errno == EINTR)
		;
}

static void child_end(const int to[2], pid_t pid, int sig)
{
	if (sig)
		kill(pid, sig);
	close(to[1]);
	waitpid(pid, NULL, 0);
}

static void children(int sig)
{
	int link, to[2];
	pid_t pid;

	story(sig ? "a child has it, and is killed" : "a child has it, and ends", 2);
	link = link_to(0);
	pid = child(to);
	if (!pid) {
		child_wait(to);
		_exit(0);
	}
	drop(0);
	update(link, 1);
	step("closed and updated", 2);
	child_end(to, pid, sig);
	step("child ended", 1);
	end(link, 1);
	story(sig ? "a child updates, and is killed" : "a child updates, and ends", 2);
	link = link_to(0);
	pid = child(to);
	if (!pid) {
		for (int i = 0; i < 7; i++)
			update(link, !(i & 1));
		child_wait(to);
		_exit(0);
	}
	drop(0);
	usleep(100000);
	child_end(to, pid, sig);
	step("A closed, child ended", 1);
	end(link, 1);
}

static void killed_alone(void)
{
	int to[2], up[2];
	uint32_t ids[4];
	pid_t pid;

	story("all of a child that is killed", 0);
	must(pipe(up) == 0, "a pipe");
	pid = child(to);
	if (!pid) {
		int link;

		for (int i = 0; i < 2; i++) {
			load(i);
			ids[i] = prog[i].id;
			ids[2 + i] = prog[i].map;
		}
		link = link_to(0);
		for (int i = 0; i < 5; i++)
			update(link, !(i & 1));
		must(write(up[1], ids, sizeof(ids)) == sizeof(ids), "a pipe");
		child_wait(to);
		_exit(0);
	}
	must(read(up[0], ids, sizeof(ids)) == sizeof(ids), "ids");
	for (int i = 0; i < 2; i++) {
		prog[i].id = ids[i];
		prog[i].map = ids[2 + i];
	}
	step("made and updated", 2);
	child_end(to, pid, SIGKILL);
	step("child killed", 0);
	close(up[0]);
	close(up[1]);
}

/* Both have been run by the link; which of them it runs in the end: */
static int to_and_fro(int last)
{
	int link = link_to(0);

	for (int i = 0; i < 10; i++)
		update(link, !(i & 1));
	if (last)
		update(link, 1);
	return link;
}

static void behind_backs(void)
{
	int link;

	story("to and fro, then the one that it runs is closed by a raw system call", 2);
	link = to_and_fro(0);
	raw_close(prog[0].fd);
	prog[0].fd = -1;
	step("A closed", 2);
	update_later(link, 1);
	step("updated", 1);
	end(link, 1);
	story("the same, updated at once", 2);
	link = to_and_fro(0);
	raw_close(prog[0].fd);
	prog[0].fd = -1;
	update(link, 1);
	step("updated", 1);
	end(link, 1);
	story("to and fro, then the other one is closed by a raw system call", 2);
	link = to_and_fro(1);
	raw_close(prog[0].fd);
	prog[0].fd = -1;
	step("A closed", 1);
	end(link, 1);
}

static void many(void)
{
	int link;

	story("ten programs in turn", NPROGS);
	link = link_to(0);
	for (int i = 1; i < 36; i++)
		update(link, i % NPROGS);
	step("updated 35 times", NPROGS);
	for (int i = 0; i < NPROGS; i++)
		drop(i);
	step("all programs closed", 1);
	end(link, 0);
}

static void detached(void)
{
	union row_attr a;
	int link;

	story("to and fro, then detached", 2);
	link = to_and_fro(1);
	a = (union row_attr){ .w = { (uint32_t)link } };
	say("  detach: %s\n", raw_bpf(BPF_LINK_DETACH, &a, 4) ? errno_name(errno) : "0");
	drop(0);
	step("A closed", 1);
	drop(1);
	step("B closed", 1);
	end(link, 0);
}

static int pin(int fd, const char *path)
{
	union row_attr a = { .w = { 0, 0, (uint32_t)fd } };
	uint64_t at = ptr(path);

	memcpy(&a, &at, sizeof(at));

	return raw_bpf(BPF_OBJ_PIN, &a, 16);
}

static void pinned(void)
{
	char path[160];
	int link;

	snprintf(path, sizeof(path), "%s/a", world_bpffs());

	for (int first = 0; first < 2; first++) {
		story(first ? "pinned before, to and fro" : "to and fro, then pinned", 2);
		if (first)
			must(pin(prog[0].fd, path) == 0, "a pin");
		link = to_and_fro(1);
		if (!first)
			must(pin(prog[0].fd, path) == 0, "a pin");
		drop(0);
		step("A pinned and closed", 2);
		unlink(path);
		step("unpinned", 1);
		end(link, 1);
	}
	world_leave();
}

/* Which of them a walk over all ids names: a bit each. */
static int walk_finds(const uint32_t *ids, int n)
{
	int walked = 0;

	for (union row_attr r = { .w = { 0 } }; !raw_bpf(BPF_PROG_GET_NEXT_ID, &r, 8); r.w[0] = r.w[1])
		for (int i = 0; i < n; i++)
			walked |= (r.w[1] == ids[i]) << i;
	return walked;
}

/* Without a loader there is no library in it. */
static int alone(void)
{
	return !getauxval(AT_BASE);
}

/*
 * By id: an id is gone when the last descriptor is, whoever closes it, and at once. Of a program without the
 * library it may be found for some ms more under load (docs/ABI.md).
 */
static void say_ids(const char *when, const uint32_t *ids, int n, int want)
{
	int walked = walk_finds(ids, n);

	for (int i = 0; alone() && walked != want && i < 500; i++) {
		usleep(2000);
		walked = walk_finds(ids, n);
	}
	say("  %s: a walk finds %d", when, walked);
	for (int i = 0; i < n; i++)
		say(" %s", found(BPF_PROG_GET_FD_BY_ID, ids[i]) ? "found" : errno_name(errno));
	say("\n");
}

static void at_once(void)
{
	uint32_t ids[2];
	int link, to[2];
	pid_t pid;

	story("to and fro, and looked for at once", 2);
	for (int i = 0; i < 2; i++)
		ids[i] = prog[i].id;
	link = to_and_fro(1);
	say_ids("both open", ids, 2, 3);
	drop(0);
	say_ids("A closed", ids, 2, 2);
	drop(1);
	say_ids("B closed", ids, 2, 2);
	close(link);
	story("to and fro by a child that is killed", 2);
	for (int i = 0; i < 2; i++)
		ids[i] = prog[i].id;
	link = link_to(0);
	pid = child(to);
	if (!pid) {
		for (int i = 0; i < 7; i++)
			update(link, !(i & 1));
		must(kill(getpid(), SIGSTOP) == 0, "a stop");
		child_wait(to);
		_exit(0);
	}
	must(waitpid(pid, NULL, WUNTRACED) == pid, "a stopped child");
	drop(0);
	drop(1);
	say_ids("the child has both", ids, 2, 3);
	child_end(to, pid, SIGKILL);
	say_ids("the child is killed", ids, 2, 2);
	close(link);
}

/* Descriptors that are closed by execve. */
static void executed(void)
{
	int link, to[2];
	pid_t pid;

	story("to and fro by a child that then is another program", 2);
	link = link_to(0);
	pid = child(to);
	if (!pid) {
		for (int i = 0; i < 7; i++)
			update(link, !(i & 1));
		dup2(to[0], 0);
		execl("/bin/cat", "cat", (char *)NULL);
		_exit(1);
	}
	drop(0);
	drop(1);
	step("closed by both", 1);
	child_end(to, pid, 0);
	end(link, 0);
}

/* Two processes update one link. */
static void both(void)
{
	int link, to[2], bad = 0;
	pid_t pid;

	story("two processes at one link", 4);
	link = link_to(0);
	pid = child(to);
	for (int i = 0; i < 3000; i++) {
		union row_attr a = { .w = { (uint32_t)link,
					    (uint32_t)prog[(i * (pid ? 1 : 3) + !pid) % 4].fd } };

		bad += raw_bpf(BPF_LINK_UPDATE, &a, 16) != 0;
	}
	if (!pid) {
		child_wait(to);
		_exit(bad != 0);
	}
	say("  %d updates failed\n", bad);
	update(link, 2);
	step("updated", 4);
	for (int i = 0; i < 4; i++)
		drop(i);
	child_end(to, pid, 0);
	step("child ended, all programs closed", 1);
	end(link, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	must(unshare(CLONE_NEWNET) == 0, "a network namespace");
	netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	must(netns >= 0, "a network namespace");
	orders();
	numbers();
	two_links();
	children(0);
	children(SIGKILL);
	killed_alone();
	behind_backs();
	many();
	detached();
	pinned();
	at_once();
	executed();
	both();
	return 0;
}
